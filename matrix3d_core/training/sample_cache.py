"""Encoded samples on the disk, so that encoders run once: a file each, and the settings they were made with."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import FormatError, InvalidInput
from ..io.atomic import naming_the_file, open_atomically
from ..io.checkpoints import read_checkpoint
from ..io.tensors import write_tensors
from ..strict_json import read_json

__all__ = ["NO_TEXT", "SampleCache"]

NO_TEXT = "no text"
"""Name of the sample that holds an empty text's states, for those whose text is left out."""

_SETTINGS = "settings.json"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


class SampleCache:
    """A folder of encoded samples.

    Args:
        folder: made when missing.
        settings: JSON-serializable, all that a sample's content depends on beside its source.

    Raises:
        InvalidInput: when the folder holds samples of other settings.
        DiskError: when it cannot be made.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        with naming_the_file(folder):
            folder.mkdir(parents=True, exist_ok=True)
        wanted, path = json.loads(json.dumps(settings)), folder / _SETTINGS
        if not path.is_file():
            with open_atomically(path) as file:
                file.write(json.dumps(wanted, indent=1).encode())
            return
        given = read_json(path)
        given = given if isinstance(given, dict) else {}
        if other := next((n for n in given | wanted if given.get(n) != wanted.get(n)), None):
            raise InvalidInput(
                f"{folder.name} holds samples encoded with {other} {given.get(other)!r}, not {wanted.get(other)!r}. "
                "Delete it, or choose another folder."
            )

    def path(self, name: str) -> Path:
        """Return the file of a sample; a name that is none for a file gets one that is."""
        plain = _UNSAFE.sub("_", name)
        if plain != name or len(plain) > 100:
            plain = f"{plain[:80]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
        return self.folder / f"{plain}.safetensors"

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return the names that have no file yet."""
        return [name for name in names if not self.path(name).is_file()]

    def write(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        """Write a sample; it appears when it is complete.

        Raises:
            DiskError: when the disk refuses it.
        """
        write_tensors(self.path(name), tensors)

    def read(self, name: str) -> dict[str, Tensor]:
        """Read a sample.

        Raises:
            FormatError: when it is damaged; it says to delete the file.
        """
        path = self.path(name)
        try:
            return dict(read_checkpoint(path, "an encoded sample")[0])
        except FormatError as error:
            raise FormatError(f"{error} Delete {path} to encode it again.") from error
