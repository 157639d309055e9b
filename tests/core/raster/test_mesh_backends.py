"""Every usable mesh backend against the reference: soups, poles, the seam, giants, closed shells."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
import torch
from oracles_mesh import closed_room, mesh_of, random_pose, rng, soup

from matrix3d_core.errors import BackendUnavailable, InvalidInput
from matrix3d_core.geometry.spherical import directions_from_pixels, erp_directions
from matrix3d_core.guidance.scene_mesh import grid_faces
from matrix3d_core.raster.mesh import MESH_BACKENDS, MeshFrame, open_mesh_renderer, shade_hits
from matrix3d_core.scene.mesh import Mesh

FAST = ("numba", "embreex", "warp-cpu")
HEIGHT, WIDTH = 48, 96


@pytest.fixture(params=FAST)
def backend(request):
    reason = MESH_BACKENDS.unavailable_reason(request.param)
    if reason is not None:
        pytest.skip(f"{request.param}: {reason}")
    return request.param


def incidence(mesh, pose, hits, directions):
    """Cosine between each hit's ray and its face's normal."""
    corners = mesh.vertices.double()[mesh.faces.long()]
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal = torch.nn.functional.normalize(normal, dim=-1)[hits.face.clamp(min=0).long()]
    return ((directions @ pose[:3, :3]) * normal).sum(-1).abs()


_REFERENCES = {}  # the backends share their references: these take longer than the backends


def reference_of(mesh, pose, height, width):
    """Directions, hits and frame of the reference backend."""
    key = (
        mesh.vertices.numpy().tobytes(),
        mesh.faces.numpy().tobytes(),
        pose.numpy().tobytes(),
        height,
        width,
    )
    if key not in _REFERENCES:
        directions = erp_directions(height, width, dtype=torch.float64)
        hits = open_mesh_renderer(mesh, backend="torch")[1].cast(pose, directions)
        _REFERENCES[key] = directions, hits, shade_hits(mesh, hits)
    return _REFERENCES[key]


def check_against_reference(mesh, pose, backend, height=HEIGHT, width=WIDTH):
    """Same hits, same distance, same picture; only rays that graze an edge or a face may differ."""
    directions, hits, expected = reference_of(mesh, pose, height, width)
    actual = open_mesh_renderer(mesh, backend=backend)[1].render(pose, height, width)
    assert actual.rgb.dtype == torch.float32
    assert actual.is_seen.dtype == torch.bool

    missed = torch.isinf(expected.depth_ray)
    # A ray changes sides of an edge only when float32 rounding (1e-7 of a radian, 2e-6 pixels) moves the
    # edge over it: about one in a million. Tracers try again up to 4e-6 rad away, so allow two rays.
    flips = (torch.isinf(actual.depth_ray) != missed).sum()
    assert flips <= (0 if backend == "numba" else 2), f"{flips} rays differ in hit or miss"
    both = ~missed & torch.isfinite(actual.depth_ray)
    clear = both & (incidence(mesh, pose, hits, directions) > 0.02)
    error = (actual.depth_ray / expected.depth_ray - 1).abs()
    # Float32 corners: 6e-8, over the cosine (50 times); tracers also round rays (6e-8) and turn 4e-6 rad.
    near = error[clear] <= (1e-5 if backend == "numba" else 4e-4)
    assert (~near).sum() <= 2, f"{(~near).sum()} distances differ, worst {error[clear].max():.2e}"
    same = clear & (error < 1e-6)
    assert (actual.is_seen != expected.is_seen)[same].sum() <= 2
    same &= actual.is_seen & expected.is_seen
    worst = (actual.rgb - expected.rgb)[same].abs().amax(-1) if same.any() else torch.zeros(1)
    # Weights move by the corner's rounding over the face's size; worst seen 2e-4 on slivers.
    assert (worst > 2e-3).sum() <= 2, f"worst color {worst.max():.2e}"
    assert actual.rgb[~actual.is_seen].abs().sum() == 0
    return expected


@pytest.mark.parametrize("size", [0.05, 0.5, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_soup(backend, seed, size):
    check_against_reference(soup(150, seed, size), random_pose(seed, reach=0.5), backend)


# Corners as (row, column) of a 48x96 panorama, at the distances 1, 2, 3; edges off the pixel centers.
PLACES = {
    "holds the upper pole": ((3.2, 10.3), (4.1, 40.2), (2.3, 75.4)),
    "holds the lower pole": ((44.2, 10.3), (46.1, 40.2), (43.3, 75.4)),
    "touches the pole": ((-0.5, 0), (6.1, 20.3), (5.2, 30.4)),
    "close to the pole": ((-0.4, 50.2), (0.3, 20.4), (0.2, 30.3)),
    "beside the pole": ((0.4, 20.3), (1.6, 30.4), (8.2, 25.1)),
    "across the seam": ((20.2, 94.3), (25.3, 2.4), (30.1, 95.2)),
    "across the seam, wide": ((20.2, 80.3), (28.3, 14.4), (30.1, 90.2)),
    "corner on the seam": ((20.2, -0.5), (25.3, 95.5), (30.1, 10.2)),
    "half the view": ((24.2, 0.3), (23.3, 32.4), (10.1, 63.2)),
    "nearly a hemisphere": ((26.2, 0.3), (27.3, 32.4), (26.4, 64.2)),
    "long and thin": ((24.4, 2.2), (24.6, 2.3), (24.5, 44.4)),
    "pole to pole": ((1.2, 30.3), (46.3, 31.4), (46.1, 33.2)),
    "less than a pixel": ((20.2, 30.2), (20.2, 30.4), (20.4, 30.3)),
    "on a pixel center": ((20, 30), (22, 30), (20, 32)),
}


@pytest.mark.parametrize("place", PLACES)
def test_awkward_places(backend, place):
    rows, columns = torch.tensor(PLACES[place], dtype=torch.float64).unbind(-1)
    corners = directions_from_pixels(columns, rows, height=HEIGHT, width=WIDTH)
    corners = corners * torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64)
    mesh = mesh_of(corners, torch.tensor([[0, 1, 2]]), hidden=0.0)
    if place == "on a pixel center":  # rays through corners and edges: only the clear ones are defined
        frame = open_mesh_renderer(mesh, backend=backend)[1].render(torch.eye(4), HEIGHT, WIDTH)
        assert frame.is_seen[21, 30] or frame.is_seen[20, 31]
        assert frame.is_seen.sum() <= 6
        return
    expected = check_against_reference(mesh, torch.eye(4, dtype=torch.float64), backend)
    assert bool(expected.is_seen.any()) == (place != "less than a pixel")
    for seed in range(2):
        check_against_reference(mesh, random_pose(seed, reach=0.3), backend)


def test_camera_inside_a_tetrahedron_sees_all_of_it(backend):
    corners = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    faces = torch.tensor([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
    mesh = mesh_of(corners, faces, hidden=0.0)
    for seed in range(5):
        frame = check_against_reference(mesh, random_pose(seed, reach=0.15), backend)
        assert frame.is_seen.all()


def test_degenerate_faces_and_a_corner_at_the_camera_are_harmless(backend):
    corners = torch.tensor(
        [[0.0, 0, 0], [1, 0, 2], [0, 1, 2], [0.5, 0.5, 2], [0, 0, 2], [0, 0, 2], [-1, -1, 2]]
    )
    faces = torch.tensor([[0, 1, 2], [1, 3, 2], [4, 5, 6], [1, 1, 1], [1, 2, 4]])
    mesh = mesh_of(corners, faces, hidden=0.0)
    frame = open_mesh_renderer(mesh, backend=backend)[1].render(torch.eye(4), HEIGHT, WIDTH)
    assert torch.isfinite(frame.rgb).all()
    assert not torch.isnan(frame.depth_ray).any()
    assert frame.is_seen.any()


@pytest.mark.parametrize("seed", range(6))
def test_closed_shell_has_no_holes(backend, seed):
    # Pixels smaller than, like, and larger than the faces.
    rows = (6, 40, 90)[seed % 3]
    renderer = open_mesh_renderer(closed_room(rows, 2 * rows, seed), backend=backend)[1]
    for k in range(3):
        frame = renderer.render(random_pose(10 * seed + k, reach=0.4), 64, 128)
        assert torch.isfinite(frame.depth_ray).all()
        assert frame.is_seen.all()


def test_large_frames_of_a_coarse_shell_have_no_holes():
    """Pairs of faces just narrow enough (a 33rd of the turn, 66 columns) to be searched together."""
    if MESH_BACKENDS.unavailable_reason("numba") is not None:
        pytest.skip("numba is not installed")
    mesh = mesh_of(erp_directions(17, 33).reshape(-1, 3), grid_faces(17, 33), hidden=0.0)
    frame = open_mesh_renderer(mesh, backend="numba")[1].render(torch.eye(4), 1100, 2200)
    assert frame.is_seen[50:-50].all()  # the poles are open


def test_rays_through_vertices_are_not_lost(backend):
    """At the mesh's own center every ray goes through a vertex, and both poles are vertices."""
    mesh = closed_room(48, 96, 3)
    turned = torch.eye(4, dtype=torch.float64)
    turned[:3, :3] = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # a pole straight ahead
    for pose in (torch.eye(4, dtype=torch.float64), turned):
        frame = open_mesh_renderer(mesh, backend=backend)[1].render(pose, 48, 96)
        assert torch.isfinite(frame.depth_ray).all()


