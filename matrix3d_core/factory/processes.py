"""Shards made by plain processes of this machine."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from .. import errors
from ..errors import Cancelled, Matrix3DError
from ..machine import ignore_interrupts
from ..progress import EVERY_S, ProgressEvent, ProgressFn

__all__ = ["MOST_RESTARTS", "ShardTask", "answer_of", "in_processes", "record_of", "why_lost"]

MOST_RESTARTS = 3
"""How often a shard is made again after its worker was killed."""

ShardTask = Callable[..., dict[str, Any]]
"""``task(number, progress=...)``: makes a shard and returns its record. Other processes must be able to import it."""

_FAILED = "failed"
_stop: Any = None


def answer_of(task: ShardTask, number: int, progress: ProgressFn) -> dict[str, Any]:
    """Return a shard's record, or the name and text of the library's error, as errors do not travel by themselves."""
    try:
        return task(number, progress=progress)
    except Matrix3DError as error:
        return {_FAILED: [type(error).__name__, str(error)]}


def record_of(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the record of `answer_of`, or raise the error that it holds."""
    if _FAILED in answer:
        name, text = answer[_FAILED]
        raise getattr(errors, name, Matrix3DError)(text)
    return answer


def why_lost(left: int) -> Matrix3DError:
    """Return the error for workers that are killed again and again."""
    return Matrix3DError(
        f"shards must be made without their worker being killed; one was killed {MOST_RESTARTS + 1} times, {left} "
        "shards are left. Is there too little memory? Use fewer workers and run the same command again."
    )


def _begin(stop: Any) -> None:
    global _stop
    _stop = stop
    ignore_interrupts()  # Ctrl-C goes to all processes; the first one tells the others
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _watch(_: ProgressEvent) -> None:
    if _stop.is_set():
        raise Cancelled("the work was stopped.")


def _work(task: ShardTask, number: int) -> dict[str, Any]:
    return answer_of(task, number, _watch)


def in_processes(
    task: ShardTask, numbers: Sequence[int], workers: int, heartbeat: Callable[[], None]
) -> Iterator[dict[str, Any]]:
    """Yield the records of shards as they get finished.

    Workers that are killed are replaced and their shards made again. When the caller stops (an exception out of
    ``heartbeat``, or this generator is closed) the workers stop before their next frame and leave no partial file.

    Args:
        task: makes a shard.
        numbers: of the shards.
        workers: processes.
        heartbeat: called at least every half second.

    Raises:
        Matrix3DError: when workers were killed again and again.
    """
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    left, losses = list(numbers), 0
    while left:
        pool = ProcessPoolExecutor(min(workers, len(left)), context, _begin, (stop,))
        try:
            pending = {pool.submit(_work, task, number): number for number in left}
            while pending:
                heartbeat()
                for future in wait(pending, EVERY_S, FIRST_COMPLETED).done:
                    number = pending.pop(future)
                    record = record_of(future.result())
                    left.remove(number)
                    losses = 0
                    yield record
        except BrokenProcessPool as error:
            losses += 1
            if losses > MOST_RESTARTS:
                raise why_lost(len(left)) from error
        except BaseException:
            stop.set()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
