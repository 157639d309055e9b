"""Gaussians: the splats of a world in render-ready values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput

__all__ = ["ORIGIN_UNKNOWN", "SH_C0", "Gaussians"]

SH_C0 = 0.28209479177387814
"""Value of the constant spherical harmonic, ``1 / (2 sqrt(pi))``; color = 0.5 + SH_C0 * sh[:, 0]."""

ORIGIN_UNKNOWN = 255
"""Unknown origin of a Gaussian; see `scene.provenance`."""


@dataclass(frozen=True)
class Gaussians:
    """A set of 3D Gaussians, activated values, in the world frame (OpenCV axes, world units).

    Attributes:
        means: ``[N, 3]`` centers.
        quats_wxyz: ``[N, 4]`` rotations, Gaussian axes to world; unit length.
        scales: ``[N, 3]`` standard deviations along the Gaussian's own axes, positive, world units.
        opacities: ``[N]`` in [0, 1].
        sh: ``[N, K, 3]`` spherical-harmonic color coefficients, ``K = (degree + 1) ** 2``.
        origins: optional ``[N]`` uint8, where each comes from: an index into `scene.provenance.ORIGINS`, or
            `ORIGIN_UNKNOWN`. Follows the Gaussians wherever they go; nothing is drawn from it.
    """

    means: Tensor
    quats_wxyz: Tensor
    scales: Tensor
    opacities: Tensor
    sh: Tensor
    origins: Tensor | None = None

    def __post_init__(self) -> None:
        count = check_shape("means", self.means, "N 3")["N"]
        check_shape("quats_wxyz", self.quats_wxyz, f"{count} 4")
        check_shape("scales", self.scales, f"{count} 3")
        check_shape("opacities", self.opacities, f"{count}")
        bases = check_shape("sh", self.sh, f"{count} K 3")["K"]
        if bases not in (1, 4, 9, 16):
            raise InvalidInput(f"sh must hold 1, 4, 9 or 16 bases (degree 0 to 3); got {bases}.")
        if self.origins is not None:
            check_shape("origins", self.origins, f"{count}")
            if self.origins.dtype != torch.uint8:
                raise InvalidInput(f"origins must be uint8; got {self.origins.dtype}.")

    def __len__(self) -> int:
        return self.means.shape[0]

    @property
    def colors(self) -> Tensor:
        """``[N, 3]`` base color, the view-independent part; 0..1 for displayable colors."""
        return 0.5 + SH_C0 * self.sh[:, 0]

    @classmethod
    def from_colors(
        cls, means: Tensor, quats_wxyz: Tensor, scales: Tensor, opacities: Tensor, colors: Tensor
    ) -> Gaussians:
        """Build view-independent Gaussians from ``[N, 3]`` colors in [0, 1]."""
        return cls(means, quats_wxyz, scales, opacities, ((colors - 0.5) / SH_C0).unsqueeze(1))

    def check_finite(self) -> None:
        """Raise `InvalidInput` when any value is NaN or infinite, naming the field."""
        for name in ("means", "quats_wxyz", "scales", "opacities", "sh"):
            check_finite(name, getattr(self, name))

    def to(self, device: torch.device | str) -> Gaussians:
        """Return the same Gaussians on ``device``."""
        return self._map(lambda values: values.to(device))

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return ``(means, quats_wxyz, scales, opacities, sh)``: what is drawn, so without the origins."""
        return self.means, self.quats_wxyz, self.scales, self.opacities, self.sh

    def select(self, index: Tensor) -> Gaussians:
        """Return the Gaussians picked by a boolean mask ``[N]`` or an index tensor."""
        return self._map(lambda values: values[index])

    def with_origins(self, origins: Tensor | None) -> Gaussians:
        """Return the same Gaussians with other origins, or with None without any."""
        return replace(self, origins=None if origins is None else origins.to(torch.uint8))

    def detach(self) -> Gaussians:
        """Return the same values cut off from autograd."""
        return self._map(Tensor.detach)

    def _map(self, change: Callable[[Tensor], Tensor]) -> Gaussians:
        origins = None if self.origins is None else change(self.origins)
        return Gaussians(*(change(values) for values in self.tensors())).with_origins(origins)

    @classmethod
    def concatenate(cls, *parts: Gaussians) -> Gaussians:
        """Join sets; lower SH degrees are padded with zeros to the highest among them.

        Where some carry origins and others do not, those of the others are unknown.
        """
        if not parts:
            raise InvalidInput("concatenate needs at least one set of Gaussians; got none.")
        bases = max(part.sh.shape[1] for part in parts)
        padded = [torch.nn.functional.pad(p.sh, (0, 0, 0, bases - p.sh.shape[1])) for p in parts]
        joined = [torch.cat(columns) for columns in zip(*(p.tensors()[:4] for p in parts), strict=True)]
        means, quats_wxyz, scales, opacities = joined
        origins = None
        if any(part.origins is not None for part in parts):
            origins = torch.cat([part.known_origins() for part in parts])
        return cls(means, quats_wxyz, scales, opacities, torch.cat(padded), origins)

    def known_origins(self) -> Tensor:  # [N] uint8
        """Return the origins; all unknown where the world carries none."""
        if self.origins is not None:
            return self.origins
        return torch.full((len(self),), ORIGIN_UNKNOWN, dtype=torch.uint8, device=self.means.device)
