"""Moving borders on the host's own samplers: toy networks, and a tiny Wan that looks at neighbors."""

from __future__ import annotations

from typing import Any

import comfy.samplers
import comfy.sd
import pack
import torch
from comfy.patcher_extension import WrapperExecutor, WrappersMP, get_all_wrappers
from safetensors.torch import load_file

import nodes as host_nodes
from matrix3d_core.diffusion import latent_roll as rotation
from matrix3d_core.metrics import seam as metrics

seam = pack.module("nodes._host_roll")


class Ring(torch.nn.Module):
    "Treats all columns alike and looks sideways; only elementwise work, so turns change no rounding."

    dtype = torch.float32
    patch_size = 2

    def __init__(self, channels, out):
        super().__init__()
        self.patch_embedding = torch.nn.Conv3d(channels, 4, (1, 2, 2), (1, 2, 2))
        self.img_in = torch.nn.Linear(channels * 4, 4)
        self.out, self.seen, self.fail_at, self.uneven = out, [], None, False

    def forward(self, x, timestep, context=None, transformer_options=None, **kwargs):
        def plain(x, timestep, context):
            self.seen.append(x.clone())
            if len(self.seen) == self.fail_at:
                raise KeyError("stopped")
            extra = x[:, self.out : self.out + 1] - x[:, -1:] if x.shape[1] > self.out else 0
            y = x[:, : self.out]
            y = 0.6 * y + 0.3 * torch.roll(y, 1, -1) - 0.2 * torch.roll(y, -3, -1) + 0.4 * extra
            if self.uneven:
                y = y + torch.linspace(0, 1, x.shape[-1])
            y = y * (1 + 0.1 * context.mean(dim=(1, 2)).view(-1, *[1] * (y.ndim - 1)))
            return y / (1 + y.abs())

        wrappers = get_all_wrappers(WrappersMP.DIFFUSION_MODEL, transformer_options or {})
        return WrapperExecutor.new_executor(plain, wrappers).execute(x, timestep, context)


def toy(kind, paths):
    path = {"wan": paths["wan21_i2v"], "flux": paths["flux_dev"], "fill": paths["flux_fill"]}[kind]
    model = comfy.sd.load_diffusion_model(path)
    channels = {"wan": 36, "flux": 16, "fill": 96}[kind]
    model.model.diffusion_model = Ring(channels, 16)
    return model


def conds(kind, height, width, frames=3, batch=1):
    g = torch.Generator().manual_seed(9)

    def cond():
        extra = {"pooled_output": torch.zeros(1, 768)}
        if kind == "wan":
            extra["concat_latent_image"] = torch.randn(1, 16, frames, height, width, generator=g)
            extra["concat_mask"] = torch.rand(1, 4, frames, height, width, generator=g)
        if kind == "fill":
            extra["concat_latent_image"] = torch.randn(1, 16, height, width, generator=g)
            extra["concat_mask"] = torch.rand(1, 1, height * 8, width * 8, generator=g).round()
        return [[torch.randn(1, 5, 4096, generator=g), extra]]

    return cond(), cond()


def latent(kind, height=6, width=24, frames=3, batch=1):
    g = torch.Generator().manual_seed(3)
    shape = (batch, 16, frames, height, width) if kind == "wan" else (batch, 16, height, width)
    return {"samples": torch.randn(shape, generator=g)}


def sample(model, kind, sampler="euler", steps=10, cfg=3.0, seed=7, pair=None, image=None, **options):
    image = image or latent(kind)
    height, width = image["samples"].shape[-2:]
    positive, negative = pair or conds(kind, height, width)
    model.model.diffusion_model.seen.clear()
    with torch.inference_mode():
        out = host_nodes.common_ksampler(
            model, seed, steps, cfg, sampler, "simple", positive, negative, image, **options
        )
    return out[0]["samples"]


def custom(model, kind, sampler="euler", steps=10, cfg=3.0, seed=7):
    from comfy_extras.nodes_custom_sampler import CFGGuider, Noise_RandomNoise, SamplerCustomAdvanced

    image = latent(kind)
    positive, negative = conds(kind, *image["samples"].shape[-2:])
    guider = CFGGuider.execute(model, positive, negative, cfg)[0]
    sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "simple", steps)
    model.model.diffusion_model.seen.clear()
    with torch.inference_mode():
        out = SamplerCustomAdvanced.execute(
            Noise_RandomNoise(seed), guider, comfy.samplers.sampler_object(sampler), sigmas, image
        )
    return out[0]["samples"]


