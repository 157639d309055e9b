"""Compiled kernels must not be cached in a way that another import name of the package trips over."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path

import programs
import pytest

from matrix3d_core import compiled as module

CORE = Path(__file__).resolve().parents[2] / "matrix3d_core"


def test_a_kernel_cached_under_one_name_serves_under_another(tmp_path):
    (tmp_path / "__init__.py").touch()
    shutil.copy(programs.PROGRAMS / "two_kernels.py", tmp_path / "kernels.py")

    def hits(name):
        command = programs.command("load_kernels", name, tmp_path)
        done = subprocess.run(
            command, env=programs.environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    assert [hits("tested"), hits("tested"), hits("/some/where/ComfyUI-Pack"), hits("tested")] == [0, 1, 0, 1]


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: path.stem)
def test_nothing_is_cached_otherwise(path):
    if path.name == "compiled.py":
        return
    wrong = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "cache"
    ]
    assert wrong == [], f"{path.name}: use matrix3d_core.compiled.compiled, not njit(cache=True)"


def test_a_kernel_is_compiled_anew_when_a_file_it_may_call_changes(monkeypatch):
    """Numba's own check sees the kernel's file only; the checksum of all sources is in the cache file's name."""

    def kernel():
        return 1

    def named():
        kernel.__qualname__ = "kernel"
        module.compiled()(kernel)
        return kernel.__qualname__

    before = named()
    assert named() == before
    read = Path.read_bytes
    changed = CORE / "raster" / "splat_numba_tiles.py"
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path == changed))
    module._sources.cache_clear()
    try:
        assert named() != before
    finally:
        monkeypatch.undo()
        module._sources.cache_clear()
