"""One formatter for the whole tree: few lines are exempt from it."""

import re

from import_rules import ROOT

FOLDERS = ("matrix3d_core", "nodes", "scripts", "tests", "benchmarks")
MOST = 19
MARK = re.compile(r"#\s*fmt:\s*(skip|off)\b")


def exceptions(folder):
    """Every place in a folder's Python files that the formatter leaves alone, as ``path:line``."""
    return [
        f"{path.relative_to(folder)}:{number}"
        for top in FOLDERS
        for path in sorted((folder / top).rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if MARK.search(line)
    ]


def test_few_lines_are_left_alone_by_the_formatter():
    found = exceptions(ROOT)
    assert len(found) <= MOST, found


def test_a_planted_exception_is_found(tmp_path):
    (tmp_path / "nodes").mkdir()
    planted = "x = [1,2]  # fmt" + ": skip\n# fmt" + ": off\ny = 1  # fmt is fine\n"
    (tmp_path / "nodes" / "planted.py").write_text(planted)
    assert exceptions(tmp_path) == ["nodes/planted.py:1", "nodes/planted.py:2"]
