"""The video nodes in the real host, on tiny random models: what reaches the network, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from comfy_server import run_in_host
from safetensors.torch import save_file
from tiny_models import extra_patch_embedding, wan_table

pytestmark = pytest.mark.host

_COMMON = """
import gc, types
import torch
import comfy.model_management, comfy.sample, comfy.sd, comfy.utils
import nodes as core
from comfy.patcher_extension import WrappersMP
sys.path.insert(0, SUPPORT)
from tiny_models_host import use_models
use_models(MODELS)
torch.set_grad_enabled(False)
own = load_nodes()
for node in own.values():
    node.hidden = types.SimpleNamespace(unique_id=None)

def run(name, **given):
    "Execute a node with the defaults of its widgets."
    inputs = own[name].GET_SCHEMA().inputs
    values = {i.id: i.default for i in inputs if not i.optional and getattr(i, "default", None) is not None}
    return own[name].execute(**{**values, **given}).args

def load(kind):
    return comfy.sd.load_diffusion_model(FILES[kind])

def load_vae(kind):
    return comfy.sd.VAE(sd=comfy.utils.load_torch_file(FILES[kind]))

def guidance(count, height, width, seed=0):
    rng = torch.Generator().manual_seed(seed)
    mask = (torch.rand(count, height, width, generator=rng) > 0.4).float()
    return {"frames": torch.rand(count, height, width, 3, generator=rng), "mask": mask}

rng = torch.Generator().manual_seed(5)
prompts = {
    "positive": [[torch.randn(1, 7, 4096, generator=rng), {}]],
    "negative": [[torch.randn(1, 7, 4096, generator=rng), {}]],
}

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
    try:
        call()
    except BaseException as error:  # the host's interrupt is one
        return f"{type(error).__name__}: {error}"
    return "accepted"

fast = {"encode": "plain", "width": 64, "height": 32, "size": "custom"}
"""


@pytest.fixture(scope="module")
def in_host(host_place, tiny_models_dir, tiny_models, tmp_path_factory):
    """Run code in the host with the tiny models at hand."""
    folder = tmp_path_factory.mktemp("video")
    files = {kind: str(path) for kind, path in tiny_models.items()}
    files["t2v"] = str(folder / "t2v.safetensors")
    save_file(wan_table(in_channels=16, out_channels=16, image=False).tensors("t2v"), files["t2v"])
    files["extra"] = str(folder / "extra.safetensors")
    save_file(extra_patch_embedding(), files["extra"])

    def run(name, code):
        names = {
            "SUPPORT": str(Path(__file__).parents[1] / "support"),
            "MODELS": str(tiny_models_dir),
            "FILES": files,
        }
        head = "".join(
            f"{key} = json.loads({json.dumps(json.dumps(value))})\n" for key, value in names.items()
        )
        return run_in_host(head + _COMMON + code, host_place, folder / name, timeout=900)

    return run


_WAN21 = """
model, vae = load("wan21_i2v"), load_vae("wan_vae")
out = {}
base = {"vae": vae, **prompts, **guidance(9, 32, 64), **fast}
start = (torch.randint(0, 256, (1, 32, 64, 3), generator=rng) / 255).float()
vision = types.SimpleNamespace(penultimate_hidden_states=torch.randn(1, 257, 1280, generator=rng))
more = {**base, "start": start, "clip_vision_output": vision}
plain = {"decode": "plain"}

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
core_pack = submodule("matrix3d_core.diffusion.conditioning")
clip = core_pack.prepare_guidance(base["frames"], base["mask"], 32, 64, start=start[0], transposed=False)
out["channels"] = x.shape[1]
out["mask channels"] = far(x[0, 16:20], core_pack.pack_mask(clip.mask, 4, 8))
out["latent channels"] = far(x[0, 20:], model.model.process_latent_in(raw)[0])
out["two prompts see the same guidance"] = same(x[0, 16:], seen[1][0][0, 16:] if len(x) == 1 else x[1, 16:])
out["prompt untouched"] = [prompts["positive"][0][1] == {}, "concat_mask" in positive[0][1]]

