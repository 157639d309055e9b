"""Guidance rendered from a generated frame, in a room where the truth is known."""

import pytest
import torch
from tiny_world import room_frames, room_geometry, straight_path

from matrix3d_core.diffusion.conditioning import GuidanceClip, to_unit, to_working
from matrix3d_core.errors import InvalidInput
from matrix3d_core.guidance.render import render_guidance
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.video.continued_guidance import (
    check_continuable,
    continued_guidance,
    geometry_of_frame,
)
from matrix3d_core.video.segments import Segment

HEIGHT = 48
SEGMENT = Segment(4, 9, 1)
# So few rows see shallow walls in large steps; 0.05 would tear most of the room.
ROOM = {"edge_threshold": 0.5 * HEIGHT / 1024}


def path(**fields):
    return straight_path(9, 0.05, **fields)


def clip_of(frames, mask):
    return GuidanceClip(to_working(frames, eight_bit=True), to_working(mask, eight_bit=True))


def hidden_half(geometry, trajectory):
    """Guidance of the segment as if the source saw only the left half of each frame."""
    seen = render_guidance(geometry, trajectory, height=HEIGHT, **ROOM)
    seen.mask[:, :, HEIGHT:] = 0
    return clip_of(seen.rgb * seen.mask[..., None], seen.mask).part(SEGMENT.start, SEGMENT.stop)


def in_a_world(trajectory):
    """The same path in a frame of its own: rotated and away from the origin."""
    world = torch.eye(4, dtype=torch.float64)
    world[:3, :3] = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    world[:3, 3] = torch.tensor([3.0, -1, 2])
    return Trajectory(trajectory.camera_from_world @ world, frame_of_reference="world")


@pytest.mark.parametrize("frame_of_reference", ["panorama", "world"])
def test_what_the_source_hides_is_filled_with_what_the_last_frame_shows(frame_of_reference):
    geometry, trajectory = room_geometry(HEIGHT), path()
    truth, _ = room_frames(trajectory, HEIGHT)
    clip = hidden_half(geometry, trajectory)
    before = clip.frames.clone(), clip.mask.clone()
    placed = trajectory if frame_of_reference == "panorama" else in_a_world(trajectory)
    better, added = continued_guidance(clip, SEGMENT, truth[SEGMENT.start], geometry, placed, **ROOM)

    new = (better.mask == 255) & (clip.mask == 0)
    assert not new[: SEGMENT.known].any()  # carried frames are the caller's
    assert added == pytest.approx(float(new.sum()) / new.numel())
    assert added > 0.25
    assert torch.equal(clip.frames, before[0])
    assert torch.equal(clip.mask, before[1])
    # What was given stays as it was, to the bit.
    kept = clip.mask >= 128
    assert torch.equal(better.frames[kept], clip.frames[kept])
    # The new part shows the room from the new place. A room of 48 rows has texels of 0.07 units at the far wall,
    # over which its colors change by up to 0.06.
    error = (to_unit(better.frames) - truth[SEGMENT.start : SEGMENT.stop]).abs().mean(-1)[new]
    assert float(error.mean()) < 0.03
    # Not moving the frame at all would be worse.
    still = (truth[SEGMENT.start] - truth[SEGMENT.start : SEGMENT.stop]).abs().mean(-1)[new]
    assert float(error.mean()) < 0.6 * float(still.mean())


def test_distances_of_a_frame_are_the_sources_where_it_is_seen():
    geometry, trajectory = room_geometry(HEIGHT), path()
    truth, distances = room_frames(trajectory, HEIGHT)
    own = geometry_of_frame(truth[8], geometry, Trajectory(trajectory.camera_from_world[8:9]), **ROOM)
    assert torch.equal(own.rgb, truth[8])
    error = (own.depth_ray / distances[8] - 1).abs()[own.is_valid]
    assert own.is_valid.float().mean() > 0.8
    assert float(error.median()) < 0.01  # flat triangles between rays of 3.75 degrees
    assert torch.isfinite(own.depth_ray).all()


def test_a_place_that_the_source_does_not_see_gives_nothing():
    geometry = room_geometry(HEIGHT)
    far_away = torch.eye(4, dtype=torch.float64).repeat(9, 1, 1)
    far_away[:, 2, 3] = 500  # the room is a speck behind its own walls
    clip = clip_of(torch.zeros(5, HEIGHT, 2 * HEIGHT, 3), torch.zeros(5, HEIGHT, 2 * HEIGHT))
    same, added = continued_guidance(
        clip, SEGMENT, torch.rand(HEIGHT, 2 * HEIGHT, 3), geometry, Trajectory(far_away), **ROOM
    )
    assert added == 0
    assert same is clip


def test_a_padded_path_stays_where_it_ends():
    geometry, trajectory = room_geometry(HEIGHT), path()
    truth, _ = room_frames(trajectory, HEIGHT)
    clip = hidden_half(geometry, trajectory)
    short = Trajectory(trajectory.camera_from_world[:7])
    better, _ = continued_guidance(clip, SEGMENT, truth[4], geometry, short, **ROOM)
    new = (better.mask[2:] == 255) & (clip.mask[2:] == 0)
    shared = new[0] & new[1] & new[2]
    assert shared.any()
    assert torch.equal(better.frames[2][shared], better.frames[3][shared])
    assert torch.equal(better.frames[3][shared], better.frames[4][shared])


def test_what_cannot_be_continued_is_said_before_the_long_work():
    with pytest.raises(InvalidInput, match="one pose per frame; got 9 poses for 13 frames"):
        check_continuable(13, 48, 96, path())
    with pytest.raises(InvalidInput, match="the video must be equirectangular"):
        check_continuable(9, 48, 48, path())
    check_continuable(9, 48, 96, path())
