"""What several edited views agree on: one color for each Gaussian, and for each view how it differs from that.

An edit that is made view by view shifts hue, gain and gamma of whole pictures, and brightens or darkens parts of them.
Both are found where views overlap, and taken away before the views are averaged: otherwise each border between the
parts that different views show would stay as a seam. Colors are means that count outliers less (L1 by reweighting), so
that a single view that differs has no say.

Source: M. Brown and D. G. Lowe, Automatic Panoramic Image Stitching using Invariant Features, 2007 (gains from
overlaps); E. Weiszfeld, 1937 (geometric median).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .observed_colors import ObservedColors

__all__ = ["Consensus", "ViewCorrection", "find_consensus"]

_MATRIX_ROUNDS, _FIELD_ROUNDS = 16, 10
_NEAR = 0.05  # differences below it count as squares, above it as their size
_RIDGE = 0.01  # of the votes of a view: pull towards no change
_CELLS = 24  # of a field across the picture
_BLUR = 2.0  # cells
_FIELD_PRIOR = 0.01  # of a cell's usual votes: pull of the field towards 0
_MOST_ROWS = 400_000  # with which view maps are fitted


@dataclass(frozen=True)
class ViewCorrection:
    """How a view is brought to what all agree on.

    Attributes:
        matrix: ``[7, 3]`` for 1, the color and its squares.
        field: ``[3, C, C]`` added on top, smooth over the picture.
    """

    matrix: Tensor
    field: Tensor

    def of_colors(self, color: Tensor, place: Tensor) -> Tensor:  # [M, 3], [M, 2] -> [M, 3]
        """Return corrected colors at places of the picture."""
        grid = (2 * place - 1)[None, None]
        field = torch.nn.functional.grid_sample(
            self.field[None], grid, padding_mode="border", align_corners=False
        )
        return _features(color) @ self.matrix + field[0, :, 0].mT

    def of_picture(self, picture: Tensor) -> Tensor:  # [H, W, 3] -> [H, W, 3]
        """Return the corrected picture, 0 to 1."""
        size = (picture.shape[0], picture.shape[1])
        field = torch.nn.functional.interpolate(self.field[None], size, mode="bicubic", align_corners=False)[
            0
        ]
        return (_features(picture) @ self.matrix + field.permute(1, 2, 0)).clamp(0, 1)


@dataclass(frozen=True)
class Consensus:
    """What the views agree on.

    Attributes:
        color: ``[N, 3]`` for Gaussians that some view sees; else 0.
        corrections: of each view.
        agreement: ``[M]`` 1 where a row says what the others do, towards 0 where it differs.
    """

    color: Tensor
    corrections: tuple[ViewCorrection, ...]
    agreement: Tensor


def find_consensus(observed: ObservedColors, *, correct: bool = True) -> Consensus:
    """Find colors that the views agree on.

    Args:
        observed: colors of Gaussians in edited views.
        correct: also find and take away what differs from view to view as a whole; else only the mean that counts
            outliers less.
    """
    views = observed.views()
    identity = torch.zeros(7, 3)
    identity[1:4] = torch.eye(3)
    matrices = [identity] * len(views)
    fields = [torch.zeros(3, _CELLS, _CELLS)] * len(views)
    shared = observed.is_shared[observed.gaussian]
    corrected, mean = observed.color, _robust_mean(observed, observed.color)
    anchor, weight = mean, observed.total(observed.vote * shared)
    is_open = correct and bool(shared.any())
    for number in range(_MATRIX_ROUNDS + _FIELD_ROUNDS if is_open else 0):
        target = mean[observed.gaussian]
        pull = observed.vote * shared * _robust(target - corrected)
        parts = []
        for k, rows in enumerate(views):
            color, place = observed.color[rows], observed.place[rows]
            if number < _MATRIX_ROUNDS:
                matrices[k] = _fit(color, target[rows], pull[rows], identity)
            else:
                fields[k] = _field(target[rows] - _features(color) @ matrices[k], pull[rows], place)
            parts.append(ViewCorrection(matrices[k], fields[k]).of_colors(color, place))
        corrected = torch.cat(parts)
        mean = _robust_mean(observed, corrected, mean)
        if (
            number < _MATRIX_ROUNDS
        ):  # the views as a whole stay where they are: else all would shrink to one gray
            mean = _features(mean) @ _fit(mean, anchor, weight, identity)
    corrections = tuple(ViewCorrection(m, f) for m, f in zip(matrices, fields, strict=True))
    off = (corrected - mean[observed.gaussian]).norm(dim=-1)
    return Consensus(mean, corrections, 1 / (1 + (off / (2 * _NEAR)).square()))


def _features(color: Tensor) -> Tensor:  # [..., 3] -> [..., 7]
    return torch.cat((torch.ones_like(color[..., :1]), color, color.square()), -1)


def _robust(off: Tensor) -> Tensor:  # [M, 3] -> [M]
    """Return weights that turn squares into sizes."""
    weight: Tensor = _NEAR / off.norm(dim=-1).clamp_min(_NEAR)
    return weight


def _robust_mean(
    observed: ObservedColors, color: Tensor, start: Tensor | None = None
) -> Tensor:  # [M, 3] -> [N, 3]
    mean = observed.mean(color, observed.vote) if start is None else start
    for _ in range(8 if start is None else 2):
        mean = observed.mean(color, observed.vote * _robust(mean[observed.gaussian] - color))
    return mean


def _fit(color: Tensor, target: Tensor, weight: Tensor, identity: Tensor) -> Tensor:  # -> [7, 3]
    """Fit the map of colors to targets, by least squares with a pull towards no change."""
    step = -(-len(color) // _MOST_ROWS) or 1
    color, target, weight = color[::step].double(), target[::step].double(), weight[::step].double()
    features = _features(color)
    total = weight.sum().clamp_min(1e-9)
    normal = features.mT @ (features * weight[:, None]) + _RIDGE * total * torch.eye(7, dtype=torch.float64)
    right = features.mT @ ((target - features @ identity.double()) * weight[:, None])
    fitted: Tensor = identity + torch.linalg.solve(normal, right).float()
    return fitted


def _field(off: Tensor, weight: Tensor, place: Tensor) -> Tensor:  # [M, 3], [M], [M, 2] -> [3, C, C]
    """Return what is missing at each place of the picture, blurred; 0 where no other view tells."""
    column, row = (place * _CELLS).long().clamp(0, _CELLS - 1).unbind(-1)
    sums = torch.zeros(_CELLS * _CELLS, 4)
    sums.index_add_(0, row * _CELLS + column, torch.cat((off * weight[:, None], weight[:, None]), 1))
    steps = torch.arange(-3 * round(_BLUR), 3 * round(_BLUR) + 1)
    kernel = torch.exp(-0.5 * (steps / _BLUR).square())
    kernel /= kernel.sum()
    maps = sums.mT.reshape(4, 1, _CELLS, _CELLS)
    for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
        maps = torch.nn.functional.conv2d(maps, kernel.view(shape), padding="same")
    prior = _FIELD_PRIOR * float(weight.sum()) / _CELLS**2
    return maps[:3, 0] / (maps[3:, 0] + max(prior, 1e-9))
