"""Peak memory of PanoVideoConditioning, for `benchmarks/memory_conditioning.py`."""

from __future__ import annotations

import time
from typing import Any

import comfy.sd
import comfy.utils
import pack
import torch
from comfy.ldm.wan.vae import WanVAE


def resident(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key + ":")) * 1024


def reset_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


@torch.no_grad()
def measure(vae_file: str, frame_count: int, height: int, tiles: int, wide_too: bool) -> dict[str, Any]:
    """Run the node on guidance of this size; return bytes above what the process held when the VAE was loaded."""
    node = pack.nodes()["PanoVideoConditioning"]

    vae = comfy.sd.VAE(sd=comfy.utils.load_torch_file(vae_file))
    vae.encode(torch.zeros(5, 64, 128, 3))
    encode, last, peaks = vae.encode, [None], []

    def encode_some(pixels):
        if not tiles or len(peaks) < tiles:
            last[0] = encode(pixels)
            peaks.append(resident("VmHWM"))
        return last[0].clone()

    vae.encode = encode_some
    inputs = {
        i.id: i.default
        for i in node.GET_SCHEMA().inputs
        if not i.optional and getattr(i, "default", None) is not None
    }
    text = [[torch.zeros(1, 512, 4096), {}]]
    reset_peak()
    base = resident("VmRSS")
    frames = torch.rand(frame_count, height, 2 * height, 3)
    mask = (torch.rand(frame_count, height, 2 * height) > 0.5).float()
    given = resident("VmRSS") - base
    size = {"size": "custom", "height": height, "width": 2 * height}
    start = time.perf_counter()
    done = node.execute(
        **{**inputs, **size, "vae": vae, "positive": text, "negative": text, "frames": frames, "mask": mask}
    )
    seconds = time.perf_counter() - start
    peak = resident("VmHWM") - base
    del frames, mask, done

    activations = 0
    if wide_too:
        wide = WanVAE(
            dim=96,
            z_dim=16,
            dim_mult=[1, 2, 4, 4],
            num_res_blocks=2,
            attn_scales=[],
            temperal_downsample=[False, True, True],
        ).eval()
        for weight in wide.parameters():
            weight.copy_(torch.randn(weight.shape) * 0.02)
        tile = torch.rand(1, 3, 5, 240, 416)
        reset_peak()
        before = resident("VmRSS")
        wide.encode(tile)
        activations = resident("VmHWM") - before
    after = [value - base for value in peaks]
    return {"peak": peak, "after": after, "given": given, "seconds": seconds, "activations": activations}
