"""The ``matrix3d`` command: panoramas, videos and worlds without ComfyUI, and a report on this machine."""

from __future__ import annotations

import argparse
import json
import logging
import math
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from . import __version__
from .errors import Matrix3DError
from .machine import stopped_politely
from .progress import ProgressEvent
from .variables import variable

__all__ = ["main"]

WORLD_EPILOG = """\
files written to DIR, each only when it is complete:
  world.ply, world.spz   the Gaussians, for ComfyUI, SuperSplat, Blender add-ons and web viewers
  flythrough.mp4         a flight along the camera path
  preview.png            one frame of it
  trajectory.json        the camera path (OpenCV axes, world-to-camera)
  report.json            settings, times, and PSNR/SSIM on frames kept out of training

without --depth the world is a flat ground and a far dome: fine for looking around and for short
walks outdoors, wrong for rooms. Depth files: EXR, NPY, NPZ or 16-bit PNG, distance along the ray.

examples:
  matrix3d sample --out sample
  matrix3d world sample/panorama.png --depth sample/depth_ray.npz --out world
  matrix3d world street.jpg --camera-height 2.1 --preset s_curve --out street
"""

WEIGHTS_EPILOG = """\
weights:
  --model takes the folder of a diffusers pipeline (with model_index.json), or a hub id. A hub id is
  looked for in the hub's cache (HF_HOME) and fetched only with --download. FLUX.1 is gated: accept its
  licence on its page, then `hf auth login`. Packages: pip install 'matrix3d[generate]'.
  --lora takes .safetensors, .ckpt, .bin or .pt in any of the usual namings. A file that fits the model
  only in part is refused, as it would be applied in part without a word otherwise.
"""

PANO_EPILOG = (
    """\
files written to DIR, each only when it is complete:
  panorama.png           the panorama, 2:1 equirectangular
  latent.safetensors     its latent
  prompt.txt             the text, where `matrix3d video` finds it
  canvas.png, mask.png   with --photo: what the model was given, and where it had to fill (white)
  report.json            settings, LoRA, colour step over the border (1 = none to be seen), times

"""
    + WEIGHTS_EPILOG
    + """
examples:
  matrix3d pano "a quiet harbour at dusk" --lora text2panoimage_lora.safetensors --out harbour
  matrix3d pano "a library" --photo shelf.jpg --fov 70 --lora worldgen_img2scene.safetensors --out library
  matrix3d pano "a library" --photo shelf.jpg --fov 70 --yaw 40 --model /models/FLUX.1-Fill-dev --out library
"""
)

VIDEO_EPILOG = (
    """\
files written to DIR, each only when it is complete:
  video.mp4              the panoramic video, one frame per camera pose
  latents.safetensors    latents [1, 16, t, h, w], normalised; for direct decoding into Gaussians
  cameras.json           the camera path (OpenCV axes, world-to-camera)
  guidance.mp4           what was known along the path
  composite.mp4          the panorama's own pixels where the path shows them, the video elsewhere
  prompt.txt, report.json

without --depth the panorama is a flat ground and a far dome, see `matrix3d world --help`.

"""
    + WEIGHTS_EPILOG
    + """
several GPUs, each with all the weights and a part of the tokens (diffusers' context parallel):
  torchrun --nproc-per-node 2 -m matrix3d_core.cli video harbour/panorama.png --out harbour_video ...

examples:
  matrix3d video harbour/panorama.png --depth depth.exr --lora pano_video_gen_480p.ckpt --out video
  matrix3d video room.png --prompt "a bright room" --trajectory path.json --model /models/wan-i2v --out video
"""
)

