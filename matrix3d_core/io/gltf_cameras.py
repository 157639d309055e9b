"""Camera paths from glTF files, which Blender and others write: the pose of an animated camera, frame by frame."""

from __future__ import annotations

import base64
import binascii
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import FormatError
from ..geometry.rotations import quats_slerp
from ..scene.trajectory import Trajectory
from .gltf import _accessor, _chunks, _node_matrix

__all__ = ["read_gltf_camera"]

MOST_BYTES = 2_000_000_000
MOST_FRAMES = 10_000
_FLIP = np.diag([1.0, -1.0, -1.0])  # glTF has y up and z backward, world and camera alike
_WIDTHS = {"translation": 3, "rotation": 4, "scale": 3}


def read_gltf_camera(path: str | os.PathLike[str], *, fps: float = 24.0) -> Trajectory:
    """Read the camera of a ``.glb`` or ``.gltf`` file.

    The first animated camera of the scene, or the first one. Its own transform and those of its parents are taken
    at ``fps`` frames per second from the first to the last key; a camera that does not move gives one pose.
    Scale is dropped; one unit is one metre, as glTF says.

    Args:
        path: the file; a ``.gltf`` must hold its data itself.
        fps: frames per second; Blender's default is 24.

    Raises:
        FormatError: when the file is something else or has no camera; the message leads with its name.

    Source: Khronos glTF 2.0 specification, sections 3.10 (cameras), 3.11 (animations) and appendix C.
    """
    path = Path(path)
    if path.stat().st_size > MOST_BYTES:
        raise FormatError(f"{path.name}: must be below {MOST_BYTES // 10**9} GB. Export the camera alone.")
    try:
        document, body = _open(path)
        return _path_of(document, body, path, fps)
    except (KeyError, IndexError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise FormatError(f"{path.name}: is not the glTF it says it is ({error!r}).") from error
    except ValueError as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path.name}: is not the glTF it says it is ({error}).") from error


def _open(path: Path) -> tuple[dict[str, Any], memoryview]:
    data = path.read_bytes()
    if data[:4] == b"glTF":
        return _chunks(data, path.name)
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path.name}: is neither GLB nor glTF's JSON.") from error
    if not isinstance(document, dict) or "asset" not in document:
        raise FormatError(f"{path.name}: has no glTF asset; is this the right file?")
    buffers = document.get("buffers", [])
    if not buffers:
        return document, memoryview(b"")
    head, _, text = str(buffers[0].pop("uri", "")).partition(",")
    if not head.startswith("data:") or len(buffers) > 1:
        raise FormatError(f"{path.name}: its data lies in another file. Export as GLB (one file).")
    try:
        return document, memoryview(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise FormatError(f"{path.name}: its embedded data cannot be read ({error}).") from error


def _path_of(document: dict[str, Any], body: memoryview, path: Path, fps: float) -> Trajectory:
    if not (math.isfinite(fps) and fps > 0):
        raise FormatError(f"{path.name}: fps must be positive; got {fps}.")
    nodes = document.get("nodes", [])
    parents = {child: k for k, node in enumerate(nodes) for child in node.get("children", [])}
    channels = _channels(document, body, path.name)
    chains = []
    for index, node in enumerate(nodes):
        if "camera" not in node:
            continue
        chain = [index]
        while chain[0] in parents:
            if len(chain) > len(nodes):
                raise FormatError(f"{path.name}: its nodes form a loop; a scene must be a tree.")
            chain.insert(0, parents[chain[0]])
        chains.append(chain)
    if not chains:
        raise FormatError(f"{path.name}: has no camera. In Blender, tick Cameras when exporting glTF.")
    moving = [chain for chain in chains if any(node in channels for node in chain)]
    chain = (moving or chains)[0]
    own = [channel for node in chain for channel in channels.get(node, {}).values()]
    first = min((float(times[0]) for times, _, _ in own), default=0.0)
    last = max((float(times[-1]) for times, _, _ in own), default=0.0)
    count = round((last - first) * fps) + 1
    if count > MOST_FRAMES:
        raise FormatError(
            f"{path.name}: its camera moves for {count} frames; at most {MOST_FRAMES} are read."
        )
    rotations, centres = [], []
    for frame in range(count):
        matrix = np.eye(4)
        for node in chain:
            still = {key: value for key, value in nodes[node].items() if key in (*_WIDTHS, "matrix")}
            for target, channel in channels.get(node, {}).items():
                still[target] = _at(channel, min(last, first + frame / fps), target).tolist()
            matrix = matrix @ _node_matrix(still)
        axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
        rotations.append(_FLIP @ axes @ _FLIP)
        centres.append(_FLIP @ matrix[:3, 3])
    return Trajectory.from_centres(
        torch.from_numpy(np.stack(rotations)), torch.from_numpy(np.stack(centres)), fps=fps, is_metric=True,
        name=path.stem,
    )  # fmt: skip


Channel = tuple[np.ndarray, np.ndarray, str]
"""Rising times ``[K]``, values ``[K, width]`` (or ``[K, 3, width]`` with tangents), interpolation."""


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
            times = _accessor(document, body, sampler["input"], name, "times", count, 1)[:, 0]
            each = 3 if kind == "CUBICSPLINE" else 1
            values = _accessor(
                document, body, sampler["output"], name, target, each * count, _WIDTHS[target]
            ).astype(np.float64)
            if not (np.isfinite(times).all() and np.isfinite(values).all() and (np.diff(times) > 0).all()):
                raise FormatError(f"{name}: the times of an animation must rise, and its values be finite.")
            shaped = values.reshape(count, 3, -1) if each == 3 else values
            found.setdefault(node, {})[target] = (times.astype(np.float64), shaped, kind)
    return found


def _at(channel: Channel, time: float, target: str) -> np.ndarray:
    times, values, kind = channel
    middle = values[:, 1] if kind == "CUBICSPLINE" else values
    index = int(np.clip(np.searchsorted(times, time, side="right") - 1, 0, len(times) - 1))
    if time <= times[0] or index == len(times) - 1:
        return middle[index if time > times[0] else 0]
    width = times[index + 1] - times[index]
    t = (time - times[index]) / width
    start, end = middle[index], middle[index + 1]
    if kind == "STEP":
        return start
    if kind == "CUBICSPLINE":
        leaving, arriving = values[index, 2] * width, values[index + 1, 0] * width
        return (
            (2 * t**3 - 3 * t**2 + 1) * start + (t**3 - 2 * t**2 + t) * leaving
            + (3 * t**2 - 2 * t**3) * end + (t**3 - t**2) * arriving
        )  # fmt: skip
    if target == "rotation":  # x, y, z, w there, w, x, y, z here
        pair = [torch.from_numpy(np.roll(q / np.linalg.norm(q), 1)) for q in (start, end)]
        return np.roll(quats_slerp(pair[0], pair[1], torch.tensor(t, dtype=torch.float64)).numpy(), -1)
    return (1 - t) * start + t * end
