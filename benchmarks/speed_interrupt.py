"""The longest time in which long work cannot be stopped: the gap between two calls of `progress`.

A host checks in each call whether the user wants to stop. The bound is for free cores; on a busy machine see
`load_before`.
"""

from __future__ import annotations

import math
import sys
import time

import common
import torch

from matrix3d_core.guidance.fill import fill_guidance
from matrix3d_core.guidance.render import render_guidance
from matrix3d_core.progress import ProgressEvent
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.splats.levels import levels_of_detail
from matrix3d_core.splats.mesh import MeshConfig, decimate, mesh_from_gaussians
from matrix3d_core.splats.prune import PruneConfig, prune_gaussians
from matrix3d_core.splats.render import render_path

LONGEST_S = 2.0


def shell(count: int) -> Gaussians:
    """Splats on a sphere around the origin that just cover it."""
    rng = torch.Generator().manual_seed(0)
    means = 2 * torch.nn.functional.normalize(torch.randn(count, 3, generator=rng), dim=-1)
    quats = torch.tensor([1.0, 0, 0, 0]).repeat(count, 1)
    size = 2 * math.sqrt(4 * math.pi / count)
    colors = torch.rand(count, 3, generator=rng)
    return Gaussians.from_colors(
        means, quats, torch.full((count, 3), size), torch.full((count,), 0.9), colors
    )


def path(count: int) -> Trajectory:
    poses = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    poses[:, 2, 3] = -torch.linspace(0, 0.5, count, dtype=torch.float64)
    return Trajectory(poses)


def guidance(height: int, frames: int):
    """Guidance of a sphere with a nearer half: there are holes to fill."""
    rgb = torch.rand(height, 2 * height, 3, generator=torch.Generator().manual_seed(0))
    depth = torch.full((height, 2 * height), 4.0)
    depth[:, : height // 2] = 1.0
    sky = torch.zeros(height, 2 * height, dtype=torch.bool)
    return render_guidance(PanoramaGeometry(rgb, depth, ~sky, sky), path(frames), height=height)


class Watch:
    """A progress callback that keeps the longest gap between two calls, and its phase."""

    def __init__(self) -> None:
        self.began = self.last = time.perf_counter()
        self.gaps: list[float] = []

    def __call__(self, event: ProgressEvent) -> None:
        now = time.perf_counter()
        self.gaps.append(now - self.last)
        self.last = now


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0]).parse_args()
    splats, rows, frames = (5_000, 32, 3) if options.quick else (600_000, 1024, 9)
    where = common.machine()
    world, walk = shell(splats), path(frames)
    guide = guidance(rows // 2, frames)
    # Compiled before the clock runs: a compiler holds Python's lock for long.
    few = PruneConfig(views=2, size_px=32, refit_steps=2)
    prune_gaussians(shell(2000), 500, trajectory=walk, config=few)
    mesh_from_gaussians(shell(2000), config=MeshConfig(resolution=16, views=1, rows=32, min_faces=0))
    meshed = []
    mesh = MeshConfig(resolution=32, views=2, rows=64) if options.quick else MeshConfig()
    work = {
        "SplatMesh": lambda progress: meshed.append(
            mesh_from_gaussians(world, trajectory=walk, config=mesh, progress=progress)[0]
        ),
        "SplatMesh, collider": lambda progress: decimate(meshed[0], 5000, progress=progress),
        "SplatLOD": lambda progress: levels_of_detail(
            world, 2, trajectory=walk, refit_steps=4, progress=progress
        ),
        "SplatPrune": lambda progress: prune_gaussians(
            world, splats // 2, trajectory=walk, config=PruneConfig(views=4, refit_steps=4), progress=progress
        ),
        "SplatRender": lambda progress: render_path(
            world, walk, projection="panorama", height=rows, width=2 * rows, progress=progress
        ),
        "PanoFill": lambda progress: fill_guidance(guide, walk, progress=progress),
    }
    results, checks = [], []
    for name, run in work.items():
        watch = Watch()
        run(watch)
        whole, longest = time.perf_counter() - watch.began, max(watch.gaps)
        results.append({"name": name, **common.spread(watch.gaps), "longest_s": longest, "whole_s": whole})
        checks.append(
            common.check(f"{name}: {LONGEST_S:g} s over the longest gap", LONGEST_S / longest, least=1.0)
        )
        print(f"{name:20} longest gap {longest:6.2f} s of {whole:7.1f} s", flush=True)
    settings = {"splats": splats, "rows": rows, "frames": frames}
    return common.finish("speed_interrupt", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
