"""What the video network is given in the real host, against oracles that know only upstream's behavior.

Captured inside of all of the host's wrappers: noisy latents, mask and guidance latents, the timestep, and the
network's answer, for every step. The guidance is prepared again here and encoded by the host's VAE itself.
"""

import json
from pathlib import Path

import numpy as np
import oracle_video as oracle
import pytest
from comfy_server import run_in_host
from tiny_models import extra_patch_embedding

pytestmark = pytest.mark.host

# name: frames, guidance size, model size, kind of mask, and choices of the node.
CASES = {
    "upstream": (5, (64, 128), (32, 64), "continuous", {"resize": "upstream"}),
    "one frame": (1, (40, 80), (48, 96), "binary", {}),
    "nine frames": (9, (33, 71), (32, 64), "continuous", {}),
    "seventeen frames": (17, (24, 48), (32, 64), "binary", {}),
    "one column": (5, (50, 101), (48, 96), "one column", {}),
    "nothing seen": (5, (30, 61), (32, 64), "nothing", {}),
    "all seen": (5, (32, 64), (32, 64), "all", {}),
    "direct resize": (9, (45, 83), (32, 64), "continuous", {"resize": "direct"}),
    "not blackened": (5, (45, 83), (32, 64), "continuous", {"blacken": "off"}),
    "start picture": (5, (40, 80), (32, 64), "continuous", {"start": (90, 170)}),
    "padded": (7, (40, 80), (32, 64), "continuous", {"fit_frames": "pad"}),
    "trimmed": (7, (40, 80), (32, 64), "continuous", {"fit_frames": "trim"}),
    "square": (5, (40, 80), (64, 64), "continuous", {}),
    "tiles": (1, (128, 256), (272, 544), "continuous", {"encode": "upstream tiles"}),
}
SEED = 11


