"""TIFF files written tag by tag, for what Pillow does not write."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any


def write_tiff(
    path: Path,
    strips: list[bytes],
    bits: list[int],
    kind: int,
    *,
    size: tuple[int, int],
    order: str = "<",
    big: bool = False,
    **tags: Any,
) -> None:
    """Write one directory with LONG tags around ready strips or tiles."""
    where = "QQ" if big else "II"
    fields = {
        256: [size[1]],
        257: [size[0]],
        258: bits,
        259: [1],
        262: [2],
        273: None,
        277: [len(bits)],
        279: [len(s) for s in strips],
    }
    fields |= {339: [kind] * len(bits)} | {int(name[1:]): value for name, value in tags.items()}
    if 322 in fields:  # tiles have tags of their own
        fields[324], fields[325] = None, fields.pop(279)
        del fields[273]
    head = order.encode().replace(b"<", b"II").replace(b">", b"MM")
    head += struct.pack(f"{order}HHHQ", 43, 8, 0, 16) if big else struct.pack(f"{order}HI", 42, 8)
    entry, width = (20, 8) if big else (12, 4)
    extra_at = len(head) + (8 if big else 2) + entry * len(fields) + width
    counts = {tag: len(strips) if value is None else len(value) for tag, value in fields.items()}
    data_at = extra_at + sum(4 * n for n in counts.values() if 4 * n > width)
    offsets = [data_at + sum(map(len, strips[:k])) for k in range(len(strips))]
    entries, extra = b"", b""
    for tag, value in sorted(fields.items()):
        packed = struct.pack(f"{order}{counts[tag]}I", *(offsets if value is None else value))
        if len(packed) > width:
            entries += struct.pack(f"{order}HH{where}", tag, 4, counts[tag], extra_at + len(extra))
            extra += packed
        else:
            entries += struct.pack(f"{order}HH{where[0]}", tag, 4, counts[tag]) + packed.ljust(width, b"\0")
    count = struct.pack(f"{order}{'Q' if big else 'H'}", len(fields))
    path.write_bytes(head + count + entries + bytes(width) + extra + b"".join(strips))
