"""Variables of the environment: read, never changed."""

from __future__ import annotations

import os

__all__ = ["variable"]


def variable(name: str, default: str = "") -> str:
    """Return a variable that the shell or a launcher such as torchrun has set, or ``default`` when it is not set."""
    reference = "${" + name + "}"
    value = os.path.expandvars(reference)  # leaves what is not set as it is
    return default if value == reference else value
