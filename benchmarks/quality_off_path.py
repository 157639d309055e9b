"""Worlds off the path, on hard scenes: fits of frames, and worlds from one panorama; loss by class, depth, range.

    python benchmarks/quality_off_path.py --preset draft standard --json             # dev: to choose settings by
    python benchmarks/quality_off_path.py --set judge --json                         # once, at the end
    python benchmarks/quality_off_path.py --ceiling                                  # what frames of that size can tell
    python benchmarks/quality_off_path.py --panorama --world preset='"fan"'         # worlds from one panorama

A fit gets 81 panoramas of 960x480, their poses and the first one's exact ray distance, and is compared with 24 views
of 90 degrees, 0.3 to 1 m beside the path. A world from one panorama gets the first frame and its exact ray distance,
and is compared with level views at 0.5, 1, 2 and 3 m in eight directions.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from benchmarks import common
from benchmarks.hard_scenes import DISTANCES, HARD_SCENES, HardScene, Views, ceiling_of, hard_scene
from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.evaluation.error_classes import ERROR_CLASSES, ErrorClasses
from matrix3d_core.evaluation.navigable import navigable_range
from matrix3d_core.evaluation.truth import scene_truth
from matrix3d_core.io.images import write_image
from matrix3d_core.metrics.image import psnr
from matrix3d_core.optimize.config import OptimizeConfig, preset_config
from matrix3d_core.optimize.loop import optimize_gaussians
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.splats.sky import find_sky_splats
from matrix3d_core.standalone.world import WorldConfig, build_gaussians, plan_path
from matrix3d_core.synth.families import make_scene
from matrix3d_core.trajectories.placement import relative_to_first


def compare(gaussians: Gaussians, scene: HardScene, views: Views, pictures: Path | None) -> dict[str, Any]:
    """Draw the views, sort errors into classes, save pictures beside the truth."""
    is_sky = find_sky_splats(gaussians, scene.trajectory.centers[0])
    if not bool(torch.isinf(scene.depth_ray[0]).any()):
        is_sky[:] = False
    source = (
        scene.depth_ray[0],
        scene.trajectory.camera_from_world[0],
        Equirect(tuple(scene.depth_ray.shape[1:])),
    )
    errors, drawn = ErrorClasses.empty(), []
    for rgb, depth, pose in zip(views.pictures(), views.depth_ray, views.poses, strict=True):
        drawn.append(errors.add(gaussians, is_sky, (rgb, depth), pose, views.camera, source))
    if pictures is not None:
        pictures.parent.mkdir(parents=True, exist_ok=True)
        pairs = [torch.cat((a, b), 1) for a, b in zip(drawn, views.pictures(), strict=True)]
        rows = [torch.cat(pairs[k : k + 3], 1) for k in range(0, len(pairs) - 2, 3)]
        write_image(pictures, torch.cat(rows))
    return errors.report()


def fit(scene: HardScene, config: OptimizeConfig, label: str, pictures: Path | None) -> dict[str, Any]:
    """Fit one scene and compare it with the views beside the path."""
    geometry = geometry_from_depth(
        scene.frames[0], scene.depth_ray[0], repair_components=False, is_metric=True
    )
    started, processor = time.perf_counter(), time.process_time()
    result = optimize_gaussians(scene.frames, scene.trajectory, geometry=geometry, config=config)
    seconds = time.perf_counter() - started
    found = compare(
        result.gaussians, scene, scene.beside, pictures and pictures / f"{label}-{scene.name}.png"
    )
    return {
        "name": f"{label} {scene.name}",
        **dict.fromkeys(("median_ms", "least_ms"), seconds * 1e3),
        "iqr_ms": 0.0,
        "runs": 1,
        **found,
        "gaussians": len(result.gaussians),
        "phases_s": result.report["seconds"],
        "processor_s": round(time.process_time() - processor, 1),
        "load": os.getloadavg()[0],
        "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def from_panorama(
    scene: HardScene, config: WorldConfig, pictures: Path | None, *, reach: float
) -> dict[str, Any]:
    """Make a world from the first frame alone and compare it with the views around the start."""
    geometry = geometry_from_depth(scene.frames[0], scene.depth_ray[0], is_metric=True)
    started = time.perf_counter()
    trajectory, _ = plan_path(geometry, config)
    gaussians, _ = build_gaussians(geometry, trajectory, config)
    seconds = time.perf_counter() - started
    first = scene.trajectory.world_from_camera[0]
    own = replace(scene, trajectory=relative_to_first(scene.trajectory))
    found = {}
    for distance in DISTANCES:
        views = scene.around.at(distance)
        views = replace(views, poses=views.poses @ first)
        where = pictures and pictures / f"panorama-{scene.name}-{distance:g}m.png"
        found[f"{distance:g} m"] = compare(gaussians, own, views, where)
    family, seed = scene.name.rsplit("-", 1)
    walk = navigable_range(
        gaussians, scene_truth(make_scene(family, int(seed)), first), torch.eye(4), limit=reach
    )
    entry = {"name": f"panorama {scene.name}", "runs": 1, "iqr_ms": 0.0, "gaussians": len(gaussians)}
    entry |= dict.fromkeys(("median_ms", "least_ms"), seconds * 1e3)
    entry |= {"distances": found, "navigable": walk.report()}
    for name, at in found.items():
        print(f"{entry['name']:28} {name:6} {at['psnr']:6.2f} dB, holes {at['holes']:.2%}", flush=True)
    print(f"    navigable range {walk.worst:.1f} m (median {walk.median:.1f} m), {seconds:.0f} s", flush=True)
    return entry


def show(entry: dict[str, Any]) -> None:
    """Print one line of figures and one of the classes."""
    print(
        f"{entry['name']:28} {entry['psnr']:6.2f} dB (least {entry['psnr_least']:.1f})  wrong depth "
        f"{entry['wrong_depth']:.1%}, at silhouettes {entry['edge_wrong_depth']:.1%}  {entry['gaussians']} splats  "
        f"{entry['median_ms'] / 1e3:.0f} s {json.dumps(entry['phases_s'])}"
    )
    for name in ERROR_CLASSES:
        c = entry["classes"][name]
        print(
            f"    {name:7} {c['pixels']:6.1%} of pixels {c['error']:6.1%} of error, +{c['gain_db']:.2f} dB were it "
            f"perfect; wrong depth {c['wrong_depth']:.1%}",
            flush=True,
        )


def ceiling(scenes: list[str]) -> dict[str, float]:
    """Return the PSNR of the truth seen through cells of the frames' size."""
    found = {}
    for name in scenes:
        views = hard_scene(name).beside
        shown = ceiling_of(name, views)
        ratios = [psnr(a, b) for a, b in zip(shown, views.pictures(), strict=True)]
        found[name] = round(sum(ratios) / len(ratios), 2)
        print(f"ceiling {name}: {found[name]} dB", flush=True)
    return found


