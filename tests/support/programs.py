"""Programs that tests run in a Python of their own: files of `tests/programs`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"


def command(name: str, *arguments: object) -> list[str]:
    """Return the command line that runs a program."""
    return [sys.executable, str(PROGRAMS / f"{name}.py"), *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """Return the environment in which programs find the library and the tests' helpers."""
    support = PROGRAMS.parent / "support"
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(PROGRAMS.parents[1]), str(support))), **more}
