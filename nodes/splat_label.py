"""Give splats classes and instances."""

from __future__ import annotations

import json
import math

import torch

from ..matrix3d_core.scene.labels import CLASSES
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.splats.labeling import (
    CHOICE_SHAPES,
    choose_gaussians,
    fill_classes,
    label_gaussians,
    label_report,
)
from ._adapters import gaussians_from_host, masks_from_host, splat_to_host
from ._host import Types, io, progress_to_host
from ._inputs import report_output, shape_inputs, splat_input, splat_output, trajectory_input
from ._search import SPLAT_WORDS

__all__ = ["NODES", "SplatLabel"]

_KEEP = "keep"


class SplatLabel(io.ComfyNode):
    """Label splats by masks on views or by a shape."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatLabel",
            display_name="Label Splats",
            category="Matrix-3D/splat",
            description="Gives splats a class (sky, ground, wall, foliage, water, object) or makes them an instance: "
            "those that masks on views show (SAM 3 or any MASK), those in a shape, or both.",
            search_aliases=[
                *SPLAT_WORDS,
                "splat label",
                "label splats",
                "splat segmentation",
                "semantic splats",
                "instance",
                "segment anything",
                "lift masks",
                "object selection",
            ],
            inputs=[
                splat_input("Gaussian splats; of a batch, the first is labeled."),
                io.Combo.Input(
                    "label",
                    options=[_KEEP, *CLASSES, "unknown"],
                    default=_KEEP,
                    tooltip="Class of the chosen splats; keep leaves classes as they are.",
                ),
                io.String.Input(
                    "instance",
                    default="",
                    tooltip="Name of the object that the chosen splats become part of, up to 40 characters; a new name "
                    "makes a new instance. Empty leaves instances as they are.",
                ),
                io.Combo.Input(
                    "shape",
                    options=list(CHOICE_SHAPES),
                    default=CHOICE_SHAPES[0],
                    tooltip="Where splats are chosen. everywhere: wherever the masks show them, or all without masks. "
                    "box: uses size and yaw. sphere: radius. cylinder: radius and size_y, upright.",
                ),
                *shape_inputs(),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    tooltip="Masks of what is chosen, one for each pose of the trajectory: panoramas, or the size of "
                    "its cameras. A splat is chosen when most of what the views see of it lies in the masks.",
                ),
                trajectory_input("Poses of the masks.", optional=True),
                io.Float.Input(
                    "threshold",
                    default=0.5,
                    min=0.01,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    advanced=True,
                    tooltip="Share of what is seen of a splat that must lie in the masks.",
                ),
                io.Boolean.Input(
                    "fill_unknown",
                    default=False,
                    optional=True,
                    tooltip="Afterwards, splats without a class take that of most of their neighbors that have one.",
                ),
            ],
            outputs=[
                splat_output("The same splats with their labels."),
                report_output(
                    "JSON: how many were chosen, and how many there are of each class and instance."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        label: str,
        instance: str,
        shape: str,
        x: float,
        y: float,
        z: float,
        size_x: float,
        size_y: float,
        size_z: float,
        radius: float,
        yaw: float,
        masks: torch.Tensor | None = None,
        trajectory: Trajectory | None = None,
        threshold: float = 0.5,
        fill_unknown: bool = False,
    ) -> io.NodeOutput:
        world = gaussians_from_host(splat)
        chosen = choose_gaussians(
            world,
            shape=shape,
            center=(x, y, z),
            size=(size_x, size_y, size_z),
            radius=radius,
            yaw_rad=math.radians(yaw),
            masks=None if masks is None else masks_from_host(masks, "masks"),
            trajectory=trajectory,
            least=threshold,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        world = label_gaussians(
            world, chosen, label=None if label == _KEEP else label, instance=instance.strip() or None
        )
        world = fill_classes(world) if fill_unknown else world
        return io.NodeOutput(splat_to_host(world), json.dumps(label_report(world, chosen), indent=2))


NODES = [SplatLabel]
