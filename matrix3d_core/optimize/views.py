"""What the fit is trained on: key frames, held-out frames, and the view of each step."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.crops import upstream_crop_rotations
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..scene.camera import Camera, Equirect
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .config import OptimizeConfig

__all__ = [
    "KEY_FRAME_MODES",
    "TrainingImage",
    "View",
    "ViewSampler",
    "choose_key_frames",
    "held_out_frames",
    "key_frames",
    "perspective_crop",
    "view_of",
]

KEY_FRAME_MODES = ("stride", "parallax", "all")
_PARALLAX_RAD = math.radians(3.0)
_PHOTO_SHARE, _PHOTO_STEP = (
    0.5,
    8,
)  # of the views into a panorama that was filled in around a photo look at the photo


def key_frames(count: int, stride: int) -> list[int]:
    """Return every ``stride``-th frame of ``count``, the first and the last included, ascending."""
    return sorted({*range(0, count, stride), count - 1})


def choose_key_frames(
    trajectory: Trajectory, mode: str, stride: int, *, nearest: float | None = None, held_out_max: int = 0
) -> tuple[list[int], list[int]]:
    """Choose the frames to train on and the frames to hold out.

    Args:
        trajectory: poses of the frames.
        mode: ``"stride"``; ``"parallax"``: a new one whenever the camera has moved so far that a surface at the
            distance ``nearest`` shifts by 3 degrees; ``"all"``: all but those held out.
        stride: for ``"stride"``; for ``"all"`` it places the held-out frames.
        nearest: distance of near surfaces, world units; a sixth of the path's length when None.
        held_out_max: at most this many frames are held out.

    Returns:
        Key frames and held-out frames, ascending, without common ones.
    """
    if mode not in KEY_FRAME_MODES:
        raise InvalidInput(f"key_frame_mode must be one of {', '.join(KEY_FRAME_MODES)}; got {mode!r}.")
    count = len(trajectory)
    if mode == "parallax":
        centers = trajectory.centers
        reach = (nearest if nearest is not None else trajectory.length / 6) * math.tan(_PARALLAX_RAD)
        keys = [0]
        for frame in range(1, count):
            if float((centers[frame] - centers[keys[-1]]).norm()) >= reach:
                keys.append(frame)
        keys = sorted({*keys, count - 1})
        return keys, held_out_frames(keys, held_out_max)
    keys = key_frames(count, stride)
    held_out = held_out_frames(keys, held_out_max)
    if mode == "all":
        keys = [frame for frame in range(count) if frame not in held_out]
    return keys, held_out


def held_out_frames(keys: list[int], most: int) -> list[int]:
    """Return frames half way between neighboring key frames, at most ``most``, spread along the path."""
    middles = [(a + b) // 2 for a, b in pairwise(keys) if b - a >= 2]
    if len(middles) <= most:
        return middles
    return [middles[(2 * i + 1) * len(middles) // (2 * most)] for i in range(most)]


@dataclass(frozen=True)
class TrainingImage:
    """A picture to be trained on.

    Attributes:
        rgb: ``[H, W, 3]`` float32.
        weight: ``[H, W]`` float32 weight of each pixel in the loss.
        camera_from_world: ``[4, 4]`` float64 pose.
        camera: its camera.
        fov_rad: field of view of its crops (a panorama), or None for the range of the settings.
        number: row of its color change and pose correction, -1 for none.
        inverse_depth: ``[H, W, 3]`` 1 / ray distance, how much it counts, 0; or None when nothing is known.
    """

    rgb: Tensor
    weight: Tensor
    camera_from_world: Tensor
    camera: Camera
    fov_rad: float | None = None
    number: int = -1
    inverse_depth: Tensor | None = None


@dataclass(frozen=True)
class View:
    """What one step renders: a perspective view into a panorama, a window of a pinhole picture, or a whole picture.

    Attributes:
        picture: where it comes from.
        camera: what it is a picture of.
        rotation: ``[3, 3]`` float64 view's axes from the picture's, of a view into a panorama; None where pixels are
            taken or averaged as they are.
        camera_from_world: ``[4, 4]`` float64, without any pose correction.
    """

    picture: TrainingImage
    camera: Camera
    rotation: Tensor | None
    camera_from_world: Tensor

    def crop(self) -> tuple[Tensor, Tensor]:
        """Return the view's ``rgb [H, W, 3]`` and ``weight [H, W]``, bilinear."""
        both = self.sample(torch.cat((self.picture.rgb, self.picture.weight.unsqueeze(-1)), dim=-1))
        return both[..., :3].contiguous(), both[..., 3].contiguous()

    def sample(self, image: Tensor) -> Tensor:
        """Cut the view out of a map ``[H, W, C]`` of the picture's camera."""
        return self.picture.camera.crop(image, self.camera, self.rotation)

    def place(self) -> Tensor:  # [H, W, 2]
        """Return the positions of the pixels in the whole picture: across and down, -1..1."""
        rays = self.camera.rays()
        xy, _ = self.picture.camera.project(rays if self.rotation is None else rays @ self.rotation)
        size = torch.tensor((self.picture.camera.width, self.picture.camera.height))
        return (xy / size * 2 - 1).float()


