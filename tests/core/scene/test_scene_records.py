"""The records that stages hand to each other: what they accept, refuse and derive."""

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.scene.gaussians import SH_C0, Gaussians
from matrix3d_core.scene.mesh import Mesh
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory

EPS = torch.finfo(torch.float64).eps


def poses(count=4, seed=0):
    rng = torch.Generator().manual_seed(seed)
    angles = torch.rand(3, count, generator=rng, dtype=torch.float64) * 2 - 1
    centers = torch.randn(count, 3, generator=rng, dtype=torch.float64)
    return matrix_from_yaw_pitch_roll(*angles), centers


# Trajectory


def test_poses_are_world_to_camera():
    """A point one unit ahead of the camera has camera coordinates (0, 0, 1)."""
    rotations, centers = poses()
    path = Trajectory.from_centers(rotations, centers)
    ahead = centers + rotations[:, :, 2]
    in_camera = path.camera_from_world @ torch.cat((ahead, torch.ones(4, 1)), dim=1)[..., None]
    expected = torch.tensor([0, 0, 1, 1], dtype=torch.float64).expand(4, 4)
    torch.testing.assert_close(in_camera.squeeze(-1), expected, rtol=0, atol=32 * EPS)
    torch.testing.assert_close(path.centers, centers, rtol=0, atol=32 * EPS)
    torch.testing.assert_close(path.forwards, rotations[:, :, 2], rtol=0, atol=0)


def test_the_panorama_of_a_world_path_stands_at_its_first_pose():
    rotations, centers = poses()
    own = Trajectory.from_centers(rotations, centers)
    world = Trajectory.from_centers(rotations, centers, frame_of_reference="world")
    assert torch.equal(own.world_from_panorama, torch.eye(4, dtype=torch.float64))
    assert torch.equal(own.panorama_from_world, torch.eye(4, dtype=torch.float64))
    assert torch.equal(world.world_from_panorama[:3, :3], rotations[0])
    torch.testing.assert_close(world.world_from_panorama[:3, 3], centers[0], rtol=0, atol=32 * EPS)
    torch.testing.assert_close(
        world.panorama_from_world @ world.world_from_panorama,
        torch.eye(4, dtype=torch.float64),
        rtol=0,
        atol=32 * EPS,
    )


def test_inverse_poses_match_the_general_inverse():
    path = Trajectory.from_centers(*poses())
    torch.testing.assert_close(
        path.world_from_camera, torch.linalg.inv(path.camera_from_world), rtol=0, atol=64 * EPS
    )


def test_length_adds_up_the_steps():
    centers = torch.tensor([[0.0, 0, 0], [3, 0, 4], [3, 2, 4]])
    path = Trajectory.from_centers(torch.eye(3).expand(3, 3, 3), centers)
    assert path.length == pytest.approx(7.0)
    assert Trajectory(torch.eye(4)[None]).length == 0.0


def test_poses_are_kept_in_float64_on_the_cpu():
    path = Trajectory(torch.eye(4, dtype=torch.float32).repeat(2, 1, 1))
    assert path.camera_from_world.dtype == torch.float64
    assert len(path) == 2


def broken(change):
    pose = torch.eye(4, dtype=torch.float64).repeat(3, 1, 1)
    change(pose)
    return pose


@pytest.mark.parametrize(
    ("pose", "says"),
    [
        (torch.eye(4), "T, 4, 4"),
        (torch.zeros(0, 4, 4), "at least 1 frame"),
        (broken(lambda p: p[1, 0].fill_(math.nan)), "frame 1 holds NaN"),
        (broken(lambda p: p[2, 3, 0].fill_(5.0)), "frame 2: the last row"),
        (broken(lambda p: p[1, 0, 0].fill_(2.0)), "frame 1: the 3x3 part must be a rotation"),
        (broken(lambda p: p[1, 0, 0].fill_(-1.0)), "det R = -1"),
    ],
)
def test_poses_that_are_not_rigid_are_refused(pose, says):
    with pytest.raises(InvalidInput, match=says):
        Trajectory(pose)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"fps": 0.0}, "fps"),
        ({"fps": math.inf}, "fps"),
        ({"fps": math.nan}, "fps"),
        ({"frame_of_reference": "moon"}, "panorama, world"),
        ({"K_px": torch.eye(3)[None]}, "image_size_px"),
        ({"K_px": torch.eye(3).expand(2, 3, 3), "image_size_px": (4, 4)}, "K_px"),
    ],
)
def test_bad_trajectory_fields_are_refused(fields, says):
    with pytest.raises(InvalidInput, match=says):
        Trajectory(torch.eye(4)[None], **fields)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("place", [(0, 0), (1, 1), (2, 2)])
def test_intrinsics_that_no_camera_has_are_refused(value, place):
    K_px = torch.eye(3).repeat(2, 1, 1)
    K_px[1][place] = value
    with pytest.raises(InvalidInput, match="K_px of frame 1 must be finite with positive focal lengths"):
        Trajectory(torch.eye(4).repeat(2, 1, 1), K_px=K_px, image_size_px=(4, 4))


def test_a_rotation_too_large_to_be_checked_is_no_rotation():
    pose = torch.eye(4, dtype=torch.float64)
    pose[0, :3] = torch.tensor(
        [1e200, -1e200, 1e200], dtype=torch.float64
    )  # its products are infinite, or not numbers
    with pytest.raises(InvalidInput, match="frame 1: the 3x3 part must be a rotation"):
        Trajectory(torch.stack([torch.eye(4, dtype=torch.float64), pose]))


