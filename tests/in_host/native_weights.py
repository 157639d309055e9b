"""What the host's own networks answer with weights from a file."""

from __future__ import annotations

import comfy.sd
import comfy.utils
import torch


def answers(folder: str) -> list[str]:
    """Load every file in ``folder`` with the host, and save what its network answers to the inputs beside it."""
    from pathlib import Path

    done = []
    for path in sorted(Path(folder).glob("*.weights.safetensors")):
        kind = path.name.partition(".")[0]
        given = comfy.utils.load_torch_file(str(path.with_name(f"{kind}.inputs.safetensors")))
        with torch.no_grad():
            answer = KINDS[kind](str(path), given)
        torch.save(answer, path.with_name(f"{kind}.answer.pt"))
        done.append(kind)
    return done


def network(path):
    """Return the diffusion model in float32."""
    options = {"dtype": torch.float32}
    return comfy.sd.load_diffusion_model(path, model_options=options).model.diffusion_model


def wan(path, given):
    """Wan 2.1 I2V."""
    return network(path)(given["x"], given["t"], given["context"], clip_fea=given["image"])


def flux(path, given):
    """FLUX with distilled guidance; the host's time runs from 0 to 1."""
    return network(path)(given["x"], given["t"], given["context"], given["pooled"], given["guidance"])


def wan_vae(path, given):
    """The mode of the posterior, and a decoded latent."""
    vae = comfy.sd.VAE(sd=comfy.utils.load_torch_file(path), dtype=torch.float32).first_stage_model
    return {"latent": vae.encode(given["video"]), "video": vae.decode(given["latent"])}


def flux_vae(path, given):
    """A decoded latent: the file may hold the decoder alone."""
    vae = comfy.sd.VAE(sd=comfy.utils.load_torch_file(path), dtype=torch.float32).first_stage_model
    return {"picture": vae.decode(given["latent"])}


KINDS = {"wan": wan, "flux": flux, "wan_vae": wan_vae, "flux_vae": flux_vae}
