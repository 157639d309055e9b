"""``matrix3d world``."""

from __future__ import annotations

import argparse
import time

from ..console import list_files, say
from ..options import (
    BACKEND_NAMES,
    add_geometry,
    add_out,
    add_panorama,
    add_path,
    chosen_fields,
    depth_of,
    preset_list,
    setting_adder,
)
from ..progress import Job

HELP = "make a world from a panorama"
DESCRIPTION = "Make a world from one panorama: geometry, frames along a camera path, fill, Gaussian splats."
EPILOG = """\
files written to DIR, each only when it is complete:
  world.ply, world.spz   the Gaussians, for ComfyUI, SuperSplat, Blender add-ons and web viewers
  flythrough.mp4         a flight along the camera path
  preview.png            one frame of it
  trajectory.json        the camera path (OpenCV axes, world-to-camera)
  report.json            settings, times, and PSNR/SSIM on held-out frames

without --depth the geometry is a ground-plane and sky-dome proxy: fine for rotations and short
walks outdoors, wrong for rooms. Depth files: EXR, NPY, NPZ, PFM, float TIFF or 16-bit PNG, distance along the ray.

examples:
  matrix3d sample --out sample
  matrix3d world sample/panorama.png --depth sample/depth_ray.npz --out world
  matrix3d world street.jpg --camera-height 2.1 --preset s_curve --out street
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...standalone.world import WorldConfig

    settings = WorldConfig()
    parser.epilog = f"{preset_list()}\n\n{EPILOG}"
    add_panorama(parser)
    add_out(parser)
    add_geometry(parser, settings)
    add_path(parser, settings)
    add = setting_adder(parser.add_argument_group("quality and speed"), settings)
    add("--quality", "quality", "how long to fit the Gaussians", choices=("draft", "standard"))
    add("--width", "width", "columns of the guidance frames", type=int, metavar="PX")
    add("--max-gaussians", "max_gaussians", "maximum number of Gaussians", type=int, metavar="N")
    add("--seed", "seed", "random seed", type=int)
    add("--mesh-backend", "backend_mesh", f"mesh backend; {BACKEND_NAMES}", metavar="NAME")
    add("--splat-backend", "backend_splat", f"splat backend; {BACKEND_NAMES}", metavar="NAME")


def run(options: argparse.Namespace) -> int:
    """Make a world."""
    from ...panorama.load import load_panorama
    from ...standalone.world import WorldConfig, make_world

    panorama, depth_ray = load_panorama(options.panorama).rgb, depth_of(options)
    start = time.perf_counter()
    with Job() as bars:
        result = make_world(
            panorama,
            depth_ray=depth_ray,
            out_dir=options.out,
            config=WorldConfig(**chosen_fields(options, WorldConfig)),
            progress=bars,
        )
    say(f"{len(result.gaussians)} Gaussians in {time.perf_counter() - start:.0f} s")
    return list_files(result.files.values())
