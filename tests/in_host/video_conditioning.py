"""What the video network is given in the real host, against oracles that know only upstream's behavior."""

from __future__ import annotations

from typing import Any

import comfy.samplers
import comfy.sd
import comfy.utils
import numpy as np
import oracle_video as oracle
import pack
import torch
from tiny_models_host import use_models

import nodes as core


def load(model_file, vae_file):
    return comfy.sd.load_diffusion_model(model_file), comfy.sd.VAE(sd=comfy.utils.load_torch_file(vae_file))


def spied(model, seen):
    "The model; from now on what its network gets and gives is written down, per conditioning (0 = positive)."
    net = model.model.diffusion_model

    def spy(x, timestep, *args, **kwargs):
        out = type(net)._forward(net, x, timestep, *args, **kwargs)
        options = next(a for a in [*args, *kwargs.values()] if isinstance(a, dict) and "cond_or_uncond" in a)
        which = options["cond_or_uncond"]
        assert x.shape[0] == len(which)
        step = seen.setdefault(float(options["sigmas"][0]), {})
        for place, kind in enumerate(which):
            step[kind] = {
                "input": x[place].clone(),
                "time": timestep[place].clone(),
                "output": out[place].clone(),
            }
        return out

    net._forward = spy  # innermost: after all wrappers
    return model


def prompts():
    draw = torch.Generator().manual_seed(5)
    return [[[torch.randn(1, 7, 4096, generator=draw), {}]] for _ in range(2)]


