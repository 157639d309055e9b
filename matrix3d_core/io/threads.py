"""Processes pieces of a file in parallel; numpy, zlib and zstd release the GIL."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ..machine import usable_cores

__all__ = ["in_order", "in_threads"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Return the result of ``work`` for each item, in order."""
    with ThreadPoolExecutor(max_workers=_workers()) as pool:
        return list(pool.map(work, items))


def in_order(work: Callable[[Item], Result], items: Iterable[Item], *, ahead: int) -> Iterator[Result]:
    """Yield the result of ``work`` for each item, in order; at most ``ahead`` are begun and not yet consumed.

    An item is drawn in the calling thread, just before it is begun. A result stays valid until the next is
    requested, so ``ahead + 1`` buffers can be used in rotation.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max_workers=min(_workers(), ahead)) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) == ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _workers() -> int:
    return min(8, usable_cores())
