"""LRMLoader and LRMDecode in the real host, on tiny random models."""

from __future__ import annotations

import pytest
import torch
from comfy_server import run_in_host
from tiny_lrm import tiny_latents, tiny_state, turning_path, write_upstream_file

from matrix3d_core.lrm.decode import DecodeSettings, decode_latents
from matrix3d_core.lrm.weights import build_lrm, convert_weights, sort_weights

pytestmark = pytest.mark.host

_COMMON = """
import comfy.latent_formats, comfy.model_management, comfy.sd, comfy.utils
import torch
nodes = load_nodes()
loader, decode = nodes["LRMLoader"], nodes["LRMDecode"]
decode.hidden = loader.hidden = types.SimpleNamespace(unique_id=None)
DEFAULTS = {i.id: i.default for i in decode.GET_SCHEMA().inputs if getattr(i, "default", None) is not None}
Trajectory = submodule("matrix3d_core.scene.trajectory").Trajectory
data = torch.load(DATA, weights_only=True)
path = Trajectory(data["poses"])
normalized = data["latents"]
host_latent = {"samples": comfy.latent_formats.Wan21().process_out(normalized)}

def load(name, precision="fp32"):
    with torch.inference_mode():
        return loader.execute(name, precision).args

def run(lrm, latent=None, path=path, **given):
    with torch.inference_mode():
        return decode.execute(lrm, latent or host_latent, path, **{**DEFAULTS, **given}).args

def raises(call, *args, **options):
    try:
        call(*args, **options)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"
"""


@pytest.fixture
def in_host(host_place, host_base, tmp_path):
    """Run code with a tiny model in the host's folders; returns what it gives to ``result``."""
    folder = host_base / "models" / "matrix3d_lrm" / "pano_lrm" / "checkpoints"
    folder.mkdir(parents=True)
    write_upstream_file(folder / "pano_lrm_480p.pt", tiny_state())
    convert_weights(folder / "pano_lrm_480p.pt", folder.parents[1] / "slim.safetensors")
    (host_base / "models" / "checkpoints").mkdir(parents=True)
    torch.save({"a": torch.zeros(1)}, host_base / "models" / "checkpoints" / "other_lrm.pt")
    data = tmp_path / "data.pt"
    torch.save({"poses": turning_path().camera_from_world, "latents": tiny_latents()}, data)

    def run(code):
        return run_in_host(f"DATA = {str(data)!r}\n{_COMMON}\n{code}", host_place, host_base, timeout=280)

    return run


def test_loading_and_decoding(in_host, tmp_path):
    found = in_host(f"""
out = {{"names": loader.GET_SCHEMA().inputs[0].options}}
lrm, out["loaded"] = load("pano_lrm/checkpoints/pano_lrm_480p.pt")
splat, depth, preview, out["report"] = run(lrm, max_gaussians=0, min_opacity=0.0)
out["patcher"] = type(lrm.patcher).__name__
out["managed"] = any(m.model is lrm.patcher for m in comfy.model_management.current_loaded_models)
torch.save([splat.positions, splat.rotations, splat.scales, splat.opacities, splat.sh, depth, preview],
           {str(tmp_path / "out.pt")!r})
few = run(load("slim.safetensors", "bf16")[0], max_gaussians=2000)
out["few"] = few[0].positions.shape[1]
out["auto"] = load("slim.safetensors", "auto")[1]
result(out)
""")
    assert found["names"] == [
        "pano_lrm/checkpoints/pano_lrm_480p.pt",
        "slim.safetensors",
        "checkpoints: other_lrm.pt",
    ]
    assert "2 foreign tensors ignored" in found["loaded"]
    assert found["loaded"].endswith("runs in fp32")
    assert found["auto"].endswith("runs in fp32")  # a CPU
    assert found["managed"]
    assert found["patcher"] == "ModelPatcher"
    assert 1800 <= found["few"] <= 2000
    assert "splats: 10240 of 10240 from 5 of 9 frames" in found["report"]
    assert "needs about" in found["report"]

    # The same in the library: what goes in is the latent in the diffusion model's scale.
    expected = decode_latents(
        build_lrm(sort_weights(tiny_state(), "x")), tiny_latents(), turning_path(), DecodeSettings()
    )
    positions, rotations, scales, opacities, sh, depth, preview = torch.load(
        tmp_path / "out.pt", weights_only=True
    )
    g = expected.gaussians
    # The host's latent went through its normalization there and back: a few ulp of values up to 10.
    for got, wanted in (
        (positions[0], g.means),
        (rotations[0], g.quats_wxyz),
        (scales[0], g.scales),
        (opacities[0, :, 0], g.opacities),
        (sh[0], g.sh),
        (depth[:, 1::2, 1::2], expected.depth),
    ):
        torch.testing.assert_close(got, wanted, rtol=1e-3, atol=2e-3)
    assert depth.shape == (9, 64, 128)
    assert torch.equal(depth[:, ::2, ::2], depth[:, 1::2, 1::2])
    assert preview.shape == (9, 32, 64, 3)
    assert 0 <= float(preview.min()) < float(preview.max()) <= 1


