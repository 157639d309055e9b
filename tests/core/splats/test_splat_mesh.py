"""Meshes against exact surfaces."""

import itertools

import numpy as np
import pytest
import torch
from small_worlds import ROOM, room, walk

from matrix3d_core.errors import InvalidInput
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.mesh import Mesh
from matrix3d_core.splats import atlas
from matrix3d_core.splats.atlas import cover_texels, lay_out
from matrix3d_core.splats.mesh import MeshConfig, decimate, for_gltf, mesh_from_gaussians, surface_nets
from matrix3d_core.splats.texture import texture_mesh

WORLD, PATH = room(0.12), walk()


def off_the_walls(points):
    gap = points.abs() - torch.tensor(ROOM)
    return torch.where((gap > 0).any(1), gap.clamp_min(0).norm(dim=1), -gap.amax(1))


def normals(mesh):
    a, b, c = (mesh.vertices[mesh.faces[:, k].long()] for k in range(3))
    return a, torch.linalg.cross(b - a, c - a)


@pytest.fixture(scope="module")
def fused():
    return mesh_from_gaussians(WORLD, trajectory=PATH, config=MeshConfig(resolution=64, views=3, rows=128))


def test_mesh_lies_on_the_walls(fused):
    mesh, report = fused
    error = off_the_walls(mesh.vertices)
    # A flat splat's depth is that of its center: up to a sigma (0.066) off where it is seen at an angle
    assert error.mean() < 0.035
    assert error.quantile(0.99) < 0.1
    assert report["faces"] == len(mesh.faces)
    covered = normals(mesh)[1].norm(dim=-1).sum() / 2
    area = 8 * (ROOM[0] * ROOM[1] + ROOM[1] * ROOM[2] + ROOM[0] * ROOM[2])
    assert abs(float(covered) / area - 1) < 0.1  # closed, single


def test_faces_turn_towards_the_path(fused):
    start, normal = normals(fused[0])
    assert ((-start * normal).sum(-1) > 0).float().mean() > 0.995


def test_colors_are_those_of_the_splats(fused):
    mesh, _ = fused
    nearest = torch.cdist(mesh.vertices, WORLD.means).argmin(1)
    assert (mesh.colors - WORLD.colors[nearest]).abs().mean() < 0.05


def test_collider_is_small_and_still_right(fused):
    small = decimate(fused[0], 600)
    assert 300 < len(small.faces) <= 600
    assert off_the_walls(small.vertices).mean() < 0.05
    start, normal = normals(small)
    assert ((-start * normal).sum(-1) > 0).float().mean() > 0.98
    assert decimate(small, 600) is small


def slow_nets(field, seen):
    """From the definition, cell by cell: the vertex is the mean of the crossings on the 12 edges."""
    found = {}
    for cell in itertools.product(*(range(n - 1) for n in field.shape)):
        corners = [tuple(np.add(cell, d)) for d in itertools.product((0, 1), repeat=3)]
        if not all(seen[c] for c in corners):
            continue
        cuts = []
        for a, b in itertools.combinations(corners, 2):
            if sum(abs(i - j) for i, j in zip(a, b, strict=True)) == 1 and (field[a] > 0) != (field[b] > 0):
                share = field[a] / (field[a] - field[b])
                cuts.append(np.array(a) + share * (np.array(b) - a))
        if cuts:
            found[cell] = np.mean(cuts, axis=0)
    return found


def test_surface_nets_are_the_definition():
    axes = np.meshgrid(*(np.arange(n) for n in (11, 10, 12)), indexing="ij")
    field = (np.sqrt(sum((a - c) ** 2 for a, c in zip(axes, (5.2, 4.6, 5.9), strict=True))) - 3.3).astype(
        np.float32
    )
    seen = np.ones(field.shape, bool)
    vertices, faces = surface_nets(field, seen)
    slow = slow_nets(field.astype(np.float64), seen)
    np.testing.assert_allclose(vertices, np.array(list(slow.values())), atol=1e-6)  # both in row order
    edges = {}
    for face in faces:
        for k in range(3):
            edge = (face[k], face[(k + 1) % 3])
            edges[edge] = edges.get(edge, 0) + 1
    assert all(n == 1 and edges.get((b, a)) == 1 for (a, b), n in edges.items())  # closed, evenly turned
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    assert (np.cross(b - a, c - a) * (a - (5.2, 4.6, 5.9))).sum(1).min() > 0  # outwards
    volume = (a * np.cross(b, c)).sum() / 6
    # The mean of crossings up to 0.85 voxels away lies a sagitta of 0.85^2 / 2r inside: at most 0.11 of 3.3, thrice
    assert 0.89 < volume / (4 / 3 * np.pi * 3.3**3) < 1
    seen[:, :5] = False
    half, _ = surface_nets(field, seen)
    np.testing.assert_allclose(
        half, np.array(list(slow_nets(field.astype(np.float64), seen).values())), atol=1e-6
    )


def test_nothing_to_see_is_an_error():
    config = MeshConfig(resolution=16, views=1, rows=32, min_faces=10**9)
    with pytest.raises(InvalidInput, match="must show a surface"):
        mesh_from_gaussians(WORLD, trajectory=PATH, config=config)
    with pytest.raises(InvalidInput, match=r"none are within 0\.1"):
        mesh_from_gaussians(WORLD, trajectory=PATH, config=MeshConfig(max_depth=0.1, rows=32))
    with pytest.raises(InvalidInput, match="resolution must lie between 8 and 1024"):
        MeshConfig(resolution=2)


