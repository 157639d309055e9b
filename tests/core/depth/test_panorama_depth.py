"""From raw distances to a geometry: repair, sky, scale, sizes and the report."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from matrix3d_core.depth.describe import describe_geometry
from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.depth.preview import colorize_depth
from matrix3d_core.errors import InvalidInput
from matrix3d_core.synth.sample_scene import render_erp

H, W = 32, 64


def scene() -> tuple[torch.Tensor, torch.Tensor]:
    """Ground and a wall below and around, sky above."""
    rng = torch.Generator().manual_seed(0)
    depth = 3 + torch.rand(H, W, generator=rng)
    depth[:12] = math.inf
    return torch.rand(H, W, 3, generator=rng), depth


@pytest.fixture(scope="module")
def terrace() -> tuple[torch.Tensor, torch.Tensor]:
    return render_erp(torch.zeros(3), 96, 192, samples=1)


def test_good_distances_come_through_unchanged():
    rgb, depth = scene()
    geometry = geometry_from_depth(rgb, depth)
    known = torch.isfinite(depth)
    assert torch.equal(geometry.depth_ray[known], depth[known])
    assert torch.equal(geometry.is_valid, known)
    assert torch.equal(geometry.is_sky, ~known)
    assert torch.equal(geometry.rgb, rgb)
    assert bool((geometry.depth_ray[~known] == 2 * depth[known].max()).all())
    assert geometry.report["factor"] == 1.0
    assert not geometry.is_metric


@pytest.mark.parametrize("bad", [math.nan, 0.0, -2.0, -math.inf])
def test_unknown_distances_are_filled_and_counted(bad):
    rgb, depth = scene()
    broken = depth.clone()
    broken[20:23, 60:64] = bad
    broken[20:23, 0:2] = bad
    geometry = geometry_from_depth(rgb, broken)
    assert bool(torch.isfinite(geometry.depth_ray).all())
    assert geometry.report["unknown_filled"] == 18
    counts = geometry.report["given_counts"]
    assert counts["usable"] == 20 * W - 18
    assert sum(counts.values()) == H * W
    assert not geometry.is_valid[21, 62]
    assert not geometry.is_sky[21, 62]
    assert bool((geometry.depth_ray[20:23] <= 4).all())


def test_pixels_outside_the_mask_are_sky():
    rgb, depth = scene()
    finite = torch.where(torch.isinf(depth), 7.0, depth)
    geometry = geometry_from_depth(rgb, finite, valid=torch.isfinite(depth))
    assert torch.equal(geometry.is_sky, torch.isinf(depth))
    assert float(geometry.depth_ray[0, 0]) == 2 * float(depth[12:].max())
    assert geometry.report["given_outside_mask"] == 12 * W


def test_without_the_sky_rule_sky_takes_the_nearest_distance():
    rgb, depth = scene()
    geometry = geometry_from_depth(rgb, depth, sky="none")
    assert not bool(geometry.is_sky.any())
    assert float(geometry.depth_ray.max()) <= 4.0
    assert geometry.report["unknown_filled"] == 12 * W


def test_islands_become_sky_unless_switched_off():
    rgb, depth = scene()
    depth[4, 10] = 3.5  # 1600 pixels at 2048x1024 are 1.56 here: one pixel is too small
    geometry = geometry_from_depth(rgb, depth)
    assert geometry.report["island_pixels_to_sky"] == 1
    assert bool(geometry.is_sky[4, 10])
    assert not bool(geometry.is_valid[4, 10])
    assert not bool(geometry_from_depth(rgb, depth, repair_components=False).is_sky[4, 10])


def test_without_sky_no_island_is_touched():
    rgb, depth = torch.rand(H, W, 3), torch.full((H, W), 50.0)
    depth[10, 10] = 2.0
    assert float(geometry_from_depth(rgb, depth).depth_ray[10, 10]) == 2.0
    # Matrix-3D's rule looks for islands in front of the largest distance, sky or not.
    assert float(geometry_from_depth(rgb, depth, upstream_exact=True).depth_ray[10, 10]) == 50.0


def test_upstream_exact_treats_everything_unknown_as_sky():
    rgb, depth = torch.rand(64, 128, 3), torch.full((64, 128), 5.0)
    depth[40, 40] = math.nan
    geometry = geometry_from_depth(rgb, depth, upstream_exact=True)
    assert bool(geometry.is_sky[40, 40])
    assert float(geometry.depth_ray[40, 40]) == 10.0
    assert not bool(geometry_from_depth(rgb, depth).is_sky.any())


def test_geometric_mean_is_one_over_what_was_measured():
    rgb, depth = scene()
    geometry = geometry_from_depth(rgb, depth * 123, scale="geometric mean 1")
    measured = geometry.depth_ray[geometry.is_valid].double()
    assert float(measured.log().mean()) == pytest.approx(0, abs=1e-6)
    assert geometry.report["factor"] == pytest.approx(
        1 / float((depth[12:] * 123).double().log().mean().exp())
    )


def test_the_unit_of_the_input_does_not_matter_after_scaling(terrace):
    rgb, depth = terrace
    for scale in ("geometric mean 1", "camera height"):
        one = geometry_from_depth(rgb, depth, scale=scale)
        other = geometry_from_depth(rgb, depth * 1000, scale=scale)
        torch.testing.assert_close(one.depth_ray, other.depth_ray, rtol=1e-4, atol=0)


def test_camera_height_recovers_meters_on_the_sample(terrace):
    rgb, depth = terrace
    geometry = geometry_from_depth(rgb, depth * 0.31, scale="camera height", camera_height=1.6)
    assert geometry.is_metric
    assert geometry.report["factor"] == pytest.approx(1 / 0.31, rel=5e-3)
    assert geometry.report["ground"]["inlier_share"] > 0.5
    assert float(geometry.depth_ray[-1, 0]) == pytest.approx(1.6, rel=0.01)


def test_metric_input_stays_metric_unless_rescaled(terrace):
    rgb, depth = terrace
    assert geometry_from_depth(rgb, depth, is_metric=True).is_metric
    assert not geometry_from_depth(rgb, depth, is_metric=True, scale="geometric mean 1").is_metric


@pytest.mark.parametrize(
    ("picture_rows", "depth_rows", "height"), [(32, 16, 0), (16, 32, 0), (32, 16, 8), (16, 16, 64)]
)
def test_sizes_may_differ(picture_rows, depth_rows, height):
    rgb = torch.rand(picture_rows, 2 * picture_rows, 3)
    depth = torch.full((depth_rows, 2 * depth_rows), 2.0)
    geometry = geometry_from_depth(rgb, depth, height=height)
    assert geometry.height == (height or picture_rows)
    torch.testing.assert_close(geometry.depth_ray, torch.full_like(geometry.depth_ray, 2.0))
    assert geometry.report["given_size"] == [2 * depth_rows, depth_rows]


def test_one_value_everywhere_is_a_ball():
    geometry = geometry_from_depth(torch.rand(H, W, 3), torch.full((H, W), 4.0), scale="geometric mean 1")
    torch.testing.assert_close(geometry.depth_ray, torch.ones(H, W))
    with pytest.raises(InvalidInput, match="roughly level ground"):
        geometry_from_depth(torch.rand(H, W, 3), torch.full((H, W), 4.0), scale="camera height")


def test_inputs_are_not_changed():
    rgb, depth = scene()
    depth[20, 20] = math.nan
    before = rgb.clone(), depth.clone()
    geometry_from_depth(rgb, depth, scale="geometric mean 1")
    torch.testing.assert_close(rgb, before[0], rtol=0, atol=0)
    torch.testing.assert_close(depth, before[1], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0])
def test_all_unusable_is_refused_with_counts(value):
    with pytest.raises(
        InvalidInput, match=r"at least one usable distance; got none among 2048 pixels \(2048 "
    ):
        geometry_from_depth(torch.rand(H, W, 3), torch.full((H, W), value))


def test_nothing_inside_the_mask_is_refused():
    with pytest.raises(InvalidInput, match="at least one usable distance"):
        geometry_from_depth(torch.rand(H, W, 3), torch.ones(H, W), valid=torch.zeros(H, W, dtype=torch.bool))


@pytest.mark.parametrize(
    ("rgb", "depth", "match"),
    [
        (torch.rand(H, W + 1, 3), torch.ones(H, W), r"rgb must be equirectangular.*got 65x32"),
        (torch.rand(1, 2, 3), torch.ones(H, W), "rgb must be equirectangular"),
        (torch.rand(H, W, 3), torch.ones(H, H), r"depth_ray must be equirectangular.*got 32x32"),
        (torch.rand(H, W, 3), torch.ones(1, 2), "depth_ray must be equirectangular"),
        (torch.rand(H, W, 4), torch.ones(H, W), r"rgb must have shape \[H, W, 3\]"),
        (torch.rand(0, 0, 3), torch.ones(H, W), "rgb must be equirectangular"),
        (torch.full((H, W, 3), math.nan), torch.ones(H, W), "rgb must be finite; 6144 of 6144"),
        (torch.rand(H, W, 3), torch.ones(H, W, dtype=torch.int64), "depth_ray must be floating point"),
    ],
)
def test_bad_pictures_and_maps_are_refused(rgb, depth, match):
    with pytest.raises(InvalidInput, match=match):
        geometry_from_depth(rgb, depth)


@pytest.mark.parametrize("settings", [{"scale": "meters"}, {"sky": "blue"}, {"height": 1}, {"height": -4}])
def test_unknown_settings_are_refused(settings):
    with pytest.raises(InvalidInput):
        geometry_from_depth(torch.rand(H, W, 3), torch.ones(H, W), **settings)


def test_the_report_is_json_and_reads_well(terrace):
    rgb, depth = terrace
    geometry = geometry_from_depth(rgb, depth, scale="camera height")
    json.dumps(geometry.report, allow_nan=False)
    text = describe_geometry(geometry)
    for part in ("source: depth", " m\n", "usable", "sky:", "factor", "ground: "):
        assert part in text


def test_the_preview_is_light_near_and_dark_far():
    depth = torch.logspace(0, 2, W).expand(H, W).clone()
    depth[0] = math.inf
    sky = torch.zeros(H, W, dtype=torch.bool)
    sky[1] = True
    picture = colorize_depth(depth, sky)
    assert picture.shape == (H, W, 3)
    assert bool(((picture >= 0) & (picture <= 1)).all())
    lightness = picture[5] @ torch.tensor([0.2126, 0.7152, 0.0722])
    assert bool((lightness.diff() <= 1e-6).all())
    assert float(picture[:2].max()) < 0.1
    assert np.ptp(colorize_depth(torch.full((4, 8), 3.0)).numpy(), axis=(0, 1)).max() == 0
    assert float(colorize_depth(torch.full((4, 8), math.nan)).max()) < 0.1
