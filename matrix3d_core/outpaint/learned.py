"""From a picture file or tensor to a photo's world, its distances and camera estimated by the depth head."""

from __future__ import annotations

import functools
from dataclasses import replace

import torch
from torch import Tensor

from ..depth.learned.estimate import LearnedDepth
from ..depth.learned.photo import estimate_photo
from ..depth.photo_distance import PhotoDistance, PhotoEstimator
from ..errors import BackendUnavailable, InvalidInput
from ..io.exif import ExifLens
from ..panorama.photo import place_photo
from ..progress import ProgressFn, no_progress
from .lens import choose_lens
from .photo import PhotoWorld, photo_world

__all__ = ["learned_photo_world"]


def learned_photo_world(
    rgb: Tensor,  # [H, W, 3]
    networks: LearnedDepth | str | None,
    *,
    depth_ray: Tensor | None = None,  # [h, w]
    fov_x_rad: float | None = None,
    pitch_rad: float | None = None,
    roll_rad: float | None = None,
    exif: ExifLens | None = None,
    camera_height: float = 1.6,
    height: int = 1024,
    most_width: int = 8192,
    progress: ProgressFn = no_progress,
) -> PhotoWorld:
    """Make a panorama with distances around a photo; see `choose_lens` and `photo_world`.

    Args:
        rgb: ``[H, W, 3]`` in [0, 1].
        networks: of `load_learned`; its sentence when one is missing. None with ``depth_ray``: an unknown camera is
            assumed.
        depth_ray: ``[h, w]`` ray distances of the photo, inf in the sky, in place of the networks' estimate.
        fov_x_rad: horizontal field of view; None takes that of ``exif``, else it is estimated.
        pitch_rad: how far the camera looks up; None: estimated.
        roll_rad: how far it is tilted to the right; None: estimated.
        exif: lens of the file, if any.
        camera_height: meters above the ground.
        height: rows of the geometry.
        most_width: columns of the panorama at most.
        progress: called between the steps.

    Raises:
        BackendUnavailable: without the networks; says which file goes where.
        InvalidInput: for what is no photo, shows sky alone, or a setting out of range.
    """
    if isinstance(networks, str):
        raise BackendUnavailable(f"a photo's world: {networks}")
    pair = None if networks is None else (networks.backbone, networks.head)
    lens = choose_lens(
        rgb, fov_x_rad=fov_x_rad, pitch_rad=pitch_rad, roll_rad=roll_rad, exif=exif, networks=pair
    )
    photo = place_photo(rgb, lens.fov_x_rad, pitch_rad=lens.pitch_rad, roll_rad=lens.roll_rad)
    estimate: PhotoEstimator
    if depth_ray is not None:
        given = PhotoDistance(depth_ray.float(), torch.isinf(depth_ray), source="given depth")
        estimate = lambda rgb, K_px, world_from_camera: given  # noqa: E731
    elif pair is not None:
        estimate = functools.partial(
            estimate_photo, backbone=pair[0], head=pair[1], camera_height=camera_height
        )
    else:
        raise InvalidInput("a photo's world needs the depth networks or the distances; got neither.")
    world = photo_world(
        photo, estimate, camera_height=camera_height, height=height, most_width=most_width, progress=progress
    )
    return replace(world, report=f"{lens.source}\n{world.report}")
