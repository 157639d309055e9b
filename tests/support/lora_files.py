"""LoRA files for the tiny models in every naming, and the weights that each must lead to, worked out by hand.

Nothing here comes from the library. For each naming there is a table that says, module by module, what the file
calls it and which rows of which weight of the model it stands for.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

RANK = 4

WAN_MODULES = {
    "self_attn.q": ("attn1.to_q", "self_attn_q"),
    "self_attn.k": ("attn1.to_k", "self_attn_k"),
    "self_attn.v": ("attn1.to_v", "self_attn_v"),
    "self_attn.o": ("attn1.to_out.0", "self_attn_o"),
    "cross_attn.q": ("attn2.to_q", "cross_attn_q"),
    "cross_attn.k": ("attn2.to_k", "cross_attn_k"),
    "cross_attn.v": ("attn2.to_v", "cross_attn_v"),
    "cross_attn.o": ("attn2.to_out.0", "cross_attn_o"),
    "cross_attn.k_img": ("attn2.add_k_proj", "cross_attn_k_img"),
    "ffn.0": ("ffn.net.0.proj", "ffn_0"),
    "ffn.2": ("ffn.net.2", "ffn_2"),
}
"""Of a Wan block: native name, diffusers' name, kohya's name."""

FLUX_SPLIT = (
    # diffusers' name, native weight, rows in widths of the model (first, last)
    ("transformer_blocks.{}.attn.to_q", "double_blocks.{}.img_attn.qkv", 0, 1),
    ("transformer_blocks.{}.attn.to_k", "double_blocks.{}.img_attn.qkv", 1, 2),
    ("transformer_blocks.{}.attn.to_v", "double_blocks.{}.img_attn.qkv", 2, 3),
    ("transformer_blocks.{}.attn.add_q_proj", "double_blocks.{}.txt_attn.qkv", 0, 1),
    ("transformer_blocks.{}.attn.add_k_proj", "double_blocks.{}.txt_attn.qkv", 1, 2),
    ("transformer_blocks.{}.attn.add_v_proj", "double_blocks.{}.txt_attn.qkv", 2, 3),
    ("transformer_blocks.{}.attn.to_out.0", "double_blocks.{}.img_attn.proj", 0, 1),
    ("transformer_blocks.{}.attn.to_add_out", "double_blocks.{}.txt_attn.proj", 0, 1),
    ("transformer_blocks.{}.ff.net.0.proj", "double_blocks.{}.img_mlp.0", 0, 4),
    ("transformer_blocks.{}.ff.net.2", "double_blocks.{}.img_mlp.2", 0, 1),
    ("transformer_blocks.{}.ff_context.net.2", "double_blocks.{}.txt_mlp.2", 0, 1),
    ("transformer_blocks.{}.norm1.linear", "double_blocks.{}.img_mod.lin", 0, 6),
    ("single_transformer_blocks.{}.attn.to_q", "single_blocks.{}.linear1", 0, 1),
    ("single_transformer_blocks.{}.attn.to_k", "single_blocks.{}.linear1", 1, 2),
    ("single_transformer_blocks.{}.attn.to_v", "single_blocks.{}.linear1", 2, 3),
    ("single_transformer_blocks.{}.proj_mlp", "single_blocks.{}.linear1", 3, 7),
    ("single_transformer_blocks.{}.proj_out", "single_blocks.{}.linear2", 0, 1),
    ("single_transformer_blocks.{}.norm.linear", "single_blocks.{}.modulation.lin", 0, 3),
)

FLUX_FUSED = (
    ("double_blocks.{}.img_attn.qkv", "double_blocks_{}_img_attn_qkv"),
    ("double_blocks.{}.txt_attn.qkv", "double_blocks_{}_txt_attn_qkv"),
    ("double_blocks.{}.img_mlp.0", "double_blocks_{}_img_mlp_0"),
    ("double_blocks.{}.txt_attn.proj", "double_blocks_{}_txt_attn_proj"),
    ("single_blocks.{}.linear1", "single_blocks_{}_linear1"),
    ("single_blocks.{}.linear2", "single_blocks_{}_linear2"),
)

_PEFT = (".lora_A.default.weight", ".lora_B.default.weight")
_PLAIN = (".lora_A.weight", ".lora_B.weight")
_KOHYA = (".lora_down.weight", ".lora_up.weight")
_OLD = (".lora.down.weight", ".lora.up.weight")


@dataclass(frozen=True)
class Change:
    """One pair of a file, and the rows of the weight that it changes; ``scale`` is alpha / rank."""

    stem: str
    key: str
    rows: slice
    A: Tensor
    B: Tensor
    scale: float = 1.0
    swaps_halves: bool = False


def changed(weights: dict[str, Tensor], changes: list[Change], strength: float) -> dict[str, Tensor]:
    """Return the weights with ``strength * scale * B @ A`` added, in float64 from the definition."""
    out = {name: tensor.double() for name, tensor in weights.items()}
    for change in changes:
        delta = strength * change.scale * (change.B.double() @ change.A.double())
        if change.swaps_halves:
            half = len(delta) // 2
            delta = torch.cat((delta[half:], delta[:half]))
        out[change.key] = out[change.key].clone()
        out[change.key][change.rows] += delta
    return out


def pair(stem: str, key: str, shape: tuple[int, ...], rows: slice = slice(None), **more: object) -> Change:
    """Return a random pair for a weight of ``shape``, or for some rows of it; its size is some tenths of the weight's."""
    count, columns = len(range(*rows.indices(shape[0]))), shape[1]
    rng = torch.Generator().manual_seed(sum(map(ord, key)) + (rows.start or 0))
    A = torch.randn(RANK, columns, generator=rng) / columns**0.5
    B = torch.randn(count, RANK, generator=rng) / 4
    return Change(stem, key, rows, A, B, **more)  # type: ignore[arg-type]


