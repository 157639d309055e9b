"""Pictures of all kinds come in as [H, W, 3] in 0..1, and broken ones say what is wrong."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import programs
import pytest
import torch
from PIL import Image
from tiff_files import write_tiff

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.images import read_image, write_image

ROOT = Path(__file__).resolve().parents[2]


def write_png(path: Path, values: np.ndarray, color_type: int, bits: int) -> None:
    """Write a PNG byte by byte from its definition; Pillow cannot write 16-bit color."""
    height, width = values.shape[:2]

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = values.astype(">u2" if bits == 16 else np.uint8).reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def random_values(channels: int, bits: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**bits, (8, 16, channels))


def test_eight_bits_round_trip_exactly(tmp_path):
    values = random_values(3, 8)
    rgb = torch.from_numpy(values).float() / 255
    write_image(tmp_path / "a.png", rgb)
    assert torch.equal(read_image(tmp_path / "a.png"), rgb)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(("channels", "color_type"), [(3, 2), (4, 6)])
def test_sixteen_bit_color_keeps_all_bits(tmp_path, channels, color_type):
    pytest.importorskip("av")
    values = random_values(channels, 16)
    write_png(tmp_path / "deep.png", values, color_type, 16)
    expected = torch.from_numpy((values[..., :3] / 65535).astype(np.float32))
    for source in (tmp_path / "deep.png", io.BytesIO((tmp_path / "deep.png").read_bytes())):
        torch.testing.assert_close(read_image(source), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize(("channels", "color_type"), [(1, 0), (2, 4)])
def test_sixteen_bit_gray(tmp_path, channels, color_type):
    pytest.importorskip("av")
    values = random_values(channels, 16)
    write_png(tmp_path / "gray.png", values, color_type, 16)
    expected = torch.from_numpy((values[..., :1] / 65535).astype(np.float32)).expand(-1, -1, 3)
    torch.testing.assert_close(read_image(tmp_path / "gray.png"), expected, rtol=0, atol=1e-7)


def test_sixteen_bit_color_without_av_is_read_as_eight(tmp_path, monkeypatch, caplog):
    values = random_values(3, 16)
    write_png(tmp_path / "deep.png", values, 2, 16)
    monkeypatch.setitem(sys.modules, "av", None)
    rgb = read_image(tmp_path / "deep.png")
    assert float((rgb - torch.from_numpy(values / 65535).float()).abs().max()) < 1 / 255
    assert "deep.png: read with 8 of its 16 bits" in caplog.text


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_alpha_is_dropped_and_the_colors_kept(tmp_path, name):
    values = random_values(4, 8).astype(np.uint8)
    values[..., 3] = np.maximum(values[..., 3], 1)
    Image.fromarray(values).save(
        tmp_path / name, **({"lossless": True, "exact": True} if name == "a.webp" else {})
    )
    expected = torch.from_numpy(values[..., :3]).float() / 255
    assert torch.equal(read_image(tmp_path / name), expected)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "CMYK", "I;16", "F"])
def test_other_modes_become_three_channels(tmp_path, mode):
    name = "a.tif" if mode in ("CMYK", "F") else "a.png"
    if mode in ("I;16", "F"):
        data = np.full((4, 8), 65535, np.uint16) if mode == "I;16" else np.full((4, 8), 1.0, np.float32)
        picture = Image.fromarray(data)
    else:
        picture = Image.new("RGB", (8, 4), (255, 255, 255)).convert(mode)
    picture.save(tmp_path / name)
    rgb = read_image(tmp_path / name)
    assert rgb.shape == (4, 8, 3)
    assert rgb.dtype == torch.float32
    assert bool((rgb == 1).all())


def test_palette_with_transparency(tmp_path):
    picture = Image.new("P", (8, 4), 1)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    picture.save(tmp_path / "p.png", transparency=b"\x00\x80")
    assert torch.equal(read_image(tmp_path / "p.png"), torch.tensor([1.0, 0, 0]).expand(4, 8, 3))


def test_exif_orientation_is_applied(tmp_path):
    values = np.zeros((4, 8, 3), np.uint8)
    values[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned: the viewer turns it clockwise by 90 degrees
    Image.fromarray(values).save(tmp_path / "turned.png", exif=exif)
    rgb = read_image(tmp_path / "turned.png")
    assert rgb.shape == (8, 4, 3)
    assert float(rgb[0, 3].min()) == 1


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_max_width_shrinks_and_keeps_the_shape(tmp_path, name):
    rgb = torch.zeros(64, 128, 3)
    rgb[:, 64:] = 1
    write_image(tmp_path / name, rgb)
    small = read_image(tmp_path / name, max_width=32)
    assert small.shape == (16, 32, 3)
    assert float((small[:, :14]).max()) < 0.1
    assert float((small[:, 18:]).min()) > 0.9
    assert read_image(tmp_path / name, max_width=500).shape == (64, 128, 3)
    with pytest.raises(InvalidInput, match="max_width"):
        read_image(tmp_path / name, max_width=-1)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cut_off_files_are_named(tmp_path, name, share):
    rng = torch.Generator().manual_seed(0)
    write_image(tmp_path / name, torch.rand(64, 128, 3, generator=rng))
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * share)])
    with pytest.raises(FormatError, match=rf"^{name}: (damaged or truncated|not a picture)"):
        read_image(tmp_path / name)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_cut_off_deep_png_is_named(tmp_path, share):
    pytest.importorskip("av")
    write_png(tmp_path / "deep.png", random_values(3, 16), 2, 16)
    data = (tmp_path / "deep.png").read_bytes()
    (tmp_path / "deep.png").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(FormatError, match=r"^deep.png: damaged or truncated"):
        read_image(tmp_path / "deep.png")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" + b"\0" * 50])
def test_things_that_are_no_pictures_are_named(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(FormatError, match=r"^x\.png: "):
        read_image(tmp_path / "x.png")


def test_missing_files_are_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "none.png")


@pytest.mark.parametrize(
    ("rgb", "name", "match"),
    [
        (torch.zeros(4, 8), "a.png", "must have shape"),
        (torch.full((4, 8, 3), float("nan")), "a.png", "must be finite"),
        (torch.zeros(4, 8, 3), "a.gif", "must be written as"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, rgb, name, match):
    with pytest.raises(InvalidInput, match=match):
        write_image(tmp_path / name, rgb)
    assert not list(tmp_path.iterdir())


def write_every_kind(folder: Path, height: int) -> None:
    """Pictures of 2:1 in every format whose reader has a way of its own."""
    openexr = pytest.importorskip("OpenEXR")
    folder.mkdir()
    gray, colors = Image.new("RGB", (2 * height, height), (10, 20, 30)), (height, 2 * height, 3)
    for name in ("a.jpg", "a.png", "a.webp", "a.tif"):
        gray.save(folder / name)
    gray.putalpha(200)
    gray.save(folder / "alpha.png")
    gray.save(folder / "alpha.webp")
    for channels, kind in ((3, 2), (4, 6)):
        write_png(folder / f"deep{channels}.png", np.full((*colors[:2], channels), 9999, np.uint16), kind, 16)
    rotated = {"size": colors[:2], "t274": [6]}
    write_tiff(folder / "deep.tif", [np.full(colors, 9999, np.uint16).tobytes()], [16] * 3, 1, **rotated)
    values = np.full((*colors[:2], 4), 1.5, np.float32)
    write_tiff(folder / "float.tif", [values.tobytes()], [32] * 4, 3, **rotated, t338=[2])
    head = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n" % colors[:2]
    (folder / "a.hdr").write_bytes(head + bytes((90, 80, 70, 128)) * (2 * height * height))
    plane = np.full(colors[:2], 0.2, np.float32)
    for name, kind, channels in (("half", "f2", "RGB"), ("float", "f4", "RGB"), ("many", "f4", "ABGRXYZ")):
        header = {"compression": openexr.ZIP_COMPRESSION}
        with openexr.File(header, {c: plane.astype(kind) for c in channels}) as written:
            written.write(str(folder / f"{name}.exr"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux counts it")
def test_large_panoramas_are_read_within_twice_their_memory(tmp_path):
    """Every kind at 4096x2048, floats also shrunk, and a JPEG of 8192x4096 decoded at half its size from the start."""
    write_every_kind(tmp_path / "small", 16)
    write_every_kind(tmp_path / "large", 2048)
    Image.new("RGB", (8192, 4096), (10, 20, 30)).save(tmp_path / "large" / "huge.jpg", quality=50)
    asked = [(path.name, 0) for path in sorted((tmp_path / "small").iterdir())]
    asked += [("huge.jpg", 4096), *((name, 3000) for name in ("float.exr", "many.exr", "a.hdr"))]
    arguments = [
        str(part)
        for name, width in asked
        for part in (tmp_path / "small" / name.replace("huge", "a"), tmp_path / "large" / name, width)
    ]
    done = subprocess.run(
        programs.command("read_and_measure", *arguments),
        env=programs.environment(PYTHONWARNINGS="error"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    too_much = {}
    for line, (name, width) in zip(done.stdout.splitlines(), asked, strict=True):
        *size, has_alpha, taken = map(int, line.split())
        assert sorted(size) == [3, (width or 4096) // 2, width or 4096]
        decoded = (16 if has_alpha else 12) * 2048 * 4096  # before it is shrunk, but for JPEG
        if taken > 2 * decoded:
            too_much[name, width] = round(taken / decoded, 2)
    assert not too_much


def test_far_too_large_pictures_are_refused_before_decoding(tmp_path):
    header = struct.pack(">IIBBBBB", 60000, 30000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    data = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + data)
    with pytest.raises(FormatError, match=r"^bomb.png: too large"):
        read_image(tmp_path / "bomb.png")
