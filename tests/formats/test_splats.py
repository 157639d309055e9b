"""Choosing formats and axes: suffixes, first bytes, tags, sidecars; PLY variants; SPZ 4."""

from __future__ import annotations

import io
import math
import struct

import numpy as np
import pytest
import torch
from splat_scenes import random_gaussians

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.axes import NAMED_AXES, change_axes
from matrix3d_core.io.findings import Findings
from matrix3d_core.io.ply import read_ply, write_ply
from matrix3d_core.io.splats import SAVE_FORMATS, SPLAT_FORMATS, read_gaussians, usual_axes, write_gaussians
from matrix3d_core.io.spz import TAGGED_AXES, read_spz, write_spz
from matrix3d_core.io.world_json import WorldInfo, write_world_info


def nearest_means(before, after):
    """Places of ``after`` in the order of ``before``."""
    return after.means[(before.means[:, None] - after.means[None]).norm(dim=-1).argmin(1)]


def means_as_stored(path):
    kind = path.suffix[1:]
    return read_gaussians(path, kind=kind, axes="RDF").means  # the file's numbers: nothing is turned


# Axes of files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", [None, *NAMED_AXES.values()])
@pytest.mark.parametrize("kind", SPLAT_FORMATS)
def test_files_of_any_axes_come_back_upright(tmp_path, kind, axes):
    gaussians = random_gaussians(40, 4)
    path = tmp_path / f"world.{kind}"
    write_gaussians(path, gaussians, axes=axes)
    turned = change_axes(gaussians, target=axes or usual_axes(kind))
    torch.testing.assert_close(
        nearest_means(turned, read_gaussians(path, axes="RDF")), turned.means, rtol=0, atol=5e-3
    )
    back = read_gaussians(path, axes=axes)
    torch.testing.assert_close(nearest_means(gaussians, back), gaussians.means, rtol=0, atol=5e-3)


def test_usual_axes():
    assert {kind for kind in SPLAT_FORMATS if usual_axes(kind) != "RDF"} == {"glb"}
    assert usual_axes("glb") == "LUF"


def test_tag_beats_sidecar_beats_custom(tmp_path):
    gaussians = random_gaussians(5)
    for kind in ("ply", "spz"):
        path = tmp_path / kind / f"world.{kind}"
        path.parent.mkdir()
        write_gaussians(path, gaussians, axes="RUB")
        if kind == "ply":
            write_world_info(path, WorldInfo(axes="RUB"))
        else:
            write_world_info(path, WorldInfo(axes="RUF"))  # a wrong one: the tag in the file wins
        torch.testing.assert_close(read_gaussians(path).means, gaussians.means, rtol=0, atol=2e-4)
    forced = read_gaussians(tmp_path / "ply" / "world.ply", axes="RDF")
    torch.testing.assert_close(forced.means, gaussians.means * torch.tensor([1, -1, -1.0]), rtol=0, atol=2e-4)


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("axes", [None, *TAGGED_AXES])
def test_spz_says_its_axes(version, axes):
    if version == 4:
        pytest.importorskip("zstandard")
    file = io.BytesIO()
    write_spz(file, random_gaussians(5, 4), version=version, axes=axes)
    file.seek(0)
    findings = Findings()
    back = read_spz(file, findings=findings)
    assert findings.axes == axes
    assert back.sh.shape[1] == 4


@pytest.mark.parametrize("bases", [1, 4, 9, 16])
def test_spz_4_holds_the_same_as_3(bases):
    pytest.importorskip("zstandard")
    gaussians = random_gaussians(70_000, bases)  # more than one chunk of work
    three, four = io.BytesIO(), io.BytesIO()
    write_spz(three, gaussians)
    write_spz(four, gaussians, version=4, axes="RDF")
    assert four.getvalue()[:8] == b"NGSP\4\0\0\0"
    back = [read_spz(io.BytesIO(file.getvalue())) for file in (three, four)]
    assert all(torch.equal(a, b) for a, b in zip(back[0].tensors(), back[1].tensors(), strict=True))


def spz_4(**options):
    file = io.BytesIO()
    write_spz(file, random_gaussians(4, 4), version=4, axes="RUB", **options)
    return file.getvalue()


