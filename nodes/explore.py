"""Extending a world from any viewpoint: its panorama, the next path, and the loop closure error."""

from __future__ import annotations

import json
import math
from typing import Any

import torch

from ..matrix3d_core.explore.extend import extend_world, parse_pose, place_path, start_pose
from ..matrix3d_core.explore.next_view import propose_path
from ..matrix3d_core.metrics.loop_closure import measure_loop
from ..matrix3d_core.raster.mesh import MESH_BACKENDS
from ..matrix3d_core.raster.splat import SPLAT_BACKENDS
from ..matrix3d_core.scene.panorama import PanoramaGeometry
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.trajectories.defaults import DEFAULT_CLEARANCE
from ._adapters import gaussians_from_host, image_from_host, mask_from_host
from ._host import Types, io, progress_to_host, ui
from ._inputs import backend_input, fps_input, frames_input
from ._search import PATH_WORDS, WORLD_WORDS
from ._types import DepthType, GeometryType, TrajectoryType

__all__ = ["NODES", "LoopError", "NextBestPath", "TrajectoryPlace", "WorldExtend"]

_CATEGORY = "Matrix-3D/explore"


class WorldExtend(io.ComfyNode):
    """The panorama of a new place in the world so far."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WorldExtend",
            display_name="Extend World",
            category=_CATEGORY,
            description="Continues a splat world from any viewpoint: renders the panorama there, a mask of what is "
            "observed, and its geometry, so that the next path can be rendered, inpainted and optimized. The world "
            "keeps its axes.",
            search_aliases=[
                *WORLD_WORDS,
                "world extend",
                "extend world",
                "continue world",
                "outpaint world",
                "endless",
                "next segment",
                "explore further",
                "infinite world",
                "image to world",
            ],
            inputs=[
                io.Splat.Input("splat", tooltip="The world so far; of a batch, the first."),
                io.Int.Input(
                    "width",
                    default=960,
                    min=64,
                    max=8192,
                    step=32,
                    tooltip="Columns of the panorama; the height is half of it.",
                ),
                TrajectoryType.Input(
                    "trajectory",
                    optional=True,
                    tooltip="The path that the world was made from. The world is extended from its frame below; what "
                    "none of its poses observed counts as unknown.",
                ),
                io.Load3DCamera.Input(
                    "camera_info",
                    optional=True,
                    tooltip="Extend from this camera instead, such as the view taken in Preview Splats.",
                ),
                io.Int.Input(
                    "frame",
                    default=-1,
                    min=-100000,
                    max=100000,
                    optional=True,
                    tooltip="Frame of the trajectory to extend from; -1 is the last one.",
                ),
                io.Boolean.Input(
                    "only_observed",
                    default=True,
                    optional=True,
                    advanced=True,
                    tooltip="What no pose of the trajectory observed counts as unknown. Off: all splats count as "
                    "known.",
                ),
                io.Float.Input(
                    "min_alpha",
                    default=0.7,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    advanced=True,
                    tooltip="A pixel is known where the splats' alpha is at least this.",
                ),
                io.Float.Input(
                    "max_splat_size",
                    default=6.0,
                    min=0.0,
                    max=90.0,
                    step=0.5,
                    optional=True,
                    advanced=True,
                    tooltip="... and where splats subtend at most this angle, degrees: closer up, the world is "
                    "sparse. 0 disables the test.",
                ),
                io.Float.Input(
                    "sky_distance",
                    default=0.0,
                    min=0.0,
                    max=1e9,
                    step=1.0,
                    optional=True,
                    advanced=True,
                    tooltip="Distance beyond which the geometry counts as sky, world units. 0: no sky.",
                ),
                backend_input(
                    SPLAT_BACKENDS, "the splats", " and draws panoramas", optional=True, advanced=True
                ),
                io.String.Input(
                    "pose",
                    default="",
                    optional=True,
                    socketless=True,
                    advanced=True,
                    tooltip="Viewpoint to extend from, overrides camera and trajectory: JSON [x, y, z, yaw, pitch], "
                    "world units and degrees. 'Extend from here' in Preview Splats writes it; clear it to follow the "
                    "inputs again.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="panorama", tooltip="The panorama from there; black where unknown."
                ),
                io.Mask.Output(display_name="known", tooltip="1 where the world is known, else 0."),
                GeometryType.Output(
                    display_name="geometry",
                    tooltip="Panorama and depth, smoothly inpainted where unknown; for the next path, Render Mesh "
                    "Guidance and Optimize Gaussians.",
                ),
                TrajectoryType.Output(
                    display_name="start_pose",
                    tooltip="One upright pose in the world's axes: where the panorama is; for "
                    "Place Trajectory in World.",
                ),
                DepthType.Output(
                    display_name="depth", tooltip="Distance along each ray, infinite where unknown."
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="JSON: viewpoint, known fraction and reasons for the rest, backend.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, pose: str = "") -> bool | str:
        try:
            parse_pose(pose)
        except ValueError as error:
            return str(error)
        return True

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        width: int,
        trajectory: Trajectory | None = None,
        camera_info: dict[str, Any] | None = None,
        frame: int = -1,
        only_observed: bool = True,
        min_alpha: float = 0.7,
        max_splat_size: float = 6.0,
        sky_distance: float = 0.0,
        backend: str = "auto",
        pose: str = "",
    ) -> io.NodeOutput:
        made = extend_world(
            gaussians_from_host(splat),
            start_pose(pose=pose, camera=camera_info, trajectory=trajectory, frame=frame),
            height=width // 2,
            path=trajectory if only_observed else None,
            min_alpha=min_alpha,
            max_splat_rad=math.radians(max_splat_size),
            sky_distance=sky_distance,
            is_metric=trajectory is not None and trajectory.is_metric,
            backend=backend,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        picture = made.rgb.unsqueeze(0)
        return io.NodeOutput(
            picture,
            made.is_known.float().unsqueeze(0),
            made.geometry,
            made.start,
            made.depth_ray.unsqueeze(0),
            json.dumps(made.report, indent=2),
        )


class TrajectoryPlace(io.ComfyNode):
    """A path where its panorama stands in the world."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryPlace",
            display_name="Place Trajectory in World",
            category=_CATEGORY,
            description="Transforms a path from a panorama's local frame into the world frame, so that frames and "
            "splats of the next segment share the first world's axes.",
            search_aliases=[
                *PATH_WORDS,
                "trajectory place",
                "move path",
                "world frame",
                "next segment",
                "anchor trajectory",
            ],
            inputs=[
                TrajectoryType.Input(
                    "trajectory",
                    tooltip="Made from Extend World's geometry, by a preset, Next Best Path or the studio.",
                ),
                TrajectoryType.Input(
                    "start_pose", tooltip="Extend World's start_pose: where the panorama is."
                ),
            ],
            outputs=[
                TrajectoryType.Output(
                    display_name="trajectory",
                    tooltip="The path in the world's axes. Its first pose is start_pose; a path that begins elsewhere "
                    "is led in from there within the same number of frames.",
                )
            ],
        )

    @classmethod
    def execute(cls, trajectory: Trajectory, start_pose: Trajectory) -> io.NodeOutput:
        return io.NodeOutput(place_path(trajectory, start_pose)[0])


