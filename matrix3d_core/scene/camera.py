"""Cameras as values: pinhole and equirectangular, with the same methods for both.

A camera is the lens and the size of one picture; its position and orientation are a pose of a `Trajectory`. Its axes
are OpenCV's (x right, y down, z forward). The formulas are in `geometry.pinhole` and `geometry.spherical`; a camera
picks its own, so that no stage has to ask which one it works with.

In continuous pixel coordinates of both cameras pixel ``(i, j)`` covers ``[i, i + 1) x [j, j + 1)``; its center is at
``(i + 0.5, j + 0.5)``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ..checks import check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.pinhole import (
    depth_ray_from_z,
    depth_z_from_ray,
    intrinsics_from_fov,
    pinhole_directions,
    project_points,
)
from ..geometry.spherical import erp_directions, pixels_from_directions, sample_erp

__all__ = [
    "Camera",
    "Equirect",
    "Pinhole",
    "blend_intrinsics",
    "camera_kind",
    "camera_of",
    "check_intrinsics",
    "intrinsics_list",
    "join_intrinsics",
    "select_intrinsics",
]


@dataclass(frozen=True)
class _Sized(ABC):
    """What both cameras share: the size of the picture, and lookups by projected pixel."""

    size_px: tuple[int, int]

    def __post_init__(self) -> None:
        height, width = self.size_px
        if height < 1 or width < 1:
            raise InvalidInput(f"the size of a camera must be at least 1x1 pixels; got {width}x{height}.")
        object.__setattr__(self, "size_px", (int(height), int(width)))

    @property
    def height(self) -> int:
        """Rows of the picture."""
        return self.size_px[0]

    @property
    def width(self) -> int:
        """Columns of the picture."""
        return self.size_px[1]

    def _check_map(self, picture: Tensor) -> None:
        if tuple(picture.shape[:2]) != self.size_px:
            raise InvalidInput(
                f"the picture must have the camera's size {self.width}x{self.height}; got "
                f"{list(picture.shape)}. Use camera.resized() for pictures of another size."
            )

    @abstractmethod
    def resized(self, height: int, width: int) -> Self:
        """Return the camera of the same picture at another size."""

    def downsampled(self, factor: int) -> Self:
        """Return the camera of the whole picture at about ``1 / factor`` of its size, rounded down."""
        return self.resized(max(1, self.height // factor), max(1, self.width // factor))


@dataclass(frozen=True, eq=False)
class Pinhole(_Sized):
    """A perspective camera without distortion.

    Attributes:
        size_px: rows and columns of the picture.
        K_px: ``[3, 3]`` intrinsics in pixels, kept as float64 on the CPU: positive focal lengths, any principal
            point, skew allowed, last row 0 0 1.

    Raises:
        InvalidInput: for a size or intrinsics out of range.

    Source: R. Hartley and A. Zisserman, Multiple View Geometry, 2004, section 6.1 (camera matrix).
    """

    K_px: Tensor

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shape("K_px", self.K_px, "3 3")
        check_intrinsics(self.K_px[None], 1, self.size_px)
        object.__setattr__(self, "K_px", self.K_px.detach().to("cpu", torch.float64).clone())

    @classmethod
    def from_fov(cls, fov_x_rad: float, height: int, width: int) -> Pinhole:
        """Return a centered camera with square pixels; see `intrinsics_from_fov`."""
        return cls((height, width), intrinsics_from_fov(fov_x_rad, height, width))

    def __eq__(self, other: object) -> bool:
        """Return whether size and all intrinsics are the same numbers."""
        return isinstance(other, Pinhole) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[tuple[int, int], tuple[float, ...]]:
        return self.size_px, tuple(self.K_px.flatten().tolist())

    @property
    def focal_px(self) -> tuple[float, float]:
        """Focal lengths fx and fy in pixels."""
        return float(self.K_px[0, 0]), float(self.K_px[1, 1])

    @property
    def principal_px(self) -> tuple[float, float]:
        """Principal point cx and cy in pixels."""
        return float(self.K_px[0, 2]), float(self.K_px[1, 2])

    @property
    def fov_x_rad(self) -> float:
        """Horizontal field of view between the outer edges, at the row of the principal point, radians."""
        (fx, _), (cx, _) = self.focal_px, self.principal_px
        return math.atan(cx / fx) + math.atan((self.width - cx) / fx)

    @property
    def wraps(self) -> bool:
        """Whether columns wrap around at the border: not those of a pinhole."""
        return False

    def as_pinhole(self, otherwise: str) -> Pinhole:
        """Return the camera, for what only works with perspective pictures."""
        return self

    def check_picture(self, name: str, size_px: tuple[int, int]) -> None:
        """Raise InvalidInput unless pictures of that many rows and columns are this camera's."""
        if size_px != self.size_px:
            raise InvalidInput(
                f"{name} must have the size that the trajectory's intrinsics are for, {self.width}x{self.height}; "
                f"got {size_px[1]}x{size_px[0]}. Resize them, or use the trajectory that they were made for."
            )

    def perspective_views(
        self, rotations: Tensor, size_px: int, fov_rad: float
    ) -> list[tuple[Pinhole, Tensor | None]]:
        """Return perspective cameras that see the picture, each with its rotation for `crop`: the camera itself.

        Args:
            rotations: ``[V, 3, 3]`` view directions into a panorama, view's axes from the panorama's.
            size_px: side of such a view.
            fov_rad: field of view of such a view, radians.
        """
        return [(self, None)]

    @property
    def pixel_rad(self) -> float:
        """Angle that a pixel at the principal point spans, radians: the root of its solid angle."""
        return 1 / math.sqrt(self.focal_px[0] * self.focal_px[1])

    def sphere_share(self, pixels: Tensor) -> float:  # [H, W] bool
        """Return the share of the sphere that pixels cover, as if each were as large as at the principal point."""
        return float(pixels.sum()) * self.pixel_rad**2 / (4 * math.pi)

    def row_weights(self) -> Tensor:  # [1] float64
        """Return how much the pixels of a row count where all directions count the same: all alike."""
        return torch.ones(1, dtype=torch.float64)

    def rays(self) -> Tensor:  # [H, W, 3]
        """Return the unit direction of every pixel center, ``[H, W, 3]`` float64."""
        return pinhole_directions(self.K_px, *self.size_px)

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:  # [..., 3] -> [..., 2], [...]
        """Project points of the camera's frame.

        Returns:
            ``xy_px [..., 2]``: column and row, infinite on and behind the camera plane.
            ``depth_ray [...]``: Euclidean distance (for both kinds of camera; z is ``points[..., 2]``).
        """
        return project_points(points, self.K_px)[0], points.norm(dim=-1)

    def lookup(self, picture: Tensor, points: Tensor, mode: str = "nearest") -> tuple[Tensor, Tensor]:
        """Read a map of this camera at the pixels of points of its frame.

        Args:
            picture: ``[H, W]`` or ``[H, W, C]`` of the camera's size.
            points: ``[..., 3]``, any finite length.
            mode: ``"nearest"`` pixel, or ``"bilinear"`` of a floating point map; the border repeats outside.

        Returns:
            ``[...]`` or ``[..., C]`` values, and ``[...]`` bool, where the point is in the picture at all.

        Raises:
            InvalidInput: when the map has another size, or the mode is unknown.
        """
        self._check_map(picture)
        xy = project_points(points, self.K_px)[0]
        size = torch.tensor((self.width, self.height), dtype=xy.dtype, device=xy.device)
        inside = ((xy >= 0) & (xy < size)).all(-1)
        if mode == "nearest":
            column, row = (xy - 0.5).nan_to_num(0.0).unbind(-1)
            column, row = column.clamp(0, self.width - 1).round(), row.clamp(0, self.height - 1).round()
            return picture[row.long(), column.long()], inside
        if mode != "bilinear":
            raise InvalidInput(f"mode must be 'bilinear' or 'nearest'; got {mode!r}.")
        flat = picture if picture.ndim == 3 else picture[..., None]
        grid = (2 * xy / size - 1).clamp(-2, 2).to(flat).reshape(1, 1, -1, 2)
        found = torch.nn.functional.grid_sample(
            flat.permute(2, 0, 1)[None], grid, padding_mode="border", align_corners=False
        )
        return found[0, :, 0].mT.reshape(*xy.shape[:-1], *picture.shape[2:]), inside

    def crop(
        self, picture: Tensor, camera: Camera, rotation: Tensor | None = None, mode: str = "bilinear"
    ) -> Tensor:
        """Cut out of a picture of this camera what another camera at the same place sees.

        A camera from `window` gets its pixels as they are, a smaller one from `resized` or `downsampled` the average
        of the pixels that each of its own covers; any other is sampled, and the border repeats outside.

        Args:
            picture: ``[H, W, C]`` of this camera's size.
            camera: what the result is a picture of.
            rotation: ``[3, 3]`` that camera's axes from this one's; None: the same.
            mode: ``"bilinear"`` or ``"nearest"``.

        Returns:
            ``[h, w, C]`` of the other camera's size.
        """
        self._check_map(picture)
        if (smaller := _averaged(self, picture, camera, rotation, mode)) is not None:
            return smaller
        if isinstance(camera, Pinhole) and _is_identity(rotation):
            shift = self.K_px[:2, 2] - camera.K_px[:2, 2]
            left, top = (int(value) for value in shift.round())
            fits = 0 <= left <= self.width - camera.width and 0 <= top <= self.height - camera.height
            if fits and self.window(top, left, *camera.size_px) == camera:
                return picture[top : top + camera.height, left : left + camera.width].contiguous()
        return self.lookup(picture, _turned_rays(camera, rotation), mode)[0]

    def window(self, top: int, left: int, height: int, width: int) -> Pinhole:
        """Return the camera of a rectangle of the picture: the principal point moves, the lens stays."""
        K_px = self.K_px.clone()
        K_px[0, 2] -= left
        K_px[1, 2] -= top
        return Pinhole((height, width), K_px)

    def resized(self, height: int, width: int) -> Pinhole:
        """Return the camera of the same picture at another size; columns and rows may scale differently."""
        if (height, width) == self.size_px:
            return self
        K_px = self.K_px.clone()
        K_px[0] *= width / self.width
        K_px[1] *= height / self.height
        return Pinhole((height, width), K_px)

    def depth_from_ray(self, depth_ray: Tensor) -> Tensor:  # [..., H, W]
        """Return what depth files and networks hold for this camera: depth along the optical axis."""
        return depth_z_from_ray(depth_ray, self.K_px)

    def ray_from_depth(self, depth: Tensor) -> Tensor:  # [..., H, W]
        """Return the ray distance of a depth along the optical axis, the inverse of `depth_from_ray`."""
        return depth_ray_from_z(depth, self.K_px)

    def pad(self, maps: Tensor, reach: int) -> Tensor:  # [N, C, H, W] -> [N, C, H + 2 reach, W + 2 reach]
        """Continue maps beyond the border as neighbors see them: by their outermost pixels."""
        return torch.nn.functional.pad(maps, (reach, reach, reach, reach), mode="replicate")

    def kernel_values(self) -> Tensor:  # [6]
        """Return float64 numbers for compiled kernels: 1 (pinhole), fx, skew, cx, fy, cy."""
        (fx, skew, cx), (_, fy, cy) = self.K_px[:2].tolist()
        return torch.tensor((1.0, fx, skew, cx, fy, cy), dtype=torch.float64)


