"""The host's sampler on given latents, prompts and noise."""

from __future__ import annotations

import types

import comfy.latent_formats
import comfy.sd
import pack
import torch
from safetensors.torch import load_file, save_file


def sample(
    inputs: str, weights: str, output: str, steps: int, cfg: float, rounds: bool, seed: int, latent_roll: str
) -> dict[str, str]:
    """Sample with the pack's video model from the tensors in ``inputs``; save the latents as ``output``."""
    models = pack.module("nodes._host_models")
    given = load_file(inputs)
    model = comfy.sd.load_diffusion_model(weights, model_options={"dtype": torch.float32})
    space = comfy.latent_formats.Wan21()
    vision = types.SimpleNamespace(penultimate_hidden_states=given["image"])
    known, encoded = given["condition"][:, :4], given["condition"][:, 4:]

    def conditioning(text):
        return [
            [
                text,
                {
                    "concat_latent_image": space.process_out(encoded),
                    "concat_mask": 1 - known,
                    "clip_vision_output": vision,
                },
            ]
        ]

    sampling = models.SamplingPreset(steps, cfg, "euler", models.UPSTREAM_SCHEDULE, 5.0, rounds)
    ready = models.prepare_video_model(model, sampling, latent_roll=latent_roll)
    latent = {"samples": torch.zeros(1, 16, *known.shape[2:])}
    raw = models.sample_video(
        ready,
        conditioning(given["positive"]),
        conditioning(given["negative"]),
        latent,
        sampling,
        seed=seed,
        callback=lambda *_: None,
    )
    save_file({"latents": space.process_in(raw).contiguous()}, output)
    return {"dtype": str(model.model.get_dtype()), "kind": type(model.model).__name__}
