"""What a video model changes from frame to frame and a world cannot: exposure, tint, small shifts of the pose."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import InvalidInput
from .config import OptimizeConfig
from .views import View

__all__ = ["EXPOSURE_MODES", "ExposureModel", "FrameCorrections", "PoseRefinement", "pose_from_twist"]

EXPOSURE_MODES = ("off", "gain", "affine", "grid")
_GRID = (4, 4, 4)  # luminance, rows, columns of a grid of affine color changes


class _RowAdam:
    """Adam over rows of one table, each with its own count of steps."""

    def __init__(self, values: Tensor, rate: float) -> None:
        self.values, self.rate = values, rate
        self.first, self.second = torch.zeros_like(values), torch.zeros_like(values)
        self.steps = torch.zeros(len(values), dtype=torch.int64)

    def step(self, row: int, gradient: Tensor, share: float) -> None:
        if not bool(torch.isfinite(gradient).all()):
            return
        self.steps[row] += 1
        count = int(self.steps[row])
        self.first[row] = 0.9 * self.first[row] + 0.1 * gradient
        self.second[row] = 0.99 * self.second[row] + 0.01 * gradient.square()
        mean, power = self.first[row] / (1 - 0.9**count), self.second[row] / (1 - 0.99**count)
        self.values[row] -= self.rate * share * mean / (power.sqrt() + 1e-12)

    def state(self) -> dict[str, Tensor]:
        return {"values": self.values, "first": self.first, "second": self.second, "steps": self.steps}

    def load(self, state: dict[str, Tensor]) -> None:
        self.values, self.first = state["values"].clone(), state["first"].clone()
        self.second, self.steps = state["second"].clone(), state["steps"].clone()


class ExposureModel:
    """A color change per picture, put on the render before it is compared.

    ``gain``: a factor and an offset per channel. ``affine``: a 3x4 matrix. ``grid``: such matrices on a coarse
    grid over brightness and place (a bilateral grid, read trilinearly). All start at no change and are pulled
    back to it, so that the world keeps the colors that most frames agree on.

    Source: Y. Wang et al., Bilateral Guided Radiance Field Processing, 2024 (the grid).
    """

    def __init__(self, mode: str, pictures: int, rate: float = 0.01, pull: float = 0.02) -> None:
        if mode not in EXPOSURE_MODES:
            raise InvalidInput(f"exposure must be one of {', '.join(EXPOSURE_MODES)}; got {mode!r}.")
        self.mode, self._pull = mode, pull
        shape = {"off": (0,), "gain": (6,), "affine": (12,), "grid": (12, *_GRID)}[mode]
        self._adam = _RowAdam(torch.zeros(pictures, *shape), rate)

    def apply(
        self, rgb: Tensor, picture: int, place: Callable[[], Tensor] | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the changed picture ``[H, W, 3]`` and the parameters it depends on (for `step`), or None.

        ``place`` gives ``[H, W, 2]``: the position of each pixel in its whole picture, across and down, -1..1.
        """
        if self.mode == "off" or picture < 0:
            return rgb, None
        p = self._adam.values[picture].detach().clone().to(rgb.device).requires_grad_()
        if self.mode == "gain":
            return rgb * (1 + p[:3]) + p[3:], p
        if self.mode == "affine":
            return rgb + rgb @ p[:9].reshape(3, 3).T + p[9:], p
        height, width = rgb.shape[:2]
        gray = rgb.detach().mean(-1).clamp(0, 1) * 2 - 1
        at = torch.zeros(height, width, 2).to(gray) if place is None else place().to(gray)
        where = torch.cat((at, gray[..., None]), -1)[None, None]
        sampled = torch.nn.functional.grid_sample(p[None], where, align_corners=True)[0, :, 0]
        change = sampled.permute(1, 2, 0)
        matrix = change[..., :9].reshape(height, width, 3, 3)
        return rgb + (matrix @ rgb[..., None])[..., 0] + change[..., 9:], p

    def step(self, picture: int, gradient: Tensor, share: float) -> None:
        """Move one picture's parameters against their gradient."""
        pulled = gradient + self._pull * self._adam.values[picture] / max(1, gradient.numel())
        self._adam.step(picture, pulled, share)

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs."""
        return self._adam.state()

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a checkpoint."""
        self._adam.load(state)

    def report(self) -> dict[str, float]:
        """Return how large the changes are."""
        values = self._adam.values
        return {"rms": float(values.square().mean().sqrt()) if values.numel() else 0.0}


