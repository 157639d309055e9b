"""Mode ``upstream`` against a texel by texel, pixel by pixel reading of upstream's cube map path."""

import pytest
import torch
from oracles_mesh import random_geometry, random_pose, upstream_frame_slowly

from matrix3d_core.guidance.scene_mesh import mesh_from_panorama
from matrix3d_core.guidance.upstream_cubemap import FACE_SIZE_PX, open_upstream
from matrix3d_core.raster.mesh import MESH_BACKENDS

HEIGHT, SIZE = 14, 9


@pytest.mark.parametrize("backend", ["torch", "numba", "embreex"])
@pytest.mark.parametrize("seed", range(2))
def test_upstream_mode_matches_the_slow_reading(backend, seed):
    if MESH_BACKENDS.unavailable_reason(backend) is not None:
        pytest.skip(f"{backend}: {MESH_BACKENDS.unavailable_reason(backend)}")
    geometry = random_geometry(5, seed, low=2.0, high=2.6)
    mesh = mesh_from_panorama(geometry, height=5, edge_threshold=0.35 * 5 / 1024)
    assert 0.2 < mesh.is_visible.float().mean() < 0.95
    pose, far = random_pose(seed, reach=0.5), 1.1 * float(geometry.depth_ray.max())
    slow, slack = upstream_frame_slowly(mesh, pose, HEIGHT, SIZE, far)
    frame = open_upstream(mesh, HEIGHT, backend=backend, far=far, face_size=SIZE)[1](pose)

    # Lookups run in float32: within 1e-5 of a texel's center line they may use the next taps.
    clear = torch.tensor(slack) > 1e-5
    assert clear.float().mean() > 0.9
    seen = torch.tensor([pixel is not None for pixel in slow])
    assert 0.02 < seen.float().mean() < 0.9
    assert torch.equal(frame.is_seen.reshape(-1)[clear], seen[clear])
    expected = torch.tensor([pixel or [0.0, 0.0, 0.0] for pixel in slow])
    both = clear & seen
    # Float32 weights (1e-6) times up to 9 texels between taps.
    torch.testing.assert_close(frame.rgb.reshape(-1, 3)[both], expected[both], rtol=0, atol=5e-5)
    assert torch.isinf(frame.depth_ray[~frame.is_seen]).all()


def test_faces_are_upstreams_size():
    assert FACE_SIZE_PX == 512
