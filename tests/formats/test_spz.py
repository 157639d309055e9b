"""SPZ: loss within one step, foreign readers and writers, loud refusal of what is not one."""

from __future__ import annotations

import gzip
import io
import math
import struct

import numpy as np
import pytest
import torch
from splat_scenes import random_gaussians

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.axes import turn_half_about_x
from matrix3d_core.io.spz import read_spz, write_spz


def spz_bytes(gaussians, **options):
    file = io.BytesIO()
    write_spz(file, gaussians, **options)
    return file.getvalue()


def rotation_angle(a, b):
    """Angle between two rotations given as unit quaternions, radians."""
    return 2 * torch.acos((a * b).sum(-1).abs().double().clamp(max=1))


def decode_slowly(data, index):
    """Decode one Gaussian of a version 3 file from the format's description, bit by bit."""
    raw = gzip.decompress(data)
    assert raw[:4] == b"NGSP"
    version, count = struct.unpack_from("<II", raw, 4)
    assert version == 3
    degree, bits = raw[12], raw[13]
    sections = {}
    offset = 16
    for name, size in (("position", 9), ("alpha", 1), ("color", 3), ("scale", 3), ("rotation", 4)):
        sections[name] = raw[offset + index * size : offset + (index + 1) * size]
        offset += count * size
    rest = 3 * ((degree + 1) ** 2 - 1)
    sections["sh"] = raw[offset + index * rest : offset + (index + 1) * rest]
    position = []
    for axis in range(3):
        value = int.from_bytes(sections["position"][3 * axis : 3 * axis + 3], "little", signed=True)
        position.append(value / 2**bits)
    word = int.from_bytes(sections["rotation"], "little")
    stored = [f"{word:032b}"[2 + 10 * k : 12 + 10 * k] for k in range(3)]
    values = [(-1 if field[0] == "1" else 1) * int(field[1:], 2) / 511 * math.sqrt(0.5) for field in stored]
    left_out = word >> 30
    values.insert(left_out, math.sqrt(1 - sum(v * v for v in values)))
    return {
        "position": position,
        "alpha": sections["alpha"][0] / 255,
        "color": [(byte / 255 - 0.5) / 0.15 for byte in sections["color"]],
        "scale": [math.exp(byte / 16 - 10) for byte in sections["scale"]],
        "xyzw": values,
        "sh": [(byte - 128) / 128 for byte in sections["sh"]],
    }


@pytest.mark.parametrize("bases", [1, 4, 9, 16])
def test_reader_matches_slow_definition(bases):
    data = spz_bytes(random_gaussians(40, bases))
    back = read_spz(io.BytesIO(data))
    for i in range(40):
        slow = decode_slowly(data, i)
        assert back.means[i].tolist() == slow["position"]
        assert float(back.opacities[i]) == pytest.approx(slow["alpha"], abs=1e-7)
        assert back.sh[i, 0].tolist() == pytest.approx(slow["color"], abs=1e-6)
        assert back.scales[i].tolist() == pytest.approx(slow["scale"], rel=1e-6)
        assert back.quats_wxyz[i, [1, 2, 3, 0]].tolist() == pytest.approx(slow["xyzw"], abs=1e-6)
        assert back.sh[i, 1:].flatten().tolist() == slow["sh"]


@pytest.mark.parametrize("bases", [1, 4, 9, 16])
def test_round_trip_loses_at_most_half_a_step(tmp_path, bases):
    gaussians = random_gaussians(2000, bases)
    write_spz(tmp_path / "world.spz", gaussians)
    back = read_spz(tmp_path / "world.spz")
    slack = 1 + 1e-4  # float32 rounding of the values themselves

    assert (back.means - gaussians.means).abs().max() <= 0.5 * 2**-12 * slack
    assert (back.opacities - gaussians.opacities).abs().max() <= 0.5 / 255 * slack
    assert (back.sh[:, 0] - gaussians.sh[:, 0]).abs().max() <= 0.5 / (0.15 * 255) * slack
    assert (back.scales.log() - gaussians.scales.log()).abs().max() <= 0.5 / 16 * slack
    # Degree 1 keeps 5 bits of [-1, 1), a step of 1/16; higher degrees 4 bits, 1/8.
    if bases > 1:
        assert (back.sh[:, 1:4] - gaussians.sh[:, 1:4]).abs().max() <= 0.5 / 16 * slack
    if bases > 4:
        assert (back.sh[:, 4:] - gaussians.sh[:, 4:]).abs().max() <= 0.5 / 8 * slack
    # Three components are off by half a step each; the fourth follows from them with a factor of at
    # most sqrt(3) (the three are below 1/sqrt(2) and it is the largest, at least 1/2): |dq| <= 2 * sqrt(3) / 2
    # steps, and the angle is twice that.
    step = math.sqrt(0.5) / 511
    assert rotation_angle(back.quats_wxyz, gaussians.quats_wxyz).max() <= 2 * math.sqrt(3) * step * slack
    assert [p.name for p in tmp_path.iterdir()] == ["world.spz"]


