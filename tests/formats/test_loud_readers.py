"""Every reader refuses the same ways: truncated, another format's bytes, a newer version, absurd counts, NaN."""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
import struct
import tracemalloc
import warnings
import zipfile
import zlib

import numpy as np
import pytest
import torch
from splat_scenes import random_gaussians

from matrix3d_core.errors import FormatError
from matrix3d_core.io.splats import SPLAT_FORMATS, load_gaussians, read_gaussians, write_gaussians

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
    data = bytearray(file_of("spz 4"))
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


# Budgets: what small files unpack to ---------------------------------------------------------------------


def spz_of(count, degree=0):
    """An SPZ of equal Gaussians, which packs a thousandfold."""
    packer = zlib.compressobj(wbits=31)
    header = struct.pack("<IIIBBBB", 0x5053474E, 3, count, degree, 12, 0, 0)
    body = b"".join(bytes(count * size) for size in (9, 1, 3, 3, 4, 3 * (degree + 1) ** 2 - 3))
    return packer.compress(header + body) + packer.flush()


def glb_with(change):
    """Our GLB with its JSON changed."""
    data = FILES["glb"]
    size = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + size])
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + size :]
    return (
        struct.pack("<IIIII", 0x46546C67, 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A) + text + rest
    )


def glb_of_nodes(*nodes):
    return glb_with(
        lambda document: document.update(nodes=list(nodes), scenes=[{"nodes": list(range(len(nodes)))}])
    )


def sog_with(**members):
    file = io.BytesIO(FILES["sog"])
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as bundle, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a second member of a name; the last one counts
        for name, content in members.items():
            bundle.writestr(name.replace("_webp", ".webp"), content)
    return file.getvalue()