def test_gltf_is_upright_and_linear():
    mesh = Mesh(
        torch.tensor([[1.0, 2.0, 3.0]]).repeat(3, 1),
        torch.tensor([[0, 1, 2]], dtype=torch.int32),
        torch.full((3, 3), 0.5),
        torch.ones(3, dtype=torch.bool),
    )
    up = for_gltf(mesh)
    assert up.vertices[0].tolist() == [1, -2, -3]
    assert float(up.colors[0, 0]) == pytest.approx(0.2140, abs=1e-4)


def fine_room():
    """The room with stripes that are finer than the mesh's triangles."""
    world = room(0.06)
    stripes = 0.5 + 0.4 * torch.sin(world.means * 20)
    return Gaussians.from_colors(*world.tensors()[:4], stripes)


@pytest.fixture(scope="module")
def painted():
    world = fine_room()
    mesh, report = mesh_from_gaussians(
        world, trajectory=PATH, config=MeshConfig(resolution=40, views=3, rows=128)
    )
    textured, report = texture_mesh(
        mesh, world, trajectory=PATH, size_px=1024, views=3, tolerance=report["tolerance"]
    )
    return world, mesh, textured, report


def test_a_texture_shows_what_triangles_are_too_coarse_for(painted):
    world, mesh, textured, report = painted
    assert torch.equal(textured.vertices[textured.faces.long()], mesh.vertices[mesh.faces.long()])
    rng = torch.Generator().manual_seed(0)
    face = torch.randint(len(mesh.faces), (4000,), generator=rng)
    share = torch.distributions.Dirichlet(torch.ones(3)).sample((4000,))
    corners = textured.faces.long()[face]
    uv = (textured.uvs[corners] * share.unsqueeze(-1)).sum(1)
    grid = (uv * 2 - 1)[None, None]
    color = torch.nn.functional.grid_sample(
        textured.texture.permute(2, 0, 1)[None], grid, align_corners=False
    )
    point = (textured.vertices[corners] * share.unsqueeze(-1)).sum(1)
    truth = world.colors[torch.cdist(point, world.means).argmin(1)]
    flat = (mesh.colors[mesh.faces.long()[face]] * share.unsqueeze(-1)).sum(1)
    error, coarse = ((c - truth).abs().mean() for c in (color[0, :, 0].T, flat))
    assert error < 0.6 * coarse
    assert error < 0.1
    assert report["used"] > 0.4


def test_every_triangle_has_texels_of_its_own(painted):
    """No two triangles lie on each other: their areas add up to what is covered."""
    _, _, textured, report = painted
    corners = textured.uvs[textured.faces.long()].double() * report["size"]
    assert corners.min() >= 1
    assert corners.max() <= report["size"] - 1
    (ax, ay), (bx, by) = ((corners[:, k] - corners[:, 0]).unbind(-1) for k in (1, 2))
    area = (ax * by - ay * bx).abs() / 2
    owner, _ = cover_texels(corners.numpy(), report["size"])
    # A texel's center is in or out: the count is off by a part of the border's length, 1 in 10 here.
    assert abs((owner >= 0).sum() / float(area.sum()) - 1) < 0.02
    assert len(np.unique(owner)) > 0.98 * len(corners)


def test_texels_of_triangles_by_the_definition():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 40, (60, 1, 2)) + rng.uniform(-6, 6, (60, 3, 2))
    owner, share = cover_texels(corners, 40)
    for row, column in itertools.product(range(40), repeat=2):
        point = np.array((column + 0.5, row + 0.5))
        found, weights = -1, (0, 0)
        for number, (a, b, c) in enumerate(corners):
            s, t = np.linalg.solve(np.stack((b - a, c - a), 1), point - a)
            if min(s, t, 1 - s - t) >= 0:
                found, weights = number, (s, t)
                break
        assert owner[row, column] == found
        if found >= 0:
            assert share[row, column] == pytest.approx(weights, abs=1e-6)


def test_what_covers_itself_gets_charts_of_its_own(monkeypatch):
    """A spiral stair of two turns: every triangle faces up, all are connected, and one turn lies over the other."""
    monkeypatch.setattr(atlas, "_TILES", 0.01)  # else it is cut into pieces that do not
    turn, radius = np.meshgrid(np.linspace(0, 4 * np.pi, 81), np.linspace(0.4, 1, 5), indexing="ij")
    points = 2 + np.stack((radius * np.cos(turn), 0.08 * turn, radius * np.sin(turn)), -1).reshape(-1, 3)
    corner = (np.arange(80)[:, None] * 5 + np.arange(4)).reshape(-1)
    faces = np.concatenate(
        (np.stack((corner, corner + 1, corner + 6), 1), np.stack((corner, corner + 6, corner + 5), 1))
    )
    laid = lay_out(points, faces, 512)
    owner, _ = cover_texels(laid.corners_px, 512)
    assert len(np.unique(owner[owner >= 0])) == len(faces)
    assert laid.charts >= 2


def test_textures_are_refused_in_words(painted):
    world, mesh, textured, _ = painted
    with pytest.raises(InvalidInput, match="texture must be one of 512"):
        texture_mesh(mesh, world, size_px=100, tolerance=0.1)
    empty = Mesh(mesh.vertices, mesh.faces[:0], mesh.colors, mesh.is_visible)
    with pytest.raises(InvalidInput, match="at least 1 triangle"):
        texture_mesh(empty, world, size_px=512, tolerance=0.1)
    with pytest.raises(InvalidInput, match="must come together"):
        Mesh(mesh.vertices, mesh.faces, mesh.colors, mesh.is_visible, uvs=torch.zeros(len(mesh.vertices), 2))
    assert for_gltf(textured).texture is textured.texture
