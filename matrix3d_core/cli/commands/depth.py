"""``matrix3d depth``."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from ...errors import InvalidInput
from ..console import list_files, say
from ..options import add_backbone, add_panorama, setting_adder
from ..progress import Job

HELP = "ray distances of a panorama from the picture alone"
DESCRIPTION = (
    "Write the distance along the ray of every pixel of a panorama, float32 and as large as the picture, in meters. "
    "Sky is infinite. learned needs DINOv2-small, see `matrix3d convert-backbone`; grounded is a ground plane and a "
    "dome."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...depth.learned.estimate import PICTURE_SOURCES
    from ...io.depth_files import DEPTH_WRITE_SUFFIXES
    from ...standalone.world import WorldConfig

    add_panorama(parser)
    text = f"file to write: {', '.join(DEPTH_WRITE_SUFFIXES)}"
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=text)
    parser.add_argument("--sky", type=Path, metavar="FILE", help="picture to write: white where there is sky")
    add = setting_adder(parser, WorldConfig())
    text = "auto takes learned if its backbone is there, else grounded"
    add("--source", "source", text, choices=PICTURE_SOURCES)
    add("--camera-height", "camera_height", "camera above the ground, meters", type=float, metavar="M")
    add_backbone(add)


def run(options: argparse.Namespace) -> int:
    """Estimate the distances and write them."""
    from ...depth.describe import describe_geometry
    from ...depth.learned.estimate import geometry_of_picture, load_learned
    from ...io.depth_files import DEPTH_WRITE_SUFFIXES, write_depth
    from ...io.images import write_image
    from ...panorama.load import load_panorama

    if options.out.suffix.lower() not in DEPTH_WRITE_SUFFIXES:  # said before the work, not after it
        raise InvalidInput(f"--out must end in {', '.join(DEPTH_WRITE_SUFFIXES)}; got {options.out.name!r}.")
    with Job() as bars:
        geometry = geometry_of_picture(
            load_panorama(options.panorama).rgb,
            lambda: load_learned(backbone=options.backbone),
            source=options.source,
            camera_height=options.camera_height,
            progress=bars,
        )
    say(describe_geometry(geometry))
    written = [options.out]
    write_depth(options.out, geometry.depth_ray.masked_fill(geometry.is_sky, math.inf))
    if options.sky:
        write_image(options.sky, geometry.is_sky[..., None].float().expand(-1, -1, 3))
        written.append(options.sky)
    return list_files(written)
