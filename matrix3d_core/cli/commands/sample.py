"""``matrix3d sample``."""

from __future__ import annotations

import argparse

from ..console import list_files
from ..options import add_out

HELP = "write the sample panorama and its exact distances"
DESCRIPTION = "Ray-trace the sample scene: a panorama and the exact distance of every pixel."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_out(parser)
    text = "rows; columns are twice as many (default: 512)"
    parser.add_argument("--height", type=int, default=512, help=text)


def run(options: argparse.Namespace) -> int:
    """Write the sample panorama and its distances."""
    import torch

    from ...io.depth_files import write_depth
    from ...io.images import write_image
    from ...synth.sample_scene import render_erp

    options.out.mkdir(parents=True, exist_ok=True)
    files = {name: options.out / name for name in ("panorama.png", "depth_ray.npz")}
    rgb, depth_ray = render_erp(torch.zeros(3, dtype=torch.float64), options.height, 2 * options.height)
    write_image(files["panorama.png"], rgb)
    write_depth(files["depth_ray.npz"], depth_ray)
    return list_files(files.values())
