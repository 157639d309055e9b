"""Names of modules in the naming schemes of LoRA files, and the model family that a name belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = [
    "FLUX_DOUBLE",
    "FLUX_SINGLE",
    "FLUX_SWAPPED",
    "FLUX_TOP",
    "WAN_BLOCK",
    "WAN_TOP",
    "Family",
    "Place",
    "family_of_model",
    "family_of_names",
    "name_table",
    "naming_of",
    "strip_prefix",
]

_PREFIXES = (
    *(
        "base_model.model.",
        "model.diffusion_model.",
        "diffusion_model.",
        "transformer.",
        "unet.",
        "pipe.dit.",
    ),
    *("dit.", "lora_unet__", "lora_unet_", "lora_transformer_", "lycoris_"),
)
_UNDERSCORED = ("lora_unet__", "lora_unet_", "lora_transformer_", "lycoris_")
_TEXT_ENCODER = re.compile(
    r"^(?:lora_te\d*_|text_encoders?[._]|text_model\.|te\d*[._]|lora_prior_te_|t5xxl[._]|clip_[lgh][._])"
)

FLUX_DOUBLE = (  # native name of a module and diffusers', within a block
    ("img_attn.proj", "attn.to_out.0"),
    ("txt_attn.proj", "attn.to_add_out"),
    ("img_mod.lin", "norm1.linear"),
    ("txt_mod.lin", "norm1_context.linear"),
    ("img_mlp.0", "ff.net.0.proj"),
    ("img_mlp.2", "ff.net.2"),
    ("txt_mlp.0", "ff_context.net.0.proj"),
    ("txt_mlp.2", "ff_context.net.2"),
    ("img_attn.norm.query_norm", "attn.norm_q"),
    ("img_attn.norm.key_norm", "attn.norm_k"),
    ("txt_attn.norm.query_norm", "attn.norm_added_q"),
    ("txt_attn.norm.key_norm", "attn.norm_added_k"),
)
FLUX_SINGLE = (
    ("linear2", "proj_out"),
    ("modulation.lin", "norm.linear"),
    ("norm.query_norm", "attn.norm_q"),
    ("norm.key_norm", "attn.norm_k"),
)
FLUX_TOP = (
    ("img_in", "x_embedder"),
    ("txt_in", "context_embedder"),
    ("time_in.in_layer", "time_text_embed.timestep_embedder.linear_1"),
    ("time_in.out_layer", "time_text_embed.timestep_embedder.linear_2"),
    ("vector_in.in_layer", "time_text_embed.text_embedder.linear_1"),
    ("vector_in.out_layer", "time_text_embed.text_embedder.linear_2"),
    ("guidance_in.in_layer", "time_text_embed.guidance_embedder.linear_1"),
    ("guidance_in.out_layer", "time_text_embed.guidance_embedder.linear_2"),
    ("final_layer.linear", "proj_out"),
)
FLUX_SWAPPED = ("final_layer.adaLN_modulation.1", "norm_out.linear")  # scale and shift are swapped
WAN_BLOCK = (
    ("self_attn.q", "attn1.to_q"),
    ("self_attn.k", "attn1.to_k"),
    ("self_attn.v", "attn1.to_v"),
    ("self_attn.o", "attn1.to_out.0"),
    ("self_attn.norm_q", "attn1.norm_q"),
    ("self_attn.norm_k", "attn1.norm_k"),
    ("cross_attn.q", "attn2.to_q"),
    ("cross_attn.k", "attn2.to_k"),
    ("cross_attn.v", "attn2.to_v"),
    ("cross_attn.o", "attn2.to_out.0"),
    ("cross_attn.k_img", "attn2.add_k_proj"),
    ("cross_attn.v_img", "attn2.add_v_proj"),
    ("cross_attn.norm_q", "attn2.norm_q"),
    ("cross_attn.norm_k", "attn2.norm_k"),
    ("cross_attn.norm_k_img", "attn2.norm_added_k"),
    ("ffn.0", "ffn.net.0.proj"),
    ("ffn.2", "ffn.net.2"),
    ("norm3", "norm2"),
    ("modulation", "scale_shift_table"),
)
WAN_TOP = (
    ("text_embedding.0", "condition_embedder.text_embedder.linear_1"),
    ("text_embedding.2", "condition_embedder.text_embedder.linear_2"),
    ("time_embedding.0", "condition_embedder.time_embedder.linear_1"),
    ("time_embedding.2", "condition_embedder.time_embedder.linear_2"),
    ("time_projection.1", "condition_embedder.time_proj"),
    ("img_emb.proj.0", "condition_embedder.image_embedder.norm1"),
    ("img_emb.proj.1", "condition_embedder.image_embedder.ff.net.0.proj"),
    ("img_emb.proj.3", "condition_embedder.image_embedder.ff.net.2"),
    ("img_emb.proj.4", "condition_embedder.image_embedder.norm2"),
    ("head.head", "proj_out"),
    ("head.modulation", "scale_shift_table"),
)


@dataclass(frozen=True)
class Place:
    """The target of a LoRA module.

    Attributes:
        key: parameter name in the model's native naming (``"double_blocks.0.img_attn.qkv.weight"``).
        rows: first row and number of rows, when the module is a part of a fused weight; else None.
        is_swapped: the two halves of its rows are swapped (diffusers puts scale before shift).
    """

    key: str
    rows: tuple[int, int] | None = None
    is_swapped: bool = False


@dataclass(frozen=True)
class Family:
    """The model family of a set of names and shapes; an empty kind means unknown.

    Attributes:
        kind: ``"FLUX"``, ``"Wan"``, ``"Stable Diffusion"`` or ``""``.
        width: size of the hidden state, 0 when the names do not show it.
        variant: ``"I2V"`` (image branch), ``"TI2V"`` (48 latent channels), ``"Fill"`` or ``""``.
    """

    kind: str = ""
    width: int = 0
    variant: str = ""

    def __str__(self) -> str:
        """Return the family as text: ``"Wan 2.1 I2V 14B (width 5120)"``."""
        if not self.kind:
            return "an unknown kind of model"
        size = {("Wan", 5120): "14B", ("Wan", 1536): "1.3B", ("Wan", 3072): "5B"}.get((self.kind, self.width))
        kind = "Wan 2.2" if self.kind == "Wan" and (self.variant == "TI2V" or size == "5B") else self.kind
        kind = "FLUX.1" if self.kind == "FLUX" and self.width == 3072 else kind
        words = [kind, self.variant, size or "", f"(width {self.width})" if self.width else ""]
        return " ".join(filter(None, words))

    def contradicts(self, other: Family) -> bool:
        """Return whether both are known and cannot be the same model."""
        if not self.kind or not other.kind:
            return False
        return self.kind != other.kind or bool(self.width and other.width and self.width != other.width)


def strip_prefix(stem: str) -> tuple[str, str]:
    """Return a name without the prefixes that trainers put before it, and those prefixes.

    ``"base_model.model.blocks.0.ffn.0"`` gives ``("blocks.0.ffn.0", "base_model.model.")``.
    """
    rest = stem
    while True:
        prefix = next((p for p in _PREFIXES if rest.startswith(p) and len(rest) > len(p)), None)
        if prefix is None:
            return rest, stem[: len(stem) - len(rest)]
        rest = rest[len(prefix) :]
        if prefix in _UNDERSCORED:
            return rest, stem[: len(stem) - len(rest)]


def is_text_encoder(stem: str) -> bool:
    """Return whether a module belongs to a text encoder and not to the diffusion model."""
    return bool(_TEXT_ENCODER.match(strip_prefix(stem)[0]) or _TEXT_ENCODER.match(stem))


def name_table(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Place]:
    """Return every known name, without prefix, of the modules of this model, and its target.

    Native (BFL, DiffSynth), diffusers and, with underscores for dots, kohya names are covered.

    Args:
        shapes: the model's parameters by native name (``"blocks.0.self_attn.q.weight"``) with their shapes.
    """
    table: dict[str, Place] = {}
    for key, shape in shapes.items():
        if key.endswith(".bias"):
            continue
        module = key.removesuffix(".weight")
        named = [(module, Place(key))]
        if len(shape) >= 1:
            named += _flux_names(module, key, shape) + _wan_names(module, key)
        for name, place in named:
            table.setdefault(name, place)
    for name, place in list(table.items()):
        table.setdefault(name.replace(".", "_"), place)
    return table


def _flux_names(module: str, key: str, shape: tuple[int, ...]) -> list[tuple[str, Place]]:
    block, end = _block(module)
    if block.startswith("double_blocks."):
        there = block.replace("double_blocks.", "transformer_blocks.")
        if end in ("img_attn.qkv", "txt_attn.qkv"):
            third = shape[0] // 3
            kinds = (
                ("to_q", "to_k", "to_v") if end[:3] == "img" else ("add_q_proj", "add_k_proj", "add_v_proj")
            )
            return [(f"{there}attn.{kind}", Place(key, (i * third, third))) for i, kind in enumerate(kinds)]
        return [(there + name, Place(key)) for native, name in FLUX_DOUBLE if native == end]
    if block.startswith("single_blocks."):
        there = block.replace("single_blocks.", "single_transformer_blocks.")
        if end == "linear1" and len(shape) == 2 and shape[0] > 3 * shape[1]:
            width = shape[1]
            names = [
                (f"{there}attn.{kind}", Place(key, (i * width, width)))
                for i, kind in enumerate(("to_q", "to_k", "to_v"))
            ]
            names.append((f"{there}proj_mlp", Place(key, (3 * width, shape[0] - 3 * width))))
            names.append((f"{module}_qkv", Place(key, (0, 3 * width))))
            return names
        return [(there + name, Place(key)) for native, name in FLUX_SINGLE if native == end]
    if module == FLUX_SWAPPED[0]:
        return [(FLUX_SWAPPED[1], Place(key, is_swapped=True))]
    return [(name, Place(key)) for native, name in FLUX_TOP if native == module]


def _wan_names(module: str, key: str) -> list[tuple[str, Place]]:
    block, end = _block(module)
    if block.startswith("blocks."):
        return [(block + name, Place(key)) for native, name in WAN_BLOCK if native == end]
    return [(name, Place(key)) for native, name in WAN_TOP if native == module]


def _block(module: str) -> tuple[str, str]:
    """Split ``"blocks.3.ffn.0"`` into ``("blocks.3.", "ffn.0")``; other names have no block."""
    match = re.match(r"^(?:[a-z_]*blocks)\.\d+\.", module)
    return (match[0], module[match.end() :]) if match else ("", module)


def naming_of(stems: Iterable[str]) -> str:
    """Return the naming scheme of a file, as text.

    ``kohya`` (underscores), ``peft``, ``diffusers``, ``BFL`` (FLUX names of its makers), ``native`` (Wan names
    of its makers, as DiffSynth writes them) or ``other``; two with a plus when mixed.
    """
    kinds = sorted({_naming(stem) for stem in stems if not is_text_encoder(stem)})
    return " + ".join(kinds) or "other"


def _naming(stem: str) -> str:
    rest, prefix = strip_prefix(stem)
    if any(prefix.endswith(end) for end in _UNDERSCORED):
        return "kohya"
    if "base_model.model." in prefix:
        return "peft"
    if re.match(r"(single_)?transformer_blocks\.", rest) or re.search(r"\.attn[12]\.|\.ffn\.net\.", rest):
        return "diffusers"
    if prefix.endswith("transformer.") or rest.startswith(
        ("x_embedder", "context_embedder", "condition_embedder")
    ):
        return "diffusers"
    if re.match(r"(double|single)_blocks\.", rest) or rest in {native for native, _ in FLUX_TOP}:
        return "BFL"
    if (
        re.match(r"blocks\.\d+\.", rest)
        or rest in {native for native, _ in WAN_TOP}
        or rest == "patch_embedding"
    ):
        return "native"
    return "other"


_KINDS = (
    ("FLUX", re.compile(r"(?:^|[._])(?:double_blocks|single_blocks|single_transformer_blocks)[._]\d+[._]")),
    (
        "FLUX",
        re.compile(
            r"(?:^|[._])transformer_blocks[._]\d+[._](?:ff_context|norm1_context|attn[._](?:to_)?add_)"
        ),
    ),
    (
        "Wan",
        re.compile(r"(?:^|[._])blocks[._]\d+[._](?:self_attn|cross_attn|ffn[._]|attn[12][._]|modulation)"),
    ),
    (
        "Stable Diffusion",
        re.compile(r"(?:^|[._])(?:down_blocks|up_blocks|input_blocks|output_blocks|mid_block)[._]"),
    ),
)
_HIDDEN_IN = re.compile(
    r"(?:self_attn[._][qkv]|cross_attn[._][q]|ffn[._]0|ffn[._]net[._]0[._]proj|attn[12][._]to_q|attn1[._]to_[kv]"
    r"|(?:img|txt)_attn[._]qkv|linear1|attn[._]to_[qkv]|attn[._]add_[qkv]_proj|proj_mlp|(?:img|txt)_mlp[._]0"
    r"|ff(?:_context)?[._]net[._]0[._]proj)$"
)


def family_of_names(sizes: Mapping[str, tuple[int, int] | None]) -> Family:
    """Return the model family by a LoRA file's module names and weight sizes.

    Args:
        sizes: rows and columns of the weight by module name (prefix included), None where unknown.
    """
    names = [strip_prefix(stem)[0] for stem in sizes if not is_text_encoder(stem)]
    kind = next((k for k, rx in _KINDS for name in names if rx.search(name)), "")
    widths = [s[1] for stem, s in sizes.items() if s and kind in ("FLUX", "Wan") and _HIDDEN_IN.search(stem)]
    variant = (
        "I2V"
        if kind == "Wan" and any(re.search(r"[._](?:[kv]_img|add_[kv]_proj)$", n) for n in names)
        else ""
    )
    return Family(kind, max(widths, key=widths.count) if widths else 0, variant)


def family_of_model(shapes: Mapping[str, tuple[int, ...]]) -> Family:
    """Return the family of a model by its parameters' native names and shapes."""
    stems = {key.removesuffix(".weight"): (s[0], s[1]) for key, s in shapes.items() if len(s) == 2}
    family = family_of_names(stems)
    entry = shapes.get("patch_embedding.weight", shapes.get("img_in.weight", ()))
    variant = ""
    if family.kind == "Wan" and len(entry) > 1:
        variant = "TI2V" if entry[1] == 48 else "I2V" if entry[1] == 36 else ""
    elif family.kind == "FLUX" and len(entry) > 1:
        variant = "Fill" if entry[1] == 384 else ""
    return Family(family.kind, family.width, variant)