# One code path: the same bits.
own_settings = {"seed": 3, "steps": 3, "scheduler": "simple", "shift": 0.0, "resize": "direct", **plain}
done, frames, text = run("PanoVideoSampler", model=model, **more, **own_settings)
out["same as KSampler"] = same(done["samples"], ks)
out["decoded"] = [list(frames.shape), same(frames, vae.decode(done["samples"])[0].clamp(0, 1))]
out["sampler report"] = text
again = core.common_ksampler(model, 3, 3, 5.0, "euler", "simple", positive, negative, latent)[0]["samples"]
out["conditioning can be used twice"] = same(again, ks)
from comfy_extras.nodes_model_advanced import ModelSamplingSD3
shifted = ModelSamplingSD3().patch(model, 3.0)[0]
want = core.common_ksampler(shifted, 3, 3, 1.0, "euler", "beta", positive, negative, latent)[0]["samples"]
got = run("PanoVideoSampler", model=model, **more, **{**own_settings, "shift": 3.0, "cfg": 1.0, "scheduler": "beta"})
out["same with shift"] = same(got[0]["samples"], want)

# Upstream's schedule is the host's simple one where the steps divide 1000, up to float32.
simple = run("PanoVideoSampler", model=model, **more, **{**own_settings, "shift": 5.0, "steps": 4})
ours = run("PanoVideoSampler", model=model, **more, **{**own_settings, "steps": 4, "shift": 5.0, "scheduler": "upstream flow-match"})
out["upstream schedule"] = far(simple[0]["samples"], ours[0]["samples"]) / float(simple[0]["samples"].abs().max())
preset = run("PanoVideoSampler", model=model, **more, **{**own_settings, "preset": "step-distilled, 4 steps"})
by_hand = run("PanoVideoSampler", model=model, **more, **{**own_settings, "steps": 4, "cfg": 1.0, "shift": 5.0, "scheduler": "upstream flow-match"})
out["preset"] = same(preset[0]["samples"], by_hand[0]["samples"])

# Timesteps.
told = []
network = type(model.model.diffusion_model)
forward = network._forward
network._forward = lambda self, x, t, *a, **k: told.append(float(t.flatten()[0])) or forward(self, x, t, *a, **k)
few = {**own_settings, "steps": 4, "cfg": 1.0, "shift": 5.0, "scheduler": "upstream flow-match"}
run("PanoVideoSampler", model=model, **base, **few)
out["timesteps"], told[:] = list(told), []
run("PanoVideoSampler", model=model, **base, **few, bf16_timesteps=True)
out["rounded timesteps"] = list(told)
network._forward = forward

# Seam handling: what the model has stays, other modes replace it, nothing stays on the model.
two = {**own_settings, "steps": 2}
install = submodule("nodes._host_seam").install_seam
turned = model.clone()
install(turned, "every step")
kept = run("PanoVideoSampler", model=turned, **base, **two)[0]["samples"]
asked = run("PanoVideoSampler", model=model, **base, **two, seam="every step")[0]["samples"]
off = run("PanoVideoSampler", model=turned, **base, **two, seam="off")[0]["samples"]
none = run("PanoVideoSampler", model=model, **base, **two)[0]["samples"]
out["seam"] = [same(kept, asked), same(off, none), same(kept, none)]

# Codec modes.
for mode in ("circular", "upstream tiles"):
    _, made, _ = run("PanoVideoSampler", model=model, **{**base, "encode": mode}, **{**two, "decode": mode, "steps": 1})
    out[mode] = [list(made.shape), bool(made.isfinite().all()), float(made.std())]

