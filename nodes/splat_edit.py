"""Crop, clean, transform and merge splats."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from ..matrix3d_core.io.axes import NAMED_AXES
from ..matrix3d_core.scene.gaussians import Gaussians
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.splats.clean import CleanConfig, clean_gaussians
from ..matrix3d_core.splats.merge import FUSE_MODES, merge_gaussians
from ..matrix3d_core.splats.selection import CROP_SHAPES, crop_gaussians
from ..matrix3d_core.splats.transform import METERS_PER_UNIT, similarity, transform_gaussians, transform_path
from ._adapters import each_gaussians_from_host, splats_to_host
from ._host import Types, io, progress_to_host
from ._inputs import number_input, report_output, shape_inputs, splat_input, splat_output, trajectory_input
from ._search import SPLAT_WORDS
from ._types import TrajectoryType

__all__ = ["NODES", "SplatClean", "SplatCrop", "SplatMerge", "SplatTransform"]

_CATEGORY = "Matrix-3D/splat"
_AXES = [f"{code} ({name})" for name, code in NAMED_AXES.items()]
_UNITS = list(METERS_PER_UNIT)


def _edited(pairs: Sequence[tuple[Gaussians, Mapping[str, object]]]) -> io.NodeOutput:
    reports = [report for _, report in pairs]
    return io.NodeOutput(
        splats_to_host([world for world, _ in pairs]),
        json.dumps(reports[0] if len(reports) == 1 else reports, indent=2),
    )


class SplatCrop(io.ComfyNode):
    """Cut splats to a box, a ball or a cylinder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatCrop",
            display_name="Crop Splats",
            category=_CATEGORY,
            description="Keeps the splats whose centers lie inside (or outside) a box, a sphere or an upright "
            "cylinder, in world units.",
            search_aliases=[
                *SPLAT_WORDS,
                "splat crop",
                "crop splats",
                "cut splats",
                "bounding box",
                "remove region",
                "splat edit",
            ],
            inputs=[
                splat_input(),
                io.Combo.Input(
                    "shape",
                    options=list(CROP_SHAPES),
                    default="box",
                    tooltip="box: uses size and yaw. sphere: radius. cylinder: radius and size_y, upright.",
                ),
                io.Combo.Input(
                    "keep", options=["inside", "outside"], default="inside", tooltip="Which splats stay."
                ),
                *shape_inputs(),
            ],
            outputs=[
                splat_output("The remaining splats."),
                report_output("JSON: counts before and after, bounds."),
            ],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        shape: str,
        keep: str,
        x: float,
        y: float,
        z: float,
        size_x: float,
        size_y: float,
        size_z: float,
        radius: float,
        yaw: float,
    ) -> io.NodeOutput:
        center, size, turn = (x, y, z), (size_x, size_y, size_z), math.radians(yaw)
        return _edited(
            [
                crop_gaussians(world, shape, keep=keep, center=center, size=size, radius=radius, yaw_rad=turn)
                for world in each_gaussians_from_host(splat)
            ]
        )


