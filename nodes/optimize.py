"""Splats: fit them to the frames of a path."""

from __future__ import annotations

import json
from dataclasses import replace

import torch

from ..matrix3d_core.optimize.config import OPTIMIZE_PRESETS, SETTING_CHOICES
from ..matrix3d_core.optimize.loop import optimize_gaussians, preset_config, view_ahead
from ..matrix3d_core.optimize.strategies import STRATEGIES
from ..matrix3d_core.raster.splat import SPLAT_BACKENDS
from ..matrix3d_core.scene.label_colors import color_by_label
from ..matrix3d_core.scene.panorama import PanoramaGeometry
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.splats.coverage import measure_coverage
from ._adapters import gaussians_from_host, images_from_host, info_of_path, splat_to_host
from ._host import Types, io, output_folder, progress_to_host, tell_user, ui
from ._inputs import splat_backend_input
from ._search import SPLAT_WORDS
from ._types import DepthType, GeometryType, GSSettingsType, TrajectoryType

__all__ = ["NODES", "GSOptimize", "GSOptimizeSettings"]

_ON_THE_FIT = ("depth_type", "exposure")
_LAST = ("refine_frames",)  # added later: saved graphs hold the others by their place
_CHOICE_TIPS = {
    "key_frame_mode": "Which frames are trained on: every key_frame_stride-th; a new one whenever the parallax of "
    "near surfaces exceeds 3 degrees; or all but the held-out ones.",
    "view_mode": "Compare crops of frames, or whole frames.",
    "depth_from_frames": "Without a depth input: estimate depth from the frames by plane sweep, or not.",
    "depth_type": "exact: depth is used as it is. monocular: each frame's depth has its own scale and shift and is "
    "aligned per key frame.",
    "exposure": "Per-frame exposure compensation for frames that flicker: off, gain, affine, or a bilateral grid over "
    "brightness and direction.",
    "densify": "off; "
    + "; ".join(f"{name}: {strategy.summary}" for name, strategy in STRATEGIES.items())
    + ". Never more than max_gaussians.",
    "refine_frames": "warp: register the frames, each by a smooth warp field and a gain, for videos that shift from "
    "frame to frame: to the panorama's geometry first, to the splats during the fit. off: use them as they are.",
}
_SWITCHES = {
    "refine_poses": "Optimize camera poses jointly, by small corrections.",
    "adaptive_density": "Initialize with larger splats in smooth regions, which leaves more for detailed ones.",
}
# Least and largest value; the default is the presets' own, which all share.
_NUMBERS: dict[str, tuple[float, float, str]] = {
    "key_frame_stride": (0, 1000, "Train on every n-th frame; 0 = the preset's."),
    "held_out_max": (0, 100, "At most this many frames are held out for the report."),
    "source_ratio": (
        -1,
        1,
        "Fraction of steps trained on the source panorama, at its own resolution. -1: 0.7 with mask and depth, 0.3 "
        "with mask alone, 0.15 without.",
    ),
    "source_fov_deg": (10, 120, "Field of view of those crops, degrees."),
    "fov_min_deg": (10, 140, "Minimum field of view of crops of frames, degrees; used with fov_max_deg."),
    "fov_max_deg": (0, 140, "Maximum field of view of crops of frames, degrees; 0 makes all 90."),
    "panorama_rows": (16, 4096, "Rows of whole frames, with view_mode = panorama."),
    "weight_seen": (0, 100, "Loss weight of pixels observed from the source panorama (needs mask)."),
    "weight_filled": (0, 100, "Loss weight of inpainted pixels."),
    "ssim_lambda": (0, 1, "Weight of D-SSIM in the loss; the rest is L1."),
    "depth_weight": (0, 100, "Weight of the relative depth error where depth is known."),
    "normal_weight": (0, 100, "Weight of the normal error there."),
    "opacity_reg": (0, 100, "Opacity regularization, against floaters."),
    "scale_reg": (0, 100, "Scale regularization."),
    "densify_from": (0, 1, "Fraction of the steps before the first densification."),
    "densify_until": (0, 1, "Fraction of the steps after which densification stops."),
    "densify_every": (1, 100_000, "Densification interval in steps."),
    "init_ratio": (0, 1, "Fraction of max_gaussians to initialize when densifying."),
    "lr_means": (0, 10, "Learning rate of the means, in units of each splat's scale."),
    "lr_quats": (0, 10, "Learning rate of the rotations."),
    "lr_scales": (0, 10, "Learning rate of the log scales."),
    "lr_opacities": (0, 10, "Learning rate of the opacity logits."),
    "lr_colors": (0, 10, "Learning rate of the colors."),
    "lr_final": (0, 1, "Final learning rates as a fraction of the initial ones."),
    "lr_scale_existing": (
        0,
        1,
        "Learning rate factor for the initial splats, with extend; 0 freezes them.",
    ),
    "beta1": (0, 1, "Adam's beta1, decay of the first moment."),
    "beta2": (0, 1, "Adam's beta2, decay of the second moment."),
    "adam_eps_pixels": (0, 1000, "Adam's epsilon in pixels: splats visible in fewer pixels move less."),
    "min_opacity": (0, 1, "Splats with lower opacity are pruned at the end."),
    "preview_every": (1, 100_000, "Preview interval in steps."),
    "checkpoint_every": (
        0,
        100_000,
        "Checkpoint interval in steps (with resume); 0 writes one only on interruption.",
    ),
}