# Longer paths.
seen = []
long = {**base, **guidance(13, 32, 64, seed=2), "start": start}
joined, frames, text = run("PanoVideoSampler", model=spied(model, seen), **long, **{**two, "cfg": 1.0},
    frames_per_segment=9, overlap=5)
out["segments"] = {
    "latent": list(joined["samples"].shape), "frames": list(frames.shape), "report": text, "calls": len(seen),
    "known": [float(seen[2][0][0, 16:20, :2].min()), float(seen[2][0][0, 16:20, 2].min())],
}
single, first, _ = run("PanoVideoSampler", model=model, **{**long, "frames": long["frames"][:9], "mask": long["mask"][:9]},
    **{**two, "cfg": 1.0})
out["segments"]["first is as alone"] = [
    same(joined["samples"][:, :, :3], single["samples"]), far(frames[:4], first[:4]),
]
fitted = run("PanoVideoSampler", model=model, **{**base, **guidance(7, 32, 64)}, **{**two, "cfg": 1.0}, fit_frames="pad")
out["padded"] = [list(fitted[1].shape), fitted[2]]

# Nothing of all this stays on the shared model.
out["model unchanged"] = same(
    core.common_ksampler(model, 3, 3, 5.0, "euler", "simple", positive, negative, latent)[0]["samples"], ks)
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
out["stopped"] = message(lambda: run("PanoVideoSampler", model=stopping, **more, **{**own_settings, "steps": 8, "cfg": 1.0}))
out["steps before stop"] = len(steps)
out["left after stop"] = large() - before
after = run("PanoVideoSampler", model=model, **more, **own_settings)[0]["samples"]
out["works after stop"] = same(after, ks)
result(out)
"""


@pytest.fixture(scope="module")
def wan21(in_host):
    """What happened with the tiny Wan 2.1 I2V model."""
    return in_host("wan21", _WAN21)


def test_the_network_gets_36_channels(wan21):
    assert wan21["channels"] == 36
    # The mask goes in as 1 - m and is turned back by core.
    assert wan21["mask channels"] <= 1.2e-7
    assert wan21["latent channels"] == 0
    assert wan21["two prompts see the same guidance"]
    assert wan21["prompt untouched"] == [True, True]
    assert wan21["conditioning can be used twice"]


def test_the_first_frame_is_exact_and_the_unseen_is_black(wan21):
    assert wan21["first frame"] <= 6e-8  # levels over 255, both in float32
    assert wan21["black"] == 0
    assert wan21["latent"] == [[1, 16, 3, 4, 8], 0, ["samples"]]
    assert "frames: 9 of 64x32, 3 latent frames of 8x4" in wan21["report"]
    assert "given: frame 0 100.0%" in wan21["report"]


def test_conditioning_plus_ksampler_is_the_sampler_to_the_bit(wan21):
    assert wan21["same as KSampler"]
    assert wan21["same with shift"]
    assert wan21["decoded"] == [[9, 32, 64, 3], True]


def test_upstreams_schedule_in_the_host(wan21):
    # Schedules differ by a rounding of float32; four steps amplify that by less than 100.
    assert wan21["upstream schedule"] < 1e-5
    assert wan21["preset"]
    # shift 5, four steps: s = 1, 3/4, 1/2, 1/4
    assert wan21["timesteps"] == pytest.approx([1000, 937.5, 5000 / 6, 625], abs=1e-3)
    assert wan21["rounded timesteps"] == torch.tensor(wan21["timesteps"]).bfloat16().tolist()
    assert wan21["rounded timesteps"][2] == 832


def test_seam_handling_of_the_sampler(wan21):
    assert wan21["seam"] == [True, True, False]


@pytest.mark.parametrize("mode", ["circular", "upstream tiles"])
def test_other_codec_modes(wan21, mode):
    shape, finite, spread = wan21[mode]
    assert shape == [9, 32, 64, 3]
    assert finite
    assert spread > 0.01


def test_long_paths_carry_frames_over(wan21):
    segments = wan21["segments"]
    assert segments["latent"] == [1, 16, 4, 4, 8]
    assert segments["frames"] == [13, 32, 64, 3]
    assert segments["calls"] == 4
    assert segments["known"][0] == 1  # frames 0 to 4 of the second segment
    assert segments["known"][1] < 1
    assert segments["first is as alone"] == [True, 0]
    assert "segments: 0 to 8, 4 to 12" in segments["report"]
    assert "seam at frames 4 to 8" in segments["report"]


def test_frames_are_padded_on_request(wan21):
    shape, report = wan21["padded"]
    assert shape == [9, 32, 64, 3]
    assert "7 frames given, 9 used" in report


def test_the_shared_model_stays_clean(wan21):
    assert wan21["model unchanged"]
    assert wan21["options left"] == [[], []]


def test_stopping_halfway_frees_memory_and_the_next_run_works(wan21):
    assert wan21["stopped"].startswith("InterruptProcessingException")
    assert wan21["steps before stop"] <= 3
    assert wan21["left after stop"] <= 0
    assert wan21["works after stop"]


_WAN22 = """
model, vae = load("wan22_5b"), load_vae("wan22_vae")
out = {}
wan5b = submodule("nodes._host_wan5b")
layer = comfy.utils.load_torch_file(FILES["extra"])
weight, bias = layer["patch_embedding_extra_concate.weight"], layer["patch_embedding_extra_concate.bias"]
base = {"vae": vae, **prompts, **guidance(9, 64, 128), "size": "custom", "width": 128, "height": 64, "encode": "plain"}
start = (torch.randint(0, 256, (1, 64, 128, 3), generator=rng) / 255).float()
more = {**base, "start": start}
few = {"seed": 3, "steps": 2, "cfg": 1.0, "scheduler": "simple", "shift": 0.0, "decode": "plain"}

