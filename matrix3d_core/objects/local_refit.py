"""Refit of a part of a world to pictures of it, everything else frozen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checks import check_shape
from ..geometry.cubemap import cubemap_rotations
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..raster.camera_view import render_view
from ..scene.camera import Camera, Pinhole
from ..scene.gaussians import SH_C0, Gaussians
from ..scene.trajectory import Trajectory
from ..splats.visible import visible_sums

__all__ = ["TargetView", "facing", "perspective_targets", "refit_part"]

_RATES = (0.03, 0.03, 0.012)  # logit of opacity, log of scale, color
_MOST_GROWTH = 2.0
_MARGIN_RAD = math.radians(4)
_WIDEST_RAD = math.radians(100)  # of one picture; what is wider is seen in the six faces of a cube
_SMALLEST_PX, _LARGEST_PX = 64, 384
_LEAST_PX = 0.01  # of weight that say something of a color


@dataclass(frozen=True)
class TargetView:
    """A picture of the world as it should be.

    Attributes:
        camera_from_world: ``[4, 4]``.
        camera: of the picture.
        rgb: ``[H, W, 3]`` in [0, 1].
        weight: ``[H, W]`` how much each pixel counts.
    """

    camera_from_world: Tensor
    camera: Pinhole
    rgb: Tensor
    weight: Tensor

    def trajectory(self) -> Trajectory:
        """Return the view's pose and lens as a path of one frame."""
        pose = self.camera_from_world.double()[None]
        return Trajectory(
            pose, K_px=self.camera.K_px[None], image_size_px=self.camera.size_px, frame_of_reference="world"
        )


def perspective_targets(camera: Camera, pose: Tensor, rgb: Tensor, weight: Tensor) -> list[TargetView]:
    """Cut perspective pictures out of a picture of either kind, around the pixels that count.

    Args:
        camera: of the picture.
        pose: ``[4, 4]`` camera from world.
        rgb: ``[H, W, 3]``.
        weight: ``[H, W]``; pixels above 0 must be seen.

    Returns:
        One picture where they fit into 100 degrees, else those faces of a cube that show some; none without any.
    """
    rays = camera.rays()[weight > 0]
    if not len(rays):
        return []
    middle = torch.nn.functional.normalize(rays.mean(0), dim=0)
    reach = float((rays @ middle).min().clamp(-1, 1).acos()) + _MARGIN_RAD
    views = []
    for turn, fov in (
        [(facing(middle), 2 * reach)]
        if 2 * reach < _WIDEST_RAD
        else [(face, math.pi / 2) for face in cubemap_rotations()]
    ):
        size = round(2 * math.tan(fov / 2) / camera.pixel_rad)
        lens = Pinhole.from_fov(fov, *(2 * (min(max(size, _SMALLEST_PX), _LARGEST_PX),)))
        counted = camera.crop(weight.unsqueeze(-1), lens, turn)[..., 0]
        if float(counted.max()) <= 0:
            continue
        turned = pose.double().clone()
        turned[:3] = turn.double() @ turned[:3]
        views.append(TargetView(turned, lens, camera.crop(rgb, lens, turn).clamp(0, 1), counted.clamp(0, 1)))
    return views


def facing(ahead: Tensor) -> Tensor:  # [3] -> [3, 3]
    """Return the rotation to a camera that looks along a direction, upright where it can be."""
    down = torch.tensor((0.0, 1.0, 0.0), dtype=torch.float64)
    if float((ahead @ down).abs()) > 0.99:
        down = torch.tensor((0.0, 0.0, 1.0), dtype=torch.float64)
    right = torch.nn.functional.normalize(torch.linalg.cross(down, ahead.double()), dim=0)
    return torch.stack((right, torch.linalg.cross(ahead.double(), right), ahead.double()))


