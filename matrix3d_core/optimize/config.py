"""Settings of the splat optimiser."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from ..errors import InvalidInput

__all__ = ["OPTIMISE_PRESETS", "SETTING_CHOICES", "OptimiseConfig", "preset_config"]

SETTING_CHOICES = {
    "key_frame_mode": ("stride", "parallax", "all"),
    "supervision": ("crops", "panorama"),
    "depth_from_frames": ("auto", "off"),
    "depth_kind": ("exact", "monocular"),
    "exposure": ("off", "gain", "affine", "grid"),
    "densify": ("off", "adc", "mcmc"),
}


@dataclass(frozen=True)
class OptimiseConfig:
    """Settings of `optimise_gaussians`; the defaults are the draft preset.

    Attributes:
        steps: optimisation steps, one crop each.
        max_gaussians: upper bound of the number of initial Gaussians.
        crop_size_px: side of the square 90 degree crops.
        key_frame_stride: every how many frames one is trained on; the first and the last always are.
        key_frame_mode: ``"stride"``, ``"parallax"`` or ``"all"``, see `choose_key_frames`.
        source_share: share of steps that look at the source panorama itself, at its own resolution; -1 takes
            0.7 with mask and depth (frames are filled guidance), 0.3 with a mask alone (frames of a video
            model), 0.15 without (frames are views in their own right).
        source_fov_deg: field of view of those crops.
        fov_min_deg: least field of view of crops of frames.
        fov_max_deg: largest; 0 makes all 90 degrees.
        supervision: ``"crops"`` of frames, or ``"panorama"``: whole ones at ``panorama_rows`` rows.
        panorama_rows: rows of whole panoramas, the nearest integer fraction of the frame's.
        depth_from_frames: ``"auto"``: where no depth of the frames is given, find it from the frames by
            `sweep_distances`; ``"off"``.
        depth_kind: given depth is ``"exact"``, or ``"monocular"``: aligned key frame by key frame (`align_frames`).
        depth_weight: weight of the relative difference of distances where they are known.
        normal_weight: weight of the difference of surface normals there.
        opacity_pull: pulls opacities down, per Gaussian and step.
        scale_pull: pulls sizes down likewise.
        exposure: colour change per frame, one of `COLOUR_MODES`.
        refine_poses: let the poses of frames move a little.
        densify: ``"off"``, ``"adc"`` (split where the screen gradient is large) or ``"mcmc"`` (move what is
            clear onto what is not).
        densify_from: share of the steps before the first densification.
        densify_until: share of the steps after which there is no more.
        densify_every: steps between two.
        by_detail: start with discs of twice the size where the pictures are smooth.
        extend: where Gaussians to start from are given, add what the frames show beyond them.
        initial_share: share of ``max_gaussians`` to start with when densifying.
        weight_seen: weight of pixels that a frame has from the source panorama.
        weight_filled: weight of pixels that were filled in.
        ssim_share: of the loss, the rest is absolute difference.
        rate_means: learning rate of the means, in units of each Gaussian's own size.
        rate_quats: of the quaternions.
        rate_scales: of the log scales.
        rate_opacities: of the opacity logits.
        rate_colours: of the colours.
        rate_end: all rates fall exponentially to this share of their start.
        rate_given: share of the rates for the Gaussians to start from, when ``extend``; 0 leaves them as they are.
        beta1: decay of Adam's first moment.
        beta2: decay of Adam's second moment.
        least_pixels: Adam makes all steps equally long, however little a Gaussian shows; those that show
            through in less than about this many pixels move less, so that what is hidden behind a surface
            is not bent to mend the surface's last errors.
        min_opacity: Gaussians below it are dropped at the end.
        preview_every: steps between two preview pictures.
        held_out_max: at most this many frames are held out for the report.
        seed: for the order and direction of crops.
        engine: splat engine, ``"auto"`` for the first usable.
        checkpoint_every: steps between two checkpoints, where a folder for them is given; 0 for none.
    """

    steps: int = 1000
    max_gaussians: int = 300_000
    crop_size_px: int = 256
    key_frame_stride: int = 8
    key_frame_mode: str = "stride"
    source_share: float = -1.0
    source_fov_deg: float = 60.0
    fov_min_deg: float = 60.0
    fov_max_deg: float = 0.0
    supervision: str = "crops"
    panorama_rows: int = 240
    depth_from_frames: str = "auto"
    depth_kind: str = "exact"
    depth_weight: float = 0.0
    normal_weight: float = 0.0
    opacity_pull: float = 0.0
    scale_pull: float = 0.0
    exposure: str = "off"
    refine_poses: bool = False
    densify: str = "off"
    densify_from: float = 0.15
    densify_until: float = 0.6
    densify_every: int = 200
    initial_share: float = 0.75
    by_detail: bool = True
    extend: bool = False
    weight_seen: float = 1.0
    weight_filled: float = 0.3
    ssim_share: float = 0.2
    rate_means: float = 0.07
    rate_quats: float = 0.002
    rate_scales: float = 0.02
    rate_opacities: float = 0.05
    rate_colours: float = 0.025
    rate_end: float = 0.1
    rate_given: float = 0.03
    beta1: float = 0.9
    beta2: float = 0.99
    least_pixels: float = 0.3
    min_opacity: float = 0.02
    preview_every: int = 25
    held_out_max: int = 4
    seed: int = 0
    engine: str = "auto"
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        for name, low in (
            ("steps", 0), ("max_gaussians", 100), ("crop_size_px", 16), ("key_frame_stride", 1),
            ("preview_every", 1), ("held_out_max", 0), ("seed", 0), ("densify_every", 1), ("panorama_rows", 16),
            ("checkpoint_every", 0),
        ):  # fmt: skip
            if getattr(self, name) < low:
                raise InvalidInput(f"{name} must be at least {low}; got {getattr(self, name)}.")
        for name in (
            "ssim_share",
            "min_opacity",
            "beta1",
            "beta2",
            "densify_from",
            "densify_until",
            "initial_share",
        ):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidInput(f"{name} must lie in 0..1; got {getattr(self, name)}.")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "source_share":
                if not (value == -1 or 0 <= value <= 1):
                    raise InvalidInput(f"source_share must lie in 0..1, or be -1; got {value}.")
            elif isinstance(value, float) and not (math.isfinite(value) and value >= 0):
                raise InvalidInput(f"{field.name} must be finite and not negative; got {value}.")
        if not 10 <= self.source_fov_deg <= 120:
            raise InvalidInput(f"source_fov_deg must lie in 10..120; got {self.source_fov_deg}.")
        if self.fov_max_deg and not 10 <= self.fov_min_deg <= self.fov_max_deg <= 140:
            raise InvalidInput(
                f"fov_min_deg and fov_max_deg must be ascending in 10..140; got {self.fov_min_deg} and "
                f"{self.fov_max_deg}."
            )
        for name, options in SETTING_CHOICES.items():
            if getattr(self, name) not in options:
                raise InvalidInput(
                    f"{name} must be one of {', '.join(options)}; got {getattr(self, name)!r}."
                )


OPTIMISE_PRESETS: dict[str, OptimiseConfig] = {
    "draft": OptimiseConfig(),
    "standard": OptimiseConfig(steps=2500, max_gaussians=500_000, crop_size_px=320, key_frame_stride=5),
    "high": OptimiseConfig(steps=12_000, max_gaussians=1_500_000, crop_size_px=512, key_frame_stride=3),
}


def preset_config(name: str, **changes: object) -> OptimiseConfig:
    """Return a preset with some settings changed.

    Raises:
        InvalidInput: for an unknown preset or a bad value.
    """
    if name not in OPTIMISE_PRESETS:
        raise InvalidInput(f"preset must be one of {', '.join(OPTIMISE_PRESETS)}; got {name!r}.")
    return replace(OPTIMISE_PRESETS[name], **changes)  # type: ignore[arg-type]
