"""Tagged MP4s: read back by FFmpeg (through PyAV), and box by box by an independent walk."""

import re
import struct

import pytest
import torch

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.spherical_mp4 import LAYOUTS_360, add_spherical_metadata
from matrix3d_core.io.video import write_mp4

av = pytest.importorskip("av")


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.mp4"
    ramp = torch.linspace(0, 1, 64).expand(32, 64)
    frames = torch.stack([torch.stack((ramp, ramp.flip(1), ramp * 0 + k / 5), -1) for k in range(5)])
    write_mp4(path, frames, fps=10)
    return path


def decoded(path):
    with av.open(str(path)) as container:
        return torch.stack(
            [torch.from_numpy(f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
        )


def where(data, *kinds):
    """Follow nested boxes by name, with plain searches; return the payload of the last."""
    for kind in kinds:
        at = data.index(kind)
        size = struct.unpack(">I", data[at - 4 : at])[0]
        data = data[at + 4 : at - 4 + size]
    return data


@pytest.mark.parametrize("layout", LAYOUTS_360)
def test_the_film_still_plays_bit_by_bit(film, layout):
    before = decoded(film)
    assert film.read_bytes().index(b"moov") < film.read_bytes().index(b"mdat")  # offsets had to move
    add_spherical_metadata(film, layout)
    assert torch.equal(decoded(film), before)
    once = film.read_bytes()
    add_spherical_metadata(film, layout)
    assert film.read_bytes() == once  # replaced, not added
    add_spherical_metadata(film, "360")
    assert torch.equal(decoded(film), before)


@pytest.mark.parametrize("layout", LAYOUTS_360)
def test_boxes_say_what_was_asked(film, layout):
    add_spherical_metadata(film, layout)
    entry = where(film.read_bytes(), b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
    mode = 0 if layout == "360" else 1 if "top" in layout else 2
    assert where(entry, b"st3d") == bytes((0, 0, 0, 0, mode))
    assert (b"sv3d" in entry) == (not layout.startswith("flat"))
    if b"sv3d" in entry:
        assert where(entry, b"sv3d", b"svhd") == b"\0\0\0\0ComfyUI-Matrix3D\0"
        assert where(entry, b"sv3d", b"proj", b"prhd") == bytes(16)
        top, bottom, left, right = struct.unpack(">4I", where(entry, b"sv3d", b"proj", b"equi")[4:])
        assert (top, bottom) == (0, 0)
        assert left == right == (2**32 // 4 if layout.startswith("vr180") else 0)
    xml = re.search(rb"<GSpherical:StereoMode>(.*?)<", film.read_bytes())
    assert (xml is not None) == layout.startswith("360")


def test_ffmpeg_reads_the_sphere(film):
    """FFmpeg reports both boxes as side data of the stream, where PyAV passes it on."""
    add_spherical_metadata(film, "360 top bottom")
    with av.open(str(film)) as container:
        frame = next(container.decode(video=0))
        kinds = {str(item.type) for item in frame.side_data}
    text = " ".join(kinds).upper()
    if "SPHERICAL" not in text and "STEREO" not in text:
        pytest.skip(f"this PyAV passes on no stream side data (frame: {sorted(kinds)})")
    assert "SPHERICAL" in text


def test_the_index_may_come_last(tmp_path, film):
    late = tmp_path / "late.mp4"
    with av.open(str(film)) as source, av.open(str(late), "w", format="mp4") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert late.read_bytes().index(b"moov") > late.read_bytes().index(b"mdat")
    add_spherical_metadata(late)
    assert torch.equal(decoded(late), decoded(film))


def test_wrong_files_are_named_and_left_alone(tmp_path, film):
    with pytest.raises(InvalidInput, match="layout must be one of 360"):
        add_spherical_metadata(film, "dome")
    whole = film.read_bytes()
    for content, words in (
        (b"RIFF" + bytes(100), "not an MP4"),
        (whole[:-100], "truncated"),
        (b"", "one index"),
        (whole.replace(b"avc1", b"xyz1"), "codec 'xyz1' cannot be tagged"),
        (whole.replace(b"vide", b"soun"), "one video track"),
    ):
        broken = tmp_path / "broken.mp4"
        broken.write_bytes(content)
        with pytest.raises(FormatError, match=words):
            add_spherical_metadata(broken)
        assert broken.read_bytes() == content
        assert len(list(tmp_path.iterdir())) == 2  # no partial file