def test_quaternion_corners_survive():
    corners = torch.cat([torch.eye(4), -torch.eye(4), torch.tensor([[1.0, 1, 1, 1], [-1, 1, -1, 1]]) / 2])
    gaussians = random_gaussians(len(corners))
    gaussians.quats_wxyz.copy_(corners)
    back = read_spz(io.BytesIO(spz_bytes(gaussians)))
    assert rotation_angle(back.quats_wxyz, corners).max() < 5e-3


@pytest.mark.parametrize(("reach", "bits"), [(2047, 12), (2049, 11), (100_000, 6), (4_000_000, 1)])
def test_large_worlds_trade_precision_for_reach(reach, bits):
    gaussians = random_gaussians(3)
    gaussians.means[0] = torch.tensor([reach, -reach, 0.3])
    data = spz_bytes(gaussians)
    assert gzip.decompress(data)[13] == bits
    back = read_spz(io.BytesIO(data))
    assert (back.means - gaussians.means).abs().max() <= 0.5 * 2.0**-bits + 1e-3


def test_full_sh_bits_keep_more():
    gaussians = random_gaussians(200, 16)
    back = read_spz(io.BytesIO(spz_bytes(gaussians, sh_bits=(8, 8))))
    assert (back.sh[:, 1:] - gaussians.sh[:, 1:]).abs().max() <= 0.5 / 128 * (1 + 1e-4)


def test_writing_is_reproducible_and_small():
    gaussians = random_gaussians(1000)
    assert spz_bytes(gaussians) == spz_bytes(gaussians)
    assert len(spz_bytes(gaussians)) < 20 * 1000 + 100  # 68 bytes each as PLY


@pytest.mark.parametrize("bases", [1, 4, 9, 16])
def test_gsply_reads_the_same(tmp_path, bases):
    gsply = pytest.importorskip("gsply")
    write_spz(tmp_path / "world.spz", random_gaussians(60, bases))
    ours, theirs = read_spz(tmp_path / "world.spz"), gsply.read_spz(str(tmp_path / "world.spz"))
    np.testing.assert_array_equal(theirs.means, ours.means.numpy())
    np.testing.assert_allclose(theirs.scales, ours.scales.log().numpy(), atol=1e-6)
    np.testing.assert_allclose(theirs.quats, ours.quats_wxyz.numpy(), atol=1e-6)
    np.testing.assert_allclose(theirs.sh0, ours.sh[:, 0].numpy(), atol=1e-6)
    if bases > 1:
        np.testing.assert_array_equal(theirs.shN.reshape(60, -1, 3), ours.sh[:, 1:].numpy())


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("bases", [1, 16])
def test_files_of_gsply_are_read(tmp_path, version, bases):
    gsply = pytest.importorskip("gsply")
    if version == 4:
        pytest.importorskip("zstandard")
    gaussians = random_gaussians(60, bases)
    data = gsply.GSData.from_arrays(
        means=gaussians.means.numpy(),
        scales=gaussians.scales.log().numpy(),
        quats=gaussians.quats_wxyz.numpy(),
        opacities=torch.logit(gaussians.opacities).numpy(),
        sh0=gaussians.sh[:, 0].contiguous().numpy(),
        shN=gaussians.sh[:, 1:].contiguous().numpy() if bases > 1 else None,
        format="ply",
    )
    gsply.write_spz(str(tmp_path / "theirs.spz"), data, version=version)
    back = read_spz(tmp_path / "theirs.spz")
    assert (back.means - gaussians.means).abs().max() <= 2**-12
    assert (back.sh[:, 0] - gaussians.sh[:, 0]).abs().max() <= 1 / (0.15 * 255)
    assert rotation_angle(back.quats_wxyz, gaussians.quats_wxyz).max() < 1e-2


def test_versions_1_and_2_are_read():
    # One Gaussian by hand: at (1, -2, 3), half opaque, gray, scale exp(-4), a quarter turn about x.
    x = round((math.sqrt(0.5) + 1) * 127.5)
    rest = bytes([128, 127, 127, 127, 96, 96, 96, x, 128, 128])
    fixed = b"".join((value << 12).to_bytes(3, "little", signed=True) for value in (1, -2, 3))
    for version, position in ((1, struct.pack("<3e", 1, -2, 3)), (2, fixed)):
        header = struct.pack("<4sIIBBBB", b"NGSP", version, 1, 0, 12, 0, 0)
        back = read_spz(io.BytesIO(gzip.compress(header + position + rest)))
        assert back.means.tolist() == [[1, -2, 3]]
        assert float(back.scales[0, 0]) == pytest.approx(math.exp(-4))
        assert back.quats_wxyz[0].tolist() == pytest.approx(
            [math.sqrt(0.5), math.sqrt(0.5), 0, 0], abs=1 / 127
        )


