"""Mesh files that other programs write, read as objects."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.gltf_meshes import write_meshes_glb
from matrix3d_core.io.mesh_files import MESH_FORMATS, read_meshes
from matrix3d_core.io.splats import holds_splats, write_gaussians
from matrix3d_core.scene.mesh import Mesh
from matrix3d_core.splats.mesh import for_gltf
from tests.support.small_worlds import room

trimesh = pytest.importorskip("trimesh")


def exported(shape, kind):
    data = shape.export(file_type=kind)
    return data if isinstance(data, bytes) else data.encode()


@pytest.mark.parametrize("kind", [kind for kind in MESH_FORMATS if kind != "gltf"])
def test_every_format_comes_y_down_with_its_winding(kind):
    ball = trimesh.creation.icosphere(2, 0.5)
    ball.apply_translation((0.0, 2.0, 1.0))
    (found,) = read_meshes(exported(ball, kind), kind)
    low, high = found.vertices.amin(0), found.vertices.amax(0)
    torch.testing.assert_close((low + high) / 2, torch.tensor((0.0, -2.0, -1.0)), atol=1e-3, rtol=0)
    corners = found.vertices[found.faces.long()]
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normal * (corners.mean(1) - (low + high) / 2)).sum(-1) > 0).all()


def test_a_mirrored_node_keeps_its_outside():
    scene = trimesh.Scene()
    scene.add_geometry(trimesh.creation.icosphere(1, 1.0), transform=np.diag((-1.0, 1.0, 1.0, 1.0)))
    (found,) = read_meshes(exported(scene, "glb"), "glb")
    corners = found.vertices[found.faces.long()]
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normal * corners.mean(1)).sum(-1) > 0).all()


def test_colors_and_textures_are_display_color():
    ball = trimesh.creation.icosphere(1, 1.0)
    ball.visual.vertex_colors = np.tile((188, 55, 255, 255), (len(ball.vertices), 1)).astype(np.uint8)
    (found,) = read_meshes(exported(ball, "glb"), "glb")
    # glTF's colors of vertices are linear: 188 / 255 is 0.87 on the display.
    torch.testing.assert_close(found.colors[0], torch.tensor((0.874, 0.502, 1.0)), atol=0.01, rtol=0)
    (found,) = read_meshes(exported(ball, "ply"), "ply")
    torch.testing.assert_close(found.colors[0], torch.tensor((188.0, 55.0, 255.0)) / 255, atol=0.01, rtol=0)

    picture = Image.fromarray(np.uint8([[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (255, 255, 255)]]))
    plane = trimesh.Trimesh(
        [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [(0, 1, 2), (0, 2, 3)], process=False
    )
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=picture)
    plane.visual = trimesh.visual.TextureVisuals(uv=[(0, 0), (1, 0), (1, 1), (0, 1)], material=material)
    (found,) = read_meshes(exported(plane, "glb"), "glb")
    upper_left = found.uvs[(found.vertices[:, 0] < 0.5) & (found.vertices[:, 1] < -0.5)][0]
    torch.testing.assert_close(upper_left, torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.texture[0, 0], torch.tensor((1.0, 0, 0)))


def test_our_own_glb_comes_back():
    texture = torch.rand(8, 8, 3)
    corners = torch.tensor(((0.0, 0, 0), (1, 0, 0), (0, 1, 0)))
    yes = torch.ones(3, dtype=torch.bool)
    own = Mesh(
        corners,
        torch.tensor(((0, 1, 2),), dtype=torch.int32),
        torch.zeros(3, 3),
        yes,
        corners[:, :2],
        texture,
    )
    target = io.BytesIO()
    write_meshes_glb(target, {"a": for_gltf(own), "b": for_gltf(own)})
    found = read_meshes(target.getvalue(), "glb")
    assert len(found) == 2
    torch.testing.assert_close(found[0].vertices, corners)
    torch.testing.assert_close(found[0].texture, texture, atol=1 / 255, rtol=0)
    turned = read_meshes(target.getvalue(), "glb", y_up=False)[0]
    torch.testing.assert_close(turned.vertices, corners * torch.tensor((1.0, -1.0, -1.0)))


def test_splats_and_meshes_are_told_apart():
    for kind in ("ply", "glb"):
        target = io.BytesIO()
        write_gaussians(target, room(0.5), kind=kind)
        assert holds_splats(kind, target.getvalue()[:4096])
        assert not holds_splats(kind, exported(trimesh.creation.box((1, 1, 1)), kind)[:4096])
    assert holds_splats("spz", b"")
    assert not holds_splats("obj", b"")


@pytest.mark.parametrize(
    ("data", "kind", "error", "says"),
    [
        (b"glTF nothing", "glb", FormatError, "truncated"),
        (b"", "stl", FormatError, "mesh"),
        (b"v 0 0 0\nv 1 0 0\n", "obj", FormatError, "mesh"),
        (b"", "fbx", InvalidInput, "must be one of"),
    ],
)
def test_files_without_a_mesh_say_why(data, kind, error, says):
    with pytest.raises(error, match=says):
        read_meshes(data, kind)


def test_vertices_that_are_not_finite_are_refused():
    data = b"v 0 0 0\nv 1 0 nan\nv 0 1 0\nf 1 2 3\n"
    with pytest.raises(FormatError, match="NaN"):
        read_meshes(data, "obj")
