"""Options that the training commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import chosen_fields, setting_adder

if TYPE_CHECKING:
    from ..training.loop import LoopConfig

__all__ = ["add_base", "add_loop", "loop_of", "sizes_of"]


def add_base(parser: argparse.ArgumentParser, model: str, settings: Any) -> None:
    """Add the model that is trained and how; defaults are those of a training's settings."""
    from ..standalone.pipelines import DTYPES, PipelineSource

    group = parser.add_argument_group("model")
    text = f"pipeline folder or hub id (default: {model})"
    group.add_argument("--model", default="", metavar="DIR|ID", help=text)
    text = "single-file checkpoint with native names, in place of the folder's diffusion model"
    group.add_argument("--transformer", default="", metavar="FILE", help=text)
    group.add_argument("--download", action="store_true", help="fetch a hub id that is not in the cache")
    add = setting_adder(group, PipelineSource(""))
    add("--dtype", "dtype", "number type of frozen weights and of the arithmetic", choices=tuple(DTYPES))
    add("--device", "device", "auto, cpu, cuda, cuda:N or mps", metavar="NAME")
    add = setting_adder(group, settings)
    add("--rank", "rank", "of the LoRA; 0 trains all weights of the network", type=int, metavar="N")
    text = "the LoRA is scaled by alpha / rank (default: the rank)"
    group.add_argument("--alpha", type=float, metavar="F", help=text)
    text = f"modules with a LoRA, by the ends of their names (default: {' '.join(settings.targets)})"
    group.add_argument("--targets", nargs="+", metavar="NAME", help=text)
    text = "keep all activations: faster, and takes many times the memory"
    group.add_argument("--no-checkpointing", dest="checkpointing", action="store_false", help=text)


def add_loop(parser: argparse.ArgumentParser, settings: LoopConfig) -> None:
    """Add the options of a training loop."""
    from ..training.loop import SCHEDULES

    group = parser.add_argument_group("training")
    add = setting_adder(group, settings)
    add("--steps", "steps", "total number of optimizer steps", type=int, metavar="N")
    add("--batch", "batch", "samples per step, over all processes", type=int, metavar="N")
    add("--at-once", "at_once", "samples of one size that are computed together", type=int, metavar="N")
    add("--lr", "lr", "learning rate", type=float, metavar="F")
    add("--warmup", "warmup", "steps over which it rises", type=int, metavar="N")
    add("--schedule", "schedule", "how it goes on", choices=SCHEDULES)
    add(
        "--average",
        "average",
        "share of a running average of the weights that stays; 0: none",
        type=float,
        metavar="F",
    )
    add("--grad-clip", "grad_clip", "largest norm of the gradient; 0: not clipped", type=float, metavar="F")
    add("--save-every", "save_every", "steps between checkpoints", type=int, metavar="N")
    add(
        "--validate-every",
        "validate_every",
        "steps between validation pictures; 0: none",
        type=int,
        metavar="N",
    )
    add("--seed", "seed", "random seed", type=int)
    group.add_argument("--resume", action="store_true", help="resume from the latest checkpoint in DIR")
    text = "folder of the encoded samples (default: samples in DIR)"
    group.add_argument("--cache", type=Path, metavar="DIR", help=text)


def loop_of(options: argparse.Namespace) -> LoopConfig:
    """Return the settings of `add_loop`."""
    from ..training.loop import LoopConfig

    return LoopConfig(**chosen_fields(options, LoopConfig))


def sizes_of(options: argparse.Namespace) -> tuple[int, ...]:
    """Return the rows of ``--size``.

    Raises:
        InvalidInput: for a size that is not HEIGHTxWIDTH of a panorama.
    """
    from ..errors import InvalidInput

    rows = []
    for size in options.size:
        height, _, width = size.partition("x")
        if not (height.isdigit() and width.isdigit() and int(width) == 2 * int(height)):
            raise InvalidInput(f"--size must be HEIGHTxWIDTH of a panorama, such as 480x960; got {size!r}.")
        rows.append(int(height))
    return tuple(rows)
