"""Camera paths: make, read, write, change, check and draw them."""

from __future__ import annotations

import math
from typing import Any

import torch

from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.io.camera_paths.door import PATH_SUFFIXES, file_of, import_text, import_trajectory
from ..matrix3d_core.io.camera_paths.raw import (
    INTRINSICS_CHOICES,
    PATH_AXES,
    POSE_DIRECTIONS,
    TIME_BASES,
    PathOptions,
)
from ..matrix3d_core.io.cameras_json import LAYOUTS, write_trajectory
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.trajectories.clearance import METHODS, measure_clearance, shorten_to_clear
from ..matrix3d_core.trajectories.defaults import DEFAULT_CLEARANCE
from ..matrix3d_core.trajectories.edit import join, resample, reverse, smooth, transform
from ..matrix3d_core.trajectories.keyframes import parse_keyframes
from ..matrix3d_core.trajectories.load3d import camera_info_from_pose, pose_from_camera_info
from ..matrix3d_core.trajectories.placement import PANORAMA_PLACES, place_panorama
from ..matrix3d_core.trajectories.plot import plot_trajectory
from ..matrix3d_core.trajectories.presets import (
    PIVOT_FRACTION,
    TRAJECTORY_PRESETS,
    make_preset,
    preset_in_scene,
)
from ..matrix3d_core.trajectories.report import describe_trajectory
from ..matrix3d_core.trajectories.rescale import RESCALE_MODES, adapt_to_scene, check_units
from ..matrix3d_core.trajectories.spline import PACES, spline_trajectory
from ._file_inputs import file_input
from ._host import io, progress_to_host, resolve_input, save_target, ui
from ._inputs import fps_input, frames_input
from ._search import PATH_WORDS
from ._types import GeometryType, TrajectoryType

_CATEGORY = "Matrix-3D/trajectory"
_PASTED = "(pasted text)"
_FRACTION, _UNITS = "fraction of depth", "units"
_CAMERAS = tuple(f"camera_{letter}" for letter in "abcdefgh")
_KEYFRAMES_EXAMPLE = """[
  {"position": [0, 0, 0]},
  {"position": [0.3, 0, 0.5], "yaw": 30},
  {"position": [0, 0, 1.0], "look_at": [0, 0, 0]}
]"""


def _geometry_input(tooltip: str) -> Any:
    return GeometryType.Input("geometry", optional=True, tooltip=tooltip)


def _trajectory_input(name: str = "trajectory", tooltip: str = "The camera path.") -> Any:
    return TrajectoryType.Input(name, tooltip=tooltip)


def _trajectory_output(tooltip: str = "The camera path.") -> Any:
    return TrajectoryType.Output(display_name="trajectory", tooltip=tooltip)


def _report_output() -> Any:
    return io.String.Output(display_name="report", tooltip="What was done and measured, in words.")


