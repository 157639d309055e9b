"""Hidden geometry: connected holes, path costs against their definition, and planes continued to where they meet."""

import math

import numpy as np
import pytest
import torch

from matrix3d_core.geometry.spherical import erp_directions, pixels_from_directions
from matrix3d_core.guidance.exemplar import inpaint_by_example
from matrix3d_core.guidance.hidden_geometry import continue_surfaces, find_planes
from matrix3d_core.guidance.inpaint import inpaint_background
from matrix3d_core.guidance.kernels_hidden import connected, plane_votes, sweep_columns, sweep_rows

HEIGHT = 96
LOW, HIGH = torch.tensor((-3.0, -1.2, -2.5)), torch.tensor((3.2, 1.5, 4.0))
SCREEN_Z, SCREEN_X, SCREEN_TOP = 1.5, 0.5, -0.3
CENTER = torch.tensor((0.9, 0.0, 0.0))


def room(rays, center):
    """Distance to the inside of a box."""
    return ((torch.where(rays > 0, HIGH, LOW) - center) / rays).amin(-1)


def screen(rays, center):
    """Distance to an upright screen that stands on the floor; infinite beside it."""
    t = (SCREEN_Z - center[2]) / rays[..., 2]
    at = center + rays * t.unsqueeze(-1)
    on = (t > 0) & (at[..., 0].abs() < SCREEN_X) & (at[..., 1] > SCREEN_TOP) & (at[..., 1] < HIGH[1])
    return torch.where(on, t, torch.inf)


def striped(points):
    """Boards 0.5 wide along z on the floor, gray elsewhere."""
    board = (torch.floor(points[..., 0] / 0.5) % 2).unsqueeze(-1)
    is_floor = (points[..., 1:2] - HIGH[1]).abs() < 1e-3
    return torch.where(is_floor, 0.2 + 0.6 * board, 0.5).expand(*points.shape[:-1], 3).contiguous()


@pytest.fixture(scope="module")
def hidden_case():
    """What a camera beside the source sees of a room, without what the source does not show."""
    rays = erp_directions(HEIGHT, 2 * HEIGHT)
    reference = torch.minimum(room(rays, torch.zeros(3)), screen(rays, torch.zeros(3)))
    behind, front = room(rays, CENTER), screen(rays, CENTER)
    to_point = CENTER + rays * behind.unsqueeze(-1)
    is_open = (
        screen(to_point / to_point.norm(dim=-1, keepdim=True), torch.zeros(3)) < to_point.norm(dim=-1)
    ) & (front == torch.inf)
    truth = striped(to_point)
    depth_ray = torch.minimum(behind, front)
    rgb = torch.where((front < torch.inf).unsqueeze(-1), torch.tensor((1.0, 0.0, 0.0)), truth)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = CENTER
    made = inpaint_by_example(rgb, depth_ray, is_open, -CENTER, pose, reference)
    smooth = inpaint_background(rgb, depth_ray, is_open, -CENTER)
    return is_open, behind, truth, made, smooth


def test_floor_and_wall_are_continued_to_where_they_meet(hidden_case):
    is_open, behind, _, made, smooth = hidden_case
    assert int(is_open.sum()) > 200, "the screen must hide something"
    wrong, wrong_smooth = (
        float(((found.depth_ray / behind - 1).abs() > 0.01)[is_open].float().mean())
        for found in (made, smooth)
    )
    assert wrong_smooth > 0.3, "the smooth guess must not solve this"
    # Seen: 0.0; a pixel at the crease may go to either side.
    assert wrong < 0.02
    assert len(made.label[is_open].unique()) >= 2, "floor and wall are two surfaces"


