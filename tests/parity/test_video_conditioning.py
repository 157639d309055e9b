"""What the video network is given in the real host, against oracles that know only upstream's behavior.

Captured inside of all of the host's wrappers: noisy latents, mask and guidance latents, the timestep, and the
network's answer, for every step. The guidance is prepared again here and encoded by the host's VAE itself.
"""

import numpy as np
import oracle_video as oracle
import pytest
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
    "tiles": (1, (128, 256), (272, 544), "continuous", {"encode_seam_mode": "upstream"}),
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


@pytest.fixture(scope="module")
def run(in_host, tiny_models, tmp_path_factory):
    """Call a function of `in_host/video_conditioning.py` with the cases in files."""

    def call(function, cases, factor, transposed, black, **more):
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
        more |= {"models": next(iter(tiny_models.values())).parents[1], "files": tiny_models, "seed": SEED}
        return in_host.call(function, timeout=400, cases=table, **more)

    return call


@pytest.fixture(scope="module")
def seen_14b(run):
    return run("video_conditioning.network_inputs_14b", CASES, 8, True, True)


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


@pytest.fixture(scope="module")
def traces(run):
    return run("video_conditioning.traces", TRACES, 8, True, True)


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


@pytest.fixture(scope="module")
def traces_5b(run, tmp_path_factory):
    layer = extra_patch_embedding()
    file = tmp_path_factory.mktemp("layer") / "layer.npz"
    np.savez(file, **{name.rsplit(".", 1)[1]: value.numpy() for name, value in layer.items()})
    return run("video_conditioning.traces_5b", FUSED, 16, False, False, layer_file=file)


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
