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


QUOTED = re.compile(r"`([^`\n]+)`")
PLACES = (
    "",
    "docs",
    "matrix3d_core",
    "matrix3d_core/optimize/strategies",
    "matrix3d_core/raster",
    "nodes",
    "tests/core/optimize",
    "tests/formats",
)
NAME_OF_CODE = re.compile(r"_?[A-Za-z]\w*_\w+|[A-Z][a-z]+[A-Z]\w+|[A-Z]{4,}")


def stale(text, code):
    """What a page quotes and the tree does not hold: files, and names of code; NAME and FAMILY stand for any."""
    for quoted in QUOTED.findall(text):
        if re.search("NAME|FAMILY|NODE_ID|Matrix-3D", quoted):
            continue
        if re.fullmatch(r"[\w/.-]+(\.(py|mjs|json|md|toml)|/)", quoted):
            if not any((ROOT / place / quoted).exists() for place in PLACES):
                yield quoted
        elif NAME_OF_CODE.fullmatch(quoted) and not re.search(rf"\b{quoted}\b", code):
            yield quoted


def test_the_steps_to_extend_name_what_is_there():
    files = [
        *ROOT.glob("matrix3d_core/**/*.py"),
        *ROOT.glob("nodes/*.py"),
        *ROOT.glob("tests/**/*.py"),
        *ROOT.glob("web/i18n/*.mjs"),
    ]
    code = "\n".join(p.read_text(encoding="utf-8") for p in files if p != Path(__file__))
    assert list(stale((ROOT / "docs" / "extending.md").read_text(encoding="utf-8"), code)) == []
    planted = "`io/splat.py` `io/gone.py` `open_source` `open_gone` `SplatFormat` `SplatGone` `web/docs/NODE_ID.md` `gone/`"
    assert list(stale(planted, code)) == ["io/gone.py", "open_gone", "SplatGone", "gone/"]
