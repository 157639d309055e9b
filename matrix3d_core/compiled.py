"""Compiled kernels whose cache on disk suits a package that is imported under several names."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from typing import Any

__all__ = ["ONE_PARALLEL_KERNEL", "compiled"]

ONE_PARALLEL_KERNEL = threading.RLock()
"""Hold it while a kernel with ``parallel=True`` runs: numba's plain thread pool, which it falls back to where
neither OpenMP nor TBB is found, ends the process when two threads enter such kernels at once."""


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a function as ``numba.njit(cache=True, **options)`` does.

    ComfyUI imports this package under a name made from its path, tests and the console script as
    ``matrix3d_core``. Numba names a cache file after source file, function and line only, but what it
    stores in it refers to the module by name: a kernel cached under one name cannot be loaded under
    another. So the name of the module goes into the name of the function, and with it into that of
    the file.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        import numba

        tag = zlib.crc32(function.__module__.encode())
        function.__qualname__ = f"{function.__qualname__}.{tag:08x}"
        return numba.njit(cache=True, **options)(function)

    return decorate
