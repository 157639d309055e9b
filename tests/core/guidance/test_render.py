"""Guidance frames: where things appear, what is seen, seams, poles, cancelling."""

import math

import pytest
import torch
from oracles_mesh import random_geometry, rng, sphere_room

from matrix3d_core.errors import BackendUnavailable, InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.guidance import upstream_cubemap
from matrix3d_core.guidance.render import GUIDANCE_MODES, describe_guidance, render_guidance
from matrix3d_core.raster.mesh import MESH_BACKENDS
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory

RADIUS = 2.0
HEIGHT = 32
SMALL_FACE = 64


@pytest.fixture(autouse=True)
def small_cube_faces(monkeypatch):
    """Upstream's 512-texel faces take a second per frame; its own size is pinned in tests/parity."""
    monkeypatch.setattr(upstream_cubemap, "FACE_SIZE_PX", SMALL_FACE)


def path(*poses, **fields):
    """A trajectory from (center, yaw, pitch, roll) tuples, degrees."""
    centers = torch.tensor([pose[0] for pose in poses], dtype=torch.float64)
    angles = torch.deg2rad(torch.tensor([pose[1:] or (0, 0, 0) for pose in poses], dtype=torch.float64))
    return Trajectory.from_centers(matrix_from_yaw_pitch_roll(*angles.unbind(-1)), centers, **fields)


def expected_in_sphere(trajectory, frame, height):
    """Color and distance of the sphere room, from the ray-sphere equation."""
    pose = trajectory.world_from_camera[frame]
    center = pose[:3, 3]
    ray = erp_directions(height, 2 * height, dtype=torch.float64) @ pose[:3, :3].mT
    along = ray @ center
    distance = -along + torch.sqrt(along**2 - center @ center + RADIUS**2)
    point = center + distance.unsqueeze(-1) * ray
    return 0.5 + 0.5 * point / RADIUS, distance


MOVES = path(
    ((0.5, 0, 0),), ((0, 0, 0.9), 20, 0, 0), ((-0.3, 0.4, -0.6), 200, -30, 15), ((0, -0.8, 0), 0, 90, 0)
)


@pytest.mark.parametrize("mode", GUIDANCE_MODES)
@pytest.mark.parametrize("frame", range(4))
def test_surfaces_appear_where_they_are(mode, frame):
    """Not mirrored, upright, turned the right way: the color says which point of the room it is."""
    height = 64
    geometry, _ = sphere_room(height, RADIUS)
    one = Trajectory(MOVES.camera_from_world[frame : frame + 1])
    frames = render_guidance(
        geometry, one, height=height, mode=mode, exact_first_frame=False, edge_threshold=height / 1024
    )
    color, distance = expected_in_sphere(MOVES, frame, height)
    seen = frames.mask[0] > 0
    # Only the closed mesh has no holes. upstream's are its open poles, which fill whole rows of the frame.
    assert seen.all() if mode == "mesh" else seen.float().mean() > 0.8
    error = (frames.rgb[0].double() - color).abs().amax(-1)[seen]
    # Half the room's color range per radian. mesh: chords of a step of pi / 64 are off by step^2 / 8;
    # points: up to a pixel off, and the room is up to 1 / (1 - 0.9 / 2) times as close; upstream: half
    # a texel (1 / 64 of half a face) plus 8-bit colors.
    step = math.pi / height
    bound = {"mesh": step**2, "points": 2.5 * step, "upstream": step}[mode]
    assert error.max() < bound, f"worst {error.max():.4f} of {bound:.4f}"
    relative = (frames.depth_ray[0].double() / distance - 1).abs()[seen]
    assert relative.max() < {"mesh": 2 * step**2, "points": 3 * step, "upstream": 2 * step}[mode]


def test_no_holes_at_poles_or_seam():
    """A closed room seen from anywhere inside is seen whole."""
    geometry, _ = sphere_room(HEIGHT)
    generator = rng(0)
    turns = torch.rand(8, 3, generator=generator) * 360
    places = (torch.rand(8, 3, generator=generator) - 0.5) * 1.5
    poses = [(tuple(p.tolist()), *t.tolist()) for p, t in zip(places, turns, strict=True)]
    poses += [((0.0, 0.9, 0.0), 0, 0, 0), ((0.0, -0.9, 0.0), 0, 90, 0)]
    frames = render_guidance(geometry, path(*poses), height=HEIGHT, edge_threshold=HEIGHT / 1024)
    assert frames.mask.min() == 1
    assert torch.isfinite(frames.depth_ray).all()


