"""Files of linear light: read back by other programs, and by ours."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.hdr import read_light, write_light
from matrix3d_core.io.radiance import encode_rgbe


def light(height=16, width=40):
    rng = np.random.default_rng(0)
    values = np.exp(rng.normal(0, 4, (height, width, 3))).astype(np.float32)
    values[2] = 0.25  # runs
    values[3, :130] = 0
    values[4, 5] = 30000
    return torch.from_numpy(values)


def within_rgbe(found, truth):
    """A mantissa of 8 bits of the largest channel, cut off, and read in its middle by some."""
    step = 2.0 ** np.ceil(np.log2(np.maximum(truth.max(-1, keepdims=True), 1e-30))) / 256
    return np.abs(found - truth) <= 1.001 * step


@pytest.mark.parametrize("width", [40, 7, 300])
def test_hdr_comes_back(tmp_path, width):
    truth = light(width=width)
    write_light(tmp_path / "a.hdr", truth)
    assert within_rgbe(read_light(tmp_path / "a.hdr").numpy(), truth.numpy()).all()


def test_hdr_is_read_by_imagecodecs(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    truth = light(width=300)
    write_light(tmp_path / "a.hdr", truth)
    found = imagecodecs.rgbe_decode((tmp_path / "a.hdr").read_bytes(), header=True, rle=True)
    assert within_rgbe(found, truth.numpy()).all()


def test_runs_are_short():
    flat = np.full((64, 512, 3), 0.5, np.float32)
    assert len(encode_rgbe(flat)) < 64 * (4 + 4 * 2 * 6) + 100  # five runs of at most 127 a component


def test_hdr_is_what_the_specification_says():
    # 1, 0.5, 0.25: frexp(1) = 0.5 * 2, so the mantissa is 128 and the exponent 129.
    data = encode_rgbe(np.array([[[1.0, 0.5, 0.25]]], np.float32))
    assert data == b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n" + bytes((128, 64, 32, 129))


def test_exr_is_read_by_openexr(tmp_path):
    openexr = pytest.importorskip("OpenEXR")
    truth = light()
    write_light(tmp_path / "a.exr", truth)
    with openexr.File(str(tmp_path / "a.exr"), separate_channels=True) as file:
        channels = file.channels()
        for k, name in enumerate("RGB"):
            assert np.array_equal(channels[name].pixels, truth[..., k].numpy())
    assert torch.equal(read_light(tmp_path / "a.exr"), truth)


def test_what_is_no_light_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"\.exr or \.hdr; got 'a.png'"):
        write_light(tmp_path / "a.png", light())
    with pytest.raises(InvalidInput, match="must be finite"):
        write_light(tmp_path / "a.hdr", torch.full((2, 4, 3), math.nan))
    (tmp_path / "b.hdr").write_bytes(b"#?RADIANCE\n\n-Y 4 +X 8\n\x02")
    with pytest.raises(FormatError, match=r"b\.hdr"):
        read_light(tmp_path / "b.hdr")