TRAIN_LRM_EPILOG = """\
a clip folder holds
  clip.safetensors   frames [F, H, W, 3] uint8, depth [F, h, w] (distance along the ray, inf for sky), and
                     latents_stride1 [16, t, h, w] (normalised Wan 2.1 latents of frames 0, 1, 2, ...);
                     latents_stride2 and 3 too, for the paper's random stride
  cameras.json       the camera path (OpenCV axes, world-to-camera), one pose per frame
or, with --vae, no latents yet, and instead of clip.safetensors also the folders frames (png, jpg, webp) and depth (npy,
npz, exr: distance along the ray, 0 or inf for sky; 16-bit png: millimetres), one file per frame in the order of names.
What --vae makes is written into the clip folder, as clip.safetensors, and read from there the next time.

files written to DIR: checkpoint-N/ (the two latest), and at the end lrm.safetensors for LRMLoader.

--lpips takes a TorchScript file, a state dict with the convolutions of VGG-16 and five heads, or a folder with both,
such as torchvision's vgg16-397923af.pth and the authors' vgg.pth.

  matrix3d train-lrm clips --out stage1
  matrix3d train-lrm clips --out stage2 --stage 2 --weights stage1/lrm.safetensors
  accelerate launch -m matrix3d_core.cli train-lrm clips --out stage1          # several GPUs

needs: pip install accelerate
"""