def view_of(picture: TrainingImage, camera: Camera, rotation: Tensor | None = None) -> View:
    """Return the view of another camera at the picture's place, turned by ``rotation`` (see `View`)."""
    pose = picture.camera_from_world
    if rotation is not None:
        turn = torch.eye(4, dtype=torch.float64)
        turn[:3, :3] = rotation
        pose = turn @ pose
    return View(picture, camera, rotation, pose)


def perspective_crop(
    picture: TrainingImage, rotation: Tensor, size_px: int, fov_rad: float | None = None
) -> View:
    """Return a square perspective view into a panorama; a pinhole picture is one already and is returned whole."""
    fov_rad = fov_rad or picture.fov_rad or math.pi / 2
    return view_of(picture, *picture.camera.perspective_views(rotation[None], size_px, fov_rad)[0])


class ViewSampler:
    """Draws the view of each step from a seed: the same sequence on every run."""

    def __init__(
        self,
        frames: Tensor,  # [T, H, W, 3]
        trajectory: Trajectory,
        keys: list[int],
        *,
        geometry: PanoramaGeometry | None,
        mask: Tensor | None,  # [T, H, W]
        config: OptimizeConfig,
        inverse_depth: dict[int, Tensor] | None = None,
        is_filled: bool = True,
    ) -> None:
        self._config = config
        self._random = torch.Generator().manual_seed(config.seed)
        self._crops = upstream_crop_rotations()
        self._source: TrainingImage | None = None
        share = config.source_ratio
        if share < 0:
            share = 0.15 if mask is None else (0.7 if is_filled else 0.3)
        self._share = share
        self._photo: Tensor | None = None
        if geometry is not None:
            self._source = _source_image(geometry, trajectory, config)
            if geometry.is_filled is not None:
                self._photo = (~geometry.is_filled[::_PHOTO_STEP, ::_PHOTO_STEP]).nonzero()
        self.pictures: list[TrainingImage] = []
        for number, frame in enumerate(keys):
            pose = trajectory.camera_from_world[frame]
            camera = trajectory.camera(frame, (frames.shape[1], frames.shape[2]))
            if self._source is not None and _shows_no_more(self._source, pose, camera):
                continue
            weight = torch.ones(frames.shape[1:3])
            if mask is not None:
                low, high = config.weight_filled, config.weight_seen
                weight = low + (high - low) * mask[frame].float()
            self.pictures.append(
                TrainingImage(
                    frames[frame].float(),
                    weight,
                    pose,
                    camera,
                    None if config.fov_max_deg > 0 else math.pi / 2,
                    # The first picture sets the colors and the place that all others are fitted to.
                    number if frame or geometry is not None else -1,
                    (inverse_depth or {}).get(frame),
                )
            )
        self._given = tuple(self.pictures)
        self._queue: list[tuple[int, int]] = []

    def draw(self) -> View:
        """Return the next view."""
        chance, across, down = torch.rand(3, generator=self._random, dtype=torch.float64).tolist()
        size = self._config.crop_size_px
        if self._source is not None and (chance < self._share or not self.pictures):
            pitch, yaw = math.asin(2 * down - 1), math.tau * across  # even over the sphere
            if self._photo is not None and len(self._photo) and across < _PHOTO_SHARE:
                place = self._photo[int(across / _PHOTO_SHARE * len(self._photo))] * _PHOTO_STEP
                row, column = (int(v) for v in place)
                pitch = (0.5 - (row + 0.5) / self._source.camera.height) * math.pi
                yaw = ((column + 0.5) / self._source.camera.width - 0.5) * math.tau
            angles = torch.tensor((yaw, pitch, 0.0), dtype=torch.float64)
            return perspective_crop(self._source, matrix_from_yaw_pitch_roll(*angles).mT, size)
        if not self._queue:
            pairs = [(p, c) for p in range(len(self.pictures)) for c in range(len(self._crops))]
            self._queue = [pairs[i] for i in torch.randperm(len(pairs), generator=self._random).tolist()]
        number, crop = self._queue.pop()
        picture = self.pictures[number]
        if self._config.view_mode == "panorama":
            factor = max(1, round(picture.camera.height / self._config.panorama_rows))
            return view_of(picture, picture.camera.downsampled(factor))
        fov = picture.fov_rad
        if fov is None:
            low, high = self._config.fov_min_deg, self._config.fov_max_deg
            fov = math.radians(low + (high - low) * down)
        yaw = torch.tensor((math.tau * across, 0.0, 0.0), dtype=torch.float64)
        rotation = self._crops[crop] @ matrix_from_yaw_pitch_roll(*yaw).mT
        camera, turn = picture.camera.perspective_views(rotation[None], size, fov)[0]
        rows, columns = min(size, camera.height), min(size, camera.width)
        top, left = round((camera.height - rows) * down), round((camera.width - columns) * across)
        return view_of(picture, camera.window(top, left, rows, columns), turn)

    def replace_picture(self, number: int, rgb: Tensor, trust: Tensor) -> None:
        """Train on another picture ``[H, W, 3]`` of key frame ``number``, its weight times ``trust [H, W]``."""
        for index, picture in enumerate(self._given):
            if picture.number == number:
                self.pictures[index] = replace(picture, rgb=rgb, weight=picture.weight * trust)

    def resize(self, crop_size_px: int) -> None:
        """Draw smaller views from now on."""
        self._config = replace(self._config, crop_size_px=crop_size_px)

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs: the generator's state and the remaining views ``[Q, 2]``."""
        queue = torch.tensor(self._queue, dtype=torch.int64).reshape(-1, 2)
        return {"random": self._random.get_state(), "queue": queue}

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a checkpoint."""
        self._random.set_state(state["random"])
        self._queue = [(picture, crop) for picture, crop in state["queue"].tolist()]


def _source_image(
    geometry: PanoramaGeometry, trajectory: Trajectory, config: OptimizeConfig
) -> TrainingImage:
    """Return the source panorama as a picture to be trained on, with its distances."""
    known = (geometry.is_valid & ~geometry.is_sky).float()
    near = torch.stack((1 / geometry.depth_ray, known, torch.zeros_like(geometry.depth_ray)), -1)
    return TrainingImage(
        geometry.rgb.float(),
        torch.ones(geometry.depth_ray.shape),
        trajectory.panorama_from_world,
        Equirect((geometry.height, geometry.width)),
        math.radians(config.source_fov_deg),
        inverse_depth=near.float().contiguous(),
    )


def _shows_no_more(source: TrainingImage, pose: Tensor, camera: Camera) -> bool:
    """Tell whether a frame is a panorama with the source panorama's pose."""
    is_here = torch.allclose(pose, source.camera_from_world, rtol=0, atol=1e-9)
    return is_here and isinstance(camera, Equirect)
