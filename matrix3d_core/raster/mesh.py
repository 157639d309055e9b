"""Meshes seen from inside: the backends in order of preference, and the door to them; see `mesh_contract`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec

import torch

from ..checks import check_finite
from ..scene.mesh import Mesh
from .mesh_contract import MeshFrame, MeshRenderer, OpenMesh, shade_hits
from .registry import Backend, Registry

__all__ = [
    "MESH_BACKENDS",
    "MeshFrame",
    "MeshRenderer",
    "open_mesh_renderer",
    "shade_hits",
]


def open_mesh_renderer(
    mesh: Mesh, *, backend: str = "auto", needs: Iterable[str] = ()
) -> tuple[str, MeshRenderer]:
    """Open a mesh in a backend.

    Args:
        mesh: what to draw; its vertices must be finite. An empty mesh is fine: every ray misses.
        backend: ``"auto"`` or a name of `MESH_BACKENDS`. A named backend is never swapped for another.
        needs: features the backend must have, such as ``"cast"``.

    Returns:
        The backend's name and the opened renderer.

    Raises:
        InvalidInput: for an unknown name or vertices that are not finite.
        BackendUnavailable: when no backend fits, with the reason for each.
    """
    check_finite("vertices", mesh.vertices)
    check_finite("colors", mesh.colors)
    name, open_mesh = MESH_BACKENDS.load(backend, needs=needs)
    return name, open_mesh(mesh)


def _needs(package: str, *, cuda: bool = False) -> Callable[[], str | None]:
    """Build a probe: is the package installed, and a CUDA device there when one is needed?"""

    def probe() -> str | None:
        if find_spec(package.replace("-", "_")) is None:
            return f"the package {package} is not installed"
        if cuda and not torch.cuda.is_available():
            return "needs a CUDA device; torch sees none"
        return None

    return probe


# Loaders: each imports its backend's module on first use.


def _load_warp() -> OpenMesh:
    from .mesh_warp import open_mesh_cuda

    return open_mesh_cuda


def _load_warp_cpu() -> OpenMesh:
    from .mesh_warp import open_mesh_cpu

    return open_mesh_cpu


def _load_nvdiffrast() -> OpenMesh:
    from .mesh_nvdiffrast import open_mesh

    return open_mesh


def _load_numba() -> OpenMesh:
    from .mesh_numba import open_mesh

    return open_mesh


def _load_embreex() -> OpenMesh:
    from .mesh_embreex import open_mesh

    return open_mesh


def _load_torch() -> OpenMesh:
    from .mesh_torch import open_mesh

    return open_mesh


def _usable() -> str | None:
    return None


def _warp_probe(cuda: bool) -> Callable[[], str | None]:
    """Probe for warp-lang, whose import name (``warp``) another package also uses."""
    import importlib.metadata as metadata

    def probe() -> str | None:
        try:
            metadata.version("warp-lang")
        except metadata.PackageNotFoundError:
            return "the package warp-lang is not installed"
        return _needs("warp", cuda=cuda)()

    return probe


MESH_BACKENDS: Registry[OpenMesh] = Registry("mesh")
"""Mesh backends in order of preference. Those before numba need CUDA; torch always works, slowly."""

for _backend in (
    Backend(
        "warp", frozenset({"cast"}), _warp_probe(cuda=True), _load_warp, "ray queries on CUDA by warp-lang"
    ),
    Backend(
        "nvdiffrast",
        frozenset(),
        _needs("nvdiffrast", cuda=True),
        _load_nvdiffrast,
        "six padded pinhole faces on CUDA by nvdiffrast",
    ),
    Backend(
        "numba",
        frozenset({"cast"}),
        _needs("numba"),
        _load_numba,
        "watertight equirectangular z-buffer on the CPU",
    ),
    Backend(
        "embreex", frozenset({"cast"}), _needs("embreex"), _load_embreex, "ray queries on the CPU by Embree"
    ),
    Backend(
        "warp-cpu",
        frozenset({"cast"}),
        _warp_probe(cuda=False),
        _load_warp_cpu,
        "the CUDA backend's kernel on the CPU, single threaded",
    ),
    Backend(
        "torch",
        frozenset({"cast"}),
        _usable,
        _load_torch,
        "every ray against every face near it; the reference, for small meshes",
    ),
):
    MESH_BACKENDS.register(_backend)
