"""`make test`: sets up, then runs pytest in parallel with ruff and mypy; its arguments go to pytest.

Sets up what the tests can use: the environment and a ComfyUI (see `bootstrap.py`), Debian's
chromium where it is missing and may be installed, and the viewer's development tools where npm is
there. Missing tools are named before the tests start, and pytest skips what needs them.
With ``--quick`` first (`make quick`), only what needs neither the host nor a browser.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bootstrap
import this_system

ROOT = bootstrap.ROOT
QUICK = ["-m", "not host and not browser"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def say(message: str) -> None:
    """Print a message, in order with the tools' output."""
    print(f"make test: {message}", flush=True)


def find_browser() -> str | None:
    """Return a Chromium on this machine, or None."""
    return os.environ.get("MATRIX3D_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def ensure_browser() -> str | None:
    """Install Debian's chromium when there is no browser and we may; return why there is none."""
    if find_browser():
        return None
    if not shutil.which("apt-get"):
        return "there is no apt-get to install chromium with; install Chromium or Chrome yourself"
    prefix: list[str] = []
    if not this_system.is_administrator():
        if not shutil.which("sudo") or subprocess.call(["sudo", "-n", "true"], stderr=subprocess.DEVNULL):
            return "installing chromium needs root or sudo without a password: sudo apt-get install chromium"
        prefix = ["sudo", "-n"]
    say("installing chromium (about 100 MB to download)")
    command = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y"]
    subprocess.call([*command, "update"], stdout=subprocess.DEVNULL)
    status = subprocess.call(
        [*command, "install", "--no-install-recommends", "chromium"], stdout=subprocess.DEVNULL
    )
    if status or not find_browser():
        return f"apt-get could not install chromium (status {status}); see its messages above"
    return None


def ensure_web_tools() -> str | None:
    """Install the viewer's development tools into the cache; return why they are missing.

    They are linked to as ``scripts/web/node_modules``: ComfyUI's page loads every ``.js`` below
    ``web/``, so they must not be there.
    """
    home = ROOT / "scripts" / "web"
    if not (home / "package-lock.json").is_file():
        return None
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        return "node and npm are not installed (Debian: apt install nodejs npm)"
    texts = [(home / name).read_bytes() for name in ("package.json", "package-lock.json")]
    folder = bootstrap.cache_dir() / f"web-{hashlib.sha256(b''.join(texts)).hexdigest()[:12]}"
    modules = folder / "node_modules"
    with bootstrap.lock(bootstrap.cache_dir()):
        if not bootstrap.is_ready(folder):
            say("installing the viewer's development tools with npm (about 280 MB)")
            folder.mkdir(exist_ok=True)
            for name, text in zip(("package.json", "package-lock.json"), texts, strict=True):
                (folder / name).write_bytes(text)
            if subprocess.call(
                [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder
            ):
                return "npm could not install the packages of scripts/web; see its messages above"
            bootstrap.mark_ready(folder)
        link = home / "node_modules"
        if link.is_symlink() and link.resolve() != modules.resolve():
            link.unlink()
        if not link.exists():
            this_system.link_folder(link, modules)
    return None


def failed_checks(python: Path, environment: dict[str, str]) -> dict[str, str]:
    """Run ruff and mypy; return the output of those that failed, by name."""
    commands = {
        "ruff check": [str(python), "-m", "ruff", "check", "."],
        "ruff format": [str(python), "-m", "ruff", "format", "--check", "."],
        "mypy": [str(python), "scripts/check_types.py"],
    }
    failed = {}
    for name, command in commands.items():
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode:
            failed[name] = done.stdout.decode(errors="replace")
    return failed


def workers(arguments: list[str], cores: int) -> list[str]:
    """Return pytest-xdist's options: a file's tests stay together; none where it would not help.

    That is with one core, when the arguments say how to run themselves, and for a few tests by hand.
    """
    own = ("-n", "--numprocesses", "--dist", "-p", "--pdb", "--trace", "-x", "--exitfirst", "-s", "--co")
    by_hand = any(argument.startswith(own) or not argument.startswith("-") for argument in arguments)
    if cores < 2 or by_hand:
        return []
    return ["-n", str(min(cores, 4)), "--dist", "loadfile", "--no-loadscope-reorder"]


def main(arguments: list[str]) -> int:
    """Run everything; the exit status is 0 only when every part passed."""
    is_quick = arguments[:1] == ["--quick"]
    arguments = arguments[is_quick:]
    setup = bootstrap.ensure()
    lacking = {"tests of the viewer's scripts": ensure_web_tools()}
    if not is_quick:
        lacking["tests in the browser"] = ensure_browser()
    environment = {**os.environ, **setup.variables()}
    # Without kept byte code the host takes 14 s of processor time to start instead of 6, Python with torch 4 s instead of 2.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for what, reason in lacking.items():
        if reason:
            say(f"skipped: {what}: {reason}")
    say("pytest, in parallel with ruff and mypy, whose errors follow at the end")
    cores = this_system.usable_cores()
    shared = workers(arguments, cores)
    if shared:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, cores // int(shared[1]))))
    command = [str(setup.python), "-m", "pytest", *shared, *(QUICK if is_quick else []), *arguments]
    with ThreadPoolExecutor(1) as executor:
        checks = executor.submit(failed_checks, setup.python, dict(environment))
        status = subprocess.call(command, cwd=ROOT, env=environment)
        failed = checks.result()
    for name, output in failed.items():
        say(f"{name}:\n{output}")
    if failed:
        say(f"FAILED: {', '.join(failed)}{' and pytest' if status else ''}")
    return 1 if failed else status


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except bootstrap.SetupError as error:
        bootstrap.say(f"error: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
