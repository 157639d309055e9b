"""geometry.safetensors: a panorama with its distances, for later stages, bit for bit."""

from __future__ import annotations

from pathlib import Path

import torch

from ..errors import FormatError
from ..scene.panorama import PanoramaGeometry
from .atomic import BinaryTarget
from .checkpoints import check_stored, read_checkpoint
from .tensors import write_tensors

__all__ = ["read_geometry", "write_geometry"]

_NAMES = ("rgb", "depth_ray", "is_valid", "is_sky")
_OPTIONAL = {"is_filled": torch.bool, "classes": torch.uint8}


def write_geometry(target: BinaryTarget, geometry: PanoramaGeometry) -> None:
    """Write the tensors of a geometry under the names of its fields; its report is left out.

    Args:
        target: path or binary file; a path appears only when the file is complete.
        geometry: any.
    """
    tensors = {name: getattr(geometry, name) for name in _NAMES}
    tensors |= {name: values for name in _OPTIONAL if (values := getattr(geometry, name)) is not None}
    write_tensors(target, tensors, {"is_metric": str(geometry.is_metric).lower()})


def read_geometry(path: str | Path) -> PanoramaGeometry:
    """Read what `write_geometry` wrote.

    Raises:
        FormatError: when the file is missing, damaged, or lacks a tensor.
        InvalidInput: when the tensors do not fit together.
    """
    path = Path(path)
    content, header = read_checkpoint(path, "a geometry")
    missing = [name for name in _NAMES if name not in content]
    if missing:
        raise FormatError(
            f"{path.name} must hold the tensors {', '.join(_NAMES)}; it lacks {', '.join(missing)}. Write it again "
            "with `matrix3d video`."
        )
    check_stored({name: content[name] for name in (*_NAMES, *_OPTIONAL) if name in content}, path)
    rgb, depth_ray = (content[name].to(torch.float32) for name in _NAMES[:2])
    is_valid, is_sky = (content[name].to(torch.bool) for name in _NAMES[2:])
    optional = {name: content[name].to(dtype) for name, dtype in _OPTIONAL.items() if name in content}
    is_metric = header.get("is_metric") == "true"
    return PanoramaGeometry(rgb, depth_ray, is_valid, is_sky, is_metric, **optional)
