"""PanoLoRA in the real host: every naming against weights edited by hand, and what must be refused."""

from __future__ import annotations

import json

import pytest
import torch
from comfy_server import HostProcess
from lora_files import (
    RANK,
    Change,
    changed,
    tensors_of,
    write_bad_loras,
    write_flux_loras,
    write_wan_loras,
)
from oracle_video import merge_upstream as merge_slowly
from safetensors.torch import load_file, save_file
from tiny_models import write_tiny_models
from trained_loras import write_trained_flux, write_trained_wan

pytestmark = pytest.mark.host

STRENGTH = 0.7
EPS32 = torch.finfo(torch.float32).eps

WAN_FILES = [
    "wan_native_default.safetensors",
    "wan_native.safetensors",
    "wan_prefixed.safetensors",
    "wan_peft.safetensors",
    "wan_diffusers.safetensors",
    "wan_transformer.safetensors",
    "wan_kohya.safetensors",
    "wan_fun.safetensors",
    "wan_nested.ckpt",
]
FLUX_FILES = [
    "flux_diffusers.safetensors",
    "flux_bare_diffusers.safetensors",
    "flux_peft.bin",
    "flux_onetrainer.safetensors",
    "flux_kohya.safetensors",
    "flux_bfl.safetensors",
    "flux_bfl_prefixed.safetensors",
]
TRAINED = ["trained_wan.safetensors", "trained_flux.safetensors"]  # as the training commands write them
BAD_FILES = [
    "half.safetensors",
    "alien.safetensors",
    "wide.safetensors",
    "empty.safetensors",
    "cut.safetensors",
    "cut.ckpt",
    "code.ckpt",
    "bare_code.bin",
    "nan.safetensors",
    "unpaired.safetensors",
    "model.safetensors",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A base folder with tiny models, LoRA files for them, and models edited by hand."""
    base = tmp_path_factory.mktemp("lora")
    models = base / "models"
    loras, nets, work = models / "loras", models / "diffusion_models", base / "work"
    work.mkdir()
    tiny = write_tiny_models(models, ["wan21_i2v", "flux_dev", "wan22_5b"])
    wan = write_wan_loras(loras, tiny["wan21_i2v"])
    flux = write_flux_loras(loras, tiny["flux_dev"])
    assert [*wan] == WAN_FILES
    assert [*flux] == FLUX_FILES
    trained = {
        TRAINED[0]: ("wan21_i2v", write_trained_wan(loras / TRAINED[0])),
        TRAINED[1]: ("flux_dev", write_trained_flux(loras / TRAINED[1])),
    }
    for kind, path, changes in (
        ("wan", tiny["wan21_i2v"], wan[WAN_FILES[0]]),
        ("flux", tiny["flux_dev"], flux[FLUX_FILES[0]]),
    ):
        edited = changed(load_file(path), changes, STRENGTH)
        save_file({k: v.float().contiguous() for k, v in edited.items()}, nets / f"edited_{kind}.safetensors")
    write_bad_loras(loras / "bad", loras / WAN_FILES[1], base / "harm")
    weights = load_file(tiny["wan21_i2v"])
    tree = models / "checkpoints/checkpoints/Wan-AI/wan_lora/checkpoints"
    tree.mkdir(parents=True)
    torch.save(
        tensors_of(wan[WAN_FILES[0]], (".lora_A.default.weight", ".lora_B.default.weight")),
        tree / "pano_video_gen_480p.ckpt",
    )
    few = write_few_bits(loras, nets, weights)
    write_small(loras, tiny["wan22_5b"], wan[WAN_FILES[1]])
    lokr = {"w1": torch.randn(4, 4) / 4, "w2": torch.randn(64, 64) / 16}
    save_file(
        {f"diffusion_model.blocks.0.self_attn.q.lokr_{k}": v for k, v in lokr.items()},
        loras / "wan_lokr.safetensors",
    )
    scaled = write_scaled(loras, tiny)
    plan = {
        "wan": [*WAN_FILES, TRAINED[0]],
        "flux": [*FLUX_FILES, TRAINED[1]],
        "bad": BAD_FILES,
        "merged": [c.key for c in few],
        "fp8": "blocks.0.ffn.0.weight",
    }
    (work / "plan.json").write_text(json.dumps(plan))
    files = {**{n: ("wan21_i2v", c) for n, c in wan.items()}, **{n: ("flux_dev", c) for n, c in flux.items()}}
    files |= trained
    return {
        "base": base,
        "work": work,
        "tiny": tiny,
        "files": files,
        "few": few,
        "lokr": lokr,
        "scaled": scaled,
    }


def write_scaled(loras, tiny):
    """Write files with magnitudes (kohya's names; diffusers' names for rows of a fused weight) and header alphas.

    Returns the changes of each, their factor, and the magnitudes by module name.
    """
    wan, flux = load_file(tiny["wan21_i2v"]), load_file(tiny["flux_dev"])
    q, qkv = "blocks.0.self_attn.q.weight", "double_blocks.0.img_attn.qkv.weight"
    width = flux[qkv].shape[1]
    kohya = Change("lora_unet_blocks_0_self_attn_q", q, slice(None), *pair_of(wan[q].shape), 0.5)
    rows = Change(
        "transformer.transformer_blocks.0.attn.to_k",
        qkv,
        slice(width, 2 * width),
        *pair_of((width, width)),
        2.0,
    )
    header = Change("transformer.blocks.0.attn1.to_q", q, slice(None), *pair_of(wan[q].shape), 4.0)
    lengths = 1 + torch.rand(width, generator=torch.Generator().manual_seed(3))
    save_file(
        tensors_of([kohya], (".lora_down.weight", ".lora_up.weight"), with_alpha=True)
        | {f"{kohya.stem}.dora_scale": lengths[:, None]},
        loras / "wan_dora.safetensors",
    )
    about = {"transformer.lora_alpha": str(2 * RANK), "transformer.r": str(RANK)}
    names = (".lora_A.weight", ".lora_B.weight")
    save_file(
        tensors_of([rows], names) | {f"{rows.stem}.lora_magnitude_vector": lengths},
        loras / "flux_dora.safetensors",
        {"lora_adapter_metadata": json.dumps({k: int(v) for k, v in about.items()})},
    )
    save_file(
        tensors_of([header], names),
        loras / "wan_header.safetensors",
        {**about, "transformer.lora_alpha": str(4 * RANK)},
    )
    return {
        "wan_dora.safetensors": ("wan21_i2v", kohya, lengths),
        "flux_dora.safetensors": ("flux_dev", rows, lengths),
        "wan_header.safetensors": ("wan21_i2v", header, None),
    }


def pair_of(shape):
    rng = torch.Generator().manual_seed(4)
    return torch.randn(RANK, shape[1], generator=rng) / shape[1] ** 0.5, torch.randn(
        shape[0], RANK, generator=rng
    ) / 4


def write_few_bits(loras, nets, weights):
    """Write a LoRA of few-bit numbers, whose products are exact in any order, and a bfloat16 model."""
    rng = torch.Generator().manual_seed(8)
    changes = []
    for key in ("blocks.0.cross_attn.v.weight", "blocks.1.ffn.0.weight"):
        rows, columns = weights[key].shape
        A = torch.randint(-15, 16, (RANK, columns), generator=rng) / 128
        B = torch.randint(-15, 16, (rows, RANK), generator=rng) / 128
        A[:, ::5] = 0  # there the weight itself must come out to the bit, tiny ones too
        changes.append(Change(key.removesuffix(".weight"), key, slice(None), A, B))
    save_file(
        tensors_of(changes, (".lora_A.default.weight", ".lora_B.default.weight")),
        loras / "wan_few_bits.safetensors",
    )
    tiny = {name: tensor.bfloat16() for name, tensor in weights.items()}
    for change in changes:
        tiny[change.key][::3] *= 1e-4  # below float16's normal range
    save_file(tiny, nets / "tiny_wan21_bf16.safetensors")
    return changes


def write_small(loras, model, like):
    """Write LoRA files for the tiny 5B: whole, without its embedding, and with half of it."""
    weights = load_file(model)
    pairs = {}
    for name, tensor in tensors_of(like, (".lora_A.default.weight", ".lora_B.default.weight")).items():
        if "k_img" not in name:
            pairs[name] = tensor
    width, channels = weights["patch_embedding.weight"].shape[:2]
    assert channels == 48
    layer = {
        "patch_embedding_extra_concate.weight": torch.randn(width, 52, 1, 2, 2) / 20,
        "patch_embedding_extra_concate.bias": torch.randn(width),
    }
    unused = {"img_emb.proj.0.weight": torch.ones(1280), "img_emb.proj.1.weight": torch.zeros(8, 8)}
    save_file({**pairs, **layer, **unused}, loras / "small_whole.safetensors")
    save_file(pairs, loras / "small_lora.safetensors")
    save_file(
        {**pairs, "patch_embedding_extra_concate.bias": torch.zeros(width)}, loras / "small_half.safetensors"
    )


@pytest.fixture(scope="module")
def answers(host_place, place):
    with HostProcess(host_place, place["base"]) as process:
        return process.call("pano_lora.loras", work=place["work"], strength=STRENGTH)


def native(key):
    """Tiny FLUX files name norms as released ones do; the host calls them otherwise once loaded."""
    return key.removesuffix("scale") + "weight" if key.endswith("norm.scale") else key


@pytest.mark.parametrize("name", [*WAN_FILES, *FLUX_FILES, *TRAINED])
def test_weights_are_w_plus_s_ba(answers, place, name):
    kind, changes = place["files"][name]
    before = load_file(place["tiny"][kind])
    now = load_file(place["work"] / f"now_{name}.safetensors")
    wanted = changed(before, changes, STRENGTH)
    # The host rounds products and sums of RANK terms, the factor, and the sum with the weight, all in float32.
    sizes = changed(
        {name: tensor.abs() for name, tensor in before.items()},
        [Change(c.stem, c.key, c.rows, c.A.abs(), c.B.abs(), c.scale, c.swaps_halves) for c in changes],
        STRENGTH,
    )
    touched = {change.key for change in changes}
    for key, value in before.items():
        got = now[native(key) if native(key) in now else key.replace("_norm.scale", "_norm.weight")]
        if key not in touched:
            assert torch.equal(got, value), key
            continue
        assert ((got.double() - wanted[key]).abs() <= (RANK + 3) * EPS32 * sizes[key]).all(), key
        assert (wanted[key] - value).abs().max() > 1e-3 * value.abs().max(), key
    assert answers[name]["report"].startswith(f"{name}: {len(changes)} of {len(changes)} targets matched.")
    assert answers[name]["ui"] == answers[name]["report"]


@pytest.mark.parametrize("name", ["wan_dora.safetensors", "flux_dora.safetensors", "wan_header.safetensors"])
def test_magnitudes_and_header_alphas(answers, place, name):
    """DoRA from its definition: rows of W + s B A, made as long as the file says; then STRENGTH of the way there."""
    kind, change, lengths = place["scaled"][name]
    before, now = load_file(place["tiny"][kind]), load_file(place["work"] / f"now_{name}.safetensors")
    wanted = {key: value.double() for key, value in before.items()}
    plain = wanted[change.key][change.rows]
    merged = plain + change.scale * change.B.double() @ change.A.double()
    if lengths is not None:
        merged = merged * (lengths.double() / merged.norm(dim=1))[:, None]
    wanted[change.key][change.rows] += STRENGTH * (merged - plain)
    for key, value in wanted.items():
        got = now[native(key) if native(key) in now else key.replace("_norm.scale", "_norm.weight")]
        if key != change.key:
            assert torch.equal(got.double(), value), key
    # As above, and the norm of a row: a sum of `width` squares, its root and a division, each rounded in float32.
    off = (now[change.key].double() - wanted[change.key]).abs().max()
    assert off <= (RANK + merged.shape[1] / 2 + 8) * EPS32 * wanted[change.key].abs().max()
    assert (wanted[change.key] - before[change.key]).abs().max() > 0.05
    says = {
        "wan_dora.safetensors": "Scale from the file's own alpha tensors, alpha / rank: 0.5.\nDoRA: 1 modules",
        "flux_dora.safetensors": "Scale from lora_adapter_metadata in the header, alpha / rank: 2 for 1 modules.\nDoRA",
        "wan_header.safetensors": "Scale from transformer.lora_alpha in the header, alpha / rank: 4 for 1 modules.",
    }
    assert says[name] in answers[name]
    assert "merge upstream needs plain pairs" in answers["bad"]["upstream dora"][1]


NAMINGS = {
    "wan_native_default.safetensors": "native",
    "wan_peft.safetensors": "peft",
    "wan_diffusers.safetensors": "diffusers",
    "wan_kohya.safetensors": "kohya",
    "flux_diffusers.safetensors": "diffusers",
    "flux_bfl.safetensors": "BFL",
    "flux_kohya.safetensors": "kohya",
    "flux_peft.bin": "peft",
}


@pytest.mark.parametrize(("name", "naming"), NAMINGS.items())
def test_the_report_says_what_it_is(answers, name, naming):
    model = "FLUX (width 256)" if name.startswith("flux") else "Wan I2V (width 256)"
    line = answers[name]["report"].splitlines()[1]
    assert line == f"Made for {model}, {naming} names, rank {RANK}; the model is {model}."


@pytest.mark.parametrize("kind", ["wan", "flux"])
def test_samples_equal_those_of_edited_weights(answers, kind):
    found = answers[f"sample_{kind}"]
    # Weights differ by roundings of float32, some 1e-7 of their size; two blocks and two steps make little of it.
    # Worst seen: 2e-6 of the size.
    assert found["off"] <= 2e-5 * found["size"]
    assert found["change"] > 0.02 * found["size"]


def test_removing_the_node_leaves_no_trace(answers):
    assert answers["trace"] == {"wan": [True, True, True], "flux": [True, True, True]}


def test_in_a_row_with_cores_loader(answers, place):
    before = load_file(place["tiny"]["wan21_i2v"])
    now = load_file(place["work"] / "chained.safetensors")
    wanted = before
    for name, strength in ((WAN_FILES[0], 0.5), (WAN_FILES[2], 0.25), (WAN_FILES[6], -1.0)):
        wanted = changed(wanted, place["files"][name][1], strength)
    for key in before:
        # Three additions instead of one; values stay below 2.
        assert ((now[key].double() - wanted[key]).abs() <= 3 * (RANK + 3) * EPS32 * 2).all(), key
    assert answers["first_untouched"] == len(place["files"][WAN_FILES[0]][1])


def test_seam_handling_alone(answers):
    seam = answers["seam"]
    assert seam["report"] == "No LoRA.\nLatent roll: every step."
    assert seam["changes"] > 1e-3
    assert seam["wrappers"]
    assert seam["kept"]
    assert seam["again"]
    assert seam["base"]


def test_strength_zero_changes_nothing(answers):
    report, patches = answers["zero"]
    assert "Strength 0: no weight is changed." in report
    assert patches == 0


REFUSED = [
    ("half.safetensors", "WeightsMismatch", "11 of 22 targets do. 11 unexpected, first blocks.9"),
    ("alien.safetensors", "WeightsMismatch", "none of its 22 targets does. 22 unexpected, first what.blocks"),
    (
        "wide.safetensors",
        "WeightsMismatch",
        "is a LoRA for Wan I2V (width 512); the model is Wan I2V (width 256)",
    ),
    ("empty.safetensors", "FormatError", "empty.safetensors is empty (0 bytes)"),
    ("cut.safetensors", "FormatError", "cut.safetensors is truncated or damaged"),
    ("cut.ckpt", "FormatError", "cut.ckpt is truncated or damaged"),
    ("code.ckpt", "FormatError", "code.ckpt holds Python code or objects besides tensors"),
    ("bare_code.bin", "FormatError", "bare_code.bin holds Python code or objects besides tensors"),
    ("nan.safetensors", "FormatError", "values of blocks.0.cross_attn.k.lora_A.weight are NaN or infinite"),
    ("unpaired.safetensors", "FormatError", "blocks.0.cross_attn.k has B (up) but no A (down)"),
    ("model.safetensors", "FormatError", "it looks like a whole model"),
    ("other family", "WeightsMismatch", "is a LoRA for Wan I2V (width 256); the model is FLUX (width 256)"),
    (
        "other family, not strict",
        "WeightsMismatch",
        "is a LoRA for Wan I2V (width 256); the model is FLUX (width 256)",
    ),
    (
        "missing",
        "InvalidInput",
        "'gone.safetensors' is not in the host's loras, matrix3d and checkpoints folders",
    ),
    ("merge", "InvalidInput", "merge must be one of patch, upstream; got 'other'"),
    (
        "upstream lokr",
        "InvalidInput",
        "merge upstream needs plain pairs of A and B; wan_lokr.safetensors has 1 targets",
    ),
]


@pytest.mark.parametrize(("name", "kind", "says"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_refused(answers, place, name, kind, says):
    assert answers["bad"][name][0] == kind
    assert says in answers["bad"][name][1]
    assert not (place["base"] / "harm").exists()


def test_half_a_fit_without_strict(answers):
    report, patches = answers["half"]
    assert patches == 11
    assert "half.safetensors: 11 of 22 targets matched." in report
    assert "Left out: 11 unexpected, first blocks.9" in report


def test_other_kinds_of_lora_are_the_hosts(answers, place):
    key = "blocks.0.self_attn.q.weight"
    before, now = (
        load_file(place["tiny"]["wan21_i2v"])[key],
        load_file(place["work"] / "lokr.safetensors")[key],
    )
    wanted = before.double() + STRENGTH * torch.kron(
        place["lokr"]["w1"].double(), place["lokr"]["w2"].double()
    )
    torch.testing.assert_close(now.double(), wanted, rtol=4 * EPS32, atol=4 * EPS32)
    assert "1 of 1 targets matched" in answers["lokr"]


@pytest.mark.parametrize("file", ["merged", "merged_16"])
def test_upstreams_merge_to_the_bit(answers, place, file):
    assert answers["dtype"] == "torch.bfloat16"
    before = load_file(place["base"] / "models/diffusion_models/tiny_wan21_bf16.safetensors")
    now = load_file(place["work"] / f"{file}.safetensors")
    for change in place["few"]:
        W, A, B = (t.double().numpy() for t in (before[change.key], change.A, change.B))
        wanted = torch.from_numpy(merge_slowly(W, A, B))
        assert now[change.key].dtype == torch.bfloat16
        assert torch.equal(now[change.key].double(), wanted), change.key
        once = (before[change.key].double() + change.B.double() @ change.A.double()).bfloat16().double()
        assert (once != wanted).any()  # one rounding instead of two would show
    assert "upstream's arithmetic (bfloat16, no alpha / rank)" in answers["upstream_report"]
    assert answers["upstream_off"]


@pytest.mark.parametrize("merge", ["patch", "upstream"])
def test_patched_in_parts_when_memory_is_short(answers, merge):
    off, change, patched_on_the_fly = answers[f"parts_{merge}"]
    assert patched_on_the_fly > 4
    assert change > 0.01
    # The same arithmetic in float32; worst seen 0.
    assert off <= 1e-5 * change


@pytest.mark.parametrize("merge", ["patch", "upstream"])
def test_weights_in_fp8(answers, place, merge):
    assert answers[f"fp8_{merge}"] == "torch.float8_e4m3fn"
    assert answers[f"fp8_finite_{merge}"]
    found = load_file(place["work"] / f"fp8_{merge}.safetensors")
    (change,) = (c for c in place["files"][WAN_FILES[0]][1] if c.key == "blocks.0.ffn.0.weight")
    wanted = found["before"].double() + change.B.double() @ change.A.double()
    # One step of e4m3 is 2^-3 of the value, and 2^-9 at the bottom; bfloat16's own 2^-7 comes on top.
    assert (
        (found["now"].double() - wanted).abs() <= (2**-3 + 2**-7) * wanted.abs() + 2**-9 + 2**-7 * 0.5
    ).all()


def test_the_5b(answers):
    five = answers["five"]
    assert "20 of 20 targets matched" in five["report"]
    assert "Brings patch_embedding_extra_concate" in five["report"]
    assert "Not needed and ignored: 2, first img_emb.proj.0.weight." in five["report"]
    assert five["layer"] == [True, True]
    assert five["base"]
    assert five["again"]
    kind, text = five["lacks"]
    assert kind == "WeightsMismatch"
    assert (
        "small_lora.safetensors lacks patch_embedding_extra_concate.weight [256, 52, 1, 2, 2] and .bias [256]"
        in text
    )
    assert "lacks patch_embedding_extra_concate.weight [256, 52, 1, 2, 2]" in five["half"][1]
    assert "Note: the file lacks patch_embedding_extra_concate.weight" in five["lenient"]
    assert "lacks" not in five["second"]  # an earlier node has installed it
    assert "2 unexpected, first patch_embedding_extra_concate.weight" in five["on wan 2.1"][1]


def test_names_and_folders(answers, place):
    names = answers["names"]
    assert names[0] == "none"
    assert set(WAN_FILES) <= set(names)
    assert "bad/half.safetensors" in names
    assert names[-1] == "checkpoints: checkpoints/Wan-AI/wan_lora/checkpoints/pano_video_gen_480p.ckpt"
    assert answers["valid"][:3] == [True] * 3
    assert "'gone.safetensors' is not in the host's loras" in answers["valid"][3]
    assert answers["prints"] == ["", True]
    assert answers["upstream_tree"] == "pano_video_gen_480p.ckpt: 22 of 22 targets matched."
    assert str(place["base"] / "models" / "matrix3d") in answers["folder"]


def test_through_the_queue(comfy, tiny_models, place):
    """The node in a prompt: the report reaches another node and the page; a wrong name is refused before it runs."""
    target = comfy.base / "models" / "loras" / "queue_lora.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes((place["base"] / "models" / "loras" / WAN_FILES[0]).read_bytes())
    prompt = {
        "1": comfy.node("UNETLoader", unet_name=tiny_models["wan21_i2v"].name),
        "2": comfy.node("PanoLoRA", model=["1", 0], lora_name="queue_lora.safetensors"),
        "3": comfy.node("PreviewAny", source=["2", 1]),
    }
    shown = comfy.run(prompt)
    assert "22 of 22 targets matched" in shown["2"]["text"][0]
    assert shown["3"]["text"][0] == shown["2"]["text"][0]
    prompt["2"]["inputs"]["lora_name"] = "no_such_file.safetensors"
    with pytest.raises(Exception, match="no_such_file") as caught:
        comfy.post(prompt)
    assert "is not in the host's loras" in str(caught.value) + str(getattr(caught.value, "details", ""))
