"""A loop in two segments: its loop closure error, and the quality of the extended world against ground truth.

The first segment is made from the shipped sample and walks 2.4 m forward, bending to the right. The second is
generated only from the first segment's splats (`extend_world`) and returns on the other side. The loop's error
compares the last frame with the first; the drift compares the world after both segments, seen from the start, with the
panorama it was made from. The 8 viewpoints, off both paths, are held out of the fits. Holes are inpainted by
`fill_guidance`: no video model.

    python benchmarks/quality_extend.py --json
"""

from __future__ import annotations

import math
import resource
import sys
import time
from pathlib import Path

import common
import torch
from quality_world import SAMPLE, mean, viewpoint_pose
from torch import Tensor

from matrix3d_core.explore.extend import extend_world, place_path
from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.io.depth_files import read_depth
from matrix3d_core.io.images import read_image, write_image
from matrix3d_core.metrics.image import psnr, ssim
from matrix3d_core.metrics.loop_closure import measure_loop
from matrix3d_core.optimize.config import preset_config
from matrix3d_core.optimize.loop import optimize_gaussians
from matrix3d_core.raster.splat import render_gaussians, render_gaussians_panorama
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.standalone.world import WorldConfig, build_filled, build_geometry
from matrix3d_core.synth.sample_scene import render_pinhole
from matrix3d_core.trajectories.spline import spline_trajectory

OUT = ((0.0, 0.0, 0.0), (0.5, 0.0, 1.2), (0.0, 0.0, 2.4))
HOME = ((0.0, 0.0, 0.0), (-0.5, 0.0, -1.2), (0.0, 0.0, -2.4))
VIEWPOINTS = (
    ((0.8, 0.1, 0.6), 20.0, -10.0),
    ((-0.8, -0.2, 0.8), -60.0, 0.0),
    ((0.9, 0.2, 1.4), 110.0, -15.0),
    ((-0.9, -0.1, 1.6), 170.0, 5.0),
    ((0.6, 0.0, 2.2), -20.0, -20.0),
    ((-0.6, 0.1, 2.5), 75.0, 0.0),
    ((0.2, -0.4, 2.6), 180.0, -15.0),
    ((-0.2, 0.3, 2.7), 0.0, 10.0),
)
SIZE_PX = 320


def path_through(keys: tuple[tuple[float, ...], ...], frames: int) -> Trajectory:
    positions = torch.tensor(keys, dtype=torch.float64)
    turns = torch.eye(3, dtype=torch.float64).repeat(len(keys), 1, 1)
    return spline_trajectory(positions, turns, frames=frames, is_metric=True)


def fit(guidance, filled, path, geometry, config: WorldConfig, steps: int, most: int, initial=None):
    return optimize_gaussians(
        filled.rgb,
        path,
        geometry=geometry,
        depth_ray=filled.depth_ray,
        mask=guidance.mask,
        initial=initial,
        config=preset_config(
            config.quality, max_gaussians=most, steps=steps, seed=config.seed, extend=initial is not None
        ),
    )


def score(name: str, world: Gaussians, truth: list[Tensor], poses: list[Tensor], seconds: float) -> dict:
    K_px = intrinsics_from_fov(math.pi / 2, SIZE_PX, SIZE_PX)
    with torch.no_grad():
        drawn = [render_gaussians(world, pose, K_px, SIZE_PX, SIZE_PX).rgb.clamp(0, 1) for pose in poses]
    return {
        "name": name,
        "median_ms": seconds * 1e3,
        "iqr_ms": 0.0,
        "least_ms": seconds * 1e3,
        "runs": 1,
        "psnr": mean([psnr(p, t) for p, t in zip(drawn, truth, strict=True)]),
        "ssim": mean([ssim(p, t) for p, t in zip(drawn, truth, strict=True)]),
        "gaussians": len(world),
    }


def main() -> int:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="folder for the pictures of the loop")
    parser.add_argument("--steps", type=int, default=600, help="optimization steps of each segment")
    options = parser.parse_args()
    where = common.machine()
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    quick = options.quick
    config = WorldConfig(width=320 if quick else 640, frames=9 if quick else 17)
    steps, most = (40, 20_000) if quick else (options.steps, 120_000)
    rows = config.width // 2

    source = build_geometry(
        read_image(SAMPLE / "terrace.jpg"), read_depth(SAMPLE / "terrace_depth.npz"), config
    )
    K_px = intrinsics_from_fov(math.pi / 2, SIZE_PX, SIZE_PX)
    poses = [viewpoint_pose(*view) for view in VIEWPOINTS]
    truth = [render_pinhole(pose, K_px, SIZE_PX, SIZE_PX, samples=4)[0].float() for pose in poses]

    began = time.perf_counter()
    out = path_through(OUT, config.frames)
    guidance, filled = build_filled(source, out, config)
    first = fit(guidance, filled, out, source, config, steps, most)
    print(f"first segment fitted after {time.perf_counter() - began:.0f} s", flush=True)
    results = [score("first segment", first.gaussians, truth, poses, time.perf_counter() - began)]
    first_frame = filled.rgb[0]

    began = time.perf_counter()
    made = extend_world(first.gaussians, out.camera_from_world[-1], height=rows, path=out, is_metric=True)
    home, _ = place_path(path_through(HOME, config.frames), made.start)
    guidance, filled = build_filled(made.geometry, home, config)
    second = fit(guidance, filled, home, made.geometry, config, steps, 2 * most, first.gaussians)
    results.append(score("both segments", second.gaussians, truth, poses, time.perf_counter() - began))

    length = out.length + home.length
    ends = out.camera_from_world[0], home.camera_from_world[-1]
    loop = measure_loop(first_frame, filled.rgb[-1], *ends, length=length)
    with torch.no_grad():
        now = render_gaussians_panorama(second.gaussians, ends[0], rows, 2 * rows).rgb.clamp(0, 1)
        then = render_gaussians_panorama(first.gaussians, ends[0], rows, 2 * rows).rgb.clamp(0, 1)
    drift = measure_loop(first_frame, now, ends[0], ends[0], length=length)
    before = measure_loop(first_frame, then, ends[0], ends[0], length=length)
    for entry in results:
        print(
            f"{entry['name']:14} PSNR {entry['psnr']:.2f} dB   SSIM {entry['ssim']:.4f}   "
            f"{entry['gaussians']} splats   {entry['median_ms'] / 1e3:.0f} s"
        )
    print("loop", loop.report())
    print(
        f"the start, rendered from the world: {before.psnr:.2f} dB after one segment, {drift.psnr:.2f} dB after both"
    )
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
        write_image(options.pictures / "loop.png", loop.picture)
        write_image(options.pictures / "drift.png", drift.picture)
        write_image(options.pictures / "extended.png", made.rgb)
    checks = [
        common.check("loop closure, millimeters below 1", 1 - 1000 * loop.position, least=0.0),
        common.check("PSNR of the last frame against the first, dB", loop.psnr, least=20.0),
        common.check("PSNR of the start in the world of both segments, dB", drift.psnr, least=22.0),
        common.check("both segments over the first, dB", results[1]["psnr"] - results[0]["psnr"], least=-1.0),
    ]
    settings = {
        "viewpoints": len(VIEWPOINTS),
        "size_px": SIZE_PX,
        "steps": steps,
        "frames": config.frames,
        "width": config.width,
        "seed": config.seed,
        "loop": loop.report(),
        "drift": drift.report(),
        "start_after_first_psnr": before.psnr,
        "known_share": made.report["known"],
        "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
    return common.finish("quality_extend", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
