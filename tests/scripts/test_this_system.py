"""What the scripts do on systems that this is not."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import this_system


@pytest.fixture
def windows(monkeypatch):
    """Answers of Windows to the questions that `this_system` asks; paths stay those of this system."""
    stub = SimpleNamespace(**{name: getattr(os, name) for name in ("environ", "cpu_count")}, name="nt")
    monkeypatch.setattr(this_system, "os", stub)
    monkeypatch.setattr(this_system, "sys", SimpleNamespace(platform="win32"))
    return stub


def test_windows_keeps_environments_and_caches_elsewhere(windows, monkeypatch, tmp_path):
    assert this_system.env_python(Path("env")) == Path("env/Scripts/python.exe")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert this_system.cache_home() == tmp_path
    monkeypatch.delenv("LOCALAPPDATA")
    assert this_system.cache_home() == Path.home() / "AppData" / "Local"


@pytest.mark.parametrize(
    ("system", "variable", "folder"),
    [("darwin", "/x", "Library/Caches"), ("linux", "", ".cache"), ("linux", "/x", "/x")],
)
def test_caches_lie_where_the_system_keeps_them(monkeypatch, system, variable, folder):
    monkeypatch.setattr(this_system, "sys", SimpleNamespace(platform=system))
    monkeypatch.setenv("XDG_CACHE_HOME", variable)
    assert this_system.cache_home() == Path.home() / folder


def test_windows_gets_a_command_file_and_others_a_script(windows, monkeypatch, tmp_path):
    (tmp_path / "Scripts").mkdir()
    (tmp_path / "bin").mkdir()
    this_system.write_launcher(tmp_path, "matrix3d", "pass\n")
    assert (tmp_path / "Scripts/matrix3d-script.py").read_text() == "pass\n"
    python = tmp_path / "Scripts" / "python.exe"
    command = (tmp_path / "Scripts/matrix3d.cmd").read_text()
    assert command == f'@"{python}" "{tmp_path / "Scripts" / "matrix3d-script.py"}" %*\n'
    windows.name = "posix"
    this_system.write_launcher(tmp_path, "matrix3d", "pass\n")
    assert (tmp_path / "bin/matrix3d").read_text() == f"#!{tmp_path / 'bin' / 'python'}\npass\n"
    assert (tmp_path / "bin/matrix3d").stat().st_mode & 0o111 == 0o111


@pytest.fixture
def no_links(monkeypatch):
    """No symbolic links may be made; what is asked of cmd.exe is kept."""

    def refuse(*_, **__):
        raise OSError("a required privilege is not held")

    asked = []
    monkeypatch.setattr(Path, "symlink_to", refuse)
    monkeypatch.setattr(subprocess, "call", lambda command, **_: bool(asked.append(command)))
    return asked


def test_windows_makes_a_junction_where_links_are_refused(windows, no_links):
    this_system.link_folder(Path("a"), Path("b"))
    assert no_links == [["cmd", "/c", "mklink", "/J", "a", "b"]]


def test_a_refused_link_is_an_error_elsewhere(no_links):
    with pytest.raises(OSError, match="privilege"):
        this_system.link_folder(Path("a"), Path("b"))
    assert no_links == []


def test_windows_locks_a_byte(windows, monkeypatch, tmp_path):
    calls = []

    def locking(number, how, count):
        calls.append((how, count))
        if len(calls) == 2:
            raise OSError("in use")

    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=7))
    with open(tmp_path / "lock", "w") as handle:
        assert [this_system.try_lock(handle), this_system.try_lock(handle)] == [True, False]
    assert calls == [(7, 1), (7, 1)]


def test_windows_waits_for_a_command_and_hands_on_its_status(windows):
    assert this_system.become([sys.executable, "-c", "raise SystemExit(5)"]) == 5


@pytest.mark.skipif(os.name == "nt", reason="there is no place to take")
def test_a_command_takes_our_place():
    code = (
        "import sys, this_system; this_system.become([sys.executable, '-c', 'import os; print(os.getpid())'])"
    )
    folder = str(Path(this_system.__file__).parent)
    with subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE) as process:
        assert int(process.stdout.read()) == process.pid


def test_windows_ends_processes_and_shares_no_ports(windows):
    sent = []
    this_system.stop_politely(SimpleNamespace(send_signal=sent.append))
    windows.name = "posix"
    this_system.stop_politely(SimpleNamespace(send_signal=sent.append))
    assert sent == [signal.SIGTERM, signal.SIGINT]
    windows.name = "nt"
    this_system.reuse_port(None)  # would fail if it set anything
    windows.name = "posix"
    with pytest.raises(AttributeError):
        this_system.reuse_port(None)


def test_who_may_install(windows):
    assert not this_system.is_administrator()
    windows.geteuid = lambda: 0
    assert this_system.is_administrator()
    windows.geteuid = lambda: 1000
    assert not this_system.is_administrator()


def test_cores_that_may_be_used(windows):
    windows.cpu_count = lambda: 8
    assert this_system.usable_cores() == 8
    windows.sched_getaffinity = lambda pid: {0, 2, 5}
    assert this_system.usable_cores() == 3


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_requests_to_end_are_interrupts(name):
    if not hasattr(signal, name):
        pytest.skip(f"no {name} here")
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, getattr(signal, name))}
    try:
        this_system.treat_as_interrupt()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(getattr(signal, name))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_memory_of_a_process_comes_from_linux_else_from_psutil(monkeypatch):
    info = SimpleNamespace(rss=5, peak_wset=7)
    stub = SimpleNamespace(Process=lambda pid: SimpleNamespace(memory_info=lambda: info))
    monkeypatch.setitem(sys.modules, "psutil", stub)
    monkeypatch.setattr(Path, "read_text", lambda self: "Name: x\nVmHWM:\t 8 kB\nVmRSS:\t 4 kB\n")
    assert this_system.process_memory(1) == (4096, 8192)
    monkeypatch.setattr(Path, "read_text", lambda self: "")
    assert this_system.process_memory(1) == (5, 7)
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert this_system.process_memory(1) == (0, 0)
