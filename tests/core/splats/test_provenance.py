"""Origins: every edit takes each Gaussian's own origin along, PLY keeps them, and they can be seen."""

from __future__ import annotations

import io
import logging

import pytest
import torch
from small_worlds import room
from splat_scenes import random_gaussians

from matrix3d_core.errors import InvalidInput
from matrix3d_core.io.axes import change_axes
from matrix3d_core.io.ply import read_ply, write_ply
from matrix3d_core.io.splats import SPLAT_FORMATS, keeps_origins, read_gaussians, write_gaussians
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.provenance import (
    ORIGIN_COLORS,
    ORIGIN_UNKNOWN,
    UNKNOWN_COLOR,
    color_by_origin,
    count_origins,
    provenance_colors,
)
from matrix3d_core.splats.clean import clean_gaussians
from matrix3d_core.splats.levels import downsample, levels_of_detail
from matrix3d_core.splats.merge import merge_gaussians
from matrix3d_core.splats.moments import fuse_groups
from matrix3d_core.splats.prune import PruneConfig, prune_gaussians
from matrix3d_core.splats.selection import crop_gaussians
from matrix3d_core.splats.transform import similarity, transform_gaussians


def by_side(world):
    """Origins that can be read off the place: 0 ahead, 1 to the right of what is behind, 2 to its left."""
    behind = world.means[:, 2] < 0
    return world.with_origins(behind.long() + (behind & (world.means[:, 0] < 0)).long())


ROOM = by_side(room(0.25))


def test_a_selection_takes_the_origins_along():
    for world in (
        crop_gaussians(ROOM, "sphere", radius=2.2)[0],
        clean_gaussians(ROOM)[0],
        ROOM.select(torch.randperm(len(ROOM), generator=torch.Generator().manual_seed(0))[:100]),
        prune_gaussians(ROOM, 300, config=PruneConfig("remove", 2, 32, 1))[0],
        ROOM.to("cpu").detach(),
    ):
        assert torch.equal(world.origins, by_side(world).origins)


def test_moving_changes_no_origin():
    moved = transform_gaussians(ROOM, similarity(yaw_rad=1.0, scale=2.0, to_axes="RUB"))
    assert torch.equal(moved.origins, ROOM.origins)
    assert torch.equal(change_axes(ROOM, target="RUF").origins, ROOM.origins)


def test_the_heaviest_of_a_group_gives_its_origin():
    world = random_gaussians(3)
    heavy = Gaussians(*world.tensors()[:3], torch.tensor((0.1, 0.9, 0.1)), world.sh)
    heavy.scales[:] = 0.5
    fused = fuse_groups(heavy.with_origins(torch.tensor((0, 2, 1))), torch.tensor((5, 5, 8)))
    assert fused.origins.tolist() == [2, 1]


