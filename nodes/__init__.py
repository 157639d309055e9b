"""Thin wrappers: adapt the host's values, call the core, adapt back. No arithmetic lives here."""

from __future__ import annotations

import importlib
import logging

from ._host_version import make_extension, why_too_old

__all__ = ["FAMILIES", "load_extension", "load_node_classes"]

logger = logging.getLogger(__name__)

FAMILIES = (
    "panorama",
    "photo",
    "trajectory",
    "guidance",
    "fill",
    "vae",
    "lora",
    "video",
    "lrm",
    "splat",
    "edit",
    "render",
    "preview",
    "explore",
    "extend",
    "studio",
    "files",
    "export",
)
"""One file per family; each lists its node classes in ``NODES``."""


def load_extension() -> object:
    """Return the pack's extension: all its nodes, or on an old host none and one line in the log."""
    reason = why_too_old()
    if reason is not None:
        logger.error("ComfyUI-Matrix3D %s", reason)
        return make_extension([])
    return make_extension(load_node_classes())


def load_node_classes() -> list[type]:
    """Return the node classes in menu order; a family that fails to load does not take the others down."""
    classes: list[type] = []
    for name in FAMILIES:
        try:
            family = importlib.import_module(f".{name}", __name__)
        except Exception:
            logger.exception("ComfyUI-Matrix3D: the nodes in nodes/%s.py could not be loaded", name)
        else:
            classes += family.NODES
    return classes
