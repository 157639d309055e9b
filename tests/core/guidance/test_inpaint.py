"""Filling one panorama: the solver, which side of a hole is the background, and thin gaps."""

import math

import pytest
import torch
from oracles_geometry import erp_direction, erp_pixel

from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.guidance.inpaint import (
    Copied,
    close_slivers,
    farther_ends,
    inpaint_background,
    solve_harmonic,
)


def seed(value=0):
    return torch.Generator().manual_seed(value)


def test_fill_solves_the_difference_equations():
    """Against a dense system built pixel by pixel: every pixel is the weighted mean of its neighbors."""
    height, width = 6, 12
    rgb = torch.rand(height, width, 3, generator=seed())
    depth_ray = torch.rand(height, width, generator=seed(1)) + 4
    is_open = torch.rand(height, width, generator=seed(2)) < 0.6
    is_open[0, 3:9] = True  # up to the pole
    is_open[2, [0, -1]] = True  # over the seam
    unknown = [(r, c) for r in range(height) for c in range(width) if is_open[r, c]]
    number = {pixel: k for k, pixel in enumerate(unknown)}
    matrix = torch.zeros(len(unknown), len(unknown), dtype=torch.float64)
    right_side = torch.zeros(len(unknown), 4, dtype=torch.float64)
    for (r, c), k in number.items():
        theta = math.pi * (r + 0.5) / height
        for dr, dc in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            side = math.sin(theta + dr * math.pi / height / 2) if dr else 1 / math.sin(theta)
            other = (r + dr, (c + dc) % width)
            if not 0 <= other[0] < height:
                continue  # a row's side at the pole has no length
            matrix[k, k] += side
            if other in number:
                matrix[k, number[other]] -= side
            else:
                value = torch.cat((rgb[other], 1 / depth_ray[other].view(1)))
                right_side[k] += side * value.double()
    expected = torch.linalg.solve(matrix, right_side)
    made = inpaint_background(rgb, depth_ray, is_open, None)
    actual = torch.cat((made.rgb, 1 / made.depth_ray[..., None]), dim=-1)[is_open]
    # The iteration stops at a residual of 1e-3; seen: 2e-4.
    torch.testing.assert_close(actual.double(), expected, rtol=0, atol=2e-3)


def test_band_between_two_parallels_follows_the_closed_form():
    """Harmonic functions of latitude are linear in log tan(theta / 2)."""
    height, width = 64, 128
    is_open = torch.zeros(height, width, dtype=torch.bool)
    is_open[8:40] = True
    rgb = torch.zeros(height, width, 3)
    rgb[40:] = 1
    made = inpaint_background(rgb, torch.full((height, width), 3.0), is_open, None)
    theta = (torch.arange(height) + 0.5) / height * math.pi
    mercator = torch.log(torch.tan(theta / 2))
    expected = (mercator - mercator[7]) / (mercator[40] - mercator[7])
    # Second-order differences: (pi / 64)^2 / 12 times derivatives near the upper rim of about 1 / theta^2
    # = 6: 1e-3; the solver's residual adds as much.
    for column in (0, 77, 127):
        torch.testing.assert_close(made.rgb[8:40, column, 0], expected[8:40], rtol=0, atol=5e-3)


def test_fill_never_leaves_the_range_of_its_border():
    rgb = torch.rand(32, 64, 3, generator=seed()) * 0.5 + 0.25
    depth_ray = torch.rand(32, 64, generator=seed(1)) + 1
    is_open = torch.rand(32, 64, generator=seed(2)) < 0.7
    made = inpaint_background(rgb, depth_ray, is_open, None)
    assert float(made.rgb.min()) >= 0.25 - 2e-3
    assert float(made.rgb.max()) <= 0.75 + 2e-3
    assert float(made.depth_ray.min()) >= 1 - 1e-2
    assert float(made.depth_ray.max()) <= 2 + 1e-2


def test_pixels_outside_the_region_are_not_touched():
    rgb = torch.rand(16, 32, 3, generator=seed())
    depth_ray = torch.rand(16, 32, generator=seed(1)) + 1
    is_open = torch.rand(16, 32, generator=seed(2)) < 0.3
    before = rgb.clone(), depth_ray.clone()
    made = inpaint_background(rgb, depth_ray, is_open, torch.tensor([0.0, 0.3, 1.0]))
    assert torch.equal(rgb, before[0])
    assert torch.equal(depth_ray, before[1])
    assert torch.equal(made.rgb[~made.region], rgb[~made.region])
    assert bool((made.region | ~is_open).all())


