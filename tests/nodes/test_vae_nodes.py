"""PanoVAEEncode, PanoVAEDecode and PanoSeamMetric on the host's own FLUX and Wan VAEs."""

from __future__ import annotations

import pytest
from comfy_server import run_in_host

pytestmark = pytest.mark.host

_SETUP = """
import comfy.model_management, comfy.sd, comfy.utils
import torch
nodes = load_nodes()
torch.set_num_threads(1)  # others may be at work; two threads that wait for each other are slower
encode, decode, metric = (nodes[n] for n in ("PanoVAEEncode", "PanoVAEDecode", "PanoSeamMetric"))
for node in (encode, decode, metric):
    node.hidden = types.SimpleNamespace(unique_id=None)
TILES = dict(tile_height=0, tile_width=0, overlap=96, margin=18)

def vae_of(kind):
    state, metadata = comfy.utils.load_torch_file(paths[kind], return_metadata=True)
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
    try:
        call(*args, **options)
    except BaseException as error:  # the host's interrupt is none of Exception's
        return f"{type(error).__name__}: {error}"
    return "nothing"
"""


@pytest.fixture
def in_host(host_place, host_base, tiny_models):
    """Run code after the setup above; return what it gives to ``result``."""
    paths = {kind: str(path) for kind, path in tiny_models.items()}

    def run(code):
        return run_in_host(f"paths = {paths!r}\n{_SETUP}\n{code}", host_place, host_base, timeout=400)

    return run


def test_a_turned_latent_decodes_to_the_turned_picture(in_host):
    """Within 1e-5, with FLUX's group normalization and both VAEs' attention; core's decoder is far from it."""
    found = in_host("""
out = {}
for kind, shape in {"flux_vae": (1, 16, 8, 16), "wan_vae": (1, 16, 2, 8, 16)}.items():
    vae, z = vae_of(kind), smooth(shape)
    for border in ("auto", "exact", "none"):
        for tile_height in (0, 40) if border == "auto" else (0,):
            a = call(decode, {"samples": z}, vae, border=border, tile_height=tile_height, overlap=16)[0]
            b = call(decode, {"samples": torch.roll(z, -5, -1)}, vae, border=border, tile_height=tile_height, overlap=16)[0]
            row = {"decode": gap(b, torch.roll(a, -40, 2)), "spread": float(a.std()), "shape": list(a.shape)}
            row["seam"] = metric.execute(a).args[0]
            out[f"{kind} {border} {tile_height}"] = row
    if kind == "flux_vae":
        core = vae.decode(z)
        out["core"] = gap(core, call(decode, {"samples": z}, vae, border="none")[0])
    la = call(encode, a, vae, border="auto")[0]["samples"]
    lb = call(encode, torch.roll(a, -40, 2), vae, border="auto")[0]["samples"]
    out[f"{kind} auto 0"]["encode"] = gap(lb, torch.roll(la, -5, -1)) / float(la.abs().max())
    out[f"{kind} auto 0"]["latent"] = list(la.shape)
    out[f"{kind} auto 0"]["trace"] = [n for n, m in vae.first_stage_model.named_modules() if "_conv_forward" in vars(m)]
result(out)
""")
    assert found.pop("core") == 0
    for name, row in found.items():
        assert row["spread"] > 0.1, name
        if "none" in name:
            assert row["decode"] > 0.1
            assert row["seam"] > 1.4
        else:
            assert row["decode"] < 1e-5, name
            assert row["seam"] < 1.2, name
    assert found["flux_vae auto 0"]["shape"] == [1, 64, 128, 3]
    assert found["wan_vae auto 0"]["shape"] == [5, 64, 128, 3]
    assert found["flux_vae auto 0"]["latent"] == [1, 16, 8, 16]
    assert found["wan_vae auto 0"]["latent"] == [1, 16, 2, 8, 16]
    for kind in ("flux_vae", "wan_vae"):
        assert found[f"{kind} auto 0"]["encode"] < 1e-5  # of the largest latent
        assert found[f"{kind} auto 0"]["trace"] == []


def test_padding_tiles_stops_and_bad_inputs(in_host):
    found = in_host("""
vae, wan = vae_of("flux_vae"), vae_of("wan_vae")
z = smooth((2, 16, 8, 16))
a = call(decode, {"samples": z}, vae, border="exact")[0]
out = {"far": {}}
for name, options in {
    "padded": dict(border="padded", margin=8),
    "upstream": dict(border="upstream 16 px"),
    "none": dict(border="none"),
    "tiles": dict(border="auto", tile_width=64, overlap=24),
}.items():
    b = call(decode, {"samples": z}, vae, **options)[0]
    out["far"][name] = [float((a - b).abs().mean()), metric.execute(b).args[0], list(b.shape)]
out["errors"] = {
    "size": raises(call, encode, a[:, :60], vae, border="auto"),
    "frames": raises(call, encode, a[:1].repeat(4, 1, 1, 1), wan, border="auto"),
    "nan": raises(call, decode, {"samples": z * float("nan")}, vae, border="auto"),
    "tiles": raises(call, decode, {"samples": z}, vae, border="exact", tile_width=96),
    "no vae": raises(call, decode, {"samples": z}, object(), border="auto"),
}
# The user presses stop while the network is at work.
hook = vae.first_stage_model.decoder.conv_in.register_forward_hook(
    lambda *a: comfy.model_management.interrupt_current_processing(True)
)
out["stopped"] = raises(call, decode, {"samples": z}, vae, border="exact")
hook.remove()
comfy.model_management.interrupt_current_processing(False)
out["after a stop"] = gap(a, call(decode, {"samples": z}, vae, border="exact")[0])

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
out["memory"] = raises(call, decode, {"samples": big}, vae, border="exact")
out["calls"] = calls
result(out)
""")
    far = found["far"]
    assert far["padded"][0] < far["none"][0] / 3
    assert far["upstream"][0] < far["none"][0]
    assert far["padded"][1] < 1.3 < far["none"][1]
    assert far["tiles"][1] < 1.3
    assert all(shape == [2, 64, 128, 3] for _, _, shape in far.values())
    says = {
        "size": "multiples of 8 to be encoded; got 128x60",
        "frames": "must be 4k + 1 frames for this VAE (1, 5, 9, ...); got 4. Use 1 or 5 frames",
        "nan": "latent must be finite",
        "tiles": "needs the whole width, but the tile width is 96",
        "no vae": "vae must be one for pictures or videos",
    }
    for name, words in says.items():
        assert words in found["errors"][name]
    assert found["stopped"].startswith("InterruptProcessingException")
    assert found["after a stop"] == 0
    assert "pictures must keep their width while convolutions wrap around" in found["memory"]
    assert len(found["calls"]) == 2


def test_metric_reports_in_words(in_host):
    found = in_host("""
picture = torch.linspace(0, 1, 64)[None, None, :, None].expand(2, 32, 64, 3)
output = metric.execute(picture)
result([*output.args, output.ui.as_dict()["text"]])
""")
    seam, pole, report, text = found
    assert seam > 20  # white against black
    assert pole > 3
    assert "border:" in report
    assert "worst of 2 pictures" in report
    assert list(text) == [report]