def test_stopping_running_out_of_memory_and_wrong_inputs(in_host):
    found = in_host("""
import logging
lrm, _ = load("slim.safetensors")
out = {}
# The user presses stop while the heads are at work.
head = type(lrm.patcher.model.dpt_head)
forward = head.forward
def stopping(self, maps):
    comfy.model_management.interrupt_current_processing(True)
    return forward(self, maps)
head.forward = stopping
out["stop"] = raises(run, lrm)
comfy.model_management.interrupt_current_processing(False)
# The device runs out of memory with more than one latent frame at a time, then always.
asked = []
def limited(self, maps, most=1):
    asked.append(maps[0].shape[0])
    if maps[0].shape[0] > most:
        raise torch.OutOfMemoryError("simulated")
    return forward(self, maps)
head.forward = limited
out["again"] = raises(run, lrm)
out["asked"] = asked[:3]
head.forward = lambda self, maps: limited(self, maps, 0)
out["never"] = raises(run, lrm)
head.forward = forward
# Little memory: the plan follows.
comfy.model_management.get_free_memory = lambda *a, **k: 1.0
out["tight"] = run(lrm)[3]
out["5b"] = raises(run, lrm, {"samples": torch.zeros(1, 48, 3, 4, 8)})
out["image"] = raises(run, lrm, {"samples": torch.zeros(1, 4, 8, 16)})
out["path"] = raises(run, lrm, None, Trajectory(data["poses"][:1].repeat(81, 1, 1)))
out["file"] = raises(load, "gone.pt")
out["family"] = raises(load, "checkpoints: other_lrm.pt")
out["left"] = raises(run, lrm, range_cut=0.05, min_opacity=0.99)
out["fine"] = raises(run, lrm)
result(out)
""")
    assert found["stop"].startswith("InterruptProcessingException")
    assert found["again"] == "nothing"
    assert found["asked"] == [3, 1, 1]
    assert (
        "BackendUnavailable: the device ran out of memory with one latent frame at a time" in found["never"]
    )
    assert "1 latent frames at a time" in found["tight"]
    assert "those of Wan 2.1; got 48. Decode the video with its own VAE" in found["5b"]
    assert "must be a video's" in found["image"]
    assert "it has 81 poses and the latent has 9 frames" in found["path"]
    assert "lrm_name must name a model file; 'gone.pt'" in found["file"]
    assert "WeightsMismatch: other_lrm.pt must hold a latent reconstruction model" in found["family"]
    assert "no splats are left of" in found["left"]
    assert found["fine"] == "nothing"


def test_a_video_through_the_hosts_own_vae(in_host, tiny_models):
    """Any panoramic video: encoded by the host's Wan VAE, then decoded into splats of its sizes."""
    found = in_host(f"""
vae = comfy.sd.VAE(sd=comfy.utils.load_torch_file({str(tiny_models["wan_vae"])!r}))
frames = torch.rand(9, 64, 128, 3, generator=torch.Generator().manual_seed(0))
with torch.inference_mode():
    samples = vae.encode(frames)
lrm, _ = load("slim.safetensors")
splat, depth, preview, report = run(lrm, {{"samples": samples}})
result([list(samples.shape), splat.positions.shape[1], list(depth.shape), bool(torch.isfinite(splat.positions).all())])
""")
    assert found[0] == [1, 16, 3, 8, 16]
    assert found[1] > 1000
    assert found[2] == [9, 64, 128]
    assert found[3]
