"""Where node is, which runs the tests of modules without a browser."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["find_node"]


def find_node() -> str:
    """Return a node that has a test runner: the system's, or the one inside the package playwright."""
    spec = importlib.util.find_spec("playwright")
    bundled = Path(spec.origin).parent / "driver" / "node" if spec and spec.origin else None
    for path in (shutil.which("node"), bundled):
        if path and Path(path).exists():
            version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
            if int(version.strip().lstrip("v").split(".")[0]) >= 20:
                return str(path)
    pytest.skip("needs node 20 or newer (apt install nodejs, or pip install playwright)")
