"""Moving borders in the real host: equal to the plain sampler where the network does not care, and no trace."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.host


def test_samplers_give_the_same_on_a_ring(in_host, tiny_models):
    """All modes, first and second order, multistep and with noise: bit for bit, up to the turn that t2p leaves."""
    found = in_host.call("seam.samplers_on_a_ring", paths=tiny_models)
    assert len(found) == 4 * (10 + 4 + 4)
    assert any(final for _, final, _ in found.values())
    assert all(std > 0.1 for _, _, std in found.values())
    # Elementwise arithmetic, so nothing is rounded otherwise.
    assert {name: error for name, (error, _, _) in found.items() if error != 0} == {}


def test_what_the_network_sees_is_turned_as_planned(in_host, tiny_models):
    """Noise, concat latents and mask together, at each step, cond and uncond; another wrapper sees the same."""
    found = in_host.call("seam.what_the_network_sees", paths=tiny_models)
    assert {name: row for name, row in found.items() if row[0] or row[1] or row[2] != 10} == {}
    assert all(row[3] >= 2 for row in found.values())


def test_custom_sampler_batches_masks_regions_and_parts_of_a_schedule(in_host, tiny_models):
    found = in_host.call("seam.batches_masks_and_regions", paths=tiny_models)
    assert found.pop("mask does something") is True
    assert {name: error for name, error in found.items() if error != 0} == {}


def test_a_clone_leaves_no_trace_on_the_model(in_host, tiny_models):
    found = in_host.call("seam.traces_of_a_clone", paths=tiny_models)
    out, errors = found
    for name in ("it does something", "other seed", "options", "stopped"):
        assert out.pop(name) is True, name
    assert out.pop("replaced") == 1
    assert out.pop("wrappers") == out.pop("off wrappers") == []
    assert {name: error for name, error in out.items() if error != 0} == {}
    assert "latent_roll must be one of off" in errors["mode"]
    assert "start in [0, 1]" in errors["start"]
    assert "at least 4 columns wide to be rolled by multiples of 2; got 2" in errors["narrow"]
    assert "Set latent_roll to off for this model" in errors["packed"]


def test_control_residuals_and_references_turn_with_the_latent(in_host):
    found = in_host.call("seam.control_and_references")
    assert found["offset"] % 2 == 0
    assert found["offset"] > 0
    assert all(found[name] == 0 for name in ("answer", "x", "c", "control", "reference"))
    assert found["text"]
    assert found["another size"]
    assert found["options"]


def test_the_border_step_falls_with_a_network_that_looks_at_neighbors(in_host, tiny_models):
    found = in_host.call("seam.border_with_neighbors", paths=tiny_models)
    assert found["spread"] > 0.05
    mean = {mode: sum(found[mode]) / 4 for mode in ("off", "upstream t2p", "upstream i2p", "every step")}
    print(mean)
    assert mean["off"] > 1.5
    for mode in ("upstream t2p", "upstream i2p", "every step"):
        assert mean[mode] < mean["off"] - 0.5 * (mean["off"] - 1), mode
