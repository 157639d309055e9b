"""Registration of the frames of a path to one rigid world, before and during the fit.

Before it, every frame is registered to the panorama's geometry as its pose sees it; during it, the key frames are
registered to the Gaussians, which average over the frames. The source panorama is the anchor: it is never warped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..geometry.spherical import sample_erp
from ..guidance.scene_mesh import mesh_from_panorama, resample_geometry
from ..raster.camera_view import render_view
from ..raster.mesh import open_mesh_renderer
from ..scene.camera import Camera, Equirect
from ..scene.gaussians import Gaussians
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .frame_warp import FrameWarp, agreement, identity_warp, register_frame

__all__ = ["FrameRegistration"]

_ROWS = 240  # frames are registered at no more than this many rows
_DUE_AT = (0.2, 0.5)  # shares of the steps after which key frames are registered to the Gaussians
_LARGE = 0.01  # of the height: larger shifts, root mean square over a frame, are no model's jitter
_SKY = 0.8  # what is farther than this share of the sky's distance is sky


class FrameRegistration:
    """The warp of every frame of a path, and how far each key frame is trusted.

    Args:
        frames: ``[T, H, W, 3]`` as given.
        trajectory: their poses.
        geometry: the source panorama with its distance; None: frames stay as they are until `to_gaussians`, and the
            first one always.
    """

    def __init__(self, frames: Tensor, trajectory: Trajectory, geometry: PanoramaGeometry | None) -> None:
        self._frames, self._trajectory = frames, trajectory
        self._anchors = {0}
        if geometry is not None:
            away = (trajectory.camera_from_world @ trajectory.world_from_panorama)[:, :3, 3].norm(dim=-1)
            self._anchors = set((away < 1e-9).nonzero()[:, 0].tolist())
        self._sky = None if geometry is None else _Sky.of(geometry, _ROWS)
        self._geometry = geometry
        self._start = [identity_warp() for _ in range(len(frames))]
        self.warps: dict[int, FrameWarp] = {}
        self.trust: dict[int, Tensor] = {}
        self.updates = 0

    def _cameras(self, frame: int) -> tuple[Camera, Camera]:
        """Return a frame's camera and that of the reduced frame."""
        camera = self._trajectory.camera(frame, (self._frames.shape[1], self._frames.shape[2]))
        return camera, camera.downsampled(max(1, -(-camera.height // _ROWS)))

    def _register(self, frame: int, rgb: Tensor, weight: Tensor, scales: tuple[int, ...]) -> FrameWarp:
        camera, small = self._cameras(frame)
        picture = camera.crop(self._frames[frame].float(), small)
        return register_frame(picture, rgb, weight, small, self._start[frame], scales=scales)

    def to_geometry(self, report: Callable[[str], None]) -> Tensor:  # [T, H, W, 3]
        """Register all frames to the panorama's surfaces; return what they show then."""
        shown = self._frames.float().clone()
        if self._geometry is None:
            return shown
        rows = min(_ROWS, self._geometry.height)
        renderer = open_mesh_renderer(mesh_from_panorama(self._geometry, height=rows))[1]
        around = Equirect((rows, 2 * rows))
        for frame in range(len(shown)):
            report(f"register frame {frame + 1} of {len(shown)}")
            if frame in self._anchors:
                continue
            pose = self._trajectory.camera_from_world[frame] @ self._trajectory.world_from_panorama
            drawn = renderer.render(pose, rows, 2 * rows)
            rgb, weight = drawn.rgb, drawn.is_seen.float()
            if self._sky is not None:
                rgb, weight = self._sky.behind(rgb, weight, drawn.depth_ray, pose, around)
            camera, small = self._cameras(frame)
            maps = around.crop(torch.cat((rgb, weight[..., None]), -1), small)
            self._start[frame] = self._register(frame, maps[..., :3], maps[..., 3], (4, 2, 1))
            shown[frame] = self._start[frame].apply(self._frames[frame].float(), camera)
        return shown

    def is_due(self, share: float) -> bool:
        """Tell whether `to_gaussians` is to be called after this share of the steps."""
        return self.updates < len(_DUE_AT) and share >= _DUE_AT[self.updates]

    def to_gaussians(
        self,
        gaussians: Gaussians,
        is_sky: Tensor,  # [N] bool
        keys: Sequence[int],
        backend: str,
    ) -> None:
        """Register key frames to what the Gaussians show, and find out where they disagree with it."""
        warps, trust = {}, {}
        for frame in keys:
            if frame in self._anchors:
                continue
            pose, (camera, small) = self._trajectory.camera_from_world[frame], self._cameras(frame)
            with torch.no_grad():
                drawn = render_view(gaussians, pose, small, backend=backend)
            rgb, weight = drawn.rgb, (drawn.alpha > 0.95).float()
            if bool(is_sky.any()):
                far = _SKY * float(
                    (gaussians.means[is_sky].double() @ pose[:3, :3].T + pose[:3, 3]).norm(dim=-1).min()
                )
                weight = weight * (drawn.depth_ray < far)
            warps[frame] = self._register(frame, rgb, weight, (2, 1))
            reduced = camera.crop(self._frames[frame].float(), small)
            trust[frame] = agreement(warps[frame].apply(reduced, small), rgb, weight, small)
        self.warps, self.trust, self.updates = self._without_drift(warps), trust, self.updates + 1

    def _without_drift(self, warps: dict[int, FrameWarp]) -> dict[int, FrameWarp]:
        """Take away what all frames share along a row: no jitter, which differs from frame to frame.

        Near splats of a slanted surface cover farther ones a little, so that its texture seems to lie farther away, and
        frames that follow it would move the world further each time.
        """
        if not warps:
            return warps
        moved = torch.stack([warp.shifts - self._start[frame].shifts for frame, warp in warps.items()])
        drift = moved.mean((0, 3))[..., None]
        return {frame: replace(warp, shifts=warp.shifts - drift) for frame, warp in warps.items()}

    def shown(self, frame: int) -> tuple[Tensor, Tensor]:
        """Return a key frame as registered, ``[H, W, 3]``, and how far each pixel is trusted, ``[H, W]`` in 0..1."""
        camera, _ = self._cameras(frame)
        rgb = self.warps[frame].apply(self._frames[frame].float(), camera)
        trust = torch.nn.functional.interpolate(
            self.trust[frame][None, None], camera.size_px, mode="bilinear"
        )
        return rgb, trust[0, 0]

    def report(self) -> dict[str, float]:
        """Return the size of the warps: root mean square and largest, pixels."""
        height = self._frames.shape[1]
        warps = list(self.warps.values()) or self._start
        size = torch.stack([warp.shifts.norm(dim=0) for warp in warps]) * height
        return {"shift_rms_px": float(size.square().mean().sqrt()), "shift_max_px": float(size.max())}

    def warnings(self) -> list[str]:
        """Return a sentence where a frame had to be shifted so far that its pose is the likelier cause."""
        warps = self.warps or dict(enumerate(self._start))
        sizes = {frame: float(warp.shifts.square().sum(0).mean().sqrt()) for frame, warp in warps.items()}
        frame = max(sizes, key=lambda n: sizes[n], default=0)
        if sizes.get(frame, 0.0) <= _LARGE:
            return []
        return [
            f"frame {frame} had to be shifted by {sizes[frame] * self._frames.shape[1]:.0f} pixels on average to fit "
            "the world: check the trajectory, or set refine_poses."
        ]

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs."""
        parts = {"updates": torch.tensor(self.updates)}
        for frame, warp in self.warps.items():
            parts |= {
                f"{frame}.shifts": warp.shifts,
                f"{frame}.gain": warp.gain,
                f"{frame}.trust": self.trust[frame],
            }
        return parts

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Restore a checkpoint."""
        self.updates = int(state["updates"])
        frames = sorted({int(name.split(".")[0]) for name in state if name != "updates"})
        self.warps = {f: FrameWarp(state[f"{f}.shifts"], state[f"{f}.gain"]) for f in frames}
        self.trust = {f: state[f"{f}.trust"] for f in frames}


class _Sky:
    """The panorama's sky at infinity: its surfels are at a finite distance, where its parallax would be wrong."""

    def __init__(self, rgb: Tensor, share: Tensor, nearest: float) -> None:
        self._maps, self._nearest = torch.cat((rgb, share[..., None]), -1), nearest

    @classmethod
    def of(cls, geometry: PanoramaGeometry, rows: int) -> _Sky | None:
        """Return the sky of a panorama, or None where it has none."""
        if not bool(geometry.is_sky.any()):
            return None
        rows = min(rows, geometry.height)
        whole, small = Equirect((geometry.height, geometry.width)), Equirect((rows, 2 * rows))
        share = whole.crop(geometry.is_sky.float()[..., None], small)[..., 0]
        return cls(
            resample_geometry(geometry, rows)[0],
            share,
            _SKY * float(geometry.depth_ray[geometry.is_sky].min()),
        )

    def behind(
        self, rgb: Tensor, weight: Tensor, depth_ray: Tensor, camera_from_panorama: Tensor, camera: Equirect
    ) -> tuple[Tensor, Tensor]:
        """Replace the sky of a picture at a pose by that at infinity; also its weight, 0 where it is unknown."""
        far = depth_ray > self._nearest
        seen = sample_erp(self._maps, camera.rays() @ camera_from_panorama[:3, :3])
        known = (seen[..., 3] > 0.99).float()
        return torch.where(far[..., None], seen[..., :3], rgb), torch.where(far, known, weight)
