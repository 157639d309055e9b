"""PLY: exact round trip, foreign readers, loud refusal of what is not one."""

from __future__ import annotations

import dataclasses
import io
import math
import struct

import pytest
import torch
from splat_scenes import random_gaussians

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io import ply
from matrix3d_core.io.columns import UNIT
from matrix3d_core.io.ply import read_ply, write_ply
from matrix3d_core.scene.gaussians import Gaussians

WAYS = {"numpy": 1 << 40, "compiled": 0}  # name -> Gaussians from which compiled kernels run


@pytest.fixture(autouse=True, params=list(WAYS))
def way(request, monkeypatch):
    monkeypatch.setattr(ply, "_KERNELS_FROM", WAYS[request.param])


def ply_bytes(gaussians):
    file = io.BytesIO()
    write_ply(file, gaussians)
    return file.getvalue()


def read_slowly(data):
    """Read a float PLY by the letter of its header: one struct per number, names looked up."""
    header, body = data.split(b"end_header\n", 1)
    names = [line.split()[-1] for line in header.decode().splitlines() if line.startswith("property float")]
    count = int(header.split(b"element vertex ")[1].split()[0])
    rows = []
    for row in range(count):
        values = struct.unpack_from(f"<{len(names)}f", body, row * 4 * len(names))
        rows.append(dict(zip(names, values, strict=True)))
    return rows