def test_boards_go_on_under_the_hole(hidden_case):
    is_open, behind, truth, made, smooth = hidden_case
    rays = erp_directions(HEIGHT, 2 * HEIGHT)
    floor = is_open & ((CENTER + rays * behind.unsqueeze(-1))[..., 1] > HIGH[1] - 1e-3)
    error, error_smooth = ((found.rgb - truth)[floor].abs().mean() for found in (made, smooth))
    assert float(error) < 0.5 * float(error_smooth)


def test_seen_pixels_are_not_touched(hidden_case):
    is_open, behind, truth, made, _ = hidden_case
    same = ~made.region & ~is_open & (made.depth_ray == behind)
    assert torch.equal(made.rgb[same], truth[same])


def test_planes_of_a_room_are_found():
    rays = erp_directions(48, 96)
    planes = find_planes(rays, 1 / room(rays, torch.zeros(3)), torch.ones(48, 96, dtype=torch.bool))
    expected = [torch.eye(3)[k] / side[k] for side in (LOW, HIGH) for k in range(3)]
    for plane in expected:
        assert float((planes - plane).norm(dim=1).min()) < 0.01 * float(plane.norm())


def test_nothing_in_front_of_what_another_camera_sees(hidden_case):
    _, _, _, made, _ = hidden_case
    rays = erp_directions(HEIGHT, 2 * HEIGHT)
    points = CENTER + (rays * made.depth_ray.unsqueeze(-1))[made.region]
    distance = points.norm(dim=1)
    column, row = pixels_from_directions(points / distance.unsqueeze(1), height=HEIGHT, width=2 * HEIGHT)
    at = row.round().long().clamp(0, HEIGHT - 1) * 2 * HEIGHT + column.round().long() % (2 * HEIGHT)
    source = torch.minimum(room(rays, torch.zeros(3)), screen(rays, torch.zeros(3))).flatten()[at]
    # A pixel of the floor at a grazing angle is several per cent deep.
    assert float((distance < 0.9 * source).float().mean()) < 0.01


def test_connected_regions_wrap_around():
    mask = np.zeros((5, 8), bool)
    mask[1, [0, 7]] = mask[2, 1] = mask[4, 4] = True
    found, count = connected(mask)
    assert count == 2
    assert found[1, 0] == found[1, 7] == found[2, 1] != found[4, 4]
    assert ((found >= 0) == mask).all()


def test_most_frequent_plane_of_a_window():
    own = np.full((6, 12), -1, np.int32)
    own[:3], own[3:] = 0, 1
    own[0, 0] = 1
    found = np.full((6, 12), -1, np.int32)
    plane_votes(6, own, np.ones((6, 12), bool), 1, 2, found)
    assert found[0, 0] == 0
    assert (found[:2] == 0).all()
    assert (found[4:] == 1).all()


def slow_path_costs(part, border, candidates, planes, rays, keep):
    """Sum over eight directions of the least cost of a path of labels from the border, pixel by pixel."""
    height, width = part.shape
    many = candidates.shape[1]
    total = np.zeros((height, width, many))

    def inverse(label, y, x):
        return max(float(planes[label] @ rays[y, x]), 1e-6)

    for row, column in zip(*np.nonzero(part >= 0), strict=True):
        for dy, dx in ((0, 1), (0, -1), (1, 0), (1, 1), (1, -1), (-1, 0), (-1, 1), (-1, -1)):
            line = [(row, column)]  # backwards to the border
            while (
                line[-1][0] - dy in range(height) and part[line[-1][0] - dy, (line[-1][1] - dx) % width] >= 0
            ):
                line.append((line[-1][0] - dy, (line[-1][1] - dx) % width))
            end = (line[-1][0] - dy, (line[-1][1] - dx) % width)
            if end[0] not in range(height):
                continue
            if border[end] < 0:
                costs = np.zeros(many)
                line = line[:-1]  # the first pixel starts without a cost
            else:
                costs = np.where(candidates[0] == border[end], 0.0, np.inf)
            for index, (y, x) in enumerate(reversed(line)):
                if border[end] < 0 or index > 0:
                    costs = costs * keep
                step = np.array(
                    [
                        [
                            0.0
                            if a == b
                            else 0.15 + min(abs(math.log(inverse(a, y, x) / inverse(b, y, x))), 1.5)
                            for b in candidates[0]
                        ]
                        for a in candidates[0]
                    ]
                )
                costs = (step + costs[None]).min(1)
                costs = np.minimum(costs - costs.min(), 2.0)
            total[row, column] += costs
    return total


