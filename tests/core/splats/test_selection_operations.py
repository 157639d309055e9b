"""Selections as the viewer stores them: read strictly, resolved in order, remembered."""

from __future__ import annotations

import json
import math

import pytest
import torch
from small_worlds import room
from splat_scenes import BLOBS, blob_world

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.splats import selection_operations
from matrix3d_core.splats.selection import inside_shape
from matrix3d_core.splats.selection_operations import (
    MOST_CHARACTERS,
    MOST_OPERATIONS,
    OPERATIONS,
    Selector,
    name_selection,
    parse_operations,
)

WORLD = blob_world()
BLOB = {name: torch.arange(len(WORLD)) // 400 == number for number, name in enumerate(BLOBS)}
LEVEL = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
BACK = [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1]  # turned around
VIEW = {"camera": LEVEL, "fov": 60, "aspect": 1.5}


def text(*operations, **rest):
    return json.dumps({"version": 1, "operations": operations, **rest})


def resolve(world, *operations, **rest):
    return Selector(world).resolve(parse_operations(text(*operations, **rest)))


def click(x, y, z, **rest):
    return {"op": "click", "origin": [0, 0, 0], "direction": [x, y, z], **rest}


def around(x, y, size, camera=LEVEL, aspect=1.5):
    """A square lasso around a direction, ``size`` in fractions of the height."""
    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    points = [[0.5 + (x + dx * size) / aspect, 0.5 + y + dy * size] for dx, dy in corners]
    return {"op": "lasso", **VIEW, "camera": camera, "points": points}


def test_operations_add_subtract_and_replace():
    both = resolve(WORLD, click(0, 0, 4), click(2, 0, 4))
    assert torch.equal(both, BLOB["blue"] | BLOB["red"])
    less = resolve(WORLD, click(0, 0, 4), click(2, 0, 4), {**click(0, 0, 4), "mode": "subtract"})
    assert torch.equal(less, BLOB["red"])
    other = resolve(WORLD, click(0, 0, 4), {**click(0, 0, -4), "mode": "replace"})
    assert torch.equal(other, BLOB["yellow"])
    none = resolve(WORLD, click(0, 0, 4), {"op": "all", "mode": "subtract"})
    assert not bool(none.any())
    assert bool(resolve(WORLD, {"op": "all"}).all())


def test_what_was_undone_does_not_count():
    operations = (click(0, 0, 4), click(2, 0, 4), click(0, 0, -4))
    assert torch.equal(resolve(WORLD, *operations, applied=1), BLOB["blue"])
    assert not bool(resolve(WORLD, *operations, applied=0).any())
    assert not bool(Selector(WORLD).resolve(parse_operations("  ")).any())


def test_masks_are_what_it_starts_from():
    selector = Selector(WORLD, BLOB["green"])
    assert torch.equal(selector.resolve([]), BLOB["green"])
    assert torch.equal(selector.resolve(parse_operations(text(click(0, 0, 4)))), BLOB["green"] | BLOB["blue"])
    assert torch.equal(selector.resolve([]), BLOB["green"])


def test_solids():
    box = {"op": "box", "center": [0, 0, 4], "size": [0.3, 1, 0.2], "yaw": 30}
    expected = inside_shape(
        WORLD.means, "box", center=(0, 0, 4), size=(0.3, 1, 0.2), yaw_rad=math.radians(30)
    )
    assert torch.equal(resolve(WORLD, box), expected)
    assert 10 < int(expected.sum()) < 390
    ball = {"op": "sphere", "center": [2, 0, 4], "radius": 0.2}
    assert torch.equal(resolve(WORLD, ball), (WORLD.means - torch.tensor([2.0, 0, 4])).norm(dim=-1) <= 0.2)


def seen_from_front(world, name):
    """Which splats of a blob are nearer than its middle."""
    center = torch.tensor(BLOBS[name][1])
    return BLOB[name] & (world.means.norm(dim=-1) < center.norm() - 0.1)


def test_a_lasso_takes_the_front_and_through_it_all():
    half = math.tan(math.radians(30))
    lasso = around(0.0, 0.0, 0.35 / 4 / (2 * half) * 1.2)
    through = resolve(WORLD, {**lasso, "through": True})
    assert torch.equal(through, BLOB["blue"])
    front = resolve(WORLD, lasso)
    assert bool((front & ~BLOB["blue"]).sum() == 0)
    assert float(front[seen_from_front(WORLD, "blue")].float().mean()) > 0.95
    hidden = BLOB["blue"] & (WORLD.means[:, 2] > 4.12) & (WORLD.means[:, :2].norm(dim=-1) < 0.15)
    assert int(hidden.sum()) > 10
    assert float(front[hidden].float().mean()) < 0.2


def test_a_lasso_is_seen_from_its_own_camera():
    behind = resolve(WORLD, {**around(0.0, 0.0, 0.1, camera=BACK), "through": True})
    assert torch.equal(behind, BLOB["yellow"])
    right = 2 / 4 / (2 * math.tan(math.radians(30)))  # fraction of the height
    assert torch.equal(resolve(WORLD, {**around(right, 0.0, 0.1), "through": True}), BLOB["red"])
    assert not bool(resolve(WORLD, around(0.0, 0.4, 0.02)).any())


def test_a_brush_takes_what_is_near_its_strokes():
    scale = 1 / (2 * math.tan(math.radians(30)))
    start, end = [0.5, 0.5], [0.5, 0.5 - 1.5 / 4 * scale]  # from the blue blob up to the green one
    stroke = {"op": "brush", **VIEW, "strokes": [[start, end]], "radius": 0.02, "through": True}
    chosen = resolve(WORLD, stroke)
    local = WORLD.means.double()
    x, y = local[:, 0] / local[:, 2] * scale, local[:, 1] / local[:, 2] * scale
    share = (-y / (1.5 / 4 * scale)).clamp(0, 1)
    off = torch.hypot(x, y + share * 1.5 / 4 * scale)
    ahead = local[:, 2] > 0
    pixel = 0.002
    assert bool(chosen[ahead & (off < 0.02 - pixel)].all())
    assert not bool(chosen[~ahead | (off > 0.02 + pixel)].any())
    assert int((chosen & BLOB["blue"]).sum()) > 20
    assert int((chosen & BLOB["green"]).sum()) > 20
    dots = {**stroke, "strokes": [[start], [end]], "through": False}
    assert 10 < int(resolve(WORLD, dots).sum()) < int(chosen.sum())


def test_an_area_is_filled_like_a_polygon():
    """Against the angle that a star's corners sweep around each pixel: even-odd is that modulo two turns."""
    star = [
        [0.5 + 0.4 * math.sin(k * 0.8 * math.pi), 0.5 - 0.4 * math.cos(k * 0.8 * math.pi)] for k in range(5)
    ]
    (operation,) = parse_operations(text({"op": "lasso", **VIEW, "points": star}))
    window = (torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64))
    mask = operation.choice.rasterize(window, (40, 50))
    for row, column in ((20, 25), (8, 25), (30, 12), (33, 36), (2, 2), (20, 20), (14, 30)):
        x, y = (column + 0.5) / 50, (row + 0.5) / 40
        angles = [math.atan2(py - y, px - x) for px, py in star]
        swept = sum(
            math.remainder(b - a, math.tau) for a, b in zip(angles, angles[1:] + angles[:1], strict=True)
        )
        assert bool(mask[row, column]) == (round(swept / math.tau) % 2 == 1), (row, column)
    assert 100 < int(mask.sum()) < 900


