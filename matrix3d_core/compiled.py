"""Compiled kernels: an on-disk cache for a package with several names, and slices of work on threads.

Threads are plain Python threads that run kernels which release the GIL. Numba's own ``parallel=True`` is not used:
it compiles the body of a parallel loop twice, runs one version in the process that compiles and stores the other,
so that the first run after an install gave other digits than all later ones. Its plain thread pool also aborts
the process when two threads enter such kernels at once.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .machine import usable_cores

__all__ = ["Sliced", "compiled", "in_slices", "sliced", "thread_count", "variant"]

_SLICES_PER_THREAD = 8  # enough to even out slices of unequal work


def compiled(*, allocates: bool = True, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a function as ``numba.njit(cache=True, nogil=True, error_model="numpy", **options)`` does.

    ComfyUI imports this package under a name made from its path, tests and the console script as
    ``matrix3d_core``. Numba names a cache file after source file, function and line only, but what it
    stores in it refers to the module by name: a kernel cached under one name cannot be loaded under
    another. So the name of the module goes into the name of the function, and with it into that of
    the file. So do the sources of all kernels: numba notices a change of the kernel's own file only, and a kernel
    holds what it calls from others.

    With ``allocates=False`` the function may not make arrays, and references are not counted. Otherwise every call
    counts those of all arrays it is given, with atomic operations: in small functions they take most of the time.
    """
    if not allocates:
        options["_nrt"] = False

    def decorate(function: Callable[..., Any]) -> Any:
        import numba

        tag = zlib.crc32(function.__module__.encode(), _sources())
        function.__qualname__ = f"{function.__qualname__}.{tag:08x}"
        return numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)

    return decorate


def variant(generic: Callable[..., Any], kind: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate what kernels do instead of ``generic(first, ...)`` where ``first`` is a `NamedTuple` of class ``kind``.

    The call is resolved when a kernel is compiled, which happens once per class, and the variant is inlined. A factory
    that closes over compiled functions would do the same, but numba never finds such closures in its cache on disk.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        from numba.extending import overload

        @overload(generic, inline="always", strict=False)
        def choose(first: Any, *_: Any) -> Callable[..., Any] | None:
            return function if getattr(first, "instance_class", None) is kind else None

        return function

    return decorate


@functools.cache
def _sources() -> int:
    """Return a checksum of every file that compiles something or holds the constants of what is compiled."""
    total = 0
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        text = path.read_bytes()
        if b"compiled" in text or path.stem.endswith("_contract"):
            total = zlib.crc32(text, total)
    return total


def sliced(grain: int, **options: Any) -> Callable[[Callable[..., Any]], Sliced]:
    """Decorate a kernel ``f(begin, until, *arrays)`` that does items ``begin`` to ``until - 1``.

    Call the result as ``f(total, *arrays)``: it does all items, in slices on the shared threads. What a slice
    writes must not depend on other slices. Slices hold a multiple of ``grain`` items: where the compiler turns a
    loop over items into vector code, with a remainder that it does otherwise, a multiple of 64 keeps the digits
    the same for any number of threads.

    Args:
        grain: see above; also the minimum for a thread of its own.
        options: for `compiled`.
    """

    def decorate(function: Callable[..., Any]) -> Sliced:
        return Sliced(compiled(**options)(function), grain)

    return decorate


class Sliced:
    """A kernel that is called with the number of items; see `sliced`."""

    def __init__(self, kernel: Any, grain: int) -> None:
        self.kernel, self.grain = kernel, grain

    def __call__(self, total: int, *arrays: Any) -> None:
        """Do all items."""
        kernel = self.kernel
        in_slices(lambda begin, until: kernel(begin, until, *arrays), total, self.grain)


@functools.cache
def thread_count() -> int:
    """Return how many threads kernels run on: the CPUs of this process, or NUMBA_NUM_THREADS."""
    import numba

    usable = usable_cores()
    return max(1, min(usable, int(getattr(numba.config, "NUMBA_NUM_THREADS", usable))))


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_count(), thread_name_prefix="matrix3d-kernel")


def in_slices(job: Callable[[int, int], None], total: int, grain: int = 1) -> None:
    """Call ``job(begin, until)`` for slices of ``range(total)`` on the shared threads; the first error is raised.

    Returns when all slices have ended.
    """
    threads = thread_count()
    length = grain * max(1, -(-total // (grain * threads * _SLICES_PER_THREAD)))
    begins = iter(range(0, total, length))  # its next() is atomic, so that threads may share it

    def work() -> None:
        for begin in begins:
            job(begin, min(total, begin + length))

    helpers = min(threads, -(-total // length)) - 1
    futures = [_pool().submit(work) for _ in range(helpers)]
    try:
        work()
    finally:
        for _ in begins:  # after an error no further slice is begun
            pass
        errors = [future.exception() for future in futures]
    for error in errors:
        if error is not None:
            raise error
