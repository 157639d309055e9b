"""A program is a file: what a host, another Python or a package in a test runs is linted, formatted and findable."""

from pathlib import Path

import pytest
from program_rules import programs_in_files, programs_in_strings

ROOT = Path(__file__).resolve().parents[2]
_LINES = (
    "import torch",
    "from pathlib import Path",
    "",
    "def size(file):",
    "    return Path(file).stat().st_size",
)
PROGRAM = "\n".join(_LINES)


def test_no_program_hides_in_a_string():
    """Functions for the host go into tests/in_host, programs into tests/programs (`programs.command` runs one)."""
    assert programs_in_files([ROOT / "tests", ROOT / "benchmarks"]) == []


@pytest.mark.parametrize(
    "expression",
    [
        repr(PROGRAM),
        repr("\n" + PROGRAM + "\nprint(size({file!r}), {{}})\n"),
        f"COMMON + {PROGRAM!r}",
        "f" + repr(PROGRAM + "\nprint(size({file}))"),
        f"run([sys.executable, '-c', {PROGRAM!r}])",
    ],
)
def test_a_planted_program_is_found(expression):
    assert list(programs_in_strings(f"code = {expression}")) == [1]


@pytest.mark.parametrize(
    "source",
    [
        f"code = {PROGRAM[: PROGRAM.index('return')] + 'pass'!r}".replace("\\n\\n", "\\n"),
        repr("one\ntwo\nthree\nfour\nfive\nsix"),
        repr("Import it:\n\n" + PROGRAM),
    ],
    ids=["short", "names", "prose"],
)
def test_other_texts_pass(source):
    assert list(programs_in_strings(source)) == []
