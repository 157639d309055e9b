"""What readers of foreign files share: what they found out and say, and one clear error for every kind of damage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from ..errors import FormatError, Matrix3DError

__all__ = ["Findings", "damage_is_said"]


@dataclass
class Findings:
    """What a reader took a file for; it is filled while the file is read.

    Attributes:
        said: a sentence for each topic (``"opacity"``, ``"scale"``, ...), with the way to decide otherwise.
        axes: three letters that the file itself names (see `matrix3d_core.io.axes`), or None.
        logits_known: something beside the file says that its opacities are logits.
    """

    said: dict[str, str] = field(default_factory=dict)
    axes: str | None = None
    logits_known: bool = False

    def say(self, topic: str, sentence: str) -> None:
        """Note a sentence; a second one on the same topic is joined to the first."""
        before = self.said.get(topic)
        self.said[topic] = sentence if before is None else f"{before} {sentence}"


@contextmanager
def damage_is_said(name: str) -> Iterator[None]:
    """Turn whatever damage makes numpy, zip, zlib, Pillow or Python raise into one `FormatError` that names the file.

    The library's own errors pass, and so do errors of the disk, which have a number. Numbers that overflow make no
    noise: readers look at what became of them.
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
            f"{name}: cannot be read ({type(error).__name__}: {error}); it is damaged, or not what its name says."
        ) from error
