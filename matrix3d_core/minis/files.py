"""Where the small models are: a folder laid out like the host's ``models``."""

from __future__ import annotations

from pathlib import Path

__all__ = ["MINI_FILES", "MINI_MODELS"]

MINI_MODELS = Path(__file__).resolve().parent / "models"
"""The folder that comes with the pack."""

MINI_FILES = {
    "video_vae": "vae/matrix3d_mini_video_vae.safetensors",
    "pano": "diffusion_models/matrix3d_mini_pano.safetensors",
    "pano_lora": "loras/matrix3d_mini_pano_lora.safetensors",
    "video": "diffusion_models/matrix3d_mini_video.safetensors",
    "video_lora": "loras/matrix3d_mini_video_lora.safetensors",
    "lrm": "matrix3d_lrm/matrix3d_mini_lrm.safetensors",
}
"""File of each model, in the host's folder of its kind."""