def test_the_seam_is_like_any_other_column():
    """Rolling the panorama and turning the path with it changes nothing but float32 rounding."""
    geometry = random_geometry(16, 3)
    depth = 2 + 0.1 * torch.rand(16, 32, generator=rng(0))
    depth[5:9, :3] = 4.0  # a hole in the wall, one side of it on the border
    geometry = PanoramaGeometry(geometry.rgb, depth, geometry.is_valid, geometry.is_sky)
    columns = 13
    rolled = PanoramaGeometry(
        *(
            t.roll(columns, dims=1)
            for t in (geometry.rgb, geometry.depth_ray, geometry.is_valid, geometry.is_sky)
        )
    )
    turn = math.tau * columns / 32
    c, s = math.cos(turn), math.sin(turn)
    about_y = torch.tensor([[c, 0, s, 0], [0, 1, 0, 0], [-s, 0, c, 0], [0, 0, 0, 1]], dtype=torch.float64)
    poses = MOVES.camera_from_world
    first = render_guidance(
        geometry, Trajectory(poses), height=24, mesh_height=16, edge_threshold=0.3 * 16 / 1024
    )
    second = render_guidance(
        rolled, Trajectory(poses @ about_y.mT), height=24, mesh_height=16, edge_threshold=0.3 * 16 / 1024
    )
    assert 0.3 < first.mask.mean() < 0.99
    assert (first.mask != second.mask).sum() <= 2
    assert ((first.rgb - second.rgb).abs().amax(-1) > 1e-3).sum() <= 4


@pytest.mark.parametrize("mode", GUIDANCE_MODES)
def test_first_frame_is_the_panorama(mode):
    geometry = random_geometry(HEIGHT, 0)
    frames = render_guidance(geometry, path(((0, 0, 0),), ((0.2, 0, 0),)), height=HEIGHT, mode=mode)
    assert torch.equal(frames.rgb[0], geometry.rgb)
    assert torch.equal(frames.depth_ray[0], geometry.depth_ray)
    assert frames.mask[0].min() == 1
    assert frames.mask[1].min() == 0
    torn = render_guidance(geometry, path(((0, 0, 0),)), height=HEIGHT, mode=mode, exact_first_frame=False)
    assert torn.mask[0].min() == 0