def test_turning_the_camera_rolls_the_picture(backend):
    mesh = soup(200, 5)
    renderer = open_mesh_renderer(mesh, backend=backend)[1]
    straight = renderer.render(torch.eye(4), HEIGHT, WIDTH)
    turn = 2 * math.pi * 37 / WIDTH
    pose = torch.eye(4, dtype=torch.float64)
    c, s = math.cos(turn), math.sin(turn)
    pose[:3, :3] = torch.tensor([[c, 0, -s], [0, 1, 0], [s, 0, c]])  # the camera turns right
    turned = renderer.render(pose, HEIGHT, WIDTH)
    rolled = straight.is_seen.roll(-37, dims=1)
    assert (turned.is_seen != rolled).sum() <= 3
    both = turned.is_seen & rolled
    error = (turned.depth_ray / straight.depth_ray.roll(-37, dims=1) - 1).abs()[both]
    assert (error > 1e-5).sum() <= 3


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2), (2, 3), (7, 50), (33, 20)])
def test_any_frame_size(backend, height, width):
    check_against_reference(soup(80, 2, 1.0), random_pose(3), backend, height, width)


def test_only_surfaces_with_three_visible_corners_are_seen(backend):
    corners = torch.tensor([[-1.0, -1, 2], [1, -1, 2], [0, 1, 2]])
    mesh = Mesh(
        corners,
        torch.tensor([[0, 1, 2]], dtype=torch.int32),
        torch.ones(3, 3),
        torch.tensor([True, True, False]),
    )
    frame = open_mesh_renderer(mesh, backend=backend)[1].render(torch.eye(4), HEIGHT, WIDTH)
    assert not frame.is_seen.any()
    assert torch.isfinite(frame.depth_ray).any()  # hit, though not seen


