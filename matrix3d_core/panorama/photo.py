"""Photos on the sphere: a canvas to outpaint, and its inpainting mask.

Masks in this module are 1 where something is to be *generated* and 0 where a photo is kept, as
inpainting models want them (the opposite of guidance masks).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..checks import check_finite, check_floating, check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..geometry.spherical import directions_from_pixels
from ..io.images import to_uint8
from ..progress import ProgressEvent, ProgressFn, no_progress
from .resample import Lookup, PlannedReads, plan_reads
from .views import intrinsics_from_fovs

__all__ = [
    "MAPPINGS",
    "PlacedPhoto",
    "Placement",
    "add_photo",
    "border_angle",
    "fovs_from_moge",
    "place_photo",
    "project_on_canvas",
    "project_photos",
    "project_upstream",
    "width_that_keeps",
]

MAPPINGS = ("exact", "upstream")
"""Half-pixel centers, averaged over each pixel; or Matrix-3D's inclusive angles and nearest pixel."""

_BAND_PX = 1 << 18
_UPSTREAM_SIZE = (512, 1024)
_UPSTREAM_EROSIONS = 3


@dataclass(frozen=True)
class PlacedPhoto:
    """A photo and the camera that took it, in the panorama's axes.

    Attributes:
        rgb: ``[h, w, 3]`` float32 in [0, 1].
        K_px: ``[3, 3]`` float64 intrinsics in pixels, without skew.
        panorama_from_camera: ``[3, 3]`` float64 rotation.
    """

    rgb: Tensor
    K_px: Tensor
    panorama_from_camera: Tensor

    def __post_init__(self) -> None:
        check_shape("photo", self.rgb, "h w 3")
        check_floating("photo", self.rgb)
        check_finite("photo", self.rgb)
        check_shape("K_px", self.K_px, "3 3")
        check_shape("panorama_from_camera", self.panorama_from_camera, "3 3")

    @property
    def fovs_rad(self) -> tuple[float, float]:
        """Horizontal and vertical field of view."""
        height, width = self.rgb.shape[:2]
        return tuple(2 * math.atan(0.5 * n / float(self.K_px[i, i])) for i, n in ((0, width), (1, height)))  # type: ignore[return-value]


@dataclass(frozen=True)
class Placement:
    """Photos of one panorama, in the order they were placed; later ones on top.

    Attributes:
        photos: at least one.
        feather_rad: width of the blend of a later photo over an earlier one.
    """

    photos: tuple[PlacedPhoto, ...]
    feather_rad: float = 0.0


def place_photo(
    rgb: Tensor,  # [h, w, 3]
    fov_x_rad: float,
    fov_y_rad: float | None = None,
    *,
    yaw_rad: float = 0.0,
    pitch_rad: float = 0.0,
    roll_rad: float = 0.0,
) -> PlacedPhoto:
    """Return a photo with its camera.

    Args:
        rgb: ``[h, w, 3]`` in [0, 1].
        fov_x_rad: horizontal field of view between its outer edges.
        fov_y_rad: the vertical one; None takes it from the aspect (square pixels).
        yaw_rad: to the right, from the panorama's center column.
        pitch_rad: up.
        roll_rad: head tilted to the right.

    Raises:
        InvalidInput: on a wrong shape, values that are not finite, or an impossible field of view.
    """
    size = check_shape("photo", rgb, "h w 3")
    K_px = intrinsics_from_fovs(fov_x_rad, fov_y_rad, size["h"], size["w"])
    angles = torch.tensor((yaw_rad, pitch_rad, roll_rad), dtype=torch.float64)
    check_finite("yaw, pitch and roll", angles)
    return PlacedPhoto(rgb, K_px, matrix_from_yaw_pitch_roll(*angles))


