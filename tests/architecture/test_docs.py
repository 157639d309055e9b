"""The pages in docs/ say what the tree holds."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from import_rules import MAY_LOOK_ASIDE, RANK

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def docstring_of(room):
    folder = ROOT / "matrix3d_core" / room
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    return ast.get_docstring(ast.parse(file.read_text())).splitlines()[0] if file.is_file() else None


def rows_of_rooms():
    """The rows that the page must have, from the ranks and the rooms' own words."""
    for room, rank in sorted(RANK.items(), key=lambda pair: (pair[1], pair[0])):
        if text := docstring_of(room):
            aside = [f" Imports `{other}`." for one, other in sorted(MAY_LOOK_ASIDE) if one == room]
            yield f"| {rank} | `{room}` | {text}{''.join(aside)} |"


def test_the_page_of_rooms_is_the_code():
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert [line for line in page.splitlines() if re.match(r"\| \d", line)] == list(rows_of_rooms())


def test_host_files_are_all_named():
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert {p.name for p in (ROOT / "nodes").glob("_host*.py")} <= set(re.findall(r"`(_host\w*\.py)`", page))


def test_links_lead_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in LINK.findall(page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text()
    assert {p.name for p in (ROOT / "docs").glob("*.md")} - {"index.md"} <= set(LINK.findall(index))