def pose_from_twist(twist: Tensor) -> Tensor:  # [6] -> [4, 4]
    """Return the rigid motion of a small rotation vector (radians) and a shift."""
    zero = torch.zeros((), dtype=twist.dtype)
    rx, ry, rz = twist[:3]
    cross = torch.stack(
        (torch.stack((zero, -rz, ry)), torch.stack((rz, zero, -rx)), torch.stack((-ry, rx, zero)))
    )
    motion = torch.zeros(4, 4, dtype=twist.dtype)
    motion[:3, :3] = torch.linalg.matrix_exp(cross)
    motion[:3, 3] = twist[3:]
    motion[3, 3] = 1
    return motion


class PoseRefinement:
    """A small correction per picture, applied in its camera's frame; shifts are in units of ``unit``."""

    def __init__(self, pictures: int, unit: float, rate: float = 2e-4) -> None:
        self._unit = unit
        self._adam = _RowAdam(torch.zeros(pictures, 6, dtype=torch.float64), rate)

    def corrected(self, camera_from_world: Tensor, picture: int, turn: Tensor) -> Tensor:
        """Return the pose of a crop whose camera is turned by ``turn [4, 4]`` from the picture's."""
        if picture < 0:
            return turn @ camera_from_world
        return turn @ pose_from_twist(self._scaled(self._adam.values[picture])) @ camera_from_world

    def _scaled(self, twist: Tensor) -> Tensor:
        return torch.cat((twist[:3], twist[3:] * self._unit))

    def step(
        self, camera_from_world: Tensor, picture: int, turn: Tensor, gradient: Tensor, share: float
    ) -> None:
        """Move one picture's correction; ``gradient [4, 4]`` is that of the crop's pose."""
        if picture < 0:
            return
        with torch.enable_grad():
            twist = self._adam.values[picture].detach().clone().requires_grad_()
            pose = turn @ pose_from_twist(self._scaled(twist)) @ camera_from_world
            (slope,) = torch.autograd.grad(pose, twist, gradient.to(pose))
        self._adam.step(picture, slope, share)

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs."""
        return self._adam.state()

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a checkpoint."""
        self._adam.load(state)

    def report(self) -> dict[str, float]:
        """Return the largest corrections."""
        values = self._adam.values
        return {
            "rotation_max_deg": float(values[:, :3].norm(dim=-1).max().rad2deg()) if len(values) else 0.0,
            "shift_max": float(values[:, 3:].norm(dim=-1).max()) * self._unit if len(values) else 0.0,
        }


class FrameCorrections:
    """What is fitted per frame beside the Gaussians: color changes and pose corrections."""

    def __init__(self, config: OptimizeConfig, count: int, unit: float) -> None:
        self.exposure = ExposureModel(config.exposure, count)
        self.poses = PoseRefinement(count, unit) if config.refine_poses else None

    def pose(self, view: View) -> Tensor:  # [4, 4]
        """Return a view's camera-from-world pose, corrected where corrections are fitted."""
        if self.poses is None:
            return view.camera_from_world
        return self.poses.corrected(view.picture.camera_from_world, view.picture.number, _rotation(view))

    def move(self, view: View, gradient: Tensor, decay: float) -> None:
        """Correct the pose of a view's picture."""
        if self.poses is not None:
            picture = view.picture
            self.poses.step(picture.camera_from_world, picture.number, _rotation(view), gradient, decay)

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs."""
        parts = {f"exposure.{name}": value for name, value in self.exposure.state().items()}
        if self.poses is not None:
            parts |= {f"poses.{name}": value for name, value in self.poses.state().items()}
        return parts

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a checkpoint."""
        for name, part in (("exposure", self.exposure), ("poses", self.poses)):
            if part is not None:
                part.load(
                    {k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")}
                )


def _rotation(view: View) -> Tensor:
    pose = torch.eye(4, dtype=torch.float64)
    if view.rotation is not None:
        pose[:3, :3] = view.rotation
    return pose
