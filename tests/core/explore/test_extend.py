"""Extending from a new viewpoint: frames, distances and what counts as known, against a room that can be computed."""

from __future__ import annotations

import math

import pytest
import torch
from poses import pose_at
from small_worlds import ROOM, room

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.explore.extend import extend_world, parse_pose, place_path, start_pose, upright
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.guidance.render import render_guidance
from matrix3d_core.metrics.image import psnr
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.splats.render import render_path
from matrix3d_core.trajectories.load3d import camera_info_from_pose
from matrix3d_core.trajectories.presets import make_preset

HALF = torch.tensor(ROOM, dtype=torch.float64)
PLACE = (0.5, 0.2, 1.0)
ROWS = 96


def wall_distance(place, yaw=0.0, rows=ROWS):
    """How far the walls are from a place, for a panorama whose middle column looks along ``yaw``."""
    turn = math.radians(yaw)
    rays = erp_directions(rows, 2 * rows, dtype=torch.float64)
    right, down, ahead = rays.unbind(-1)
    world = torch.stack(
        (
            right * math.cos(turn) + ahead * math.sin(turn),
            down,
            ahead * math.cos(turn) - right * math.sin(turn),
        ),
        -1,
    )
    eye = torch.tensor(place, dtype=torch.float64)
    return torch.where(world > 0, (HALF - eye) / world, (-HALF - eye) / world).abs().amin(-1)


def test_upright_keeps_place_and_heading_only():
    for yaw, pitch, roll in ((30, 20, 10), (-170, -60, 5), (0, 0, 0)):
        pose = upright(pose_at(PLACE, yaw, pitch, roll))
        assert torch.allclose(pose, pose_at(PLACE, yaw), atol=1e-12)
    for pitch in (90, -90):  # straight up and down: the heading that the picture's edge shows
        assert torch.allclose(upright(pose_at(PLACE, 40, pitch)), pose_at(PLACE, 40), atol=1e-9)


def test_the_new_place_shows_the_room_from_there():
    made = extend_world(room(), pose_at(PLACE, 30, 15, 5), height=ROWS)
    assert bool(made.is_known.all())
    assert made.report["position"] == pytest.approx(PLACE)
    assert made.report["heading_deg"] == pytest.approx(30)
    ratio = made.geometry.depth_ray / wall_distance(PLACE, 30)
    # Flat splats 0.12 apart, seen at a slant, give their centers' distance: 5 % over most of the view.
    assert float((ratio - 1).abs().quantile(0.9)) < 0.05
    # In the world's axes the geometry's points lie on the walls.
    rays = erp_directions(ROWS, 2 * ROWS, dtype=torch.float64) * made.geometry.depth_ray.unsqueeze(-1)
    back = made.start.world_from_camera[0]
    points = rays.reshape(-1, 3) @ back[:3, :3].T + back[:3, 3]
    off = ((points.abs() / HALF).amax(-1) - 1).abs()
    assert float(off.median()) < 0.02
    wrong = ((rays.reshape(-1, 3) + back[:3, 3]).abs() / HALF).amax(-1)
    level = slice(ROWS * (ROWS - 6), ROWS * (ROWS + 6))  # around the horizon: walls only
    assert float(off[level].median()) < 0.02
    assert float((wrong[level] - 1).abs().median()) > 0.1, "a geometry that is not rotated would differ"


def test_what_is_missing_is_not_known_and_is_completed():
    world = room()
    made = extend_world(world.select(world.means[:, 2] > -ROOM[2] + 0.2), pose_at((0, 0, 0)), height=ROWS)
    # The wall behind spans atan(2 / 3) to both sides of straight back and atan(1.5 / 3) up and down.
    rays = erp_directions(ROWS, 2 * ROWS, dtype=torch.float64)
    behind = (
        (rays[..., 2] < 0)
        & (rays[..., 0].abs() < -rays[..., 2] * (1.7 / 3))
        & (rays[..., 1].abs() < -rays[..., 2] * (1.2 / 3))
    )
    assert float(made.is_known[behind].float().mean()) < 0.02
    assert float(made.is_known[rays[..., 2] > 0.1].float().mean()) > 0.99
    assert torch.isinf(made.depth_ray[~made.is_known]).all()
    assert float(made.rgb[~made.is_known].abs().max()) == 0
    assert torch.isfinite(made.geometry.depth_ray).all()
    assert torch.equal(made.geometry.is_valid, made.is_known)
    assert made.report["not_covered"] == pytest.approx(1 - made.report["known"], abs=2e-4)


