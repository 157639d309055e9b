"""From a photo and its distances to a whole panorama: the photo keeps its pixels, the rest is continued and marked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_finite, check_floating, check_shape
from ..depth.photo_distance import PhotoDistance, PhotoEstimator
from ..depth.resample import resample_depth
from ..depth.sky import fill_sky
from ..errors import InvalidInput
from ..geometry.fitting import fit_plane
from ..geometry.spherical import erp_directions
from ..panorama.composite import CompositeSettings, composite_photos
from ..panorama.photo import PlacedPhoto, Placement, erp_border_angle, warp_photo, width_that_keeps
from ..panorama.resample import resize_erp
from ..progress import ProgressFn, no_progress
from ..scene.camera import Pinhole
from ..scene.panorama import GeometryReport, PanoramaGeometry
from .surroundings import SpherePart, Surroundings, continue_around

__all__ = ["PhotoWorld", "check_photo", "photo_world"]

_MOST_ASPECT = 4.0
_LEAST_FOV_DEG, _MOST_FOV_DEG = 10.0, 150.0
_MOST_SKY = 0.98
_FILL_ROWS = 768
_OVERSAMPLING = (
    1.25  # panorama pixels per photo pixel: the solution for the photo's pixels exists and is found soon
)
_KEEP_WITHIN = 0.5 / 255
_MIN_DIP_RAD = math.radians(6)
_GROUND_TOLERANCE = 0.05  # of the camera height
_LEAST_INLIERS = 0.25  # of the pixels that may be ground
_LEAST_GROUND = 0.01  # of the photo
_MAX_TILT_RAD = math.radians(20)
_SAME_SURFACE = 1.06  # distances between pixels that differ by less are interpolated


@dataclass(frozen=True)
class PhotoWorld:
    """A photo as a panorama with distances.

    Attributes:
        rgb: ``[H, W, 3]`` the panorama, fine enough for the photo's pixels.
        geometry: at its working size; ``is_filled`` marks what the photo does not show.
        placement: the photo and its camera; a view of ``rgb`` through it is the photo.
        report: lines of text.
    """

    rgb: Tensor
    geometry: PanoramaGeometry
    placement: Placement
    report: str

    @property
    def filled(self) -> Tensor:
        """``[h, w]`` bool, what the photo does not show, at the geometry's size."""
        assert self.geometry.is_filled is not None  # `photo_world` marks it
        return self.geometry.is_filled


def check_photo(rgb: Tensor, fov_x_rad: float | None = None) -> None:
    """Refuse what is no photo of a perspective camera.

    Args:
        rgb: ``[H, W, 3]``.
        fov_x_rad: horizontal field of view, if it is known.

    Raises:
        InvalidInput: for a whole panorama, a shape beyond 4:1, a field of view outside of 10 to 150 degrees along an
            axis, or values that are not finite.
    """
    size = check_shape("photo", rgb, "H W 3")
    check_floating("photo", rgb)
    check_finite("photo", rgb)
    height, width = size["H"], size["W"]
    if max(height, width) > _MOST_ASPECT * min(height, width):
        raise InvalidInput(
            f"a photo must be at most {_MOST_ASPECT:g} times as long as it is short; got {width}x{height}. Crop it."
        )
    if width == 2 * height and _wraps(rgb):
        raise InvalidInput(
            f"a photo must show a part of the sphere; this picture of {width}x{height} looks like a whole panorama, as "
            "its left and right border match. Give it as a panorama (--panorama, Load Panorama)."
        )
    if fov_x_rad is None:
        return
    least, most = math.radians(_LEAST_FOV_DEG), math.radians(_MOST_FOV_DEG)
    longer = 2 * math.atan(math.tan(min(fov_x_rad, 3.1) / 2) * max(1.0, height / width))
    if not (least <= fov_x_rad and longer <= most):
        raise InvalidInput(
            f"the field of view of a photo must lie between {_LEAST_FOV_DEG:g} and {_MOST_FOV_DEG:g} degrees along "
            f"both sides; got {math.degrees(fov_x_rad):.4g} horizontally for {width}x{height}."
        )


def _wraps(rgb: Tensor) -> bool:
    """Tell whether the picture continues over its left and right border as it does between neighboring columns."""
    step = (rgb[:, 1:] - rgb[:, :-1]).abs().mean(-1)
    typical = float(step.mean())
    return float((rgb[:, 0] - rgb[:, -1]).abs().mean()) < 2 * typical + 0.004


