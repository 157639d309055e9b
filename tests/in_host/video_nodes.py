"""The video nodes on tiny random models: what reaches the network, and what is refused."""

from __future__ import annotations

import gc
import types
from typing import Any

import comfy.model_management
import comfy.sample
import comfy.sd
import comfy.utils
import pack
import torch
import torch.nn.functional as F
from comfy.patcher_extension import WrappersMP
from comfy_extras.nodes_model_advanced import ModelSamplingSD3
from tiny_models_host import use_models

import nodes as core
from matrix3d_core.diffusion import conditioning as core_pack
from matrix3d_core.scene.panorama import PanoramaGeometry as Geometry
from matrix3d_core.scene.trajectory import Trajectory


def run(name, **given):
    """Execute a node with the defaults of its widgets."""
    own = pack.nodes()
    inputs = own[name].GET_SCHEMA().inputs
    values = {i.id: i.default for i in inputs if not i.optional and getattr(i, "default", None) is not None}
    return own[name].execute(**{**values, **given}).args


def load(file):
    return comfy.sd.load_diffusion_model(file)


def load_vae(file):
    return comfy.sd.VAE(sd=comfy.utils.load_torch_file(file))


def guidance(count, height, width, seed=0):
    rng = torch.Generator().manual_seed(seed)
    mask = (torch.rand(count, height, width, generator=rng) > 0.4).float()
    return {"frames": torch.rand(count, height, width, 3, generator=rng), "mask": mask}


def random_prompts():
    """Return the generator that drew them, and two prompts."""
    rng = torch.Generator().manual_seed(5)
    return rng, {name: [[torch.randn(1, 7, 4096, generator=rng), {}]] for name in ("positive", "negative")}


def spied(model, seen):
    "A clone that writes down what the network gets."

    def spy(executor, x, timestep, *args, **kwargs):
        seen.append((x.clone(), timestep.clone()))
        return executor(x, timestep, *args, **kwargs)

    clone = model.clone()
    clone.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "spy", spy)
    return clone


def same(a, b):
    return bool(torch.equal(a, b))


def far(a, b):
    return float((a - b).abs().max())


def message(call):
    return ": ".join(pack.error(call) or ["accepted"])


fast = {"encode_seam_mode": "none", "width": 64, "height": 32, "size": "custom"}


