"""The lists of formats in pages and in the viewer are what the library's records say."""

from __future__ import annotations

import json
import re

import pytest
from make_format_lists import LISTS, ROOT, files, written

FILES = files()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_lists_are_up_to_date(path):
    assert path.read_text(encoding="utf-8") == FILES[path], "run scripts/make_format_lists.py"


def test_every_list_stands_somewhere():
    used = {name for text in FILES.values() for name in re.findall(r"<!-- formats: (\w+) -->", text)}
    assert used == LISTS.keys()


def test_a_stale_list_is_replaced_and_nothing_else():
    page = "Read <!-- formats: splats -->old<!-- /formats --> files.\n"
    new = written(page)
    assert re.fullmatch(
        r"Read <!-- formats: splats -->`\.ply`, .* or `\.\w+`<!-- /formats --> files\.\n", new
    )
    assert written(new) == new


@pytest.mark.parametrize("node", ["SplatLoad", "SplatSave"])
def test_every_language_names_the_same_formats(node):
    english, chinese = (
        json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8"))[node][
            "description"
        ]
        for language in ("en", "zh")
    )
    names = re.compile(r"[A-Z0-9]*[A-Z]{3,}(?: \d)?")
    assert sorted(set(names.findall(chinese))) == sorted(set(names.findall(english)))
