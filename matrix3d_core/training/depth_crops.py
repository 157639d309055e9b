"""From nothing to a depth head: render crops of the scenes of a set, compute their features once, train.

Views are those that estimating depth needs: all directions around a panorama, and level ones as photographs have them,
with fields of view from 55 to 110 degrees. Every file of crops is one scene; scenes that have their file are not
rendered again, so that an interrupted run resumes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..depth.learned.crops import view_rays, write_crops
from ..depth.learned.head import HEAD_STRIDE
from ..errors import InvalidInput
from ..factory.routes import RouteConfig, WalkGraph, standpoints, walk_graph
from ..features.dinov2 import PATCH_PX, Dinov2
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.camera import Pinhole
from ..synth.families import make_scene
from ..synth.photographic import photograph, random_photography
from ..synth.render import render_scene
from ..synth.scene import Scene
from ..synth.sets import SETS, SetName

__all__ = ["CropConfig", "crop_files", "crop_plan", "make_crops", "scenes_to_learn"]


_SCENES_PER_ROUND = {"rooms": 3}  # few families are indoors; of the others one
_LEAST_LIGHT = 0.03  # mean display color of a crop that shows anything


@dataclass(frozen=True)
class CropConfig:
    """Settings of the training crops.

    Attributes:
        tokens: of the backbone along each side of a crop.
        standpoints: camera positions in a scene.
        nearest_of: each position is that of so many random ones which is nearest to a wall or thing.
        views: crops at each.
        samples: color samples per pixel.
        fov_deg: range of the field of view.
        camera_height: range of the camera's height above the ground, meters.
        level_share: share of views that are as level as photographs; the others look anywhere.
    """

    tokens: int = 24
    standpoints: int = 3
    nearest_of: int = 1
    views: int = 4
    samples: int = 1
    fov_deg: tuple[float, float] = (55.0, 110.0)
    camera_height: tuple[float, float] = (1.2, 2.0)
    level_share: float = 0.6


def crop_files(folder: Path, scenes: Iterable[tuple[str, int]]) -> list[Path]:
    """Return where the crops of scenes lie, one file for each ``(family, seed)``."""
    return [Path(folder) / f"{family}_{seed}.safetensors" for family, seed in scenes]


def scenes_to_learn(name: SetName, rounds: range) -> list[tuple[str, int]]:
    """Return family and seed of scenes of a set; *judge* is refused.

    Args:
        name: of the set.
        rounds: each has one scene of every family, of rooms three.

    Raises:
        InvalidInput: for the set that nothing may learn from, or rounds out of range.
    """
    if name == "judge":
        raise InvalidInput("scenes to learn from must be of train, to choose settings by of dev; got judge.")
    found = SETS[name]
    per_round = {family: _SCENES_PER_ROUND.get(family, 1) for family in found.families}
    most = len(found.seeds) // max(per_round.values())
    if not 0 <= rounds.start < rounds.stop <= most:
        raise InvalidInput(
            f"rounds must be within 0 to {most} of {name}; got {rounds.start} to {rounds.stop}."
        )
    return [
        (family, found.seeds[count * k + i])
        for k in rounds
        for family, count in per_round.items()
        for i in range(count)
    ]


def crop_plan(rounds: int) -> list[tuple[str, list[tuple[str, int]], CropConfig]]:
    """Return what a head is trained on: subfolder, scenes of the train set and settings of each kind of crops.

    Twelve crops of every scene of the first rounds; six narrow level ones, as photos have them, of a third of these
    scenes; three of every scene of three times as many further rounds; four, from places close to walls and things, of
    every scene of as many rounds again as the first.

    Args:
        rounds: at least 1, see `scenes_to_learn`.
    """
    kinds = (
        ("", range(rounds), CropConfig()),
        (
            "photos",
            range(max(1, rounds // 3)),
            CropConfig(standpoints=1, views=6, fov_deg=(30.0, 65.0), level_share=1.0),
        ),
        ("sparse", range(rounds, 4 * rounds), CropConfig(standpoints=1, views=3)),
        ("near", range(4 * rounds, 5 * rounds), CropConfig(standpoints=2, views=2, nearest_of=4)),
    )
    return [(name, scenes_to_learn("train", part), config) for name, part, config in kinds]


def make_crops(
    folder: Path | str,
    scenes: Iterable[tuple[str, int]],
    backbone: Dinov2,
    config: CropConfig | None = None,
    *,
    progress: ProgressFn = no_progress,
) -> list[Path]:
    """Render the crops of scenes that have no file yet and return the files of all.

    Args:
        folder: made when missing.
        scenes: family and seed of each, such as `synth.sets.scenes_of` gives.
        backbone: computes the features.
        config: see `CropConfig`.
        progress: called before each scene.

    Raises:
        InvalidInput: when a scene has no walkable surface.
    """
    folder, scenes, config = Path(folder), list(scenes), config or CropConfig()
    folder.mkdir(parents=True, exist_ok=True)
    files = crop_files(folder, scenes)
    for number, ((family, seed), path) in enumerate(zip(scenes, files, strict=True)):
        progress(ProgressEvent(number, len(scenes), f"render crops of {family} {seed}"))
        if not path.is_file():
            _make_file(
                path,
                make_scene(family, seed),
                np.random.default_rng([seed, *family.encode()]),
                backbone,
                config,
            )
    progress(ProgressEvent(len(scenes), len(scenes), "crops rendered"))
    return files


def _make_file(
    path: Path, scene: Scene, rng: np.random.Generator, backbone: Dinov2, config: CropConfig
) -> None:
    graph = walk_graph(scene, rng, RouteConfig(camera_height_m=config.camera_height))
    shots = [
        _lit_shot(scene, center, graph.walker.height, rng, config)
        for center in crop_places(scene, graph, rng, config)
        for _ in range(config.views)
    ]
    pictures, log_distance, surface_class, normal, rotations, tangents = (
        torch.stack(parts) for parts in zip(*shots, strict=True)
    )
    with torch.no_grad():
        features = backbone(pictures, dtype=torch.bfloat16)
    write_crops(
        path,
        features=features,
        images=F.interpolate(pictures, (8 * config.tokens, 8 * config.tokens), mode="area"),
        log_distance=log_distance,
        surface_class=surface_class,
        normal=normal,
        world_from_camera=rotations,
        tan_half_fov=tangents,
    )


def crop_places(scene: Scene, graph: WalkGraph, rng: np.random.Generator, config: CropConfig) -> Tensor:
    """Return camera centers ``[standpoints, 3]``."""
    found = standpoints(scene, config.standpoints * config.nearest_of, rng, graph=graph)
    away = graph.proxies.distance(found.numpy(), graph.walker).reshape(config.standpoints, config.nearest_of)
    return found.reshape(config.standpoints, config.nearest_of, 3)[range(config.standpoints), away.argmin(1)]


def _lit_shot(*given: Any) -> tuple[Tensor, ...]:
    """Render crops until one is not black, at most four."""
    shot = _shoot(*given)
    for _ in range(3):
        if float(shot[0].mean()) > _LEAST_LIGHT:
            break
        shot = _shoot(*given)
    return shot


def _shoot(
    scene: Scene, center: Tensor, camera_height: float, rng: np.random.Generator, config: CropConfig
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Render one crop and its truth at the head's resolution."""
    fov = math.radians(rng.uniform(*config.fov_deg))
    yaw = rng.uniform(-math.pi, math.pi)
    level = rng.uniform() < config.level_share
    pitch = rng.normal(0, math.radians(10)) if level else math.asin(rng.uniform(-1, 1))
    roll = rng.normal(0, math.radians(2))
    turn = matrix_from_yaw_pitch_roll(*(torch.tensor(a, dtype=torch.float64) for a in (yaw, pitch, roll)))
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3], pose[:3, 3] = turn.mT, -turn.mT @ center
    seed, side = int(rng.integers(2**31)), config.tokens * PATCH_PX
    camera = Pinhole.from_fov(fov, side, side)
    picture = render_scene(scene, camera, pose, samples=config.samples, seed=seed).rgb
    small = config.tokens * HEAD_STRIDE
    truth = render_scene(scene, Pinhole.from_fov(fov, small, small), pose, samples=1, seed=seed)
    tangents = torch.full((2,), math.tan(fov / 2))
    return (
        photograph(picture, camera, random_photography(seed), seed=seed).movedim(-1, 0),
        torch.log(truth.depth_ray / camera_height),
        truth.surface_class,
        _towards(truth.normal.movedim(-1, 0), view_rays(turn[None].float(), tangents[None], small, small)[0]),
        turn.float(),
        tangents,
    )


def _towards(normal: Tensor, rays: Tensor) -> Tensor:
    away = (normal * rays.movedim(-1, 0)).sum(0, keepdim=True) > 0
    return torch.where(away, -normal, normal)