def photo_world(
    photo: PlacedPhoto,
    estimate: PhotoEstimator,
    *,
    camera_height: float = 1.6,
    height: int = 1024,
    most_width: int = 8192,
    progress: ProgressFn = no_progress,
) -> PhotoWorld:
    """Give a photo its distances and continue both around the sphere.

    Where the photo shows ground, distances are scaled so that the camera is ``camera_height`` above it, and pixels of
    the ground are put on its plane; otherwise the estimator's own scale is kept. The panorama is as wide as the photo's
    pixels need (`width_that_keeps`); a photo that needs more than ``most_width`` columns is reduced first.

    Args:
        photo: the photo and its camera, in a level panorama that it faces; see `place_photo`.
        estimate: gives distances to the photo.
        camera_height: of the camera above the ground, meters.
        height: rows of the geometry.
        most_width: columns of the panorama at most.
        progress: called between the steps.

    Raises:
        InvalidInput: for a photo that `check_photo` refuses, one of sky alone, or a setting out of range.
    """
    check_photo(photo.rgb, photo.fovs_rad[0])
    if not 0 < camera_height < math.inf:
        raise InvalidInput(f"camera_height must be positive; got {camera_height}.")
    if height < 32 or most_width < 64:
        raise InvalidInput(
            f"height must be at least 32 and most_width 64; got {height} and {most_width}. Enlarge them."
        )
    full = photo.rgb.shape[1::-1]
    photo = _reduced(photo, most_width)
    columns, rows = photo.rgb.shape[1], photo.rgb.shape[0]
    shown = estimate(photo.rgb, photo.K_px, photo.panorama_from_camera)
    if float(shown.is_sky.float().mean()) > _MOST_SKY:
        raise InvalidInput(
            "a photo must show something besides sky to become a world; this one shows sky alone."
        )
    metric = _metric(photo, shown, camera_height)
    fill_rows = min(height, _FILL_ROWS)
    around = continue_around(metric.on_sphere(fill_rows))
    placement = Placement((photo,))
    done = composite_photos(
        around.rgb,
        placement,
        width=max(2 * height, width_that_keeps(photo, _OVERSAMPLING)),
        settings=CompositeSettings(keep_pixels=True, keep_within=_KEEP_WITHIN),
        progress=progress,
    )
    geometry = _geometry(done.rgb, metric, around, height, shown.source)
    across, down = (math.degrees(fov) for fov in photo.fovs_rad)
    reduced = "" if columns == full[0] else f", reduced to {columns}x{rows}"
    report = [
        f"photo: {full[0]}x{full[1]}{reduced}; {across:.1f}x{down:.1f} degrees, a view through its camera is the photo "
        f"to {done.report['photos'][0]['worst_255']:.2f}/255",
        f"distance: {shown.source}; {metric.scale}",
        f"the rest: continued without a model {'below a ceiling' if around.has_ceiling else 'below the sky'}, marked "
        "as filled",
    ]
    return PhotoWorld(done.rgb, geometry, placement, "\n".join(report))


def _reduced(photo: PlacedPhoto, most_width: int) -> PlacedPhoto:
    """Return the photo at the largest size whose pixels fit into a panorama of that many columns."""
    needed = width_that_keeps(photo, _OVERSAMPLING)
    if needed <= most_width:
        return photo
    rows, columns = photo.rgb.shape[:2]
    factor = (most_width - 32) / needed
    size = max(2, int(rows * factor)), max(2, int(columns * factor))
    camera = Pinhole((rows, columns), photo.K_px)
    rgb = torch.nn.functional.interpolate(
        photo.rgb.permute(2, 0, 1)[None], size, mode="bilinear", antialias=True, align_corners=False
    )[0].permute(1, 2, 0)
    return PlacedPhoto(rgb.clamp(0, 1).contiguous(), camera.resized(*size).K_px, photo.panorama_from_camera)


