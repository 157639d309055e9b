"""Checkpoints of a training run: folders of safetensors files that appear under their name when they are complete."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import DiskError, FormatError
from ..io.atomic import naming_the_file
from ..io.checkpoints import read_checkpoint
from ..io.tensors import write_tensors
from ..strict_json import read_json

__all__ = ["Checkpoint", "checkpoints_in", "remove_checkpoint", "write_checkpoint"]

_PREFIX, _STATE = "checkpoint-", "trainer.json"


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint on the disk."""

    folder: Path

    @property
    def step(self) -> int:
        """Optimizer steps that were done."""
        return int(self.folder.name.removeprefix(_PREFIX))

    def settings(self) -> dict[str, Any]:
        """Read the settings of the run that wrote it.

        Raises:
            FormatError: when they are damaged.
        """
        state = read_json(self.folder / _STATE)
        settings = state.get("settings") if isinstance(state, dict) else None
        if not isinstance(settings, dict):
            raise FormatError(f"{self.folder.name}/{_STATE} holds no settings. Delete this checkpoint.")
        return settings

    def tensors(self, part: str) -> dict[str, Tensor]:
        """Read a part by its name.

        Raises:
            FormatError: when it is missing or damaged.
        """
        content, _ = read_checkpoint(self.folder / f"{part}.safetensors", "a part of a checkpoint")
        return dict(content)


def checkpoints_in(folder: Path) -> list[Checkpoint]:
    """Return the complete checkpoints of a run, the oldest first."""
    found = [
        Checkpoint(path)
        for path in folder.glob(f"{_PREFIX}*")
        if path.name.removeprefix(_PREFIX).isdigit() and (path / _STATE).is_file()
    ]
    return sorted(found, key=lambda checkpoint: checkpoint.step)


def write_checkpoint(
    folder: Path, step: int, parts: Mapping[str, Mapping[str, Tensor]], settings: Mapping[str, Any]
) -> Checkpoint:
    """Write a checkpoint; an older one of the same step is replaced.

    Args:
        folder: of the run.
        step: optimizer steps done.
        parts: named tensors by the name of the part, each a safetensors file.
        settings: of the run, JSON-serializable.

    Raises:
        DiskError: when the disk refuses it; nothing is left behind.
    """
    target, partial = folder / f"{_PREFIX}{step}", folder / f".{_PREFIX}{step}.partial"
    try:
        with naming_the_file(target):
            remove_checkpoint(partial)
            partial.mkdir(parents=True)
            for name, tensors in parts.items():
                write_tensors(partial / f"{name}.safetensors", tensors)
            text = json.dumps({"step": step, "settings": settings}, indent=1)
            (partial / _STATE).write_text(text, encoding="utf-8")
            remove_checkpoint(target)
            os.replace(partial, target)
    except BaseException as error:
        remove_checkpoint(partial)
        if isinstance(error, OSError) and not isinstance(error, DiskError):
            raise DiskError(f"{target.name} could not be written ({error}).") from error
        raise
    return Checkpoint(target)


def remove_checkpoint(folder: Path) -> None:
    """Delete a checkpoint's files, and its folder when nothing else is in it."""
    with contextlib.suppress(OSError):  # one that cannot be deleted stays
        (folder / _STATE).unlink(missing_ok=True)  # without it the folder is not a checkpoint
        for path in folder.glob("*.safetensors*"):
            path.unlink()
        for path in folder.glob(".*.partial"):
            path.unlink()
        if folder.is_dir():
            folder.rmdir()
