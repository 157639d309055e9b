"""Video latents to splats in one pass of a reconstruction model."""

from __future__ import annotations

from typing import Any

import torch

from ..matrix3d_core.depth.preview import colorize_depth
from ..matrix3d_core.lrm.decimate import DECIMATIONS
from ..matrix3d_core.lrm.decode import DEFAULT_SETTINGS, DecodeSettings
from ..matrix3d_core.lrm.rays import POSE_NORMALIZATIONS
from ..matrix3d_core.lrm.weights import PRECISIONS
from ..matrix3d_core.scene.trajectory import Trajectory
from ._adapters import info_of_path, splat_to_host
from ._host import io, progress_to_host
from ._host_lrm import LoadedLRM, load_lrm, lrm_names, run_lrm
from ._search import SPLAT_WORDS
from ._types import DepthType, LRMType, TrajectoryType

__all__ = ["NODES", "LRMDecode", "LRMLoader"]

_NONE = "none"


class LRMLoader(io.ComfyNode):
    """Load a reconstruction model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LRMLoader",
            display_name="Load LRM",
            category="Matrix-3D/models",
            description="Loads a latent reconstruction model for Decode Latent to Splats: the released "
            "pano_lrm_480p.pt as it is, or the smaller safetensors file that `matrix3d convert-lrm` makes of it. "
            "Nothing in the file is executed.",
            search_aliases=[
                *SPLAT_WORDS,
                "lrm loader",
                "load lrm",
                "reconstruction model",
                "pano_lrm",
                "feed-forward gaussians",
                "wonderland",
                "video to 3d",
            ],
            inputs=[
                io.Combo.Input(
                    "lrm_name",
                    options=lrm_names() or [_NONE],
                    tooltip="Files of models/matrix3d_lrm, and files named lrm in matrix3d, checkpoints and "
                    "diffusion_models.",
                ),
                io.Combo.Input(
                    "precision",
                    options=list(PRECISIONS),
                    default="auto",
                    advanced=True,
                    tooltip="Data type of weights and computation; rays, the last layer and activations are float32 "
                    "always. auto: bf16 where the device has it, else fp32.",
                ),
            ],
            outputs=[
                LRMType.Output(display_name="lrm", tooltip="For Decode Latent to Splats."),
                io.String.Output(
                    display_name="report", tooltip="Size, and which parts of the file were ignored."
                ),
            ],
        )

    @classmethod
    def execute(cls, lrm_name: str, precision: str) -> io.NodeOutput:
        lrm = load_lrm(lrm_name, precision)
        return io.NodeOutput(lrm, lrm.description)


class LRMDecode(io.ComfyNode):
    """Decode a video's latent into splats."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LRMDecode",
            display_name="Decode Latent to Splats",
            category="Matrix-3D/splat",
            description="Turns the latent of a panoramic video and its camera path into Gaussian splats in one pass: "
            "seconds on a GPU instead of the minutes of Optimize Gaussians, which can refine the result. The world is "
            "in the trajectory's coordinate frame and units.",
            search_aliases=[
                *SPLAT_WORDS,
                "lrm decode",
                "lrm",
                "feed-forward",
                "latent to gaussians",
                "instant splats",
                "video to 3d",
                "reconstruct",
                "video to world",
                "image to 3d",
            ],
            inputs=[
                LRMType.Input("lrm", tooltip="From Load LRM."),
                io.Latent.Input(
                    "latent",
                    tooltip="From Panorama Video Sampler, or any panoramic video encoded with wan_2.1_vae (Panorama "
                    "VAE Encode).",
                ),
                TrajectoryType.Input("trajectory", tooltip="The path of the video, one pose per frame."),
                io.Int.Input(
                    "frame_stride",
                    default=DEFAULT_SETTINGS.frame_stride,
                    min=1,
                    max=81,
                    tooltip="Use the splats of every n-th frame; upstream uses every second.",
                ),
                io.Float.Input(
                    "min_opacity",
                    default=DEFAULT_SETTINGS.min_opacity,
                    min=0.0,
                    max=0.99,
                    step=0.01,
                    round=0.001,
                    tooltip="Discard splats of lower opacity; 0 keeps all, as upstream does.",
                ),
                io.Int.Input(
                    "max_gaussians",
                    default=DEFAULT_SETTINGS.max_gaussians,
                    min=0,
                    max=50_000_000,
                    step=10_000,
                    tooltip="Maximum number of Gaussians; 0 keeps all (4.7 million at 480x960 and 81 frames).",
                ),
                io.Combo.Input(
                    "decimation",
                    options=list(DECIMATIONS),
                    default="voxel",
                    tooltip="How max_gaussians is reached. voxel: one splat per cell, with cells that grow with "
                    "distance; it takes on the mean color and extent of its cell. importance: keep the most visible "
                    "ones.",
                ),
                io.Float.Input(
                    "range_cut",
                    default=1.0,
                    min=0.05,
                    max=1.0,
                    step=0.01,
                    round=0.001,
                    tooltip="Discard what is farther than this fraction of the range limit (30 units); sky lies at "
                    "the limit, so 0.97 removes it. 1 keeps all.",
                ),
                io.Float.Input(
                    "max_size",
                    default=0.0,
                    min=0.0,
                    max=1000.0,
                    step=0.01,
                    round=0.0001,
                    advanced=True,
                    tooltip="Discard splats whose longest axis exceeds this, in world units; 0 keeps all.",
                ),
                io.Float.Input(
                    "pose_scale",
                    default=1.0,
                    min=0.0001,
                    max=10000.0,
                    step=0.01,
                    round=0.0001,
                    advanced=True,
                    tooltip="Units of the model per world unit. Its range is 30 units, and it was trained on worlds "
                    "of typical distance 1: with meters, try 1 / (typical distance in meters).",
                ),
                io.Combo.Input(
                    "pose_normalization",
                    options=list(POSE_NORMALIZATIONS),
                    default="upstream",
                    advanced=True,
                    tooltip="Pose convention passed to the model. upstream: relative to the first camera, unless it "
                    "has identity rotation. first frame: always relative. none: as given. The splats are in the "
                    "trajectory's frame in any case.",
                ),
                io.Int.Input(
                    "chunk",
                    default=0,
                    min=0,
                    max=64,
                    advanced=True,
                    tooltip="Latent frames per chunk in the model's heads; 0 follows available memory. The result is "
                    "the same.",
                ),
                io.Boolean.Input(
                    "compile",
                    default=False,
                    advanced=True,
                    tooltip="Compile the model with torch.compile: takes minutes once, then runs faster. Needs a "
                    "compiler.",
                ),
            ],
            outputs=[
                io.Splat.Output(
                    display_name="splat", tooltip="The world, in the trajectory's frame and units."
                ),
                DepthType.Output(
                    display_name="depth",
                    tooltip="Distance of every frame, at the video's size, world units; inf beyond range_cut.",
                ),
                io.Image.Output(display_name="depth_preview", tooltip="Colorized depth of every frame."),
                io.String.Output(
                    display_name="report", tooltip="Counts, what was discarded, distances, memory and time."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls, lrm: LoadedLRM, latent: dict[str, Any], trajectory: Trajectory, **settings: Any
    ) -> io.NodeOutput:
        result = run_lrm(
            lrm,
            latent,
            trajectory,
            DecodeSettings(**settings),
            progress=progress_to_host(cls.hidden.unique_id),
        )
        preview = torch.stack([colorize_depth(frame) for frame in result.depth])
        depth = result.depth_of_frames()
        splat = splat_to_host(result.gaussians, info=info_of_path(trajectory))
        return io.NodeOutput(splat, depth, preview, "\n".join(result.report))


NODES = [LRMLoader, LRMDecode]
