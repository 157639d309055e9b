import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_quats
from matrix3d_core.trajectories.load3d import (
    camera_info_from_pose,
    fov_y_from_camera_info,
    pose_from_camera_info,
)


def random_pose(seed):
    rng = torch.Generator().manual_seed(seed)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = matrix_from_quats(torch.randn(4, generator=rng, dtype=torch.float64))
    pose[:3, 3] = torch.randn(3, generator=rng, dtype=torch.float64)
    return pose


def xyz(*values):
    return dict(zip("xyz", values, strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_round_trip(seed):
    pose = random_pose(seed)
    info = camera_info_from_pose(pose, fov_y_rad=1.1, target_distance=2.5)
    # A quaternion and back: a few roundings of numbers up to 1.
    torch.testing.assert_close(pose_from_camera_info(info), pose, rtol=0, atol=2e-15 * 4)
    assert fov_y_from_camera_info(info) == pytest.approx(1.1)


def test_the_panoramas_pose_is_the_viewers_default_camera():
    info = camera_info_from_pose(torch.eye(4, dtype=torch.float64))
    assert info["position"] == xyz(0, 0, 0)
    assert info["target"] == xyz(0, 0, -1)  # the viewer's camera looks down -z
    assert info["quaternion"] == {"w": 1, **xyz(0, 0, 0)}


def test_axes_are_the_hosts():
    # The viewer: x right, y up, z towards the viewer. One unit up and two ahead, looking right.
    info = {"position": xyz(0, 1, -2), "target": xyz(5, 1, -2)}
    pose = pose_from_camera_info(info)
    rotation = pose[:3, :3].mT
    torch.testing.assert_close(-(rotation @ pose[:3, 3]), torch.tensor([0.0, -1, 2], dtype=torch.float64))
    torch.testing.assert_close(rotation[:, 2], torch.tensor([1.0, 0, 0], dtype=torch.float64))
    torch.testing.assert_close(rotation[:, 1], torch.tensor([0.0, 1, 0], dtype=torch.float64))


def test_zoom_narrows_the_view():
    assert fov_y_from_camera_info({"fov": 90.0, "zoom": 1.0}) == pytest.approx(math.pi / 2)
    assert math.tan(fov_y_from_camera_info({"fov": 90.0, "zoom": 2.0}) / 2) == pytest.approx(0.5)
    assert fov_y_from_camera_info({}) == pytest.approx(math.radians(35))


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (None, "camera must be a LOAD3D_CAMERA dict; got NoneType"),
        ({"position": xyz(0, 0, 0), "target": xyz(0, 0, 0)}, "position and target must differ"),
        (
            {"position": xyz(0, math.nan, 0), "target": xyz(0, 0, 1)},
            r"camera position\.y must be a finite number",
        ),
        ({"position": xyz(0, "1", 0), "target": xyz(0, 0, 1)}, r"camera position\.y must be a finite number"),
        (
            {"position": xyz(0, 0, 0), "quaternion": xyz(0, 0, 1)},
            r"camera quaternion\.w must be a finite number",
        ),
        (
            {"position": xyz(0, 1e200, 0), "target": xyz(0, 0, 1)},
            r"position\.y must be a finite number, at most 1e\+12",
        ),
        (
            {"position": xyz(0, 10**400, 0), "target": xyz(0, 0, 1)},
            r"position\.y must be a finite number, at most",
        ),
        ({"position": xyz(0, 0, 0), "quaternion": {"w": 0, **xyz(0, 0, 0)}}, "quaternion must not be zero"),
    ],
)
def test_bad_cameras_are_named(info, message):
    with pytest.raises(InvalidInput, match=message):
        pose_from_camera_info(info)


@pytest.mark.parametrize(
    "info",
    [
        {"fov": 180},
        {"fov": -5},
        {"fov": math.nan},
        {"fov": 10**400},
        {"fov": "wide"},
        {"zoom": -1},
        {"zoom": math.inf},
    ],
)
def test_lenses_that_no_camera_has_are_refused(info):
    with pytest.raises(
        InvalidInput, match=r"camera (lens\.(fov|zoom) must be a finite number|fov must lie between)"
    ):
        fov_y_from_camera_info(info)


@pytest.mark.host
def test_poses_agree_with_the_hosts_camera_math(in_host):
    cases = [
        ([1.0, 2.0, 3.0], [0.0, 0.5, -1.0], None, 0.0),
        ([0.0, 0.0, 0.0], [0.0, 0.0, -1.0], None, 0.0),
        ([-2.0, 0.3, 1.0], [4.0, -3.0, 0.0], None, 25.0),
        ([0.5, -1.0, 2.0], None, [0.1, 0.7, -0.2, 0.6], 0.0),
    ]
    answers = in_host.call("load3d_cameras.cameras_and_bases", cases=cases)
    assert len(answers) == 7
    for info, eye, rows in answers:
        pose = pose_from_camera_info(info)
        # The host computes in float32.
        torch.testing.assert_close(pose[:3, :3], torch.tensor(rows, dtype=torch.float64), rtol=0, atol=3e-6)
        at = -(pose[:3, :3].mT @ pose[:3, 3])
        torch.testing.assert_close(at, torch.tensor(eye, dtype=torch.float64), rtol=0, atol=1e-6)
