"""What a mesh leaves out at silhouettes, and the sides of objects."""

import math

import torch

from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.guidance.closed_objects import close_objects, visible_widths
from matrix3d_core.guidance.fill import fill_guidance
from matrix3d_core.guidance.render import render_guidance
from matrix3d_core.raster.mesh import open_mesh_renderer
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory

HEIGHT, NEAR, FAR = 64, 1.5, 4.0
RED = torch.tensor((1.0, 0.0, 0.0))


def pillar(columns):
    """A red pillar, as many columns wide, in the middle of a blue round wall."""
    depth_ray = torch.full((HEIGHT, 2 * HEIGHT), FAR)
    depth_ray[16:48, HEIGHT - columns // 2 : HEIGHT - columns // 2 + columns] = NEAR
    is_near = (depth_ray == NEAR).unsqueeze(-1)
    return torch.where(is_near, RED, torch.tensor((0.0, 0.0, 1.0))), depth_ray


def test_width_is_the_arc_between_jumps():
    _, depth_ray = pillar(6)
    wide = visible_widths(depth_ray)
    row = 40
    ring = math.sin((row + 0.5) / HEIGHT * math.pi)
    assert abs(float(wide[row, HEIGHT]) - NEAR * ring * 6 * math.pi / HEIGHT) < 1e-5


def test_an_object_is_half_as_deep_as_wide_and_ends_before_the_wall():
    rgb, depth_ray = pillar(2)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = torch.tensor((0.5, -1.0, 2.0))
    mesh = close_objects(rgb, depth_ray, depth_ray > 0, pose)
    distance = (mesh.vertices + pose[:3, 3].float()).norm(dim=1)
    red = distance[mesh.colors[:, 0] > 0.5]
    # The widest row of the pillar is the equator's.
    assert abs(float(red.max()) - NEAR * (1 + 0.5 * 2 * math.pi / HEIGHT)) < 1e-3
    assert abs(float(red.min()) - NEAR) < 1e-5
    assert float(distance.max()) < FAR * 1.001


def test_what_is_thinner_than_the_mesh_can_show_is_drawn_again():
    """A pillar of one column has no vertex off an edge: the mesh loses it, the filled frames show it."""
    rgb, depth_ray = pillar(1)
    everything = torch.ones_like(depth_ray, dtype=torch.bool)
    geometry = PanoramaGeometry(rgb, depth_ray, everything, ~everything)
    centers = torch.tensor([[0.0, 0, 0], [0.15, 0, 0.0]])
    path = Trajectory.from_centers(torch.eye(3).expand(2, 3, 3), centers)
    frames = render_guidance(geometry, path, height=HEIGHT)
    assert float(frames.rgb[1, ..., 0].max()) < 0.1
    ray = erp_directions(HEIGHT, 2 * HEIGHT)
    for method, is_shown in (("exemplar", True), ("smooth", False)):
        filled = fill_guidance(frames, path, method=method)
        red = filled.rgb[1, ..., 0] > 0.9
        assert bool(red.any()) == is_shown
        if is_shown:
            points = centers[1] + (ray * filled.depth_ray[1].unsqueeze(-1))[red]
            # Its front, and sides half as deep as its pixel is wide.
            assert abs(float(points.norm(dim=1).median()) - NEAR) < 0.05


def test_a_slanted_edge_has_no_gaps_from_the_side():
    """A post that leans away, 4 % a row: seen from above, its pixels lie apart, and what joins them is seen."""
    _, depth_ray = pillar(2)
    row = torch.arange(HEIGHT).unsqueeze(1)
    depth_ray = torch.where(depth_ray == NEAR, NEAR * 1.04 ** (40 - row).clamp(0, 16), 9.0)
    mesh = close_objects(
        torch.ones(HEIGHT, 2 * HEIGHT, 3), depth_ray, depth_ray < 9, torch.eye(4, dtype=torch.float64)
    )
    pose = torch.eye(4, dtype=torch.float64)
    pose[1, 3] = 1.5  # the camera is above
    seen = open_mesh_renderer(mesh)[1].render(pose, 256, 512).is_seen[:, 256]
    rows = seen.nonzero().squeeze(1)
    assert len(rows) > 30
    assert bool(seen[int(rows[0]) : int(rows[-1])].all())
