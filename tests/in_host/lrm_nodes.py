"""LRMLoader and LRMDecode on tiny random models."""

from __future__ import annotations

from typing import Any

import comfy.latent_formats
import comfy.model_management
import comfy.sd
import comfy.utils
import pack
import torch

from matrix3d_core.scene.trajectory import Trajectory

nodes = pack.nodes()
loader, decode = nodes["LRMLoader"], nodes["LRMDecode"]


def inputs(data):
    """Return the path and the latent, in the host's scale, that the file holds."""
    stored = torch.load(data, weights_only=True)
    samples = comfy.latent_formats.Wan21().process_out(stored["latents"])
    return Trajectory(stored["poses"]), {"samples": samples}


def load(name, precision="fp32"):
    with torch.inference_mode():
        return loader.execute(name, precision).args


def run(lrm, path, latent, **given):
    with torch.inference_mode():
        return decode.execute(lrm, latent, path, **{**pack.defaults(decode), **given}).args


def raises(call, *args, **options):
    return pack.message(lambda: call(*args, **options))


def load_and_decode(data: str, file: str) -> dict[str, Any]:
    """Load the models and decode with them; save what the first gives as ``file``."""
    given = inputs(data)
    out = {"names": loader.GET_SCHEMA().inputs[0].options}
    lrm, out["loaded"] = load("pano_lrm/checkpoints/pano_lrm_480p.pt")
    splat, depth, preview, out["report"] = run(lrm, *given, max_gaussians=0, min_opacity=0.0)
    out["patcher"] = type(lrm.patcher).__name__
    out["managed"] = any(m.model is lrm.patcher for m in comfy.model_management.current_loaded_models)
    torch.save(
        [splat.positions, splat.rotations, splat.scales, splat.opacities, splat.sh, depth, preview], file
    )
    few = run(load("slim.safetensors", "bf16")[0], *given, max_gaussians=2000)
    out["few"] = few[0].positions.shape[1]
    out["auto"] = load("slim.safetensors", "auto")[1]
    return out


def stops_and_bad_inputs(data: str) -> dict[str, Any]:
    """Stop, run out of memory, and give what no model can decode; return what is raised and reported."""
    path, latent = given = inputs(data)
    lrm, _ = load("slim.safetensors")
    out = {}
    # The user presses stop while the heads are at work.
    head = type(lrm.patcher.model.dpt_head)
    forward = head.forward

    def stopping(self, maps):
        comfy.model_management.interrupt_current_processing(True)
        return forward(self, maps)

    with pack.replaced(head, "forward", stopping):
        out["stop"] = raises(run, lrm, *given)
    comfy.model_management.interrupt_current_processing(False)
    # The device runs out of memory with more than one latent frame at a time, then always.
    asked = []

    def limited(self, maps, most=1):
        asked.append(maps[0].shape[0])
        if maps[0].shape[0] > most:
            raise torch.OutOfMemoryError("simulated")
        return forward(self, maps)

    with pack.replaced(head, "forward", limited):
        out["again"] = raises(run, lrm, *given)
    out["asked"] = asked[:3]
    with pack.replaced(head, "forward", lambda self, maps: limited(self, maps, 0)):
        out["never"] = raises(run, lrm, *given)
    # Little memory: the plan follows.
    with pack.replaced(comfy.model_management, "get_free_memory", lambda *a, **k: 1.0):
        out["tight"] = run(lrm, *given)[3]
    out["5b"] = raises(run, lrm, path, {"samples": torch.zeros(1, 48, 3, 4, 8)})
    out["image"] = raises(run, lrm, path, {"samples": torch.zeros(1, 4, 8, 16)})
    out["path"] = raises(run, lrm, Trajectory(path.camera_from_world[:1].repeat(81, 1, 1)), latent)
    out["file"] = raises(load, "gone.pt")
    out["family"] = raises(load, "checkpoints: other_lrm.pt")
    out["left"] = raises(run, lrm, *given, range_cut=0.05, min_opacity=0.99)
    out["fine"] = raises(run, lrm, *given)
    return out


def video_through_the_hosts_vae(data: str, vae_file: str) -> list[Any]:
    """Encode a video with the host's VAE and decode it into splats."""
    vae = comfy.sd.VAE(sd=comfy.utils.load_torch_file(vae_file))
    frames = torch.rand(9, 64, 128, 3, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        samples = vae.encode(frames)
    lrm, _ = load("slim.safetensors")
    splat, depth, _, _ = run(lrm, inputs(data)[0], {"samples": samples})
    return [
        list(samples.shape),
        splat.positions.shape[1],
        list(depth.shape),
        bool(torch.isfinite(splat.positions).all()),
    ]
