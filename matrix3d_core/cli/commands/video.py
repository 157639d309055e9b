"""``matrix3d video``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..console import list_files
from ..options import (
    BACKEND_NAMES,
    WEIGHTS_EPILOG,
    add_geometry,
    add_out,
    add_panorama,
    add_path,
    add_weights,
    chosen_fields,
    depth_of,
    lora_of,
    preset_list,
    setting_adder,
    source_of,
)
from ..progress import Job

HELP = "make a panoramic video along a camera path"
DESCRIPTION = (
    "Make a panoramic video with Wan 2.1 image-to-video: guidance is rendered from the panorama along a "
    "camera path, and the model inpaints the disoccluded regions."
)
EPILOG = f"""\
files written to DIR, each only when it is complete:
  video.mp4              the panoramic video, one frame per camera pose
  latents.safetensors    latents [1, 16, t, h, w], normalized, for `matrix3d decode-lrm`
  cameras.json           the camera path (OpenCV axes, world-to-camera)
  geometry.safetensors   the panorama with its distances, for `matrix3d splats`
  guidance.mp4           the panorama rendered along the path
  composite.mp4          the video with the panorama's own pixels blended back in
  prompt.txt, report.json

without --depth the geometry is a ground-plane and sky-dome proxy, see `matrix3d world --help`.

{WEIGHTS_EPILOG}
several GPUs, each with all the weights and a part of the tokens (diffusers' context parallel):
  torchrun --nproc-per-node 2 -m matrix3d_core.cli video harbor/panorama.png --out harbor_video ...

examples:
  matrix3d video harbor/panorama.png --depth depth.exr --lora pano_video_gen_480p.ckpt --out video
  matrix3d video room.png --prompt "a bright room" --trajectory path.json --model /models/wan-i2v --out video
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...standalone.video import VIDEO_MODEL
    from ...standalone.world import WorldConfig

    parser.epilog = f"{preset_list()}\n\n{EPILOG}"
    add_panorama(parser)
    add_out(parser)
    text = "description of the scene (default: prompt.txt next to the panorama)"
    parser.add_argument("--prompt", metavar="TEXT", help=text)
    text = "what to avoid, appended to upstream's negative prompt"
    parser.add_argument("--negative", default="", metavar="TEXT", help=text)
    world = WorldConfig(preset="straight", frames=81, width=2048)
    add_geometry(parser, world)
    path = add_path(parser, world)
    text = "a camera path as JSON (ours or upstream's list of matrices) in place of --preset"
    path.add_argument("--trajectory", type=Path, metavar="FILE", help=text)
    add = setting_adder(path, world)
    add("--guidance-width", "width", "columns of the guidance frames", type=int, metavar="PX")
    add("--mesh-backend", "backend_mesh", f"mesh backend; {BACKEND_NAMES}", metavar="NAME")
    add_weights(parser, VIDEO_MODEL)
    _add_sampling(parser)


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    from ...diffusion.latent_roll import ROLL_MODES
    from ...diffusion.sizes import FRAME_FITS
    from ...diffusion.video_codec import VIDEO_SEAM_MODES
    from ...standalone.video import VideoConfig

    group = parser.add_argument_group("sampling; defaults are upstream's")
    add = setting_adder(group, VideoConfig())
    sizes = _sizes()
    text = f"{', '.join(sizes)} or any (default: {sizes[0]})"
    group.add_argument("--size", default=sizes[0], metavar="HxW", help=text)
    add("--steps", "steps", "sampling steps", type=int, metavar="N")
    add("--cfg", "cfg", "classifier-free guidance; 1 halves the time", type=float, metavar="F")
    add("--shift", "shift", "timestep shift of the noise schedule", type=float, metavar="F")
    add("--seed", "seed", "random seed", type=int)
    add("--latent-roll", "latent_roll", "how the latent is rolled while sampling", choices=ROLL_MODES)
    add(
        "--encode-seam-mode",
        "encode_seam_mode",
        "how the VAE treats the border of the guidance",
        choices=VIDEO_SEAM_MODES,
    )
    add(
        "--decode-seam-mode",
        "decode_seam_mode",
        "how the VAE treats the border of the video",
        choices=VIDEO_SEAM_MODES,
    )
    text = "maximum frames per segment, 4k + 1; longer paths are split"
    add("--segment", "frames_per_segment", text, type=int, metavar="N")
    add("--overlap", "overlap", "frames that segments share, 4k + 1", type=int, metavar="N")
    add("--fit-frames", "fit_frames", "how to treat a path that is not 4k + 1 frames", choices=FRAME_FITS)
    text = "do not write composite.mp4"
    group.add_argument("--no-texels", dest="texels", action="store_false", help=text)
    add("--fps", "fps", "frame rate of the video file", type=float, metavar="F")


def _sizes() -> list[str]:
    """Return the named sizes of Wan 2.1, HEIGHTxWIDTH."""
    from ...diffusion.sizes import CUSTOM_SIZE, SIZE_PRESETS

    return [name for name in SIZE_PRESETS if name != CUSTOM_SIZE and "5B" not in name]


def run(options: argparse.Namespace) -> int:
    """Make a panoramic video."""
    from ...io.cameras_json import read_trajectory
    from ...panorama.load import load_panorama
    from ...standalone.video import VIDEO_MODEL, VideoConfig, make_panorama_video
    from ...standalone.world import WorldConfig

    panorama = load_panorama(options.panorama).rgb
    prompt = _prompt_of(options)
    with Job() as bars:
        files = make_panorama_video(
            panorama,
            prompt,
            out_dir=options.out,
            depth_ray=depth_of(options),
            trajectory=read_trajectory(options.trajectory) if options.trajectory else None,
            world=WorldConfig(**chosen_fields(options, WorldConfig)),
            source=source_of(options, VIDEO_MODEL),
            config=VideoConfig(**chosen_fields(options, VideoConfig) | _size_of(options)),
            lora=lora_of(options),
            negative=options.negative,
            progress=bars,
        )
    return list_files(files.values())


def _prompt_of(options: argparse.Namespace) -> str:
    from ...errors import InvalidInput

    if options.prompt is not None:
        return str(options.prompt)
    beside = options.panorama.with_name("prompt.txt")
    if not beside.is_file():
        raise InvalidInput(f"--prompt must describe the scene; got none, and there is no {beside}.")
    return str(beside.read_text(encoding="utf-8")).strip()


def _size_of(options: argparse.Namespace) -> dict[str, Any]:
    from ...errors import InvalidInput

    height, _, width = options.size.partition("x")
    if not (height.isdigit() and width.isdigit()):
        raise InvalidInput(f"--size must be HEIGHTxWIDTH, such as {_sizes()[0]}; got {options.size!r}.")
    return {"height": int(height), "width": int(width)}