def test_bad_spz_4_is_refused():
    pytest.importorskip("zstandard")
    good = spz_4()
    cases = [
        (good[:20], "is truncated: 20 of 32 header bytes"),
        (good[:-1], "stream 5 is truncated"),
        (good[:4] + struct.pack("<I", 5) + good[8:], "version must be 1 to 4; got 5"),
        (good[:8] + struct.pack("<I", 200_000_000) + good[12:], "promises 200000000 Gaussians, more than"),
        (good[:15] + b"\7" + good[16:], "its table of 7 streams"),
        (good[:16] + struct.pack("<I", 1 << 31) + good[20:], "at byte 2147483648 does not fit"),
        (good[:40] + struct.pack("<I", 17) + good[44:], "names axes number 17"),
        (good[:36] + struct.pack("<I", 400) + good[40:], "extension 0xadbe0003 is truncated"),
        (good[:-12] + b"\0" * 12, "cannot be unpacked"),
    ]
    for data, message in cases:
        with pytest.raises(FormatError) as error:
            read_spz(io.BytesIO(data))
        assert message in str(error.value)
    with pytest.raises(InvalidInput, match="axes of an SPZ must be one of LDB"):
        write_spz(io.BytesIO(), random_gaussians(1), axes="FRU")


def test_damaged_check_sum_is_found():
    file = io.BytesIO()
    write_spz(file, random_gaussians(4))
    good = file.getvalue()
    data = bytearray(good)
    data[-8] ^= 1
    with pytest.raises(FormatError, match=r"cannot be unpacked \(.*incorrect data check"):
        read_spz(io.BytesIO(bytes(data)))
    with pytest.raises(FormatError, match="ends before its check sum"):
        read_spz(io.BytesIO(good[:-3]))


def test_pieces_packed_in_threads_are_one_gzip_member():
    import zlib

    gaussians = random_gaussians(150_000)  # 3 MB in pieces of 1 MB
    file = io.BytesIO()
    write_spz(file, gaussians)
    stream = zlib.decompressobj(wbits=31)
    raw = stream.decompress(file.getvalue())
    assert stream.eof
    assert stream.unused_data == b""
    assert len(raw) == 16 + 20 * 150_000


# Names and first bytes --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SPLAT_FORMATS)
def test_streams_are_known_by_their_first_bytes(kind):
    gaussians = random_gaussians(40)
    file = io.BytesIO()
    write_gaussians(file, gaussians, kind=kind)
    file.seek(0)
    back = read_gaussians(file)
    torch.testing.assert_close(nearest_means(gaussians, back), gaussians.means, rtol=0, atol=5e-3)


def test_unknown_names_and_contents(tmp_path):
    with pytest.raises(InvalidInput, match=f"must be one of {', '.join(SAVE_FORMATS)}; got 'obj'"):
        write_gaussians(tmp_path / "world.obj", random_gaussians(1))
    with pytest.raises(InvalidInput, match=f"to read must be one of {', '.join(SPLAT_FORMATS)}; got 'html'"):
        read_gaussians(tmp_path / "world.html")
    with pytest.raises(InvalidInput, match=r"axes of HTML must be None.*; got 'RUB'"):
        write_gaussians(tmp_path / "world.html", random_gaussians(1), axes="RUB")
    with pytest.raises(InvalidInput, match="got ''"):
        read_gaussians(tmp_path / "world")
    with pytest.raises(FormatError, match="stream: begins with b'hell', which no splat format does"):
        read_gaussians(io.BytesIO(b"hello"))


# Upstream's PLYs --------------------------------------------------------------------------------------


def plain_ply(columns):
    """A PLY of float columns by name."""
    table = np.stack([np.asarray(values, np.float32) for values in columns.values()], axis=1)
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(table)}"]
    header += [f"property float {name}" for name in columns] + ["end_header", ""]
    return "\n".join(header).encode() + table.tobytes()


def upstream_columns(gaussians, opacity):
    columns = {name: gaussians.means[:, i] for i, name in enumerate("xyz")}
    columns |= {f"n{name}": torch.zeros(len(gaussians)) for name in "xyz"}
    columns |= {f"f_dc_{i}": gaussians.sh[:, 0, i] for i in range(3)}
    columns["opacity"] = opacity
    columns |= {f"scale_{i}": gaussians.scales[:, i].log() for i in range(3)}
    return columns | {f"rot_{i}": 3 * gaussians.quats_wxyz[:, i] for i in range(4)}


