"""WorldSelect inside of the real host's interpreter: outputs, the view's questions, and what is refused."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def seen(in_host, tmp_path_factory):
    return in_host.call("world_select.selections", base=tmp_path_factory.mktemp("select"))


def test_the_selection_becomes_an_instance(seen):
    assert seen["blue"] == [
        [1600, {"1": "chair"}, 400],
        [400, {"1": "chair"}, 400],
        [1200, {"1": "chair"}, 0],
    ]
    assert seen["report"]["chosen"] == 400
    assert seen["report"]["instances"] == {"chair": 400}


def test_the_view_is_told_of_the_world_as_it_came_in(seen):
    (shown,) = seen["shown"]["matrix3d_splat"]
    assert shown["count"] == 1600
    assert shown["type"] == "temp"
    assert seen["kept"]
    (select,) = seen["shown"]["matrix3d_select"]
    assert select["selected"] == 400


def test_the_view_gets_one_byte_for_each_splat_in_the_files_order(seen):
    assert seen["answers"] == [0, 400, 800, 1600]
    assert seen["places"] == list(range(400, 800))
    assert seen["same_token"]


def test_nothing_and_everything_are_no_errors(seen):
    assert seen["empty"] == [[1600, {}, 0], "ExecutionBlocker", [1600, {}, 0]]
    whole = [1600, {"1": "selection"}, 1600]
    assert seen["all"] == [whole, whole, "ExecutionBlocker"]


def test_grow_takes_what_is_near(seen):
    assert 800 < seen["grown"] <= 1200  # red and green are up to 2.5 away


def test_masks_are_where_it_starts(seen):
    assert 80 < seen["masked"] < 400  # the front of two blobs
    assert seen["masked_answer"] == seen["masked"]


def test_only_the_last_world_of_a_node_answers(seen):
    gone = ["Gone", "The world is no longer in memory. Run the graph again."]
    assert seen["gone"] == gone
    assert seen["foreign"] == [gone] * 5
    assert len(set(seen["others"])) == 3
    assert seen["oldest"] == gone


def test_what_is_wrong_is_said(seen):
    kinds, says = zip(*seen["errors"], strict=True)
    assert kinds == (
        "InvalidInput",
        "FormatError",
        "FormatError",
        "FormatError",
        "InvalidInput",
        "InvalidInput",
    )
    for sentence, words in zip(
        says,
        (
            "operations must be text",
            "at most 400000 characters",
            "op must be one of click",
            "not valid JSON",
            "name of an instance",
            "masks must come with the poses",
        ),
        strict=True,
    ):
        assert words in sentence