def _choice(name: str, **more: bool) -> io.Input:
    default = getattr(OPTIMIZE_PRESETS["draft"], name)
    options = list(SETTING_CHOICES[name])
    return io.Combo.Input(name, options=options, default=default, tooltip=_CHOICE_TIPS[name], **more)


def _detail_inputs() -> list[io.Input]:
    """Return a widget for every setting that GSOptimize does not show itself, by its name in `OptimizeConfig`."""
    shared = OPTIMIZE_PRESETS["draft"]
    inputs = [_choice(name) for name in SETTING_CHOICES if name not in (*_ON_THE_FIT, *_LAST)]
    inputs += [
        io.Boolean.Input(name, default=getattr(shared, name), tooltip=tip) for name, tip in _SWITCHES.items()
    ]
    for name, (low, high, tip) in _NUMBERS.items():
        default = 0 if name == "key_frame_stride" else getattr(shared, name)
        if isinstance(default, int):
            inputs.append(io.Int.Input(name, default=default, min=int(low), max=int(high), tooltip=tip))
        else:
            inputs.append(
                io.Float.Input(
                    name,
                    default=default,
                    min=float(low),
                    max=float(high),
                    step=0.001,
                    round=0.0001,
                    tooltip=tip,
                )
            )
    return inputs + [_choice(name) for name in _LAST]