class TrajectoryPreset(io.ComfyNode):
    """Ready-made camera moves."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryPreset",
            display_name="Trajectory Preset",
            category=_CATEGORY,
            description="A ready-made camera move through the panorama's world: Matrix-3D's own rails, or others such "
            "as look around then go forward. It can stop before it hits something.",
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
                    tooltip="How distance is meant: as a fraction of the distance to what is seen in "
                    "the direction "
                    "of travel (needs geometry), or in world units.",
                ),
                io.Float.Input(
                    "distance",
                    default=PIVOT_FRACTION,
                    min=0.001,
                    max=100000.0,
                    step=0.05,
                    round=False,
                    tooltip="How far the move goes. Moves on the spot ignore it.",
                ),
                io.Boolean.Input(
                    "stay_clear",
                    default=True,
                    tooltip="Shorten the move so that it keeps clear of everything the panorama shows. "
                    "Needs geometry; without it nothing is checked.",
                ),
                io.Float.Input(
                    "clearance",
                    default=DEFAULT_CLEARANCE,
                    min=0.0,
                    max=1000.0,
                    step=0.05,
                    round=False,
                    tooltip="Smallest distance to keep from surfaces, world units.",
                ),
                io.Boolean.Input(
                    "upstream_exact",
                    default=False,
                    tooltip="Reproduce Matrix-3D's rails as they are, with the fixed swing of its "
                    "S-curve and the "
                    "left curve that goes right. Only for straight, s_curve, forward_right and forward_left.",
                ),
                fps_input(),
                _geometry_input("The panorama's geometry, for fraction of depth and stay_clear."),
            ],
            outputs=[_trajectory_output(), _report_output()],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        preset: str,
        frames: int,
        distance_mode: str,
        distance: float,
        stay_clear: bool,
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
        if stay_clear and geometry is not None:
            report = progress_to_host(cls.hidden.unique_id)
            trajectory, share = shorten_to_clear(trajectory, geometry, radius=clearance, progress=report)
        lines = [describe_trajectory(trajectory)]
        if share < 1.0:
            lines.append(f"shortened to {share:.0%} of its length to keep {clearance:.3g} clear")
        return io.NodeOutput(trajectory, "\n".join(lines))


class TrajectoryLoad(io.ComfyNode):
    """Read a camera path."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryLoad",
            display_name="Load Trajectory",
            category=_CATEGORY,
            description="Read a camera path from a file of the input folder or from pasted text: Matrix-3D's bare "
            "list of 4x4 matrices, this pack's own layout, nerfstudio, COLMAP, splat trainers, RealEstate10K and "
            "CameraCtrl, TUM, ReCamMaster, VGGT and Depth Anything 3, Blender and glTF. What it is, is found out and "
            "told in the report. Can rescale it to the scene.",
            search_aliases=[
                *PATH_WORDS,
                "camera json",
                "load camera path",
                "import trajectory",
                "json_path",
                "poses",
                "blender camera",
                "gltf",
                "glb",
                "nerfstudio transforms",
                "colmap",
                "realestate10k",
                "cameractrl",
                "tum",
                "recammaster",
                "vggt",
            ],
            inputs=[
                file_input(
                    "file",
                    "trajectory",
                    PATH_SUFFIXES,
                    first=(_PASTED,),
                    tooltip=f"A file in the host's input folder that ends in {', '.join(PATH_SUFFIXES)} (COLMAP's); or "
                    "the pasted text below.",
                ),
                io.String.Input(
                    "text",
                    default="",
                    multiline=True,
                    placeholder="[ [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]], ... ]",
                    tooltip="A camera path as JSON or rows of numbers; used when no file is chosen.",
                ),
                io.Combo.Input(
                    "rescale",
                    options=list(RESCALE_MODES),
                    default="none",
                    tooltip="none: keep the poses. fit: start at the panorama's center and reach at "
                    "most half the way "
                    "to what is seen. upstream: as Matrix-3D does (made relative to the first pose; only its "
                    "yaw is kept). fit and upstream need geometry.",
                ),
                _geometry_input("The panorama's geometry: for rescaling, and to check the path's units."),
                *_reading_inputs(),
            ],
            outputs=[
                _trajectory_output(),
                io.Float.Output(
                    display_name="yaw", tooltip="Heading of the first pose in degrees, 0 to 360."
                ),
                _report_output(),
            ],
        )

    @classmethod
    def validate_inputs(cls, file: str) -> bool | str:
        # Named here so that files which arrive after the menu was made are accepted.
        if file != _PASTED:
            try:
                resolve_input(file)
            except InvalidInput as error:
                return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, file: str, **_: Any) -> Any:
        if file == _PASTED:
            return ""
        try:
            stat = file_of(resolve_input(file)).stat()
        except (ValueError, OSError):
            return math.nan
        return f"{stat.st_mtime_ns}-{stat.st_size}"

    @classmethod
    def execute(
        cls,
        file: str,
        text: str,
        rescale: str,
        geometry: Any = None,
        panorama_at: str = "auto",
        pose: str = "auto",
        axes: str = "auto",
        scale: float = 1.0,
        sample_fps: float = 0.0,
        time_base: str = "auto",
        intrinsics: str = "auto",
        camera: str = "",
    ) -> io.NodeOutput:
        options = PathOptions(pose, axes, scale, sample_fps, time_base, intrinsics, camera.strip())
        if file != _PASTED:
            found = import_trajectory(resolve_input(file), options)
        elif text.strip():
            found = import_text(text, options=options)
        else:
            raise InvalidInput("a file or text must be given; got neither. Choose a file or paste the JSON.")
        read = place_panorama(found.trajectory, panorama_at)
        result = adapt_to_scene(read, geometry, rescale=rescale)
        lines = [describe_trajectory(result.trajectory), *found.lines]
        if panorama_at != "auto" and rescale == "none":
            lines.append(f"the panorama stands {panorama_at}")
        if rescale != "none":
            lines.append(f"multiplied by {result.factor:.4g}")
            if result.roll_columns:
                lines.append(
                    f"turned with the panorama by {result.roll_columns} whole columns, as upstream rolls it"
                )
        elif geometry is not None and (problem := check_units(read, geometry).problem):
            lines.append(f"warning: {problem}")
        return io.NodeOutput(result.trajectory, math.degrees(result.yaw_rad), "\n".join(lines))


