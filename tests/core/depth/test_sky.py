"""The sky rule and the repair of islands."""

from __future__ import annotations

import pytest
import torch

from matrix3d_core.depth.sky import component_sizes, fill_sky, small_islands
from matrix3d_core.errors import InvalidInput


def sizes_slowly(mask: torch.Tensor, wrap: bool) -> torch.Tensor:
    """Flood each region pixel by pixel."""
    height, width = mask.shape
    result = torch.zeros(height, width, dtype=torch.int64)
    done = torch.zeros_like(mask)
    for r0, c0 in mask.nonzero().tolist():
        if done[r0, c0]:
            continue
        region, open_list = [], [(r0, c0)]
        done[r0, c0] = True
        while open_list:
            r, c = open_list.pop()
            region.append((r, c))
            for rr in (r - 1, r, r + 1):
                for cc in (c - 1, c, c + 1):
                    if wrap:
                        cc %= width
                    if 0 <= rr < height and 0 <= cc < width and mask[rr, cc] and not done[rr, cc]:
                        done[rr, cc] = True
                        open_list.append((rr, cc))
        for r, c in region:
            result[r, c] = len(region)
    return result


@pytest.mark.parametrize("wrap", [True, False])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.45, 0.8])
@pytest.mark.parametrize("seed", range(4))
def test_component_sizes_match_flooding(seed, share, wrap):
    rng = torch.Generator().manual_seed(seed)
    mask = torch.rand(20, 33, generator=rng) < share
    assert torch.equal(component_sizes(mask, wrap=wrap), sizes_slowly(mask, wrap))


@pytest.mark.parametrize("value", [False, True])
def test_component_sizes_of_nothing_and_everything(value):
    mask = torch.full((5, 10), value)
    assert torch.equal(component_sizes(mask, wrap=True), torch.full((5, 10), 50 if value else 0))


def test_a_spiral_is_one_component():
    mask = torch.zeros(40, 40, dtype=torch.bool)
    mask[::2] = True  # stripes joined at alternating ends: the worst case for joining runs
    mask[1::4, -1] = True
    mask[3::4, 0] = True
    sizes = component_sizes(mask, wrap=False)
    assert torch.equal(sizes[mask], torch.full_like(sizes[mask], int(mask.sum())))


def test_sky_is_twice_the_largest_known_distance():
    depth = torch.tensor([[1.0, 3.0], [99.0, 2.0]])
    known = torch.tensor([[True, True], [False, True]])
    assert fill_sky(depth, known).tolist() == [[1.0, 3.0], [6.0, 2.0]]
    with pytest.raises(InvalidInput, match="at least one usable"):
        fill_sky(depth, torch.zeros_like(known))


def island_scene(height: int, half: int, column: int) -> torch.Tensor:
    depth = torch.full((height, 2 * height), 100.0)
    depth[height // 2 :] = 5.0
    columns = [(column + k) % (2 * height) for k in range(-half, half)]
    for row in range(10, 10 + 2 * half):
        depth[row, columns] = 20.0
    return depth


def test_islands_below_1600_pixels_at_2048x1024_go():
    depth = island_scene(1024, 20, 500)  # 40 x 40 = 1600: stays
    assert not small_islands(depth).any()
    depth[10, 480] = 100.0  # one less: goes
    assert int(small_islands(depth).sum()) == 1599


def test_the_limit_scales_with_the_size():
    depth = island_scene(256, 5, 100)  # 1600 / 16 = 100 pixels
    assert not small_islands(depth).any()
    assert int(small_islands(depth, min_pixels=101).sum()) == 100


def test_islands_join_over_the_seam_unless_told_not_to():
    depth = island_scene(256, 5, 0)
    assert not small_islands(depth).any()
    assert int(small_islands(depth, wrap=False).sum()) == 100  # two halves of 50


def test_distances_near_that_of_the_sky_count_as_sky():
    depth = torch.full((16, 32), 100.0)
    depth[3, 3], depth[5, 5] = 99.5, 98.0
    assert small_islands(depth, min_pixels=2).nonzero().tolist() == [[5, 5]]
