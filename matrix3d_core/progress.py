"""Progress reports of long work to an unknown caller."""

from __future__ import annotations

import contextvars
import functools
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from .errors import Cancelled

__all__ = ["EVERY_S", "ProgressEvent", "ProgressFn", "attentive", "no_progress", "report_while"]

EVERY_S = 0.5
"""How often the latest report is repeated while nothing new is reported, seconds."""

Result = TypeVar("Result")
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class ProgressEvent:
    """One report of a running job.

    Attributes:
        done: steps finished so far, ``0 <= done <= total``.
        total: steps in all.
        phase: the current step, as text (``"render guidance"``).
        preview: optional ``[H, W, 3]`` float tensor in [0, 1], a preview picture.
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
    job: Callable[[], Result], progress: ProgressFn, event: ProgressEvent, *, every_s: float | None = None
) -> Result:
    """Run a job that cannot report by itself (a compiler, say); repeat ``event`` until it has ended.

    The job runs on a thread of its own, in the caller's context: its context variables and torch's
    inference and gradient modes, which belong to a thread, are carried over. When ``progress`` raises, the
    exception passes at once and the job is left to finish in the background, which must be harmless.

    Returns:
        What the job returns.

    Raises:
        Exception: whatever the job or ``progress`` raises.
    """
    return _run_beside(lambda _: job(), progress, event, every_s or EVERY_S)


def attentive(function: Function) -> Function:
    """Decorate a function with a keyword ``progress``: a caller can stop it within a second.

    The function runs on a thread of its own, as in `report_while`. Its reports reach ``progress`` on the caller's
    thread, one by one, as if it ran there, and what ``progress`` raises then goes through the function. While it
    does not report, its latest report is repeated; what ``progress`` raises then passes at once, and the function
    ends in the background at its next report.
    """

    @functools.wraps(function)
    def run(*args: Any, progress: ProgressFn = no_progress, **options: Any) -> Any:
        if progress is no_progress:
            return function(*args, progress=progress, **options)
        first = ProgressEvent(0, 1, "")
        return _run_beside(
            lambda report: function(*args, progress=report, **options), progress, first, EVERY_S
        )

    return cast(Function, run)


def _run_beside(
    job: Callable[[ProgressFn], Result], progress: ProgressFn, event: ProgressEvent, every_s: float
) -> Result:
    """Run ``job(report)`` on another thread and pass its reports to ``progress`` on this one."""
    import torch  # slow to load, and this module is read for a mere --help

    reports: queue.SimpleQueue[ProgressEvent | None] = queue.SimpleQueue()
    answers: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    outcome: list[Result] = []
    failure: list[BaseException] = []
    context = contextvars.copy_context()
    is_inference, is_recording = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def report(event: ProgressEvent) -> None:
        reports.put(event)
        answer = answers.get()
        if answer is not None:
            raise answer

    def run() -> None:
        try:
            with torch.inference_mode(is_inference), torch.set_grad_enabled(is_recording):
                outcome.append(context.run(job, report))
        except BaseException as error:  # passed on to the caller's thread
            failure.append(error)
        finally:
            reports.put(None)

    threading.Thread(target=run, name="matrix3d-job", daemon=True).start()
    try:
        while True:
            try:
                new = reports.get(timeout=every_s)
            except queue.Empty:
                progress(event)
                continue
            if new is None:
                break
            event = new
            try:
                progress(event)
            except BaseException as error:
                answers.put(error)  # raised where it was reported, so that the job's resources are released
                while reports.get() is not None:
                    answers.put(error)
                raise
            answers.put(None)
    finally:
        answers.put(Cancelled("the work was stopped."))
    if failure:
        raise failure[0]
    return outcome[0]
