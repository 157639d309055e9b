"""Camera paths from presets, key frames and cameras."""

from __future__ import annotations

from typing import Any

import torch

from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.explore.fan import fan_path
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.trajectories.clearance import shorten_to_clear
from ..matrix3d_core.trajectories.defaults import DEFAULT_CLEARANCE
from ..matrix3d_core.trajectories.keyframes import parse_keyframes
from ..matrix3d_core.trajectories.load3d import pose_from_camera_info
from ..matrix3d_core.trajectories.presets import (
    PIVOT_FRACTION,
    TRAJECTORY_PRESETS,
    make_preset,
    preset_distance,
    preset_in_scene,
)
from ..matrix3d_core.trajectories.report import describe_trajectory
from ..matrix3d_core.trajectories.spline import SPEED_PROFILES, spline_trajectory
from ._host import io, progress_to_host
from ._inputs import fps_input, frames_input, geometry_input, report_output, trajectory_output
from ._search import PATH_WORDS

__all__ = ["NODES", "TrajectoryFromCamera", "TrajectoryFromKeyframes", "TrajectoryPreset"]

_CATEGORY = "Matrix-3D/trajectory"
_FRACTION, _UNITS = "fraction of depth", "units"
_CAMERAS = tuple(f"camera_{letter}" for letter in "abcdefgh")
_KEYFRAMES_EXAMPLE = """[
  {"position": [0, 0, 0]},
  {"position": [0.3, 0, 0.5], "yaw": 30},
  {"position": [0, 0, 1.0], "look_at": [0, 0, 0]}
]"""


def _spline_inputs() -> list[Any]:
    return [
        io.Boolean.Input("closed", default=False, tooltip="Close the path: return to the first keyframe."),
        io.Boolean.Input("ease", default=True, tooltip="Ease in and out."),
        io.Combo.Input(
            "speed_profile",
            options=list(SPEED_PROFILES),
            default=SPEED_PROFILES[0],
            tooltip="constant: constant speed along the path. per segment: equal time between keyframes.",
        ),
        io.Boolean.Input(
            "is_metric", default=False, tooltip="Positions are in meters (for metric geometry)."
        ),
    ]


