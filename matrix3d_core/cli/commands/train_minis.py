"""``matrix3d train-minis``."""

from __future__ import annotations

import argparse

from ..console import list_files, say
from ..options import add_out, setting_adder
from ..progress import Job

HELP = "train the family of small models, data included"
DESCRIPTION = (
    "Render clips of the factory's train set and train small models in the forms of the released ones: text to "
    "panorama (FLUX), panoramic video (Wan 2.1 I2V), a LoRA on each, their VAEs, and the reconstruction model."
)
EPILOG = """\
files written to DIR: a folder for each part, and models/ with the subfolders of ComfyUI's models folder. Every part can
be run alone with --only; one that is finished is not trained again, a stopped one resumes.

  matrix3d train-minis --out minis
  matrix3d train-minis --out minis --only video_vae

needs: pip install 'matrix3d[generate,factory]'
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...training.minis import MINI_PARTS, MiniPlan

    parser.epilog = EPILOG
    add_out(parser)
    text = f"parts to make: {', '.join(MINI_PARTS)} (default: all)"
    parser.add_argument("--only", nargs="+", choices=MINI_PARTS, metavar="PART", help=text)
    add = setting_adder(parser, MiniPlan())
    add("--clips", "clips", "video clips to render", type=int, metavar="N")
    add("--pictures", "pictures", "single panoramas to render", type=int, metavar="N")
    text = "processes that render (default: 1)"
    parser.add_argument("--workers", type=int, default=1, metavar="N", help=text)


def run(options: argparse.Namespace) -> int:
    """Make the models."""
    from ...training.minis import MINI_PARTS, MiniPlan, train_minis

    plan = MiniPlan(clips=options.clips, pictures=options.pictures)
    with Job() as bars:
        files = train_minis(
            options.out,
            plan,
            parts=options.only or MINI_PARTS,
            workers=options.workers,
            tell=say,
            progress=bars,
        )
    return list_files(files)
