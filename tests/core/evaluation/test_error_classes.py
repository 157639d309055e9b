"""Classes of pixels off the path, and how their errors add up."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.evaluation.error_classes import (
    ERROR_CLASSES,
    SILHOUETTE_PX,
    ErrorClasses,
    classify_pixels,
    find_silhouettes,
)
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.camera import Camera, Equirect, Pinhole
from matrix3d_core.scene.gaussians import Gaussians

SIZE = 64
CAMERA = Pinhole.from_fov(math.pi / 2, SIZE, SIZE)
LEVEL = torch.eye(4, dtype=torch.float64)
WALL, BOX, POLE = (5.0, -30, 30, -2, 9), (3.0, -1, 0, -0.8, 9), (3.0, 1.5, 1.65, -0.8, 9)
"""Upright rectangles that face the camera: z, least and largest x, least and largest y (down)."""


def distance(camera: Camera, center, *rectangles) -> torch.Tensor:  # [H, W]
    """Return the ray distance to the nearest rectangle."""
    rays = camera.rays()
    found = torch.full(rays.shape[:2], torch.inf, dtype=torch.float64)
    for z, left, right, top, bottom in rectangles:
        reach = (z - center[2]) / rays[..., 2]
        x, y, _ = (torch.tensor(center) + rays * reach[..., None]).unbind(-1)
        hit = (reach > 0) & (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        found = torch.where(hit, torch.minimum(found, reach), found)
    return found.float()


def test_a_box_before_a_wall_has_a_silhouette_of_both_sides():
    depth = distance(CAMERA, (0.0, 0.0, 0.0), WALL, BOX)
    inside = distance(CAMERA, (0.0, 0.0, 0.0), BOX).isfinite()
    found = find_silhouettes(depth, CAMERA)
    expected = torch.zeros_like(found)
    label = inside.int() + depth.isfinite()
    across, down = label[:, 1:] != label[:, :-1], label[1:] != label[:-1]
    expected[:, 1:] |= across
    expected[:, :-1] |= across
    expected[1:] |= down
    expected[:-1] |= down
    assert torch.equal(found, expected)


@pytest.mark.parametrize("tilt", [0.0, 0.5, 0.9])
def test_slanted_planes_and_ground_to_the_horizon_have_none(tilt):
    rays = CAMERA.rays()
    slanted = 3 / (rays[..., 2] + tilt * rays[..., 0])
    assert not find_silhouettes(slanted.float(), CAMERA).any()
    ground = torch.where(rays[..., 1] > 0, 1.6 / rays[..., 1].clamp_min(1e-9), torch.inf)
    found = find_silhouettes(ground.float(), CAMERA)
    assert float(ground[SIZE // 2, 0] / ground[SIZE // 2 + 1, 0]) > 2
    assert not found[SIZE // 2 + 1 :].any()


def test_each_class_is_found_where_it_was_put():
    place = (2.0, 0.0, 0.0)  # of the panorama: it does not see the wall left of the box
    source = Equirect((256, 512))
    source_from_world = LEVEL.clone()
    source_from_world[:3, 3] = -torch.tensor(place)
    depth = distance(CAMERA, (0.0, 0.0, 0.0), WALL, BOX, POLE)
    alpha = depth.isfinite().float()
    alpha[50:60, 52:62] = 0.2
    found = classify_pixels(
        depth, LEVEL, CAMERA, distance(source, place, WALL, BOX, POLE), source_from_world, source, alpha
    )
    assert found.dtype == torch.uint8

    def pixels(name):
        return found == ERROR_CLASSES.index(name)

    hole = torch.zeros_like(alpha, dtype=torch.bool)
    hole[50:60, 52:62] = True
    assert torch.equal(pixels("holes"), hole)
    pole = distance(CAMERA, (0.0, 0.0, 0.0), POLE).isfinite()
    assert pole.any()
    assert torch.equal(pixels("thin"), pole)
    assert torch.equal(pixels("sky"), depth.isinf())
    near_edge = torch.nn.functional.max_pool2d(
        find_silhouettes(depth, CAMERA).float()[None], 2 * SILHOUETTE_PX + 1, stride=1, padding=SILHOUETTE_PX
    )[0]
    assert torch.equal(pixels("edges"), (near_edge > 0) & depth.isfinite() & ~pole & ~hole)
    # From x = 2 the box at x -1..0 and z 3 hides x -3..-1.33 of the wall; seen from 0 it covers x -1.67..0 itself.
    x = CAMERA.rays()[..., 0] * depth
    on_wall = (
        distance(CAMERA, (0.0, 0.0, 0.0), BOX, POLE).isinf() & depth.isfinite() & (near_edge == 0) & ~hole
    )
    low = torch.arange(SIZE)[:, None] > SIZE // 2  # below the upper edge of the box, for both cameras
    hidden = on_wall & low & (x > -2.9) & (x < -1.67)
    assert int(hidden.sum()) > 50
    assert pixels("hidden")[hidden].all()
    assert pixels("seen")[on_wall & ((x < -3.1) | (x > 1.6))].all()  # the pole hides x 1.17..1.42
    assert sum(int(pixels(name).sum()) for name in ERROR_CLASSES) == SIZE * SIZE


def world():
    """Return gray splats on a wall at z = 4 below y = 0 and sky splats far behind; which are sky."""
    x, y = torch.meshgrid(torch.arange(-6, 6, 0.06), torch.arange(0.06, 6, 0.06), indexing="xy")
    wall = torch.stack((x.flatten(), y.flatten(), torch.full((x.numel(),), 4.0)), -1)
    x, y = torch.meshgrid(torch.arange(-120, 120, 3.0), torch.arange(-120, 1, 3.0), indexing="xy")
    shell = torch.stack((x.flatten(), y.flatten(), torch.full((x.numel(),), 80.0)), -1)
    means = torch.cat((wall, shell))
    is_sky = means[:, 2] > 50
    size = torch.where(is_sky, 2.0, 0.04)[:, None] * torch.tensor([1.0, 1.0, 0.01])
    turn = torch.tensor([1.0, 0, 0, 0]).expand(len(means), 4)
    colors = torch.where(is_sky[:, None], torch.tensor([0.3, 0.5, 0.8]), torch.tensor(0.5))
    return Gaussians.from_colors(means, turn, size, torch.full((len(means),), 0.98), colors), is_sky


def added(errors, depth, change=None):
    """Add the view of the world whose true picture is the rendered one plus ``change``; return its report."""
    gaussians, is_sky = world()
    rgb = render_view(gaussians, LEVEL, CAMERA).rgb.clamp(0, 1)
    source = Equirect((256, 512))
    seen = distance(source, (0.0, 0.0, 0.0), (4.0, -50, 50, 0.0, 50))
    errors.add(
        gaussians,
        is_sky,
        (rgb if change is None else rgb + change, depth),
        LEVEL,
        CAMERA,
        (seen, LEVEL, source),
    )
    return errors.report()


def truth():
    return distance(CAMERA, (0.0, 0.0, 0.0), (4.0, -50, 50, 0.0, 50))


def test_a_perfect_world_has_no_wrong_depth():
    report = added(ErrorClasses.empty(), truth())
    assert report["wrong_depth"] == report["edge_wrong_depth"] == report["holes"] == 0
    assert report["psnr"] == 90  # no error: 1e-9 at least
    assert sum(part["pixels"] for part in report["classes"].values()) == pytest.approx(1, abs=1e-3)


def test_a_class_with_half_of_the_error_costs_3_db():
    depth = truth()
    change = torch.zeros(SIZE, SIZE, 3)
    change[:8], change[-8:] = 0.1, -0.1  # as many pixels of sky as of the wall
    errors = ErrorClasses.empty()
    report = added(errors, depth, change)
    assert report["classes"]["sky"]["gain_db"] == report["classes"]["seen"]["gain_db"] == 3.01
    assert report["classes"]["edges"]["gain_db"] == 0
    assert report["psnr"] == pytest.approx(-10 * math.log10(0.01 * 16 / SIZE), abs=1e-3)
    report = added(errors, depth, 0.5 * change)  # a second view
    assert sum(part["error"] for part in report["classes"].values()) == pytest.approx(1, abs=1e-3)
    assert report["psnr_least"] < report["psnr"]
    assert float(errors.pixels.sum()) == 2 * SIZE * SIZE


def test_wrong_depth_is_counted_where_it_is():
    report = added(ErrorClasses.empty(), truth() * 1.3)
    assert report["wrong_depth"] == 0.5  # the wall fills the lower half
    assert report["classes"]["sky"]["wrong_depth"] == 0
    assert report["classes"]["hidden"]["wrong_depth"] == 1  # behind the wall that the panorama sees
    assert added(ErrorClasses.empty(), truth() * 1.1)["wrong_depth"] == 0


def test_truth_must_have_one_size():
    with pytest.raises(InvalidInput, match=r"truth must have one size; got \[64, 64, 3\] and \[32, 64\]"):
        added(ErrorClasses.empty(), truth()[:32])
