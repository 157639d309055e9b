"""How long work reports to whoever started it, without knowing who that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["ProgressEvent", "ProgressFn", "no_progress"]


@dataclass(frozen=True)
class ProgressEvent:
    """One report of a running job.

    Attributes:
        done: steps finished so far, ``0 <= done <= total``.
        total: steps in all.
        phase: what is being done, for people (``"render guidance"``).
        preview: optional ``[H, W, 3]`` float tensor in [0, 1], a picture worth showing now.
    """

    done: int
    total: int
    phase: str = ""
    preview: Any = None


ProgressFn = Callable[[ProgressEvent], None]
"""Called between steps on the worker's thread. It stops the job by raising: the job frees what it
holds, leaves no partial file under a final name, and lets the exception through."""


def no_progress(event: ProgressEvent) -> None:
    """Ignore the report."""
