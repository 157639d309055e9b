"""Whole fits of three procedural scenes against the ray-traced truth at 24 views off the path.

Trained on 81 panoramas of 960x480, their trajectory and the first panorama's ray distance alone. Scenes are in
`scenes.py`; their pictures are traced once and kept in the system's temporary folder.

    python benchmarks/quality_gsoptimize.py --json                       # draft and standard
    python benchmarks/quality_gsoptimize.py --ablate --preset draft      # the table of docs/optimisation.md
    python benchmarks/quality_gsoptimize.py --spoil --preset draft       # what video models do to frames
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import common
import torch
from scenes import SCENES, Shots, shots_of
from torch import Tensor

from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.io.images import write_image
from matrix3d_core.metrics.image import psnr, ssim
from matrix3d_core.optimise.config import OptimiseConfig, preset_config
from matrix3d_core.optimise.loop import optimise_gaussians
from matrix3d_core.raster.splat import render_gaussians
from matrix3d_core.scene.gaussians import Gaussians

TARGETS = {"draft": (24.0, 300.0), "standard": (27.0, 1200.0)}  # dB and seconds, on 2 cores


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def draw(gaussians: Gaussians, shots: Shots) -> list[Tensor]:
    size = shots.views.shape[1]
    with torch.no_grad():
        return [
            render_gaussians(gaussians, pose, shots.K_px, size, size).rgb.clamp(0, 1) for pose in shots.poses
        ]


def fit(
    name: str, shots: Shots, config: OptimiseConfig, pictures: Path | None, label: str,
    *, frames: Tensor | None = None, mask: Tensor | None = None, depth: bool = True, quiet: bool = True,
) -> dict:  # fmt: skip
    """Fit one scene and compare it with the views off the path."""
    frames = shots.frames if frames is None else frames
    geometry = (
        geometry_from_depth(frames[0], shots.depth_ray, repair_components=False, is_metric=True)
        if depth
        else None
    )
    started = time.perf_counter()
    result = optimise_gaussians(frames, shots.trajectory, geometry=geometry, mask=mask, config=config)
    seconds = time.perf_counter() - started
    drawn = draw(result.gaussians, shots)
    ratios = [psnr(a, b) for a, b in zip(drawn, shots.views, strict=True)]
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        rows = [torch.cat((a, b), 1) for a, b in zip(drawn, shots.views, strict=True)]
        sheet = torch.cat([torch.cat(rows[k : k + 4], 1) for k in range(0, len(rows), 4)])
        write_image(pictures / f"{label}-{name}.png", sheet)
    entry = {
        "name": f"{label} {name}",
        "median_ms": seconds * 1e3, "iqr_ms": 0.0, "least_ms": seconds * 1e3, "runs": 1,
        "psnr": mean(ratios), "psnr_least": min(ratios),
        "ssim": mean([ssim(a, b) for a, b in zip(drawn, shots.views, strict=True)]),
        "gaussians": len(result.gaussians), "steps": config.steps, "phases_s": result.report["seconds"],
        "held_out": result.report["held_out"],
        "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }  # fmt: skip
    line = f"{entry['name']:34} {entry['psnr']:6.2f} dB  SSIM {entry['ssim']:.3f}  {seconds:6.0f} s  "
    print(line + f"{entry['gaussians']} splats  " + json.dumps(entry["phases_s"]), flush=True)
    if not quiet:
        print(" ".join(f"{v:.1f}" for v in ratios), flush=True)
    return entry


def main() -> int:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__.splitlines()[0])
    parser.add_argument("--scenes", nargs="+", default=list(SCENES), choices=SCENES)
    parser.add_argument("--preset", nargs="+", default=list(TARGETS))
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="change settings of the presets"
    )
    parser.add_argument("--pictures", type=Path, help="folder for pictures: result beside truth")
    parser.add_argument("--verbose", action="store_true", help="print the ratio of every view")
    options = parser.parse_args()
    changes = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in options.set)}
    where = common.machine()
    results = []
    size = {"height": 160, "frames": 21} if options.quick else {}
    for preset in options.preset:
        config = preset_config(preset, **changes)
        if options.quick:
            config = replace(config, steps=min(config.steps, 200), max_gaussians=30_000, crop_size_px=96)
        for name in options.scenes:
            entry = fit(
                name, shots_of(name, **size), config, options.pictures, preset, quiet=not options.verbose
            )
            results.append(entry)
    checks = []
    if set(options.scenes) == set(SCENES) and not options.quick:
        for preset in options.preset:
            mine = [entry for entry in results if entry["name"].split()[0] == preset]
            least, most = TARGETS.get(preset, (0.0, 1e9))
            checks.append(
                common.check(
                    f"{preset}: mean PSNR over the scenes", mean([e["psnr"] for e in mine]), least=least
                )
            )
            slowest = max(e["median_ms"] / 1e3 for e in mine)
            checks.append(common.check(f"{preset}: seconds left of {most:g}", most - slowest, least=0.0))
    settings = {"scenes": options.scenes, "changes": changes, "views": 24, "quick": options.quick}
    return common.finish("quality_gsoptimize", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