def test_probabilities_are_noticed(caplog):
    gaussians = random_gaussians(200)
    data = plain_ply(upstream_columns(gaussians, gaussians.opacities))
    back = read_ply(io.BytesIO(data))
    assert torch.equal(back.opacities, gaussians.opacities)
    torch.testing.assert_close(back.quats_wxyz, gaussians.quats_wxyz, rtol=0, atol=3e-7)
    assert "all opacities lie between 0 and 1" in caplog.text
    as_logits = read_ply(io.BytesIO(data), opacity="logit")
    torch.testing.assert_close(as_logits.opacities, torch.sigmoid(gaussians.opacities))
    with pytest.raises(InvalidInput, match="opacity must be one of auto, logit, probability; got 'odds'"):
        read_ply(io.BytesIO(data), opacity="odds")


@pytest.mark.parametrize(
    "logits",
    [
        torch.linspace(-5, 5, 200),  # a usual world
        torch.full((200,), 0.8473),  # all alike: opacity 0.7
        torch.linspace(0.5, 0.95, 200),  # a narrow band
        torch.linspace(-0.1, 1, 20),  # one below 0
        torch.linspace(0, 1.1, 20),  # one above 1
    ],
)
def test_logits_stay_logits(logits, caplog):
    gaussians = random_gaussians(len(logits))
    back = read_ply(io.BytesIO(plain_ply(upstream_columns(gaussians, logits))))
    torch.testing.assert_close(back.opacities, torch.sigmoid(logits))
    assert caplog.text == ""


def test_probabilities_out_of_range_are_nonsense_but_finite():
    gaussians = random_gaussians(3)
    data = plain_ply(upstream_columns(gaussians, torch.tensor([0.5, math.nan, 1.0])))
    with pytest.raises(FormatError, match="1 of 3 Gaussians hold NaN"):
        read_ply(io.BytesIO(data), opacity="probability")


def test_filter_is_baked_in():
    gaussians = random_gaussians(50)
    size = torch.rand(50, generator=torch.Generator().manual_seed(1))
    columns = upstream_columns(gaussians, torch.logit(gaussians.opacities)) | {"filter_3D": size}
    back = read_ply(io.BytesIO(plain_ply(columns)))
    for i in range(50):  # upstream: s' = sqrt(s^2 + f^2), o' = o sqrt(prod s^2 / prod s'^2)
        scales, f = gaussians.scales[i].double().tolist(), float(size[i])
        wide = [math.sqrt(s * s + f * f) for s in scales]
        thin = math.sqrt(math.prod(s * s for s in scales) / math.prod(s * s for s in wide))
        assert back.scales[i].tolist() == pytest.approx(wide, rel=1e-5)
        assert float(back.opacities[i]) == pytest.approx(float(gaussians.opacities[i]) * thin, rel=1e-5)
    bare = read_ply(io.BytesIO(plain_ply(columns)), bake_filter=False)
    torch.testing.assert_close(bare.scales, gaussians.scales, rtol=2e-6, atol=0)


def test_large_files_are_read_in_pieces(tmp_path):
    gaussians = random_gaussians(40_000, 4)  # three chunks, the last one not full
    write_ply(tmp_path / "world.ply", gaussians)
    back = read_ply(tmp_path / "world.ply")
    assert torch.equal(back.means, gaussians.means)
    assert torch.equal(back.sh, gaussians.sh)
    gaussians.means[39_999, 2] = math.inf
    with pytest.raises(InvalidInput, match="means must be finite; 1 of 120000"):
        write_ply(tmp_path / "world.ply", gaussians)
    gaussians.means[39_999, 2] = 0
    gaussians.scales[20_000, 0] = math.inf
    with pytest.raises(InvalidInput, match="scales must be finite; 1 of 120000"):
        write_ply(tmp_path / "world.ply", gaussians)


# Compressed PLY ---------------------------------------------------------------------------------------


