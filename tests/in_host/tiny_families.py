"""The tiny models through the host's own loaders, samplers and VAEs."""

from __future__ import annotations

import logging
from typing import Any

import torch
from comfy_extras import nodes_flux, nodes_sd3, nodes_wan
from tiny_models_host import use_models

import nodes


class Warnings(logging.Handler):
    """Keeps warnings."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.logged = []

    def emit(self, record):
        self.logged.append(record.getMessage())


def picture(seed, frames=1, height=64, width=128):
    values = torch.rand(frames, 3, height // 16, width // 16, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(values, (height, width), mode="bilinear").movedim(1, -1)


def looks(x):
    values = x.float()
    return {
        "shape": list(x.shape),
        "finite": bool(values.isfinite().all()),
        "std": float(values.std()),
        "clipped": float(((values <= 0) | (values >= 1)).float().mean()),
    }


def change(a, b):
    return float((a - b).std() / a.std())


def unet(name):
    return nodes.UNETLoader().load_unet(f"tiny_{name}.safetensors", "default")[0]


def vae_of(name):
    return nodes.VAELoader().load_vae(f"tiny_{name}.safetensors")[0]


def names(model):
    return [type(model.model).__name__, type(model.model.model_config).__name__]


def sample(model, positive, negative, latent, cfg=1.0):
    done = nodes.common_ksampler(model, 7, 2, cfg, "euler", "simple", positive, negative, latent)
    return done[0]["samples"]


def flux():
    clip = nodes.DualCLIPLoader().load_clip("tiny_clip_l.safetensors", "tiny_t5xxl.safetensors", "flux")[0]
    vae = vae_of("flux_vae")
    first, other = (
        nodes_flux.FluxGuidance.execute(nodes.CLIPTextEncode().encode(clip, text)[0], 3.5).args[0]
        for text in ("a meadow under clouds", "the hall of a castle at night")
    )
    stronger = nodes_flux.FluxGuidance.execute(first, 30.0).args[0]
    latent = nodes_sd3.EmptySD3LatentImage.execute(128, 64).args[0]
    dev = unet("flux_dev")
    plain = sample(dev, first, first, latent)
    kl = vae.encode(picture(0))
    report = {
        "text": [
            type(clip.cond_stage_model).__mro__[1].__name__,
            list(first[0][0].shape),
            list(first[0][1]["pooled_output"].shape),
        ],
        "family": names(dev),
        "vae": [type(vae.first_stage_model).__name__, list(kl.shape), float(kl.std())],
        "prompt": change(plain, sample(dev, other, first, latent)),
        "guidance": change(plain, sample(dev, stronger, first, latent)),
        "image": looks(vae.decode(plain)),
        "again": looks(vae.decode(kl)),
        "decoded": change(vae.decode(kl), vae.decode(vae.encode(picture(1)))),
    }
    fill, mask = unet("flux_fill"), torch.zeros(1, 64, 128)
    mask[:, :, 64:] = 1

    def inpaint(seed, mask):
        positive, negative, latent = nodes.InpaintModelConditioning().encode(
            first, first, picture(seed), vae, mask, noise_mask=False
        )
        return sample(fill, positive, negative, latent)

    filled = inpaint(0, mask)
    report["fill"] = {
        "family": names(fill),
        "latent": looks(filled),
        "image": change(filled, inpaint(1, mask)),
        "mask": change(filled, inpaint(0, 1 - mask)),
    }
    return report


def wan():
    clip = nodes.CLIPLoader().load_clip("tiny_umt5.safetensors", "wan")[0]
    vision = nodes.CLIPVisionLoader().load_clip("tiny_clip_vision_h.safetensors")[0]
    vae, model = vae_of("wan_vae"), unet("wan21_i2v")
    first, other, negative = (
        nodes.CLIPTextEncode().encode(clip, text)[0]
        for text in ("a meadow under clouds", "the hall of a castle", "静态, 模糊")
    )
    seen = [vision.encode_image(picture(seed)) for seed in (0, 1)]

    def video(text, vision_seed, seed):
        positive, negative_, latent = nodes_wan.WanImageToVideo.execute(
            text,
            negative,
            vae,
            128,
            64,
            5,
            1,
            start_image=picture(seed),
            clip_vision_output=seen[vision_seed],
        ).args
        return sample(model, positive, negative_, latent, cfg=2.0)

    plain = video(first, 0, 0)
    encoded = vae.encode(picture(0, 5))
    report = {
        "text": [type(clip.cond_stage_model).__mro__[1].__name__, list(first[0][0].shape)],
        "vision": list(seen[0].penultimate_hidden_states.shape),
        "family": names(model),
        "vae": [type(vae.first_stage_model).__module__, list(encoded.shape), float(encoded.std())],
        "prompt": change(plain, video(other, 0, 0)),
        "vision_image": change(plain, video(first, 1, 0)),
        "start_image": change(plain, video(first, 0, 1)),
        "image": looks(vae.decode(plain)),
        "again": looks(vae.decode(encoded)),
    }
    vae, model = vae_of("wan22_vae"), unet("wan22_5b")

    def video22(text, seed):
        latent = nodes_wan.Wan22ImageToVideoLatent.execute(vae, 128, 64, 5, 1, picture(seed)).args[0]
        return latent["samples"], sample(model, text, negative, latent, cfg=2.0)

    given, plain = video22(first, 0)
    encoded = vae.encode(picture(0, 5))
    report["wan22"] = {
        "family": names(model),
        "vae": [type(vae.first_stage_model).__module__, list(encoded.shape), float(encoded.std())],
        "prompt": change(plain, video22(other, 0)[1]),
        "start_image": change(plain[:, :, 1:], video22(first, 1)[1][:, :, 1:]),
        "first_frame": float((given - plain)[:, :, 0].abs().max()),
        "image": looks(vae.decode(plain)),
        "again": looks(vae.decode(encoded)),
    }
    return report


@torch.inference_mode()
def facts(models: str) -> dict[str, Any]:
    """Load all tiny models of the folder, sample with each; return what the host says of them and what comes out."""
    use_models(models)
    warnings = Warnings()
    logging.getLogger().addHandler(warnings)
    try:
        return {"flux": flux(), "wan": wan(), "logged": warnings.logged}
    finally:
        logging.getLogger().removeHandler(warnings)
