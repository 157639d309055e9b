"""The small models' encoders and networks in the host."""

from __future__ import annotations

import comfy.sd
import comfy.utils
import pack
import torch


def encoded(text: str, folder: str) -> str:
    """Write what the two nodes make of a text and of the picture in a folder; return the file."""
    own = pack.nodes()
    picture = comfy.utils.load_torch_file(f"{folder}/picture.safetensors")["picture"]
    pano, video = (own["MiniTextEncode"].execute(text, model).args[0] for model in ("panorama", "video"))
    seen = own["MiniVisionEncode"].execute(picture).args[0]
    found = {
        "pano": pano[0][0],
        "pooled": pano[0][1]["pooled_output"],
        "guidance": torch.tensor(pano[0][1]["guidance"]),
        "video": video[0][0],
        "image": seen.penultimate_hidden_states,
    }
    torch.save(found, f"{folder}/encoded.pt")
    return f"{folder}/encoded.pt"


def answer(model: str, inputs: str) -> str:
    """Write what the host's network of a file answers to inputs; return the file."""
    network = comfy.sd.load_diffusion_model(
        model, model_options={"dtype": torch.float32}
    ).model.diffusion_model
    given = comfy.utils.load_torch_file(inputs)
    with torch.no_grad():
        found = network(given["x"], given["t"], given["context"], clip_fea=given["image"])
    torch.save(found, f"{inputs}.pt")
    return f"{inputs}.pt"


def flux_latents():
    """How the host scales FLUX's latents on their way to a VAE."""
    from comfy.latent_formats import Flux

    return [Flux().scale_factor, Flux().shift_factor]