# PanoramaGeometry


def panorama(**changes):
    fields = {
        "rgb": torch.zeros(4, 8, 3),
        "depth_ray": torch.ones(4, 8),
        "is_valid": torch.ones(4, 8, dtype=torch.bool),
        "is_sky": torch.zeros(4, 8, dtype=torch.bool),
    }
    return PanoramaGeometry(**(fields | changes))


def test_panorama_knows_its_size():
    assert (panorama().height, panorama().width) == (4, 8)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rgb": torch.zeros(4, 7, 3)}, "twice as wide"),
        ({"rgb": torch.zeros(4, 8, 4)}, "H, W, 3"),
        ({"depth_ray": torch.ones(4, 8, 1)}, "depth_ray must have shape"),
        ({"is_sky": torch.zeros(2, 4, dtype=torch.bool)}, "is_sky must have shape"),
        ({"depth_ray": torch.zeros(4, 8)}, "finite and positive"),
        ({"depth_ray": torch.full((4, 8), math.inf)}, "finite and positive"),
        ({"depth_ray": torch.full((4, 8), math.nan)}, "finite and positive"),
    ],
)
def test_bad_panoramas_are_refused(changes, says):
    with pytest.raises(InvalidInput, match=says):
        panorama(**changes)


# Mesh


def mesh(**changes):
    fields = {
        "vertices": torch.zeros(3, 3),
        "faces": torch.tensor([[0, 1, 2]], dtype=torch.int32),
        "colors": torch.zeros(3, 3),
        "is_visible": torch.ones(3, dtype=torch.bool),
    }
    return Mesh(**(fields | changes))


def test_mesh_may_have_no_faces():
    assert mesh(faces=torch.zeros(0, 3, dtype=torch.int32)).faces.shape == (0, 3)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"faces": torch.tensor([[0, 1, 3]], dtype=torch.int32)}, r"index 0\.\.2; got 0\.\.3"),
        ({"faces": torch.tensor([[0, 1, -1]], dtype=torch.int32)}, "got -1"),
        ({"faces": torch.tensor([[0, 1, 2]])}, "int32"),
        ({"is_visible": torch.ones(3)}, "bool"),
        ({"colors": torch.zeros(2, 3)}, "colors"),
    ],
)
def test_bad_meshes_are_refused(changes, says):
    with pytest.raises(InvalidInput, match=says):
        mesh(**changes)


# Gaussians


def gaussians(count=3, bases=1, **changes):
    fields = {
        "means": torch.zeros(count, 3),
        "quats_wxyz": torch.tensor([1.0, 0, 0, 0]).expand(count, 4),
        "scales": torch.ones(count, 3),
        "opacities": torch.ones(count),
        "sh": torch.ones(count, bases, 3),
    }
    return Gaussians(**(fields | changes))


def test_colors_survive_the_round_trip():
    colors = torch.rand(5, 3, generator=torch.Generator().manual_seed(0))
    g = gaussians(5)
    back = Gaussians.from_colors(g.means, g.quats_wxyz, g.scales, g.opacities, colors)
    torch.testing.assert_close(back.colors, colors, rtol=0, atol=4 * 1.2e-7)
    assert SH_C0 == pytest.approx(0.5 / math.sqrt(math.pi))


def test_joining_pads_to_the_highest_degree():
    joined = Gaussians.concatenate(gaussians(2), gaussians(3, bases=4))
    assert joined.sh.shape == (5, 4, 3)
    assert float(joined.sh[:2, 1:].abs().sum()) == 0
    assert len(joined.select(torch.tensor([True, False, True, False, False]))) == 2


def test_detach_cuts_the_graph():
    g = gaussians(means=torch.zeros(3, 3, requires_grad=True))
    assert not g.detach().means.requires_grad


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"means": torch.zeros(3, 2)}, "means"),
        ({"scales": torch.ones(2, 3)}, "scales"),
        ({"opacities": torch.ones(3, 1)}, "opacities"),
        ({"sh": torch.ones(3, 2, 3)}, "1, 4, 9 or 16"),
    ],
)
def test_bad_gaussians_are_refused(changes, says):
    with pytest.raises(InvalidInput, match=says):
        gaussians(**changes)


def test_bad_numbers_are_named():
    scales = torch.ones(3, 3)
    scales[1, 1] = math.nan
    with pytest.raises(InvalidInput, match="scales must be finite; 1 of 9"):
        gaussians(scales=scales).check_finite()


def test_joining_nothing_is_refused():
    with pytest.raises(InvalidInput, match="at least one"):
        Gaussians.concatenate()


def test_a_last_row_rounded_by_a_general_inverse_is_taken_and_stored_exactly():
    poses = torch.eye(4, dtype=torch.float64).repeat(2, 1, 1)
    poses[1, 3] += torch.tensor([0.0, 3e-18, -5e-17, 2e-16], dtype=torch.float64)
    path = Trajectory(poses)
    assert path.camera_from_world[:, 3].tolist() == [[0.0, 0.0, 0.0, 1.0]] * 2
    poses[1, 3, 2] = 1e-9
    with pytest.raises(InvalidInput, match="frame 1: the last row"):
        Trajectory(poses)