def _reading_inputs() -> list[Any]:
    """Return the inputs that overrule what a file of a camera path was found to be."""
    return [
        io.Combo.Input(
            "panorama_at",
            options=list(PANORAMA_PLACES),
            default="auto",
            optional=True,
            tooltip="Where the panorama is, with rescale none. at the first pose: it is what the first camera sees. "
            "yaw kept: it stands there upright and looks along +z, as with Matrix-3D's user trajectories. at the "
            "origin: the poses are the panorama's own. auto: as the file says; else at the origin when the path begins "
            "there, else at the first pose.",
        ),
        io.Combo.Input(
            "pose",
            options=list(POSE_DIRECTIONS),
            default="auto",
            optional=True,
            advanced=True,
            tooltip="c2w: matrices are camera-to-world. w2c: world-to-camera. auto: as the format has them.",
        ),
        io.Combo.Input(
            "axes",
            options=["auto", *PATH_AXES],
            default="auto",
            optional=True,
            advanced=True,
            tooltip="Axes of the cameras and of the world. blender: OpenGL cameras in a world whose z is up, as "
            "nerfstudio's. auto: as the format has them.",
        ),
        io.Float.Input(
            "scale",
            default=1.0,
            min=0.000001,
            max=1000000.0,
            step=0.05,
            round=False,
            optional=True,
            advanced=True,
            tooltip="Camera positions are multiplied by it.",
        ),
        io.Float.Input(
            "sample_fps",
            default=0.0,
            min=0.0,
            max=1000.0,
            step=1.0,
            optional=True,
            advanced=True,
            tooltip="Frames per second: a path with times (TUM, RealEstate10K, glTF) is read at them, another one "
            "played at them. 0: the file's own (24 for glTF).",
        ),
        io.Combo.Input(
            "time_base",
            options=["auto", *TIME_BASES],
            default="auto",
            optional=True,
            advanced=True,
            tooltip="What the times of the file count.",
        ),
        io.Combo.Input(
            "intrinsics",
            options=list(INTRINSICS_CHOICES),
            default="auto",
            optional=True,
            advanced=True,
            tooltip="Keep the lens of perspective pictures, to fit such pictures, or drop it: poses are then "
            "panoramas. auto keeps it in this pack's own files.",
        ),
        io.String.Input(
            "camera",
            default="",
            optional=True,
            advanced=True,
            tooltip="Name of the camera where a file has several (ReCamMaster, glTF); empty: the first one.",
        ),
    ]


