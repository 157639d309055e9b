"""What the video model is conditioned on: mesh or points, with or without the mask, as the paper's Table 4.

    python benchmarks/quality_guidance.py --clips FOLDER [--steps 600] [--out FOLDER] [--json]

The mini video model is trained once for each way from the same start on the same clips (the factory's shards
of *train* scenes, such as `matrix3d train-minis --only clips` makes), at 256x128, and judged on clips of *judge* scenes
that nothing was tuned on. Figures as in `quality_minis.py`, of frames as decoded. Training resumes where ``--out``
holds it.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from benchmarks import common
from benchmarks.quality_minis import Case, Minis, film_figures, judge_clips, means, timed
from matrix3d_core.features.weights import find_backbone, read_backbone
from matrix3d_core.minis.encoders import video_image, video_text
from matrix3d_core.minis.networks import make_video_network, open_mini_vae
from matrix3d_core.progress import ProgressEvent
from matrix3d_core.training.loop import LoopConfig, RunOptions
from matrix3d_core.training.video_lora import VideoEncoders, VideoTraining, train_video_network
from matrix3d_core.training.video_samples import VideoSampleConfig, guidance_of_clip

ROWS, FRAMES = 128, 17
WAYS: dict[str, dict[str, Any]] = {
    "mesh renders": {},
    "point cloud renders": {"guidance": "points"},
    "mesh renders, without mask": {"use_mask": False},
}


def say(event: ProgressEvent) -> None:
    """Print a line every hundred steps."""
    if event.done % 100 == 0:
        print(f"{event.done}/{event.total} {event.phase}", flush=True)


def train_way(clips: Path, out: Path, samples: VideoSampleConfig, steps: int, most_clips: int) -> Any:
    """Train a network from the same start; return it with the VAE."""
    torch.manual_seed(0)
    parts = SimpleNamespace(
        transformer=make_video_network(),
        vae=open_mini_vae(dtype=torch.bfloat16),
        text_encoder=None,
        image_encoder=None,
    )
    loop = LoopConfig(
        steps=steps, batch=2, at_once=2, lr=8e-4, warmup=min(100, steps), schedule="cosine", average=0.99
    )
    config = VideoTraining(
        samples,
        rank=0,
        shift=3.0,
        drop_text=0.1,
        roll=True,
        most_clips=most_clips,
        checkpointing=False,
        loop=loop,
    )
    report = train_video_network(
        parts,
        VideoEncoders(video_text, lambda guidance: video_image(guidance.frames[0])),
        clips,
        out,
        config,
        RunOptions(resume=True, progress=say),
        model="mini",
        dtype=torch.bfloat16,
    )
    parts.transformer.load_state_dict(report.weights)
    parts.transformer.train(False)
    return parts


def prepared_for(case: Case, samples: VideoSampleConfig) -> Case:
    """Return a case with the guidance that a network was trained with."""
    return replace(case, prepared=guidance_of_clip(case.clip, samples))


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--clips", type=Path, required=True, help="shards to learn from")
    options.add_argument("--steps", type=int, default=600)
    options.add_argument("--most-clips", type=int, default=0, help="the first by name; 0: all")
    options.add_argument("--cases", type=int, default=6)
    options.add_argument(
        "--out", type=Path, default=Path(tempfile.gettempdir()) / "matrix3d-quality-guidance"
    )
    given = options.parse_args()
    steps, count, clips = (2, 3, 4) if given.quick else (given.steps, given.cases, given.most_clips)
    where = common.machine()
    file = find_backbone()
    if file is None:
        raise SystemExit("needs the backbone: python scripts/get_backbone.py")
    backbone, cases = read_backbone(file).eval(), judge_clips(count, ROWS, FRAMES)
    entries, found = [], {}
    for name, changes in WAYS.items():
        samples = VideoSampleConfig(sizes=(ROWS,), frames=FRAMES, **changes)
        parts, seconds = timed(
            train_way, given.clips, given.out / name.replace(",", "").replace(" ", "-"), samples, steps, clips
        )
        minis, rows = Minis(parts, rows=ROWS), []
        with torch.inference_mode():
            for case in cases:
                made = minis.video(prepared_for(case, samples))
                rows.append(film_figures(backbone, case, made))
                print(f"{case.clip.name} {name}: {rows[-1]}", flush=True)
        found[name] = means(rows)
        entries.append({"name": name, **common.spread([seconds]), "quality": found[name]})
        print(name, {key: round(value, 4) for key, value in found[name].items()}, flush=True)
    mesh, points, blind = found.values()
    checks = [
        common.check("PSNR of mesh over point cloud renders, dB", mesh["psnr"] - points["psnr"], least=0.0),
        common.check("PSNR with the mask over without, dB", mesh["psnr"] - blind["psnr"], least=0.0),
    ]
    settings = {"steps": steps, "cases": len(cases), "rows": ROWS, "frames": FRAMES}
    return common.finish("quality_guidance", where, settings, entries, checks, given.json)


if __name__ == "__main__":
    raise SystemExit(main())
