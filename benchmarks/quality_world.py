"""Quality of the sample world against ray-traced ground truth: guidance frames, mesh, splats before and after.

The world is made from the shipped sample alone (its picture and its exact distance) with the settings of
`WorldConfig()`, which are those of the template. The 8 viewpoints are off the path and held out of the
fit, and so is a curved walk around the start. The mesh is that of the guidance; its holes count as black on whole
pictures.

    python benchmarks/quality_world.py --json
"""

from __future__ import annotations

import math
import resource
import sys
import time
from pathlib import Path

import common
import torch
from torch import Tensor

from matrix3d_core.geometry.pinhole import intrinsics_from_fov, pinhole_directions
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.guidance.render import render_guidance
from matrix3d_core.guidance.scene_mesh import mesh_from_panorama
from matrix3d_core.io.depth_files import read_depth
from matrix3d_core.io.images import read_image, write_image
from matrix3d_core.metrics.image import psnr, ssim
from matrix3d_core.optimize.config import preset_config
from matrix3d_core.optimize.loop import optimize_gaussians
from matrix3d_core.raster.mesh import open_mesh_renderer, shade_hits
from matrix3d_core.raster.splat import render_gaussians
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.standalone.world import WorldConfig, build_filled, build_geometry, plan_path
from matrix3d_core.synth.sample_scene import render_erp, render_pinhole

SAMPLE = common.ROOT / "assets" / "sample"
SIZE_PX = 320
GUIDANCE_POSES = 10

# Position (x right, y down, z forward, meters), yaw and pitch in degrees.
VIEWPOINTS = (
    ((0.6, 0.1, 0.4), 20.0, -10.0),
    ((-0.7, -0.2, 0.8), -60.0, 0.0),
    ((0.5, 0.2, 1.3), 110.0, -15.0),
    ((-0.5, -0.3, 1.7), 170.0, 5.0),
    ((0.8, 0.0, 2.1), -20.0, -20.0),
    ((-0.8, 0.15, 2.5), 75.0, 0.0),
    ((0.3, -0.5, 2.9), -120.0, -25.0),
    ((-0.2, 0.5, 3.4), 0.0, 10.0),
)


WALK_VIEWS = 8


def walk_viewpoints() -> list[tuple[tuple[float, ...], float, float]]:
    """Return viewpoints on an ellipse of 4 m by 2.2 m through the start, off the path, each looking along it."""
    turns = [math.tau * k / WALK_VIEWS for k in range(WALK_VIEWS)]
    return [
        (
            (2.0 * math.sin(turn), 0.0, 1.1 * (1 - math.cos(turn))),
            math.degrees(math.atan2(2.0 * math.cos(turn), 1.1 * math.sin(turn))),
            -5.0,
        )
        for turn in turns
    ]


def viewpoint_pose(center: tuple[float, ...], yaw_deg: float, pitch_deg: float) -> Tensor:  # [4, 4]
    angles = torch.tensor([yaw_deg, pitch_deg, 0.0], dtype=torch.float64).deg2rad()
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = matrix_from_yaw_pitch_roll(*angles).T
    pose[:3, 3] = -pose[:3, :3] @ torch.tensor(center, dtype=torch.float64)
    return pose


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def render_viewpoint(pose: Tensor, K_px: Tensor) -> Tensor:  # [S, S, 3]
    return render_pinhole(pose, K_px, SIZE_PX, SIZE_PX, samples=4)[0].float()


class Truth:
    """The ray-traced pictures of the viewpoints, and the mesh's coverage of them."""

    def __init__(self, geometry, config: WorldConfig) -> None:
        self.poses = [viewpoint_pose(*view) for view in VIEWPOINTS]
        self.K_px = intrinsics_from_fov(math.pi / 2, SIZE_PX, SIZE_PX)
        self.walk = [viewpoint_pose(*view) for view in walk_viewpoints()]
        self.pictures = [render_viewpoint(pose, self.K_px) for pose in self.poses]
        mesh = mesh_from_panorama(
            geometry,
            height=config.width // 2,
            edge_threshold=config.edge_threshold,
            close_poles=True,
            wrap_edges=True,
        )
        _, renderer = open_mesh_renderer(mesh, needs=("cast",))
        rays = pinhole_directions(self.K_px, SIZE_PX, SIZE_PX)
        frames = [shade_hits(mesh, renderer.cast(pose, rays)) for pose in self.poses]
        self.mesh = [frame.rgb for frame in frames]
        self.seen = [frame.is_seen for frame in frames]

    def score(self, name: str, pictures: list[Tensor], seconds: float) -> dict:
        return {
            "name": name,
            "median_ms": seconds * 1e3,
            "iqr_ms": 0.0,
            "least_ms": seconds * 1e3,
            "runs": 1,
            "psnr": mean([psnr(p, t) for p, t in zip(pictures, self.pictures, strict=True)]),
            "ssim": mean([ssim(p, t) for p, t in zip(pictures, self.pictures, strict=True)]),
            "psnr_where_mesh_sees": mean(
                [psnr(p, t, s) for p, t, s in zip(pictures, self.pictures, self.seen, strict=True)]
            ),
        }

    def draw(self, gaussians: Gaussians, poses: list[Tensor] | None = None) -> list[Tensor]:
        with torch.no_grad():
            return [
                render_gaussians(gaussians, pose, self.K_px, SIZE_PX, SIZE_PX).rgb.clamp(0, 1)
                for pose in poses or self.poses
            ]


