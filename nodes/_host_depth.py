"""Depth from the picture in the host: its model folders and its device."""

from __future__ import annotations

import comfy.model_management
import folder_paths
import torch

from ..matrix3d_core.depth.learned.estimate import LearnedDepth, load_learned
from ..matrix3d_core.features.weights import BACKBONE_FILE, MODEL_KINDS, find_backbone, list_backbones

__all__ = ["backbone_names", "backbone_state", "depth_device", "learned_networks"]

_PLACE = f"models/{MODEL_KINDS[0]}"


def backbone_names() -> list[str]:
    """Return the names of the backbones that are here.

    `BACKBONE_FILE` is among them as soon as there is any: the front end offers the download of a file that a template
    names and the list lacks.
    """
    folders = _folders()
    usual = [BACKBONE_FILE] if find_backbone(folders) else []
    return list(dict.fromkeys([*usual, *list_backbones(folders)]))


def learned_networks(backbone: str = "auto") -> LearnedDepth | str:
    """Return the networks with a backbone of the host's folders, or what is missing and where it goes."""
    return load_learned(_folders(), backbone=backbone, place=_PLACE)


def backbone_state(backbone: str = "auto") -> str:
    """Return the backbone's file, empty without one: a node runs again when it has arrived."""
    return str(find_backbone(_folders(), backbone) or "")


def depth_device() -> torch.device:
    """Return the device that the host computes on."""
    device: torch.device = comfy.model_management.get_torch_device()
    return device


def _folders() -> list[str]:
    known = [kind for kind in MODEL_KINDS if kind in folder_paths.folder_names_and_paths]
    return [folder for kind in known for folder in folder_paths.get_folder_paths(kind)]