def refit_part(
    world: Gaussians,
    free: Tensor,  # [N] bool
    targets: Sequence[TargetView],
    *,
    steps: int = 60,
    only_colors: bool = False,
    from_pictures: bool = False,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
    phase: str = "refit splats",
) -> Gaussians:
    """Fit colors, opacities and sizes of some Gaussians to pictures; all others stay as they are, bit by bit.

    Args:
        world: the world, on the CPU.
        free: ``[N]`` bool, which may change. Their view-dependent color is kept.
        targets: pictures; one is compared in each step.
        steps: how many; 0 returns the world.
        only_colors: leave opacities and sizes, too.
        from_pictures: begin with the mean color of the pixels that each Gaussian shows, not with its own.
        backend: splat backend; must give gradients.
        progress: called before each step.
        phase: its name in reports.
    """
    check_shape("free", free, f"{len(world)}")
    if steps < 1 or not targets or not bool(free.any()):
        return world
    if from_pictures:
        world = _with_colors_of(world, free, targets, backend)
    with torch.inference_mode(False), torch.enable_grad():
        frozen = Gaussians.from_columns(t.detach().clone() for t in world.select(~free).tensors())
        part = Gaussians.from_columns(t.detach().clone() for t in world.select(free).tensors())
        logit = torch.logit(part.opacities.clamp(0.005, 0.995)).requires_grad_(True)
        growth = torch.zeros_like(part.scales).requires_grad_(True)
        base = part.sh[:, 0].clone().requires_grad_(True)
        groups = [{"params": [p], "lr": r} for p, r in zip((logit, growth, base), _RATES, strict=True)]
        optimizer = torch.optim.Adam(groups[2:] if only_colors else groups, eps=1e-15)
        limit = math.log(_MOST_GROWTH)

        def current() -> Gaussians:
            sh = torch.cat((base.unsqueeze(1), part.sh[:, 1:]), 1)
            if only_colors:
                return replace(part, sh=sh)
            grown = part.scales * growth.clamp(-limit, limit).exp()
            return replace(part, opacities=logit.sigmoid(), scales=grown, sh=sh)

        for step in range(steps):
            view = targets[step % len(targets)]
            progress(ProgressEvent(step, steps, phase, view.rgb))
            seen = render_view(
                Gaussians.concatenate(frozen, current()), view.camera_from_world, view.camera, backend=backend
            )
            off = (seen.rgb - view.rgb.clone().to(seen.rgb)).abs().mean(-1)
            weight = view.weight.clone().to(off)
            loss = (weight * (off + (1 - seen.alpha).clamp_min(0))).sum() / weight.sum().clamp_min(1e-6)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            for group in optimizer.param_groups:
                group["lr"] *= 0.1 ** (1 / steps)
            optimizer.step()
        fitted = current().detach()
    progress(ProgressEvent(steps, steps, phase))
    opacities, scales, sh = world.opacities.clone(), world.scales.clone(), world.sh.clone()
    low, high = -0.5 / SH_C0, 0.5 / SH_C0
    sh[free] = torch.cat((fitted.sh[:, :1].clamp(low, high), fitted.sh[:, 1:]), 1)
    if not only_colors:
        opacities[free], scales[free] = fitted.opacities, fitted.scales
    return replace(world, opacities=opacities, scales=scales, sh=sh)


def _with_colors_of(world: Gaussians, free: Tensor, targets: Sequence[TargetView], backend: str) -> Gaussians:
    """Give free Gaussians the mean color of the pixels that show them, each times the weight of its share in them."""
    total, weight = torch.zeros(len(world), 3), torch.zeros(len(world), 1)
    for view in targets:
        counted = view.weight.unsqueeze(-1)
        sums = visible_sums(
            world,
            view.camera_from_world,
            view.camera,
            torch.cat((view.rgb * counted, counted), -1),
            backend=backend,
        )
        total, weight = total + sums[:, :3], weight + sums[:, 3:]
    known = free & (weight[:, 0] > _LEAST_PX)
    sh = world.sh.clone()
    sh[known, 0] = (total[known] / weight[known] - 0.5) / SH_C0
    return replace(world, sh=sh)
