"""Inpainting of guidance without a model, against the truth: each method on procedural scenes.

    python benchmarks/quality_fill.py [--scenes courtyard:200000,office:200001] [--methods smooth,exemplar] [--json]

Guidance is rendered from one exact panorama (480x960) along 49 poses of a factory route; the truth is traced for every
sixth frame. Figures are means over those frames, on the pixels that the panorama does not show: PSNR at a quarter of
the resolution, DINOv2 distance on square crops around the holes (the inpainted frame against the truth), the ratio
of gradient energies, and the share of pixels whose distance is more than 15 % wrong (sky left out). Scenes are
those of *dev*; ``--pictures FOLDER`` writes frames beside the truth.
"""

from __future__ import annotations

import math
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import common
from matrix3d_core.factory.routes import RouteConfig, plan_route, walk_graph
from matrix3d_core.features.dinov2 import Dinov2
from matrix3d_core.features.weights import find_backbone, read_backbone
from matrix3d_core.guidance.fill import FILL_METHODS, FilledFrames, fill_guidance
from matrix3d_core.guidance.render import GuidanceFrames, render_guidance
from matrix3d_core.io.images import to_uint8
from matrix3d_core.metrics.dinov2_distance import dinov2_distance
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.synth.families import make_scene
from matrix3d_core.synth.render import render_scene
from matrix3d_core.synth.sets import SETS
from matrix3d_core.trajectories.placement import relative_to_first

HEIGHT, FRAMES, EVERY = 480, 49, 6
DEFAULT_SCENES = ",".join(f"{family}:{200_000 + k}" for k in (0, 1) for family in SETS["dev"].families)
SKY_FACTOR = 2.0
CROP_PX = 112  # at 480 rows
MOST_CROPS = 8  # of a frame
WRONG = 0.15


@dataclass(frozen=True)
class Case:
    """One scene: its guidance, and the truth at some of the frames."""

    name: str
    guidance: GuidanceFrames
    path: Trajectory
    chosen: list[int]
    rgb: Tensor  # [N, H, W, 3]
    depth_ray: Tensor  # [N, H, W], inf for sky


def make_case(family: str, seed: int, height: int = HEIGHT, frames: int = FRAMES) -> Case:
    """Trace a scene along a route, or read it from the temporary folder."""
    kept = Path(tempfile.gettempdir()) / "matrix3d-quality-fill" / f"{family}-{seed}-{height}-{frames}.pt"
    chosen = list(range(EVERY, frames, EVERY))
    if kept.is_file():
        found = torch.load(kept, weights_only=True)
        path = Trajectory(found["poses"], is_metric=True)
    else:
        scene = make_scene(family, seed)
        rng = np.random.default_rng([seed, 11])
        config = RouteConfig(frames=frames, heading="along", min_length_m=4.0)
        route = plan_route(scene, rng, config, walk_graph(scene, rng, config)).trajectory
        if route is None:
            raise SystemExit(f"{family} {seed} has no route; choose another scene.")
        camera = Equirect((height, 2 * height))
        shown = [render_scene(scene, camera, route.camera_from_world[t], samples=2) for t in [0, *chosen]]
        path = relative_to_first(route)
        found = {
            "poses": path.camera_from_world,
            "rgb": torch.stack([to_uint8_tensor(frame.rgb) for frame in shown]),
            "depth_ray": torch.stack([frame.depth_ray for frame in shown]).float(),
        }
        kept.parent.mkdir(exist_ok=True)
        torch.save(found, kept)
    rgb, depth_ray = found["rgb"] / 255, found["depth_ray"]
    is_sky = torch.isinf(depth_ray[0])
    reach = SKY_FACTOR * float(depth_ray[0][~is_sky].max())
    geometry = PanoramaGeometry(rgb[0], torch.where(is_sky, reach, depth_ray[0]), ~is_sky, is_sky, True)
    guidance = render_guidance(geometry, path, height=height)
    return Case(f"{family} {seed}", guidance, path, chosen, rgb[1:], depth_ray[1:])


def to_uint8_tensor(rgb: Tensor) -> Tensor:
    """Return a picture as 8-bit values."""
    return torch.from_numpy(to_uint8(rgb))


def hole_crops(is_open: Tensor, size: int) -> list[tuple[int, int]]:
    """Return first row and column of squares of the middle rows that are inpainted for at least a tenth.

    At most eight, evenly from those of a grid.
    """
    top = is_open.shape[0] // 6
    share = F.avg_pool2d(is_open[top:-top].float()[None, None], size)[0, 0]
    found = (share >= 0.1).nonzero()
    chosen = torch.linspace(0, len(found) - 1, min(len(found), MOST_CROPS)).round().long()
    return [(top + r * size, c * size) for r, c in found[chosen].tolist()]


def gradient_energy(rgb: Tensor, where: Tensor) -> float:
    """Return the mean squared difference of neighbors, over pixels of ``where`` whose neighbor is there too."""
    total, count = 0.0, 0
    for axis in (0, 1):
        step = rgb.diff(dim=axis).square().mean(-1)
        both = where.narrow(axis, 1, where.shape[axis] - 1) & where.narrow(axis, 0, where.shape[axis] - 1)
        total, count = total + float(step[both].sum()), count + int(both.sum())
    return total / max(count, 1)


