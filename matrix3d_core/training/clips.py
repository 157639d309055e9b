"""Training clips: panoramic frames with poses, distances and captions, from folders or from the factory's shards."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..checks import check_shape
from ..errors import FormatError, InvalidInput
from ..factory.shards import INDEX, read_index, read_shard
from ..io.cameras_json import parse_trajectory, read_trajectory, write_trajectory
from ..io.depth_files import DEPTH_SUFFIXES, read_depth
from ..io.foreign import as_format_error
from ..io.images import IMAGE_SUFFIXES, read_image
from ..io.tensors import write_tensors
from ..scene.trajectory import Trajectory

__all__ = [
    "CapturedClip",
    "Clip",
    "clip_names",
    "find_clips",
    "has_latents",
    "iterate_clips",
    "read_clip",
    "read_clip_parts",
    "stand_in_latents",
    "write_clip",
]

_TENSORS, _CAMERAS = "clip.safetensors", "cameras.json"
_PICTURES, _DISTANCES, _CAPTION = "frames", "depth", "caption.txt"
_LATENTS = "latents_stride"


@dataclass(frozen=True)
class CapturedClip:
    """A panoramic clip as it was captured.

    Attributes:
        name: the folder's name, or the key in the shard.
        frames: ``[F, H, W, 3]`` uint8.
        depth: ``[F, h, w]`` ray distance of the same frames, world units, inf for sky.
        trajectory: their ``F`` poses.
        caption: empty when there is none.
    """

    name: str
    frames: Tensor
    depth: Tensor
    trajectory: Trajectory
    caption: str = ""

    def __post_init__(self) -> None:
        count = check_shape("frames", self.frames, "F H W 3")["F"]
        if self.depth.shape[0] != count or len(self.trajectory) != count:
            raise InvalidInput(
                f"{self.name}: frames, distances and poses must be as many; got {count}, {self.depth.shape[0]} and "
                f"{len(self.trajectory)}."
            )


@dataclass(frozen=True)
class Clip:
    """A panoramic clip with poses, distances and latents.

    Attributes:
        frames: ``[F, H, W, 3]`` uint8, all frames, also those the network does not see.
        depth: ``[F, h, w]`` ray distance of the same frames, world units, inf for sky; any size 2:1.
        trajectory: their ``F`` poses.
        latents: by stride s: ``[C, t, h, w]`` normalized latents of frames 0, s, 2 s, ...
    """

    frames: Tensor
    depth: Tensor
    trajectory: Trajectory
    latents: dict[int, Tensor]

    def __post_init__(self) -> None:
        count = check_shape("frames", self.frames, "F H W 3")["F"]
        check_shape("depth", self.depth, f"{count} h w")
        if self.frames.dtype != torch.uint8:
            raise InvalidInput(f"frames must be uint8; got {self.frames.dtype}.")
        if len(self.trajectory) != count:
            raise InvalidInput(
                f"trajectory must have {count} poses, one per frame; got {len(self.trajectory)}."
            )
        if not self.latents:
            raise InvalidInput("latents must hold at least one stride; got none.")
        for stride, latent in self.latents.items():
            needed = stride * (4 * (check_shape("latents", latent, "C t h w")["t"] - 1)) + 1
            if needed > count:
                raise InvalidInput(
                    f"latents of stride {stride} are of {needed} frames; the clip has {count}."
                )


def write_clip(folder: Path | str, clip: Clip) -> None:
    """Write a clip's folder: ``clip.safetensors`` (frames, depth, latents_stride1, ...) and ``cameras.json``."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {"frames": clip.frames, "depth": clip.depth.half()}
    tensors |= {f"{_LATENTS}{stride}": latent for stride, latent in clip.latents.items()}
    write_trajectory(folder / _CAMERAS, clip.trajectory)
    write_tensors(folder / _TENSORS, tensors)


def find_clips(root: Path | str) -> list[Path]:
    """Return the clip folders below a folder, sorted; also those that have no latents yet.

    Raises:
        InvalidInput: when there is none.
    """
    found = sorted(
        path.parent
        for path in Path(root).rglob(_CAMERAS)
        if (path.parent / _TENSORS).is_file() or (path.parent / _PICTURES).is_dir()
    )
    if not found:
        raise InvalidInput(
            f"clips must be folders with {_CAMERAS} and either {_TENSORS} or the folders {_PICTURES} and {_DISTANCES}; "
            f"found none below {root}."
        )
    return found


def clip_names(root: Path | str) -> list[str]:
    """Return the names of the clips in a folder: of those in its shards, or of the clip folders below it.

    Raises:
        InvalidInput: when there is none, or two folders have one name.
        FormatError: when the shards' index is damaged.
    """
    root = Path(root)
    if not (root / INDEX).is_file():
        names = [folder.name for folder in find_clips(root)]
    else:
        names = [str(key) for shard in read_index(root)["shardlist"] for key in shard["keys"]]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise InvalidInput(f"clips must have names of their own; {root.name} holds {twice} twice.")
    return names


def iterate_clips(root: Path | str, wanted: Collection[str]) -> Iterator[CapturedClip]:
    """Read clips one by one, in the order of `clip_names`.

    Args:
        root: a folder with the factory's shards, or with clip folders.
        wanted: names of clips; shards without any are not opened.

    Raises:
        FormatError: when a file is missing or damaged.
        InvalidInput: when parts do not fit each other.
    """
    root = Path(root)
    if not (root / INDEX).is_file():
        for folder in find_clips(root):
            if folder.name in wanted:
                caption = folder / _CAPTION
                text = caption.read_text(encoding="utf-8").strip() if caption.is_file() else ""
                yield CapturedClip(folder.name, *read_clip_parts(folder), text)
        return
    for shard in read_index(root)["shardlist"]:
        if not set(shard["keys"]).isdisjoint(wanted):
            for key, files in read_shard(root / shard["url"]):
                if key in wanted:
                    yield _clip_of_files(key, files)


