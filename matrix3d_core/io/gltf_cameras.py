"""Camera paths from glTF files, which Blender and others write: the pose of an animated camera, frame by frame."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import FormatError
from ..geometry.rotations import matrix_from_quats, quats_slerp
from ..scene.trajectory import Trajectory
from ..strict_json import parse_json
from .camera_paths.finish import finish
from .camera_paths.raw import PathOptions, RawPath
from .gltf import node_matrix, read_accessor, read_chunks

__all__ = ["read_gltf_camera", "read_gltf_raw"]

MOST_BYTES = 2_000_000_000
MOST_FRAMES = 10_000
MOST_NODES = 100_000
MOST_PARENTS = 64
MOST_CAMERAS = 1000
_WIDTHS = {"translation": 3, "rotation": 4, "scale": 3}
_REST = {"translation": (0.0, 0.0, 0.0), "rotation": (0.0, 0.0, 0.0, 1.0), "scale": (1.0, 1.0, 1.0)}


Channel = tuple[np.ndarray, np.ndarray, str]
"""Rising times ``[K]``, values ``[K, width]`` (or ``[K, 3, width]`` with tangents), interpolation."""


def read_gltf_camera(path: str | os.PathLike[str], *, fps: float = 24.0) -> Trajectory:
    """Read the camera of a glTF file in OpenCV axes; see `read_gltf_raw`."""
    path = Path(path)
    return finish(path.name, read_gltf_raw(path, fps=fps), PathOptions(), path.stem).trajectory


def read_gltf_raw(path: str | os.PathLike[str], *, fps: float = 24.0, camera: str = "") -> RawPath:
    """Read the camera of a ``.glb`` or ``.gltf`` file.

    The first animated camera of the scene, the one of that name, or the first one. Its own transform and those of its
    parents are taken at ``fps`` frames per second from the first to the last key; a camera that does not move gives
    one pose. Scale is dropped; one unit is one meter, as glTF says.

    Args:
        path: the file; a ``.gltf`` must hold its data itself.
        fps: frames per second; Blender's default is 24.
        camera: name of a camera's node, or of the camera.

    Raises:
        FormatError: when the file is something else, has no camera, or would take more than `MOST_FRAMES` poses, nodes
            nested more than `MOST_PARENTS` deep or `MOST_NODES` nodes; the message begins with its name.

    Source: Khronos glTF 2.0 specification, sections 3.10 (cameras), 3.11 (animations) and appendix C.
    """
    path = Path(path)
    if path.stat().st_size > MOST_BYTES:
        raise FormatError(f"{path.name}: must be below {MOST_BYTES // 10**9} GB. Export the camera alone.")
    try:
        document, body = _open(path)
        return _path_of(document, body, path, fps, camera)
    except (KeyError, IndexError, TypeError, AttributeError, ArithmeticError, RuntimeError) as error:
        raise FormatError(f"{path.name}: is not valid glTF ({error!r}).") from error
    except ValueError as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path.name}: is not valid glTF ({error}).") from error


def _open(path: Path) -> tuple[dict[str, Any], memoryview]:
    data = path.read_bytes()
    if data[:4] == b"glTF":
        return read_chunks(data, path.name)
    document = parse_json(data, source=path.name, most_bytes=MOST_BYTES)
    if not isinstance(document, dict) or "asset" not in document:
        raise FormatError(f"{path.name}: has no glTF asset; is this the right file?")
    buffers = document.get("buffers", [])
    if not buffers:
        return document, memoryview(b"")
    head, _, text = str(buffers[0].pop("uri", "")).partition(",")
    if not head.startswith("data:") or len(buffers) > 1:
        raise FormatError(f"{path.name}: its data is in another file. Export as GLB (one file).")
    try:
        return document, memoryview(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise FormatError(f"{path.name}: its embedded data cannot be read ({error}).") from error


def _path_of(document: dict[str, Any], body: memoryview, path: Path, fps: float, camera: str) -> RawPath:
    nodes = document.get("nodes", [])
    if len(nodes) > MOST_NODES:
        raise FormatError(
            f"{path.name}: has {len(nodes)} nodes; at most {MOST_NODES} are read. Export the camera alone."
        )
    parents = {child: k for k, node in enumerate(nodes) for child in node.get("children", [])}
    channels = _channels(document, body, path.name)
    cameras = [index for index, node in enumerate(nodes) if "camera" in node]
    if not cameras:
        raise FormatError(f"{path.name}: has no camera. In Blender, tick Cameras when exporting glTF.")
    names = [_names_of(document, nodes[index]) for index in cameras]
    shown = ", ".join(name[0] for name in names[:20] if name)
    if camera:
        cameras = [index for index, name in zip(cameras, names, strict=True) if camera in name]
        if not cameras:
            raise FormatError(f"{path.name}: camera must be one of {shown or 'none'}; got {camera!r}.")
    chains = [_chain(path.name, index, parents) for index in cameras[:MOST_CAMERAS]]
    moving = [chain for chain in chains if any(node in channels for node in chain)]
    chain = (moving or chains)[0]
    own = [channel for node in chain for channel in channels.get(node, {}).values()]
    first = min((float(times[0]) for times, _, _ in own), default=0.0)
    last = max((float(times[-1]) for times, _, _ in own), default=0.0)
    if (last - first) * fps >= MOST_FRAMES:
        raise FormatError(
            f"{path.name}: its camera moves for {last - first:.4g} s, {(last - first) * fps:.4g} poses at {fps:g} "
            f"frames per second; at most {MOST_FRAMES} are read. Lower fps, or export a shorter animation."
        )
    times = np.minimum(last, first + np.arange(round((last - first) * fps) + 1) / fps)
    matrices = np.broadcast_to(np.eye(4), (len(times), 4, 4))
    with np.errstate(all="ignore"):  # the last product is checked
        for node in chain:
            matrices = matrices @ _local(nodes[node], channels.get(node, {}), times)
        matrices = matrices.copy()
        lengths = np.linalg.norm(matrices[:, :3, :3], axis=1)
    if not (np.isfinite(matrices).all() and np.isfinite(lengths).all() and (lengths > 0).all()):
        raise FormatError(
            f"{path.name}: its camera's transforms must be finite and must not flatten space; frame "
            f"{int((~np.isfinite(matrices).all((1, 2)) | ~(lengths > 0).all(-1)).argmax())} is not."
        )
    matrices[:, :3, :3] /= lengths[:, None]
    notes = [] if len(names) == 1 else [f"one of {len(names)} cameras: {shown}"]
    return RawPath(
        "the camera of a glTF file",
        torch.from_numpy(matrices),
        pose="c2w",
        camera_axes="RUB",
        world_axes="RUB",
        fps=fps,
        is_metric=True,
        notes=notes,
    )


def _names_of(document: dict[str, Any], node: dict[str, Any]) -> list[str]:
    cameras = document.get("cameras", [])
    held = cameras[node["camera"]] if node["camera"] < len(cameras) else {}
    return [str(name) for name in (node.get("name"), held.get("name")) if name]


def _chain(name: str, index: int, parents: dict[int, int]) -> list[int]:
    chain = [index]
    while chain[-1] in parents:
        chain.append(parents[chain[-1]])
        if len(chain) > MOST_PARENTS:
            raise FormatError(
                f"{name}: its camera has more than {MOST_PARENTS} parents, or its nodes form a loop; a scene must be a "
                "tree. Bake the camera's animation and export the camera alone."
            )
    return chain[::-1]


def _local(
    node: dict[str, Any], channels: dict[str, Channel], times: np.ndarray
) -> np.ndarray:  # [T or 1, 4, 4]
    """Return a node's own transform at the times; one matrix when it does not move."""
    still = {key: value for key, value in node.items() if key in (*_WIDTHS, "matrix")}
    if not channels:
        return node_matrix(still)[None]
    parts = {key: np.asarray(still.get(key, value), np.float64) for key, value in _REST.items()}
    parts |= {target: _at(channel, times, target) for target, channel in channels.items()}
    x, y, z, w = np.broadcast_to(parts["rotation"], (len(times), 4)).T
    matrices = np.zeros((len(times), 4, 4))
    turn = matrix_from_quats(torch.from_numpy(np.stack([w, x, y, z], -1))).numpy()
    matrices[:, :3, :3] = turn * np.broadcast_to(parts["scale"], (len(times), 3))[:, None]
    matrices[:, :3, 3] = parts["translation"]
    matrices[:, 3, 3] = 1
    return matrices