def seamed(model, mode, **options):
    clone = model.clone()
    seam.install_latent_roll(clone, mode, **options)
    return clone


def gap(a, b):
    return float((a - b).abs().max())


def local_wan(path):
    "The tiny Wan, its first block made to smooth: attention by position alone, so to neighbors, not over the border."
    state = {k: v.clone() for k, v in load_file(path).items()}
    width, big, strength = state["patch_embedding.bias"].shape[0], 30.0, 4.0
    inject = torch.zeros(width, 36, 1, 2, 2)  # 16 latent channels of a patch into the first 64 entries
    inject[:64, :16] = torch.eye(64).view(64, 16, 1, 2, 2)
    state["patch_embedding.weight"] = inject
    state["patch_embedding.bias"] = torch.cat(
        (torch.zeros(64), big * torch.tensor([1.0, -1.0]).repeat((width - 64) // 2))
    )
    scale = big * ((width - 64) / width) ** 0.5  # what the normalizations divide by, so that they are linear
    for name in list(state):
        if name.startswith("blocks.") and name.endswith(
            (".o.weight", ".o.bias", "ffn.2.weight", "ffn.2.bias")
        ):
            state[name].zero_()
        if name.endswith("modulation"):
            state[name].zero_()
    for name in ("time_embedding.2", "time_projection.1", "blocks.0.self_attn.v"):
        state[f"{name}.weight"].zero_()
        state[f"{name}.bias"].zero_()
    block = "blocks.0.self_attn"
    for part in "qk":
        state[f"{block}.{part}.weight"].zero_()
        state[f"{block}.{part}.bias"].fill_(1)
        state[f"{block}.norm_{part}.weight"].fill_(2.65)
    mean = torch.eye(16).repeat_interleave(4, 0).repeat_interleave(4, 1) / 4  # of the patch
    state[f"{block}.v.weight"][:64, :64] = mean
    state[f"{block}.o.weight"] = -scale * torch.eye(width)
    state["blocks.0.modulation"][:, 2] = 1
    state["head.head.weight"].zero_()
    # The network's answer is ordered (rows, columns, channels) within a patch, its input (channels, rows, columns).
    order = torch.arange(64).view(16, 4).T.flatten()
    state["head.head.weight"][torch.arange(64), order] = strength * scale
    state["head.head.bias"].zero_()
    return comfy.sd.load_diffusion_model_state_dict(state)


def run(model, seed=7, steps=12):
    positive, negative = conds("wan", 12, 48, frames=1)
    image = {"samples": torch.zeros(1, 16, 1, 12, 48)}
    with torch.inference_mode():
        out = host_nodes.common_ksampler(
            model, seed, steps, 1.0, "euler", "simple", positive, negative, image
        )
    return out[0]["samples"]


def border(latent):
    return metrics.seam_error(latent[0].movedim(0, -1)).error


def samplers_on_a_ring(paths: dict[str, str]) -> dict[str, Any]:
    """Sample with and without moving borders; return the largest difference up to the roll left, that roll, and the spread."""
    out = {}
    for kind in ("wan", "flux", "fill"):
        model = toy(kind, paths)
        names = (
            "euler",
            "euler_ancestral",
            "heun",
            "dpm_2",
            "dpmpp_2m",
            "dpmpp_2m_sde",
            "lms",
            "uni_pc",
            "er_sde",
            "lcm",
        )
        for sampler in names if kind == "wan" else names[:4]:
            plain = sample(model, kind, sampler)
            for mode in rotation.ROLL_MODES:
                actual = sample(seamed(model, mode), kind, sampler)
                plan = rotation.roll_plan(mode, 10, 24, 7, multiple=2 if mode == "every step" else 1)
                out[f"{kind} {sampler} {mode}"] = [
                    gap(actual, torch.roll(plain, -plan.final, -1)),
                    plan.final,
                    float(plain.std()),
                ]
    return out


def what_the_network_sees(paths: dict[str, str]) -> dict[str, Any]:
    """Return how far the network's inputs are from the planned rolls, and what another wrapper saw."""
    out = {}
    for kind in ("wan", "fill", "flux"):
        model = toy(kind, paths)
        sample(model, kind)
        plain = [x.clone() for x in model.model.diffusion_model.seen]
        for mode in rotation.ROLL_MODES[1:]:
            for options in ({}, {"seed": 5}, {"start": 0.2}, {"multiple": 4}):
                clone = seamed(model, mode, **options)
                others = []

                def other(executor, x, *args, others=others, **kwargs):
                    others.append(x.clone())
                    return executor(x, *args, **kwargs)

                clone.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "other", other)
                sample(clone, kind)
                seen = model.model.diffusion_model.seen
                plan = rotation.roll_plan(
                    mode,
                    10,
                    24,
                    options.get("seed", 7),
                    start=options.get("start", 0.6),
                    multiple=options.get("multiple", 2 if mode == "every step" else 1),
                )
                wrong = [
                    gap(a, torch.roll(b, -k, -1)) for a, b, k in zip(seen, plain, plan.offsets, strict=True)
                ]
                same = max(gap(a, b) for a, b in zip(seen, others, strict=True))
                out[f"{kind} {mode} {options}"] = [
                    max(wrong),
                    same,
                    len(seen),
                    len([k for k in plan.offsets if k]),
                ]
    return out


def batches_masks_and_regions(paths: dict[str, str]) -> dict[str, Any]:
    """Return differences with custom samplers, batches, masks, regions and parts of a schedule."""
    model = toy("wan", paths)
    out = {}
    clone = seamed(model, "every step")
    out["custom"] = gap(custom(clone, "wan", "heun"), custom(model, "wan", "heun"))
    t2p = seamed(model, "upstream t2p")
    final = rotation.roll_plan("upstream t2p", 10, 24, 7).final
    out["custom t2p"] = gap(custom(t2p, "wan"), torch.roll(custom(model, "wan"), -final, -1))
    batch = latent("wan", batch=2)
    out["batch"] = gap(sample(clone, "wan", image=batch), sample(model, "wan", image=batch))
    masked = {**latent("wan"), "noise_mask": torch.rand(1, 1, 48, 192).round()}
    a, b = sample(clone, "wan", image=masked), sample(model, "wan", image=masked)
    out["mask"] = gap(a, b)
    out["mask does something"] = gap(b, sample(model, "wan")) > 0.1
    a, b = sample(t2p, "wan", image=masked), torch.roll(b, -final, -1)
    out["mask t2p"] = gap(a, b)
    flux = toy("flux", paths)
    positive, negative = conds("flux", 6, 24)
    region = [[positive[0][0], {**positive[0][1], "area": (4, 10, 1, 8), "strength": 1.0}], negative[0]]
    out["region"] = gap(
        sample(seamed(flux, "every step"), "flux", pair=(region, negative)),
        sample(flux, "flux", pair=(region, negative)),
    )
    out["odd width"] = gap(
        sample(seamed(flux, "every step"), "flux", image=latent("flux", width=23)),
        sample(flux, "flux", image=latent("flux", width=23)),
    )
    part = dict(start_step=2, last_step=7, force_full_denoise=False)
    out["part"] = gap(sample(clone, "wan", **part), sample(model, "wan", **part))
    out["one step"] = gap(sample(clone, "wan", steps=1), sample(model, "wan", steps=1))
    out["cfg 1"] = gap(sample(clone, "wan", cfg=1.0), sample(model, "wan", cfg=1.0))

    def unet_wrapper(apply, args):
        return apply(args["input"], args["timestep"], **args["c"])

    wrapped = seamed(model, "every step")
    wrapped.set_model_unet_function_wrapper(unet_wrapper)
    out["function wrapper"] = gap(sample(wrapped, "wan"), sample(model, "wan"))
    return out


def traces_of_a_clone(paths: dict[str, str]) -> list[Any]:
    """Return what a clone with moving borders leaves on the model, and how bad settings are refused."""
    model = toy("wan", paths)
    model.model.diffusion_model.uneven = True
    options = repr(model.model_options)
    before = sample(model, "wan")
    clone = seamed(model, "every step")
    turned = sample(clone, "wan")
    clone.clone()
    out = {
        "it does something": gap(turned, before) > 1e-3,
        "repeats": gap(turned, sample(clone, "wan")),
        "other seed": gap(turned, sample(seamed(model, "every step", seed=1), "wan")) > 1e-3,
        "clone of the clone": gap(turned, sample(clone.clone(), "wan")),
        "model": gap(before, sample(model, "wan")),
        "options": repr(model.model_options) == options and seam.ROLL_KEY not in repr(clone.model_options),
        "wrappers": [len(v) for v in model.wrappers.values() if v],
    }
    model.model.diffusion_model.fail_at = 4
    try:
        sample(clone, "wan")
    except KeyError:
        out["stopped"] = True
    model.model.diffusion_model.fail_at = None
    out["after a stop"] = gap(turned, sample(clone, "wan"))
    seam.install_latent_roll(clone, "upstream i2p")
    out["replaced"] = len(clone.wrappers[WrappersMP.APPLY_MODEL][seam.ROLL_KEY])
    seam.install_latent_roll(clone, "off")
    out["off"] = gap(before, sample(clone, "wan"))
    out["off wrappers"] = [len(v) for v in clone.wrappers.values() if v]
    errors = {}
    for name, arguments in {"mode": ("round", {}), "start": ("every step", {"start": 2.0})}.items():
        mode, more = arguments
        errors[name] = pack.message(
            lambda mode=mode, more=more: seam.install_latent_roll(clone, mode, **more)
        )
    narrow = latent("wan", width=2)
    errors["narrow"] = pack.message(lambda: sample(seamed(model, "every step"), "wan", image=narrow))
    sampler, packed = seam._around_sampler(lambda *a: None), (torch.tensor([1.0, 0.0]), {}, None)
    errors["packed"] = pack.message(lambda: sampler(None, None, *packed, torch.zeros(1, 1, 90)))
    return [out, errors]


def control_and_references() -> dict[str, Any]:
    """Give the wrapper around the network a call with all that may accompany a latent; return differences."""
    plan = rotation.roll_plan("every step", 4, 12, 0, multiple=2)
    k = plan.offsets[1]
    run = seam._Run((1.0, 0.8, 0.5, 0.2, 0.0), plan, 6)
    x, c = torch.randn(2, 16, 6, 12), torch.randn(2, 20, 6, 12)
    text, tokens = torch.randn(2, 6, 12), torch.randn(2, 18, 8)
    same, other = torch.randn(1, 16, 6, 12), torch.randn(1, 16, 4, 4)
    options = {seam.ROLL_KEY: run}
    got = {}

    def network(x, t, c_concat, c_crossattn, control, transformer_options, **kwargs):
        got.update(x=x, c=c_concat, text=c_crossattn, control=control, options=transformer_options, **kwargs)
        return x * 2

    class Executor:
        def __call__(self, *args, **kwargs):
            return network(*args, **kwargs)

    t = torch.full((2,), 0.7)
    answer = seam._around_network(
        Executor(),
        x,
        t,
        c,
        text,
        {"input": [tokens, None], "output": []},
        options,
        ref_latents=[same, other],
        guidance=torch.ones(1),
    )
    grid = torch.roll(tokens.unflatten(1, (3, 6)), -k // 2, 2).flatten(1, 2)
    return {
        "offset": k,
        "answer": gap(answer, 2 * x),
        "x": gap(got["x"], torch.roll(x, -k, -1)),
        "c": gap(got["c"], torch.roll(c, -k, -1)),
        "text": got["text"] is text,
        "control": gap(got["control"]["input"][0], grid),
        "reference": gap(got["ref_latents"][0], torch.roll(same, -k, -1)),
        "another size": got["ref_latents"][1] is other,
        "options": got["options"] is options,
    }


def border_with_neighbors(paths: dict[str, str]) -> dict[str, Any]:
    """Return the border's step by mode, for four seeds."""
    model = local_wan(paths["wan21_i2v"])
    out = {"spread": float(run(model).std())}
    for mode in rotation.ROLL_MODES:
        out[mode] = [border(run(seamed(model, mode), seed)) for seed in range(4)]
    return out
