"""Labels: every edit takes each Gaussian's own along, PLY keeps them, instances stay apart, and they can be seen."""

from __future__ import annotations

import io
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_worlds import room
from splat_scenes import random_gaussians

from matrix3d_core.errors import InvalidInput
from matrix3d_core.io.axes import change_axes
from matrix3d_core.io.ply import read_ply, write_ply
from matrix3d_core.io.splats import (
    SPLAT_FORMATS,
    held_labels,
    keeps_labels,
    read_gaussians,
    write_gaussians,
)
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.label_colors import (
    CLASS_COLORS,
    ORIGIN_COLORS,
    UNKNOWN_COLOR,
    color_by_label,
    count_origins,
    label_colors,
)
from matrix3d_core.scene.labels import LABELS, NO_INSTANCE, ORIGIN_UNKNOWN, STILL, UNKNOWN
from matrix3d_core.splats.clean import clean_gaussians
from matrix3d_core.splats.levels import downsample, levels_of_detail
from matrix3d_core.splats.merge import merge_gaussians
from matrix3d_core.splats.moments import fuse_groups
from matrix3d_core.splats.prune import PruneConfig, prune_gaussians
from matrix3d_core.splats.selection import crop_gaussians
from matrix3d_core.splats.transform import similarity, transform_gaussians


def by_side(world):
    """Labels that can be read off the place: 0 ahead, 1 to the right of what is behind, 2 to its left."""
    behind = world.means[:, 2] < 0
    number = behind.long() + (behind & (world.means[:, 0] < 0)).long()
    world = world.with_labels(
        origins=number, classes=5 - number, instances=70_000 * number, motions=7 * number
    )
    return replace(world, instance_names={70_000: "right", 140_000: "left"})


def same_labels(a, b):
    return a.labels.keys() == b.labels.keys() and all(torch.equal(a.labels[k], b.labels[k]) for k in a.labels)


ROOM = by_side(room(0.25))


def test_a_selection_takes_the_labels_along():
    for world in (
        crop_gaussians(ROOM, "sphere", radius=2.2)[0],
        clean_gaussians(ROOM)[0],
        ROOM.select(torch.randperm(len(ROOM), generator=torch.Generator().manual_seed(0))[:100]),
        prune_gaussians(ROOM, 300, config=PruneConfig("remove", 2, 32, 1))[0],
        ROOM.to("cpu").detach(),
    ):
        assert same_labels(world, by_side(world))
        assert world.instance_names == ROOM.instance_names


def test_moving_changes_no_label():
    moved = transform_gaussians(ROOM, similarity(yaw_rad=1.0, scale=2.0, to_axes="RUB"))
    assert same_labels(moved, ROOM)
    assert same_labels(change_axes(ROOM, target="RUF"), ROOM)


def test_the_heaviest_of_a_group_gives_its_origin():
    world = random_gaussians(3)
    heavy = Gaussians(*world.tensors()[:3], torch.tensor((0.1, 0.9, 0.1)), world.sh)
    heavy.scales[:] = 0.5
    fused = fuse_groups(heavy.with_labels(origins=torch.tensor((0, 2, 1))), torch.tensor((5, 5, 8)))
    assert fused.origins.tolist() == [2, 1]


