"""Reports of a job that cannot report by itself."""

from __future__ import annotations

import contextvars
import threading

import pytest
import torch

from matrix3d_core.progress import ProgressEvent, report_while

EVENT = ProgressEvent(1, 2, "compile")


def test_reports_until_the_job_has_ended_and_returns_its_result():
    seen: list[ProgressEvent] = []
    may_end = threading.Event()

    def progress(event: ProgressEvent) -> None:
        seen.append(event)
        if len(seen) == 3:
            may_end.set()

    def job() -> str:
        assert may_end.wait(30)
        return "done"

    assert report_while(job, progress, EVENT, every_s=0.001) == "done"
    assert len(seen) >= 3
    assert set(seen) == {EVENT}


def test_a_cancel_passes_while_the_job_still_runs():
    may_end = threading.Event()
    calls = []

    def progress(event: ProgressEvent) -> None:
        calls.append(event)
        if len(calls) == 2:
            raise KeyboardInterrupt

    def job() -> None:
        assert may_end.wait(30)

    with pytest.raises(KeyboardInterrupt):
        report_while(job, progress, EVENT, every_s=0.001)
    may_end.set()


def test_the_jobs_error_reaches_the_caller():
    def job() -> None:
        raise ZeroDivisionError("inside")

    with pytest.raises(ZeroDivisionError, match="inside"):
        report_while(job, lambda event: None, EVENT)


def test_the_job_works_in_the_callers_modes():
    """An inference tensor may be changed in place only in inference mode, which belongs to a thread."""
    with torch.inference_mode():
        tensor = torch.zeros(3)
        report_while(lambda: tensor.view(-1).add_(1), lambda event: None, EVENT)
        assert tensor.sum() == 3
    with torch.no_grad():
        assert not report_while(torch.is_grad_enabled, lambda event: None, EVENT)
    assert report_while(torch.is_grad_enabled, lambda event: None, EVENT)
    assert not report_while(torch.is_inference_mode_enabled, lambda event: None, EVENT)


def test_the_job_sees_the_callers_context_variables():
    variable = contextvars.ContextVar("variable", default="unset")
    token = variable.set("set")
    try:
        assert report_while(variable.get, lambda event: None, EVENT) == "set"
    finally:
        variable.reset(token)
