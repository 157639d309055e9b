"""Work on pieces of a file side by side; numpy, zlib and zstd let threads run at once."""

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
    """Return what ``work`` gives for each item, in order."""
    with ThreadPoolExecutor(max_workers=_workers()) as pool:
        return list(pool.map(work, items))


def in_order(work: Callable[[Item], Result], items: Iterable[Item], *, ahead: int) -> Iterator[Result]:
    """Yield what ``work`` gives for each item, in order; at most ``ahead`` are begun and not yet taken.

    An item is drawn in the calling thread, just before it is begun. What a caller has taken stays his until he asks
    for the next, so ``ahead + 1`` buffers can be used in turns.
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
