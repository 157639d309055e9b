"""Pictures of linear light as files: Radiance (.hdr) and OpenEXR (.exr)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from .atomic import open_atomically
from .exr import read_colors, write_colors
from .radiance import encode_rgbe, floats_from_rgbe, read_rgbe

__all__ = ["LIGHT_SUFFIXES", "read_light", "write_light"]

LIGHT_SUFFIXES = (".exr", ".hdr")


def write_light(path: Path, light: Tensor) -> None:  # [H, W, 3]
    """Write linear light; the suffix says how: ``.exr`` keeps float32, ``.hdr`` is good to 1 in 256.

    Raises:
        InvalidInput: for another shape or suffix, or NaN or infinity.
        BackendUnavailable: for EXR without the OpenEXR package.
        DiskError: when the disk refuses the file.
    """
    check_shape("light", light, "H W 3")
    check_finite("light", light)
    values = light.detach().to("cpu", torch.float32).numpy()
    suffix = _suffix(path)
    if suffix == ".exr":
        write_colors(path, values)
        return
    with open_atomically(path) as file:
        file.write(encode_rgbe(values))


def read_light(path: Path) -> Tensor:  # [H, W, 3]
    """Read linear light of a file, float32, not tone-mapped.

    Raises:
        InvalidInput: for another suffix.
        FormatError: when the file is damaged.
        BackendUnavailable: for EXR without the OpenEXR package.
    """
    if _suffix(path) == ".exr":
        return torch.from_numpy(read_colors(path)[0])
    with path.open("rb") as file:
        rgbe, factor = read_rgbe(file, path.name)
    return torch.from_numpy(floats_from_rgbe(rgbe) * factor).float()


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in LIGHT_SUFFIXES:
        raise InvalidInput(f"a picture of light must be {' or '.join(LIGHT_SUFFIXES)}; got {path.name!r}.")
    return suffix
