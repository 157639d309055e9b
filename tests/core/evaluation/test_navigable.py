"""Navigable range where the truth is made so that each direction ends at a known place for a known reason."""

from __future__ import annotations

import math

import pytest
import torch
from poses import pose_at

from matrix3d_core.errors import Cancelled, InvalidInput
from matrix3d_core.evaluation.navigable import navigable_range
from matrix3d_core.scene.gaussians import Gaussians

NOTHING = Gaussians.from_colors(
    torch.zeros(0, 3), torch.zeros(0, 4), torch.zeros(0, 3), torch.zeros(0), torch.zeros(0, 3)
)
SIZE = {"size_px": 32, "limit": 5.0, "step": 0.5, "backend": "torch"}
PIXELS = 6 * 32 * 32


def truth(camera, pose):
    """Black sky like an empty world, with planted errors.

    Beyond z = 3.2 all is gray; beyond x = 2.1 one percent of the pixels shows a surface; at z = -1.7 stands a wall.
    """
    center = -(pose[:3, :3].mT @ pose[:3, 3])
    rgb = torch.full((*camera.size_px, 3), 0.2 if center[2] > 3.2 else 0.0)
    depth = torch.full(camera.size_px, torch.inf)
    if center[0] > 2.1:
        depth[0, : math.ceil(0.01 * PIXELS / 6)] = 9.0
    ahead = pose[2, :3]
    if ahead[2] < -0.99:
        depth[15:17, 15:17] = center[2] + 1.7  # 4 pixels of 6144 are too few to be holes
    return rgb, depth


def test_each_direction_ends_where_it_was_planted():
    found = navigable_range(NOTHING, truth, torch.eye(4, dtype=torch.float64), **SIZE)
    ends = {d.yaw_deg: (round(d.range, 6), d.ended_by) for d in found.directions}
    assert ends == {
        0: (3.0, "psnr"),
        45: (2.5, "holes"),  # x = 2.12 at 3
        90: (2.0, "holes"),
        135: (2.5, "holes"),
        180: (1.4, "surface"),  # 0.3 before the wall
        225: (5.0, "limit"),
        270: (5.0, "limit"),
        315: (4.5, "psnr"),  # z = 3.54 at 5
    }
    assert found.worst == 2.0, "the near wall is no failure"
    assert found.median == 3.0  # of 2, 2.5, 2.5, 3, 4.5, 5, 5
    assert found.reached == 3
    last = found.directions[0].places[-1]
    assert last.psnr == pytest.approx(-20 * math.log10(0.2), abs=1e-4)
    assert found.directions[2].places[-1].holes == (6 * 11 + 4) / PIXELS  # the wall's pixels are some, too
    assert found.report()["directions"][4]["ended_by"] == "surface"


def test_direction_0_is_where_the_start_looks():
    found = navigable_range(NOTHING, truth, pose_at((0, 0, 0), yaw=90), **SIZE)
    assert (found.directions[0].range, found.directions[0].ended_by) == (2.0, "holes")


def test_sky_does_not_fill_holes():
    rng = torch.Generator().manual_seed(0)
    rays = torch.nn.functional.normalize(torch.randn(3000, 3, generator=rng), dim=-1)
    rays[:20] *= 0.02  # a little dust in front of it
    sizes, opacities = torch.full((3000, 3), 8.0), torch.full((3000,), 0.99)
    sizes[:20], opacities[:20] = 0.001, 0.01
    quats = torch.tensor([1.0, 0, 0, 0]).repeat(3000, 1)
    sky = Gaussians.from_colors(100 * rays, quats, sizes, opacities, torch.full((3000, 3), 0.5))

    def gray(camera, pose):
        depth = torch.full(camera.size_px, torch.inf)
        depth[:, :8] = 4.0  # a quarter is a surface
        return torch.full((*camera.size_px, 3), 0.5), depth

    start, walk = torch.eye(4, dtype=torch.float64), SIZE | {"limit": 0.5}
    found = navigable_range(sky, gray, start, **walk)  # finds the shell by itself
    assert [(d.range, d.ended_by) for d in found.directions] == [(0.0, "holes")] * 8
    assert found.directions[0].places[0].holes == 0.25
    none = torch.zeros(3000, dtype=torch.bool)
    assert navigable_range(sky, gray, start, is_sky=none, **walk).worst == 0.5


def test_it_stops_when_asked_and_refuses_what_it_cannot_walk():
    def stop(event):
        if event.phase.endswith("0.5 far"):
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        navigable_range(NOTHING, truth, torch.eye(4), progress=stop, **SIZE)
    with pytest.raises(InvalidInput, match="straight up or down"):
        navigable_range(NOTHING, truth, pose_at((0, 0, 0), pitch=90), **SIZE)
    with pytest.raises(InvalidInput, match="limit at least step"):
        navigable_range(NOTHING, truth, torch.eye(4), **(SIZE | {"step": 6.0}))
