"""Depth files: exact round trips, the right channel, and clear words about broken ones."""

from __future__ import annotations

import math
import struct
import sys
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from tiff_files import write_tiff

from matrix3d_core.depth.missing import mark_missing
from matrix3d_core.errors import BackendUnavailable, FormatError, InvalidInput
from matrix3d_core.io.depth_files import load_depth, read_depth, write_depth

AWKWARD = torch.tensor([[1.5, math.inf, math.nan, -2.0], [0.0, 1e-30, 3e38, -math.inf]])


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".exr"])
def test_round_trip_keeps_every_value(tmp_path, suffix):
    if suffix == ".exr":
        pytest.importorskip("OpenEXR")
    path = tmp_path / f"depth{suffix}"
    write_depth(path, AWKWARD)
    torch.testing.assert_close(read_depth(path), AWKWARD, rtol=0, atol=0, equal_nan=True)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("names", [["other", "depth"], ["a", "depth_ray"], ["points", "depths"]])
def test_npz_takes_the_array_that_is_called_after_depth(tmp_path, names):
    arrays = {name: np.full((2, 4), float(k), np.float64) for k, name in enumerate(names)}
    np.savez(tmp_path / "d.npz", **arrays)
    assert float(read_depth(tmp_path / "d.npz")[0, 0]) == 1.0
    assert float(read_depth(tmp_path / "d.npz", channel=names[0])[0, 0]) == 0.0
    assert (
        load_depth(tmp_path / "d.npz").read_as
        == f"array {names[1]} of 2 arrays (depth_channel names another)"
    )


def test_npz_takes_the_only_map_and_asks_when_there_are_several(tmp_path):
    points, first = np.ones((2, 4, 3)), np.full((2, 4), 7.0)
    np.savez(tmp_path / "d.npz", points=points, first=first, intrinsics=np.float64(3))
    assert float(read_depth(tmp_path / "d.npz")[0, 0]) == 7.0
    np.savez(tmp_path / "d.npz", first=first, second=first)
    with pytest.raises(
        FormatError, match=r"^d\.npz: which array .* is not clear; found first, second\. Name it in"
    ):
        read_depth(tmp_path / "d.npz")
    assert float(read_depth(tmp_path / "d.npz", channel="second")[0, 0]) == 7.0
    with pytest.raises(FormatError, match="has no array called 'third'; found first, second"):
        read_depth(tmp_path / "d.npz", channel="third")


@pytest.mark.parametrize("shape", [(2, 4), (1, 2, 4), (2, 4, 1), (1, 1, 2, 4, 1)])
@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.uint16, ">f4"])
def test_npy_of_any_number_type_and_extra_ones(tmp_path, shape, dtype):
    np.save(tmp_path / "d.npy", np.arange(8).reshape(shape).astype(dtype))
    depth = read_depth(tmp_path / "d.npy")
    assert depth.dtype == torch.float32
    assert depth.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (np.zeros((2, 4, 3)), r"must hold one map \[H, W\]; got shape \[2, 4, 3\]"),
        (np.zeros(8), "must hold one map"),
        (np.zeros((0, 4)), "must hold one map"),
        (np.array([["a", "b"]]), "must hold numbers"),
        (np.zeros((2, 4), complex), "must hold numbers"),
        (np.zeros((2, 4), bool), "must hold numbers"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, match):
    np.save(tmp_path / "d.npy", array)
    with pytest.raises(FormatError, match=rf"^d\.npy: {match}"):
        read_depth(tmp_path / "d.npy")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pickled_objects_are_never_loaded(tmp_path, suffix):
    path = tmp_path / f"evil{suffix}"
    objects = np.array([[{"a": 1}]], dtype=object)
    np.save(path, objects, allow_pickle=True) if suffix == ".npy" else np.savez(path, depth=objects)
    with pytest.raises(
        FormatError, match=r"^evil\.np[yz]: not a readable NumPy file; it holds Python objects"
    ):
        read_depth(path)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".png", ".exr"])
@pytest.mark.parametrize("content", [b"", b"not at all", b"\x93NUMPY\x01\x00", b"PK\x03\x04 broken"])
def test_broken_files_are_named(tmp_path, suffix, content):
    if suffix == ".exr":
        pytest.importorskip("OpenEXR")
    (tmp_path / f"d{suffix}").write_bytes(content)
    with pytest.raises(FormatError, match=rf"^d\{suffix}: "):
        read_depth(tmp_path / f"d{suffix}")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".exr"])