def _clip_of_files(key: str, files: Mapping[str, bytes]) -> CapturedClip:
    pictures, distances = (
        [files[name] for name in sorted(files) if name.startswith(kind)] for kind in ("frame_", "depth_")
    )
    if not pictures or len(pictures) != len(distances):
        raise FormatError(
            f"{key}: must have as many distances as frames; got {len(distances)} and {len(pictures)}."
        )
    with as_format_error(key, "damaged"):
        frames = [(read_image(io.BytesIO(data)) * 255).round().to(torch.uint8) for data in pictures]
        depth = [torch.from_numpy(np.load(io.BytesIO(data))["depth"]).float() for data in distances]
        path = parse_trajectory(files[_CAMERAS].decode(), source=f"{key}.{_CAMERAS}")
        return CapturedClip(key, torch.stack(frames), torch.stack(depth), path, files["txt"].decode())


def has_latents(folder: Path | str) -> bool:
    """Return whether a clip can be trained on as it is."""
    if not (Path(folder) / _TENSORS).is_file():
        return False
    return any(name.startswith(_LATENTS) for name in _tensors_of(Path(folder)))


def read_clip_parts(folder: Path | str) -> tuple[Tensor, Tensor, Trajectory]:
    """Read the parts of a clip, with or without latents.

    Either ``clip.safetensors`` with ``frames`` and ``depth``, or two folders whose files, in the order of their names,
    are the frames: ``frames`` (png, jpg, webp) and ``depth`` (npy, npz, exr: distance along the ray in world
    units, inf or 0 for sky; or 16-bit png in millimeters).

    Returns:
        ``[F, H, W, 3]`` uint8 frames, ``[F, h, w]`` float32 distances, and the path.

    Raises:
        FormatError: when a file or a tensor is missing or damaged.
        InvalidInput: when there are not as many distances as frames, or their sizes differ.
    """
    folder = Path(folder)
    trajectory = read_trajectory(folder / _CAMERAS)
    if (folder / _TENSORS).is_file():
        tensors = _tensors_of(folder)
        _require(folder, tensors)
        return tensors["frames"], tensors["depth"].float(), trajectory
    pictures, distances = (
        sorted(p for p in (folder / name).glob("*") if p.suffix.lower() in suffixes)
        for name, suffixes in ((_PICTURES, IMAGE_SUFFIXES), (_DISTANCES, DEPTH_SUFFIXES))
    )
    if not pictures or len(pictures) != len(distances):
        raise InvalidInput(
            f"{folder.name}: {_PICTURES} and {_DISTANCES} must hold one file per frame; got {len(pictures)} pictures "
            f"and {len(distances)} distances."
        )
    frames = [(read_image(path) * 255).round().to(torch.uint8) for path in pictures]
    depth = [read_depth(path).float() for path in distances]
    for name, values in ((_PICTURES, frames), (_DISTANCES, depth)):
        sizes = {tuple(value.shape) for value in values}
        if len(sizes) > 1:
            raise InvalidInput(f"{folder.name}: all {name} must be of one size; got {len(sizes)} sizes.")
    known = torch.stack(depth)
    return torch.stack(frames), torch.where(known > 0, known, torch.inf), trajectory


def _tensors_of(folder: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(folder / _TENSORS), framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError) as error:
        raise FormatError(f"{folder.name}/{_TENSORS} cannot be read ({error}).") from error


def _require(folder: Path, tensors: dict[str, Tensor]) -> None:
    missing = [name for name in ("frames", "depth") if name not in tensors]
    if missing:
        raise FormatError(f"{folder.name}/{_TENSORS} must hold {' and '.join(missing)}; it does not.")


def read_clip(folder: Path | str) -> Clip:
    """Read a clip's folder.

    Raises:
        FormatError: when a file or a tensor is missing or damaged.
        InvalidInput: when the parts do not fit each other, or there are no latents.
    """
    folder = Path(folder)
    tensors = _tensors_of(folder)
    _require(folder, tensors)
    latents = {int(n.removeprefix(_LATENTS)): t for n, t in tensors.items() if n.startswith(_LATENTS)}
    trajectory = read_trajectory(folder / _CAMERAS)
    return Clip(tensors["frames"], tensors["depth"].float(), trajectory, latents)


def stand_in_latents(frames: Tensor, channels: int = 16) -> Tensor:  # [T, H, W, 3] -> [C, t, H/8, W/8]
    """Return stand-in latents, for tests and benchmarks without a VAE.

    The colors of the 2x2 quarters of every 8x8 block (12 channels), averaged over the frames of a latent
    frame, and how much they changed in it (3), scaled to about unit variance; the rest is zero. A model
    trained on them is of no use with a real VAE's latents.

    Args:
        frames: ``[T, H, W, 3]`` in [0, 1], ``T = 4 k + 1``, sizes multiples of 8.
        channels: of the result, at least 15.
    """
    count, height, width = frames.shape[:3]
    small = F.avg_pool2d(frames.movedim(-1, 1).float(), 4) * 4 - 2  # [T, 3, H/4, W/4]
    groups = [small[:1], *(small[1 + 4 * k : 5 + 4 * k] for k in range((count - 1) // 4))]
    latents = torch.zeros(channels, len(groups), height // 8, width // 8)
    for index, group in enumerate(groups):
        latents[:12, index] = F.pixel_unshuffle(group.mean(0, keepdim=True), 2)[0]
        latents[12:15, index] = F.avg_pool2d((group[-1:] - group[:1]) * 2, 2)[0]
    return latents
