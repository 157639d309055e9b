"""Shared by readers of foreign files: notes on what they found, and one clear error for every kind of damage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from ..errors import FormatError, Matrix3DError

__all__ = ["Findings", "damage_as_format_error"]


@dataclass
class Findings:
    """How a reader interpreted a file; filled while the file is read.

    Attributes:
        notes: a sentence for each topic (``"opacity"``, ``"scale"``, ...), with the way to override it.
        axes: three letters that the file itself names (see `matrix3d_core.io.axes`), or None.
        logits_known: another file states that its opacities are logits.
    """

    notes: dict[str, str] = field(default_factory=dict)
    axes: str | None = None
    logits_known: bool = False

    def note(self, topic: str, sentence: str) -> None:
        """Note a sentence; a second one on the same topic is joined to the first."""
        before = self.notes.get(topic)
        self.notes[topic] = sentence if before is None else f"{before} {sentence}"


@contextmanager
def damage_as_format_error(name: str) -> Iterator[None]:
    """Convert what numpy, zip, zlib, Pillow or Python raise on damaged files to one `FormatError` with the name.

    The library's own errors pass, and so do errors of the disk, which have a number. Overflow warnings are
    off: readers check the results.
    """
    try:
        with np.errstate(all="ignore"):
            yield
    except Matrix3DError:
        raise
    except MemoryError as error:
        raise FormatError(f"{name}: there is not enough memory to read it.") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FormatError(
            f"{name}: cannot be read ({type(error).__name__}: {error}); it is damaged, or of another format."
        ) from error
