"""Options that several commands share, and the settings and files that they name."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from ..standalone.pipeline_lora import LoraChoice
    from ..standalone.pipelines import PipelineSource

__all__ = [
    "BACKEND_NAMES",
    "WEIGHTS_EPILOG",
    "add_backbone",
    "add_geometry",
    "add_out",
    "add_panorama",
    "add_path",
    "add_weights",
    "chosen_fields",
    "depth_of",
    "lora_of",
    "preset_list",
    "setting_adder",
    "source_of",
]

BACKEND_NAMES = "`matrix3d doctor` lists them; auto takes the first usable"

WEIGHTS_EPILOG = """\
weights:
  --model takes the folder of a diffusers pipeline (with model_index.json), or a hub id. A hub id is
  looked for in the hub's cache (HF_HOME) and fetched only with --download. FLUX.1 is gated: accept its
  license on its page, then `hf auth login`. Packages: pip install 'matrix3d[generate]'.
  --lora takes .safetensors, .ckpt, .bin or .pt in any of the usual namings. A file that fits the model
  only in part is refused, as it would otherwise be applied in part silently.
"""


def setting_adder(group: Any, settings: object) -> Callable[..., None]:
    """Return ``add(flag, field, text, **options)``: an option whose default is that of a field of ``settings``."""

    def add(flag: str, field: str, text: str, **options: Any) -> None:
        value = getattr(settings, field)
        group.add_argument(flag, dest=field, default=value, help=f"{text} (default: {value})", **options)

    return add


def chosen_fields(options: argparse.Namespace, record: Any) -> dict[str, Any]:
    """Return the options that are named as fields of a dataclass, except those left at None."""
    names = [field.name for field in fields(record)]
    return {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add ``--out``."""
    text = "folder to write to; made when missing"
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=text)


def add_panorama(parser: Any, **options: Any) -> None:
    """Add the panorama to start from."""
    text = "2:1 equirectangular picture"
    parser.add_argument("panorama", type=Path, metavar="PANORAMA", help=text, **options)


def add_geometry(parser: argparse.ArgumentParser, settings: object) -> None:
    """Add where the panorama's distances come from; defaults are those of a `WorldConfig`."""
    group = parser.add_argument_group("geometry")
    group.add_argument("--depth", type=Path, metavar="FILE", help="distance along the ray of every pixel")
    text = "channel, layer or part of an EXR, or array of an NPZ, that holds the distance"
    group.add_argument("--depth-channel", default="", metavar="NAME", help=text)
    add = setting_adder(group, settings)
    from ..standalone.world import WORLD_SOURCES

    text = "auto takes the depth file when given, else learned if its backbone is there, else grounded"
    add("--source", "source", text, choices=WORLD_SOURCES)
    add_backbone(add)
    add("--camera-height", "camera_height", "camera above the ground, meters", type=float, metavar="M")
    text = "relative jump of distance, between neighbors of 1024 rows, that splits the mesh"
    add("--edge-threshold", "edge_threshold", text, type=float, metavar="F")


def add_backbone(add: Callable[..., None]) -> None:
    """Add the network for depth from the picture; ``add`` is of `setting_adder`."""
    text = "DINOv2-small for learned; auto looks in this pack's and the hub's cache"
    add("--backbone", "backbone", text, metavar="FILE")


def depth_of(options: argparse.Namespace) -> Tensor | None:
    """Read the depth file of `add_geometry`; None without one."""
    from ..io.depth_files import read_depth

    return None if options.depth is None else read_depth(options.depth, channel=options.depth_channel)


def add_path(parser: argparse.ArgumentParser, settings: object) -> Any:
    """Add the camera path and return its group; defaults are those of a `WorldConfig`."""
    from ..trajectories.presets import TRAJECTORY_PRESETS

    group = parser.add_argument_group("camera path")
    add = setting_adder(group, settings)
    add("--preset", "preset", "which path, see below", choices=tuple(TRAJECTORY_PRESETS), metavar="NAME")
    add("--frames", "frames", "length of the path in frames", type=int, metavar="N")
    add("--distance", "distance", "length of the path, meters", type=float, metavar="M")
    add("--clearance", "clearance", "minimum distance to surfaces, meters; 0 = not checked", type=float)
    return group


def preset_list() -> str:
    """Return the camera paths for the end of a help page."""
    from ..trajectories.presets import TRAJECTORY_PRESETS

    return "camera paths (--preset):\n" + "\n".join(
        f"  {name:<25} {text}" for name, text in TRAJECTORY_PRESETS.items()
    )


def add_weights(parser: argparse.ArgumentParser, models: str) -> None:
    """Add where a diffusion model comes from and how it is loaded; ``models`` names the defaults."""
    from ..standalone.pipeline_lora import LORA_MERGES
    from ..standalone.pipelines import DTYPES, OFFLOADS, PipelineSource

    group = parser.add_argument_group("model")
    text = f"pipeline folder or hub id (default: {models})"
    group.add_argument("--model", default="", metavar="DIR|ID", help=text)
    text = "single-file checkpoint with native names, in place of the folder's diffusion model"
    group.add_argument("--transformer", default="", metavar="FILE", help=text)
    group.add_argument("--download", action="store_true", help="fetch a hub id that is not in the cache")
    group.add_argument("--lora", type=Path, metavar="FILE", help="panorama LoRA trained for this model")
    text = "factor of the LoRA (default: 1.0)"
    group.add_argument("--lora-strength", type=float, default=1.0, metavar="F", help=text)
    text = "adapter: applied at run time (peft); upstream: merged once with upstream's rounding (default: adapter)"
    group.add_argument("--lora-merge", choices=LORA_MERGES, default="adapter", help=text)
    group.add_argument("--lora-partial", action="store_true", help="load a LoRA that fits only in part")
    add = setting_adder(group, PipelineSource(""))
    add("--dtype", "dtype", "number type of the weights", choices=tuple(DTYPES))
    add("--device", "device", "auto, cpu, cuda, cuda:N or mps", metavar="NAME")
    text = "keep on the GPU only the active component (model) or layer (sequential); auto: model on a GPU"
    add("--offload", "offload", text, choices=OFFLOADS)


def source_of(options: argparse.Namespace, model: str) -> PipelineSource:
    """Return the model of `add_weights`, or ``model`` where none is named."""
    from ..standalone.pipelines import PipelineSource

    return PipelineSource(**chosen_fields(options, PipelineSource) | {"model": options.model or model})


def lora_of(options: argparse.Namespace) -> LoraChoice | None:
    """Return the LoRA of `add_weights`, if any."""
    from ..standalone.pipeline_lora import LoraChoice

    if options.lora is None:
        return None
    return LoraChoice(options.lora, options.lora_strength, options.lora_merge, not options.lora_partial)