def test_levels_keep_the_origin_of_their_place():
    less = downsample(ROOM, len(ROOM) // 4)
    # A cell on a border may hold both; everywhere else the place tells.
    inner = (less.means[:, 2].abs() > 0.6) & (less.means[:, 0].abs() > 0.6)
    assert int(inner.sum()) > 20
    assert torch.equal(less.origins[inner], by_side(less).origins[inner])
    worlds, _ = levels_of_detail(ROOM, 1, size_px=32, refit_steps=1)
    assert len(worlds[1].origins) == len(worlds[1])
    assert set(worlds[1].origins.tolist()) == {0, 1, 2}


def test_merged_worlds_keep_theirs_and_the_others_are_unknown():
    plain = room(0.25)
    joined, _ = merge_gaussians([ROOM, Gaussians(plain.means + 100, *plain.tensors()[1:])], fuse="none")
    assert torch.equal(joined.origins[: len(ROOM)], ROOM.origins)
    assert set(joined.origins[len(ROOM) :].tolist()) == {ORIGIN_UNKNOWN}
    fused, report = merge_gaussians([ROOM, ROOM])
    assert report["fused"] == len(ROOM)
    assert torch.equal(fused.origins, ROOM.origins)
    assert merge_gaussians([plain, plain])[0].origins is None


@pytest.mark.parametrize("bases", [1, 4, 16])
def test_ply_keeps_them_and_nothing_else_changes(bases):
    plain = random_gaussians(40_000, bases)  # more than one chunk
    numbers = torch.randint(0, 4, (40_000,), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    numbers[numbers == 3] = ORIGIN_UNKNOWN
    bare, full = io.BytesIO(), io.BytesIO()
    write_ply(bare, plain)
    write_ply(full, plain.with_origins(numbers))
    assert len(full.getvalue()) - len(bare.getvalue()) < 4 * 40_000 + 200
    assert b"origin" not in bare.getvalue()[:3000]
    back, without = (read_ply(io.BytesIO(file.getvalue())) for file in (full, bare))
    assert torch.equal(back.origins, numbers)
    assert without.origins is None
    assert all(torch.equal(a, b) for a, b in zip(back.tensors(), without.tensors(), strict=True))


def test_ply_with_bytes_and_strange_numbers_is_read():
    """Another program may store the property as a byte, or hold numbers that mean nothing here."""
    file = io.BytesIO()
    write_ply(file, random_gaussians(4).with_origins(torch.zeros(4)))
    header, body = file.getvalue().split(b"end_header\n", 1)
    rows = [body[k * 72 : k * 72 + 68] for k in range(4)]
    header = header.replace(b"property float origin", b"property uchar origin")
    data = (
        header + b"end_header\n" + b"".join(r + bytes([n]) for r, n in zip(rows, (2, 7, 1, 255), strict=True))
    )
    assert read_ply(io.BytesIO(data)).origins.tolist() == [2, ORIGIN_UNKNOWN, 1, ORIGIN_UNKNOWN]


def test_dropping_broken_gaussians_drops_their_origins():
    world = random_gaussians(5).with_origins(torch.tensor((0, 1, 2, 1, 0)))
    file = io.BytesIO()
    write_ply(file, world)
    data = bytearray(file.getvalue())
    start = data.index(b"end_header\n") + 11
    data[start + 72 : start + 76] = b"\0\0\xc0\x7f"  # NaN
    assert read_ply(io.BytesIO(bytes(data)), drop_invalid=True).origins.tolist() == [0, 2, 1, 0]


@pytest.mark.parametrize("kind", SPLAT_FORMATS)
def test_other_formats_say_that_they_drop_them(tmp_path, caplog, kind):
    world = random_gaussians(60).with_origins(torch.ones(60))
    with caplog.at_level(logging.WARNING):
        write_gaussians(tmp_path / f"world.{kind}", world)
    back = read_gaussians(tmp_path / f"world.{kind}")
    assert (back.origins is not None) == keeps_origins(kind) == (kind == "ply")
    assert ("origins" in caplog.text) == (kind != "ply")


def test_no_word_where_nothing_is_lost(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        write_gaussians(tmp_path / "world.spz", random_gaussians(60))
    assert not caplog.text


def test_colors_of_origins():
    seen = provenance_colors(torch.tensor((2, 0, 1, ORIGIN_UNKNOWN, 9)))
    wanted = torch.tensor((ORIGIN_COLORS[2], *ORIGIN_COLORS[:2], UNKNOWN_COLOR, UNKNOWN_COLOR))
    assert torch.equal(seen, wanted)
    painted = color_by_origin(ROOM)
    assert torch.equal(painted.means, ROOM.means)
    # Two thirds of the hue stay whatever the brightness, so the largest channel is that of the palette.
    assert torch.equal(painted.colors.argmax(-1), provenance_colors(ROOM.origins).argmax(-1))
    assert painted.colors[:, 0].std() > 0.01  # brightness is kept


def test_counts_of_origins():
    assert count_origins(None) is None
    assert count_origins(torch.tensor((0, 2, 2))) == {"source": 1, "observed": 0, "unobserved": 2}
    assert count_origins(torch.tensor((255, 1)))["unknown"] == 1


def test_a_world_without_origins_cannot_be_colored_by_them():
    with pytest.raises(InvalidInput, match="must carry their origins"):
        color_by_origin(room(0.5))
    with pytest.raises(InvalidInput, match="must be integers"):
        provenance_colors(torch.zeros(3))
    with pytest.raises(InvalidInput, match="uint8"):
        Gaussians(*ROOM.tensors(), torch.zeros(len(ROOM)))
    with pytest.raises(InvalidInput, match="origins"):
        Gaussians(*ROOM.tensors(), torch.zeros(3, dtype=torch.uint8))
