"""Tags an MP4 as a 360 or VR180 video for players: the boxes ``st3d`` and ``sv3d``, and the older XML.

Boxes are nested records prefixed by their length. The new ones go into the video's sample entry; the enclosing
boxes grow with them. Where the index precedes the pictures, its offsets grow too.

Source: Google, Spherical Video V2 RFC and V1 RFC (spatial-media), and ISO/IEC 14496-12.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

from ..errors import FormatError, InvalidInput
from .atomic import open_atomically
from .findings import damage_as_format_error

__all__ = ["LAYOUTS_360", "add_spherical_metadata"]

LAYOUTS_360 = ("360", "360 side by side", "360 top bottom", "vr180 side by side", "flat side by side")
"""What a video can be tagged as. The last is a stereo film without a sphere."""

_V1_UUID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
_ENTRIES = (b"avc1", b"avc3", b"hvc1", b"hev1", b"av01", b"vp09", b"mp4v")
_ENTRY_HEADER = 78  # of a visual sample entry, after size and type
_PATH = (b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_SOURCE = "ComfyUI-Matrix3D"
_MAX_INDEX = 1 << 28


def add_spherical_metadata(path: str | Path, layout: str = "360") -> None:
    """Tag an MP4 file in place, in one step; tags that it already has are replaced.

    Args:
        path: an MP4 with one H.264, H.265, AV1, VP9 or MPEG-4 video track.
        layout: one of `LAYOUTS_360`. A ``vr180`` eye covers the half panorama in front; the ``360`` ones are
            whole panoramas.

    Raises:
        InvalidInput: for an unknown layout.
        FormatError: when the file is no such MP4; it is left as it was.
    """
    if layout not in LAYOUTS_360:
        raise InvalidInput(f"layout must be one of {', '.join(LAYOUTS_360)}; got {layout!r}.")
    path = Path(path)
    with path.open("rb") as source, damage_as_format_error(path.name):
        tops = _top_boxes(source, path)
        found = [(start, end) for kind, start, end in tops if kind == b"moov"]
        if len(found) != 1 or found[0][1] - found[0][0] > _MAX_INDEX:
            raise FormatError(f"{path.name}: an MP4 must have one index (moov); found {len(found)}.")
        start, end = found[0]
        source.seek(start)
        old = source.read(end - start)
        tagged = _Tagger(layout, path.name)
        new = tagged.rebuild(old)
        if tagged.tracks != 1:
            raise FormatError(
                f"{path.name}: an MP4 must have one video track to be tagged; found {tagged.tracks}."
            )
        grown = len(new) - len(old)
        new = _shifted(new, path.name, end, grown) if grown else new
        with open_atomically(path) as target:
            source.seek(0)
            _copy(source, target, start)
            target.write(new)
            source.seek(end)
            shutil.copyfileobj(source, target, 1 << 20)


def _copy(source, target, count: int) -> None:  # type: ignore[no-untyped-def]
    while count > 0:
        piece = source.read(min(count, 1 << 20))
        target.write(piece)
        count -= len(piece)


def _top_boxes(source, path: Path) -> list[tuple[bytes, int, int]]:  # type: ignore[no-untyped-def]
    total, at = path.stat().st_size, 0
    boxes = []
    while at < total:
        source.seek(at)
        head = source.read(16)
        if len(head) < 8:
            raise FormatError(f"{path.name}: not an MP4, or truncated at byte {at}.")
        size, kind = struct.unpack(">I4s", head[:8])
        if size == 1 and len(head) == 16:
            size = struct.unpack(">Q", head[8:])[0]
        size = total - at if size == 0 else size
        if size < 8 or at + size > total or (at == 0 and kind != b"ftyp"):
            raise FormatError(f"{path.name}: not an MP4, or truncated at byte {at}.")
        boxes.append((kind, at, at + size))
        at += size
    return boxes


def _boxes(data: bytes, start: int, end: int, name: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield ``(kind, start, end)`` of the boxes in a range."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8 or start + size > end:
            raise FormatError(f"{name}: box {kind!r} has a wrong length ({size}).")
        yield kind, start, start + size
        start += size


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


class _Tagger:
    """Copies the index, putting the tags into the video track."""

    def __init__(self, layout: str, name: str) -> None:
        self.tracks = 0
        self._layout, self._name = layout, name

    def rebuild(self, moov: bytes) -> bytes:
        parts = []
        for kind, start, end in _boxes(moov, 8, len(moov), self._name):
            whole = moov[start:end]
            parts.append(self._track(whole) if kind == b"trak" and _is_video(whole, self._name) else whole)
        return _box(b"moov", b"".join(parts))

    def _track(self, trak: bytes) -> bytes:
        self.tracks += 1
        payload = self._inside(trak, 1)
        old = [trak[s:e] for k, s, e in _boxes(trak, 8, len(trak), self._name) if k == b"uuid"]
        for box in old:
            if box[8:24] == _V1_UUID:
                payload = payload.replace(box, b"")
        xml = _v1_xml(self._layout)
        return _box(b"trak", payload + (_box(b"uuid", _V1_UUID + xml) if xml else b""))

    def _inside(self, box: bytes, depth: int) -> bytes:
        """Return the payload of a box that encloses the sample entries, tagged."""
        parts = []
        for kind, start, end in _boxes(box, 8, len(box), self._name):
            whole = box[start:end]
            if depth < len(_PATH) and kind == _PATH[depth]:
                whole = _box(
                    kind, self._entries(whole) if kind == b"stsd" else self._inside(whole, depth + 1)
                )
            parts.append(whole)
        return b"".join(parts)

    def _entries(self, stsd: bytes) -> bytes:
        parts = [stsd[8:16]]
        for kind, start, end in _boxes(stsd, 16, len(stsd), self._name):
            if kind not in _ENTRIES:
                raise FormatError(f"{self._name}: video codec {kind.decode('latin1')!r} cannot be tagged.")
            head = stsd[start + 8 : start + 8 + _ENTRY_HEADER]
            inner = _boxes(stsd, start + 8 + _ENTRY_HEADER, end, self._name)
            kept = b"".join(stsd[s:e] for k, s, e in inner if k not in (b"st3d", b"sv3d"))
            parts.append(_box(kind, head + kept + _v2_boxes(self._layout)))
        return b"".join(parts)


def _is_video(trak: bytes, name: str) -> bool:
    for kind, start, end in _boxes(trak, 8, len(trak), name):
        if kind == b"mdia":
            for inner, at, stop in _boxes(trak, start + 8, end, name):
                if inner == b"hdlr":
                    return trak[at + 16 : at + 20] == b"vide" and stop > at + 20
    return False


def _v2_boxes(layout: str) -> bytes:
    mode = {"360": 0, "360 top bottom": 1}.get(layout, 2)
    boxes = _box(b"st3d", struct.pack(">IB", 0, mode))
    if layout.startswith("flat"):
        return boxes
    side = (
        0x40000000 if layout.startswith("vr180") else 0
    )  # a quarter of the panorama is missing on each side
    header = _box(b"svhd", struct.pack(">I", 0) + _SOURCE.encode() + b"\0")
    pose = _box(b"prhd", struct.pack(">Iiii", 0, 0, 0, 0))
    bounds = _box(b"equi", struct.pack(">IIIII", 0, 0, 0, side, side))
    return boxes + _box(b"sv3d", header + _box(b"proj", pose + bounds))


def _v1_xml(layout: str) -> bytes:
    if not layout.startswith("360"):
        return b""  # the older form supports whole panoramas only
    stereo = {"360": "mono", "360 side by side": "left-right", "360 top bottom": "top-bottom"}[layout]
    return (
        '<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">'
        "<GSpherical:Spherical>true</GSpherical:Spherical>"
        "<GSpherical:Stitched>true</GSpherical:Stitched>"
        f"<GSpherical:StitchingSoftware>{_SOURCE}</GSpherical:StitchingSoftware>"
        "<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType>"
        f"<GSpherical:StereoMode>{stereo}</GSpherical:StereoMode>"
        "</rdf:SphericalVideo>"
    ).encode()


def _shifted(moov: bytes, name: str, old_end: int, grown: int) -> bytes:
    """Add ``grown`` to all chunk offsets that point beyond the old index."""
    data = bytearray(moov)

    def walk(start: int, end: int) -> None:
        for kind, at, stop in _boxes(moov, start, end, name):
            if kind in _PATH[:4]:
                walk(at + 8, stop)
            elif kind in (b"stco", b"co64"):
                form, width = (">I", 4) if kind == b"stco" else (">Q", 8)
                count = struct.unpack_from(">I", moov, at + 12)[0]
                if at + 16 + count * width > stop:
                    raise FormatError(f"{name}: the table of chunks is longer than its box.")
                for slot in range(at + 16, at + 16 + count * width, width):
                    offset = struct.unpack_from(form, moov, slot)[0]
                    if offset >= old_end:
                        if width == 4 and offset + grown >= 1 << 32:
                            raise FormatError(
                                f"{name}: too large to be tagged; its index has 32-bit offsets."
                            )
                        struct.pack_into(form, data, slot, offset + grown)

    walk(8, len(moov))
    return bytes(data)