def test_cut_off_files_are_named(tmp_path, suffix):
    if suffix == ".exr":
        pytest.importorskip("OpenEXR")
    path = tmp_path / f"d{suffix}"
    write_depth(path, torch.rand(32, 64, generator=torch.Generator().manual_seed(0)))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(FormatError, match=rf"^d\{suffix}: "):
        read_depth(path)


def test_sixteen_bit_png_is_scaled(tmp_path):
    values = np.array([[0, 1, 1000, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "d.png")
    torch.testing.assert_close(read_depth(tmp_path / "d.png"), torch.tensor([[0, 0.001, 1.0, 65.535]]))
    assert read_depth(tmp_path / "d.png", png_scale=2.0).tolist() == [[0, 2, 2000, 131070]]
    for scale in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InvalidInput, match="png_scale must be positive"):
            read_depth(tmp_path / "d.png", png_scale=scale)


def test_eight_bit_png_is_refused(tmp_path):
    Image.new("RGB", (8, 4)).save(tmp_path / "d.png")
    with pytest.raises(FormatError, match=r"^d\.png: a depth PNG must be 16-bit gray; got mode RGB"):
        read_depth(tmp_path / "d.png")


@pytest.mark.parametrize("order", ["<", ">"])
def test_pfm_rows_begin_at_the_bottom_and_the_sign_of_the_scale_is_the_byte_order(tmp_path, order):
    rows = AWKWARD.numpy()[::-1].astype(f"{order}f4").tobytes()
    (tmp_path / "d.pfm").write_bytes(b"Pf\n4 2\n%s\n" % (b"-1.0" if order == "<" else b"2.5") + rows)
    found = load_depth(tmp_path / "d.pfm")
    torch.testing.assert_close(found.depth_ray, AWKWARD, rtol=0, atol=0, equal_nan=True)
    assert found.read_as == f"floats of a PFM, its scale {'-1' if order == '<' else '2.5'} not applied"


@pytest.mark.parametrize("suffix", [".tif", ".tiff"])
def test_float_tiff_as_pillow_writes_it(tmp_path, suffix):
    Image.fromarray(AWKWARD.numpy()).save(tmp_path / f"d{suffix}")
    found = load_depth(tmp_path / f"d{suffix}")
    torch.testing.assert_close(found.depth_ray, AWKWARD, rtol=0, atol=0, equal_nan=True)
    assert found.read_as == "32-bit floats of a TIFF"


@pytest.mark.parametrize("suffix", [".tif", ".pfm"])
def test_what_float_maps_lack_is_marked_as_in_any_other_file(tmp_path, suffix):
    values = np.linspace(1, 9, 32, dtype=np.float32).reshape(4, 8)
    values[0, 0], values[1, 1], values[2, 2:5] = np.nan, -1, 65504
    if suffix == ".tif":
        Image.fromarray(values).save(tmp_path / "d.tif")
    else:
        (tmp_path / "d.pfm").write_bytes(b"Pf\n8 4\n-1\n" + values[::-1].tobytes())
    marked, _ = mark_missing(read_depth(tmp_path / f"d{suffix}"), missing=[-1])
    assert marked.isnan().nonzero().tolist() == [[0, 0], [1, 1]]
    assert marked.isinf().nonzero().tolist() == [[2, 2], [2, 3], [2, 4]]


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("d.pfm", b"PF\n1 1\n-1\n" + bytes(12), r"a depth PFM must hold one channel \(Pf\); got"),
        ("d.pfm", b"Pf\n60000 30000\n-1\n", "too large to read; 1,800,000,000 pixels"),
        (
            "d.pfm",
            b"Pf\n4 2\n-1\n" + bytes(31),
            "damaged or truncated; 4x2 floats need more than its 31 bytes",
        ),
        ("d.pfm", b"Pf\n4 2\n0\n" + bytes(32), "damaged; 4x2 pixels with scale 0"),
        ("d.tif", b"Pf\n4 2\n0\n" + bytes(32), "not a TIFF"),
    ],
)
def test_other_float_maps_are_refused(tmp_path, name, data, match):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FormatError, match=rf"^{name}: {match}"):
        read_depth(tmp_path / name)


