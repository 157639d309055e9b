"""Load and save camera paths, and hand one pose of a path to the host."""

from __future__ import annotations

import math
from typing import Any

from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.io.camera_paths.door import PATH_SUFFIXES, file_of, import_text, import_trajectory
from ..matrix3d_core.io.camera_paths.raw import (
    INTRINSICS_CHOICES,
    PATH_AXES,
    POSE_DIRECTIONS,
    TIME_UNITS,
    PathOptions,
)
from ..matrix3d_core.io.cameras_json import LAYOUTS, write_trajectory
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.trajectories.load3d import camera_info_from_pose
from ..matrix3d_core.trajectories.placement import PANORAMA_PLACES, place_panorama
from ..matrix3d_core.trajectories.report import describe_trajectory
from ..matrix3d_core.trajectories.rescale import RESCALE_MODES, adapt_to_scene, check_units
from ._file_inputs import file_input
from ._host import io, resolve_input, save_target, ui
from ._inputs import geometry_input, report_output, trajectory_input, trajectory_output
from ._search import PATH_WORDS

__all__ = ["NODES", "TrajectoryLoad", "TrajectorySave", "TrajectoryToCamera"]

_CATEGORY = "Matrix-3D/trajectory"
_PASTED = "(pasted text)"


def _reading_inputs() -> list[Any]:
    """Return the inputs that overrule what a file of a camera path was found to be."""
    return [
        io.Combo.Input(
            "panorama_at",
            options=list(PANORAMA_PLACES),
            default="auto",
            optional=True,
            tooltip="Where the panorama is, with rescale none. at the first pose: it is what the first camera sees. "
            "yaw kept: it is upright there and faces +z, as with Matrix-3D's user trajectories. at the origin: the "
            "poses are the panorama's own. auto: as the file says; else at the origin when the path begins there, "
            "else at the first pose.",
        ),
        io.Combo.Input(
            "pose_convention",
            options=list(POSE_DIRECTIONS),
            default="auto",
            optional=True,
            advanced=True,
            tooltip="c2w: matrices are camera-to-world. w2c: world-to-camera. auto: as the format defines them.",
        ),
        io.Combo.Input(
            "axes",
            options=["auto", *PATH_AXES],
            default="auto",
            optional=True,
            advanced=True,
            tooltip="Axes of the cameras and of the world. blender: OpenGL cameras in a world whose z is up, as "
            "nerfstudio's. auto: as the format defines them.",
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
            tooltip="Scale factor of the camera positions.",
        ),
        io.Float.Input(
            "sample_fps",
            default=0.0,
            min=0.0,
            max=1000.0,
            step=1.0,
            optional=True,
            advanced=True,
            tooltip="Frames per second: a path with times (TUM, RealEstate10K, glTF) is sampled at this rate, others "
            "are played at it. 0: the file's own (24 for glTF).",
        ),
        io.Combo.Input(
            "time_unit",
            options=["auto", *TIME_UNITS],
            default="auto",
            optional=True,
            advanced=True,
            tooltip="Unit of the file's timestamps.",
        ),
        io.Combo.Input(
            "intrinsics",
            options=list(INTRINSICS_CHOICES),
            default="auto",
            optional=True,
            advanced=True,
            tooltip="Keep the intrinsics of perspective images, or drop them: poses are then panoramas. auto keeps "
            "them in this pack's own files.",
        ),
        io.String.Input(
            "camera",
            default="",
            optional=True,
            advanced=True,
            tooltip="Name of the camera where a file has several (ReCamMaster, glTF); empty: the first one.",
        ),
    ]


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
            "CameraCtrl, TUM, ReCamMaster, VGGT and Depth Anything 3, Blender and glTF. The format is detected and "
            "reported. Can rescale it to the scene.",
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
                    tooltip="none: keep the poses. fit: start at the panorama's center and extend at most halfway to "
                    "the visible surfaces. upstream: as Matrix-3D does (made relative to the first pose; only its yaw "
                    "is kept). fit and upstream need geometry.",
                ),
                geometry_input(
                    "The panorama's geometry: for rescaling, and to check the path's units.", optional=True
                ),
                *_reading_inputs(),
            ],
            outputs=[
                trajectory_output(),
                io.Float.Output(
                    display_name="yaw", tooltip="Heading of the first pose in degrees, 0 to 360."
                ),
                report_output("What was done and measured, as text."),
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
        pose_convention: str = "auto",
        axes: str = "auto",
        scale: float = 1.0,
        sample_fps: float = 0.0,
        time_unit: str = "auto",
        intrinsics: str = "auto",
        camera: str = "",
    ) -> io.NodeOutput:
        options = PathOptions(pose_convention, axes, scale, sample_fps, time_unit, intrinsics, camera.strip())
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
                trajectory_input(),
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
                    "be read back with the panorama elsewhere. matrix3d: also stores axes, units, fps, intrinsics and "
                    "the panorama's pose.",
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
                trajectory_input(),
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
                    tooltip="Distance of the viewer's orbit center ahead of the camera, world units.",
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


NODES = [TrajectoryLoad, TrajectorySave, TrajectoryToCamera]