positive, negative, latent, report = run("PanoVideoConditioning", **more)
out["report"] = report
plain = core.common_ksampler(model, 3, 2, 1.0, "euler", "simple", positive, negative, latent)[0]["samples"]
out["without"] = message(lambda: run("PanoVideoSampler", model=model, **more, **few))
out["conditioning without"] = message(lambda: run("PanoVideoConditioning", **more, model=model))

seen = []
ready = spied(model, seen)
wan5b.install_extra_concat(ready, weight, bias)
out["found"] = [wan5b.has_extra_concat(ready), wan5b.has_extra_concat(model), wan5b.extra_channels(ready), wan5b.extra_channels(model)]
ks = core.common_ksampler(ready, 3, 2, 1.0, "euler", "simple", positive, negative, latent)[0]["samples"]
encoded = positive[0][1]["concat_latent_image"]
inside = model.model.process_latent_in(encoded)
x0, t0 = seen[0]
core_pack = submodule("matrix3d_core.diffusion.conditioning")
clip = core_pack.prepare_guidance(base["frames"], base["mask"], 64, 128, start=start[0], transposed=False, blacken=False)
out["input"] = {
    "channels": x0.shape[1], "mask": far(x0[0, 48:52], core_pack.pack_mask(clip.mask, 4, 8, 16)),
    "latent": far(x0[0, 52:], inside[0]), "raw": far(vae.encode(core_pack.to_unit(clip.frames)), encoded),
    "first frame": [far(x[0, :48, 0], inside[0, :, 0]) for x, _ in seen],
    "times": [t[0].tolist() for _, t in seen], "end": far(ks[:, :, 0], encoded[:, :, 0]),
}
done = run("PanoVideoSampler", model=ready, **more, **few)
out["same as KSampler"] = same(done[0]["samples"], ks)
out["decoded"] = list(done[1].shape)

