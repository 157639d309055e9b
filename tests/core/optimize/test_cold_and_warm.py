"""What freshly compiled kernels give, the same kernels give when they come from the cache: bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# The loss and its gradient: their loops sum in vector code, where another compilation shows at once.
LOSS = """
import hashlib
import numpy as np
from matrix3d_core.optimize import kernels_numba as kernels
rng = np.random.default_rng(0)
picture, target = (rng.random((37, 41, 3), np.float32) for _ in range(2))
loss, gradient = kernels.loss_and_gradient(picture, target, rng.random((37, 41), np.float32), 0.2)
print(hashlib.sha256(gradient.tobytes()).hexdigest(), loss.hex())
print(sum(kernels._finish.kernel.stats.cache_hits.values()))
"""

FIT = """
import hashlib
import torch
from tiny_world import room_frames, room_geometry, straight_path
from matrix3d_core.optimize.loop import OptimizeConfig, optimize_gaussians
from matrix3d_core.optimize import kernels_numba as kernels
path = straight_path(5)
frames, distance = room_frames(path)
config = OptimizeConfig(steps=30, max_gaussians=1500, crop_size_px=32, key_frame_stride=2)
fitted = optimize_gaussians(frames, path, geometry=room_geometry(), config=config).gaussians
print(hashlib.sha256(b"".join(t.contiguous().numpy().tobytes() for t in fitted.tensors())).hexdigest())
print(sum(kernels._finish.kernel.stats.cache_hits.values()))
"""

LONG = pytest.mark.skipif(
    not os.environ.get("MATRIX3D_LONG"), reason="compiles everything; runs with MATRIX3D_LONG=1"
)


@pytest.mark.parametrize("code", [LOSS, pytest.param(FIT, marks=LONG)], ids=["loss", "fit"])
def test_the_first_run_after_an_install_gives_the_bits_of_all_later_ones(tmp_path, code):
    def run(threads):
        environment = {
            **os.environ,
            "NUMBA_CACHE_DIR": str(tmp_path),
            "NUMBA_NUM_THREADS": threads,
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests" / "support"))),
        }
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
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
