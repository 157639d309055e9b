"""Inputs and outputs that several nodes share."""

from __future__ import annotations

from typing import Any

from ..matrix3d_core.raster.registry import Registry
from ..matrix3d_core.raster.splat import SPLAT_BACKENDS
from ..matrix3d_core.trajectories.defaults import DEFAULT_FRAMES
from ._host import io
from ._host_depth import backbone_names
from ._types import GeometryType, TrajectoryType

__all__ = [
    "AUTO_BACKBONE",
    "backbone_input",
    "backend_input",
    "camera_height_input",
    "degrees_input",
    "fps_input",
    "frames_input",
    "geometry_input",
    "number_input",
    "report_output",
    "shape_inputs",
    "splat_backend_input",
    "splat_input",
    "splat_output",
    "trajectory_input",
    "trajectory_output",
    "vertical_fov_input",
    "yaw_pitch_roll_inputs",
]


def splat_input(tooltip: str = "Gaussian splats; each item of a batch is processed separately.") -> Any:
    """Return the input for splats."""
    return io.Splat.Input("splat", tooltip=tooltip)


def splat_output(tooltip: str) -> Any:
    """Return the output for splats."""
    return io.Splat.Output(display_name="splat", tooltip=tooltip)


def trajectory_input(tooltip: str = "The camera path.", *, name: str = "trajectory", **options: bool) -> Any:
    """Return an input for a camera path; ``options`` such as ``optional`` go to the host."""
    return TrajectoryType.Input(name, tooltip=tooltip, **options)


def trajectory_output(tooltip: str = "The camera path.") -> Any:
    """Return the output for a camera path."""
    return TrajectoryType.Output(display_name="trajectory", tooltip=tooltip)


def geometry_input(tooltip: str, **options: bool) -> Any:
    """Return the input for a panorama's geometry; ``options`` such as ``optional`` go to the host."""
    return GeometryType.Input("geometry", tooltip=tooltip, **options)


def number_input(name: str, default: float, tooltip: str, *, low: float = -1e9, step: float = 0.01) -> Any:
    """Return the input for a number of world units or the like, without a bound that matters."""
    return io.Float.Input(name, default=default, min=low, max=1e9, step=step, tooltip=tooltip)


def shape_inputs() -> list[Any]:
    """Return the inputs that place a box, a sphere or a cylinder."""
    return [
        number_input("x", 0.0, "Center of the shape: x (right), world units."),
        number_input("y", 0.0, "Center of the shape: y (down, OpenCV axes), world units."),
        number_input("z", 0.0, "Center of the shape: z (forward), world units."),
        number_input("size_x", 4.0, "Size of the box along its x axis.", low=0.0),
        number_input("size_y", 4.0, "Height of the box or the cylinder.", low=0.0),
        number_input("size_z", 4.0, "Size of the box along its z axis.", low=0.0),
        number_input("radius", 2.0, "Radius of the sphere or the cylinder.", low=0.0),
        io.Float.Input(
            "yaw",
            default=0.0,
            min=-360.0,
            max=360.0,
            step=1.0,
            tooltip="Rotation of the box about the vertical axis, degrees to the right.",
        ),
    ]


def report_output(tooltip: str) -> Any:
    """Return the output for the report, in words or JSON."""
    return io.String.Output(display_name="report", tooltip=tooltip)


def backend_input(backends: Registry[Any], what: str, which: str = "", **options: bool) -> Any:
    """Return the choice among the backends that draw ``what``; ``which`` says more of the one that auto takes."""
    return io.Combo.Input(
        "backend",
        options=["auto", *backends.names],
        default="auto",
        tooltip=f"What draws {what}. auto takes the best one that works here{which}; a named one is used or refused, "
        "never replaced.",
        **options,
    )


def splat_backend_input(**options: bool) -> Any:
    """Return the choice among the backends that draw splats."""
    return backend_input(SPLAT_BACKENDS, "the splats", " (gsplat on CUDA, numba on the CPU)", **options)


AUTO_BACKBONE = "auto"


def backbone_input(**options: bool) -> Any:
    """Return the optional choice among the backbones for depth from the picture.

    The node's ``validate_inputs`` must take ``backbone``: saved workflows may name a file that is not here yet.
    """
    return io.Combo.Input(
        "backbone",
        options=[AUTO_BACKBONE, *backbone_names()],
        default=AUTO_BACKBONE,
        optional=True,
        tooltip="DINOv2-small for learned depth, in models/clip_vision. auto and dinov2_small.safetensors: any copy "
        "that is found, whatever its name.",
        **options,
    )


def frames_input(least: int = 1) -> Any:
    """Return the input for a path's number of poses."""
    return io.Int.Input(
        "frames",
        default=DEFAULT_FRAMES,
        min=least,
        max=10000,
        tooltip="Number of poses. 81 is what the Matrix-3D video model makes.",
    )


def fps_input(**options: Any) -> Any:
    """Return the input for a path's speed of playback; ``options`` such as ``advanced`` go to the host."""
    return io.Float.Input(
        "fps",
        default=12.0,
        min=0.1,
        max=240.0,
        step=0.1,
        tooltip="Frames per second, for playback.",
        **options,
    )


def camera_height_input(use: str) -> Any:
    """Return the input for the camera's height; ``use`` goes on after "Meters from ground to camera"."""
    return io.Float.Input(
        "camera_height",
        default=1.6,
        min=0.01,
        max=1000.0,
        step=0.05,
        tooltip=f"Meters from ground to camera{use}",
    )


def degrees_input(
    name: str, tooltip: str, limit: float = 180.0, default: float = 0.0, **options: bool
) -> Any:
    """Return an input for an angle within ``limit`` degrees; ``options`` such as ``advanced`` go to the host."""
    return io.Float.Input(
        name, default=default, min=-limit, max=limit, step=0.5, round=0.001, tooltip=tooltip, **options
    )


def yaw_pitch_roll_inputs(thing: str, **options: bool) -> list:
    """Return the inputs for a direction; ``thing`` is what they rotate, ``options`` go to the host."""
    return [
        degrees_input(
            "yaw",
            f"Degrees; positive rotates {thing} to the right. 0 is the panorama's center column.",
            360.0,
            **options,
        ),
        degrees_input("pitch", f"Degrees; positive rotates {thing} up. 90 is straight up.", 90.0, **options),
        degrees_input("roll", "Degrees; positive tilts the camera clockwise.", **options),
    ]


def vertical_fov_input() -> Any:
    """Return the advanced input for a vertical field of view."""
    return io.Float.Input(
        "fov_vertical",
        default=0.0,
        min=0.0,
        max=179.0,
        step=0.5,
        round=0.001,
        advanced=True,
        tooltip="Vertical field of view in degrees; 0 takes it from the picture's shape (square pixels).",
    )