# What the shell sees: 0 done, 1 doctor found no way to make worlds, 2 wrong input, 130 stopped.
EXIT_UNUSABLE, EXIT_WRONG, EXIT_STOPPED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser(arguments).parse_args(arguments)
        level = logging.INFO if options.verbose else logging.WARNING
        logging.basicConfig(level=level, format="%(levelname)s: %(message)s")
        status: int = options.run(options)
        return status
    except Matrix3DError as error:
        _say(f"matrix3d: {error}")
        if "--verbose" in arguments or "-v" in arguments:
            raise
        return EXIT_WRONG
    except OSError as error:
        _say(f"matrix3d: {error}")
        return EXIT_WRONG
    except KeyboardInterrupt:
        _say("matrix3d: stopped")
        return EXIT_STOPPED


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    """Build the parser; a subcommand's options are added only when it is asked for, as they load torch."""
    parser = argparse.ArgumentParser(
        prog="matrix3d",
        description="A panorama becomes a walkable 3D world of Gaussian splats, on any machine. Making the "
        "panorama, and a video of what it hides, needs large models and a GPU.",
    )
    parser.add_argument("--version", action="version", version=f"matrix3d {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    asked = next((word for word in arguments if not word.startswith("-")), "")
    for name, text, add in (
        ("pano", "make a panorama from a text or a photo", _add_pano),
        ("video", "make a panoramic video along a camera path", _add_video),
        ("world", "make a world from a panorama", _add_world),
        ("sample", "write the sample panorama and its exact distances", _add_sample),
        ("convert-lrm", "make a small file of a reconstruction model's checkpoint", _add_convert_lrm),
        ("train-lrm", "train a reconstruction model on panoramic clips", _add_train_lrm),
        ("doctor", "report what works on this machine; paste it into bug reports", _add_doctor),
    ):
        command = commands.add_parser(
            name,
            help=text,
            description=_DESCRIPTIONS[name],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("-v", "--verbose", action="store_true", help="show log messages and tracebacks")
        if name == asked:
            add(command)
    return parser


_DESCRIPTIONS = {
    "pano": "Make a panorama with FLUX.1 dev from a text, or with FLUX.1 Fill around a photo (--photo).",
    "video": "Make a panoramic video with Wan 2.1 image-to-video: guidance is rendered from the panorama along a "
    "camera path, and the model fills in what it cannot show.",
    "world": "Make a world from one panorama: geometry, frames along a camera path, fill, Gaussian splats.",
    "sample": "Ray-trace the sample scene: a panorama and the exact distance of every pixel.",
    "convert-lrm": "Read a latent reconstruction model (upstream's pano_lrm_480p.pt) without running anything in it, "
    "and write the tensors that are used as safetensors.",
    "train-lrm": "Train a latent reconstruction model in the paper's two stages: depth and colour, then renders.",
    "doctor": "Report which engines, packages and model files are usable here, and why the others are not.",
}


def _adder(default: dict[str, Any]) -> Any:
    """Return a function that adds an option whose default is that of a settings field."""

    def add(group: Any, flag: str, field: str, text: str, **options: Any) -> None:
        value = default[field]
        group.add_argument(flag, dest=field, default=value, help=f"{text} (default: {value})", **options)

    return add


def _add_geometry(parser: argparse.ArgumentParser, add: Any) -> None:
    depth = parser.add_argument_group("geometry")
    depth.add_argument("--depth", type=Path, metavar="FILE", help="distance along the ray of every pixel")
    text = "channel, layer or part of an EXR, or array of an NPZ, that holds the distance"
    depth.add_argument("--depth-channel", default="", metavar="NAME", help=text)
    choices = ("auto", "depth", "grounded")
    add(depth, "--source", "source", "auto takes the depth file when given", choices=choices)
    add(depth, "--camera-height", "camera_height", "camera above the ground, metres", type=float, metavar="M")
    text = "relative jump of distance, between neighbors of 1024 rows, that tears the surface"
    add(depth, "--edge-threshold", "edge_threshold", text, type=float, metavar="F")


def _add_path(parser: argparse.ArgumentParser, add: Any) -> Any:
    from .trajectories.presets import PRESETS

    path = parser.add_argument_group("camera path")
    add(path, "--preset", "preset", "which path, see below", choices=tuple(PRESETS), metavar="NAME")
    add(path, "--frames", "frames", "length of the path in frames", type=int, metavar="N")
    add(path, "--distance", "distance", "how far to go, metres", type=float, metavar="M")
    add(path, "--clearance", "clearance", "stay this far from surfaces, metres; 0 = do not check", type=float)
    return path


def _add_weights(parser: argparse.ArgumentParser, models: str) -> None:
    from .standalone.pipeline_lora import LORA_MERGES
    from .standalone.pipelines import DTYPES, OFFLOADS, PipelineSource

    default = {field.name: field.default for field in fields(PipelineSource)}
    add = _adder(default)
    weights = parser.add_argument_group("model")
    text = f"pipeline folder or hub id (default: {models})"
    weights.add_argument("--model", default="", metavar="DIR|ID", help=text)
    text = "one file with the diffusion model in its makers' names, in place of the folder's"
    weights.add_argument("--transformer", default="", metavar="FILE", help=text)
    weights.add_argument("--download", action="store_true", help="fetch a hub id that is not in the cache")
    weights.add_argument("--lora", type=Path, metavar="FILE", help="panorama LoRA made for this model")
    weights.add_argument(
        "--lora-strength", type=float, default=1.0, metavar="F", help="factor of the LoRA (default: 1.0)"
    )
    text = "adapter: beside the weights; upstream: added once with upstream's rounding (default: adapter)"
    weights.add_argument("--lora-merge", choices=LORA_MERGES, default="adapter", help=text)
    weights.add_argument("--lora-partial", action="store_true", help="take what fits of a LoRA")
    add(weights, "--dtype", "dtype", "number type of the weights", choices=tuple(DTYPES))
    add(weights, "--device", "device", "auto, cpu, cuda, cuda:N or mps", metavar="NAME")
    text = "keep on the GPU only the part (model) or the layer (sequential) in work; auto: model on a GPU"
    add(weights, "--offload", "offload", text, choices=OFFLOADS)


def _add_pano(parser: argparse.ArgumentParser) -> None:
    from .diffusion.circular import BLENDS
    from .diffusion.latent_roll import SEAM_MODES
    from .standalone.pano import FROM_PHOTO, FROM_TEXT, PHOTO_MODEL, TEXT_MODEL

    parser.epilog = PANO_EPILOG
    parser.add_argument("prompt", metavar="TEXT", help="what is seen all around")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write to; made when missing"
    )
    photo = parser.add_argument_group("photo")
    photo.add_argument("--photo", type=Path, metavar="FILE", help="picture to continue all around")
    text = "its horizontal field of view; needed (phones about 70, 50 mm on full frame 40)"
    photo.add_argument("--fov", type=float, metavar="DEG", help=text)
    photo.add_argument(
        "--fov-y", type=float, metavar="DEG", help="the vertical one (default: from the aspect)"
    )
    for name, text in (("yaw", "to the right of the centre"), ("pitch", "up"), ("roll", "clockwise")):
        help_text = (
            f"how far it looks {text} (default: 0)" if name != "roll" else "turned clockwise (default: 0)"
        )
        photo.add_argument(f"--{name}", type=float, default=0.0, metavar="DEG", help=help_text)
    text = "keep the model's version of the photo instead of its own pixels"
    photo.add_argument("--no-composite", action="store_true", help=text)
    _add_weights(parser, f"{TEXT_MODEL}, with a photo {PHOTO_MODEL}")
    work = parser.add_argument_group("sampling; defaults are upstream's, text and photo differ")

    def add(flag: str, field: str, text: str, **options: Any) -> None:
        values = [getattr(preset, field) for preset in (FROM_TEXT, FROM_PHOTO)]
        told = f"{values[0]}" if values[0] == values[1] else f"{values[0]}, with a photo {values[1]}"
        work.add_argument(flag, dest=field, help=f"{text} (default: {told})", **options)

    add("--height", "height", "rows, a multiple of 16; twice as many columns", type=int, metavar="PX")
    add("--steps", "steps", "sampling steps", type=int, metavar="N")
    add("--guidance", "guidance", "FLUX's guidance by the prompt", type=float, metavar="F")
    add("--seed", "seed", "for everything random", type=int)
    text = "how the latent turns while sampling; upstream t2p leaves the result facing anywhere"
    add("--seam", "seam", text, choices=SEAM_MODES)
    add("--blend", "blend", "how the border is decoded: as a ring, or upstream's blend", choices=BLENDS)
    text = "straighten it and turn its interesting side to the front (text only)"
    work.add_argument("--canonicalise", action="store_true", default=None, help=text)
    add("--tile", "tile", "decode in tiles of this many latents, for less memory; 0 = whole", type=int)
    parser.set_defaults(run=_pano)


def _add_video(parser: argparse.ArgumentParser) -> None:
    from .diffusion.latent_roll import SEAM_MODES
    from .diffusion.sizes import CUSTOM_SIZE, FRAME_FITS, SIZE_PRESETS
    from .diffusion.video_codec import CODEC_MODES
    from .standalone.video import VIDEO_MODEL, VideoConfig
    from .standalone.world import WorldConfig
    from .trajectories.presets import PRESETS

    presets = "\n".join(f"  {name:<25} {text}" for name, text in PRESETS.items())
    parser.epilog = f"camera paths (--preset):\n{presets}\n\n{VIDEO_EPILOG}"
    parser.add_argument("panorama", type=Path, metavar="PANORAMA", help="2:1 equirectangular picture")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write to; made when missing"
    )
    parser.add_argument(
        "--prompt", metavar="TEXT", help="what is seen (default: the prompt.txt beside the panorama)"
    )
    parser.add_argument(
        "--negative", default="", metavar="TEXT", help="what to avoid, added to upstream's words"
    )
    world = {field.name: field.default for field in fields(WorldConfig)} | {"frames": 81, "width": 2048}
    add_world = _adder(world)
    _add_geometry(parser, add_world)
    path = _add_path(parser, add_world)
    text = "a camera path as JSON (ours or upstream's bare matrices) in place of --preset"
    path.add_argument("--trajectory", type=Path, metavar="FILE", help=text)
    add_world(path, "--guidance-width", "width", "columns of the guidance frames", type=int, metavar="PX")
    names = "`matrix3d doctor` lists them; auto takes the first usable"
    add_world(path, "--mesh-engine", "engine_mesh", f"mesh engine; {names}", metavar="NAME")
    _add_weights(parser, VIDEO_MODEL)
    video = {field.name: field.default for field in fields(VideoConfig)}
    add = _adder(video)
    work = parser.add_argument_group("sampling; defaults are upstream's")
    sizes = [name for name, size in SIZE_PRESETS.items() if name != CUSTOM_SIZE and "5B" not in name]
    work.add_argument(
        "--size", default=sizes[0], metavar="HxW", help=f"{', '.join(sizes)} or any (default: {sizes[0]})"
    )
    add(work, "--steps", "steps", "sampling steps", type=int, metavar="N")
    add(work, "--cfg", "cfg", "guidance by the prompt; 1 halves the time", type=float, metavar="F")
    add(work, "--shift", "shift", "of the noise levels", type=float, metavar="F")
    add(work, "--seed", "seed", "for everything random", type=int)
    add(work, "--seam", "seam", "how the latent turns while sampling", choices=SEAM_MODES)
    add(work, "--encode", "encode", "how the VAE treats the border of the guidance", choices=CODEC_MODES)
    add(work, "--decode", "decode", "how the VAE treats the border of the video", choices=CODEC_MODES)
    text = "most frames at once, 4k + 1; longer paths become segments"
    add(work, "--segment", "frames_per_segment", text, type=int, metavar="N")
    add(work, "--overlap", "overlap", "frames that segments share, 4k + 1", type=int, metavar="N")
    add(work, "--fit-frames", "fit_frames", "a path that is not 4k + 1 frames long", choices=FRAME_FITS)
    text = "do not write composite.mp4"
    work.add_argument("--no-texels", dest="texels", action="store_false", help=text)
    add(work, "--fps", "fps", "of the video file", type=float, metavar="F")
    parser.set_defaults(run=_video)


