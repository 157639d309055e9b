"""Light: the sun of panoramas, a ball under our HDRI, and worlds relit for another sun, against ray-traced truth.

    python benchmarks/quality_relight.py [--scenes dev|judge] [--pictures DIR] [--json]

Hard scenes (`hard_scenes.py`; settings were chosen on *dev*) under a fair sky, rendered under four suns: 40, 35, 18 and
62 degrees up, on all sides. Given is one panorama of 1024x512 in 8 bits and its exact distances. The sun's direction is
compared where there is one (rooms have none). A matte ball at the panorama's center, on all sides, gets the light of
our HDRI and of the scene: sky, surroundings, lamps and the sun where it reaches; the error is the root mean square
over the mean, with the exposure that fits best beside it.
An instant world made under the first sun is relit for the second one and compared with six true views under it, and so
is the world as it was; ``ceiling`` is a world made under the second.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor

from benchmarks import common
from benchmarks.hard_scenes import HARD_SCENES, hard_scene
from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.geometry.spherical import erp_directions, pixels_from_directions
from matrix3d_core.io.images import write_image
from matrix3d_core.layers.complete import split_panorama
from matrix3d_core.layers.splats import gaussians_from_layers
from matrix3d_core.layers.split import find_foreground
from matrix3d_core.light.irradiance import row_solid_angles
from matrix3d_core.light.sun import sphere_grid
from matrix3d_core.metrics.image import psnr
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.relight.daylight import direction_of_sun
from matrix3d_core.relight.environment import Environment, environment_from_pictures
from matrix3d_core.relight.relight import NewLight, relight_world
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.synth.families import make_scene
from matrix3d_core.synth.render import SceneFrame, render_scene
from matrix3d_core.synth.scene import Environment as Sky
from matrix3d_core.synth.scene import Scene

ROWS, VIEW_PX, VIEWS, MOST = 512, 160, 6, 400_000
SUNS = ((60, 40), (-100, 35), (170, 18), (-30, 62))
"""Yaw in the scene's frame and elevation, degrees; a world made under the first is relit for the second."""
GAIN = 1.4  # of `render_scene`, before its tone curve


def lit(scene: Scene, sun: tuple[float, float]) -> Scene:
    """Return a scene on a fair day; rooms keep their exposure."""
    own = scene.environment
    x, y, z = direction_of_sun(*map(math.radians, sun)).tolist()
    sky = Sky(
        (x, y, z),
        (0.95, 0.9, 0.83),
        (0.055, 0.187, 0.604),
        (0.538, 0.692, 0.869),
        0.25,
        0.002,
        0.03,
        exposure=1.4,
        seed=7,
    )
    if scene.is_indoor:
        sky = replace(sky, exposure=own.exposure, ambient=own.ambient)
    return replace(scene, environment=sky)


def true_ball(scene: Scene, shown: SceneFrame, pose: Tensor, normals: Tensor) -> Tensor:  # [N, 3]
    """Return the irradiance at the panorama's center by integration, with sun and lamps as points."""
    sky, gain = scene.environment, GAIN * scene.environment.exposure
    turn, center = pose[:3, :3], -(pose[:3, :3].mT @ pose[:3, 3])
    total = integrated(shown.radiance, normals)
    rays = [(turn @ torch.tensor(sky.sun_direction).double(), math.inf, torch.tensor(sky.sun_color).double())]
    for lamp in scene.lamps:
        way = turn @ (torch.tensor(lamp.position).double() - center)
        far = float(way.norm())
        fade = max(0.0, 1 - far / lamp.range) ** 2 / max(far * far, 0.06)
        rays.append((way / far, far - 0.15, fade * torch.tensor(lamp.color).double()))
    for towards, far, color in rays:
        column, row = pixels_from_directions(towards, height=ROWS, width=2 * ROWS)
        if float(shown.depth_ray[int(row.round()), int(column.round()) % (2 * ROWS)]) >= far:
            total += math.pi * gain * (normals @ towards).clamp_min(0)[:, None] * color
    return total


def integrated(panorama: Tensor, normals: Tensor) -> Tensor:  # [H, W, 3], [N, 3] -> [N, 3]
    small = panorama[::2, ::2].double()
    rays = erp_directions(len(small), 2 * len(small), dtype=torch.float64).reshape(-1, 3)
    light = (small * row_solid_angles(len(small))[:, None, None]).reshape(-1, 3)
    return torch.cat([(part @ rays.mT).clamp_min(0) @ light for part in normals.split(64)])


def our_ball(found: Environment, normals: Tensor) -> Tensor:
    total = integrated(found.light, normals)
    if found.is_sun_open:
        total += (normals @ found.sun.direction).clamp_min(0)[:, None] * found.sun_irradiance.double()
    return total


def instant(geometry: PanoramaGeometry) -> Gaussians:
    return gaussians_from_layers(split_panorama(geometry, find_foreground(geometry, 2)), max_gaussians=MOST)


