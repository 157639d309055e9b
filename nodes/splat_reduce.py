"""Fewer splats: prune to a budget, levels of detail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import torch

from ..matrix3d_core.io.splats import SPLAT_FORMATS, write_gaussians
from ..matrix3d_core.scene.gaussians import Gaussians
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.splats.levels import CELLS, levels_of_detail
from ..matrix3d_core.splats.prune import METHODS, PruneConfig, prune_gaussians
from ._adapters import each_gaussians_from_host, gaussians_from_host, images_from_host, splats_to_host
from ._host import Types, io, progress_to_host, save_target
from ._inputs import report_output, splat_backend_input, splat_input, splat_output, trajectory_input
from ._search import SPLAT_WORDS

__all__ = ["NODES", "SplatLOD", "SplatPrune"]

_CATEGORY = "Matrix-3D/splat"


def _edited(pairs: Sequence[tuple[Gaussians, Mapping[str, object]]]) -> io.NodeOutput:
    reports = [report for _, report in pairs]
    return io.NodeOutput(
        splats_to_host([world for world, _ in pairs]),
        json.dumps(reports[0] if len(reports) == 1 else reports, indent=2),
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
            description="Prunes a world to a budget of splats with the least change of its renders, and reports the "
            "PSNR loss on held-out views.",
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
                splat_input(),
                io.Int.Input(
                    "budget",
                    default=200_000,
                    min=1,
                    max=100_000_000,
                    step=1000,
                    tooltip="Maximum number of splats. A smaller world is returned unchanged.",
                ),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default=usual.method,
                    tooltip="remove: drop the least visible ones. fuse: merge neighbors. both: half with each. auto: "
                    "try all three and keep the best.",
                ),
                io.Int.Input(
                    "refit_steps",
                    default=usual.refit_steps,
                    min=0,
                    max=10_000,
                    step=8,
                    tooltip="Refit steps of the remaining splats (opacity, scale, color; one view each). 0 = no refit.",
                ),
                io.Int.Input(
                    "views",
                    default=usual.views,
                    min=1,
                    max=1000,
                    step=1,
                    advanced=True,
                    tooltip="Number of views for scoring; half as many are held out.",
                ),
                io.Int.Input(
                    "view_size",
                    default=usual.size_px,
                    min=16,
                    max=2048,
                    step=16,
                    advanced=True,
                    tooltip="Side of these views in pixels.",
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
                trajectory_input(
                    "Viewpoints from which the world is rendered. Without one: around the origin.",
                    optional=True,
                ),
                io.Image.Input(
                    "frames",
                    optional=True,
                    tooltip="Ground-truth panoramas along the trajectory: the report then includes PSNR against them.",
                ),
            ],
            outputs=[
                splat_output("The smaller world."),
                report_output(
                    "JSON: counts, method, PSNR against before; with frames also before, after and cost."
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
            description="Makes coarser levels of detail by merging neighboring splats, each refitted to renders of "
            "the full world; outputs one level and can save all.",
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
                splat_input("Gaussian splats; of a batch, the first."),
                io.Int.Input("levels", default=3, min=1, max=8, step=1, tooltip="Number of coarser levels."),
                io.Float.Input(
                    "factor",
                    default=4.0,
                    min=1.1,
                    max=64.0,
                    step=0.1,
                    tooltip="Each level has this many times fewer splats than the previous one.",
                ),
                io.Int.Input(
                    "level", default=1, min=0, max=8, step=1, tooltip="The level to output; 0 is the input."
                ),
                io.Combo.Input(
                    "cells",
                    options=list(CELLS),
                    default=CELLS[0],
                    tooltip="view: cells of equal angular size from the path, for worlds seen from inside. grid: "
                    "cubes of one size, for objects seen from outside.",
                ),
                io.Int.Input(
                    "refit_steps",
                    default=48,
                    min=0,
                    max=10_000,
                    step=8,
                    tooltip="Refit steps per level against renders of the full world; 0 = only merge.",
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
                trajectory_input(
                    "Viewpoints from which the world is rendered. Without one: around the origin.",
                    optional=True,
                ),
            ],
            outputs=[
                splat_output("The chosen level."),
                report_output(
                    "JSON: for each level its splats and its PSNR against the full world, near and far."
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


NODES = [SplatPrune, SplatLOD]
