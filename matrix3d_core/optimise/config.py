"""Settings of the splat optimiser."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from ..errors import InvalidInput

__all__ = ["OPTIMISE_PRESETS", "OptimiseConfig", "preset_config"]


@dataclass(frozen=True)
class OptimiseConfig:
    """Settings of `optimise_gaussians`; the defaults are the draft preset.

    Attributes:
        steps: optimisation steps, one crop each.
        max_gaussians: upper bound of the number of initial Gaussians.
        crop_size_px: side of the square 90 degree crops.
        key_frame_stride: every how many frames one is trained on; the first and the last always are.
        source_share: share of steps that look at the source panorama itself, at its own resolution.
        source_fov_deg: field of view of those crops.
        weight_seen: weight of pixels that a frame has from the source panorama.
        weight_filled: weight of pixels that were filled in.
        ssim_share: of the loss, the rest is absolute difference.
        rate_means: learning rate of the means, in units of each Gaussian's own size.
        rate_quats: of the quaternions.
        rate_scales: of the log scales.
        rate_opacities: of the opacity logits.
        rate_colours: of the colours.
        rate_end: all rates fall exponentially to this share of their start.
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
    """

    steps: int = 2000
    max_gaussians: int = 300_000
    crop_size_px: int = 256
    key_frame_stride: int = 8
    source_share: float = 0.7
    source_fov_deg: float = 60.0
    weight_seen: float = 1.0
    weight_filled: float = 0.3
    ssim_share: float = 0.2
    rate_means: float = 0.02
    rate_quats: float = 0.002
    rate_scales: float = 0.02
    rate_opacities: float = 0.05
    rate_colours: float = 0.025
    rate_end: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.99
    least_pixels: float = 0.3
    min_opacity: float = 0.02
    preview_every: int = 25
    held_out_max: int = 4
    seed: int = 0
    engine: str = "auto"

    def __post_init__(self) -> None:
        for name, low in (
            ("steps", 0), ("max_gaussians", 100), ("crop_size_px", 16), ("key_frame_stride", 1),
            ("preview_every", 1), ("held_out_max", 0), ("seed", 0),
        ):  # fmt: skip
            if getattr(self, name) < low:
                raise InvalidInput(f"{name} must be at least {low}; got {getattr(self, name)}.")
        for name in ("source_share", "ssim_share", "min_opacity", "beta1", "beta2"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidInput(f"{name} must lie in 0..1; got {getattr(self, name)}.")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not (math.isfinite(value) and value >= 0):
                raise InvalidInput(f"{field.name} must be finite and not negative; got {value}.")
        if not 10 <= self.source_fov_deg <= 120:
            raise InvalidInput(f"source_fov_deg must lie in 10..120; got {self.source_fov_deg}.")


OPTIMISE_PRESETS: dict[str, OptimiseConfig] = {
    "draft": OptimiseConfig(),
    "standard": OptimiseConfig(steps=4000, max_gaussians=600_000, crop_size_px=384, key_frame_stride=5),
}


def preset_config(name: str, **changes: object) -> OptimiseConfig:
    """Return a preset with some settings changed.

    Raises:
        InvalidInput: for an unknown preset or a bad value.
    """
    if name not in OPTIMISE_PRESETS:
        raise InvalidInput(f"preset must be one of {', '.join(OPTIMISE_PRESETS)}; got {name!r}.")
    return replace(OPTIMISE_PRESETS[name], **changes)  # type: ignore[arg-type]
