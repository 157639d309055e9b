"""Occupancy grid: the cells of a world that block a walk, and the file from which the browser reads them."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import FormatError, InvalidInput
from ..strict_json import brief, parse_json

__all__ = ["BODY_RADIUS_M", "Occupancy", "decode_occupancy", "encode_occupancy"]

BODY_RADIUS_M = 0.25
"""Radius of the walking body, meters."""
_MAGIC = b"M3DWALLS"
_VERSION = 1
_MOST_CELLS = 64_000_000
_MOST_HEADER = 10_000  # bytes


@dataclass(frozen=True)
class Occupancy:
    """A box of equal cubes, each solid or free, in the world frame (OpenCV axes, world units).

    Attributes:
        solid: ``[Z, Y, X]`` bool.
        origin: corner of cell (0, 0, 0) with the least coordinates, (x, y, z).
        cell: edge of a cell.
        is_outside_solid: whether everything outside the box is solid (a closed world) or free.
        unit: world units per meter; sizes of a body are multiples of it.
    """

    solid: Tensor
    origin: tuple[float, float, float]
    cell: float
    is_outside_solid: bool = False
    unit: float = 1.0

    def __post_init__(self) -> None:
        check_shape("solid", self.solid, "Z Y X")
        if self.solid.dtype != torch.bool or not 1 <= self.solid.numel() <= _MOST_CELLS:
            raise InvalidInput(
                f"solid must be bool and hold 1 to {_MOST_CELLS} cells; "
                f"got {self.solid.dtype}, {self.solid.numel()}."
            )
        numbers = (*self.origin, self.cell, self.unit)
        if len(self.origin) != 3 or not all(map(math.isfinite, numbers)) or self.cell <= 0 or self.unit <= 0:
            raise InvalidInput(f"origin, cell and unit must be finite, sizes positive; got {numbers}.")

    @property
    def radius(self) -> float:
        """Radius of the walking body, world units."""
        return BODY_RADIUS_M * self.unit

    def blocks(self, points: Tensor, radius: float) -> Tensor:  # [N, 3] -> [N]
        """Return which spheres around ``points`` touch something solid.

        Exact: a sphere touches a cell when the cell's nearest point lies inside it.

        Args:
            points: ``[N, 3]`` world units.
            radius: of the spheres, world units; 0 tests the points themselves.
        """
        check_shape("points", points, "N 3")
        at = (
            points.detach().to("cpu", torch.float64) - torch.tensor(self.origin, dtype=torch.float64)
        ) / self.cell
        reach = radius / self.cell
        base = at.floor()
        steps = torch.arange(-math.ceil(reach), math.ceil(reach) + 1, dtype=torch.float64)
        hit = torch.zeros(len(points), dtype=torch.bool)
        size = torch.tensor(self.solid.shape[::-1], dtype=torch.float64)
        for offset in torch.cartesian_prod(steps, steps, steps):
            cell = base + offset
            away = (torch.maximum(cell, torch.minimum(at, cell + 1)) - at).square().sum(-1)
            inside = ((cell >= 0) & (cell < size)).all(-1)
            x, y, z = cell.clamp(torch.zeros(3, dtype=torch.float64), size - 1).long().unbind(-1)
            is_solid = torch.where(inside, self.solid[z, y, x], self.is_outside_solid)
            hit |= is_solid & ((away < reach * reach) | (offset == 0).all())
        return hit

    def joined(self, other: Occupancy) -> Occupancy:
        """Return the same grid with the cells solid, too, that solid cells of another one reach into.

        What of the other lies outside of this grid's box is left out.
        """
        cells = other.solid.nonzero().flip(1).double()  # x, y, z
        solid = self.solid.clone()
        size = torch.tensor(self.solid.shape[::-1])
        steps = math.ceil(other.cell / self.cell) + 1
        inset = torch.linspace(1e-6, 1 - 1e-6, steps, dtype=torch.float64)
        origin, other_origin = (torch.tensor(grid.origin, dtype=torch.float64) for grid in (self, other))
        for offset in torch.cartesian_prod(inset, inset, inset):
            at = ((other_origin + (cells + offset) * other.cell - origin) / self.cell).floor().long()
            x, y, z = at[((at >= 0) & (at < size)).all(1)].unbind(1)
            solid[z, y, x] = True
        return Occupancy(solid, self.origin, self.cell, self.is_outside_solid, self.unit)

    def without(self, points: Tensor, radius: float) -> Occupancy:
        """Return the same grid with the cells touched by spheres around ``points`` set free: a camera passed there."""
        solid = self.solid.clone()
        reach = math.ceil(radius / self.cell) + 1
        sizes = self.solid.shape[::-1]
        for point in points.to(torch.float64).tolist():
            at = [(p - o) / self.cell for p, o in zip(point, self.origin, strict=True)]
            low = [max(0, math.floor(a) - reach) for a in at]
            high = [min(n, math.floor(a) + reach + 1) for a, n in zip(at, sizes, strict=True)]
            if any(a >= b for a, b in zip(low, high, strict=True)):
                continue
            gaps = [
                torch.maximum(lo - v, (v - lo - 1)).clamp(min=0).square()
                for lo, v in (
                    (torch.arange(a, b, dtype=torch.float64), v)
                    for a, b, v in zip(low, high, at, strict=True)
                )
            ]
            away = gaps[2][:, None, None] + gaps[1][None, :, None] + gaps[0][None, None, :]
            block = solid[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
            block &= away >= (radius / self.cell) ** 2
        return Occupancy(solid, self.origin, self.cell, self.is_outside_solid, self.unit)


def encode_occupancy(occupancy: Occupancy) -> bytes:
    """Return the file of a grid: 8 letters, the header's length (uint32, little endian), a JSON header, gzipped bits.

    Bit ``x + X (y + Y z)`` is cell (x, y, z), lowest bit of a byte first.
    """
    depth, height, width = occupancy.solid.shape
    header = {
        "version": _VERSION,
        "size": [width, height, depth],
        "origin": list(occupancy.origin),
        "cell": occupancy.cell,
        "outside": occupancy.is_outside_solid,
        "unit": occupancy.unit,
    }
    text = json.dumps(header).encode()
    bits = np.packbits(occupancy.solid.numpy().reshape(-1), bitorder="little").tobytes()
    return _MAGIC + len(text).to_bytes(4, "little") + text + gzip.compress(bits, 6, mtime=0)


def decode_occupancy(data: bytes) -> Occupancy:
    """Read what `encode_occupancy` wrote.

    Raises:
        FormatError: when it is something else or damaged.
    """
    try:
        if data[:8] != _MAGIC:
            raise ValueError("it does not begin with M3DWALLS")
        length = int.from_bytes(data[8:12], "little")
        header = parse_json(data[12 : 12 + length], source="its header", most_bytes=_MOST_HEADER)
        if header["version"] != _VERSION:
            raise ValueError(f"version {brief(header['version'])} is not known")
        if not all(type(n) is int and 1 <= n <= _MOST_CELLS for n in header["size"]):
            raise ValueError(f"its size is {brief(header['size'])}")
        width, height, depth = header["size"]
        count = width * height * depth
        if not 1 <= count <= _MOST_CELLS:
            raise ValueError(f"it says {count} cells, at most {_MOST_CELLS} are read")
        needed = (count + 7) // 8
        stream = zlib.decompressobj(31)
        unpacked = stream.decompress(data[12 + length :], needed + 1)
        if len(unpacked) != needed or not stream.eof:
            raise ValueError(f"it does not hold {needed} bytes of cells")
        bits = np.frombuffer(unpacked, dtype=np.uint8)
        solid = np.unpackbits(bits, count=count, bitorder="little").view(bool).reshape(depth, height, width)
        x, y, z = (float(v) for v in header["origin"])
        return Occupancy(
            torch.from_numpy(solid),
            (x, y, z),
            float(header["cell"]),
            bool(header["outside"]),
            float(header["unit"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError, zlib.error) as error:
        raise FormatError(f"the file of walls cannot be read: {error}.") from error