@dataclass(frozen=True)
class _MetricPhoto:
    """A photo with its distances in meters.

    Attributes:
        photo: the photo and its camera.
        depth_ray: ``[h, w]`` meters.
        is_sky: ``[h, w]`` bool.
        is_ground: ``[h, w]`` bool.
        camera_height: meters above the ground's plane.
        scale: how the scale was found, for the report.
    """

    photo: PlacedPhoto
    depth_ray: Tensor
    is_sky: Tensor
    is_ground: Tensor
    camera_height: float
    scale: str

    def lookup(self, rays: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return distance, sky and ground in directions ``[..., 3]``; the photo's border continues outside."""
        camera = _camera(self.photo, self.depth_ray)
        local = rays.double() @ self.photo.panorama_from_camera.double()
        inverse = (1 / self.depth_ray).masked_fill(self.is_sky, 0.0)[..., None]
        flags = torch.stack((self.is_sky, self.is_ground), -1).float()
        nearest, _ = camera.lookup(torch.cat((inverse, flags), dim=-1), local)
        smooth, _ = camera.lookup(inverse, local, mode="bilinear")
        near, between = nearest[..., 0], smooth[..., 0]
        is_one = (between < near * _SAME_SURFACE) & (between > near / _SAME_SURFACE)
        distance = 1 / torch.where(is_one, between, near).clamp(min=1e-9)
        sky, ground = nearest[..., 1] > 0.5, nearest[..., 2] > 0.5
        on_plane = self.camera_height / rays[..., 1].clamp(min=1e-4).float()
        return torch.where(ground, on_plane, distance), sky, ground

    def on_sphere(self, rows: int) -> SpherePart:
        """Draw it on an otherwise empty panorama."""
        rgb, angle = warp_photo(self.photo, rows, 2 * rows)
        distance, sky, ground = self.lookup(erp_directions(rows, 2 * rows))
        seen = angle >= 0
        distance = torch.where(seen & ~sky, distance, 1.0)
        return SpherePart(rgb.clamp(0, 1), distance, seen, seen & sky, seen & ground, self.camera_height)


def _camera(photo: PlacedPhoto, maps: Tensor) -> Pinhole:
    """Return the photo's camera at the size of maps of it."""
    return Pinhole((photo.rgb.shape[0], photo.rgb.shape[1]), photo.K_px).resized(*maps.shape[:2])


def _metric(photo: PlacedPhoto, shown: PhotoDistance, camera_height: float) -> _MetricPhoto:
    """Find the ground, scale the distances by it, and say so."""
    rays = _camera(photo, shown.depth_ray).rays() @ photo.panorama_from_camera.double().mT
    points = rays * shown.depth_ray[..., None].double()
    is_low = (rays[..., 1] > math.sin(_MIN_DIP_RAD)) & ~shown.is_sky
    candidates = is_low if shown.is_ground is None else is_low & shown.is_ground
    height = _height_above_ground(points[candidates], shown.is_ground is not None)
    depth_ray, nothing = shown.depth_ray.float(), torch.zeros_like(shown.is_sky)
    if height is not None:
        level = points[..., 1] / height
        is_ground = candidates & ((level - 1).abs() < 3 * _GROUND_TOLERANCE)
        share = float(is_ground.float().mean())
        if share >= _LEAST_GROUND:
            factor = camera_height / height
            found = f"the ground in {share:.0%} of the photo is {camera_height:g} m below the camera"
            scale = f"{found} (factor {factor:.3g})"
            return _MetricPhoto(photo, depth_ray * factor, shown.is_sky, is_ground, camera_height, scale)
    return _MetricPhoto(
        photo, depth_ray, shown.is_sky, nothing, camera_height, "no ground in sight, scale as estimated"
    )


def _height_above_ground(points: Tensor, is_ground: bool) -> float | None:  # [N, 3]
    """Return the distance of the plane below that most points are on, None where fewer than a quarter are.

    Points that are known to be ground count by the median of their heights, others also hold walls and objects.
    """
    if len(points) < 16:
        return None
    rough = float(points[:, 1].median())
    if is_ground:
        agree = (points[:, 1] / rough - 1).abs() < 4 * _GROUND_TOLERANCE
        return rough if float(agree.float().mean()) > _LEAST_INLIERS else None
    try:
        plane = fit_plane(
            points / rough,
            inlier_distance=_GROUND_TOLERANCE,
            generator=torch.Generator().manual_seed(0),
            near_normal=(0.0, 1.0, 0.0),
            max_angle_rad=_MAX_TILT_RAD,
        )
    except InvalidInput:  # no plane among these points
        return None
    is_found = plane.offset > 0 and float(plane.is_inlier.float().mean()) >= _LEAST_INLIERS
    return plane.offset * rough if is_found else None


def _geometry(
    panorama: Tensor, metric: _MetricPhoto, around: Surroundings, rows: int, source: str
) -> PanoramaGeometry:
    """Put the photo's own distances, at full detail, into the continued ones."""
    rays = erp_directions(rows, 2 * rows)
    distance, sky, _ = metric.lookup(rays)
    seen = erp_border_angle(metric.photo, rows, 2 * rows) >= 0
    continued = resample_depth(around.depth_ray, rows)
    depth_ray = torch.where(seen, distance, continued)
    is_sky = torch.where(seen, sky, torch.isinf(continued))
    depth_ray = fill_sky(depth_ray, ~is_sky)
    surface = depth_ray[~is_sky]
    report: GeometryReport = {
        "source": source,
        "size": [2 * rows, rows],
        "sky_pixels": int(is_sky.sum()),
        "filled_pixels": int((~seen).sum()),
        "camera_height": metric.camera_height,
        "distance_min": float(surface.min()),
        "distance_max": float(surface.max()),
    }
    rgb = resize_erp(panorama, rows, 2 * rows).clamp(0, 1)
    return PanoramaGeometry(rgb, depth_ray, seen & ~sky, is_sky, True, report, ~seen)
