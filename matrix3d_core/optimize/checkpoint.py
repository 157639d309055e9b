"""Checkpoints of a fit: everything that the next step depends on, so that a resumed fit gives the same bits."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import FormatError, Matrix3DError
from ..scene.trajectory import Trajectory
from .config import OptimizeConfig

__all__ = [
    "checkpoint_path",
    "fingerprint",
    "read_checkpoint",
    "unusable_checkpoints",
    "write_checkpoint",
]

_VERSION = 2


def fingerprint(
    config: OptimizeConfig | None, frames: Tensor, trajectory: Trajectory, *others: Tensor | None
) -> str:
    """Return a name for a fit: equal for equal settings and inputs (pictures by every seventh pixel).

    Without ``config`` it names the inputs, whatever the settings.
    """
    settings = None if config is None else asdict(config)
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    digest.update(str((_VERSION, list(frames.shape))).encode())
    for tensor in (frames[:, ::7, ::7], trajectory.camera_from_world, trajectory.K_px, *others):
        if tensor is None:
            digest.update(b"-")
        else:
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def write_checkpoint(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write a checkpoint; it appears under its name only when complete.

    Raises:
        Matrix3DError: when the disk is full or does not let it be written; the message leads with the file name.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    partial = path.with_name(path.name + ".partial")
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(whole, str(partial), metadata={"facts": json.dumps(facts | {"version": _VERSION})})
        os.replace(partial, path)
    except (OSError, SafetensorError) as error:
        raise Matrix3DError(
            f"{path.name}: the checkpoint cannot be written to {path.parent} ({error}). Free some space there, or "
            "choose a folder that can be written."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def read_checkpoint(path: Path, name: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read a checkpoint of the fit called ``name``; None when there is none or it belongs to another fit.

    Raises:
        FormatError: when the file is damaged.
    """
    from safetensors import safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(str(path), framework="pt") as file:
            facts = _facts(file)
            if facts.get("version") != _VERSION or facts.get("fingerprint") != name:
                return None
            return {key: file.get_tensor(key) for key in file.keys()}, facts
    except Exception as error:
        raise FormatError(
            f"{path.name}: is not a readable checkpoint ({error}). Delete it to restart the fit."
        ) from error


def checkpoint_path(folder: Path, name: str) -> Path:
    """Return the path of the checkpoint of the fit called ``name``."""
    return folder / f"gs-{name}.safetensors"


def unusable_checkpoints(folder: Path, inputs: str) -> list[str]:
    """Return a sentence for each checkpoint that a fit may be meant to resume from and cannot.

    Those are checkpoints of the same frames and path with other settings, and of another version. Called when the
    fit has no checkpoint of its own.

    Args:
        folder: of the checkpoints.
        inputs: `fingerprint` of frames and path without settings, as stored under ``inputs``.
    """
    from safetensors import SafetensorError, safe_open

    said = []
    for path in sorted(folder.glob(checkpoint_path(folder, "*").name)):
        try:
            with safe_open(str(path), framework="pt") as file:
                facts = _facts(file)
        except (OSError, ValueError, SafetensorError):
            continue  # no checkpoint
        if facts.get("version") != _VERSION:
            said.append(
                f"{path.name}: a checkpoint must be of version {_VERSION}; got {facts.get('version')}, of another "
                "release. This fit starts from step 0: delete the file, or resume with that release."
            )
        elif facts.get("inputs") == inputs:
            said.append(
                f"{path.name}: a fit resumes with the settings, depth and initial splats of its checkpoint; this one, "
                f"of the same frames at step {facts.get('step')}, has others. This fit starts from step 0: set them "
                "as they were, or delete the file."
            )
    return said


def _facts(file: Any) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((file.metadata() or {}).get("facts", "{}"))
    return facts
