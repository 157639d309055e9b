"""``matrix3d decode-lrm``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..console import list_files
from ..options import add_out, chosen_fields, setting_adder
from ..progress import Job

HELP = "decode a video's latents into Gaussian splats"
DESCRIPTION = (
    "Turn the latents of a panoramic video and its camera path into Gaussian splats in one pass of a reconstruction "
    "model, with LRMDecode's defaults."
)
EPILOG = """\
read from VIDEO_DIR, as `matrix3d video` writes it:
  latents.safetensors    latents [1, 16, t, h, w], normalized
  cameras.json           the camera path, one pose per frame

files written to DIR, each only when it is complete:
  world.ply, world.spz   the Gaussians, in the frame and units of cameras.json
  world.world.json       start, unit and coverage: where the world looks whole
  preview.png            the view ahead from the first pose
  depth.safetensors      depth_ray [T, h, w] of every frame, world units
  report.json            counts, dropped splats, memory and time

examples:
  matrix3d decode-lrm video --weights pano_lrm_480p.pt --out lrm
  matrix3d splats video --initial lrm/world.ply --steps 400 --out world
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...lrm.decimate import DECIMATIONS
    from ...lrm.decode import DEFAULT_SETTINGS
    from ...lrm.rays import POSE_NORMALIZATIONS
    from ...lrm.weights import PRECISIONS

    parser.epilog = EPILOG
    parser.add_argument("folder", type=Path, metavar="VIDEO_DIR", help="folder that `matrix3d video` wrote")
    add_out(parser)
    text = "pano_lrm_480p.pt, or what convert-lrm or train-lrm wrote"
    parser.add_argument("--weights", type=Path, required=True, metavar="FILE", help=text)
    text = "of weights and arithmetic; auto: bf16 on a GPU that has it, else fp32 (default: auto)"
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help=text)
    text = "auto, cpu, cuda, cuda:N or mps (default: auto)"
    parser.add_argument("--device", default="auto", metavar="NAME", help=text)
    add = setting_adder(parser.add_argument_group("output limits"), DEFAULT_SETTINGS)
    add("--frame-stride", "frame_stride", "use every n-th frame", type=int, metavar="N")
    add("--min-opacity", "min_opacity", "minimum opacity of splats; 0 keeps all", type=float, metavar="F")
    add("--max-gaussians", "max_gaussians", "maximum number of splats; 0 keeps all", type=int, metavar="N")
    add("--decimation", "decimation", "how splats are reduced to the maximum", choices=tuple(DECIMATIONS))
    text = "drop splats beyond this fraction of the depth range; 0.97 removes sky"
    add("--range-cut", "range_cut", text, type=float, metavar="F")
    add("--max-size", "max_size", "maximum size of splats, world units; 0 keeps all", type=float, metavar="F")
    add = setting_adder(parser.add_argument_group("model"), DEFAULT_SETTINGS)
    add("--pose-scale", "pose_scale", "units of the model per world unit", type=float, metavar="F")
    add(
        "--pose-normalization",
        "pose_normalization",
        "pose convention passed to the model",
        choices=tuple(POSE_NORMALIZATIONS),
    )
    add("--chunk", "chunk", "latent frames at a time; 0 = chosen by free memory", type=int, metavar="N")
    text = "compile the model with torch.compile: minutes once, then faster"
    parser.add_argument("--compile", action="store_true", help=text)


def run(options: argparse.Namespace) -> int:
    """Decode latents."""
    from ...lrm.decode import DecodeSettings
    from ...standalone.lrm_decode import decode_folder

    with Job() as bars:
        files = decode_folder(
            options.folder,
            options.weights,
            out_dir=options.out,
            settings=DecodeSettings(**chosen_fields(options, DecodeSettings)),
            precision=options.precision,
            device=options.device,
            progress=bars,
        )
    return list_files(files.values())
