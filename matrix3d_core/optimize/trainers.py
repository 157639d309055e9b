"""One optimisation step on one view: the compiled CPU way and the plain torch way for every other engine."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ..raster.splat import RenderFn
from ..scene.gaussians import Gaussians
from .compensation import ExposureModel, PoseRefinement
from .config import OptimizeConfig
from .densify import Growth, prune_and_split, relocate_and_sample
from .losses import depth_loss, photometric_loss
from .views import View

__all__ = [
    "GROW_MOST",
    "LOGIT_LIMITS",
    "SHRINK_MOST",
    "CpuTrainer",
    "FrameCorrections",
    "TorchTrainer",
    "Trainer",
]

SHRINK_MOST = 0.85
"""No axis shrinks below this share of its first length (or of the middle axis, where that is shorter): the
first surfels just cover the surface between their middles. Smaller ones would look the same in crops at
training resolution and leave gaps at a closer look.
Source: Z. Yu et al., Mip-Splatting, 2024 (the smallest size that the sampling of the input justifies)."""
GROW_MOST = 10.0
"""No axis grows beyond this multiple of the Gaussian's first size."""
LOGIT_LIMITS = (-7.0, 6.9)


class Trainer(Protocol):
    """Holds the parameters and moves them."""

    def step(self, view: View, rate: float) -> float:
        """Take one step with all learning rates times ``rate``; return the loss before it."""
        ...

    def gaussians(self) -> Gaussians:
        """Return a copy of the current Gaussians on the CPU."""
        ...

    def origins(self) -> Tensor:
        """Return ``[N]`` uint8: where each Gaussian came from, see `initial.ORIGINS`."""
        ...

    def densify(self, random: torch.Generator) -> int:
        """Split, move or drop Gaussians as the settings say; return how many there are now."""
        ...

    def shrink_views(self, crop_size_px: int) -> None:
        """Expect smaller views from now on."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs."""
        ...

    def load(self, state: dict[str, Tensor]) -> None:
        """Take up a checkpoint."""
        ...


class FrameCorrections:
    """What is fitted per frame beside the Gaussians: colour changes and pose corrections."""

    def __init__(self, config: OptimizeConfig, count: int, unit: float) -> None:
        self.exposure = ExposureModel(config.exposure, count)
        self.poses = PoseRefinement(count, unit) if config.refine_poses else None

    def pose(self, view: View) -> Tensor:  # [4, 4]
        """Return a view's camera-from-world pose, corrected where corrections are fitted."""
        if self.poses is None:
            return view.camera_from_world
        return self.poses.corrected(view.picture.camera_from_world, view.picture.number, _turn(view))

    def move(self, view: View, gradient: Tensor, rate: float) -> None:
        """Correct the pose of a view's picture."""
        if self.poses is not None:
            picture = view.picture
            self.poses.step(picture.camera_from_world, picture.number, _turn(view), gradient, rate)

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs."""
        parts = {f"colours.{name}": value for name, value in self.exposure.state().items()}
        if self.poses is not None:
            parts |= {f"poses.{name}": value for name, value in self.poses.state().items()}
        return parts

    def load(self, state: dict[str, Tensor]) -> None:
        """Take up a checkpoint."""
        for name, part in (("colours", self.exposure), ("poses", self.poses)):
            if part is not None:
                part.load(
                    {k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")}
                )


def _turn(view: View) -> Tensor:
    turn = torch.eye(4, dtype=torch.float64)
    turn[:3, :3] = view.rotation_crop_from_panorama
    return turn


def _known_depth(view: View) -> Tensor | None:  # [H, W, 2]
    """Return distance along the view's own depth axis and weight, where the picture knows it."""
    if view.picture.inverse_depth is None:
        return None
    sampled = view.sample(view.picture.inverse_depth)
    depth = 1 / sampled[..., 0].clamp_min(1e-9)
    if view.K_px is not None:
        depth = depth / view.rays().norm(dim=-1).float()
    known = (sampled[..., 1] > 0.98).float() * sampled[..., 1]
    return torch.stack((depth, known), -1)


def _size(gaussians: Gaussians) -> Tensor:  # [N]
    """A Gaussian's middle axis: for a surfel, its shorter half-width."""
    return gaussians.scales.median(dim=-1).values.clamp_min(1e-12)


def _scale_floor(scales: Tensor, size: Tensor) -> Tensor:  # [N, 3], [N, 1] -> [N, 3]
    """Return the smallest scale that each axis may take."""
    return (SHRINK_MOST * torch.minimum(scales, size)).clamp_min(1e-12)


