"""Full fits of three procedural scenes against ray-traced ground truth at 24 views off the path.

Trained on 81 panoramas of 960x480, their trajectory and the first panorama's ray distance alone. Scenes are in
`scenes.py`; their pictures are traced once and kept in the system's temporary folder.

    python benchmarks/quality_gsoptimize.py --json                       # draft and standard
    python benchmarks/quality_gsoptimize.py --json --add --preset draft --scenes indoor   # a piece at a time
    python benchmarks/quality_gsoptimize.py --ablate --preset draft      # the table of docs/optimization.md
    python benchmarks/quality_gsoptimize.py --degrade --preset draft       # with frames degraded as by video models

The hard scenes of `hard_scenes.py` that are for choices can be named with ``--scenes``, too.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import common
import torch
from hard_scenes import HARD_SCENES, hard_scene
from scenes import SCENES, Shots, shots_of
from torch import Tensor

from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.guidance.render import render_guidance
from matrix3d_core.io.images import write_image
from matrix3d_core.metrics.image import psnr, ssim
from matrix3d_core.optimize.config import OptimizeConfig, preset_config
from matrix3d_core.optimize.loop import optimize_gaussians
from matrix3d_core.raster.splat import render_gaussians
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.scene.gaussians import Gaussians

TARGETS = {"draft": (24.0, 300.0), "standard": (27.0, 1200.0)}  # dB and seconds, on 2 cores


def training_shots(name: str, *, height: int = 480, frames: int = 81) -> Shots:
    """Return a scene of `scenes.py`, or a hard one, of which a quick run takes every fourth frame."""
    if name in SCENES:
        return shots_of(name, height=height, frames=frames)
    hard = hard_scene(name)
    whole, camera = Equirect((480, 960)), Equirect((height, 2 * height))
    kept = torch.linspace(0, len(hard.frames) - 1, frames).round().long()
    rgb = torch.stack([whole.crop(hard.frames[k], camera) for k in kept])
    depth = whole.crop(hard.depth_ray[0][..., None], camera, mode="nearest")[..., 0]
    path = hard.trajectory.select(kept)
    return Shots(rgb, depth, path, hard.beside.pictures(), hard.beside.poses, hard.beside.camera.K_px)


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def draw(gaussians: Gaussians, shots: Shots) -> list[Tensor]:
    size = shots.views.shape[1]
    with torch.no_grad():
        return [
            render_gaussians(gaussians, pose, shots.K_px, size, size).rgb.clamp(0, 1) for pose in shots.poses
        ]


def fit(
    name: str,
    shots: Shots,
    config: OptimizeConfig,
    pictures: Path | None,
    label: str,
    *,
    frames: Tensor | None = None,
    mask: Tensor | None = None,
    depth: bool = True,
    quiet: bool = True,
) -> dict:
    """Fit one scene and compare it with the views off the path."""
    frames = shots.frames if frames is None else frames
    geometry = (
        geometry_from_depth(shots.frames[0], shots.depth_ray, repair_components=False, is_metric=True)
        if depth
        else None
    )
    started, processor = time.perf_counter(), time.process_time()
    result = optimize_gaussians(frames, shots.trajectory, geometry=geometry, mask=mask, config=config)
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    drawn = draw(result.gaussians, shots)
    ratios = [psnr(a, b) for a, b in zip(drawn, shots.views, strict=True)]
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        rows = [torch.cat((a, b), 1) for a, b in zip(drawn, shots.views, strict=True)]
        sheet = torch.cat([torch.cat(rows[k : k + 4], 1) for k in range(0, len(rows), 4)])
        write_image(pictures / f"{label}-{name}.png", sheet)
    entry = {
        "name": f"{label} {name}",
        "median_ms": seconds * 1e3,
        "iqr_ms": 0.0,
        "least_ms": seconds * 1e3,
        "runs": 1,
        "psnr": mean(ratios),
        "psnr_least": min(ratios),
        "ssim": mean([ssim(a, b) for a, b in zip(drawn, shots.views, strict=True)]),
        "gaussians": len(result.gaussians),
        "steps": config.steps,
        "phases_s": result.report["seconds"],
        "held_out": result.report["held_out"],
        "commit": common.machine()["commit"],
        "processor_s": round(processor, 1),
        "load": os.getloadavg()[0],
        "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
    line = f"{entry['name']:34} {entry['psnr']:6.2f} dB  SSIM {entry['ssim']:.3f}  {seconds:5.0f} s"
    line += f" (processor {processor:.0f} s)  "
    print(line + f"{entry['gaussians']} splats  " + json.dumps(entry["phases_s"]), flush=True)
    if not quiet:
        print(" ".join(f"{v:.1f}" for v in ratios), flush=True)
    return entry


def with_earlier(suite: str, where: dict, results: list[dict], options: argparse.Namespace) -> list[dict]:
    """Add what the result file holds from earlier runs, except those run again; in the order of the scenes."""
    path = common.result_path(suite, where) if options.json == "-" else Path(options.json or "")
    if options.add and options.json and path.is_file():
        names = {entry["name"] for entry in results}
        before = json.loads(path.read_text(encoding="utf-8"))["results"]
        results = [entry for entry in before if entry["name"] not in names] + results
    return results


def row_config(options: argparse.Namespace, changes: dict[str, object]) -> OptimizeConfig:
    """Return the preset with changes, reduced for a quick run."""
    config = preset_config(options.preset[0], **changes)
    if options.quick:
        config = replace(config, steps=min(config.steps, 200), max_gaussians=30_000, crop_size_px=96)
    return config


def table(options: argparse.Namespace, suite: str, rows: dict[str, dict[str, object]]) -> int:
    """Run one preset with each row's changes, on degraded frames where asked."""
    where, results = common.machine(), []
    size = {"height": 160, "frames": 21} if options.quick else {}
    fixed = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in options.set)}
    kinds = tuple(options.degrade or DEGRADATIONS) if options.degrade is not None else ()
    for name in options.scenes:
        shots = training_shots(name, **size)
        frames, mask = degrade(shots, kinds) if kinds else (None, None)
        if kinds and (not options.rows or "clean frames" in options.rows):
            results.append(fit(name, shots, row_config(options, fixed), options.pictures, "clean frames"))
        for row, wanted in rows.items():
            changes = dict(wanted)
            depth = bool(changes.pop("depth", True))
            config = row_config(options, {**fixed, **changes})
            entry = fit(
                name,
                shots,
                config,
                options.pictures,
                row,
                frames=frames,
                mask=None if row == "none" else mask,
                depth=depth,
            )
            results.append(entry)
    if kinds:
        suite += "_" + "_".join(kinds)
    results = with_earlier(suite, where, results, options)
    for row in dict.fromkeys(r["name"].rsplit(" ", 1)[0] for r in results):
        mine = [r for r in results if r["name"].rsplit(" ", 1)[0] == row]
        print(
            f"{row:34} mean {mean([r['psnr'] for r in mine]):6.2f} dB  SSIM {mean([r['ssim'] for r in mine]):.3f}  "
            f"{mean([r['median_ms'] for r in mine]) / 1e3:5.0f} s"
        )
    settings = {
        "scenes": list(dict.fromkeys(r["name"].rsplit(" ", 1)[1] for r in results)),
        "preset": options.preset[0],
        "degraded": list(kinds),
        "changes": fixed,
    }
    return common.finish(suite, where, settings, results, [], options.json)


