"""What freshly compiled kernels give, the same kernels give when they come from the cache: bit for bit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import programs
import pytest

ROOT = Path(__file__).resolve().parents[3]

LONG = pytest.mark.skipif(
    not os.environ.get("MATRIX3D_LONG"), reason="compiles everything; runs with MATRIX3D_LONG=1"
)


@pytest.mark.parametrize("program", ["loss", pytest.param("fit", marks=LONG)])
def test_the_first_run_after_an_install_gives_the_bits_of_all_later_ones(tmp_path, program):
    def run(threads):
        environment = programs.environment(NUMBA_CACHE_DIR=str(tmp_path), NUMBA_NUM_THREADS=threads)
        done = subprocess.run(
            programs.command(f"{program}_bits"), env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        *result, hits = done.stdout.splitlines()
        return result, int(hits)

    cold, compiled = run("2")
    warm, read = run("2")
    single, _ = run("1")
    assert (compiled, read) == (0, 1), "the first must compile, the second must not"
    assert warm == cold
    assert single == cold, "kernels give the same on any number of threads"