@dataclass(frozen=True)
class Equirect(_Sized):
    """A panorama camera: the whole sphere, +z at the center column, the border behind.

    Attributes:
        size_px: rows and columns of the picture, usually 1:2.

    Raises:
        InvalidInput: for a size below 1.

    Source: equirectangular projection; closed form in docs/conventions.md.
    """

    @property
    def wraps(self) -> bool:
        """Whether columns wrap around at the border: those of a panorama do."""
        return True

    def as_pinhole(self, otherwise: str) -> Pinhole:
        """Raise InvalidInput with the reason why a panorama cannot be used and the way out, ``otherwise``."""
        raise InvalidInput(otherwise)

    def check_picture(self, name: str, size_px: tuple[int, int]) -> None:
        """Raise InvalidInput unless pictures of that many rows and columns are panoramas, of any size."""
        check_two_to_one(name, *size_px)

    def perspective_views(
        self, rotations: Tensor, size_px: int, fov_rad: float
    ) -> list[tuple[Pinhole, Tensor | None]]:
        """Return a square perspective camera for each rotation ``[V, 3, 3]``; see `Pinhole.perspective_views`."""
        camera = Pinhole.from_fov(fov_rad, size_px, size_px)
        return [(camera, rotation) for rotation in rotations]

    @property
    def pixel_rad(self) -> float:
        """Angle that a pixel at the horizon spans from top to bottom, radians."""
        return math.pi / self.height

    def sphere_share(self, pixels: Tensor) -> float:  # [H, W] bool
        """Return the share of the sphere that pixels cover."""
        weight = self.row_weights()
        return float((pixels.double().mean(1) * weight).sum() / weight.sum())

    def row_weights(self) -> Tensor:  # [H] float64
        """Return how much the pixels of a row count where all directions count the same; 1 on average."""
        polar = (torch.arange(self.height, dtype=torch.float64) + 0.5) * (math.pi / self.height)
        return torch.sin(polar) * (math.pi / 2)

    def rays(self) -> Tensor:  # [H, W, 3]
        """Return the unit direction of every pixel center, ``[H, W, 3]`` float64."""
        return erp_directions(*self.size_px, dtype=torch.float64)

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:  # [..., 3] -> [..., 2], [...]
        """Project points of the camera's frame.

        Returns:
            ``xy_px [..., 2]``: column in ``[0, W]`` and row in ``[0, H]``; columns 0 and W are the same direction.
            ``depth_ray [...]``: Euclidean distance.
        """
        columns, rows = pixels_from_directions(points, height=self.height, width=self.width)
        return torch.stack((columns + 0.5, rows + 0.5), dim=-1), points.norm(dim=-1)

    def lookup(self, picture: Tensor, points: Tensor, mode: str = "nearest") -> tuple[Tensor, Tensor]:
        """Read a map of this camera at the pixels of points of its frame; see `Pinhole.lookup`.

        Columns wrap; every point is in the picture.
        """
        self._check_map(picture)
        if mode == "nearest":
            columns, rows = pixels_from_directions(points, height=self.height, width=self.width)
            column = columns.nan_to_num(0.0).round().long() % self.width
            row = rows.nan_to_num(0.0).clamp(0, self.height - 1).round().long()
            values = picture[row, column]
        else:
            flat = picture if picture.ndim == 3 else picture[..., None]
            values = sample_erp(flat, points, mode=mode).reshape(*points.shape[:-1], *picture.shape[2:])
        return values, torch.ones(points.shape[:-1], dtype=torch.bool, device=points.device)

    def crop(
        self, picture: Tensor, camera: Camera, rotation: Tensor | None = None, mode: str = "bilinear"
    ) -> Tensor:
        """Cut out of a panorama what another camera at the same place sees.

        A camera of the same size gets the picture itself, a smaller panorama the average of the pixels that each of
        its own covers; any other is sampled.

        Args:
            picture: ``[H, W, C]`` of this camera's size.
            camera: what the result is a picture of.
            rotation: ``[3, 3]`` that camera's axes from this one's; None: the same.
            mode: ``"bilinear"`` or ``"nearest"``.

        Returns:
            ``[h, w, C]`` of the other camera's size.
        """
        self._check_map(picture)
        if camera == self and _is_identity(rotation):
            return picture
        if (smaller := _averaged(self, picture, camera, rotation, mode)) is not None:
            return smaller
        return sample_erp(picture, _turned_rays(camera, rotation), mode=mode)

    def window(self, top: int, left: int, height: int, width: int) -> Equirect:
        """Return the camera of a rectangle of the picture, which is a panorama only when it is the whole.

        Raises:
            InvalidInput: for a part of the panorama.
        """
        if (top, left, height, width) != (0, 0, *self.size_px):
            raise InvalidInput(
                f"a window of a panorama must be the whole of {self.width}x{self.height} pixels; got {width}x{height}. "
                "Look into it with a Pinhole and crop()."
            )
        return self

    def resized(self, height: int, width: int) -> Equirect:
        """Return the camera of the same panorama at another size."""
        return Equirect((height, width))

    def depth_from_ray(self, depth_ray: Tensor) -> Tensor:  # [..., H, W]
        """Return what depth files and networks hold for this camera: the ray distance itself."""
        return depth_ray

    def ray_from_depth(self, depth: Tensor) -> Tensor:  # [..., H, W]
        """Return the ray distance, which a panorama's depth is already."""
        return depth

    def pad(self, maps: Tensor, reach: int) -> Tensor:  # [N, C, H, W] -> [N, C, H + 2 reach, W + 2 reach]
        """Continue maps beyond the border as neighbors see them: columns wrap, outermost rows repeat."""
        around = torch.nn.functional.pad(maps, (reach, reach, 0, 0), mode="circular")
        return torch.nn.functional.pad(around, (0, 0, reach, reach), mode="replicate")

    def kernel_values(self) -> Tensor:  # [6]
        """Return float64 numbers for compiled kernels: 0 (equirectangular) and zeros."""
        return torch.zeros(6, dtype=torch.float64)