def fovs_from_moge(moge: Mapping[str, Any], height: int, width: int) -> tuple[float, float]:
    """Read the fields of view of a photo from the host's MoGe geometry of it.

    Args:
        moge: MOGE_GEOMETRY with ``intrinsics [1, 3, 3]`` in units of the picture's width and height.
        height: rows of the photo.
        width: columns of the photo.

    Returns:
        Horizontal and vertical field of view in radians: ``2 atan(0.5 / f)`` per axis.

    Raises:
        InvalidInput: when it holds no usable intrinsics (that of a panorama does not), or belongs to
            several pictures or to one of another shape.
    """
    intrinsics = moge.get("intrinsics") if isinstance(moge, Mapping) else None
    if not isinstance(intrinsics, Tensor):
        raise InvalidInput(
            "moge_geometry must hold intrinsics; got none. Link Run MoGe Inference of the photo (its panorama "
            "variant measures none), or unlink it and give the field of view."
        )
    if intrinsics.ndim == 2:
        intrinsics = intrinsics.unsqueeze(0)
    check_shape("moge_geometry intrinsics", intrinsics, "B 3 3")
    if intrinsics.shape[0] != 1:
        raise InvalidInput(f"moge_geometry must be of one picture; got {intrinsics.shape[0]}.")
    image = moge.get("image")
    if isinstance(image, Tensor) and image.ndim == 4:
        rows, columns = image.shape[1:3]
        if abs(columns * height / (rows * width) - 1) > 0.02:
            raise InvalidInput(
                f"moge_geometry must be of this photo; got one of {columns}x{rows} for a photo of "
                f"{width}x{height}. Run MoGe on the same picture."
            )
    focal = [float(intrinsics[0, i, i]) for i in (0, 1)]
    if not all(math.isfinite(f) and 0 < f < 600 for f in focal):
        raise InvalidInput(
            "moge_geometry intrinsics must be positive and in units of the picture's size; got focal "
            f"lengths {focal[0]:.4g} and {focal[1]:.4g}. Unlink it and give the field of view."
        )
    return 2 * math.atan(0.5 / focal[0]), 2 * math.atan(0.5 / focal[1])


def border_angle(photo: PlacedPhoto, directions: Tensor) -> Tensor:  # [..., 3] -> [...]
    """Return the signed angle of a unit direction to the photo's border, positive inside.

    It is the angle to the nearest of the four planes through the camera and the photo's edges; -90
    degrees behind the camera.
    """
    directions = directions.double()
    angle = torch.asin((directions @ _inward_normals(photo).mT).amin(dim=-1).clamp(-1, 1))
    return torch.where(directions @ photo.panorama_from_camera[:, 2].double() > 0, angle, -0.5 * math.pi)


def _inward_normals(photo: PlacedPhoto) -> Tensor:  # [4, 3]
    height, width = photo.rgb.shape[:2]
    K = photo.K_px
    left, right = -float(K[0, 2] / K[0, 0]), float((width - K[0, 2]) / K[0, 0])
    top, bottom = -float(K[1, 2] / K[1, 1]), float((height - K[1, 2]) / K[1, 1])
    normals = torch.tensor(
        [[1, 0, -left], [-1, 0, right], [0, 1, -top], [0, -1, bottom]], dtype=torch.float64
    )
    return torch.nn.functional.normalize(normals, dim=-1) @ photo.panorama_from_camera.double().mT