def test_tiffs_that_hold_no_floats_or_several_channels_are_refused(tmp_path):
    path, whole = tmp_path / "d.tif", "must hold one channel of floats; got"
    Image.new("RGB", (4, 2)).save(path)
    with pytest.raises(FormatError, match=rf"^d\.tif: a depth TIFF {whole} 8 bits or fewer"):
        read_depth(path)
    Image.fromarray(np.ones((2, 4), np.uint16)).save(path)
    with pytest.raises(FormatError, match=rf"{whole} 1 channels of uint16"):
        read_depth(path)
    for channels, meaning in ((3, 2), (2, 1)):
        write_tiff(path, [bytes(32 * channels)], [32] * channels, 3, size=(2, 4), t262=[meaning])
        with pytest.raises(FormatError, match=rf"{whole} {channels} channels of float32"):
            read_depth(path)


@pytest.mark.parametrize("names", [["Z"], ["Y"], ["A", "Z"], ["depth.V"], ["layer.Z", "layer.R"], ["any"]])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_exr_channels_by_name(tmp_path, names, dtype):
    openexr = pytest.importorskip("OpenEXR")
    wanted = next((n for n in names if n.split(".")[-1] in ("Z", "Y", "R", "V")), names[0])
    channels = {name: np.full((4, 8), 7.0 if name == wanted else 1.0, dtype) for name in names}
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    with openexr.File(header, channels) as file:
        file.write(str(tmp_path / "d.exr"))
    assert torch.equal(read_depth(tmp_path / "d.exr"), torch.full((4, 8), 7.0))


def test_exr_without_a_depth_channel_lists_what_it_has(tmp_path):
    openexr = pytest.importorskip("OpenEXR")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    with openexr.File(header, {"G": np.ones((2, 4), np.float32), "B": np.ones((2, 4), np.float32)}) as file:
        file.write(str(tmp_path / "d.exr"))
    with pytest.raises(
        FormatError, match=r"^d\.exr: has no channel that is certainly a .*; found B, G\. Name"
    ):
        read_depth(tmp_path / "d.exr")


def write_exr(path, parts):
    openexr = pytest.importorskip("OpenEXR")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    if len(parts) == 1:
        with openexr.File(header, next(iter(parts.values()))) as file:
            file.write(str(path))
        return
    with openexr.File(
        [openexr.Part(dict(header), channels, name) for name, channels in parts.items()]
    ) as file:
        file.write(str(path))


def test_exr_looks_into_every_part(tmp_path):
    flat = np.full((2, 4), 0.5, np.float32)
    beauty = {"R": flat, "G": flat, "B": flat}
    write_exr(
        tmp_path / "d.exr",
        {"beauty": beauty, "depth": {"Z": flat * 8}, "N": {"X": flat, "Y": flat, "Z": flat}},
    )
    found = load_depth(tmp_path / "d.exr")
    assert torch.equal(found.depth_ray, torch.full((2, 4), 4.0))
    assert found.read_as == "channel depth.Z of 7 channels (depth_channel names another)"
    assert float(read_depth(tmp_path / "d.exr", channel="n.x").mean()) == 0.5
    with pytest.raises(FormatError, match=r"several channels are called 'n'; found N\.X, N\.Y, N\.Z"):
        read_depth(tmp_path / "d.exr", channel="N")


def test_a_color_exr_is_no_depth_file_but_three_equal_channels_are(tmp_path):
    values = np.arange(8, dtype=np.float32).reshape(2, 4)
    values[0, 1] = np.nan
    write_exr(tmp_path / "d.exr", {"": {"R": values, "G": values, "B": values}})
    assert read_depth(tmp_path / "d.exr").nan_to_num().tolist() == [[0, 0, 2, 3], [4, 5, 6, 7]]
    write_exr(tmp_path / "d.exr", {"": {"R": values, "G": values, "B": values + 1}})
    with pytest.raises(FormatError, match=r"^d\.exr: is a color picture, its R, G and B differ"):
        read_depth(tmp_path / "d.exr")