Camera = Pinhole | Equirect
"""A camera of either kind; both have the same methods."""


def camera_kind(K_px: Tensor | None) -> type[Pinhole] | type[Equirect]:
    """Return the kind of camera that a path with these intrinsics, or without any, has."""
    return Equirect if K_px is None else Pinhole


def camera_of(K_px: Tensor | None, size_px: tuple[int, int]) -> Camera:
    """Return the camera of a picture of that many rows and columns: a panorama's where there are no intrinsics."""
    return Equirect(size_px) if K_px is None else Pinhole(size_px, K_px)


def check_intrinsics(K_px: Tensor | None, count: int, image_size_px: tuple[int, int] | None) -> None:
    """Check the intrinsics ``[count, 3, 3]`` of a path, or none, and that they come with a size.

    Raises:
        InvalidInput: for a wrong shape, no size, values that are not finite, or no pinhole camera.
    """
    if K_px is None:
        return
    check_shape("K_px", K_px, f"{count} 3 3")
    if image_size_px is None:
        raise InvalidInput("image_size_px must come with K_px; got None.")
    K = K_px.detach().to("cpu", torch.float64)
    focal = K.diagonal(dim1=1, dim2=2)[:, :2]
    last = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    is_good = torch.isfinite(K).flatten(1).all(1) & (focal > 0).all(1) & (K[:, 2] == last).all(1)
    is_good &= K[:, 1, 0] == 0
    if not is_good.all():
        frame = int((~is_good).nonzero()[0])
        raise InvalidInput(
            f"K_px of frame {frame} must be finite with positive focal lengths, 0 at [1, 0] and a last row 0 0 1; "
            f"got {K[frame].tolist()}."
        )


