"""PanoPreview: look around in panoramas and panoramic videos in the browser."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..matrix3d_core.io.painted_mask import parse_painted_mask
from ..matrix3d_core.io.pano_frames import write_pano_frames
from ..matrix3d_core.panorama.views import perspective_views
from ..matrix3d_core.progress import ProgressEvent
from ._adapters import images_from_host
from ._cache import LastResult
from ._host import io, progress_to_host, save_target
from ._search import PANORAMA_WORDS

__all__ = ["NODES", "PanoPreview"]


@dataclass(frozen=True)
class _Written:
    """Frames for the browser."""

    folder: Path
    files: list[dict[str, object]]

    def is_there(self) -> bool:
        """Whether no file was deleted."""
        return all((self.folder / str(file["filename"])).is_file() for file in self.files)


_written: LastResult[_Written] = LastResult()


class PanoPreview(io.ComfyNode):
    """Look around in a panorama inside the node."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoPreview",
            display_name="Preview Panorama",
            category="Matrix-3D/panorama",
            description="Look around in a panorama or a panoramic video inside the node: drag to look, wheel to zoom, "
            "a slider for the frame, a brush for a mask. The current view is output as an image, the painted mask as "
            "a mask.",
            search_aliases=[
                *PANORAMA_WORDS,
                "pano preview",
                "360 viewer",
                "panorama viewer",
                "look around",
                "equirectangular preview",
                "360 video",
                "mask brush",
                "vr video",
            ],
            is_output_node=True,
            inputs=[
                io.Image.Input(
                    "panorama", tooltip="One panorama (2:1), or the frames of a panoramic video as a batch."
                ),
                io.Float.Input(
                    "yaw",
                    default=0.0,
                    min=-360.0,
                    max=360.0,
                    step=0.1,
                    tooltip="Where the view looks, degrees: 0 is the panorama's middle, positive turns right. "
                    "Dragging in the view sets it.",
                ),
                io.Float.Input(
                    "pitch",
                    default=0.0,
                    min=-90.0,
                    max=90.0,
                    step=0.1,
                    tooltip="How far the view looks up, degrees. Dragging in the view sets it.",
                ),
                io.Float.Input(
                    "fov",
                    default=90.0,
                    min=10.0,
                    max=150.0,
                    step=0.1,
                    tooltip="Horizontal field of view in degrees. The wheel over the view sets it.",
                ),
                io.Int.Input(
                    "frame",
                    default=0,
                    min=0,
                    max=100000,
                    step=1,
                    tooltip="Which frame of a video; beyond the end, the last. The slider below the view sets it.",
                ),
                io.Boolean.Input(
                    "all_frames",
                    default=False,
                    advanced=True,
                    tooltip="Output the view for every frame instead of the current one.",
                ),
                io.Int.Input(
                    "width",
                    default=960,
                    min=16,
                    max=16384,
                    step=8,
                    advanced=True,
                    tooltip="Columns of the view's picture.",
                ),
                io.Int.Input(
                    "height",
                    default=540,
                    min=16,
                    max=8192,
                    step=8,
                    advanced=True,
                    tooltip="Rows of the view's picture.",
                ),
                io.String.Input(
                    "paint",
                    default="",
                    optional=True,
                    socketless=True,
                    advanced=True,
                    tooltip="The mask painted in the view; its brush writes it.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="panorama", tooltip="The panorama, unchanged."),
                io.Image.Output(display_name="view", tooltip="The current view, as a perspective image."),
                io.Mask.Output(
                    display_name="mask",
                    tooltip="The painted mask: 1 where painted, else 0. Same size as the panorama.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        panorama: torch.Tensor,
        yaw: float,
        pitch: float,
        fov: float,
        frame: int,
        all_frames: bool,
        width: int,
        height: int,
        paint: str = "",
    ) -> io.NodeOutput:
        node = cls.hidden.unique_id if cls.hidden else None
        pictures = images_from_host(panorama, "panorama")
        to_host = progress_to_host()

        def report(event: ProgressEvent) -> None:
            to_host(replace(event, preview=None))  # the host's preview would only move the viewer about

        def write() -> _Written:
            path, _, subfolder = save_target("matrix3d/pano", ".jpg", kind="temp")
            files = write_pano_frames(path.parent, path.stem, pictures, progress=report)
            return _Written(
                path.parent,
                [
                    {"filename": name, "subfolder": subfolder, "type": "temp", "frame": number}
                    for number, name in files
                ],
            )

        written = _written.get(node, panorama, None, write, _Written.is_there)
        view = perspective_views(
            pictures if all_frames else pictures[: frame + 1][-1:],
            yaw_rad=math.radians(yaw),
            pitch_rad=math.radians(pitch),
            roll_rad=0.0,
            fov_x_rad=math.radians(fov),
            fov_y_rad=None,
            height=height,
            width=width,
            progress=report,
        )
        mask = parse_painted_mask(paint, pictures.shape[1]).unsqueeze(0)
        return io.NodeOutput(panorama, view, mask, ui={"matrix3d_pano": written.files})


NODES = [PanoPreview]
