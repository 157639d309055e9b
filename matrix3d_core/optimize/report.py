"""What a fit reports; keys are those of the JSON that nodes and the console write."""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = ["FitReport", "HeldOutQuality", "MemoryUse"]


class HeldOutQuality(TypedDict):
    """How well frames are met that were never trained on; None without such frames."""

    frames: list[int]
    psnr: float | None
    """Mean, dB."""
    ssim: float | None


class MemoryUse(TypedDict):
    """Gigabytes: estimated before the fit, and the largest that the process took."""

    estimate: float
    peak: float | None


class FitReport(TypedDict):
    """Counts, quality on held-out frames, seconds by phase, backend and settings of a fit."""

    backend: str
    gaussians: int
    gaussians_dropped: int
    origins: dict[str, int] | None
    steps: int
    crop_size_px: int
    seed: int
    key_frames: list[int]
    distances_from_frames: list[int]
    held_out: HeldOutQuality
    loss: list[float]
    """Mean of each twentieth of the steps."""
    warnings: list[str]
    exposure: dict[str, float]
    poses: dict[str, float] | None
    frames: dict[str, float] | None
    """Size of the warps of ``refine_frames``."""
    settings: dict[str, Any]
    """Fields of `OptimizeConfig`."""
    seconds: dict[str, float]
    gaussians_initial: dict[str, int]
    resumed_at: int
    memory_gb: MemoryUse
    sh_bases_dropped: int