def guidance_psnr(geometry, trajectory, config: WorldConfig, poses: int) -> list[float]:
    """PSNR over mask = 1 of guidance frames at places along the path, facing the front; the start is left out."""
    picks = (torch.arange(1, poses + 1) * (len(trajectory) - 1) / (poses + 1)).round().long()
    upright = torch.eye(3, dtype=torch.float64).expand(poses, 3, 3)
    chosen = Trajectory.from_centers(upright, trajectory.centers[picks])
    height = config.width // 2
    frames = render_guidance(
        geometry, chosen, height=height, mesh_height=height, edge_threshold=config.edge_threshold
    )
    values = []
    for rgb, mask, center in zip(frames.rgb, frames.mask, chosen.centers, strict=True):
        truth, _ = render_erp(center, height, 2 * height, samples=4)
        values.append(psnr(rgb, truth.float(), mask > 0.5))
    return values


def main() -> int:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="folder for pictures: truth, mesh, initial, optimized")
    parser.add_argument("--steps", type=int, default=0, help="optimization steps instead of the preset's")
    options = parser.parse_args()
    where = common.machine()
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    config = WorldConfig(width=320, frames=9) if options.quick else WorldConfig()

    geometry = build_geometry(
        read_image(SAMPLE / "terrace.jpg"), read_depth(SAMPLE / "terrace_depth.npz"), config
    )
    trajectory, _ = plan_path(geometry, config)
    start = time.perf_counter()
    guidance, filled = build_filled(geometry, trajectory, config)
    before_fit = time.perf_counter() - start
    truth = Truth(geometry, config)
    results = [truth.score("mesh", truth.mesh, 0.0)]
    drawn = {"truth": truth.pictures, "mesh": truth.mesh}
    changes = {"steps": options.steps} if options.steps else {"steps": 60} if options.quick else {}
    fits = {"initial": {"steps": 0}, "optimized": changes}
    for name, change in fits.items():
        start = time.perf_counter()
        fit = optimize_gaussians(
            filled.rgb,
            trajectory,
            geometry=geometry,
            depth_ray=filled.depth_ray,
            mask=guidance.mask,
            config=preset_config(
                config.quality, max_gaussians=config.max_gaussians, seed=config.seed, **change
            ),
        )
        drawn[name] = truth.draw(fit.gaussians)
        entry = truth.score(name, drawn[name], time.perf_counter() - start)
        results.append(entry | {"gaussians": len(fit.gaussians), "steps": fit.report["steps"]})
    walk = [truth.draw(fit.gaussians, truth.walk), [render_viewpoint(p, truth.K_px) for p in truth.walk]]
    on_walk = [psnr(made, true) for made, true in zip(*walk, strict=True)]
    along = guidance_psnr(geometry, trajectory, config, 2 if options.quick else GUIDANCE_POSES)

    for entry in results:
        print(
            f"{entry['name']:10} PSNR {entry['psnr']:.2f} dB   SSIM {entry['ssim']:.4f}   "
            f"inside the mesh's coverage {entry['psnr_where_mesh_sees']:.2f} dB   {entry['median_ms'] / 1e3:.0f} s"
        )
    print("guidance, mask = 1:", " ".join(f"{value:.2f}" for value in along), "dB")
    print("curved walk:", " ".join(f"{value:.2f}" for value in on_walk), f"dB, mean {mean(on_walk):.2f}")
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
        sheet = torch.cat([torch.cat(pictures, dim=1) for pictures in walk])
        write_image(options.pictures / "curved_walk.png", sheet)
        rows = [torch.cat(pictures, dim=1) for pictures in drawn.values()]
        write_image(options.pictures / "viewpoints.png", torch.cat(rows))
    mesh, initial, optimized = results
    checks = [
        common.check("guidance PSNR inside coverage, minimum over the poses", min(along), least=28.0),
        common.check(
            "optimized over initial, dB on whole pictures", optimized["psnr"] - initial["psnr"], least=0.0
        ),
        common.check(
            "optimized over mesh, dB on whole pictures", optimized["psnr"] - mesh["psnr"], least=0.0
        ),
        common.check(
            "optimized over mesh, dB inside the mesh's coverage",
            optimized["psnr_where_mesh_sees"] - mesh["psnr_where_mesh_sees"],
            least=-0.5,
        ),
    ]
    settings = {
        "viewpoints": len(VIEWPOINTS),
        "size_px": SIZE_PX,
        "seed": config.seed,
        "guidance_psnr": along,
        "walk_psnr": on_walk,
        "seconds_guidance_and_fill": before_fit,
        "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
    return common.finish("quality_world", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
