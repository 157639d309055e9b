"""The warp splat backend: kernels of the warp-lang package, compiled at first use without a compiler on the machine.

On CUDA of any generation that warp supports; the same kernels run, one thread after the other, on warp's CPU
device, where they are tested. Gradients are added with atomics: on CUDA their last digits may differ from run
to run, on the CPU they do not.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ..scene.camera import Equirect
from . import splat_contract as contract

__all__ = ["open_warp"]


def open_warp(device: str = "cuda") -> contract.SplatRenderer:
    """Load warp, compile the kernels and draw one Gaussian, so that a broken install shows here.

    Args:
        device: ``"cuda"``: inputs from elsewhere are moved to torch's current CUDA device and the pictures
            back; ``"cpu"``: warp's CPU device, single threaded.
    """
    from . import splat_warp_kernels as kernels

    wp: Any = kernels.wp
    wp.config.quiet = True  # older releases
    wp.config.log_level = getattr(wp, "LOG_WARNING", 30)
    wp.init()
    backend = _Backend(wp, kernels, device)
    _, alpha, _ = backend.render(*contract.trial())
    if not float(alpha.max()) > 0.5:
        raise RuntimeError("warp drew nothing where a Gaussian is")
    return backend.render


class _Backend:
    """The kernels on one kind of device."""

    def __init__(self, wp: Any, kernels: Any, device: str) -> None:
        self.wp, self.kernels, self._device = wp, kernels, device

    def render(self, splats: contract.SplatInputs, view: contract.SplatView) -> tuple[Tensor, ...]:
        """Draw Gaussians; see `SplatRenderer`."""
        home = splats.means.device
        there = home if home.type == self._device else torch.device(self._device)
        inputs = [t.to(there, torch.float32).contiguous() for t in splats]
        rgb, alpha, depth, index = _Render.apply(*inputs, view.camera_from_world, self, self._camera(view))
        pictures = [rgb.to(home), alpha.to(home), depth.to(home)]
        return (*pictures, index.to(home)) if view.median else tuple(pictures)

    def _camera(self, view: contract.SplatView) -> Any:
        wp, camera = self.wp, self.kernels.Camera()
        rows = view.camera_from_world.detach().to("cpu", torch.float64)
        camera.rotation = wp.mat33(*rows[:3, :3].reshape(-1).tolist())
        camera.translation = wp.vec3(*rows[:3, 3].tolist())
        height, width = view.camera.size_px
        size = (width, height)
        if isinstance(view.camera, Equirect):
            focal, center = (height / math.pi,) * 2, (0.0, 0.0)
            low, high = [-1.0, -1.0], [1.0, 1.0]
        else:
            focal, center = view.camera.focal_px, view.camera.principal_px
            middle = [(s / 2 - c) / f for s, c, f in zip(size, center, focal, strict=True)]
            limit = [contract.TAN_LIMIT * s / (2 * f) for s, f in zip(size, focal, strict=True)]
            low = [m - t for m, t in zip(middle, limit, strict=True)]
            high = [m + t for m, t in zip(middle, limit, strict=True)]
        camera.focal, camera.center = wp.vec2(*focal), wp.vec2(*center)
        camera.tan_low, camera.tan_high = wp.vec2(*low), wp.vec2(*high)
        camera.near, camera.height, camera.width = view.near_z, height, width
        tile = self.kernels.TILE
        camera.tiles_x, camera.tiles_y = -(-width // tile), -(-height // tile)
        camera.is_panorama = int(isinstance(view.camera, Equirect))
        camera.is_antialiased = int(view.antialiased)
        return camera

    @contextlib.contextmanager
    def _stream_of(self, tensor: Tensor) -> Iterator[None]:
        """Queue kernels behind torch's own work."""
        if tensor.is_cuda:
            stream = self.wp.stream_from_torch(torch.cuda.current_stream(tensor.device))
            with torch.cuda.device(tensor.device), self.wp.ScopedStream(stream):
                yield
        else:
            yield

    def launch(self, name: str, count: int, device: torch.device, *arguments: Any) -> None:
        """Run a kernel over ``count`` threads; blocks are as large as a tile."""
        kernel = getattr(self.kernels, name)
        block = self.kernels.TILE**2
        wp_device = self.wp.device_from_torch(device)
        self.wp.launch(kernel, dim=count, inputs=list(arguments), device=wp_device, block_dim=block)

    def view(self, tensor: Tensor, dtype: str = "float32") -> Any:
        """Show a tensor to warp without copying; ``dtype`` names the element."""
        return self.wp.from_torch(tensor.detach(), dtype=getattr(self.wp, dtype))

    def forward(self, inputs: list[Tensor], camera: Any) -> tuple[list[Tensor], list[Tensor]]:
        """Return the pictures and what the backward pass needs."""
        with self._stream_of(inputs[0]):
            return self._forward(inputs, camera)

    def _forward(self, inputs: list[Tensor], camera: Any) -> tuple[list[Tensor], list[Tensor]]:
        means, quats, scales, opacities, colors = inputs
        device, count, kernels = means.device, len(means), self.kernels
        records = torch.empty(count, kernels.ROWS, 4, device=device)
        depths = torch.empty(count, device=device)
        boxes = torch.empty(count, 4, dtype=torch.int32, device=device)
        counts = torch.empty(count, dtype=torch.int64, device=device)
        if count:
            self.launch(
                "project", count, device, camera, self.view(means, "vec3"), self.view(quats, "vec4"),
                self.view(scales, "vec3"), self.view(opacities), self.view(colors, "vec3"),
                self.view(records, "vec4"), self.view(depths), self.view(boxes, "vec4i"),
                self.view(counts, "int64"),
            )  # fmt: skip
        last = counts.cumsum(0)
        entries = int(last[-1]) if count else 0
        contract.check_entries(entries, camera.height, camera.width)
        keys = torch.empty(entries, dtype=torch.int64, device=device)
        members = torch.empty(entries, dtype=torch.int32, device=device)
        if entries:
            self.launch(
                "emit", count, device, camera, self.view(boxes, "vec4i"), self.view(depths.view(torch.int32), "int32"),
                self.view(last - counts, "int64"), self.view(keys, "int64"), self.view(members, "int32"),
            )  # fmt: skip
        keys, order = torch.sort(keys, stable=True)  # equal depths stay in index order
        members = members[order]
        tiles = camera.tiles_x * camera.tiles_y
        bounds = torch.arange(tiles + 1, device=device) << 32
        start = torch.searchsorted(keys, bounds)
        ends = start[:-1].clone()
        size = (camera.height, camera.width)
        rgb, alpha = torch.empty(*size, 3, device=device), torch.empty(size, device=device)
        depth = torch.empty(size, device=device)
        median = torch.empty(size, dtype=torch.int32, device=device)
        self.launch(
            "composite", tiles * kernels.TILE**2, device, camera, self.view(records, "vec4"),
            self.view(start, "int64"), self.view(members, "int32"), self.view(rgb, "vec3"), self.view(alpha),
            self.view(depth), self.view(median, "int32"), self.view(ends, "int64"),
        )  # fmt: skip
        return [rgb, alpha, depth, median], [records, counts, start, ends, members]

    def backward(
        self,
        inputs: list[Tensor],
        pictures: list[Tensor],
        lists: list[Tensor],
        gradients: list[Tensor],
        camera: Any,
        pose: bool,
    ) -> tuple[list[Tensor], Tensor | None]:
        """Return the gradients of the inputs and, when asked, of the pose ``[4, 4]`` in float64."""
        with self._stream_of(inputs[0]):
            return self._backward(inputs, pictures, lists, gradients, camera, pose)

    def _backward(
        self,
        inputs: list[Tensor],
        pictures: list[Tensor],
        lists: list[Tensor],
        gradients: list[Tensor],
        camera: Any,
        pose: bool,
    ) -> tuple[list[Tensor], Tensor | None]:
        means, quats, scales, opacities, _ = inputs
        rgb, alpha, depth = pictures
        records, counts, start, ends, members = lists
        g_rgb, g_alpha, g_depth = (g.to(rgb).contiguous() for g in gradients)
        device, count, kernels = means.device, len(means), self.kernels
        sums = torch.zeros(count, kernels.MOMENTS, device=device)
        out = [torch.zeros_like(t) for t in inputs]
        g_views = torch.zeros(count if pose else 0, 12, device=device)
        if count:
            pixels = camera.tiles_x * camera.tiles_y * kernels.TILE**2
            self.launch(
                "composite_backward", pixels, device, camera, self.view(records, "vec4"),
                self.view(start, "int64"), self.view(ends, "int64"), self.view(members, "int32"),
                self.view(rgb, "vec3"), self.view(alpha), self.view(depth), self.view(g_rgb, "vec3"),
                self.view(g_alpha), self.view(g_depth), self.view(sums),
            )  # fmt: skip
            self.launch(
                "project_backward", count, device, camera, self.view(means, "vec3"), self.view(quats, "vec4"),
                self.view(scales, "vec3"), self.view(opacities), self.view(records, "vec4"),
                self.view(counts, "int64"), self.view(sums), self.view(out[0], "vec3"), self.view(out[1], "vec4"),
                self.view(out[2], "vec3"), self.view(out[3]), self.view(out[4], "vec3"), self.view(g_views),
            )  # fmt: skip
        if not pose:
            return out, None
        g_pose = torch.zeros(4, 4, dtype=torch.float64, device=device)
        g_pose[:3] = g_views.double().sum(0).reshape(3, 4)
        return out, g_pose


class _Render(torch.autograd.Function):
    @staticmethod
    def forward(ctx, means, quats, scales, opacities, colors, pose, backend, camera):  # type: ignore[no-untyped-def]
        inputs = [means, quats, scales, opacities, colors]
        pictures, lists = backend.forward(inputs, camera)
        ctx.backend, ctx.camera, ctx.pose = backend, camera, pose.new_empty(0)
        ctx.save_for_backward(*inputs, *pictures[:3], *lists)
        ctx.mark_non_differentiable(pictures[3])
        return tuple(pictures)

    @staticmethod
    def backward(ctx, g_rgb, g_alpha, g_depth, _):  # type: ignore[no-untyped-def]
        saved = list(ctx.saved_tensors)
        rows, g_pose = ctx.backend.backward(
            saved[:5], saved[5:8], saved[8:], [g_rgb, g_alpha, g_depth], ctx.camera, ctx.needs_input_grad[5]
        )
        return (*rows, None if g_pose is None else g_pose.to(ctx.pose), None, None)