def _channels(document: dict[str, Any], body: memoryview, name: str) -> dict[int, dict[str, Channel]]:
    """Return node -> property -> channel; of several animations of a property the first counts."""
    found: dict[int, dict[str, Channel]] = {}
    for animation in document.get("animations", []):
        for channel in animation["channels"]:
            target, node = channel["target"]["path"], channel["target"].get("node")
            if target not in _WIDTHS or node is None or target in found.get(node, {}):
                continue
            sampler = animation["samplers"][channel["sampler"]]
            kind = sampler.get("interpolation", "LINEAR")
            count = document["accessors"][sampler["input"]]["count"]
            times = read_accessor(document, body, sampler["input"], name, "times", count, 1)[:, 0]
            each = 3 if kind == "CUBICSPLINE" else 1
            values = read_accessor(
                document, body, sampler["output"], name, target, each * count, _WIDTHS[target]
            ).astype(np.float64)
            if not (np.isfinite(times).all() and np.isfinite(values).all() and (np.diff(times) > 0).all()):
                raise FormatError(f"{name}: the times of an animation must rise, and its values be finite.")
            shaped = values.reshape(count, 3, -1) if each == 3 else values
            found.setdefault(node, {})[target] = (times.astype(np.float64), shaped, kind)
    return found


def _at(channel: Channel, times: np.ndarray, target: str) -> np.ndarray:  # [T, width]
    keys, values, kind = channel
    middle = values[:, 1] if kind == "CUBICSPLINE" else values
    if len(keys) == 1:
        return np.broadcast_to(middle[0], (len(times), middle.shape[1]))
    index = np.clip(np.searchsorted(keys, times, side="right") - 1, 0, len(keys) - 2)
    width = (keys[index + 1] - keys[index])[:, None]
    t = np.clip((times[:, None] - keys[index][:, None]) / width, 0, 1)
    start, end = middle[index], middle[index + 1]
    if kind == "STEP":
        return np.where(t < 1, start, end)
    if kind == "CUBICSPLINE":
        leaving, arriving = values[index, 2] * width, values[index + 1, 0] * width
        curve: np.ndarray = (
            (2 * t**3 - 3 * t**2 + 1) * start
            + (t**3 - 2 * t**2 + t) * leaving
            + (3 * t**2 - 2 * t**3) * end
            + (t**3 - t**2) * arriving
        )
        return curve
    if target == "rotation":  # x, y, z, w there, w, x, y, z here
        ends = [
            torch.from_numpy(np.roll(q / np.linalg.norm(q, axis=-1, keepdims=True), 1, -1))
            for q in (start, end)
        ]
        return np.roll(quats_slerp(ends[0], ends[1], torch.from_numpy(t[:, 0])).numpy(), -1, -1)
    straight: np.ndarray = (1 - t) * start + t * end
    return straight
