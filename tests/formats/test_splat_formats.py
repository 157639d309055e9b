"""SPLAT, KSPLAT, SOG, GLB: values by the letter of each format, loss within a step, loud refusals."""

from __future__ import annotations

import contextlib
import io
import json
import math
import struct
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from splat_scenes import random_gaussians

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.gltf import read_glb, write_glb
from matrix3d_core.io.ksplat import read_ksplat, write_ksplat
from matrix3d_core.io.sog import read_sog, write_sog
from matrix3d_core.io.splat import read_splat, write_splat
from matrix3d_core.scene.gaussians import SH_C0, Gaussians

WRITERS = {"splat": write_splat, "ksplat": write_ksplat, "sog": write_sog, "glb": write_glb}
READERS = {"splat": read_splat, "ksplat": read_ksplat, "sog": read_sog, "glb": read_glb}


def file_bytes(kind, gaussians, **options):
    file = io.BytesIO()
    WRITERS[kind](file, gaussians, **options)
    return file.getvalue()


def matched(before, after):
    """Return ``after`` in the order of ``before``: each format keeps places far better than they are apart."""
    distance = (before.means[:, None].double() - after.means[None].double()).norm(dim=-1)
    nearest = distance.argmin(1)
    assert len(set(nearest.tolist())) == len(before)
    return after.select(nearest)


def rotation_angle(a, b):
    return 2 * torch.acos((a.double() * b.double()).sum(-1).abs().clamp(max=1))


def shown(gaussians):
    """The same with colors that a byte per channel can hold."""
    sh = gaussians.sh.clone()
    sh[:, 0] = ((gaussians.colors.clamp(0, 1)) - 0.5) / SH_C0
    return Gaussians(gaussians.means, gaussians.quats_wxyz, gaussians.scales, gaussians.opacities, sh)


# By the letter --------------------------------------------------------------------------------------


def test_splat_holds_what_the_definition_says():
    gaussians = shown(random_gaussians(20))
    data = file_bytes("splat", gaussians)
    assert len(data) == 20 * 32
    weight = gaussians.scales.double().prod(1) * gaussians.opacities
    for place, i in enumerate(weight.argsort(descending=True).tolist()):
        values = struct.unpack_from("<6f8B", data, 32 * place)
        assert list(values[:3]) == gaussians.means[i].tolist()
        assert list(values[3:6]) == gaussians.scales[i].tolist()
        assert [v / 255 for v in values[6:9]] == pytest.approx(
            gaussians.colors[i].tolist(), abs=0.5 / 255 + 1e-6
        )
        assert values[9] / 255 == pytest.approx(float(gaussians.opacities[i]), abs=0.5 / 255 + 1e-6)
        stored = [(v - 128) / 128 for v in values[10:]]
        assert stored == pytest.approx(gaussians.quats_wxyz[i].tolist(), abs=1 / 128)


@pytest.mark.parametrize("bases", [1, 4, 9, 16])
def test_ksplat_holds_what_the_definition_says(bases):
    gaussians = shown(random_gaussians(7, bases))
    data = file_bytes("ksplat", gaussians)
    degree = min(2, math.isqrt(bases) - 1)
    stride = 44 + 4 * [0, 9, 24][degree]
    assert data[:2] == b"\0\1"
    assert struct.unpack_from("<4I", data, 4) == (1, 1, 7, 7)
    assert struct.unpack_from("<2I", data, 4096) == (7, 7)
    assert struct.unpack_from("<H", data, 4096 + 40) == (degree,)
    assert len(data) == 4096 + 1024 + 7 * stride
    for i in range(7):
        start = 5120 + stride * i
        assert list(struct.unpack_from("<3f", data, start)) == gaussians.means[i].tolist()
        assert list(struct.unpack_from("<3f", data, start + 12)) == gaussians.scales[i].tolist()
        rotation = list(struct.unpack_from("<4f", data, start + 24))
        assert rotation == pytest.approx(gaussians.quats_wxyz[i].tolist(), abs=2e-7)
        rest = struct.unpack_from(f"<{[0, 9, 24][degree]}f", data, start + 44)
        wanted = [float(gaussians.sh[i, k, c]) for c in range(3) for k in (1, 2, 3) if degree > 0]
        wanted += [float(gaussians.sh[i, k, c]) for c in range(3) for k in (4, 5, 6, 7, 8) if degree > 1]
        assert list(rest) == wanted


