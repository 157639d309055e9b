"""Budgets of files: the number, the limit and the way out."""

import math

import pytest

from matrix3d_core.errors import FormatError
from matrix3d_core.io.limits import check_budget


def test_more_than_the_limit_is_refused_with_both_numbers_and_the_way_out():
    check_budget("a.png", "pixels", 1000, 1000, "Shrink it.")
    with pytest.raises(
        FormatError, match=r"^a\.png: too large to read; 1,001 pixels, at most 1,000\. Shrink it\.$"
    ):
        check_budget("a.png", "pixels", 1001, 1000, "Shrink it.")
    with pytest.raises(FormatError, match="nan seconds, at most 60"):
        check_budget("a.json", "seconds", math.nan, 60, "Cut it.")
