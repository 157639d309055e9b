"""PanoUpscale with the host's own loader and its own node for flat pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import comfy_extras.nodes_upscale_model as host
import folder_paths
import pack
import torch

PanoUpscale = pack.nodes()["PanoUpscale"]


def rolled(file: str) -> dict[str, Any]:
    """Compare the result of a rolled panorama with the rolled result, here and by the host's node alone."""
    folder_paths.add_model_folder_path("upscale_models", str(Path(file).parent))
    model = host.UpscaleModelLoader.execute(Path(file).name).args[0]
    panorama = torch.rand(1, 40, 80, 3, generator=torch.Generator().manual_seed(2))

    def gap(upscale) -> float:
        with torch.inference_mode():
            a, b = upscale(panorama), upscale(panorama.roll(13, 2))
        return float((a.roll(13 * a.shape[2] // 80, 2) - b).abs().max())

    def ours(images):
        return PanoUpscale.execute(images, model, 0).args[0]

    made = ours(panorama)
    return {
        "shape": list(made.shape),
        "spread": float(made.std()),
        "ours": gap(ours),
        "host": gap(lambda images: host.ImageUpscaleWithModel.execute(model, images).args[0]),
        "narrow": list(PanoUpscale.execute(panorama, model, 120).args[0].shape),
        "photo": pack.message(lambda: ours(panorama[:, :30])),
    }
