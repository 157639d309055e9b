"""LRMLoader and LRMDecode in the real host, on tiny random models."""

from __future__ import annotations

import functools

import pytest
import torch
from comfy_server import HostProcess
from tiny_lrm import tiny_latents, tiny_state, turning_path, write_upstream_file

from matrix3d_core.lrm.decode import DecodeSettings, decode_latents
from matrix3d_core.lrm.weights import build_lrm, convert_weights, sort_weights

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def in_host(host_place, tmp_path_factory):
    """A function that calls one of `in_host/lrm_nodes.py`, with a tiny model in the host's folders."""
    base = tmp_path_factory.mktemp("lrm")
    folder = base / "models" / "matrix3d_lrm" / "pano_lrm" / "checkpoints"
    folder.mkdir(parents=True)
    write_upstream_file(folder / "pano_lrm_480p.pt", tiny_state())
    convert_weights(folder / "pano_lrm_480p.pt", folder.parents[1] / "slim.safetensors")
    (base / "models" / "checkpoints").mkdir(parents=True)
    torch.save({"a": torch.zeros(1)}, base / "models" / "checkpoints" / "other_lrm.pt")
    data = base / "data.pt"
    torch.save({"poses": turning_path().camera_from_world, "latents": tiny_latents()}, data)

    with HostProcess(host_place, base) as process:
        yield functools.partial(process.call, timeout=280, data=data)


def test_loading_and_decoding(in_host, tmp_path):
    found = in_host("lrm_nodes.load_and_decode", file=tmp_path / "out.pt")
    assert found["names"] == [
        "pano_lrm/checkpoints/pano_lrm_480p.pt",
        "slim.safetensors",
        "checkpoints: other_lrm.pt",
        "matrix3d_mini_lrm.safetensors",
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
    found = in_host("lrm_nodes.stops_and_bad_inputs")
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
    found = in_host("lrm_nodes.video_through_the_hosts_vae", vae_file=tiny_models["wan_vae"])
    assert found[0] == [1, 16, 3, 8, 16]
    assert found[1] > 1000
    assert found[2] == [9, 64, 128]
    assert found[3]
