"""Thin wrappers: adapt the host's values, call the core, adapt back. No arithmetic lives here."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from ._host_version import make_extension, why_too_old

__all__ = ["load_extension", "load_node_classes"]

logger = logging.getLogger(__name__)


def load_extension() -> object:
    """Return the pack's extension: all its nodes, or on an old host none and one line in the log."""
    reason = why_too_old()
    if reason is not None:
        logger.error("ComfyUI-Matrix3D %s", reason)
        return make_extension([])
    return make_extension(load_node_classes())


def load_node_classes() -> list[type]:
    """Return the node classes in menu order; a family that fails to load does not take the others down.

    One file per family; each lists its node classes in ``NODES``.
    """
    classes: list[type] = []
    with _reported("panorama"):
        from .panorama import NODES as panorama_nodes

        classes += panorama_nodes
    with _reported("photo"):
        from .photo import NODES as photo_nodes

        classes += photo_nodes
    with _reported("trajectory"):
        from .trajectory import NODES as trajectory_nodes

        classes += trajectory_nodes
    with _reported("guidance"):
        from .guidance import NODES as guidance_nodes

        classes += guidance_nodes
    with _reported("fill"):
        from .fill import NODES as fill_nodes

        classes += fill_nodes
    with _reported("vae"):
        from .vae import NODES as vae_nodes

        classes += vae_nodes
    with _reported("lora"):
        from .lora import NODES as lora_nodes

        classes += lora_nodes
    with _reported("video"):
        from .video import NODES as video_nodes

        classes += video_nodes
    with _reported("lrm"):
        from .lrm import NODES as lrm_nodes

        classes += lrm_nodes
    with _reported("splat"):
        from .splat import NODES as splat_nodes

        classes += splat_nodes
    with _reported("edit"):
        from .edit import NODES as edit_nodes

        classes += edit_nodes
    with _reported("render"):
        from .render import NODES as render_nodes

        classes += render_nodes
    with _reported("preview"):
        from .splat_preview import NODES as preview_nodes

        classes += preview_nodes
    with _reported("explore"):
        from .pano_preview import NODES as explore_nodes

        classes += explore_nodes
    with _reported("extend"):
        from .explore import NODES as extend_nodes

        classes += extend_nodes
    with _reported("studio"):
        from .studio import NODES as studio_nodes

        classes += studio_nodes
    with _reported("files"):
        from .files import NODES as files_nodes

        classes += files_nodes
    with _reported("export"):
        from .export import NODES as export_nodes

        classes += export_nodes
    return classes


@contextlib.contextmanager
def _reported(family: str) -> Iterator[None]:
    """Put what goes wrong while a family loads into the log, and go on."""
    try:
        yield
    except Exception:
        logger.exception("ComfyUI-Matrix3D: the nodes in nodes/%s.py could not be loaded", family)
