"""Perspective views of panoramas, rotations, and conversion from and to cube faces."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ..checks import check_finite, check_floating, check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.crops import icosahedron_rotations, replicate_upstream_border, upstream_crop_rotations
from ..geometry.cubemap import cubemap_rotations, sample_cubemap
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..geometry.spherical import directions_from_pixels, pixels_from_directions
from ..progress import ProgressEvent, ProgressFn, no_progress
from .resample import Lookup, PlannedReads, plan_reads, resample

__all__ = [
    "CROP_SETS",
    "crop_set",
    "cube_faces",
    "cut_crops",
    "faces_of_all",
    "intrinsics_from_fovs",
    "panorama_from_faces",
    "panoramas_from_faces",
    "perspective_views",
    "plan_view",
    "render_views",
    "rotate_panorama",
    "views_of_all",
]

CROP_SETS = ("upstream depth (icosahedron)", "upstream training (yaw x pitch)")
"""Matrix-3D's two sets of twelve crops; see `crop_set`."""

_BAND_PX = 1 << 18  # result pixels whose directions are held at a time


def crop_set(name: str) -> Tensor:  # [12, 3, 3]
    """Return the camera-from-panorama rotations of one of `CROP_SETS`."""
    if name not in CROP_SETS:
        raise InvalidInput(f"crop set must be one of {', '.join(CROP_SETS)}; got {name!r}.")
    return icosahedron_rotations() if name == CROP_SETS[0] else upstream_crop_rotations()


def intrinsics_from_fovs(
    fov_x_rad: float, fov_y_rad: float | None, height: int, width: int
) -> Tensor:  # [3, 3]
    """Return the intrinsics of a centered camera.

    Args:
        fov_x_rad: horizontal field of view between the picture's outer edges.
        fov_y_rad: the vertical one; None makes the pixels square.
        height: rows, at least 1.
        width: columns, at least 1.

    Returns:
        ``[3, 3]`` float64, in pixels.

    Raises:
        InvalidInput: for a field of view that is not between 0 and 180 degrees, or an empty picture.
    """
    for fov in (fov_x_rad, fov_y_rad):
        if fov is not None and not math.radians(0.1) <= fov <= math.radians(179):
            degrees = math.degrees(fov)
            raise InvalidInput(f"field of view must lie between 0.1 and 179 degrees; got {degrees:.4g}.")
    if height < 1 or width < 1:
        raise InvalidInput(f"a view must be at least 1x1 pixels; got {width}x{height}.")
    focal_x = 0.5 * width / math.tan(0.5 * fov_x_rad)
    focal_y = focal_x if fov_y_rad is None else 0.5 * height / math.tan(0.5 * fov_y_rad)
    rows = [[focal_x, 0.0, 0.5 * width], [0.0, focal_y, 0.5 * height], [0.0, 0.0, 1.0]]
    return torch.tensor(rows, dtype=torch.float64)


def render_views(
    panorama: Tensor,  # [H, W, C]
    panorama_from_camera: Tensor,  # [V, 3, 3]
    K_px: Tensor,  # [3, 3]
    height: int,
    width: int,
    *,
    mode: str = "bicubic",
) -> Tensor:  # [V, height, width, C]
    """Render pinhole views of a panorama, averaging over each pixel where the view is coarser.

    Args:
        panorama: ``[H, W, C]`` floating point, 2:1.
        panorama_from_camera: ``[V, 3, 3]`` rotations (OpenCV axes on both sides).
        K_px: ``[3, 3]`` intrinsics without skew, shared by all views.
        height: rows of each view.
        width: columns of each view.
        mode: ``"bicubic"``, ``"bilinear"`` or ``"nearest"``.

    Returns:
        ``[V, height, width, C]``. Bicubic lookups may overshoot the panorama's range a little.

    Raises:
        InvalidInput: on wrong shapes, sizes or mode.
    """
    check_shape("panorama_from_camera", panorama_from_camera, "V 3 3")
    check_shape("K_px", K_px, "3 3")
    if height < 1 or width < 1:
        raise InvalidInput(f"a view must be at least 1x1 pixels; got {width}x{height}.")
    lookup = Lookup(panorama, wraps=True)
    views = [
        _render_view(lookup, R.double(), K_px.double(), height, width, mode) for R in panorama_from_camera
    ]
    return torch.stack(views) if views else panorama.new_zeros(0, height, width, panorama.shape[-1])


