"""Depth files: exact round trips, the right channel, and clear words about broken ones."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from matrix3d_core.errors import BackendUnavailable, FormatError, InvalidInput
from matrix3d_core.io.depth_files import read_depth, write_depth

AWKWARD = torch.tensor([[1.5, math.inf, math.nan, -2.0], [0.0, 1e-30, 3e38, -math.inf]])


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".exr"])
def test_round_trip_keeps_every_value(tmp_path, suffix):
    if suffix == ".exr":
        pytest.importorskip("OpenEXR")
    path = tmp_path / f"depth{suffix}"
    write_depth(path, AWKWARD)
    torch.testing.assert_close(read_depth(path), AWKWARD, rtol=0, atol=0, equal_nan=True)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("names", [["other", "depth"], ["a", "depth_ray"], ["first", "second"]])
def test_npz_takes_the_named_or_the_first_array(tmp_path, names):
    arrays = {name: np.full((2, 4), float(k), np.float64) for k, name in enumerate(names)}
    np.savez(tmp_path / "d.npz", **arrays)
    wanted = 0.0 if names[0] == "first" else 1.0
    assert float(read_depth(tmp_path / "d.npz")[0, 0]) == wanted


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
    with pytest.raises(FormatError, match=r"^d\.png: a depth PNG must be 16-bit grey; got mode RGB"):
        read_depth(tmp_path / "d.png")


@pytest.mark.parametrize(
    "names", [["Z"], ["Y"], ["R", "G", "B"], ["A", "Z"], ["depth.V"], ["layer.Z", "layer.R"], ["any"]]
)
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
    with pytest.raises(FormatError, match=r"^d\.exr: has no channel called .*; found B, G"):
        read_depth(tmp_path / "d.exr")


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