def test_what_looks_coarse_from_there_is_thin():
    # At 0.15 from the wall, a disk with a standard deviation of 0.055 * 1.2 looks 24 degrees large.
    near = (0.0, 0.0, ROOM[2] - 0.15)
    world = room()
    made = extend_world(world, pose_at(near), height=ROWS, max_splat_rad=math.radians(6))
    assert not bool(made.is_known[ROWS // 2, ROWS])
    assert bool(made.is_known[ROWS // 2, 0]), "the wall far behind is fine"
    assert made.report["thin"] > 0.2
    assert bool(extend_world(world, pose_at(near), height=ROWS, max_splat_rad=0).is_known.all())


def test_what_no_pose_of_the_path_saw_is_not_known():
    screen = room(0.08)
    u, v = torch.meshgrid(torch.linspace(-0.5, 0.5, 16), torch.linspace(-1.4, 1.4, 44), indexing="ij")
    points = torch.stack((u.flatten(), v.flatten(), torch.full((u.numel(),), 1.5)), -1)
    count = len(points)
    added = Gaussians.from_colors(
        points,
        torch.tensor([[1.0, 0, 0, 0]]).expand(count, 4),
        torch.tensor([[0.05, 0.05, 0.002]]).expand(count, 3),
        torch.full((count,), 0.95),
        torch.full((count, 3), 0.3),
    )
    world = Gaussians.concatenate(screen, added)
    path = Trajectory(torch.eye(4, dtype=torch.float64)[None])
    place = (1.6, 0.0, 0.0)
    made = extend_world(world, pose_at(place), height=ROWS, path=path)

    def known_at(point):
        x, _, z = (p - q for p, q in zip(point, place, strict=True))
        return bool(made.is_known[ROWS // 2, int((0.5 + math.atan2(x, z) / math.tau) * 2 * ROWS)])

    assert known_at((1.6, 0, 3.0)), (
        "straight ahead: seen from the origin past the screen (0.53 per unit < 1.6 / 3)"
    )
    assert not known_at((0.3, 0, 3.0)), "behind the screen as seen from the origin"
    assert known_at((-2.0, 0, -1.0))
    assert made.report["never_seen_by_path"] > 0.01
    assert extend_world(world, pose_at(place), height=ROWS).report["never_seen_by_path"] == 0


def test_a_placed_path_keeps_the_first_worlds_axes():
    # 1 ahead of a place that looks right (+x) is 1 to the right of it.
    start = Trajectory(pose_at(PLACE, 90)[None], frame_of_reference="world", is_metric=True)
    placed, is_led = place_path(make_preset("straight", frames=5, distance=1.0), start)
    assert not is_led
    assert placed.frame_of_reference == "world"
    assert placed.is_metric
    assert placed.centers[:, 0].tolist() == pytest.approx([0.5, 0.75, 1.0, 1.25, 1.5])
    assert placed.centers[:, 2].tolist() == pytest.approx([1.0] * 5)
    assert torch.equal(placed.camera_from_world[0], start.camera_from_world[0])
    assert placed.forwards[-1].tolist() == pytest.approx([1, 0, 0], abs=1e-12)


def test_a_path_that_begins_elsewhere_is_led_to_the_start():
    start = Trajectory(pose_at(PLACE)[None], frame_of_reference="world")
    path = Trajectory(torch.stack([pose_at((0, 0, 0.2 + 0.2 * k)) for k in range(5)]))
    placed, is_led = place_path(path, start)
    assert is_led
    assert len(placed) == 5
    assert placed.centers[0].tolist() == pytest.approx(PLACE)
    assert placed.centers[-1].tolist() == pytest.approx((0.5, 0.2, 2.0))
    with pytest.raises(InvalidInput, match="in a world's already"):
        place_path(placed, start)


def test_guidance_of_the_next_segment_shows_the_same_world():
    world = room(0.08)
    made = extend_world(world, pose_at(PLACE, 60), height=ROWS)
    placed, _ = place_path(make_preset("straight", frames=3, distance=0.6), made.start)
    guidance = render_guidance(made.geometry, placed, height=ROWS)
    truth = render_path(world, placed, projection="panorama", height=ROWS, width=2 * ROWS)
    for frame in range(3):
        seen = guidance.mask[frame] > 0
        assert float(seen.float().mean()) > 0.9
        assert psnr(guidance.rgb[frame], truth.rgb[frame], seen) > 27
    elsewhere = render_path(
        world, Trajectory(pose_at(PLACE, 40)[None]), projection="panorama", height=ROWS, width=2 * ROWS
    )
    assert psnr(guidance.rgb[0], elsewhere.rgb[0]) < 22, "20 degrees off would be noticed"


def test_where_to_go_on_from():
    path = Trajectory(torch.stack([pose_at((0, 0, float(k))) for k in range(4)]))
    camera = camera_info_from_pose(pose_at((1, 0, 0), 45))
    center = lambda pose: (-(pose[:3, :3].T @ pose[:3, 3])).tolist()  # noqa: E731
    assert center(start_pose(trajectory=path)) == pytest.approx([0, 0, 3])
    assert center(start_pose(trajectory=path, frame=1)) == pytest.approx([0, 0, 1])
    assert center(start_pose(trajectory=path, camera=camera)) == pytest.approx([1, 0, 0])
    stored = start_pose(trajectory=path, camera=camera, pose="[1, 2, 3, 90, 0]")
    assert center(stored) == pytest.approx([1, 2, 3])
    assert stored[2, :3].tolist() == pytest.approx([1, 0, 0], abs=1e-12)
    assert parse_pose("  ") is None
    with pytest.raises(InvalidInput, match="Extend from here"):
        start_pose()
    with pytest.raises(InvalidInput, match=r"0\.\.3"):
        start_pose(trajectory=path, frame=4)
    for bad in (
        "[1, 2]",
        "{}",
        "[1, 2, 3, NaN]",
        "[1, 2, 3, true]",
        "nonsense",
        "[1e9, 0, 0, 0]",
        "[1" + "0" * 400 + "]",
    ):
        with pytest.raises(FormatError, match=r"^pose( must be|, such as)"):
            parse_pose(bad)


def test_bad_places_and_settings_are_refused():
    world = room()
    with pytest.raises(InvalidInput, match="closer to the path"):
        extend_world(world, pose_at((0, 0, 400.0)), height=ROWS)
    with pytest.raises(InvalidInput, match="at least 16"):
        extend_world(world, pose_at(PLACE), height=8)
    with pytest.raises(InvalidInput, match="at least one splat"):
        extend_world(world.select(torch.zeros(len(world), dtype=torch.bool)), pose_at(PLACE), height=ROWS)