# By hand: the tokens of both embeddings, added, through the untouched rest.
tokens = []
hook = model.model.diffusion_model.blocks[0].register_forward_pre_hook(lambda m, a: tokens.append(a[0].clone()))
core.common_ksampler(ready, 3, 1, 1.0, "euler", "simple", positive, negative, latent)
hook.remove()
embedding = ready.get_model_object("diffusion_model.patch_embedding").base
x = seen[-1][0].float()
import torch.nn.functional as F
by_hand = F.conv3d(x[:, :48], embedding.weight, embedding.bias, stride=(1, 2, 2)) + F.conv3d(x[:, 48:], weight, bias, stride=(1, 2, 2))
out["tokens"] = far(tokens[-1], by_hand.flatten(2).transpose(1, 2))

# CFG, and the layer together with the turning latent.
out["cfg"] = bool(run("PanoVideoSampler", model=ready, **more, **{**few, "cfg": 5.0})[1].isfinite().all())
out["turned"] = bool(run("PanoVideoSampler", model=ready, **more, **{**few, "seam": "every step"})[1].isfinite().all())

# The model that was cloned stays as it was.
after = core.common_ksampler(model, 3, 2, 1.0, "euler", "simple", positive, negative, latent)[0]["samples"]
out["model unchanged"] = [same(after, plain), same(after, ks), type(model.model.diffusion_model.patch_embedding).__name__]
again = core.common_ksampler(ready, 3, 2, 1.0, "euler", "simple", positive, negative, latent)[0]["samples"]
out["and back"] = same(again, ks)
wan5b.install_extra_concat(ready, 0 * weight, 0 * bias)
zero = core.common_ksampler(ready, 3, 2, 1.0, "euler", "simple", positive, negative, latent)[0]["samples"]
out["replaced by zeros"] = far(zero, plain)
out["wrong shape"] = message(lambda: wan5b.install_extra_concat(model.clone(), weight[:, :50], bias))
out["wrong model"] = message(lambda: wan5b.install_extra_concat(load("flux_dev").clone(), weight, bias))