@pytest.mark.parametrize("bases", [1, 4, 9, 16])
def test_file_holds_what_the_definition_says(bases):
    gaussians = random_gaussians(7, bases)
    for i, row in enumerate(read_slowly(ply_bytes(gaussians))):
        assert [row["x"], row["y"], row["z"]] == gaussians.means[i].tolist()
        assert [row["nx"], row["ny"], row["nz"]] == [0, 0, 0]
        assert [row[f"rot_{k}"] for k in range(4)] == gaussians.quats_wxyz[i].tolist()
        assert [row[f"f_dc_{c}"] for c in range(3)] == gaussians.sh[i, 0].tolist()
        for channel in range(3):
            for k in range(bases - 1):
                assert row[f"f_rest_{channel * (bases - 1) + k}"] == float(gaussians.sh[i, 1 + k, channel])
        # The stored float has 2**-24 relative rounding; log and logit add as much again.
        for k in range(3):
            assert row[f"scale_{k}"] == pytest.approx(math.log(gaussians.scales[i, k]), rel=1e-6, abs=1e-6)
        opacity = float(gaussians.opacities[i])
        assert row["opacity"] == pytest.approx(math.log(opacity / (1 - opacity)), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("bases", [1, 4, 9, 16])
def test_round_trip(tmp_path, bases):
    gaussians = random_gaussians(500, bases)
    write_ply(tmp_path / "world.ply", gaussians)
    back = read_ply(tmp_path / "world.ply")
    assert torch.equal(back.means, gaussians.means)
    assert torch.equal(back.sh, gaussians.sh)
    # exp(log(x)): the logarithm is up to 8 here, so its rounding is 8 * 2**-24 relative in x; the
    # same for logits up to 4.6. Quaternions are normalized once more.
    torch.testing.assert_close(back.scales, gaussians.scales, rtol=2e-6, atol=0)
    torch.testing.assert_close(back.opacities, gaussians.opacities, rtol=2e-6, atol=1e-7)
    torch.testing.assert_close(back.quats_wxyz, gaussians.quats_wxyz, rtol=0, atol=3e-7)
    assert [p.name for p in tmp_path.iterdir()] == ["world.ply"]


@pytest.mark.parametrize("has_labels", [False, True])
def test_gsply_reads_the_same(tmp_path, has_labels):
    """gsply takes rows for rows of floats, so that a property of bytes would make nonsense of them."""
    gsply = pytest.importorskip("gsply")
    gaussians = random_gaussians(50, 16)
    numbers = torch.arange(50)
    labels = {"origins": numbers % 3, "classes": numbers % 6, "instances": 1000 * numbers, "motions": numbers}
    write_ply(tmp_path / "world.ply", gaussians.with_labels(**labels) if has_labels else gaussians)
    data = gsply.plyread(str(tmp_path / "world.ply"))
    torch.testing.assert_close(torch.from_numpy(data.means.copy()), gaussians.means, rtol=0, atol=0)
    torch.testing.assert_close(torch.from_numpy(data.quats.copy()), gaussians.quats_wxyz, rtol=0, atol=3e-7)
    torch.testing.assert_close(torch.from_numpy(data.sh0.copy()), gaussians.sh[:, 0], rtol=0, atol=0)
    rest = torch.from_numpy(data.shN.copy()).reshape(50, 15, 3)
    torch.testing.assert_close(rest, gaussians.sh[:, 1:], rtol=0, atol=0)


def test_any_order_type_and_byte_order_is_read(tmp_path):
    wanted = random_gaussians(3)
    rows = read_slowly(ply_bytes(wanted))
    names = list(reversed(rows[0]))
    header = [
        "ply",
        "format binary_big_endian 1.0",
        "comment foreign",
        "element camera 2",
        "property uchar id",
    ]
    header += [f"element vertex {len(rows)}", "property ushort flags"]
    header += [f"property double {name}" for name in names] + ["end_header\r\n"]
    body = b"\x01\x02"
    for row in rows:
        body += struct.pack(">H", 7) + struct.pack(f">{len(names)}d", *(row[n] for n in names))
    (tmp_path / "foreign.ply").write_bytes("\r\n".join(header).encode() + body)
    back = read_ply(tmp_path / "foreign.ply")
    torch.testing.assert_close(back.means, wanted.means, rtol=0, atol=0)
    torch.testing.assert_close(back.scales, wanted.scales, rtol=2e-6, atol=0)


def test_extremes_stay_finite():
    gaussians = random_gaussians(3)
    edge = Gaussians(
        gaussians.means,
        gaussians.quats_wxyz,
        torch.tensor([[0.0, 1e-30, 1.0]]).expand(3, 3),
        torch.tensor([0.0, 1.0, 0.5]),
        gaussians.sh,
    )
    back = read_ply(io.BytesIO(ply_bytes(edge)))
    back.check_finite()
    assert back.opacities.tolist() == pytest.approx([0, 1, 0.5], abs=2e-6)


def test_writing_refuses_what_cannot_be_shown():
    gaussians = random_gaussians(4)
    with pytest.raises(InvalidInput, match="at least 1 Gaussian"):
        write_ply(io.BytesIO(), gaussians.select(torch.zeros(4, dtype=torch.bool)))
    gaussians.means[2, 1] = math.nan
    with pytest.raises(InvalidInput, match="means must be finite; 1 of 12"):
        write_ply(io.BytesIO(), gaussians)


def test_no_file_is_left_when_writing_fails(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError("disk full")

    (tmp_path / "world.ply").write_bytes(b"old")
    monkeypatch.setattr("matrix3d_core.io.atomic.os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_ply(tmp_path / "world.ply", random_gaussians(4))
    assert [p.name for p in tmp_path.iterdir()] == ["world.ply"]
    assert (tmp_path / "world.ply").read_bytes() == b"old"


GOOD = ply_bytes(random_gaussians(4, 4))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "does not begin with 'ply'"),
        (b"glTF" + GOOD[4:], "does not begin with 'ply' but b'glTF'"),
        (GOOD[:100], "has no end_header"),
        (GOOD[:-1], "is truncated: the header promises 4 Gaussians"),
        (GOOD.replace(b"vertex 4", b"vertex 4000000000"), "promises 4000000000 Gaussians"),
        (GOOD.replace(b"vertex 4", b"vertex -4"), "must be a whole number; got '-4'"),
        (GOOD.replace(b"vertex 4", b"vertex 0"), "holds no Gaussians"),
        (GOOD.replace(b"binary_little_endian", b"ascii"), "row 0 of its text must hold"),
        (
            GOOD.replace(b"binary_little_endian", b"ebcdic"),
            "must be ascii or binary of either byte order; got 'ebcdic'",
        ),
        (
            GOOD.replace(b"vertex 4", b"vertex " + b"9" * 5000),
            "must be a whole number; got one of 5000 letters",
        ),
        (
            GOOD.replace(b"element vertex 4", b"element vertex 4\nelement vertex 4"),
            "the element 'vertex' twice",
        ),
        (
            GOOD.replace(b"rot_3", b"rut_3").replace(b"opacity", b"opaqity"),
            "lacks the properties opacity, rot_3",
        ),
        (GOOD.replace(b"property float f_rest_8\n", b""), "f_rest_0 to f_rest_8, _23, _44 or none; got 8"),
        (GOOD.replace(b"property float nx", b"property list uchar int nx"), "no readable vertex element"),
        (GOOD.replace(b"float nx", b"float x"), "names a property twice"),
        (GOOD.replace(b"float nx", b"quad nx"), "'property quad nx' is not recognized"),
        (GOOD.replace(b"nx", b"packed_position"), "compressed PLY"),
    ],
)
def test_bad_files_are_refused(tmp_path, data, message):
    (tmp_path / "bad.ply").write_bytes(data)
    with pytest.raises(FormatError, match=r"^bad\.ply: ") as error:
        read_ply(tmp_path / "bad.ply")
    assert message in str(error.value)


