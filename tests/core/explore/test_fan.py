"""The fan: loops that keep clear, in the directions that show most, from the start and back to it."""

from __future__ import annotations

import math

import pytest
import torch
from hall_world import hall

from matrix3d_core.errors import InvalidInput
from matrix3d_core.explore.fan import fan_path
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.trajectories.clearance import measure_clearance


def box(*half):
    """The panorama of an empty box, seen from its center."""
    rays = erp_directions(64, 128, dtype=torch.float64)
    distance = (torch.tensor(half, dtype=torch.float64) / rays.abs().clamp_min(1e-12)).amin(-1)
    none = torch.zeros(64, 128, dtype=torch.bool)
    return PanoramaGeometry(torch.full((64, 128, 3), 0.5), distance.float(), ~none, none, True)


def test_every_loop_keeps_clear_and_goes_as_far_as_it_may():
    scene = hall()
    fan = fan_path(scene, distance=2.5, clearance=0.3, frames=49)
    path = fan.trajectory
    assert measure_clearance(path, scene, radius=0.3).is_clear
    assert len(path) == 49
    for frame in (0, -1):
        assert torch.equal(path.camera_from_world[frame], torch.eye(4, dtype=torch.float64))
    reach = {round(math.degrees(loop.yaw_rad)) % 360: loop.reach for loop in fan.loops}
    # The screen begins ahead on the right, at z = 1 and x = 0.5; behind and to the left nothing is nearer than 4.
    assert len(reach) == 4
    assert [far for yaw, far in reach.items() if 135 <= yaw <= 315] == pytest.approx([2.5, 2.5], abs=0.05)
    assert min(far for yaw, far in reach.items() if yaw < 90) < 2.2
    away = path.centers.norm(dim=-1)
    # Between frames the loops are 23 long at most, so frames are half a meter apart and one is that near the start.
    assert int((away[1:-1] < 0.3).sum()) >= 3


def test_it_looks_behind_the_screen():
    fan = fan_path(hall(), distance=2.5, clearance=0.3, frames=9)
    plain = fan_path(hall(screen=None), distance=2.5, clearance=0.3, frames=9)
    most = max(fan.loops, key=lambda loop: loop.unseen_sr)
    assert max(loop.unseen_sr for loop in plain.loops) < 0.3 * most.unseen_sr
    assert -math.pi / 2 < math.remainder(most.yaw_rad, math.tau) < math.pi / 4, "past the end of the screen"


def test_loops_are_narrow_in_a_passage_and_left_out_where_a_wall_is():
    # 0.6 to either side: a wide loop is 0.27 of its reach from its axis at most, so 2.2 long; a narrow one 0.12.
    fan = fan_path(box(0.9, 1.5, 8.0), distance=3.0, clearance=0.3, frames=17)
    along = sorted(loop.reach for loop in fan.loops if abs(math.cos(loop.yaw_rad)) > 0.9)
    assert along == pytest.approx([3.0, 3.0], abs=0.05)
    assert float(fan.trajectory.centers[:, 0].abs().max()) < 0.6 + 1e-6
    tight = fan_path(box(0.5, 1.5, 8.0), distance=3.0, clearance=0.3, frames=17)
    assert all(abs(math.cos(loop.yaw_rad)) > 0.5 for loop in tight.loops), "0.2 is under a tenth of 3"


def test_what_cannot_be_is_said():
    with pytest.raises(InvalidInput, match="some loop must be free for 2; all come"):
        fan_path(box(0.5, 1.5, 0.5), distance=20.0, clearance=0.4)
    with pytest.raises(InvalidInput, match="distance must be positive and finite; got 0"):
        fan_path(box(1, 1, 1), distance=0.0)
    with pytest.raises(InvalidInput, match="frames must be at least 1; got 0"):
        fan_path(box(1, 1, 1), distance=1.0, frames=0)