def test_writing_refuses_what_the_format_cannot_hold():
    gaussians = random_gaussians(4)
    with pytest.raises(InvalidInput, match="must hold 1 to"):
        write_spz(io.BytesIO(), gaussians.select(torch.zeros(4, dtype=torch.bool)))
    with pytest.raises(InvalidInput, match="sh_bits must be 1 to 8"):
        write_spz(io.BytesIO(), gaussians, sh_bits=(0, 4))
    gaussians.means[0, 0] = 5e6
    with pytest.raises(InvalidInput, match="within 4 million units"):
        write_spz(io.BytesIO(), gaussians)
    gaussians.means[0, 0] = math.inf
    with pytest.raises(InvalidInput, match="means must be finite"):
        write_spz(io.BytesIO(), gaussians)


RAW = gzip.decompress(spz_bytes(random_gaussians(4, 4)))


def repacked(**fields):
    """A file with some header fields changed."""
    names = ("magic", "version", "count", "degree", "bits", "flags", "reserved")
    header = dict(zip(names, struct.unpack_from("<IIIBBBB", RAW), strict=True)) | fields
    return gzip.compress(struct.pack("<IIIBBBB", *header.values()) + RAW[16:])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "neither gzip nor 'NGSP'"),
        (b"ply\nformat", "neither gzip nor 'NGSP'"),
        (gzip.compress(b"hello"), "is truncated: 5 of 16 header bytes"),
        (gzip.compress(RAW)[:60], "is truncated: 4 Gaussians need 116 bytes"),
        (gzip.compress(RAW[:-1]), "4 Gaussians need 116 bytes; got 115"),
        (repacked(magic=1), "not 'NGSP'"),
        (repacked(version=9), "version must be 1 to 4; got 9"),
        (repacked(count=0), "the header says 0"),
        (repacked(count=200_000_000), "promises 200000000 Gaussians, more than"),
        (repacked(degree=5), "SH degree must be 0 to 4; got 5"),
        (repacked(bits=40), "fractional bits must be 0 to 23; got 40"),
    ],
    ids=lambda value: (
        value if isinstance(value, str) else ""
    ),  # the bytes hold the time, which differs between workers
)
def test_bad_files_are_refused(tmp_path, data, message):
    (tmp_path / "bad.spz").write_bytes(data)
    with pytest.raises(FormatError, match=r"^bad\.spz: ") as error:
        read_spz(tmp_path / "bad.spz")
    assert message in str(error.value)


def sh_color(sh, direction):
    """Color in a direction from SH coefficients, in the polynomial form of the real harmonics."""
    x, y, z = direction
    basis = [
        0.28209479177387814,
        -0.4886025119029199 * y,
        0.4886025119029199 * z,
        -0.4886025119029199 * x,
        1.0925484305920792 * x * y,
        -1.0925484305920792 * y * z,
        0.31539156525252005 * (2 * z * z - x * x - y * y),
        -1.0925484305920792 * x * z,
        0.5462742152960396 * (x * x - y * y),
        -0.5900435899266435 * y * (3 * x * x - y * y),
        2.890611442640554 * x * y * z,
        -0.4570457994644658 * y * (4 * z * z - x * x - y * y),
        0.3731763325901154 * z * (2 * z * z - 3 * x * x - 3 * y * y),
        -0.4570457994644658 * x * (4 * z * z - x * x - y * y),
        1.445305721320277 * z * (x * x - y * y),
        -0.5900435899266435 * x * (x * x - 3 * y * y),
    ]
    return sum(b * c for b, c in zip(basis, sh.double(), strict=True))


def test_turned_world_looks_the_same_from_the_turned_side():
    from matrix3d_core.geometry.rotations import matrix_from_quats

    gaussians = random_gaussians(20, 16)
    turned = turn_half_about_x(gaussians)
    half_turn = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    torch.testing.assert_close(turned.means, gaussians.means @ half_turn.mT)
    torch.testing.assert_close(
        matrix_from_quats(turned.quats_wxyz),
        half_turn @ matrix_from_quats(gaussians.quats_wxyz),
        rtol=0,
        atol=1e-6,
    )
    rng = torch.Generator().manual_seed(3)
    for i, direction in enumerate(torch.nn.functional.normalize(torch.randn(20, 3, generator=rng), dim=-1)):
        before = sh_color(gaussians.sh[i], direction.tolist())
        after = sh_color(turned.sh[i], (half_turn @ direction).tolist())
        torch.testing.assert_close(after, before, rtol=0, atol=1e-6)
