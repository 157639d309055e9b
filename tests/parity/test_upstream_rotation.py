"""The rolled latent against a loop that really rolls it, on the host's own networks."""

from pathlib import Path

import oracle_video as oracle
import pytest
from comfy_server import run_in_host
from tiny_models import write_tiny_models

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


CODE = r"""
sys.path.insert(0, SUPPORT)
import numpy as np, torch
from pathlib import Path

import oracle_video as oracle
import comfy.sd, nodes, node_helpers
load_pack()
install_seam = submodule("nodes._host_seam").install_seam
STEPS = 10

def load(name):
    return comfy.sd.load_diffusion_model(os.path.join(_base, "models", "diffusion_models", name))

def by_hand(model, latent, concat, seed, undo, **cond):
    "Euler steps on a latent that is really rolled, the plain network called directly."
    patcher = model.clone()
    import comfy.model_management as mm
    mm.load_models_gpu([patcher])
    net, sampling = patcher.model, patcher.get_model_object("model_sampling")
    sigmas = nodes.comfy.samplers.calculate_sigmas(sampling, "simple", STEPS).tolist()
    def step(x, c, i):
        with torch.no_grad():
            given = {} if c is None else {"c_concat": torch.from_numpy(c)}
            x = torch.from_numpy(x)
            clean = net.apply_model(x, torch.full((x.shape[0],), sigmas[i]), **given, **cond)
        return (x + (x - clean) / sigmas[i] * (sigmas[i + 1] - sigmas[i])).numpy()
    out, given = oracle.rotated_run(latent, step, STEPS, seed, undo=undo, concat=concat)
    return net.process_latent_out(torch.from_numpy(out)), given

def compare(model, mode, shape, seed, concat_cond, cond_extra, by_hand_cond):
    "Largest difference from the hand-made run, and from the run without rolls, over the size of the result."
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    undo = mode == "upstream i2p"
    text = torch.randn(1, 6, 4096, generator=torch.Generator().manual_seed(1))
    positive = [[text, dict(cond_extra)]]
    if concat_cond:
        image, mask = concat_cond
        positive = node_helpers.conditioning_set_values(positive, {"concat_latent_image": image, "concat_mask": 1 - mask})
        concat = torch.cat((mask, model.model.process_latent_in(image)), 1).numpy()
    else:
        concat = None
    hand, given = by_hand(model, noise.numpy(), concat, seed, undo, c_crossattn=text, **by_hand_cond)
    runs = {}
    for name in ("off", mode):
        m = model.clone()
        install_seam(m, name)
        latent = {"samples": torch.zeros(shape)}
        runs[name] = nodes.common_ksampler(m, seed, STEPS, 1.0, "euler", "simple", positive, positive, latent)[0]["samples"]
    size = hand.abs().max()
    return [((runs[n] - hand).abs().max() / size).item() for n in (mode, "off")]

out = {}
wan = load("tiny_wan21_i2v.safetensors")
g = torch.Generator().manual_seed(9)
pair = torch.randn(1, 16, 2, 4, 10, generator=g), torch.rand(1, 4, 2, 4, 10, generator=g)
out["wan i2p"] = compare(wan, "upstream i2p", (1, 16, 2, 4, 10), 3, pair, {}, {})
flux = load("tiny_flux_dev.safetensors")
pooled = torch.randn(1, 768, generator=g)
extra = {"pooled_output": pooled, "guidance": 7.0}
direct = {"y": pooled, "guidance": torch.tensor([7.0])}
out["flux t2p"] = compare(flux, "upstream t2p", (1, 16, 6, 10), 4, None, extra, direct)
result(out)
"""


@pytest.mark.host
def test_samplers_run_equals_the_rolled_loop(host_place, tmp_path):

    write_tiny_models(tmp_path / "base" / "models", ["wan21_i2v", "flux_dev"])
    code = f"SUPPORT = {str(Path(oracle.__file__).parent)!r}\n" + CODE
    for name, (seam, off) in run_in_host(code, host_place, tmp_path / "base").items():
        # Ten steps of float32; the order of the sums inside the attention changes with the roll.
        assert seam < 1e-4, (name, seam, off)
        assert off > 1e-2, (name, seam, off)