def _epsilon(config: OptimizeConfig, crop_px: int) -> float:
    """Adam's epsilon for a loss that is a mean over a crop's pixels; see ``OptimizeConfig.adam_eps_pixels``."""
    return max(1e-15, config.adam_eps_pixels / (3 * crop_px**2))


class CpuTrainer:
    """Compiled forward, loss, backward and Adam; only the Gaussians in view are touched."""

    def __init__(
        self,
        gaussians: Gaussians,
        config: OptimizeConfig,
        *,
        origins: Tensor | None = None,
        is_sky: Tensor | None = None,
        lr_scale: Tensor | None = None,
        frames: FrameCorrections | None = None,
    ) -> None:
        from . import kernels_numba

        self._config = config
        self._kernels = kernels_numba
        self._frames = frames or FrameCorrections(config, 1, 1.0)
        self._crop_px = config.crop_size_px
        count = len(gaussians)
        self._origins = torch.zeros(count, dtype=torch.uint8) if origins is None else origins.clone()
        self._is_sky = torch.zeros(count, dtype=torch.bool) if is_sky is None else is_sky.clone()
        self._lr_scale = np.ones(count, np.float32) if lr_scale is None else _own(lr_scale)
        self._size = _own(_size(gaussians))
        size = torch.from_numpy(self._size)[:, None]
        floor = _scale_floor(gaussians.scales.float(), size)
        self._floors = _own(floor.log())
        scales = torch.minimum(torch.maximum(gaussians.scales.float(), floor), GROW_MOST * size)
        opacities = gaussians.opacities.float().clamp(*(1 / (1 + math.exp(-v)) for v in LOGIT_LIMITS))
        quats = torch.nn.functional.normalize(gaussians.quats_wxyz.float(), dim=-1)
        colours = gaussians.colours.float().clamp(0, 1)
        self._active = tuple(_own(t) for t in (gaussians.means, quats, scales, opacities, colours))
        raw = (gaussians.means.float(), quats, scales.log(), torch.logit(opacities)[:, None], colours)
        self._values = _own(torch.cat(raw, dim=-1))
        self._first, self._second = np.zeros_like(self._values), np.zeros_like(self._values)
        self._steps = np.zeros(count, np.int32)
        self._score, self._seen = np.zeros(count, np.float32), np.zeros(count, np.int32)
        counted = np.arange(config.steps + 1)[:, None]
        betas = np.array([config.beta1, config.beta2])
        self._corrections = (1 - betas**counted).astype(np.float32)
        self._limits = np.array((math.log(GROW_MOST), *LOGIT_LIMITS), np.float32)

    def _target(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        if view.K_px is None or view.picture.K_px is not None:
            rgb, weight = (t.numpy() for t in view.crop())
            if view.K_px is None:  # all directions count the same
                polar = (np.arange(view.size_px) + 0.5) * (math.pi / view.size_px)
                weight = weight * (np.sin(polar) * (math.pi / 2)).astype(np.float32)[:, None]
            return np.ascontiguousarray(rgb), np.ascontiguousarray(weight)
        size = view.size_px
        target, weight = np.empty((size, size, 3), np.float32), np.empty((size, size), np.float32)
        self._kernels.crop_panorama(
            size, view.picture.rgb.numpy(), view.picture.weight.numpy(),
            view.rotation_crop_from_panorama.numpy(), float(view.K_px[0, 0]), target, weight,
        )  # fmt: skip
        return target, weight

    def _known(self, view: View) -> Tensor | None:
        """`_known_depth`, by the compiled crop where it can be."""
        near = view.picture.inverse_depth
        if near is None or view.K_px is None or view.picture.K_px is not None:
            return _known_depth(view)
        size = view.size_px
        sampled, spare = np.empty((size, size, 3), np.float32), np.empty((size, size), np.float32)
        self._kernels.crop_panorama(
            size, near.numpy(), view.picture.weight.numpy(),
            view.rotation_crop_from_panorama.numpy(), float(view.K_px[0, 0]), sampled, spare,
        )  # fmt: skip
        at = (np.arange(size) + 0.5 - size / 2) / float(view.K_px[0, 0])
        slant = np.sqrt(at[:, None] ** 2 + at[None, :] ** 2 + 1).astype(np.float32)
        depth = 1 / (np.maximum(sampled[..., 0], 1e-9) * slant)
        known = np.where(sampled[..., 1] > 0.98, sampled[..., 1], 0).astype(np.float32)
        return torch.from_numpy(np.stack((depth, known), -1))

    def step(self, view: View, rate: float) -> float:
        """Take one step; see `Trainer`."""
        from ..raster import splat_numba as pinhole

        config = self._config
        target, weight = self._target(view)
        pose = self._frames.pose(view).numpy()
        drawing: Any
        go_back: Any
        if view.K_px is None:
            from ..raster import splat_numba_erp as panorama

            draw_all_around: Any = panorama.forward
            drawing = draw_all_around(*self._active, pose, view.size_px, view.columns)
            go_back = panorama.backward_with_extras
        else:
            draw: Any = pinhole.forward
            drawing = draw(*self._active, pose, view.K_px.numpy(), view.size_px, view.columns)
            go_back = pinhole.backward_with_extras
        number = view.picture.number
        with torch.inference_mode(False), torch.enable_grad():
            shown = torch.from_numpy(drawing.rgb)
            changed, parameters = self._frames.exposure.apply(shown, number, view.place)
            picture = shown.numpy() if parameters is None else changed.detach().contiguous().numpy()
            loss, gradient = self._kernels.loss_and_gradient(picture, target, weight, config.ssim_lambda)
            if parameters is not None:
                leaf = shown.clone().requires_grad_()
                changed, parameters = self._frames.exposure.apply(leaf, number, view.place)
                assert parameters is not None
                to_rgb, to_colour = torch.autograd.grad(
                    changed, (leaf, parameters), torch.from_numpy(gradient), allow_unused=True
                )
                gradient = to_rgb.contiguous().numpy()
                self._frames.exposure.step(number, to_colour, rate)
            g_alpha, g_depth = np.zeros_like(weight), np.zeros_like(weight)
            if config.depth_weight + config.normal_weight > 0 and (known := self._known(view)) is not None:
                alpha = torch.from_numpy(drawing.alpha).requires_grad_()
                depth_sum = torch.from_numpy(drawing.depth_sum).requires_grad_()
                term = depth_loss(alpha, depth_sum, known, view, config.depth_weight, config.normal_weight)
                g_alpha, g_depth = (g.numpy() for g in torch.autograd.grad(term, (alpha, depth_sum)))
                loss += float(term.detach())
        with_pose = self._frames.poses is not None and number >= 0
        with_screen = config.densify == "adc"
        rows, extras = go_back(drawing, gradient, g_alpha, g_depth, pose=with_pose, screen=with_screen)
        if extras.pose is not None:
            self._frames.move(view, torch.from_numpy(extras.pose), rate)
        visible = drawing.visible
        if extras.screen is not None:
            self._score[visible] += extras.screen
            self._seen[visible] += 1
        g_means, _, g_scales, g_opacities, _ = rows
        # Both pulls are per Gaussian in view, on the scale of a loss that is a mean over pixels.
        pixels = weight.size
        if config.opacity_reg > 0:
            g_opacities += np.float32(config.opacity_reg / pixels)
        if config.scale_reg > 0:
            g_scales += (config.scale_reg / pixels) / self._size[visible][:, None]
        if with_sky := bool(self._is_sky.any()):
            fixed = self._is_sky.numpy()[visible]
            g_means[fixed] = 0  # the sky keeps its distance: it must not come forward to mend a picture
        rates = (
            config.lr_means,
            config.lr_quats,
            config.lr_scales,
            config.lr_opacities,
            config.lr_colors,
        )
        rates_now = np.array(
            (*(r * rate for r in rates), config.beta1, config.beta2, _epsilon(config, self._crop_px)),
            np.float32,
        )
        if with_sky:
            g_scales[fixed] = 0
        self._kernels.adam_rows(
            len(visible), visible, *rows, *self._active, self._values, self._first, self._second,
            self._steps, self._size, self._floors, self._lr_scale, rates_now, self._limits, self._corrections,
        )  # fmt: skip
        return loss

    def gaussians(self) -> Gaussians:
        """Return a copy; see `Trainer`."""
        return Gaussians.from_colours(*(torch.from_numpy(a.copy()) for a in self._active))

    def origins(self) -> Tensor:
        """Return a copy; see `Trainer`."""
        return self._origins.clone()

    def densify(self, random: torch.Generator) -> int:
        """Grow; see `Trainer`."""
        means, quats, scales, opacities, colours = (torch.from_numpy(a) for a in self._active)
        score = torch.from_numpy(self._score / np.maximum(self._seen, 1))
        plan = _plan(self._config, (means, quats, scales, opacities), score, self._is_sky, random)
        index = plan.parents.numpy()
        new = plan.is_new.numpy()
        logits = torch.logit(plan.opacities.clamp(*(1 / (1 + math.exp(-v)) for v in LOGIT_LIMITS)))
        self._values = np.ascontiguousarray(self._values[index])
        self._values[:, :3], self._values[:, 7:10] = plan.means.numpy(), plan.scales.log().numpy()
        self._values[:, 10] = logits.numpy()
        self._active = tuple(
            _own(t) for t in (plan.means, quats[index], plan.scales, torch.sigmoid(logits), colours[index])
        )
        for name in ("_first", "_second", "_steps"):
            kept = np.ascontiguousarray(getattr(self, name)[index])
            kept[new] = 0
            setattr(self, name, kept)
        shrink = plan.shrink.numpy()
        self._floors = np.ascontiguousarray(self._floors[index] + np.log(shrink)[:, None]).astype(np.float32)
        self._size = np.ascontiguousarray(self._size[index] * shrink).astype(np.float32)
        self._lr_scale = np.ascontiguousarray(self._lr_scale[index])
        self._origins, self._is_sky = self._origins[plan.parents], self._is_sky[plan.parents]
        self._score, self._seen = np.zeros(len(index), np.float32), np.zeros(len(index), np.int32)
        return len(index)

    def shrink_views(self, crop_size_px: int) -> None:
        """Expect smaller views; see `Trainer`."""
        self._crop_px = crop_size_px

    def state(self) -> dict[str, Tensor]:
        """Return the parameters and all that Adam and densification remember; see `Trainer`."""
        arrays = {name: getattr(self, f"_{name}") for name in _CPU_STATE}
        arrays |= {f"active.{k}": a for k, a in enumerate(self._active)}
        tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
        return tensors | {"origins": self._origins, "is_sky": self._is_sky} | self._frames.state()

    def load(self, state: dict[str, Tensor]) -> None:
        """Take up a checkpoint; see `Trainer`."""
        for name in _CPU_STATE:
            setattr(self, f"_{name}", state[name].contiguous().clone().numpy())
        self._active = tuple(state[f"active.{k}"].contiguous().clone().numpy() for k in range(5))
        self._origins, self._is_sky = state["origins"].clone(), state["is_sky"].clone()
        self._frames.load(state)


_CPU_STATE = ("values", "first", "second", "steps", "size", "floors", "lr_scale", "score", "seen")


def _own(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().contiguous().clone().numpy()


def _plan(
    config: OptimizeConfig,
    values: tuple[Tensor, Tensor, Tensor, Tensor],
    score: Tensor,
    is_sky: Tensor,
    random: torch.Generator,
) -> Growth:
    if config.densify == "mcmc":
        return relocate_and_sample(
            *values, most=config.max_gaussians, min_opacity=config.min_opacity, random=random, fixed=is_sky
        )
    return prune_and_split(
        *values, score, most=config.max_gaussians, min_opacity=config.min_opacity, fixed=is_sky
    )


class TorchTrainer:
    """Any engine, autograd and torch's Adam over all Gaussians, on the device of the parameters."""

    def __init__(
        self,
        gaussians: Gaussians,
        config: OptimizeConfig,
        render: RenderFn,
        device: torch.device,
        *,
        origins: Tensor | None = None,
        is_sky: Tensor | None = None,
        lr_scale: Tensor | None = None,
        frames: FrameCorrections | None = None,
    ) -> None:
        self._render, self._device, self._config = render, device, config
        self._frames = frames or FrameCorrections(config, 1, 1.0)
        count = len(gaussians)
        self._origins = torch.zeros(count, dtype=torch.uint8) if origins is None else origins.clone()
        self._is_sky = torch.zeros(count, dtype=torch.bool) if is_sky is None else is_sky.clone()
        self._score, self._seen = torch.zeros(count, device=device), torch.zeros(count, device=device)
        self._lr_scale = torch.ones(count, device=device) if lr_scale is None else lr_scale.float().to(device)
        g = gaussians.detach().to(device)
        self._size = _size(g)[:, None].float()
        floor = _scale_floor(g.scales.float(), self._size)
        self._log_limits = floor.log(), (GROW_MOST * self._size).log()
        scales = torch.minimum(torch.maximum(g.scales.float(), floor), GROW_MOST * self._size)
        opacities = g.opacities.float().clamp(*(1 / (1 + math.exp(-v)) for v in LOGIT_LIMITS))
        # Means move in units of each Gaussian's own size: one learning rate then fits near and far.
        self._origin = g.means.float().clone()
        values = (
            torch.zeros_like(self._origin),
            torch.nn.functional.normalize(g.quats_wxyz.float(), dim=-1),
            scales.log(),
            torch.logit(opacities),
            g.colours.float().clamp(0, 1),
        )
        rates = (
            config.lr_means,
            config.lr_quats,
            config.lr_scales,
            config.lr_opacities,
            config.lr_colors,
        )
        self._parameters = [value.clone().requires_grad_() for value in values]
        self._rates = rates
        self._crop_px = config.crop_size_px
        self._adam = self._new_adam()

    def _new_adam(self) -> torch.optim.Adam:
        config = self._config
        groups = [
            {"params": [p], "lr": r, "base": r} for p, r in zip(self._parameters, self._rates, strict=True)
        ]
        epsilon = _epsilon(config, self._crop_px)
        return torch.optim.Adam(groups, betas=(config.beta1, config.beta2), eps=epsilon)

    def _activated(self) -> tuple[Tensor, ...]:
        shift, quats, log_scales, logits, colours = self._parameters
        return self._origin + shift * self._size, quats, log_scales.exp(), logits.sigmoid(), colours

    def step(self, view: View, rate: float) -> float:
        """Take one step; see `Trainer`."""
        config, picture = self._config, view.picture
        target, weight = (t.to(self._device) for t in view.crop())
        if view.K_px is None:
            polar = (torch.arange(view.size_px, device=self._device) + 0.5) * (math.pi / view.size_px)
            weight = weight * (torch.sin(polar) * (math.pi / 2))[:, None]
        pose = self._frames.pose(view).to(self._device)
        follows = self._frames.poses is not None and picture.number >= 0
        if follows:
            pose = pose.detach().clone().requires_grad_()
        values = self._activated()
        means = values[0]
        if config.densify == "adc":
            means.retain_grad()
        rgb, alpha, depth_sum = self._render(*values, pose, view.K_px, view.size_px, view.columns)[:3]
        changed, parameters = self._frames.exposure.apply(rgb, picture.number, view.place)
        loss = photometric_loss(changed, target, weight, config.ssim_lambda)
        if config.depth_weight + config.normal_weight > 0 and (known := _known_depth(view)) is not None:
            known = known.to(self._device)
            loss = loss + depth_loss(alpha, depth_sum, known, view, config.depth_weight, config.normal_weight)
        total = loss
        if config.opacity_reg > 0:
            total = total + config.opacity_reg / weight.numel() * values[3].sum()
        if config.scale_reg > 0:
            total = total + config.scale_reg / weight.numel() * (values[2] / self._size).sum()
        self._adam.zero_grad(set_to_none=True)
        total.backward()
        if parameters is not None and parameters.grad is not None:
            self._frames.exposure.step(picture.number, parameters.grad.cpu(), rate)
        if follows and pose.grad is not None:
            self._frames.move(view, pose.grad.cpu(), rate)
        if config.densify == "adc" and means.grad is not None:
            view_pose = pose.detach().to(means)
            distance = (means.detach() @ view_pose[:3, :3].T + view_pose[:3, 3]).norm(dim=-1)
            slope = means.grad.norm(dim=-1) * distance
            self._score += slope
            self._seen += (slope > 0).float()
        if bool(self._is_sky.any()):
            fixed = self._is_sky.to(self._device)
            for parameter in (self._parameters[0], self._parameters[2]):
                if parameter.grad is not None:
                    parameter.grad[fixed] = 0
        for group in self._adam.param_groups:
            group["lr"] = group["base"] * rate
        before = None if bool((self._lr_scale == 1).all()) else [p.detach().clone() for p in self._parameters]
        self._adam.step()
        with torch.no_grad():
            for parameter, old in zip(self._parameters, before or (), strict=False):
                lr_scale_i = self._lr_scale.reshape(-1, *[1] * (parameter.ndim - 1))
                parameter.copy_(torch.where(lr_scale_i == 0, old, old + lr_scale_i * (parameter - old)))
            _, _, log_scales, logits, colours = self._parameters
            low, high = self._log_limits
            log_scales.copy_(torch.minimum(torch.maximum(log_scales, low), high))
            logits.clamp_(*LOGIT_LIMITS)
            colours.clamp_(0, 1)
        return float(loss.detach())

    def gaussians(self) -> Gaussians:
        """Return a copy; see `Trainer`."""
        means, quats, scales, opacities, colours = (t.detach().cpu().clone() for t in self._activated())
        return Gaussians.from_colours(
            means, torch.nn.functional.normalize(quats, dim=-1), scales, opacities, colours
        )

    def origins(self) -> Tensor:
        """Return a copy; see `Trainer`."""
        return self._origins.clone()

    def densify(self, random: torch.Generator) -> int:
        """Grow; see `Trainer`."""
        with torch.no_grad():
            means, quats, scales, opacities, _ = (t.detach().cpu() for t in self._activated())
            quats = torch.nn.functional.normalize(quats, dim=-1)
            score = (self._score / self._seen.clamp_min(1)).cpu()
            plan = _plan(self._config, (means, quats, scales, opacities), score, self._is_sky, random)
            index, new = plan.parents.to(self._device), plan.is_new.to(self._device)
            shrink = plan.shrink.to(self._device)
            moments = [self._adam.state.get(p, {}) for p in self._parameters]
            self._size = self._size[index] * shrink[:, None]
            self._lr_scale = self._lr_scale[index]
            self._origin = plan.means.to(self._device)
            low, high = self._log_limits
            self._log_limits = low[index] + shrink[:, None].log(), high[index] + shrink[:, None].log()
            limits = tuple(1 / (1 + math.exp(-v)) for v in LOGIT_LIMITS)
            values = (
                torch.zeros_like(self._origin),
                self._parameters[1].detach()[index],
                plan.scales.to(self._device).log(),
                torch.logit(plan.opacities.clamp(*limits)).to(self._device),
                self._parameters[4].detach()[index],
            )
            self._parameters = [value.clone().requires_grad_() for value in values]
            self._adam = self._new_adam()
            for parameter, old in zip(self._parameters, moments, strict=True):
                if old:
                    kept = {name: value[index].clone() for name, value in old.items() if name != "step"}
                    for value in kept.values():
                        value[new] = 0
                    self._adam.state[parameter] = {"step": old["step"].clone(), **kept}
            self._origins, self._is_sky = self._origins[plan.parents], self._is_sky[plan.parents]
            self._score = torch.zeros(len(index), device=self._device)
            self._seen = torch.zeros_like(self._score)
        return len(index)

    def shrink_views(self, crop_size_px: int) -> None:
        """Expect smaller views; see `Trainer`."""
        self._crop_px = crop_size_px

    def state(self) -> dict[str, Tensor]:
        """Return the parameters and Adam's moments; see `Trainer`."""
        parts = {
            "origin": self._origin,
            "size": self._size,
            "low": self._log_limits[0],
            "high": self._log_limits[1],
        }
        parts |= {"score": self._score, "seen": self._seen, "lr_scale": self._lr_scale}
        for k, parameter in enumerate(self._parameters):
            parts[f"value.{k}"] = parameter.detach()
            parts |= {
                f"adam.{k}.{name}": value for name, value in self._adam.state.get(parameter, {}).items()
            }
        whole = {name: value.detach().cpu().contiguous() for name, value in parts.items()}
        return whole | {"origins": self._origins, "is_sky": self._is_sky} | self._frames.state()

    def load(self, state: dict[str, Tensor]) -> None:
        """Take up a checkpoint; see `Trainer`."""
        put = {name: value.to(self._device) for name, value in state.items()}
        self._origin, self._size = put["origin"].clone(), put["size"].clone()
        self._log_limits = put["low"].clone(), put["high"].clone()
        self._score, self._seen = put["score"].clone(), put["seen"].clone()
        self._lr_scale = put["lr_scale"].clone()
        self._parameters = [put[f"value.{k}"].clone().requires_grad_() for k in range(5)]
        self._adam = self._new_adam()
        for k, parameter in enumerate(self._parameters):
            names = ("step", "exp_avg", "exp_avg_sq")
            if f"adam.{k}.step" in put:
                self._adam.state[parameter] = {name: put[f"adam.{k}.{name}"].clone() for name in names}
                self._adam.state[parameter]["step"] = state[f"adam.{k}.step"].clone()
        self._origins, self._is_sky = state["origins"].clone(), state["is_sky"].clone()
        self._frames.load(state)
