"""The rolled latent against a loop that really rolls it, on the host's own networks."""

from __future__ import annotations

import comfy.model_management as mm
import comfy.samplers
import comfy.sd
import node_helpers
import oracle_video as oracle
import pack
import torch

import nodes

install_latent_roll = pack.module("nodes._host_roll").install_latent_roll
STEPS = 10


def by_hand(model, latent, concat, seed, undo, **cond):
    "Euler steps on a latent that is really rolled, the plain network called directly."
    patcher = model.clone()
    mm.load_models_gpu([patcher])
    net, sampling = patcher.model, patcher.get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(sampling, "simple", STEPS).tolist()

    def step(x, c, i):
        with torch.no_grad():
            given = {} if c is None else {"c_concat": torch.from_numpy(c)}
            x = torch.from_numpy(x)
            clean = net.apply_model(x, torch.full((x.shape[0],), sigmas[i]), **given, **cond)
        return (x + (x - clean) / sigmas[i] * (sigmas[i + 1] - sigmas[i])).numpy()

    out, _ = oracle.rotated_run(latent, step, STEPS, seed, undo=undo, concat=concat)
    return net.process_latent_out(torch.from_numpy(out))


def compare(model, mode, shape, seed, concat_cond, cond_extra, by_hand_cond):
    "Largest difference from the hand-made run, and from the run without rolls, over the size of the result."
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    undo = mode == "upstream i2p"
    text = torch.randn(1, 6, 4096, generator=torch.Generator().manual_seed(1))
    positive = [[text, dict(cond_extra)]]
    if concat_cond:
        image, mask = concat_cond
        positive = node_helpers.conditioning_set_values(
            positive, {"concat_latent_image": image, "concat_mask": 1 - mask}
        )
        concat = torch.cat((mask, model.model.process_latent_in(image)), 1).numpy()
    else:
        concat = None
    hand = by_hand(model, noise.numpy(), concat, seed, undo, c_crossattn=text, **by_hand_cond)
    runs = {}
    for name in ("off", mode):
        m = model.clone()
        install_latent_roll(m, name)
        latent = {"samples": torch.zeros(shape)}
        runs[name] = nodes.common_ksampler(
            m, seed, STEPS, 1.0, "euler", "simple", positive, positive, latent
        )[0]["samples"]
    size = hand.abs().max()
    return [((runs[n] - hand).abs().max() / size).item() for n in (mode, "off")]


def differences(wan21_i2v: str, flux_dev: str) -> dict[str, list[float]]:
    """Return, relative to the result, how far runs with and without rolls are from the loop, for each model file."""
    out = {}
    wan = comfy.sd.load_diffusion_model(wan21_i2v)
    g = torch.Generator().manual_seed(9)
    pair = torch.randn(1, 16, 2, 4, 10, generator=g), torch.rand(1, 4, 2, 4, 10, generator=g)
    out["wan i2p"] = compare(wan, "upstream i2p", (1, 16, 2, 4, 10), 3, pair, {}, {})
    flux = comfy.sd.load_diffusion_model(flux_dev)
    pooled = torch.randn(1, 768, generator=g)
    extra = {"pooled_output": pooled, "guidance": 7.0}
    direct = {"y": pooled, "guidance": torch.tensor([7.0])}
    out["flux t2p"] = compare(flux, "upstream t2p", (1, 16, 6, 10), 4, None, extra, direct)
    return out
