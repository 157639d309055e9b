"""A photo continued around the sphere: exact where it is, joined at its border, marked everywhere else."""

import functools
import math
from dataclasses import replace

import pytest
import torch

from matrix3d_core.depth.photo_distance import PhotoDistance
from matrix3d_core.errors import InvalidInput
from matrix3d_core.explore.path_editor import shrink
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.io.geometry import read_geometry, write_geometry
from matrix3d_core.optimize.init.assemble import init_gaussians
from matrix3d_core.outpaint.photo import photo_world
from matrix3d_core.panorama.photo import place_photo
from matrix3d_core.panorama.views import render_views
from matrix3d_core.scene.camera import Pinhole
from matrix3d_core.scene.labels import ORIGIN_SOURCE, ORIGIN_UNOBSERVED
from matrix3d_core.synth.sample_scene import CAMERA_HEIGHT, render_erp, render_pinhole

ROWS = 96


def _pose(rotation):
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = rotation.mT
    return pose


def _exact(scale):
    """Estimate the distances of a photo of the sample scene, in an unknown unit."""

    def estimate(rgb, K_px, world_from_camera):
        _, distance = render_pinhole(_pose(world_from_camera), K_px, *rgb.shape[:2], samples=1)
        return PhotoDistance(distance * scale, torch.isinf(distance), source="exact")

    return estimate


@functools.cache
def _world(pitch_deg=0.0):
    empty = place_photo(torch.zeros(72, 96, 3), math.radians(70), pitch_rad=math.radians(pitch_deg))
    rgb, _ = render_pinhole(_pose(empty.panorama_from_camera), empty.K_px, 72, 96)
    photo = place_photo(rgb, math.radians(70), pitch_rad=math.radians(pitch_deg))
    return photo, photo_world(photo, _exact(0.37), camera_height=CAMERA_HEIGHT, height=ROWS)


@pytest.mark.parametrize("pitch_deg", [0.0, -12.0])
def test_a_view_through_the_photos_camera_is_the_photo(pitch_deg):
    photo, world = _world(pitch_deg)
    view = render_views(world.rgb, photo.panorama_from_camera[None], photo.K_px, 72, 96)[0]
    # The correction stops at half a step of 255; single precision of 16 taps adds less than 1e-5.
    assert float((view - photo.rgb).abs().max()) <= 0.5 / 255 + 1e-5
    assert world.placement.photos[0] is photo


def test_the_ground_gives_meters_and_distances_inside_are_the_given_ones():
    _, world = _world()
    geometry = world.geometry
    _, truth = render_erp(torch.zeros(3), ROWS, 2 * ROWS, samples=1)
    seen = ~geometry.is_filled
    assert geometry.is_metric
    assert torch.equal(geometry.is_valid, seen & ~geometry.is_sky)
    both = seen & ~geometry.is_sky & torch.isfinite(truth)
    ratio = (geometry.depth_ray / truth)[both]
    # The ground's plane is fitted to exact points; at edges a pixel of the photo stands for its neighbor.
    assert float((ratio.log().abs() < 0.01).float().mean()) > 0.8
    assert abs(float(ratio.median()) - 1) < 2e-3
    agrees = (geometry.is_sky == torch.isinf(truth))[seen]
    assert float(agrees.float().mean()) > 0.98


def test_ground_continues_below_and_behind_and_the_sky_above():
    _, world = _world()
    geometry = world.geometry
    down = erp_directions(ROWS, 2 * ROWS)[..., 1]
    below = down > math.sin(math.radians(40))
    height = (geometry.depth_ray * down)[below]
    assert float((height / CAMERA_HEIGHT - 1).abs().max()) < 0.03
    above = down < -math.sin(math.radians(50))
    assert bool(geometry.is_sky[above].all())
    assert not bool(geometry.is_sky[down > 0].any())
    # Blue above, sandstone below: colors are those that the photo has there.
    red, _, blue = (geometry.rgb[above].mean(0) - geometry.rgb[below].mean(0)).tolist()
    assert red < 0 < blue


def test_there_is_no_step_at_the_photos_border():
    _, world = _world()
    geometry = world.geometry
    log, filled = geometry.depth_ray.log(), geometry.is_filled
    surface = ~geometry.is_sky
    for axis in (0, 1):
        crossing = filled.narrow(axis, 1, filled.shape[axis] - 1) != filled.narrow(
            axis, 0, filled.shape[axis] - 1
        )
        both = surface.narrow(axis, 1, surface.shape[axis] - 1) & surface.narrow(
            axis, 0, surface.shape[axis] - 1
        )
        step = log.diff(dim=axis).abs()
        # A pixel here is 1.9 degrees: on the ground at the lower border the distance grows by 9 % a row.
        assert float(step[crossing & both].quantile(0.9)) < 0.15
        color = geometry.rgb.diff(dim=axis).abs().amax(-1)
        assert float(color[crossing].median()) < 0.08


def test_what_was_filled_in_is_unobserved_in_the_world_and_coarser():
    _, world = _world()
    geometry = world.geometry
    made = init_gaussians(geometry=geometry, max_gaussians=6000)
    means = made.gaussians.means
    inside = Pinhole((72, 96), world.placement.photos[0].K_px).lookup(torch.zeros(72, 96), means)[1]
    source = made.gaussians.origins == ORIGIN_SOURCE
    # At the border a surfel may stand for the pixel beside its center; behind roofs and trees sky is filled in.
    assert float((source & ~inside).float().mean()) < 0.02
    assert float((source | made.is_sky)[inside].float().mean()) > 0.97
    assert bool((made.gaussians.origins[~source] == ORIGIN_UNOBSERVED).all())
    share = float((~geometry.is_filled).float().mean())
    assert float(source.float().mean()) > 2 * share


