"""How long work reports to whoever started it, without knowing who that is."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["ProgressEvent", "ProgressFn", "no_progress", "report_while"]

Result = TypeVar("Result")


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


def report_while(
    job: Callable[[], Result], progress: ProgressFn, event: ProgressEvent, *, every_s: float = 0.5
) -> Result:
    """Run a job that cannot report by itself (a compiler, say); repeat ``event`` until it has ended.

    The job runs on a thread of its own, in the caller's context: its context variables and torch's
    inference and gradient modes, which belong to a thread, are carried over. When ``progress`` raises, the
    exception passes at once and the job is left to end unseen: give only jobs whose end does no harm.

    Returns:
        What the job returns.

    Raises:
        Exception: whatever the job or ``progress`` raises.
    """
    import torch  # slow to load, and this module is read for a mere --help

    outcome: list[Result] = []
    failure: list[BaseException] = []
    ended = threading.Event()
    context = contextvars.copy_context()
    is_inference, is_recording = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def run() -> None:
        try:
            with torch.inference_mode(is_inference), torch.set_grad_enabled(is_recording):
                outcome.append(context.run(job))
        except BaseException as error:  # handed on to the caller's thread
            failure.append(error)
        finally:
            ended.set()

    threading.Thread(target=run, name="matrix3d-job", daemon=True).start()
    while not ended.wait(every_s):
        progress(event)
    if failure:
        raise failure[0]
    return outcome[0]