class TrajectoryPreset(io.ComfyNode):
    """Ready-made camera moves."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryPreset",
            display_name="Trajectory Preset",
            category=_CATEGORY,
            description="A preset camera move through the panorama's world: Matrix-3D's own rails, or others "
            "such as look around then go forward. It can stop before a collision.",
            search_aliases=[
                *PATH_WORDS,
                "camera path",
                "camera move",
                "rail",
                "orbit",
                "dolly",
                "movement mode",
                "camera control",
                "flythrough",
            ],
            inputs=[
                io.Combo.Input(
                    "preset",
                    options=list(TRAJECTORY_PRESETS),
                    default="straight",
                    tooltip="\n".join(f"{name}: {text}" for name, text in TRAJECTORY_PRESETS.items()),
                ),
                frames_input(),
                io.Combo.Input(
                    "distance_mode",
                    options=[_FRACTION, _UNITS],
                    default=_FRACTION,
                    tooltip="Unit of distance: a fraction of the scene depth in the direction of travel (needs "
                    "geometry), or world units.",
                ),
                io.Float.Input(
                    "distance",
                    default=PIVOT_FRACTION,
                    min=0.001,
                    max=100000.0,
                    step=0.05,
                    round=False,
                    tooltip="Length of the move. Rotations in place ignore it.",
                ),
                io.Boolean.Input(
                    "avoid_collisions",
                    default=True,
                    tooltip="Shorten the move so that it avoids collisions with the panorama's geometry; of fan each "
                    "loop, in the directions that show most. Needs geometry; without it nothing is checked.",
                ),
                io.Float.Input(
                    "clearance",
                    default=DEFAULT_CLEARANCE,
                    min=0.0,
                    max=1000.0,
                    step=0.05,
                    round=False,
                    tooltip="Minimum distance to surfaces, world units.",
                ),
                io.Boolean.Input(
                    "upstream_exact",
                    default=False,
                    tooltip="Reproduce Matrix-3D's rails exactly, with the fixed swing of its S-curve and the left "
                    "curve that goes right. Only for straight, s_curve, forward_right and forward_left.",
                ),
                fps_input(),
                geometry_input(
                    "The panorama's geometry, for fraction of depth and avoid_collisions.", optional=True
                ),
            ],
            outputs=[trajectory_output(), report_output("What was done and measured, as text.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        preset: str,
        frames: int,
        distance_mode: str,
        distance: float,
        avoid_collisions: bool,
        clearance: float,
        upstream_exact: bool,
        fps: float,
        geometry: Any = None,
    ) -> io.NodeOutput:
        if distance_mode == _FRACTION:
            if geometry is None:
                raise InvalidInput(
                    f"geometry must be connected for distance_mode '{_FRACTION}'. "
                    f"Connect PanoDepth's geometry, or set distance_mode to '{_UNITS}'."
                )
            trajectory = preset_in_scene(
                preset, geometry, fraction=distance, frames=frames, fps=fps, upstream_exact=upstream_exact
            )
        else:
            trajectory = make_preset(
                preset,
                frames=frames,
                distance=distance,
                fps=fps,
                upstream_exact=upstream_exact,
                is_metric=geometry is not None and geometry.is_metric,
            )
        share = 1.0
        report = progress_to_host(cls.hidden.unique_id)
        if avoid_collisions and geometry is not None and preset == "fan":
            if distance_mode == _FRACTION:
                distance = preset_distance(preset, geometry, distance)
            fan = fan_path(
                geometry, distance=distance, clearance=clearance, frames=frames, fps=fps, progress=report
            )
            return io.NodeOutput(fan.trajectory, f"{describe_trajectory(fan.trajectory)}\n{fan.summary()}")
        if avoid_collisions and geometry is not None:
            trajectory, share = shorten_to_clear(trajectory, geometry, radius=clearance, progress=report)
        lines = [describe_trajectory(trajectory)]
        if share < 1.0:
            lines.append(f"shortened to {share:.0%} of its length to keep {clearance:.3g} clear")
        return io.NodeOutput(trajectory, "\n".join(lines))


class TrajectoryFromKeyframes(io.ComfyNode):
    """A smooth path through hand-written keyframes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryFromKeyframes",
            display_name="Trajectory from Keyframes",
            category=_CATEGORY,
            description="Draw a smooth camera path through a few keyframes written as JSON: each a "
            "position with "
            "yaw, pitch and roll, or with a point to look at.",
            search_aliases=[*PATH_WORDS, "spline", "camera keyframes", "camera animation", "waypoints"],
            inputs=[
                io.String.Input(
                    "keyframes",
                    default=_KEYFRAMES_EXAMPLE,
                    multiline=True,
                    tooltip='A list of {"position": [x, y, z]} with "yaw", "pitch", "roll" in '
                    "degrees (positive: right, "
                    'up, head to the right) or "look_at": [x, y, z]. x right, y DOWN, z forward, '
                    "world units.",
                ),
                frames_input(),
                *_spline_inputs(),
                fps_input(),
            ],
            outputs=[trajectory_output("A path through all keyframes.")],
        )

    @classmethod
    def execute(
        cls,
        keyframes: str,
        frames: int,
        closed: bool,
        ease: bool,
        speed_profile: str,
        is_metric: bool,
        fps: float,
    ) -> io.NodeOutput:
        positions, rotations = parse_keyframes(keyframes)
        return io.NodeOutput(
            spline_trajectory(
                positions,
                rotations,
                frames=frames,
                closed=closed,
                ease=ease,
                speed_profile=speed_profile,
                is_metric=is_metric,
                fps=fps,
            )
        )


class TrajectoryFromCamera(io.ComfyNode):
    """A path through cameras of the host's 3D viewers."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryFromCamera",
            display_name="Trajectory from Cameras",
            category=_CATEGORY,
            description="Draw a smooth camera path through up to eight cameras set in ComfyUI's 3D viewers "
            "(camera_info). One camera gives a static path.",
            search_aliases=[*PATH_WORDS, "camera_info", "load3d camera", "viewer camera", "spline"],
            inputs=[
                frames_input(),
                *_spline_inputs(),
                fps_input(),
                *(
                    io.Load3DCamera.Input(name, optional=True, tooltip=f"Camera {n} of the path, in order.")
                    for n, name in enumerate(_CAMERAS, 1)
                ),
            ],
            outputs=[trajectory_output("A path through the cameras, in their order.")],
        )

    @classmethod
    def execute(
        cls,
        frames: int,
        closed: bool,
        ease: bool,
        speed_profile: str,
        is_metric: bool,
        fps: float,
        **cameras: Any,
    ) -> io.NodeOutput:
        given = [cameras[name] for name in _CAMERAS if cameras.get(name) is not None]
        if not given:
            raise InvalidInput("at least one camera must be connected; got none. Connect camera_a.")
        keys = Trajectory(torch.stack([pose_from_camera_info(info) for info in given])).world_from_camera
        return io.NodeOutput(
            spline_trajectory(
                keys[:, :3, 3],
                keys[:, :3, :3],
                frames=frames,
                closed=closed,
                ease=ease,
                speed_profile=speed_profile,
                is_metric=is_metric,
                fps=fps,
                name="cameras",
            )
        )


NODES = [TrajectoryPreset, TrajectoryFromKeyframes, TrajectoryFromCamera]
