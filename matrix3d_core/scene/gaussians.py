"""Gaussians: the splats of a world in render-ready values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from .labels import LABELS, NO_INSTANCE, STILL, check_instance_names
from .motion import MOST_MOTIONS, Motion, check_motion_table

__all__ = ["SH_C0", "Gaussians"]

SH_C0 = 0.28209479177387814
"""Value of the constant spherical harmonic, ``1 / (2 sqrt(pi))``; color = 0.5 + SH_C0 * sh[:, 0]."""


@dataclass(frozen=True)
class Gaussians:
    """A set of 3D Gaussians, activated values, in the world frame (OpenCV axes, world units).

    Attributes:
        means: ``[N, 3]`` centers.
        quats_wxyz: ``[N, 4]`` rotations, Gaussian axes to world; unit length.
        scales: ``[N, 3]`` standard deviations along the Gaussian's own axes, positive, world units.
        opacities: ``[N]`` in [0, 1].
        sh: ``[N, K, 3]`` spherical-harmonic color coefficients, ``K = (degree + 1) ** 2``.
        origins: optional ``[N]`` uint8, where each comes from: an index into `scene.labels.ORIGINS`, or
            `scene.labels.UNKNOWN`.
        classes: optional ``[N]`` uint8, what each shows: an index into `scene.labels.CLASSES`, or ``UNKNOWN``.
        instances: optional ``[N]`` int32, the object that each is part of, or ``NO_INSTANCE``.
        motions: optional ``[N]`` uint8, how each moves: its number in ``motion_table``, or ``STILL``.
        phases: optional ``[N]`` uint8, by how many 256ths of its motion's period each is ahead.
        color_waves: optional ``[N, 2 H, 3]``, of motions of the kind ``color``: what is added to the color after the
            share u of the period, as factors of cos 2 pi h u and sin 2 pi h u for h from 1 to H.
        instance_names: of some instances, by number.
        motion_table: the motions by number, from 1.

    From ``origins`` to ``phases`` these are labels: they follow the Gaussians wherever they go; nothing is drawn from
    them. A picture shows the world at rest; `motion.at_time.gaussians_at` moves it.
    """

    means: Tensor
    quats_wxyz: Tensor
    scales: Tensor
    opacities: Tensor
    sh: Tensor
    origins: Tensor | None = None
    classes: Tensor | None = None
    instances: Tensor | None = None
    motions: Tensor | None = None
    phases: Tensor | None = None
    color_waves: Tensor | None = None
    instance_names: Mapping[int, str] = field(default_factory=dict)
    motion_table: Mapping[int, Motion] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = check_shape("means", self.means, "N 3")["N"]
        check_shape("quats_wxyz", self.quats_wxyz, f"{count} 4")
        check_shape("scales", self.scales, f"{count} 3")
        check_shape("opacities", self.opacities, f"{count}")
        bases = check_shape("sh", self.sh, f"{count} K 3")["K"]
        if bases not in (1, 4, 9, 16):
            raise InvalidInput(f"sh must hold 1, 4, 9 or 16 bases (degree 0 to 3); got {bases}.")
        for name, values in self.labels.items():
            check_shape(name, values, f"{count}")
            if values.dtype != LABELS[name].dtype:
                raise InvalidInput(f"{name} must be {LABELS[name].dtype}; got {values.dtype}.")
        if self.color_waves is not None:
            waves = check_shape("color_waves", self.color_waves, f"{count} K 3")["K"]
            if waves % 2 or not waves:
                raise InvalidInput(
                    f"color_waves must hold a cosine and a sine of each harmonic; got {waves}."
                )
        check_instance_names(self.instance_names)
        check_motion_table(self.motion_table)

    def __len__(self) -> int:
        return self.means.shape[0]

    @property
    def colors(self) -> Tensor:
        """``[N, 3]`` base color, the view-independent part; 0..1 for displayable colors."""
        return 0.5 + SH_C0 * self.sh[:, 0]

    @property
    def labels(self) -> dict[str, Tensor]:
        """The labels that the world carries, by their names in `scene.labels.LABELS`."""
        return {name: values for name in LABELS if (values := getattr(self, name)) is not None}

    @classmethod
    def from_colors(
        cls, means: Tensor, quats_wxyz: Tensor, scales: Tensor, opacities: Tensor, colors: Tensor
    ) -> Gaussians:
        """Build view-independent Gaussians from ``[N, 3]`` colors in [0, 1]."""
        return cls(means, quats_wxyz, scales, opacities, ((colors - 0.5) / SH_C0).unsqueeze(1))

    @classmethod
    def from_columns(
        cls,
        columns: Iterable[Tensor],
        labels: Mapping[str, Tensor] | None = None,
        instance_names: Mapping[int, str] | None = None,
    ) -> Gaussians:
        """Build from what `tensors` and `labels` give."""
        means, quats_wxyz, scales, opacities, sh = columns
        rest: dict[str, Any] = {**(labels or {}), "instance_names": instance_names or {}}
        return cls(means, quats_wxyz, scales, opacities, sh, **rest)

    def check_finite(self) -> None:
        """Raise `InvalidInput` when any value is NaN or infinite, naming the field."""
        for name in ("means", "quats_wxyz", "scales", "opacities", "sh"):
            check_finite(name, getattr(self, name))

    def to(self, device: torch.device | str) -> Gaussians:
        """Return the same Gaussians on ``device``."""
        return self._map(lambda values: values.to(device))

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return ``(means, quats_wxyz, scales, opacities, sh)``: what is drawn, so without labels."""
        return self.means, self.quats_wxyz, self.scales, self.opacities, self.sh

    def select(self, index: Tensor) -> Gaussians:
        """Return the Gaussians picked by a boolean mask ``[N]`` or an index tensor."""
        return self._map(lambda values: values[index])

    def with_labels(self, **labels: Tensor | None) -> Gaussians:
        """Return the same Gaussians with other labels of the given kinds, or with None without them."""
        columns: dict[str, Any] = {
            kind: None if values is None else values.to(LABELS[kind].dtype) for kind, values in labels.items()
        }
        return replace(self, **columns)

    def without_labels(self) -> Gaussians:
        """Return what is drawn alone, at rest."""
        return Gaussians(*self.tensors())

    def detach(self) -> Gaussians:
        """Return the same values cut off from autograd."""
        return self._map(Tensor.detach)

    def _map(self, change: Callable[[Tensor], Tensor]) -> Gaussians:
        labels = {name: change(values) for name, values in self.labels.items()}
        made = Gaussians.from_columns(map(change, self.tensors()), labels, self.instance_names)
        waves = None if self.color_waves is None else change(self.color_waves)
        return replace(made, color_waves=waves, motion_table=self.motion_table)

    @classmethod
    def concatenate(cls, *parts: Gaussians) -> Gaussians:
        """Join sets; lower SH degrees are padded with zeros to the highest among them.

        Where some carry a label and others do not, the others' is the one that means none. Instances of different
        sets stay different: numbers of later sets are raised beyond those of earlier ones. Motions get new numbers
        likewise, unless an earlier set has the same one.
        """
        if not parts:
            raise InvalidInput("concatenate needs at least one set of Gaussians; got none.")
        bases = max(part.sh.shape[1] for part in parts)
        padded = [torch.nn.functional.pad(p.sh, (0, 0, 0, bases - p.sh.shape[1])) for p in parts]
        joined = [torch.cat(columns) for columns in zip(*(p.tensors()[:4] for p in parts), strict=True)]
        parts = _with_own_motions(_with_own_instances(parts))
        carried = {name for part in parts for name in part.labels}
        labels = {name: torch.cat([part.label(name) for part in parts]) for name in LABELS if name in carried}
        names = {number: name for part in parts for number, name in part.instance_names.items()}
        made = cls.from_columns([*joined, torch.cat(padded)], labels, names)
        table = {number: motion for part in parts for number, motion in part.motion_table.items()}
        return replace(made, motion_table=table, color_waves=_joined_waves(parts))

    def label(self, name: str) -> Tensor:  # [N]
        """Return labels of a kind; where the world carries none, all are the one that means none."""
        values: Tensor | None = getattr(self, name)
        if values is not None:
            return values
        kind = LABELS[name]
        return torch.full((len(self),), kind.missing, dtype=kind.dtype, device=self.means.device)

    @property
    def largest_instance(self) -> int:
        """The largest number of an instance, named or carried; 0 without any."""
        carried = 0 if self.instances is None or not len(self) else int(self.instances.max())
        return max(carried, *self.instance_names, 0)