def test_path_costs_are_those_of_the_definition():
    random = np.random.default_rng(3)
    height, width = 7, 12
    rays = erp_directions(height, width).numpy()
    part = np.full((height, width), -1, np.int32)
    part[2:5, 3:8] = 0
    part[3, 8] = 0
    border = np.full((height, width), -1, np.int32)
    border[1, 2:9], border[5, 2:8] = 0, 1
    planes = random.normal(size=(2, 3)).astype(np.float32)
    candidates = np.array([[0, 1]], np.int32)
    smooth, far, keep = np.ones((height, width), np.float32), np.float32(0.1), np.float32(0.9)
    total = np.zeros((height, width, 2), np.float32)
    given = (part, border, candidates, planes, smooth, far, rays, keep)
    sweep_columns(height, *given, total)
    for down in (1, -1):
        sweep_rows(*given, down, total)
    np.testing.assert_allclose(total, slow_path_costs(*given[:4], rays, 0.9), rtol=1e-4, atol=1e-4)


def test_sky_stays_above_the_skyline_beside_the_hole():
    """A hole whose left side shows sky over bumpy hills, and whose right side is an object in front."""
    height, width, skyline, left, right = 48, 96, 20, 30, 70
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    hills = 20 + 3 * torch.sin(1.3 * column) * torch.cos(row.float())
    depth_ray = torch.where(row < skyline, 100.0, hills)
    region = (row >= 12) & (row < 32) & (column >= left) & (column < right)
    background = ~region & (column < right)
    border = background & ((column == left - 1) & (row >= 11) & (row < 32) | (row == 11) & (column >= left))
    smooth, no_reference = torch.full((height, width), 1 / 40), torch.zeros(height, width)
    pose = torch.eye(4, dtype=torch.float64)
    found = continue_surfaces(depth_ray, smooth, region, border, background, pose, no_reference)
    is_sky = found.label == len(found.planes) + 1
    # The boundary is smoothed by votes of 5x5 pixels.
    assert not bool(is_sky[skyline + 2 :][region[skyline + 2 :]].any())
    assert float(is_sky[:skyline][region[:skyline]].float().mean()) > 0.7
    # What goes on below, where no plane fits, is as far as the hills, not between them and the sky.
    below = region & (found.label == len(found.planes)) & (row >= skyline + 2)
    assert int(below.sum()) > 100
    assert float((1 / found.inverse)[below].max()) < 30


@pytest.mark.parametrize("seed", range(4))
def test_nothing_hidden_is_far_beyond_all_that_is_seen(seed):
    """Rough distances and ragged holes, some without a border of their own."""
    random = torch.Generator().manual_seed(seed)
    depth = 1 + 4 * torch.rand(24, 48, generator=random)
    coarse = torch.rand(1, 1, 12, 24, generator=random)
    hole = torch.nn.functional.interpolate(coarse, (24, 48))[0, 0] > 0.75
    epipole = torch.nn.functional.normalize(torch.randn(3, generator=random), dim=0)
    rgb, sky = torch.full((24, 48, 3), 0.5), torch.full((24, 48), 5.0)
    for _ in range(3):  # of one hole after the other none reaches farther
        depth = inpaint_by_example(rgb, depth, hole, epipole, torch.eye(4), sky).depth_ray
        assert 0 < float(depth.min()) <= float(depth.max()) <= 2 * 5 * (1 + 1e-6)
        hole = hole.roll(7, 1)
