"""The reference mesh backend against one ray, one triangle at a time."""

import pytest
import torch
from oracles_mesh import cast_slowly, closed_room, random_pose, soup

from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.raster.mesh import open_mesh_renderer
from matrix3d_core.scene.mesh import Mesh


@pytest.mark.parametrize("seed", range(4))
def test_reference_matches_moeller_trumbore(seed):
    mesh, pose = soup(40, seed), random_pose(seed)
    directions = erp_directions(8, 16, dtype=torch.float64).reshape(-1, 3)
    face, distance, weights = cast_slowly(mesh, pose, directions)
    hits = open_mesh_renderer(mesh, backend="torch")[1].cast(pose, directions)
    assert torch.equal(hits.face.long(), face)
    hit = face >= 0
    assert 0.1 < hit.float().mean() < 1
    # Both compute in float64 and round to float32 (6e-8); worst seen 6e-8 and 4e-7.
    torch.testing.assert_close(hits.distance[hit].double(), distance[hit], rtol=1e-7, atol=0)
    torch.testing.assert_close(hits.weights[hit], weights[hit], rtol=0, atol=1e-6)
    assert torch.isinf(hits.distance[~hit]).all()


def test_tiles_drop_no_face():
    """A picture of many tiles equals each ray cast alone."""
    mesh, pose = soup(60, 7, size=1.5), random_pose(7)
    renderer = open_mesh_renderer(mesh, backend="torch")[1]
    directions = erp_directions(40, 80, dtype=torch.float64)
    together = renderer.cast(pose, directions)
    alone = torch.stack([renderer.cast(pose, ray[None]).face[0] for ray in directions.reshape(-1, 3)[::37]])
    assert torch.equal(together.face.reshape(-1)[::37], alone)


def test_closed_room_has_no_miss():
    frame = open_mesh_renderer(closed_room(5, 8, 0), backend="torch")[1].render(random_pose(1), 24, 48)
    assert torch.isfinite(frame.depth_ray).all()
    assert frame.is_seen.all()


def test_empty_mesh_misses_everything():
    mesh = Mesh(
        torch.zeros(3, 3), torch.zeros(0, 3, dtype=torch.int32), torch.zeros(3, 3), torch.ones(3).bool()
    )
    frame = open_mesh_renderer(mesh, backend="torch")[1].render(torch.eye(4), 4, 8)
    assert torch.isinf(frame.depth_ray).all()
    assert not frame.is_seen.any()
    assert frame.rgb.abs().max() == 0
