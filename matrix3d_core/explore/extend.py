"""Renders a world of splats as the panorama of a new viewpoint, from which the next segment continues.

Everything stays in the axes of the first world: the panorama's own frame is that of an upright camera at
the new viewpoint, and the next path, in a ``world`` frame, starts with exactly that pose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import BackendUnavailable, FormatError, InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..geometry.spherical import erp_directions, sample_erp
from ..guidance.fill import fill_guidance
from ..guidance.render import GuidanceFrames
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..raster.splat import SplatPanorama, render_gaussians_panorama
from ..scene.camera import join_intrinsics, select_intrinsics
from ..scene.gaussians import Gaussians
from ..scene.panorama import GeometryReport, PanoramaGeometry
from ..scene.trajectory import Trajectory
from ..strict_json import parse_json
from ..trajectories.edit import resample
from ..trajectories.load3d import pose_from_camera_info

__all__ = [
    "Extension",
    "ExtensionReport",
    "extend_world",
    "parse_pose",
    "place_path",
    "start_pose",
    "upright",
]

_SAME_DEPTH = 0.1  # expected and median distance this close: one surface
_SEEN_TOLERANCE = (
    0.08  # relative to the distance: a point this close to the surface seen from an old pose is observed
)
_SEEN_POSES = 8  # of the path so far that are tested
_SEEN_ROWS = 128
_SAME_POSE = 1e-6


class ExtensionReport(GeometryReport):
    """What is known from a new place, JSON-serializable; shares are of the sphere."""

    backend: str
    gaussians: int
    position: list[float]
    heading_deg: float
    known: float
    not_covered: float
    thin: float
    never_seen_by_path: float


@dataclass(frozen=True)
class Extension:
    """The panorama of the world so far at a new viewpoint.

    Attributes:
        rgb: ``[H, W, 3]`` the panorama, black where the world is unobserved.
        is_known: ``[H, W]`` bool, True where the world is observed and sharp enough.
        depth_ray: ``[H, W]`` ray distance, inf where not known.
        geometry: the same, completed smoothly, in the frame of the new viewpoint.
        start: one pose in the world's axes, upright: where the panorama is.
        report: shares and settings.
    """

    rgb: Tensor
    is_known: Tensor
    depth_ray: Tensor
    geometry: PanoramaGeometry
    start: Trajectory
    report: ExtensionReport


def upright(camera_from_world: Tensor) -> Tensor:  # [4, 4] -> [4, 4]
    """Return the pose with the same position and heading, level, with -y up.

    A camera that looks straight up or down keeps the heading that its picture's top (or bottom) has.
    """
    check_shape("camera_from_world", camera_from_world, "4 4")
    pose = camera_from_world.detach().to("cpu", torch.float64)
    rotation = pose[:3, :3].mT
    center = -(rotation @ pose[:3, 3])
    ahead = rotation[:, 2]
    if math.hypot(float(ahead[0]), float(ahead[2])) < 1e-6:
        ahead = rotation[:, 1] * torch.sign(ahead[1]).neg()  # looking down, the picture's top is ahead
    yaw = torch.atan2(ahead[0], ahead[2])
    turn = matrix_from_yaw_pitch_roll(yaw, torch.zeros_like(yaw), torch.zeros_like(yaw))
    return Trajectory.from_centers(turn[None], center[None]).camera_from_world[0]


def parse_pose(text: str) -> Tensor | None:  # [4, 4]
    """Read a pose that a viewer stored: JSON [x, y, z, yaw, pitch], world units and degrees; None for no text.

    Raises:
        FormatError: when it is something else.
    """
    if not text.strip():
        return None
    row = parse_json(text, source="pose, such as [0, 0, 1, 90, 0]")
    is_row = (
        isinstance(row, list)
        and len(row) in (4, 5)
        and all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 1e6 for v in row)
    )
    if not is_row:
        shown = text.strip()
        raise FormatError(
            "pose must be [x, y, z, yaw, pitch] in world units and degrees; "
            f"got {shown if len(shown) <= 60 else shown[:57] + '...'}."
        )
    yaw, pitch = (torch.tensor(math.radians(v), dtype=torch.float64) for v in (*row[3:], 0.0)[:2])
    turn = matrix_from_yaw_pitch_roll(yaw, pitch, torch.zeros_like(yaw))
    center = torch.tensor([row[:3]], dtype=torch.float64)
    return Trajectory.from_centers(turn[None], center).camera_from_world[0]


def start_pose(
    *,
    pose: str = "",
    camera: object = None,
    trajectory: Trajectory | None = None,
    frame: int = -1,
) -> Tensor:  # [4, 4]
    """Return the pose to continue from: the stored one, else the camera's, else that of a frame of the path.

    Raises:
        InvalidInput: when nothing is given, or the path has no such frame.
    """
    stored = parse_pose(pose)
    if stored is not None:
        return stored
    if camera is not None:
        return pose_from_camera_info(camera)  # type: ignore[arg-type]
    if trajectory is None:
        raise InvalidInput(
            "a viewpoint to continue from must be given: connect a trajectory or a camera, or press 'Extend from here' "
            "in Preview Splats."
        )
    if not -len(trajectory) <= frame < len(trajectory):
        raise InvalidInput(f"frame must lie in 0..{len(trajectory) - 1}, or be -1 for the last; got {frame}.")
    return trajectory.camera_from_world[frame]


def extend_world(
    gaussians: Gaussians,
    camera_from_world: Tensor,  # [4, 4]
    *,
    height: int,
    path: Trajectory | None = None,
    min_alpha: float = 0.7,
    max_splat_rad: float = math.radians(6.0),
    sky_distance: float = 0.0,
    is_metric: bool = False,
    backend: str = "auto",
    mesh_backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> Extension:
    """Render the panorama of a world at a new viewpoint, and mark what is known.

    A pixel is known where the splats cover it by ``min_alpha``, where they are no larger than
    ``max_splat_rad`` as seen from there, and, with ``path``, where one of its poses saw the same point:
    disoccluded regions and oversized splats are left to the next segment to generate. The
    geometry is completed by continuing the background smoothly.

    Args:
        gaussians: the world so far.
        camera_from_world: the new viewpoint; its heading is kept, pitch and roll are not.
        height: rows of the panorama, at least 16.
        path: the poses that the world was made from; None: all splats count as observed.
        min_alpha: least coverage, in [0, 1].
        max_splat_rad: largest standard deviation of splats, as an angle; 0 switches the test off.
        sky_distance: surfaces beyond it count as sky in the geometry; 0: none do.
        is_metric: whether one unit is one meter.
        backend: splat backend; one that draws panoramas.
        mesh_backend: mesh backend, for the completion.
        progress: called between steps; raising in it cancels.

    Raises:
        InvalidInput: for settings out of range, no splats, or a viewpoint from which nothing is known.
        BackendUnavailable: when the backend cannot run here or draws no panoramas.
    """
    if height < 16:
        raise InvalidInput(f"height must be at least 16 rows; got {height}.")
    if not 0 <= min_alpha <= 1:
        raise InvalidInput(f"min_alpha must lie in 0..1; got {min_alpha}.")
    for name, value in (("max_splat_size", max_splat_rad), ("sky_distance", sky_distance)):
        if not (math.isfinite(value) and value >= 0):
            raise InvalidInput(f"{name} must be 0 or more; got {value}.")
    if not len(gaussians):
        raise InvalidInput("the world must hold at least one splat; got none.")
    gaussians.check_finite()
    steps = 4
    pose = upright(camera_from_world)
    start = Trajectory(pose[None], frame_of_reference="world", is_metric=is_metric, name="start")
    progress(ProgressEvent(0, steps, "render the new panorama"))
    seen = _render(gaussians, pose, height, backend)
    depth = _distance(seen)
    is_covered = (seen.alpha >= min_alpha) & torch.isfinite(depth)
    progress(ProgressEvent(1, steps, "measure splat sizes", seen.rgb.clamp(0, 1)))
    is_fine = torch.ones_like(is_covered)
    if max_splat_rad > 0:
        is_fine = _mean_angle(gaussians, pose, height, seen.alpha, backend) <= max_splat_rad
    was_seen = torch.ones_like(is_covered)
    if path is not None:
        progress(ProgressEvent(2, steps, "test visibility from the path"))
        was_seen = _seen_by(gaussians, path, pose, depth, backend)
    is_known = is_covered & is_fine & was_seen
    share = _sphere_share(is_known)
    if share < 0.01:
        raise InvalidInput(
            f"the world must be visible from the new viewpoint; only {share:.1%} of the view there is known. "
            "Choose one closer to the path, or relax min_alpha and max_splat_size."
        )
    rgb = seen.rgb.clamp(0, 1) * is_known.unsqueeze(-1)
    depth = torch.where(is_known, depth, torch.inf)
    progress(ProgressEvent(3, steps, "complete the geometry", rgb))
    filled_rgb, filled_depth = rgb, depth
    if not bool(is_known.all()):
        frames = GuidanceFrames(rgb[None], is_known[None].float(), depth[None], seen.backend)
        filled = fill_guidance(frames, start, method="smooth", backend=mesh_backend)
        filled_rgb, filled_depth = filled.rgb[0], filled.depth_ray[0]
    report: ExtensionReport = {
        "source": "splats",
        "backend": seen.backend,
        "gaussians": len(gaussians),
        "size": [2 * height, height],
        "position": [round(v, 4) for v in start.centers[0].tolist()],
        "heading_deg": round(math.degrees(math.atan2(*start.forwards[0, [0, 2]].tolist())), 2),
        "known": round(share, 4),
        "not_covered": round(_sphere_share(~is_covered), 4),
        "thin": round(_sphere_share(is_covered & ~is_fine), 4),
        "never_seen_by_path": round(_sphere_share(is_covered & is_fine & ~was_seen), 4),
    }
    sky = filled_depth > sky_distance if sky_distance else torch.zeros_like(is_known)
    geometry = PanoramaGeometry(filled_rgb, filled_depth, is_known, sky, is_metric, report)
    progress(ProgressEvent(steps, steps, "panorama rendered", filled_rgb))
    return Extension(rgb, is_known, depth, geometry, start, report)


def place_path(path: Trajectory, start: Trajectory) -> tuple[Trajectory, bool]:
    """Transform a path from a panorama's own frame to the panorama's pose in the world.

    Later stages expect the panorama at the first pose of a ``world`` path. So a path that does not begin
    at the panorama's center with identity rotation gets that pose prepended, and keeps its number of frames.

    Args:
        path: in the panorama's frame.
        start: its first pose is the panorama's, in world axes.

    Returns:
        The path in world axes, and whether the start pose was prepended.

    Raises:
        InvalidInput: when the path is in a world's frame already.
    """
    if path.frame_of_reference != "panorama":
        raise InvalidInput(
            "the path must be in its panorama's frame; it is in a world's already. Make it from the geometry of "
            "Extend World."
        )
    first = path.camera_from_world[0]
    here = torch.eye(4, dtype=torch.float64)
    is_prepended = float((first - here).abs().max()) > _SAME_POSE * max(1.0, float(path.length))
    if is_prepended:
        K_px = join_intrinsics(select_intrinsics(path.K_px, slice(1)), path.K_px)
        longer = replace(path, camera_from_world=torch.cat((here[None], path.camera_from_world)), K_px=K_px)
        path = resample(longer, len(path)) if len(path) > 1 else longer
    poses = path.camera_from_world @ start.camera_from_world[0]
    poses[0] = start.camera_from_world[0]
    poses[:, 3] = here[3]
    placed = replace(
        path, camera_from_world=poses, frame_of_reference="world", is_metric=start.is_metric or path.is_metric
    )
    return placed, is_prepended


def _render(gaussians: Gaussians, pose: Tensor, height: int, backend: str) -> SplatPanorama:
    with torch.no_grad():
        try:
            return render_gaussians_panorama(
                gaussians, pose, height, 2 * height, backend=backend, median_depth=True
            )
        except BackendUnavailable:
            return render_gaussians_panorama(gaussians, pose, height, 2 * height, backend=backend)


def _distance(seen: SplatPanorama) -> Tensor:
    """Expected distance within a surface, the median where two of them meet in a pixel."""
    if seen.median_ray is None:
        return seen.depth_ray
    is_one = (seen.depth_ray / seen.median_ray - 1).abs() < _SAME_DEPTH
    return torch.where(is_one, seen.depth_ray, seen.median_ray)


def _mean_angle(gaussians: Gaussians, pose: Tensor, height: int, alpha: Tensor, backend: str) -> Tensor:
    """Mean angular size ``[H, W]`` of the splats visible in each pixel, radians."""
    scales = gaussians.scales.sort(dim=-1, descending=True).values
    sizes = (scales[:, 0] * scales[:, 1]).sqrt()
    center = -(pose[:3, :3].mT @ pose[:3, 3])
    away = (gaussians.means.double() - center).norm(dim=-1).clamp_min(1e-9)
    angle = torch.atan(sizes.double() / away).float()
    colored = Gaussians.from_colors(
        *gaussians.tensors()[:4], (angle / (math.pi / 2)).unsqueeze(-1).expand(-1, 3)
    )
    with torch.no_grad():
        drawn = render_gaussians_panorama(colored, pose, height, 2 * height, backend=backend)
    return drawn.rgb[..., 0] / alpha.clamp_min(1e-6) * (math.pi / 2)


def _seen_by(gaussians: Gaussians, path: Trajectory, pose: Tensor, depth: Tensor, backend: str) -> Tensor:
    """Return whether the point in each pixel of the new panorama was visible from a pose of the path."""
    height, width = depth.shape
    rotation = pose[:3, :3].mT
    center = -(rotation @ pose[:3, 3])
    known = torch.where(torch.isfinite(depth), depth, torch.ones_like(depth)).double().unsqueeze(-1)
    points = (erp_directions(height, width, dtype=torch.float64) * known) @ rotation.mT + center
    count = len(path)
    chosen = sorted({round(k * (count - 1) / max(1, _SEEN_POSES - 1)) for k in range(_SEEN_POSES)})
    seen = torch.zeros(height, width, dtype=torch.bool)
    rows = min(_SEEN_ROWS, height)
    for frame in chosen:
        old = path.camera_from_world[frame]
        there = _distance(_render(gaussians, old, rows, backend))
        local = points @ old[:3, :3].mT + old[:3, 3]
        away = local.norm(dim=-1)
        far = torch.nn.functional.max_pool2d(there[None, None], 3, 1, 1)[
            0, 0
        ]  # an edge is seen from both sides
        limit = sample_erp(far.unsqueeze(-1), local.float(), mode="nearest").squeeze(-1)
        seen |= away <= limit.double() * (1 + _SEEN_TOLERANCE)
    return seen & torch.isfinite(depth)


def _sphere_share(is_in: Tensor) -> float:
    """Share of the full solid angle."""
    height = is_in.shape[0]
    weight = torch.sin((torch.arange(height, dtype=torch.float64) + 0.5) / height * math.pi)
    return float((is_in.double().mean(1) * weight).sum() / weight.sum())
