"""TrajectoryStudio: draw camera paths over a panorama in the browser."""

from __future__ import annotations

import json
import threading
import uuid
import weakref
from collections import OrderedDict
from typing import Any

from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.explore.path_editor import (
    MOST_FRAMES,
    StudioScene,
    draw_map,
    drawn_path,
    keys_of_path,
    keys_of_preset,
    map_span,
    pose_of_key,
    rows_of_path,
)
from ..matrix3d_core.io.images import encode_image
from ..matrix3d_core.scene.panorama import PanoramaGeometry
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.trajectories.defaults import DEFAULT_CLEARANCE, DEFAULT_FRAMES
from ..matrix3d_core.trajectories.plot import plot_trajectory
from ..matrix3d_core.trajectories.presets import TRAJECTORY_PRESETS
from ..matrix3d_core.trajectories.report import describe_trajectory
from ._host import io, progress_to_host
from ._host_block import block_output
from ._host_routes import Gone, answer_posts
from ._inputs import fps_input, frames_input
from ._search import WORLD_WORDS
from ._types import GeometryType, TrajectoryType

__all__ = ["NODES", "TrajectoryStudio"]

_MOST_SCENES = 6
_VIEW_ROWS = 160


class _Scenes:
    """The scenes that widgets may ask about, the latest few, each under an unguessable token."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[weakref.ref[PanoramaGeometry], StudioScene]] = OrderedDict()

    def keep(self, geometry: PanoramaGeometry) -> tuple[str, StudioScene]:
        with self._lock:
            for token, (known, scene) in self._kept.items():
                if known() is geometry:
                    self._kept.move_to_end(token)
                    return token, scene
        scene = StudioScene.of(geometry)
        token = uuid.uuid4().hex
        with self._lock:
            self._kept[token] = (weakref.ref(geometry), scene)
            while len(self._kept) > _MOST_SCENES:
                self._kept.popitem(last=False)
        return token, scene

    def find(self, token: Any) -> StudioScene:
        with self._lock:
            found = self._kept.get(token) if isinstance(token, str) else None
        if found is None:
            raise Gone("The scene is no longer in memory. Run the graph again.")
        return found[1]


_scenes = _Scenes()


def _number(question: dict[str, Any], name: str, default: float, low: float, high: float) -> float:
    value = question.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidInput(f"{name} must lie in {low:g}..{high:g}; got {str(value)[:40]}.")
    return value


def _check(question: dict[str, Any]) -> dict[str, Any]:
    scene = _scenes.find(question.get("token"))
    path = drawn_path(
        str(question.get("path", "")),
        frames=int(_number(question, "frames", DEFAULT_FRAMES, 1, MOST_FRAMES)),
        closed=question.get("closed") is True,
        ease=question.get("ease") is not False,
        is_metric=scene.geometry.is_metric,
    )
    if path is None:
        return {"poses": []}
    found = scene.check(path, radius=_number(question, "clearance", DEFAULT_CLEARANCE, 0, 1e6))
    return {"poses": rows_of_path(path), **found.report()}


def _preset(question: dict[str, Any]) -> dict[str, Any]:
    scene = _scenes.find(question.get("token"))
    fraction = _number(question, "fraction", 0.6, 0.001, 10)
    return {"keys": keys_of_preset(str(question.get("preset")), scene.geometry, fraction)}


def _map(question: dict[str, Any]) -> bytes:
    scene = _scenes.find(question.get("token"))
    span = _number(question, "span", map_span(scene.geometry), 1e-6, 1e6)
    center = (_number(question, "x", 0, -1e6, 1e6), _number(question, "z", 0, -1e6, 1e6))
    size = int(_number(question, "size", 384, 32, 1024))
    return encode_image(draw_map(scene.geometry, center=center, span=span, size_px=size))


def _view(question: dict[str, Any]) -> bytes:
    scene = _scenes.find(question.get("token"))
    return encode_image(scene.view(pose_of_key(question.get("pose", [])), _VIEW_ROWS).rgb)


def _panorama(question: dict[str, Any]) -> bytes:
    return encode_image(_scenes.find(question.get("token")).geometry.rgb)


for _name, _answer in (
    ("check", _check),
    ("preset", _preset),
    ("map", _map),
    ("view", _view),
    ("panorama", _panorama),
):
    answer_posts(f"/matrix3d/studio/{_name}", _answer)


class TrajectoryStudio(io.ComfyNode):
    """Draw a camera path by hand."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryStudio",
            display_name="Trajectory Studio",
            category="Matrix-3D/trajectory",
            description="Draw a camera path over the panorama and over a map of it: click to add key poses, drag to "
            "move them. Holes, clearance and collisions of every frame are shown while you draw.",
            search_aliases=[
                *WORLD_WORDS,
                "draw path",
                "path editor",
                "camera path",
                "spline editor",
                "map",
                "trajectory editor",
            ],
            is_output_node=True,
            inputs=[
                GeometryType.Input(
                    "geometry", tooltip="The panorama with its depth, from Panorama Depth or Extend World."
                ),
                frames_input(),
                io.Float.Input(
                    "clearance",
                    default=DEFAULT_CLEARANCE,
                    min=0.0,
                    max=100000.0,
                    step=0.05,
                    round=False,
                    tooltip="Frames closer than this to a surface count as colliding, world units.",
                ),
                io.Boolean.Input(
                    "closed", default=False, tooltip="Close the path: return to the first keyframe."
                ),
                io.Boolean.Input("ease", default=True, tooltip="Ease in and out."),
                fps_input(optional=True, advanced=True),
                TrajectoryType.Input(
                    "trajectory",
                    optional=True,
                    tooltip="A path to start from, such as one read by Load Trajectory. It is passed through until "
                    "something is drawn; the studio offers its keyframes.",
                ),
                io.String.Input(
                    "path",
                    default="",
                    optional=True,
                    socketless=True,
                    advanced=True,
                    tooltip="The drawn path; written by the studio. JSON: keys of [x, y, z, yaw, pitch].",
                ),
            ],
            outputs=[
                TrajectoryType.Output(
                    display_name="trajectory",
                    tooltip="The drawn path, in the panorama's frame. Nothing drawn: the input trajectory; without "
                    "one, downstream nodes wait.",
                ),
                io.Image.Output(
                    display_name="map", tooltip="The path from above and from the side; collisions are red."
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="JSON: length, holes and clearance of every frame, collisions.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        geometry: PanoramaGeometry,
        frames: int,
        clearance: float,
        closed: bool,
        ease: bool,
        fps: float = 12.0,
        trajectory: Trajectory | None = None,
        path: str = "",
    ) -> io.NodeOutput:
        token, scene = _scenes.keep(geometry)
        drawn = drawn_path(
            path, frames=frames, closed=closed, ease=ease, fps=fps, is_metric=geometry.is_metric
        )
        chosen = trajectory if drawn is None else drawn
        shown: dict[str, Any] = {
            "token": token,
            "span": map_span(scene.geometry),
            "unit": "m" if geometry.is_metric else "units",
            "presets": list(TRAJECTORY_PRESETS),
        }
        if trajectory is not None and trajectory.frame_of_reference == "panorama":
            shown["given"] = keys_of_path(trajectory)
        ui = {"matrix3d_studio": [shown]}
        if chosen is None:
            return io.NodeOutput(block_output(), block_output(), "nothing is drawn yet", ui=ui)
        found = scene.check(chosen, radius=clearance, progress=progress_to_host())
        picture = plot_trajectory(chosen, scene.geometry, colliding_frames=found.clearance.colliding_frames)
        report = json.dumps({"path": describe_trajectory(chosen), **found.report()}, indent=2)
        return io.NodeOutput(chosen, picture.unsqueeze(0), report, ui=ui)


NODES = [TrajectoryStudio]
