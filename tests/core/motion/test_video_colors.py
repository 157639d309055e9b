"""Colors of a video on splats: a made-up loop comes back, its end leads into its beginning, and wrong inputs are refused."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from small_worlds import room

from matrix3d_core.errors import InvalidInput
from matrix3d_core.motion.at_time import gaussians_at
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.camera import Pinhole
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.splats.video_colors import colors_from_video

LENS = Pinhole.from_fov(math.pi / 2, 40, 40)
STILL = torch.eye(4, dtype=torch.float64)[None]
FRAMES = 8


def path(count=1):
    pose = STILL.repeat(count, 1, 1)
    pose[:, 0, 3] = 0.05 * torch.arange(count)
    return Trajectory(pose, K_px=LENS.K_px.expand(count, 3, 3), image_size_px=(40, 40), fps=4.0)


def loop(world, trajectory):
    """A video in which the right half of the world goes from red to green and back, twice as much red as green."""
    pictures = []
    for frame in range(FRAMES):
        u = frame / FRAMES
        change = torch.tensor((0.2 * math.cos(2 * math.pi * u), 0.1 * math.sin(2 * math.pi * u), 0.0))
        right = (world.means[:, :1] > 0.3).float()
        sh = world.sh.clone()
        sh[:, 0] += right * change / 0.28209479
        pose = trajectory.camera_from_world[min(frame, len(trajectory) - 1)]
        pictures.append(render_view(replace(world, sh=sh), pose, LENS).rgb)
    return torch.stack(pictures)


@pytest.mark.parametrize("poses", [1, FRAMES])
def test_a_loop_comes_back(poses):
    world, trajectory = room(0.25), path(poses)
    video = loop(world, trajectory)
    mask = torch.zeros(1, 40, 40)
    mask[:, :, 24:] = 1
    found = colors_from_video(
        world, video, trajectory, mask.expand(poses if poses > 1 else 1, -1, -1), harmonics=2
    )
    assert found.psnr_db > found.psnr_still_db + 10
    moving = found.gaussians.label("motions") > 0
    assert int(moving.sum()) == found.chosen
    assert found.gaussians.motion_table[1].period_s == FRAMES / 4.0
    inner = moving & (world.means[:, 0] > 0.6) & (world.means[:, 2] > 1.0)
    waves = found.gaussians.color_waves[inner]
    assert int(inner.sum()) > 10
    assert abs(float(waves[:, 0, 0].median()) - 0.2) < 0.04  # cosine of red
    assert abs(float(waves[:, 1, 1].median()) - 0.1) < 0.03  # sine of green
    assert float(waves[:, :, 2].abs().median()) < 0.02
    assert float(found.gaussians.color_waves[~moving].abs().max()) == 0
    for part in ("means", "quats_wxyz", "scales", "opacities"):
        assert torch.equal(getattr(found.gaussians, part), getattr(world, part))
    assert torch.equal(found.gaussians.sh[~moving], world.sh[~moving])


def test_the_last_frame_leads_into_the_first():
    """A video that jumps at its end becomes a loop whose every step is as small."""
    world, trajectory = room(0.25), path(1)
    video = loop(world, trajectory)
    ramp = torch.linspace(0, 0.3, FRAMES)[:, None, None, None]
    found = colors_from_video(world, (video + ramp).clamp(0, 1), trajectory, harmonics=1, rounds=4).gaussians
    shown = [render_view(gaussians_at(found, t / 16 * 2.0), STILL[0], LENS).rgb for t in range(17)]
    steps = [float((b - a).abs().mean()) for a, b in itertools.pairwise(shown)]
    assert torch.equal(shown[0], shown[16])
    assert steps[-1] <= 1.01 * max(steps)


def test_a_second_video_leaves_the_first_ones_splats():
    world, trajectory = room(0.25), path(1)
    video = loop(world, trajectory)
    left, right = torch.zeros(1, 40, 40), torch.zeros(1, 40, 40)
    left[..., :14], right[..., 26:] = 1, 1
    one = colors_from_video(world, video, trajectory, right, harmonics=1, rounds=1).gaussians
    two = colors_from_video(one, video, trajectory, left, harmonics=2, rounds=1, period_s=3.0).gaussians
    first = one.motions > 0
    assert torch.equal(two.color_waves[first][:, :2], one.color_waves[first])
    assert sorted(m.period_s for m in two.motion_table.values()) == [2.0, 3.0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trajectory": path(3)}, "one pose for all frames or one for each; got 3 poses and 8"),
        ({"frames": torch.zeros(FRAMES, 30, 40, 3)}, "40x40"),
        ({"frames": torch.full((FRAMES, 40, 40, 3), math.nan)}, "frames must be finite"),
        ({"frames": torch.zeros(4, 40, 40, 3)}, "at least 7 frames for 3 harmonics; got 4"),
        ({"masks": torch.ones(3, 40, 40)}, "masks must be one or 8"),
        ({"masks": torch.ones(1, 20, 40)}, "of the frames' size 40x40"),
        ({"masks": torch.zeros(1, 40, 40)}, "they show none"),
        ({"harmonics": 9}, "harmonics must be 1 to 4"),
        ({"rounds": 0}, "rounds must be at least 1"),
        ({"period_s": 0.0}, "period of a motion must be above 0"),
    ],
)
def test_a_video_that_does_not_fit_is_refused(change, words):
    given = {
        "frames": torch.zeros(FRAMES, 40, 40, 3),
        "trajectory": path(1),
        "harmonics": 3,
        "rounds": 1,
        **change,
    }
    with pytest.raises(InvalidInput, match=words):
        colors_from_video(room(0.5), **given)


def test_frames_without_intrinsics_need_a_field_of_view():
    world = room(0.25)
    plain = Trajectory(STILL, fps=4.0)
    with pytest.raises(InvalidInput):
        colors_from_video(world, loop(world, path(1)), plain, rounds=1)
    found = colors_from_video(world, loop(world, path(1)), plain, rounds=2, fov_x_rad=math.pi / 2)
    assert found.psnr_db > found.psnr_still_db + 3
