"""The contract that every splat backend keeps: constants, what a backend is given and what comes out.

Each Gaussian is projected by the local affine approximation of the perspective (EWA splatting),
widened by a small low-pass kernel, and composited front to back in order of camera depth:

    power = 1/2 d^T Cov2D^-1 d            d = pixel center - projected mean
    alpha = min(ALPHA_MAX, opacity exp(-power)), dropped below ALPHA_MIN
    pixel = sum_i color_i alpha_i T_i,   T_i = prod_{j<i} (1 - alpha_j), ends once T_i < T_MIN

What is drawn at all: means with ``near_z < z < FAR`` whose sphere of `REACH` standard deviations touches the
view frustum widened by `MARGIN_PX`. The backends share every constant below, so their pictures agree.

Anti-aliased, each opacity is multiplied by the area of the projected Gaussian before the low-pass over its
area after it, so that what is smaller than a pixel dims instead of growing.

A panorama (equirectangular, 2:1) has no image plane. There each Gaussian is projected by a pinhole camera of
its own that looks straight at it, with as many pixels per radian as the panorama has rows, and each panorama
pixel takes its value where its ray meets that camera's picture (up to 90 degrees away). So nothing depends
on longitude or latitude: no seam at the border, no pole, and turning the world turns the picture. Depth and
order are ray distances, and nothing nearer than ``near_z`` is drawn.

The median depth of a pixel is the depth of the Gaussian at which T falls to one half.

Source: M. Zwicker et al., EWA Splatting, 2002; B. Kerbl et al., 3D Gaussian Splatting, 2023; Z. Yu et al.,
Mip-Splatting, 2024; L. Huang et al., On the Error Analysis of 3D Gaussian Splatting and an Optimal Projection
Strategy, 2024 (formulas).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..scene.camera import Camera, Pinhole

__all__ = [
    "ALPHA_MAX",
    "ALPHA_MIN",
    "FAR",
    "LOWPASS_PX2",
    "MARGIN_PX",
    "MOST_ENTRIES",
    "NEAR_Z",
    "REACH",
    "TAN_LIMIT",
    "TILE",
    "T_MIN",
    "SplatFrame",
    "SplatInputs",
    "SplatPanorama",
    "SplatRenderer",
    "SplatView",
    "check_entries",
    "trial",
]

ALPHA_MAX = 0.999
ALPHA_MIN = 1.0 / 255.0
T_MIN = 1e-4
LOWPASS_PX2 = 0.3
"""Added to both diagonal entries of the projected covariance: a pixel's own footprint, in pixels squared."""
REACH = 3.33
"""Standard deviations after which even an opaque Gaussian falls below ALPHA_MIN: sqrt(2 ln 255)."""
MARGIN_PX = 4.0
NEAR_Z = 0.01
FAR = 1e18
"""Nothing at a greater depth is drawn: squares of such distances leave float32."""
TAN_LIMIT = 1.3
"""The affine approximation is taken no further out than this times the half image, or it explodes."""

TILE = 16
"""Side of the squares, in pixels, for which the compiled backends list Gaussians."""
MOST_ENTRIES = 2**29
"""What the lists of all tiles may hold together: they are indexed with 32 bits and take 8 to 12 bytes each."""


class SplatInputs(NamedTuple):
    """What a backend draws; it is differentiable in all five.

    Attributes:
        means: ``[N, 3]`` world units.
        quats_wxyz: ``[N, 4]``, any length but 0.
        scales: ``[N, 3]`` standard deviations, world units.
        opacities: ``[N]`` in [0, 1].
        colors: ``[N, 3]`` as seen from the camera.
    """

    means: Tensor
    quats_wxyz: Tensor
    scales: Tensor
    opacities: Tensor
    colors: Tensor


class SplatView(NamedTuple):
    """How a backend draws it.

    Attributes:
        camera_from_world: ``[4, 4]`` rigid pose; with the feature ``"pose"`` a backend is differentiable in it.
        camera: without skew; a panorama's needs the feature ``"panorama"``.
        near_z: what is nearer is not drawn: camera depth, of a panorama ray distance.
        antialiased: dim what is smaller than a pixel instead of letting it grow.
        median: also return the index picture; needs the feature ``"median"``.
    """

    camera_from_world: Tensor
    camera: Camera
    near_z: float = NEAR_Z
    antialiased: bool = False
    median: bool = False


class SplatRenderer(Protocol):
    """A backend, as `splat_backends.SPLAT_BACKENDS` loads it."""

    def __call__(self, splats: SplatInputs, view: SplatView) -> tuple[Tensor, ...]:
        """Draw one picture.

        Returns:
            ``rgb [H, W, 3]`` over black, ``alpha [H, W]`` and ``depth_sum [H, W]``, the sum of weight times depth;
            with ``view.median`` also ``[H, W]`` the integer index of the Gaussian whose depth is the median, or -1.
        """
        ...


def check_entries(entries: int, height: int, width: int) -> None:
    """Refuse lists of tiles that are too long.

    Raises:
        InvalidInput: when they hold more than `MOST_ENTRIES`.
    """
    if entries > MOST_ENTRIES:
        raise InvalidInput(
            f"the Gaussians may cover at most {MOST_ENTRIES:,} tiles of {TILE}x{TILE} pixels together; these cover "
            f"{entries:,} of a picture of {width}x{height}. Draw a smaller picture, or remove the largest Gaussians."
        )


def trial() -> tuple[SplatInputs, SplatView]:
    """Return one Gaussian and a view with it in the middle: a backend that draws it works."""
    one = torch.ones(1)
    splats = SplatInputs(
        torch.tensor([[0.0, 0.0, 2.0]]),
        torch.tensor([[1.0, 0.0, 0.0, 0.0]]),
        torch.full((1, 3), 0.1),
        one,
        one.expand(1, 3),
    )
    camera = Pinhole((16, 16), torch.tensor([[8.0, 0.0, 8.0], [0.0, 8.0, 8.0], [0.0, 0.0, 1.0]]))
    return splats, SplatView(torch.eye(4), camera)


@dataclass(frozen=True)
class SplatFrame:
    """One picture of a set of Gaussians, or a batch of them with one dimension more in front.

    Attributes:
        rgb: ``[H, W, 3]`` composited over the background; not clamped.
        alpha: ``[H, W]`` coverage in [0, 1].
        depth_z: ``[H, W]`` expected camera depth ``sum(w z) / sum(w)``, inf where alpha is 0.
        backend: which backend drew it.
        median_z: ``[H, W]`` median camera depth, inf where alpha stays below one half; None unless asked for.
    """

    rgb: Tensor
    alpha: Tensor
    depth_z: Tensor
    backend: str
    median_z: Tensor | None = None


@dataclass(frozen=True)
class SplatPanorama:
    """One equirectangular picture of a set of Gaussians, or a batch with one dimension more in front.

    Attributes:
        rgb: ``[H, W, 3]`` composited over the background; not clamped.
        alpha: ``[H, W]`` coverage in [0, 1].
        depth_ray: ``[H, W]`` expected ray distance, inf where alpha is 0.
        backend: which backend drew it.
        median_ray: ``[H, W]`` median ray distance, inf where alpha stays below one half; None unless asked for.
    """

    rgb: Tensor
    alpha: Tensor
    depth_ray: Tensor
    backend: str
    median_ray: Tensor | None = None
