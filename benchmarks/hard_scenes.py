"""Hard scenes: factory scenes walked along a curved route, with the truth off the path and around the start.

Texture is finer than the frames, leaves, fences and furniture are there, clouds drift, rooms join at doorways, and
the first pose isn't the identity. *dev* is for choices and ablations; *judge* for the final figures alone. Frames
are traced once and kept in the system's temporary folder (about 300 MB a scene).
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from matrix3d_core.factory.routes import RouteConfig, WalkGraph, plan_route, walk_graph
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.scene.camera import Camera, Equirect, Pinhole
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.synth.families import make_scene
from matrix3d_core.synth.render import render_scene
from matrix3d_core.synth.scene import Scene

__all__ = ["DISTANCES", "HARD_SCENES", "HardScene", "Views", "ceiling_of", "hard_scene"]

HARD_SCENES = {
    "dev": ("courtyard-200030", "river-200030", "office-200030"),
    "judge": ("apartment-300020", "suburb-300020", "orchard-300020"),
}
"""Seeds that no other benchmark uses."""

FRAMES, HEIGHT, VIEWS, VIEW_PX, PLACE_PX = 81, 480, 24, 320, 192
DISTANCES = (0.5, 1.0, 2.0, 3.0)
"""Meters from the start at which there is truth for worlds made from one panorama."""
DIRECTIONS = 8
VERSION = 1
_LEAST_TURN = math.radians(70)
_SAMPLES = 4


@dataclass(frozen=True)
class Views:
    """Pictures to compare with.

    Attributes:
        camera: of all of them, square, 90 degrees.
        poses: ``[V, 4, 4]`` camera from world.
        rgb: ``[V, S, S, 3]`` uint8.
        depth_ray: ``[V, S, S]`` meters, inf for sky.
        distance: ``[V]`` meters from the path or from the start.
    """

    camera: Pinhole
    poses: Tensor
    rgb: Tensor
    depth_ray: Tensor
    distance: Tensor

    def pictures(self) -> Tensor:  # [V, S, S, 3]
        """Return the pictures as float32 in [0, 1]."""
        return self.rgb / 255

    def at(self, distance: float) -> Views:
        """Return the views at one distance."""
        use = self.distance == distance
        return Views(self.camera, self.poses[use], self.rgb[use], self.depth_ray[use], self.distance[use])


@dataclass(frozen=True)
class HardScene:
    """What a fit is given, and what it is compared with.

    Attributes:
        name: family and seed.
        frames: ``[81, 480, 960, 3]`` float32.
        trajectory: in the scene's frame, meters.
        depth_ray: ``[81, 480, 960]`` float32, inf for sky; a fit gets that of frame 0 alone.
        beside: 24 views in all directions, 0.3 to 1 m beside the path.
        around: four level views at each of `DISTANCES` from the start in eight directions; places within obstacles or
            behind them are left out.
    """

    name: str
    frames: Tensor
    trajectory: Trajectory
    depth_ray: Tensor
    beside: Views
    around: Views


def hard_scene(name: str, *, cache: Path | None = None) -> HardScene:
    """Return a scene ``FAMILY-SEED``, traced on first use."""
    folder = cache or Path(tempfile.gettempdir()) / "matrix3d-hard-scenes"
    file = folder / f"{name}-v{VERSION}.npz"
    family, seed = name.rsplit("-", 1)
    if not file.exists():
        arrays = _trace(make_scene(family, int(seed)), int(seed))
        folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial.npz")
        np.savez(partial, **arrays)
        partial.replace(file)
    with np.load(file) as stored:
        found = {key: torch.from_numpy(stored[key]) for key in stored.files}
    trajectory = Trajectory(
        found["poses"], fps=12.0, frame_of_reference="world", is_metric=True, name="hard scene"
    )
    views = [
        Views(
            Pinhole.from_fov(math.pi / 2, size, size),
            *(found[f"{part}_{key}"] for key in ("poses", "rgb", "depth", "distance")),
        )
        for part, size in (("beside", VIEW_PX), ("around", PLACE_PX))
    ]
    return HardScene(name, found["frames"] / 255, trajectory, found["depth"], *views)


def _trace(scene: Scene, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    graph, trajectory = _curved_route(scene, rng)
    rgb, depth = _pictures(scene, Equirect((HEIGHT, 2 * HEIGHT)), trajectory.camera_from_world)
    arrays = {"frames": rgb, "depth": depth, "poses": trajectory.camera_from_world.numpy()}
    sets = {
        "beside": (VIEW_PX, _beside(graph, trajectory.centers.numpy(), rng)),
        "around": (PLACE_PX, _around(graph, trajectory)),
    }
    for part, (size, (poses, distance)) in sets.items():
        rgb, depth = _pictures(scene, Pinhole.from_fov(math.pi / 2, size, size), poses)
        values = {"poses": poses.numpy(), "rgb": rgb, "depth": depth, "distance": np.array(distance)}
        arrays |= {f"{part}_{key}": value for key, value in values.items()}
    return arrays


def _pictures(scene: Scene, camera: Camera, poses: Tensor) -> tuple[np.ndarray, np.ndarray]:
    rgb = np.empty((len(poses), *camera.size_px, 3), np.uint8)
    depth = np.empty((len(poses), *camera.size_px), np.float32)
    for k, pose in enumerate(poses):
        shown = render_scene(scene, camera, pose, samples=_SAMPLES, seed=k)
        rgb[k], depth[k] = (shown.rgb.clamp(0, 1) * 255).round().byte().numpy(), shown.depth_ray.numpy()
    return rgb, depth


def _curved_route(scene: Scene, rng: np.random.Generator) -> tuple[WalkGraph, Trajectory]:
    """Return the first route on which the heading turns by 70 degrees in all."""
    config = RouteConfig(frames=FRAMES, heading="along", min_length_m=4.0 if scene.is_indoor else 8.0)
    graph = walk_graph(scene, rng, config)
    for _ in range(40):
        trajectory = plan_route(scene, rng, config, graph).trajectory
        if trajectory is None:
            continue
        ahead = trajectory.camera_from_world[:, 2, :3]
        turns = torch.acos((ahead[1:] * ahead[:-1]).sum(-1).clamp(-1, 1))
        if float(turns.sum()) >= _LEAST_TURN:
            return graph, trajectory
    raise RuntimeError("no curved route was found; choose another seed")


def _beside(graph: WalkGraph, centers: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, list[float]]:
    """Return poses 0.3 to 1 m from the nearest point of the path, at all yaws, level within 15 degrees."""
    poses, distances = [], []
    for k in range(VIEWS):
        center = centers[int((k + 0.5) / VIEWS * len(centers))]
        for attempt in range(400):
            reach = rng.uniform(0.3, 1.0) * (1 - 0.5 * attempt / 400)
            turn = rng.uniform(0, math.tau)
            place = center + np.array(
                (reach * math.cos(turn), rng.uniform(-0.2, 0.2), reach * math.sin(turn))
            )
            near = float(np.linalg.norm(centers - place, axis=1).min())
            if near >= 0.3 and not graph.proxies.crosses(center[None], place[None], graph.walker).any():
                break
        else:
            continue
        poses.append(_pose(place, 2.399963 * k, math.radians(15) * rng.uniform(-1, 1)))
        distances.append(near)
    return torch.stack(poses), distances


def _around(graph: WalkGraph, trajectory: Trajectory) -> tuple[Tensor, list[float]]:
    poses, distances = [], []
    center, ahead = trajectory.centers[0].numpy(), trajectory.camera_from_world[0, 2, :3]
    start = math.atan2(float(ahead[0]), float(ahead[2]))
    for direction in range(DIRECTIONS):
        yaw = start + direction * math.tau / DIRECTIONS
        for distance in DISTANCES:
            place = center + distance * np.array((math.sin(yaw), 0.0, math.cos(yaw)))
            if graph.proxies.crosses(center[None], place[None], graph.walker).any():
                break
            for side in range(4):
                poses.append(_pose(place, yaw + side * math.pi / 2, 0.0))
                distances.append(distance)
    return torch.stack(poses), distances


def _pose(center: np.ndarray, yaw: float, pitch: float) -> Tensor:  # [4, 4]
    angles = (torch.tensor(value, dtype=torch.float64) for value in (yaw, pitch, 0.0))
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = matrix_from_yaw_pitch_roll(*angles).mT
    pose[:3, 3] = -pose[:3, :3] @ torch.from_numpy(center)
    return pose


def ceiling_of(name: str, views: Views) -> Tensor:  # [V, S, S, 3]
    """Return the views as seen through cells of the frames' size: what frames of that resolution can tell.

    A panorama is traced at each view's place, with as many rows as the frames, and resampled.
    """
    family, seed = name.rsplit("-", 1)
    scene, panorama = make_scene(family, int(seed)), Equirect((HEIGHT, 2 * HEIGHT))
    found, shown, at = [], torch.zeros(0), None
    for pose in views.poses:
        center = -(pose[:3, :3].mT @ pose[:3, 3])
        if at is None or not torch.allclose(center, at):
            level = torch.eye(4, dtype=torch.float64)
            level[:3, 3] = -center
            shown, at = render_scene(scene, panorama, level, samples=_SAMPLES).rgb, center
        found.append(panorama.crop(shown, views.camera, pose[:3, :3]))
    return torch.stack(found).clamp(0, 1)