class GSOptimizeSettings(io.ComfyNode):
    """All numbers of the fit that GSOptimize does not show."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="GSOptimizeSettings",
            display_name="Optimize Gaussians Settings",
            category="Matrix-3D/splat",
            description="Advanced settings of Optimize Gaussians: key frames, loss, densification, learning rates, "
            "reports. Each defaults to the value that all presets share, so an unchanged node has no effect.",
            search_aliases=[
                *SPLAT_WORDS,
                "gs optimize settings",
                "gaussian splatting settings",
                "learning rate",
                "densification",
                "key frames",
                "ssim",
                "adam",
            ],
            inputs=_detail_inputs(),
            outputs=[
                GSSettingsType.Output(
                    display_name="settings", tooltip="For the settings input of Optimize Gaussians."
                ),
            ],
        )

    @classmethod
    def execute(cls, **values: object) -> io.NodeOutput:
        settings = {name: value for name, value in values.items() if (name, value) != ("key_frame_stride", 0)}
        preset_config("draft", **settings)  # wrong combinations are named here, not minutes later
        return io.NodeOutput(settings)


class GSOptimize(io.ComfyNode):
    """Fit Gaussian splats to the frames of a path."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="GSOptimize",
            display_name="Optimize Gaussians",
            category="Matrix-3D/splat",
            description="Fits Gaussian splats to panoramic frames with known camera poses: initialized with surfels "
            "on the panorama's surfaces and on disoccluded regions, then optimized against crops of the frames. The "
            "world keeps the trajectory's coordinate frame and units.",
            search_aliases=[
                *SPLAT_WORDS,
                "gs optimize",
                "gaussian splatting",
                "3dgs",
                "reconstruct",
                "splat optimization",
                "train splats",
                "world",
                "text to 3d",
                "image to 3d",
                "image to world",
                "video to 3d",
                "text to world",
                "image to splat",
                "panorama to splat",
                "train gaussians",
            ],
            inputs=[
                io.Image.Input(
                    "frames",
                    tooltip="Complete panoramas (2:1), one per pose, from Inpaint Guidance or a video.",
                ),
                TrajectoryType.Input("trajectory", tooltip="Camera path of the frames; one pose per frame."),
                io.Combo.Input(
                    "preset",
                    options=list(OPTIMIZE_PRESETS),
                    default="draft",
                    tooltip="draft: a few minutes on two CPU cores. standard: finer, several times longer.",
                ),
                io.Int.Input(
                    "iterations",
                    default=0,
                    min=0,
                    max=100_000,
                    step=50,
                    tooltip="Optimization steps, one crop each; 0 = the preset's.",
                ),
                io.Int.Input(
                    "max_gaussians",
                    default=0,
                    min=0,
                    max=10_000_000,
                    step=10_000,
                    tooltip="Maximum number of Gaussians; 0 = the preset's. About 300000 match a panorama of 960x480.",
                ),
                io.Int.Input(
                    "crop_size",
                    default=0,
                    min=0,
                    max=2048,
                    step=32,
                    tooltip="Side of the 90 degree crops in pixels; 0 = the preset's. At least 16.",
                ),
                splat_backend_input(),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=2**31 - 1,
                    control_after_generate=False,
                    tooltip="For the order and the directions of the crops. Same seed, same world (on the CPU).",
                ),
                io.Boolean.Input(
                    "resume",
                    default=True,
                    optional=True,
                    advanced=True,
                    tooltip="Keep checkpoints in the output folder (matrix3d_checkpoints) and resume from one after a "
                    "crash or an interruption; it is removed when the optimization ends.",
                ),
                _choice("depth_type", optional=True, advanced=True),
                _choice("exposure", optional=True, advanced=True),
                io.Boolean.Input(
                    "extend",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="With initial: also add splats where the frames see past it, at the given depth or at "
                    "depth estimated from the frames.",
                ),
                GeometryType.Input(
                    "geometry",
                    optional=True,
                    tooltip="The source panorama with its depth, from Panorama Depth: the sharpest colors, and the "
                    "surfaces for initialization.",
                ),
                DepthType.Input(
                    "depth",
                    optional=True,
                    tooltip="Ray distance of the frames, from Inpaint Guidance: initializes splats in regions that "
                    "the panorama does not see.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="1 where a frame shows the source panorama (mask of Render Mesh Guidance). Inpainted "
                    "pixels are weighted less.",
                ),
                io.Splat.Input(
                    "initial", optional=True, tooltip="Splats to continue optimizing instead of new ones."
                ),
                GSSettingsType.Input(
                    "settings",
                    optional=True,
                    tooltip="From Optimize Gaussians Settings: all other settings of the optimization.",
                ),
            ],
            outputs=[
                io.Splat.Output(
                    display_name="splat", tooltip="The world, in the trajectory's frame and units."
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="JSON: count, PSNR and SSIM on held-out frames, seconds, backend.",
                ),
                io.Image.Output(display_name="preview", tooltip="The forward view from the first pose."),
                io.Image.Output(
                    display_name="curves",
                    tooltip="Plot of the loss, the held-out PSNR and the number of splats.",
                ),
                io.Splat.Output(
                    display_name="origins",
                    tooltip="The same splats in the same order, colored by provenance: green = texel of the source, "
                    "orange = observed in a later frame, red = unobserved, at a guessed distance. For Render Splats "
                    "or Preview Splats.",
                ),
                io.Image.Output(
                    display_name="origins_view", tooltip="Those colors, forward view from the first pose."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        frames: torch.Tensor,
        trajectory: Trajectory,
        preset: str,
        iterations: int,
        max_gaussians: int,
        crop_size: int,
        backend: str,
        seed: int,
        geometry: PanoramaGeometry | None = None,
        depth: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
        initial: Types.SPLAT | None = None,
        resume: bool = True,
        extend: bool = False,
        depth_type: str = "exact",
        exposure: str = "off",
        settings: dict[str, object] | None = None,
    ) -> io.NodeOutput:
        changes = {"steps": iterations, "max_gaussians": max_gaussians, "crop_size_px": crop_size}
        config = preset_config(
            preset,
            backend=backend,
            seed=seed,
            depth_type=depth_type,
            exposure=exposure,
            extend=extend,
            **{name: value for name, value in changes.items() if value},
            **(settings or {}),
        )
        result = optimize_gaussians(
            images_from_host(frames, "frames"),
            trajectory,
            geometry=geometry,
            depth_ray=None if depth is None else depth.to("cpu", torch.float32),
            mask=None if mask is None else mask.to("cpu", torch.float32),
            initial=None if initial is None else gaussians_from_host(initial, "initial"),
            config=config,
            checkpoint=output_folder("matrix3d_checkpoints") if resume else None,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        notes = [SPLAT_BACKENDS.describe_choice(result.report["backend"]), *result.report["warnings"]]
        tell_user(cls.hidden.unique_id, " ".join(filter(None, notes)))
        report = progress_to_host(cls.hidden.unique_id)
        coverage = measure_coverage(result.gaussians, trajectory, progress=report)
        preview = result.preview.unsqueeze(0)
        origins = color_by_label(result.gaussians)
        return io.NodeOutput(
            splat_to_host(result.gaussians, info=replace(info_of_path(trajectory), coverage=coverage)),
            json.dumps(result.report, indent=2),
            preview,
            result.curves.unsqueeze(0),
            splat_to_host(origins),
            view_ahead(origins, trajectory, result.report["backend"]).unsqueeze(0),
            ui=ui.PreviewImage(preview, cls=cls),
        )


NODES = [GSOptimize, GSOptimizeSettings]