def _add_world(parser: argparse.ArgumentParser) -> None:
    from .standalone.world import WorldConfig
    from .trajectories.presets import PRESETS

    default = {field.name: field.default for field in fields(WorldConfig)}
    presets = "\n".join(f"  {name:<25} {text}" for name, text in PRESETS.items())
    parser.epilog = f"camera paths (--preset):\n{presets}\n\n{WORLD_EPILOG}"
    parser.add_argument("panorama", type=Path, metavar="PANORAMA", help="2:1 equirectangular picture")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write to; made when missing"
    )

    add = _adder(default)
    _add_geometry(parser, add)
    _add_path(parser, add)
    work = parser.add_argument_group("quality and speed")
    add(work, "--quality", "quality", "how long to fit the Gaussians", choices=("draft", "standard"))
    add(work, "--width", "width", "columns of the guidance frames", type=int, metavar="PX")
    add(work, "--max-gaussians", "max_gaussians", "upper bound of their number", type=int, metavar="N")
    add(work, "--seed", "seed", "for everything random", type=int)
    names = "`matrix3d doctor` lists them; auto takes the first usable"
    add(work, "--mesh-engine", "engine_mesh", f"mesh engine; {names}", metavar="NAME")
    add(work, "--splat-engine", "engine_splat", f"splat engine; {names}", metavar="NAME")
    parser.set_defaults(run=_world)


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write to; made when missing"
    )
    parser.add_argument(
        "--height", type=int, default=512, help="rows; columns are twice as many (default: 512)"
    )
    parser.set_defaults(run=_sample)