def main() -> int:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__.splitlines()[0])
    parser.add_argument("--set", choices=tuple(HARD_SCENES), default="dev", help="which scenes")
    parser.add_argument("--scenes", nargs="+", help="some of the set, FAMILY-SEED")
    parser.add_argument("--preset", nargs="+", default=["draft", "standard"])
    parser.add_argument(
        "--change", nargs="*", default=[], metavar="NAME=VALUE", help="settings of the presets"
    )
    parser.add_argument("--panorama", action="store_true", help="worlds from the first frame alone")
    parser.add_argument(
        "--world", nargs="*", default=[], metavar="NAME=VALUE", help="settings of WorldConfig"
    )
    parser.add_argument("--pictures", type=Path, help="folder for pictures: result beside the truth")
    parser.add_argument("--ceiling", action="store_true", help="also measure what the frames' cells can tell")
    options = parser.parse_args()
    return _run(options)


def _settings(pairs: list[str]) -> dict[str, Any]:
    return {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in pairs)}


def _run(options: argparse.Namespace) -> int:
    where = common.machine()
    scenes = options.scenes or list(HARD_SCENES[options.set])
    changes = _settings(options.change)
    if options.panorama:
        config = WorldConfig(**_settings(options.world))
        made = [from_panorama(hard_scene(n), config, options.pictures, reach=4.0) for n in scenes]
        settings = {"set": options.set, "scenes": scenes, "world": asdict(config)}
        suite = f"quality_off_path_panorama_{options.set}"
        return common.finish(suite, where, settings, made, [], options.json)
    ceilings = ceiling(scenes) if options.ceiling else {}
    results = []
    for preset in options.preset:
        config = preset_config(preset, **changes)
        if options.quick:
            config = replace(config, steps=min(config.steps, 100), max_gaussians=30_000, crop_size_px=96)
        for name in scenes:
            results.append(fit(hard_scene(name), config, preset, options.pictures))
            show(results[-1])
        mine = [e["psnr"] for e in results if e["name"].startswith(preset)]
        print(f"{preset}: mean {sum(mine) / len(mine):.2f} dB", flush=True)
    settings = {"set": options.set, "scenes": scenes, "changes": changes, "ceiling": ceilings, "views": 24}
    return common.finish(f"quality_off_path_{options.set}", where, settings, results, [], options.json)


if __name__ == "__main__":
    sys.exit(main())
