"""Which system this is, is asked in one module of the library and in one of the scripts."""

import re

import pytest
from import_rules import ROOT, pack_files

ASKED_IN = {"matrix3d_core/machine.py", "scripts/this_system.py"}

CALLS = re.compile(
    r"\bos\.(name|uname|getuid|geteuid|getgid|kill|killpg|setsid|fork|exec[lv]\w*|nice|sched_\w+|getloadavg|sysconf)\b"
    r"|\bsys\.(platform|getwindowsversion)\b|\bplatform\.(system|machine|platform|release|processor)\b"
    r"|\bimport (fcntl|msvcrt|resource|winreg|termios|pwd|grp|posix|nt)\b|\bfrom (fcntl|msvcrt|resource) import\b"
    r"|\bsignal\.(SIG\w+|signal)\b|/proc/|\bmklink\b|\.symlink_to\("
)


def calls(source):
    """Return the numbers of the lines that depend on the system."""
    return [number for number, line in enumerate(source.split("\n"), 1) if CALLS.search(line)]


def files():
    scripts = (ROOT / "scripts").glob("*.py")
    return [*pack_files(), *sorted(path.relative_to(ROOT).as_posix() for path in scripts)]


def test_nothing_else_depends_on_the_system():
    found = {path: calls((ROOT / path).read_text("utf-8")) for path in files()}
    assert {path for path, lines in found.items() if lines} == ASKED_IN | {"scripts/bootstrap.py"}
    # An interpreter that is too old hands over to a newer one before anything else may be imported.
    source = (ROOT / "scripts/bootstrap.py").read_text("utf-8").split("\n")
    assert [source[number - 1].strip() for number in found["scripts/bootstrap.py"]] == [
        "os.execv(_newer, [_newer, *sys.argv])"
    ]


@pytest.mark.parametrize(
    "line",
    [
        'if os.name == "nt":',
        'x = sys.platform == "win32"',
        "    import fcntl",
        "cores = len(os.sched_getaffinity(0))",
        "import resource",
        "signal.signal(number, stop)",
        "process.send_signal(signal.SIGTERM)",
        "if os.geteuid() != 0:",
        'open("/proc/meminfo")',
        'if platform.system() == "Darwin":',
    ],
)
def test_a_planted_line_is_found(line):
    assert calls(f"import os\n{line}\n") == [2]


@pytest.mark.parametrize("line", ["path = os.path.join(a, b)", "os.replace(a, b)", "print(sys.version)"])
def test_what_is_the_same_everywhere_passes(line):
    assert calls(line) == []
