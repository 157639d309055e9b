"""Pictures of splats along a path, and films of them that players know as 360 or VR180."""

from __future__ import annotations

import math

import torch

from ..matrix3d_core.io.spherical_mp4 import LAYOUTS_360, add_spherical_metadata
from ..matrix3d_core.io.video import write_mp4
from ..matrix3d_core.raster.splat import SPLAT_BACKENDS
from ..matrix3d_core.scene.label_colors import color_by_label
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.splats.render import EYE_DISTANCE_M, PROJECTIONS, color_from_hex, render_path
from ._adapters import gaussians_from_host, images_from_host, sequence_from_host
from ._host import Types, io, progress_to_host, save_target, tell_user, ui
from ._inputs import splat_backend_input
from ._search import PANORAMA_WORDS, SPLAT_WORDS
from ._types import DepthType, TrajectoryType

__all__ = ["NODES", "SplatRender", "VideoSave360"]

_COLORS = {"picture": "", "provenance": "origins", "class": "classes", "instance": "instances"}


class SplatRender(io.ComfyNode):
    """Render splats along a path."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatRender",
            display_name="Render Splats",
            category="Matrix-3D/splat",
            description="Renders Gaussian splats through a camera that follows a trajectory: perspective, panorama, "
            "stereo or VR180.",
            search_aliases=[
                *SPLAT_WORDS,
                "splat render",
                "render splats",
                "flythrough",
                "gaussian render",
                "camera path",
                "walkthrough",
                "360",
                "vr180",
                "stereo",
                "vr video",
                "360 video",
                "render 3d",
            ],
            inputs=[
                io.Splat.Input(
                    "splat",
                    tooltip="Gaussian splats; of a batch, the first is shown, of a sequence, all in time.",
                ),
                TrajectoryType.Input(
                    "trajectory", tooltip="Camera path; the camera looks along each pose's forward axis."
                ),
                io.Int.Input(
                    "width",
                    default=640,
                    min=16,
                    max=16384,
                    step=8,
                    tooltip="Columns of the frames, both eyes together.",
                ),
                io.Int.Input(
                    "height",
                    default=360,
                    min=16,
                    max=8192,
                    step=8,
                    tooltip="Rows of the frames. Panoramas and VR180 are always half as high as wide.",
                ),
                io.Float.Input(
                    "fov",
                    default=90.0,
                    min=10.0,
                    max=150.0,
                    step=1.0,
                    tooltip="Horizontal field of view of one eye in degrees; for perspective and stereo.",
                ),
                io.Int.Input(
                    "stride",
                    default=1,
                    min=1,
                    max=1000,
                    step=1,
                    tooltip="Render every n-th pose; the first is always rendered.",
                ),
                splat_backend_input(),
                io.Combo.Input(
                    "projection",
                    options=list(PROJECTIONS),
                    default=PROJECTIONS[0],
                    optional=True,
                    tooltip="perspective: one perspective view. panorama: equirectangular, 2:1. stereo: two "
                    "perspective views side by side, left eye first. vr180: two half panoramas side by side.",
                ),
                io.Float.Input(
                    "eye_distance",
                    default=EYE_DISTANCE_M,
                    min=0.0,
                    max=1e6,
                    step=0.001,
                    optional=True,
                    tooltip="Distance between the eyes in world units: 0.064 when one unit is one meter.",
                ),
                io.String.Input(
                    "background",
                    default="#000000",
                    optional=True,
                    tooltip="Color behind the splats: # and six hexadecimal digits.",
                ),
                io.Combo.Input(
                    "color",
                    options=list(_COLORS),
                    default="picture",
                    optional=True,
                    tooltip="picture: the world's own colors. provenance: where each splat comes from: green = texel "
                    "of the source, orange = observed in a later frame, red = unobserved, at a guessed distance. "
                    "class: light blue = sky, brown = ground, beige = wall, green = foliage, blue = water, pink = "
                    "object. instance: a color for each. Gray = unknown or none.",
                ),
                io.Boolean.Input(
                    "antialiased",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="Dim splats smaller than a pixel instead of letting them grow: for worlds trained with a "
                    "mip filter, as the report of Load Splats says.",
                ),
                io.Float.Input(
                    "time",
                    default=0.0,
                    min=-1e6,
                    max=1e6,
                    step=0.1,
                    optional=True,
                    advanced=True,
                    tooltip="For worlds that move (Animate World): seconds at the first pose.",
                ),
                io.Boolean.Input(
                    "play",
                    default=True,
                    optional=True,
                    advanced=True,
                    tooltip="For worlds that move: each pose is rendered at its own time, by the trajectory's frames "
                    "per second. Off: all poses at the same time.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="frames", tooltip="One picture per rendered pose, over the background."
                ),
                io.Mask.Output(display_name="alpha", tooltip="Alpha: 1 where splats hide the background."),
                DepthType.Output(
                    display_name="depth",
                    tooltip="Distance along each ray in world units, infinite where empty.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        trajectory: Trajectory,
        width: int,
        height: int,
        fov: float,
        stride: int,
        backend: str,
        projection: str = PROJECTIONS[0],
        eye_distance: float = EYE_DISTANCE_M,
        background: str = "#000000",
        color: str = "picture",
        antialiased: bool = False,
        time: float = 0.0,
        play: bool = True,
    ) -> io.NodeOutput:
        world = gaussians_from_host(splat)
        shots = render_path(
            color_by_label(world, _COLORS[color]) if _COLORS[color] else world,
            trajectory,
            projection=projection,
            height=height,
            width=width,
            fov_x_rad=math.radians(fov),
            stride=stride,
            eye_distance=eye_distance,
            background=color_from_hex(background),
            backend=backend,
            antialiased=antialiased,
            start_s=time,
            plays=play,
            sequence=sequence_from_host(splat) if color == "picture" else None,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        used = SPLAT_BACKENDS.describe_choice(shots.backend)
        tell_user(cls.hidden.unique_id, used)
        return io.NodeOutput(shots.rgb, shots.alpha, shots.depth_ray, ui={"text": [used]})


class VideoSave360(io.ComfyNode):
    """Write frames as an MP4 that players show all around."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VideoSave360",
            display_name="Save 360 Video",
            category="Matrix-3D/files",
            description="Writes frames as an MP4 with the spherical metadata that makes players, headsets and video "
            "sites show it as 360, VR180 or stereo video.",
            search_aliases=[
                *PANORAMA_WORDS,
                "video save 360",
                "save 360 video",
                "spherical metadata",
                "vr video",
                "vr180",
                "save mp4",
                "youtube 360",
                "360 video",
                "vr 180",
                "export vr",
            ],
            is_output_node=True,
            inputs=[
                io.Image.Input(
                    "frames", tooltip="The frames, such as those of Render Splats or a panoramic video."
                ),
                io.Combo.Input(
                    "layout",
                    options=list(LAYOUTS_360),
                    default=LAYOUTS_360[0],
                    tooltip="What the frames show. For Render Splats: panorama is 360, vr180 is vr180 side by side, "
                    "stereo is flat side by side.",
                ),
                io.Float.Input(
                    "fps", default=12.0, min=0.1, max=240.0, step=0.1, tooltip="Frames per second."
                ),
                io.Int.Input(
                    "crf",
                    default=18,
                    min=0,
                    max=51,
                    step=1,
                    tooltip="H.264 quality: 0 is lossless, 18 visually lossless, 51 the smallest file.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="matrix3d/video360",
                    tooltip="Name below the output folder, subfolders with a slash; a number is added.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="file", tooltip="Name of the file below the output folder.")
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls, frames: torch.Tensor, layout: str, fps: float, crf: int, filename_prefix: str
    ) -> io.NodeOutput:
        pictures = images_from_host(frames, "frames")
        path, filename, subfolder = save_target(filename_prefix, ".mp4")
        write_mp4(path, pictures, fps=fps, crf=crf, progress=progress_to_host(cls.hidden.unique_id))
        add_spherical_metadata(path, layout)
        saved = ui.SavedResult(filename, subfolder, io.FolderType.output)
        return io.NodeOutput(f"{subfolder}/{filename}".lstrip("/"), ui=ui.PreviewVideo([saved]))


NODES = [SplatRender, VideoSave360]