@torch.no_grad()
def wan21(files: dict[str, str], models: str) -> dict[str, Any]:
    """Run conditioning and sampler on the tiny Wan 2.1 I2V model; return what the network saw and what stays behind."""
    use_models(models)
    rng, prompts = random_prompts()
    model, vae = load(files["wan21_i2v"]), load_vae(files["wan_vae"])
    out = {}
    base = {"vae": vae, **prompts, **guidance(9, 32, 64), **fast}
    start = (torch.randint(0, 256, (1, 32, 64, 3), generator=rng) / 255).float()
    vision = types.SimpleNamespace(penultimate_hidden_states=torch.randn(1, 257, 1280, generator=rng))
    more = {**base, "start_image": start, "clip_vision_output": vision}
    plain = {"decode_seam_mode": "none"}

    # What the network gets.
    pixels = []
    encode = vae.encode
    vae.encode = lambda p: pixels.append(p.clone()) or encode(p)
    positive, negative, latent, report = run("PanoVideoConditioning", **more, resize="direct", model=model)
    del vae.encode
    out["report"] = report
    out["first frame"] = far(pixels[0][0], start[0])
    out["black"] = float(pixels[0][1:][base["mask"][1:] < 0.5].abs().max())
    out["latent"] = [list(latent["samples"].shape), float(latent["samples"].abs().max()), sorted(latent)]
    raw = encode(pixels[0])
    seen = []
    ready = spied(model, seen)
    ks = core.common_ksampler(ready, 3, 3, 5.0, "euler", "simple", positive, negative, latent)[0]["samples"]
    x = seen[0][0]
    clip = core_pack.prepare_guidance(base["frames"], base["mask"], 32, 64, start=start[0], transposed=False)
    out["channels"] = x.shape[1]
    out["mask channels"] = far(x[0, 16:20], core_pack.pack_mask(clip.mask, 4, 8))
    out["latent channels"] = far(x[0, 20:], model.model.process_latent_in(raw)[0])
    out["two prompts see the same guidance"] = same(
        x[0, 16:], seen[1][0][0, 16:] if len(x) == 1 else x[1, 16:]
    )
    out["prompt untouched"] = [prompts["positive"][0][1] == {}, "concat_mask" in positive[0][1]]

    # One code path: the same bits.
    own_settings = {"seed": 3, "steps": 3, "scheduler": "simple", "shift": 0.0, "resize": "direct", **plain}
    done, frames, text = run("PanoVideoSampler", model=model, **more, **own_settings)
    out["same as KSampler"] = same(done["samples"], ks)
    out["decoded"] = [list(frames.shape), same(frames, vae.decode(done["samples"])[0].clamp(0, 1))]
    out["sampler report"] = text
    again = core.common_ksampler(model, 3, 3, 5.0, "euler", "simple", positive, negative, latent)[0][
        "samples"
    ]
    out["conditioning can be used twice"] = same(again, ks)
    shifted = ModelSamplingSD3().patch(model, 3.0)[0]
    want = core.common_ksampler(shifted, 3, 3, 1.0, "euler", "beta", positive, negative, latent)[0]["samples"]
    got = run(
        "PanoVideoSampler",
        model=model,
        **more,
        **{**own_settings, "shift": 3.0, "cfg": 1.0, "scheduler": "beta"},
    )
    out["same with shift"] = same(got[0]["samples"], want)

    # Upstream's schedule is the host's simple one where the steps divide 1000, up to float32.
    simple = run("PanoVideoSampler", model=model, **more, **{**own_settings, "shift": 5.0, "steps": 4})
    ours = run(
        "PanoVideoSampler",
        model=model,
        **more,
        **{**own_settings, "steps": 4, "shift": 5.0, "scheduler": "upstream flow-match"},
    )
    out["upstream schedule"] = far(simple[0]["samples"], ours[0]["samples"]) / float(
        simple[0]["samples"].abs().max()
    )
    preset = run(
        "PanoVideoSampler", model=model, **more, **{**own_settings, "preset": "step-distilled, 4 steps"}
    )
    by_hand = run(
        "PanoVideoSampler",
        model=model,
        **more,
        **{**own_settings, "steps": 4, "cfg": 1.0, "shift": 5.0, "scheduler": "upstream flow-match"},
    )
    out["preset"] = same(preset[0]["samples"], by_hand[0]["samples"])

    # Timesteps.
    times = []
    network = type(model.model.diffusion_model)
    forward = network._forward
    network._forward = lambda self, x, t, *a, **k: (
        times.append(float(t.flatten()[0])) or forward(self, x, t, *a, **k)
    )
    few = {**own_settings, "steps": 4, "cfg": 1.0, "shift": 5.0, "scheduler": "upstream flow-match"}
    run("PanoVideoSampler", model=model, **base, **few)
    out["timesteps"], times[:] = list(times), []
    run("PanoVideoSampler", model=model, **base, **few, bf16_timesteps=True)
    out["rounded timesteps"] = list(times)
    network._forward = forward

    # Seam handling: what the model has stays, other modes replace it, nothing stays on the model.
    two = {**own_settings, "steps": 2}
    install = pack.module("nodes._host_roll").install_latent_roll
    turned = model.clone()
    install(turned, "every step")
    kept = run("PanoVideoSampler", model=turned, **base, **two)[0]["samples"]
    asked = run("PanoVideoSampler", model=model, **base, **two, latent_roll="every step")[0]["samples"]
    off = run("PanoVideoSampler", model=turned, **base, **two, latent_roll="off")[0]["samples"]
    none = run("PanoVideoSampler", model=model, **base, **two)[0]["samples"]
    out["seam"] = [same(kept, asked), same(off, none), same(kept, none)]

    # Codec modes.
    for mode in ("circular", "upstream"):
        _, made, _ = run(
            "PanoVideoSampler",
            model=model,
            **{**base, "encode_seam_mode": mode},
            **{**two, "decode_seam_mode": mode, "steps": 1},
        )
        out[mode] = [list(made.shape), bool(made.isfinite().all()), float(made.std())]

    # Longer paths.
    seen = []
    long = {**base, **guidance(13, 32, 64, seed=2), "start_image": start}
    joined, frames, report = run(
        "PanoVideoSampler",
        model=spied(model, seen),
        **long,
        **{**two, "cfg": 1.0},
        frames_per_segment=9,
        overlap=5,
    )
    out["segments"] = {
        "latent": list(joined["samples"].shape),
        "frames": list(frames.shape),
        "report": report,
        "calls": len(seen),
        "known": [float(seen[2][0][0, 16:20, :2].min()), float(seen[2][0][0, 16:20, 2].min())],
    }
    single, first, _ = run(
        "PanoVideoSampler",
        model=model,
        **{**long, "frames": long["frames"][:9], "mask": long["mask"][:9]},
        **{**two, "cfg": 1.0},
    )
    out["segments"]["first is as alone"] = [
        same(joined["samples"][:, :, :3], single["samples"]),
        far(frames[:4], first[:4]),
    ]
    fitted = run(
        "PanoVideoSampler",
        model=model,
        **{**base, **guidance(7, 32, 64)},
        **{**two, "cfg": 1.0},
        fit_frames="pad",
    )
    out["padded"] = [list(fitted[1].shape), fitted[2]]

    # Nothing of all this stays on the shared model.
    out["model unchanged"] = same(
        core.common_ksampler(model, 3, 3, 5.0, "euler", "simple", positive, negative, latent)[0]["samples"],
        ks,
    )
    out["options left"] = [sorted(model.object_patches), [k for w in model.wrappers.values() for k in w]]

    # Stopped halfway.
    def large():
        gc.collect()
        return sum(o.numel() for o in gc.get_objects() if isinstance(o, torch.Tensor) and o.numel() > 5000)

    comfy.model_management.soft_empty_cache()
    before = large()
    steps = []

    def stop_at_two(executor, x, *args, **kwargs):
        steps.append(1)
        if len(steps) == 2:
            comfy.model_management.interrupt_current_processing()
        return executor(x, *args, **kwargs)

    stopping = model.clone()
    stopping.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "stop", stop_at_two)
    out["stopped"] = message(
        lambda: run("PanoVideoSampler", model=stopping, **more, **{**own_settings, "steps": 8, "cfg": 1.0})
    )
    out["steps before stop"] = len(steps)
    out["left after stop"] = large() - before
    after = run("PanoVideoSampler", model=model, **more, **own_settings)[0]["samples"]
    out["works after stop"] = same(after, ks)
    return out


