"""The CPU splat backend: compiled tile rasterizer with a hand-written backward pass, projection included.

Forward: cull to the frustum, sort what is left by depth (radix), project, list each 16-px tile's
Gaussians nearest first, composite. Records stay in index order, because neighbors in index are
mostly neighbors in the picture, so a tile finds its own in few places of memory. Backward walks every
tile front to back once more: what lies behind a Gaussian is the finished pixel minus what came so far, so
nothing but the picture has to be kept. Gradients are first written per (Gaussian, tile) and then summed per
Gaussian in a fixed order: no atomics, the same bits on every run whatever the number of threads.

A Gaussian's projected quadratic form is kept as ``A u^2 + q dy^2`` with ``u = dx + k dy`` (completed
square). A row then costs one multiply-add per pixel, and thin slanted Gaussians lose no digits.

Inner loops handle `LANES` neighboring pixels of a row at once; they touch one scratch array at fixed
offsets and index it with unsigned numbers, which is what lets the compiler turn them into vector code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..scene.camera import Camera, Equirect
from . import splat_contract as contract
from . import splat_numba_kernels as kernels
from .splat_numba_erp import EquirectView
from .splat_numba_pinhole import PinholeView
from .splat_numba_tiles import TileLists, list_tiles, sort_visible

__all__ = ["Extras", "ForwardState", "backward", "forward", "median_index", "render"]


@dataclass(frozen=True)
class ForwardState:
    """A finished picture and what the backward pass needs of how it came about.

    Attributes:
        rgb: ``[H, W, 3]`` float32 over black.
        alpha: ``[H, W]``.
        depth_sum: ``[H, W]`` sum of weight times depth.
        visible: ``[V]`` int32 indices of the Gaussians in view, ascending.
        inputs: what was drawn.
        view: camera and pose.
        records: ``[V, view.record]`` projected Gaussians.
        lists: of each tile's Gaussians.
        ends: ``[tiles]`` where in its list each tile was opaque.
        is_antialiased: as asked for.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    depth_sum: np.ndarray
    visible: np.ndarray
    inputs: tuple[np.ndarray, ...]
    view: PinholeView | EquirectView
    records: np.ndarray
    lists: TileLists
    ends: np.ndarray
    is_antialiased: bool


def forward(
    inputs: tuple[np.ndarray, ...],
    camera_from_world: np.ndarray,
    camera: Camera,
    near_z: float = contract.NEAR_Z,
    *,
    antialiased: bool = False,
) -> ForwardState:
    """Draw contiguous float32 arrays, in the order and the shapes of `SplatInputs`."""
    pose = np.ascontiguousarray(camera_from_world[:3], dtype=np.float32)
    view = EquirectView.of(camera, pose) if isinstance(camera, Equirect) else PinholeView.of(camera, pose)
    means, _, scales, opacities, _ = inputs
    depths = np.empty(len(means), np.float32)
    kernels.cull(len(means), view, means, scales, opacities, np.float32(near_z), depths)
    visible, nearest_first = sort_visible(depths)
    records = np.empty((len(visible), view.record), np.float32)
    boxes = np.empty((len(visible), 4), np.int32)
    kernels.project(len(visible), view, inputs, antialiased, visible, records, boxes)
    lists = list_tiles(boxes, nearest_first, *camera.size_px)
    rgb, alpha, depth_sum = (np.empty((*camera.size_px, *last), np.float32) for last in ((3,), (), ()))
    ends = np.empty(len(lists.order), np.int64)
    kernels.composite(len(lists.order), view, records, lists, (rgb, alpha, depth_sum), ends)
    return ForwardState(rgb, alpha, depth_sum, visible, inputs, view, records, lists, ends, antialiased)


def median_index(state: ForwardState) -> np.ndarray:
    """Return ``[H, W]`` int32 indices of the Gaussians at which the transmittance falls to one half, or -1."""
    median = np.empty(state.alpha.shape, np.int32)
    tiles = len(state.lists.order)
    kernels.find_medians(tiles, state.view, state.records, state.lists, state.ends, state.visible, median)
    return median


@dataclass(frozen=True)
class Extras:
    """What `backward` can tell beyond the gradients of the Gaussians.

    Attributes:
        pose: ``[4, 4]`` float64 gradient of ``camera_from_world`` (last row 0), or None.
        screen: ``[V]`` float32 length of the screen-space gradient of each visible Gaussian's middle, its
            components summed as absolute values over tiles, or None: where Gaussians should be split.
    """

    pose: np.ndarray | None = None
    screen: np.ndarray | None = None


