"""Thin wrappers: adapt the host's values, call the core, adapt back. No arithmetic lives here."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from ._host_version import make_extension, why_too_old
from ._renamed import RENAMED_NODES, refuse_old_names, renamed_inputs

__all__ = ["load_extension", "load_node_classes"]

logger = logging.getLogger(__name__)


def load_extension() -> object:
    """Return the pack's extension: all its nodes, or on an old host none and one line in the log."""
    reason = why_too_old()
    if reason is not None:
        logger.error("ComfyUI-Matrix3D %s", reason)
        return make_extension([])
    from ..matrix3d_core.optimize.config import RENAMED_SETTINGS

    renamed = renamed_inputs(RENAMED_SETTINGS)
    classes = [refuse_old_names(node, renamed) for node in load_node_classes()]
    replaced = {old: (new, renamed.get(new, {})) for old, new in RENAMED_NODES.items()}
    return make_extension(classes, replaced)


def load_node_classes() -> list[type]:
    """Return the node classes in menu order; a family that fails to load does not take the others down.

    One file per family; each lists its node classes in ``NODES``.
    """
    classes: list[type] = []
    with _reported("panorama"):
        from .panorama import NODES as panorama_nodes

        classes += panorama_nodes
    with _reported("panorama_views"):
        from .panorama_views import NODES as panorama_views_nodes

        classes += panorama_views_nodes
    with _reported("photo"):
        from .photo import NODES as photo_nodes

        classes += photo_nodes
    with _reported("composite"):
        from .composite import NODES as composite_nodes

        classes += composite_nodes
    with _reported("upscale"):
        from .upscale import NODES as upscale_nodes

        classes += upscale_nodes
    with _reported("trajectory_make"):
        from .trajectory_make import NODES as trajectory_make_nodes

        classes += trajectory_make_nodes
    with _reported("trajectory_io"):
        from .trajectory_io import NODES as trajectory_io_nodes

        classes += trajectory_io_nodes
    with _reported("trajectory_edit"):
        from .trajectory_edit import NODES as trajectory_edit_nodes

        classes += trajectory_edit_nodes
    with _reported("trajectory_check"):
        from .trajectory_check import NODES as trajectory_check_nodes

        classes += trajectory_check_nodes
    with _reported("studio"):
        from .studio import NODES as studio_nodes

        classes += studio_nodes
    with _reported("guidance"):
        from .guidance import NODES as guidance_nodes

        classes += guidance_nodes
    with _reported("layers"):
        from .layers import NODES as layers_nodes

        classes += layers_nodes
    with _reported("light"):
        from .light import NODES as light_nodes

        classes += light_nodes
    with _reported("vae"):
        from .vae import NODES as vae_nodes

        classes += vae_nodes
    with _reported("lora"):
        from .lora import NODES as lora_nodes

        classes += lora_nodes
    with _reported("minis"):
        from .minis import NODES as minis_nodes

        classes += minis_nodes
    with _reported("video"):
        from .video import NODES as video_nodes

        classes += video_nodes
    with _reported("lrm"):
        from .lrm import NODES as lrm_nodes

        classes += lrm_nodes
    with _reported("optimize"):
        from .optimize import NODES as optimize_nodes

        classes += optimize_nodes
    with _reported("splat_edit"):
        from .splat_edit import NODES as splat_edit_nodes

        classes += splat_edit_nodes
    with _reported("splat_label"):
        from .splat_label import NODES as splat_label_nodes

        classes += splat_label_nodes
    with _reported("restyle"):
        from .restyle import NODES as restyle_nodes

        classes += restyle_nodes
    with _reported("splat_reduce"):
        from .splat_reduce import NODES as splat_reduce_nodes

        classes += splat_reduce_nodes
    with _reported("splat_mesh"):
        from .splat_mesh import NODES as splat_mesh_nodes

        classes += splat_mesh_nodes
    with _reported("animate"):
        from .animate import NODES as animate_nodes

        classes += animate_nodes
    with _reported("splat_render"):
        from .splat_render import NODES as splat_render_nodes

        classes += splat_render_nodes
    with _reported("splat_preview"):
        from .splat_preview import NODES as splat_preview_nodes

        classes += splat_preview_nodes
    with _reported("world_select"):
        from .world_select import NODES as world_select_nodes

        classes += world_select_nodes
    with _reported("objects"):
        from .objects import NODES as objects_nodes

        classes += objects_nodes
    with _reported("pano_preview"):
        from .pano_preview import NODES as pano_preview_nodes

        classes += pano_preview_nodes
    with _reported("explore"):
        from .explore import NODES as explore_nodes

        classes += explore_nodes
    with _reported("metrics"):
        from .metrics import NODES as metrics_nodes

        classes += metrics_nodes
    with _reported("splat_io"):
        from .splat_io import NODES as splat_io_nodes

        classes += splat_io_nodes
    with _reported("factory"):
        from .factory import NODES as factory_nodes

        classes += factory_nodes
    with _reported("dataset"):
        from .dataset import NODES as dataset_nodes

        classes += dataset_nodes
    return classes


@contextlib.contextmanager
def _reported(family: str) -> Iterator[None]:
    """Put what goes wrong while a family loads into the log, and go on."""
    try:
        yield
    except Exception:
        logger.exception("ComfyUI-Matrix3D: the nodes in nodes/%s.py could not be loaded", family)
