"""The fit stays readable: no long and no much-branched function, compiled kernels apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from function_size import function_sizes

ROOM = Path(__file__).resolve().parents[2] / "matrix3d_core" / "optimize"
MOST_LINES, MOST_COMPLEX = 60, 15


def too_large(folder: Path) -> list[str]:
    return [
        f"{file.relative_to(folder)}: {size.name} has {size.lines} lines and complexity {size.complexity}"
        for file in sorted(folder.rglob("*.py"))
        if "kernels" not in file.name
        for size in function_sizes(file.read_text(encoding="utf-8"))
        if size.lines > MOST_LINES or size.complexity > MOST_COMPLEX
    ]


def test_functions_of_the_fit_are_small():
    assert too_large(ROOM) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (["pass"] * 59, []),
        (["pass"] * 60, ["planted.py: f has 61 lines and complexity 1"]),
        (["x = [n for n in y if n and z]"] * 5, ["planted.py: f has 6 lines and complexity 16"]),
        (["x = 1 if y else 2"] * 14, []),
    ],
    ids=["just short", "long", "branched", "just simple"],
)
def test_a_planted_function_is_found(body, found, tmp_path):
    (tmp_path / "planted.py").write_text("def f():\n" + "".join(f"    {line}\n" for line in body))
    (tmp_path / "kernels_planted.py").write_text("def g():\n" + "    pass\n" * 99)
    assert too_large(tmp_path) == found
