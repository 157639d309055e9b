"""Trained adapters: which modules have them, and that their files give the trained network back in both namings."""

import copy

import pytest
import torch
from native_wan import native_name
from safetensors.torch import load_file
from tiny_pipelines import make_flux, make_wan
from wan_answer import wan_answer

from matrix3d_core.errors import InvalidInput
from matrix3d_core.lora.files import read_lora
from matrix3d_core.lora.match import match
from matrix3d_core.standalone.pipeline_lora import LoraChoice, apply_lora, native_slots
from matrix3d_core.training.adapters import (
    FLUX_TARGETS,
    WAN_TARGETS,
    add_lora,
    lora_modules,
    write_diffusers_lora,
    write_upstream_lora,
)

pytest.importorskip("peft", reason="needs peft (extra 'generate')")


def lively(network):
    """Give the adapters values, as training does; B begins at zero."""
    rng = torch.Generator().manual_seed(7)
    found = {name: p for name, p in network.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for parameter in found.values():
            parameter.copy_(torch.randn(parameter.shape, generator=rng) / parameter.shape[1] ** 0.5)
    return {name: parameter.detach().clone() for name, parameter in found.items()}


def test_wan_has_upstreams_ten_adapters_in_each_block():
    network = make_wan().transformer
    before = wan_answer(network)
    add_lora(network, 3, WAN_TARGETS)
    stems = {name.split(".lora_")[0] for name, p in network.named_parameters() if p.requires_grad}
    ends = [f"{a}.{m}" for a in ("self_attn", "cross_attn") for m in "qkvo"] + ["ffn.0", "ffn.2"]
    wanted = {f"blocks.{block}.{end}" for block in range(2) for end in ends}
    assert {native_name(f"{stem}.").removesuffix(".") for stem in stems} == wanted
    assert all(p.dtype == torch.float32 for p in network.parameters() if p.requires_grad)
    assert torch.equal(wan_answer(network), before)  # they change nothing yet


@pytest.mark.parametrize("alpha", [None, 6.0])
def test_both_files_of_wan_give_the_trained_network_back(tmp_path, alpha):
    plain = make_wan().transformer
    network = copy.deepcopy(plain)
    add_lora(network, 3, WAN_TARGETS, alpha=alpha)
    weights = lively(network)
    wanted = wan_answer(network)
    files = (
        write_upstream_lora(tmp_path / "up.safetensors", network, weights, {"rank": "3"}),
        write_diffusers_lora(tmp_path / "diff.safetensors", network, weights, {}),
    )
    assert {name.partition(".")[0] for name in load_file(files[1])} == {"transformer"}
    names = set(load_file(files[0]))
    assert "blocks.1.cross_attn.o.lora_B.default.weight" in names
    assert len(names) == 2 * 2 * 10
    for path in files:
        for merge in ("adapter", "upstream"):
            other = copy.deepcopy(plain)
            report = apply_lora(other, LoraChoice(path, merge=merge))
            assert len(report.targets) == 20
            close = (
                {"rtol": 1e-4, "atol": 1e-4} if merge == "adapter" else {"rtol": 0.1, "atol": 0.1}
            )  # bfloat16
            torch.testing.assert_close(wan_answer(other), wanted, **close)
    assert float((wan_answer(plain) - wanted).abs().max()) > 0.5


def test_the_file_of_flux_fits_and_names_are_diffusers(tmp_path):
    network = make_flux().transformer
    add_lora(network, 2, FLUX_TARGETS)
    path = write_diffusers_lora(tmp_path / "flux.safetensors", network, lively(network), {})
    assert "transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight" in load_file(path)
    report = match(read_lora(path), native_slots(make_flux().transformer)[1])
    report.check(strict=True)


def test_targets_are_ends_of_names():
    network = make_wan().transformer
    assert lora_modules(network, ["cross_attn.q"]) == ["blocks.0.attn2.to_q", "blocks.1.attn2.to_q"]
    assert lora_modules(network, ["k"]) == [f"blocks.{b}.attn{a}.to_k" for b in (0, 1) for a in (1, 2)]
    with pytest.raises(InvalidInput, match="'to_z' names none"):
        add_lora(network, 2, ("to_q", "to_z"))
    with pytest.raises(InvalidInput, match="rank must be at least 1; got 0"):
        add_lora(network, 0, WAN_TARGETS)
