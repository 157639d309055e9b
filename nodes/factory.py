"""Clips of procedural scenes."""

from __future__ import annotations

from ..matrix3d_core.factory.single import CLIP_PATHS, make_single_clip
from ..matrix3d_core.synth.sets import open_families
from ._host import io, progress_to_host
from ._inputs import frames_input, report_output, trajectory_output
from ._search import WORLD_WORDS
from ._types import DepthType, GeometryType


class SceneClip(io.ComfyNode):
    """One training clip, rendered in the host."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SceneClip",
            display_name="Procedural Scene Clip",
            category="Matrix-3D/scene factory",
            description="Builds a procedural scene and renders a panoramic clip along a path without collision, with "
            "exact poses and distances and a caption: one sample of what matrix3d factory makes for training.",
            search_aliases=[
                *WORLD_WORDS,
                "scene clip",
                "training data",
                "synthetic dataset",
                "matrix-pano",
                "ground truth depth",
                "procedural scene",
                "ray tracer",
                "test scene",
                "webdataset",
            ],
            inputs=[
                io.Combo.Input(
                    "family",
                    options=open_families(),
                    default=open_families()[0],
                    tooltip="Kind of scene; each has endless scenes by seed. Without the families of the judge set, "
                    "which nothing may be trained or tuned on: matrix3d factory --set judge renders them.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=2**31 - 1,
                    control_after_generate=True,
                    tooltip="Seed of the scene and of the path.",
                ),
                io.Combo.Input(
                    "path",
                    options=list(CLIP_PATHS),
                    default=CLIP_PATHS[0],
                    tooltip="route: a walk between random places of the walkable surface, around obstacles. Otherwise "
                    "a preset move from a random free place.",
                ),
                frames_input(),
                io.Int.Input(
                    "width",
                    default=960,
                    min=64,
                    max=8192,
                    step=32,
                    tooltip="Columns of the panoramas; the height is half of it. Video models use 960 or 1440.",
                ),
                io.Int.Input(
                    "samples",
                    default=2,
                    min=1,
                    max=64,
                    tooltip="Color samples per pixel; more are smoother and take longer. Distances are exact at pixel "
                    "centers.",
                ),
                io.Float.Input(
                    "distance",
                    default=3.0,
                    min=0.1,
                    max=100.0,
                    step=0.1,
                    tooltip="Length of a preset move, meters. A route is walked at 0.8 to 1.6 meters per second.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="Panoramas, one per pose."),
                DepthType.Output(
                    display_name="depth",
                    tooltip="Exact distance along each pixel's ray in meters, infinite for sky.",
                ),
                trajectory_output("The camera path, relative to the first panorama, in meters."),
                GeometryType.Output(
                    display_name="geometry",
                    tooltip="The first panorama with its exact depth, as from Panorama Depth.",
                ),
                io.String.Output(display_name="caption", tooltip="What the first panorama shows, in words."),
                report_output("Scene, path, sizes, and the paths that were refused, as text."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls, family: str, seed: int, path: str, frames: int, width: int, samples: int, distance: float
    ) -> io.NodeOutput:
        made = make_single_clip(
            family,
            seed,
            path=path,
            distance=distance,
            frames=frames,
            height=width // 2,
            samples=samples,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        clip = made.clip
        return io.NodeOutput(
            clip.rgb(), clip.depth, clip.trajectory, made.geometry, clip.caption, made.report
        )


NODES = [SceneClip]
