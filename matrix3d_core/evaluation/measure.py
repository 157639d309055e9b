"""All numbers of one clip, and of many clips together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..metrics.camera_error import camera_errors
from ..metrics.depth import depth_figures
from ..metrics.frechet import frechet_distance
from ..metrics.image import SSIM_WINDOW_PX, psnr, ssim
from ..metrics.loop_closure import measure_loop
from ..metrics.networks import MetricNetworks
from ..metrics.seam import pole_error, seam_error
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..scene.camera import Camera
from ..scene.trajectory import Trajectory
from .solve_poses import solve_poses

__all__ = [
    "METRICS",
    "Measures",
    "Metric",
    "measure_cameras",
    "measure_depth",
    "measure_pictures",
    "measure_sphere",
    "summarize",
]

_EQUAL_DB = 10 * math.log10(
    12 * 255**2
)  # 58.9: the rounding of 8 bits; one equal frame must not carry the mean
_MOST_PERCEPTUAL = 16
_CLOSED = 0.05  # of the path's length
_LEAST_CLIPS = 2


@dataclass(frozen=True)
class Metric:
    """How a number is shown: its column, the unit, which way is better, and the digits behind the point."""

    title: str
    unit: str
    is_better_high: bool
    digits: int


METRICS: Mapping[str, Metric] = {
    "psnr": Metric("PSNR", "dB", True, 2),
    "ssim": Metric("SSIM", "", True, 3),
    "lpips": Metric("LPIPS", "", False, 4),
    "fid": Metric("FID", "", False, 1),
    "fvd": Metric("FVD", "", False, 0),
    "r_err": Metric("R_err", "rad", False, 4),
    "t_err": Metric("T_err", "units", False, 4),
    "ate": Metric("ATE", "units", False, 4),
    "abs_rel": Metric("AbsRel", "", False, 3),
    "delta": Metric("Delta < 1.25", "", True, 3),
    "dinov2": Metric("DINOv2 distance", "", False, 4),
    "seam": Metric("Seam", "", False, 2),
    "pole": Metric("Pole", "", False, 2),
    "loop_psnr": Metric("Loop PSNR", "dB", True, 2),
    "loop_ssim": Metric("Loop SSIM", "", True, 3),
    "end_psnr": Metric("End PSNR", "dB", True, 2),
    "range_worst": Metric("Range, worst", "m", True, 1),
    "range_median": Metric("Range, median", "m", True, 1),
    "seconds": Metric("Time", "s", False, 0),
}
"""Every number by its key in reports, in the order of columns."""


@dataclass
class Measures:
    """Numbers by the keys of `METRICS`.

    Attributes:
        values: what could be measured.
        missing: key to the reason, for what could not: shown as n/a.
        features: ``fid`` and ``fvd`` of one clip: generated and true, ``[T, D]`` and ``[1, D]``.
        notes: sentences for the report.
        details: what else the report holds, JSON-serializable.
    """

    values: dict[str, float] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    features: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def __or__(self, other: Measures) -> Measures:
        """Return both together; what one of them has is not missing."""
        values = self.values | other.values
        missing = {k: v for k, v in (self.missing | other.missing).items() if k not in values}
        notes = [*self.notes, *other.notes]
        features, details = self.features | other.features, self.details | other.details
        return Measures(values, missing, features, notes, details)

    def report(self) -> dict[str, Any]:
        """Return values and reasons, JSON-serializable."""
        found: dict[str, Any] = {key: round(value, 6) for key, value in self.values.items()}
        found |= {key: None for key in self.missing}
        return found | {"not_available": dict(self.missing), "notes": list(self.notes)} | self.details


@attentive
def measure_pictures(
    frames: Tensor,  # [T, H, W, 3]
    truth: Tensor,  # [T, H, W, 3]
    networks: MetricNetworks | None = None,
    *,
    progress: ProgressFn = no_progress,
) -> Measures:
    """Compare frames with the true ones: PSNR, SSIM, LPIPS, DINOv2 distance, and the features of FID and FVD.

    PSNR and SSIM are means over frames; a frame counts at most 58.9 dB, the rounding noise of
    8 bits, so that an equal first frame does not carry the mean. LPIPS and the DINOv2 distance are means over at
    most 16 frames, evenly spread. ``end_psnr`` is that of the last frame, where a loop closes. Pixels of panoramas
    count all the same, as in the papers. Frames of another size than the true ones are resized to it.

    Args:
        frames: ``[T, H, W, 3]`` in [0, 1].
        truth: ``[T, h, w, 3]``, of the same shape of picture.
        networks: see `open_networks`; None has none.
        progress: called before each frame; raising in it stops.

    Raises:
        InvalidInput: for different numbers of frames, another shape of picture, or NaN.
    """
    networks = networks or MetricNetworks()
    frames, found = _fitted(frames, truth)
    count = len(frames)
    decibels, similar = [], []
    is_large = min(truth.shape[1:3]) >= SSIM_WINDOW_PX
    for number, (a, b) in enumerate(zip(frames, truth, strict=True)):
        progress(ProgressEvent(number, count, "compare frames", a))
        decibels.append(min(psnr(a, b), _EQUAL_DB))
        if is_large:
            similar.append(ssim(a, b))
    found.values |= {"psnr": sum(decibels) / count, "end_psnr": decibels[-1]}
    if is_large:
        found.values["ssim"] = sum(similar) / count
    else:
        found.missing["ssim"] = f"needs pictures of at least {SSIM_WINDOW_PX} pixels"
    chosen = torch.linspace(0, count - 1, min(count, _MOST_PERCEPTUAL)).round().long()
    for key, title, network, scale, shift in (
        ("lpips", "LPIPS", networks.lpips, 2.0, -1.0),
        ("dinov2", "DINOv2 distance", networks.dinov2, 1.0, 0.0),
    ):
        if network is None:
            found.missing[key] = networks.missing[title]
            continue
        distances: list[float] = []
        for number in chosen.tolist():
            progress(ProgressEvent(len(distances), len(chosen), f"compare features: {title}"))
            pair = (
                x[number : number + 1].permute(0, 3, 1, 2).float() * scale + shift for x in (frames, truth)
            )
            with torch.no_grad():
                distances.append(float(network(*pair)))
        found.values[key] = sum(distances) / len(distances)
    for key, title, network_of in (("fid", "FID", networks.fid), ("fvd", "FVD", networks.fvd)):
        if network_of is None:
            found.missing[key] = networks.missing[title]
            continue
        progress(ProgressEvent(0, 1, f"compute features: {title}"))
        try:
            both = [network_of(pictures) for pictures in (frames, truth)]
        except InvalidInput as error:  # too few frames for a video network
            found.missing[key] = str(error)
            continue
        found.features[key] = (both[0].reshape(-1, both[0].shape[-1]), both[1].reshape(-1, both[1].shape[-1]))
    progress(ProgressEvent(count, count, "frames compared"))
    return found


def _fitted(frames: Tensor, truth: Tensor) -> tuple[Tensor, Measures]:
    """Check both, and bring the frames to the size of the true ones."""
    size = check_shape("frames", frames, "T H W 3")
    count = size["T"]
    true = check_shape("truth", truth, "T H W 3")
    if count != true["T"] or count < 1:
        raise InvalidInput(
            f"frames and truth must have the same number of frames, at least 1; got {count} and {true['T']}. "
            "Trim the longer one."
        )
    if abs(size["W"] * true["H"] - size["H"] * true["W"]) > max(size["W"], true["W"]):
        raise InvalidInput(
            f"frames and truth must have the same shape of picture; got {size['W']}x{size['H']} and "
            f"{true['W']}x{true['H']}. Crop one of them."
        )
    check_finite("frames", frames)
    check_finite("truth", truth)
    found = Measures()
    if frames.shape != truth.shape:
        found.notes.append(f"resized from {size['W']}x{size['H']} to {true['W']}x{true['H']}")
        resized = torch.nn.functional.interpolate(
            frames.permute(0, 3, 1, 2).float(), (true["H"], true["W"]), mode="bilinear", antialias=True
        )
        frames = resized.permute(0, 2, 3, 1).clamp(0, 1)
    return frames, found


def measure_cameras(
    commanded: Trajectory | None,
    given: Trajectory | None = None,
    *,
    frames: Tensor | None = None,
    camera: Camera | None = None,
    progress: ProgressFn = no_progress,
) -> Measures:
    """Return R_err, T_err and ATE of generated poses against the commanded ones.

    Args:
        commanded: one pose per frame; None makes all n/a.
        given: poses of the generated frames, from any estimator; one per frame.
        frames: ``[T, H, W, 3]``; poses are solved from them where none are given, see `solve_poses`.
        camera: of the frames.
        progress: see `solve_poses`.
    """
    keys = ("r_err", "t_err", "ate")
    notes: list[str] = []
    if commanded is None:
        return Measures(missing=dict.fromkeys(keys, "needs the commanded camera path"))
    if given is not None and len(given) != len(commanded):
        reason = f"poses and frames do not match: {len(given)} poses for {len(commanded)} frames"
        return Measures(missing=dict.fromkeys(keys, reason))
    if given is None:
        if frames is None or camera is None:
            reason = "needs the poses of the generated frames, given or solved"
            return Measures(missing=dict.fromkeys(keys, reason))
        solved = solve_poses(frames, camera, progress=progress)
        if solved.trajectory is None:
            return Measures(missing=dict.fromkeys(keys, solved.reason))
        given, commanded = solved.trajectory, commanded.select(torch.tensor(solved.frames))
        notes = [f"poses of {len(given)} frames solved from the pictures"]
        if solved.reason:
            notes.append(solved.reason)
    if len(commanded) < 2:
        return Measures(missing=dict.fromkeys(keys, "needs at least 2 frames"))
    errors = camera_errors(given, commanded)
    found = Measures({"r_err": errors.rotation_rad}, notes=notes)
    for key, value in (("t_err", errors.translation), ("ate", errors.ate)):
        if value is None:
            found.missing[key] = "the commanded path stays in one place"
        else:
            found.values[key] = value
    return found


def measure_depth(depth: Tensor | None, truth: Tensor | None) -> Measures:  # [T, H, W]
    """Return AbsRel and delta < 1.25 over all pixels of all frames, without alignment of the scale.

    Args:
        depth: of the generated frames.
        truth: of the true ones; what is not finite and positive in either does not count.
    """
    keys = ("abs_rel", "delta")
    if depth is None or truth is None:
        return Measures(missing=dict.fromkeys(keys, "needs depth maps of the generated and the true frames"))
    try:
        figures = depth_figures(depth, truth, align=False)
    except InvalidInput as error:
        return Measures(missing=dict.fromkeys(keys, str(error)))
    return Measures({key: figures[key] for key in keys})


def measure_sphere(frames: Tensor, trajectory: Trajectory | None = None) -> Measures:  # [T, H, W, 3]
    """Return what panoramas show by themselves: seam, poles, and how a closed path ends where it began.

    A path is closed when its last pose is nearer to the first than 5 % of its length.
    """
    keys = ("seam", "pole", "loop_psnr", "loop_ssim")
    if frames.shape[2] != 2 * frames.shape[1]:
        return Measures(missing=dict.fromkeys(keys, "only for panoramas"))
    found = Measures()
    try:
        found.values |= {"seam": seam_error(frames).error, "pole": pole_error(frames).error}
    except InvalidInput as error:
        found.missing |= dict.fromkeys(keys[:2], str(error))
    is_closed = False
    if trajectory is not None and len(trajectory) == len(frames):
        gap = float((trajectory.centers[-1] - trajectory.centers[0]).norm())
        is_closed = 0 < trajectory.length and gap <= _CLOSED * trajectory.length
    if not is_closed or trajectory is None:
        return found | Measures(
            missing=dict.fromkeys(keys[2:], "needs a camera path that ends where it began")
        )
    ends = trajectory.camera_from_world[[0, -1]]
    loop = measure_loop(frames[0], frames[-1], ends[0], ends[1])
    found.values["loop_psnr"] = min(loop.psnr, _EQUAL_DB)
    if loop.ssim is not None:
        found.values["loop_ssim"] = loop.ssim
    return found


def summarize(clips: Sequence[Measures]) -> Measures:
    """Return means over clips, and FID and FVD of all of them together.

    A value that some clips lack is the mean over the others, with a note.
    """
    found = Measures(notes=list(dict.fromkeys(note for clip in clips for note in clip.notes)))
    for key in METRICS:
        values = [clip.values[key] for clip in clips if key in clip.values]
        reasons = [clip.missing[key] for clip in clips if key in clip.missing]
        if values:
            found.values[key] = sum(values) / len(values)
            if len(values) < len(clips):
                why = f": {reasons[0]}" if reasons else ""
                found.notes.append(f"{METRICS[key].title} of {len(values)} of {len(clips)} clips{why}")
        elif reasons:
            found.missing[key] = reasons[0]
    for key in ("fid", "fvd"):
        pairs = [clip.features[key] for clip in clips if key in clip.features]
        if not pairs:
            continue
        generated, true = (torch.cat(part) for part in zip(*pairs, strict=True))
        what = "frames" if key == "fid" else "clips"
        if min(len(generated), len(true)) < _LEAST_CLIPS:
            found.missing[key] = f"compares sets: needs at least {_LEAST_CLIPS} {what}"
            continue
        found.values[key] = frechet_distance(generated, true)
        found.missing.pop(key, None)
        if min(len(generated), len(true)) <= generated.shape[1]:
            found.notes.append(
                f"{METRICS[key].title} of {len(generated)} {what}: fewer than its {generated.shape[1]} features, so it "
                "compares only with numbers from as many"
            )
    for key in METRICS:
        if key in found.values and not math.isfinite(found.values[key]):
            found.missing[key] = "not finite"
            del found.values[key]
    return found