def object_before_wall(height=48):
    """Looking along +z, epipole to the left: an object at distance 1, a hole to its right, a wall at 5."""
    width = 2 * height
    depth_ray = torch.full((height, width), 5.0)
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    middle = (rows - height / 2).abs() < height / 6
    is_object = middle & (columns >= width * 0.45) & (columns < width * 0.5)
    is_open = middle & (columns >= width * 0.5) & (columns < width * 0.6)
    depth_ray[is_object] = 1.0
    return depth_ray, is_object, is_open


def test_background_fills_the_hole_and_the_object_does_not_bleed():
    depth_ray, is_object, is_open = object_before_wall()
    rgb = torch.zeros(*depth_ray.shape, 3)
    rgb[..., 2] = 1
    rgb[is_object] = torch.tensor([1.0, 0, 0])
    made = inpaint_background(
        rgb, depth_ray.masked_fill(is_open, torch.inf), is_open, torch.tensor([-1.0, 0, 0]), rim_px=2
    )
    assert float(made.rgb[is_open][:, 0].max()) == 0.0
    torch.testing.assert_close(
        made.depth_ray[is_open], torch.full_like(made.depth_ray[is_open], 5.0), rtol=1e-3, atol=0
    )
    behind = made.region & ~is_open
    assert bool((behind & ~is_object).sum() == 0), "only the object's rim is continued behind"
    assert int(behind.sum()) >= 2 * int(is_open[:, is_open.any(0)].any(1).sum()) - 4


def far_end_slowly(depth_ray, is_open, pixel, epipole, step=0.002):
    """Walk along the great circle through the epipole until a pixel is not open, at most to the epipole or
    its opposite, where lines end."""
    height, width = depth_ray.shape
    start = torch.tensor(erp_direction(pixel[1], pixel[0], height, width), dtype=torch.float64)
    axis = torch.nn.functional.normalize(torch.linalg.cross(start, epipole), dim=0)
    found = []
    to_epipole = math.acos(float(start @ epipole))
    for sign, reach in ((1, to_epipole), (-1, math.pi - to_epipole)):
        for k in range(1, int(reach / step)):
            a = sign * k * step
            walker = start * math.cos(a) + torch.linalg.cross(axis, start) * math.sin(a)
            u, v = erp_pixel(walker.tolist(), height, width)
            row, column = min(max(round(v), 0), height - 1), round(u) % width
            if not is_open[row, column]:
                found.append(float(depth_ray[row, column]))
                break
    return max(found)


@pytest.mark.parametrize("towards", [(-1.0, 0, 0), (0.3, -0.4, 0.8), (0, 1.0, 0), (0, 0, -1.0)])
def test_far_ends_match_a_walk_along_the_epipolar_line(towards):
    height, width = 40, 80
    azimuth = torch.arange(width) / width * math.tau
    tilt = torch.arange(height)[:, None] / height * math.pi
    depth_ray = 5 + torch.sin(azimuth) + torch.cos(2 * tilt)  # smooth, so that a pixel's miss costs little
    is_open = torch.zeros(height, width, dtype=torch.bool)
    is_open[12:20, 10:22] = True
    is_open[22:30, 74:] = True
    is_open[22:30, :6] = True
    epipole = torch.nn.functional.normalize(torch.tensor(towards, dtype=torch.float64), dim=0)
    actual = farther_ends(depth_ray.masked_fill(is_open, torch.inf), is_open, epipole)
    assert bool((actual[~is_open] == 0).all())
    for pixel in is_open.nonzero()[::7].tolist():
        expected = far_end_slowly(depth_ray, is_open, pixel, epipole)
        # Up to two pixels aside, of slopes up to tau / 80 and 2 pi / 40 per pixel.
        assert float(actual[tuple(pixel)]) == pytest.approx(expected, abs=3 * math.tau / 40)


def horizontal_plane(height, below):
    """Distance along each row's ray to a plane ``below`` the camera; inf above the horizon."""
    elevation_down = (torch.arange(height) + 0.5) / height * math.pi - math.pi / 2
    return torch.where(elevation_down > 0, below / torch.sin(elevation_down), torch.inf)


