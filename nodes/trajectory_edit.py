"""Edit and join camera paths."""

from __future__ import annotations

from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.trajectories.edit import join, resample, reverse, smooth, transform
from ._host import io
from ._inputs import frames_input, trajectory_input, trajectory_output
from ._search import PATH_WORDS

__all__ = ["NODES", "TrajectoryEdit", "TrajectoryJoin"]

_CATEGORY = "Matrix-3D/trajectory"


class TrajectoryEdit(io.ComfyNode):
    """Reverse, resample, smooth or scale a path."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrajectoryEdit",
            display_name="Edit Trajectory",
            category=_CATEGORY,
            description="Edit a camera path: reverse, resample, smooth or scale it.",
            search_aliases=[
                *PATH_WORDS,
                "reverse camera",
                "resample trajectory",
                "smooth camera",
                "scale trajectory",
            ],
            inputs=[
                trajectory_input(),
                io.Combo.Input(
                    "operation",
                    options=["reverse", "resample", "smooth", "scale"],
                    default="resample",
                    tooltip="Operation; each uses only its own inputs below.",
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
                    tooltip="smooth: width of the Gaussian in frames. The end points are fixed.",
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
            outputs=[trajectory_output("The edited path.")],
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
            description="Concatenate two camera paths.",
            search_aliases=[*PATH_WORDS, "concatenate camera", "append trajectory"],
            inputs=[
                trajectory_input("First path; its fps and name are kept.", name="first"),
                trajectory_input("Second path.", name="second"),
                io.Boolean.Input(
                    "anchor",
                    default=True,
                    tooltip="Align the start of the second path with the end of the first. Off: it is not moved, and "
                    "the camera may jump.",
                ),
            ],
            outputs=[trajectory_output("Both paths; a duplicate pose at the join is removed.")],
        )

    @classmethod
    def execute(cls, first: Trajectory, second: Trajectory, anchor: bool) -> io.NodeOutput:
        return io.NodeOutput(join(first, second, anchor=anchor))


NODES = [TrajectoryEdit, TrajectoryJoin]