def measure(name: str, pictures: Path | None) -> dict[str, float]:
    """Return the figures of a scene."""
    family, seed = name.rsplit("-", 1)
    plain, start = make_scene(family, int(seed)), hard_scene(name).trajectory.camera_from_world[0]
    normals, rows, worlds = sphere_grid(math.radians(7)), {}, []
    found_first: Environment | None = None
    for k, sun in enumerate(SUNS):
        scene = lit(plain, sun)
        shown = render_scene(scene, Equirect((ROWS, 2 * ROWS)), start, samples=2)
        rgb = (shown.rgb * 255).round() / 255
        geometry = geometry_from_depth(rgb, shown.depth_ray, is_metric=True, repair_components=False)
        found = environment_from_pictures(rgb[None], geometry=geometry)
        truth = start[:3, :3] @ direction_of_sun(*map(math.radians, sun))
        column, row = pixels_from_directions(truth, height=ROWS, width=2 * ROWS)
        is_open = math.isinf(float(shown.depth_ray[int(row.round()), int(column.round()) % (2 * ROWS)]))
        off = math.degrees(math.acos(max(-1.0, min(1.0, float(found.sun.direction @ truth)))))
        ours, true = our_ball(found, normals), true_ball(scene, shown, start, normals)
        scale = float((ours * true).sum() / (ours * ours).sum())
        error, shape = (float((x - true).square().mean().sqrt() / true.mean()) for x in (ours, scale * ours))
        rows |= {f"sun {k} off deg": off, f"ball {k}": error, f"ball {k} shape": shape}
        print(
            f"{name} sun {k} ({'in sight' if is_open else 'hidden'}): {found.sun.found_by} "
            f"{found.sun.confidence:.2f}, off {off:.1f} deg; ball {100 * error:.1f} %, shape {100 * shape:.1f} %",
            flush=True,
        )
        found_first = found_first or found
        if k < 2:
            worlds.append(instant(geometry))
    camera, target = Pinhole.from_fov(math.pi / 2, VIEW_PX, VIEW_PX), lit(plain, SUNS[1])
    sun = start[:3, :3] @ direction_of_sun(*map(math.radians, SUNS[1]))
    begin = time.perf_counter()
    assert found_first is not None
    relit = relight_world(worlds[0], found_first, NewLight(sun=sun))
    rows["seconds"] = time.perf_counter() - begin
    sheets: list[list[Tensor]] = [[], [], [], []]
    for k in range(VIEWS):
        angles = (torch.tensor(v, dtype=torch.float64) for v in (k * math.tau / VIEWS, 0.0, 0.0))
        pose = torch.eye(4, dtype=torch.float64)
        pose[:3, :3] = matrix_from_yaw_pitch_roll(*angles).mT
        pose[:3, 3] = -pose[:3, :3] @ torch.tensor(
            (0.3 * math.sin(k), 0.0, 0.3 * math.cos(k)), dtype=torch.float64
        )
        true = render_scene(target, camera, pose @ start, samples=4, seed=k).rgb
        drawn = [render_view(world, pose, camera).rgb.clamp(0, 1) for world in (worlds[0], relit, worlds[1])]
        for sheet, picture in zip(sheets, (*drawn, true), strict=True):
            sheet.append(picture)
    for what, sheet in zip(("unrelit", "relit", "ceiling"), sheets, strict=False):
        rows[f"{what} db"] = sum(float(psnr(a, b)) for a, b in zip(sheet, sheets[3], strict=True)) / VIEWS
    print(
        name,
        {key: round(value, 2) for key, value in rows.items() if "db" in key or key == "seconds"},
        flush=True,
    )
    if pictures:
        write_image(pictures / f"relight-{name}.png", torch.cat([torch.cat(sheet, 1) for sheet in sheets]))
    return rows


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--scenes", choices=list(HARD_SCENES), default="judge")
    options.add_argument("--pictures", type=Path)
    given = options.parse_args()
    if given.pictures:
        given.pictures.mkdir(parents=True, exist_ok=True)
    where, entries = common.machine(), []
    names = HARD_SCENES[given.scenes][: 1 if given.quick else None]
    outdoors: list[dict[str, float]] = []
    balls = []
    for name in names:
        rows = measure(name, given.pictures)
        entries.append({"name": name, **common.spread([rows.pop("seconds")]), **rows})
        balls += [value for key, value in rows.items() if key.startswith("ball") and key.endswith("shape")]
        if not make_scene(*_parts(name)).is_indoor:
            outdoors.append(rows)
    worst = max((rows[f"sun {k} off deg"] for rows in outdoors for k in range(len(SUNS))), default=0.0)
    gains = [rows["relit db"] - rows["unrelit db"] for rows in outdoors]
    checks = [
        common.check("3 degrees over the sun's largest error outdoors", 3 / max(worst, 1e-6), least=1.0),
        common.check("relit over unrelit outdoors, the least, dB", min(gains, default=0.0), least=4.0),
        common.check(
            "10 % over the largest error of a ball at the best exposure", 0.1 / max(balls), least=1.0
        ),
    ]
    settings = {"set": given.scenes, "rows": ROWS, "suns": [list(sun) for sun in SUNS], "max_gaussians": MOST}
    return common.finish("quality_relight", where, settings, entries, checks, given.json)


def _parts(name: str) -> tuple[str, int]:
    family, seed = name.rsplit("-", 1)
    return family, int(seed)


if __name__ == "__main__":
    raise SystemExit(main())