@torch.no_grad()
def wan22(files: dict[str, str], models: str) -> dict[str, Any]:
    """The same on the tiny Wan 2.2 5B, which needs one more layer."""
    use_models(models)
    rng, prompts = random_prompts()
    model, vae = load(files["wan22_5b"]), load_vae(files["wan22_vae"])
    out = {}
    wan5b = pack.module("nodes._host_wan5b")
    layer = comfy.utils.load_torch_file(files["extra"])
    weight, bias = layer["patch_embedding_extra_concate.weight"], layer["patch_embedding_extra_concate.bias"]
    base = {
        "vae": vae,
        **prompts,
        **guidance(9, 64, 128),
        "size": "custom",
        "width": 128,
        "height": 64,
        "encode_seam_mode": "none",
    }
    start = (torch.randint(0, 256, (1, 64, 128, 3), generator=rng) / 255).float()
    more = {**base, "start_image": start}
    few = {"seed": 3, "steps": 2, "cfg": 1.0, "scheduler": "simple", "shift": 0.0, "decode_seam_mode": "none"}

    positive, negative, latent, report = run("PanoVideoConditioning", **more)
    out["report"] = report
    plain = core.common_ksampler(model, 3, 2, 1.0, "euler", "simple", positive, negative, latent)[0][
        "samples"
    ]
    out["without"] = message(lambda: run("PanoVideoSampler", model=model, **more, **few))
    out["conditioning without"] = message(lambda: run("PanoVideoConditioning", **more, model=model))

    seen = []
    ready = spied(model, seen)
    wan5b.install_extra_concat(ready, weight, bias)
    out["found"] = [
        wan5b.has_extra_concat(ready),
        wan5b.has_extra_concat(model),
        wan5b.extra_channels(ready),
        wan5b.extra_channels(model),
    ]
    ks = core.common_ksampler(ready, 3, 2, 1.0, "euler", "simple", positive, negative, latent)[0]["samples"]
    encoded = positive[0][1]["concat_latent_image"]
    inside = model.model.process_latent_in(encoded)
    x0 = seen[0][0]
    clip = core_pack.prepare_guidance(
        base["frames"], base["mask"], 64, 128, start=start[0], transposed=False, blacken=False
    )
    out["input"] = {
        "channels": x0.shape[1],
        "mask": far(x0[0, 48:52], core_pack.pack_mask(clip.mask, 4, 8, 16)),
        "latent": far(x0[0, 52:], inside[0]),
        "raw": far(vae.encode(core_pack.to_unit(clip.frames)), encoded),
        "first frame": [far(x[0, :48, 0], inside[0, :, 0]) for x, _ in seen],
        "times": [t[0].tolist() for _, t in seen],
        "end": far(ks[:, :, 0], encoded[:, :, 0]),
    }
    done = run("PanoVideoSampler", model=ready, **more, **few)
    out["same as KSampler"] = same(done[0]["samples"], ks)
    out["decoded"] = list(done[1].shape)

    # By hand: the tokens of both embeddings, added, through the untouched rest.
    tokens = []
    hook = model.model.diffusion_model.blocks[0].register_forward_pre_hook(
        lambda m, a: tokens.append(a[0].clone())
    )
    core.common_ksampler(ready, 3, 1, 1.0, "euler", "simple", positive, negative, latent)
    hook.remove()
    embedding = ready.get_model_object("diffusion_model.patch_embedding").base
    x = seen[-1][0].float()
    by_hand = F.conv3d(x[:, :48], embedding.weight, embedding.bias, stride=(1, 2, 2)) + F.conv3d(
        x[:, 48:], weight, bias, stride=(1, 2, 2)
    )
    out["tokens"] = far(tokens[-1], by_hand.flatten(2).transpose(1, 2))

    # CFG, and the layer together with the turning latent.
    out["cfg"] = bool(run("PanoVideoSampler", model=ready, **more, **{**few, "cfg": 5.0})[1].isfinite().all())
    out["turned"] = bool(
        run("PanoVideoSampler", model=ready, **more, **{**few, "latent_roll": "every step"})[1]
        .isfinite()
        .all()
    )

    # The model that was cloned stays as it was.
    after = core.common_ksampler(model, 3, 2, 1.0, "euler", "simple", positive, negative, latent)[0][
        "samples"
    ]
    out["model unchanged"] = [
        same(after, plain),
        same(after, ks),
        type(model.model.diffusion_model.patch_embedding).__name__,
    ]
    again = core.common_ksampler(ready, 3, 2, 1.0, "euler", "simple", positive, negative, latent)[0][
        "samples"
    ]
    out["and back"] = same(again, ks)
    wan5b.install_extra_concat(ready, 0 * weight, 0 * bias)
    zero = core.common_ksampler(ready, 3, 2, 1.0, "euler", "simple", positive, negative, latent)[0]["samples"]
    out["replaced by zeros"] = far(zero, plain)
    out["wrong shape"] = message(lambda: wan5b.install_extra_concat(model.clone(), weight[:, :50], bias))
    out["wrong model"] = message(
        lambda: wan5b.install_extra_concat(load(files["flux_dev"]).clone(), weight, bias)
    )

    long = {**base, **guidance(13, 64, 128, seed=2), "start_image": start}
    joined, frames, _ = run("PanoVideoSampler", model=ready, **long, **few, frames_per_segment=9, overlap=5)
    out["long"] = [list(joined["samples"].shape), list(frames.shape)]
    return out