def _render_view(
    lookup: Lookup, rotation: Tensor, K_px: Tensor, height: int, width: int, mode: str
) -> Tensor:
    plan = plan_view(lookup, rotation, K_px, height, width, mode=mode)
    return torch.cat([part.read(lookup, mode) for part in plan]).reshape(height, width, -1)


def plan_view(
    lookup: Lookup,
    panorama_from_camera: Tensor,  # [3, 3]
    K_px: Tensor,  # [3, 3]
    height: int,
    width: int,
    *,
    mode: str = "bicubic",
) -> Iterator[PlannedReads]:
    """Yield the sampling coordinates of `render_views` for one view, in row-major pixel order."""
    rotation = panorama_from_camera.double()
    focal_x, focal_y, center_x, center_y = (float(K_px[i]) for i in ((0, 0), (1, 1), (0, 2), (1, 2)))

    def ray(index: Tensor, across: Tensor | float, down: Tensor | float) -> tuple[Tensor, Tensor]:
        x = (index % width + 0.5 + across - center_x) / focal_x
        y = (torch.div(index, width, rounding_mode="floor") + 0.5 + down - center_y) / focal_y
        return x, y

    def coordinates(index: Tensor, across: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
        x, y = ray(index, across, down)
        directions = torch.stack((x, y, torch.ones_like(x)), dim=-1) @ rotation.mT
        return pixels_from_directions(directions, height=lookup.height, width=lookup.width)

    # A pixel spans 1 / f on the axis and less off it; its longer side shrinks with the cosine.
    x, y = ray(torch.arange(width * height, dtype=torch.float64), 0.0, 0.0)
    density = lookup.width / (math.tau * min(focal_x, focal_y)) / torch.sqrt(x * x + y * y + 1)
    return plan_reads(lookup, coordinates, density, mode)


def perspective_views(
    panoramas: Tensor,  # [B, H, W, C]
    *,
    yaw_rad: float,
    pitch_rad: float,
    roll_rad: float,
    fov_x_rad: float,
    fov_y_rad: float | None,
    height: int,
    width: int,
    count: int = 1,
    yaw_step_rad: float = 0.0,
    mode: str = "bicubic",
    progress: ProgressFn = no_progress,
) -> Tensor:  # [B * count, height, width, C]
    """Render views of panoramas at evenly spaced yaws to the right.

    Args:
        panoramas: ``[B, H, W, C]`` in [0, 1], 2:1.
        yaw_rad: of the first view, positive to the right.
        pitch_rad: positive looks up.
        roll_rad: positive rolls the camera to the right.
        fov_x_rad: horizontal field of view.
        fov_y_rad: the vertical one; None makes the pixels square.
        height: rows of each view.
        width: columns of each view.
        count: views of each panorama.
        yaw_step_rad: yaw between views; 0 spreads them evenly over the full circle.
        mode: one of `INTERPOLATIONS`.
        progress: called after each view.

    Returns:
        ``[B * count, height, width, C]`` in [0, 1], all views of the first panorama first.

    Raises:
        InvalidInput: on wrong shapes, sizes, angles or values that are not finite.
    """
    if count < 1:
        raise InvalidInput(f"count must be at least 1; got {count}.")
    angles = torch.tensor((yaw_rad, pitch_rad, roll_rad, yaw_step_rad), dtype=torch.float64)
    check_finite("yaw, pitch and roll", angles)
    yaws = angles[0] + torch.arange(count).double() * (angles[3] if yaw_step_rad else math.tau / count)
    rotations = matrix_from_yaw_pitch_roll(yaws, angles[1].expand(count), angles[2].expand(count))
    K_px = intrinsics_from_fovs(fov_x_rad, fov_y_rad, height, width)
    return views_of_all(panoramas, rotations, K_px, height, width, mode=mode, progress=progress)


def cut_crops(
    panoramas: Tensor,  # [B, H, W, C]
    name: str,
    size_px: int,
    *,
    fov_rad: float,
    mode: str = "bicubic",
    upstream_border: bool = False,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [B * 12, S, S, C]
    """Cut one of Matrix-3D's sets of twelve square crops out of each panorama.

    Args:
        panoramas: ``[B, H, W, C]`` in [0, 1], 2:1.
        name: one of `CROP_SETS`.
        size_px: side of the crops.
        fov_rad: field of view; upstream's are 100 degrees (depth) and 90 (training).
        mode: one of `INTERPOLATIONS`; upstream's training crops are ``"nearest"``.
        upstream_border: overwrite rows and columns at the border as upstream does (see `crop_erp`).
        progress: called after each crop.

    Returns:
        ``[B * 12, size_px, size_px, C]``, all crops of the first panorama first.
    """
    rotations = crop_set(name).mT
    K_px = intrinsics_from_fovs(fov_rad, fov_rad, size_px, size_px)
    crops = views_of_all(panoramas, rotations, K_px, size_px, size_px, mode=mode, progress=progress)
    return replicate_upstream_border(crops) if upstream_border else crops


def views_of_all(
    panoramas: Tensor,  # [B, H, W, C]
    panorama_from_camera: Tensor,  # [V, 3, 3]
    K_px: Tensor,  # [3, 3]
    height: int,
    width: int,
    *,
    mode: str = "bicubic",
    progress: ProgressFn = no_progress,
) -> Tensor:  # [B * V, height, width, C]
    """Render the same views of several panoramas; see `render_views`. Values are kept in [0, 1]."""
    size = check_shape("panorama", panoramas, "B H W C")
    if size["B"] < 1:
        raise InvalidInput("panorama must hold at least 1 picture; got an empty batch.")
    check_finite("panorama", panoramas)
    views = []
    total = size["B"] * len(panorama_from_camera)
    for panorama in panoramas:
        for rotation in panorama_from_camera:
            views.append(
                render_views(panorama, rotation[None], K_px, height, width, mode=mode)[0].clamp(0, 1)
            )
            progress(ProgressEvent(len(views), total, "render views", views[-1]))
    return torch.stack(views)


def rotate_panorama(
    panorama: Tensor,  # [H, W, C]
    source_from_result: Tensor,  # [3, 3]
    height: int | None = None,
    width: int | None = None,
    *,
    mode: str = "bicubic",
) -> Tensor:  # [height, width, C]
    """Rotate a panorama: direction ``d`` of the result is direction ``source_from_result @ d`` of the source.

    A rotation about the vertical axis by a whole number of columns only rolls them, bit for bit.

    Args:
        panorama: ``[H, W, C]`` floating point, 2:1.
        source_from_result: ``[3, 3]`` rotation.
        height: rows of the result; those of the source without it.
        width: columns of the result.
        mode: one of `INTERPOLATIONS`.

    Returns:
        ``[height, width, C]``.

    Raises:
        InvalidInput: on wrong shapes or sizes.
    """
    check_shape("source_from_result", source_from_result, "3 3")
    lookup = Lookup(panorama, wraps=True)
    height, width = height or lookup.height, width or lookup.width
    check_two_to_one("result", height, width)
    rotation = source_from_result.double()
    columns = _whole_columns(rotation, width) if (height, width) == (lookup.height, lookup.width) else None
    if columns is not None:
        return panorama.roll(-columns, dims=1)

    def coordinates(index: Tensor, across: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
        column = index % width + across
        row = torch.div(index, width, rounding_mode="floor") + down
        directions = directions_from_pixels(column, row, height=height, width=width) @ rotation.mT
        return pixels_from_directions(directions, height=lookup.height, width=lookup.width)

    density = torch.tensor(lookup.width / width, dtype=torch.float64).expand(height * width)
    return resample(lookup, coordinates, density, mode).reshape(height, width, -1)


def _whole_columns(rotation: Tensor, width: int) -> int | None:
    """Return the columns by which the view rotates right, when the rotation is a whole-column yaw."""
    if abs(float(rotation[1, 1]) - 1) > 1e-14:
        return None
    columns = math.atan2(float(rotation[0, 2]), float(rotation[2, 2])) / math.tau * width
    return round(columns) if abs(columns - round(columns)) < 1e-9 * width else None


def cube_faces(panorama: Tensor, size: int, *, mode: str = "bicubic") -> Tensor:  # [H, W, C] -> [6, S, S, C]
    """Cut a panorama into cube faces: front, right, back, left, up, down (see `geometry.cubemap`).

    Raises:
        InvalidInput: on a wrong shape, or a size below 1.
    """
    K_px = intrinsics_from_fovs(math.pi / 2, None, size, size)
    return render_views(panorama, cubemap_rotations().mT, K_px, size, size, mode=mode)


def faces_of_all(
    panoramas: Tensor, size: int, *, mode: str = "bicubic", progress: ProgressFn = no_progress
) -> Tensor:  # [B, H, W, C] -> [6 B, S, S, C]
    """Cut several panoramas into cube faces, the six of the first one first; values kept in [0, 1]."""
    K_px = intrinsics_from_fovs(math.pi / 2, None, size, size)
    return views_of_all(panoramas, cubemap_rotations().mT, K_px, size, size, mode=mode, progress=progress)


def panoramas_from_faces(
    faces: Tensor, width: int = 0, *, mode: str = "bilinear", progress: ProgressFn = no_progress
) -> Tensor:  # [6 B, S, S, C] -> [B, W / 2, W, C]
    """Join several panoramas; see `panorama_from_faces`. Width 0 is four times the face.

    Raises:
        InvalidInput: when the number of faces is no multiple of six, they are not square, or the width is odd.
    """
    size = check_shape("faces", faces, "N h w C")
    if size["N"] < 6 or size["N"] % 6:
        raise InvalidInput(
            f"faces must come six to a panorama; got {size['N']}. Batch all six in order first."
        )
    if size["h"] != size["w"]:
        raise InvalidInput(f"faces must be square; got {size['w']}x{size['h']}.")
    width = width or 4 * size["w"]
    if width % 2:
        raise InvalidInput(f"width must be even; got {width}.")
    panoramas = []
    for start in range(0, size["N"], 6):
        panoramas.append(panorama_from_faces(faces[start : start + 6], width // 2, width, mode=mode))
        progress(ProgressEvent(len(panoramas), size["N"] // 6, "join faces", panoramas[-1]))
    return torch.stack(panoramas)


def panorama_from_faces(
    faces: Tensor,  # [6, S, S, C]
    height: int,
    width: int,
    *,
    mode: str = "bilinear",
) -> Tensor:  # [H, W, C]
    """Join a panorama from cube faces, seamless over edges and corners.

    Where the faces are finer than the panorama, pixels average over several lookups.

    Args:
        faces: ``[6, S, S, C]``, order front, right, back, left, up, down.
        height: rows of the panorama.
        width: columns, ``2 * height``.
        mode: ``"bilinear"`` or ``"nearest"``.

    Raises:
        InvalidInput: when there are not six square faces, or the size is not 2:1.
    """
    if faces.ndim != 4 or faces.shape[0] != 6 or faces.shape[1] != faces.shape[2]:
        raise InvalidInput(
            "faces must be six square pictures in the order front, right, back, left, up, down; "
            f"got {list(faces.shape)}."
        )
    check_floating("faces", faces)
    check_finite("faces", faces)
    check_two_to_one("panorama", height, width)
    # On the axis a face has S / 2 pixels per radian; towards the corners up to three times as many.
    density = 0.5 * faces.shape[1] * math.tau / width
    per_axis = 1 if mode == "nearest" else max(1, math.ceil(density - 1e-9))
    box = math.sqrt(max(0.0, density**2 - 1)) / density
    offsets = [box * ((k + 0.5) / per_axis - 0.5) for k in range(per_axis)]
    result = faces.new_zeros(height, width, faces.shape[-1])
    step = max(1, _BAND_PX // width)
    columns = torch.arange(width, dtype=torch.float64)
    for top in range(0, height, step):
        rows = torch.arange(top, min(top + step, height), dtype=torch.float64)
        grid_rows, grid_columns = torch.meshgrid(rows, columns, indexing="ij")
        for down in offsets:
            for across in offsets:
                directions = directions_from_pixels(
                    grid_columns + across, grid_rows + down, height=height, width=width
                )
                result[top : top + len(rows)] += sample_cubemap(faces, directions, mode)
    return result / per_axis**2