def _add_convert_lrm(parser: argparse.ArgumentParser) -> None:
    from .lrm.config import CAMERAS
    from .lrm.weights import STORED_TYPES

    parser.add_argument("source", type=Path, metavar="CHECKPOINT", help="pano_lrm_480p.pt, or safetensors")
    parser.add_argument("target", type=Path, metavar="FILE", help="safetensors file to write")
    text = "number type of the weights; the released ones take 0.8 GB in bf16 (default: bf16)"
    parser.add_argument("--dtype", choices=tuple(STORED_TYPES), default="bf16", help=text)
    text = "what the model was trained for, when the file does not say (default: spherical)"
    parser.add_argument("--camera", choices=CAMERAS, help=text)
    parser.set_defaults(run=_convert_lrm)


def _add_train_lrm(parser: argparse.ArgumentParser) -> None:
    from .lrm.training import DEPTH_LOSSES, TrainConfig

    parser.epilog = TRAIN_LRM_EPILOG
    add = _adder({field.name: field.default for field in fields(TrainConfig)})
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="folder with clip folders in it")
    text = "folder to write to; made when missing"
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=text)
    text = "start from these weights (default: random)"
    parser.add_argument("--weights", type=Path, metavar="FILE", help=text)
    text = "token width of a model that starts from random weights (default: 1024)"
    parser.add_argument("--width", type=int, default=1024, metavar="N", help=text)
    text = "folder of the Wan 2.1 VAE in diffusers' layout; encodes clips that have no latents"
    parser.add_argument("--vae", type=Path, metavar="DIR", help=text)
    parser.add_argument("--resume", action="store_true", help="go on from the latest checkpoint in DIR")
    add(
        parser,
        "--stage",
        "stage",
        "1: depth and colour. 2: renders; depth is frozen",
        type=int,
        choices=(1, 2),
    )
    add(parser, "--steps", "steps", "optimiser steps in all", type=int, metavar="N")
    add(parser, "--lr", "lr", "learning rate", type=float, metavar="F")
    add(parser, "--depth-loss", "depth_loss", "what stage 1 compares", choices=DEPTH_LOSSES)
    text = "weight of the colours in stage 1"
    add(parser, "--colour-weight", "colour_weight", text, type=float, metavar="F")
    text = "weight of LPIPS, or of what replaces it, in stage 2"
    add(parser, "--perceptual-weight", "perceptual_weight", text, type=float, metavar="F")
    add(
        parser,
        "--lpips",
        "lpips",
        "its weights, see below; without them 1 - SSIM at two scales",
        metavar="PATH",
    )
    add(parser, "--views", "views", "renders per step in stage 2", type=int, metavar="N")
    add(parser, "--crop", "crop_px", "their side", type=int, metavar="PX")
    add(parser, "--precision", "precision", "of the arithmetic", choices=("fp32", "bf16"))
    add(parser, "--save-every", "save_every", "steps between checkpoints", type=int, metavar="N")
    add(parser, "--seed", "seed", "for everything random", type=int)
    parser.set_defaults(run=_train_lrm)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON instead of Markdown")
    parser.add_argument(
        "--comfyui", type=Path, metavar="DIR", help="look for models in this ComfyUI (default: COMFYUI_DIR)"
    )
    parser.set_defaults(run=_doctor)