@torch.no_grad()
def bad_inputs(files: dict[str, str], models: str) -> dict[str, Any]:
    """Give each node what it must refuse; return its answers."""
    use_models(models)
    _, prompts = random_prompts()
    wan, vae = load(files["wan21_i2v"]), load_vae(files["wan_vae"])
    good = {
        "model": wan,
        "vae": vae,
        **prompts,
        **guidance(5, 32, 64),
        **fast,
        "decode_seam_mode": "none",
        "steps": 1,
        "cfg": 1.0,
    }
    nan = guidance(5, 32, 64)["frames"].clone()
    nan[1, 0, 0, 0] = float("nan")
    nan_mask = guidance(5, 32, 64)["mask"].clone()
    nan_mask[2, 0, 0] = float("nan")
    empty = comfy.sd.VAE.__new__(comfy.sd.VAE)
    empty.first_stage_model = None
    poses = torch.eye(4, dtype=torch.float64).repeat(7, 1, 1)
    flat = Geometry(
        torch.rand(32, 64, 3), torch.ones(32, 64), torch.ones(32, 64).bool(), torch.zeros(32, 64).bool()
    )
    cases = {
        "accepted": {},
        "width": {"width": 72},
        "height": {"height": 40},
        "frames": guidance(8, 32, 64),
        "no frames": {"frames": torch.zeros(0, 32, 64, 3), "mask": torch.zeros(0, 32, 64)},
        "mask length": {"mask": torch.ones(3, 32, 64)},
        "mask size": {"mask": torch.ones(5, 16, 32)},
        "one mask": {"mask": torch.ones(32, 64)},
        "nan frames": {"frames": nan},
        "nan mask": {"mask": nan_mask},
        "start batch": {"start_image": torch.rand(2, 32, 64, 3)},
        "start nan": {"start_image": nan[1:2]},
        "flux": {"model": load(files["flux_dev"])},
        "t2v": {"model": load(files["t2v"])},
        "5b model": {"model": load(files["wan22_5b"])},
        "flux vae": {"vae": load_vae(files["flux_vae"])},
        "5b vae": {"vae": load_vae(files["wan22_vae"]), "width": 128, "height": 64},
        "5b vae size": {"vae": load_vae(files["wan22_vae"]), "model": load(files["wan22_5b"]), "width": 48},
        "no vae": {"vae": None},
        "empty vae": {"vae": empty},
        "clip vision": {
            "clip_vision_output": types.SimpleNamespace(penultimate_hidden_states=torch.zeros(1, 50, 768))
        },
        "segment": {"frames_per_segment": 10},
        "overlap": {"overlap": 9, "frames_per_segment": 5},
        "trajectory": {
            **guidance(9, 32, 64),
            "frames_per_segment": 5,
            "overlap": 1,
            "geometry": flat,
            "trajectory": Trajectory(poses),
        },
        "not a panorama": {
            **guidance(9, 32, 64),
            "frames_per_segment": 5,
            "overlap": 1,
            "geometry": flat,
            "width": 32,
            "trajectory": Trajectory(torch.eye(4, dtype=torch.float64).repeat(9, 1, 1)),
        },
        "black": {"mask": torch.zeros(5, 32, 64)},
    }
    out = {
        name: message(lambda change=change: run("PanoVideoSampler", **{**good, **change}))
        for name, change in cases.items()
    }
    same_checks = {k: v for k, v in good.items() if k not in ("model", "decode_seam_mode", "steps", "cfg")}
    for name in ("width", "frames", "mask length", "nan frames", "flux vae", "no vae", "clip vision"):
        change = cases[name]
        out["conditioning: " + name] = message(
            lambda change=change: run("PanoVideoConditioning", **{**same_checks, **change})
        )
    out["black report"] = run("PanoVideoSampler", **{**good, **cases["black"]})[2]
    broken = wan.clone()
    broken.add_wrapper_with_key(
        WrappersMP.DIFFUSION_MODEL, "nan", lambda ex, x, *a, **k: ex(x, *a, **k) * float("nan")
    )
    out["nan model"] = message(lambda: run("PanoVideoSampler", **{**good, "model": broken}))
    out["works afterwards"] = message(lambda: run("PanoVideoSampler", **good))

    picture = run("PanoClipImage", image=torch.rand(3, 32, 64, 3))[0]
    out["clip size"] = message(
        lambda: run("PanoClipImage", image=torch.rand(1, 32, 64, 3), size="custom", width=50, height=30)
    )
    out["clip image"] = [list(picture.shape), float(picture.min()) >= 0, float(picture.max()) <= 1]
    out["prompt"] = run("PanoPrompt", preset="image to panorama", prompt="a harbor", extra_negative="blurry")
    return out
