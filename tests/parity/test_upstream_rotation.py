"""The rolled latent against a loop that really rolls it, on the host's own networks."""

import oracle_video as oracle
import pytest

from matrix3d_core.diffusion.latent_roll import roll_plan


@pytest.mark.parametrize(
    ("steps", "width", "seed"), [(50, 128, 380), (50, 200, 0), (10, 9, 7), (7, 2, 1), (3, 8, 5), (1, 4, 0)]
)
@pytest.mark.parametrize("mode", ["upstream t2p", "upstream i2p"])
def test_plan_has_upstreams_rolls(mode, steps, width, seed):
    rolls = oracle.rolls_after_steps(steps, width, seed)
    plan = roll_plan(mode, steps, width, seed)
    assert list(plan.offsets) == [sum(rolls[:i]) % width for i in range(steps)]
    assert plan.final == (sum(rolls) % width if mode == "upstream t2p" else 0)


@pytest.mark.host
def test_samplers_run_equals_the_rolled_loop(in_host, tiny_models):
    files = {kind: tiny_models[kind] for kind in ("wan21_i2v", "flux_dev")}
    for name, (seam, off) in in_host.call("rolled_latents.differences", **files).items():
        # Ten steps of float32; the order of the sums inside the attention changes with the roll.
        assert seam < 1e-4, (name, seam, off)
        assert off > 1e-2, (name, seam, off)
