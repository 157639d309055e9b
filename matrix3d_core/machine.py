"""Platform differences: the one module of the library that checks the operating system.

A test (`tests/architecture/test_platform.py`) keeps such calls out of every other file.
"""

from __future__ import annotations

import os
import platform
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .variables import variable

__all__ = [
    "cache_folder",
    "ignore_interrupts",
    "locked",
    "memory_bytes",
    "peak_memory_gb",
    "stopped_politely",
    "system_names",
    "usable_cores",
]

_MEMINFO = Path("/proc/meminfo")


def usable_cores() -> int:
    """Return how many cores this process may use: on Linux its affinity, elsewhere all cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cache_folder() -> Path:
    """Return this pack's folder in the user's cache, or what MATRIX3D_CACHE names; it need not exist."""
    named = variable("MATRIX3D_CACHE")
    if named:
        return Path(named).expanduser().resolve()
    if platform.system() == "Windows":
        home = Path(variable("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif platform.system() == "Darwin":
        home = Path.home() / "Library" / "Caches"
    else:
        home = Path(variable("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "comfyui-matrix3d"


def system_names() -> dict[str, str]:
    """Return the names of the system, the processor architecture and the Python version."""
    return {
        "platform": platform.platform(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


def memory_bytes() -> dict[str, int | None]:
    """Return the ``total`` and the ``available`` memory, None where neither psutil nor Linux reports it."""
    try:
        import psutil

        memory = psutil.virtual_memory()
        return {"total": int(memory.total), "available": int(memory.available)}
    except ImportError:
        pass
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return {"total": None, "available": None}
    fields = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return {"total": fields.get("MemTotal"), "available": fields.get("MemAvailable")}


def peak_memory_gb() -> float | None:
    """Return the most memory that this process held so far in GiB, None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    scale = 2**30 if platform.system() == "Darwin" else 2**20  # macOS counts bytes, the others kilobytes
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale, 2)


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that started this one; to be called in the main thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold a file's lock, which the system frees when the process ends; yield False when another process holds it.

    The file is made when missing and stays. File systems without locks count as free.
    """
    with path.open("a+b") as file:
        yield _lock(file.fileno())


def _lock(number: int) -> bool:
    try:
        import fcntl
    except ImportError:
        import msvcrt

        try:
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks there
        return True
    return True


@contextmanager
def stopped_politely() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt, so that work is cleaned up as after Ctrl-C.

    To be entered in the main thread. Windows has no SIGTERM; there it has no effect.
    """

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
