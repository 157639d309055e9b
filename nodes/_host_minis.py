"""The small models of the pack in the host: their folders, and encoded texts and pictures in the host's form."""

from __future__ import annotations

from pathlib import PurePosixPath

import comfy.clip_vision
import folder_paths
from torch import Tensor

from ..matrix3d_core.minis.encoders import PANO_GUIDANCE, pano_text, video_image, video_text
from ..matrix3d_core.minis.files import MINI_FILES, MINI_MODELS

__all__ = ["TEXT_MODELS", "encode_image", "encode_text", "register_folders"]

TEXT_MODELS = ("panorama", "video")
"""The small models that take a text."""


def register_folders() -> None:
    """Make the host look for models in the pack's folder too, after all of its own."""
    for kind in sorted({PurePosixPath(name).parts[0] for name in MINI_FILES.values()}):
        folder_paths.add_model_folder_path(kind, str(MINI_MODELS / kind))


def encode_text(text: str, model: str) -> list:
    """Return a text as CONDITIONING for one of `TEXT_MODELS`."""
    if model == "panorama":
        states, pooled = pano_text(text)
        return [[states[None], {"pooled_output": pooled[None], "guidance": PANO_GUIDANCE}]]
    return [[video_text(text)[None], {"pooled_output": None}]]


def encode_image(picture: Tensor) -> comfy.clip_vision.Output:
    """Return a picture ``[H, W, 3]`` as CLIP_VISION_OUTPUT for the small video model."""
    states = video_image(picture)[None]
    output = comfy.clip_vision.Output()
    output["penultimate_hidden_states"] = output["last_hidden_state"] = states
    output["image_embeds"] = states[:, 0]
    return output


register_folders()