class TrajectorySave(io.ComfyNode):
    """Write a camera path."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectorySave",
            display_name="Save Trajectory",
            category=_CATEGORY,
            description="Write a camera path as JSON into the output folder.",
            search_aliases=[*PATH_WORDS, "camera json", "export camera path", "save poses"],
            is_output_node=True,
            inputs=[
                _trajectory_input(),
                io.String.Input(
                    "filename_prefix",
                    default="trajectory/path",
                    tooltip="Name in the output folder; may hold subfolders and the host's %date% "
                    "placeholders.",
                ),
                io.Combo.Input(
                    "layout",
                    options=list(LAYOUTS),
                    default="upstream",
                    tooltip="upstream: Matrix-3D's bare list of 4x4 world-to-camera matrices; refused where it would "
                    "be read back with the panorama elsewhere. matrix3d: the same with axes, units, fps, intrinsics "
                    "and the panorama's place written down.",
                ),
            ],
            outputs=[io.String.Output(display_name="path", tooltip="Full path of the file.")],
        )

    @classmethod
    def execute(cls, trajectory: Trajectory, filename_prefix: str, layout: str) -> io.NodeOutput:
        path, filename, subfolder = save_target(filename_prefix, ".json")
        write_trajectory(path, trajectory, layout=layout)
        shown = f"{subfolder}/{filename}" if subfolder else filename
        return io.NodeOutput(str(path), ui=ui.PreviewText(shown))


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
            outputs=[_trajectory_output("A path through all keyframes.")],
        )

    @classmethod
    def execute(
        cls, keyframes: str, frames: int, closed: bool, ease: bool, pace: str, is_metric: bool, fps: float
    ) -> io.NodeOutput:
        positions, rotations = parse_keyframes(keyframes)
        return io.NodeOutput(
            spline_trajectory(
                positions,
                rotations,
                frames=frames,
                closed=closed,
                ease=ease,
                pace=pace,
                is_metric=is_metric,
                fps=fps,
            )
        )


def _spline_inputs() -> list[Any]:
    return [
        io.Boolean.Input("closed", default=False, tooltip="Come back to the first keyframe at the end."),
        io.Boolean.Input("ease", default=True, tooltip="Start and stop softly."),
        io.Combo.Input(
            "pace",
            options=list(PACES),
            default="distance",
            tooltip="distance: constant speed along the path. even: equal time between keyframes.",
        ),
        io.Boolean.Input(
            "is_metric", default=False, tooltip="Positions are in meters (goes with metric geometry)."
        ),
    ]


class TrajectoryFromCamera(io.ComfyNode):
    """A path through cameras of the host's 3D viewers."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryFromCamera",
            display_name="Trajectory from Cameras",
            category=_CATEGORY,
            description="Draw a smooth camera path through up to eight cameras set in ComfyUI's 3D viewers "
            "(camera_info). One camera gives a still path.",
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
            outputs=[_trajectory_output("A path through the cameras, in their order.")],
        )

    @classmethod
    def execute(
        cls, frames: int, closed: bool, ease: bool, pace: str, is_metric: bool, fps: float, **cameras: Any
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
                pace=pace,
                is_metric=is_metric,
                fps=fps,
                name="cameras",
            )
        )


