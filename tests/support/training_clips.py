"""Panoramic clips for training, in closed form, as folders and as shards."""

from __future__ import annotations

import torch
from torch import Tensor

from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.io.cameras_json import write_trajectory
from matrix3d_core.io.depth_files import write_depth
from matrix3d_core.io.images import write_image
from matrix3d_core.scene.trajectory import Trajectory


def ball_room(count=9, height=64, *, shift=0.0) -> tuple[Tensor, Tensor, Trajectory]:
    """A colored ball room of radius 2 seen from a short path: frames in [0, 1], ray distances, poses."""
    centers = torch.zeros(count, 3, dtype=torch.float64)
    centers[:, 2] = torch.linspace(0, 0.6, count, dtype=torch.float64)
    path = Trajectory.from_centers(torch.eye(3, dtype=torch.float64).repeat(count, 1, 1), centers)
    d = erp_directions(height, 2 * height, dtype=torch.float64)
    along = torch.einsum("hwc,tc->thw", d, centers)
    distance = -along + (along.square() - centers.square().sum(-1)[:, None, None] + 4).sqrt()
    point = centers[:, None, None] + distance.unsqueeze(-1) * d
    colors = 0.5 + 0.3 * torch.sin(2 * point + shift)
    return colors.float(), distance.float(), path


def write_folder(folder, frames, depth, path, caption="") -> None:
    """Write a clip as `matrix3d factory --unpack` does."""
    for name in ("frames", "depth"):
        (folder / name).mkdir(parents=True)
    for number, (frame, distance) in enumerate(zip(frames, depth, strict=True)):
        write_image(folder / "frames" / f"{number:04d}.png", frame)
        write_depth(folder / "depth" / f"{number:04d}.npz", distance)
    write_trajectory(folder / "cameras.json", path)
    if caption:
        (folder / "caption.txt").write_text(caption, encoding="utf-8")
