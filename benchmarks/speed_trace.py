"""Speed of the scene tracer: whole pictures of factory scenes, and rays against triangles beside Embree.

Pictures: panoramas of 1024x512 pixels, one sample and one shadow ray a pixel; then with two rays for the light from
all around. Rays: a hilly field with cards scattered over it, triangles only, the same for both: closest hits of a
panorama's rays and shadow rays from there to the sun. Both run on all cores.

    python benchmarks/speed_trace.py [--json] [--quick]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from benchmarks import common
from matrix3d_core.compiled import thread_count
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.synth.families import make_scene
from matrix3d_core.synth.kernels_hierarchy import hits, occlusions
from matrix3d_core.synth.render import render_scene
from matrix3d_core.synth.scene import Scene, SceneBuilder, SurfaceClass

FAMILIES, SEED = ("street", "forest", "rooms"), 0
SUN = np.array((0.5, -0.7, 0.4)) / np.linalg.norm((0.5, -0.7, 0.4))


def field(cells: int) -> Scene:
    """Hills of ``2 cells^2`` triangles under as many cards as cells on a side."""
    b, random = SceneBuilder(), np.random.default_rng(SEED)
    paint = b.material("flat", (0.5, 0.5, 0.5))
    axis = np.linspace(-40, 40, cells + 1)
    x, z = np.meshgrid(axis, axis)
    with b.object("field", SurfaceClass.TERRAIN):
        b.heightfield(
            axis, axis, 1.5 * np.sin(x / 4) * np.cos(z / 5) - 2 + 0.02 * random.random(x.shape), paint
        )
        corners = random.uniform((-30, 0, -30), (30, 4, 30), (3 * cells, 3))[:, None]
        cards = corners + random.uniform(-0.6, 0.6, (3 * cells, 3, 3))
        b.triangles(cards.reshape(-1, 3), np.arange(9 * cells).reshape(-1, 3), paint)
    return b.build()


def embree_scene(scene: Scene) -> Callable[[np.ndarray, np.ndarray, str], np.ndarray] | None:
    """Return Embree's query of the same triangles, or None without the package."""
    try:
        from embreex import mesh_construction, rtcore_scene
    except ImportError:
        return None
    table = scene.geometry.table
    corners = np.stack((table[:, :3], table[:, :3] + table[:, 3:6], table[:, :3] + table[:, 6:9]), 1)
    embree = rtcore_scene.EmbreeScene()
    mesh_construction.TriangleMesh(embree, corners.astype(np.float32))

    def query(origins: np.ndarray, directions: np.ndarray, kind: str) -> np.ndarray:
        result: np.ndarray = embree.run(origins, directions, query=kind)
        return result

    return query


def on_threads(
    query: Callable[..., np.ndarray], origins: np.ndarray, rays: np.ndarray, kind: str
) -> np.ndarray:
    """Split rays among as many threads as the tracer uses."""
    parts = np.array_split(np.arange(len(rays)), thread_count())
    with ThreadPoolExecutor(thread_count()) as pool:
        return np.concatenate(list(pool.map(lambda at: query(origins[at], rays[at], kind), parts)))


def time_rays(cells: int, height: int, rounds: int) -> tuple[list, list]:
    """Time rays against triangles beside Embree and compare what they find."""
    scene = field(cells)
    directions = Equirect((height, 2 * height)).rays().reshape(-1, 3).numpy()
    origins = np.tile((0.0, -2.5, 0.0), (len(directions), 1))
    count, g, looks = len(directions), scene.geometry, scene.looks
    found = np.empty(count), np.empty(count, np.int64), np.empty(count, np.int64), np.empty((count, 3))
    hits(count, origins, directions, g, looks, *found)
    met = np.isfinite(found[0])
    points = origins[met] + found[0][met, None] * directions[met] + 1e-3 * found[3][met]
    suns, limits = np.tile(SUN, (len(points), 1)), np.full(len(points), np.inf)
    blocked = np.empty(len(points), np.bool_)
    contestants = {
        "closest own": lambda k: hits(count, origins, directions, g, looks, *found),
        "shadow own": lambda k: occlusions(len(points), points, suns, limits, g, looks, blocked),
    }
    query, checks = embree_scene(scene), []
    if query is not None:
        single = [value.astype(np.float32) for value in (origins, directions, points, suns)]
        contestants["closest embreex"] = lambda k: on_threads(query, single[0], single[1], "DISTANCE")
        contestants["shadow embreex"] = lambda k: on_threads(query, single[2], single[3], "OCCLUDED")
        far = on_threads(query, single[0], single[1], "DISTANCE")
        close = np.mean(np.abs(far[met] / found[0][met] - 1) < 1e-4)
        checks.append(common.check("distances within 1e-4 of embreex", float(close), least=0.999))
    seconds = common.time_in_rounds(contestants, rounds)
    results = []
    for name, values in seconds.items():
        rays = count if name.startswith("closest") else len(points)
        entry = {"name": f"{name}, {len(g.kinds)} triangles", **common.spread(values)}
        entry["mega_rays_per_s"] = rays / entry["median_ms"] / 1e3
        results.append(entry)
    return results, checks


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0]).parse_args()
    height, rounds, cells = (64, 2, 40) if options.quick else (512, 5, 300)
    where = common.machine()
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    pose = torch.eye(4, dtype=torch.float64)
    pose[1, 3] = 1.6
    camera, results, checks = Equirect((height, 2 * height)), [], []
    for family in FAMILIES:
        scene = make_scene(family, SEED)
        contestants = {
            f"{family}, {rays} light rays": lambda k, scene=scene, rays=rays: render_scene(
                scene, camera, pose, light_rays=rays
            )
            for rays in (0, 2)
        }
        for name, values in common.time_in_rounds(contestants, rounds).items():
            entry = {"name": f"picture {name}", **common.spread(values), "shapes": len(scene.geometry.kinds)}
            entry["mega_pixels_per_s"] = 2 * height * height / entry["median_ms"] / 1e3
            results.append(entry)
            if name.endswith(" 0 light rays"):
                speed = 2 * height * height / entry["least_ms"] / 1e3
                checks.append(common.check(f"mega pixels per second, {family}", speed, least=1.5))
    more, compared = time_rays(cells, height, rounds)
    results, checks = results + more, checks + compared
    for entry in results:
        speed = entry.get("mega_pixels_per_s", entry.get("mega_rays_per_s"))
        print(
            f"  {entry['name']:44} median {entry['median_ms']:8.1f} ms   "
            f"least {entry['least_ms']:8.1f}   {speed:.2f} M/s"
        )
    settings = {"height": height, "rounds": rounds, "cells": cells, "families": list(FAMILIES), "seed": SEED}
    return common.finish("speed_trace", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