def tensors_of(
    changes: list[Change], names: tuple[str, str], *, with_alpha: bool = False
) -> dict[str, Tensor]:
    """Return a file's content."""
    out = {}
    for change in changes:
        out[change.stem + names[0]] = change.A
        out[change.stem + names[1]] = change.B
        if with_alpha:
            out[change.stem + ".alpha"] = torch.tensor(RANK * change.scale)
    return out


def _wan(weights: dict[str, Tensor], stem: str, column: int, **more: object) -> list[Change]:
    """``column``: 0 diffusers' names, 1 kohya's, -1 native ones."""
    changes = []
    for block in (0, 1):
        for native, others in WAN_MODULES.items():
            name = native if column < 0 else others[column]
            key = f"blocks.{block}.{native}.weight"
            if key in weights:
                changes.append(pair(stem.format(block, name), key, tuple(weights[key].shape), **more))
    return changes


def _flux_split(weights: dict[str, Tensor], prefix: str, dots: str = ".", **more: object) -> list[Change]:
    changes = []
    width = weights["img_in.weight"].shape[0]
    for block in (0, 1):
        for name, native, first, last in FLUX_SPLIT:
            key = native.format(block) + ".weight"
            rows = slice(first * width, last * width)
            stem = prefix + name.format(block).replace(".", dots)
            changes.append(pair(stem, key, tuple(weights[key].shape), rows, **more))
    for name, native in (
        ("x_embedder", "img_in"),
        ("time_text_embed.timestep_embedder.linear_1", "time_in.in_layer"),
    ):
        key = f"{native}.weight"
        changes.append(pair(prefix + name.replace(".", dots), key, tuple(weights[key].shape), **more))
    key = "final_layer.adaLN_modulation.1.weight"
    stem = prefix + "norm_out.linear".replace(".", dots)
    changes.append(pair(stem, key, tuple(weights[key].shape), swaps_halves=True, **more))
    return changes


def _flux_fused(weights: dict[str, Tensor], prefix: str, column: int, **more: object) -> list[Change]:
    changes = []
    for block in (0, 1):
        for names in FLUX_FUSED:
            key = names[0].format(block) + ".weight"
            changes.append(pair(prefix + names[column].format(block), key, tuple(weights[key].shape), **more))
    return changes


def write_wan_loras(folder: Path, model: Path) -> dict[str, list[Change]]:
    """Write files for a Wan model; return the changes that each stands for, by file name."""
    weights = load_file(model)
    half = {"scale": 0.5}
    files = {
        "wan_native_default.safetensors": (_wan(weights, "blocks.{}.{}", -1), _PEFT),
        "wan_native.safetensors": (_wan(weights, "blocks.{}.{}", -1), _PLAIN),
        "wan_prefixed.safetensors": (_wan(weights, "diffusion_model.blocks.{}.{}", -1), _PEFT),
        "wan_peft.safetensors": (_wan(weights, "base_model.model.blocks.{}.{}", -1), _PLAIN),
        "wan_diffusers.safetensors": (_wan(weights, "blocks.{}.{}", 0), _PLAIN),
        "wan_transformer.safetensors": (_wan(weights, "transformer.blocks.{}.{}", 0), _OLD),
        "wan_kohya.safetensors": (_wan(weights, "lora_unet_blocks_{}_{}", 1, **half), _KOHYA),
        "wan_fun.safetensors": (_wan(weights, "lora_unet__blocks_{}_{}", 1, **half), _KOHYA),
        "wan_nested.ckpt": (_wan(weights, "blocks.{}.{}", -1), _PEFT),
    }
    return _write(folder, files)


