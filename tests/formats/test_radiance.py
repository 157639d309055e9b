"""Radiance pictures and the way from light to display values."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.images import read_image, read_picture
from matrix3d_core.io.radiance import floats_from_rgbe, tone_map

H, W = 6, 40


def rgbe() -> np.ndarray:
    rng = np.random.default_rng(2)
    values = rng.integers(0, 256, (H, W, 4)).astype(np.uint8)
    values[..., 3] = rng.integers(118, 132, (H, W))
    values[:, 5:30] = values[:, 5:6]  # runs
    values[0, 0, 3] = 0
    values[:, :2, 0] = 9  # no row begins like a new one or a repetition
    return values


def run_lengths(row: np.ndarray) -> bytes:
    """New run lengths of one row, as the format's reference says: per component runs over 128, literals up to 128."""
    out = bytes((2, 2, row.shape[0] >> 8, row.shape[0] & 255))
    for component in row.T:
        at = 0
        while at < len(component):
            count = 1
            while at + count < len(component) and count < 127 and component[at + count] == component[at]:
                count += 1
            out += (
                bytes((128 + count if count > 2 else count,))
                + component[at : at + (1 if count > 2 else count)].tobytes()
            )
            at += count
    return out


def repeats(row: np.ndarray) -> bytes:
    """Old run lengths: a pixel (1, 1, 1, n) repeats the one before."""
    out, at = b"", 0
    while at < len(row):
        count = 1
        while at + count < len(row) and (row[at + count] == row[at]).all():
            count += 1
        out += row[at].tobytes() + (bytes((1, 1, 1, count - 1)) if count > 1 else b"")
        at += count
    return out


def write(path, packed: bytes, head: str = "", size: str = f"-Y {H} +X {W}"):
    path.write_bytes(f"#?RADIANCE\n# a comment\n{head}FORMAT=32-bit_rle_rgbe\n\n{size}\n".encode() + packed)


def expected(values: np.ndarray, factor: float = 1.0) -> torch.Tensor:
    light = np.ldexp(values[..., :3].astype(np.float64), values[..., 3:].astype(int) - 136) * (
        values[..., 3:] > 0
    )
    light = light * factor
    low = np.where(light > 0.5, 1 - 0.5 * np.exp(1 - 2 * light), light)
    curve = np.where(low <= 0.0031308, 12.92 * low, 1.055 * low ** (1 / 2.4) - 0.055)
    return torch.from_numpy(curve).float()


@pytest.mark.parametrize("pack", [run_lengths, repeats, lambda row: row.tobytes()])
def test_all_packings(tmp_path, pack):
    values = rgbe()
    write(tmp_path / "a.hdr", b"".join(pack(row) for row in values))
    # a few roundings of single precision of values up to 1
    torch.testing.assert_close(read_image(tmp_path / "a.hdr"), expected(values), rtol=0, atol=2e-6)


def test_another_reader_agrees(tmp_path):
    codecs = pytest.importorskip("imagecodecs")
    rng = np.random.default_rng(0)
    light = (rng.random((H, W, 3)) * 10 ** rng.uniform(-3, 2, (H, W, 1))).astype(np.float32)
    data = codecs.rgbe_encode(light, header=True)
    (tmp_path / "a.hdr").write_bytes(data)
    theirs = torch.from_numpy(codecs.rgbe_decode(data).copy())
    tone_map(theirs.numpy(), 0.0)
    torch.testing.assert_close(read_image(tmp_path / "a.hdr"), theirs, rtol=0, atol=2e-6)


def test_exposure_of_file_and_reader(tmp_path):
    values = rgbe()
    write(tmp_path / "a.hdr", values.tobytes(), head="EXPOSURE=4.0\nEXPOSURE= 0.5\n")
    torch.testing.assert_close(
        read_picture(tmp_path / "a.hdr", exposure=3.0).rgb, expected(values, 8 / 2), rtol=0, atol=2e-6
    )
    assert "light tone-mapped at +2 stops" in read_picture(tmp_path / "a.hdr", exposure=3.0).read_as
    with pytest.raises(InvalidInput, match="exposure must lie between -64 and 64 stops; got nan"):
        read_picture(tmp_path / "a.hdr", exposure=math.nan)
    with pytest.raises(InvalidInput, match="floats must be one of auto, linear light"):
        read_picture(tmp_path / "a.hdr", floats="raw")


def test_rows_from_below_and_columns_from_the_right(tmp_path):
    values = rgbe()
    write(tmp_path / "a.hdr", values.tobytes(), size=f"+Y {H} -X {W}")
    torch.testing.assert_close(read_image(tmp_path / "a.hdr"), expected(values).flip(0, 1), rtol=0, atol=2e-6)


def test_shrinking_averages_light_not_display_values(tmp_path):
    values = np.zeros((2, 4, 4), np.uint8)
    values[..., 3], values[:, ::2, :3] = 128, 128  # every other column 0.5
    write(tmp_path / "a.hdr", values.tobytes(), size="-Y 2 +X 4")
    small = read_image(tmp_path / "a.hdr", max_width=2)
    assert float(small.mean()) == pytest.approx(1.055 * 0.25 ** (1 / 2.4) - 0.055, abs=1e-6)


def test_tone_curve():
    light = np.array([0.0, 0.001, 0.18, 0.5, 0.5001, 1.0, 1e30, np.inf, np.nan, -1.0], np.float32)
    tone_map(light, 0.0)
    srgb = lambda x: 1.055 * x ** (1 / 2.4) - 0.055  # noqa: E731
    shown = [0, 0.01292, srgb(0.18), srgb(0.5), srgb(0.5001), srgb(1 - 0.5 * math.exp(-1)), 1, 1, 0, 0]
    np.testing.assert_allclose(light, shown, atol=1e-6)
    raised = np.array([0.18], np.float32)
    tone_map(raised, 1.0)
    assert float(raised[0]) == pytest.approx(srgb(0.36), abs=1e-6)
    assert floats_from_rgbe(np.array([[128, 64, 0, 129], [255, 255, 255, 0]], np.uint8)).tolist() == [
        [1, 0.5, 0],
        [0, 0, 0],
    ]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "damaged or truncated; the Radiance header has no end"),
        (
            b"#?RADIANCE\nFORMAT=32-bit_rle_xyze\n\n-Y 2 +X 4\n" + bytes(32),
            "in XYZ is not read. Convert it to RGB",
        ),
        (b"#?RADIANCE\n\n+X 2 -Y 4\n" + bytes(32), "must be stored in rows"),
        (b"#?RADIANCE\n\n-Y 30000 +X 60000\n" + bytes(32), "too large to read; 1,800,000,000 pixels"),
        (b"#?RADIANCE\n\n-Y 0 +X 8\n", "damaged; it has no pixels"),
        (b"#?RADIANCE\n\n-Y 2 +X 4\n" + bytes(17), "damaged or truncated in row 1 of 2"),
        (b"#?RADIANCE\n\n-Y 2 +X 8\n\2\2\0\x08" + b"\xff" * 60, "damaged or truncated in row 0 of 2"),
        (b"#?RADIANCE\n\n-Y 1 +X 4\n\1\1\1\3" + bytes(12), "damaged or truncated in row 0 of 1"),
    ],
)
def test_damaged_files_are_named(tmp_path, content, match):
    (tmp_path / "a.hdr").write_bytes(content)
    with pytest.raises(FormatError, match=rf"^a\.hdr: .*{match}"):
        read_image(tmp_path / "a.hdr")