def test_levels_keep_the_origin_of_their_place():
    less = downsample(ROOM, len(ROOM) // 4)
    # A cell on a border may hold both; everywhere else the place tells.
    inner = (less.means[:, 2].abs() > 0.6) & (less.means[:, 0].abs() > 0.6)
    assert int(inner.sum()) > 20
    assert same_labels(less.select(inner), by_side(less).select(inner))
    worlds, _ = levels_of_detail(ROOM, 1, size_px=32, refit_steps=1)
    assert len(worlds[1].origins) == len(worlds[1])
    assert set(worlds[1].origins.tolist()) == {0, 1, 2}


def test_merged_worlds_keep_theirs_and_the_others_are_unknown():
    plain = room(0.25)
    joined, _ = merge_gaussians([ROOM, Gaussians(plain.means + 100, *plain.tensors()[1:])], fuse="none")
    first, second = (joined.select(part) for part in (slice(len(ROOM)), slice(len(ROOM), None)))
    assert same_labels(first, ROOM)
    assert {kind: set(values.tolist()) for kind, values in second.labels.items()} == {
        **{"origins": {ORIGIN_UNKNOWN}, "classes": {UNKNOWN}, "instances": {NO_INSTANCE}, "motions": {STILL}}
    }
    fused, report = merge_gaussians([ROOM, ROOM])
    assert report["fused"] == len(ROOM)
    assert same_labels(fused, ROOM)
    assert merge_gaussians([plain, plain])[0].origins is None


def test_instances_of_two_worlds_stay_apart():
    joined = Gaussians.concatenate(ROOM, ROOM.select(ROOM.instances > 0), room(0.5))
    assert joined.instances.unique().tolist() == [0, 70_000, 140_000, 210_000, 280_000]
    assert joined.instance_names == {70_000: "right", 140_000: "left", 210_000: "right", 280_000: "left"}
    assert int((joined.instances[len(ROOM) :] == 0).sum()) == len(room(0.5))


@pytest.mark.parametrize("bases", [1, 4, 16])
def test_ply_keeps_them_and_nothing_else_changes(bases):
    plain = random_gaussians(40_000, bases)  # more than one chunk
    numbers = torch.randint(0, 4, (40_000,), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    numbers[numbers == 3] = ORIGIN_UNKNOWN
    bare, full = io.BytesIO(), io.BytesIO()
    write_ply(bare, plain)
    parts = torch.randint(0, 1 << 24, (40_000,), generator=torch.Generator().manual_seed(2))
    names = {3: 'a "fountain"', 5: "Brunnen\u00fc"}
    known = replace(
        plain.with_labels(
            origins=numbers, classes=numbers, instances=parts, motions=parts % 256, phases=parts % 255
        ),
        instance_names=names,
    )
    write_ply(full, known)
    assert len(full.getvalue()) - len(bare.getvalue()) < 20 * 40_000 + 800
    assert b"origin" not in bare.getvalue()[:3000]
    assert held_labels("ply", full.getvalue()[:4096]) == list(LABELS)
    back, without = (read_ply(io.BytesIO(file.getvalue())) for file in (full, bare))
    assert same_labels(back, known)
    assert back.instance_names == names
    assert without.labels == {}
    assert all(torch.equal(a, b) for a, b in zip(back.tensors(), without.tensors(), strict=True))


def test_ply_with_bytes_and_strange_numbers_is_read():
    """Another program may store the property as a byte, or hold numbers that mean nothing here."""
    file = io.BytesIO()
    write_ply(file, random_gaussians(4).with_labels(origins=torch.zeros(4)))
    header, body = file.getvalue().split(b"end_header\n", 1)
    rows = [body[k * 72 : k * 72 + 68] for k in range(4)]
    header = header.replace(b"property float origin", b"property uchar origin")
    data = (
        header + b"end_header\n" + b"".join(r + bytes([n]) for r, n in zip(rows, (2, 7, 1, 255), strict=True))
    )
    assert read_ply(io.BytesIO(data)).origins.tolist() == [2, ORIGIN_UNKNOWN, 1, ORIGIN_UNKNOWN]


def test_classes_of_another_program_are_not_taken_for_ours():
    file = io.BytesIO()
    world = random_gaussians(4).with_labels(classes=torch.arange(4), instances=torch.arange(4))
    write_ply(file, world)
    foreign = file.getvalue().replace(b"comment class: 0 sky", b"comment class: 0 car")
    assert read_ply(io.BytesIO(file.getvalue())).classes.tolist() == [0, 1, 2, 3]
    assert list(read_ply(io.BytesIO(foreign)).labels) == ["instances"]


def test_strange_numbers_and_names_mean_none():
    file = io.BytesIO()
    write_ply(file, random_gaussians(4).with_labels(instances=torch.tensor((1, 2, 3, 4))))
    header, body = file.getvalue().split(b"end_header\n", 1)
    rows = np.frombuffer(body, "<f4").reshape(4, -1).copy()
    rows[:, -1] = (1.5, -3, np.nan, 4)
    header += b'comment instance 4 "ok"\ncomment instance 5 "a\\nb"\ncomment instance 6 {}\ncomment instance 0 "no"\n'
    back = read_ply(io.BytesIO(header + b"end_header\n" + rows.tobytes()))
    assert back.instances.tolist() == [0, 0, 0, 4]
    assert back.instance_names == {4: "ok"}


def test_names_of_instances_are_single_lines_and_not_too_many():
    for names in ({0: "x"}, {1: ""}, {1: " x"}, {1: "a\nb"}, {1: 41 * "x"}, {k + 1: "x" for k in range(201)}):
        with pytest.raises(InvalidInput, match="instance"):
            replace(ROOM, instance_names=names)


def test_all_names_fit_into_a_header():
    names = {k + 1: 40 * "\u6c34" for k in range(200)}
    file = io.BytesIO()
    write_ply(
        file, replace(random_gaussians(3, 16).with_labels(instances=torch.arange(3)), instance_names=names)
    )
    assert read_ply(io.BytesIO(file.getvalue())).instance_names == names


def test_dropping_broken_gaussians_drops_their_origins():
    world = random_gaussians(5).with_labels(origins=torch.tensor((0, 1, 2, 1, 0)))
    file = io.BytesIO()
    write_ply(file, world)
    data = bytearray(file.getvalue())
    start = data.index(b"end_header\n") + 11
    data[start + 72 : start + 76] = b"\0\0\xc0\x7f"  # NaN
    assert read_ply(io.BytesIO(bytes(data)), drop_invalid=True).origins.tolist() == [0, 2, 1, 0]


@pytest.mark.parametrize("kind", SPLAT_FORMATS)
def test_other_formats_say_that_they_drop_them(tmp_path, caplog, kind):
    world = random_gaussians(60).with_labels(origins=torch.ones(60), motions=torch.ones(60))
    with caplog.at_level(logging.WARNING):
        write_gaussians(tmp_path / f"world.{kind}", world)
    back = read_gaussians(tmp_path / f"world.{kind}")
    assert (back.origins is not None) == keeps_labels(kind) == (kind == "ply")
    assert ("origins and motions" in caplog.text) == (kind != "ply")


def test_no_word_where_nothing_is_lost(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        write_gaussians(tmp_path / "world.spz", random_gaussians(60))
    assert not caplog.text


def test_colors_of_origins():
    seen = label_colors(torch.tensor((2, 0, 1, ORIGIN_UNKNOWN, 9)))
    wanted = torch.tensor((ORIGIN_COLORS[2], *ORIGIN_COLORS[:2], UNKNOWN_COLOR, UNKNOWN_COLOR))
    assert torch.equal(seen, wanted)
    painted = color_by_label(ROOM)
    assert torch.equal(painted.means, ROOM.means)
    # Two thirds of the hue stay whatever the brightness, so the largest channel is that of the palette.
    assert torch.equal(painted.colors.argmax(-1), label_colors(ROOM.origins).argmax(-1))
    assert painted.colors[:, 0].std() > 0.01  # brightness is kept


def test_colors_of_classes_and_instances():
    seen = label_colors(torch.tensor((0, 5, UNKNOWN, 77)), "classes")
    assert torch.equal(seen, torch.tensor((CLASS_COLORS[0], CLASS_COLORS[5], UNKNOWN_COLOR, UNKNOWN_COLOR)))
    hues = label_colors(torch.arange(30), "instances")
    assert torch.equal(hues[0], torch.tensor(UNKNOWN_COLOR))
    assert float(hues.min()) >= 0.2
    assert float(hues.max()) <= 0.95
    apart = (hues[1:, None] - hues[None, 1:]).abs().amax(-1) + torch.eye(29)
    assert float(apart.min()) > 0.02
    assert float((hues[1:-1] - hues[2:]).abs().amax(-1).min()) > 0.3  # neighbors in number
    assert same_labels(color_by_label(ROOM, "instances"), ROOM)
    with pytest.raises(InvalidInput, match="kind must be one of"):
        label_colors(torch.arange(3), "x")


def test_counts_of_origins():
    assert count_origins(None) is None
    assert count_origins(torch.tensor((0, 2, 2))) == {"source": 1, "observed": 0, "unobserved": 2}
    assert count_origins(torch.tensor((255, 1)))["unknown"] == 1


def test_a_world_without_origins_cannot_be_colored_by_them():
    with pytest.raises(InvalidInput, match="must carry their origins"):
        color_by_label(room(0.5))
    with pytest.raises(InvalidInput, match="must be integers"):
        label_colors(torch.zeros(3))
    with pytest.raises(InvalidInput, match="uint8"):
        Gaussians(*ROOM.tensors(), torch.zeros(len(ROOM)))
    with pytest.raises(InvalidInput, match="origins"):
        Gaussians(*ROOM.tensors(), torch.zeros(3, dtype=torch.uint8))
