"""Speed and memory of the reconstruction model, with random weights.

On a GPU: the released size (21x60x120 latents, 4.7 million Gaussians) in bfloat16, by chunk, with the
peak of the allocator. On a CPU: a small model on small latents, against the same weights run naively
(all frames at once, 1x1 convolution after the interpolation, `conv_transpose3d`), and the planned memory of the
released size. Kernels, uploads and decimation are in the times; reading the file is not. With ``--full`` also the
released size once on the CPU, in bfloat16, with the peak memory of the whole process: minutes where the processor
multiplies bfloat16, hours elsewhere.

    python benchmarks/speed_lrm.py [--json] [--quick] [--full]
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import common
from matrix3d_core.lrm.config import LRMConfig
from matrix3d_core.lrm.decode import DecodeSettings, decode_latents
from matrix3d_core.lrm.memory import estimate_memory
from matrix3d_core.lrm.network import LatentLRM
from matrix3d_core.lrm.rays import ray_source
from matrix3d_core.scene.trajectory import Trajectory

SEED = 0
FULL = (21, 60, 120)
SMALL = LRMConfig(width=64, ffn=128, stages=(16, 24, 32, 48), features=64, head_hidden=32, head_out=24)
SMALL_SIZE = (5, 8, 16)
CHUNKS = (1, 2, 4, 8)
PEAK_BOUND_GB, SECONDS_BOUND = 16.0, 10.0


def path_of(frames: int) -> Trajectory:
    """Return a straight path of half a unit."""
    centers = torch.zeros(frames, 3, dtype=torch.float64)
    centers[:, 2] = torch.linspace(0, 0.5, frames, dtype=torch.float64)
    return Trajectory.from_centers(torch.eye(3, dtype=torch.float64).repeat(frames, 1, 1), centers)


def plain_forward(model: LatentLRM, latents: Tensor, rays: Tensor) -> tuple[Tensor, Tensor]:
    """Run the same weights without memory savings."""
    config = model.config
    frames, rows, columns = latents.shape[2], latents.shape[3] // 2, latents.shape[4] // 2
    padded = F.pad(rays.permute(0, 4, 1, 2, 3), (0, 0, 0, 0, 2, 2))
    poses = model.camera_conv(padded).flatten(2).transpose(1, 2)
    x = model.join(model.embed_latents(latents), poses)
    raw = []
    for layers, head, deconv in (
        (model.transformer.layers, model.dpt_head.dpt, model.deconv3d_dpt),
        (model.transformer_gs.layers, model.dpt_head_gs.dpt, model.deconv3d_sh),
    ):
        maps = []
        for layer in layers:
            x = layer(x)
            maps.append(x.unflatten(1, (frames, rows, columns)).flatten(0, 1).permute(0, 3, 1, 2))
        scratch = head.scratch
        stages = [
            getattr(scratch, f"layer{i + 1}_rn")(post(m))
            for i, (post, m) in enumerate(zip(head.act_postprocess, maps, strict=True))
        ]
        y: Tensor | None = None
        for i in (4, 3, 2, 1):
            block = getattr(scratch, f"refinenet{i}")
            skip = stages[i - 1]
            if y is not None:
                y = y[..., : skip.shape[-2], : skip.shape[-1]] + block.resConfUnit1(skip)
            y = block.resConfUnit2(skip if y is None else y)
            y = block.out_conv(F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=True))
        features = head.head(y).unflatten(0, (1, frames)).transpose(1, 2)
        made = F.conv_transpose3d(
            features, deconv.weight, stride=(config.time_stride, 1, 1), padding=(2, 0, 0)
        )
        raw.append(made.transpose(1, 2))
    return raw[0], raw[1]


def on_gpu(rounds: int) -> tuple[dict, list, list]:
    """Measure the released size on the GPU."""
    device = "cuda"
    torch.manual_seed(SEED)
    model = LatentLRM(dtype=torch.bfloat16, device=device).eval().requires_grad_(False)
    latents = torch.randn(1, 16, *FULL, device=device)
    path = path_of(model.config.frames(FULL[0]))
    results, checks, peaks = [], [], {}
    for chunk in CHUNKS:

        def run(_: int, chunk: int = chunk) -> None:
            settings = DecodeSettings(chunk=chunk)
            decode_latents(model, latents, path, settings, dtype=torch.bfloat16, device=device)
            torch.cuda.synchronize()

        run(0)
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        seconds = common.time_in_rounds({"lrm": run}, rounds)["lrm"]
        peaks[chunk] = torch.cuda.max_memory_reserved() / 2**30
        plan = estimate_memory(model.config, *FULL, chunk)
        extra = {
            "peak_reserved_gb": peaks[chunk],
            "planned_gb": plan.total / 2**30,
            "gaussians": plan.gaussians,
        }
        results.append({"name": f"released size, bf16, chunk {chunk}", **common.spread(seconds), **extra})
        print(results[-1], flush=True)
    best = min(entry["median_ms"] for entry in results) / 1e3
    checks.append(
        common.check("peak memory below 16 GB, GB to spare", PEAK_BOUND_GB - max(peaks.values()), least=0.0)
    )
    checks.append(common.check("time below 10 s, s to spare", SECONDS_BOUND - best, least=0.0))
    return {"size": FULL, "dtype": "bf16", "seed": SEED}, results, checks


def full_on_cpu(chunk: int = 2) -> tuple[dict, list]:
    """Run the released size once on the CPU; return a result and the check of its peak memory."""
    torch.manual_seed(SEED)
    model = LatentLRM(dtype=torch.bfloat16).eval().requires_grad_(False)
    latents = torch.randn(1, 16, *FULL)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start = time.perf_counter()
    made = decode_latents(
        model,
        latents,
        path_of(model.config.frames(FULL[0])),
        DecodeSettings(chunk=chunk),
        dtype=torch.bfloat16,
        device="cpu",
    )
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    result = {
        "name": f"released size on the CPU, bf16, chunk {chunk}",
        **common.spread([seconds]),
        "peak_process_gb": peak,
        "process_before_gb": before,
        "planned_gb": estimate_memory(model.config, *FULL, chunk).total / 2**30,
        "gaussians": len(made.gaussians),
    }
    print(result, flush=True)
    bound = "peak of the whole process below 16 GB at the released size, GB to spare"
    return result, [common.check(bound, PEAK_BOUND_GB - peak, least=0.0)]


def on_cpu(rounds: int, *, check_speed: bool = True) -> tuple[dict, list, list]:
    """Measure a small model on the CPU, and plan the released size; a dry run proves no speed."""
    torch.manual_seed(SEED)
    model = LatentLRM(SMALL).eval().requires_grad_(False)
    latents = torch.randn(1, 16, *SMALL_SIZE)
    frames = SMALL.frames(SMALL_SIZE[0])
    source = ray_source(path_of(frames), SMALL, 8 * SMALL_SIZE[1], 8 * SMALL_SIZE[2])
    rays = source(0, frames)
    outputs: dict[str, tuple[Tensor, Tensor]] = {}

    def keep(name: str, work: Callable[[], tuple[Tensor, Tensor]]) -> Callable[[int], None]:
        def run(_: int) -> None:
            with torch.no_grad():
                outputs[name] = work()

        return run

    contestants = {
        f"chunk {c}": keep(f"chunk {c}", lambda c=c: model(latents, rays, chunk=c)) for c in (1, 5)
    }
    contestants["plain"] = keep("plain", lambda: plain_forward(model, latents, rays))
    seconds = common.time_in_rounds(contestants, rounds)
    results = [{"name": name, **common.spread(values)} for name, values in seconds.items()]
    for entry in results:
        print(entry, flush=True)
    gap = max(
        float((a - b).abs().max() / b.abs().max())
        for name in ("chunk 1", "chunk 5")
        for a, b in zip(outputs[name], outputs["plain"], strict=True)
    )
    plans = {c: estimate_memory(LRMConfig(), *FULL, c).total / 2**30 for c in CHUNKS}
    checks = [
        common.check("same result as the naive way, 1e-5 less the relative gap", 1e-5 - gap, least=0.0),
        common.check("planned memory of the released size, GB below 16", PEAK_BOUND_GB - plans[8], least=0.0),
    ]
    if check_speed:
        ratio = common.ratio(seconds["plain"], seconds["chunk 5"])
        checks.append(common.check("plain / chunk 5, ratio of medians", ratio, least=0.8))
    return (
        {"size": SMALL_SIZE, "width": SMALL.width, "planned_gb_by_chunk": plans, "seed": SEED},
        results,
        checks,
    )


def main() -> int:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="also the released size once on the CPU")
    options = parser.parse_args()
    where = common.machine()
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    measure = on_gpu if torch.cuda.is_available() else on_cpu
    settings, results, checks = measure(2 if options.quick else 7)
    if options.full:
        result, more = full_on_cpu()
        results.append(result)
        checks += more
    return common.finish("speed_lrm", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