def test_ground_at_a_shallow_angle_is_not_in_front_of_itself():
    """A gap in flat ground is continued from both sides; one behind a table, or behind something rounded,
    only from the far one."""
    height = 320
    ground = horizontal_plane(height, 1.6)
    table = horizontal_plane(height, 0.8)
    gap = slice(190, 215)  # 17 to 31 degrees below the horizon: ground 3 to 5.5 away
    is_open = torch.zeros(height, 2 * height, dtype=torch.bool)
    is_open[gap] = True
    lines_are_columns = torch.tensor([0.0, 1.0, 0.0])
    rows = torch.arange(height)
    rounded = ground.clone()
    rounded[217:222] *= 0.8  # leads to the far end all the same, but is not flat
    far = float(ground[189])
    for near_surface, expected in ((ground, 1e-30), (table, far), (rounded, far)):
        column = torch.where(rows >= 215, near_surface, ground)
        column = torch.where(torch.isfinite(column), column, 50.0)
        depth_ray = column.unsqueeze(1).repeat(1, 2 * height)
        ends = farther_ends(depth_ray.masked_fill(is_open, torch.inf), is_open, lines_are_columns)
        inside = ends[195:210]
        # The lookup into lines and back may shift by a row: 3 % of distance here.
        torch.testing.assert_close(inside, torch.full_like(inside, expected), rtol=0.05, atol=1e-20)


@pytest.mark.parametrize("columns", [1, 13, 40])
def test_rolling_the_panorama_rolls_the_fill(columns):
    rgb = torch.rand(40, 80, 3, generator=seed())
    depth_ray, _, is_open = object_before_wall(40)
    epipole = torch.tensor([-1.0, 0.1, 0.2], dtype=torch.float64)
    turn = matrix_from_yaw_pitch_roll(*torch.tensor([columns / 80 * math.tau, 0, 0], dtype=torch.float64))
    there = inpaint_background(rgb, depth_ray, is_open, epipole)
    rolled = inpaint_background(
        rgb.roll(columns, 1), depth_ray.roll(columns, 1), is_open.roll(columns, 1), turn @ epipole
    )
    # Twice the solver's residual; no pixel may change sides.
    torch.testing.assert_close(rolled.rgb, there.rgb.roll(columns, 1), rtol=0, atol=5e-3)


def test_thin_gaps_take_the_farther_side():
    rgb = torch.zeros(16, 32, 3)
    rgb[:, 16:, 0] = 1
    depth_ray = torch.full((16, 32), 9.0)
    depth_ray[:, 16:] = 1.0
    is_open = torch.zeros(16, 32, dtype=torch.bool)
    is_open[:, 15:17] = True
    is_open[4:12, 22:31] = True  # too wide, left alone in its middle
    before = rgb.clone()
    left = close_slivers(rgb, depth_ray, is_open)
    assert not bool(left[:, 15:17].any())
    assert float(rgb[:, 15:17, 0].max()) == 0.0
    assert float(depth_ray[:, 15:17].min()) == pytest.approx(9.0)
    assert bool(left[7:9, 25:28].all())
    assert torch.equal(rgb[~is_open], before[~is_open])


def test_thin_gaps_close_over_seam_and_pole():
    rgb = torch.rand(16, 32, 3, generator=seed())
    depth_ray = torch.ones(16, 32)
    is_open = torch.zeros(16, 32, dtype=torch.bool)
    is_open[:, 0] = is_open[0] = is_open[-1] = True
    left = close_slivers(rgb, depth_ray, is_open)
    assert not bool(left.any())
    torch.testing.assert_close(depth_ray, torch.ones(16, 32))


def test_windows_at_the_pole_see_its_other_side():
    rgb = torch.zeros(16, 32, 3)
    rgb[:, 16:] = 1
    is_open = torch.zeros(16, 32, dtype=torch.bool)
    is_open[0] = True
    close_slivers(rgb, torch.ones(16, 32), is_open)
    # Around column 8: rows 1 to 3 of this side are 21 zeros; beyond the pole rows 1 and 2 are 14 ones.
    torch.testing.assert_close(rgb[0, 8], torch.full((3,), 14 / 35))
    torch.testing.assert_close(rgb[0, 24], torch.full((3,), 21 / 35))


def test_copied_differences_meet_the_border_and_each_other_without_a_seam():
    """Two copies of a texture, each of another tone: the texture itself, where both are as it is at their seam."""
    height, width = 16, 32
    truth = torch.rand(height, width, 3, generator=seed())
    truth[:, 15:17] = 0.5
    region, near = torch.zeros(2, height, width, dtype=torch.bool)
    region[5:11, 10:22], near[4:12, 9:23] = True, True
    piece = torch.where(near, (torch.arange(width) >= 16).int(), -1)
    tone = torch.tensor(((0.3, -0.2, 0.1), (-0.4, 0.1, 0.2)))[piece.clamp(min=0)]
    given = torch.where(region.unsqueeze(-1), 0.0, truth)
    solved = solve_harmonic(given, region, near & ~region, copied=Copied(truth + tone, piece))
    # The solver stops at a residual of 1e-3.
    assert float((solved - truth).abs().max()) < 0.01
