"""``matrix3d train-pano-lora``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..console import list_files, say
from ..options import add_out, chosen_fields, setting_adder, source_of
from ..progress import Job
from ..training_options import add_base, add_loop, loop_of, sizes_of

HELP = "train a panorama LoRA of FLUX"
DESCRIPTION = "Train a LoRA that makes FLUX generate panoramas, on pictures with captions."
EPILOG = """\
PANORAMAS is a folder of 2:1 pictures with a text file of the same name beside each, of clip folders with caption.txt,
or of the shards of `matrix3d factory`.

files written to DIR: samples/ (encoded once), checkpoint-N/ (the two latest), validation-N.png, and at the end
pano_lora.safetensors, in diffusers' names as the released one, for PanoLoRA; with --rank 0 pano_model.safetensors and
the folder transformer. What the run takes is shown before it starts; one that cannot fit is refused.

  matrix3d train-pano-lora panoramas --out lora --model /models/flux-dev
  matrix3d train-pano-lora panoramas --out lora --model /models/flux-dev --resume
  accelerate launch -m matrix3d_core.cli train-pano-lora panoramas --out lora          # several GPUs

needs: pip install 'matrix3d[generate]'
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...standalone.pano import TEXT_MODEL
    from ...training.flow import LEVELS
    from ...training.pano_lora import PanoTraining

    parser.epilog = EPILOG
    settings = PanoTraining()
    parser.add_argument("panoramas", type=Path, metavar="PANORAMAS", help="folder, see below")
    add_out(parser)
    add_base(parser, TEXT_MODEL, settings)
    add = setting_adder(parser, settings)
    text = "sizes to train at (default: 512x1024); a picture takes the largest that it has"
    parser.add_argument("--size", nargs="+", default=["512x1024"], metavar="HxW", help=text)
    add("--levels", "levels", "how noise levels are drawn", choices=LEVELS)
    add("--shift", "shift", "shift of the levels; above 1 prefers noisy ones", type=float, metavar="F")
    add("--drop-text", "drop_text", "share of samples whose text is left out", type=float, metavar="F")
    add("--guidance", "guidance", "distilled guidance that the network is given", type=float, metavar="F")
    parser.add_argument(
        "--no-roll", dest="roll", action="store_false", help="do not roll panoramas at random"
    )
    text = "text of a validation picture; may be given several times (default: the first caption)"
    parser.add_argument("--prompt", dest="prompts", action="append", metavar="TEXT", help=text)
    add_loop(parser, settings.loop)


def run(options: argparse.Namespace) -> int:
    """Train on the panoramas."""
    from ...standalone.pano import TEXT_MODEL
    from ...training.loop import RunOptions
    from ...training.pano_lora import PanoTraining, train_pano_lora

    fields = chosen_fields(options, PanoTraining) | {"sizes": sizes_of(options), "loop": loop_of(options)}
    for name in ("targets", "prompts"):
        if name in fields:
            fields[name] = tuple(fields[name])
    with Job() as bars:
        report = train_pano_lora(
            options.panoramas,
            options.out,
            source_of(options, TEXT_MODEL),
            PanoTraining(**fields),
            RunOptions(options.cache, options.resume, say, bars),
        )
    return list_files(report.files)
