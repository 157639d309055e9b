"""The parts of the nvdiffrast backend that need no GPU: face size, projection, assembling a panorama."""

import torch
from oracles_mesh import sphere_room

from matrix3d_core.geometry.cubemap import cubemap_rotations
from matrix3d_core.raster.mesh_nvdiffrast import _PADDING_PX, face_size, lookup_faces, projection


def test_projection_fills_the_padded_face():
    """The direction 45 degrees to the right lands ``_PADDING_PX`` texels inside of the border."""
    size = 64
    clip = projection(size) @ torch.tensor([1.0, -1.0, 1.0, 1.0])
    column = (clip[0] / clip[3] * 0.5 + 0.5) * (size + 2 * _PADDING_PX)
    row = (clip[1] / clip[3] * 0.5 + 0.5) * (size + 2 * _PADDING_PX)
    assert abs(column - (size + _PADDING_PX)) < 1e-4
    assert abs(row - _PADDING_PX) < 1e-4
    near, far = (projection(size) @ torch.tensor([0.0, 0.0, z, 1.0]) for z in (1e-3, 1e6))
    assert abs(near[2] / near[3] + 1) < 1e-3
    assert abs(far[2] / far[3] - 1) < 1e-3


def test_lookup_has_no_seams_and_right_orientation():
    height = 48
    geometry, _ = sphere_room(height)
    size = face_size(height)
    padded = size + 2 * _PADDING_PX
    step = (torch.arange(padded) + 0.5 - padded / 2) / (size / 2)
    y, x = torch.meshgrid(step, step, indexing="ij")
    local = torch.nn.functional.normalize(torch.stack((x, y, torch.ones_like(x)), -1).double(), dim=-1)
    faces = []
    for rotation in cubemap_rotations():
        color = 0.5 + 0.5 * (local @ rotation)
        faces.append(
            torch.cat((color, torch.ones(padded, padded, 1), torch.full((padded, padded, 1), 2.0)), -1)
        )
    frame = lookup_faces(torch.stack(faces).float(), height, 2 * height)
    assert frame.is_seen.all()
    assert torch.equal(frame.depth_ray, geometry.depth_ray)
    # Bilinear interpolation of a smooth function: half of (texel / focal length)^2 / 4 at most.
    assert (frame.rgb - geometry.rgb).abs().max() < 0.5 * (2 / size) ** 2
