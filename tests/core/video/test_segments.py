"""Paths longer than one segment: the plan, the joins, and what is measured at them."""

import itertools

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.video.segments import (
    Segment,
    crossfade_weights,
    join_frames,
    join_latents,
    measure_segment_seam,
    plan_segments,
)


def test_short_paths_are_one_segment():
    assert plan_segments(81) == [Segment(0, 81, 0)]
    assert plan_segments(1) == [Segment(0, 1, 0)]


def test_a_long_path_by_hand():
    assert plan_segments(161, 81, 9) == [Segment(0, 61, 0), Segment(52, 113, 9), Segment(104, 161, 9)]
    assert plan_segments(153, 81, 9) == [Segment(0, 81, 0), Segment(72, 153, 9)]


@pytest.mark.parametrize("overlap", [1, 5, 9, 17])
@pytest.mark.parametrize("per_segment", [21, 49, 81])
def test_every_plan_keeps_the_rules(per_segment, overlap):
    for count in range(1, 500, 4):
        plan = plan_segments(count, per_segment, overlap)
        assert plan[0].start == 0
        assert plan[0].known == 0
        assert plan[-1].stop == count
        lengths = [len(s) for s in plan]
        assert all(n % 4 == 1 and n <= per_segment for n in lengths)
        assert max(lengths) - min(lengths) <= 4
        for before, after in itertools.pairwise(plan):
            assert after.start % 4 == 0
            assert before.stop - after.start == after.known == overlap
        fewest = 1 if count <= per_segment else -(-(count - overlap) // (per_segment - overlap))
        assert len(plan) == fewest


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((160, 81, 9), "frames must be 4k [+] 1 .*; got 160. Nearest are 157 and 161"),
        ((161, 80, 9), "frames_per_segment must be 4k"),
        ((161, 81, 8), "overlap must be 4k [+] 1 .*; got 8. Nearest are 5 and 9"),
        ((161, 81, 0), "overlap must be 4k"),
        ((161, 9, 9), "overlap must be less than frames_per_segment; got 9 of 9"),
    ],
)
def test_plans_that_cannot_be_are_refused(args, says):
    with pytest.raises(InvalidInput, match=says):
        plan_segments(*args)


def test_crossfade_leaves_out_its_ends():
    assert crossfade_weights(3).tolist() == [0.25, 0.5, 0.75]


def test_frames_join_by_a_ramp():
    joined = torch.zeros(13, 2, 4, 3)
    later = torch.ones(9, 2, 4, 3)
    join_frames(joined, later, Segment(4, 13, 3))
    torch.testing.assert_close(
        joined[:, 0, 0, 0], torch.tensor([0, 0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1])
    )


def test_latents_join_on_the_paths_own_frames():
    """With latents that hold the last pixel frame they stand for, the joined ones count on without a gap."""

    def last_frames(start, stop):
        return torch.tensor([float(t) for t in range(start, stop, 4)]).view(1, 1, -1, 1, 1)

    for count, per_segment, overlap in ((161, 81, 9), (49, 21, 1), (97, 33, 5)):
        plan = plan_segments(count, per_segment, overlap)
        joined = last_frames(plan[0].start, plan[0].stop)
        for segment in plan[1:]:
            joined = join_latents(joined, last_frames(segment.start, segment.stop), segment.known)
        assert torch.equal(joined, last_frames(0, count))


def moving(count, jump_at=None):
    """Frames that brighten evenly, with a jump in between if wanted."""
    level = torch.arange(count) * 0.01 + (0.3 * (torch.arange(count) >= jump_at) if jump_at else 0)
    return level.view(-1, 1, 1, 1).expand(-1, 2, 4, 3).clone()


def test_a_good_seam_measures_about_one():
    path, segment = moving(21), Segment(8, 21, 5)
    seam = measure_segment_seam(path[8:13], path[8:13], path, segment)
    assert seam.disagreement == 0
    assert abs(seam.step_ratio - 1) < 1e-3
    assert str(seam).startswith("seam at frames 8 to 12")


@pytest.mark.parametrize("jump_at", [8, 10, 12, 13])
def test_a_jump_in_the_seam_is_found(jump_at):
    path, segment = moving(21, jump_at), Segment(8, 21, 5)
    seam = measure_segment_seam(path[8:13], path[8:13] + 0.02, path, segment)
    assert abs(seam.disagreement - 0.02) < 1e-6
    assert seam.step_ratio > 25


def test_a_still_path_has_no_division_by_zero():
    path = torch.zeros(21, 2, 4, 3)
    assert measure_segment_seam(path[8:9], path[8:9], path, Segment(8, 21, 1)).step_ratio == 1