def test_a_turned_camera_at_the_source_sees_the_panorama_whole():
    geometry = random_geometry(HEIGHT, 1)
    quarter = render_guidance(geometry, path(((0, 0, 0), 90, 0, 0)), height=HEIGHT)
    assert quarter.mask.min() == 1
    # A quarter turn to the right is a roll by a quarter of the columns.
    torch.testing.assert_close(quarter.rgb[0], geometry.rgb.roll(-HEIGHT // 2, dims=1), rtol=0, atol=1e-5)
    assert torch.equal(quarter.depth_ray[0], geometry.depth_ray.roll(-HEIGHT // 2, dims=1))


def test_only_frame_zero_is_exact_in_upstream_mode():
    geometry = random_geometry(16, 1)
    frames = render_guidance(geometry, path(((0.3, 0, 0),), ((0, 0, 0),)), height=16, mode="upstream")
    assert torch.equal(frames.rgb[0], geometry.rgb)
    assert frames.mask[1].min() == 0


def test_a_world_path_is_relative_to_its_first_pose():
    geometry = random_geometry(16, 2, low=2.0, high=2.2)
    start = MOVES.camera_from_world[2]
    moved = Trajectory(MOVES.camera_from_world @ start, frame_of_reference="world")
    own = Trajectory(MOVES.camera_from_world @ torch.linalg.inv(MOVES.camera_from_world[0]))
    first = render_guidance(geometry, moved, height=16, edge_threshold=0.5 * 16 / 1024)
    second = render_guidance(geometry, own, height=16, edge_threshold=0.5 * 16 / 1024)
    assert (first.mask == second.mask).float().mean() > 0.998
    assert (first.rgb - second.rgb).abs().flatten(2).amax(-1).mean() < 2e-3


@pytest.mark.parametrize("mode", GUIDANCE_MODES)
def test_what_is_not_seen_is_black_and_infinitely_far(mode):
    frames = render_guidance(
        random_geometry(16, 5), MOVES, height=16, mode=mode, edge_threshold=0.4 * 16 / 1024
    )
    hole = frames.mask == 0
    assert hole.any()
    assert set(frames.mask.unique().tolist()) <= {0.0, 1.0}
    assert frames.rgb[hole].abs().sum() == 0
    assert torch.isinf(frames.depth_ray[hole]).all()
    assert torch.isfinite(frames.depth_ray[~hole]).all()
    for tensor, shape in (
        (frames.rgb, (4, 16, 32, 3)),
        (frames.mask, (4, 16, 32)),
        (frames.depth_ray, (4, 16, 32)),
    ):
        assert tensor.shape == shape
        assert tensor.dtype == torch.float32


def test_points_show_the_nearest_and_ignore_edges():
    geometry, _ = sphere_room(16)
    near = geometry.depth_ray.clone()
    near[8, 16] = 0.5
    geometry = PanoramaGeometry(geometry.rgb, near, geometry.is_valid, geometry.is_sky)
    frames = render_guidance(
        geometry, path(((0, 0, 0.01),)), height=16, mode="points", edge_threshold=5.0 * 16 / 1024
    )
    assert frames.backend == "points"
    assert abs(float(frames.depth_ray[0, 8, 16]) - 0.49) < 0.01


@pytest.mark.parametrize("backend", ["numba", "embreex", "warp-cpu", "torch"])
def test_backends_agree(backend):
    if MESH_BACKENDS.unavailable_reason(backend) is not None:
        pytest.skip(f"{backend}: {MESH_BACKENDS.unavailable_reason(backend)}")
    geometry = random_geometry(12, 4, low=2.0, high=2.5)
    for mode in ("mesh", "upstream"):
        small = dict(height=12, mode=mode, edge_threshold=0.3 * 12 / 1024, exact_first_frame=False)
        one = Trajectory(MOVES.camera_from_world[:1])
        frames = render_guidance(geometry, one, backend=backend, **small)
        expected = render_guidance(geometry, one, backend="torch", **small)
        assert frames.backend == backend
        assert (frames.mask != expected.mask).sum() <= 2
        both = (frames.mask > 0) & (expected.mask > 0)
        assert both.any()
        assert ((frames.rgb - expected.rgb).abs().amax(-1)[both] > 1e-3).sum() <= 2


def test_progress_counts_frames_and_cancels():
    class Stop(Exception):
        pass

    events = []

    def watch(event):
        if not events or event is not events[-1]:  # one is repeated while a backend compiles
            events.append(event)
        if len(events) == 4:
            raise Stop

    geometry = random_geometry(8, 0)
    with pytest.raises(Stop):
        render_guidance(geometry, MOVES, height=8, progress=watch)
    assert [event.done for event in events] == [0, 0, 1, 2]
    events.clear()

    def watch_all(event):
        if not events or event is not events[-1]:
            events.append(event)

    render_guidance(geometry, Trajectory(MOVES.camera_from_world[:2]), height=8, progress=watch_all)
    assert [event.done for event in events] == [0, 0, 1, 2]
    assert events[-1].total == 2
    assert events[-1].preview.shape == (8, 16, 3)


def test_refusals():
    geometry = random_geometry(8, 0)
    with pytest.raises(InvalidInput, match="mode must be one of mesh, points, upstream; got 'voxels'"):
        render_guidance(geometry, MOVES, height=8, mode="voxels")
    with pytest.raises(InvalidInput, match="height must be at least 2 rows; got 1"):
        render_guidance(geometry, MOVES, height=1)
    with pytest.raises(InvalidInput, match="mesh backend must be auto or one of"):
        render_guidance(geometry, MOVES, height=8, backend="opengl")
    with pytest.raises(BackendUnavailable, match="nvdiffrast"):
        render_guidance(geometry, MOVES, height=8, backend="nvdiffrast", mode="upstream")


def test_report_says_backend_and_share_seen():
    geometry, _ = sphere_room(8)
    frames = render_guidance(geometry, MOVES, height=8, edge_threshold=2.0 * 8 / 1024, backend="torch")
    text = describe_guidance(frames, 2.0)
    assert "backend: torch" in text
    assert "frames: 4 of 16x8" in text
    assert "mean 100.0%, least 100.0% (frame 0)" in text
    assert "500 ms per frame" in text
