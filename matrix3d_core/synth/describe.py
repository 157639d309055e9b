"""Captions of procedural scenes, from what their builders know: place, weather, time and things."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from .render import SceneFrame
from .scene import Scene, SurfaceClass

__all__ = ["describe_scene"]

NOT_NAMED = frozenset(
    name.strip()
    for name in """apse ceiling,apse floor,apse wall,arcade,arcade ceiling,arcade floor,arches,back wall,bank,blind,
    booth wall,canopy edge,ceiling,ceiling grid,ceiling lamp,chain,clearing,cornice,curtain,desert,door,door frame,
    drive,floor,floor lines,floor slab,forest floor,gable,gallery,gallery floor,ground,ground outside,gutter,
    house outside,keyboard,lake,lamp rail,land,lane,light panel,marking,meadow,mountains,paint band,passage ceiling,
    path,pillar,pitch,platform,pool,prop,quay,quay wall,ramp,road,rope,scaffold deck,sidewalk,skirting,slope,square,
    strut,track,tree crown,trellis wire,truss,wall,water,window,wire,wooded slopes,yard""".split(",")
)
"""Objects that the place already implies, or that are parts of others."""

UNCOUNTED = (
    *("grass", "fallen leaves", "flowers", "hills", "laundry", "dunes", "stairs", "reeds", "dry grass"),
    "wall bars",
)
IRREGULAR = {"person": "people", "shelf": "shelves", "canopy": "canopies"}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def describe_scene(scene: Scene, frame: SceneFrame | None = None) -> str:
    """Return one or two English sentences.

    Args:
        scene: of `synth.families`, or any with facts: the place first, then weather and time.
        frame: a picture of it; with one, only what covers at least a thousandth of it is named, the largest first.
    """
    place, *circumstances = scene.facts or ("a place",)
    first = " ".join([place, *circumstances[: 1 if scene.is_indoor else None]])
    if scene.is_indoor and circumstances:
        first = f"{place}, {'in evening light' if 'evening' in ' '.join(circumstances) else 'in daylight'}"
    things = _things(scene, frame)
    is_one = bool(things) and (
        things[0].startswith(("a ", "an ")) or things[0] in ("grass", "laundry", "dry grass")
    )
    second = f" There {'is' if is_one else 'are'} {_joined(things)}." if things else ""
    return f"{first[0].upper()}{first[1:]}.{second}"


def _things(scene: Scene, frame: SceneFrame | None) -> list[str]:
    """Return up to five kinds of things with their numbers in words."""
    if frame is None:
        shares = np.ones(len(scene.objects) + 1)
    else:
        seen = frame.instance.numpy().ravel()
        shares = np.bincount(seen, minlength=len(scene.objects) + 1) / max(seen.size, 1)
    area: dict[str, float] = {}
    count: Counter[str] = Counter()
    for item, share in zip(scene.objects, shares[1:], strict=True):
        name = _spoken(item.name)
        is_far = name.startswith("far ") or item.surface_class == SurfaceClass.SKY
        if not name or name in NOT_NAMED or is_far or share < 1e-3:
            continue
        area[name] = area.get(name, 0.0) + float(share)
        count[name] += 1
    return [_counted(name, count[name]) for name, _ in sorted(area.items(), key=lambda pair: -pair[1])[:5]]


def _spoken(name: str) -> str:
    """Return a thing's name without what programs add to it: ``StoneWall_low.003`` is a stone wall low."""
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return re.sub(r"[_.\s]+", " ", words).strip(" 0123456789").lower()


def _counted(name: str, number: int) -> str:
    if name in UNCOUNTED:
        return name
    if number == 1:
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
    regular = (
        name[:-1] + "ies"
        if name.endswith("ny")
        else name + ("es" if name.endswith(("s", "x", "ch", "sh")) else "s")
    )
    plural = IRREGULAR.get(name, regular)
    return f"{NUMBERS[number] if number < len(NUMBERS) else 'many'} {plural}"


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