class TrajectoryToCamera(io.ComfyNode):
    """One pose of a path as the host's camera."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryToCamera",
            display_name="Trajectory to Camera",
            category=_CATEGORY,
            description="Take one frame of a camera path as camera_info for ComfyUI's own 3D nodes, "
            "such as Render Splat.",
            search_aliases=[*PATH_WORDS, "camera_info", "load3d camera", "render splat camera"],
            inputs=[
                _trajectory_input(),
                io.Int.Input(
                    "frame", default=0, min=-10000, max=10000, tooltip="Frame to take; -1 is the last one."
                ),
                io.Float.Input(
                    "fov",
                    default=75.0,
                    min=1.0,
                    max=170.0,
                    step=1.0,
                    tooltip="Field of view in degrees (Render Splat applies it to the smaller image side).",
                ),
                io.Float.Input(
                    "target_distance",
                    default=1.0,
                    min=0.001,
                    max=10000.0,
                    step=0.1,
                    tooltip="How far ahead the viewer's orbit center lies, world units.",
                ),
            ],
            outputs=[io.Load3DCamera.Output(display_name="camera_info", tooltip="The camera of that frame.")],
        )

    @classmethod
    def execute(cls, trajectory: Trajectory, frame: int, fov: float, target_distance: float) -> io.NodeOutput:
        if not -len(trajectory) <= frame < len(trajectory):
            raise InvalidInput(f"frame must lie in 0..{len(trajectory) - 1}; got {frame}.")
        pose = trajectory.camera_from_world[frame]
        return io.NodeOutput(
            camera_info_from_pose(pose, fov_y_rad=math.radians(fov), target_distance=target_distance)
        )


class TrajectoryEdit(io.ComfyNode):
    """Reverse, resample, smooth or scale a path."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryEdit",
            display_name="Edit Trajectory",
            category=_CATEGORY,
            description="Change a camera path: play it backwards, change its number of frames, "
            "smooth it or scale it.",
            search_aliases=[
                *PATH_WORDS,
                "reverse camera",
                "resample trajectory",
                "smooth camera",
                "scale trajectory",
            ],
            inputs=[
                _trajectory_input(),
                io.Combo.Input(
                    "operation",
                    options=["reverse", "resample", "smooth", "scale"],
                    default="resample",
                    tooltip="What to do; each uses only its own inputs below.",
                ),
                frames_input(),
                io.Combo.Input(
                    "resample_by",
                    options=["time", "distance"],
                    default="time",
                    tooltip="resample: time keeps the timing; distance gives constant speed along the path.",
                ),
                io.Float.Input(
                    "smoothing",
                    default=2.0,
                    min=0.0,
                    max=100.0,
                    step=0.5,
                    tooltip="smooth: width of the Gaussian in frames. The ends stay where they are.",
                ),
                io.Float.Input(
                    "factor",
                    default=1.0,
                    min=0.000001,
                    max=1000000.0,
                    step=0.05,
                    round=False,
                    tooltip="scale: multiply all camera positions by this, about the panorama's center.",
                ),
            ],
            outputs=[_trajectory_output("The changed path.")],
        )

    @classmethod
    def execute(
        cls,
        trajectory: Trajectory,
        operation: str,
        frames: int,
        resample_by: str,
        smoothing: float,
        factor: float,
    ) -> io.NodeOutput:
        if operation == "reverse":
            return io.NodeOutput(reverse(trajectory))
        if operation == "resample":
            return io.NodeOutput(resample(trajectory, frames, by=resample_by))
        if operation == "smooth":
            return io.NodeOutput(smooth(trajectory, sigma_frames=smoothing))
        return io.NodeOutput(transform(trajectory, scale=factor))


