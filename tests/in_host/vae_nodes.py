"""PanoVAEEncode, PanoVAEDecode and PanoSeamMetric on the host's own VAEs."""

from __future__ import annotations

from typing import Any

import comfy.model_management
import comfy.sd
import comfy.utils
import pack
import torch

nodes = pack.nodes()
encode, decode, metric = (nodes[n] for n in ("PanoVAEEncode", "PanoVAEDecode", "PanoSeamMetric"))
TILES = dict(tile_height=0, tile_width=0, overlap=96, margin=18)


def vae_of(path):
    state, metadata = comfy.utils.load_torch_file(path, return_metadata=True)
    return comfy.sd.VAE(sd=state, metadata=metadata)


def call(node, *args, **options):
    with torch.inference_mode():
        return node.execute(*args, **{**TILES, **options}).args


def gap(a, b):
    return float((a - b).abs().max())


def smooth(shape, seed=0):
    z = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return (z + torch.roll(z, 1, -1) + torch.roll(z, 2, -1)) / 3


def raises(call, *args, **options):
    return pack.message(lambda: call(*args, **options))


def turned(paths: dict[str, str]) -> dict[str, Any]:
    """Compare the picture of a turned latent with the turned picture, and the latents of a turned picture."""
    out = {}
    for kind, shape in {"flux_vae": (1, 16, 8, 16), "wan_vae": (1, 16, 2, 8, 16)}.items():
        vae, z = vae_of(paths[kind]), smooth(shape)
        for border in ("auto", "circular", "none"):
            for tile_height in (0, 40) if border == "auto" else (0,):
                a = call(decode, {"samples": z}, vae, seam_mode=border, tile_height=tile_height, overlap=16)[
                    0
                ]
                b = call(
                    decode,
                    {"samples": torch.roll(z, -5, -1)},
                    vae,
                    seam_mode=border,
                    tile_height=tile_height,
                    overlap=16,
                )[0]
                row = {
                    "decode": gap(b, torch.roll(a, -40, 2)),
                    "spread": float(a.std()),
                    "shape": list(a.shape),
                }
                row["seam"] = metric.execute(a).args[0]
                out[f"{kind} {border} {tile_height}"] = row
        if kind == "flux_vae":
            core = vae.decode(z)
            out["core"] = gap(core, call(decode, {"samples": z}, vae, seam_mode="none")[0])
        la = call(encode, a, vae, seam_mode="auto")[0]["samples"]
        lb = call(encode, torch.roll(a, -40, 2), vae, seam_mode="auto")[0]["samples"]
        out[f"{kind} auto 0"]["encode"] = gap(lb, torch.roll(la, -5, -1)) / float(la.abs().max())
        out[f"{kind} auto 0"]["latent"] = list(la.shape)
        out[f"{kind} auto 0"]["trace"] = [
            n for n, m in vae.first_stage_model.named_modules() if "_conv_forward" in vars(m)
        ]
    return out


def padding_tiles_stops_and_bad_inputs(paths: dict[str, str]) -> dict[str, Any]:
    """Return what other ways of decoding give, how bad inputs are refused, and what a stop leaves behind."""
    vae, wan = vae_of(paths["flux_vae"]), vae_of(paths["wan_vae"])
    z = smooth((2, 16, 8, 16))
    a = call(decode, {"samples": z}, vae, seam_mode="circular")[0]
    out = {"far": {}}
    for name, options in {
        "padded": dict(seam_mode="padded", margin=8),
        "upstream": dict(seam_mode="upstream"),
        "none": dict(seam_mode="none"),
        "tiles": dict(seam_mode="auto", tile_width=64, overlap=24),
    }.items():
        b = call(decode, {"samples": z}, vae, **options)[0]
        out["far"][name] = [float((a - b).abs().mean()), metric.execute(b).args[0], list(b.shape)]
    out["errors"] = {
        "size": raises(call, encode, a[:, :60], vae, seam_mode="auto"),
        "frames": raises(call, encode, a[:1].repeat(4, 1, 1, 1), wan, seam_mode="auto"),
        "nan": raises(call, decode, {"samples": z * float("nan")}, vae, seam_mode="auto"),
        "tiles": raises(call, decode, {"samples": z}, vae, seam_mode="circular", tile_width=96),
        "no vae": raises(call, decode, {"samples": z}, object(), seam_mode="auto"),
    }
    # The user presses stop while the network is at work.
    hook = vae.first_stage_model.decoder.conv_in.register_forward_hook(
        lambda *a: comfy.model_management.interrupt_current_processing(True)
    )
    out["stopped"] = raises(call, decode, {"samples": z}, vae, seam_mode="circular")
    hook.remove()
    comfy.model_management.interrupt_current_processing(False)
    out["after a stop"] = gap(a, call(decode, {"samples": z}, vae, seam_mode="circular")[0])

    # As on a card with too little memory: the host falls back to tiles by itself, which must not be joined at their edges.
    network, whole = vae.first_stage_model, type(vae.first_stage_model).decode
    calls = []

    def short_of_memory(samples, **options):
        calls.append(samples.shape[-1])
        out = whole(network, samples, **options)
        if len(calls) == 1:
            raise torch.cuda.OutOfMemoryError("no memory left")
        return out

    network.decode = short_of_memory
    big = smooth((1, 16, 4, 40))
    out["memory"] = raises(call, decode, {"samples": big}, vae, seam_mode="circular")
    out["calls"] = calls
    return out


def metric_report() -> list[Any]:
    """Measure a ramp, whose ends do not meet."""
    picture = torch.linspace(0, 1, 64)[None, None, :, None].expand(2, 32, 64, 3)
    output = metric.execute(picture)
    return [*output.args, output.ui.as_dict()["text"]]
