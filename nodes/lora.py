"""LoRA and latent roll on the host's models."""

from __future__ import annotations

from typing import Any

from ..matrix3d_core.diffusion.latent_roll import ROLL_MODES, UPSTREAM_START
from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.lora.scaling import CONFIG_NAME
from ._host import io, ui
from ._host_lora import MERGES, apply_lora, find_lora, lora_names
from ._host_roll import install_latent_roll
from ._search import PANORAMA_WORDS

__all__ = ["NODES", "PanoLoRA"]

_NONE = "none"


class PanoLoRA(io.ComfyNode):
    """Apply a panorama LoRA and the latent roll to a model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoLoRA",
            display_name="Load Panorama LoRA",
            category="Matrix-3D/models",
            description="Applies a panorama or panorama video LoRA to a FLUX or Wan model, in any common key naming "
            "(diffusers, peft, DiffSynth, kohya, BFL), and reports what matched; a file that does not fit is refused. "
            "Can also roll the latent between sampling steps to hide the seam.",
            search_aliases=[
                *PANORAMA_WORDS,
                "pano lora",
                "lora",
                "panorama lora",
                "360",
                "equirectangular",
                "seamless",
                "load lora",
                "matrix-3d lora",
                "wan lora",
                "flux lora",
                "latent rotation",
                "tileable",
                "text to 3d",
                "text to world",
                "text to 360",
            ],
            inputs=[
                io.Model.Input(
                    "model", tooltip="FLUX.1 dev or Fill, Wan 2.1 I2V, Wan 2.2 5B, or any other model."
                ),
                io.Combo.Input(
                    "lora_name",
                    options=[_NONE, *lora_names()],
                    default=_NONE,
                    tooltip="Files of the loras and matrix3d folders, and LoRAs in checkpoints as upstream's "
                    "downloader leaves them. none: latent roll only.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.01,
                    tooltip="LoRA strength; 1 is what it was trained for.",
                ),
                io.Combo.Input(
                    "merge",
                    options=list(MERGES),
                    default="patch",
                    advanced=True,
                    tooltip="patch: the host's own LoRA arithmetic. upstream: W + B@A rounded to bfloat16 at every "
                    "step and without alpha/rank, as Matrix-3D merges its video LoRA; for comparison.",
                ),
                io.Boolean.Input(
                    "strict",
                    default=True,
                    advanced=True,
                    tooltip="Refuse a LoRA of which any part does not fit. Off: apply what fits and report what does "
                    "not. One that fits nowhere is always refused.",
                ),
                io.Combo.Input(
                    "latent_roll",
                    options=list(ROLL_MODES),
                    default="off",
                    tooltip="Roll the latent horizontally between steps, which hides the seam. off: no rolls (as "
                    "upstream for video); what an earlier node set is kept. upstream t2p: rolls late in the run that "
                    "are not undone, so the panorama "
                    "comes out rotated by a random angle. upstream i2p: the same, undone at the end. "
                    "every step: a roll before each step, undone; the strongest.",
                ),
                io.Int.Input(
                    "roll_seed",
                    default=-1,
                    min=-1,
                    max=0xFFFFFFFFFFFFFFFF,
                    advanced=True,
                    tooltip="Seed of the rolls; -1 = the sampler's own seed.",
                ),
                io.Float.Input(
                    "roll_start",
                    default=UPSTREAM_START,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    advanced=True,
                    tooltip="Share of the steps after which the upstream modes begin to roll.",
                ),
                io.Int.Input(
                    "roll_multiple",
                    default=0,
                    min=0,
                    max=64,
                    advanced=True,
                    tooltip="Roll by multiples of this many latent columns; 0 = 1 for the upstream modes, "
                    "2 (whole patches) for every step.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="model", tooltip="A clone with the LoRA and the latent roll."),
                io.String.Output(display_name="report", tooltip="What matched, and how it was applied."),
            ],
        )

    @classmethod
    def validate_inputs(cls, lora_name: str | None = None) -> bool | str:
        if lora_name in (None, _NONE):
            return True
        try:
            find_lora(lora_name)
        except InvalidInput as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, lora_name: str | None = None, **rest: Any) -> Any:
        if lora_name in (None, _NONE):
            return ""
        try:
            path = find_lora(lora_name).path
            state = path.stat()
        except (InvalidInput, OSError):
            return float("nan")
        beside = path.with_name(CONFIG_NAME)  # holds alpha and rank
        about = beside.stat().st_mtime_ns if beside.is_file() else 0
        return [str(path), state.st_mtime_ns, state.st_size, about]

    @classmethod
    def execute(
        cls,
        model: Any,
        lora_name: str,
        strength: float,
        merge: str,
        strict: bool,
        latent_roll: str,
        roll_seed: int,
        roll_start: float,
        roll_multiple: int,
    ) -> io.NodeOutput:
        lines = []
        if lora_name == _NONE:
            clone = model.clone()
            lines.append("No LoRA.")
        else:
            place = find_lora(lora_name)
            clone, report = apply_lora(model, place.path, strength=strength, merge=merge, strict=strict)
            lines.append(report)
        if latent_roll != "off":
            seed = None if roll_seed < 0 else roll_seed
            install_latent_roll(clone, latent_roll, start=roll_start, seed=seed, multiple=roll_multiple)
            lines.append(f"Latent roll: {latent_roll}.")
        text = "\n".join(lines)
        return io.NodeOutput(clone, text, ui=ui.PreviewText(text))


NODES = [PanoLoRA]