def guidance(frames, height, width, seed, kind):
    """Random 8-bit guidance as floats: noise over a ramp, so that resizing keeps something; and a mask."""
    draw = np.random.default_rng(seed)
    ramp = np.linspace(0, 150, width)[None, None, :, None] + np.linspace(0, 40, height)[None, :, None, None]
    rgb = (np.floor(ramp) + draw.integers(0, 60, (frames, height, width, 3))) / 255
    mask = draw.integers(0, 256, (frames, height, width)) / 255
    if kind == "binary":
        blocks = draw.integers(0, 2, (frames, height // 4 + 1, width // 4 + 1))
        mask = blocks.repeat(4, 1).repeat(4, 2)[:, :height, :width].astype(float)
    if kind == "one column":
        mask = np.zeros_like(mask)
        mask[:, :, 3 * width // 8] = 1
    if kind in ("nothing", "all"):
        mask = np.full_like(mask, kind == "all")
    return rgb.astype(np.float32), mask.astype(np.float32)


def prepared(rgb, mask, target, options, *, transposed, black):
    """Frames in [0, 1] to encode, and the mask in [-1, 1], after the choices of the node."""
    count = len(rgb)
    fit = options.get("fit_frames", "exact")
    keep = {"exact": count, "trim": (count - 1) // 4 * 4 + 1, "pad": -(-(count - 1) // 4) * 4 + 1}[fit]
    order = [min(i, count - 1) for i in range(keep)]
    rgb, mask = rgb[order], mask[order]
    transposed = {"upstream": True, "direct": False}.get(options.get("resize"), transposed)
    black = {"on": True, "off": False}.get(options.get("blacken"), black)
    signed, mask_signed = oracle.normalized_guidance(rgb, mask, *target, transposed=transposed)
    if not black:
        signed, _ = oracle.normalized_guidance(rgb, np.ones_like(mask), *target, transposed=transposed)
    if "start" in options:
        first, _ = oracle.normalized_guidance(
            options["start"][None], np.ones((1, *options["start"].shape[:2])), *target, transposed=transposed
        )
        signed[0], mask_signed[0] = first[0], 1.0
    return ((signed + 1) / 2).astype(np.float32), mask_signed


CODE = r"""
sys.path.insert(0, SUPPORT)
import types
import numpy as np, torch
import oracle_video as oracle
import comfy.sd, comfy.utils, comfy.samplers, nodes as core
from tiny_models_host import use_models
use_models(MODELS)
torch.set_grad_enabled(False)
own = load_nodes()
for node in own.values():
    node.hidden = types.SimpleNamespace(unique_id=None, prompt=None, extra_pnginfo=None)

def load(kind):
    model = comfy.sd.load_diffusion_model(FILES[kind])
    return model

def load_vae(kind):
    return comfy.sd.VAE(sd=comfy.utils.load_torch_file(FILES[kind]))

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
            step[kind] = {"input": x[place].clone(), "time": timestep[place].clone(), "output": out[place].clone()}
        return out
    net._forward = spy  # innermost: after all wrappers
    return model

def prompts():
    draw = torch.Generator().manual_seed(5)
    return [[[torch.randn(1, 7, 4096, generator=draw), {}]] for _ in range(2)]

def encode_tiles(vae, frames, factor):
    "Upstream's tiles, one by one through the host's VAE, averaged by the oracle's weights."
    count, height, width = frames.shape[:3]
    total, weight_sum = None, np.zeros((height // factor, width // factor))
    for rows, columns, weights in oracle.tile_weights(height // factor, width // factor):
        part = frames[:, rows.start * factor : rows.stop * factor, columns.start * factor : columns.stop * factor]
        part = vae.encode(part).double().numpy()
        if total is None:
            total = np.zeros((*part.shape[:3], *weight_sum.shape))
        total[..., rows, columns] += part * weights
        weight_sum[rows, columns] += weights
    return torch.from_numpy(total / weight_sum).float()

def node_inputs(case):
    data = np.load(case["file"])
    given = {k: v for k, v in case["options"].items()}
    given = {"encode": "plain", "fit_frames": "exact", "resize": "auto", "blacken": "auto", "tiled": False, **given}
    if "start" in data:
        given["start"] = torch.from_numpy(data["start"])[None]
    height, width = case["target"]
    given.update(size="custom", height=height, width=width)
    given.update(frames=torch.from_numpy(data["frames"]), mask=torch.from_numpy(data["mask"]))
    return data, given

def worst(a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    assert a.shape == b.shape, (a.shape, b.shape)
    return float(np.abs(a - b).max())
"""

CODE_14B = (
    CODE
    + r"""
model, vae = load("wan21_i2v"), load_vae("wan_vae")
out = {}
for name, case in CASES.items():
    data, given = node_inputs(case)
    positive, negative = prompts()
    done = own["PanoVideoConditioning"].execute(positive=positive, negative=negative, vae=vae, **given).result
    seen = {}
    latent = done[2]
    core.common_ksampler(spied(model, seen), SEED, 1, 5.0, "euler", "simple", done[0], done[1], latent)
    frames = torch.from_numpy(data["prepared"])
    lat = encode_tiles(vae, frames, 8) if given["encode"] == "upstream tiles" else vae.encode(frames)
    cond = model.model.process_latent_in(lat)[0].double().numpy()
    noise = torch.randn((1, 16, *cond.shape[1:]), generator=torch.Generator().manual_seed(SEED))[0].numpy()
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
result(out)
"""
)


@pytest.fixture(scope="module")
def run(host_place, tiny_models, tmp_path_factory):
    """Run code with files and cases at hand."""

    def call(code, cases, factor, transposed, black):
        folder = tmp_path_factory.mktemp("video")
        table = {}
        for index, (name, (frames, size, target, kind, options)) in enumerate(cases.items()):
            options = dict(options)
            rgb, mask = guidance(frames, *size, index, kind)
            arrays = {"frames": rgb, "mask": mask}
            if "start" in options:
                options["start"] = arrays["start"] = guidance(1, *options["start"], 90, "all")[0][0]
            arrays["prepared"], signed = prepared(
                rgb, mask, target, options, transposed=transposed, black=black
            )
            arrays["packed"] = oracle.packed_mask(signed, target[0] // factor, target[1] // factor)
            arrays["signed"] = signed
            options.pop("start", None)
            np.savez(folder / f"{index}.npz", **arrays)
            table[name] = {"file": str(folder / f"{index}.npz"), "target": target, "options": options}
        head = {
            "SUPPORT": str(Path(oracle.__file__).parent),
            "MODELS": str(next(iter(tiny_models.values())).parents[1]),
            "FILES": {kind: str(path) for kind, path in tiny_models.items()},
            "SEED": SEED,
        }
        lines = "".join(f"{key} = {value!r}\n" for key, value in head.items())
        lines += f"import json\nCASES = json.loads({json.dumps(table)!r})\n"
        return run_in_host(lines + code, host_place, folder / "base", timeout=400)

    return call


@pytest.fixture(scope="module")
def seen_14b(run):
    return run(CODE_14B, CASES, 8, True, True)


@pytest.mark.parametrize("name", list(CASES))
def test_network_gets_upstreams_36_channels(seen_14b, name):
    row, (frames, _, (height, width), _, options) = seen_14b[name], CASES[name]
    frames = {"pad": 9, "trim": 5}.get(options.get("fit_frames"), frames)
    assert row["shape"] == [36, (frames - 1) // 4 + 1, height // 8, width // 8]
    assert row["latent"] == [[1, 16, *row["shape"][1:]], 0.0]
    low, high = row["range"]
    assert high - low > 0.1
    for kind in (0, 1):
        assert row[f"noise {kind}"] == 0.0
        # 1 - (1 - m) in float32.
        assert row[f"mask {kind}"] < 1e-6
        # The VAE in float32, twice on the same frames; a blend of tiles adds a few roundings.
        assert row[f"cond {kind}"] < 1e-6 * max(1.0, -low, high)


TRACES = {
    "plain": (5, (40, 80), (32, 64), "continuous", {"steps": 4, "cfg": 5.0, "bf16_timesteps": False}),
    "bf16": (5, (40, 80), (32, 64), "continuous", {"steps": 4, "cfg": 5.0, "bf16_timesteps": True}),
    "no guidance": (
        5,
        (40, 80),
        (32, 64),
        "binary",
        {"steps": 3, "cfg": 1.0, "shift": 8.0, "bf16_timesteps": True},
    ),
}

SAMPLE = r"""
def sample(model, vae, case, factor):
    "PanoVideoSampler : what the network saw, the outputs, and the oracle's cond."
    data, given = node_inputs(case)
    given = {**dict(seed=SEED, preset="as set below", sampler_name="euler", scheduler="upstream flow-match", shift=5.0,
        seam="as the model has it", frames_per_segment=81, overlap=1, decode="plain", rerender=False), **given}
    positive, negative = prompts()
    seen = {}
    done = own["PanoVideoSampler"].execute(spied(model, seen), vae, positive, negative, **given).result
    lat = vae.encode(torch.from_numpy(data["prepared"]))
    cond = model.model.process_latent_in(lat)[0].double().numpy()
    return data, given, list(seen.items()), done, lat, cond

def trace(model, given, steps, x, passed, fixed=None):
    "Euler by hand on the network's own answers; worst difference of inputs and of times."
    sigmas = oracle.flow_sigmas(given["steps"], given["shift"])
    row = {"sigma": worst([s for s, _ in steps], sigmas[:-1]), "input": 0.0, "time": 0.0}
    for i, (_, step) in enumerate(steps):
        for kind, one in step.items():
            row["input"] = max(row["input"], worst(one["input"][: len(x)].double(), x))
            row["time"] = max(row["time"], worst(one["time"].double(), passed(i)))
        answers = [step[kind]["output"].double().numpy() for kind in sorted(step)]
        positive, negative = answers if len(answers) == 2 else (answers[0], answers[0])
        x = oracle.euler_step(x, negative, positive, given["cfg"], sigmas[i], sigmas[i + 1])
        if fixed is not None:
            x[:, 0] = fixed
    row["size"] = float(np.abs(x).max())
    row["kinds"] = sorted({len(step) for _, step in steps})
    return row, x
"""

CODE_TRACE = (
    CODE
    + SAMPLE
    + r"""
model, vae = load("wan21_i2v"), load_vae("wan_vae")
out = {}
for name, case in CASES.items():
    data, given, steps, done, _, cond = sample(model, vae, case, 8)
    noise = torch.randn((1, 16, *cond.shape[1:]), generator=torch.Generator().manual_seed(SEED))[0].double().numpy()
    times = oracle.timesteps(given["steps"], given["shift"], rounded=given["bf16_timesteps"])
    row, x = trace(model, given, steps, noise, lambda i: times[i])
    expected = np.concatenate([data["packed"], cond])
    row["given"] = max(worst(one["input"][16:].double(), expected) for _, step in steps for one in step.values())
    latent = done[0]["samples"]
    row["latent"] = worst(latent[0].double(), model.model.process_latent_out(torch.from_numpy(x)[None].float())[0])
    row["frames"] = worst(done[1], vae.decode(latent)[0].clamp(0, 1))
    row["shape"] = list(done[1].shape)
    out[name] = row
result(out)
"""
)


@pytest.fixture(scope="module")
def traces(run):
    return run(CODE_TRACE, TRACES, 8, True, True)


@pytest.mark.parametrize("name", list(TRACES))
def test_sampler_takes_upstreams_steps(traces, name):
    row, (_, _, target, _, options) = traces[name], TRACES[name]
    assert row["shape"] == [5, *target, 3]
    assert row["kinds"] == [1 if options["cfg"] == 1 else 2]
    assert row["sigma"] < 2e-7
    # Exact when rounded; else 1000 in float32.
    assert row["time"] == 0.0 if options["bf16_timesteps"] else row["time"] < 2e-4
    # The host forms x - sigma v and takes v out of it again in float32, with CFG 5 between: some ten roundings
    # of values of this size per step.
    assert row["input"] < 1e-5 * max(1.0, row["size"])
    assert row["given"] < 6e-6
    assert row["latent"] < 1e-4 * max(1.0, row["size"])
    assert row["frames"] < 1e-5


FUSED = {
    "5B": (5, (70, 130), (64, 128), "continuous", {"steps": 3, "cfg": 5.0, "bf16_timesteps": False}),
    "5B bf16, nine": (9, (64, 128), (32, 64), "binary", {"steps": 2, "cfg": 5.0, "bf16_timesteps": True}),
}

CODE_5B = (
    CODE
    + SAMPLE
    + r"""
model, vae = load("wan22_5b"), load_vae("wan22_vae")
layer = {k: torch.tensor(v) for k, v in np.load(LAYER).items()}
m = model.clone()
submodule("nodes._host_wan5b").install_extra_concat(m, layer["weight"], layer["bias"])
tokens = []
model.model.diffusion_model.blocks[0].register_forward_pre_hook(lambda module, args: tokens.append(args[0].clone()))
base = {k: v.double() for k, v in model.model.diffusion_model.patch_embedding.state_dict().items()}
conv = lambda x, w: torch.nn.functional.conv3d(x.double()[None], w["weight"].double(), w["bias"].double(), stride=(1, 2, 2))
out = {}
for name, case in CASES.items():
    tokens.clear()
    data, given, steps, done, lat, cond = sample(m, vae, case, 16)
    noise = torch.randn((1, 48, *cond.shape[1:]), generator=torch.Generator().manual_seed(SEED))[0].double().numpy()
    first = model.model.process_latent_in(vae.encode(torch.from_numpy(data["prepared"][:1])))[0, :, 0].double().numpy()
    noise[:, 0] = first
    times = oracle.timesteps(given["steps"], given["shift"], rounded=given["bf16_timesteps"])
    passed = lambda i: [0.0] + [times[i]] * (cond.shape[1] - 1)
    row, x = trace(m, given, steps, noise, passed, fixed=first)
    extra = oracle.extra_input_5b(data["signed"], cond)
    row["tokens"] = 0.0
    for (_, step), batch in zip(steps, tokens):
        for place, kind in enumerate(step):
            x48 = step[kind]["input"][:48]
            expected = (conv(x48, base) + conv(torch.from_numpy(extra), layer)).flatten(2).transpose(1, 2)[0]
            row["tokens"] = max(row["tokens"], worst(batch[place].double(), expected))
    row["part"] = float(conv(torch.from_numpy(extra), layer).abs().max())
    row["latent"] = worst(done[0]["samples"][0].double(), model.model.process_latent_out(torch.from_numpy(x)[None].float())[0])
    row["first frame"] = worst(done[0]["samples"][0, :, 0].double(), vae.encode(torch.from_numpy(data["prepared"][:1]))[0, :, 0].double())
    row["calls"] = [len(tokens), len(steps)]
    row["shape"] = list(done[1].shape)
    out[name] = row
result(out)
"""
)


@pytest.fixture(scope="module")
def traces_5b(run, tmp_path_factory):
    layer = extra_patch_embedding()
    file = tmp_path_factory.mktemp("layer") / "layer.npz"
    np.savez(file, **{name.rsplit(".", 1)[1]: value.numpy() for name, value in layer.items()})
    return run(f"LAYER = {str(file)!r}\n" + CODE_5B, FUSED, 16, False, False)


@pytest.mark.parametrize("name", list(FUSED))
def test_5b_gets_52_more_channels_and_keeps_its_first_frame(traces_5b, name):
    row, (frames, _, target, _, options) = traces_5b[name], FUSED[name]
    assert row["shape"] == [frames, *target, 3]
    assert row["sigma"] < 2e-7
    assert row["time"] == 0.0 if options["bf16_timesteps"] else row["time"] < 2e-4
    # As above; the first frame goes through the host's latent format and is put back at each step.
    assert row["input"] < 1e-5 * max(1.0, row["size"])
    # Float32 sums of 4 x 100 products of size 1.
    assert row["part"] > 0.1
    assert row["tokens"] < 1e-5 * max(1.0, row["part"])
    assert row["latent"] < 1e-4 * max(1.0, row["size"])
    assert row["first frame"] < 1e-5