long = {**base, **guidance(13, 64, 128, seed=2), "start": start}
joined, frames, text = run("PanoVideoSampler", model=ready, **long, **few, frames_per_segment=9, overlap=5)
out["long"] = [list(joined["samples"].shape), list(frames.shape)]
result(out)
"""


@pytest.fixture(scope="module")
def wan22(in_host):
    """What happened with the tiny Wan 2.2 5B model."""
    return in_host("wan22", _WAN22)


def test_5b_without_the_layer_says_what_is_missing(wan22):
    for text in (wan22["without"], wan22["conditioning without"]):
        assert text.startswith("InvalidInput: model must have the layer patch_embedding_extra_concate")
        assert "pano_video_gen_720p_5b.safetensors: load that with PanoLoRA" in text
    assert wan22["found"] == [True, False, 52, 0]


def test_5b_gets_the_mask_and_the_raw_guidance_beside_the_latent(wan22):
    seen = wan22["input"]
    assert seen["channels"] == 100
    assert seen["mask"] <= 1.2e-7
    assert seen["latent"] == 0
    assert seen["raw"] == 0  # not blackened by the mask, resized directly
    # One float32 product and sum each: 1e-3 would be a wrong weight.
    assert wan22["tokens"] < 1e-4


def test_5b_keeps_its_first_frame(wan22):
    seen = wan22["input"]
    assert max(seen["first frame"]) <= 1e-6
    for times in seen["times"]:
        assert times[0] == 0
        assert times[1] == times[2] > 0
    assert seen["end"] < 1e-5  # through the scale of the latents and back


def test_5b_sampler_is_conditioning_plus_ksampler(wan22):
    assert wan22["same as KSampler"]
    assert wan22["decoded"] == [9, 64, 128, 3]
    assert wan22["cfg"]
    assert wan22["turned"]
    assert wan22["long"] == [[1, 48, 4, 4, 8], [13, 64, 128, 3]]


def test_5b_layer_leaves_no_trace_on_the_shared_model(wan22):
    assert wan22["model unchanged"] == [True, False, "Conv3d"]
    assert wan22["and back"]
    assert wan22["replaced by zeros"] < 1e-5


def test_5b_layers_that_do_not_fit_are_refused(wan22):
    assert "weight must be [" in wan22["wrong shape"]
    assert "belongs to another model" in wan22["wrong shape"]
    assert "belongs to Wan 2.2 5B; got a model of kind Flux" in wan22["wrong model"]


_BAD = """
wan, vae = load("wan21_i2v"), load_vae("wan_vae")
good = {"model": wan, "vae": vae, **prompts, **guidance(5, 32, 64), **fast, "decode": "plain", "steps": 1, "cfg": 1.0}
nan = guidance(5, 32, 64)["frames"].clone(); nan[1, 0, 0, 0] = float("nan")
nan_mask = guidance(5, 32, 64)["mask"].clone(); nan_mask[2, 0, 0] = float("nan")
empty = comfy.sd.VAE.__new__(comfy.sd.VAE); empty.first_stage_model = None
Trajectory = submodule("matrix3d_core.scene.trajectory").Trajectory
Geometry = submodule("matrix3d_core.scene.panorama").PanoramaGeometry
poses = torch.eye(4, dtype=torch.float64).repeat(7, 1, 1)
flat = Geometry(torch.rand(32, 64, 3), torch.ones(32, 64), torch.ones(32, 64).bool(), torch.zeros(32, 64).bool())
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
    "start batch": {"start": torch.rand(2, 32, 64, 3)},
    "start nan": {"start": nan[1:2]},
    "flux": {"model": load("flux_dev")},
    "t2v": {"model": load("t2v")},
    "5b model": {"model": load("wan22_5b")},
    "flux vae": {"vae": load_vae("flux_vae")},
    "5b vae": {"vae": load_vae("wan22_vae"), "width": 128, "height": 64},
    "5b vae size": {"vae": load_vae("wan22_vae"), "model": load("wan22_5b"), "width": 48},
    "no vae": {"vae": None},
    "empty vae": {"vae": empty},
    "clip vision": {"clip_vision_output": types.SimpleNamespace(penultimate_hidden_states=torch.zeros(1, 50, 768))},
    "segment": {"frames_per_segment": 10},
    "overlap": {"overlap": 9, "frames_per_segment": 5},
    "trajectory": {**guidance(9, 32, 64), "frames_per_segment": 5, "overlap": 1, "geometry": flat,
                   "trajectory": Trajectory(poses)},
    "not a panorama": {**guidance(9, 32, 64), "frames_per_segment": 5, "overlap": 1, "geometry": flat, "width": 32,
                       "trajectory": Trajectory(torch.eye(4, dtype=torch.float64).repeat(9, 1, 1))},
    "black": {"mask": torch.zeros(5, 32, 64)},
}
out = {name: message(lambda: run("PanoVideoSampler", **{**good, **change})) for name, change in cases.items()}
same_checks = {k: v for k, v in good.items() if k not in ("model", "decode", "steps", "cfg")}
for name in ("width", "frames", "mask length", "nan frames", "flux vae", "no vae", "clip vision"):
    change = cases[name]
    out["conditioning: " + name] = message(lambda: run("PanoVideoConditioning", **{**same_checks, **change}))
out["black report"] = run("PanoVideoSampler", **{**good, **cases["black"]})[2]
broken = wan.clone()
broken.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "nan", lambda ex, x, *a, **k: ex(x, *a, **k) * float("nan"))
out["nan model"] = message(lambda: run("PanoVideoSampler", **{**good, "model": broken}))
out["works afterwards"] = message(lambda: run("PanoVideoSampler", **good))

