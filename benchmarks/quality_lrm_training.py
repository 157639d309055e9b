"""Does training work: a tiny reconstruction model overfits one procedural clip on the CPU, in both stages and at once.

A clip of the sample terrace (21 panoramas along 1 m) with exact distances; the network, of token width 128, sees
every second of the first 17, as stand-in latents (no VAE). Stage 1 must lower the depth error, stage 2 must raise
the PSNR of renders at held-out frames (between and beyond the training frames). Beside it, from renders
alone: all weights trained at once from random ones for as many steps, and stage 2 with nothing frozen.

    python benchmarks/quality_lrm_training.py [--json] [--quick]

It shows that the losses, the freezing and the gradients through the splat renderer are right, not the
quality of a model trained on real data.
"""

from __future__ import annotations

import copy
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from benchmarks import common
from matrix3d_core.lrm.config import LRMConfig
from matrix3d_core.lrm.network import LatentLRM
from matrix3d_core.progress import ProgressEvent
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.synth.sample_scene import render_erp
from matrix3d_core.training.clips import Clip, stand_in_latents
from matrix3d_core.training.loop import RunOptions
from matrix3d_core.training.lrm import TrainConfig, held_out_psnr, train

HEIGHT, FRAMES, SEED = 64, 21, 0
DWARF = LRMConfig(
    width=128, heads=4, ffn=256, stages=(16, 24, 32, 48), features=48, head_hidden=32, head_out=24
)


def procedural_clip(height: int = HEIGHT, frames: int = FRAMES) -> Clip:
    """Return a clip of the sample terrace with exact distances and stand-in latents of frames 0, 2, ... 16."""
    centers = torch.zeros(frames, 3, dtype=torch.float64)
    centers[:, 2] = torch.linspace(0, 1.0, frames, dtype=torch.float64)
    path = Trajectory.from_centers(torch.eye(3, dtype=torch.float64).repeat(frames, 1, 1), centers)
    rendered = [render_erp(center, height, 2 * height) for center in centers]
    rgb = torch.stack([picture for picture, _ in rendered])
    depth = torch.stack([distance for _, distance in rendered])
    latents = {2: stand_in_latents(rgb[:17:2])}
    return Clip((rgb * 255).round().to(torch.uint8), depth.float(), path, latents)


def say(event: ProgressEvent) -> None:
    """Print a line every 25 steps."""
    if event.done % 25 == 0:
        print(f"{event.done}/{event.total} {event.phase}", flush=True)


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0]).parse_args()
    first, second = (20, 5) if options.quick else (150, 40)
    where = common.machine()
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    clip = procedural_clip()
    torch.manual_seed(SEED)
    model = LatentLRM(DWARF)
    common_settings = {
        "precision": "fp32",
        "crop_px": 64,
        "views": 4,
        "chunk": 9,
        "checkpointing": False,
        "seed": SEED,
        "grad_clip": 1.0,
        "save_every": 0,
        "frame_stride": 2,
    }
    stages = [
        TrainConfig(stage=1, steps=first, lr=1e-3, depth_beta=0.5, **common_settings),
        TrainConfig(stage=2, steps=second, lr=1e-3, **common_settings),
    ]
    at_once = TrainConfig(stage=2, freeze=False, steps=first + second, lr=1e-3, **common_settings)
    unfrozen = TrainConfig(stage=2, freeze=False, steps=second, lr=1e-3, **common_settings)
    rows = [{"after": "random weights", **held_out_psnr(model, clip, stages[0])}]
    print(rows[-1], flush=True)
    torch.manual_seed(SEED)
    other = LatentLRM(DWARF)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:

        def learn(name: str, network: LatentLRM, config: TrainConfig) -> None:
            begun = time.perf_counter()
            report = train(network, [clip], Path(folder) / name, config, RunOptions(progress=say))
            seconds.append(time.perf_counter() - begun)
            network.eval()
            last = sum(report.losses[-10:]) / len(report.losses[-10:])
            losses = {"first_loss": report.losses[0], "last_loss": last}
            rows.append({"after": name, **held_out_psnr(network, clip, config), **losses})
            print(rows[-1], f"{seconds[-1]:.0f} s", flush=True)

        learn("stage 1", model, stages[0])
        loose = copy.deepcopy(model)
        learn("stage 2", model, stages[1])
        learn("stage 2, nothing frozen", loose, unfrozen)
        learn("all at once", other, at_once)
    start, one, two, free, joint = rows
    ratio = start["median_relative_depth_error"] / one["median_relative_depth_error"]
    checks = [
        common.check("stage 1: depth error before / after", ratio, least=0.0 if options.quick else 4.0),
        common.check(
            "stage 2: held-out PSNR gained, dB",
            two["psnr_db"] - one["psnr_db"],
            least=-99.0 if options.quick else 1.0,
        ),
        common.check(
            "depth error all at once / in stages",
            joint["median_relative_depth_error"] / two["median_relative_depth_error"],
            least=0.0 if options.quick else 2.0,
        ),
        common.check(
            "depth error of stage 2 with nothing frozen / frozen",
            free["median_relative_depth_error"] / two["median_relative_depth_error"],
            least=0.0 if options.quick else 1.2,
        ),
    ]
    steps = [first, second, second, first + second]
    results = [
        {"name": f"{row['after']}, {n} steps", **common.spread([s / n]), "quality": row}
        for row, s, n in zip(rows[1:], seconds, steps, strict=True)
    ]
    return common.finish(
        "quality_lrm_training",
        where,
        {"steps": [first, second], "seed": SEED, "start": rows[0]},
        results,
        checks,
        options.json,
    )


if __name__ == "__main__":
    sys.exit(main())
