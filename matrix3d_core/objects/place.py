"""Objects into worlds: on the ground, in meters, beside what is there, in the world's light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..raster.camera_view import render_view
from ..scene.camera import Pinhole
from ..scene.gaussians import Gaussians
from ..scene.labels import CLASS_OBJECT, CLASS_SKY, ORIGIN_UNOBSERVED
from ..scene.mesh import Mesh, join_meshes
from ..splats.mesh import decimate
from ..splats.transform import similarity, transform_gaussians
from .shading import DirectLight, apply_gain, light_at, lit_object, normals_of, shadow_gain

__all__ = [
    "RELATIONS",
    "PlaceReport",
    "Placed",
    "Placement",
    "ground_below",
    "instance_number",
    "place_object",
    "placed_collider",
    "take_out",
    "without_shadow",
]

RELATIONS = ("at", "in front of", "behind", "left of", "right of", "beside", "on top of")
"""Where an object goes: at a point, or next to an instance or a point, as seen by the viewer. ``beside`` is left or
right of it, where less is in the way."""

_LOOK_PX = 65
_SMALLEST, _LARGEST = 0.001, 50.0  # half its size, by its distance from the viewer: else units are mistaken
_SOLID = 0.5  # alpha of what can be stood on
_COLLIDER_FACES = 5000
_ROBUST = 0.01  # share of an instance's Gaussians at each end that does not count for its size


@dataclass(frozen=True)
class Placement:
    """Where an object goes and how large it is.

    Attributes:
        name: of the instance that it becomes.
        position: ``(x, y, z)`` world units: the place itself, or of the point that the relation is to.
        yaw_rad: turn about the vertical, to the right.
        height: of the object, world units; 0: its own size.
        scale: factor of its size after that.
        relation: one of `RELATIONS`.
        anchor: name of the instance that the relation is to; empty: the point ``position``.
        distance: gap between the two, world units.
        on_ground: whether it is let down, or lifted, onto what is below ``position``.
        viewer: place from which left, right, in front and behind are seen.
    """

    name: str = "object"
    position: tuple[float, float, float] = (0.0, 0.0, 3.0)
    yaw_rad: float = 0.0
    height: float = 1.0
    scale: float = 1.0
    relation: str = RELATIONS[0]
    anchor: str = ""
    distance: float = 0.3
    on_ground: bool = True
    viewer: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        numbers = (*self.position, self.yaw_rad, self.height, self.scale, self.distance, *self.viewer)
        if not all(map(math.isfinite, numbers)):
            raise InvalidInput(f"the numbers of a placement must be finite; got {numbers}.")
        if self.relation not in RELATIONS:
            raise InvalidInput(f"relation must be one of {', '.join(RELATIONS)}; got {self.relation!r}.")
        if self.height < 0 or self.scale <= 0 or self.distance < 0:
            raise InvalidInput(
                f"height and distance must not be negative and scale must be positive; got {self.height}, "
                f"{self.distance} and {self.scale}."
            )


class PlaceReport(TypedDict):
    """The report of `place_object`."""

    instance: int
    name: str
    position: list[float]
    """Middle of the object's base."""
    size: list[float]
    splats: int
    stands_on: str
    shadowed: int
    """Splats of the world that its shadow dims."""


@dataclass(frozen=True)
class Placed:
    """A world with an object.

    Attributes:
        world: the rest first, in its old order, then the object.
        item: the object alone, as it is in the world.
        matrix: ``[4, 4]`` the similarity that brought it there.
        report: see `PlaceReport`.
    """

    world: Gaussians
    item: Gaussians
    matrix: Tensor
    report: PlaceReport

    def handle(self) -> dict[str, list[float]]:
        """Return what a gizmo needs: the pose, the middle of the base and the size, JSON-serializable."""
        return {
            "pose": self.matrix.flatten().tolist(),
            "center": self.report["position"],
            "size": self.report["size"],
        }


