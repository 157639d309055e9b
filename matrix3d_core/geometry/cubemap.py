"""Cube maps and panoramas: six 90-degree faces, order front, right, back, left, up, down.

Front looks along +z, right along +x, up along -y (OpenCV axes). The side faces are upright; the
lower edge of *up* and the upper edge of *down* touch *front*.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_floating, check_shape, check_two_to_one
from ..errors import InvalidInput
from .crops import crop_erp
from .spherical import erp_directions

__all__ = ["FACE_NAMES", "cubemap_from_erp", "cubemap_rotations", "erp_from_cubemap", "sample_cubemap"]

FACE_NAMES = ("front", "right", "back", "left", "up", "down")

# Right, down and forward axes of each face in the panorama's frame.
_FACE_AXES = (
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
    ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
    ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
)

# Face that looks along axis x, y, z in the negative and the positive direction.
_FACE_OF_AXIS = ((3, 1), (4, 5), (2, 0))


def cubemap_rotations() -> Tensor:  # [6, 3, 3]
    """Return ``[6, 3, 3]`` float64 camera-from-panorama rotations of the faces; entries are 0 and +-1."""
    return torch.tensor(_FACE_AXES, dtype=torch.float64)


def cubemap_from_erp(
    panorama: Tensor,  # [H, W, C]
    size: int,
    mode: str = "bilinear",
) -> Tensor:  # [6, S, S, C]
    """Resample a panorama to cube faces.

    Args:
        panorama: ``[H, W, C]`` floating point, 2:1.
        size: pixels along a face's edge, at least 1.
        mode: ``"bilinear"`` or ``"nearest"``.

    Returns:
        ``[6, S, S, C]``; each texel holds the panorama's value along its center.
    """
    if size < 1:
        raise InvalidInput(f"size must be at least 1; got {size}.")
    half = 0.5 * size  # the focal length of a 90-degree view, and its center
    K_px = torch.tensor([[half, 0, half], [0, half, half], [0, 0, 1]], dtype=torch.float64)
    return crop_erp(panorama, cubemap_rotations(), K_px, size, size, mode)


def erp_from_cubemap(
    faces: Tensor,  # [6, S, S, C]
    height: int,
    width: int,
    mode: str = "bilinear",
) -> Tensor:  # [H, W, C]
    """Resample cube faces to a panorama, without seams; see `sample_cubemap`."""
    check_two_to_one("panorama", height, width)
    directions = erp_directions(height, width, dtype=torch.float64, device=faces.device)
    return sample_cubemap(faces, directions, mode)


def sample_cubemap(
    faces: Tensor,  # [6, S, S, C]
    directions: Tensor,  # [..., 3]
    mode: str = "bilinear",
) -> Tensor:  # [..., C]
    """Look up a cube map along directions, continuously over edges and corners.

    Bilinear lookups interpolate on the polyhedron whose corners are the texel centers: six squares,
    a strip along each of the twelve cube edges that joins the outermost texels of both faces, and a
    triangle at each of the eight cube corners. So every texel center returns its own value, the
    result is continuous on the whole sphere for any content, and second-order accurate for smooth
    content, borders included.

    Args:
        faces: ``[6, S, S, C]`` floating point, order `FACE_NAMES`.
        directions: ``[..., 3]``, same device, any length; a zero vector looks straight ahead.
        mode: ``"bilinear"`` or ``"nearest"``.

    Returns:
        ``[..., C]`` in the dtype of ``faces``; differentiable in ``faces``, and when bilinear in
        ``directions`` except on the lines where the interpolation has its kinks.

    Raises:
        InvalidInput: on a wrong shape, dtype or mode.
    """
    size = check_shape("faces", faces, "6 S S C")["S"]
    check_floating("faces", faces)
    check_shape("directions", directions, "... 3")
    if mode not in ("bilinear", "nearest"):
        raise InvalidInput(f"mode must be 'bilinear' or 'nearest'; got {mode!r}.")
    ahead = torch.tensor((0.0, 0.0, 1.0), dtype=directions.dtype, device=directions.device)
    directions = torch.where((directions == 0).all(-1, keepdim=True), ahead, directions)
    lookup = _Lattice(faces, directions)
    return lookup.nearest() if mode == "nearest" else lookup.bilinear(size)


class _Lattice:
    """Texels addressed by axes sorted by how much of the direction lies along them.

    Axis 0 is the dominant one (it names the face), axis 1 the next, axis 2 the last. The lattice
    index along an axis grows with the panorama's coordinate, 0 to S - 1.
    """

    def __init__(self, faces: Tensor, directions: Tensor) -> None:
        self.faces = faces
        self.size = faces.shape[1]
        magnitude, self.axis = directions.abs().sort(dim=-1, descending=True, stable=True)
        self.major, self.middle, self.minor = magnitude.unbind(-1)
        self.is_positive = directions.gather(-1, self.axis) > 0
        self.sign = self.is_positive.to(directions.dtype) * 2 - 1
        self.edge = self.is_positive.long() * (self.size - 1)  # outermost index along each sorted axis
        table = torch.tensor(_FACE_AXES, device=faces.device)
        self.right, self.down = table[:, 0], table[:, 1]
        self.face_of_axis = torch.tensor(_FACE_OF_AXIS, device=faces.device)

    def position(self, coordinate: Tensor, which: int) -> Tensor:
        """Turn an unsigned face coordinate in [0, 1] into a continuous lattice index."""
        return (self.sign[..., which] * coordinate + 1) * (0.5 * self.size) - 0.5

    def texels(self, on_axis: int, indices: dict[int, Tensor]) -> Tensor:  # [..., C]
        """Fetch the texel of the face on sorted axis ``on_axis`` at lattice indices of the other two."""
        face = self.face_of_axis[self.axis[..., on_axis], self.is_positive[..., on_axis].long()]
        right, down = self.right[face], self.down[face]
        column = torch.zeros_like(face)
        row = torch.zeros_like(face)
        for which, index in indices.items():
            axis = self.axis[..., which : which + 1]
            for vector, target in ((right, column), (down, row)):
                along = vector.gather(-1, axis).squeeze(-1)
                target += torch.where(along < 0, self.size - 1 - index, along * index)
        return self.faces[face, row, column]

    def nearest(self) -> Tensor:
        """Take the texel that the direction falls into."""
        last = self.size - 1
        middle = self.position(self.middle / self.major, 1).round().long().clamp(0, last)
        minor = self.position(self.minor / self.major, 2).round().long().clamp(0, last)
        return self.texels(0, {1: middle, 2: minor})

    def bilinear(self, size: int) -> Tensor:
        """Interpolate on the polyhedron of texel centers."""
        half = 1.0 / size  # half a texel, in face coordinates -1..1
        inner = 1.0 - half  # the outermost texel centers
        last = size - 1

        # The point on the square, the strip's plane (sum of two coordinates) or the triangle's (of three).
        strip_scale = (2 - half) / (self.major + self.middle)
        corner_scale = (3 - 2 * half) / (self.major + self.middle + self.minor)
        is_square = self.middle <= inner * self.major
        is_strip = ~is_square & (self.minor * strip_scale <= inner)
        is_corner = ~is_square & ~is_strip
        scale = torch.where(is_square, 1 / self.major, torch.where(is_strip, strip_scale, corner_scale))

        minor = self.position(self.minor * scale, 2).clamp(0, last)
        minor0 = minor.floor()
        minor_step = (minor - minor0).unsqueeze(-1).to(self.faces.dtype)
        low, high = minor0.long(), (minor0.long() + 1).clamp(max=last)

        middle = self.position(self.middle * scale, 1).clamp(0, last)
        middle0 = torch.where(is_square, middle.floor(), self.edge[..., 1].to(middle))
        near = middle0.long()
        near_low = self.texels(0, {1: near, 2: low})
        near_high = self.texels(0, {1: near, 2: high})
        far = (near + 1).clamp(max=last)
        square = is_square.unsqueeze(-1)
        far_low = torch.where(
            square,
            self.texels(0, {1: far, 2: low}),
            self.texels(1, {0: self.edge[..., 0], 2: low}),
        )
        far_high = torch.where(
            square,
            self.texels(0, {1: far, 2: high}),
            self.texels(1, {0: self.edge[..., 0], 2: high}),
        )
        over_edge = (self.middle * scale - inner) / half
        across = torch.where(is_square, middle - middle0, over_edge).unsqueeze(-1).to(self.faces.dtype)
        smooth = torch.lerp(
            torch.lerp(near_low, near_high, minor_step), torch.lerp(far_low, far_high, minor_step), across
        )

        def share(magnitude: Tensor) -> Tensor:
            return ((magnitude * scale - inner) / half).unsqueeze(-1).to(self.faces.dtype)

        edge = self.edge.unbind(-1)
        corner = (
            share(self.major) * self.texels(0, {1: edge[1], 2: edge[2]})
            + share(self.middle) * self.texels(1, {0: edge[0], 2: edge[2]})
            + share(self.minor) * self.texels(2, {0: edge[0], 1: edge[1]})
        )
        return torch.where(is_corner.unsqueeze(-1), corner, smooth)
