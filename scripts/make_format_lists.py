"""Write the lists of file formats and camera presets in pages and in the viewer from the library's records.

    python scripts/make_format_lists.py

A page has a list between ``<!-- formats: NAME -->`` and ``<!-- /formats -->``, for the names in `LISTS`. Its content
comes from `matrix3d_core.io.splat_formats`, the readers of pictures, distances and camera paths, and the presets.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from matrix3d_core.io.camera_paths.door import PATH_SUFFIXES  # noqa: E402
from matrix3d_core.io.depth_files import DEPTH_SUFFIXES  # noqa: E402
from matrix3d_core.io.images import IMAGE_SUFFIXES  # noqa: E402
from matrix3d_core.io.splat_formats import FORMATS  # noqa: E402
from matrix3d_core.io.splats import SPLAT_FORMATS  # noqa: E402
from matrix3d_core.trajectories.presets import TRAJECTORY_PRESETS  # noqa: E402

PAGES = ("README.md", "docs/*.md", "web/docs/*.md")
SCRIPT = "web/viewer/splat_formats.mjs"
_LIST = re.compile(r"(<!-- formats: (\w+) -->).*?(<!-- /formats -->)", re.DOTALL)


def _suffixes(suffixes: tuple[str, ...]) -> str:
    *most, last = (f"`{suffix}`" for suffix in suffixes)
    return f"{', '.join(most)} or {last}"


def _kept() -> str:
    """Return the table of what formats keep; those that keep the same share a row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for form in FORMATS:
        rows.setdefault(form.kept, []).append(form.title)
    head = ["", *FORMATS[0].kept._fields]
    lines = [head, ["---"] * len(head), *([", ".join(titles), *kept] for kept, titles in rows.items())]
    return "\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


LISTS = {
    "titles": lambda: ", ".join(form.title for form in FORMATS),
    "kept": _kept,
    "notes": lambda: "\n" + "\n".join(f"  - `{form.name}`: {form.note}." for form in FORMATS) + "\n",
    "sockets": lambda: ", ".join(form.title for form in FORMATS if form.host_type),
    "splats": lambda: _suffixes(tuple(f".{name}" for name in SPLAT_FORMATS)),
    "pictures": lambda: _suffixes(IMAGE_SUFFIXES),
    "distances": lambda: _suffixes(DEPTH_SUFFIXES),
    "presets": lambda: (
        "\n" + "\n".join(f"- `{name}`: {text}" for name, text in TRAJECTORY_PRESETS.items()) + "\n"
    ),
    "paths": lambda: _suffixes(PATH_SUFFIXES),
}


def written(text: str) -> str:
    """Return a page with its lists as they should be."""
    return _LIST.sub(lambda match: f"{match[1]}{LISTS[match[2]]()}{match[3]}", text)


def files() -> dict[Path, str]:
    """Return what each page that may have a list, and the viewer's module, should hold."""
    pages = [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]
    names = json.dumps([form.suffix[1:] for form in FORMATS if form.in_browser])
    script = "// Written by scripts/make_format_lists.py.\n\n"
    script += f"/** Suffixes of the files that the viewer opens, without the dot. */\nexport const READABLE = {names};\n"
    return {path: written(path.read_text(encoding="utf-8")) for path in pages} | {ROOT / SCRIPT: script}


def main() -> int:
    """Write outdated pages."""
    for path, text in files().items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
