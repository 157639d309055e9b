"""PanoLoRA: every naming, merges, refusals, and what it leaves on the model."""

from __future__ import annotations

import json
import os
from typing import Any

import comfy.lora
import comfy.model_management as mm
import comfy.sample
import comfy.samplers
import comfy.sd
import folder_paths
import pack
import torch
from safetensors.torch import load_file, save_file

import nodes as core_nodes


def loras(work: str, strength: float) -> dict[str, Any]:
    """Apply every file of ``plan.json`` in ``work``; save the weights there, return reports, refusals and traces."""
    PanoLoRA, out = pack.nodes()["PanoLoRA"], {}
    plan = json.load(open(os.path.join(work, "plan.json")))

    def load(name, **options):
        return comfy.sd.load_diffusion_model(
            folder_paths.get_full_path_or_raise("diffusion_models", name), model_options=options
        )

    def run(
        model,
        name,
        strength=strength,
        merge="patch",
        strict=True,
        seam="off",
        seam_seed=-1,
        start=0.6,
        multiple=0,
    ):
        return PanoLoRA.execute(model, name, strength, merge, strict, seam, seam_seed, start, multiple)

    def weights(model):
        "The weights as they count once the host has loaded this clone."
        mm.load_models_gpu([model])
        prefix = "diffusion_model."
        return {
            k[len(prefix) :]: v.clone() for k, v in model.model.state_dict().items() if k.startswith(prefix)
        }

    def trace(model):
        return json.dumps(
            {
                "patches": sorted(map(str, model.patches)),
                "objects": sorted(model.object_patches),
                "wrappers": sorted(str((k, sorted(w))) for k, w in model.wrappers.items() if w),
                "options": str(model.model_options),
                "attachments": sorted(model.attachments),
                "weight_wrappers": sorted(model.weight_wrapper_patches),
                "callbacks": str(model.callbacks),
            }
        )

    def sample(model, kind, seed=3):
        torch.manual_seed(0)
        shape = {"wan": (1, 16, 3, 4, 8), "flux": (1, 16, 4, 8), "small": (1, 48, 3, 4, 8)}[kind]
        context = torch.randn(1, 6, 4096)
        cond = [[context, {"pooled_output": torch.randn(1, 768)}]]
        noise = comfy.sample.prepare_noise(torch.zeros(shape), seed)
        return comfy.sample.sample(
            model,
            noise,
            2,
            3.0 if kind == "wan" else 1.0,
            "euler",
            "simple",
            cond,
            cond,
            torch.zeros(shape),
            seed=seed,
            disable_pbar=True,
        )

    models = {"wan": load("tiny_wan21_i2v.safetensors"), "flux": load("tiny_flux_dev.safetensors")}
    before = {kind: weights(model) for kind, model in models.items()}
    clean = {kind: trace(model) for kind, model in models.items()}
    plain = {kind: sample(model, kind) for kind, model in models.items()}

    # Every naming: the weights, once the host has loaded the clone, and the report.
    for kind, files in (("wan", plan["wan"]), ("flux", plan["flux"])):
        for name in files:
            done = run(models[kind], name)
            now = weights(done.result[0])
            save_file(
                {k: v.contiguous() for k, v in now.items()}, os.path.join(work, f"now_{name}.safetensors")
            )
            out[name] = {"report": done.result[1], "ui": pack.ui(done)["text"][0]}

    # What is sampled: with the LoRA, and with a file whose weights were edited by hand.
    for kind, name in (("wan", plan["wan"][0]), ("flux", plan["flux"][0])):
        with_lora = sample(run(models[kind], name).result[0], kind)
        by_hand = sample(load(f"edited_{kind}.safetensors"), kind)
        out["sample_" + kind] = {
            "off": float((with_lora - by_hand).abs().max()),
            "size": float(by_hand.abs().max()),
            "change": float((with_lora - plain[kind]).abs().max()),
        }

    # Without the node again: same weights, same picture, no patches, no wrappers.
    out["trace"] = {
        kind: [
            all(torch.equal(v, before[kind][k]) for k, v in weights(model).items()),
            trace(model) == clean[kind],
            bool(torch.equal(sample(model, kind), plain[kind])),
        ]
        for kind, model in models.items()
    }

    # In a row with core's own loader: all of them add up.
    a, b = plan["wan"][0], plan["wan"][6]
    first = run(models["wan"], a, 0.5).result[0]
    second = core_nodes.LoraLoaderModelOnly().load_lora_model_only(first, plan["wan"][2], 0.25)[0]
    third = run(second, b, -1.0).result[0]
    save_file(weights(third), os.path.join(work, "chained.safetensors"))
    out["first_untouched"] = len(first.patches)

    # Seam handling alone, and beside a LoRA.
    seam = run(models["wan"], "none", seam="every step", seam_seed=4)
    out["seam"] = {
        "report": seam.result[1],
        "wrappers": trace(seam.result[0]) != clean["wan"],
        "changes": float((sample(seam.result[0], "wan") - plain["wan"]).abs().max()),
        "kept": trace(run(seam.result[0], "none").result[0]) == trace(seam.result[0]),
        "again": bool(torch.equal(sample(seam.result[0], "wan"), sample(seam.result[0], "wan"))),
        "base": trace(models["wan"]) == clean["wan"],
    }
    out["zero"] = run(models["wan"], a, 0.0).result[1], len(run(models["wan"], a, 0.0).result[0].patches)

    # Refusals.
    out["bad"] = {
        name: pack.error(lambda name=name: run(models["wan"], "bad/" + name)) for name in plan["bad"]
    }
    out["bad"]["other family"] = pack.error(lambda: run(models["flux"], a))
    out["bad"]["other family, not strict"] = pack.error(lambda: run(models["flux"], a, strict=False))
    out["bad"]["missing"] = pack.error(lambda: run(models["wan"], "gone.safetensors"))
    out["bad"]["merge"] = pack.error(lambda: run(models["wan"], a, merge="other"))
    out["bad"]["upstream lokr"] = pack.error(
        lambda: run(models["wan"], "wan_lokr.safetensors", merge="upstream")
    )
    half = run(models["wan"], "bad/half.safetensors", strict=False)
    out["half"] = [half.result[1], len(half.result[0].patches)]
    out["lokr"] = run(models["wan"], "wan_lokr.safetensors").result[1]
    save_file(
        weights(run(models["wan"], "wan_lokr.safetensors").result[0]), os.path.join(work, "lokr.safetensors")
    )

    # Magnitudes, and alpha in the header.
    for kind, name in (
        ("wan", "wan_dora.safetensors"),
        ("flux", "flux_dora.safetensors"),
        ("wan", "wan_header.safetensors"),
    ):
        done = run(models[kind], name)
        save_file(
            {k: v.contiguous() for k, v in weights(done.result[0]).items()},
            os.path.join(work, f"now_{name}.safetensors"),
        )
        out[name] = done.result[1]
    out["bad"]["upstream dora"] = pack.error(
        lambda: run(models["wan"], "wan_dora.safetensors", merge="upstream")
    )

    # Upstream's arithmetic: on bfloat16 weights, to the bit; as the host does it here, as on GPUs, in parts, and in fp8.
    half_model = load("tiny_wan21_bf16.safetensors", dtype=torch.bfloat16)
    out["dtype"] = str(half_model.model.state_dict()["diffusion_model.blocks.0.ffn.0.weight"].dtype)
    keep = plan["merged"]
    bits = weights(half_model)
    merged = run(half_model, "wan_few_bits.safetensors", 1.0, "upstream").result
    now = weights(merged[0])
    out["upstream_report"] = merged[1]
    save_file({k: now[k] for k in keep}, os.path.join(work, "merged.safetensors"))
    sample(merged[0], "wan")
    out["upstream_off"] = all(torch.equal(v, bits[k]) for k, v in weights(half_model).items())
    with pack.replaced(mm, "lora_compute_dtype", lambda device: torch.float16):
        now = weights(run(half_model, "wan_few_bits.safetensors", 1.0, "upstream").result[0])
    save_file({k: now[k] for k in keep}, os.path.join(work, "merged_16.safetensors"))
    weights(half_model)

    def in_parts(model):
        "Sample with most weights patched on the fly, as the host does when memory is short."

        def little(models, *args, **kwargs):
            for one in models:
                one.unpatch_model()
                one.patch_model(one.load_device, lowvram_model_memory=2_000_000)

        with pack.replaced(mm, "load_models_gpu", little):
            try:
                return sample(model, "wan"), model.model.lowvram_patch_counter
            finally:
                model.unpatch_model()

    for merge in ("patch", "upstream"):
        clone = run(models["wan"], a, 1.0, merge).result[0]
        whole = sample(clone, "wan")
        clone.unpatch_model()
        parts, count = in_parts(clone)
        out["parts_" + merge] = [
            float((parts - whole).abs().max()),
            float((whole - plain["wan"]).abs().max()),
            count,
        ]

    small_bits = load("tiny_wan21_i2v.safetensors", dtype=torch.float8_e4m3fn)
    stored = weights(small_bits)
    for merge in ("patch", "upstream"):
        clone = run(small_bits, a, 1.0, merge).result[0]
        now = weights(clone)
        key = plan["fp8"]
        out["fp8_" + merge] = str(now[key].dtype)
        save_file(
            {"before": stored[key].float(), "now": now[key].float()},
            os.path.join(work, f"fp8_{merge}.safetensors"),
        )
        out["fp8_finite_" + merge] = bool(torch.isfinite(sample(clone, "wan")).all())

    # Wan 2.2 5B.
    five = load("tiny_wan22_5b.safetensors")
    untouched = trace(five)
    done = run(five, "small_whole.safetensors")
    embedding = done.result[0].get_model_object("diffusion_model.patch_embedding")
    given = load_file(folder_paths.get_full_path_or_raise("loras", "small_whole.safetensors"))
    out["five"] = {
        "report": done.result[1],
        "layer": [
            bool(torch.equal(getattr(embedding.extra, end), given["patch_embedding_extra_concate." + end]))
            for end in ("weight", "bias")
        ],
        "base": trace(five) == untouched
        and "extra" not in str(five.get_model_object("diffusion_model.patch_embedding")),
        "lacks": pack.error(lambda: run(five, "small_lora.safetensors")),
        "half": pack.error(lambda: run(five, "small_half.safetensors")),
        "lenient": run(five, "small_lora.safetensors", strict=False).result[1],
        "second": run(done.result[0], "small_lora.safetensors").result[1],
        "on wan 2.1": pack.error(lambda: run(models["wan"], "small_whole.safetensors")),
    }
    sample(done.result[0], "small")  # the layer is on the shared model now; a look at the base must not mind
    out["five"]["again"] = run(five, "small_whole.safetensors").result[1] == done.result[1]

    # Names, folders, and what the queue asks before it runs.
    out["names"] = PanoLoRA.define_schema().inputs[1].options
    out["valid"] = [
        PanoLoRA.validate_inputs(lora_name=n) for n in ("none", a, "else/" + a, "gone.safetensors")
    ]
    prints = [PanoLoRA.fingerprint_inputs(lora_name=n, strength=1.0) for n in ("none", a)]
    os.utime(folder_paths.get_full_path_or_raise("loras", a), (1, 1))
    out["prints"] = [prints[0], prints[1] != PanoLoRA.fingerprint_inputs(lora_name=a, strength=1.0)]
    found = run(models["wan"], "pano_video_gen_480p.ckpt")
    out["upstream_tree"] = found.result[1].splitlines()[0]
    out["folder"] = folder_paths.get_folder_paths("matrix3d")
    return out
