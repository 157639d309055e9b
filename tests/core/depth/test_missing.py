"""Numbers that mean "nothing here"."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.depth.describe import describe_geometry
from matrix3d_core.depth.missing import far_from_text, mark_missing, values_from_text
from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.errors import InvalidInput

H, W = 32, 64


def ground(nothing: float, most: float = 40.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Distances to a ground 1.6 below, `nothing` where it is farther than `most` or not hit; and where that is."""
    v = (torch.arange(H, dtype=torch.float64) + 0.5) / H
    distance = 1.6 / (-torch.cos(math.pi * v)).clamp(min=1e-9)
    wobble = 1 + 0.001 * torch.rand(H, W, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    depth = distance[:, None] * wobble
    is_far = depth > most
    return depth.masked_fill(is_far, nothing).float(), is_far


@pytest.mark.parametrize(
    ("nothing", "words"),
    [
        (1e10, "at 1e+10 or more are sky"),
        (1e11, "at 1e+11"),
        (3.4e38, "at 3.4e+38"),
        (65504.0, "largest number"),
        (65535.0, "largest number"),
        (65.535, "largest number"),
        (65535 / 256, "largest number"),
        (40.0, "the same for all of them, a far clip"),
        (1000.0, "31 times beyond all others"),
    ],
)
def test_far_numbers_of_renderers_are_sky(nothing, words):
    depth, is_far = ground(nothing)
    marked, notes = mark_missing(depth)
    assert torch.equal(torch.isinf(marked), is_far)
    assert torch.equal(marked[~is_far], depth[~is_far])
    assert len(notes) == 1
    assert f"found: {int(is_far.sum())} px" in notes[0]
    assert words in notes[0]
    assert "far_value changes that" in notes[0]


def test_a_half_float_is_as_good():
    depth, is_far = ground(1e10)
    marked, _ = mark_missing(depth.half().float().clamp(max=65504))
    assert torch.equal(torch.isinf(marked), is_far)


def test_two_marks_in_one_map():
    depth, is_far = ground(65504.0)
    depth[0] = 1e10
    depth[1] = -1.0
    depth[2] = 0.0
    marked, notes = mark_missing(depth)
    is_far[1:3] = False
    assert torch.equal(torch.isinf(marked), is_far)
    assert len(notes) == 2


@pytest.mark.parametrize(
    "depth",
    [
        torch.full((H, W), 4.0),  # inside of a ball
        torch.full((H, W), 65535.0),  # nothing else to compare with
        torch.where(torch.arange(W) < 40, 2.0, 50.0).expand(H, W),  # a drawing
        1.5 + 4.5 * torch.rand(H, W, generator=torch.Generator().manual_seed(1)),
        (1.5 + 4.5 * torch.rand(H, W, generator=torch.Generator().manual_seed(1))).mul(10).round()
        / 10,  # coarse
    ],
)
def test_surfaces_are_left_alone(depth):
    marked, notes = mark_missing(depth)
    assert marked is depth
    assert notes == []


def test_what_is_named_counts():
    depth, _ = ground(40.0)
    depth[H - 1, :3] = 7777.0
    marked, notes = mark_missing(depth, far=10.0, missing=(7777.0, -1))
    assert torch.equal(torch.isnan(marked), depth == 7777)
    assert torch.equal(torch.isinf(marked), (depth >= 10) & (depth != 7777))
    assert notes[0] == "missing_value 7777: 3 px are unknown"
    assert notes[2].startswith("far_value 10: ")
    assert torch.equal(mark_missing(ground(1e10)[0], far="none")[0], ground(1e10)[0])
    for far in ("far", 0.0, -1.0, math.nan):
        with pytest.raises(InvalidInput, match="far must be auto, none or a positive distance"):
            mark_missing(depth, far=far)


def test_texts_of_the_inputs():
    assert [far_from_text(text) for text in ("", "Auto", " none", "1e3", "100,")] == [
        "auto",
        "auto",
        "none",
        1000,
        100,
    ]
    assert values_from_text("") == ()
    assert values_from_text("-1, 65535;1e10,") == (-1, 65535, 1e10)
    for text in ("-5", "many", "1, 2", "nan"):
        with pytest.raises(InvalidInput, match="far_value must be auto, none or one positive distance"):
            far_from_text(text)
    with pytest.raises(InvalidInput, match=r"missing_value must be numbers with commas .* got 'no'"):
        values_from_text("no")


def test_the_report_says_what_was_found_and_how_far_things_are():
    depth, is_far = ground(1e10)
    geometry = geometry_from_depth(torch.rand(H, W, 3), depth, source="depth file", read_as="channel Z")
    assert torch.equal(geometry.is_sky, is_far)
    assert geometry.report["distance_max"] < 41
    low, middle, high = (float(depth[~is_far].quantile(q)) for q in (0.05, 0.5, 0.95))
    text = describe_geometry(geometry)
    assert (
        f"plausible? 5 % of it is nearer than {low:.3g} units, half within {middle:.3g}, 5 % beyond {high:.3g}"
        in text
    )
    assert "read as: channel Z" in text
    assert "missing values: found: " in text
    assert "suspicious" not in text
    assert not bool(geometry_from_depth(torch.rand(H, W, 3), depth.clamp(max=1e8), far="none").is_sky.any())


def test_distances_that_cannot_be_a_scene_are_suspicious_or_refused():
    depth, _ = ground(40.0)
    depth[: H // 2] = 1e5 * (1 + torch.rand(H // 2, W))
    assert "suspicious: these differ" in describe_geometry(geometry_from_depth(torch.rand(H, W, 3), depth))
    for factor in (1e12, 1e-12):
        with pytest.raises(InvalidInput, match=r"distances must lie between 1e-09 and 1e\+09 units; got"):
            geometry_from_depth(torch.rand(H, W, 3), ground(40.0)[0] * factor, far="none")
        scaled = geometry_from_depth(
            torch.rand(H, W, 3), ground(40.0)[0] * factor, far="none", scale="geometric mean 1"
        )
        assert scaled.report["distance_geometric_mean"] == pytest.approx(1, rel=1e-5)
    with pytest.raises(InvalidInput, match=r"distances must lie between 1e-30 and 1e\+30 units"):
        geometry_from_depth(torch.rand(H, W, 3), torch.full((H, W), 3e38), far="none")
