"""The next best path: in a hall with a screen, it goes where one sees behind the screen."""

from __future__ import annotations

import math

import pytest
import torch
from hall_world import hall

from matrix3d_core.errors import InvalidInput
from matrix3d_core.explore.next_view import hole_solid_angle, propose_path


def test_solid_angles_add_up():
    assert hole_solid_angle(torch.ones(32, 64, dtype=torch.bool)) == pytest.approx(4 * math.pi)
    upper = torch.zeros(32, 64, dtype=torch.bool)
    upper[:8] = True  # a cap of 45 degrees around the pole: 2 pi (1 - cos 45)
    assert hole_solid_angle(upper) == pytest.approx(math.tau * (1 - math.cos(math.pi / 4)))


def test_it_goes_where_one_sees_behind_the_screen():
    found = propose_path(hall(), step=2.5, clearance=0.3, frames=9)
    way = found.candidates[found.best]
    assert -60 < math.degrees(way.yaw_rad) < 25, "forward, past the end of the screen"
    assert way.distance > 2
    blocked = min(found.candidates, key=lambda c: abs(c.yaw_rad - math.radians(45)))
    # At 45 degrees the screen's front (z = 1) is 1.41 away; 0.3 from it is (1 - 0.3) * 1.41 along the ray.
    assert blocked.distance == pytest.approx((1 - 0.3) / math.cos(blocked.yaw_rad), rel=0.1)
    behind = min(found.candidates, key=lambda c: abs(abs(c.yaw_rad) - math.pi))
    assert way.unseen_sr > 2 * behind.unseen_sr, "going back shows nothing new"
    ends = found.trajectory.centers[-1]
    assert ends.tolist() == pytest.approx(
        [way.distance * math.sin(way.yaw_rad), 0, way.distance * math.cos(way.yaw_rad)]
    )
    assert torch.equal(found.trajectory.camera_from_world[0], torch.eye(4, dtype=torch.float64))
    assert len(found.trajectory) == 9
    assert found.picture.ndim == 3


def test_what_is_guessed_counts_as_unseen():
    known = torch.ones(96, 192)
    known[:, :48] = 0  # everything back left is a guess
    plain = propose_path(hall(screen=None), step=1.0, clearance=0.2, frames=3)
    found = propose_path(hall(screen=None), step=1.0, clearance=0.2, frames=3, known=known)
    assert max(c.unseen_sr for c in plain.candidates) < 0.4
    # A quarter of the ring, floor to ceiling, and more of it when one walks towards it.
    assert min(c.unseen_sr for c in found.candidates) > 0.15 * 4 * math.pi
    assert found.trajectory.centers[-1][0] < 0
    assert found.trajectory.centers[-1][2] < 0


def test_same_seed_same_path_and_other_seeds_turn_the_headings():
    one, two = (propose_path(hall(48), step=1.0, clearance=0.2, frames=3, directions=4) for _ in range(2))
    assert torch.equal(one.trajectory.camera_from_world, two.trajectory.camera_from_world)
    other = propose_path(hall(48), step=1.0, clearance=0.2, frames=3, directions=4, seed=1)
    assert other.candidates[0].yaw_rad != one.candidates[0].yaw_rad


def test_bad_settings_and_closed_places_are_refused():
    with pytest.raises(InvalidInput, match="directions"):
        propose_path(hall(48), step=1.0, clearance=0.2, directions=2)
    with pytest.raises(InvalidInput, match="step"):
        propose_path(hall(48), step=0.0, clearance=0.2)
    with pytest.raises(InvalidInput, match="smaller clearance"):
        propose_path(hall(48), step=100.0, clearance=0.95)  # 5 % of the step is 5, the corners are 5.66 away
