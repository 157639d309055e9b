"""The parts of the set-up that need no network: keys, requirement lines, unpacking, deleting, locks."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import bootstrap
import pytest


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MATRIX3D_CACHE", str(tmp_path / "cache"))
    for name in ("COMFYUI_DIR", "COMFYUI_PYTHON", "MATRIX3D_TORCH"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def test_unpack_takes_only_the_folder_asked_for(tmp_path):
    file = archive(tmp_path / "a.tgz", [("top/in/a/b.txt", b"1"), ("top/in/c", b"2"), ("top/other", b"3")])
    assert bootstrap.unpack(file, "top/in/", tmp_path / "out") == 2
    assert (tmp_path / "out/a/b.txt").read_bytes() == b"1"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a", "c"]


@pytest.mark.parametrize(
    "name", ["top/in/../../../evil", "top/in//evil", "top/in/C:/evil", "top/in/..\\evil"]
)
def test_unpack_refuses_what_lands_outside(tmp_path, name):
    file = archive(tmp_path / "a.tgz", [(name, b"x")])
    with pytest.raises(bootstrap.SetupError, match="not a plain file inside"):
        bootstrap.unpack(file, "top/in/", tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("evil*"))


def test_unpack_refuses_links_and_empty_archives(tmp_path):
    with pytest.raises(bootstrap.SetupError, match="not a plain file inside"):
        bootstrap.unpack(archive(tmp_path / "a.tgz", [("in/link", None)]), "in/", tmp_path / "out")
    with pytest.raises(bootstrap.SetupError, match="nothing found under in/"):
        bootstrap.unpack(archive(tmp_path / "b.tgz", [("else/x", b"")]), "in/", tmp_path / "out")


def test_requirements_lose_torch_and_nothing_else():
    text = "torch\ntorchvision==1\n# note\ntorchsde\n\ntorchaudio>=2 # x\nnumpy>=1.25\npydantic~=2.0\n"
    assert bootstrap.without_torch(text) == ["torchsde", "numpy>=1.25", "pydantic~=2.0"]


def test_the_pack_asks_for_no_torch_and_pins_nothing_at_run_time():
    lines = (bootstrap.ROOT / "requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert bootstrap.without_torch("\n".join(lines)) == wanted
    assert not [line for line in wanted if "==" in line or "<" in line]


def test_the_key_follows_the_requirements(cache, tmp_path, monkeypatch):
    own = bootstrap.env_key(None)
    host = tmp_path / "ComfyUI"
    host.mkdir()
    (host / "requirements.txt").write_text("numpy\ntorch==1\n")
    users = bootstrap.env_key(host)
    (host / "requirements.txt").write_text("numpy\ntorch==2\n")
    assert bootstrap.env_key(host) == users != own
    (host / "requirements.txt").write_text("numpy>=2\n")
    assert bootstrap.env_key(host) != users
    monkeypatch.setattr(bootstrap, "RECIPE", bootstrap.RECIPE + 1)
    assert bootstrap.env_key(None) != own


@pytest.mark.parametrize(
    ("release", "vision", "audio"),
    [("2.7.0", "0.22.0", "2.7.0"), ("2.9.1", "0.24.1", "2.9.1"), ("2.14.1", "0.29.1", "2.11.0")],
)
def test_another_torch_brings_what_goes_with_it(cache, monkeypatch, release, vision, audio):
    wanted = ((f"torch=={release}", f"torchvision=={vision}"), f"torchaudio=={audio}")
    assert bootstrap.torch_packages(release) == wanted
    own = bootstrap.env_key(None)
    monkeypatch.setenv("MATRIX3D_TORCH", release)
    assert (bootstrap.env_key(None) == own) == (release == bootstrap.TORCH)


@pytest.mark.parametrize("release", ["2.7", "1.13.1", "2.7.0+cpu", "newest"])
def test_a_torch_that_is_no_release_is_refused(release):
    with pytest.raises(bootstrap.SetupError, match="MATRIX3D_TORCH must be a release of torch 2"):
        bootstrap.torch_packages(release)


def test_find_needs_the_stamps(cache):
    env = cache / f"env-{bootstrap.env_key(None)}"
    host = cache / f"host-{bootstrap.HOST_VERSION}"
    python = bootstrap.env_python(env)
    python.parent.mkdir(parents=True)
    python.touch()
    host.mkdir()
    assert bootstrap.find() is None
    bootstrap.mark_ready(env)
    assert bootstrap.find() is None
    bootstrap.mark_ready(host)
    setup = bootstrap.find()
    assert (setup.python, setup.host_dir, setup.host_python) == (python, host, python)


def test_a_wrong_comfyui_dir_is_named(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("COMFYUI_DIR", str(tmp_path))
    with pytest.raises(bootstrap.SetupError, match="COMFYUI_DIR must be a ComfyUI folder"):
        bootstrap.find()


@pytest.fixture
def users(cache, monkeypatch, tmp_path):
    """A ComfyUI and an interpreter that the user named; the interpreter runs what the test says."""
    host = tmp_path / "ComfyUI"
    (host / "comfy").mkdir(parents=True)
    (host / "main.py").touch()
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 0\n")
    python.chmod(0o755)
    monkeypatch.setenv("COMFYUI_DIR", str(host))
    monkeypatch.setenv("COMFYUI_PYTHON", str(python))
    return host, python


@pytest.mark.skipif(os.name == "nt", reason="the stand-in interpreter is a shell script")
def test_the_users_own_host_needs_nothing_made(users, cache):
    host, python = users
    setup = bootstrap.for_host()
    assert (setup.python, setup.host_dir, setup.host_python) == (python, host, python)
    assert list(cache.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="the stand-in interpreter is a shell script")
def test_what_the_users_interpreter_lacks_is_named_not_installed(users, cache):
    _, python = users
    python.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'numba'\" >&2\nexit 1\n")
    with pytest.raises(
        bootstrap.SetupError, match=r"named 'numba'\. Install its requirements there yourself"
    ):
        bootstrap.for_host()
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    "words", [["host"], ["run"], ["setup", "x"], ["shell", "x"], ["clean", "x"], ["fly"]]
)
def test_wrong_usage_shows_the_help_and_makes_nothing(cache, words, capsys):
    assert bootstrap.main(words) == 2
    assert "bootstrap.py setup" in capsys.readouterr().err
    assert list(cache.iterdir()) == []


def test_deleting_stays_inside_the_cache(cache, tmp_path):
    outside = tmp_path / "precious"
    outside.mkdir()
    (cache / "env-link").symlink_to(outside)
    for folder in (outside, cache / ".." / "precious", cache / "env-link", cache):
        with pytest.raises(bootstrap.SetupError, match="refused to delete"):
            bootstrap.remove(folder)
    assert outside.is_dir()


def test_clean_leaves_what_is_not_ours(cache):
    for name in ("env-1", "host-1", "demo-8188", "photos"):
        (cache / name).mkdir()
    bootstrap.clean()  # no tag: not a cache that we made
    assert (cache / "env-1").is_dir()
    with bootstrap.lock(cache):
        pass
    bootstrap.clean()
    assert sorted(p.name for p in cache.iterdir() if p.is_dir()) == ["photos"]


def test_the_lock_makes_a_second_set_up_wait(cache, monkeypatch):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import bootstrap, pathlib\n"
        "with bootstrap.lock(pathlib.Path(sys.argv[2])):\n"
        "    print('held', flush=True); sys.stdin.readline(); print('released', flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(Path(bootstrap.__file__).parent), str(cache)]
    said = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline().strip() == b"held"

        def say(message):  # the other releases it only when we have said that we wait
            said.append(message)
            other.stdin.write(b"\n")
            other.stdin.flush()

        monkeypatch.setattr(bootstrap, "say", say)
        with bootstrap.lock(cache):
            assert said == ["another set-up is running; waiting for it"]
            assert other.stdout.readline().strip() == b"released"


def test_ready_is_found_in_less_than_a_second(cache):
    # The whole command in a fresh interpreter, as make calls it.
    env = cache / f"env-{bootstrap.env_key(None)}"
    host = cache / f"host-{bootstrap.HOST_VERSION}"
    bootstrap.env_python(env).parent.mkdir(parents=True, exist_ok=True)
    bootstrap.env_python(env).touch()
    host.mkdir(exist_ok=True)
    bootstrap.mark_ready(env)
    bootstrap.mark_ready(host)
    times = []
    for _ in range(3):
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, bootstrap.__file__, "setup"],
            capture_output=True,
            text=True,
            env=dict(os.environ),
            check=True,
        )
        times.append(time.monotonic() - start)
    assert done.stdout.strip() == str(bootstrap.env_python(env))
    assert sorted(times)[1] < 1.0  # about 0.15 s on a quiet machine


def test_pip_settings_are_passed_on_to_uv(monkeypatch):
    listing = (
        "global.index-url='A'\nglobal.extra-index-url='B C'\n:env:.cert='/c.pem'\n"
        "global.cert='/old.pem'\n:env:.find-links='/w1 /w2'\n"
    )
    monkeypatch.setattr(
        bootstrap.subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 0, stdout=listing)
    )
    for name in ("SSL_CERT_FILE", "UV_FIND_LINKS", "UV_DEFAULT_INDEX", "UV_INDEX"):
        monkeypatch.delenv(name, raising=False)
    environment = bootstrap.installer_environment(Path("python"))
    assert environment["SSL_CERT_FILE"] == "/c.pem"  # the environment wins over the file, as in pip
    assert environment["UV_FIND_LINKS"] == "/w1,/w2"
    assert (environment["UV_DEFAULT_INDEX"], environment["UV_INDEX"]) == ("A", "B C")
