"""Small sets of Gaussians for tests."""

from __future__ import annotations

from pathlib import Path

import torch

from matrix3d_core.io.splats import write_gaussians
from matrix3d_core.io.world_json import describe_world, write_world_info
from matrix3d_core.scene.gaussians import Gaussians


def random_gaussians(count: int, bases: int = 1, seed: int = 0) -> Gaussians:
    """Return ``count`` Gaussians with all values in the usual range, inside what SPZ can hold."""
    rng = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(*shape, generator=rng)

    sh = uniform(-0.9, 0.9, count, bases, 3)
    sh[:, 0] = uniform(-1.7, 1.7, count, 3)
    return Gaussians(
        uniform(-40, 40, count, 3),
        torch.nn.functional.normalize(torch.randn(count, 4, generator=rng), dim=-1),
        torch.exp(uniform(-8, 3, count, 3)),
        uniform(0.01, 0.99, count),
        sh,
    )


BLOBS = {  # color of each blob and where it is: OpenCV axes, so y = -2 is above the eye
    "blue": ((0.1, 0.2, 1.0), (0.0, 0.0, 4.0)),
    "red": ((1.0, 0.1, 0.1), (2.0, 0.0, 4.0)),
    "green": ((0.1, 0.9, 0.2), (0.0, -1.5, 4.0)),
    "yellow": ((1.0, 0.9, 0.1), (0.0, 0.0, -4.0)),
}
"""An asymmetric scene seen from the origin: blue ahead, red to the right, green above, yellow behind."""


def blob_world(spread: float = 0.25, count: int = 400) -> Gaussians:
    """Return the blobs of `BLOBS`, each a ball of small opaque Gaussians."""
    rng = torch.Generator().manual_seed(0)
    parts = []
    for color, center in BLOBS.values():
        inside = torch.nn.functional.normalize(torch.randn(count, 3, generator=rng), dim=-1)
        means = torch.tensor(center) + spread * inside * torch.rand(count, 1, generator=rng) ** (1 / 3)
        identity = torch.tensor([1.0, 0, 0, 0]).expand(count, 4)
        parts.append(
            Gaussians.from_colors(
                means,
                identity,
                torch.full((count, 3), spread / 5),
                torch.full((count,), 0.95),
                torch.tensor(color).expand(count, 3),
            )
        )
    return Gaussians.concatenate(*parts)


def write_blob_world(path: Path) -> None:
    """Write `blob_world` with the sidecar that says it is a world: views open it from the inside."""
    write_gaussians(path, blob_world())
    write_world_info(path, describe_world(blob_world()))


def jug(up: int = 2, sign: int = 1, count: int = 3000) -> Gaussians:
    """Return a jug half a unit high that stands on the origin, its axis ``up`` (0 to 2) upwards when ``sign`` is 1.

    It is turned, wide below and narrow above, with a yellow handle.
    """
    rng = torch.Generator().manual_seed(0)

    def random(size: int, most: float) -> torch.Tensor:
        return most * torch.rand(size, generator=rng)

    height, angle = random(count, 0.5), random(count, 2 * torch.pi)
    radius = 0.1 + 0.06 * torch.sin(9 * height)
    body = torch.stack((radius * angle.cos(), radius * angle.sin(), height), dim=-1)
    colors = torch.stack((0.3 + 1.2 * height, 0.35 + 0.2 * torch.sin(3 * angle), 0.6 - height), dim=-1)
    bend, round_ = random(count // 8, torch.pi), random(count // 8, 2 * torch.pi)
    far = 0.1 + 0.015 * round_.cos()
    handle = torch.stack((0.12 + far * bend.sin(), 0.015 * round_.sin(), 0.28 + far * bend.cos()), dim=-1)
    points = torch.cat((body, handle)) * torch.tensor([1.0, 1.0, float(sign)])
    points = points.roll(up - 2, dims=-1)  # the axes follow one another: no mirror
    colors = torch.cat((colors, torch.tensor([0.9, 0.75, 0.2]).expand(len(handle), 3))).clamp(0, 1)
    quats = torch.tensor([1.0, 0, 0, 0]).expand(len(points), 4)
    opacities = torch.full((len(points),), 0.95)
    return Gaussians.from_colors(points, quats, torch.full((len(points), 3), 0.009), opacities, colors)
