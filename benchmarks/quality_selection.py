"""What one click selects, beside the true objects of hard scenes.

    python benchmarks/quality_selection.py [--scenes dev|judge] [--rows 512] [--json]

Worlds are the surfels that a fit starts from, of one panorama with exact distances (`hard_scenes.py`; thresholds were
chosen on *dev*). A splat belongs to the instance that the panorama shows at its center. Every object that fills at
least 0.02 % of the panorama is clicked once, at the pixel of it that is nearest to the middle of its pixels. ``bare``:
the splats have no classes, as of a world from elsewhere; ``classes``: they have the true ones, as learned depth or
masks give them. IoU is between the selected and the true splats.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import Tensor

from benchmarks import common
from benchmarks.hard_scenes import HARD_SCENES, hard_scene
from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.geometry.spherical import erp_directions, pixels_from_directions
from matrix3d_core.optimize.init import init_gaussians
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.labels import (
    CLASS_FOLIAGE,
    CLASS_GROUND,
    CLASS_OBJECT,
    CLASS_SKY,
    CLASS_WALL,
    CLASS_WATER,
)
from matrix3d_core.splats.picking import object_at
from matrix3d_core.synth.families import make_scene
from matrix3d_core.synth.render import render_scene
from matrix3d_core.synth.scene import SurfaceClass

LEAST = 0.0002  # of the panorama's pixels
MOST_OBJECTS = 40  # of a scene, the largest
_CLASSES = torch.tensor(
    (CLASS_SKY, CLASS_GROUND, CLASS_GROUND, CLASS_WALL, CLASS_WALL, CLASS_FOLIAGE, CLASS_WATER, CLASS_OBJECT)
)  # by `SurfaceClass`


def world_of(name: str, rows: int) -> tuple[Gaussians, Tensor, Tensor]:
    """Return a scene's surfels, the true instance of each, and the panorama of instances."""
    family, seed = name.rsplit("-", 1)
    pose = hard_scene(name).trajectory.camera_from_world[0]
    shown = render_scene(make_scene(family, int(seed)), Equirect((rows, 2 * rows)), pose, samples=2)
    geometry = geometry_from_depth(
        shown.rgb.clamp(0, 1), shown.depth_ray, is_metric=True, repair_components=False
    )
    world = init_gaussians(geometry=geometry, max_gaussians=2 * rows * rows).gaussians.without_labels()
    u, v = pixels_from_directions(world.means.double(), height=rows, width=2 * rows)
    at = (v.round().long().clamp(0, rows - 1), u.round().long() % (2 * rows))
    world = world.with_labels(classes=_CLASSES[shown.surface_class.long()][at])
    return (
        world,
        shown.instance[at],
        torch.where(shown.surface_class == SurfaceClass.OBJECT, shown.instance, 0),
    )


def middle_of(is_object: Tensor) -> tuple[int, int]:
    """Return the pixel of a mask that is nearest to the mean direction of its pixels."""
    rays = erp_directions(*is_object.shape).double()
    cosine = rays @ rays[is_object].mean(0)
    cosine[~is_object] = -2
    row, column = divmod(int(cosine.argmax()), is_object.shape[1])
    return row, column


def iou(chosen: Tensor, true: Tensor) -> float:
    """Return the overlap of two selections."""
    return float((chosen & true).sum() / (chosen | true).sum().clamp_min(1))


def main() -> int:
    """Click the objects of each scene; see the top of this file."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--scenes", choices=("dev", "judge"), default="dev")
    options.add_argument("--rows", type=int, default=512)
    given = options.parse_args()
    where = common.machine()
    entries: list[dict[str, Any]] = []
    means: dict[str, list[float]] = {"bare": [], "classes": []}
    for name in HARD_SCENES[given.scenes]:
        world, instances, shown = world_of(name, given.rows)
        numbers, sizes = shown[shown > 0].unique(return_counts=True)
        large = [n for n, size in zip(numbers, sizes, strict=True) if size >= LEAST * shown.numel()]
        large = sorted(large, key=lambda n: -int((shown == n).sum()))[:MOST_OBJECTS]
        rays = erp_directions(*shown.shape).double()
        for way in means:
            known = world if way == "classes" else world.without_labels()
            overlaps, seconds = [], []
            for number in large:
                ray = rays[middle_of(shown == number)]
                start = time.perf_counter()
                chosen = object_at(known, torch.zeros(3), ray)
                seconds.append(time.perf_counter() - start)
                overlaps.append(iou(chosen, instances == number))
            means[way] += overlaps
            row = {
                "objects": len(large),
                "iou_median": float(np.median(overlaps)),
                "above_half": float(np.mean([o >= 0.5 for o in overlaps])),
                "above_0.8": float(np.mean([o >= 0.8 for o in overlaps])),
            }
            print(f"{name} {way}: {len(world)} splats, {row}, {np.median(seconds):.2f} s a click", flush=True)
            entries.append({"name": f"{name} {way}", **common.spread(seconds), **row})
    checks = [
        common.check(f"median IoU of a click, {way}", float(np.median(values)), least=0.5)
        for way, values in means.items()
    ]
    return common.finish(
        "quality_selection", where, {"set": given.scenes, "rows": given.rows}, entries, checks, given.json
    )


if __name__ == "__main__":
    raise SystemExit(main())
