"""Chooses what moves: by what usually moves so, by class, instance, shape or masks on views."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..scene.gaussians import Gaussians
from ..scene.labels import CLASS_SKY, CLASSES
from .labeling import choose_gaussians
from .sky import find_sky_splats

__all__ = ["USUAL_CLASSES", "choose_moving"]

USUAL_CLASSES = {
    "flow": "water",
    "fall": "water",
    "ripple": "water",
    "clouds": "sky",
    "sun": "sky",
    "wind": "foliage",
}
"""What a motion is usually given to, by kind; other kinds need a choice."""

_SUN_SHARE, _SUN_ANGLE_COS = 0.002, 0.985


def choose_moving(
    gaussians: Gaussians, kind: str, *, of: str = "auto", instance: str = "", **choice: Any
) -> Tensor:
    """Choose what a motion is given to: those of a class and of an instance that lie in a shape and in masks.

    Args:
        gaussians: the world, on the CPU.
        kind: of the motion, see `motion.animate.ANIMATIONS`.
        of: a class, ``"everything"``, or ``"auto"``: the class of `USUAL_CLASSES` where the world has classes (sky also
            where it has none), unless an instance, a shape or masks are given. Of the sky, ``sun`` takes the brightest
            part.
        instance: name or number of one, or empty.
        choice: see `labeling.choose_gaussians`.

    Returns:
        ``[N]`` bool.

    Raises:
        InvalidInput: when nothing says what moves, nothing is chosen, or there is no such instance.
    """
    if of not in ("auto", "everything", *CLASSES):
        raise InvalidInput(f"of must be auto, everything or one of {', '.join(CLASSES)}; got {of!r}.")
    is_given = (
        bool(instance) or choice.get("shape", "everywhere") != "everywhere" or choice.get("masks") is not None
    )
    usual = USUAL_CLASSES.get(kind)
    label = of if of in CLASSES else usual if of == "auto" and not is_given else None
    if of == "auto" and label is None and not is_given:
        raise InvalidInput(
            f"what moves ({kind}) must be chosen: by class, instance, shape or masks; got none of them."
        )
    chosen = choose_gaussians(gaussians, **choice)
    if label is not None:
        chosen &= _of_class(gaussians, label)
    if instance:
        chosen &= _of_instance(gaussians, instance)
    if kind == "sun" and of == "auto" and not is_given:
        chosen = _brightest(gaussians, chosen)
    if not bool(chosen.any()):
        what = f"{label} splat" if label else "splat"
        raise InvalidInput(
            f"at least 1 {what} must be chosen to move; none is. Choose by shape, instance or masks, or label them "
            "first (Label Splats)."
        )
    return chosen


def _of_class(gaussians: Gaussians, label: str) -> Tensor:
    chosen: Tensor = gaussians.label("classes") == CLASSES.index(label)
    if label == CLASSES[CLASS_SKY] and not bool(chosen.any()):
        return find_sky_splats(gaussians, torch.zeros(3))
    return chosen


def _of_instance(gaussians: Gaussians, instance: str) -> Tensor:
    named = [number for number, name in gaussians.instance_names.items() if name == instance]
    numbers = gaussians.label("instances")
    if not named and instance.isdecimal() and bool((numbers == int(instance)).any()):
        named = [int(instance)]
    if not named:
        known = ", ".join(gaussians.instance_names.values()) or "none"
        raise InvalidInput(f"instance must be one of the world's ({known}); got {instance!r}.")
    chosen: Tensor = numbers == named[0]
    return chosen


def _brightest(gaussians: Gaussians, sky: Tensor) -> Tensor:
    """Return the sun: the sky around its brightest splats."""
    light = torch.where(sky, gaussians.colors.mean(-1), -torch.inf)
    if not bool(sky.any()):
        return sky
    count = max(1, int(_SUN_SHARE * int(sky.sum())))
    way = torch.nn.functional.normalize(gaussians.means, dim=-1)
    middle = torch.nn.functional.normalize(way[light.topk(count).indices].mean(0), dim=0)
    chosen: Tensor = sky & (way @ middle > _SUN_ANGLE_COS)
    return chosen
