"""A loop of a video becomes time-varying colors: what a video model makes of a masked region, lifted to the splats.

Each Gaussian's color gets a mean and a few harmonics of the loop (a Fourier series, so that its end leads into its
beginning). Its coefficients are fitted to all frames at once by simultaneous iterative reconstruction: what a frame
differs from the rendered world is given back to the Gaussians by their weights in its pixels.

Source: P. Gilbert, Iterative methods for the three-dimensional reconstruction of an object from projections, 1972.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..motion.animate import set_motion
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..raster.camera_view import render_view
from ..scene.camera import Pinhole
from ..scene.gaussians import SH_C0, Gaussians
from ..scene.motion import Motion
from ..scene.trajectory import Trajectory
from .labeling import choose_gaussians, perspective_parts

__all__ = ["MOST_HARMONICS", "VideoColors", "colors_from_video"]

MOST_HARMONICS = 4
"""What the viewer draws."""

_LEAST_PX = 0.02


@dataclass(frozen=True)
class VideoColors:
    """A world with the colors of a video.

    Attributes:
        gaussians: the world.
        chosen: number of Gaussians that change.
        psnr_still_db: of the frames against the world before, in the mask.
        psnr_db: of the frames against the world with the colors, in the mask.
    """

    gaussians: Gaussians
    chosen: int
    psnr_still_db: float
    psnr_db: float


@attentive
def colors_from_video(
    gaussians: Gaussians,
    frames: Tensor,  # [T, H, W, 3]
    trajectory: Trajectory,
    masks: Tensor | None = None,  # [1 or T, H, W]
    *,
    harmonics: int = 3,
    period_s: float | None = None,
    fov_x_rad: float | None = None,
    rounds: int = 8,
    threshold: float = 0.5,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> VideoColors:
    """Lift a loop of a video to the Gaussians that it shows.

    Args:
        gaussians: the world, on the CPU.
        frames: ``[T, H, W, 3]`` in [0, 1], at equal steps over one loop, T at least ``2 harmonics + 1``.
        trajectory: one pose for all frames, or one for each.
        masks: where the video moves, one or one for each frame; None: everywhere.
        harmonics: of the loop, 1 to 4.
        period_s: of the loop; None: the frames at the trajectory's frames per second.
        fov_x_rad: horizontal field of view of frames that are no panoramas, where the path has no intrinsics.
        rounds: of the fit, at least 1.
        threshold: share of what is seen of a Gaussian that must lie in the masks.
        backend: splat backend; must give gradients.
        progress: called before each frame of each round.

    Raises:
        InvalidInput: for another number or size of frames, poses or masks, NaN, or when nothing is chosen.
    """
    count = check_shape("frames", frames, "T H W 3")["T"]
    check_finite("frames", frames)
    if not 1 <= harmonics <= MOST_HARMONICS:
        raise InvalidInput(f"harmonics must be 1 to {MOST_HARMONICS}; got {harmonics}.")
    if count < 2 * harmonics + 1:
        raise InvalidInput(
            f"a video must have at least {2 * harmonics + 1} frames for {harmonics} harmonics; got {count}."
        )
    if rounds < 1:
        raise InvalidInput(f"rounds must be at least 1; got {rounds}.")
    size = (frames.shape[1], frames.shape[2])
    path = _path_of(trajectory, count)
    if fov_x_rad is not None and path.image_size_px is None:
        lens = Pinhole.from_fov(fov_x_rad, *size)
        path = replace(path, K_px=lens.K_px.expand(count, 3, 3), image_size_px=size)
    path.check_frames("frames", size)
    if masks is None:
        masks = torch.ones(1, *size)
    given = check_shape("masks", masks, "M H W")
    if (given["H"], given["W"]) != size or given["M"] not in (1, count):
        raise InvalidInput(
            f"masks must be one or {count}, of the frames' size {size[1]}x{size[0]}; got {given['M']} of "
            f"{given['W']}x{given['H']}."
        )
    chosen = _choose(gaussians, masks, path, threshold, backend, progress)
    motion = Motion("color", count / trajectory.fps if period_s is None else period_s)
    fit = _Fit(gaussians, frames, path, masks.expand(count, -1, -1), chosen, harmonics, backend)
    errors = [fit.step(progress, (index, rounds)) for index in range(rounds)]
    errors.append(fit.step(progress, (rounds, rounds), changes=False))
    return VideoColors(fit.world(motion), int(chosen.sum()), _db(errors[0]), _db(errors[-1]))


def _path_of(trajectory: Trajectory, count: int) -> Trajectory:
    """Return a path with a pose for each frame."""
    if len(trajectory) == count:
        return trajectory
    if len(trajectory) == 1:
        return trajectory.select(torch.zeros(count, dtype=torch.long))
    raise InvalidInput(
        f"there must be one pose for all frames or one for each; got {len(trajectory)} poses and {count} frames. "
        "Pick the poses that the video was made with (Edit Trajectory)."
    )


def _choose(
    gaussians: Gaussians,
    masks: Tensor,
    path: Trajectory,
    threshold: float,
    backend: str,
    progress: ProgressFn,
) -> Tensor:
    poses = path if len(masks) == len(path) else path.select(slice(1))
    chosen = choose_gaussians(
        gaussians, masks=masks, trajectory=poses, least=threshold, backend=backend, progress=progress
    )
    if not bool(chosen.any()):
        raise InvalidInput("the masks must show at least 1 splat whose color is to change; they show none.")
    return chosen


class _Fit:
    """Coefficients of the chosen Gaussians' colors: ``[M, 1 + 2 H, 3]``, mean first."""

    def __init__(
        self,
        gaussians: Gaussians,
        frames: Tensor,
        path: Trajectory,
        masks: Tensor,
        chosen: Tensor,
        harmonics: int,
        backend: str,
    ) -> None:
        self.start, self.chosen, self.backend = gaussians, chosen, backend
        self.frames, self.path, self.masks = frames, path, masks
        steps = torch.arange(len(frames), dtype=torch.float64) / len(frames)
        angles = 2 * math.pi * steps[:, None] * torch.arange(1, harmonics + 1, dtype=torch.float64)
        waves = torch.stack([torch.cos(angles), torch.sin(angles)], -1).flatten(1)
        self.basis = torch.cat([torch.ones(len(frames), 1, dtype=torch.float64), waves], 1)
        self.norms = self.basis.square().mean(0)
        self.parts = torch.zeros(int(chosen.sum()), self.basis.shape[1], 3, dtype=torch.float64)
        self.weights = torch.zeros(int(chosen.sum()), dtype=torch.float64)
        self.colors = gaussians.colors.detach().float()

    def step(self, progress: ProgressFn, number: tuple[int, int], *, changes: bool = True) -> float:
        """Go once over all frames and improve; return the mean squared error in the masks before."""
        index, rounds = number
        slope, weights = torch.zeros_like(self.parts), torch.zeros_like(self.weights)
        error, pixels = 0.0, 0.0
        for frame in range(len(self.frames)):
            progress(
                ProgressEvent(index * len(self.frames) + frame, (rounds + 1) * len(self.frames), "fit colors")
            )
            size = (self.frames.shape[1], self.frames.shape[2])
            camera, pose = self.path.camera(frame, size), self.path.camera_from_world[frame]
            picture = torch.cat([self.frames[frame], self.masks[frame][..., None].to(self.frames)], -1)
            colors = self.colors.clone()
            colors[self.chosen] += torch.einsum("k,nkc->nc", self.basis[frame], self.parts).float()
            for view, lens, part in perspective_parts(camera, picture, pose):
                found, square, seen = self._slope(colors, view, lens, part)
                slope += self.basis[frame][None, :, None] * found[:, None, :3]
                weights += found[:, 3]
                error, pixels = error + square, pixels + seen
        if changes:
            share = weights.clamp_min(_LEAST_PX)[:, None, None] * self.norms[None, :, None]
            self.parts -= slope / share
        return error / max(3 * pixels, 1e-9)

    def _slope(self, colors: Tensor, pose: Tensor, lens: object, part: Tensor) -> tuple[Tensor, float, float]:
        with torch.inference_mode(False), torch.enable_grad():
            means, quats_wxyz, scales, opacities, _ = (t.detach().clone() for t in self.start.tensors())
            leaf = colors.clone().requires_grad_(True)
            plain = Gaussians.from_colors(means, quats_wxyz, scales, opacities, leaf)
            seen = render_view(plain, pose, lens, backend=self.backend)  # type: ignore[arg-type]
            mask = part[..., 3:].clone().to(seen.rgb).clamp(0, 1)
            apart = (seen.rgb - part[..., :3].clone().to(seen.rgb)) * mask
            loss = 0.5 * apart.square().sum()
            (slope,) = torch.autograd.grad(loss, leaf, retain_graph=True)
            (weight,) = torch.autograd.grad((seen.rgb[..., :1] * mask).sum(), leaf)
        both = torch.cat([slope, weight[:, :1]], -1)[self.chosen].double()
        return both, 2 * float(loss.detach()), float(mask.sum())

    def world(self, motion: Motion) -> Gaussians:
        """Return the world with the mean in its colors and the harmonics beside them."""
        waves = torch.zeros(len(self.start), self.parts.shape[1] - 1, 3)
        waves[self.chosen] = self.parts[:, 1:].float()
        sh = self.start.sh.clone()
        sh[self.chosen, 0] += (self.parts[:, 0] / SH_C0).to(sh)
        kept = self.start.color_waves
        if kept is not None:
            most = max(kept.shape[1], waves.shape[1])
            kept, waves = (torch.nn.functional.pad(w, (0, 0, 0, most - w.shape[1])) for w in (kept, waves))
            waves = torch.where(self.chosen[:, None, None], waves, kept)
        moved = set_motion(
            replace(self.start, sh=sh), self.chosen, motion, phases=torch.zeros(len(self.parts))
        )
        return replace(moved, color_waves=waves)


def _db(mse: float) -> float:
    return -10 * math.log10(max(mse, 1e-12))
