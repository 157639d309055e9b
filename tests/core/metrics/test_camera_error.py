"""Planted errors of cameras come out as they went in."""

from __future__ import annotations

import math

import pytest
import torch
from poses import pose_at

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.fitting import fit_similarity
from matrix3d_core.metrics.camera_error import camera_errors
from matrix3d_core.scene.trajectory import Trajectory

PLACES = [(0, 0, 0), (0.5, 0, 1), (0.2, -0.3, 2), (-0.4, 0.1, 3), (0, 0.2, 4.5)]
YAWS = (0, 5, -10, 20, 3)


def path(places=PLACES, yaws=YAWS):
    return Trajectory(torch.stack([pose_at(place, yaw) for place, yaw in zip(places, yaws, strict=True)]))


def moved(trajectory, scale, world):
    """The same cameras in other world axes and units, as a solver would give them."""
    poses = trajectory.camera_from_world.clone()
    poses[:, :3, 3] *= scale
    return Trajectory(poses @ world)


def test_another_frame_and_scale_is_no_error():
    found = camera_errors(moved(path(), 0.2, pose_at((3, -2, 7), 70, 20, -40)), path())
    assert found.rotation_rad == pytest.approx(0, abs=1e-7)
    assert found.translation == pytest.approx(0, abs=1e-7)
    assert found.ate == pytest.approx(0, abs=1e-9)
    assert found.scale == pytest.approx(5)
    assert found.reach == pytest.approx(math.hypot(0.2, 4.5))


def test_a_planted_angle_is_found():
    turned = path(yaws=[yaw + (12 if k else 0) for k, yaw in enumerate(YAWS)])  # all frames but the first
    found = camera_errors(turned, path())
    assert torch.allclose(found.angles_rad.rad2deg(), torch.tensor([0, 12, 12, 12, 12]).double())
    assert found.rotation_rad == pytest.approx(math.radians(12 * 4 / 5))
    half_turn = path(yaws=[yaw + (180 if k == 2 else 0) for k, yaw in enumerate(YAWS)])
    assert camera_errors(half_turn, path()).rotation_rad == pytest.approx(math.pi / 5)


def test_a_planted_shift_is_found_and_does_not_move_the_scale():
    places = [list(place) for place in PLACES]
    places[4][0] += (
        0.7  # across its direction from the start, one of five frames: the other four hold the scale
    )
    found = camera_errors(path(places), path())
    assert found.scale == pytest.approx(1, abs=1e-6)
    assert found.translation == pytest.approx(0.7 / 5, abs=1e-5)
    assert 0 < found.ate < found.translation * 2


def test_a_path_that_stays_has_no_translation_error():
    still = path([(1, 2, 3)] * 5)
    found = camera_errors(path(), still)
    assert found.translation is None
    assert found.ate is None
    assert found.rotation_rad == pytest.approx(0, abs=1e-7)
    frozen = camera_errors(still, path())
    assert frozen.translation == pytest.approx(sum(math.hypot(*place) for place in PLACES) / 5)


def test_a_path_walked_backwards_is_not_mirrored_onto_the_commanded_one():
    back = path([[-x for x in place] for place in PLACES])
    found = camera_errors(back, path())
    assert found.scale == pytest.approx(0, abs=1e-9)
    assert found.translation == pytest.approx(sum(math.hypot(*place) for place in PLACES) / 5)


def test_paths_of_different_length_are_refused():
    with pytest.raises(InvalidInput, match="one pose per frame, for at least 2 frames; got 4 and 5"):
        camera_errors(path().select(slice(0, 4)), path())


def test_the_similarity_is_the_planted_one_and_skimages():
    rng = torch.Generator().manual_seed(0)
    points = torch.randn(20, 3, generator=rng, dtype=torch.float64)
    turn = pose_at((0, 0, 0), 33, -50, 12)[:3, :3]
    scale, rotation, shift = fit_similarity(points, 2.5 * points @ turn.mT + torch.tensor([1.0, -2, 3]))
    assert scale == pytest.approx(2.5)
    torch.testing.assert_close(rotation, turn)
    torch.testing.assert_close(shift, torch.tensor([1.0, -2, 3], dtype=torch.float64))
    transform = pytest.importorskip("skimage.transform")
    other = points.flip(0) * torch.tensor(
        [1.0, -1, 1], dtype=torch.float64
    )  # a fit with large residuals, nearly mirrored
    matrix = torch.eye(4, dtype=torch.float64)
    scale, rotation, shift = fit_similarity(points, other)
    matrix[:3, :3], matrix[:3, 3] = scale * rotation, shift
    theirs = transform.SimilarityTransform.from_estimate(points.numpy(), other.numpy())
    torch.testing.assert_close(matrix, torch.from_numpy(theirs.params))
    assert float(torch.linalg.det(rotation)) == pytest.approx(1)
