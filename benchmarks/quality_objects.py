"""Objects into worlds and out of them, beside the traced truth.

    python benchmarks/quality_objects.py [--scenes dev|judge] [--pictures DIR] [--json]

A world is made of one panorama of a hard scene (`hard_scenes.py`; settings were chosen on *dev*), 1024x512 with exact
distances, without a fit (`gaussians_from_layers`). *Place*: a chair with a striped ball is put on the ground and traced
into the scene at the same place; views at the panorama's center, 0.5 and 1 m beside it are compared around the chair,
with and without light and shadow. *Erase*: the two things of the scene that cover most of the panorama, each known by
its mask, are taken out and traced without; the same kinds of views are compared where the thing was. The edge energy is
the mean step between neighboring pixels at the border of that region, by that 6 to 12 pixels outside of it.
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
from benchmarks.changed_scenes import (
    Start,
    around,
    free_place,
    geometry_of_start,
    scene_of_mesh,
    start_of,
    trace,
)
from benchmarks.hard_scenes import HARD_SCENES
from matrix3d_core.guidance.hidden_geometry import dilate
from matrix3d_core.io.images import write_image
from matrix3d_core.layers.complete import split_panorama
from matrix3d_core.layers.splats import gaussians_from_layers
from matrix3d_core.layers.split import find_foreground
from matrix3d_core.objects.erase import erase_gaussians
from matrix3d_core.objects.place import Placement, place_object
from matrix3d_core.objects.sample_object import sample_object
from matrix3d_core.objects.shading import direct_light
from matrix3d_core.objects.surfels import gaussians_from_meshes
from matrix3d_core.optimize.init import init_gaussians
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.splats.labeling import mask_votes
from matrix3d_core.synth.changed import join_scenes, without_instances
from matrix3d_core.synth.render import SceneFrame

ROWS, MOST, FINER, VIEW_PX = 512, 300_000, 3, 192
ERASED = 2  # things of a scene
THINGS = (
    "bench bicycle boat bookcase box cabinet car cart chair copier crate lamp mailbox man monitor person "
    "plant pot post scooter sign sofa stool table tractor wardrobe beehive bin bollard barrel swing television"
).split()


def drawn(world: Gaussians, pose: Tensor, camera: Pinhole) -> Tensor:
    """Draw a view at three times its size and average it, as the truth has four rays a pixel."""
    fine = camera.resized(FINER * camera.height, FINER * camera.width)
    rgb = render_view(world, pose, fine).rgb.clamp(0, 1).permute(2, 0, 1)
    return torch.nn.functional.avg_pool2d(rgb[None], FINER)[0].permute(1, 2, 0)


def db(error: list[Tensor]) -> float:
    """Return the PSNR of squared errors of several views together."""
    return float(-10 * torch.cat([e.flatten() for e in error]).mean().log10())


def place(start: Start, world: Gaussians, geometry: PanoramaGeometry, shown: SceneFrame) -> dict[str, Any]:
    """Put the chair into a world and into its scene; return figures and pictures."""
    mesh, spot = sample_object(), free_place(shown)
    item = gaussians_from_meshes([mesh], max_gaussians=20_000)
    x, y, z = (spot - torch.tensor((0.0, 0.5, 0.0))).tolist()
    placement = Placement(name="chair", position=(x, y, z), yaw_rad=0.7, height=1.0)
    light, seconds, pictures = direct_light(geometry.rgb), 0.0, []
    camera = Pinhole.from_fov(math.radians(50), VIEW_PX, VIEW_PX)
    poses, found, truth, joined = around(spot - torch.tensor((0.0, 0.4, 0.0))), {}, [], None
    ways = {"neither": (0.0, 0.0), "light": (1.0, 0.0), "shadow": (0.0, 1.0), "both": (1.0, 1.0)}
    for way, (lit, shadow) in ways.items():
        begin = time.perf_counter()
        placed = place_object(
            world,
            item,
            placement,
            light=light,
            light_strength=lit,
            shadow_strength=shadow,
            outward_normals=True,
        )
        seconds = time.perf_counter() - begin
        if joined is None:
            joined = join_scenes(start.scene, scene_of_mesh(mesh, placed.matrix, start))
            truth = [trace(start, joined, camera, pose) for pose in poses]
            pictures.append(torch.cat([frame.rgb.clamp(0, 1) for frame in truth], 1))
        views = [drawn(placed.world, pose, camera) for pose in poses]
        pictures.append(torch.cat(views, 1))
        errors = []
        for view, frame in zip(views, truth, strict=True):
            at = (frame.instance == len(joined.objects)).nonzero()
            if len(at) < 50:  # something stands before it
                continue
            low, high = at.amin(0), at.amax(0)
            room = (high - low) // 4
            low, high = (low - room).clamp_min(0), high + room
            part = slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))
            errors.append((view - frame.rgb.clamp(0, 1))[part].square())
        found[f"psnr {way}"] = db(errors)
    return {"figures": found, "seconds": seconds, "pictures": pictures}


def things(start: Start, shown: SceneFrame) -> list[int]:
    """Return the instances that are things and cover most of the panorama without being all around."""
    counts = torch.bincount(shown.instance.flatten(), minlength=len(start.scene.objects) + 1)
    whole = shown.instance.numel()
    names = {k: thing.name.lower() for k, thing in enumerate(start.scene.objects, 1)}
    asked = [
        k
        for k, name in names.items()
        if set(name.split()) & set(THINGS) and 0.0002 < counts[k] / whole < 0.05
    ]
    return sorted(asked, key=lambda k: -int(counts[k]))[:ERASED]


def erase(start: Start, world: Gaussians, shown: SceneFrame, number: int) -> dict[str, Any]:
    """Take a thing out of a world and out of its scene; return figures and pictures."""
    mask = dilate(shown.instance == number, 1)
    identity = torch.eye(4, dtype=torch.float64)
    chosen = mask_votes(world, mask.float()[None], Trajectory(identity[None])).chosen(0.5)
    begin = time.perf_counter()
    erased = erase_gaussians(world, chosen)
    seconds = time.perf_counter() - begin
    points = (Equirect((ROWS, 2 * ROWS)).rays() * shown.depth_ray.double().unsqueeze(-1))[
        shown.instance == number
    ]
    target = points.median(0).values
    size = float((points - target).norm(dim=-1).quantile(0.95))
    fov = min(1.6, max(0.5, 4 * math.atan(size / float(target.norm()))))
    camera, poses = Pinhole.from_fov(fov, VIEW_PX, VIEW_PX), around(target)
    without = without_instances(start.scene, [number])
    truth = [trace(start, without, camera, pose).rgb.clamp(0, 1) for pose in poses]
    before = [trace(start, start.scene, camera, pose) for pose in poses]
    pictures = [torch.cat([frame.rgb.clamp(0, 1) for frame in before], 1), torch.cat(truth, 1)]
    figures: dict[str, float] = {}
    for way, one in {"hole": world.select(~chosen), "erased": erased.world}.items():
        views = [drawn(one, pose, camera) for pose in poses]
        pictures.append(torch.cat(views, 1))
        regions = [frame.instance == number for frame in before]
        figures[f"psnr {way}"] = db(
            [(v - t)[m].square() for v, t, m in zip(views, truth, regions, strict=True)]
        )
        figures[f"edges {way}"] = edge_energy(views, regions)
    figures["edges truth"] = edge_energy(truth, regions)
    return {
        "name": start.scene.objects[number - 1].name,
        "figures": {**figures, **{key: float(erased.report[key]) for key in ("new", "hole_percent")}},
        "seconds": seconds,
        "pictures": pictures,
        "gain": figures["psnr erased"] - figures["psnr hole"],
    }


def edge_energy(views: list[Tensor], regions: list[Tensor]) -> float:
    """Return the mean step between pixels at the borders of regions, by that beside them."""
    at, beside = [], []
    for view, region in zip(views, regions, strict=True):
        step = torch.zeros(view.shape[:2])
        step[:, :-1] += (view[:, 1:] - view[:, :-1]).abs().mean(-1)
        step[:-1] += (view[1:] - view[:-1]).abs().mean(-1)
        inner = ~dilate(~region, 2)
        at.append(step[dilate(region, 2) & ~inner])
        beside.append(step[dilate(region, 12) & ~dilate(region, 6)])
    return float(torch.cat(at).mean() / torch.cat(beside).mean())


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--scenes", choices=list(HARD_SCENES), default="judge")
    options.add_argument("--pictures", type=Path)
    given = options.parse_args()
    where, entries, lit, gains, edges = common.machine(), [], [], [], []
    if given.pictures:
        given.pictures.mkdir(parents=True, exist_ok=True)
    names = HARD_SCENES[given.scenes][: 1 if given.quick else None]
    for name in names:
        start = start_of(name)
        geometry, shown = geometry_of_start(start, start.scene, ROWS)
        layered = gaussians_from_layers(
            split_panorama(geometry, find_foreground(geometry, 2)), max_gaussians=MOST
        )
        plain = init_gaussians(geometry=geometry, max_gaussians=MOST, adaptive_density=True).gaussians
        runs = {"place": place(start, layered, geometry, shown)}
        lit.append(runs["place"]["figures"]["psnr both"] - runs["place"]["figures"]["psnr neither"])
        for number in things(start, shown):
            run = erase(start, plain, shown, number)
            runs[f"erase {run['name']} {number}"] = run
            gains.append(run["gain"])
            edges.append(run["figures"]["edges erased"])
        for what, run in runs.items():
            print(f"{name} {what}: {run['seconds']:.1f} s, {run['figures']}", flush=True)
            entries.append({"name": f"{name} {what}", **common.spread([run["seconds"]]), **run["figures"]})
            if given.pictures:
                write_image(
                    given.pictures / f"objects-{name}-{what.replace(' ', '-')}.png",
                    torch.cat(run["pictures"]),
                )
    checks = [
        common.check(
            "PSNR around a placed object, light and shadow over neither, mean, dB",
            sum(lit) / len(lit),
            least=2,
        ),
        common.check("PSNR where an object was over its hole, mean, dB", sum(gains) / len(gains), least=8),
        common.check(
            "1.2 over the edge energy at the border, mean", 1.2 / (sum(edges) / len(edges)), least=1
        ),
    ]
    settings = {"set": given.scenes, "rows": ROWS, "max_gaussians": MOST}
    return common.finish("quality_objects", where, settings, entries, checks, given.json)


if __name__ == "__main__":
    raise SystemExit(main())