class NextBestPath(io.ComfyNode):
    """Where to go next."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="NextBestPath",
            display_name="Next Best Path",
            category=_CATEGORY,
            description="Proposes the next camera path: tries directions from the panorama's center, goes as far as "
            "it is collision-free, and takes the one that reveals the largest unobserved area.",
            search_aliases=[*WORLD_WORDS, "next best view", "explore", "auto path", "unseen", "where to go"],
            inputs=[
                GeometryType.Input(
                    "geometry", tooltip="Geometry at the starting point: from Panorama Depth or Extend World."
                ),
                frames_input(least=2),
                io.Float.Input(
                    "step",
                    default=2.0,
                    min=0.001,
                    max=100000.0,
                    step=0.1,
                    round=False,
                    tooltip="Maximum path length, world units.",
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
                io.Int.Input("directions", default=12, min=3, max=72, tooltip="Number of headings to try."),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=2**31 - 1,
                    control_after_generate=False,
                    tooltip="Jitters all headings. Same seed, same path.",
                ),
                fps_input(optional=True, advanced=True),
                backend_input(MESH_BACKENDS, "the mesh", optional=True, advanced=True),
                io.Mask.Input(
                    "known",
                    optional=True,
                    tooltip="Extend World's known: unknown pixels count as unobserved.",
                ),
                TrajectoryType.Input(
                    "start_pose",
                    optional=True,
                    tooltip="Extend World's start_pose: the path is then in the world's axes.",
                ),
            ],
            outputs=[
                TrajectoryType.Output(display_name="trajectory", tooltip="The proposed path."),
                io.Image.Output(
                    display_name="map", tooltip="The path from above, and the score of each heading."
                ),
                io.String.Output(display_name="report", tooltip="JSON: every heading with its score."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        geometry: PanoramaGeometry,
        frames: int,
        step: float,
        clearance: float,
        directions: int,
        seed: int,
        fps: float = 12.0,
        backend: str = "auto",
        known: torch.Tensor | None = None,
        start_pose: Trajectory | None = None,
    ) -> io.NodeOutput:
        found = propose_path(
            geometry,
            step=step,
            clearance=clearance,
            known=None if known is None else mask_from_host(known, "known"),
            directions=directions,
            frames=frames,
            fps=fps,
            seed=seed,
            backend=backend,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        path = found.trajectory if start_pose is None else place_path(found.trajectory, start_pose)[0]
        picture = found.picture.unsqueeze(0)
        return io.NodeOutput(
            path, picture, json.dumps(found.report(), indent=2), ui=ui.PreviewImage(picture, cls=cls)
        )


class LoopError(io.ComfyNode):
    """How well a loop closes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoopError",
            display_name="Loop Closure Error",
            category=_CATEGORY,
            description="Measures loop closure: compares the last panorama and pose of a closed path with the first.",
            search_aliases=[*WORLD_WORDS, "loop error", "loop closure", "drift", "psnr", "consistency"],
            inputs=[
                io.Image.Input("first", tooltip="Frames at the start of the loop; the first one is used."),
                TrajectoryType.Input(
                    "first_trajectory", tooltip="The path of those frames, in the world's axes."
                ),
                io.Image.Input(
                    "last", tooltip="Frames at the end of the loop; the last one is used. Same size."
                ),
                TrajectoryType.Input(
                    "last_trajectory", tooltip="The path of those frames, in the same world."
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Mask of the first frame: only pixels where it is 1 are compared.",
                ),
            ],
            outputs=[
                io.Float.Output(
                    display_name="psnr",
                    tooltip="PSNR of the last frame against the first, dB; 99 when equal.",
                ),
                io.Float.Output(
                    display_name="position_error", tooltip="Distance between the poses, world units."
                ),
                io.Float.Output(display_name="rotation_error", tooltip="Angle between the poses, degrees."),
                io.Image.Output(
                    display_name="image",
                    tooltip="First frame, last frame rotated to match, and three times their difference.",
                ),
                io.String.Output(display_name="report", tooltip="JSON: all numbers."),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        first: torch.Tensor,
        first_trajectory: Trajectory,
        last: torch.Tensor,
        last_trajectory: Trajectory,
        mask: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        found = measure_loop(
            image_from_host(first[:1], "first"),
            image_from_host(last[-1:], "last"),
            first_trajectory.camera_from_world[0],
            last_trajectory.camera_from_world[-1],
            length=first_trajectory.length
            if first_trajectory is last_trajectory
            else first_trajectory.length + last_trajectory.length,
            mask=None if mask is None else mask_from_host(mask[:1], "mask"),
        )
        report = found.report()
        picture = found.picture.unsqueeze(0)
        text = json.dumps(report, indent=2)
        shown = {**ui.PreviewImage(picture, cls=cls).as_dict(), "text": (text,)}
        return io.NodeOutput(
            report["psnr"], found.position, math.degrees(found.angle_rad), picture, text, ui=shown
        )


NODES = [WorldExtend, TrajectoryPlace, NextBestPath, LoopError]
