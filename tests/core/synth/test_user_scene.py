"""Scenes from files: known colors, axes and classes after a round trip through trimesh, and broken files."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.scene.camera import Pinhole
from matrix3d_core.synth.render import render_scene
from matrix3d_core.synth.scene import Environment, SurfaceClass
from matrix3d_core.synth.user_scene import read_scene

pytest.importorskip("numba")
trimesh = pytest.importorskip("trimesh")

COLORS = np.array((((255, 0, 0), (0, 255, 0)), ((0, 0, 255), (255, 255, 255))), np.uint8)  # rows from the top


def room(path):
    """A poster 2 m wide and 3 m ahead, on a floor of 8 m; y up, ahead is -z."""
    image = pytest.importorskip("PIL.Image")
    pixels = COLORS.repeat(8, 0).repeat(8, 1)
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=image.fromarray(pixels), name="print")
    corners = np.array(((-1, 0.6, -3), (1, 0.6, -3), (1, 2.6, -3), (-1, 2.6, -3)), float)
    uv = np.array(((0, 0), (1, 0), (1, 1), (0, 1)), float)
    faces = np.array(((0, 1, 2), (0, 2, 3)))
    poster = trimesh.Trimesh(
        corners, faces, visual=trimesh.visual.TextureVisuals(uv, material=material), process=False
    )
    gray = trimesh.visual.material.PBRMaterial(baseColorFactor=(128, 128, 128, 255), name="gray")
    corners = np.array(((-4, 0, 4), (4, 0, 4), (4, 0, -4), (-4, 0, -4)), float)
    floor = trimesh.Trimesh(
        corners, faces, visual=trimesh.visual.TextureVisuals(uv, material=gray), process=False
    )
    scene = trimesh.Scene({"poster": poster, "base": floor})
    scene.export(path)
    return path


SUNNY = Environment(sun_direction=(0, -0.5, -1), clouds=0)  # behind the camera


def look(scene, up=1.6):
    pose = torch.eye(4, dtype=torch.float64)
    pose[1, 3] = up
    return render_scene(scene, Pinhole.from_fov(math.pi / 2, 64, 64), pose, light_rays=0)


@pytest.mark.parametrize("suffix", ["glb", "gltf", "obj"])
def test_a_textured_quad_shows_its_picture_upright(tmp_path, suffix):
    frame = look(read_scene(room(tmp_path / f"room.{suffix}"), environment=SUNNY))
    for row, column, color in ((26, 26, 0), (26, 37, 1), (37, 26, 2), (37, 37, 3)):
        expected = COLORS.reshape(4, 3)[color] / 255
        seen = frame.rgb[row, column].numpy()
        assert seen[expected == 1].min() > 0.5, (row, column, seen)
        assert seen[expected == 0].max(initial=0) < 0.3, (row, column, seen)  # cameras mix channels a little
        assert float(frame.depth_ray[row, column]) == pytest.approx(
            3 * math.hypot(1, (row - 31.5) / 32, (column - 31.5) / 32), rel=1e-6
        )
    assert int(frame.surface_class[60, 32]) == SurfaceClass.GROUND
    assert float(frame.depth_ray[63, 32]) == pytest.approx(
        1.6 * math.hypot(1, 32 / 31.5, 0.5 / 31.5), rel=1e-5
    )


def test_a_texture_keeps_its_tint_and_its_holes(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pixels = np.full((8, 8, 4), 255, np.uint8)
    pixels[:, :4, 3] = 0  # the left half is a hole
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=image.fromarray(pixels),
        baseColorFactor=(255, 0, 0, 255),
        alphaMode="MASK",
        name="print",
    )
    corners = np.array(((-1, 0, -3), (1, 0, -3), (1, 3, -3), (-1, 3, -3)), float)
    uv = np.array(((0, 0), (1, 0), (1, 1), (0, 1)), float)
    visual = trimesh.visual.TextureVisuals(uv, material=material)
    card = trimesh.Trimesh(corners, ((0, 1, 2), (0, 2, 3)), visual=visual, process=False)
    trimesh.Scene({"card": card}).export(tmp_path / "card.glb")
    frame = look(read_scene(tmp_path / "card.glb", environment=SUNNY))
    assert math.isinf(frame.depth_ray[32, 26])
    assert float(frame.depth_ray[32, 37]) == pytest.approx(3 * math.hypot(1, 5.5 / 32, 0.5 / 32), rel=1e-6)
    red, green, blue = frame.rgb[32, 37].tolist()
    assert red > 2 * max(green, blue)
    assert int(frame.surface_class[32, 37]) == SurfaceClass.FOLIAGE


def test_the_lowest_floor_is_at_height_0(tmp_path):
    scene = trimesh.Scene()
    for name, up in (("one", -2), ("two", 1)):
        corners = np.array(((-4, up, 4), (4, up, 4), (4, up, -4), (-4, up, -4)), float)
        scene.add_geometry(trimesh.Trimesh(corners, ((0, 1, 2), (0, 2, 3)), process=False), node_name=name)
    scene.export(tmp_path / "floors.glb")
    built = read_scene(tmp_path / "floors.glb")
    assert {item.name: -item.low[1] for item in built.objects} == pytest.approx({"one": 0, "two": 3})


def test_units_axes_and_vertex_colors(tmp_path):
    # A red wall of 500 x 400 cm, 300 cm along y, z up: as Blender writes PLY in centimeters.
    points = np.array(((-250, 300, 0), (250, 300, 0), (250, 300, 400), (-250, 300, 400)), float)
    colors = np.tile(np.array((230, 20, 20, 255), np.uint8), (4, 1))
    wall = trimesh.Trimesh(points, ((0, 1, 2), (0, 2, 3)), vertex_colors=colors, process=False)
    wall.export(tmp_path / "wall.ply")
    frame = look(read_scene(tmp_path / "wall.ply", meters_per_unit=0.01))
    assert float(frame.depth_ray[31, 31]) == pytest.approx(3 * math.hypot(1, 0.5 / 32, 0.5 / 32), rel=1e-6)
    assert int(frame.surface_class[31, 31]) == SurfaceClass.WALL
    red, green, blue = frame.rgb[31, 31].tolist()
    assert red > 2 * max(green, blue)
    with pytest.raises(InvalidInput, match="up_axis must be 'y' or 'z'; got 'x'"):
        read_scene(tmp_path / "wall.ply", up_axis="x")
    with pytest.raises(InvalidInput, match="meters_per_unit must be positive"):
        read_scene(tmp_path / "wall.ply", meters_per_unit=0)


def test_names_say_what_things_are(tmp_path):
    box = trimesh.creation.box((1, 1, 1))
    names = {"OakTree": SurfaceClass.FOLIAGE, "garden_walls": SurfaceClass.WALL, "thing": SurfaceClass.OBJECT}
    scene = trimesh.Scene()
    for k, name in enumerate(names):
        scene.add_geometry(
            box,
            node_name=name,
            geom_name=f"{name}_mesh",
            transform=trimesh.transformations.translation_matrix((3 * k, 0, 0)),
        )
    scene.export(tmp_path / "named.glb")
    built = read_scene(tmp_path / "named.glb")
    assert {item.name: item.surface_class for item in built.objects} == names


def test_broken_files_are_refused_in_words(tmp_path):
    (tmp_path / "cut.glb").write_bytes(room(tmp_path / "room.glb").read_bytes()[:300])
    with pytest.raises(FormatError, match=r"cut\.glb cannot be read as a scene: .*Export it again"):
        read_scene(tmp_path / "cut.glb")
    (tmp_path / "empty.obj").write_text("# nothing\n")
    with pytest.raises(FormatError, match=r"empty\.obj (holds no triangles|cannot be read)"):
        read_scene(tmp_path / "empty.obj")
    (tmp_path / "nan.obj").write_text("v 0 0 0\nv 1 0 nan\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(FormatError, match=r"nan\.obj: mesh .* vertices that are NaN or infinite"):
        read_scene(tmp_path / "nan.obj")
    with pytest.raises(InvalidInput, match=r"a file with \.glb, \.gltf, \.obj, \.ply; got world\.fbx"):
        read_scene(tmp_path / "world.fbx")
