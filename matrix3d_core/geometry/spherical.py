"""Equirectangular (ERP) pixels, directions on the sphere, and lookups that know about seam and poles.

OpenCV axes: x right, y down, z forward. A ``W x H`` ERP has pixel centers at half integers,
``u = (i + 0.5) / W``, ``v = (j + 0.5) / H``; the azimuth is ``2 pi (u - 0.5)``, so the center column
looks along +z, ``u = 0.75`` along +x, the border along -z and row 0 along -y (up).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..checks import check_floating, check_shape, check_two_to_one
from ..errors import InvalidInput

__all__ = [
    "directions_from_pixels",
    "erp_directions",
    "pixels_from_directions",
    "sample_erp",
]


def directions_from_pixels(
    columns_px: Tensor,  # [...]
    rows_px: Tensor,  # [...]
    *,
    height: int,
    width: int,
) -> Tensor:  # [..., 3]
    """Map continuous ERP pixel coordinates to unit directions.

    Integer coordinates are pixel centers: ``(0, 0)`` is the center of the top left pixel. Columns
    wrap; rows run from -0.5 (the pole above) to ``height - 0.5`` (the pole below).

    Args:
        columns_px: ``[...]`` floating point.
        rows_px: ``[...]`` same shape, dtype and device.
        height: rows of the ERP, at least 1.
        width: columns of the ERP, at least 1.

    Returns:
        ``[..., 3]`` unit vectors (x right, y down, z forward), differentiable.

    Source: equirectangular projection; closed form in docs/conventions.md.
    """
    azimuth = ((columns_px + 0.5) / width - 0.5) * math.tau
    polar = (rows_px + 0.5) / height * math.pi
    ring = torch.sin(polar)
    return torch.stack((ring * torch.sin(azimuth), -torch.cos(polar), ring * torch.cos(azimuth)), dim=-1)


def erp_directions(
    height: int,
    width: int,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Tensor:  # [H, W, 3]
    """Return the unit direction of every pixel center of an ERP image.

    Computed in float64 and rounded once, so neighboring resolutions agree.

    Raises:
        InvalidInput: if a size is below 1.
    """
    if height < 1 or width < 1:
        raise InvalidInput(f"height and width must be at least 1; got {width}x{height}.")
    rows = torch.arange(height, dtype=torch.float64, device=device)
    columns = torch.arange(width, dtype=torch.float64, device=device)
    grid_rows, grid_columns = torch.meshgrid(rows, columns, indexing="ij")
    return directions_from_pixels(grid_columns, grid_rows, height=height, width=width).to(dtype)


def pixels_from_directions(
    directions: Tensor,  # [..., 3]
    *,
    height: int,
    width: int,
) -> tuple[Tensor, Tensor]:  # [...], [...]
    """Map directions to continuous ERP pixel coordinates, the inverse of `directions_from_pixels`.

    Args:
        directions: ``[..., 3]`` floating point, any length; a zero vector maps straight ahead.
        height: rows of the ERP.
        width: columns of the ERP.

    Returns:
        ``columns_px`` in ``[-0.5, width - 0.5]`` and ``rows_px`` in ``[-0.5, height - 0.5]``.
        Differentiable except on the vertical axis, where the azimuth is undefined.
    """
    check_shape("directions", directions, "... 3")
    x, y, z = directions.unbind(-1)
    azimuth = torch.atan2(x, z)
    elevation_down = torch.atan2(y, torch.hypot(x, z))  # stays accurate near the poles, unlike asin
    columns = (azimuth / math.tau + 0.5) * width - 0.5
    rows = (elevation_down / math.pi + 0.5) * height - 0.5
    return columns, rows


def sample_erp(
    panorama: Tensor,  # [H, W, C]
    directions: Tensor,  # [..., 3]
    *,
    mode: str = "bilinear",
) -> Tensor:  # [..., C]
    """Look up panorama values along viewing directions.

    Columns wrap around. A row beyond the pole continues on the other side of it, half a turn
    away, so bilinear lookups are continuous across both poles.

    Args:
        panorama: ``[H, W, C]`` floating point, ``W == 2 * H``.
        directions: ``[..., 3]``, same device; need not be unit length.
        mode: ``"bilinear"`` or ``"nearest"``.

    Returns:
        ``[..., C]`` in the units and dtype of ``panorama``. Bilinear lookups are differentiable in
        ``panorama`` and, away from the vertical axis, in ``directions``.

    Raises:
        InvalidInput: on a wrong shape, dtype or mode, or when the panorama is not 2:1.
    """
    size = check_shape("panorama", panorama, "H W C")
    height, width = size["H"], size["W"]
    check_floating("panorama", panorama)
    check_two_to_one("panorama", height, width)
    if mode not in ("bilinear", "nearest"):
        raise InvalidInput(f"mode must be 'bilinear' or 'nearest'; got {mode!r}.")
    columns, rows = pixels_from_directions(directions, height=height, width=width)
    if mode == "nearest":
        nearest_row = torch.floor(rows + 0.5).long().clamp(0, height - 1)
        nearest_column = torch.floor(columns + 0.5).long() % width
        return panorama[nearest_row, nearest_column]

    left, top = columns.floor(), rows.floor()
    across = (columns - left).to(panorama.dtype).unsqueeze(-1)
    down = (rows - top).to(panorama.dtype).unsqueeze(-1)
    column0, row0 = left.long(), top.long()

    def texel(row: Tensor, column: Tensor) -> Tensor:
        beyond = (row < 0) | (row >= height)
        mirrored = torch.where(row < 0, -1 - row, torch.where(row >= height, 2 * height - 1 - row, row))
        return panorama[mirrored, torch.where(beyond, column + width // 2, column) % width]

    upper = torch.lerp(texel(row0, column0), texel(row0, column0 + 1), across)
    lower = torch.lerp(texel(row0 + 1, column0), texel(row0 + 1, column0 + 1), across)
    return torch.lerp(upper, lower, down)
