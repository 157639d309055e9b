"""TIFF pictures of many bits, written byte by byte."""

from __future__ import annotations

import zlib
from functools import partial

import numpy as np
import pytest
import tiff_files
import torch

from matrix3d_core.errors import FormatError
from matrix3d_core.io.images import read_image, read_picture

H, W = 20, 35


write_tiff = partial(tiff_files.write_tiff, size=(H, W))


def values_of(kind: str, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(5)
    if kind[0] == "u":
        return rng.integers(0, 256 ** int(kind[1]), (H, W, channels)).astype(kind)
    return rng.random((H, W, channels)).astype(kind)


def as_display(values: np.ndarray) -> torch.Tensor:
    most = 256**values.dtype.itemsize - 1 if values.dtype.kind == "u" else 1
    return torch.from_numpy(values.astype(np.float64) / most).float()


def pack(rows: bytes, how: int) -> bytes:
    if how in (8, 32946):
        return zlib.compress(rows)
    if how == 1:
        return rows
    codecs = pytest.importorskip("imagecodecs")
    return {5: codecs.lzw_encode, 32773: codecs.packbits_encode, 50000: codecs.zstd_encode}[how](rows)


@pytest.mark.parametrize("kind", ["u2", "u4", "f2", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_every_number_type_in_both_byte_orders(tmp_path, kind, order, big):
    values = values_of(kind)
    data = values.astype(f"{order}{kind}").tobytes()
    write_tiff(
        tmp_path / "a.tif", [data], [8 * int(kind[1])] * 3, 3 if kind[0] == "f" else 1, order=order, big=big
    )
    # single precision keeps 24 bits of a value up to 1
    torch.testing.assert_close(read_image(tmp_path / "a.tif"), as_display(values), rtol=0, atol=2**-23)


@pytest.mark.parametrize("how", [1, 8, 32946, 5, 32773])
@pytest.mark.parametrize("rows", [7, H])
@pytest.mark.parametrize("columns", [W, 32])  # 6 bytes times 35 are no whole number of four bytes
def test_strips_of_every_packing(tmp_path, how, rows, columns):
    values = values_of("u2")[:, :columns]
    strips = [pack(values[top : top + rows].tobytes(), how) for top in range(0, H, rows)]
    write_tiff(tmp_path / "a.tif", strips, [16] * 3, 1, t259=[how], t278=[rows], t256=[columns])
    torch.testing.assert_close(read_image(tmp_path / "a.tif"), as_display(values), rtol=0, atol=2**-23)


def floating_point_predictor(values: np.ndarray) -> np.ndarray:
    """As Adobe's technical note 3 says: the bytes of a row, most significant first, each plane after the other; then
    differences to the byte ``samples`` before."""
    rows = []
    for row in values:
        big = row.astype(row.dtype.newbyteorder(">")).reshape(-1, 1).view(np.uint8)
        planes = [int(byte) for plane in big.T for byte in plane]
        step = row.shape[1]
        rows.append([(byte - (planes[k - step] if k >= step else 0)) % 256 for k, byte in enumerate(planes)])
    return np.array(rows, np.uint8)


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_the_floating_point_predictor_is_that_of_another_writer(kind):
    codecs = pytest.importorskip("imagecodecs")
    values = values_of(kind, 1)
    theirs = codecs.floatpred_encode(values[..., 0], axis=-1, dist=1)
    assert theirs.tobytes() == floating_point_predictor(values).tobytes()


@pytest.mark.parametrize(
    ("kind", "predictor"), [("u2", 2), ("u4", 2), ("f4", 2), ("f2", 3), ("f4", 3), ("f8", 3)]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_predictors_are_undone(tmp_path, kind, predictor, order):
    values = values_of(kind)
    if predictor == 3:
        rows = floating_point_predictor(values)
    else:
        whole = values.view(kind.replace("f", "u"))
        rows = np.diff(whole, axis=1, prepend=whole[:, :1] * 0).astype(f"{order}{whole.dtype.str[1:]}")
    tags = {"t259": [8], "t317": [predictor]}
    strip = zlib.compress(np.ascontiguousarray(rows).tobytes())
    write_tiff(
        tmp_path / "a.tif", [strip], [8 * int(kind[1])] * 3, 3 if kind[0] == "f" else 1, order=order, **tags
    )
    torch.testing.assert_close(read_image(tmp_path / "a.tif"), as_display(values), rtol=0, atol=2**-23)


@pytest.mark.parametrize("is_planar", [False, True])
def test_tiles_and_planes(tmp_path, is_planar):
    values = values_of("u2", 4)
    padded = np.zeros((32, 48, 4), np.uint16)
    padded[:H, :W] = values
    planes = [padded[..., k : k + 1] for k in range(4)] if is_planar else [padded]
    tiles = [
        zlib.compress(plane[top : top + 16, left : left + 16].tobytes())
        for plane in planes
        for top in (0, 16)
        for left in (0, 16, 32)
    ]
    tags = {"t259": [8], "t322": [16], "t323": [16], "t284": [1 + is_planar], "t338": [2]}
    write_tiff(tmp_path / "a.tif", tiles, [16] * 4, 1, **tags)
    picture = read_picture(tmp_path / "a.tif")
    torch.testing.assert_close(picture.rgb, as_display(values[..., :3]), rtol=0, atol=2**-23)
    torch.testing.assert_close(picture.missing, 1 - as_display(values[..., 3]), rtol=0, atol=2**-23)
    assert picture.read_as == "TIFF, 16 bits"


def test_premultiplied_alpha_white_is_zero_and_orientation(tmp_path):
    values = np.full((H, W, 4), 30000, np.uint16)
    write_tiff(tmp_path / "a.tif", [values.tobytes()], [16] * 4, 1, t338=[1])
    assert float((read_image(tmp_path / "a.tif") - 1).abs().max()) < 1e-5
    gray = values_of("u2", 1)
    write_tiff(tmp_path / "b.tif", [gray.tobytes()], [16], 1, t262=[0], t274=[6])
    turned = 1 - as_display(gray).flip(0).transpose(0, 1)
    torch.testing.assert_close(read_image(tmp_path / "b.tif"), turned.expand(-1, -1, 3), rtol=0, atol=2**-22)


def test_floats_above_one_are_light(tmp_path):
    values = np.full((H, W, 3), 0.18, np.float32)
    values[0, 0], values[0, 1] = 900.0, np.nan
    write_tiff(tmp_path / "a.tif", [values.tobytes()], [32] * 3, 3)
    picture = read_picture(tmp_path / "a.tif")
    assert float(picture.rgb[5, 5, 0]) == pytest.approx(1.055 * 0.18 ** (1 / 2.4) - 0.055, abs=1e-6)
    assert picture.rgb[0, :2, 0].tolist() == pytest.approx([1, 0])
    assert "light tone-mapped at +0 stops (exposure changes it)" in picture.read_as
    kept = read_picture(tmp_path / "a.tif", floats="display values")
    assert float(kept.rgb[5, 5, 0]) == pytest.approx(0.18)
    assert "values used as they are (float_values changes it)" in kept.read_as


@pytest.mark.parametrize(
    ("bits", "kind", "tags", "match"),
    [
        (
            [16] * 3,
            1,
            {"t259": [7]},
            r"TIFF compression JPEG is not read with more than 8 bits\. Save it as 16-bit RGB",
        ),
        ([16] * 3, 1, {"t259": [34677]}, "TIFF compression LogLuv"),
        ([16] * 4, 1, {"t262": [5]}, "a TIFF of 16 bits with CMYK is not read"),
        ([16] * 3, 1, {"t262": [8]}, "a TIFF of 16 bits with Lab is not read"),
        ([24] * 3, 3, {}, "a TIFF of 24-bit float samples is not read"),
        ([12] * 3, 1, {}, "a TIFF of 12-bit integer samples is not read"),
        ([16, 16, 32], 1, {}, "a TIFF of 16/32-bit integer samples is not read"),
        ([16] * 3, 1, {"t317": [9]}, "TIFF predictor 9 is not read"),
        (
            [16] * 3,
            1,
            {"t256": [60000], "t257": [30000]},
            "too large to read; 1,800,000,000 pixels, at most 178,956,970",
        ),
        ([16] * 3, 1, {"t278": [1]}, "damaged; 1 strips of 20 are listed"),
        ([16] * 3, 1, {"t257": [0]}, "damaged; it has no pixels"),
        ([16] * 3, 1, {"t259": [8]}, "damaged or truncated"),
        ([16] * 3, 1, {"t259": [5]}, "damaged or truncated"),
        (
            [16] * 3,
            1,
            {"t257": [H + 1], "t278": [H + 1]},
            "damaged or truncated; a strip holds too few bytes",
        ),
        ([16] * 3, 1, {"t322": [2**31], "t323": [16]}, "damaged; its tiles are"),
    ],
)
def test_what_is_not_read_is_named(tmp_path, bits, kind, tags, match):
    write_tiff(tmp_path / "a.tif", [bytes(H * W * 6)], bits, kind, **tags)
    with pytest.raises(FormatError, match=rf"^a\.tif: {match}"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("length", [2, 5, 9, 40, 200, 1000])
def test_cut_off_files_are_named(tmp_path, length):
    write_tiff(tmp_path / "a.tif", [values_of("u2").tobytes()], [16] * 3, 1)
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:length])
    with pytest.raises(FormatError, match=r"^a\.tif: (damaged|not a picture)"):
        read_image(tmp_path / "a.tif")