def test_hidden_surface_still_hides_what_is_behind(backend):
    near = torch.tensor([[-2.0, -2, 1], [2, -2, 1], [0, 2, 1]])
    mesh = Mesh(
        torch.cat((near, near * 2)),
        torch.tensor([[0, 1, 2], [3, 4, 5]], dtype=torch.int32),
        torch.ones(6, 3),
        torch.tensor([False, False, False, True, True, True]),
    )
    frame = open_mesh_renderer(mesh, backend=backend)[1].render(torch.eye(4), HEIGHT, WIDTH)
    assert not frame.is_seen.any()


def test_grids_are_paired_and_the_rest_stays_alone():
    if MESH_BACKENDS.unavailable_reason("numba") is not None:
        pytest.skip("numba is not installed")
    from matrix3d_core.raster.mesh_numba import pair_faces

    grid = grid_faces(4, 6).numpy()
    odd = torch.tensor([[0, 1, 2], [3, 3, 3]]).int().numpy()
    for faces, paired in (
        (grid, 18),
        (numpy.concatenate((grid, odd)), 18),
        (odd, 0),
        (odd[:0], 0),
        (grid[:20], 2),
    ):
        pairs, face_of, alone = pair_faces(faces)
        assert alone == paired
        assert sorted(set(face_of.reshape(-1).tolist())) == list(range(len(faces)))
        assert (face_of[:alone, 0] != face_of[:alone, 1]).all()
        assert (faces[face_of[:, 0]] == pairs[:, :3]).all()
        assert (faces[face_of[:alone, 1]] == pairs[:alone][:, [2, 1, 3]]).all()


@pytest.mark.parametrize("folded", [False, True])
def test_grid_of_noise_is_drawn_like_its_faces(backend, folded):
    """Distances so rough that halves of a cell face different ways, or lie on top of each other."""
    generator = rng(8)
    directions = erp_directions(10, 20)
    distance = (0.2 if folded else 1.0) + torch.rand(10, 20, 1, generator=generator) * (3 if folded else 0.5)
    mesh = mesh_of((directions * distance).reshape(-1, 3), grid_faces(10, 20), 8)
    for seed in range(3):
        check_against_reference(mesh, random_pose(seed, reach=0.8 if folded else 0.3), backend)


