"""Check the clearance of camera paths, and plot them."""

from __future__ import annotations

from typing import Any

from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.trajectories.clearance import METHODS, measure_clearance, shorten_to_clear
from ..matrix3d_core.trajectories.defaults import DEFAULT_CLEARANCE
from ..matrix3d_core.trajectories.plot import plot_trajectory
from ..matrix3d_core.trajectories.rescale import check_units
from ._host import io, progress_to_host, ui
from ._inputs import geometry_input, report_output, trajectory_input, trajectory_output
from ._search import PATH_WORDS
from ._types import GeometryType

__all__ = ["NODES", "TrajectoryClearance", "TrajectoryPreview"]

_CATEGORY = "Matrix-3D/trajectory"


class TrajectoryClearance(io.ComfyNode):
    """Check a path against the geometry."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryClearance",
            display_name="Trajectory Clearance",
            category=_CATEGORY,
            description="Measure the clearance of a camera path from the panorama's geometry, report colliding "
            "frames, and output a path shortened to avoid collisions.",
            search_aliases=[
                *PATH_WORDS,
                "collision",
                "camera clearance",
                "check trajectory",
                "safe path",
            ],
            is_output_node=True,
            inputs=[
                trajectory_input(),
                GeometryType.Input("geometry", tooltip="The panorama's geometry."),
                io.Float.Input(
                    "clearance",
                    default=DEFAULT_CLEARANCE,
                    min=0.0,
                    max=1000.0,
                    step=0.05,
                    round=False,
                    tooltip="Minimum distance to surfaces, world units. Frames behind a surface collide too.",
                ),
                io.Combo.Input(
                    "shorten",
                    options=["off", *METHODS],
                    default="auto",
                    tooltip="How collisions are avoided. cut: end before the first one. scale: shrink the path. auto: "
                    "scale paths that return to their start, cut others. off: unchanged.",
                ),
                io.Int.Input(
                    "height", default=512, min=128, max=4096, step=8, tooltip="Height of the image, pixels."
                ),
            ],
            outputs=[
                trajectory_output("The path, shortened if needed."),
                report_output("What was done and measured, as text."),
                io.Image.Output(display_name="image", tooltip="The input path, colliding frames in red."),
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
            description="Plot a camera path from above and from the side, in its scene when geometry is connected.",
            search_aliases=[*PATH_WORDS, "plot camera path", "show trajectory", "camera map"],
            is_output_node=True,
            inputs=[
                trajectory_input(),
                io.Int.Input(
                    "height", default=512, min=128, max=4096, step=8, tooltip="Height of the image, pixels."
                ),
                geometry_input("The panorama's geometry, drawn around the path.", optional=True),
            ],
            outputs=[io.Image.Output(display_name="image", tooltip="The plot, about twice as wide as high.")],
        )

    @classmethod
    def execute(cls, trajectory: Trajectory, height: int, geometry: Any = None) -> io.NodeOutput:
        image = plot_trajectory(trajectory, geometry, height_px=height)[None]
        return io.NodeOutput(image, ui=ui.PreviewImage(image, cls=cls))


NODES = [TrajectoryClearance, TrajectoryPreview]