class TrajectoryJoin(io.ComfyNode):
    """One path after the other."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryJoin",
            display_name="Join Trajectories",
            category=_CATEGORY,
            description="Play one camera path after the other.",
            search_aliases=[*PATH_WORDS, "concatenate camera", "append trajectory"],
            inputs=[
                _trajectory_input("first", "What comes first; its fps and name are kept."),
                _trajectory_input("second", "What follows."),
                io.Boolean.Input(
                    "anchor",
                    default=True,
                    tooltip="Move the second path so that it starts where and how the first one ends. "
                    "Off: it stays where it is, and the camera may jump.",
                ),
            ],
            outputs=[_trajectory_output("Both paths; a repeated pose at the join is left out.")],
        )

    @classmethod
    def execute(cls, first: Trajectory, second: Trajectory, anchor: bool) -> io.NodeOutput:
        return io.NodeOutput(join(first, second, anchor=anchor))


class TrajectoryClearance(io.ComfyNode):
    """Check a path against the geometry."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryClearance",
            display_name="Trajectory Clearance",
            category=_CATEGORY,
            description="Measure how close a camera path comes to what the panorama shows, say which "
            "frames collide, "
            "and give a path shortened to stay clear.",
            search_aliases=[
                *PATH_WORDS,
                "collision",
                "camera clearance",
                "check trajectory",
                "safe path",
            ],
            is_output_node=True,
            inputs=[
                _trajectory_input(),
                GeometryType.Input("geometry", tooltip="The panorama's geometry."),
                io.Float.Input(
                    "clearance",
                    default=DEFAULT_CLEARANCE,
                    min=0.0,
                    max=1000.0,
                    step=0.05,
                    round=False,
                    tooltip="Distance to keep from surfaces, world units. Frames behind a surface "
                    "collide too.",
                ),
                io.Combo.Input(
                    "shorten",
                    options=["off", *METHODS],
                    default="auto",
                    tooltip="How the output path is made clear. cut: end where it is still clear. "
                    "scale: shrink it. "
                    "auto: scale paths that return to their start, cut others. off: leave it as it is.",
                ),
                io.Int.Input(
                    "height", default=512, min=128, max=4096, step=8, tooltip="Height of the picture, pixels."
                ),
            ],
            outputs=[
                _trajectory_output("The path, shortened when it had to be."),
                _report_output(),
                io.Image.Output(
                    display_name="image", tooltip="The path as it came, colliding frames in red."
                ),
                io.Boolean.Output(display_name="is_clear", tooltip="True when no frame collided."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls, trajectory: Trajectory, geometry: Any, clearance: float, shorten: str, height: int
    ) -> io.NodeOutput:
        progress = progress_to_host(cls.hidden.unique_id)
        measured = measure_clearance(trajectory, geometry, radius=clearance, progress=progress)
        lines = [measured.summary()]
        if problem := check_units(trajectory, geometry).problem:
            lines.append(f"warning: {problem}")
        result = trajectory
        if shorten != "off":
            result, share = shorten_to_clear(
                trajectory, geometry, radius=clearance, method=shorten, progress=progress
            )
            if share < 1.0:
                lines.append(f"shortened to {share:.0%} of its length")
        image = plot_trajectory(
            trajectory, geometry, height_px=height, colliding_frames=measured.colliding_frames
        )[None]
        return io.NodeOutput(
            result, "\n".join(lines), image, measured.is_clear, ui=ui.PreviewImage(image, cls=cls)
        )


class TrajectoryPreview(io.ComfyNode):
    """Draw a path."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryPreview",
            display_name="Preview Trajectory",
            category=_CATEGORY,
            description="Draw a camera path from above and from the side, in its scene when geometry "
            "is connected.",
            search_aliases=[*PATH_WORDS, "plot camera path", "show trajectory", "camera map"],
            is_output_node=True,
            inputs=[
                _trajectory_input(),
                io.Int.Input(
                    "height", default=512, min=128, max=4096, step=8, tooltip="Height of the picture, pixels."
                ),
                _geometry_input("The panorama's geometry, drawn around the path."),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The picture, about twice as wide as high.")
            ],
        )

    @classmethod
    def execute(cls, trajectory: Trajectory, height: int, geometry: Any = None) -> io.NodeOutput:
        image = plot_trajectory(trajectory, geometry, height_px=height)[None]
        return io.NodeOutput(image, ui=ui.PreviewImage(image, cls=cls))


NODES = [
    TrajectoryPreset,
    TrajectoryLoad,
    TrajectorySave,
    TrajectoryFromKeyframes,
    TrajectoryFromCamera,
    TrajectoryToCamera,
    TrajectoryEdit,
    TrajectoryJoin,
    TrajectoryClearance,
    TrajectoryPreview,
]
