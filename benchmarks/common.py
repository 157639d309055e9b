"""Shared by all benchmarks: timing in rounds, spread, the machine's record, the result file.

The contract is in README.md of this folder.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

RESULT_KEYS = {
    "suite": str,
    "version": str,
    "machine": dict,
    "settings": dict,
    "results": list,
    "checks": list,
}
MACHINE_KEYS = {
    "cpu": str,
    "cpus": int,
    "device": str,
    "python": str,
    "torch": str,
    "numba": str,
    "threads": int,
    "commit": str,
    "load_before": float,
}
RESULT_ENTRY_KEYS = {"name": str, "median_ms": float, "iqr_ms": float, "least_ms": float, "runs": int}
CHECK_KEYS = {"name": str, "value": float, "bound": float, "passed": bool}


def spread(seconds: Sequence[float]) -> dict[str, float | int]:
    """Return median, interquartile range and minimum in milliseconds, and the number of runs."""
    low, _, high = quantiles(seconds, n=4) if len(seconds) > 1 else (seconds[0],) * 3
    return {
        "median_ms": median(seconds) * 1e3,
        "iqr_ms": (high - low) * 1e3,
        "least_ms": min(seconds) * 1e3,
        "runs": len(seconds),
    }


def time_in_rounds(
    contestants: dict[str, Callable[[int], object]], rounds: int, *, warm_up: int = 1
) -> dict[str, list[float]]:
    """Time each contestant on the same inputs, interleaved, so that load on the machine affects all alike.

    Args:
        contestants: name to a function of the round's number. It must have finished its work when it
            returns (wait for the device inside).
        rounds: timed calls of each.
        warm_up: untimed calls of each before.

    Returns:
        Name to seconds per round.
    """
    for name in contestants:
        for index in range(warm_up):
            contestants[name](index)
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for index in range(rounds):
        for name, function in contestants.items():
            start = time.perf_counter()
            function(index)
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> float:
    """Return the median over rounds of how many times longer the first took."""
    return median(a / b for a, b in zip(numerator, denominator, strict=True))


def check(name: str, value: float, *, least: float) -> dict[str, Any]:
    """Return the record of a bound on a number."""
    return {"name": name, "value": float(value), "bound": float(least), "passed": bool(value >= least)}


def machine() -> dict[str, Any]:
    """Return the machine's record: what a number depends on besides the code."""
    import torch

    try:
        from importlib.metadata import version

        numba = version("numba")
    except Exception:
        numba = "none"
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {
        "cpu": _cpu_name(),
        "cpus": cpus,
        "device": device,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numba": numba,
        "threads": torch.get_num_threads(),
        "commit": _commit(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
    }


def result_path(suite: str, where: dict[str, Any]) -> Path:
    """Return the path of a suite's result: version, suite, machine and device."""
    from matrix3d_core import __version__

    slug = re.sub(r"[^a-z0-9]+", "-", f"{where['cpu']} {where['cpus']}".lower()).strip("-")
    device = re.sub(r"[^a-z0-9]+", "-", where["device"].lower()).strip("-")
    return ROOT / "benchmarks" / "results" / __version__ / f"{suite}--{slug}--{device}.json"


def finish(
    suite: str, where: dict[str, Any], settings: dict[str, Any], results: list, checks: list, to: str
) -> int:
    """Print the checks, write the result file where asked, and return the exit status.

    Args:
        suite: name of the benchmark.
        where: from `machine`, taken before the timing.
        settings: what was run.
        results: records of `RESULT_ENTRY_KEYS` and more.
        checks: from `check`.
        to: path of the JSON file, ``"-"`` for the standard place, empty for none.
    """
    from matrix3d_core import __version__

    for record in checks:
        verdict = "ok  " if record["passed"] else "FAIL"
        print(f"{verdict} {record['name']}: {record['value']:.6g} (at least {record['bound']:.6g})")
    record = {
        "suite": suite,
        "version": __version__,
        "machine": where,
        "settings": settings,
        "results": results,
        "checks": checks,
    }
    check_result(record)
    if to:
        path = result_path(suite, where) if to == "-" else Path(to)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        print(f"wrote {path}")
    return 0 if all(record["passed"] for record in checks) else 1


def check_result(record: dict[str, Any]) -> None:
    """Raise ValueError unless a result file has the agreed form."""
    _has(record, RESULT_KEYS, "result")
    _has(record["machine"], MACHINE_KEYS, "machine")
    for entry in record["results"]:
        _has(entry, RESULT_ENTRY_KEYS, "results")
    for entry in record["checks"]:
        _has(entry, CHECK_KEYS, "checks")


def _has(record: dict[str, Any], keys: dict[str, type], what: str) -> None:
    for key, kind in keys.items():
        if not isinstance(record.get(key), (int, float) if kind is float else kind):
            raise ValueError(f"{what}: {key} must be {kind.__name__}; got {record.get(key)!r}.")


def parser(description: str) -> argparse.ArgumentParser:
    """Return a command line with the options that all benchmarks have."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument(
        "--json",
        nargs="?",
        const="-",
        default="",
        metavar="FILE",
        help="write the result; without FILE into benchmarks/results/<version>/",
    )
    options.add_argument("--quick", action="store_true", help="few rounds and small sizes: does it run?")
    return options


def _cpu_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return re.sub(r"\(R\)|\(TM\)| CPU", "", found.group(1)).strip() if found else platform.machine()


def _commit() -> str:
    try:
        name = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name.stdout.strip()
