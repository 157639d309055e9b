"""The commit of a git checkout, read from its files."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

__all__ = ["checkout_commit"]


def checkout_commit(root: Path) -> str | None:
    """Return a checkout's commit, 7 digits, with a + when tracked files differ from git's index.

    None without a checkout. Changes that are staged and not committed do not count.

    Source: git, ``gitrepository-layout`` and ``index-format``.
    """
    try:
        git = root / ".git"
        if git.is_file():  # a worktree
            git = root / git.read_text("utf-8").removeprefix("gitdir:").strip()
        shared = (
            git / (git / "commondir").read_text("utf-8").strip() if (git / "commondir").is_file() else git
        )
        commit = _commit(git, shared, (git / "HEAD").read_text("utf-8").strip())
        return f"{commit[:7]}{'+' if _is_changed(root, git / 'index') else ''}" if commit else None
    except (OSError, ValueError, IndexError, struct.error):
        return None


def _commit(git: Path, shared: Path, head: str) -> str | None:
    if not head.startswith("ref:"):
        return head
    name = head.removeprefix("ref:").strip()
    for folder in (git, shared):
        if (folder / name).is_file():
            return (folder / name).read_text("utf-8").strip()
    for line in (shared / "packed-refs").read_text("utf-8").splitlines():
        if line.endswith(f" {name}"):
            return line.split()[0]
    return None


def _is_changed(root: Path, index: Path) -> bool:
    data = index.read_bytes()
    magic, version, count = struct.unpack_from(">4sII", data)
    if magic != b"DIRC" or version not in (2, 3):
        return False
    at = 12
    for _ in range(count):
        mtime, mtime_ns, mode, size = struct.unpack_from(">8xII8xI8xI", data, at)
        digest, (flags,) = data[at + 40 : at + 60], struct.unpack_from(">H", data, at + 60)
        start = at + (64 if version == 3 and flags & 0x4000 else 62)
        end = data.index(b"\0", start)
        path = root / data[start:end].decode("utf-8", "surrogateescape")
        at += (end - at) // 8 * 8 + 8
        if mode & 0xF000 != 0x8000:  # links and submodules
            continue
        if not path.is_file():
            return True
        state = path.stat()
        if (state.st_mtime_ns, state.st_size) == (mtime * 10**9 + mtime_ns, size):
            continue
        content = path.read_bytes()
        if digest != hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).digest():
            return True
    return False
