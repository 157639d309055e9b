"""``matrix3d world``."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

from ...errors import InvalidInput
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

HELP = "make a world from a panorama or a photo"
DESCRIPTION = (
    "Make a world from one panorama or photo: geometry, frames along a camera path, fill, Gaussian splats."
)
EPILOG = """\
files written to DIR, each only when it is complete:
  world.ply, world.spz   the Gaussians, for ComfyUI, SuperSplat, Blender add-ons and web viewers
  world.world.json       start, unit and coverage: where the world looks whole
  flythrough.mp4         a flight along the camera path
  preview.png            one frame of it
  trajectory.json        the camera path (OpenCV axes, world-to-camera)
  report.json            settings, times, and PSNR/SSIM on held-out frames
  panorama.png           with --photo: the photo, its pixels kept, and what was filled in around it

without --depth the geometry is estimated from the picture if DINOv2-small is there (see
`matrix3d convert-backbone`), else it is a ground-plane and sky-dome proxy: fine for rotations and
short walks outdoors, wrong for rooms. Depth files: EXR, NPY, NPZ, PFM, float TIFF or 16-bit PNG,
distance along the ray.

examples:
  matrix3d sample --out sample
  matrix3d world sample/panorama.png --depth sample/depth_ray.npz --out world
  matrix3d world street.jpg --camera-height 2.1 --preset s_curve --out street
  matrix3d world --photo holiday.jpg --fov 70 --out holiday

a photo needs the depth backbone: `matrix3d convert-backbone --help` says how to get it.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...guidance.fill import FILL_METHODS
    from ...standalone.world import WorldConfig

    settings = WorldConfig()
    parser.epilog = f"{preset_list()}\n\n{EPILOG}"
    picture = parser.add_mutually_exclusive_group(required=True)
    add_panorama(picture, nargs="?")
    picture.add_argument("--photo", type=Path, metavar="FILE", help="perspective photo instead of a panorama")
    text = "horizontal field of view of the photo in degrees (default: from EXIF, else estimated)"
    parser.add_argument("--fov", type=float, metavar="DEG", help=text)
    text = (
        "columns of panorama.png at most; a photo that needs more for its pixels is reduced (default: 8192)"
    )
    parser.add_argument("--panorama-width", type=int, default=8192, metavar="PX", help=text)
    add_out(parser)
    add_geometry(parser, settings)
    add_path(parser, settings)
    add = setting_adder(parser.add_argument_group("quality and speed"), settings)
    add("--quality", "quality", "how long to fit the Gaussians", choices=("draft", "standard"))
    add("--width", "width", "columns of the guidance frames", type=int, metavar="PX")
    add("--fill", "fill", "how disocclusions are inpainted", choices=FILL_METHODS)
    add("--max-gaussians", "max_gaussians", "maximum number of Gaussians", type=int, metavar="N")
    add("--seed", "seed", "random seed", type=int)
    add("--mesh-backend", "backend_mesh", f"mesh backend; {BACKEND_NAMES}", metavar="NAME")
    add("--splat-backend", "backend_splat", f"splat backend; {BACKEND_NAMES}", metavar="NAME")


def run(options: argparse.Namespace) -> int:
    """Make a world."""
    from ...panorama.load import load_panorama
    from ...standalone.world import WorldConfig, make_world

    if options.photo is not None:
        return _run_photo(options)
    if options.fov is not None:
        raise InvalidInput("--fov must come with --photo; a panorama shows all directions.")
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
    if advice := result.report.get("geometry", {}).get("advice"):
        say(advice)
    say(f"{len(result.gaussians)} Gaussians in {time.perf_counter() - start:.0f} s")
    return list_files(result.files.values())


def _run_photo(options: argparse.Namespace) -> int:
    from ...standalone.photo import make_world_of_photo
    from ...standalone.world import WorldConfig

    if options.depth is not None:
        raise InvalidInput("--depth must come with a panorama; the distances of a photo are estimated.")
    start = time.perf_counter()
    with Job() as bars:
        result = make_world_of_photo(
            options.photo,
            fov_x_rad=None if options.fov is None else math.radians(options.fov),
            out_dir=options.out,
            config=WorldConfig(**chosen_fields(options, WorldConfig)),
            most_width=options.panorama_width,
            progress=bars,
        )
    say(result.geometry.report["photo"])
    say(f"{len(result.gaussians)} Gaussians in {time.perf_counter() - start:.0f} s")
    return list_files(result.files.values())