def test_a_lasso_on_fine_splats_leaves_no_speckles():
    """On a dense wall, of which many splats are barely seen."""
    wall = room(0.02)
    wall = wall.select(wall.means[:, 2] > 2.99)
    chosen = resolve(wall, around(0.0, 0.0, 0.3, aspect=1.5))
    half = 0.3 * 2 * math.tan(math.radians(30)) * 3 - 0.04
    inside = (wall.means[:, 0].abs() < half) & (wall.means[:, 1].abs() < half)
    assert int(inside.sum()) > 5000
    assert float(chosen[inside].float().mean()) == 1.0


def test_what_was_chosen_once_is_not_computed_again(monkeypatch):
    calls = []
    kept = selection_operations.object_at
    monkeypatch.setattr(selection_operations, "object_at", lambda *a, **k: calls.append(a) or kept(*a, **k))
    selector = Selector(WORLD)
    for applied in (1, 2, 1, 2):
        selector.resolve(parse_operations(text(click(0, 0, 4), click(2, 0, 4), applied=applied)))
    selector.resolve(parse_operations(text({**click(0, 0, 4), "mode": "subtract"})))
    assert len(calls) == 2


def test_a_name_holds_the_selection_and_nothing_else():
    known = name_selection(WORLD, BLOB["blue"] | BLOB["red"], "chair")
    assert known.instance_names == {1: "chair"}
    less = name_selection(known, BLOB["red"], "chair")
    assert torch.equal(less.instances > 0, BLOB["red"])
    two = name_selection(less, BLOB["green"], "table")
    assert sorted(two.instance_names.values()) == ["chair", "table"]
    assert name_selection(WORLD, torch.zeros(len(WORLD), dtype=torch.bool), "x") is WORLD
    with pytest.raises(InvalidInput, match="name of an instance"):
        name_selection(WORLD, BLOB["red"], "")