def sog_parts(data):
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        meta = json.loads(bundle.read("meta.json"))
        pictures = {n: bundle.read(n) for n in bundle.namelist() if n.endswith(".webp")}
    return meta, {n: np.asarray(Image.open(io.BytesIO(p)).convert("RGBA")) for n, p in pictures.items()}


def decode_sog_slowly(meta, pictures, i):
    """Decode one Gaussian from the format's description."""

    def pixel(name):
        picture = pictures[name]
        return [int(v) for v in picture[i // picture.shape[1], i % picture.shape[1]]]

    low, high = pixel("means_l.webp"), pixel("means_u.webp")
    place = []
    for axis in range(3):
        fraction = (high[axis] * 256 + low[axis]) / 65535
        log = meta["means"]["mins"][axis] * (1 - fraction) + meta["means"]["maxs"][axis] * fraction
        place.append(math.copysign(math.exp(abs(log)) - 1, log))
    *stored, tag = pixel("quats.webp")
    parts = [(v / 255 - 0.5) * 2 / math.sqrt(2) for v in stored]
    parts.insert(tag - 252, math.sqrt(max(0, 1 - sum(p * p for p in parts))))
    scales = [math.exp(meta["scales"]["codebook"][v]) for v in pixel("scales.webp")[:3]]
    *codes, alpha = pixel("sh0.webp")
    rest = []
    if "shN" in meta:
        per = {1: 3, 2: 8, 3: 15}[meta["shN"]["bands"]]
        label = pixel("shN_labels.webp")
        label = label[0] + 256 * label[1]
        for k in range(per):
            color = pictures["shN_centroids.webp"][label // 64, (label % 64) * per + k]
            rest.append([meta["shN"]["codebook"][v] for v in color[:3]])
    return place, parts, scales, alpha / 255, [[meta["sh0"]["codebook"][v] for v in codes], *rest]


@pytest.mark.parametrize("bases", [1, 4, 9, 16])
def test_sog_reader_matches_slow_definition(bases):
    data = file_bytes("sog", random_gaussians(300, bases))
    back = read_sog(io.BytesIO(data))
    meta, pictures = sog_parts(data)
    assert meta["version"] == 2
    assert meta["count"] == len(back) == 300
    for i in range(0, 300, 7):
        place, quat, scales, opacity, sh = decode_sog_slowly(meta, pictures, i)
        assert back.means[i].tolist() == pytest.approx(place, rel=1e-5, abs=1e-5)
        assert float(rotation_angle(back.quats_wxyz[i], torch.tensor(quat))) < 2e-3
        assert back.scales[i].tolist() == pytest.approx(scales, rel=1e-5)
        assert float(back.opacities[i]) == pytest.approx(opacity, abs=1e-6)
        assert back.sh[i].tolist() == [pytest.approx(row, abs=1e-6) for row in sh]


def glb_parts(data):
    assert data[:4] == b"glTF"
    version, total, size = struct.unpack_from("<3I", data, 4)
    assert (version, total) == (2, len(data))
    return json.loads(data[20 : 20 + size]), data[28 + size :]


@pytest.mark.parametrize("bases", [1, 16])
def test_glb_holds_what_the_extension_says(bases):
    gaussians = random_gaussians(5, bases)
    document, body = glb_parts(file_bytes("glb", gaussians))
    assert document["extensionsUsed"] == ["KHR_gaussian_splatting"]
    primitive = document["meshes"][0]["primitives"][0]
    assert primitive["mode"] == 0
    extension = primitive["extensions"]["KHR_gaussian_splatting"]
    assert (extension["kernel"], extension["colorSpace"]) == ("ellipse", "srgb_rec709_display")

    def floats(attribute, width):
        accessor = document["accessors"][primitive["attributes"][attribute]]
        assert accessor["componentType"] == 5126
        assert accessor["type"] == {1: "SCALAR", 3: "VEC3", 4: "VEC4"}[width]
        start = document["bufferViews"][accessor["bufferView"]]["byteOffset"]
        assert start % 4 == 0
        return torch.tensor(struct.unpack_from(f"<{5 * width}f", body, start)).reshape(5, width)

    name = "KHR_gaussian_splatting:"
    assert torch.equal(floats("POSITION", 3), gaussians.means)
    assert torch.equal(floats(f"{name}SCALE", 3), gaussians.scales)
    assert torch.equal(floats(f"{name}OPACITY", 1)[:, 0], gaussians.opacities)
    xyzw = gaussians.quats_wxyz[:, [1, 2, 3, 0]]
    torch.testing.assert_close(floats(f"{name}ROTATION", 4), xyzw, rtol=0, atol=2e-7)
    k = 0
    for degree in range(math.isqrt(bases)):
        for order in range(2 * degree + 1):
            assert torch.equal(floats(f"{name}SH_DEGREE_{degree}_COEF_{order}", 3), gaussians.sh[:, k])
            k += 1
    position = document["accessors"][primitive["attributes"]["POSITION"]]
    assert position["min"] == gaussians.means.min(0).values.tolist()
    assert position["max"] == gaussians.means.max(0).values.tolist()


# Round trips ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bases", [1, 4, 9, 16])
@pytest.mark.parametrize("kind", list(WRITERS))
def test_round_trip_loses_at_most_half_a_step(tmp_path, kind, bases):
    gaussians = random_gaussians(500, bases)
    WRITERS[kind](tmp_path / f"world.{kind}", gaussians)
    back = matched(gaussians, READERS[kind](tmp_path / f"world.{kind}"))
    assert [p.name for p in tmp_path.iterdir()] == [f"world.{kind}"]
    slack = 1 + 1e-4

    if kind == "sog":
        # Half of 1/65535 of the logarithm's extent, which grows by 1 + |v| when the logarithm is undone.
        step = 2 * math.log(41) / 65535
        assert ((back.means - gaussians.means).abs() / (1 + gaussians.means.abs())).max() <= 0.5 * step * 1.01
    else:
        assert torch.equal(back.means, gaussians.means)
    # Half a step in three components, and what follows for the fourth (see test_spz): 2 sqrt(3) steps in angle.
    step = {"splat": 1 / 128 * 2, "sog": math.sqrt(2) / 255}.get(kind, 2e-7)
    assert rotation_angle(back.quats_wxyz, gaussians.quats_wxyz).max() <= 2 * math.sqrt(3) * max(step, 5e-4)
    if (
        kind == "sog"
    ):  # 128 of the 256 entries are spread evenly over the range 11: none is farther than half a step
        assert (back.scales.log() - gaussians.scales.log()).abs().max() <= 0.5 * 11 / 127 * slack
        assert (back.sh[:, 0] - gaussians.sh[:, 0]).abs().max() <= 0.5 * 3.4 / 127 * slack
    else:
        assert torch.equal(back.scales, gaussians.scales)
    if kind in ("splat", "ksplat"):
        assert (back.colors - gaussians.colors.clamp(0, 1)).abs().max() <= 0.5 / 255 * slack
    if kind == "glb":
        assert torch.equal(back.sh, gaussians.sh)
        assert torch.equal(back.opacities, gaussians.opacities)
    else:
        assert (back.opacities - gaussians.opacities).abs().max() <= 0.5 / 255 * slack
    kept = {"splat": 1, "ksplat": min(9, bases), "sog": bases, "glb": bases}[kind]
    assert back.sh.shape[1] == kept
    if kind == "ksplat":
        assert torch.equal(back.sh[:, 1:], gaussians.sh[:, 1:kept])


def test_sog_keeps_harmonics_that_repeat():
    gaussians = random_gaussians(2000, 16)
    gaussians.sh[:, 1:] = gaussians.sh[torch.arange(2000) % 20, 1:]
    back = matched(gaussians, read_sog(io.BytesIO(file_bytes("sog", gaussians, palette=64))))
    # Each of the 20 has its own entry, so only the table's steps are lost. Half of its entries start evenly spread
    # 1.8 / 127 apart and then move towards values, never past a neighbor: a value is less than that from one.
    assert (back.sh[:, 1:] - gaussians.sh[:, 1:]).abs().max() <= 1.8 / 127


def test_a_larger_palette_is_closer():
    gaussians = random_gaussians(3000, 4)

    def error(palette):
        back = matched(gaussians, read_sog(io.BytesIO(file_bytes("sog", gaussians, palette=palette))))
        return float((back.sh[:, 1:] - gaussians.sh[:, 1:]).square().mean())

    assert error(1024) < 0.6 * error(64)


@pytest.mark.parametrize("kind", list(WRITERS))
def test_writing_is_reproducible(kind):
    gaussians = random_gaussians(300, 9)
    assert file_bytes(kind, gaussians) == file_bytes(kind, gaussians)


@pytest.mark.parametrize("kind", list(WRITERS))
def test_one_gaussian_and_flat_worlds(kind):
    gaussians = random_gaussians(3, 4)
    gaussians.means[:, 1] = 2.5
    back = READERS[kind](io.BytesIO(file_bytes(kind, gaussians)))
    assert back.means[:, 1].tolist() == pytest.approx([2.5] * 3, rel=1e-6)
    one = READERS[kind](io.BytesIO(file_bytes(kind, gaussians.select(torch.tensor([1])))))
    assert one.means[0].tolist() == pytest.approx(gaussians.means[1].tolist(), rel=1e-6)


@pytest.mark.parametrize("kind", list(WRITERS))
def test_writing_refuses_what_cannot_be_shown(kind):
    gaussians = random_gaussians(4)
    with pytest.raises(InvalidInput, match=r"must hold (at least )?1"):
        file_bytes(kind, gaussians.select(torch.zeros(4, dtype=torch.bool)))
    gaussians.scales[2, 1] = math.nan
    with pytest.raises(InvalidInput, match="scales must be finite; 1 of 12"):
        file_bytes(kind, gaussians)


# Other levels of KSPLAT -----------------------------------------------------------------------------


def ksplat_by_hand(level, *, degree=1, full=1, sizes=(2,)):
    """Buckets of 3: ``full`` full ones and then others, side 2, range 100, at (10 b, 0, 0)."""
    buckets = full + len(sizes)
    count = 3 * full + sum(sizes)
    header = struct.pack("<BBxxIIIIHxx3f2f", 0, 1, 1, 1, count, count, level, 0, 0, 0, -2, 2)
    section = struct.pack(
        "<IIIIfHxxIIIIH", count, count, 3, buckets, 2.0, 12, 100, 0, full, len(sizes), degree
    )
    data = header.ljust(4096, b"\0") + section.ljust(1024, b"\0")
    data += struct.pack(f"<{len(sizes)}I", *sizes)
    data += b"".join(struct.pack("<3f", 10 * b, 0, 0) for b in range(buckets))
    for i in range(count):
        data += struct.pack("<3H3e4e", 100 + i, 150, 0, 0.5, 1, 2, 1, 0, 0, 0) + bytes([255, 0, 128, 51])
        data += struct.pack("<9e", *(0.25 * k for k in range(9))) if level == 1 else bytes(range(0, 90, 10))
    return data


@pytest.mark.parametrize("level", [1, 2])
def test_ksplat_with_buckets_is_read(level):
    back = read_ksplat(io.BytesIO(ksplat_by_hand(level)))
    # Offsets in steps of side / 2 / range = 0.01 from the bucket's middle; buckets of 3 and 2.
    assert back.means[:, 0].tolist() == pytest.approx([0, 0.01, 0.02, 10.03, 10.04], abs=1e-6)
    assert back.means[0, 1:].tolist() == pytest.approx([0.5, -1], abs=1e-6)
    assert back.scales[4].tolist() == [0.5, 1, 2]
    assert back.colors[0].tolist() == pytest.approx([1, 0, 128 / 255], abs=1e-6)
    assert float(back.opacities[0]) == pytest.approx(0.2)
    byte_value = [-2 + 4 * v / 255 for v in range(0, 90, 10)]
    stored = [0.25 * k for k in range(9)] if level == 1 else byte_value
    assert back.sh[2, 1:].T.flatten().tolist() == pytest.approx(stored, abs=1e-5)


# Other GLBs -----------------------------------------------------------------------------------------


def glb_of(document, body):
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    body += bytes(-len(body) % 4)
    total = 28 + len(text) + len(body)
    head = struct.pack("<4sIIII", b"glTF", 2, total, len(text), 0x4E4F534A)
    return head + text + struct.pack("<II", len(body), 0x004E4942) + body


def test_glb_nodes_move_turn_and_scale():
    gaussians = random_gaussians(6, 4)
    document, body = glb_parts(file_bytes("glb", gaussians))
    half = math.sqrt(0.5)
    document["nodes"] = [
        {"children": [1], "translation": [1, 2, 3], "rotation": [half, 0, 0, half], "scale": [2, 2, 2]},
        {"mesh": 0, "matrix": [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 5, 0, 0, 1]},
    ]
    back = read_glb(io.BytesIO(glb_of(document, body)))
    inner = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    outer = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    placed = (gaussians.means @ inner.mT + torch.tensor([5.0, 0, 0])) @ outer.mT * 2 + torch.tensor(
        [1.0, 2, 3]
    )
    torch.testing.assert_close(back.means, placed, rtol=0, atol=2e-5)
    torch.testing.assert_close(back.scales, gaussians.scales * 2, rtol=1e-6, atol=0)
    document["nodes"][0]["scale"] = [1, 2, 1]
    with pytest.raises(FormatError, match="scales its Gaussians non-uniformly"):
        read_glb(io.BytesIO(glb_of(document, body)))
    document["nodes"][1]["children"] = [0]
    with pytest.raises(FormatError, match="form a loop"):
        read_glb(io.BytesIO(glb_of(document, body)))


def test_glb_of_the_early_draft_has_logarithms():
    gaussians = random_gaussians(6)
    document, body = glb_parts(file_bytes("glb", gaussians))
    accessor = document["accessors"][
        document["meshes"][0]["primitives"][0]["attributes"]["KHR_gaussian_splatting:SCALE"]
    ]
    start = document["bufferViews"][accessor["bufferView"]]["byteOffset"]
    logs = gaussians.scales.log()
    assert (logs < 0).any()
    body = body[:start] + struct.pack("<18f", *logs.flatten().tolist()) + body[start + 72 :]
    torch.testing.assert_close(
        read_glb(io.BytesIO(glb_of(document, body))).scales, gaussians.scales, rtol=2e-6, atol=0
    )


def test_glb_with_quantized_rotations_is_read():
    gaussians = random_gaussians(6)
    document, body = glb_parts(file_bytes("glb", gaussians))
    index = document["meshes"][0]["primitives"][0]["attributes"]["KHR_gaussian_splatting:ROTATION"]
    stored = (gaussians.quats_wxyz[:, [1, 2, 3, 0]] * 32767).round().to(torch.int16).numpy().tobytes()
    document["accessors"][index] |= {"componentType": 5122, "normalized": True}
    document["bufferViews"][document["accessors"][index]["bufferView"]]["byteOffset"] = len(body)
    back = read_glb(io.BytesIO(glb_of(document, body + stored)))
    assert rotation_angle(back.quats_wxyz, gaussians.quats_wxyz).max() < 1e-3


# Refusals -------------------------------------------------------------------------------------------

SPLAT = file_bytes("splat", random_gaussians(4))
KSPLAT = file_bytes("ksplat", random_gaussians(4, 4))
SOG = file_bytes("sog", random_gaussians(4, 4))
GLB = file_bytes("glb", random_gaussians(4, 4))


def patched(data, offset, layout, *values):
    return data[:offset] + struct.pack(layout, *values) + data[offset + struct.calcsize(layout) :]


def sog_with(**changes):
    """A SOG with some fields of its meta.json or some of its files changed; None leaves a file out."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(SOG)) as old, zipfile.ZipFile(target, "w") as new:
        meta = json.loads(old.read("meta.json")) | {k: v for k, v in changes.items() if "." not in k}
        for name in old.namelist():
            content = json.dumps(meta).encode() if name == "meta.json" else old.read(name)
            content = changes.get(name, content)
            if content is not None:
                new.writestr(name, content)
    return target.getvalue()


def webp(width, height):
    file = io.BytesIO()
    Image.new("RGBA", (width, height)).save(file, "WEBP", lossless=True, exact=True)
    return file.getvalue()


def glb_with(change):
    document, body = glb_parts(GLB)
    change(document)
    return glb_of(document, body)


def primitive(document):
    return document["meshes"][0]["primitives"][0]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.splat", b"", "must have a whole number of 32-byte Gaussians; got 0 bytes"),
        ("a.splat", SPLAT[:-1], "got 127 bytes. It is truncated"),
        ("a.splat", patched(SPLAT, 12, "<f", -1.0), "holds negative scales"),
        ("a.splat", patched(SPLAT, 4, "<f", math.nan), "1 of 4 Gaussians hold NaN"),
        ("a.ksplat", KSPLAT[:4000], "is truncated: 4000 of 4096"),
        ("a.ksplat", b"ply\n" + KSPLAT[4:], "version must be 0.1; got 112.108"),
        ("a.ksplat", patched(KSPLAT, 1, "<B", 2), "version must be 0.1; got 0.2"),
        ("a.ksplat", patched(KSPLAT, 20, "<H", 3), "level must be 0, 1 or 2; got 3"),
        ("a.ksplat", patched(KSPLAT, 4, "<I", 1 << 31), "claims 2147483648 sections"),
        ("a.ksplat", KSPLAT[:-1], "is truncated: section 0 promises 4"),
        ("a.ksplat", patched(KSPLAT, 4096, "<II", 1 << 31, 1 << 31), "section 0 promises 2147483648"),
        ("a.ksplat", patched(KSPLAT, 16, "<I", 5), "promises 5 Gaussians, its sections hold 4"),
        ("a.ksplat", patched(KSPLAT, 4136, "<H", 9), "section 0 is damaged: degree 9"),
        ("a.ksplat", patched(KSPLAT, 5120, "<f", math.inf), "1 of 4 Gaussians hold NaN, infinity"),
        ("a.ksplat", ksplat_by_hand(1, sizes=(2,))[:-9], "is truncated"),
        ("a.ksplat", patched(ksplat_by_hand(1), 5120, "<I", 1), "its buckets hold 4 of 5"),
        ("a.sog", b"", "is no zip"),
        ("a.sog", SOG[:-30], "is no zip"),
        ("a.sog", sog_with(version=3), "version must be 2; got 3"),
        ("a.sog", sog_with(count=10**9), "promises 1000000000 Gaussians, more than"),
        ("a.sog", sog_with(count=True), "count must be a whole number from 1; got True"),
        ("a.sog", sog_with(**{"meta.json": b"{"}), "meta.json: line 1, column"),
        ("a.sog", sog_with(**{"meta.json": None}), "lacks meta.json"),
        ("a.sog", sog_with(**{"quats.webp": None}), "lacks quats.webp"),
        ("a.sog", sog_with(**{"quats.webp": b"RIFF"}), "quats.webp is not a picture"),
        ("a.sog", sog_with(**{"quats.webp": webp(4, 4)}), "4 of 4 rotations have no valid tag"),
        ("a.sog", sog_with(**{"quats.webp": webp(1, 3)}), "must have about 4 pixels; got 1x3"),
        ("a.sog", sog_with(**{"quats.webp": webp(4000, 4000)}), "must have about 4 pixels; got 4000x4000"),
        (
            "a.sog",
            sog_with(scales={"codebook": [1, 2], "files": []}),
            "scales.codebook of meta.json must be 256",
        ),
        ("a.sog", sog_with(means=None), "meta.json lacks means"),
        ("a.glb", b"", "does not begin with 'glTF'"),
        ("a.glb", b"ply\n", "does not begin with 'glTF' but b'ply\\n'"),
        ("a.glb", patched(GLB, 4, "<I", 3), "GLB version must be 2; got 3"),
        ("a.glb", GLB[:-4], "is truncated: the header promises"),
        ("a.glb", glb_with(lambda d: primitive(d).pop("extensions")), "has no Gaussians in its scene"),
        (
            "a.glb",
            glb_with(
                lambda d: primitive(d)["extensions"]["KHR_gaussian_splatting"].update(
                    extensions={"X_spz": {}}
                )
            ),
            "packed with X_spz, which is not supported",
        ),
        (
            "a.glb",
            glb_with(lambda d: primitive(d)["attributes"].pop("KHR_gaussian_splatting:OPACITY")),
            "lack the attribute KHR_gaussian_splatting:OPACITY",
        ),
        (
            "a.glb",
            glb_with(lambda d: [a.update(count=10**5) for a in d["accessors"]]),
            "ends beyond the file's",
        ),
        ("a.glb", glb_with(lambda d: d["buffers"][0].update(uri="../secret.bin")), "lies outside the file"),
        ("a.glb", glb_with(lambda d: primitive(d)["attributes"].update(POSITION=99)), "is not valid glTF"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FormatError, match=rf"^{name}: ") as error:
        READERS[name.split(".")[1]](tmp_path / name)
    assert message in str(error.value)


@pytest.mark.parametrize(("kind", "data"), [("splat", SPLAT), ("ksplat", KSPLAT), ("sog", SOG), ("glb", GLB)])
def test_damage_anywhere_ends_in_words(kind, data):
    """Flip and cut everywhere: a reader returns Gaussians or raises FormatError, nothing else."""
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), 3):
            damaged[place] ^= 1 << rng.integers(8)
        if rng.random() < 0.3:
            del damaged[rng.integers(len(data)) :]
        with contextlib.suppress(FormatError):
            READERS[kind](io.BytesIO(bytes(damaged))).check_finite()
