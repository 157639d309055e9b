"""Meshes as Gaussians: whole surfaces, their colors, and the way they face."""

import math

import numpy as np
import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_quats
from matrix3d_core.objects.surfels import gaussians_from_meshes
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.camera import Pinhole
from matrix3d_core.scene.mesh import Mesh

trimesh = pytest.importorskip("trimesh")


def plain(shape, color=(0.2, 0.6, 0.4)):
    vertices = torch.tensor(np.asarray(shape.vertices), dtype=torch.float32)
    faces = torch.tensor(np.asarray(shape.faces), dtype=torch.int32)
    return Mesh(
        vertices,
        faces,
        torch.tensor(color).expand(len(vertices), 3),
        torch.ones(len(vertices), dtype=torch.bool),
    )


def square(texture, uvs=((0, 0), (1, 0), (1, 1), (0, 1))):
    """Return a square of 1 unit that faces -z, where the camera is; its texture is upright for OpenCV axes."""
    corners = torch.tensor(((-0.5, -0.5, 0), (0.5, -0.5, 0), (0.5, 0.5, 0), (-0.5, 0.5, 0)))
    faces = torch.tensor(((0, 2, 1), (0, 3, 2)), dtype=torch.int32)
    yes = torch.ones(4, dtype=torch.bool)
    return Mesh(corners, faces, torch.zeros(4, 3), yes, torch.tensor(uvs, dtype=torch.float32), texture)


def look(gaussians, distance=2.0, size=128):
    pose = torch.eye(4, dtype=torch.float64)
    pose[2, 3] = distance
    return render_view(gaussians, pose, Pinhole.from_fov(math.radians(50), size, size))


@pytest.mark.parametrize("shape", ["large faces", "small faces"])
def test_a_surface_has_no_gaps_and_ends_where_the_mesh_does(shape):
    solid = trimesh.creation.box((1, 1, 1)) if shape == "large faces" else trimesh.creation.icosphere(6, 0.5)
    found = gaussians_from_meshes([plain(solid)], max_gaussians=8000)
    assert 3000 < len(found) <= 8000
    seen = look(found)
    focal = 64 / math.tan(math.radians(25))
    # The front face of the box is 1.5 away; the ball's outline is that of its tangent cone.
    half = focal * 0.5 / 1.5 if shape == "large faces" else focal * 0.5 / math.sqrt(4 - 0.25)
    y, x = torch.meshgrid(torch.arange(128) - 63.5, torch.arange(128) - 63.5, indexing="ij")
    reach = torch.maximum(x.abs(), y.abs()) if shape == "large faces" else torch.hypot(x, y)
    assert float(seen.alpha[reach < half - 3].min()) > 0.97
    assert float(seen.alpha[reach > half + 4].max()) < 0.1
    inner = reach < half - 3
    torch.testing.assert_close(
        seen.rgb[inner] / seen.alpha[inner, None],
        torch.tensor((0.2, 0.6, 0.4)).expand(int(inner.sum()), 3),
        atol=2e-3,
        rtol=0,
    )


def test_the_pieces_of_a_triangle_have_its_area_and_moments():
    corners = torch.tensor(((0.0, 0, 0), (3.0, 0, 0), (0.5, 2.0, 0)))
    mesh = Mesh(
        corners,
        torch.tensor(((0, 1, 2),), dtype=torch.int32),
        torch.zeros(3, 3),
        torch.ones(3, dtype=torch.bool),
    )
    found = gaussians_from_meshes([mesh], max_gaussians=500)
    count = math.isqrt(len(found))
    assert count * count == len(found)
    means = found.means.double()
    # Moments of points spread evenly over a triangle, by its corners: (sum of squares + square of the sum) / 12.
    a = corners.double()
    exact = (a.mT @ a + a.sum(0)[:, None] * a.sum(0)[None]) / 12
    axes = matrix_from_quats(found.quats_wxyz.double())
    own = axes @ torch.diag_embed(found.scales.double().square()) @ axes.mT
    spread = float(
        own[0, 0, 0] / (exact[0, 0] - a.mean(0)[0] ** 2) * count**2
    )  # as the pieces' sides are to the whole
    inside = own.mean(0) / spread
    got = means.mT @ means / len(means) + inside
    torch.testing.assert_close(got[:2, :2], exact[:2, :2], rtol=1e-3, atol=1e-3)


def test_normals_point_to_the_side_of_counterclockwise_corners():
    found = gaussians_from_meshes([plain(trimesh.creation.icosphere(3, 1.0))], max_gaussians=2000)
    normal = matrix_from_quats(found.quats_wxyz.double())[:, :, 2]
    outward = torch.nn.functional.normalize(found.means.double(), dim=-1)
    assert float((normal * outward).sum(-1).min()) > 0.9


def test_colors_come_from_the_texture_upright():
    texture = torch.zeros(64, 64, 3)
    texture[:32, :, 0], texture[32:, :, 2], texture[:, 32:, 1] = (
        1,
        1,
        1,
    )  # red above, blue below, with green right
    seen = look(gaussians_from_meshes([square(texture)], max_gaussians=3000)).rgb
    for row, column, color in (
        (45, 45, (1, 0, 0)),
        (45, 82, (1, 1, 0)),
        (82, 45, (0, 0, 1)),
        (82, 82, (0, 1, 1)),
    ):
        torch.testing.assert_close(seen[row, column], torch.tensor(color).float(), atol=0.05, rtol=0)


def test_fine_textures_are_averaged_not_sampled():
    texture = torch.zeros(512, 512, 3)
    texture[::2, ::2], texture[1::2, 1::2] = 1, 1
    found = gaussians_from_meshes([square(texture)], max_gaussians=400)
    torch.testing.assert_close(found.colors, torch.full_like(found.colors, 0.5), atol=0.05, rtol=0)


def test_texels_without_alpha_are_holes():
    texture = torch.ones(32, 32, 4)
    texture[:, :16, 3] = 0
    found = gaussians_from_meshes([square(texture)], max_gaussians=2000)
    assert float(found.means[:, 0].min()) > -0.05
    assert len(found) > 400


@pytest.mark.parametrize(
    ("mesh", "most", "says"),
    [
        (lambda: square(torch.cat((torch.ones(4, 4, 3), torch.zeros(4, 4, 1)), -1)), 100, "transparent"),
        (lambda: plain(trimesh.creation.box((1, 1, 1))), 3, "max_gaussians"),
        (lambda: plain(trimesh.creation.box((0, 0, 0))), 100, "triangles with an area"),
    ],
)
def test_what_cannot_be_seen_is_refused(mesh, most, says):
    with pytest.raises(InvalidInput, match=says):
        gaussians_from_meshes([mesh()], max_gaussians=most)


def test_vertices_that_are_not_finite_are_refused():
    mesh = plain(trimesh.creation.box((1, 1, 1)))
    mesh.vertices[0, 0] = torch.nan
    with pytest.raises(InvalidInput, match="finite"):
        gaussians_from_meshes([mesh])