def encode_tiles(vae, frames, factor):
    "Upstream's tiles, one by one through the host's VAE, averaged by the oracle's weights."
    height, width = frames.shape[1:3]
    total, weight_sum = None, np.zeros((height // factor, width // factor))
    for rows, columns, weights in oracle.tile_weights(height // factor, width // factor):
        part = frames[
            :, rows.start * factor : rows.stop * factor, columns.start * factor : columns.stop * factor
        ]
        part = vae.encode(part).double().numpy()
        if total is None:
            total = np.zeros((*part.shape[:3], *weight_sum.shape))
        total[..., rows, columns] += part * weights
        weight_sum[rows, columns] += weights
    return torch.from_numpy(total / weight_sum).float()


def node_inputs(case):
    data = np.load(case["file"])
    given = {k: v for k, v in case["options"].items()}
    given = {
        "encode_seam_mode": "none",
        "fit_frames": "exact",
        "resize": "auto",
        "blacken": "auto",
        "tiled": False,
        **given,
    }
    if "start" in data:
        given["start_image"] = torch.from_numpy(data["start"])[None]
    height, width = case["target"]
    given.update(size="custom", height=height, width=width)
    given.update(frames=torch.from_numpy(data["frames"]), mask=torch.from_numpy(data["mask"]))
    return data, given


def worst(a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    assert a.shape == b.shape, (a.shape, b.shape)
    return float(np.abs(a - b).max())


def sample(model, vae, case, seed):
    """Run PanoVideoSampler; return what the network saw, the outputs, and the oracle's conditioning."""
    data, given = node_inputs(case)
    given = {
        **dict(
            seed=seed,
            preset="as set below",
            sampler_name="euler",
            scheduler="upstream flow-match",
            shift=5.0,
            latent_roll="as the model has it",
            frames_per_segment=81,
            overlap=1,
            decode_seam_mode="none",
            rerender=False,
        ),
        **given,
    }
    positive, negative = prompts()
    seen = {}
    done = (
        pack.nodes()["PanoVideoSampler"].execute(spied(model, seen), vae, positive, negative, **given).result
    )
    lat = vae.encode(torch.from_numpy(data["prepared"]))
    cond = model.model.process_latent_in(lat)[0].double().numpy()
    return data, given, list(seen.items()), done, cond


def trace(given, steps, x, time_at, fixed=None):
    "Euler by hand on the network's own answers; worst difference of inputs and of times."
    sigmas = oracle.flow_sigmas(given["steps"], given["shift"])
    row = {"sigma": worst([s for s, _ in steps], sigmas[:-1]), "input": 0.0, "time": 0.0}
    for i, (_, step) in enumerate(steps):
        for one in step.values():
            row["input"] = max(row["input"], worst(one["input"][: len(x)].double(), x))
            row["time"] = max(row["time"], worst(one["time"].double(), time_at(i)))
        answers = [step[kind]["output"].double().numpy() for kind in sorted(step)]
        positive, negative = answers if len(answers) == 2 else (answers[0], answers[0])
        x = oracle.euler_step(x, negative, positive, given["cfg"], sigmas[i], sigmas[i + 1])
        if fixed is not None:
            x[:, 0] = fixed
    row["size"] = float(np.abs(x).max())
    row["kinds"] = sorted({len(step) for _, step in steps})
    return row, x


@torch.no_grad()
def network_inputs_14b(
    cases: dict[str, Any], files: dict[str, str], models: str, seed: int
) -> dict[str, Any]:
    """Return differences of what the network gets from the oracle's, for each case."""
    use_models(models)
    model, vae = load(files["wan21_i2v"], files["wan_vae"])
    out = {}
    for name, case in cases.items():
        data, given = node_inputs(case)
        positive, negative = prompts()
        done = (
            pack.nodes()["PanoVideoConditioning"]
            .execute(positive=positive, negative=negative, vae=vae, **given)
            .result
        )
        seen = {}
        latent = done[2]
        core.common_ksampler(spied(model, seen), seed, 1, 5.0, "euler", "simple", done[0], done[1], latent)
        frames = torch.from_numpy(data["prepared"])
        lat = encode_tiles(vae, frames, 8) if given["encode_seam_mode"] == "upstream" else vae.encode(frames)
        cond = model.model.process_latent_in(lat)[0].double().numpy()
        noise = torch.randn((1, 16, *cond.shape[1:]), generator=torch.Generator().manual_seed(seed))[
            0
        ].numpy()
        expected = oracle.network_input(noise, data["packed"], cond)
        (step,) = seen.values()
        row = {"latent": [list(latent["samples"].shape), float(latent["samples"].abs().max())]}
        row["shape"] = list(step[0]["input"].shape)
        row["range"] = [float(cond.min()), float(cond.max())]
        for kind in (0, 1):
            x = step[kind]["input"].double().numpy()
            row[f"noise {kind}"] = worst(x[:16], expected[:16])
            row[f"mask {kind}"] = worst(x[16:20], expected[16:20])
            row[f"cond {kind}"] = worst(x[20:], expected[20:])
        out[name] = row
    return out


@torch.no_grad()
def traces(cases: dict[str, Any], files: dict[str, str], models: str, seed: int) -> dict[str, Any]:
    """Return differences of the sampler's steps from the oracle's Euler steps, for each case."""
    use_models(models)
    model, vae = load(files["wan21_i2v"], files["wan_vae"])
    out = {}
    for name, case in cases.items():
        data, given, steps, done, cond = sample(model, vae, case, seed)
        noise = (
            torch.randn((1, 16, *cond.shape[1:]), generator=torch.Generator().manual_seed(seed))[0]
            .double()
            .numpy()
        )
        times = oracle.timesteps(given["steps"], given["shift"], rounded=given["bf16_timesteps"])
        row, x = trace(given, steps, noise, times.__getitem__)
        expected = np.concatenate([data["packed"], cond])
        row["given"] = max(
            worst(one["input"][16:].double(), expected) for _, step in steps for one in step.values()
        )
        latent = done[0]["samples"]
        row["latent"] = worst(
            latent[0].double(), model.model.process_latent_out(torch.from_numpy(x)[None].float())[0]
        )
        row["frames"] = worst(done[1], vae.decode(latent)[0].clamp(0, 1))
        row["shape"] = list(done[1].shape)
        out[name] = row
    return out


@torch.no_grad()
def traces_5b(
    cases: dict[str, Any], files: dict[str, str], models: str, seed: int, layer_file: str
) -> dict[str, Any]:
    """The same for the 5B, whose first frame is fixed and whose extra embedding sees 52 more channels."""
    use_models(models)
    model, vae = load(files["wan22_5b"], files["wan22_vae"])
    layer = {k: torch.tensor(v) for k, v in np.load(layer_file).items()}
    m = model.clone()
    pack.module("nodes._host_wan5b").install_extra_concat(m, layer["weight"], layer["bias"])
    tokens = []
    model.model.diffusion_model.blocks[0].register_forward_pre_hook(
        lambda module, args: tokens.append(args[0].clone())
    )
    base = {k: v.double() for k, v in model.model.diffusion_model.patch_embedding.state_dict().items()}

    def conv(x, w):
        weight, bias = w["weight"].double(), w["bias"].double()
        return torch.nn.functional.conv3d(x.double()[None], weight, bias, stride=(1, 2, 2))

    out = {}
    for name, case in cases.items():
        tokens.clear()
        data, given, steps, done, cond = sample(m, vae, case, seed)
        noise = (
            torch.randn((1, 48, *cond.shape[1:]), generator=torch.Generator().manual_seed(seed))[0]
            .double()
            .numpy()
        )
        first = (
            model.model.process_latent_in(vae.encode(torch.from_numpy(data["prepared"][:1])))[0, :, 0]
            .double()
            .numpy()
        )
        noise[:, 0] = first
        times = oracle.timesteps(given["steps"], given["shift"], rounded=given["bf16_timesteps"])

        def time_at(i, times=times, frames=cond.shape[1]):
            return [0.0] + [times[i]] * (frames - 1)

        row, x = trace(given, steps, noise, time_at, fixed=first)
        extra = oracle.extra_input_5b(data["signed"], cond)
        row["tokens"] = 0.0
        for (_, step), batch in zip(steps, tokens, strict=True):
            for place, kind in enumerate(step):
                x48 = step[kind]["input"][:48]
                expected = (
                    (conv(x48, base) + conv(torch.from_numpy(extra), layer)).flatten(2).transpose(1, 2)[0]
                )
                row["tokens"] = max(row["tokens"], worst(batch[place].double(), expected))
        row["part"] = float(conv(torch.from_numpy(extra), layer).abs().max())
        row["latent"] = worst(
            done[0]["samples"][0].double(),
            model.model.process_latent_out(torch.from_numpy(x)[None].float())[0],
        )
        row["first frame"] = worst(
            done[0]["samples"][0, :, 0].double(),
            vae.encode(torch.from_numpy(data["prepared"][:1]))[0, :, 0].double(),
        )
        row["calls"] = [len(tokens), len(steps)]
        row["shape"] = list(done[1].shape)
        out[name] = row
    return out
