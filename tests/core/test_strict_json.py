"""JSON from outside: what the standard allows comes through unchanged, everything else is one clear error."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix3d_core.errors import FormatError
from matrix3d_core.strict_json import brief, parse_json, read_json

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**298), 10**298)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(values, st.booleans())
def test_what_json_allows_comes_through(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only, allow_nan=False)
    assert parse_json(text, source="x") == value
    assert parse_json("\ufeff".encode() + text.encode(), source="x") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1,\n  NaN]", "x.json: line 2, column 3: numbers must be finite.*got NaN"),
        ("[-Infinity]", "line 1, column 2: numbers must be finite.*got -Infinity"),
        ('["NaN", 1e999]', "line 1, column 9: numbers must be finite.*got 1e999"),
        ("-1" + "0" * 400, "within 1.8e308 and at most 300 digits long; got -1000"),
        ("9" * 5000, "at most 300 digits long; got 9999"),
        ("[" * 100_000, "nested at most 64 deep; got 100000"),
        ("[" * 65 + "]" * 65, "nested at most 64 deep; got 65"),
        ('{"a":' * 65 + "1" + "}" * 65, "nested at most 64 deep; got 65"),
        ('["\\ud800"]', "half of a surrogate pair"),
        ('["\ud800"]', "half of a surrogate pair"),
        ("[1, 2", "line 1, column 6: not valid JSON"),
        ("", "line 1, column 1: not valid JSON"),
        (b"[\xff]", "must be UTF-8 text; byte 1 is not"),
        (",".join("0" * 50), "not valid JSON"),
    ],
)
def test_everything_else_is_one_clear_error(text, message):
    with pytest.raises(FormatError, match=message) as raised:
        parse_json(text, source="x.json")
    assert str(raised.value).startswith("x.json: ")


def test_what_looks_wrong_inside_strings_is_right():
    text = '{"a": "NaN [[[ \\" 1e999 \\ud83d\\ude00", "b": ["' + "[" * 100 + '"]}'
    assert parse_json(text, source="x")["a"] == 'NaN [[[ " 1e999 \U0001f600'


def test_sizes_are_refused_before_memory_is_taken(tmp_path):
    with pytest.raises(FormatError, match="x: must hold at most 100 values; got more than 200"):
        parse_json("[" + "0," * 200 + "0]", source="x", most_values=100)
    with pytest.raises(FormatError, match=r"x: must be at most 1e-05 MB; got 2\.1e-05 MB"):
        parse_json("[" + "0," * 9 + "0]", source="x", most_bytes=10)
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(100_000_001)  # sparse
    with pytest.raises(FormatError, match=r"huge\.json: must be at most 100 MB; got 100 MB"):
        read_json(path)
    path.write_text("[1]")
    assert read_json(path) == [1]


def test_values_in_messages_are_short():
    assert brief([1, "ü"]) == '[1, "ü"]'
    assert len(brief("x" * 1000)) == len(brief(list(range(1000)))) == 60
    assert brief({1, 2}) == "a set"
    assert brief(math.nan) == "NaN"
