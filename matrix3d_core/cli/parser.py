"""The parser: one module per command, each with ``HELP``, ``DESCRIPTION``, ``add_options`` and ``run``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .. import __version__
from .commands import (
    convert_backbone,
    convert_lrm,
    convert_upscaler,
    decode_lrm,
    depth,
    doctor,
    evaluate,
    factory,
    pano,
    sample,
    splats,
    train_depth,
    train_lrm,
    train_minis,
    train_pano_lora,
    train_video_lora,
    video,
    world,
)

__all__ = ["COMMANDS", "build_parser"]

COMMANDS = {
    "pano": pano,
    "video": video,
    "splats": splats,
    "decode-lrm": decode_lrm,
    "world": world,
    "depth": depth,
    "sample": sample,
    "factory": factory,
    "convert-backbone": convert_backbone,
    "convert-lrm": convert_lrm,
    "convert-upscaler": convert_upscaler,
    "train-pano-lora": train_pano_lora,
    "train-video-lora": train_video_lora,
    "train-lrm": train_lrm,
    "train-minis": train_minis,
    "train-depth": train_depth,
    "evaluate": evaluate,
    "doctor": doctor,
}


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Build the parser; a command's options are added only when that command is used, as they load torch."""
    parser = argparse.ArgumentParser(
        prog="matrix3d",
        description="Turns a panorama into a walkable 3D world of Gaussian splats, on any machine. Generating the "
        "panorama, and a video of its disoccluded regions, needs large models and a GPU.",
    )
    parser.add_argument("--version", action="version", version=f"matrix3d {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    asked = next((word for word in arguments if not word.startswith("-")), "")
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.DESCRIPTION,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("-v", "--verbose", action="store_true", help="show log messages and tracebacks")
        command.set_defaults(run=module.run)
        if name == asked:
            module.add_options(command)
    return parser