def _pano(options: argparse.Namespace) -> int:
    from .errors import InvalidInput
    from .io.images import read_image
    from .standalone.pano import (
        FROM_PHOTO,
        FROM_TEXT,
        PHOTO_MODEL,
        TEXT_MODEL,
        PanoConfig,
        PhotoPlace,
        make_panorama,
    )

    if options.photo is not None and options.fov is None:
        raise InvalidInput("--photo must come with --fov, its horizontal field of view in degrees; got none.")
    config = FROM_TEXT if options.photo is None else FROM_PHOTO
    names = [field.name for field in fields(PanoConfig)]
    chosen = {n: getattr(options, n) for n in names if getattr(options, n, None) is not None}
    if "height" in chosen:
        chosen["width"] = 2 * chosen["height"]
    where = None
    if options.photo is not None:
        where = PhotoPlace(
            math.radians(options.fov),
            None if options.fov_y is None else math.radians(options.fov_y),
            yaw_rad=math.radians(options.yaw),
            pitch_rad=math.radians(options.pitch),
            roll_rad=math.radians(options.roll),
            put_back=not options.no_composite,
        )
    with _Job() as bars:
        files = make_panorama(
            options.prompt,
            out_dir=options.out,
            source=_source(options, TEXT_MODEL if options.photo is None else PHOTO_MODEL),
            photo=None if options.photo is None else read_image(options.photo),
            where=where,
            config=replace(config, **chosen),
            lora=_lora(options),
            progress=bars,
        )
    return _list_files(files)


