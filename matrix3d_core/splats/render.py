"""Pictures of a world along a path: perspective, panorama, stereo and VR180, frame by frame."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..motion.at_time import gaussians_at, has_motion
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..raster.camera_view import render_view
from ..raster.splat import SPLAT_BACKENDS
from ..scene.camera import Equirect, Pinhole
from ..scene.gaussians import Gaussians
from ..scene.sequence import GaussianSequence
from ..scene.trajectory import Trajectory

__all__ = ["EYE_DISTANCE_M", "PROJECTIONS", "PathPictures", "color_from_hex", "picture_size", "render_path"]

PROJECTIONS = ("perspective", "panorama", "stereo", "vr180")
"""``stereo`` is two perspective views side by side, left eye first; ``vr180`` two half panoramas."""

EYE_DISTANCE_M = 0.064
"""Distance between the eyes of an adult, meters."""


@dataclass(frozen=True)
class PathPictures:
    """Frames along a path.

    Attributes:
        rgb: ``[F, H, W, 3]`` in [0, 1] over the background.
        alpha: ``[F, H, W]`` coverage.
        depth_ray: ``[F, H, W]`` expected ray distance from the eye, inf where empty.
        backend: which backend drew them.
    """

    rgb: Tensor
    alpha: Tensor
    depth_ray: Tensor
    backend: str


def color_from_hex(code: str) -> tuple[float, float, float]:
    """Return red, green and blue in [0, 1] of a color such as ``#1e90ff``.

    Raises:
        InvalidInput: for anything else.
    """
    digits = code.strip().removeprefix("#")
    if len(digits) != 6 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
        raise InvalidInput(f"a color must be # and six hexadecimal digits, such as #1e90ff; got {code!r}.")
    red, green, blue = (int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4))
    return red, green, blue


def picture_size(projection: str, height: int, width: int) -> tuple[int, int]:
    """Return rows and columns of a whole frame, both eyes included.

    Panoramas and VR180 follow from the width: they are half as high.

    Raises:
        InvalidInput: for an unknown projection, or a width that cannot be halved.
    """
    if projection not in PROJECTIONS:
        raise InvalidInput(f"projection must be one of {', '.join(PROJECTIONS)}; got {projection!r}.")
    if height < 1 or width < 2:
        raise InvalidInput(f"height and width must be at least 1 and 2; got {height} and {width}.")
    if projection != "perspective" and width % 2:
        raise InvalidInput(f"the width of a {projection} picture must be even; got {width}.")
    return (width // 2 if projection in ("panorama", "vr180") else height), width


@attentive
def render_path(
    gaussians: Gaussians,
    trajectory: Trajectory,
    *,
    projection: str = "perspective",
    height: int,
    width: int,
    fov_x_rad: float = math.pi / 2,
    stride: int = 1,
    eye_distance: float = EYE_DISTANCE_M,
    background: Sequence[float] = (0.0, 0.0, 0.0),
    backend: str = "auto",
    antialiased: bool = False,
    start_s: float = 0.0,
    plays: bool = True,
    sequence: GaussianSequence | None = None,
    progress: ProgressFn = no_progress,
) -> PathPictures:
    """Render a world along a path; only the result and one frame are held in memory.

    Each pose's forward axis is the viewing direction, or the center of the panorama. The trajectory's own
    intrinsics, if it has any, are not used. The eyes of a pair are ``eye_distance`` apart along the camera's x
    axis, left eye on the left half, with parallel viewing directions.

    Args:
        gaussians: the world, in the trajectory's frame.
        trajectory: the path.
        projection: one of `PROJECTIONS`.
        height: rows of the frames; see `picture_size`.
        width: columns of the frames, both eyes together.
        fov_x_rad: horizontal field of view of one eye, radians, below pi; perspective and stereo.
        stride: render every n-th pose.
        eye_distance: world units, 0 or more.
        background: red, green, blue in [0, 1].
        backend: splat backend; panoramas need one that can draw them.
        antialiased: dim splats smaller than a pixel instead of enlarging them (Mip-Splatting).
        start_s: time of a world that moves at the first pose, seconds.
        plays: later poses are seen at their own times, by the trajectory's frames per second; else all at ``start_s``.
        sequence: frames of a world in 4D; they are rendered at the poses' times instead of ``gaussians``.
        progress: called before each frame, with the latest as preview; raising in it cancels.

    Raises:
        InvalidInput: for sizes, stride, eye distance, field of view or time out of range, or a world with NaN or
            infinity.
        BackendUnavailable: when the backend cannot run here or draws no panoramas.
    """
    try:
        gaussians.check_finite()
    except InvalidInput as error:
        raise InvalidInput(f"{error} Remove those splats with Clean Splats.") from error
    rows, columns = picture_size(projection, height, width)
    if stride < 1:
        raise InvalidInput(f"stride must be at least 1; got {stride}.")
    if not 0 <= eye_distance < math.inf:
        raise InvalidInput(f"eye_distance must be 0 or more; got {eye_distance}.")
    if len(background) != 3 or not all(0 <= part <= 1 for part in background):
        raise InvalidInput(f"background must be three numbers from 0 to 1; got {list(background)}.")
    is_round = projection in ("panorama", "vr180")
    eyes = (0.0,) if projection in ("perspective", "panorama") else (-eye_distance / 2, eye_distance / 2)
    eye_columns = columns // len(eyes)
    camera = Equirect((rows, 2 * rows)) if is_round else Pinhole.from_fov(fov_x_rad, rows, eye_columns)
    # VR180 is the middle half of a panorama.
    columns_shown = slice(rows // 2, rows // 2 + rows) if projection == "vr180" else slice(None)
    name, _ = SPLAT_BACKENDS.load(backend, needs={"panorama"} if is_round else set())
    poses = trajectory.camera_from_world[::stride]
    world_at = sequence.at if sequence is not None else functools.partial(gaussians_at, gaussians)
    seen_at, moves = world_at(start_s), sequence is not None or has_motion(gaussians)
    rgb = torch.empty(len(poses), rows, columns, 3)
    alpha, depth = torch.empty(len(poses), rows, columns), torch.empty(len(poses), rows, columns)
    for index, pose in enumerate(poses):
        preview = rgb[index - 1] if index else None
        progress(ProgressEvent(index, len(poses), f"render splats {index + 1} of {len(poses)}", preview))
        if moves and plays and index:
            seen_at = world_at(start_s + index * stride / trajectory.fps)
        for number, right in enumerate(eyes):
            eye = pose.clone()
            eye[0, 3] -= right
            part = (index, slice(None), slice(number * eye_columns, (number + 1) * eye_columns))
            with torch.no_grad():
                seen = render_view(
                    seen_at, eye, camera, background=background, backend=name, antialiased=antialiased
                )
            rgb[part] = seen.rgb[:, columns_shown].clamp(0, 1)
            alpha[part] = seen.alpha[:, columns_shown].clamp(0, 1)
            depth[part] = seen.depth_ray[:, columns_shown]
    progress(ProgressEvent(len(poses), len(poses), "splats rendered", rgb[-1]))
    return PathPictures(rgb, alpha, depth, name)