def test_exr_data_window_is_placed_in_the_display_window(tmp_path):
    openexr = pytest.importorskip("OpenEXR")
    corners = lambda *xy: tuple(np.array(c, np.int32) for c in (xy[:2], xy[2:]))  # noqa: E731
    header = {
        "dataWindow": corners(2, 1, 4, 2),
        "displayWindow": corners(0, 0, 7, 3),
        "type": openexr.scanlineimage,
    }
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    with openexr.File(header, {"Z": values}) as file:
        file.write(str(tmp_path / "d.exr"))
    depth = read_depth(tmp_path / "d.exr")
    assert depth.shape == (4, 8)
    assert depth[1:3, 2:5].tolist() == values.tolist()
    assert int(torch.isnan(depth).sum()) == 26


def npy_header(shape, dtype="<f4", length=None):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) if length is None else length) + text


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize(
    ("shape", "match"),
    [
        ("(16384, 32768)", "too large to read; 536,870,912 pixels, at most 178,956,970"),
        ("(9000, 18000)", "damaged or truncated; .* need more than its"),
        ("(1000000000000, 1000000000000)", "too large to read"),
        ("(-1, 8)", "(damaged|not a readable|must hold)"),
        ("(" + "9" * 5000 + ", 2)", "(too large|not a readable)"),
        ("(" + "(" * 900 + ")" * 900 + ", 2)", "not a readable NumPy file"),
    ],
)
def test_absurd_headers_are_refused_before_memory_is_taken(tmp_path, suffix, shape, match):
    data = npy_header(shape)
    path = tmp_path / f"d{suffix}"
    if suffix == ".npy":
        path.write_bytes(data)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("depth.npy", data)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=rf"^d\{suffix}: {match}"):
            read_depth(path)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_a_small_archive_that_inflates_to_gigabytes_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("depth.npy", "w", force_zip64=True) as member:
            member.write(npy_header("(16384, 32768)"))
            for _ in range(64):  # of 2 GB, enough to see that nothing of it is read
                member.write(bytes(1 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=r"^d\.npz: too large to read; 536,870,912 pixels"):
            read_depth(tmp_path / "d.npz")
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_an_absurd_exr_window_is_refused_from_its_header(tmp_path):
    write_exr(tmp_path / "d.exr", {"": {"Z": np.ones((2, 4), np.float32)}})
    data = (tmp_path / "d.exr").read_bytes()
    window = struct.pack("<4i", 0, 0, 3, 1)
    assert data.count(window) == 2
    (tmp_path / "d.exr").write_bytes(data.replace(window, struct.pack("<4i", 0, 0, 59999, 29999)))
    with pytest.raises(FormatError, match=r"^d\.exr: (too large to read; 1,800,000,000 pixels|damaged EXR)"):
        read_depth(tmp_path / "d.exr")


def test_a_png_of_absurd_size_is_refused_from_its_header(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # as other packs of a host set it
    header = b"IHDR" + struct.pack(">IIBBBBB", 60000, 30000, 16, 0, 0, 0, 0)
    chunks = [header, b"IDAT", b"IEND"]
    packed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    (tmp_path / "d.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    with pytest.raises(
        FormatError, match=r"^d\.png: too large to read; 1,800,000,000 pixels, at most 178,956,970"
    ):
        read_depth(tmp_path / "d.png")


def test_values_beyond_single_precision_become_infinite(tmp_path):
    np.save(tmp_path / "d.npy", np.array([[1e300, 1.0]]))
    assert read_depth(tmp_path / "d.npy").tolist() == [[math.inf, 1.0]]


def test_exr_without_the_package_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    (tmp_path / "d.exr").write_bytes(b"\x76\x2f\x31\x01")
    for work in (
        lambda: read_depth(tmp_path / "d.exr"),
        lambda: write_depth(tmp_path / "e.exr", torch.ones(2, 4)),
    ):
        with pytest.raises(BackendUnavailable, match="pip install OpenEXR"):
            work()


def test_wrong_arguments_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="must end in"):
        read_depth(tmp_path / "d.txt")
    with pytest.raises(InvalidInput, match="must be written as"):
        write_depth(tmp_path / "d.tif", torch.ones(2, 4))
    with pytest.raises(InvalidInput, match="must have shape"):
        write_depth(tmp_path / "d.npy", torch.ones(1, 2, 4))
    with pytest.raises(FileNotFoundError):
        read_depth(tmp_path / "none.npy")
