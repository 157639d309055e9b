"""Axes of splat files: OpenCV (x right, y down, z forward) and OpenGL (x right, y up, z backward)."""

from __future__ import annotations

import torch

from ..scene.gaussians import Gaussians

__all__ = ["turn_half_about_x"]

# Sign of each real SH basis function, degree 0 to 3 in the usual order, when y and z change theirs.
_SH_SIGNS = (1, -1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1)


def turn_half_about_x(gaussians: Gaussians) -> Gaussians:
    """Turn a world by 180 degrees about the x axis: from OpenCV to OpenGL axes, or back.

    ``(x, y, z)`` becomes ``(x, -y, -z)``; rotations and view-dependent colours turn along. This is a
    rotation, nothing is mirrored. Doing it twice gives the same world (quaternions may change sign).
    """
    signs = gaussians.means.new_tensor((1.0, -1.0, -1.0))
    w, x, y, z = gaussians.quats_wxyz.unbind(-1)
    sh_signs = gaussians.sh.new_tensor(_SH_SIGNS[: gaussians.sh.shape[1]])
    return Gaussians(
        gaussians.means * signs,
        torch.stack([-x, w, -z, y], dim=-1),  # (0, 1, 0, 0) times the quaternion
        gaussians.scales,
        gaussians.opacities,
        gaussians.sh * sh_signs[:, None],
    )