def _video(options: argparse.Namespace) -> int:
    from .diffusion.sizes import SIZE_PRESETS
    from .errors import InvalidInput
    from .io.cameras_json import read_trajectory
    from .io.depth_files import read_depth
    from .panorama.load import load_panorama
    from .standalone.video import VIDEO_MODEL, VideoConfig, make_panorama_video
    from .standalone.world import WorldConfig

    panorama = load_panorama(options.panorama).rgb
    prompt = options.prompt
    if prompt is None:
        beside = options.panorama.with_name("prompt.txt")
        if not beside.is_file():
            raise InvalidInput(f"--prompt must say what is seen; got none, and there is no {beside}.")
        prompt = beside.read_text(encoding="utf-8").strip()
    height, _, width = options.size.partition("x")
    if not (height.isdigit() and width.isdigit()):
        raise InvalidInput(
            f"--size must be HEIGHTxWIDTH, such as {next(iter(SIZE_PRESETS))}; got {options.size!r}."
        )
    names = {field.name for field in fields(VideoConfig)} & set(vars(options))
    config = VideoConfig(
        **{**{name: getattr(options, name) for name in names}, "height": int(height), "width": int(width)}
    )
    world_names = {field.name for field in fields(WorldConfig)} & set(vars(options))
    with _Job() as bars:
        files = make_panorama_video(
            panorama,
            prompt,
            out_dir=options.out,
            depth_ray=read_depth(options.depth, channel=options.depth_channel) if options.depth else None,
            trajectory=read_trajectory(options.trajectory) if options.trajectory else None,
            world=WorldConfig(**{name: getattr(options, name) for name in world_names}),
            source=_source(options, VIDEO_MODEL),
            config=config,
            lora=_lora(options),
            negative=options.negative,
            progress=bars,
        )
    return _list_files(files)


def _source(options: argparse.Namespace, model: str) -> Any:
    from .standalone.pipelines import PipelineSource

    names = {field.name for field in fields(PipelineSource)} - {"model"}
    return PipelineSource(options.model or model, **{name: getattr(options, name) for name in names})


def _lora(options: argparse.Namespace) -> Any:
    from .standalone.pipeline_lora import LoraChoice

    if options.lora is None:
        return None
    return LoraChoice(options.lora, options.lora_strength, options.lora_merge, not options.lora_partial)


def _list_files(files: dict[str, Path]) -> int:
    for path in files.values():
        print(path)
    return 0


def _world(options: argparse.Namespace) -> int:
    from .io.depth_files import read_depth
    from .panorama.load import load_panorama
    from .standalone.world import WorldConfig, make_world

    chosen = {f.name: getattr(options, f.name) for f in fields(WorldConfig) if hasattr(options, f.name)}
    panorama = load_panorama(options.panorama).rgb
    depth_ray = read_depth(options.depth, channel=options.depth_channel) if options.depth else None
    start = time.perf_counter()
    with _Job() as bars:
        result = make_world(
            panorama,
            depth_ray=depth_ray,
            out_dir=options.out,
            config=WorldConfig(**chosen),
            progress=bars,
        )
    _say(f"{len(result.gaussians)} Gaussians in {time.perf_counter() - start:.0f} s")
    return _list_files(result.files)


