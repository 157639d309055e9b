"""Settings of the splat optimizer."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from ..errors import InvalidInput
from .strategies import STRATEGIES

__all__ = [
    "OPTIMIZE_PRESETS",
    "RENAMED_SETTINGS",
    "SETTING_CHOICES",
    "OptimizeConfig",
    "for_filled_frames",
    "preset_config",
]

SETTING_CHOICES = {
    "key_frame_mode": ("stride", "parallax", "all"),
    "view_mode": ("crops", "panorama"),
    "depth_from_frames": ("auto", "off"),
    "depth_type": ("exact", "monocular"),
    "exposure": ("off", "gain", "affine", "grid"),
    "densify": ("off", *STRATEGIES),
    "refine_frames": ("off", "warp"),
}


_AT_LEAST = {
    "steps": 0,
    "max_gaussians": 100,
    "crop_size_px": 16,
    "key_frame_stride": 1,
    "preview_every": 1,
    "held_out_max": 0,
    "seed": 0,
    "densify_every": 1,
    "panorama_rows": 16,
    "checkpoint_every": 0,
}
_SHARES = ("ssim_lambda", "min_opacity", "beta1", "beta2", "densify_from", "densify_until", "init_ratio")


@dataclass(frozen=True)
class OptimizeConfig:
    """Settings of `optimize_gaussians`; the defaults are the draft preset.

    Attributes:
        steps: optimization steps, one crop each.
        max_gaussians: upper bound of the number of initial Gaussians.
        crop_size_px: side of the square 90 degree crops.
        key_frame_stride: every how many frames one is trained on; the first and the last always are.
        key_frame_mode: ``"stride"``, ``"parallax"`` or ``"all"``, see `choose_key_frames`.
        source_ratio: share of steps whose view is of the source panorama itself, at its own resolution; -1 takes
            0.7 with mask and depth (frames are filled guidance), 0.3 with a mask alone (frames of a video
            model), 0.15 without (frames are views in their own right).
        source_fov_deg: field of view of those crops.
        fov_min_deg: least field of view of crops of frames.
        fov_max_deg: largest; 0 makes all 90 degrees.
        view_mode: ``"crops"`` of frames, or ``"panorama"``: whole frames at ``panorama_rows`` rows.
        panorama_rows: rows of whole frames, the nearest integer fraction of the frame's.
        depth_from_frames: ``"auto"``: where no depth of the frames is given, find it from the frames by
            `plane_sweep_depth`; ``"off"``.
        depth_type: given depth is ``"exact"``, or ``"monocular"``: aligned key frame by key frame (`align_frames`).
        depth_weight: weight of the relative difference of distances where they are known.
        normal_weight: weight of the difference of surface normals there.
        opacity_reg: pulls opacities down, per Gaussian and step.
        scale_reg: pulls sizes down likewise.
        exposure: color change per frame, one of `EXPOSURE_MODES`.
        refine_poses: let the poses of frames move a little.
        refine_frames: ``"warp"``: register the frames by a smooth field of shifts and a gain each, to the panorama's
            surfaces before the fit and to the Gaussians during it, and trust pixels less that still disagree.
        densify: ``"off"``, ``"adc"`` (split where the screen gradient is large) or ``"mcmc"`` (relocate
            transparent Gaussians onto opaque ones).
        densify_from: share of the steps before the first densification.
        densify_until: share of the steps after which there is no more.
        densify_every: steps between two.
        adaptive_density: start with surfels of twice the size where the pictures are smooth.
        extend: where Gaussians to start from are given, add what the frames show beyond them.
        init_ratio: share of ``max_gaussians`` to start with when densifying.
        weight_seen: weight of pixels that a frame has from the source panorama.
        weight_filled: weight of pixels that were filled in.
        ssim_lambda: of the loss, the rest is absolute difference.
        lr_means: learning rate of the means, in units of each Gaussian's own size. Where frames are filled guidance
            (mask and depth are given) a fit takes lower rates, see `for_filled_frames`.
        lr_quats: of the quaternions.
        lr_scales: of the log scales.
        lr_opacities: of the opacity logits.
        lr_colors: of the colors.
        lr_final: all rates fall exponentially to this share of their start.
        lr_scale_existing: share of the rates for the Gaussians to start from, when ``extend``; 0 leaves them as
            they are.
        beta1: decay of Adam's first moment.
        beta2: decay of Adam's second moment.
        adam_eps_pixels: Adam makes all steps equally long, however little a Gaussian shows; those that show
            through in less than about this many pixels move less, so that what is hidden behind a surface
            is not moved to correct the surface's remaining errors.
        min_opacity: Gaussians below it are dropped at the end.
        preview_every: steps between two preview pictures.
        held_out_max: at most this many frames are held out for the report.
        seed: for the order and direction of crops.
        backend: splat backend, ``"auto"`` for the first usable.
        checkpoint_every: steps between two checkpoints, where a folder for them is given; 0 for none.
    """

    steps: int = 1000
    max_gaussians: int = 300_000
    crop_size_px: int = 256
    key_frame_stride: int = 8
    key_frame_mode: str = "stride"
    source_ratio: float = -1.0
    source_fov_deg: float = 60.0
    fov_min_deg: float = 60.0
    fov_max_deg: float = 0.0
    view_mode: str = "crops"
    panorama_rows: int = 240
    depth_from_frames: str = "auto"
    depth_type: str = "exact"
    depth_weight: float = 0.1
    normal_weight: float = 0.0
    opacity_reg: float = 0.0
    scale_reg: float = 0.0
    exposure: str = "off"
    refine_poses: bool = False
    refine_frames: str = "off"
    densify: str = "off"
    densify_from: float = 0.15
    densify_until: float = 0.6
    densify_every: int = 200
    init_ratio: float = 0.75
    adaptive_density: bool = True
    extend: bool = False
    weight_seen: float = 1.0
    weight_filled: float = 0.3
    ssim_lambda: float = 0.2
    lr_means: float = 0.3
    lr_quats: float = 0.006
    lr_scales: float = 0.04
    lr_opacities: float = 0.05
    lr_colors: float = 0.025
    lr_final: float = 0.3
    lr_scale_existing: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.99
    adam_eps_pixels: float = 0.01
    min_opacity: float = 0.02
    preview_every: int = 25
    held_out_max: int = 4
    seed: int = 0
    backend: str = "auto"
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        for name, low in _AT_LEAST.items():
            if getattr(self, name) < low:
                raise InvalidInput(f"{name} must be at least {low}; got {getattr(self, name)}.")
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidInput(f"{name} must lie in 0..1; got {getattr(self, name)}.")
        if not (self.source_ratio == -1 or 0 <= self.source_ratio <= 1):
            raise InvalidInput(f"source_ratio must lie in 0..1, or be -1; got {self.source_ratio}.")
        self._check_numbers()
        for name, options in SETTING_CHOICES.items():
            if getattr(self, name) not in options:
                raise InvalidInput(
                    f"{name} must be one of {', '.join(options)}; got {getattr(self, name)!r}."
                )

    def _check_numbers(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            is_number = isinstance(value, float) and field.name != "source_ratio"
            if is_number and not (math.isfinite(value) and value >= 0):
                raise InvalidInput(f"{field.name} must be finite and not negative; got {value}.")
        if not 10 <= self.source_fov_deg <= 120:
            raise InvalidInput(f"source_fov_deg must lie in 10..120; got {self.source_fov_deg}.")
        if self.fov_max_deg and not 10 <= self.fov_min_deg <= self.fov_max_deg <= 140:
            raise InvalidInput(
                f"fov_min_deg and fov_max_deg must be ascending in 10..140; got {self.fov_min_deg} and "
                f"{self.fov_max_deg}."
            )


OPTIMIZE_PRESETS: dict[str, OptimizeConfig] = {
    "draft": OptimizeConfig(),
    "standard": OptimizeConfig(steps=2500, max_gaussians=500_000, crop_size_px=320, key_frame_stride=5),
    "high": OptimizeConfig(steps=12_000, max_gaussians=1_500_000, crop_size_px=512, key_frame_stride=3),
}


RENAMED_SETTINGS = {
    "depth_kind": "depth_type",
    "supervision": "view_mode",
    "by_detail": "adaptive_density",
    "source_share": "source_ratio",
    "initial_share": "init_ratio",
    "ssim_share": "ssim_lambda",
    "opacity_pull": "opacity_reg",
    "scale_pull": "scale_reg",
    "least_pixels": "adam_eps_pixels",
    "rate_means": "lr_means",
    "rate_quats": "lr_quats",
    "rate_scales": "lr_scales",
    "rate_opacities": "lr_opacities",
    "rate_colours": "lr_colors",
    "rate_end": "lr_final",
    "rate_given": "lr_scale_existing",
}
"""Names that settings had before the first release, and what they are called now."""


_FILLED_RATES = {"lr_means": 0.25, "lr_quats": 0.33, "lr_scales": 0.5, "lr_final": 0.33}
_FILLED_KEY_FRAMES = 12
_FILLED_EPS_PIXELS = 0.3


def for_filled_frames(config: OptimizeConfig, count: int) -> OptimizeConfig:
    """Return the settings for ``count`` frames that are filled guidance: lower rates, key frames all along the path.

    All they show of hidden surfaces was inpainted from few views, which higher rates would overfit; and a path in
    several directions, such as the preset ``fan``, needs some key frames in each. Frames to hold out are left.
    """
    rates = {name: getattr(config, name) * share for name, share in _FILLED_RATES.items()}
    return replace(
        config,
        adam_eps_pixels=max(config.adam_eps_pixels, _FILLED_EPS_PIXELS),
        key_frame_stride=min(config.key_frame_stride, max(4, count // _FILLED_KEY_FRAMES)),
        **rates,
    )


def preset_config(name: str, **changes: object) -> OptimizeConfig:
    """Return a preset with some settings changed.

    Raises:
        InvalidInput: for an unknown preset or setting, or a bad value.
    """
    known = {field.name for field in fields(OptimizeConfig)}
    for setting in changes:
        if setting in RENAMED_SETTINGS:
            raise InvalidInput(f"{setting} is called {RENAMED_SETTINGS[setting]} now; got the old name.")
        if setting not in known:
            raise InvalidInput(
                f"a setting of the fit must be one of {', '.join(sorted(known))}; got {setting!r}."
            )
    if name not in OPTIMIZE_PRESETS:
        raise InvalidInput(f"preset must be one of {', '.join(OPTIMIZE_PRESETS)}; got {name!r}.")
    return replace(OPTIMIZE_PRESETS[name], **changes)  # type: ignore[arg-type]
