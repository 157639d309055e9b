"""The commit as git itself says it: in a checkout, a worktree, with packed references and with changed files."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from matrix3d_core.checkout import checkout_commit
from matrix3d_core.variables import variable

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="needs git")


def git(folder, *arguments):
    command = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@x", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repo(tmp_path):
    root = tmp_path / "repo"
    (root / "a folder").mkdir(parents=True)
    git(root, "init", "-q")
    for name in ("a", "bb", "ccc", "a folder/dddd", "ünï"):
        (root / name).write_text(name)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x")
    return root


def test_it_is_gits_own(repo, tmp_path):
    head = git(repo, "rev-parse", "HEAD")[:7]
    assert checkout_commit(repo) == head
    git(repo, "pack-refs", "--all")
    assert checkout_commit(repo) == head
    git(repo, "worktree", "add", "-q", str(tmp_path / "other"))
    assert checkout_commit(tmp_path / "other") == head
    git(repo, "checkout", "-q", "--detach")
    assert checkout_commit(repo) == head
    assert checkout_commit(tmp_path) is None


def test_changed_files_show(repo):
    head = git(repo, "rev-parse", "HEAD")[:7]
    (repo / "untracked").write_text("x")
    (repo / "bb").write_text("bb")  # newer, and the same
    assert checkout_commit(repo) == head
    (repo / "bb").write_text("b2")
    assert checkout_commit(repo) == f"{head}+"
    (repo / "bb").write_text("bb")
    (repo / "ünï").unlink()
    assert checkout_commit(repo) == f"{head}+"


def test_variables_are_what_the_shell_says(monkeypatch):
    monkeypatch.delenv("M3D_X", raising=False)
    assert (variable("M3D_X"), variable("M3D_X", "7")) == ("", "7")
    monkeypatch.setenv("M3D_X", "a $HOME ${M3D_X} b")
    assert variable("M3D_X", "7") == "a $HOME ${M3D_X} b"
