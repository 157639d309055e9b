"""One clip of a procedural scene, and the geometry of its first panorama, for use without shards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch

from ..depth.panorama_depth import geometry_from_depth
from ..errors import InvalidInput
from ..progress import ProgressFn, no_progress
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from ..trajectories.defaults import DEFAULT_FRAMES
from ..trajectories.edit import sample_at, transform
from ..trajectories.presets import TRAJECTORY_PRESETS, make_preset
from .clip import ClipConfig, SceneClip, render_clip
from .routes import Route, RouteConfig, WalkGraph, plan_route, standpoints, upright_rotations, walk_graph

__all__ = ["CLIP_PATHS", "SingleClip", "make_single_clip"]

ROUTE = "route"
CLIP_PATHS = (ROUTE, *TRAJECTORY_PRESETS)
"""A route over the walkable surface, or a preset move from a random place, in a random direction."""

_PLACES = 200
_STEP_M = 0.05


@dataclass(frozen=True)
class SingleClip:
    """A clip as the stages after it take it.

    Attributes:
        clip: frames and annotation.
        geometry: the first panorama with its exact distances, metric.
        report: lines of text: scene, path, sizes, refused tries.
    """

    clip: SceneClip
    geometry: PanoramaGeometry
    report: str


def make_single_clip(
    family: str,
    seed: int,
    *,
    path: str = ROUTE,
    distance: float = 3.0,
    frames: int = DEFAULT_FRAMES,
    height: int = 480,
    samples: int = 2,
    progress: ProgressFn = no_progress,
) -> SingleClip:
    """Build a scene and render a clip along a path without collision.

    Args:
        family: a name in `synth.families.FAMILIES`.
        seed: of the scene and of the path.
        path: one of `CLIP_PATHS`.
        distance: of a preset, meters; see `make_preset`.
        frames: poses of the clip.
        height: rows of the panoramas; columns are twice as many.
        samples: color samples per pixel.
        progress: called once per frame.

    Raises:
        InvalidInput: for an unknown family or path, and when no path without collision is found.
    """
    from ..synth.families import make_scene

    if path not in CLIP_PATHS:
        raise InvalidInput(f"path must be one of {', '.join(CLIP_PATHS)}; got {path!r}.")
    config = ClipConfig(height=height, samples=samples, route=RouteConfig(frames=frames))
    scene, rng = make_scene(family, seed), np.random.default_rng(seed)
    graph = walk_graph(scene, rng, config.route)
    route = plan_route(scene, rng, config.route, graph) if path == ROUTE else Route(None)
    trajectory, tries = route.trajectory, route.refusals
    if path != ROUTE:
        preset = make_preset(path, frames=frames, distance=distance, fps=config.route.fps, is_metric=True)
        trajectory, tries = _place_preset(preset, graph, standpoints(scene, _PLACES, rng, graph=graph), rng)
    if trajectory is None:
        raise InvalidInput(
            f"the path must be free of collisions; all tries in {family} {seed} were refused ({_listed(tries)}). Take "
            "another seed, or a preset with a shorter distance."
        )
    clip = render_clip(scene, trajectory, config, progress=progress)
    geometry = geometry_from_depth(
        clip.rgb()[0], clip.depth[0], repair_components=False, is_metric=True, source=f"scene {family} {seed}"
    )
    lines = [
        f"scene: {family}, seed {seed}: {len(scene.objects)} objects, {graph.surface.area:.0f} m2 to walk on",
        f"path: {path}, {trajectory.length:.2f} m in {frames} frames, camera {graph.walker.height:.2f} m above ground"
        + (f", part of a route of {route.length_m:.1f} m" if path == ROUTE else ""),
        f"refused before: {_listed(tries) or 'none'}",
        f"sky: {float(torch.isinf(clip.depth).float().mean()):.1%} of the pixels of all frames",
    ]
    return SingleClip(clip, geometry, "\n".join(lines))


def _place_preset(
    preset: Trajectory, graph: WalkGraph, places: torch.Tensor, rng: np.random.Generator
) -> tuple[Trajectory | None, Counter[str]]:
    """Return the first placement, of random places and directions, that is free and above the walkable surface."""
    count = max(2, int(np.ceil(preset.length / _STEP_M)) + 1)
    dense = sample_at(preset, torch.linspace(0, len(preset) - 1, count, dtype=torch.float64))
    refused: Counter[str] = Counter()
    for center, yaw in zip(places, rng.uniform(-np.pi, np.pi, len(places)), strict=True):
        rotation = upright_rotations(torch.tensor([yaw]))[0]
        centers = (dense.centers @ rotation.mT + center).numpy()
        if not np.isfinite(graph.surface.up_at(centers[:, ::2])).all():
            refused["off the walkable surface"] += 1
        elif graph.proxies.crosses(centers[:-1], centers[1:], graph.walker).any():
            refused["collision"] += 1
        else:
            return transform(preset, rotation=rotation, translation=center), refused
    return None, refused


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
