"""Platform differences: the one module of the scripts that checks the operating system.

Standard library only; `bootstrap.py` needs it before there is an environment. A test
(`tests/architecture/test_platform.py`) keeps such calls out of the other scripts.
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO, Any


def kind() -> tuple[str, str]:
    """Return the system's and the processor's name."""
    return sys.platform, platform.machine()


def usable_cores() -> int:
    """Return how many cores this process may use: on Linux its affinity, elsewhere all cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_administrator() -> bool:
    """Return whether we may install system packages."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


# Folders and files


def cache_home() -> Path:
    """Return the user's cache folder."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def env_python(env: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return env / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def write_launcher(env: Path, name: str, code: str) -> None:
    """Put a command of that name into an environment; it runs ``code``."""
    if os.name == "nt":
        script = env / "Scripts" / f"{name}-script.py"
        (env / "Scripts" / f"{name}.cmd").write_text(f'@"{env_python(env)}" "{script}" %*\n')
    else:
        script = env / "bin" / name
        code = f"#!{env_python(env)}\n{code}"
    if not script.exists() or script.read_text() != code:
        script.write_text(code)
        script.chmod(0o755)


def link_folder(link: Path, target: Path) -> None:
    """Make ``link`` lead to a folder.

    Raises:
        OSError: when the system does not let us.
    """
    try:
        link.symlink_to(target, target_is_directory=True)
    except OSError:
        # Windows lets ordinary users make junctions, not symbolic links.
        command = ["cmd", "/c", "mklink", "/J", str(link), str(target)]
        if os.name != "nt" or subprocess.call(command, stdout=subprocess.DEVNULL):
            raise


def try_lock(handle: IO[Any]) -> bool:
    """Lock an open file until it is closed or the process ends; return whether it was free."""
    try:
        if os.name == "nt":
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def reuse_port(probe: socket.socket) -> None:
    """Let a socket reuse a port released a moment ago; not on Windows, where it could take one in use."""
    if os.name != "nt":
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


# Processes


def become(command: list[str]) -> int:
    """Replace this process by a command, so that it gets Ctrl-C itself; Windows can only wait for its exit status."""
    if os.name != "nt":
        os.execv(command[0], command)
    return subprocess.call(command)


def stop_politely(process: subprocess.Popen[Any]) -> None:
    """Ask a process in a session of its own to end, as Ctrl-C would; Windows can only end it."""
    process.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)


def treat_as_interrupt() -> None:
    """Let SIGTERM, and a closed terminal, raise KeyboardInterrupt as Ctrl-C does."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), stop)


def process_memory(pid: int) -> tuple[int, int]:
    """Return a process's memory now and its peak so far in bytes (0 where unknown)."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        status = Path(f"/proc/{pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        now, peak = (int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
        return now, peak
    with contextlib.suppress(Exception):  # psutil is in every host's environment, not in ours perhaps
        import psutil

        info = psutil.Process(pid).memory_info()
        return info.rss, getattr(info, "peak_wset", info.rss)
    return 0, 0
