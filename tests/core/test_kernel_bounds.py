"""No number makes a compiled kernel read or write outside its arrays: there, that ends the whole process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from oracles_splat import draw_with

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.raster import splat_contract
from matrix3d_core.raster.splat import SPLAT_BACKENDS
from matrix3d_core.raster.splat_warp import open_warp
from matrix3d_core.scene.gaussians import Gaussians

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "support" / "kernel_extremes.py"
CASES = 3000 if os.environ.get("MATRIX3D_LONG") else 150


def test_every_kernel_stays_inside_its_arrays(tmp_path):
    # A fresh cache: what is called from kernels read from a cache isn't compiled, and would count as never run.
    environment = {
        **os.environ,
        "NUMBA_BOUNDSCHECK": "1",
        "NUMBA_OPT": "1",  # compiles sooner; the checks are in what is compiled
        "NUMBA_LOOP_VECTORIZE": "0",
        "NUMBA_SLP_VECTORIZE": "0",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "WARP_CACHE_PATH": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(CASES)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert len(result["kernels"]) > 25
    assert result["never_run"] == [], "tests/support/kernel_extremes.py must run every kernel"
    assert result["failures"] == []


def one_gaussian(mean, scales, opacity=0.9):
    quats, gray = torch.tensor([[1.0, 0, 0, 0]]), torch.full((1, 3), 0.5)
    return Gaussians.from_colors(
        torch.tensor([mean]), quats, torch.tensor([scales]), torch.tensor([opacity]), gray
    )


def draw(backend, world, height, width):
    """Color and coverage of the view from the origin; warp on its CPU device."""
    render = open_warp("cpu") if backend == "warp" else SPLAT_BACKENDS.load(backend)[1]
    K_px, pose = intrinsics_from_fov(1.57, height, width), torch.eye(4, dtype=torch.float64)
    return draw_with(render, (*world.tensors()[:4], world.colors), pose, K_px, height, width)[:2]


@pytest.mark.parametrize("backend", ["numba", "warp"])
@pytest.mark.parametrize("power", range(4, 38, 3))
def test_a_gaussian_of_any_size_is_drawn_as_a_wall_or_not_at_all(backend, power):
    """Far wider than the picture, it has one opacity everywhere."""
    world = one_gaussian((0.86, -0.11, 1.0), tuple(s * 10.0**power for s in (2.0, 3.0, 4.0)))
    _, alpha = draw(backend, world, 48, 64)
    wall = torch.full_like(alpha, 0.9)
    assert torch.allclose(alpha, wall, rtol=0, atol=1e-3) or bool((alpha == 0).all())
    if power < 13:  # up to where its area leaves float32
        assert torch.allclose(alpha, wall, rtol=0, atol=1e-3)


@pytest.mark.parametrize("backend", ["numba", "warp"])
def test_lists_that_would_not_fit_are_refused(monkeypatch, backend):
    monkeypatch.setattr(splat_contract, "MOST_ENTRIES", 10)
    world = one_gaussian((0.0, 0.0, 1.0), (9.0, 9.0, 9.0))
    with pytest.raises(InvalidInput, match=r"at most 10 tiles .* these cover 16 of a picture of 64x64"):
        draw(backend, world, 64, 64)


@pytest.mark.parametrize("backend", ["numba", "torch", "warp"])
@pytest.mark.parametrize("distance", [2e18, 1e30, float("inf")])
def test_what_is_too_far_to_be_squared_is_not_drawn(backend, distance):
    near = one_gaussian((0.0, 0.0, 1.0), (0.1, 0.1, 0.1))
    both = Gaussians.concatenate(
        near, one_gaussian((0.0, 0.0, distance), (distance / 10,) * 3 if distance < 1e38 else (1.0, 1.0, 1.0))
    )
    one, two = (draw(backend, world, 16, 16)[0] for world in (near, both))
    assert torch.equal(one, two)
