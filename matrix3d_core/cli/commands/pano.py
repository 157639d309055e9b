"""``matrix3d pano``."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..console import list_files
from ..options import WEIGHTS_EPILOG, add_out, add_weights, chosen_fields, lora_of, source_of
from ..progress import Job

HELP = "make a panorama from a text or a photo"
DESCRIPTION = "Make a panorama with FLUX.1 dev from a text, or with FLUX.1 Fill around a photo (--photo)."
EPILOG = f"""\
files written to DIR, each only when it is complete:
  panorama.png           the panorama, 2:1 equirectangular
  latent.safetensors     its latent
  prompt.txt             the text, where `matrix3d video` finds it
  canvas.png, mask.png   with --photo: input picture of the model, and its inpainting mask (white = generated)
  report.json            settings, LoRA, color step over the border (1 = none to be seen), times

{WEIGHTS_EPILOG}
examples:
  matrix3d pano "a quiet harbor at dusk" --lora text2panoimage_lora.safetensors --out harbor
  matrix3d pano "a library" --photo shelf.jpg --fov 70 --lora worldgen_img2scene.safetensors --out library
  matrix3d pano "a library" --photo shelf.jpg --fov 70 --yaw 40 --model /models/FLUX.1-Fill-dev --out library
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...standalone.pano import PHOTO_MODEL, TEXT_MODEL

    parser.epilog = EPILOG
    parser.add_argument("prompt", metavar="TEXT", help="description of the whole panorama")
    add_out(parser)
    _add_photo(parser)
    add_weights(parser, f"{TEXT_MODEL}, with a photo {PHOTO_MODEL}")
    _add_sampling(parser)


def _add_photo(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("photo")
    group.add_argument("--photo", type=Path, metavar="FILE", help="photo to outpaint to a panorama")
    text = "its horizontal field of view; required (phones about 70, 50 mm on full frame 40)"
    group.add_argument("--fov", type=float, metavar="DEG", help=text)
    text = "the vertical one (default: from the aspect)"
    group.add_argument("--fov-y", type=float, metavar="DEG", help=text)
    for name, text in (
        ("yaw", "yaw of its center, to the right"),
        ("pitch", "pitch of its center, up"),
        ("roll", "roll, clockwise"),
    ):
        group.add_argument(f"--{name}", type=float, default=0.0, metavar="DEG", help=f"{text} (default: 0)")
    text = "keep the generated photo area instead of blending the original back in"
    group.add_argument("--no-composite", action="store_true", help=text)


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    from ...diffusion.circular import PICTURE_SEAM_MODES
    from ...diffusion.latent_roll import ROLL_MODES
    from ...standalone.pano import FROM_PHOTO, FROM_TEXT

    group = parser.add_argument_group("sampling; defaults are upstream's, text and photo differ")

    def add(flag: str, field: str, text: str, **options: Any) -> None:
        by_text, by_photo = (getattr(preset, field) for preset in (FROM_TEXT, FROM_PHOTO))
        default = f"{by_text}" if by_text == by_photo else f"{by_text}, with a photo {by_photo}"
        group.add_argument(flag, dest=field, help=f"{text} (default: {default})", **options)

    add("--height", "height", "rows, a multiple of 16; twice as many columns", type=int, metavar="PX")
    add("--steps", "steps", "sampling steps", type=int, metavar="N")
    add("--guidance", "guidance", "FLUX's guidance by the prompt", type=float, metavar="F")
    add("--seed", "seed", "random seed", type=int)
    text = "how the latent is rolled while sampling; upstream t2p leaves a random yaw"
    add("--latent-roll", "latent_roll", text, choices=ROLL_MODES)
    add(
        "--seam-mode",
        "seam_mode",
        "how the border is decoded: padded with the other side, or upstream's blend",
        choices=PICTURE_SEAM_MODES,
    )
    text = "level it and rotate its most interesting side to the front (text only)"
    group.add_argument("--canonicalize", action="store_true", default=None, help=text)
    add("--tile", "tile", "decode in tiles of this many latents, for less memory; 0 = whole", type=int)


def run(options: argparse.Namespace) -> int:
    """Make a panorama."""
    from ...errors import InvalidInput
    from ...io.images import read_image
    from ...standalone.pano import (
        FROM_PHOTO,
        FROM_TEXT,
        PHOTO_MODEL,
        TEXT_MODEL,
        PanoConfig,
        PhotoPlace,
        make_panorama,
    )

    has_photo = options.photo is not None
    if has_photo and options.fov is None:
        raise InvalidInput("--photo must come with --fov, its horizontal field of view in degrees; got none.")
    chosen = chosen_fields(options, PanoConfig)
    if "height" in chosen:
        chosen["width"] = 2 * chosen["height"]
    where = None
    if has_photo:
        where = PhotoPlace(
            math.radians(options.fov),
            None if options.fov_y is None else math.radians(options.fov_y),
            yaw_rad=math.radians(options.yaw),
            pitch_rad=math.radians(options.pitch),
            roll_rad=math.radians(options.roll),
            put_back=not options.no_composite,
        )
    with Job() as bars:
        files = make_panorama(
            options.prompt,
            out_dir=options.out,
            source=source_of(options, PHOTO_MODEL if has_photo else TEXT_MODEL),
            photo=read_image(options.photo) if has_photo else None,
            where=where,
            config=replace(FROM_PHOTO if has_photo else FROM_TEXT, **chosen),
            lora=lora_of(options),
            progress=bars,
        )
    return list_files(files.values())
