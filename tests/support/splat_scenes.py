"""Small sets of Gaussians for tests."""

from __future__ import annotations

import torch

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


BLOBS = {  # colour of each blob and where it is: OpenCV axes, so y = -2 is above the eye
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
    for colour, centre in BLOBS.values():
        inside = torch.nn.functional.normalize(torch.randn(count, 3, generator=rng), dim=-1)
        means = torch.tensor(centre) + spread * inside * torch.rand(count, 1, generator=rng) ** (1 / 3)
        identity = torch.tensor([1.0, 0, 0, 0]).expand(count, 4)
        parts.append(
            Gaussians.from_colours(
                means,
                identity,
                torch.full((count, 3), spread / 5),
                torch.full((count,), 0.95),
                torch.tensor(colour).expand(count, 3),
            )
        )
    return Gaussians.concatenate(*parts)
