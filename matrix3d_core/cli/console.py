"""What the shell sees: exit statuses, messages on stderr, and the paths of written files on stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

__all__ = ["EXIT_DONE", "EXIT_STOPPED", "EXIT_UNUSABLE", "EXIT_WRONG", "list_files", "say"]

EXIT_DONE = 0
EXIT_UNUSABLE = 1
"""doctor found no way to make worlds."""
EXIT_WRONG = 2
"""Wrong input or usage."""
EXIT_STOPPED = 130
"""Ctrl-C or SIGTERM."""


def say(message: str) -> None:
    """Print a message for the user."""
    print(message, file=sys.stderr, flush=True)


def list_files(files: Iterable[Path]) -> int:
    """Print the path of each written file; returns the exit status."""
    for path in files:
        print(path)
    return EXIT_DONE
