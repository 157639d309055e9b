"""Nodes that make worlds move, in the real host's interpreter."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def seen(in_host, tmp_path_factory):
    """What the nodes gave, all from one interpreter."""
    return in_host.call("motion_nodes.animates_and_renders", base=tmp_path_factory.mktemp("motion"))


def test_motions_pile_up_and_are_reported(seen):
    motions = {m["kind"]: m["splats"] for m in seen["report"]["motions"]}
    assert motions == {"turn": 200, "fountain": 100}
    assert seen["report"]["splats"] == 300
    assert seen["report"]["loop_s"] == 4.0


def test_a_film_moves_and_closes(seen):
    assert seen["loop"]
    assert seen["moves"] > 0.1
    assert seen["at_time"]
    assert seen["stride"]


def test_panorama_and_both_eyes_move(seen):
    assert seen["around"] == [2, 32, 64, 3]
    assert seen["stereo"] == [[3, 32, 96, 3], 0.0]


def test_a_sequence_is_saved_and_plays_the_same(seen):
    assert seen["saved"] == [f"frame_{k:05d}.ply" for k in range(8)] + ["sequence.json"]
    assert seen["loaded"]["frames"] == 8
    assert seen["loaded"]["fps"] == 2.0
    assert seen["loaded"]["splats"] == [200] * 8
    assert seen["replayed"] < 1e-4  # logits and logarithms in float32


def test_the_viewer_is_given_the_motions(seen):
    assert seen["previews"] == [{"ply": [".motions", True], "spz": [".motions", True]}, False]


def test_a_video_becomes_colors(seen):
    assert seen["colors"]["psnr_db"] > seen["colors"]["psnr_still_db"] + 3
    assert [m["kind"] for m in seen["colors"]["motions"]] == ["color"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "at least 1 water splat must be chosen to move"),
        (1, "at least 1 splat must be chosen to move"),
        (2, "a path must have 2 to 64 points"),
        (3, "the period of a motion must be above 0"),
        (4, "the speed of a motion must be above 0"),
        (5, "the world must move to be saved as a sequence"),
        (6, "motion_nowhere"),
        (7, "one pose for all frames or one for each; got 9 poses and 8 frames"),
    ],
)
def test_what_is_refused_says_why(seen, number, words):
    assert words in str(seen["errors"][number])