class SplatClean(io.ComfyNode):
    """Remove floaters and broken splats; cut oversized ones."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        usual = CleanConfig()
        return io.Schema(
            node_id="SplatClean",
            display_name="Clean Splats",
            category=_CATEGORY,
            description="Removes floaters and oversized splats: NaN, low opacity, statistical outliers and small "
            "clusters are removed; splats far too large for their neighborhood are clamped.",
            search_aliases=[
                *SPLAT_WORDS,
                "splat clean",
                "remove floaters",
                "clean splats",
                "outlier removal",
                "denoise splats",
                "nan splats",
            ],
            inputs=[
                splat_input(),
                io.Float.Input(
                    "min_opacity",
                    default=usual.min_opacity,
                    min=0.0,
                    max=1.0,
                    step=0.005,
                    tooltip="Splats of lower opacity are removed; 0 keeps all.",
                ),
                io.Float.Input(
                    "outlier_ratio",
                    default=usual.outlier_ratio,
                    min=0.0,
                    max=1000.0,
                    step=0.1,
                    tooltip="A splat is an outlier when its neighbors are this many times farther away than they are "
                    "from each other. Lower is stricter; 0 = off.",
                ),
                io.Int.Input(
                    "min_cluster",
                    default=usual.min_cluster,
                    min=0,
                    max=1_000_000,
                    step=1,
                    tooltip="Connected clusters of fewer splats than this are removed; 0 = off.",
                ),
                io.Float.Input(
                    "max_size_ratio",
                    default=usual.max_size_ratio,
                    min=0.0,
                    max=10_000.0,
                    step=0.5,
                    tooltip="Splats larger than this many times the distance to their neighbors are clamped to it; 0 "
                    "= off.",
                ),
                io.Int.Input(
                    "neighbors",
                    default=usual.neighbors,
                    min=4,
                    max=100,
                    step=1,
                    advanced=True,
                    tooltip="Number of nearest neighbors.",
                ),
                io.Float.Input(
                    "link_ratio",
                    default=usual.link_ratio,
                    min=0.0,
                    max=1000.0,
                    step=0.1,
                    advanced=True,
                    tooltip="Two splats are connected when their distance is at most this many times the typical "
                    "distance there.",
                ),
            ],
            outputs=[
                splat_output("The clean world."),
                report_output("JSON: how many splats each step removed or clamped."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        min_opacity: float,
        outlier_ratio: float,
        min_cluster: int,
        max_size_ratio: float,
        neighbors: int,
        link_ratio: float,
    ) -> io.NodeOutput:
        config = CleanConfig(min_opacity, neighbors, outlier_ratio, min_cluster, link_ratio, max_size_ratio)
        progress = progress_to_host(cls.hidden.unique_id)
        return _edited(
            [clean_gaussians(world, config, progress) for world in each_gaussians_from_host(splat)]
        )


class SplatTransform(io.ComfyNode):
    """Turn, scale and move splats; change axes and units."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatTransform",
            display_name="Transform Splats",
            category=_CATEGORY,
            description="Rotates, scales and translates a world, view-dependent colors included, and converts axes or "
            "units. A connected trajectory is transformed with it.",
            search_aliases=[
                *SPLAT_WORDS,
                "splat transform",
                "rotate splats",
                "scale splats",
                "move splats",
                "change axes",
                "units",
                "align world",
            ],
            inputs=[
                splat_input(),
                number_input("yaw", 0.0, "Rotation about the vertical axis, degrees to the right.", step=1.0),
                number_input("pitch", 0.0, "Rotation upwards, degrees.", step=1.0),
                number_input("roll", 0.0, "Clockwise rotation, degrees.", step=1.0),
                number_input("scale", 1.0, "Scale factor, above 0.", low=1e-9),
                number_input(
                    "x", 0.0, "Translation along the first axis, applied last, in the new axes and units."
                ),
                number_input("y", 0.0, "Translation along the second axis (down, in OpenCV axes)."),
                number_input("z", 0.0, "Translation along the third axis (forward, in OpenCV axes)."),
                io.Combo.Input(
                    "from_axes",
                    options=_AXES,
                    default=_AXES[0],
                    advanced=True,
                    tooltip="Axes of the splats: where x, y and z point (R/L, U/D, F/B). This pack uses RDF.",
                ),
                io.Combo.Input(
                    "to_axes",
                    options=_AXES,
                    default=_AXES[0],
                    advanced=True,
                    tooltip="Target axes.",
                ),
                io.Combo.Input(
                    "from_unit", options=_UNITS, default="m", advanced=True, tooltip="Current unit."
                ),
                io.Combo.Input("to_unit", options=_UNITS, default="m", advanced=True, tooltip="Target unit."),
                trajectory_input(
                    "A path to transform with the world, so that it shows the same views.", optional=True
                ),
            ],
            outputs=[
                splat_output("The transformed world."),
                TrajectoryType.Output(
                    display_name="trajectory", tooltip="The transformed path; empty when none is connected."
                ),
                report_output("JSON: the 4x4 matrix that was applied."),
            ],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        yaw: float,
        pitch: float,
        roll: float,
        scale: float,
        x: float,
        y: float,
        z: float,
        from_axes: str,
        to_axes: str,
        from_unit: str,
        to_unit: str,
        trajectory: Trajectory | None = None,
    ) -> io.NodeOutput:
        matrix = similarity(
            yaw_rad=math.radians(yaw),
            pitch_rad=math.radians(pitch),
            roll_rad=math.radians(roll),
            scale=scale,
            translation=(x, y, z),
            from_axes=from_axes.split()[0],
            to_axes=to_axes.split()[0],
            from_unit=from_unit,
            to_unit=to_unit,
        )
        moved = None if trajectory is None else transform_path(trajectory, matrix)
        worlds = [transform_gaussians(world, matrix) for world in each_gaussians_from_host(splat)]
        return io.NodeOutput(splats_to_host(worlds), moved, json.dumps({"matrix": matrix.tolist()}))


class SplatMerge(io.ComfyNode):
    """Join worlds and fuse what stands in both."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatMerge",
            display_name="Merge Splats",
            category=_CATEGORY,
            description="Merges worlds that share one coordinate frame; duplicate splats are fused.",
            search_aliases=[
                *SPLAT_WORDS,
                "splat merge",
                "merge splats",
                "join worlds",
                "combine splats",
                "stitch",
                "deduplicate splats",
            ],
            inputs=[
                io.Splat.Input("splat_a", tooltip="A world; all items of a batch are merged."),
                io.Combo.Input(
                    "fuse",
                    options=list(FUSE_MODES),
                    default=FUSE_MODES[0],
                    tooltip="How duplicates are found. mahalanobis: pairs that overlap, of similar size and color. "
                    "voxel: splats of different worlds that share a cell and a color. none: only concatenate.",
                ),
                io.Float.Input(
                    "distance",
                    default=1.0,
                    min=0.01,
                    max=10.0,
                    step=0.05,
                    tooltip="For mahalanobis: how many standard deviations apart duplicates may be.",
                ),
                number_input(
                    "voxel_size", 0.05, "For voxel: edge of the cells in world units.", low=1e-9, step=0.001
                ),
                io.Float.Input(
                    "color_tolerance",
                    default=0.25,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    advanced=True,
                    tooltip="Splats that differ more than this in red, green or blue are not duplicates.",
                ),
                io.Splat.Input("splat_b", optional=True, tooltip="Another world."),
                io.Splat.Input("splat_c", optional=True, tooltip="Another world."),
                io.Splat.Input("splat_d", optional=True, tooltip="Another world."),
            ],
            outputs=[
                splat_output("One world."),
                report_output("JSON: number of splats in, fused and out."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat_a: Types.SPLAT,
        fuse: str,
        distance: float,
        voxel_size: float,
        color_tolerance: float,
        splat_b: Types.SPLAT | None = None,
        splat_c: Types.SPLAT | None = None,
        splat_d: Types.SPLAT | None = None,
    ) -> io.NodeOutput:
        given = {"splat_a": splat_a, "splat_b": splat_b, "splat_c": splat_c, "splat_d": splat_d}
        worlds = [w for n, s in given.items() if s is not None for w in each_gaussians_from_host(s, n)]
        merged = merge_gaussians(
            worlds,
            fuse=fuse,
            distance=distance,
            voxel_size=voxel_size,
            color_tolerance=color_tolerance,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        return _edited([merged])


NODES = [SplatCrop, SplatClean, SplatTransform, SplatMerge]