@attentive
def place_object(
    world: Gaussians,
    item: Gaussians,
    placement: Placement,
    *,
    light: DirectLight | None = None,
    light_strength: float = 1.0,
    shadow_strength: float = 1.0,
    outward_normals: bool = False,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> Placed:
    """Put an object into a world as an instance.

    Args:
        world: the world.
        item: the object, any frame whose y points down; its colors are its albedo.
        placement: where.
        light: of the world's panorama; None: what the world itself sends to that place.
        light_strength: 0 keeps the object's own colors, 1 lights them.
        shadow_strength: 0 leaves the world as it is, 1 dims what the object keeps light from.
        outward_normals: whether the third axis of the object's Gaussians is their normal, outward, as those of
            `gaussians_from_meshes`; otherwise the shortest axis is, away from the object's middle.
        backend: splat backend.
        progress: called between steps; raising in it cancels.

    Returns:
        The world with the object. Splats that its shadow does not reach are the world's own, bit by bit.

    Raises:
        InvalidInput: for an object without Gaussians, an anchor that is not in the world or is named twice, a size out
            of all proportion, or when there is nothing to stand on.
    """
    if not len(item):
        raise InvalidInput("the object must hold at least 1 splat; got none.")
    if any(name == placement.name for name in world.instance_names.values()):
        raise InvalidInput(
            f"the world already has an instance named {placement.name!r}. Choose another name, or take that one out "
            "first (Erase Object)."
        )
    progress(ProgressEvent(0, 3, "place object"))
    matrix, stands_on = _matrix(world, item, placement, backend)
    placed = transform_gaussians(item, matrix)
    count = len(placed)
    number = world.largest_instance + 1
    classes = placed.label("classes")
    placed = replace(
        placed.with_labels(
            classes=torch.where(classes > CLASS_OBJECT, CLASS_OBJECT, classes),
            instances=torch.full((count,), number, dtype=torch.int32),
            origins=torch.full((count,), ORIGIN_UNOBSERVED, dtype=torch.uint8),
        ),
        instance_names={number: placement.name},
    )
    middle = placed.means.double().mean(0)
    light = light_at(world, middle, backend=backend) if light is None else light
    progress(ProgressEvent(1, 3, "cast shadows"))
    viewer = torch.tensor(placement.viewer, dtype=torch.float64)
    gain = shadow_gain(world, placed, light, viewer=viewer, strength=shadow_strength, progress=progress)
    normals = normals_of(placed) if outward_normals else normals_of(placed, middle)
    lit = lit_object(placed, light, normals, strength=light_strength, progress=progress)
    joined = _joined(apply_gain(world, gain), lit)
    low, high = lit.means.amin(0), lit.means.amax(0)
    base = torch.stack(((low[0] + high[0]) / 2, high[1], (low[2] + high[2]) / 2))
    report: PlaceReport = {
        "instance": number,
        "name": placement.name,
        "position": [round(v, 4) for v in base.tolist()],
        "size": [round(v, 4) for v in (high - low).tolist()],
        "splats": count,
        "stands_on": stands_on,
        "shadowed": int((gain != 1).any(-1).sum()),
    }
    progress(ProgressEvent(3, 3, "object placed"))
    return Placed(joined, lit, matrix, report)


def placed_collider(placed: Placed, meshes: Sequence[Mesh]) -> Mesh:
    """Return the collision mesh of a placed object: its own triangles, at most 5000, or the hull of its splats.

    Args:
        placed: from `place_object`.
        meshes: that the object is made of, in its own frame; none: it is splats.
    """
    if meshes:
        joined = join_meshes(meshes)
        points = joined.vertices.double() @ placed.matrix[:3, :3].T + placed.matrix[:3, 3]
        moved = replace(joined, vertices=points.float())
        return moved if len(moved.faces) <= _COLLIDER_FACES else decimate(moved, _COLLIDER_FACES)
    from scipy.spatial import ConvexHull, QhullError

    points = placed.item.means.double()
    low, high = points.amin(0), points.amax(0)
    corners = torch.cartesian_prod(*torch.stack((low, high), 1))
    try:
        hull = ConvexHull(points.numpy())
    except QhullError:  # flat, or too few
        points, hull = corners, ConvexHull(corners.numpy() + 1e-6 * np.arange(24).reshape(8, 3) % 7)
    used, faces = np.unique(hull.simplices, return_inverse=True)
    return Mesh(
        points[torch.from_numpy(used)].float(),
        torch.from_numpy(faces.reshape(-1, 3)).int(),
        torch.full((len(used), 3), 0.5),
        torch.ones(len(used), dtype=torch.bool),
    )


def _joined(world: Gaussians, item: Gaussians) -> Gaussians:
    """Return both; the object keeps the number of its instance."""
    names = {**world.instance_names, **item.instance_names}
    bare = replace(item.with_labels(instances=None), instance_names={})
    both = Gaussians.concatenate(world, bare)
    numbers = torch.cat((world.label("instances"), item.label("instances")))
    return replace(both.with_labels(instances=numbers), instance_names=names)


def instance_number(world: Gaussians, name: str) -> int:
    """Return the number of the only instance of a name; a number in digits stands for itself.

    Raises:
        InvalidInput: when there is none, or no splat of it.
    """
    numbers = [number for number, known in world.instance_names.items() if known == name]
    if not numbers and name.isdigit():
        numbers = [int(name)]
    if not numbers or not bool((world.label("instances") == numbers[0]).any()):
        known = ", ".join(sorted(world.instance_names.values())) or "none"
        raise InvalidInput(
            f"the world must have an instance named {name!r}; it has: {known}. Select the object first (Select in "
            "World or Label Splats)."
        )
    return numbers[0]


def take_out(world: Gaussians, name: str) -> tuple[Gaussians, Gaussians]:
    """Return a world without an instance, and the instance. Nothing is filled in behind it.

    Raises:
        InvalidInput: see `instance_number`.
    """
    number = instance_number(world, name)
    chosen = world.label("instances") == number
    names = {other: known for other, known in world.instance_names.items() if other != number}
    item = replace(world.select(chosen), instance_names={number: name})
    return replace(world.select(~chosen), instance_names=names), item


def without_shadow(
    world: Gaussians,
    item: Gaussians,
    light: DirectLight | None = None,
    *,
    strength: float = 1.0,
    viewer: tuple[float, float, float] = (0.0, 0.0, 0.0),
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> Gaussians:
    """Take the shadow of a placed object off a world that it was taken out of: exactly, with the light it was cast in.

    Args:
        world: without the object.
        item: the object, where it stood.
        light: as given to `place_object`; None: what the world sends there now.
        strength: as given there.
        viewer: as given there.
        backend: splat backend.
        progress: called between directions.
    """
    light = light_at(world, item.means.double().mean(0), backend=backend) if light is None else light
    place = torch.tensor(viewer, dtype=torch.float64)
    gain = shadow_gain(world, item, light, viewer=place, strength=strength, progress=progress)
    return apply_gain(world, gain, invert=True)


def _matrix(world: Gaussians, item: Gaussians, placement: Placement, backend: str) -> tuple[Tensor, str]:
    """Return the similarity that places the object, and what it then stands on, in words."""
    low, high = _box(item)
    own = high - low
    factor = placement.scale * (placement.height / float(own[1].clamp_min(1e-9)) if placement.height else 1.0)
    turn = similarity(yaw_rad=placement.yaw_rad, scale=factor)
    turned = transform_gaussians(item, turn)
    low, high = _box(turned)
    half, base = (high - low) / 2, torch.stack(((low[0] + high[0]) / 2, high[1], (low[2] + high[2]) / 2))
    target, from_y = _target(world, placement, half)
    viewer = torch.tensor(placement.viewer, dtype=torch.float64)
    reach = float((target - viewer).norm().clamp_min(1e-3))
    if not _SMALLEST * reach < float(half.max()) < _LARGEST * reach:
        raise InvalidInput(
            f"the object would be {2 * float(half.max()):.3g} units large, {reach:.3g} units away. Its file is in "
            "another unit: set height to its height in meters."
        )
    if placement.relation == "on top of" or not placement.on_ground:
        stands_on = placement.anchor or ("nothing" if placement.relation == "at" else "the point's height")
    else:
        footprint = float(torch.minimum(half[0], half[2]).clamp_min(1e-3))
        target[1], stands_on = ground_below(world, target, from_y, footprint, backend=backend), "the ground"
    move = torch.eye(4, dtype=torch.float64)
    move[:3, 3] = target - base
    return move @ turn, stands_on


def _target(world: Gaussians, placement: Placement, half: Tensor) -> tuple[Tensor, float]:
    """Return where the middle of the object's base goes, and the height from which the ground is looked for."""
    point = torch.tensor(placement.position, dtype=torch.float64)
    if placement.anchor:
        chosen = world.label("instances") == instance_number(world, placement.anchor)
        low, high = _box(world.select(chosen))
    else:
        low = high = point
    middle, around = (low + high) / 2, (high - low) / 2
    if placement.relation == "at":
        return middle if placement.anchor else point.clone(), float(point[1] - half[1])
    if placement.relation == "on top of":
        return torch.stack((middle[0], low[1], middle[2])), float(low[1])
    ahead = middle - torch.tensor(placement.viewer, dtype=torch.float64)
    ahead[1] = 0
    ahead = (
        torch.nn.functional.normalize(ahead, dim=0)
        if float(ahead.norm()) > 1e-6
        else torch.tensor((0.0, 0, 1)).double()
    )
    right = torch.stack((ahead[2], torch.zeros(()).double(), -ahead[0]))
    choices = {"in front of": (-ahead,), "behind": (ahead,), "left of": (-right,), "right of": (right,)}
    places = []
    for direction in choices.get(placement.relation, (right, -right)):
        gap = float((direction.abs() * (around + half)).sum()) + placement.distance
        place = middle + gap * direction
        place[1] = high[1]
        places.append((_crowd(world, place, half), place))
    best = min(places, key=lambda found: found[0])[1]
    return best, float(low[1]) if placement.anchor else float(point[1] - half[1])


def _crowd(world: Gaussians, base: Tensor, half: Tensor) -> int:
    """Count the splats in the box that an object with its base there would take, above its lowest quarter."""
    center = base - torch.stack((torch.zeros(()), 1.25 * half[1], torch.zeros(())))
    size = half * torch.tensor((1.0, 0.75, 1.0), dtype=torch.float64)
    return int(((world.means.double() - center).abs() <= size).all(-1).sum())


def _box(gaussians: Gaussians) -> tuple[Tensor, Tensor]:
    """Return the corners of the box that holds nearly all centers."""
    means = gaussians.means.double()
    count = len(means)
    skip = int(_ROBUST * count)
    ordered = means.sort(0).values
    return ordered[skip], ordered[count - 1 - skip]


def ground_below(
    world: Gaussians, place: Tensor, from_y: float, radius: float, *, backend: str = "auto"
) -> float:
    """Return the height (y, downward) of what lies below a place: the median over a disk.

    Args:
        world: its sky is left out.
        place: ``[3]``; x and z count.
        from_y: what is above this is not looked at.
        radius: of the disk, world units.
        backend: splat backend.

    Raises:
        InvalidInput: when there is nothing below.
    """
    solid = world.select(world.label("classes") != CLASS_SKY).without_labels()
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = torch.tensor(((1.0, 0, 0), (0, 0, -1), (0, 1, 0)))
    center = torch.tensor((float(place[0]), from_y, float(place[2])), dtype=torch.float64)
    pose[:3, 3] = -pose[:3, :3] @ center
    lens = Pinhole.from_fov(math.radians(100), _LOOK_PX, _LOOK_PX)
    with torch.no_grad():
        seen = render_view(solid, pose, lens, backend=backend)
    points = lens.rays() * seen.depth_ray.double().cpu().unsqueeze(-1)
    is_there = (seen.alpha.cpu() > _SOLID) & torch.isfinite(points).all(-1)
    inside = is_there & (points[..., :2].norm(dim=-1) <= radius)
    if not bool(inside.any()):  # the disk is smaller than a pixel
        middle = _LOOK_PX // 2
        inside = torch.zeros_like(is_there)
        inside[middle, middle] = is_there[middle, middle]
    if not bool(inside.any()):
        raise InvalidInput(
            f"there is nothing below x {float(place[0]):.3g}, z {float(place[2]):.3g} to stand on. Move the object, "
            "raise y, or switch on_ground off."
        )
    return from_y + float(points[..., 2][inside].median())
