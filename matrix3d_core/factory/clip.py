"""One training clip: frames of a scene along a route, with exact poses, distances, labels and a caption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..io.images import to_uint8
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.camera import Equirect
from ..scene.trajectory import Trajectory
from ..trajectories.placement import relative_to_first
from .filters import ClipMeasures, FilterConfig, measure_clip, refusals_of
from .routes import RouteConfig, plan_route, walk_graph

if TYPE_CHECKING:
    from ..synth.scene import Scene

__all__ = ["Captioner", "ClipConfig", "SceneClip", "make_clip", "render_clip"]

Captioner = Callable[[Tensor, str], str]
"""Returns a caption from the first frame ``[H, W, 3]`` in [0, 1] and the scene's own description."""

_PREVIEW_ROWS = 96


@dataclass(frozen=True)
class ClipConfig:
    """How clips are made.

    Attributes:
        height: rows of the panoramas; columns are twice as many.
        samples: color samples per pixel.
        route: how camera paths are sampled.
        filter: which clips are refused; None keeps all.
    """

    height: int = 480
    samples: int = 2
    route: RouteConfig = field(default_factory=RouteConfig)
    filter: FilterConfig | None = field(default_factory=FilterConfig)

    def __post_init__(self) -> None:
        if self.height < 16 or self.samples < 1:
            raise InvalidInput(
                f"height must be at least 16 rows and samples at least 1; got {self.height} and {self.samples}."
            )


@dataclass(frozen=True)
class SceneClip:
    """Panoramic frames with exact annotation.

    Attributes:
        frames: ``[F, H, W, 3]`` uint8.
        depth: ``[F, H, W]`` float32 ray distance, meters, inf for sky.
        normal: ``[H, W, 3]`` float32 normals of the first frame, in its camera's axes, zero for sky.
        surface_class: ``[H, W]`` uint8 `SurfaceClass` of the first frame.
        instance: ``[H, W]`` int32 numbers of the objects in the first frame.
        trajectory: poses relative to the first frame, metric.
        caption: what the clip shows.
        meta: JSON-serializable: scene, route, measures, pose of the first frame in the scene.
    """

    frames: Tensor
    depth: Tensor
    normal: Tensor
    surface_class: Tensor
    instance: Tensor
    trajectory: Trajectory
    caption: str
    meta: Mapping[str, Any]

    def __post_init__(self) -> None:
        size = check_shape("frames", self.frames, "F H W 3")
        rows, columns = size["H"], size["W"]
        check_shape("depth", self.depth, f"{size['F']} {rows} {columns}")
        check_shape("normal", self.normal, f"{rows} {columns} 3")
        for name in ("surface_class", "instance"):
            check_shape(name, getattr(self, name), f"{rows} {columns}")
        if len(self.trajectory) != size["F"]:
            raise InvalidInput(
                f"trajectory must have {size['F']} poses, one per frame; got {len(self.trajectory)}."
            )

    def rgb(self) -> Tensor:  # [F, H, W, 3]
        """Return the frames as float32 in [0, 1]."""
        return self.frames / 255

    def with_meta(self, **facts: Any) -> SceneClip:
        """Return the clip with more facts in its ``meta``."""
        return replace(self, meta={**self.meta, **facts})


def make_clip(
    scene: Scene,
    rng: np.random.Generator,
    config: ClipConfig | None = None,
    *,
    captioner: Captioner | None = None,
    progress: ProgressFn = no_progress,
) -> tuple[SceneClip | None, Counter[str]]:
    """Sample a route through a scene, filter it on a preview, render it.

    Args:
        scene: the scene.
        rng: the clip depends on its state alone.
        config: see `ClipConfig`.
        captioner: replaces the scene's own description.
        progress: called once per frame.

    Returns:
        The clip, None when no route was kept or the filter refused it; and the refused routes and clips by reason.

    Raises:
        InvalidInput: when the scene has no walkable surface.
    """
    config = config or ClipConfig()
    route = plan_route(scene, rng, config.route, walk_graph(scene, rng, config.route))
    refusals = Counter({f"route {reason}": count for reason, count in route.refusals.items()})
    if route.trajectory is None:
        return None, refusals + Counter({"no route": 1})
    measures = _preview(scene, route.trajectory)
    reasons = [] if config.filter is None else refusals_of(measures, config.filter)
    if reasons:
        return None, refusals + Counter(f"filter {reason}" for reason in reasons)
    facts = {"route_m": round(route.length_m, 3), "measures": asdict(measures)}
    clip = render_clip(scene, route.trajectory, config, captioner=captioner, progress=progress)
    return clip.with_meta(**facts), refusals


def _preview(scene: Scene, trajectory: Trajectory) -> ClipMeasures:
    """Measure the first, middle and last frame at a small size."""
    from ..synth.render import render_scene

    chosen = trajectory.select(torch.tensor((0, len(trajectory) // 2, len(trajectory) - 1)))
    camera = Equirect((_PREVIEW_ROWS, 2 * _PREVIEW_ROWS))
    shown = [render_scene(scene, camera, pose) for pose in chosen.camera_from_world]
    return measure_clip(
        torch.stack([frame.rgb for frame in shown]), torch.stack([frame.depth_ray for frame in shown]), chosen
    )


def render_clip(
    scene: Scene,
    trajectory: Trajectory,
    config: ClipConfig | None = None,
    *,
    captioner: Captioner | None = None,
    progress: ProgressFn = no_progress,
) -> SceneClip:
    """Render panoramas along a path through a scene.

    Args:
        scene: the scene.
        trajectory: poses in the scene's frame.
        config: height and samples of `ClipConfig`.
        captioner: replaces the scene's own description.
        progress: called once per frame.
    """
    from ..synth.describe import describe_scene
    from ..synth.render import render_scene

    config = config or ClipConfig()
    camera = Equirect((config.height, 2 * config.height))
    frames = torch.empty((len(trajectory), *camera.size_px, 3), dtype=torch.uint8)
    depth = torch.empty(frames.shape[:3])
    for index, pose in enumerate(trajectory.camera_from_world):
        progress(ProgressEvent(index, len(trajectory), "render frames"))
        shown = render_scene(scene, camera, pose, samples=config.samples, seed=index)
        if index == 0:
            first = shown
        frames[index] = torch.from_numpy(to_uint8(shown.rgb))
        depth[index] = shown.depth_ray
    description = describe_scene(scene, first)
    rotation = trajectory.camera_from_world[0, :3, :3].to(first.normal)
    return SceneClip(
        frames,
        depth,
        first.normal @ rotation.mT,
        first.surface_class,
        first.instance,
        relative_to_first(trajectory),
        captioner(first.rgb, description) if captioner else description,
        {
            "description": description,
            "world_from_first": trajectory.world_from_camera[0].tolist(),
            "objects": {str(number): found.name for number, found in enumerate(scene.objects, 1)},
            "is_indoor": bool(scene.is_indoor),
        },
    )