def quarter(values: Tensor) -> Tensor:
    """Average [H, W, C] over blocks of 4x4."""
    return F.avg_pool2d(values.movedim(-1, 0)[None], 4)[0].movedim(0, -1)


def figures_of(case: Case, filled: FilledFrames, backbone: Dinov2 | None) -> dict[str, float]:
    """Return the figures of one scene and method."""
    squared, weight, energy, true_energy = 0.0, 0.0, 0.0, 0.0
    wrong, surfaces, holes = 0, 0, 0
    distances: list[float] = []
    size = CROP_PX * case.rgb.shape[1] // HEIGHT
    for k, t in enumerate(case.chosen):
        is_open = filled.is_filled[t]
        made, truth = filled.rgb[t], case.rgb[k]
        share = quarter(is_open.float().unsqueeze(-1)).squeeze(-1)
        inner = share > 0.99
        squared += float((quarter(made) - quarter(truth))[inner].square().sum()) / 3
        weight += float(inner.sum())
        count = int(is_open.sum())
        energy += gradient_energy(made, is_open) * count
        true_energy += gradient_energy(truth, is_open) * count
        holes += count
        surface = is_open & torch.isfinite(case.depth_ray[k])
        off = (filled.depth_ray[t] / case.depth_ray[k] - 1).abs() > WRONG
        wrong, surfaces = wrong + int((off & surface).sum()), surfaces + int(surface.sum())
        places = hole_crops(is_open, size)
        if backbone is not None and places:
            pair = [
                torch.stack([v[r : r + size, c : c + size].movedim(-1, 0) for r, c in places])
                for v in (made, truth)
            ]
            distances += dinov2_distance(backbone, *pair).tolist()
    return {
        "psnr_quarter": -10 * math.log10(max(squared / max(weight, 1), 1e-12)),
        "dinov2": float(np.mean(distances)) if distances else math.nan,
        "crops": len(distances),
        "energy_ratio": energy / max(true_energy, 1e-12),
        "wrong_depth": wrong / max(surfaces, 1),
        "open_share": holes / (len(case.chosen) * case.rgb[0, ..., 0].numel()),
    }


def write_pictures(folder: Path, case: Case, filled: dict[str, FilledFrames]) -> None:
    """Write guidance, each method and the truth below each other, for three frames."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for k in {len(case.chosen) // 2, len(case.chosen) - 1}:
        t = case.chosen[k]
        rows = [case.guidance.rgb[t], *(found.rgb[t] for found in filled.values()), case.rgb[k]]
        Image.fromarray(to_uint8(torch.cat(rows))).save(folder / f"{case.name.replace(' ', '-')}-{t}.png")


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--scenes", default=DEFAULT_SCENES, help="family:seed, separated by commas")
    options.add_argument("--methods", default=",".join(FILL_METHODS))
    options.add_argument("--height", type=int, default=HEIGHT)
    options.add_argument("--frames", type=int, default=FRAMES)
    options.add_argument("--pictures", type=Path)
    options.add_argument(
        "--no-dinov2", action="store_true", help="leave out what needs the backbone's weights"
    )
    given = options.parse_args()
    height, frames = (96, 13) if given.quick else (given.height, given.frames)
    where = common.machine()
    file = None if given.no_dinov2 else find_backbone()
    backbone = read_backbone(file).eval() if file else None
    methods = given.methods.split(",")
    entries = []
    for text in given.scenes.split(",")[: 1 if given.quick else None]:
        family, seed = text.split(":")
        case = make_case(family, int(seed), height, frames)
        filled = {}
        for method in methods:
            fill_guidance(case.guidance, case.path, method=method) if not entries else None  # compiles
            start, processor = time.perf_counter(), time.process_time()
            filled[method] = fill_guidance(case.guidance, case.path, method=method)
            seconds, processor = time.perf_counter() - start, time.process_time() - processor
            with torch.inference_mode():
                figures = figures_of(case, filled[method], backbone)
            name = f"{case.name} {method}"
            entries.append({"name": name, **common.spread([seconds]), "processor_s": processor, **figures})
            print(entries[-1], flush=True)
        if given.pictures:
            write_pictures(given.pictures, case, filled)
    means = {
        method: {
            key: float(np.mean([e[key] for e in entries if e["name"].endswith(f" {method}")]))
            for key in ("psnr_quarter", "dinov2", "energy_ratio", "wrong_depth", "median_ms")
        }
        for method in methods
    }
    for method, found in means.items():
        print(method, {key: round(value, 4) for key, value in found.items()})
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory of the process {peak_gb:.2f} GB")
    checks = []
    if set(methods) >= {"smooth", "exemplar"}:
        smooth, ours = means["smooth"], means["exemplar"]
        checks = [
            common.check("PSNR above smooth, dB", ours["psnr_quarter"] - smooth["psnr_quarter"], least=0),
            common.check("DINOv2 distance lower by", 1 - ours["dinov2"] / smooth["dinov2"], least=0.25),
            common.check(
                "gradient energy, less deviation than 20 %", 0.2 - abs(ours["energy_ratio"] - 1), least=0
            ),
            common.check("seconds left of 10", 10 - ours["median_ms"] / 1e3, least=0),
        ]
    settings = {
        "scenes": given.scenes,
        "height": height,
        "frames": frames,
        "peak_gb": peak_gb,
        "means": means,
    }
    return common.finish("quality_fill", where, settings, entries, checks, given.json)


if __name__ == "__main__":
    raise SystemExit(main())