@pytest.mark.parametrize("shape", [(500,), (10, 20), (2, 5, 7), (0,), (1,)])
def test_cast_follows_any_rays(backend, shape):
    mesh, pose = soup(150, 4), random_pose(4)
    directions = torch.randn(*shape, 3, generator=rng(0), dtype=torch.float64) * 5
    expected = open_mesh_renderer(mesh, backend="torch")[1].cast(pose, directions)
    actual = open_mesh_renderer(mesh, backend=backend, needs={"cast"})[1].cast(pose, directions)
    assert actual.face.shape == shape
    assert actual.weights.shape == (*shape, 3)
    assert torch.equal(actual.face, expected.face)
    torch.testing.assert_close(actual.weights, expected.weights, rtol=0, atol=2e-3)
    torch.testing.assert_close(actual.distance, expected.distance, rtol=1e-4, atol=0)


def test_cast_looks_straight_along_the_axes(backend):
    axes = torch.cat((torch.eye(3), -torch.eye(3))).double()
    renderer = open_mesh_renderer(closed_room(7, 12, 1), backend=backend)[1]
    assert (renderer.cast(torch.eye(4), axes).face >= 0).all()


def test_two_threads_draw_at_once():
    if MESH_BACKENDS.unavailable_reason("numba") is not None:
        pytest.skip("numba is not installed")
    meshes = [closed_room(60, 120, seed) for seed in range(2)]

    def draw(mesh) -> MeshFrame:
        renderer = open_mesh_renderer(mesh, backend="numba")[1]
        return [renderer.render(random_pose(k), 64, 128) for k in range(5)][-1]

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(draw, meshes))
    for frame, mesh in zip(together, meshes, strict=True):
        assert torch.equal(frame.rgb, draw(mesh).rgb)


def test_frames_do_not_share_memory(backend):
    renderer = open_mesh_renderer(closed_room(8, 16, 0), backend=backend)[1]
    first = renderer.render(torch.eye(4), 16, 32)
    kept = first.rgb.clone()
    renderer.render(random_pose(1), 16, 32)
    assert torch.equal(first.rgb, kept)


def test_refusals_name_the_rule():
    mesh = closed_room(4, 8, 0)
    with pytest.raises(
        InvalidInput, match=r"mesh backend must be auto or one of warp, nvdiffrast, numba, embreex"
    ):
        open_mesh_renderer(mesh, backend="opengl")
    bad = Mesh(mesh.vertices * torch.nan, mesh.faces, mesh.colors, mesh.is_visible)
    with pytest.raises(InvalidInput, match="vertices must be finite"):
        open_mesh_renderer(bad, backend="torch")
    renderer = open_mesh_renderer(mesh, backend="torch")[1]
    with pytest.raises(InvalidInput, match="frame must be 1x1 to 65535x32767"):
        renderer.render(torch.eye(4), 0, 4)
    with pytest.raises(InvalidInput, match=r"camera_from_world must have shape \[4, 4\]"):
        renderer.render(torch.eye(3), 4, 8)


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without CUDA")
def test_cuda_backends_are_refused_by_name_not_swapped():
    with pytest.raises(BackendUnavailable, match=r"warp: (needs a CUDA device|the package warp-lang)"):
        open_mesh_renderer(closed_room(4, 8, 0), backend="warp")
    with pytest.raises(BackendUnavailable, match=r"nvdiffrast: (needs a CUDA device|the package nvdiffrast)"):
        open_mesh_renderer(closed_room(4, 8, 0), backend="nvdiffrast")


def test_rasterizers_without_cast_are_refused_for_it():
    with pytest.raises(BackendUnavailable, match="nvdiffrast: has no cast"):
        open_mesh_renderer(closed_room(4, 8, 0), backend="nvdiffrast", needs={"cast"})


def test_order_of_preference():
    assert MESH_BACKENDS.names == ("warp", "nvdiffrast", "numba", "embreex", "warp-cpu", "torch")
    assert MESH_BACKENDS.unavailable_reason("torch") is None


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["warp", "nvdiffrast"])
def test_cuda_backends_match_the_reference(name):
    if MESH_BACKENDS.unavailable_reason(name) is not None:
        pytest.skip(f"{name}: {MESH_BACKENDS.unavailable_reason(name)}")
    mesh, pose = closed_room(40, 80, 0), random_pose(0)
    expected = open_mesh_renderer(mesh, backend="torch")[1].render(pose, 64, 128)
    actual = open_mesh_renderer(mesh, backend=name)[1].render(pose, 64, 128)
    assert actual.is_seen.all()
    error = (actual.depth_ray / expected.depth_ray - 1).abs()
    # A rasterizer looks its faces up at the nearest texel, about half a pixel off.
    assert error.quantile(0.99) < (1e-4 if name == "warp" else 5e-2)