def write_flux_loras(folder: Path, model: Path) -> dict[str, list[Change]]:
    """Write files for a FLUX model; return the changes that each stands for, by file name."""
    weights = load_file(model)
    half = {"scale": 0.5}
    files = {
        "flux_diffusers.safetensors": (_flux_split(weights, "transformer."), _PLAIN),
        "flux_bare_diffusers.safetensors": (_flux_split(weights, ""), _PEFT),
        "flux_peft.bin": (_flux_split(weights, "base_model.model."), _PLAIN),
        "flux_onetrainer.safetensors": (_flux_split(weights, "lora_transformer_", "_", **half), _KOHYA),
        "flux_kohya.safetensors": (_flux_fused(weights, "lora_unet_", 1, **half), _KOHYA),
        "flux_bfl.safetensors": (_flux_fused(weights, "", 0), _PLAIN),
        "flux_bfl_prefixed.safetensors": (_flux_fused(weights, "diffusion_model.", 0), _PLAIN),
    }
    return _write(folder, files)


def _write(folder: Path, files: dict[str, tuple[list[Change], tuple[str, str]]]) -> dict[str, list[Change]]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, (changes, names) in files.items():
        tensors = tensors_of(changes, names, with_alpha=names == _KOHYA)
        if name.endswith(".safetensors"):
            save_file(tensors, folder / name)
        else:
            torch.save({"state_dict": tensors, "epoch": 7}, folder / name)
    return {name: changes for name, (changes, _) in files.items()}


def write_released_loras(models_dir: Path, models: dict[str, Path]) -> None:
    """Write LoRA files for the tiny models under the names that the templates ask for."""
    folder = models_dir / "loras"
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in (
        ("text2panoimage_lora.safetensors", "flux_dev"),
        ("worldgen_img2scene.safetensors", "flux_fill"),
        ("matrix3d_mini_pano_lora.safetensors", "flux_mini"),
    ):
        changes = _flux_split(load_file(models[kind]), "transformer.")
        save_file(tensors_of(changes, _PLAIN), folder / name)
    changes = _wan(load_file(models["wan21_i2v"]), "blocks.{}.{}", -1)
    torch.save(tensors_of(changes, _PEFT), folder / "pano_video_gen_480p.ckpt")
    save_file(tensors_of(changes, _PEFT), folder / "matrix3d_mini_video_lora.safetensors")


class Harmful:
    """What a pickle must not be able to do: leave a file when it is read."""

    def __init__(self, leaves: Path) -> None:
        self.leaves = leaves

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (self.leaves, "harm")


def write_bad_loras(folder: Path, good: Path, harm: Path) -> None:
    """Write files that must be refused, made from a good one for the same model."""
    tensors = load_file(good)
    names = sorted(tensors)
    folder.mkdir(parents=True, exist_ok=True)
    half = {
        (f"blocks.9{name[8:]}" if name.startswith("blocks.1") else name): t for name, t in tensors.items()
    }
    save_file(half, folder / "half.safetensors")
    save_file({f"what.{name}": t for name, t in tensors.items()}, folder / "alien.safetensors")
    wide = {name: t.repeat(*((1, 2) if "lora_A" in name else (2, 1))) for name, t in tensors.items()}
    save_file(wide, folder / "wide.safetensors")
    (folder / "empty.safetensors").write_bytes(b"")
    (folder / "cut.safetensors").write_bytes(good.read_bytes()[:-100])
    torch.save(tensors, folder / "cut.ckpt")
    (folder / "cut.ckpt").write_bytes((folder / "cut.ckpt").read_bytes()[:-5000])
    torch.save({**tensors, "x": Harmful(harm)}, folder / "code.ckpt")
    (folder / "bare_code.bin").write_bytes(pickle.dumps(Harmful(harm), protocol=2))
    nan = {**tensors, names[0]: torch.full_like(tensors[names[0]], float("nan"))}
    save_file(nan, folder / "nan.safetensors")
    save_file({name: t for name, t in tensors.items() if name != names[0]}, folder / "unpaired.safetensors")
    save_file({"blocks.0.ffn.0.weight": torch.zeros(2, 2)}, folder / "model.safetensors")