def select_intrinsics(K_px: Tensor | None, index: Tensor | slice | int) -> Tensor | None:
    """Return the intrinsics of a frame or some frames of a path, or none where it has none."""
    return None if K_px is None else K_px[index]


def join_intrinsics(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Return the intrinsics of one path after the other's.

    Raises:
        InvalidInput: when only one path has them.
    """
    if first is None and second is None:
        return None
    if first is None or second is None:
        raise InvalidInput("both paths must have intrinsics for the same image size, or neither.")
    return torch.cat((first, second))


def blend_intrinsics(K_px: Tensor | None, times: Tensor) -> Tensor | None:
    """Return intrinsics at fractional frame numbers ``[N]``, linear between neighbors, or none."""
    if K_px is None:
        return None
    lower = times.floor().long().clamp(max=len(K_px) - 1)
    upper = (lower + 1).clamp(max=len(K_px) - 1)
    return torch.lerp(K_px[lower], K_px[upper], (times - lower).to(K_px.dtype)[:, None, None])


def intrinsics_list(K_px: Tensor | None) -> list[list[list[float]]] | None:
    """Return intrinsics as nested lists, for files; None where there are none."""
    return None if K_px is None else K_px.double().tolist()


def _is_identity(rotation: Tensor | None) -> bool:
    return rotation is None or torch.equal(rotation, torch.eye(3).to(rotation))


def _averaged(
    own: Camera, picture: Tensor, camera: Camera, rotation: Tensor | None, mode: str
) -> Tensor | None:
    """Return a picture averaged down for its own camera at a smaller size; None for any other camera."""
    is_smaller = camera.height <= own.height and camera.width <= own.width and camera != own
    if not (is_smaller and mode == "bilinear" and _is_identity(rotation)):
        return None
    return _area_mean(picture, camera.size_px) if camera == own.resized(*camera.size_px) else None


def _area_mean(picture: Tensor, size_px: tuple[int, int]) -> Tensor:  # [H, W, C] -> [h, w, C]
    """Average over the rectangles of pixels that each pixel of a smaller picture covers, parts of pixels included."""
    (height, width), (rows, columns) = picture.shape[:2], size_px
    if height % rows == 0 and width % columns == 0:
        block = (height // rows, width // columns)
        return (
            torch.nn.functional.avg_pool2d(picture.permute(2, 0, 1)[None], block)[0]
            .permute(1, 2, 0)
            .contiguous()
        )
    down, across = _coverage(height, rows).to(picture), _coverage(width, columns).to(picture)
    averaged: Tensor = across @ (down @ picture.flatten(1)).unflatten(1, (width, -1))
    return averaged


def _coverage(count: int, into: int) -> Tensor:  # [into, count]
    """Share of each of ``into`` equal intervals that each of ``count`` equal ones takes; rows add up to 1."""
    edges = torch.arange(into + 1, dtype=torch.float64) * count / into
    start = torch.arange(count, dtype=torch.float64)
    common = torch.minimum(edges[1:, None], start + 1) - torch.maximum(edges[:-1, None], start)
    return common.clamp_min(0) * into / count


def _turned_rays(camera: Camera, rotation: Tensor | None) -> Tensor:  # [h, w, 3]
    """Rays of a camera in the frame that its axes are given in."""
    rays = camera.rays()
    return rays if rotation is None else rays @ rotation.to(rays)
