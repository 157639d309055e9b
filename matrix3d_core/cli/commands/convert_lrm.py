"""``matrix3d convert-lrm``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..console import list_files, say

HELP = "make a small file of a reconstruction model's checkpoint"
DESCRIPTION = (
    "Read a latent reconstruction model (upstream's pano_lrm_480p.pt) without running anything in it, "
    "and write the tensors that are used as safetensors."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...lrm.config import CAMERAS
    from ...lrm.weights import STORED_TYPES

    parser.add_argument("source", type=Path, metavar="CHECKPOINT", help="pano_lrm_480p.pt, or safetensors")
    parser.add_argument("target", type=Path, metavar="FILE", help="safetensors file to write")
    text = "number type of the weights; the released ones take 0.8 GB in bf16 (default: bf16)"
    parser.add_argument("--dtype", choices=tuple(STORED_TYPES), default="bf16", help=text)
    text = "what the model was trained for, when the file does not say (default: spherical)"
    parser.add_argument("--camera", choices=CAMERAS, help=text)


def run(options: argparse.Namespace) -> int:
    """Convert a checkpoint."""
    from ...lrm.weights import convert_weights

    stated = {"camera": options.camera} if options.camera else None
    weights = convert_weights(options.source, options.target, dtype=options.dtype, config=stated)
    say(weights.describe())
    return list_files([options.target])