def _sample(options: argparse.Namespace) -> int:
    import numpy
    import torch

    from .io.atomic import open_atomically
    from .io.images import write_image
    from .synth.sample_scene import render_erp

    options.out.mkdir(parents=True, exist_ok=True)
    picture, distances = options.out / "panorama.png", options.out / "depth_ray.npz"
    rgb, depth_ray = render_erp(torch.zeros(3, dtype=torch.float64), options.height, 2 * options.height)
    write_image(picture, rgb)
    with open_atomically(distances) as file:
        numpy.savez_compressed(file, depth=depth_ray.to(torch.float32).numpy())
    print(picture)
    print(distances)
    return 0


def _convert_lrm(options: argparse.Namespace) -> int:
    from .lrm.weights import convert_weights

    stated = {"camera": options.camera} if options.camera else None
    weights = convert_weights(options.source, options.target, dtype=options.dtype, config=stated)
    _say(weights.describe())
    print(options.target)
    return 0


def _train_lrm(options: argparse.Namespace) -> int:
    import torch

    from .errors import InvalidInput
    from .lrm.clips import find_clips, has_latents, read_clip
    from .lrm.config import LRMConfig
    from .lrm.network import LatentLRM
    from .lrm.training import TrainConfig, train
    from .lrm.weights import build_model, read_weights
    from .standalone.lrm_clips import encode_clip, open_wan_encoder

    names = {field.name for field in fields(TrainConfig)} & set(vars(options))
    config = TrainConfig(**{name: getattr(options, name) for name in names})
    folders = find_clips(options.clips)
    bare = [folder for folder in folders if not has_latents(folder)]
    if bare and options.vae is None:
        raise InvalidInput(
            f"clips must have latents; {len(bare)} of {len(folders)} have none ({bare[0].name} first). Give --vae to "
            "encode them."
        )
    if bare:
        encode = open_wan_encoder(options.vae)
        with _Job() as bars:
            for folder in bare:
                encode_clip(folder, encode, progress=bars)
        del encode
    clips = [read_clip(folder) for folder in folders]
    torch.manual_seed(options.seed)
    if options.weights is not None:
        model = build_model(read_weights(options.weights), dtype=torch.float32)
    else:
        width = options.width
        stages = (width // 8, width // 4, width // 2, width)
        sizes = {} if width == 1024 else {"stages": stages, "head_hidden": width // 2, "head_out": width // 4}
        model = LatentLRM(LRMConfig(width=width, ffn=2 * width, features=width, **sizes))
    with _Job() as bars:
        report = train(model, clips, options.out, config, resume=options.resume, progress=bars)
    print(report.weights)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import examine, to_markdown

    report = examine(options.comfyui)
    print(json.dumps(report, indent=2) if options.json else to_markdown(report), flush=True)
    return 0 if report["ready"] else EXIT_UNUSABLE


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


class ProgressBars:
    """A progress callback that shows one bar per phase; use as a context manager."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._phase: tuple[str, int] | None = None

    def __call__(self, event: ProgressEvent) -> None:
        """Show the event; another kind of work or another total opens a new bar."""
        from tqdm import tqdm

        kind = re.split(r"[:\d]", event.phase)[0].strip() or "working"  # the bar counts and estimates itself
        if self._phase != (kind, event.total):
            self.close()
            self._phase = (kind, event.total)
            self._bar = tqdm(total=event.total, desc=kind, unit="step", file=sys.stderr)
        self._bar.update(event.done - self._bar.n)

    def close(self) -> None:
        """End the current bar."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None

    def __enter__(self) -> ProgressBars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Job(ProgressBars):
    """Progress bars for a long job, during which a polite kill cleans up like Ctrl-C.

    Of several processes that torchrun started only the first shows bars.
    """

    def __call__(self, event: ProgressEvent) -> None:
        if variable("RANK", "0") == "0":
            super().__call__(event)

    def __enter__(self) -> _Job:
        self._until_stopped = stopped_politely()
        self._until_stopped.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._until_stopped.__exit__(kind, error, trace)
        self.close()


if __name__ == "__main__":
    sys.exit(main())
