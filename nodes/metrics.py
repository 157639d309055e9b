"""Metrics: how good a video or a world is, against the true frames, the commanded cameras and a scene."""

from __future__ import annotations

import json

import torch

from ..matrix3d_core.evaluation.one import evaluate_video, evaluate_world
from ..matrix3d_core.evaluation.tables import OF_VIDEO, format_measures, format_world
from ..matrix3d_core.evaluation.truth import truth_of
from ..matrix3d_core.scene.trajectory import Trajectory
from ._adapters import gaussians_from_host, images_from_host
from ._host import Types, io, progress_to_host
from ._host_metrics import FOLDER_KIND, networks_of_host
from ._inputs import splat_backend_input, splat_input, trajectory_input
from ._search import PANORAMA_WORDS, SPLAT_WORDS

__all__ = ["NODES", "VideoMetrics", "WorldMetrics"]

_CATEGORY = "Matrix-3D/metrics"
_TABLE = "Markdown: every metric with its unit, or n/a and what it needs."
_WEIGHTS = f"Networks of LPIPS, FID, FVD and the DINOv2 distance are your own files in models/{FOLDER_KIND}."


class VideoMetrics(io.ComfyNode):
    """Measure a generated video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VideoMetrics",
            display_name="Video Metrics",
            category=_CATEGORY,
            description="Measures a generated video: PSNR, SSIM, LPIPS, FID and DINOv2 distance against the true "
            "frames, R_err and T_err of its cameras against the commanded path, seam, poles and loop closure. "
            f"{_WEIGHTS}",
            search_aliases=[
                *PANORAMA_WORDS,
                "video metrics",
                "evaluate video",
                "psnr",
                "ssim",
                "lpips",
                "fid",
                "fvd",
                "camera error",
                "R_err",
                "T_err",
                "ATE",
                "quality",
                "benchmark",
            ],
            inputs=[
                io.Image.Input(
                    "frames", tooltip="The generated frames: panoramas (2:1) or perspective pictures."
                ),
                io.Image.Input(
                    "truth",
                    optional=True,
                    tooltip="The true frames, as many; the generated ones are resized to their size.",
                ),
                trajectory_input("The commanded camera path, one pose per frame.", optional=True),
                trajectory_input(
                    "Poses of the generated frames from an estimator, such as VGGT's in Load Trajectory. Frame and "
                    "scale do not matter.",
                    name="poses",
                    optional=True,
                ),
                io.Boolean.Input(
                    "solve_poses",
                    default=False,
                    optional=True,
                    tooltip="Without poses: solve them from the frames with COLMAP, if the package pycolmap is there. "
                    "Takes seconds to minutes; frames that cannot be solved give n/a.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="table", tooltip=_TABLE),
                io.Float.Output(display_name="psnr", tooltip="Mean PSNR in dB; NaN without true frames."),
                io.String.Output(display_name="report", tooltip="JSON: all numbers; null where n/a."),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        frames: torch.Tensor,
        truth: torch.Tensor | None = None,
        trajectory: Trajectory | None = None,
        poses: Trajectory | None = None,
        solve_poses: bool = False,
    ) -> io.NodeOutput:
        found = evaluate_video(
            images_from_host(frames, "frames"),
            None if truth is None else images_from_host(truth, "truth"),
            commanded=trajectory,
            given=poses,
            networks=networks_of_host(),
            solve=solve_poses,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        table = format_measures(found, "Video", OF_VIDEO)
        psnr = found.values.get("psnr", float("nan"))
        return io.NodeOutput(table, psnr, json.dumps(found.report(), indent=2), ui={"text": (table,)})


class WorldMetrics(io.ComfyNode):
    """Measure a splat world."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WorldMetrics",
            display_name="World Metrics",
            category=_CATEGORY,
            description="Measures a splat world: its renders along a path against the true frames (PSNR, SSIM, LPIPS, "
            "FID, DINOv2 distance; whole pictures and four level crops), and how far one can walk in eight directions "
            f"before it falls apart, where the scene is known. {_WEIGHTS}",
            search_aliases=[
                *SPLAT_WORDS,
                "world metrics",
                "evaluate world",
                "splat quality",
                "psnr",
                "ssim",
                "lpips",
                "navigable range",
                "holes",
                "benchmark",
            ],
            inputs=[
                splat_input("The world; of a batch, the first."),
                trajectory_input("The path of the true frames, in the world's frame."),
                io.Image.Input(
                    "frames",
                    optional=True,
                    tooltip="True frames, one per pose. Frames that the world was made from flatter it.",
                ),
                io.String.Input(
                    "scene",
                    default="",
                    optional=True,
                    tooltip="For the navigable range: sample for the sample scene, FAMILY-SEED of a procedural scene "
                    "such as street-7, or the text of a factory clip's meta.json. Empty: not measured.",
                ),
                io.Float.Input(
                    "step",
                    default=0.5,
                    min=0.05,
                    max=100.0,
                    step=0.05,
                    optional=True,
                    tooltip="Distance between the places of a walk, world units.",
                ),
                io.Float.Input(
                    "limit",
                    default=20.0,
                    min=0.1,
                    max=10000.0,
                    step=0.5,
                    optional=True,
                    tooltip="Where a walk ends at the latest, world units.",
                ),
                splat_backend_input(optional=True),
            ],
            outputs=[
                io.String.Output(display_name="table", tooltip=_TABLE),
                io.Float.Output(display_name="psnr", tooltip="Mean PSNR in dB; NaN without true frames."),
                io.Float.Output(
                    display_name="navigable_range",
                    tooltip="Of the worst direction, world units; NaN without a scene.",
                ),
                io.String.Output(
                    display_name="report", tooltip="JSON: all numbers and every place of the walks."
                ),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        trajectory: Trajectory,
        frames: torch.Tensor | None = None,
        scene: str = "",
        step: float = 0.5,
        limit: float = 20.0,
        backend: str = "auto",
    ) -> io.NodeOutput:
        found = evaluate_world(
            gaussians_from_host(splat),
            None if frames is None else images_from_host(frames, "frames"),
            trajectory,
            networks=networks_of_host(),
            truth=truth_of(scene) if scene.strip() else None,
            step=step,
            limit=limit,
            backend=backend,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        table = format_world(found)
        report = {view: measures.report() for view, measures in found.items()}
        values = [found["whole"].values.get(key, float("nan")) for key in ("psnr", "range_worst")]
        return io.NodeOutput(table, *values, json.dumps(report, indent=2), ui={"text": (table,)})


NODES = [VideoMetrics, WorldMetrics]
