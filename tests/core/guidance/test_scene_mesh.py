"""The scene mesh against upstream's definition, and resampling that never mixes surfaces."""

import pytest
import torch
from oracles_mesh import random_geometry, rng, scene_mesh_slowly, sphere_room

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.guidance.scene_mesh import depth_edges, mesh_from_panorama, resample_geometry
from matrix3d_core.scene.panorama import PanoramaGeometry


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.9])
@pytest.mark.parametrize("height", [2, 3, 9])
def test_mesh_matches_the_definition(height, threshold):
    geometry = random_geometry(height, height, low=1.0, high=1.5)
    geometry = PanoramaGeometry(geometry.rgb, geometry.depth_ray, geometry.is_valid, geometry.is_sky)
    expected = scene_mesh_slowly(geometry.rgb.tolist(), geometry.depth_ray.double().tolist(), threshold)
    mesh = mesh_from_panorama(geometry, height=height, edge_threshold=threshold * height / 1024)
    vertices, faces, colors, visible = (torch.tensor(part) for part in expected)
    torch.testing.assert_close(
        mesh.vertices, vertices, rtol=0, atol=1e-6
    )  # one rounding to float32 at 3 units
    assert torch.equal(mesh.faces.long(), faces)
    assert torch.equal(mesh.is_visible, visible)
    torch.testing.assert_close(mesh.colors, colors, rtol=0, atol=0)
    assert mesh.faces.shape[0] == 2 * (height - 1) * 2 * height


def test_edges_do_not_wrap_unless_asked():
    depth = torch.ones(6, 12)
    depth[:, 0] = 2.0
    plain = depth_edges(depth, 0.05)
    assert plain[:, :2].all()
    assert not plain[:, 2:].any()
    wrapped = depth_edges(depth, 0.05, wrap=True)
    assert wrapped[:, [0, 1, 11]].all()
    assert not wrapped[:, 2:11].any()
    rolled = depth_edges(depth.roll(5, dims=1), 0.05, wrap=True)
    assert torch.equal(rolled, wrapped.roll(5, dims=1))