def png(width, height):
    """A PNG's head: what a picture says of itself before anything is unpacked."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = struct.pack(">II", 0, zlib.crc32(b"IDAT"))
    head = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + head + data[:4] + b"IDAT" + data[4:]


HUGE = {
    "spz": (
        lambda: spz_of(1_500_000),
        r"1,500,000 Gaussians, at most 1,000,000\. .* set max_splats to read it",
    ),
    "glb repeats": (
        lambda: glb_of_nodes(*[{"mesh": 0}] * 20_000, *[{"mesh": 0}] * 6000),
        r"26,000 nodes, at most 20,000\. Join them",
    ),
    "glb shared": (
        lambda: glb_with(
            lambda d: [
                d.update(nodes=[{"mesh": 0}] * 15_000, scenes=[{"nodes": list(range(15_000))}]),
                d["meshes"].__setitem__(0, {"primitives": d["meshes"][0]["primitives"] * 2}),
            ]
        ),
        r"20,001 instances of Gaussians, at most 20,000|1,200,000 Gaussians, at most 1,000,000",
    ),
    "glb gaussians": (
        lambda: glb_with(
            lambda d: d.update(
                nodes=[{"mesh": 0}] * 5000,
                scenes=[{"nodes": list(range(5000))}],
                accessors=[a | {"count": 2000} for a in d["accessors"]],
            )
        ),
        r"10,000,000 Gaussians, at most 1,000,000\. It has",
    ),
    "glb empty": (lambda: glb_of_nodes(*[{}] * 60_000), r"60,000 nodes, at most 20,000"),
    "sog member": (
        lambda: sog_with(means_l_webp=bytes(200_000_000)),
        r"200,000,000 bytes in means_l\.webp, at most 1,",
    ),
    "sog picture": (
        lambda: sog_with(quats_webp=png(60_000, 60_000)),
        r"quats\.webp is not a picture \(Image size",
    ),
    "sog pixels": (
        lambda: sog_with(quats_webp=png(9_000, 9_000)),
        r"must have about 40 pixels; got 9000x9000",
    ),
    "sog members": (
        lambda: sog_with(**{f"a{i}": b"" for i in range(1500)}),
        r"members, at most 1,000\. A SOG has",
    ),
}


@pytest.mark.parametrize("name", list(HUGE))
def test_small_files_that_ask_for_much_take_no_memory(name):
    make, message = HUGE[name]
    data = make()
    assert len(data) < 2e6
    tracemalloc.start()
    try:
        said = refused(name.split()[0], data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert re.search(message, said), said
    assert peak < 60e6  # of JSON; none of what they ask for, 80 MB and more


def test_a_larger_budget_can_be_asked_for():
    data = spz_of(1_200_000)
    assert len(read_gaussians(io.BytesIO(data), kind="spz", most=1_200_000)) == 1_200_000
    with pytest.raises(
        FormatError, match=r"1,200,000 Gaussians, at most 1,100,000\. Raise max_splats to read it\."
    ):
        read_gaussians(io.BytesIO(data), kind="spz", most=1_100_000)
    nodes = [{"mesh": 0}] * 3
    assert len(read_gaussians(io.BytesIO(glb_of_nodes(*nodes)), kind="glb", most=120)) == 120
    with pytest.raises(FormatError, match="120 Gaussians, at most 100"):
        read_gaussians(io.BytesIO(glb_of_nodes(*nodes)), kind="glb", most=100)


@pytest.mark.parametrize("kind", [*SPLAT_FORMATS, "compressed ply"])
def test_reading_takes_at_most_twice_the_memory_of_the_result(kind, tmp_path):
    count = 200_000
    path = tmp_path / f"world.{kind.split()[-1]}"
    if kind == "compressed ply":
        path.write_bytes(compressed_ply(count))
    else:
        world = random_gaussians(count, 4)
        write_gaussians(path, world)
    read_gaussians(path)  # compiled kernels and tables are there now
    tracemalloc.start()
    try:
        back = read_gaussians(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    result = sum(values.numel() * 4 for values in back.tensors())
    # A few pieces of some 16,000 rows are in hand besides.
    assert peak < 2 * result + 12e6
    if kind in ("ply", "splat", "ksplat", "glb"):
        assert peak < 4 * path.stat().st_size + 12e6


def compressed_ply(count):
    """A compressed PLY without harmonics: all chunks from -1 to 1."""
    ends = [f"{end}_{prefix}{axis}" for end in ("min", "max") for prefix in ("", "scale_") for axis in "xyz"]
    chunks = -(-count // 256)
    head = [
        "ply",
        "format binary_little_endian 1.0",
        f"element chunk {chunks}",
        *(f"property float {e}" for e in ends),
    ]
    head += [f"element vertex {count}"]
    head += [f"property uint packed_{name}" for name in ("position", "rotation", "scale", "color")]
    values = np.where([end.startswith("min") for end in ends], -1, 1).astype("<f4")
    words = np.random.default_rng(0).integers(0, 1 << 32, (count, 4), dtype=np.uint32)
    return "\n".join([*head, "end_header", ""]).encode() + np.tile(values, chunks).tobytes() + words.tobytes()


# Values that break the contract, after the last change to them -----------------------------------------------


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"scale": [1e200, 1e200, 1e200]}, "a node moves or scales its Gaussians beyond 1e+09 units"),
        ({"translation": [0, 1e10, 0]}, "a node moves or scales its Gaussians beyond 1e+09 units"),
        ({"scale": [0, 0, 0]}, "a node scales its Gaussians non-uniformly"),
        ({"scale": [1e-30, 1e-30, 1e-30]}, "a node scales its Gaussians non-uniformly"),
        ({"translation": [0, "a", 0]}, "its JSON is not valid glTF"),
        ({"matrix": [1, 0]}, "its JSON is not valid glTF"),
        ({"scale": [1e8, 1e8, 1e8]}, "a position beyond 1e+09 units"),  # 40 units away in its own frame
        ({"children": [0]}, "its nodes form a loop"),
    ],
)
def test_nodes_that_lead_nowhere(node, message):
    assert message in refused("glb", glb_of_nodes({"mesh": 0} | node))


def test_nodes_are_applied_in_their_order():
    above = {"translation": [1.0, 0, 0], "scale": [2.0, 2.0, 2.0], "children": [1]}
    nodes = [above, {"mesh": 0, "translation": [0, 1.0, 0]}]
    data = glb_with(lambda document: document.update(nodes=nodes, scenes=[{"nodes": [0]}]))
    back = read_gaussians(io.BytesIO(data), kind="glb", axes="RDF")
    stored = read_gaussians(io.BytesIO(FILES["glb"]), kind="glb", axes="RDF")
    torch.testing.assert_close(back.means, stored.means * 2 + torch.tensor([1.0, 2.0, 0.0]))
    torch.testing.assert_close(back.scales, stored.scales * 2)


@pytest.mark.parametrize(
    ("kind", "place", "value", "message"),
    [
        ("ksplat", 5120 + 12, -0.1, "hold a negative scale"),
        ("ksplat", 5120 + 12, 2e16, "hold a scale above 1e+09 units"),
        ("ksplat", 5120, 1e20, "hold a position beyond 1e+09 units"),
        ("splat", 12, 2e16, "hold a scale above 1e+09 units"),
        ("splat", 12, -1.0, "holds negative scales"),
        ("ply", FILES["ply"].find(b"end_header") + 11, -1e15, "hold a position beyond 1e+09 units"),
    ],
)
def test_absurd_sizes_are_refused(kind, place, value, message):
    assert message in refused(kind, with_bytes(kind, place, "<f", value))


# JSON inside --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", [b"1" * 400, b"Infinity", b"NaN", b"1e999", b"[" * 5000, b'"\\ud800"', b"{"])
def test_json_that_no_float_can_hold(word):
    data = FILES["glb"]
    size = struct.unpack_from("<I", data, 12)[0]
    text = data[20 : 20 + size].rstrip().replace(b'"byteOffset":0', b'"byteOffset":' + word, 1)
    text += b" " * (-len(text) % 4)
    rest = data[20 + size :]
    head = struct.pack("<IIIII", 0x46546C67, 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A)
    assert refused("glb", head + text + rest).startswith("stream: its JSON: ")
    with zipfile.ZipFile(io.BytesIO(FILES["sog"])) as bundle:
        meta = bundle.read("meta.json").replace(b'"count": 40', b'"count": ' + word, 1)
    assert refused("sog", sog_with(**{"meta.json": meta})).startswith("stream: meta.json: ")


def test_tables_of_a_sog_that_begin_with_null():
    with zipfile.ZipFile(io.BytesIO(FILES["sog"])) as bundle:
        meta = json.loads(bundle.read("meta.json"))
    right = {key: list(meta[key]["codebook"]) for key in ("scales", "sh0", "shN")}
    for table in right.values():  # the engine's rule: as if the table were evenly spaced
        table[0] = table[1] + (table[1] - table[255]) / 255

    def read(tables):
        changed = meta | {key: meta[key] | {"codebook": table} for key, table in tables.items()}
        return load_gaussians(io.BytesIO(sog_with(**{"meta.json": json.dumps(changed)})), kind="sog")

    wanted, said = read(right)
    assert "repaired" not in said
    got, said = read({key: [None, *table[1:]] for key, table in right.items()})
    assert all(torch.equal(a, b) for a, b in zip(got.tensors(), wanted.tensors(), strict=True))
    assert said["repaired"].count("begins with null") == 3
    with pytest.raises(FormatError, match=r"scales.codebook of meta.json must be 256 numbers; 2 are not"):
        read({"scales": [None, None, *right["scales"][2:]]})


@pytest.mark.parametrize(
    ("model", "start"), [("antialiased", "yes"), ("default", "no"), (None, "not stated")]
)
def test_flags_against_aliasing_are_said(model, start):
    with zipfile.ZipFile(io.BytesIO(FILES["sog"])) as bundle:
        meta = json.loads(bundle.read("meta.json")) | ({"model": model} if model else {})
    data = sog_with(**{"meta.json": json.dumps(meta)})
    assert load_gaussians(io.BytesIO(data), kind="sog")[1]["antialiased"].startswith(start)
    flagged = regzip(lambda data: put(data, 14, "B", 1 if model == "antialiased" else 0))
    said = load_gaussians(io.BytesIO(flagged), kind="spz")[1]["antialiased"]
    assert said.startswith("yes" if model == "antialiased" else "no")


@pytest.mark.parametrize("version", [3, 4])
def test_spz_of_degree_4_is_reduced(version):
    """Bands lie coefficient by coefficient, three channels each: 72 bytes a Gaussian, of which 45 are kept."""
    blocks = [bytes(9 * 5), b"\x80" * 5, b"\x80" * 15, b"\x80" * 15, b"\0\0\0\xc0" * 5]
    blocks.append(bytes(range(72)) * 5)
    if version == 3:
        packer = zlib.compressobj(wbits=31)
        head = struct.pack("<IIIBBBB", 0x5053474E, 3, 5, 4, 12, 0, 0)
        data = packer.compress(head + b"".join(blocks)) + packer.flush()
    else:
        zstandard = pytest.importorskip("zstandard")
        streams = [zstandard.ZstdCompressor().compress(block) for block in blocks]
        data = struct.pack("<IIIBBBBI12x", 0x5053474E, 4, 5, 4, 12, 0, 6, 32)
        data += b"".join(struct.pack("<QQ", len(s), len(b)) for s, b in zip(streams, blocks, strict=True))
        data += b"".join(streams)
    world, said = load_gaussians(io.BytesIO(data), kind="spz")
    assert said["sh_degree"] == "degree 4 in the file; the last band is dropped. 3 here."
    stored = torch.arange(45.0).reshape(15, 3)
    torch.testing.assert_close(world.sh[3, 1:], (stored - 128) / 128)


@pytest.mark.parametrize(
    ("kind", "make", "message"),
    [
        ("spz", lambda: regzip(lambda data: put(data, 4, "<I", 5)), "SPZ version must be 1 to 4; got 5"),
        ("spz", lambda: spz4_with(4, "<I", 5), "SPZ version must be 1 to 4; got 5"),
        ("ksplat", lambda: with_bytes("ksplat", 0, "<BB", 1, 0), "version must be 0.1; got 1.0"),
        ("glb", lambda: with_bytes("glb", 4, "<I", 3), "GLB version must be 2; got 3"),
        (
            "ply",
            lambda: FILES["ply"].replace(b"little_endian 1.0", b"little_endian 2.0"),
            "PLY version must be 1.0",
        ),
    ],
)
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
    data = file_of("spz 4") if name == "spz 4" else FILES[name]
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
