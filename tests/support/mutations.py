"""Hostile versions of a valid file, from a seed: bytes, numbers in texts, members of archives, headers with lengths."""

from __future__ import annotations

import io
import json
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

__all__ = ["mutate"]

_INTEGERS = (
    0,
    1,
    0x7F,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 40,
    (1 << 63) - 1,
    (1 << 64) - 1,
)
_FLOATS = (0.0, -1.0, 1e-45, 1e30, 3e38, float("inf"), float("-inf"), float("nan"))
_TOKENS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1e308",
    "1e-320",
    "9" * 400,
    "9" * 5000,
    "-1",
    "0",
    "null",
    "true",
    '""',
    '"x"',
    "[]",
    "{}",
    "[[[]]]",
    '"\\ud800"',
    "[" * 3000 + "]" * 3000,
    "1.5e3",
    "4294967296",
    "0.5",
)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


def mutate(data: bytes, seed: str) -> bytes:
    """Return a changed version of a file; the same one for the same seed."""
    draw = random.Random(seed)
    layers: list[Callable[[bytes, random.Random], bytes]] = [_bytes]
    if data[:2] == b"\x1f\x8b":
        layers += [_gzip, _gzip]
    elif data[:4] == b"PK\x03\x04":
        layers += [_zip, _zip, _zip]
    elif data[:4] == b"glTF":
        layers += [_glb, _glb]
    elif data[8:9] == b"{" and struct.unpack_from("<Q", data)[0] < len(data):
        layers += [_safetensors, _safetensors]
    elif _is_text(data[:400]):
        layers += [_text, _text, _json] if data.lstrip()[:1] in b"[{" else [_text, _text]
    return draw.choice(layers)(data, draw)


def _is_text(head: bytes) -> bool:
    return head[:4] == b"ply\n" or all(32 <= c < 127 or c in b"\r\n\t" for c in head)


def _bytes(data: bytes, draw: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        size = max(1, len(out))
        # Headers matter more than what follows.
        at = draw.randrange(size) if draw.random() < 0.4 else draw.randrange(min(size, 96))
        kind = draw.randrange(8)
        if kind == 0:
            del out[at:]
        elif kind == 1 and out:
            out[at] ^= 1 << draw.randrange(8)
        elif kind == 2:
            layout = draw.choice("BHIQ")
            value = draw.choice(_INTEGERS) & ((1 << 8 * struct.calcsize(layout)) - 1)
            _put(out, at, struct.pack("<" + layout, value))
        elif kind == 3:
            _put(out, at, struct.pack(draw.choice("<>") + "f", draw.choice(_FLOATS)))
        elif kind == 4:
            out[at:at] = draw.randbytes(draw.choice((1, 3, 16)))
        elif kind == 5:
            del out[at : at + draw.choice((1, 4, 32))]
        elif kind == 6:
            length = draw.choice((4, 16, 64))
            out[at : at + length] = out[draw.randrange(size) :][:length]
        else:
            _put(out, at, draw.randbytes(draw.choice((1, 4, 8))))
    return bytes(out)


def _put(out: bytearray, at: int, value: bytes) -> None:
    out[at : at + len(value)] = value


def _text(data: bytes, draw: random.Random) -> bytes:
    """Replace a number by another token; of a file with a text header, in the header."""
    end = data.find(b"end_header") if data[:3] == b"ply" else len(data)
    found = list(_NUMBER.finditer(data, 0, end))
    if not found:
        return _bytes(data, draw)
    place = draw.choice(found)
    return data[: place.start()] + draw.choice(_TOKENS).encode() + data[place.end() :]


def _json(data: bytes, draw: random.Random) -> bytes:
    try:
        document = json.loads(data)
    except ValueError:
        return _text(data, draw)
    return _dump(_edit(document, draw))


def _dump(document: Any) -> bytes:
    return json.dumps(document).encode()


def _edit(document: Any, draw: random.Random) -> Any:
    """Change one value somewhere in a JSON document."""
    path: list[Any] = []
    here = document
    while isinstance(here, dict | list) and here and (not path or draw.random() < 0.8):
        key = draw.choice(list(here) if isinstance(here, dict) else range(len(here)))
        path.append((here, key))
        here = here[key]
    if not path:
        return draw.choice((None, [], {}, 3, "x"))
    parent, key = path[-1]
    kind = draw.randrange(6)
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, list):
        parent.append(parent[key])
    elif kind == 2:
        parent[key] = [parent[key]]
    elif kind == 3:
        parent[key] = {"a": parent[key]}
    else:
        parent[key] = draw.choice(
            (
                None,
                True,
                -1,
                0,
                0.5,
                1 << 31,
                1 << 70,
                1e300,
                float("nan"),
                float("inf"),
                "",
                "x",
                "\ud800",
                "a" * 5000,
                [],
                {},
            )
        )
    return document


def _gzip(data: bytes, draw: random.Random) -> bytes:
    try:
        inside = zlib.decompress(data, 31)
    except zlib.error:
        return _bytes(data, draw)
    if draw.random() < 0.1:
        inside += bytes(1 << 22)
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(_bytes(inside, draw)) + packer.flush()


def _zip(data: bytes, draw: random.Random) -> bytes:
    """Change one member, drop one, or double one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError):
        return _bytes(data, draw)
    name = draw.choice(list(members))
    kind = draw.randrange(10)
    if kind == 0:
        del members[name]
    elif kind == 1:
        members["../" + name] = members.pop(name)
    elif kind == 2:
        members[name] += bytes(1 << 22)
    elif kind == 3:
        members[name] = draw.choice(list(members.values()))
    else:
        part = members[name]
        members[name] = (_json if part.lstrip()[:1] in (b"{", b"[") else _bytes)(part, draw)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for key, value in members.items():
            archive.writestr(key, value)
    return out.getvalue()


def _glb(data: bytes, draw: random.Random) -> bytes:
    """Change the JSON chunk and mend the lengths."""
    try:
        length = struct.unpack_from("<I", data, 12)[0]
        document = _edit(json.loads(data[20 : 20 + length]), draw)
    except (struct.error, ValueError):
        return _bytes(data, draw)
    text = _dump(document)
    if draw.random() < 0.3:
        text = _text(text, draw)
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    return struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text) + len(rest), len(text), b"JSON") + text + rest


def _safetensors(data: bytes, draw: random.Random) -> bytes:
    length = struct.unpack_from("<Q", data)[0]
    try:
        header = _edit(json.loads(data[8 : 8 + length]), draw)
    except ValueError:
        return _bytes(data, draw)
    text = _dump(header)
    if draw.random() < 0.3:
        text = _text(text, draw)
    return struct.pack("<Q", len(text)) + text + data[8 + length :]