def _pose_gradient(g_views: np.ndarray, means: np.ndarray, view: np.ndarray) -> np.ndarray:
    """Sum per-Gaussian contributions ``[V, 12]`` to the ``[4, 4]`` gradient of the pose."""
    rows = g_views.astype(np.float64)
    gradient = np.zeros((4, 4))
    gradient[:3, 3] = rows[:, :3].sum(0)
    turned = rows[:, 3:].sum(0).reshape(3, 3)  # axes = V R, so d/dV = d/d(axes) R^T = (d axes . axes^T) V
    through_means = np.stack([(rows[:, :3] * means[:, c : c + 1]).sum(0) for c in range(3)], axis=1)
    gradient[:3, :3] = turned @ view[:, :3] + through_means
    return gradient


def backward(
    state: ForwardState,
    g_rgb: np.ndarray,
    g_alpha: np.ndarray,
    g_depth_sum: np.ndarray,
    *,
    pose: bool = False,
    screen: bool = False,
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray], Extras]:
    """Carry picture gradients back to the visible Gaussians.

    Returns:
        Gradients of means, quaternions, scales, opacities and colors, one row per entry of ``state.visible``
        (everything out of view has gradient 0), and the gradients of pose and screen position where asked for.
    """
    count, view, lists = len(state.visible), state.view, state.lists
    grads = np.empty((len(lists.members), view.moments), np.float32)
    out = tuple(
        np.empty(shape, np.float32) for shape in ((count, 3), (count, 4), (count, 3), (count,), (count, 3))
    )
    g_views = np.empty((count if pose else 0, 12), np.float32)
    on_screen = np.empty(count if screen else 0, np.float32)
    pictures, g_pictures = (state.rgb, state.alpha, state.depth_sum), (g_rgb, g_alpha, g_depth_sum)
    visible, records = state.visible, state.records
    kernels.composite_backward(
        len(lists.order), view, records, lists, state.ends, pictures, g_pictures, grads
    )
    kernels.project_backward(
        count,
        view,
        state.inputs,
        state.is_antialiased,
        visible,
        records,
        lists,
        grads,
        out,
        g_views,
        on_screen,
    )
    g_pose = _pose_gradient(g_views, state.inputs[0][state.visible], view.pose) if pose else None
    return out, Extras(g_pose, on_screen if screen else None)  # type: ignore[return-value]


class _Render(torch.autograd.Function):
    @staticmethod
    def forward(ctx, means, quats, scales, opacities, colors, pose, view):
        arrays = tuple(t.detach().contiguous().numpy() for t in (means, quats, scales, opacities, colors))
        rows = pose.detach().to("cpu", torch.float64).numpy()
        state = forward(arrays, rows, view.camera, view.near_z, antialiased=view.antialiased)
        ctx.state, ctx.pose = state, pose.new_empty(0)
        pictures = [torch.from_numpy(a) for a in (state.rgb, state.alpha, state.depth_sum)]
        if not view.median:
            return tuple(pictures)
        index = torch.from_numpy(median_index(state))
        ctx.mark_non_differentiable(index)
        return (*pictures, index)

    @staticmethod
    def backward(ctx, g_rgb, g_alpha, g_depth, *_):
        state = ctx.state
        pictures = (g.contiguous().numpy() for g in (g_rgb, g_alpha, g_depth))
        rows, extras = backward(state, *pictures, pose=ctx.needs_input_grad[5])
        full = []
        for value, rows_of in zip(state.inputs, rows, strict=True):
            gradient = np.zeros(value.shape, np.float32)
            gradient[state.visible] = rows_of
            full.append(torch.from_numpy(gradient))
        g_pose = None if extras.pose is None else torch.from_numpy(extras.pose).to(ctx.pose)
        return (*full, g_pose, None)


def render(splats: contract.SplatInputs, view: contract.SplatView) -> tuple[Tensor, ...]:
    """Draw Gaussians; see `SplatRenderer`."""
    tensors = (t.to(torch.float32) for t in splats)
    pictures: tuple[Tensor, ...] = _Render.apply(*tensors, view.camera_from_world, view)
    return pictures