ABLATIONS: dict[str, dict[str, object]] = {
    "as it is": {},
    "no depth at all": {"depth": False},
    "no distances from frames": {"depth_from_frames": "off"},
    "no panorama, frames only": {"source_ratio": 0.0},
    "depth term 0.1": {"depth_weight": 0.1},
    "densify off": {"densify": "off"},
    "densify adc": {"densify": "adc"},
    "densify mcmc": {"densify": "mcmc", "opacity_reg": 0.01, "scale_reg": 0.01},
    "whole panoramas": {"view_mode": "panorama"},
    "crops 60-120 degrees": {"fov_max_deg": 120.0},
    "even surfels": {"adaptive_density": False},
    "all frames": {"key_frame_mode": "all"},
}
"""Changes of the preset, one row of the table each; ``depth`` False withholds the panorama's distance."""

COMPENSATIONS: dict[str, dict[str, object]] = {
    "none": {"source_ratio": 0.15, "weight_filled": 1.0},
    "texel weighting": {},
    "texel weighting, gain": {"exposure": "gain"},
    "texel weighting, affine": {"exposure": "affine"},
    "texel weighting, grid": {"exposure": "grid"},
    "texel weighting, affine, poses": {"exposure": "affine", "refine_poses": True},
    "frames registered": {"refine_frames": "warp"},
    "frames registered, gain": {"refine_frames": "warp", "exposure": "gain"},
}

DEGRADATIONS = ("warp", "flicker", "blur", "detail")


