"""The splat backends, in order of preference; each module is imported on first use.

Features: ``"gradients"``, ``"pose"``, ``"panorama"`` and ``"median"`` say what a backend can draw; ``"cpu"``,
``"cuda"`` and ``"float64"`` say of which tensors; ``"compiled_sh"`` that colors may come from `splat_numba_sh`;
``"fused_step"`` that `splat_numba` draws for it, whose `forward` and `backward` a fit may call without autograd.
"""

from __future__ import annotations

import torch

from .registry import Backend, Registry
from .splat_contract import SplatRenderer

__all__ = ["SPLAT_BACKENDS"]


def _probe_gsplat() -> str | None:
    from importlib.util import find_spec

    if not torch.cuda.is_available():
        return "needs a CUDA device"
    if find_spec("gsplat") is None:
        return "the gsplat package is not installed"
    from importlib.metadata import version

    found = version("gsplat")
    if tuple(int(part) for part in found.split("+")[0].split(".")[:2]) < (1, 4):
        return f"needs gsplat 1.4 or newer, found {found}"
    return None


def _load_gsplat() -> SplatRenderer:
    from .splat_gsplat import open_gsplat

    return open_gsplat()


def _probe_warp() -> str | None:
    from importlib.util import find_spec

    if not torch.cuda.is_available():
        return "needs a CUDA device"
    return None if find_spec("warp") is not None else "the warp-lang package is not installed"


def _load_warp() -> SplatRenderer:
    from .splat_warp import open_warp

    return open_warp("cuda")


def _probe_numba() -> str | None:
    from importlib.util import find_spec

    return None if find_spec("numba") is not None else "the numba package is not installed"


def _load_numba() -> SplatRenderer:
    from .splat_numba import render

    return render


def _load_torch() -> SplatRenderer:
    from .splat_torch import render

    return render


_ALL = {"gradients", "pose", "panorama", "median"}
SPLAT_BACKENDS: Registry[SplatRenderer] = Registry("splat")
for _backend in (
    Backend(
        "gsplat",
        frozenset({"gradients", "pose", "cuda"}),
        _probe_gsplat,
        _load_gsplat,
        "CUDA rasterizer of the gsplat package",
    ),
    Backend(
        "warp",
        frozenset({*_ALL, "cuda"}),
        _probe_warp,
        _load_warp,
        "CUDA rasterizer by warp-lang, needs no compiler",
    ),
    Backend(
        "numba",
        frozenset({*_ALL, "cpu", "compiled_sh", "fused_step"}),
        _probe_numba,
        _load_numba,
        "CPU tile rasterizer, compiled on first use",
    ),
    Backend(
        "torch",
        frozenset({*_ALL, "cpu", "cuda", "float64"}),
        lambda: None,
        _load_torch,
        "plain torch, slow, the reference for the others",
    ),
):
    SPLAT_BACKENDS.register(_backend)
