"""Gives Gaussians their classes and instances: by masks on views, by a choice, and from their neighbors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..geometry.cubemap import cubemap_rotations
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.camera import Camera, Pinhole
from ..scene.gaussians import Gaussians
from ..scene.labels import CLASSES, LABELS, NO_INSTANCE, UNKNOWN
from ..scene.trajectory import Trajectory
from .selection import CROP_SHAPES, inside_shape
from .visible import visible_sums

__all__ = [
    "CHOICE_SHAPES",
    "LabelReport",
    "MaskVotes",
    "choose_gaussians",
    "fill_classes",
    "find_instance",
    "label_gaussians",
    "label_report",
    "mask_votes",
    "perspective_parts",
]

CHOICE_SHAPES = ("everywhere", *CROP_SHAPES)
"""What `choose_gaussians` is limited to."""

_LEAST_PX = 0.05  # of all views together; less says nothing


@dataclass(frozen=True)
class MaskVotes:
    """What masks on views say of each Gaussian.

    Attributes:
        inside: ``[N]`` share of what is seen of it that lies in the masks, 0 to 1.
        seen: ``[N]`` how many pixels it fills, summed over views, weighted with its part in their color. Views that see
            it only through what stands before it do not count.
    """

    inside: Tensor
    seen: Tensor

    def chosen(self, least: float = 0.5) -> Tensor:
        """Return ``[N]`` bool, which Gaussians are seen and lie in the masks by that share."""
        return (self.seen >= _LEAST_PX) & (self.inside >= least)


def mask_votes(
    gaussians: Gaussians,
    masks: Tensor,  # [T, H, W]
    trajectory: Trajectory,
    *,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> MaskVotes:
    """Lift masks on views to the Gaussians that those views show.

    A pixel is the sum of the Gaussians' colors, each times a weight. The weights of a view are summed over the pixels
    of its mask and over all pixels: one backward pass for each view.

    Args:
        gaussians: the world, on the CPU.
        masks: ``[T, H, W]`` in [0, 1], one for each pose; 2:1 for panoramas.
        trajectory: poses, and intrinsics where the views are no panoramas.
        backend: splat backend; must give gradients.
        progress: called before each view.

    Raises:
        InvalidInput: for another number of masks than poses, masks of a shape that the cameras do not take, NaN, or a
            world without Gaussians.
    """
    size = check_shape("masks", masks, "T H W")
    check_finite("masks", masks)
    if size["T"] != len(trajectory):
        raise InvalidInput(
            f"there must be one mask for each pose; got {size['T']} masks and {len(trajectory)} poses. Pick the poses "
            "that the masks are for."
        )
    if not len(gaussians):
        raise InvalidInput("the world must hold at least 1 splat to be labeled; got none.")
    trajectory.check_frames("masks", (size["H"], size["W"]))
    totals = torch.zeros(len(gaussians), 2, dtype=torch.float64)
    for frame, mask in enumerate(masks):
        progress(ProgressEvent(frame, len(masks), "lift masks"))
        camera = trajectory.camera(frame, (size["H"], size["W"]))
        pose, mask = trajectory.camera_from_world[frame], mask.float().clamp(0, 1)
        for view, lens, part in perspective_parts(camera, mask[..., None], pose):
            seen = part[..., 0].clamp(0, 1)
            maps = torch.stack((seen, torch.ones_like(seen)), -1)
            totals += visible_sums(gaussians, view, lens, maps, backend=backend)
    inside, seen = totals.float().unbind(-1)
    return MaskVotes((inside / seen.clamp_min(1e-12)).clamp(0, 1), seen)


def perspective_parts(camera: Camera, picture: Tensor, pose: Tensor) -> list[tuple[Tensor, Pinhole, Tensor]]:
    """Return pose, lens and picture ``[H, W, C]`` of a view; a panorama becomes the six faces of a cube."""
    views = []
    for lens, turn in camera.perspective_views(cubemap_rotations(), max(16, camera.height // 2), math.pi / 2):
        part = camera.crop(picture, lens, turn)
        turned = pose.clone()
        if turn is not None:
            turned[:3] = turn @ pose[:3]
        views.append((turned, lens, part))
    return views


def choose_gaussians(
    gaussians: Gaussians,
    *,
    shape: str = CHOICE_SHAPES[0],
    masks: Tensor | None = None,  # [T, H, W]
    trajectory: Trajectory | None = None,
    least: float = 0.5,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
    **place: Any,
) -> Tensor:  # [N] bool
    """Choose the Gaussians in a shape, in the masks on some views, or in both.

    Args:
        gaussians: the world, on the CPU.
        shape: one of `CHOICE_SHAPES`.
        masks: see `mask_votes`; None: all Gaussians in the shape.
        trajectory: the masks' poses.
        least: share of what is seen of a Gaussian that must lie in the masks, above 0, at most 1.
        backend: splat backend.
        progress: called before each view.
        place: of the shape, see `selection.inside_shape`.

    Raises:
        InvalidInput: for an unknown shape, a share out of range, masks without poses, or see `mask_votes`.
    """
    if shape not in CHOICE_SHAPES:
        raise InvalidInput(f"shape must be one of {', '.join(CHOICE_SHAPES)}; got {shape!r}.")
    if not 0 < least <= 1:
        raise InvalidInput(f"least must be above 0 and at most 1; got {least}.")
    chosen = torch.ones(len(gaussians), dtype=torch.bool)
    if shape != CHOICE_SHAPES[0]:
        chosen = inside_shape(gaussians.means, shape, **place)
    if masks is not None:
        if trajectory is None:
            raise InvalidInput(
                "masks must come with the poses of their views; got none. Connect the trajectory."
            )
        votes = mask_votes(gaussians, masks, trajectory, backend=backend, progress=progress)
        chosen &= votes.chosen(least)
    return chosen


class LabelReport(TypedDict):
    """How many Gaussians were chosen, and how many of each class and instance there are now."""

    chosen: int
    classes: dict[str, int]
    instances: dict[str, int]


def label_report(gaussians: Gaussians, chosen: Tensor | None = None) -> LabelReport:
    """Return the counts after labeling, of all where none are chosen; an instance without a name goes by its number."""
    classes = gaussians.label("classes")
    counts = {name: int((classes == number).sum()) for number, name in enumerate(CLASSES)}
    counts["unknown"] = len(gaussians) - sum(counts.values())
    numbers, sizes = gaussians.label("instances").unique(return_counts=True)
    instances = {
        gaussians.instance_names.get(number, str(number)): size
        for number, size in zip(numbers.tolist(), sizes.tolist(), strict=True)
        if number != NO_INSTANCE
    }
    return {
        "chosen": len(gaussians) if chosen is None else int(chosen.sum()),
        "classes": {name: count for name, count in counts.items() if count},
        "instances": instances,
    }


def find_instance(gaussians: Gaussians, name: str) -> int:
    """Return the number of the instance of that name, or the next free one."""
    for number, known in gaussians.instance_names.items():
        if known == name:
            return number
    return gaussians.largest_instance + 1


def label_gaussians(
    gaussians: Gaussians, chosen: Tensor, *, label: str | None = None, instance: str | None = None
) -> Gaussians:
    """Return the world with a class or an instance given to some of its Gaussians.

    Args:
        gaussians: the world.
        chosen: ``[N]`` bool.
        label: one of `scene.labels.CLASSES`, ``"unknown"``, or None to leave classes as they are.
        instance: a name, which makes the instance or adds to it; ``""`` takes Gaussians out of theirs; None leaves
            instances as they are.

    Raises:
        InvalidInput: when nothing is chosen, for an unknown class, or a name that is no line of text.
    """
    check_shape("chosen", chosen, f"{len(gaussians)}")
    if not bool(chosen.any()):
        raise InvalidInput("at least 1 splat must be chosen to be labeled; none is.")
    if label is not None:
        if label not in (*CLASSES, "unknown"):
            raise InvalidInput(f"label must be one of {', '.join(CLASSES)} or unknown; got {label!r}.")
        number = UNKNOWN if label == "unknown" else CLASSES.index(label)
        gaussians = gaussians.with_labels(classes=torch.where(chosen, number, gaussians.label("classes")))
    if instance is not None:
        number = find_instance(gaussians, instance) if instance else NO_INSTANCE
        column = torch.where(chosen, number, gaussians.label("instances"))
        names = {n: name for n, name in gaussians.instance_names.items() if bool((column == n).any())}
        names |= {number: instance} if instance else {}
        gaussians = replace(gaussians.with_labels(instances=column), instance_names=names)
    return gaussians


def fill_classes(
    gaussians: Gaussians, *, neighbors: int = 8, kinds: Sequence[str] = ("classes",)
) -> Gaussians:
    """Give Gaussians without a label that of most of their nearest neighbors that have one.

    Args:
        gaussians: the world, on the CPU.
        neighbors: how many have a say, at least 1.
        kinds: of `scene.labels.LABELS`.

    Returns:
        The world; it is returned as it is where it carries no label of a kind at all.
    """
    from scipy.spatial import cKDTree

    if neighbors < 1:
        raise InvalidInput(f"neighbors must be at least 1; got {neighbors}.")
    for kind in kinds:
        missing = LABELS[kind].missing
        labels = gaussians.label(kind)
        known = labels != missing
        if not bool(known.any()) or bool(known.all()):
            continue
        means, count = gaussians.means.detach().double().numpy(), min(neighbors, int(known.sum()))
        near = cKDTree(means[known.numpy()]).query(means[~known.numpy()], k=count, workers=-1)[1]
        votes = labels[known][torch.from_numpy(near.reshape(-1, count))]
        filled = labels.clone()
        filled[~known] = votes.mode(-1).values
        gaussians = gaussians.with_labels(**{kind: filled})
    return gaussians
