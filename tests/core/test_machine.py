"""What `machine` says on systems that this is not."""

import os
import platform
import signal
import sys
from types import SimpleNamespace

import pytest

from matrix3d_core import machine


def test_linux_tells_the_share_of_the_cores_and_others_all(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2, 5}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert machine.usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert machine.usable_cores() == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.usable_cores() == 1


@pytest.mark.parametrize(("system", "unit"), [("Linux", 2**10), ("Darwin", 1)])
def test_the_peak_is_counted_in_the_systems_unit(monkeypatch, system, unit):
    usage = SimpleNamespace(ru_maxrss=3 * 2**30 // unit)
    stub = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda who: usage)
    monkeypatch.setitem(sys.modules, "resource", stub)
    monkeypatch.setattr(platform, "system", lambda: system)
    assert machine.peak_memory_gb() == 3.0


def test_windows_has_no_peak(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert machine.peak_memory_gb() is None


def test_memory_comes_from_psutil_else_from_linux_else_from_nowhere(monkeypatch, tmp_path):
    memory = SimpleNamespace(total=16.0, available=4.0)
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(virtual_memory=lambda: memory))
    assert machine.memory_bytes() == {"total": 16, "available": 4}
    monkeypatch.setitem(sys.modules, "psutil", None)
    (tmp_path / "meminfo").write_text("MemTotal:       2048 kB\nMemFree: 5 kB\nMemAvailable:   1024 kB\n")
    monkeypatch.setattr(machine, "_MEMINFO", tmp_path / "meminfo")
    assert machine.memory_bytes() == {"total": 2 * 2**20, "available": 2**20}
    monkeypatch.setattr(machine, "_MEMINFO", tmp_path / "missing")
    assert machine.memory_bytes() == {"total": None, "available": None}


def test_a_request_to_end_is_an_interrupt_and_no_longer_than_asked():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), machine.stopped_politely():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
