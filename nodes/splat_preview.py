"""SplatPreview: walk through a world in the browser, and bring the walk back into the graph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from ..matrix3d_core.collision.occupancy import Occupancy, encode_occupancy
from ..matrix3d_core.collision.walls import walls_of_mesh, walls_of_panorama
from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.io.atomic import open_atomically
from ..matrix3d_core.io.pano_frames import shown_frames, write_panorama
from ..matrix3d_core.io.splat_formats import FORMATS
from ..matrix3d_core.io.splats import PREVIEW_FORMATS
from ..matrix3d_core.scene.panorama import PanoramaGeometry
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.splats.render import render_path
from ..matrix3d_core.trajectories.defaults import DEFAULT_FRAMES
from ..matrix3d_core.trajectories.load3d import camera_info_from_pose
from ..matrix3d_core.trajectories.recording import RESAMPLE_BY, parse_recording, trajectory_from_recording
from ._adapters import image_from_host, mesh_from_host, world_info_of
from ._cache import LastResult
from ._host import Types, io, save_target
from ._host_block import block_output
from ._search import SPLAT_WORDS
from ._shown_splat import WrittenFile, describe_file, keep_world, read_shown, world_to_show
from ._types import GeometryType, TrajectoryType

__all__ = ["NODES", "SplatPreview"]


@dataclass(frozen=True)
class _Walls:
    """The occupied cells of a world, and their file for the browser."""

    occupancy: Occupancy
    path: Path
    shown: dict[str, object]


_walls: LastResult[_Walls] = LastResult()
_spheres: LastResult[WrittenFile] = LastResult()
_DRAWN_POSES = 33  # of the trajectory that comes in
_SPHERE_WIDTH = 4096  # of the panorama that the view can fade to
_AXES = ["glTF (y up)", "OpenCV (y down)"]
_SPLAT_FILES = [
    io.File3DSplatAny,
    *(getattr(io, form.host_type) for form in FORMATS if form.host_type and form.in_browser),
]


class SplatPreview(io.ComfyNode):
    """Show Gaussian splats in the node, first person."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatPreview",
            display_name="Preview Splats",
            category="Matrix-3D/splat",
            description=(
                "Walk through a splat world inside the node: W A S D and the mouse, orbit mode, full screen, "
                "screenshots. Record the walk or set keyframes, and capture views: they are output as a trajectory, "
                "an image and a camera. Also outputs the world as a file for core's preview and save nodes."
            ),
            search_aliases=[
                *SPLAT_WORDS,
                "splat preview",
                "walk",
                "first person",
                "view splat",
                "view gaussian",
                "3dgs viewer",
                "world viewer",
                "record path",
                "path recorder",
                "3d viewer",
                "walk in vr",
                "vr headset",
                "walkthrough",
                "explore world",
            ],
            is_output_node=True,
            inputs=[
                io.MultiType.Input(
                    io.Splat.Input("splat"),
                    types=_SPLAT_FILES,
                    tooltip="Gaussian splats, or a splat file. World axes: x right, y down, z forward. Of a "
                    "batch, the first is shown.",
                ),
                io.Combo.Input(
                    "format",
                    options=["auto", *PREVIEW_FORMATS],
                    default="auto",
                    advanced=True,
                    tooltip="File format for the browser. ply is exact, spz is a tenth of its size; auto uses ply "
                    "below 16 MB. A file given as input is shown as it is.",
                ),
                TrajectoryType.Input(
                    "trajectory",
                    optional=True,
                    tooltip="The walk starts at its first frame, upright; the view's path button draws it. "
                    "Without it: at the world's origin, the panorama's center, looking at its front.",
                ),
                io.MultiType.Input(
                    io.Splat.Input("compare", optional=True),
                    types=_SPLAT_FILES,
                    tooltip="A second world, shown to the right of a line that can be dragged: before and after.",
                ),
                GeometryType.Input(
                    "geometry",
                    optional=True,
                    tooltip="Depth of the world's panorama for collision: walls stop the character, the ground "
                    "carries it, and it stays inside the covered area. Also gives the panorama that the view can fade "
                    "to.",
                ),
                io.Mesh.Input(
                    "collider",
                    optional=True,
                    tooltip="A collision mesh for the character, such as the collider of Splats to Mesh or Place "
                    "Object in World; joins the geometry's walls.",
                ),
                io.Image.Input(
                    "panorama",
                    optional=True,
                    tooltip="The source panorama: the view can fade between it and the splats. Without it, that "
                    "of the geometry.",
                ),
                io.Int.Input(
                    "frames",
                    default=DEFAULT_FRAMES,
                    min=1,
                    max=10000,
                    optional=True,
                    tooltip="Poses of the recorded trajectory. 81 is what the Matrix-3D video model makes.",
                ),
                io.Combo.Input(
                    "resample_by",
                    options=list(RESAMPLE_BY),
                    default=RESAMPLE_BY[0],
                    optional=True,
                    advanced=True,
                    tooltip="Of a recorded walk. distance: constant speed along the path, pauses removed. time: as "
                    "recorded. Key poses are always joined at constant speed.",
                ),
                io.Float.Input(
                    "smoothing",
                    default=0.1,
                    min=0.0,
                    max=10.0,
                    step=0.05,
                    optional=True,
                    advanced=True,
                    tooltip="Temporal smoothing of a recorded walk: standard deviation of the Gaussian, seconds. 0 = "
                    "none.",
                ),
                io.Float.Input(
                    "fps",
                    default=12.0,
                    min=0.1,
                    max=240.0,
                    step=0.1,
                    optional=True,
                    advanced=True,
                    tooltip="Frames per second of the recorded trajectory, for playback.",
                ),
                io.Int.Input(
                    "view_width",
                    default=960,
                    min=16,
                    max=16384,
                    step=8,
                    optional=True,
                    advanced=True,
                    tooltip="Columns of the view's picture.",
                ),
                io.Int.Input(
                    "view_height",
                    default=540,
                    min=16,
                    max=8192,
                    step=8,
                    optional=True,
                    advanced=True,
                    tooltip="Rows of the view's picture.",
                ),
                io.String.Input(
                    "recording",
                    default="",
                    optional=True,
                    socketless=True,
                    advanced=True,
                    tooltip="What was recorded in the view; the view's buttons write it. JSON: walk, keys, use, view.",
                ),
                io.Combo.Input(
                    "collider_axes",
                    options=_AXES,
                    default=_AXES[0],
                    optional=True,
                    advanced=True,
                    tooltip="Axes of the collider. glTF: as Splats to Mesh gives it and 3D files hold it. OpenCV: the "
                    "splats' own, y down.",
                ),
            ],
            outputs=[
                io.File3DSplatAny.Output(
                    display_name="model_3d",
                    tooltip="The file shown, for core's Preview Splat, Save Splat and other nodes.",
                ),
                TrajectoryType.Output(
                    display_name="trajectory",
                    tooltip="The recorded walk or the key poses as a path with this many frames. Nothing recorded: "
                    "the input trajectory; without one, downstream nodes wait.",
                ),
                io.Image.Output(
                    display_name="view",
                    tooltip="The view captured last, rendered by the splat backend. Downstream nodes wait for one.",
                ),
                io.Load3DCamera.Output(
                    display_name="camera_info",
                    tooltip="The camera of the view captured last. Downstream nodes wait until one is taken.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT | Types.File3D,
        format: str = "auto",
        trajectory: Trajectory | None = None,
        frames: int = DEFAULT_FRAMES,
        resample_by: str = RESAMPLE_BY[0],
        smoothing: float = 0.1,
        fps: float = 12.0,
        view_width: int = 960,
        view_height: int = 540,
        recording: str = "",
        compare: Types.SPLAT | Types.File3D | None = None,
        geometry: PanoramaGeometry | None = None,
        collider: Types.MESH | None = None,
        panorama: torch.Tensor | None = None,
        collider_axes: str = _AXES[0],
    ) -> io.NodeOutput:
        recorded = parse_recording(recording)
        node = cls.hidden.unique_id if cls.hidden else None
        written = keep_world(node, splat, format)
        shown = world_to_show(node, splat, format)
        info = world_info_of(splat)
        if compare is not None:
            shown["compare"] = keep_world(node and f"{node} compare", compare, format).shown
        path = trajectory if trajectory is not None else block_output()
        sources = [one for one in (trajectory, geometry, info) if one is not None]
        is_metric = any(one.is_metric for one in sources)
        if trajectory is not None:
            shown["path"] = [
                trajectory.camera_from_world[frame].flatten().tolist()
                for frame in shown_frames(len(trajectory), _DRAWN_POSES)
            ]
            shown["start_pose"] = trajectory.camera_from_world[0].flatten().tolist()
        shown["is_metric"] = is_metric
        walls = _keep_walls(node, geometry, collider, collider_axes, trajectory)
        if walls is not None:
            shown["walls"] = walls.shown
        sphere = panorama if panorama is not None else geometry.rgb if geometry is not None else None
        if sphere is not None:
            shown["panorama"] = _keep_sphere(node, sphere, is_image=panorama is not None).shown
            if trajectory is not None:
                shown["panorama_pose"] = trajectory.panorama_from_world.flatten().tolist()
        if recorded.has_path:
            path = trajectory_from_recording(
                recorded,
                frames=frames,
                smoothing_s=smoothing,
                resample_by=resample_by,
                fps=fps,
                is_metric=is_metric,
                walls=None if walls is None else walls.occupancy,
            )
            shown["recorded"] = _check(path, walls)
        view: object = block_output()
        camera: object = block_output()
        if recorded.view is not None:
            pose = recorded.view.camera_from_world
            view = render_path(  # one picture: a progress preview would only move the viewer about
                read_shown(splat),
                Trajectory(pose[None]),
                height=view_height,
                width=view_width,
                fov_x_rad=recorded.view.fov_x_rad(view_height, view_width),
            ).rgb
            camera = camera_info_from_pose(pose, fov_y_rad=recorded.view.fov_y_rad)
        return io.NodeOutput(
            Types.File3D(str(written.path)), path, view, camera, ui={"matrix3d_splat": [shown]}
        )


def _check(path: Trajectory, walls: _Walls | None) -> dict[str, object]:
    """Return which frames of a recorded path collide with walls."""
    hits: list[int] = []
    if walls is not None:
        inside = walls.occupancy.blocks(path.centers, 0.9 * walls.occupancy.radius)
        hits = inside.nonzero()[:, 0].tolist()
    return {"frames": len(path), "hits": hits}


def _keep_walls(
    key: str | None,
    geometry: PanoramaGeometry | None,
    collider: Types.MESH | None,
    axes: str,
    trajectory: Trajectory | None,
) -> _Walls | None:
    """Find and write the walls, unless the last run did the same."""
    if geometry is None and collider is None:
        return None
    been = None if trajectory is None else trajectory.centers

    def make() -> _Walls:
        found = []
        if geometry is not None:
            place = None if trajectory is None else trajectory.world_from_panorama
            found.append(walls_of_panorama(geometry, world_from_panorama=place))
        if collider is not None:
            found.append(walls_of_mesh(mesh_from_host(collider, "collider", is_gltf=axes == _AXES[0])))
        occupancy = found[0].joined(found[1]) if len(found) == 2 else found[0]
        if been is not None:
            occupancy = occupancy.without(been, 1.05 * occupancy.radius)
        path, filename, subfolder = save_target("matrix3d/world", ".walls", kind="temp")
        with open_atomically(path) as file:
            file.write(encode_occupancy(occupancy))
        return _Walls(occupancy, path, describe_file(path, filename, subfolder))

    poses = None if trajectory is None else trajectory.camera_from_world.tolist()
    options = (axes, poses, None if trajectory is None else trajectory.frame_of_reference, id(geometry))
    value = collider if collider is not None else geometry
    return _walls.get(key and f"{key} walls", value, options, make, lambda made: made.path.is_file())


def _keep_sphere(key: str | None, panorama: torch.Tensor, *, is_image: bool) -> WrittenFile:
    """Write the panorama as a picture, unless the last run did the same."""

    def make() -> WrittenFile:
        picture = image_from_host(panorama, "panorama") if is_image else panorama
        height, width = picture.shape[:2]
        if width != 2 * height:
            raise InvalidInput(f"panorama must be twice as wide as high; got {width}x{height}.")
        path, filename, subfolder = save_target("matrix3d/world", ".jpg", kind="temp")
        write_panorama(path, picture, max_width=_SPHERE_WIDTH, quality=92)
        return WrittenFile(path, describe_file(path, filename, subfolder))

    return _spheres.get(key and f"{key} sphere", panorama, None, make, lambda made: made.path.is_file())


NODES = [SplatPreview]