def degrade(shots: Shots, kinds: tuple[str, ...], seed: int = 3) -> tuple[Tensor, Tensor]:
    """Degrade all frames but the first as video models do; return them and the panorama's mask.

    ``warp``: a smooth field of shifts, 2 pixels root mean square, new in every frame. ``flicker``: a factor of
    0.9 to 1.1 per frame and of 0.97 to 1.03 per channel. ``blur``: a Gaussian of 1.5 pixels outside the
    panorama's mask. ``detail``: there, detail of 1 to 3 pixels, 0.05 root mean square, new in every frame.
    """
    geometry = geometry_from_depth(shots.frames[0], shots.depth_ray, repair_components=False, is_metric=True)
    height = shots.frames.shape[1]
    guided = render_guidance(geometry, shots.trajectory, height=height, mesh_height=height)
    mask = (guided.mask > 0.5).float()
    random = torch.Generator().manual_seed(seed)
    frames = shots.frames.clone()
    for k in range(1, len(frames)):
        picture = frames[k].permute(2, 0, 1)[None]
        if "blur" in kinds:
            soft = _blur(picture, 1.5)
            picture = torch.where(mask[k] > 0.5, picture, soft)
        if "detail" in kinds:
            fine = torch.randn(picture.shape, generator=random)
            fine = _blur(fine, 1.0) - _blur(fine, 3.0)
            picture = picture + (mask[k] <= 0.5) * fine * (0.05 / fine.square().mean().sqrt())
        if "warp" in kinds:
            field = torch.nn.functional.interpolate(
                torch.randn(1, 2, 9, 17, generator=random),
                picture.shape[2:],
                mode="bicubic",
                align_corners=True,
            )[0]
            field = field / field.square().mean().sqrt() * (2.0 / 2**0.5)
            y, x = torch.meshgrid(torch.arange(height), torch.arange(2 * height), indexing="ij")
            at = torch.stack(((x + field[0] + 0.5) / height - 1, (y + field[1] + 0.5) / height * 2 - 1), -1)
            picture = torch.nn.functional.grid_sample(
                picture, at[None], padding_mode="border", align_corners=False
            )
        if "flicker" in kinds:
            gain = 0.9 + 0.2 * torch.rand(1, generator=random)
            tint = 0.97 + 0.06 * torch.rand(3, generator=random)
            picture = picture * (gain * tint)[None, :, None, None]
        frames[k] = picture[0].permute(1, 2, 0).clamp(0, 1)
    return frames, mask


def _blur(picture: Tensor, sigma: float) -> Tensor:
    reach = round(3 * sigma)
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).repeat(3, 1)
    wide = torch.nn.functional.pad(picture, (reach, reach, 0, 0), mode="circular")
    wide = torch.nn.functional.conv2d(wide, taps[:, None, None, :], groups=3)
    high = torch.nn.functional.pad(wide, (0, 0, reach, reach), mode="replicate")
    return torch.nn.functional.conv2d(high, taps[:, None, :, None], groups=3)


def main() -> int:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__.splitlines()[0])
    parser.add_argument("--scenes", nargs="+", default=list(SCENES), choices=[*SCENES, *HARD_SCENES["dev"]])
    parser.add_argument("--preset", nargs="+", default=list(TARGETS))
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="change settings of the presets"
    )
    parser.add_argument("--pictures", type=Path, help="folder for pictures: result next to ground truth")
    parser.add_argument("--verbose", action="store_true", help="print the ratio of every view")
    parser.add_argument("--ablate", nargs="*", metavar="ROW", help="run rows of ABLATIONS, all without names")
    parser.add_argument(
        "--degrade",
        nargs="*",
        metavar="KIND",
        help=f"degrade the frames ({', '.join(DEGRADATIONS)}; all together without names)",
    )
    parser.add_argument(
        "--rows",
        nargs="*",
        metavar="ROW",
        help="with --degrade: these rows of COMPENSATIONS, all without names",
    )
    parser.add_argument(
        "--add",
        action="store_true",
        help="keep the result file's entries of other runs (with --json)",
    )
    options = parser.parse_args()
    if options.ablate is not None:
        return table(
            options, "quality_gsoptimize_ablations", {r: ABLATIONS[r] for r in options.ablate or ABLATIONS}
        )
    if options.degrade is not None:
        rows = {k: v for k, v in COMPENSATIONS.items() if not options.rows or k in options.rows}
        return table(options, "quality_gsoptimize_degraded", rows)
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
                name,
                training_shots(name, **size),
                config,
                options.pictures,
                preset,
                quiet=not options.verbose,
            )
            results.append(entry)
    checks = []
    results = with_earlier("quality_gsoptimize", where, results, options)
    if not options.quick:
        for preset in TARGETS:
            mine = [entry for entry in results if entry["name"].split()[0] == preset]
            if {entry["name"].split()[1] for entry in mine} != set(SCENES):
                continue
            least, most = TARGETS.get(preset, (0.0, 1e9))
            checks.append(
                common.check(
                    f"{preset}: mean PSNR over the scenes", mean([e["psnr"] for e in mine]), least=least
                )
            )
            slowest = max(e["median_ms"] / 1e3 for e in mine)
            checks.append(common.check(f"{preset}: seconds left of {most:g}", most - slowest, least=0.0))
    scenes = list(dict.fromkeys(entry["name"].split()[1] for entry in results))
    settings = {"scenes": scenes, "changes": changes, "views": 24, "quick": options.quick}
    return common.finish("quality_gsoptimize", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