def _with_own_motions(parts: tuple[Gaussians, ...]) -> tuple[Gaussians, ...]:
    """Return sets whose numbers of motions mean the same in all of them."""
    known: dict[Motion, int] = {}
    taken: set[int] = set()
    changed = []
    for part in parts:
        used = set() if part.motions is None else set(part.motions.unique().tolist()) - {STILL}
        new = {STILL: STILL}
        for number in sorted(used | set(part.motion_table)):
            motion = part.motion_table.get(number)
            if motion is not None and motion in known:
                new[number] = known[motion]
                continue
            new[number] = number if number not in taken else max(taken) + 1
            if new[number] > MOST_MOTIONS:
                raise InvalidInput(
                    f"the joined world must have at most {MOST_MOTIONS} motions; these have more. Give some objects "
                    "the same motion, or keep them still."
                )
            taken.add(new[number])
            if motion is not None:
                known[motion] = new[number]
        if any(old != number for old, number in new.items()):
            lookup = torch.zeros(MOST_MOTIONS + 1, dtype=torch.uint8, device=part.means.device)
            for old, number in new.items():
                lookup[old] = number
            motions = None if part.motions is None else lookup[part.motions.long()]
            table = {new[number]: motion for number, motion in part.motion_table.items()}
            part = replace(part, motions=motions, motion_table=table)
        changed.append(part)
    return tuple(changed)


def _joined_waves(parts: tuple[Gaussians, ...]) -> Tensor | None:
    """Return the color waves of all sets, zeros where one has none; None when none has any."""
    given = [part.color_waves for part in parts if part.color_waves is not None]
    if not given:
        return None
    most = max(waves.shape[1] for waves in given)
    return torch.cat(
        [
            part.means.new_zeros(len(part), most, 3)
            if part.color_waves is None
            else torch.nn.functional.pad(part.color_waves, (0, 0, 0, most - part.color_waves.shape[1]))
            for part in parts
        ]
    )


def _with_own_instances(parts: tuple[Gaussians, ...]) -> tuple[Gaussians, ...]:
    """Return sets whose instances have different numbers."""
    first, changed = 0, []
    for part in parts:
        largest = part.largest_instance
        if first and part.instances is not None:
            raised = torch.where(part.instances == NO_INSTANCE, NO_INSTANCE, part.instances + first)
            names = {number + first: name for number, name in part.instance_names.items()}
            part = replace(part, instances=raised.to(torch.int32), instance_names=names)
        first += largest
        changed.append(part)
    return tuple(changed)
