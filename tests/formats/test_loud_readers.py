"""Every reader refuses the same ways: cut short, another format's bytes, a newer version, absurd counts, NaN."""

from __future__ import annotations

import contextlib
import io
import math
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from splat_scenes import random_gaussians

from matrix3d_core.errors import FormatError
from matrix3d_core.io.splats import SPLAT_FORMATS, read_gaussians, write_gaussians

COUNT = 40


def file_of(kind, **options):
    file = io.BytesIO()
    write_gaussians(file, random_gaussians(COUNT, 4), kind=kind, **options)
    return file.getvalue()


FILES = {kind: file_of(kind) for kind in SPLAT_FORMATS}


def regzip(change):
    """An SPZ 3 with its unpacked bytes changed."""
    data = bytearray(zlib.decompress(FILES["spz"], 31))
    change(data)
    packer = zlib.compressobj(wbits=31)
    return packer.compress(bytes(data)) + packer.flush()


def put(data, offset, layout, *values):
    data[offset : offset + struct.calcsize(layout)] = struct.pack(layout, *values)


def with_bytes(kind, offset, layout, *values):
    data = bytearray(FILES[kind])
    put(data, offset, layout, *values)
    return bytes(data)


def spz4_with(offset, layout, *values):
    pytest.importorskip("zstandard")
    data = bytearray(file_of("spz", spz_version=4))
    put(data, offset, layout, *values)
    return bytes(data)


def refused(kind, data):
    with pytest.raises(FormatError, match=r"^stream: ") as error:
        read_gaussians(io.BytesIO(data), kind=kind)
    return str(error.value)


@pytest.mark.parametrize("kind", SPLAT_FORMATS)
def test_cut_anywhere(kind):
    data = FILES[kind]
    record = 32 if kind == "splat" else 0  # has no header: a whole number of records is a whole file
    for length in {0, 1, 3, 10, 17, len(data) // 3, len(data) // 2, len(data) - 5, len(data) - 1}:
        if record and length and length % record == 0:
            continue
        refused(kind, data[:length])


@pytest.mark.parametrize("kind", SPLAT_FORMATS)
@pytest.mark.parametrize("other", [*SPLAT_FORMATS, "text", "zeros"])
def test_bytes_of_another_format(kind, other):
    data = {"text": b"hello, world. " * 500, "zeros": bytes(6001)}.get(other) or FILES[other]
    if other == kind or (kind == "splat" and len(data) % 32 == 0):
        return
    refused(kind, data)


ABSURD = {
    "ply": lambda: FILES["ply"].replace(b"vertex 40", b"vertex 4000000000"),
    "spz": lambda: regzip(lambda data: put(data, 8, "<I", 250_000_000)),
    "spz 4": lambda: spz4_with(8, "<I", 250_000_000),
    "ksplat": lambda: with_bytes("ksplat", 4096, "<II", 1 << 31, 1 << 31),
    "ksplat sections": lambda: with_bytes("ksplat", 4, "<I", 0xFFFFFFFF),
    "sog": lambda: FILES["sog"].replace(b'"count": 40', b'"count": 4e9'),
    "glb": lambda: FILES["glb"].replace(b'"count":40', b'"count":9_9'.replace(b"_", b"9")),
}


@pytest.mark.parametrize("name", list(ABSURD))
def test_absurd_counts_take_no_memory(name):
    data = ABSURD[name]()
    tracemalloc.start()
    try:
        refused(name.split()[0], data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.parametrize(
    ("kind", "make", "message"),
    [
        ("spz", lambda: regzip(lambda data: put(data, 4, "<I", 5)), "SPZ version must be 1 to 4; got 5"),
        ("spz", lambda: spz4_with(4, "<I", 5), "SPZ version must be 1 to 4; got 5"),
        ("ksplat", lambda: with_bytes("ksplat", 0, "<BB", 1, 0), "version must be 0.1; got 1.0"),
        ("glb", lambda: with_bytes("glb", 4, "<I", 3), "GLB version must be 2; got 3"),
        ("ply", lambda: FILES["ply"].replace(b"little_endian 1.0", b"little_endian 2.0"), "PLY version must be 1.0"),
    ],
)  # fmt: skip
def test_newer_versions(kind, make, message):
    assert message in refused(kind, make())


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("kind", ["ply", "splat", "ksplat", "glb"])  # the others hold no floats
def test_values_that_are_no_numbers(kind, value):
    first = {"ply": FILES["ply"].find(b"end_header") + 11, "splat": 0, "ksplat": 5120}.get(kind)
    if first is None:
        first = 28 + struct.unpack_from("<I", FILES["glb"], 12)[0]
    data = with_bytes(kind, first, "<f", value)
    assert "1 of 40 Gaussians hold NaN, infinity" in refused(kind, data)
    assert len(read_gaussians(io.BytesIO(data), kind=kind, drop_invalid=True)) == COUNT - 1


@pytest.mark.parametrize("name", ["ply", "spz", "spz 4"])
def test_damage_anywhere_ends_in_words(name):
    """Flip and cut everywhere: a reader returns finite Gaussians or raises FormatError, nothing else.

    The other formats: see test_splat_formats.
    """
    if name == "spz 4":
        pytest.importorskip("zstandard")
    data = file_of("spz", spz_version=4) if name == "spz 4" else FILES[name]
    rng = np.random.default_rng(0)
    for trial in range(200):
        damaged = bytearray(data)
        reach = len(data) if trial % 2 else min(64, len(data))  # headers are short, and decide the most
        for place in rng.integers(0, reach, 3):
            damaged[place] ^= 1 << rng.integers(8)
        if rng.random() < 0.3:
            del damaged[rng.integers(len(data)) :]
        with contextlib.suppress(FormatError):
            read_gaussians(io.BytesIO(bytes(damaged)), kind=name.split()[0]).check_finite()