BRUSH = {"op": "brush", **VIEW, "strokes": [[[0.5, 0.5]]], "radius": 0.1}
LASSO = {"op": "lasso", **VIEW, "points": [[0, 0], [1, 0], [1, 1]]}


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        (7, "operation 0 must be an object; got 7"),
        ({"op": "wand"}, "op must be one of click, box, sphere, lasso, brush, all; got"),
        ({**click(0, 0, 1), "mode": "xor"}, "mode must be one of add, subtract, replace"),
        (click(0, 0, 0), "direction must not be 0"),
        (click(0, 0, 1e300), "direction must be 3 finite numbers"),
        ({"op": "click", "direction": [0, 0, 1]}, "origin must be 3 finite numbers up to 1e\\+06; got null"),
        (click(0, 0, 1, tolerance=0), "tolerance must lie in 0.01..1"),
        (click(0, 0, 1, tolerance=True), "tolerance must lie in 0.01..1; got true"),
        ({"op": "box", "center": [0, 0, 0], "size": [1, 0, 1]}, "size must be positive"),
        ({"op": "sphere", "center": [0, 0, 0], "radius": -1}, "radius must lie in"),
        ({**LASSO, "camera": [*LEVEL[:15], 2]}, "camera must be a rigid world-to-camera pose"),
        ({**LASSO, "camera": LEVEL[:15]}, "camera must be 16 finite numbers"),
        ({**LASSO, "fov": 180}, "fov must lie in 1..170"),
        ({**LASSO, "aspect": 0}, "aspect must lie in"),
        ({**LASSO, "points": [[0, 0], [1, 1]]}, "points must be a list of 3 to 4000 points"),
        ({**LASSO, "points": [[0, 0], [1, 1], [0, 3]]}, "fractions of the picture; got"),
        ({**LASSO, "through": 1}, "through must be true or false; got 1"),
        ({**BRUSH, "strokes": []}, "strokes must be a list of strokes"),
        ({**BRUSH, "strokes": [[[0, 0]] * 3000] * 2}, "at most 4000 points together"),
        ({**BRUSH, "radius": 0}, "radius must lie in"),
    ],
)
def test_a_wrong_operation_is_named(operation, says):
    with pytest.raises(FormatError, match=says):
        parse_operations(text(operation))
    with pytest.raises(FormatError, match=says):
        parse_operations(text(operation, applied=0))  # also when it was undone


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "operations: line 1, column 2: not valid JSON"),
        ("[]", "must be an object with operations and applied"),
        ('{"version": 2}', "version must be 1; got 2. Select again"),
        ('{"operations": 3}', f"a list of at most {MOST_OPERATIONS}; got 3"),
        (text(*[{"op": "all"}] * (MOST_OPERATIONS + 1)), f"at most {MOST_OPERATIONS}; got 201"),
        (text({"op": "all"}, applied=2), "applied must lie in 0..1; got 2"),
        (text({"op": "all"}, applied=True), "applied must lie in 0..1; got true"),
        (" " * MOST_CHARACTERS + "{}", f"at most {MOST_CHARACTERS} characters"),
        ('{"operations": [NaN]}', "numbers must be finite"),
    ],
)
def test_a_wrong_text_is_named(content, says):
    with pytest.raises(FormatError, match=says):
        parse_operations(content)


def test_the_document_of_each_operation_is_complete():
    assert all(
        f"- {op}:" in parse_operations.__doc__ or f"{op}: " in parse_operations.__doc__ for op in OPERATIONS
    )
    assert isinstance(WORLD, Gaussians)
