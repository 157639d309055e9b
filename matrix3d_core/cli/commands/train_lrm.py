"""``matrix3d train-lrm``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..console import list_files, say
from ..options import add_out, chosen_fields, setting_adder
from ..progress import Job

if TYPE_CHECKING:
    from ...lrm.network import LatentLRM

HELP = "train a reconstruction model on panoramic clips"
DESCRIPTION = "Train a latent reconstruction model in the paper's two stages: depth and color, then renders."
EPILOG = """\
a clip folder holds
  clip.safetensors   frames [F, H, W, 3] uint8, depth [F, h, w] (distance along the ray, inf for sky), and
                     latents_stride1 [16, t, h, w] (normalized Wan 2.1 latents of frames 0, 1, 2, ...);
                     latents_stride2 and 3 too, for the paper's random stride
  cameras.json       the camera path (OpenCV axes, world-to-camera), one pose per frame
or, with --vae, no latents yet, and instead of clip.safetensors also the folders frames (png, jpg, webp) and depth (npy,
npz, exr: distance along the ray, 0 or inf for sky; 16-bit png: millimeters), one file per frame in the order of names.
Latents encoded with --vae are written to clip.safetensors in the clip folder, and read from there the next time.
CLIPS may also be a folder of the shards of `matrix3d factory`; they are unpacked to clips in DIR.

files written to DIR: checkpoint-N/ (the two latest), and at the end lrm.safetensors for LRMLoader. What the run takes
is shown before it starts; one that cannot fit is refused.

--lpips takes a TorchScript file, a state dict with the convolutions of VGG-16 and five heads, or a folder with both,
such as torchvision's vgg16-397923af.pth and the authors' vgg.pth.

  matrix3d train-lrm clips --out stage1
  matrix3d train-lrm clips --out stage2 --stage 2 --weights stage1/lrm.safetensors
  accelerate launch -m matrix3d_core.cli train-lrm clips --out stage1          # several GPUs

needs: pip install accelerate
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...training.lrm import DEPTH_LOSSES, TrainConfig

    parser.epilog = EPILOG
    add = setting_adder(parser, TrainConfig())
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="folder with clip folders in it")
    add_out(parser)
    text = "start from these weights (default: random)"
    parser.add_argument("--weights", type=Path, metavar="FILE", help=text)
    text = "token width of a model that starts from random weights (default: 1024)"
    parser.add_argument("--width", type=int, default=1024, metavar="N", help=text)
    text = "folder of the Wan 2.1 VAE in diffusers' layout; encodes clips that have no latents"
    parser.add_argument("--vae", type=Path, metavar="DIR", help=text)
    parser.add_argument("--resume", action="store_true", help="resume from the latest checkpoint in DIR")
    stages = "1: depth and color. 2: renders; depth is frozen"
    add("--stage", "stage", stages, type=int, choices=(1, 2))
    text = "train depth too in stage 2: from random weights all at once, which fails according to the paper"
    parser.add_argument("--no-freeze", dest="freeze", action="store_false", help=text)
    add("--batch", "batch", "clips per step, over all processes", type=int, metavar="N")
    add("--steps", "steps", "total number of optimizer steps", type=int, metavar="N")
    add("--lr", "lr", "learning rate", type=float, metavar="F")
    add("--depth-loss", "depth_loss", "depth loss of stage 1", choices=DEPTH_LOSSES)
    text = "weight of the colors in stage 1"
    add("--color-weight", "color_weight", text, type=float, metavar="F")
    text = "weight of LPIPS, or of its replacement, in stage 2"
    add("--perceptual-weight", "perceptual_weight", text, type=float, metavar="F")
    text = "its weights, see below; without them 1 - SSIM at two scales"
    add("--lpips", "lpips", text, metavar="PATH")
    add(
        "--opacity-weight", "opacity_weight", "weight of the mean opacity in stage 2", type=float, metavar="F"
    )
    add("--scale-weight", "scale_weight", "weight of the mean size in stage 2", type=float, metavar="F")
    add("--views", "views", "renders per step in stage 2", type=int, metavar="N")
    add("--crop", "crop_px", "side of the renders, pixels", type=int, metavar="PX")
    add("--precision", "precision", "of the arithmetic", choices=("fp32", "bf16"))
    add("--save-every", "save_every", "steps between checkpoints", type=int, metavar="N")
    add("--seed", "seed", "random seed", type=int)


def run(options: argparse.Namespace) -> int:
    """Train on the clips."""
    import torch

    from ...training.clips import read_clip
    from ...training.loop import RunOptions
    from ...training.lrm import TrainConfig, train

    config = TrainConfig(**chosen_fields(options, TrainConfig))
    clips = [read_clip(folder) for folder in _encoded_clips(options)]
    torch.manual_seed(options.seed)
    model = _open_model(options)
    with Job() as bars:
        report = train(
            model, clips, options.out, config, RunOptions(resume=options.resume, tell=say, progress=bars)
        )
    return list_files(report.files)


def _encoded_clips(options: argparse.Namespace) -> list[Path]:
    """Return the clip folders, after encoding those that have no latents yet."""
    from ...errors import InvalidInput
    from ...factory.clip_files import unpack_shards
    from ...factory.shards import INDEX
    from ...training.clips import find_clips, has_latents
    from ...training.lrm_latents import encode_clip, open_wan_encoder

    root = options.clips
    if (root / INDEX).is_file():
        root = options.out / "clips"
        with Job() as bars:
            unpack_shards(options.clips, root, progress=bars)
    folders = find_clips(root)
    bare = [folder for folder in folders if not has_latents(folder)]
    if bare and options.vae is None:
        raise InvalidInput(
            f"clips must have latents; {len(bare)} of {len(folders)} have none ({bare[0].name} first). Give --vae to "
            "encode them."
        )
    if bare:
        encode = open_wan_encoder(options.vae)
        with Job() as bars:
            for folder in bare:
                encode_clip(folder, encode, progress=bars)
    return folders


def _open_model(options: argparse.Namespace) -> LatentLRM:
    """Return the model of ``--weights``, or one with random weights of ``--width``."""
    import torch

    from ...lrm.config import LRMConfig
    from ...lrm.network import LatentLRM
    from ...lrm.weights import build_lrm, read_lrm_weights

    if options.weights is not None:
        return build_lrm(read_lrm_weights(options.weights), dtype=torch.float32)
    width = options.width
    stages = (width // 8, width // 4, width // 2, width)
    sizes = {} if width == 1024 else {"stages": stages, "head_hidden": width // 2, "head_out": width // 4}
    return LatentLRM(LRMConfig(width=width, ffn=2 * width, features=width, **sizes))