def test_the_mark_survives_files_and_smaller_copies(tmp_path):
    _, world = _world()
    classes = (torch.arange(ROWS // 2 * ROWS) % 5).to(torch.uint8).view(ROWS // 2, ROWS)
    classes = classes.repeat_interleave(2, 0).repeat_interleave(2, 1)
    geometry = replace(world.geometry, classes=classes)
    write_geometry(tmp_path / "geometry.safetensors", geometry)
    back, half = read_geometry(tmp_path / "geometry.safetensors"), shrink(geometry, ROWS // 2)
    for name in ("is_filled", "classes"):
        assert torch.equal(getattr(back, name), getattr(geometry, name))
        assert torch.equal(getattr(half, name), getattr(geometry, name)[1::2, 1::2])
    assert read_geometry_without_classes(world.geometry, tmp_path) is None


def read_geometry_without_classes(geometry, folder):
    write_geometry(folder / "plain.safetensors", geometry)
    return read_geometry(folder / "plain.safetensors").classes


def _room(rgb, K_px, world_from_camera):
    """A room 6 m wide, 8 m ahead, 2.5 m high, seen from 1.5 m."""
    rays = Pinhole(tuple(rgb.shape[:2]), K_px).rays() @ world_from_camera.double().mT
    x, y, z = rays.unbind(-1)
    walls = torch.minimum(3 / x.abs().clamp(min=1e-6), 8 / z.clamp(min=1e-6))
    flat = torch.where(y > 0, 1.5, 1.0) / y.abs().clamp(min=1e-6)
    return PhotoDistance(torch.minimum(walls, flat).float(), torch.zeros(rgb.shape[:2], dtype=torch.bool))


def test_a_room_is_closed_by_its_ceiling_floor_and_walls():
    generator = torch.Generator().manual_seed(1)
    photo = place_photo(torch.rand(40, 56, 3, generator=generator), math.radians(75))
    world = photo_world(photo, _room, camera_height=1.5, height=64)
    geometry = world.geometry
    assert "below a ceiling" in world.report
    assert not bool(geometry.is_sky.any())
    height = -geometry.depth_ray * erp_directions(64, 128)[..., 1]
    assert float(height.max()) < 1.2
    assert float(height.min()) > -1.5 * 1.01
    level = geometry.depth_ray[32]
    assert 1.5 < float(level.min()) <= float(level.max()) < 9


def test_the_photos_ground_is_put_on_its_plane():
    def rough(rgb, K_px, world_from_camera):
        exact = _room(rgb, K_px, world_from_camera)
        wave = 1 + 0.02 * torch.sin(1.3 * torch.arange(rgb.shape[1]))
        return PhotoDistance(exact.depth_ray * wave, exact.is_sky)

    photo = place_photo(torch.full((40, 56, 3), 0.5), math.radians(75), pitch_rad=math.radians(-15))
    geometry = photo_world(photo, rough, camera_height=1.5, height=64).geometry
    down = erp_directions(64, 128)[..., 1]
    height = (geometry.depth_ray * down)[~geometry.is_filled & (down > math.sin(math.radians(20)))]
    assert len(height) > 100
    assert float((height / 1.5 - 1).abs().max()) < 1e-3


def test_without_ground_the_scale_is_the_estimators():
    def wall(rgb, K_px, world_from_camera):
        return PhotoDistance(torch.full(rgb.shape[:2], 7.0), torch.zeros(rgb.shape[:2], dtype=torch.bool))

    photo = place_photo(torch.full((24, 32, 3), 0.5), math.radians(60), pitch_rad=math.radians(30))
    world = photo_world(photo, wall, height=64)
    assert "no ground in sight" in world.report
    seen = ~world.geometry.is_filled
    assert torch.allclose(world.geometry.depth_ray[seen], torch.tensor(7.0))


def _sky(rgb, K_px, world_from_camera):
    return PhotoDistance(torch.full(rgb.shape[:2], math.inf), torch.ones(rgb.shape[:2], dtype=torch.bool))


@pytest.mark.parametrize(
    ("size", "fov_deg", "message"),
    [
        ((24, 32), 60, "sky alone"),
        ((10, 48), 60, "at most 4 times as long as it is short; got 48x10"),
        ((24, 32), 5, "between 10 and 150 degrees along both sides; got 5 horizontally"),
        ((32, 16), 140, "between 10 and 150 degrees"),
        ((24, 48), 60, "looks like a whole panorama"),
    ],
)
def test_what_is_no_photo_is_refused_with_the_way_out(size, fov_deg, message):
    with pytest.raises(InvalidInput, match=message):
        photo_world(place_photo(torch.full((*size, 3), 0.5), math.radians(fov_deg)), _sky, height=64)


def test_a_photo_too_fine_for_the_panorama_is_reduced_and_still_exact():
    photo, _ = _world()
    world = photo_world(photo, _exact(1.0), camera_height=CAMERA_HEIGHT, height=64, most_width=640)
    kept = world.placement.photos[0]
    assert kept.rgb.shape[1] < 96
    assert world.rgb.shape[1] <= 640
    assert f"reduced to {kept.rgb.shape[1]}x{kept.rgb.shape[0]}" in world.report
    view = render_views(world.rgb, kept.panorama_from_camera[None], kept.K_px, *kept.rgb.shape[:2])[0]
    assert float((view - kept.rgb).abs().max()) <= 0.5 / 255 + 1e-5