picture = run("PanoClipImage", image=torch.rand(3, 32, 64, 3))[0]
out["clip size"] = message(lambda: run("PanoClipImage", image=torch.rand(1, 32, 64, 3), size="custom", width=50, height=30))
out["clip image"] = [list(picture.shape), float(picture.min()) >= 0, float(picture.max()) <= 1]
out["prompt"] = run("PanoPrompt", preset="image to panorama", prompt="a harbor", extra_negative="blurry")
result(out)
"""


@pytest.fixture(scope="module")
def bad(in_host):
    """The answers to bad inputs."""
    return in_host("bad", _BAD)


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("width", "must be multiples of 16 for a VAE of 8 pixels per latent; got 32x72. Nearest is 32x64"),
        ("height", "multiples of 16 .* got 40x64"),
        ("frames", r"must be 4k \+ 1 .*; got 8. Give 5 or 9, or set fit_frames to trim .* or pad"),
        ("no frames", "at least 1 picture"),
        ("mask length", "mask must have one picture per frame; got 3 for 5 frames"),
        ("mask size", "mask must be as large as the frames, 64x32; got 32x16"),
        ("one mask", "one picture per frame; got 1 for 5"),
        ("nan frames", "frames must be finite; 1 of 30720 values"),
        ("nan mask", "the mask of frame 2 must be finite; 1 of 2048"),
        ("clip size", "multiples of 16 .* got 30x50"),
        ("start batch", "start must be a single picture; got a batch of 2"),
        ("start nan", "start must be finite"),
        ("flux", "model must be a Wan image-to-video model; got Flux. Load Wan 2.1 I2V 14B"),
        (
            "t2v",
            "model must be image-to-video, with 36 input channels; got WAN21 with 16, which is text-to-video",
        ),
        ("5b model", "the model has 48 latent channels, the VAE is that of Wan 2.1 with 16"),
        ("flux vae", "vae must be a video VAE of Wan; got AutoencodingEngine, an image VAE with 16"),
        ("5b vae", "the model has 16 latent channels, the VAE is that of Wan 2.2 5B with 48"),
        ("5b vae size", "patch_embedding_extra_concate"),
        ("no vae", "vae is missing"),
        ("empty vae", "vae is missing"),
        ("clip vision", r"257 tokens of 1280 from CLIP ViT-H; got \[50, 768\]"),
        ("segment", r"frames_per_segment must be 4k \+ 1 .*; got 10"),
        ("overlap", "overlap must be less than frames_per_segment; got 9 of 5"),
        ("trajectory", "trajectory must have one pose per frame; got 7 poses for 9 frames"),
        ("not a panorama", "the video must be equirectangular, twice as wide as it is high"),
        ("nan model", "the model must give finite latents; .* load it in bfloat16"),
        ("conditioning: width", "multiples of 16"),
        ("conditioning: frames", r"must be 4k \+ 1"),
        ("conditioning: mask length", "one picture per frame"),
        ("conditioning: nan frames", "must be finite"),
        ("conditioning: flux vae", "video VAE of Wan"),
        ("conditioning: no vae", "vae is missing"),
        ("conditioning: clip vision", "257 tokens"),
    ],
)
def test_bad_inputs_are_refused_with_the_way_out(bad, case, says):
    import re

    assert bad[case].startswith("InvalidInput"), bad[case]
    assert re.search(says, bad[case]), bad[case]


def test_good_inputs_pass_before_and_after_bad_ones(bad):
    assert bad["accepted"] == "accepted"
    assert bad["works afterwards"] == "accepted"


def test_an_all_black_mask_is_allowed_and_warned_of(bad):
    assert bad["black"] == "accepted"
    assert "the mask is 0 everywhere" in bad["black report"]


def test_small_helpers(bad):
    assert bad["clip image"] == [[1, 224, 224, 3], True, True]
    assert bad["prompt"] == [
        "A high quality 360 panorama photo of a harbor HDR, RAW, 360 consistent, omnidirectional",
        "blurry",
    ]
