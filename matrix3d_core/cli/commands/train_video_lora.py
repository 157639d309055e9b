"""``matrix3d train-video-lora``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..console import list_files, say
from ..options import add_out, chosen_fields, setting_adder, source_of
from ..progress import Job
from ..training_options import add_base, add_loop, loop_of, sizes_of

HELP = "train a panoramic video LoRA of Wan"
DESCRIPTION = (
    "Train a LoRA that makes Wan 2.1 image-to-video complete guidance to panoramic videos, on clips with depth and "
    "poses. Guidance is rendered from each clip's first frame and its distances."
)
EPILOG = """\
CLIPS is a folder of the shards of `matrix3d factory`, or of clip folders: cameras.json (one pose per frame), the
folders frames and depth (one file per frame), caption.txt; see `matrix3d train-lrm --help`.

files written to DIR: samples/ (encoded once), checkpoint-N/ (the two latest), validation-N.png (guidance, result,
truth), and at the end video_lora.safetensors, in upstream's names for PanoLoRA, and video_lora_diffusers.safetensors;
with --rank 0 video_model.safetensors and the folder transformer. What the run takes is shown before it starts; one
that cannot fit is refused.

  matrix3d train-video-lora clips --out lora --model /models/wan-i2v-480p
  matrix3d train-video-lora clips --out lora --model /models/wan-i2v-480p --resume
  matrix3d train-video-lora clips --out lora720 --model /models/wan-i2v-720p --size 720x1440
  accelerate launch -m matrix3d_core.cli train-video-lora clips --out lora          # several GPUs

needs: pip install 'matrix3d[generate]'
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...guidance.render import GUIDANCE_MODES
    from ...standalone.video import VIDEO_MODEL
    from ...training.flow import LEVELS
    from ...training.video_lora import VideoTraining

    parser.epilog = EPILOG
    settings = VideoTraining()
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="folder, see below")
    add_out(parser)
    add_base(parser, VIDEO_MODEL, settings)
    add = setting_adder(parser, settings.samples)
    text = "sizes to train at (default: 480x960); a clip takes the largest that its frames have"
    parser.add_argument("--size", nargs="+", default=["480x960"], metavar="HxW", help=text)
    add("--frames", "frames", "most frames of a video, 4k + 1", type=int, metavar="N")
    add("--stride", "stride", "every how many frames of a clip are taken", type=int, metavar="N")
    add("--guidance", "guidance", "how guidance is rendered", choices=GUIDANCE_MODES)
    text = "do not tell the network what is known"
    parser.add_argument("--no-mask", dest="use_mask", action="store_false", help=text)
    text = "use captions as they are, not in the wording of the released LoRAs"
    parser.add_argument("--plain-captions", dest="use_frame", action="store_false", help=text)
    add = setting_adder(parser, settings)
    add("--levels", "levels", "how noise levels are drawn", choices=LEVELS)
    add("--shift", "shift", "shift of the levels, as of the sampler", type=float, metavar="F")
    add("--drop-text", "drop_text", "share of samples whose text is left out", type=float, metavar="F")
    text = "roll videos by columns drawn at random"
    parser.add_argument("--roll", action="store_true", help=text)
    add("--most-clips", "most_clips", "clips that are used, the first by name; 0: all", type=int, metavar="N")
    add("--held-out", "held_out", "clips for validation only, the last by name", type=int, metavar="N")
    add_loop(parser, settings.loop)


def run(options: argparse.Namespace) -> int:
    """Train on the clips."""
    from ...standalone.video import VIDEO_MODEL
    from ...training.loop import RunOptions
    from ...training.video_lora import VideoTraining, train_video_lora
    from ...training.video_samples import VideoSampleConfig

    samples = VideoSampleConfig(**chosen_fields(options, VideoSampleConfig) | {"sizes": sizes_of(options)})
    fields = chosen_fields(options, VideoTraining) | {"samples": samples, "loop": loop_of(options)}
    if "targets" in fields:
        fields["targets"] = tuple(fields["targets"])
    with Job() as bars:
        report = train_video_lora(
            options.clips,
            options.out,
            source_of(options, VIDEO_MODEL),
            VideoTraining(**fields),
            RunOptions(options.cache, options.resume, say, bars),
        )
    return list_files(report.files)
