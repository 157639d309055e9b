"""Result files have the agreed form, and the timing helpers count right."""

import json
from pathlib import Path

import pytest

from benchmarks import common

RESULTS = sorted((Path(common.__file__).parent / "results").rglob("*.json"))


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name)
def test_result_files_have_the_agreed_form(path):
    record = json.loads(path.read_text(encoding="utf-8"))
    common.check_result(record)
    assert path.parent.name == record["version"]
    assert path.name.startswith(record["suite"] + "--")


def test_there_is_a_result():
    assert RESULTS


def test_a_wrong_form_is_refused():
    with pytest.raises(ValueError, match="result: version must be str; got None"):
        common.check_result({"suite": "x"})


def test_spread_of_known_numbers():
    record = common.spread([0.001, 0.002, 0.003, 0.004, 0.010])
    assert record["median_ms"] == pytest.approx(3.0)
    assert record["least_ms"] == pytest.approx(1.0)
    assert record["runs"] == 5
    assert common.ratio([2.0, 6.0, 4.0], [1.0, 2.0, 2.0]) == 2.0


def test_contestants_take_turns():
    calls = []
    seconds = common.time_in_rounds(
        {name: lambda k, name=name: calls.append((name, k)) for name in "ab"}, 2, warm_up=1
    )
    assert calls == [("a", 0), ("b", 0), ("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert {name: len(values) for name, values in seconds.items()} == {"a": 2, "b": 2}
