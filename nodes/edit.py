"""After the fit: crop, clean, thin out, level, move and join splats, and turn them into meshes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import torch

from ..matrix3d_core.io.axes import NAMED_AXES
from ..matrix3d_core.io.splats import SPLAT_FORMATS, write_gaussians
from ..matrix3d_core.scene.gaussians import Gaussians
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.splats.clean import CleanConfig, clean_gaussians
from ..matrix3d_core.splats.levels import CELLS, levels_of_detail
from ..matrix3d_core.splats.merge import FUSE_MODES, merge_gaussians
from ..matrix3d_core.splats.mesh import MeshConfig, decimate, for_gltf, mesh_from_gaussians
from ..matrix3d_core.splats.prune import METHODS, PruneConfig, prune_gaussians
from ..matrix3d_core.splats.selection import CROP_SHAPES, crop_gaussians
from ..matrix3d_core.splats.texture import TEXTURE_SIZES, texture_mesh
from ..matrix3d_core.splats.transform import METERS_PER_UNIT, similarity, transform_gaussians, transform_path
from ._adapters import (
    each_gaussians_from_host,
    gaussians_from_host,
    images_from_host,
    mesh_to_host,
    splats_to_host,
)
from ._host import Types, io, progress_to_host, save_target
from ._inputs import splat_backend_input
from ._search import SPLAT_WORDS
from ._types import TrajectoryType

__all__ = [
    "NODES",
    "SplatClean",
    "SplatCrop",
    "SplatLOD",
    "SplatMerge",
    "SplatMesh",
    "SplatPrune",
    "SplatTransform",
]

_CATEGORY = "Matrix-3D/splat"
_LIMIT = 1e9
_AXES = [f"{code} ({name})" for name, code in NAMED_AXES.items()]
_UNITS = list(METERS_PER_UNIT)
_NO_TEXTURE = "vertex colors"


def _splat_input(
    tooltip: str = "Gaussian splats; every item of a batch is treated by itself.",
) -> io.Splat.Input:
    return io.Splat.Input("splat", tooltip=tooltip)


def _splat_output(tooltip: str) -> io.Splat.Output:
    return io.Splat.Output(display_name="splat", tooltip=tooltip)


def _report_output(tooltip: str) -> io.String.Output:
    return io.String.Output(display_name="report", tooltip=f"JSON: {tooltip}")


def _number(
    name: str, default: float, tooltip: str, *, low: float = -_LIMIT, step: float = 0.01
) -> io.Float.Input:
    return io.Float.Input(name, default=default, min=low, max=_LIMIT, step=step, tooltip=tooltip)


def _trajectory_input(tooltip: str) -> io.Custom.Input:
    return TrajectoryType.Input("trajectory", optional=True, tooltip=tooltip)


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
            description="Keeps the splats whose centers lie inside (or outside) of a box, a sphere or an "
            "upright cylinder, in world units.",
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
                _splat_input(),
                io.Combo.Input(
                    "shape",
                    options=list(CROP_SHAPES),
                    default="box",
                    tooltip="box: size and yaw count. sphere: radius. cylinder: radius and size_y, upright.",
                ),
                io.Combo.Input(
                    "keep", options=["inside", "outside"], default="inside", tooltip="Which splats stay."
                ),
                _number("x", 0.0, "Middle of the shape: to the right, world units."),
                _number("y", 0.0, "Middle of the shape: down (OpenCV axes), world units."),
                _number("z", 0.0, "Middle of the shape: forward, world units."),
                _number("size_x", 4.0, "Edge of the box along its own x axis.", low=0.0),
                _number("size_y", 4.0, "Height of the box or the cylinder.", low=0.0),
                _number("size_z", 4.0, "Edge of the box along its own z axis.", low=0.0),
                _number("radius", 2.0, "Of the sphere and the cylinder.", low=0.0),
                io.Float.Input(
                    "yaw",
                    default=0.0,
                    min=-360.0,
                    max=360.0,
                    step=1.0,
                    tooltip="Turns the box to the right about the vertical, in degrees.",
                ),
            ],
            outputs=[_splat_output("What is left."), _report_output("how many there were and are, bounds.")],
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
            description="Removes what floats in a world: splats with NaN, faint ones, lonely ones, small clumps; "
            "and cuts splats that are far too large for their neighborhood.",
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
                _splat_input(),
                io.Float.Input(
                    "min_opacity",
                    default=usual.min_opacity,
                    min=0.0,
                    max=1.0,
                    step=0.005,
                    tooltip="Fainter splats are removed; 0 keeps all.",
                ),
                io.Float.Input(
                    "outlier_ratio",
                    default=usual.outlier_ratio,
                    min=0.0,
                    max=1000.0,
                    step=0.1,
                    tooltip="A splat is lonely when its neighbors are this many times farther away than they are "
                    "from each other. Lower is stricter; 0 = off.",
                ),
                io.Int.Input(
                    "min_cluster",
                    default=usual.min_cluster,
                    min=0,
                    max=1_000_000,
                    step=1,
                    tooltip="Splats that hang together in a clump of fewer than this, apart from the rest, are "
                    "removed; 0 = off.",
                ),
                io.Float.Input(
                    "max_size_ratio",
                    default=usual.max_size_ratio,
                    min=0.0,
                    max=10_000.0,
                    step=0.5,
                    tooltip="Splats larger than this many times the distance to their neighbors are cut to that; "
                    "0 = off.",
                ),
                io.Int.Input(
                    "neighbors",
                    default=usual.neighbors,
                    min=4,
                    max=100,
                    step=1,
                    advanced=True,
                    tooltip="How many nearest splats make a neighborhood.",
                ),
                io.Float.Input(
                    "link_ratio",
                    default=usual.link_ratio,
                    min=0.0,
                    max=1000.0,
                    step=0.1,
                    advanced=True,
                    tooltip="Two splats hang together when they are no farther apart than this many times the "
                    "usual distance there.",
                ),
            ],
            outputs=[
                _splat_output("The clean world."),
                _report_output("how many splats each step took or cut."),
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


class SplatPrune(io.ComfyNode):
    """Bring splats down to a budget with the least visible loss."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        usual = PruneConfig()
        return io.Schema(
            node_id="SplatPrune",
            display_name="Prune Splats",
            category=_CATEGORY,
            description="Brings a world down to a number of splats so that its pictures change least, and says "
            "how many dB that cost on views it was not tuned on.",
            search_aliases=[
                *SPLAT_WORDS,
                "splat prune",
                "prune splats",
                "reduce splats",
                "decimate splats",
                "compress world",
                "budget",
            ],
            inputs=[
                _splat_input(),
                io.Int.Input(
                    "budget",
                    default=200_000,
                    min=1,
                    max=100_000_000,
                    step=1000,
                    tooltip="Most splats to leave. A smaller world comes back as it is.",
                ),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default=usual.method,
                    tooltip="remove: take out what is seen least. fuse: join neighbors. both: half of the way "
                    "with each. auto: try all three and keep what looks most like before.",
                ),
                io.Int.Input(
                    "refit_steps",
                    default=usual.refit_steps,
                    min=0,
                    max=10_000,
                    step=8,
                    tooltip="Steps in which what is left takes over from what went (opacity, size, color; one "
                    "view each). 0 leaves the splats as they are.",
                ),
                io.Int.Input(
                    "views",
                    default=usual.views,
                    min=1,
                    max=1000,
                    step=1,
                    advanced=True,
                    tooltip="Pictures to measure with; half as many others judge.",
                ),
                io.Int.Input(
                    "view_size",
                    default=usual.size_px,
                    min=16,
                    max=2048,
                    step=16,
                    advanced=True,
                    tooltip="Side of these pictures in pixels.",
                ),
                splat_backend_input(advanced=True),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=2**31 - 1,
                    control_after_generate=False,
                    advanced=True,
                    tooltip="Same seed, same result (on the CPU).",
                ),
                _trajectory_input("Where the world is looked at from. Without one: around the origin."),
                io.Image.Input(
                    "frames",
                    optional=True,
                    tooltip="The true panoramas along the trajectory: the report then gives dB against them.",
                ),
            ],
            outputs=[
                _splat_output("The smaller world."),
                _report_output(
                    "counts, method, PSNR against before; with frames also before, after and cost."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        budget: int,
        method: str,
        refit_steps: int,
        views: int,
        view_size: int,
        backend: str,
        seed: int,
        trajectory: Trajectory | None = None,
        frames: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        config = PruneConfig(method, views, view_size, refit_steps, backend, seed)
        truth = None if frames is None else images_from_host(frames, "frames")
        progress = progress_to_host(cls.hidden.unique_id)
        return _edited(
            [
                prune_gaussians(
                    world, budget, trajectory=trajectory, frames=truth, config=config, progress=progress
                )
                for world in each_gaussians_from_host(splat)
            ]
        )


class SplatLOD(io.ComfyNode):
    """Make levels of detail."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatLOD",
            display_name="Splat Levels of Detail",
            category=_CATEGORY,
            description="Makes coarser levels of a world by fusing neighbors, each fitted to the look of the "
            "full one; gives one level out and can save all.",
            search_aliases=[
                *SPLAT_WORDS,
                "splat lod",
                "level of detail",
                "lod",
                "splat pyramid",
                "coarser splats",
                "simplify splats",
            ],
            is_output_node=True,
            inputs=[
                _splat_input("Gaussian splats; of a batch, the first."),
                io.Int.Input(
                    "levels", default=3, min=1, max=8, step=1, tooltip="How many coarser levels to make."
                ),
                io.Float.Input(
                    "factor",
                    default=4.0,
                    min=1.1,
                    max=64.0,
                    step=0.1,
                    tooltip="Each level has this many times fewer splats than the one before.",
                ),
                io.Int.Input(
                    "level", default=1, min=0, max=8, step=1, tooltip="The level to give out; 0 is the input."
                ),
                io.Combo.Input(
                    "cells",
                    options=list(CELLS),
                    default=CELLS[0],
                    tooltip="view: neighbors are what looks close together from the path, for worlds seen from "
                    "inside. grid: cubes of one size, for objects seen from outside.",
                ),
                io.Int.Input(
                    "refit_steps",
                    default=48,
                    min=0,
                    max=10_000,
                    step=8,
                    tooltip="Steps per level that fit it to the look of the full world; 0 = only fuse.",
                ),
                io.Combo.Input(
                    "save_as",
                    options=["do not save", *SPLAT_FORMATS],
                    default="do not save",
                    tooltip="Also write every level into the output folder, in this format.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="matrix3d/world_lod",
                    tooltip="Name below the output folder; the level and a number are added.",
                ),
                splat_backend_input(advanced=True),
                _trajectory_input("Where the world is looked at from. Without one: around the origin."),
            ],
            outputs=[
                _splat_output("The chosen level."),
                _report_output(
                    "for each level its splats and its PSNR against the full world, near and far."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        levels: int,
        factor: float,
        level: int,
        cells: str,
        refit_steps: int,
        save_as: str,
        filename_prefix: str,
        backend: str,
        trajectory: Trajectory | None = None,
    ) -> io.NodeOutput:
        worlds, found = levels_of_detail(
            gaussians_from_host(splat),
            levels,
            factor=factor,
            cells=cells,
            trajectory=trajectory,
            refit_steps=refit_steps,
            backend=backend,
            progress=progress_to_host(cls.hidden.unique_id),
            chosen=level,
        )
        saved = []
        for number, world in enumerate(worlds if save_as in SPLAT_FORMATS else []):
            path, filename, subfolder = save_target(f"{filename_prefix}_{number}", f".{save_as}")
            write_gaussians(path, world)
            saved.append({"filename": filename, "subfolder": subfolder, "type": "output"})
        report = {**found, "files": [entry["filename"] for entry in saved]}
        return io.NodeOutput(
            splats_to_host([worlds[level]]), json.dumps(report, indent=2), ui={"3d": saved} if saved else None
        )


class SplatTransform(io.ComfyNode):
    """Turn, scale and move splats; change axes and units."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatTransform",
            display_name="Transform Splats",
            category=_CATEGORY,
            description="Turns, scales and moves a world, view-dependent colors included, and writes it in other "
            "axes or units. A trajectory given along moves with it.",
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
                _splat_input(),
                _number("yaw", 0.0, "Turn to the right about the vertical, degrees.", step=1.0),
                _number("pitch", 0.0, "Tilt upwards, degrees.", step=1.0),
                _number("roll", 0.0, "Tilt to the right, degrees.", step=1.0),
                _number("scale", 1.0, "Factor of all lengths, above 0.", low=1e-9),
                _number(
                    "x", 0.0, "Move along the first axis; after everything else, in the new axes and units."
                ),
                _number("y", 0.0, "Move along the second axis (down, in OpenCV axes)."),
                _number("z", 0.0, "Move along the third axis (forward, in OpenCV axes)."),
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
                    tooltip="Axes to write them in.",
                ),
                io.Combo.Input(
                    "from_unit", options=_UNITS, default="m", advanced=True, tooltip="What one unit is now."
                ),
                io.Combo.Input(
                    "to_unit", options=_UNITS, default="m", advanced=True, tooltip="What one unit shall be."
                ),
                _trajectory_input("A path that moves with the world, so that it shows the same pictures."),
            ],
            outputs=[
                _splat_output("The moved world."),
                TrajectoryType.Output(
                    display_name="trajectory", tooltip="The path moved along; nothing when none was given."
                ),
                _report_output("the 4x4 matrix that was applied."),
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
            description="Joins worlds that share one frame; splats that stand in more than one are fused.",
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
                io.Splat.Input("splat_a", tooltip="A world; all items of a batch are joined."),
                io.Combo.Input(
                    "fuse",
                    options=list(FUSE_MODES),
                    default=FUSE_MODES[0],
                    tooltip="How duplicates are found. mahalanobis: pairs that overlap, of similar size and color. "
                    "voxel: whatever of different worlds shares a cell and a color. none: only join.",
                ),
                io.Float.Input(
                    "distance",
                    default=1.0,
                    min=0.01,
                    max=10.0,
                    step=0.05,
                    tooltip="For mahalanobis: how many standard deviations apart duplicates may be.",
                ),
                _number("voxel", 0.05, "For voxel: edge of the cells in world units.", low=1e-9, step=0.001),
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
                _splat_output("One world."),
                _report_output("how many splats came in, were fused, are left."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat_a: Types.SPLAT,
        fuse: str,
        distance: float,
        voxel: float,
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
            voxel=voxel,
            color_tolerance=color_tolerance,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        return _edited([merged])


class SplatMesh(io.ComfyNode):
    """Turn splats into a mesh and a collider."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        usual = MeshConfig()
        return io.Schema(
            node_id="SplatMesh",
            display_name="Splats to Mesh",
            category=_CATEGORY,
            description="Turns a world that is seen from inside into a mesh with colored vertices or a texture: "
            "distances from many places along the path, fused into a grid. Also gives a light collider.",
            search_aliases=[
                *SPLAT_WORDS,
                "splat mesh",
                "splat to mesh",
                "tsdf",
                "collider",
                "export mesh",
                "glb",
                "texture",
                "surface",
                "splat to glb",
                "ply to mesh",
                "3d to mesh",
            ],
            inputs=[
                _splat_input("Gaussian splats; of a batch, the first."),
                io.Int.Input(
                    "resolution",
                    default=usual.resolution,
                    min=8,
                    max=1024,
                    step=8,
                    tooltip="Voxels along the longest edge of what is covered. Twice as many take 8 times the memory.",
                ),
                io.Float.Input(
                    "reach",
                    default=0.0,
                    min=0.0,
                    max=_LIMIT,
                    step=0.1,
                    tooltip="How far from the path the mesh reaches, world units; 0 = three times the median distance.",
                ),
                io.Int.Input(
                    "collider_faces",
                    default=5000,
                    min=4,
                    max=10_000_000,
                    step=100,
                    tooltip="Most triangles of the collider.",
                ),
                io.Int.Input(
                    "views",
                    default=usual.views,
                    min=1,
                    max=1000,
                    step=1,
                    advanced=True,
                    tooltip="Panoramas along the path that are fused.",
                ),
                io.Int.Input(
                    "rows",
                    default=usual.rows,
                    min=16,
                    max=4096,
                    step=16,
                    advanced=True,
                    tooltip="Rows of these panoramas.",
                ),
                io.Float.Input(
                    "truncation",
                    default=usual.truncation,
                    min=1.0,
                    max=32.0,
                    step=0.5,
                    advanced=True,
                    tooltip="Voxels on either side of a surface that it has a say in. More is smoother.",
                ),
                io.Int.Input(
                    "min_faces",
                    default=usual.min_faces,
                    min=0,
                    max=10_000_000,
                    step=10,
                    advanced=True,
                    tooltip="Pieces with fewer triangles are left out.",
                ),
                io.Combo.Input(
                    "axes",
                    options=["glTF (y up)", "OpenCV (y down)"],
                    default="glTF (y up)",
                    advanced=True,
                    tooltip="glTF: upright and in the right brightness when saved as GLB. OpenCV: the splats' frame.",
                ),
                splat_backend_input(advanced=True),
                _trajectory_input("Where the world is looked at from. Without one: around the origin."),
                io.Combo.Input(
                    "texture",
                    options=[_NO_TEXTURE, *map(str, TEXTURE_SIZES)],
                    default=_NO_TEXTURE,
                    optional=True,
                    tooltip="Colors of the mesh: one per vertex, or a square texture of this many texels a side, "
                    "which shows far more detail. The collider has one color per vertex.",
                ),
            ],
            outputs=[
                io.Mesh.Output(display_name="mesh", tooltip="For Save 3D Model (GLB) and other mesh nodes."),
                io.Mesh.Output(display_name="collider", tooltip="The same with few triangles."),
                _report_output("voxel size, bounds, counts."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        resolution: int,
        reach: float,
        collider_faces: int,
        views: int,
        rows: int,
        truncation: float,
        min_faces: int,
        axes: str,
        backend: str,
        trajectory: Trajectory | None = None,
        texture: str = _NO_TEXTURE,
    ) -> io.NodeOutput:
        config = MeshConfig(resolution, reach, views, rows, truncation, min_faces, backend)
        world, progress = gaussians_from_host(splat), progress_to_host(cls.hidden.unique_id)
        mesh, found = mesh_from_gaussians(world, trajectory=trajectory, config=config, progress=progress)
        collider = decimate(mesh, collider_faces, progress=progress)
        report: dict[str, object] = {**found, "collider_faces": len(collider.faces)}
        if texture != _NO_TEXTURE:
            mesh, report["texture"] = texture_mesh(
                mesh,
                world,
                trajectory=trajectory,
                size_px=int(texture),
                views=views,
                tolerance=found["tolerance"],
                backend=backend,
                progress=progress,
            )
        if axes.startswith("glTF"):
            mesh, collider = for_gltf(mesh), for_gltf(collider)
        return io.NodeOutput(mesh_to_host(mesh), mesh_to_host(collider), json.dumps(report, indent=2))


NODES = [SplatCrop, SplatClean, SplatPrune, SplatLOD, SplatTransform, SplatMerge, SplatMesh]
