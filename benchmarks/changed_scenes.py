"""Hard scenes with an object more or less, traced: what worlds with objects placed and erased are compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.hard_scenes import hard_scene
from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.mesh import Mesh
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.synth.families import make_scene
from matrix3d_core.synth.render import SceneFrame, render_scene
from matrix3d_core.synth.scene import Scene, SceneBuilder, SurfaceClass

__all__ = [
    "Start",
    "around",
    "free_place",
    "geometry_of_start",
    "looking_at",
    "scene_of_mesh",
    "start_of",
    "trace",
]


@dataclass(frozen=True)
class Start:
    """A scene and the panorama that a world is made from; positions are in the panorama's frame."""

    scene: Scene
    world_from_panorama: Tensor  # [4, 4]


def start_of(name: str) -> Start:
    """Return a hard scene ``FAMILY-SEED`` at its start."""
    family, seed = name.rsplit("-", 1)
    pose = hard_scene(name).trajectory.camera_from_world[0].double()
    return Start(make_scene(family, int(seed)), torch.linalg.inv(pose))


def trace(
    start: Start, scene: Scene, camera: Equirect | Pinhole, pose: Tensor, samples: int = 4
) -> SceneFrame:
    """Trace a picture of a scene; the pose ``[4, 4]`` is camera from panorama."""
    return render_scene(scene, camera, pose @ torch.linalg.inv(start.world_from_panorama), samples=samples)


def geometry_of_start(start: Start, scene: Scene, rows: int) -> tuple[PanoramaGeometry, SceneFrame]:
    """Return the panorama with exact distances."""
    shown = trace(start, scene, Equirect((rows, 2 * rows)), torch.eye(4, dtype=torch.float64))
    found = geometry_from_depth(
        shown.rgb.clamp(0, 1), shown.depth_ray, is_metric=True, repair_components=False
    )
    return found, shown


def looking_at(eye: Tensor, target: Tensor) -> Tensor:  # [3], [3] -> [4, 4]
    """Return the upright pose of a camera."""
    ahead = torch.nn.functional.normalize(target.double() - eye.double(), dim=0)
    right = torch.nn.functional.normalize(
        torch.linalg.cross(torch.tensor((0.0, 1, 0)).double(), ahead), dim=0
    )
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = torch.stack((right, torch.linalg.cross(ahead, right), ahead))
    pose[:3, 3] = -pose[:3, :3] @ eye.double()
    return pose


def around(target: Tensor, distances: tuple[float, ...] = (0.0, 0.5, 1.0)) -> list[Tensor]:
    """Return poses at and beside the panorama's center that look at a point."""
    poses = []
    side = torch.nn.functional.normalize(
        torch.tensor((float(target[2]), 0.0, -float(target[0]))).double(), dim=0
    )
    for distance in distances:
        for sign in (1, -1) if distance else (1,):
            poses.append(looking_at(sign * distance * side, target))
    return poses


def scene_of_mesh(mesh: Mesh, matrix: Tensor, start: Start) -> Scene:
    """Return a scene of a mesh alone, brought into the panorama's frame by ``matrix`` ``[4, 4]``."""
    whole = start.world_from_panorama @ matrix
    points = mesh.vertices.double() @ whole[:3, :3].T + whole[:3, 3]
    linear = torch.where(mesh.colors <= 0.04045, mesh.colors / 12.92, ((mesh.colors + 0.055) / 1.055) ** 2.4)
    builder = SceneBuilder()
    material = builder.material("vertex_color", linear.mean(0).tolist())
    with builder.object("chair", SurfaceClass.OBJECT):
        builder.triangles(
            points.numpy() * (1, -1, 1), mesh.faces.numpy(), material, colors=linear.double().numpy()
        )
    return builder.build()


def free_place(frame: SceneFrame, distance: float = 2.5) -> Tensor:  # [3]
    """Return a point of flat ground in sight, in the direction with most room behind it."""
    rows, columns = frame.depth_ray.shape
    rays = Equirect((rows, columns)).rays()
    points = rays * frame.depth_ray.double().unsqueeze(-1)
    level = torch.stack((points[..., 0], points[..., 2]), -1)
    is_ground = (frame.surface_class == 1) & ((level.norm(dim=-1) - distance).abs() < 0.15)
    best, found = -math.inf, None
    for turn in range(0, columns, max(1, columns // 36)):
        window = torch.arange(turn - columns // 36, turn + columns // 36) % columns
        ground = is_ground[:, window]
        if int(ground.sum()) < 8:
            continue
        room = float(
            frame.depth_ray[rows // 2 - rows // 16 : rows // 2 + rows // 8, window].clamp_max(8).min()
        )
        spread = float(points[:, window, 1][ground].std())
        if room - 20 * spread > best:
            best = room - 20 * spread
            found = points[:, window][ground].median(0).values
    if found is None:
        raise RuntimeError("no flat ground in sight; choose another scene")
    return found
