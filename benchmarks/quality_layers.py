"""The instant world: layers to splats without a fit, from one panorama, beside the start of a fit from the same.

    python benchmarks/quality_layers.py [--scenes dev|judge] [--pictures DIR] [--json]

One panorama of 2048x1024 with exact ray distances, of the shipped sample and of hard scenes (`hard_scenes.py`; settings
were chosen on *dev*). Worlds are compared with true views of 90 degrees all around, 0.5 and 1 m off the center, on
whole pictures; they are drawn at three times the size of the truth and averaged, as the truth has four rays a pixel.
``surfel init`` is what a fit starts from (`init_gaussians` with as many splats), ``GSOptimize draft`` with ``--draft``
a world that is fitted along a path.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor

from benchmarks import common
from benchmarks.hard_scenes import HARD_SCENES, hard_scene
from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.evaluation.truth import SAMPLE, truth_of
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.io.images import write_image
from matrix3d_core.layers.complete import split_panorama
from matrix3d_core.layers.splats import gaussians_from_layers
from matrix3d_core.layers.split import find_foreground
from matrix3d_core.metrics.image import psnr
from matrix3d_core.optimize.init import init_gaussians
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.standalone.world import WorldConfig, build_gaussians, plan_path
from matrix3d_core.synth.families import make_scene
from matrix3d_core.synth.render import render_scene
from matrix3d_core.synth.sample_scene import render_erp

ROWS, FINER, MOST = 1024, 3, 1_000_000
DISTANCES = (0.5, 1.0)
VIEW_PX = 192
Views = list[tuple[float, Tensor, Tensor]]  # distance, pose, true picture


def sample_case() -> tuple[PanoramaGeometry, Pinhole, Views]:
    """Return the sample's panorama, and views of it in four directions."""
    shown = render_erp(torch.zeros(3, dtype=torch.float64), ROWS, 2 * ROWS, samples=2)
    truth, camera = truth_of(SAMPLE), Pinhole.from_fov(math.pi / 2, VIEW_PX, VIEW_PX)
    views = []
    for distance in DISTANCES:
        for direction in range(4):
            place = torch.tensor(
                (math.sin(direction * math.pi / 2), 0.0, math.cos(direction * math.pi / 2)),
                dtype=torch.float64,
            )
            for side in range(4):
                angles = (torch.tensor(a, dtype=torch.float64) for a in (side * math.pi / 2, 0.0, 0.0))
                pose = torch.eye(4, dtype=torch.float64)
                pose[:3, :3] = matrix_from_yaw_pitch_roll(*angles).mT
                pose[:3, 3] = -pose[:3, :3] @ (distance * place)
                views.append((distance, pose, truth(camera, pose)[0]))
    return geometry_from_depth(shown[0], shown[1], is_metric=True), camera, views


def hard_case(name: str) -> tuple[PanoramaGeometry, Pinhole, Views]:
    """Return a hard scene's panorama, and its views around the start."""
    scene = hard_scene(name)
    family, seed = name.rsplit("-", 1)
    start = scene.trajectory
    shown = render_scene(
        make_scene(family, int(seed)), Equirect((ROWS, 2 * ROWS)), start.camera_from_world[0], samples=4
    )
    geometry = geometry_from_depth(
        shown.rgb.clamp(0, 1), shown.depth_ray, is_metric=True, repair_components=False
    )
    views: Views = []
    for distance in DISTANCES:
        found = scene.around.at(distance)
        poses = found.poses @ start.world_from_camera[0]
        views += [(distance, pose, rgb) for pose, rgb in zip(poses, found.pictures(), strict=True)]
    return geometry, scene.around.camera, views


def compare(world: Gaussians, camera: Pinhole, views: Views, sheet: list[Tensor]) -> dict[str, float]:
    """Return the mean PSNR of the views at each distance."""
    fine = camera.resized(FINER * camera.height, FINER * camera.width)
    found: dict[float, list[float]] = {}
    row = []
    for distance, pose, true in views:
        drawn = render_view(world, pose, fine).rgb.clamp(0, 1).permute(2, 0, 1)
        small = torch.nn.functional.avg_pool2d(drawn[None], FINER)[0].permute(1, 2, 0)
        found.setdefault(distance, []).append(float(psnr(small, true)))
        row.append(torch.cat((small, true)))
    sheet.append(torch.cat(row[-8:], 1))
    return {f"psnr at {distance:g} m": sum(v) / len(v) for distance, v in found.items()}


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--scenes", choices=list(HARD_SCENES), default="judge")
    options.add_argument("--draft", action="store_true", help="fit worlds along a path, too: minutes each")
    options.add_argument("--pictures", type=Path)
    given = options.parse_args()
    where, entries, gains, slowest = common.machine(), [], [], 0.0
    if given.pictures:
        given.pictures.mkdir(parents=True, exist_ok=True)

    def instant(geometry: PanoramaGeometry) -> Gaussians:
        layered = split_panorama(geometry, find_foreground(geometry, 2))
        return gaussians_from_layers(layered, max_gaussians=MOST)

    def draft(geometry: PanoramaGeometry) -> Gaussians:
        config = WorldConfig()
        trajectory, _ = plan_path(geometry, config)
        return build_gaussians(geometry, trajectory, config)[0]

    ways: dict[str, Any] = {
        "surfel init": lambda g: (
            init_gaussians(geometry=g, max_gaussians=MOST, adaptive_density=True).gaussians
        ),
        "layers": instant,
    }
    if given.draft:
        ways["GSOptimize draft"] = draft
    warm, _, _ = sample_case()
    instant(warm)  # kernels are compiled once
    for name in (SAMPLE,) if given.quick else (SAMPLE, *HARD_SCENES[given.scenes]):
        geometry, camera, views = sample_case() if name == SAMPLE else hard_case(name)
        sheet: list[Tensor] = []
        rows: dict[str, dict[str, float]] = {}
        for way, make in ways.items():
            start = time.perf_counter()
            world = make(geometry)
            seconds = time.perf_counter() - start
            rows[way] = compare(world, camera, views, sheet)
            print(f"{name} {way}: {len(world)} splats, {seconds:.1f} s, {rows[way]}", flush=True)
            entries.append(
                {"name": f"{name} {way}", **common.spread([seconds]), **rows[way], "gaussians": len(world)}
            )
            slowest = max(slowest, seconds if way == "layers" else 0.0)
        gains += [rows["layers"][key] - rows["surfel init"][key] for key in rows["layers"]]
        if given.pictures:
            write_image(given.pictures / f"layers-{name}.png", torch.cat(sheet))
    checks = [
        common.check(
            "PSNR over the start of a fit, mean over scenes and distances, dB",
            sum(gains) / len(gains),
            least=3.0,
        ),
        common.check("8 s over the slowest world's", 8 / slowest, least=1.0),
    ]
    settings = {"set": given.scenes, "rows": ROWS, "max_gaussians": MOST, "distances": list(DISTANCES)}
    return common.finish("quality_layers", where, settings, entries, checks, given.json)


if __name__ == "__main__":
    raise SystemExit(main())