def compressed_ply(count, *, chunks=None, colors=True, sh=9, damage=b""):
    """A compressed PLY of random words."""
    rng = np.random.default_rng(0)
    chunks = -(-count // 256) if chunks is None else chunks
    ends = ["min_x", "min_y", "min_z", "max_x", "max_y", "max_z"]
    names = ends + [end.replace("_", "_scale_") for end in ends]
    names += ["min_r", "min_g", "min_b", "max_r", "max_g", "max_b"] if colors else []
    ranges = rng.uniform(-3, 3, (chunks, len(names))).astype("<f4")
    words = rng.integers(0, 1 << 32, (count, 4), dtype=np.uint32)
    rest = rng.integers(0, 256, (count, sh), dtype=np.uint8)
    header = ["ply", "format binary_little_endian 1.0", "comment by hand", f"element chunk {chunks}"]
    header += [f"property float {name}" for name in names]
    header += [f"element vertex {count}"]
    header += [f"property uint packed_{name}" for name in ("position", "rotation", "scale", "color")]
    header += [f"element sh {count}"] + [f"property uchar f_rest_{i}" for i in range(sh)] if sh else []
    data = "\n".join([*header, "end_header", ""]).encode()
    return data + ranges.tobytes() + words.tobytes() + rest.tobytes(), names, ranges, words, rest


@pytest.mark.parametrize(("colors", "sh"), [(True, 9), (False, 0), (True, 45)])
def test_compressed_ply_matches_slow_definition(colors, sh):
    data, names, ranges, words, rest = compressed_ply(600, colors=colors, sh=sh)
    back = read_ply(io.BytesIO(data))
    assert len(back) == 600
    for i in range(0, 600, 37):
        chunk = dict(zip(names, ranges[i // 256].tolist(), strict=True))
        position, rotation, scale, color = (int(w) for w in words[i])

        def between(name, fraction, chunk=chunk):
            return chunk[f"min_{name}"] + (chunk[f"max_{name}"] - chunk[f"min_{name}"]) * fraction

        def split(word):
            bits = f"{word:032b}"
            return int(bits[:11], 2) / 2047, int(bits[11:21], 2) / 1023, int(bits[21:], 2) / 2047

        where = [between(axis, f) for axis, f in zip("xyz", split(position), strict=True)]
        assert back.means[i].tolist() == pytest.approx(where, abs=1e-5)
        logs = [between(f"scale_{axis}", f) for axis, f in zip("xyz", split(scale), strict=True)]
        assert back.scales[i].log().tolist() == pytest.approx(logs, abs=1e-5)
        fractions = [byte / 255 for byte in color.to_bytes(4, "big")]
        rgb = [between(c, f) for c, f in zip("rgb", fractions, strict=False)] if colors else fractions[:3]
        assert back.colors[i].tolist() == pytest.approx(rgb, abs=1e-5)
        assert float(back.opacities[i]) == pytest.approx(fractions[3], abs=1e-6)
        bits = f"{rotation:032b}"
        quat = [(int(bits[2 + 10 * k : 12 + 10 * k], 2) / 1023 - 0.5) * math.sqrt(2) for k in range(3)]
        quat.insert(int(bits[:2], 2), math.sqrt(max(0, 1 - sum(q * q for q in quat))))
        length = math.sqrt(sum(q * q for q in quat))
        assert back.quats_wxyz[i].tolist() == pytest.approx([q / length for q in quat], abs=1e-5)
        for channel in range(3):
            for k in range(sh // 3):
                byte = int(rest[i, channel * (sh // 3) + k])
                fraction = {0: 0.0, 255: 1.0}.get(byte, (byte + 0.5) / 256)
                assert float(back.sh[i, 1 + k, channel]) == pytest.approx(fraction * 8 - 4, abs=1e-5)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (compressed_ply(300, chunks=1)[0], "300 Gaussians must have 2 chunks; got 1"),
        (compressed_ply(300)[0][:-1], "is truncated: the header promises"),
        (compressed_ply(300)[0].replace(b"packed_scale", b"packed_scala"), "the properties packed_scale"),
        (compressed_ply(300)[0].replace(b"max_scale_y", b"max_scala_y"), "the properties max_scale_y"),
        (compressed_ply(300, sh=8)[0], "sh must hold 9, 24 or 45 properties for 300 Gaussians; got 8"),
        (
            compressed_ply(300)[0].replace(b"vertex 300", b"vertex 3000000000"),
            "is truncated: the header promises",
        ),
    ],
)
def test_bad_compressed_plys_are_refused(data, message):
    with pytest.raises(FormatError) as error:
        read_ply(io.BytesIO(data))
    assert message in str(error.value)
