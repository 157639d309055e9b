"""COLMAP sparse models: `images` and `cameras`, text or binary.

Poses are world-to-camera, OpenCV axes; pictures come in the order of their names.

Source: COLMAP documentation, "Output Format"; its list of camera models.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...errors import FormatError
from ...geometry.rotations import matrix_from_quats
from .raw import MAX_FRAMES, RawPath, check_count, pinhole

__all__ = ["find_model", "is_images_text", "read_model"]

_MODELS = (
    ("SIMPLE_PINHOLE", 3),
    ("PINHOLE", 4),
    ("SIMPLE_RADIAL", 4),
    ("RADIAL", 5),
    ("OPENCV", 8),
    ("OPENCV_FISHEYE", 8),
    ("FULL_OPENCV", 12),
    ("FOV", 5),
    ("SIMPLE_RADIAL_FISHEYE", 4),
    ("RADIAL_FISHEYE", 5),
    ("THIN_PRISM_FISHEYE", 12),
    ("RAD_TAN_THIN_PRISM_FISHEYE", 16),
)
_ONE_FOCAL = {"SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "SIMPLE_RADIAL_FISHEYE", "RADIAL_FISHEYE"}
_MOST_CAMERA_BYTES = 20_000_000
_MOST_NAME_BYTES = 4096


@dataclass(frozen=True)
class _Image:
    quat_wxyz: tuple[float, ...]
    translation: tuple[float, ...]
    camera: int
    name: str


_Camera = tuple[str, int, int, tuple[float, ...]]
"""Model, width, height, parameters."""


def find_model(folder: Path) -> Path:
    """Return the `images` file of a folder: in it, or in ``sparse/0``, ``sparse`` or ``0`` below it."""
    for below in (".", "sparse/0", "sparse", "0", "colmap/sparse/0"):
        for name in ("images.bin", "images.txt"):
            if (folder / below / name).is_file():
                return folder / below / name
    raise FormatError(
        f"{folder.name}: holds no COLMAP model (images.bin or images.txt, or sparse/0 with them)."
    )


def is_images_text(text: str) -> bool:
    """Return whether the first line that is no comment is a picture of `images.txt`."""
    for line in text[:200_000].splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            return _image_of(line.split()) is not None
    return False


def read_model(path: Path) -> RawPath:
    """Read an `images` file, and the `cameras` file next to it when there is one."""
    source = path.name
    images = _images_text(source, path) if path.suffix == ".txt" else _images_bytes(source, path)
    check_count(source, images, "picture")
    matrices = torch.eye(4, dtype=torch.float64).repeat(len(images), 1, 1)
    quats = torch.tensor([image.quat_wxyz for image in images], dtype=torch.float64)
    lengths = quats.norm(dim=-1)
    if not bool(((lengths - 1).abs() < 1e-2).all()):
        worst = int((lengths - 1).abs().nan_to_num(math.inf).argmax())
        raise FormatError(
            f"{source}: {images[worst].name}: the rotation must be a unit quaternion; its length is "
            f"{float(lengths[worst]):.3g}."
        )
    matrices[:, :3, :3] = matrix_from_quats(quats / lengths[:, None])
    matrices[:, :3, 3] = torch.tensor([image.translation for image in images], dtype=torch.float64)
    K_px, size, notes = _intrinsics(path, images)
    return RawPath(
        f"a COLMAP model ({source})",
        matrices,
        names=[image.name for image in images],
        K_px=K_px,
        size_px=size,
        notes=notes,
    )


def _images_text(source: str, path: Path) -> list[_Image]:
    images: list[_Image] = []
    is_points = False
    with path.open("rb") as file:
        for number, data in enumerate(file, 1):
            parts = data.split(maxsplit=9)
            is_comment = data.lstrip().startswith(b"#")
            if is_points and not is_comment:
                # The line of 2D points, which may be empty. Some tools leave it out: then it is the next picture.
                is_points = False
                if len(parts) < 10 or _image_of(data.decode("utf-8", "replace").split(maxsplit=9)) is None:
                    continue
            if not parts or is_comment:
                continue
            image = _image_of(data.decode("utf-8", "replace").split(maxsplit=9))
            if image is None:
                raise FormatError(
                    f"{source}: line {number} must be IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME; "
                    f"got {data[:60].decode('utf-8', 'replace').strip()!r}."
                )
            images.append(image)
            is_points = True
            if len(images) > MAX_FRAMES:
                break
    return images


def _image_of(parts: list[str]) -> _Image | None:
    """Parse a line of text as a picture; its name is no number, unless the line has ten parts."""
    if len(parts) < 10:
        return None
    name = parts[9].strip() if len(parts) == 10 else " ".join(parts[9:])
    try:
        numbers = [float(part) for part in parts[1:8]]
        camera, _ = int(parts[8]), int(parts[0])
    except ValueError:
        return None
    if not all(map(math.isfinite, numbers)) or not 0.9 < math.hypot(*numbers[:4]) < 1.1:
        return None
    return _Image(tuple(numbers[:4]), tuple(numbers[4:]), camera, name)


def _images_bytes(source: str, path: Path) -> list[_Image]:
    size, images = path.stat().st_size, []
    with path.open("rb") as file:
        head = file.read(8)
        count = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
        if count > min(MAX_FRAMES, size // 73):
            raise FormatError(
                f"{source}: claims {count} pictures, of which its {size} bytes hold at most {size // 73}, and at most "
                f"{MAX_FRAMES} are read. Is it COLMAP's images.bin?"
            )
        for number in range(count):
            record = file.read(64)
            if len(record) < 64:
                raise FormatError(f"{source}: is truncated at picture {number} of {count}.")
            values = struct.unpack("<I7dI", record)
            name = bytearray()
            while (letter := file.read(1)) not in (b"\0", b"") and len(name) < _MOST_NAME_BYTES:
                name += letter
            tail = file.read(8)
            points = struct.unpack("<Q", tail)[0] if len(tail) == 8 else size
            if letter != b"\0" or file.tell() + 24 * points > size:
                raise FormatError(f"{source}: is truncated at picture {number} of {count}.")
            file.seek(24 * points, 1)
            if not all(map(math.isfinite, values[1:8])):
                raise FormatError(f"{source}: picture {number}: its pose must be finite.")
            images.append(_Image(values[1:5], values[5:8], values[8], name.decode("utf-8", "replace")))
    return images


def _intrinsics(path: Path, images: list[_Image]) -> tuple[Tensor | None, tuple[int, int] | None, list[str]]:
    beside = path.with_name(f"cameras{path.suffix}")
    if not beside.is_file():
        return None, None, ["there is no cameras file next to it"]
    if beside.stat().st_size > _MOST_CAMERA_BYTES:
        raise FormatError(f"{beside.name}: must be at most {_MOST_CAMERA_BYTES // 10**6} MB.")
    data = beside.read_bytes()
    cameras = (
        _cameras_text(beside.name, data) if beside.suffix == ".txt" else _cameras_bytes(beside.name, data)
    )
    matrices, sizes = [], set()
    for image in images:
        if image.camera not in cameras:
            raise FormatError(
                f"{path.name}: {image.name} has camera {image.camera}, which {beside.name} lacks."
            )
        model, width, height, values = cameras[image.camera]
        fx, fy, cx, cy = (values[0], *values[:3]) if model in _ONE_FOCAL else values[:4]
        matrices.append(pinhole(beside.name, f"camera {image.camera}", fx, fy, cx, cy))
        sizes.add((height, width))
    lenses = {
        model for model, _, _, values in cameras.values() if any(values[3 if model in _ONE_FOCAL else 4 :])
    }
    notes = [f"lens distortion ({', '.join(sorted(lenses))}) is ignored"] if lenses else []
    if len(sizes) > 1:
        return None, None, [*notes, "its pictures have several sizes, so intrinsics are not kept"]
    return torch.stack(matrices), next(iter(sizes)), notes


def _cameras_text(source: str, data: bytes) -> dict[int, _Camera]:
    cameras: dict[int, _Camera] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        try:
            index, model, width, height = int(parts[0]), parts[1], int(parts[2]), int(parts[3])
            values = tuple(float(part) for part in parts[4:])
        except (ValueError, IndexError) as error:
            raise FormatError(
                f"{source}: line {number} must be CAMERA_ID MODEL WIDTH HEIGHT and numbers; got {line[:60]!r}."
            ) from error
        cameras[index] = _camera(source, index, model, width, height, values)
    return cameras


def _cameras_bytes(source: str, data: bytes) -> dict[int, _Camera]:
    cameras: dict[int, _Camera] = {}
    try:
        (count,) = struct.unpack_from("<Q", data)
        place = 8
        for _ in range(min(count, len(data) // 24 + 1)):
            index, model, width, height = struct.unpack_from("<IiQQ", data, place)
            if not 0 <= model < len(_MODELS):
                raise FormatError(
                    f"{source}: camera {index} has the unknown model {model}. Export it as text."
                )
            name, length = _MODELS[model]
            values = struct.unpack_from(f"<{length}d", data, place + 24)
            cameras[index] = _camera(source, index, name, width, height, values)
            place += 24 + 8 * length
    except struct.error as error:
        raise FormatError(f"{source}: is truncated: {len(data)} bytes.") from error
    return cameras


def _camera(
    source: str, index: int, model: str, width: int, height: int, values: tuple[float, ...]
) -> _Camera:
    needed = dict(_MODELS).get(model, 3 if model in _ONE_FOCAL else 4)
    if len(values) < needed or not (0 < width < 10**6 and 0 < height < 10**6):
        raise FormatError(
            f"{source}: camera {index} ({model}, {width}x{height}) must have a size and {needed} parameters; "
            f"got {len(values)}."
        )
    return model, width, height, values