def erp_border_angle(photo: PlacedPhoto, height: int, width: int) -> Tensor:  # [H, W]
    """Return `border_angle` of all pixel centers of a panorama as float32."""
    ring, vertical, sine, cosine = _erp_tables(height, width)
    normals = _inward_normals(photo)
    x, y, z = photo.panorama_from_camera[:, 2].tolist()
    result = torch.empty(height, width, dtype=torch.float32)
    step = max(1, _BAND_PX // width)
    for top in range(0, height, step):
        band = slice(top, min(top + step, height))
        least: Tensor | None = None
        is_ahead = ring[band, None] * (x * sine + z * cosine) + y * vertical[band, None] > 0
        for a, b, c in normals.tolist():
            inside = ring[band, None] * (a * sine + c * cosine) + b * vertical[band, None]
            least = inside if least is None else torch.minimum(least, inside)
        assert least is not None  # there are four planes
        result[band] = torch.where(is_ahead, torch.asin(least.clamp(-1, 1)), -0.5 * math.pi)
    return result


def _erp_tables(height: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return sine of the polar angle and y by row, and sine and cosine of the azimuth by column."""
    polar = (torch.arange(height, dtype=torch.float64) + 0.5) / height * math.pi
    azimuth = ((torch.arange(width, dtype=torch.float64) + 0.5) / width - 0.5) * math.tau
    return torch.sin(polar), -torch.cos(polar), torch.sin(azimuth), torch.cos(azimuth)


def warp_photo(
    photo: PlacedPhoto, height: int, width: int, *, margin_rad: float = 0.0
) -> tuple[Tensor, Tensor]:  # [H, W, 3], [H, W]
    """Draw a photo on a panorama, averaging where it is finer than that.

    Args:
        photo: the photo.
        height: rows of the panorama.
        width: columns of the panorama.
        margin_rad: draw that far beyond the border, too, by continuing the edge pixels.

    Returns:
        The colors, 0 where not drawn, and `border_angle` of every pixel center (float32).
    """
    check_two_to_one("canvas", height, width)
    angle = erp_border_angle(photo, height, width)
    index = (angle.flatten() >= -margin_rad).nonzero()[:, 0]
    lookup = Lookup(photo.rgb, wraps=False)
    color = photo.rgb.new_zeros(height * width, 3)
    start = 0
    for part in plan_on_photo(photo, lookup, index, height, width):
        color[index[start : start + part.count]] = part.read(lookup)
        start += part.count
    return color.reshape(height, width, 3), angle


def plan_on_photo(
    photo: PlacedPhoto,
    lookup: Lookup,
    index: Tensor,  # [N]
    height: int,
    width: int,
) -> Iterator[PlannedReads]:
    """Plan how pixels of a panorama (flat indices) read a picture at the photo's pose."""
    K = photo.K_px.double()
    rotation = photo.panorama_from_camera.double()
    ring, vertical, sine, cosine = _erp_tables(height, width)
    row, column = torch.div(index, width, rounding_mode="floor"), index % width

    def center(chosen: Tensor | slice) -> Tensor:  # [N, 3]
        r, c = row[chosen], column[chosen]
        return torch.stack((ring[r] * sine[c], vertical[r], ring[r] * cosine[c]), dim=-1)

    def on_photo(chosen: Tensor, across: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
        if bool((across == 0).all() & (down == 0).all()):
            directions = center(chosen)
        else:
            directions = directions_from_pixels(
                column[chosen] + across, row[chosen] + down, height=height, width=width
            )
        x, y, z = (directions @ rotation).unbind(-1)
        z = z.clamp_min(1e-6)
        return K[0, 0] * x / z + K[0, 2] - 0.5, K[1, 1] * y / z + K[1, 2] - 0.5

    # A panorama pixel spans tau / W; a photo pixel f / cos^2 per radian, the finer the farther off the axis.
    towards = (center(slice(None)) @ rotation[:, 2]).clamp_min(1e-3)
    density = max(float(K[0, 0]), float(K[1, 1])) * (math.tau / width) / towards**2
    return plan_reads(lookup, on_photo, density)


def add_photo(
    canvas: Tensor,  # [H, W, 3]
    mask: Tensor,  # [H, W]
    photo: PlacedPhoto,
    *,
    feather_rad: float = 0.0,
    grow_rad: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Draw a photo on a canvas that may hold others already.

    Over empty canvas the photo is drawn up to its border. Over what is known it fades in over
    ``feather_rad`` from its border.

    Args:
        canvas: ``[H, W, 3]``, not changed.
        mask: ``[H, W]``, 1 where the canvas is still to be generated; not changed.
        photo: what to add.
        feather_rad: width of the blend over earlier photos.
        grow_rad: the generated region extends that far into the photo.

    Returns:
        The new canvas and mask.

    Raises:
        InvalidInput: when canvas and mask have different sizes.
    """
    size = check_shape("canvas", canvas, "H W 3")
    height, width = size["H"], size["W"]
    check_two_to_one("canvas", height, width)
    check_shape("canvas_mask", mask, f"{height} {width}")
    check_finite("canvas_mask", mask)
    color, angle = warp_photo(photo, height, width)
    fade = smooth_step(angle / feather_rad) if feather_rad > 0 else (angle >= 0).to(canvas)
    fade = fade.to(canvas)
    weight = torch.where(angle >= 0, fade + (1 - fade) * mask.to(canvas), 0.0).unsqueeze(-1)
    is_open = (angle < grow_rad).to(mask)
    return torch.lerp(canvas, color.to(canvas).clamp(0, 1), weight), torch.minimum(mask, is_open)


def smooth_step(t: Tensor) -> Tensor:
    t = t.clamp(0, 1)
    return t * t * (3 - 2 * t)


def project_photos(
    placement: Placement,
    height: int,
    width: int,
    *,
    canvas: Tensor | None = None,  # [H, W, 3]
    mask: Tensor | None = None,  # [H, W]
    grow_rad: float = 0.0,
    progress: ProgressFn = no_progress,
) -> tuple[Tensor, Tensor]:  # [H, W, 3], [H, W]
    """Draw all photos of a placement, one after another.

    Args:
        placement: the photos.
        height: rows of the canvas.
        width: columns, ``2 * height``.
        canvas: the canvas to start from; black without it.
        mask: 1 where it is to be generated, 0 where kept; all 1 without it.
        grow_rad: the generated region extends that far into the photos.
        progress: called after each photo.

    Returns:
        The canvas, black where nothing is known, and the mask, 1 where it is to be generated.

    Raises:
        InvalidInput: when there is no photo, or sizes do not fit.
    """
    if not placement.photos:
        raise InvalidInput("placement must hold at least one photo; got none.")
    check_two_to_one("canvas", height, width)
    if not 0 <= grow_rad < math.pi:
        raise InvalidInput(f"grow_rad must lie between 0 and pi; got {grow_rad}.")
    if canvas is None:
        canvas = torch.zeros(height, width, 3)
    if mask is None:
        mask = torch.ones(height, width)
    check_shape("canvas", canvas, f"{height} {width} 3")
    if mask.shape != (height, width):
        raise InvalidInput(
            f"canvas_mask must be as large as the canvas, {width}x{height}; got {'x'.join(map(str, mask.shape[::-1]))}."
        )
    check_finite("canvas_mask", mask)
    mask = mask.clamp(0, 1)
    canvas = canvas * (1 - mask).unsqueeze(-1)
    for number, photo in enumerate(placement.photos):
        canvas, mask = add_photo(canvas, mask, photo, feather_rad=placement.feather_rad, grow_rad=grow_rad)
        progress(ProgressEvent(number + 1, len(placement.photos), "project photos", canvas))
    return canvas, mask


def project_on_canvas(
    photo: PlacedPhoto,
    *,
    width: int = 1600,
    earlier: Placement | None = None,
    canvas: Tensor | None = None,  # [H, W, 3]
    mask: Tensor | None = None,  # [H, W]
    grow_px: float = 5.0,
    feather_rad: float = 0.0,
    mapping: str = "exact",
    progress: ProgressFn = no_progress,
) -> tuple[Tensor, Tensor, Placement]:
    """Add a photo to a panorama: one step of a chain of photos.

    Args:
        photo: the photo to add, on top.
        width: columns of a new canvas, even; that of ``canvas`` counts when one is given.
        earlier: photos placed before. Without a canvas they are drawn, too.
        canvas: a canvas to draw on, from the previous step or from elsewhere.
        mask: 1 where that canvas is to be generated; goes with it.
        grow_px: the generated region extends that many canvas pixels into the photos.
        feather_rad: width of the blend over earlier photos.
        mapping: one of `MAPPINGS`; ``"upstream"`` takes one photo and nothing before it, and its own
            ``grow_px``.
        progress: called after each photo.

    Returns:
        Canvas ``[H, W, 3]``, mask ``[H, W]`` (1 = to generate) and all photos so far.

    Raises:
        InvalidInput: when sizes do not fit or inputs exclude each other.
    """
    if mapping not in MAPPINGS:
        raise InvalidInput(f"mapping must be one of {', '.join(MAPPINGS)}; got {mapping!r}.")
    if (canvas is None) != (mask is None):
        given, missing = ("canvas", "canvas_mask") if mask is None else ("canvas_mask", "canvas")
        raise InvalidInput(f"{given} must come with {missing}; got only one of them. Link both or none.")
    if canvas is not None:
        width = canvas.shape[1]
    if width % 2 or width < 4:
        raise InvalidInput(f"width must be even and at least 4; got {width}.")
    if not math.isfinite(grow_px) or grow_px < 0:
        raise InvalidInput(f"mask growth must be 0 pixels or more; got {grow_px}.")
    if not 0 <= feather_rad <= math.pi / 2:
        raise InvalidInput(f"feather must lie between 0 and 90 degrees; got {math.degrees(feather_rad):.4g}.")
    photos = (*(earlier.photos if earlier else ()), photo)
    placement = Placement(photos, feather_rad)
    if mapping == MAPPINGS[1]:
        if earlier is not None or canvas is not None:
            raise InvalidInput(
                "mapping 'upstream' must start from an empty canvas; unlink the canvas or choose 'exact'."
            )
        picture, to_generate = project_upstream(photo, width // 2, width)
        return picture, to_generate, placement
    drawn = placement if canvas is None else Placement((photo,), feather_rad)
    if canvas is not None:
        check_shape("canvas", canvas, "H W 3")
        check_finite("canvas", canvas)
    height = width // 2 if canvas is None else canvas.shape[0]
    grow_rad = grow_px * math.tau / width
    picture, to_generate = project_photos(
        drawn, height, width, canvas=canvas, mask=mask, grow_rad=grow_rad, progress=progress
    )
    return picture, to_generate, placement


def project_upstream(photo: PlacedPhoto, height: int = 800, width: int = 1600) -> tuple[Tensor, Tensor]:
    """Draw a photo as Matrix-3D does, for parity: its angles run from border to border, both included.

    512x1024 pixels at longitudes ``linspace(-180, 180, 1024)`` and latitudes ``linspace(90, -90, 512)``,
    nearest pixel; the known region eroded three times by 3x3; both resized by Pillow's default. A dark
    photo stays as it is (upstream makes its canvas black).

    Args:
        photo: the photo; upstream itself always centers it.
        height: rows of the result.
        width: columns of the result.

    Returns:
        Canvas ``[height, width, 3]`` and mask ``[height, width]`` (1 = to generate), of 8 bit depth.

    Source: Matrix-3D, image to panorama.
    """
    check_two_to_one("canvas", height, width)
    canvas, is_known = upstream_canvas(photo)
    for _ in range(_UPSTREAM_EROSIONS):
        # Pixels beyond the array do not erode, so the border of the canvas counts as known.
        grown = torch.nn.functional.max_pool2d((~is_known).float()[None], 3, stride=1, padding=1)
        is_known = grown[0] < 0.5
    to_generate = (~is_known).byte().numpy() * np.uint8(255)
    picture = Image.fromarray(to_uint8(canvas))
    sizes = (width, height)
    resized = np.asarray(picture.resize(sizes)).astype(np.float32) / 255
    mask = np.asarray(Image.fromarray(to_generate).resize(sizes)).astype(np.float32) / 255
    return torch.from_numpy(resized), torch.from_numpy(mask)


def upstream_canvas(photo: PlacedPhoto) -> tuple[Tensor, Tensor]:  # [512, 1024, 3], [512, 1024]
    """Return upstream's canvas before the erosion, and which pixels the photo covers."""
    height, width = _UPSTREAM_SIZE
    rows, columns = photo.rgb.shape[:2]
    longitude = torch.linspace(-math.pi, math.pi, width, dtype=torch.float64)
    latitude = torch.linspace(math.pi / 2, -math.pi / 2, height, dtype=torch.float64).unsqueeze(-1)
    ring = torch.cos(latitude)
    axes = torch.broadcast_tensors(
        ring * torch.sin(longitude), -torch.sin(latitude), ring * torch.cos(longitude)
    )
    x, y, z = (torch.stack(axes, dim=-1) @ photo.panorama_from_camera.double()).unbind(-1)
    tan_x, tan_y = (math.tan(0.5 * fov) for fov in photo.fovs_rad)
    in_front = z > 0
    z = torch.where(in_front, z, 1.0)
    is_known = in_front & ((x / z).abs() < tan_x) & ((y / z).abs() < tan_y)
    column = torch.round((x / z + tan_x) / (2 * tan_x) * columns).nan_to_num(0, 0, 0)
    row = torch.round((y / z + tan_y) / (2 * tan_y) * rows).nan_to_num(0, 0, 0)
    picked = photo.rgb[row.clamp(-1e6, 1e6).long() % rows, column.clamp(-1e6, 1e6).long() % columns]
    return torch.where(is_known.unsqueeze(-1), picked, 0.0), is_known


def width_that_keeps(photo: PlacedPhoto, pixels_per_pixel: float = 1.0) -> int:
    """Return the panorama width, a multiple of 32, whose pixels are as fine as the photo's everywhere.

    Args:
        photo: the photo; wide angles need more, because their pixels get finer towards the corners.
        pixels_per_pixel: panorama pixels along the edge of a photo pixel at its finest.
    """
    tan_x, tan_y = (math.tan(0.5 * fov) for fov in photo.fovs_rad)
    finest = max(float(photo.K_px[0, 0]), float(photo.K_px[1, 1])) * (1 + tan_x**2 + tan_y**2)
    return 32 * math.ceil(math.tau * finest * pixels_per_pixel / 32)
