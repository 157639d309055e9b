"""The code gives what it gave when the golden outputs were recorded; see `record.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("record.py")


def compare(*arguments):
    """Run the script in a process of its own: no other test's threads, caches or settings."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        },  # torch sums otherwise on more threads
        capture_output=True,
        text=True,
        check=False,
        timeout=3000,
    )


@pytest.mark.slow
def test_outputs_are_as_recorded():
    done = compare()
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.host
@pytest.mark.skipif(
    not os.environ.get("MATRIX3D_LONG"), reason="all templates with tiny models; set MATRIX3D_LONG=1"
)
def test_templates_give_what_they_gave():
    done = compare("--long")
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
