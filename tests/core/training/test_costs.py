"""What a run will take: against networks of other sizes that are really run."""

from types import SimpleNamespace

import pytest
import torch
from diffusers import FluxTransformer2DModel, WanTransformer3DModel

from matrix3d_core.errors import InvalidInput
from matrix3d_core.training import costs as costs_module
from matrix3d_core.training.adapters import FLUX_TARGETS, WAN_TARGETS, add_lora
from matrix3d_core.training.costs import (
    Costs,
    activation_bytes,
    estimate_costs,
    saved_bytes,
    say_costs,
    training_flops,
)
from matrix3d_core.training.loop import LoopConfig
from matrix3d_core.training.pano_lora import _probe as probe_flux
from matrix3d_core.training.video_lora import VideoTraining, video_costs
from matrix3d_core.training.video_lora import _probe as probe_wan


def wan(heads=5, layers=3, width=24):
    return WanTransformer3DModel(
        num_attention_heads=heads,
        attention_head_dim=width,
        in_channels=36,
        out_channels=16,
        text_dim=32,
        ffn_dim=3 * heads * width,
        num_layers=layers,
        image_dim=16,
        added_kv_proj_dim=heads * width,
    )


def flux(heads=5, double=2, single=3):
    return FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=double,
        num_single_layers=single,
        attention_head_dim=16,
        num_attention_heads=heads,
        joint_attention_dim=32,
        pooled_projection_dim=24,
        guidance_embeds=True,
        axes_dims_rope=(4, 6, 6),
    )


@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")  # torch's, of a slower kernel
@pytest.mark.parametrize("rank", [0, 3])
@pytest.mark.parametrize(
    ("make", "probe", "targets"), [(wan, probe_wan, WAN_TARGETS), (flux, probe_flux, FLUX_TARGETS)]
)
def test_activations_of_a_larger_network(make, probe, targets, rank):
    """Predicted from one and two heads on few tokens; counted on five heads and 192 tokens."""
    network = make()
    given = {"rank": rank, "targets": targets}
    predicted = activation_bytes(network, probe, 192, checkpointing=False, **given)
    short = activation_bytes(network, probe, 192, checkpointing=True, **given)
    if rank:
        add_lora(network.bfloat16(), rank, targets)
    network.train()
    with torch.autocast("cpu", torch.bfloat16):
        counted = saved_bytes(lambda: probe(network, 192), network)
        network.enable_gradient_checkpointing()
        kept = saved_bytes(lambda: probe(network, 192), network)
    assert predicted == pytest.approx(counted, rel=0.03)
    assert kept < short < 0.75 * counted  # the inputs of the blocks, and one block that is computed again


def test_saved_bytes_by_hand():
    """A layer keeps its input, the square what it squares."""
    layer = torch.nn.Linear(10, 7)
    x = torch.randn(3, 10)
    assert saved_bytes(lambda: layer(x).square(), layer) == 4 * (3 * 10 + 3 * 7)


def test_a_run_in_numbers():
    network = wan(heads=2, layers=2)
    loop = LoopConfig(steps=10, batch=6, at_once=2, keep=1, average=0.9)
    found = estimate_costs(
        network,
        probe_wan,
        64,
        loop,
        rank=4,
        targets=WAN_TARGETS,
        checkpointing=False,
        samples=1000,
        processes=2,
    )
    width, blocks = 48, 2
    pairs = blocks * (8 * 2 * width + 2 * (width + 3 * width))
    assert found.trained == 4 * pairs
    assert found.states == 20 * found.trained
    assert found.checkpoints == 2 * 16 * found.trained
    assert found.weights == 4 * sum(p.numel() for p in network.parameters())
    one = activation_bytes(network, probe_wan, 64, rank=4, targets=WAN_TARGETS, checkpointing=False)
    assert found.activations == 2 * one
    inner = sum(p.numel() for n, p in network.named_parameters() if n.startswith("blocks."))
    attention = 4 * blocks * 64**2 * width
    forward = 2 * inner * 64 + attention
    assert training_flops(network, 64, is_lora=False, checkpointing=False) == 3 * forward
    assert training_flops(network, 64, is_lora=True, checkpointing=True) == 3 * 2 * inner * 64 + 4 * attention
    assert found.flops == 10 * 3 * (2 * 2 * inner * 64 + 3 * attention)
    whole = estimate_costs(network, probe_wan, 64, loop, rank=0, targets=(), checkpointing=True, samples=0)
    assert whole.trained == sum(p.numel() for p in network.parameters())
    assert whole.weights == 0


def test_the_published_network_without_its_weights():
    """Wan 2.1 I2V 14B on the meta device: 400 adapters, upstream's count of parameters by rank."""
    with torch.device("meta"):
        network = WanTransformer3DModel(
            in_channels=36,
            out_channels=16,
            text_dim=4096,
            image_dim=1280,
            added_kv_proj_dim=5120,
            num_layers=4,
        ).bfloat16()
    found = video_costs(network, VideoTraining(), 10)
    assert found.trained == 16 * 4_792_320 * 4 // 40
    assert found.activations > 4 * 37_800 * 5120 * 2  # the blocks' inputs alone
    assert any("trained parameters" in line for line in found.lines(4e14))


def test_what_cannot_fit_is_refused(tmp_path, monkeypatch):
    some = Costs(10**9, 1000, 10**9, 10**9, 10**9, 10**9, 3.6e15)
    said = []
    monkeypatch.setattr(costs_module, "memory_bytes", lambda: {"available": 10**12, "total": 10**12})
    say_costs(some, torch.device("cpu"), tmp_path / "new" / "run", said.append)
    assert said[0] == (
        "memory: 3.3 GB (weights 1.0 GB, 1,000 trained parameters with gradients and moments 1.0 GB, activations 1.0 GB)"
    )
    assert said[1] == "disk: 1.0 GB encoded samples, 1.0 GB checkpoints"
    assert said[2].startswith("time: ")
    assert "1.0 h at this device's 1.00 TFLOP/s" in some.lines(1e12)[2]
    monkeypatch.setattr(costs_module, "memory_bytes", lambda: {"available": 2 * 10**9, "total": 10**12})
    with pytest.raises(InvalidInput, match=r"memory: 3\.3 GB .*; 2\.0 GB are free\. Take a smaller size"):
        say_costs(some, torch.device("cpu"), tmp_path, said.append)
    monkeypatch.setattr(costs_module, "memory_bytes", lambda: {"available": None, "total": None})
    monkeypatch.setattr(costs_module.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**9))
    with pytest.raises(InvalidInput, match=r"disk: 1\.0 GB encoded .* 1\.0 GB are free\. Free some space"):
        say_costs(some, torch.device("cpu"), tmp_path, said.append)
