"""The palette and light of a reference, given to pictures by one smooth map of colors.

Colors move as optimal transport moves the pictures' distribution to the reference's: first the linear map between
Gaussians of the same mean and covariance, then what sliced transport still moves, which is averaged over neighboring
colors and kept in a table, so that like colors stay alike and gradients without bands. Distances are those of Oklab.

Source: F. Pitie and A. Kokaram, The linear Monge-Kantorovitch color mapping for example-based color transfer, 2007; F.
Pitie, A. Kokaram, R. Dahyot, N-dimensional probability density function transfer, 2005 (slices); B. Ottosson, A
perceptual color space for image processing, 2020 (Oklab).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..light.irradiance import linear_from_srgb, srgb_from_linear

__all__ = ["ColorTable", "check_pictures", "oklab_from_srgb", "palette_table", "srgb_from_oklab"]

_SAMPLES = 8192  # of either side
_SLICES, _SLICE_STEP = 24, 0.6
_CELLS = 17  # of the table, along each axis
_SMOOTH = 0.06  # width over which moves of colors are averaged, Oklab
_LINEAR = 2e-4  # of all samples: pull towards the linear map where there are few colors
_FLOOR = 1e-4  # added to variances: a picture of one color has none
_LOW, _HIGH = (0.0, -0.35, -0.35), (1.0, 0.35, 0.35)  # of Oklab's axes; holds all of sRGB
_LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


class ColorTable:
    """A smooth map of colors: a table over Oklab, linear in between.

    Args:
        table: ``[3, C, C, C]`` moves of colors; axes b, a, L.
    """

    def __init__(self, table: Tensor) -> None:
        self.table = table

    def __call__(self, pictures: Tensor, strength: float = 1.0) -> Tensor:  # [..., 3]
        """Return sRGB pictures with other colors, 0 to 1."""
        lab = oklab_from_srgb(pictures)
        return srgb_from_oklab(lab + strength * self.moves(lab)).clamp(0, 1)

    def moves(self, lab: Tensor) -> Tensor:  # [..., 3]
        """Return how far Oklab colors move."""
        low, high = torch.tensor(_LOW), torch.tensor(_HIGH)
        grid = (2 * (lab - low) / (high - low) - 1).reshape(1, 1, 1, -1, 3)
        found = torch.nn.functional.grid_sample(
            self.table[None], grid, padding_mode="border", align_corners=True
        )
        return found[0, :, 0, 0].mT.reshape(lab.shape)


def check_pictures(name: str, pictures: Tensor) -> None:
    """Raise InvalidInput unless these are pictures ``[T, H, W, 3]`` without NaN."""
    if pictures.ndim != 4 or pictures.shape[-1] != 3 or pictures.numel() == 0:
        raise InvalidInput(f"{name} must have shape [T, H, W, 3]; got {list(pictures.shape)}.")
    if not bool(torch.isfinite(pictures).all()):
        raise InvalidInput(f"{name} must be finite; some values are NaN or infinite.")


def oklab_from_srgb(rgb: Tensor) -> Tensor:  # [..., 3]
    """Return lightness (0..1), green-red and blue-yellow."""
    lms = linear_from_srgb(rgb.clamp(0, 1)) @ torch.tensor(_LMS).mT
    result: Tensor = lms.clamp_min(0).pow(1 / 3) @ torch.tensor(_LAB).mT
    return result


def srgb_from_oklab(lab: Tensor) -> Tensor:  # [..., 3]
    """Return sRGB, cut to 0..1."""
    cubes = lab @ torch.linalg.inv(torch.tensor(_LAB)).mT
    return srgb_from_linear((cubes**3 @ torch.linalg.inv(torch.tensor(_LMS)).mT).clamp(0, 1))


def palette_table(pictures: Tensor, reference: Tensor) -> ColorTable:
    """Return the map that gives pictures the palette and light of a reference.

    One map for all pictures, so that views of one world stay alike.

    Args:
        pictures: ``[T, H, W, 3]`` sRGB; 2:1 pictures count as panoramas, whose rows near the poles count less.
        reference: ``[R, H, W, 3]`` sRGB.

    Raises:
        InvalidInput: for other shapes, NaN, or a reference of a single color.
    """
    check_pictures("image", pictures)
    check_pictures("reference", reference)
    random = torch.Generator().manual_seed(0)
    source, target = _sampled(pictures, random), _sampled(reference, random)
    if float(target.std(0).norm()) < 1e-3:
        raise InvalidInput(
            "the reference must hold more than one color; it has a single one. Choose a picture with light and shade."
        )
    matrix = _linear_map(source, target)
    mean, aim = source.mean(0), target.mean(0)
    moved = (source - mean) @ matrix.mT + aim
    for _ in range(_SLICES):
        axes = torch.linalg.qr(torch.randn(3, 3, generator=random)).Q
        along, wanted = moved @ axes, (target @ axes).sort(0).values
        order = along.argsort(0)
        step = torch.zeros_like(along).scatter_(0, order, wanted - along.gather(0, order))
        moved = moved + _SLICE_STEP * (step @ axes.mT)
    rest = moved - ((source - mean) @ matrix.mT + aim)
    low, high = torch.tensor(_LOW), torch.tensor(_HIGH)
    steps = [torch.linspace(float(a), float(b), _CELLS) for a, b in zip(low, high, strict=True)]
    b, a, lightness = torch.meshgrid(steps[2], steps[1], steps[0], indexing="ij")
    nodes = torch.stack((lightness, a, b), -1).reshape(-1, 3)
    weight = torch.exp(-0.5 * (torch.cdist(nodes, source) / _SMOOTH).square())
    averaged = weight @ rest / (weight.sum(1, keepdim=True) + _LINEAR * len(source))
    moves = (nodes - mean) @ matrix.mT + aim - nodes + averaged
    return ColorTable(moves.mT.reshape(3, _CELLS, _CELLS, _CELLS).contiguous())


def _sampled(pictures: Tensor, random: torch.Generator) -> Tensor:  # [S, 3]
    """Return Oklab colors drawn from all pictures."""
    count, height, width = pictures.shape[:3]
    rows = torch.ones(height)
    if width == 2 * height:
        rows = torch.sin((torch.arange(height) + 0.5) * (math.pi / height))
    row = torch.multinomial(rows, _SAMPLES, replacement=True, generator=random)
    frame = torch.randint(count, (_SAMPLES,), generator=random)
    column = torch.randint(width, (_SAMPLES,), generator=random)
    return oklab_from_srgb(pictures[frame, row, column].float())


def _linear_map(source: Tensor, target: Tensor) -> Tensor:  # [3, 3]
    """Return the optimal linear map between distributions of these covariances."""
    one = torch.cov(source.mT) + _FLOOR * torch.eye(3)
    other = torch.cov(target.mT) + _FLOOR * torch.eye(3)
    root = _root(one)
    inverse = torch.linalg.inv(root)
    result: Tensor = inverse @ _root(root @ other @ root) @ inverse
    return result


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors @ torch.diag(values.clamp_min(0).sqrt()) @ vectors.mT
    return root
