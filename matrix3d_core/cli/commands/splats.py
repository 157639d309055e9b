"""``matrix3d splats``."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import list_files, say
from ..options import BACKEND_NAMES, add_out, setting_adder
from ..progress import Job

if TYPE_CHECKING:
    from ...optimize.config import OptimizeConfig

HELP = "fit Gaussian splats to a panoramic video"
DESCRIPTION = (
    "Fit Gaussian splats to the panoramic video that `matrix3d video` wrote, with GSOptimize's defaults."
)
EPILOG = """\
read from VIDEO_DIR:
  composite.mp4 or video.mp4   the frames; --video names another file
  cameras.json                 the camera path, one pose per frame
  geometry.safetensors         when there: the source panorama with its distances
  depth/                       when there: a file per frame (EXR, NPY, NPZ, PFM, TIFF, PNG), distance along the ray

files written to DIR, each only when it is complete:
  world.ply, world.spz   the Gaussians, in the frame and units of cameras.json
  world.world.json       start, unit and coverage: where the world looks whole
  preview.png            the view ahead from the first pose
  report.json            settings, times, and PSNR/SSIM on held-out frames

an interrupted fit leaves a checkpoint in DIR; the same command resumes from it.

examples:
  matrix3d video harbor/panorama.png --depth depth.exr --out video
  matrix3d splats video --out world
  matrix3d splats video --preset standard --set densify=mcmc --set exposure=affine --out world
  matrix3d splats video --initial lrm/world.ply --steps 400 --out world
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...guidance.scene_mesh import EDGE_THRESHOLD
    from ...optimize.config import OPTIMIZE_PRESETS

    parser.epilog = EPILOG
    parser.add_argument("folder", type=Path, metavar="VIDEO_DIR", help="folder that `matrix3d video` wrote")
    add_out(parser)
    parser.add_argument("--video", type=Path, metavar="FILE", help="frames, instead of the folder's")
    parser.add_argument("--initial", type=Path, metavar="FILE", help="splats to continue from")
    text = "relative jump of distance, between neighbors of 1024 rows, that splits the mesh"
    parser.add_argument(
        "--edge-threshold",
        type=float,
        default=EDGE_THRESHOLD,
        metavar="F",
        help=f"{text} (default: {EDGE_THRESHOLD})",
    )
    text = f"mesh backend; {BACKEND_NAMES} (default: auto)"
    parser.add_argument("--mesh-backend", default="auto", metavar="NAME", help=text)
    group = parser.add_argument_group("fit")
    text = "how long and how fine to fit (default: draft)"
    group.add_argument("--preset", choices=tuple(OPTIMIZE_PRESETS), default="draft", help=text)
    for flag, field, text in (
        ("--steps", "steps", "optimizer steps, one crop each"),
        ("--max-gaussians", "max_gaussians", "maximum number of splats"),
        ("--crop-size", "crop_size_px", "side of the crops, pixels"),
    ):
        values = ", ".join(f"{getattr(config, field)} {name}" for name, config in OPTIMIZE_PRESETS.items())
        group.add_argument(flag, dest=field, type=int, metavar="N", help=f"{text} (default: {values})")
    add = setting_adder(group, OPTIMIZE_PRESETS["draft"])
    add("--seed", "seed", "random seed", type=int)
    add("--splat-backend", "backend", f"splat backend; {BACKEND_NAMES}", metavar="NAME")
    text = "any other setting of the fit by its name in GSOptimizeSettings; may be repeated"
    group.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=text)
    text = "start over, and write no checkpoint"
    group.add_argument("--no-resume", dest="resume", action="store_false", help=text)


def run(options: argparse.Namespace) -> int:
    """Fit splats to a video."""
    from ...io.splats import read_gaussians
    from ...standalone.splats import fit_video, read_video_folder

    config = _config_of(options)
    initial = None if options.initial is None else read_gaussians(options.initial)
    start = time.perf_counter()
    with Job() as bars:
        video = read_video_folder(
            options.folder,
            video=options.video,
            edge_threshold=options.edge_threshold,
            backend_mesh=options.mesh_backend,
            progress=bars,
        )
        result = fit_video(
            video, out_dir=options.out, initial=initial, config=config, resume=options.resume, progress=bars
        )
    say(f"{len(result.gaussians)} Gaussians in {time.perf_counter() - start:.0f} s")
    return list_files(result.files.values())


def _config_of(options: argparse.Namespace) -> OptimizeConfig:
    """Return the settings of the fit; invalid ones raise here, before the long work."""
    from ...optimize.config import preset_config

    names = ("steps", "max_gaussians", "crop_size_px", "seed", "backend")
    chosen = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    return preset_config(options.preset, **chosen | parse_settings(options.set))


def parse_settings(pairs: list[str]) -> dict[str, bool | int | float | str]:
    """Return ``NAME=VALUE`` pairs as settings of the fit, each of its field's type; `preset_config` checks the names.

    Raises:
        InvalidInput: for a value of another type.
    """
    from ...errors import InvalidInput
    from ...optimize.config import OPTIMIZE_PRESETS

    kinds: dict[str, Any] = {name: type(value) for name, value in asdict(OPTIMIZE_PRESETS["draft"]).items()}
    settings: dict[str, bool | int | float | str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InvalidInput(f"--set must be NAME=VALUE, such as densify=mcmc; got {pair!r}.")
        kind = kinds.get(name, str)
        try:
            settings[name] = {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
        except (KeyError, ValueError) as error:
            what = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
            raise InvalidInput(f"--set {name} must be {what}; got {text!r}.") from error
    return settings