def test_invalid_gaussians_are_refused_or_dropped():
    gaussians = random_gaussians(5)
    data = bytearray(ply_bytes(gaussians))
    start = data.index(b"end_header\n") + len(b"end_header\n")
    stride = (len(data) - start) // 5
    struct.pack_into("<f", data, start + 2 * stride, math.nan)  # x of number 2
    struct.pack_into("<4f", data, start + 4 * stride - 16, 0, 0, 0, 0)  # rotation of number 3
    with pytest.raises(FormatError, match=r"stream: 2 of 5 Gaussians .* \(first: number 2\)"):
        read_ply(io.BytesIO(bytes(data)))
    back = read_ply(io.BytesIO(bytes(data)), drop_invalid=True)
    assert torch.equal(back.means, gaussians.means[[0, 1, 4]])


@pytest.mark.parametrize("bases", [1, 4, 16])
@pytest.mark.parametrize("has_origins", [False, True])
def test_both_ways_agree(monkeypatch, bases, has_origins):
    gaussians = random_gaussians(40_000, bases)  # more than one piece
    gaussians = dataclasses.replace(
        gaussians, quats_wxyz=gaussians.quats_wxyz * torch.tensor([1.0, 3.0]).repeat(20_000)[:, None]
    )
    if has_origins:
        gaussians = gaussians.with_labels(origins=(torch.arange(40_000) % 3).to(torch.uint8))
    files, worlds = [], []
    for least in WAYS.values():
        monkeypatch.setattr(ply, "_KERNELS_FROM", least)
        files.append(ply_bytes(gaussians))
        worlds.append(read_ply(io.BytesIO(files[0])))
    assert files[0] == files[1]
    for ours, theirs in zip(*(world.tensors() for world in worlds), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=UNIT)  # of a length that is left alone
    assert has_origins == (worlds[1].origins is not None)
    if has_origins:
        assert torch.equal(worlds[0].origins, worlds[1].origins)


@pytest.mark.parametrize("field", ["means", "scales", "opacities", "sh", "quats_wxyz"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_invalid_value_is_written(field, value):
    gaussians = random_gaussians(300, 4)
    getattr(gaussians, field).view(-1)[-1] = value
    with pytest.raises(InvalidInput, match=r"NaN|infinite"):
        write_ply(io.BytesIO(), gaussians)


@pytest.mark.parametrize("place", [0, 1, 2, *range(6, 26)])  # of 26 floats a row; normals are passed over
def test_no_invalid_value_is_read(place):
    data = bytearray(ply_bytes(random_gaussians(300, 4)))
    start = len(data) - 4 * (26 - place)
    data[start : start + 4] = struct.pack("<f", math.nan)
    with pytest.raises(FormatError, match="1 of 300 Gaussians"):
        read_ply(io.BytesIO(bytes(data)))