@pytest.mark.parametrize("height", [2, 8])
def test_closed_poles_leave_no_border(height):
    mesh = mesh_from_panorama(random_geometry(height, 1), height=height, close_poles=True)
    assert mesh.vertices.shape[0] == 2 * height * height + 2
    directed = torch.cat([mesh.faces[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]).long()
    key, back = directed @ torch.tensor([10**6, 1]), directed @ torch.tensor([1, 10**6])
    # Closed and consistently wound: every directed edge once, and its reverse once.
    assert key.unique().numel() == key.numel()
    assert torch.equal(key.sort().values, back.sort().values)


def test_pole_vertices_lie_in_the_plane_of_a_ceiling():
    height, up = 16, 1.25
    geometry, directions = sphere_room(height)
    depth = torch.where(directions[..., 1] < -0.5, up / -directions[..., 1].clamp(max=-0.5), 2.0).float()
    geometry = PanoramaGeometry(geometry.rgb, depth, geometry.is_valid, geometry.is_sky)
    mesh = mesh_from_panorama(geometry, height=height, close_poles=True, edge_threshold=height / 1024)
    top = mesh.vertices[-2]
    torch.testing.assert_close(top, torch.tensor([0.0, -up, 0.0]), rtol=0, atol=1e-5)
    assert mesh.is_visible[-2:].all()
    # The mean color of the row around it: 0.5 + 0.5 * (0, -1, 0) almost.
    torch.testing.assert_close(mesh.colors[-2], torch.tensor([0.5, 0.0, 0.5]), rtol=0, atol=0.01)


def test_pole_over_a_jump_is_not_visible():
    geometry, _ = sphere_room(8)
    depth = geometry.depth_ray.clone()
    depth[0, :8] = 5.0
    mesh = mesh_from_panorama(
        PanoramaGeometry(geometry.rgb, depth, geometry.is_valid, geometry.is_sky),
        height=8,
        close_poles=True,
        edge_threshold=0.05 * 8 / 1024,
    )
    assert mesh.is_visible[-2:].tolist() == [False, True]
    assert mesh.colors[-2].abs().sum() == 0


@pytest.mark.parametrize(("source", "target"), [(24, 8), (24, 12), (20, 8), (8, 24), (9, 10)])
def test_resampling_never_mixes_two_surfaces(source, target):
    """Stripes of near red and far blue: each vertex is one or the other, in color and in distance."""
    generator = rng(source)
    near = torch.rand(source, 2 * source, generator=generator) < 0.5
    rgb = torch.stack((near.float(), torch.zeros_like(near.float()), (~near).float()), -1)
    flat = torch.zeros_like(near)
    geometry = PanoramaGeometry(rgb, torch.where(near, 1.0, 3.0), ~flat, flat)
    color, depth = resample_geometry(geometry, target)
    assert ((depth - 1).abs() < 1e-6).logical_or((depth - 3).abs() < 1e-5).all()
    is_near = depth < 2
    torch.testing.assert_close(color[..., 0], is_near.float(), rtol=0, atol=1e-5)
    torch.testing.assert_close(color[..., 2], (~is_near).float(), rtol=0, atol=1e-5)


def test_resampling_keeps_sky_apart_at_equal_distance():
    is_sky = torch.rand(16, 32, generator=rng(0)) < 0.5
    rgb = is_sky.float().unsqueeze(-1).expand(-1, -1, 3).contiguous()
    color, _ = resample_geometry(PanoramaGeometry(rgb, torch.full((16, 32), 2.0), ~is_sky, is_sky), 8)
    assert ((color < 1e-5) | (color > 1 - 1e-5)).all()


def test_resampling_averages_color_by_area():
    geometry, _ = sphere_room(12)
    color, depth = resample_geometry(geometry, 4)
    expected = geometry.rgb.reshape(4, 3, 8, 3, 3).mean((1, 3))
    torch.testing.assert_close(color, expected, rtol=0, atol=2e-6)
    torch.testing.assert_close(depth, torch.full((4, 8), 2.0), rtol=1e-6, atol=0)


@pytest.mark.parametrize("target", [16, 24, 96])
def test_resampling_keeps_a_plane_a_plane(target):
    """Distances to the ground plane from 64 rows fit it at other sizes; the nearest pixel's would not."""
    source, below = 64, 1.6
    down = erp_directions(source, 2 * source, dtype=torch.float64)[..., 1]
    depth = torch.where(down > 0.2, below / down.clamp(min=0.2), 30.0).float()
    flat = torch.zeros(source, 2 * source, dtype=torch.bool)
    geometry = PanoramaGeometry(torch.rand(source, 2 * source, 3, generator=rng(0)), depth, ~flat, flat)
    _, resampled = resample_geometry(geometry, target)
    ray = erp_directions(target, 2 * target, dtype=torch.float64)[..., 1]
    inner = ray > 0.92  # steep enough that no pixel under a vertex falls to the 5 % rule
    error = (resampled.double() * ray / below - 1).abs()[inner]
    # The inverse distance is a sine of the row's angle; its mean over a pixel of the coarser grid is off by
    # the angle^2 / 24, its linear interpolation by the angle^2 / 8 (1 % more here).
    step = torch.pi / min(source, target)
    assert error.max() < 1.05 * step * step / 8


def test_own_size_is_not_resampled():
    geometry = random_geometry(8, 0)
    color, depth = resample_geometry(geometry, 8)
    assert torch.equal(color, geometry.rgb)
    assert torch.equal(depth, geometry.depth_ray)


def test_refusals():
    geometry = random_geometry(8, 0)
    with pytest.raises(InvalidInput, match="height must be at least 2 rows of vertices; got 1"):
        mesh_from_panorama(geometry, height=1)
    with pytest.raises(InvalidInput, match="edge_threshold must be positive; got 0"):
        mesh_from_panorama(geometry, height=8, edge_threshold=0)


@pytest.mark.parametrize("threshold", [0.02, 0.05])
def test_the_threshold_keeps_the_same_ground_at_every_size(threshold):
    """On flat ground the distance jumps by 2 pi / (2 H tan(pitch)) from above to below: torn beyond one pitch."""
    shown = {}
    for height in (256, 512, 1024):
        pitch = (0.5 - (torch.arange(height) + 0.5) / height) * torch.pi
        rows = torch.where(pitch < -0.02, 1 / -pitch.clamp(max=-0.02).sin(), 50.0)
        depth = rows[:, None].repeat(1, 2 * height)
        sure = torch.ones_like(depth, dtype=torch.bool)
        geometry = PanoramaGeometry(torch.ones(*depth.shape, 3), depth, sure, ~sure)
        seen = mesh_from_panorama(geometry, height=height, edge_threshold=threshold).is_visible
        first = int(seen.reshape(height, -1)[height * 33 // 64 :, 0].int().argmax()) + height * 33 // 64
        shown[height] = -float(pitch[first])
    # Beyond the pitch where 2 * (pi / 1024) / tan(pitch) is the threshold, within a row of the coarsest mesh.
    limit = torch.atan(torch.tensor(2 * torch.pi / 1024 / threshold)).item()
    assert all(abs(pitch - limit) < 2 * torch.pi / 256 for pitch in shown.values()), (shown, limit)
