"""``matrix3d train-depth``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..console import list_files, say
from ..options import add_out, chosen_fields, setting_adder
from ..progress import Job

HELP = "train the depth head on procedural scenes"
DESCRIPTION = (
    "Render crops of the scenes of the train set, compute their features once, and train the depth head."
)
EPILOG = """\
files written to DIR, each only when it is complete:
  crops/               one file per scene: features, small pictures and truth; kept, so that a second run goes on there
  checkpoint.pt        while it trains
  depth_head.safetensors   the head, in half precision, its figures on the dev set in the header

stop it at any time; the same command with --resume goes on.

  matrix3d train-depth --out depth --backbone dinov2_small.safetensors
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...depth.learned.training import HeadTraining

    parser.epilog = EPILOG
    add_out(parser)
    text = "DINOv2-small as safetensors; see `matrix3d convert-backbone`"
    parser.add_argument("--backbone", type=Path, required=True, metavar="FILE", help=text)
    parser.add_argument(
        "--rounds", type=int, default=21, metavar="N", help="5 N scenes of every train family (default: 21)"
    )
    parser.add_argument(
        "--dev-rounds", type=int, default=6, metavar="N", help="N scenes of every dev family (default: 6)"
    )
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="of torch (default: all cores)")
    parser.add_argument("--resume", action="store_true", help="resume from the checkpoint in DIR")
    add = setting_adder(parser, HeadTraining())
    add("--steps", "steps", "total number of optimizer steps", type=int, metavar="N")
    add("--batch", "batch", "crops per step", type=int, metavar="N")
    add("--lr", "lr", "highest learning rate", type=float, metavar="F")
    add("--precision", "precision", "of the arithmetic", choices=("fp32", "bf16"))
    add("--seed", "seed", "random seed", type=int)


def run(options: argparse.Namespace) -> int:
    """Render, compute features, train."""
    import torch

    from ...depth.learned.crops import CropFiles
    from ...depth.learned.training import HeadTraining, train_head
    from ...features.weights import read_backbone
    from ...training.depth_crops import crop_plan, make_crops, scenes_to_learn

    if options.threads:
        torch.set_num_threads(options.threads)
    config = HeadTraining(**chosen_fields(options, HeadTraining))
    backbone = read_backbone(options.backbone)
    dev = scenes_to_learn("dev", range(options.dev_rounds))
    with Job() as bars:
        folder = options.out / "crops"
        files: list[Path] = []
        for name, scenes, crops in crop_plan(options.rounds):
            files += make_crops(folder / name, scenes, backbone, crops, progress=bars)
        others = make_crops(folder, dev, backbone, progress=bars)
        report = train_head(
            CropFiles(files),
            options.out,
            config,
            held_out=CropFiles(others),
            resume=options.resume,
            notes={"scenes": f"{options.rounds} rounds of train, seed {config.seed}, {config.steps} steps"},
            progress=bars,
        )
    say(json.dumps({name: round(value, 4) for name, value in report.figures.items()}))
    return list_files([report.weights] if report.weights else [])
