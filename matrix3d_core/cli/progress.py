"""Progress bars on stderr, and a clean stop of long jobs on SIGTERM."""

from __future__ import annotations

import re
import sys
from types import TracebackType
from typing import Any

from ..machine import stopped_politely
from ..progress import ProgressEvent
from ..variables import variable

__all__ = ["Job", "ProgressBars"]


class ProgressBars:
    """A progress callback that shows one bar per phase; use as a context manager."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._phase: tuple[str, int] | None = None

    def __call__(self, event: ProgressEvent) -> None:
        """Show the event; a new phase or total opens a new bar."""
        from tqdm import tqdm

        # up to the first number: the bar counts and estimates itself
        kind = re.split(r"-?\d|:", event.phase)[0].strip() or "working"
        if self._phase != (kind, event.total):
            self.close()
            self._phase = (kind, event.total)
            self._bar = tqdm(total=event.total, desc=kind, unit="step", file=sys.stderr)
        self._bar.update(event.done - self._bar.n)

    def close(self) -> None:
        """End the current bar."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None

    def __enter__(self) -> ProgressBars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Job(ProgressBars):
    """Progress bars for a long job, during which SIGTERM cleans up like Ctrl-C.

    Of several processes that torchrun started only the first shows bars.
    """

    def __call__(self, event: ProgressEvent) -> None:
        """Show the event in the first process."""
        if variable("RANK", "0") == "0":
            super().__call__(event)

    def __enter__(self) -> Job:
        self._until_stopped = stopped_politely()
        self._until_stopped.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._until_stopped.__exit__(kind, error, trace)
        self.close()
