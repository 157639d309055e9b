"""Reports of a job that cannot report by itself."""

from __future__ import annotations

import contextvars
import threading

import pytest
import torch

from matrix3d_core import progress as progress_module
from matrix3d_core.errors import Cancelled
from matrix3d_core.guidance.fill import fill_guidance
from matrix3d_core.progress import ProgressEvent, attentive, no_progress, report_while
from matrix3d_core.splats.levels import levels_of_detail
from matrix3d_core.splats.mesh import decimate, mesh_from_gaussians
from matrix3d_core.splats.prune import prune_gaussians
from matrix3d_core.splats.render import render_path
from matrix3d_core.splats.texture import texture_mesh

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


LATER = ProgressEvent(1, 2, "later")


@attentive
def steps(*, gates=(), done=None, progress=no_progress):
    """Report, work without a word until the gate opens, report again."""
    try:
        progress(EVENT)
        for gate in gates:
            assert gate.wait(30)
        progress(LATER)
        return "done"
    finally:
        if done is not None:
            done.set()


def test_an_attentive_function_reports_on_the_callers_thread_as_it_would_itself():
    seen = []
    assert steps(progress=lambda event: seen.append((event, threading.current_thread()))) == "done"
    assert seen == [(EVENT, threading.current_thread()), (LATER, threading.current_thread())]
    assert steps() == "done"


def test_what_an_attentive_function_holds_is_let_go_before_a_cancel_passes():
    done = threading.Event()

    def stop(event):
        raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        steps(done=done, progress=stop)
    assert done.is_set()


def test_a_cancel_is_heard_while_an_attentive_function_says_nothing(monkeypatch):
    monkeypatch.setattr(progress_module, "EVERY_S", 0.001)
    gate, done, seen = threading.Event(), threading.Event(), []

    def stop(event):
        seen.append(event)
        if len(seen) == 4:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        steps(gates=[gate], done=done, progress=stop)
    assert (
        set(seen) == {EVENT} or seen[0].phase == ""
    )  # repeated; before the first report there is none to repeat
    assert not done.is_set()
    gate.set()
    assert done.wait(30), "it ends at its next report"


LONG = [
    fill_guidance,
    levels_of_detail,
    decimate,
    mesh_from_gaussians,
    prune_gaussians,
    render_path,
    texture_mesh,
]


@pytest.mark.parametrize("function", LONG, ids=lambda function: function.__name__)
def test_long_work_is_attentive(function):
    """One chunk of any of these may take seconds on a large world."""
    assert function.__wrapped__.__name__ == function.__name__
    assert function.__code__ is steps.__code__
