"""Speed of the CPU mesh backend against the first sketch and Embree, with checks of its results.

Scene: a box room with four balls, as a closed mesh of one vertex per panorama pixel. Frames as large as
the panorama, 20 poses on a curve through the room; the contestants are interleaved at each pose. Then every
pixel at 50 random poses (any rotation) must hit the closed mesh, and distances must agree with Embree's.

    python benchmarks/speed_mesh.py [--json] [--quick]
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from benchmarks import common
from matrix3d_core.geometry.rotations import matrix_from_quats
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.guidance.scene_mesh import mesh_from_panorama
from matrix3d_core.raster.mesh import MESH_BACKENDS, open_mesh_renderer
from matrix3d_core.scene.panorama import PanoramaGeometry

BOX = (3.0, 1.5, 2.5)
BALLS = (
    ((1.2, -0.3, 1.5), 0.6),
    ((-1.4, 0.4, 1.0), 0.5),
    ((0.3, 0.8, -1.6), 0.45),
    ((-0.9, -0.6, -1.3), 0.55),
)
PAINT = ((0.8, 0.8, 0.7), (0.9, 0.2, 0.2), (0.2, 0.8, 0.3), (0.2, 0.3, 0.9), (0.9, 0.8, 0.1))
POSES, CLOSED_POSES, SEED = 20, 50, 0


def room(height: int) -> PanoramaGeometry:
    """Trace the room from its center."""
    ray = erp_directions(height, 2 * height, dtype=torch.float64)
    distance = (torch.tensor(BOX, dtype=torch.float64) / ray.abs().clamp(min=1e-12)).amin(-1)
    thing = torch.zeros_like(distance, dtype=torch.long)
    for index, (center, radius) in enumerate(BALLS, start=1):
        middle = torch.tensor(center, dtype=torch.float64)
        along = ray @ middle
        inner = along**2 - (middle @ middle - radius**2)
        ball = along - inner.clamp(min=0).sqrt()
        nearer = (inner > 0) & (ball > 0) & (ball < distance)
        distance = torch.where(nearer, ball, distance)
        thing[nearer] = index
    squares = torch.floor(ray * distance.unsqueeze(-1) * 4).sum(-1) % 2 * 0.3 + 0.7
    rgb = torch.tensor(PAINT)[thing] * squares.unsqueeze(-1).float()
    flat = torch.zeros_like(thing, dtype=torch.bool)
    return PanoramaGeometry(rgb.float(), distance.float(), ~flat, flat)


def curve(count: int) -> torch.Tensor:  # [count, 3]
    """Camera centers on a curve through the room; its start, the room's center, is left out."""
    k = torch.arange(1, count + 1, dtype=torch.float64) / count
    return torch.stack((0.6 * torch.sin(math.tau * k), 0.2 * torch.sin(2 * math.tau * k), 0.6 * k), -1)


def pose_at(center: torch.Tensor, rotation: torch.Tensor | None = None) -> torch.Tensor:
    """Return the world-to-camera pose at a center."""
    pose = torch.eye(4, dtype=torch.float64)
    if rotation is not None:
        pose[:3, :3] = rotation
    pose[:3, 3] = -pose[:3, :3] @ center
    return pose


def random_poses(count: int) -> list[torch.Tensor]:
    """Return poses with any rotation in the free middle of the room."""
    generator = torch.Generator().manual_seed(SEED)
    rotations = matrix_from_quats(torch.randn(count, 4, generator=generator, dtype=torch.float64))
    centers = (torch.rand(count, 3, generator=generator, dtype=torch.float64) * 2 - 1) * 0.6
    return [pose_at(c, r) for c, r in zip(centers, rotations, strict=True)]


def smooth_surface(depth: torch.Tensor) -> torch.Tensor:
    """Mark pixels away from silhouettes: no jump over 5 % in the 5x5 pixels around, wrapping."""
    padded = torch.cat((depth[:, -2:], depth, depth[:, :2]), 1)[None, None]
    high = torch.nn.functional.max_pool2d(padded, 5, 1, 2)[0, 0, :, 2:-2]
    low = -torch.nn.functional.max_pool2d(-padded, 5, 1, 2)[0, 0, :, 2:-2]
    return (high - low) / depth < 0.05


def run_size(height: int, poses: int, closed_poses: int) -> tuple[list, list]:
    """Time one size and check the result; return result and check records."""
    width = 2 * height
    mesh = mesh_from_panorama(room(height), height=height, edge_threshold=100.0, close_poles=True)
    ours = open_mesh_renderer(mesh, backend="numba")[1]
    centers = curve(poses)
    contestants = {"numba": lambda k: ours.render(pose_at(centers[k]), height, width)}
    from benchmarks.baseline_mesh_sketch import SketchMesh

    sketch = SketchMesh(mesh.vertices.numpy(), mesh.faces.numpy(), mesh.colors.numpy(), height, width)
    contestants["sketch"] = lambda k: sketch.render(centers[k].numpy())
    embree = None
    if MESH_BACKENDS.unavailable_reason("embreex") is None:
        embree = open_mesh_renderer(mesh, backend="embreex")[1]
        contestants["embreex"] = lambda k: embree.render(pose_at(centers[k]), height, width)
    seconds = common.time_in_rounds(contestants, poses)

    results, checks = [], []
    size = f"{height}x{width}"
    print(f"\n{size} frames, {mesh.faces.shape[0]} faces, {poses} poses")
    for name, values in seconds.items():
        entry = {"name": f"{name} {size}", **common.spread(values)}
        if name != "numba":
            entry["times_as_long_as_numba"] = common.ratio(values, seconds["numba"])
        results.append(entry)
        against = f"{entry['times_as_long_as_numba']:.2f} times numba" if name != "numba" else ""
        print(
            f"  {name:8} median {entry['median_ms']:7.1f} ms   iqr {entry['iqr_ms']:6.1f}   "
            f"least {entry['least_ms']:7.1f}   {against}"
        )
    checks.append(
        common.check(
            f"speed-up over the sketch {size}", common.ratio(seconds["sketch"], seconds["numba"]), least=2.0
        )
    )

    least_hit = min(
        float(torch.isfinite(ours.render(pose, height, width).depth_ray).double().mean())
        for pose in random_poses(closed_poses)
    )
    checks.append(common.check(f"pixels hit at {closed_poses} random poses {size}", least_hit, least=1.0))
    if embree is not None:
        close = total = 0
        for center in centers:
            expected = embree.render(pose_at(center), height, width).depth_ray
            actual = ours.render(pose_at(center), height, width).depth_ray
            surface = smooth_surface(expected)
            close += int(((actual / expected - 1).abs() <= 1e-4)[surface].sum())
            total += int(surface.sum())
        checks.append(common.check(f"distances within 1e-4 of embreex {size}", close / total, least=0.9995))
    return results, checks


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0]).parse_args()
    sizes, poses, closed = ((64,), 3, 5) if options.quick else ((480, 720), POSES, CLOSED_POSES)
    where = common.machine()
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    results, checks = [], []
    for height in sizes:
        new_results, new_checks = run_size(height, poses, closed)
        results += new_results
        checks += new_checks
    settings = {"heights": list(sizes), "poses": poses, "closed_poses": closed, "seed": SEED}
    print()
    return common.finish("speed_mesh", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
