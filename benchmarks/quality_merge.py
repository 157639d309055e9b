"""The merge of views alone: exact distances of procedural scenes, each view scaled by a factor of its own.

    python benchmarks/quality_merge.py --views rings moge upstream --panoramas 100 [--bend 0.05] [--host COMFYUI]

Figures per set of views, over all panoramas: error of the log distance after one common factor, by solid angle; the
share of pixels beyond 5 %; the step over the seam and between other columns where the truth is smooth (95th
percentile); the error of the pole rows (median of the row). ``--bend`` adds a smooth error to each view,
``--host`` merges the same views with the host's own function, for comparison.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from pathlib import Path

import common  # noqa: F401  (puts the checkout on the path)
import numpy as np
import torch
from torch import Tensor

from matrix3d_core.depth.learned.merge import merge_views
from matrix3d_core.depth.learned.views import VIEW_SETS, ViewSet, make_views
from matrix3d_core.factory.routes import standpoints
from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.synth.families import make_scene
from matrix3d_core.synth.render import render_scene
from matrix3d_core.synth.scene import Scene
from matrix3d_core.synth.sets import SETS, scenes_of

HEIGHT, VIEW_PX = 256, 256
SMOOTH = 0.05  # largest step of the true log distance that still is one surface


def distances(scene: Scene, center: Tensor, views: ViewSet) -> tuple[Tensor, Tensor]:
    """Return the exact ray distances of the views ``[V, h, h]`` and of the panorama ``[H, W]``; inf in the sky."""
    lens = Pinhole((VIEW_PX, VIEW_PX), intrinsics_from_fov(views.fov_rad, VIEW_PX, VIEW_PX))
    cameras = [(lens, turn) for turn in views.rotations]
    cameras.append((Equirect((HEIGHT, 2 * HEIGHT)), torch.eye(3, dtype=torch.float64)))
    found = []
    for camera, turn in cameras:
        pose = torch.eye(4, dtype=torch.float64)
        pose[:3, :3], pose[:3, 3] = turn, -turn @ center
        found.append(render_scene(scene, camera, pose).depth_ray)
    return torch.stack(found[:-1]), found[-1]


def judge(log_distance: Tensor, truth: Tensor) -> dict[str, float]:
    """Compare a merged map with the truth."""
    area = torch.sqrt(1 - erp_directions(HEIGHT, 2 * HEIGHT)[..., 1].square()).clamp_min(0)
    known = torch.isfinite(truth)
    log_truth = torch.where(known, truth, 1.0).log()
    error = log_distance - log_truth
    error = error - error[known].median()
    weight = area * known

    def step(columns: Tensor) -> float:
        ahead = (columns + 1) % (2 * HEIGHT)
        true_step = (log_truth[:, ahead] - log_truth[:, columns]).abs()
        both = known[:, ahead] & known[:, columns] & (true_step < SMOOTH)
        steps = (error[:, ahead] - error[:, columns]).abs()[both]
        return float(steps.quantile(0.95)) if len(steps) else 0.0

    figures = {
        "error": float((error.abs() * weight).sum() / weight.sum()),
        "beyond_5_percent": float(((error.abs() > 0.05) * weight).sum() / weight.sum()),
        "seam_step": step(torch.tensor([2 * HEIGHT - 1])),
        "inner_step": step(torch.arange(7, 2 * HEIGHT - 1, 16)),
    }
    for name, row in (("top", 0), ("bottom", -1)):
        if bool(known[row].all()):
            figures[f"pole_{name}"] = float(error[row].median().abs())
    return figures


def planted(logs: Tensor, rng: np.random.Generator, bend: float) -> Tensor:
    """Scale each view by a factor of its own and bend it smoothly."""
    x = torch.linspace(-1, 1, VIEW_PX)
    waves = torch.stack(torch.broadcast_tensors(x[None], x[:, None], x[None] ** 2, x[:, None] ** 2))
    addends = torch.from_numpy(rng.normal(0, 0.3, (len(logs), 1, 1)))
    return (
        logs
        + addends
        + torch.einsum("vk,kij->vij", torch.from_numpy(rng.normal(0, bend, (len(logs), 4))).float(), waves)
    ).float()


def by_host(comfyui: Path, logs: Tensor, known: Tensor) -> Tensor:
    """Merge with the host's function; its views are those of ``moge``."""
    sys.path.insert(0, str(comfyui))
    from comfy.ldm.moge.panorama import get_panorama_cameras, merge_panorama_depth

    extrinsics, intrinsics = get_panorama_cameras()
    depth, _ = merge_panorama_depth(
        2 * HEIGHT, HEIGHT, list(logs.exp().numpy()), list(known.numpy()), list(extrinsics), intrinsics
    )
    return torch.from_numpy(depth).clamp_min(1e-6).log()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--views", nargs="+", choices=tuple(VIEW_SETS), default=list(VIEW_SETS))
    parser.add_argument("--panoramas", type=int, default=100)
    parser.add_argument("--set", choices=tuple(SETS), default="dev")
    parser.add_argument("--bend", type=float, default=0.0)
    parser.add_argument("--host", type=Path, metavar="DIR")
    options = parser.parse_args()
    rows: dict[str, list[dict[str, float]]] = {}
    for family, seed in itertools.islice(scenes_of(options.set), options.panoramas):
        scene = make_scene(family, seed)
        center = standpoints(scene, 1, np.random.default_rng([seed, 7]))[0]
        for name in options.views:
            views = make_views(name)
            exact, truth = distances(scene, center, views)
            known = torch.isfinite(exact)
            if float(torch.isfinite(truth).float().mean()) < 0.05:
                continue
            logs = planted(torch.where(known, exact, 1.0).log(), np.random.default_rng(seed), options.bend)
            start = time.process_time()
            merged = merge_views(logs, known.float(), views, HEIGHT).log_distance
            seconds = time.process_time() - start
            rows.setdefault(name, []).append({**judge(merged, truth), "cpu_seconds": seconds})
            if options.host and name == "moge":
                start = time.process_time()
                theirs = by_host(options.host, logs, known)
                seconds = time.process_time() - start
                rows.setdefault("host", []).append({**judge(theirs, truth), "cpu_seconds": seconds})
    for name, found in rows.items():
        print(f"{name}: {len(found)} panoramas of {options.set}, {VIEW_PX} px views, {2 * HEIGHT}x{HEIGHT}")
        for key in (
            "error",
            "beyond_5_percent",
            "seam_step",
            "inner_step",
            "pole_top",
            "pole_bottom",
            "cpu_seconds",
        ):
            values = [row[key] for row in found if key in row]
            if values:
                print(f"  {key:18} mean {sum(values) / len(values):.4f}  worst {max(values):.4f}")


if __name__ == "__main__":
    main()
