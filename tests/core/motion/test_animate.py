"""Motions are given to what was chosen, travel with the world through edits and files, and refuse nonsense."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_worlds import room
from splat_scenes import random_gaussians

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.axes import change_axes
from matrix3d_core.io.ply import read_ply, write_flat_ply, write_ply
from matrix3d_core.io.splats import write_gaussians
from matrix3d_core.io.world_json import describe_world, format_world_info, parse_world_info
from matrix3d_core.motion.animate import ANIMATIONS, AnimationConfig, animate, motion_report, set_motion
from matrix3d_core.motion.at_time import gaussians_at
from matrix3d_core.motion.base import cloud_cover
from matrix3d_core.motion.fountain import FountainConfig, make_fountain
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.labels import CLASS_SKY, CLASS_WATER
from matrix3d_core.scene.motion import Motion
from matrix3d_core.splats.levels import downsample
from matrix3d_core.splats.merge import merge_gaussians
from matrix3d_core.splats.moving import choose_moving
from matrix3d_core.splats.selection import crop_gaussians
from matrix3d_core.splats.transform import similarity, transform_gaussians

TURN, FLICKER = Motion("turn", 4.0, (0, 1, 0)), Motion("flicker", 2.0, amount=0.2)
SQUARE = ((0, 0, 2), (1, 0, 2), (1, 0, 3))


def ahead(world):
    return world.means[:, 2] > 0.5


def living():
    """A room whose front turns and whose back has lamps and time-varying colors."""
    world = set_motion(room(0.25), ahead(room(0.25)), TURN)
    world = set_motion(world, world.means[:, 2] < -0.5, FLICKER)
    waves = torch.zeros(len(world), 4, 3)
    waves[:, 0] = world.means  # to be recognized by
    return replace(world, color_waves=waves)


def motions_of(world):
    """What each Gaussian does, whatever its number is."""
    return [world.motion_table.get(number) for number in world.label("motions").tolist()]


def by_place(world):
    return [TURN if z > 0.5 else FLICKER if z < -0.5 else None for z in world.means[:, 2].tolist()]


@pytest.mark.parametrize("kind", ANIMATIONS)
def test_each_kind_moves_the_chosen_ones_alone_and_loops(kind):
    world = room(0.25)
    chosen = ahead(world)
    config = AnimationConfig(period_s=6.0, points=SQUARE, direction=(1, 0, 0.2))
    moved = animate(world, chosen, kind, config)
    assert torch.equal(moved.means[: len(world)][~chosen], world.means[~chosen])
    motion = moved.motion_table[1]
    assert set(moved.motions.tolist()) == {0, 1}
    cycles = 6.0 / motion.period_s
    assert abs(cycles - round(cycles)) < 1e-9
    assert motion_report(moved)["loop_s"] == pytest.approx(motion.period_s)
    first, last = gaussians_at(moved, 1.0), gaussians_at(moved, 1.0 + 6.0)
    assert all(
        float((a - b).abs().max()) < 1e-5 for a, b in zip(first.tensors(), last.tensors(), strict=True)
    )
    later = gaussians_at(moved, 2.0)
    assert any(not torch.equal(a, b) for a, b in zip(first.tensors(), later.tensors(), strict=True))


def test_a_pattern_flows_over_a_still_base_as_a_whole():
    world = room(0.25)
    chosen = ahead(world)
    moved = animate(world, chosen, "flow", AnimationConfig(period_s=4.0, speed=0.25, direction=(1, 0, 0)))
    count, copies = len(world), int(chosen.sum())
    assert len(moved) == count + 2 * copies
    assert set(moved.motions[:count].tolist()) == {0}
    assert set(moved.phases[count : count + copies].tolist()) == {0}
    assert set(moved.phases[count + copies :].tolist()) == {128}
    now = gaussians_at(moved, 1.0)  # a quarter of the way: the first copies fade in
    one, two = now.select(slice(count, count + copies)), now.select(slice(count + copies, None))
    shift = one.means - world.means[chosen]
    assert float((shift - torch.tensor((-0.25, 0, 0))).abs().max()) < 1e-6
    assert float((two.means - one.means - torch.tensor((0.5, 0, 0))).abs().max()) < 1e-6
    weights = (one.opacities + two.opacities) / world.opacities[chosen]
    assert float((weights - 1).abs().max()) < 1e-6
    away = moved.means[:count][chosen].norm(dim=-1) / world.means[chosen].norm(dim=-1)
    assert float((away - 1.01).abs().max()) < 1e-5


def sky(count=4000):
    """A blue sky with one white cloud to the right."""
    way = torch.nn.functional.normalize(
        torch.randn(count, 3, generator=torch.Generator().manual_seed(0)), dim=-1
    )
    way[:, 1] = -way[:, 1].abs()
    up = -way[:, 1:2]
    blue = torch.tensor((0.55, 0.7, 0.95)) * (1 - up) + torch.tensor((0.2, 0.4, 0.8)) * up
    cloud = way @ torch.tensor((0.8, -0.6, 0.0)) > 0.9
    colors = torch.where(cloud[:, None], torch.tensor((0.95, 0.95, 0.96)), blue)
    quats = torch.tensor((1.0, 0, 0, 0)).repeat(count, 1)
    world = Gaussians.from_colors(
        50 * way, quats, torch.full((count, 3), 0.5), torch.full((count,), 0.9), colors
    )
    return world.with_labels(classes=torch.full((count,), CLASS_SKY)), cloud, blue


def test_clouds_leave_the_clear_sky_behind_them():
    world, cloud, blue = sky()
    clear, cover = cloud_cover(world.means.double(), world.colors.double())
    assert float((clear - blue).abs().amax(-1).quantile(0.99)) < 0.05
    assert float(cover[cloud].min()) > 0.9
    assert float(cover[~cloud].mean()) < 0.08
    moved = animate(world, choose_moving(world, "clouds"), "clouds", AnimationConfig(direction=(1, 0, 0)))
    copies = moved.select(moved.motions > 0)
    assert 2 * int(cloud.sum()) <= len(copies) < 2.6 * int(cloud.sum())
    base = moved.select(slice(len(world)))
    assert float((base.colors - blue).abs().amax(-1).quantile(0.99)) < 0.05
    drifting = (
        gaussians_at(moved, 4.0).means[-len(copies) // 2 :]
        - gaussians_at(moved, 3.5).means[-len(copies) // 2 :]
    )
    assert float(drifting[:, 0].mean()) > 0.2  # to the right


def test_a_still_world_gets_numbers_that_are_used_again():
    world = room(0.25)
    one = set_motion(world, ahead(world), TURN)
    same = set_motion(one, world.means[:, 2] < -0.5, TURN)
    assert list(same.motion_table) == [1]
    both = set_motion(one, world.means[:, 2] < -0.5, FLICKER)
    assert both.motion_table == {1: TURN, 2: FLICKER}
    assert motions_of(both) == by_place(both)
    over = set_motion(both, torch.ones(len(world), dtype=torch.bool), FLICKER)
    assert over.motion_table == {1: FLICKER}
    spread = one.phases[ahead(world)].double()
    assert abs(float(spread.mean()) - 127.5) < 2


def test_phases_and_results_are_the_same_each_time():
    a, b = (animate(room(0.25), ahead(room(0.25)), "fire") for _ in range(2))
    assert torch.equal(a.phases, b.phases)
    one, two = make_fountain((0, 0, 2)), make_fountain((0, 0, 2))
    assert all(torch.equal(x, y) for x, y in zip(one.tensors(), two.tensors(), strict=True))


def test_edits_take_motions_along():
    world = living()
    for edited in (
        crop_gaussians(world, "sphere", radius=2.2)[0],
        world.select(torch.arange(0, len(world), 3)),
        world.to("cpu").detach(),
        Gaussians.concatenate(world, random_gaussians(7)).select(slice(len(world))),
    ):
        assert motions_of(edited) == by_place(edited)
        assert torch.equal(edited.color_waves[:, 0], edited.means)


def test_levels_do_not_mix_what_moves_apart():
    world = living()
    less = downsample(world, len(world) // 3)
    assert len(less) < len(world)
    found = [m for m, z in zip(motions_of(less), less.means[:, 2].tolist(), strict=True) if z > 0.5]
    assert set(found) == {TURN}
    for number in (0, 1, 2):
        part = less.select(less.label("motions") == number)
        assert set(by_place(part)) == {world.motion_table.get(number)}


def test_merged_worlds_keep_their_motions_apart():
    world = living()
    other = set_motion(room(0.5), ahead(room(0.5)), replace(TURN, period_s=3.0))
    other = set_motion(other, other.means[:, 2] < -0.5, FLICKER)
    joined, _ = merge_gaussians(
        [world, transform_gaussians(other, similarity(translation=(50, 0, 0)))], fuse="none"
    )
    first, second = joined.select(slice(len(world))), joined.select(slice(len(world), None))
    assert motions_of(first) == by_place(first)
    assert sorted(m.period_s for m in set(motions_of(second)) if m) == [2.0, 3.0]
    assert len(joined.motion_table) == 3  # the lamps are the same motion
    assert joined.color_waves.shape == (len(joined), 4, 3)
    assert float(second.color_waves.abs().max()) == 0


def test_too_many_motions_are_refused():
    parts = []
    for number in range(256):
        part = random_gaussians(1)
        parts.append(set_motion(part, torch.ones(1, dtype=torch.bool), Motion("color", 1.0 + number)))
    assert len(Gaussians.concatenate(*parts[:255]).motion_table) == 255
    with pytest.raises(InvalidInput, match="at most 255 motions"):
        Gaussians.concatenate(*parts)


@pytest.mark.parametrize("write", [write_ply, lambda file, g: write_flat_ply(file, g, flatten=True)])
def test_ply_keeps_motions_phases_and_colors(write):
    world = living()
    file = io.BytesIO()
    write(file, world)
    back = read_ply(io.BytesIO(file.getvalue()))
    assert back.motion_table == world.motion_table
    assert torch.equal(back.motions, world.motions)
    assert torch.equal(back.phases, world.phases)
    assert torch.equal(back.color_waves, world.color_waves)


def test_ply_drops_the_waves_of_invalid_splats():
    world = living()
    broken = replace(world, means=world.means.clone())
    file = io.BytesIO()
    write_ply(file, broken)
    data = bytearray(file.getvalue())
    at = data.index(b"end_header\n") + len(b"end_header\n")
    data[at : at + 4] = np.float32(np.nan).tobytes()
    back = read_ply(io.BytesIO(bytes(data)), drop_invalid=True)
    assert len(back) == len(world) - 1
    assert torch.equal(back.color_waves, world.color_waves[1:])


def test_other_comments_of_a_ply_are_no_motions():
    file = io.BytesIO()
    write_ply(file, living())
    bad = b'comment motion 0 {"kind": "turn"}\ncomment motion 3 {"kind": "dance"}\ncomment motion 4 {]}\nend_header\n'
    back = read_ply(io.BytesIO(file.getvalue().replace(b"end_header\n", bad, 1)))
    assert back.motion_table == living().motion_table


def test_a_file_in_other_axes_moves_the_same():
    world = living()
    back = change_axes(change_axes(world, target="RUB"), source="RUB")
    a, b = gaussians_at(world, 0.7), gaussians_at(back, 0.7)
    assert float((a.means - b.means).abs().max()) < 1e-5
    mirrored = change_axes(change_axes(world, target="RUF"), source="RUF")
    assert float((gaussians_at(mirrored, 0.7).means - a.means).abs().max()) < 1e-5
    left = gaussians_at(change_axes(world, target="RUF"), 0.7)
    assert float((change_axes(left, source="RUF").means - a.means).abs().max()) < 1e-5


@pytest.mark.parametrize("axes", ["RDF", "RUB", "FRU"])
def test_world_json_lists_the_motions(axes):
    text = format_world_info(describe_world(living(), axes=axes))
    listed = json.loads(text)["motions"]
    assert [(m["number"], m["kind"], m["period_s"]) for m in listed] == [
        (1, "turn", 4.0),
        (2, "flicker", 2.0),
    ]
    assert parse_world_info(text).motions == living().motion_table
    assert listed[0]["direction"] == {"RDF": [0, 1, 0], "RUB": [0, -1, 0], "FRU": [0, 0, 1]}[axes]


@pytest.mark.parametrize(
    "value", ['"x"', "[3]", '[{"number": 0, "kind": "turn"}]', '[{"number": 1, "kind": "x"}]']
)
def test_world_json_with_damaged_motions_is_refused(value):
    text = format_world_info(describe_world(room(0.5))).replace('"source"', f'"motions": {value}, "source"')
    with pytest.raises(FormatError, match="motion"):
        parse_world_info(text)


def test_a_format_that_drops_motions_says_so(tmp_path):
    (lost,) = write_gaussians(tmp_path / "world.spz", living())
    assert "cannot store the motions and phases and time-varying colors" in lost
    assert write_gaussians(tmp_path / "world.ply", living()) == []


def test_a_fountain_stays_within_its_size():
    config = FountainConfig(height=0.5, drop=1.2, radius=0.6, drops=500)
    water = make_fountain((1.0, 0.5, 3.0), config)
    assert set(water.classes.tolist()) == {CLASS_WATER}
    period = water.motion_table[1].period_s
    flight = (math.sqrt(2 * 9.81 * 0.5) + math.sqrt(2 * 9.81 * 1.7)) / 9.81
    assert abs(period - flight) < 0.1 * flight
    heights, reach = [], []
    for t in np.linspace(0, period, 16, endpoint=False):
        now = gaussians_at(water, t)
        seen = now.opacities > 0.05
        heights.append(now.means[seen, 1])
        reach.append((now.means[seen][:, (0, 2)] - torch.tensor((1.0, 3.0))).norm(dim=-1))
    heights, reach = torch.cat(heights), torch.cat(reach)
    assert 0.0 - 1e-4 <= float(heights.min()) < 0.05  # half a unit above the nozzle
    assert 1.4 < float(heights.max()) < 1.95
    assert float(reach.max()) < 0.6 * 1.1
    share = [float((gaussians_at(water, t).opacities > 0).double().mean()) for t in (0.0, 0.3, 0.6)]
    assert min(share) > 0.95  # as much water at any time


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"height": 0.0}, "above 0"),
        ({"drop": -1.0}, "0 or more"),
        ({"drops": 3}, "8 to"),
        ({"radius": math.nan}, "above 0"),
    ],
)
def test_a_fountain_of_no_size_is_refused(parts, words):
    with pytest.raises(InvalidInput, match=words):
        FountainConfig(**parts)


def test_what_moves_is_found_by_class_instance_and_shape():
    world, _, _ = sky()
    foliage = room(0.5).with_labels(classes=torch.full((len(room(0.5)),), 3))
    both = Gaussians.concatenate(world, foliage)
    assert int(choose_moving(both, "wind").sum()) == len(foliage)
    assert int(choose_moving(both, "clouds").sum()) == len(world)
    assert int(choose_moving(both, "turn", of="everything").sum()) == len(both)
    near = choose_moving(both, "turn", shape="sphere", radius=5.0)
    assert 0 < int(near.sum()) <= len(foliage)
    named = replace(
        both.with_labels(instances=(torch.arange(len(both)) < 9).long() * 4), instance_names={4: "mill"}
    )
    assert int(choose_moving(named, "turn", instance="mill").sum()) == 9
    assert int(choose_moving(named, "turn", instance="4").sum()) == 9
    bright = world.means @ torch.tensor((0.8, -0.6, 0.0)) > 0.998 * 50
    sunny = replace(world, sh=torch.where(bright[:, None, None], torch.tensor(3.0), world.sh))
    sun = choose_moving(sunny, "sun")
    assert bool(sun[bright].all())
    assert int(sun.sum()) < 0.05 * len(world)


def test_the_sky_is_found_in_a_world_without_classes():
    shell = sky()[0].without_labels()
    both = Gaussians.concatenate(room(0.25), shell)
    chosen = choose_moving(both, "clouds")
    assert int(chosen.sum()) == len(shell)
    assert not bool(chosen[: len(room(0.25))].any())


@pytest.mark.parametrize(
    ("kind", "choice", "words"),
    [
        ("turn", {}, "must be chosen: by class"),
        ("ripple", {}, "at least 1 water splat must be chosen to move; none is"),
        ("turn", {"instance": "mill"}, "instance must be one of the world's"),
        ("turn", {"of": "lamps"}, "of must be auto"),
        ("turn", {"shape": "sphere", "center": (900.0, 0, 0)}, "at least 1 splat must be chosen"),
    ],
)
def test_motion_of_nothing_is_refused(kind, choice, words):
    with pytest.raises(InvalidInput, match=words):
        choose_moving(room(0.5), kind, **choice)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"speed": math.nan}, "speed of a motion must be above 0"),
        ({"speed": 0.0}, "speed of a motion must be above 0"),
        ({"period_s": 0.0}, "period of a motion must be above 0"),
        ({"period_s": math.nan}, "period of a motion must be above 0"),
        ({"strength": -1.0}, "strength of a motion must be 0 to 1000"),
        ({"units_per_meter": 0.0}, "units_per_meter must be positive"),
        ({"direction": (0.0, 0.0, 0.0)}, "not all 0"),
        ({"direction": (0.0, 1.0, 0.0)}, "must not be vertical"),
    ],
)
def test_nonsense_is_refused(parts, words):
    with pytest.raises(InvalidInput, match=words):
        animate(room(0.5), ahead(room(0.5)), "wind", AnimationConfig(**parts))


def test_an_empty_choice_and_an_unknown_kind_are_refused():
    world = room(0.5)
    with pytest.raises(InvalidInput, match="none is"):
        animate(world, torch.zeros(len(world), dtype=torch.bool), "turn")
    with pytest.raises(InvalidInput, match="kind must be one of"):
        animate(world, ahead(world), "dance")
    with pytest.raises(InvalidInput, match="2 to 64 points"):
        animate(world, ahead(world), "path")
