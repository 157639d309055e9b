"""Scenes with an object more or less: the truth that worlds with objects placed and erased are compared with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from ..errors import InvalidInput
from .geometry import Looks, geometry_of
from .materials import Column
from .scene import Scene

__all__ = ["join_scenes", "without_instances"]


def without_instances(scene: Scene, instances: Collection[int]) -> Scene:
    """Return a scene without the shapes of some instances; the others keep their numbers.

    Args:
        scene: the scene.
        instances: numbers from 1, see `SceneFrame.instance`.

    Raises:
        InvalidInput: when nothing would be left, or a number is not in the scene.
    """
    unknown = [number for number in instances if not 1 <= number <= len(scene.objects)]
    if unknown:
        raise InvalidInput(f"instances must be from 1 to {len(scene.objects)}; got {unknown}.")
    kinds = scene.geometry.kinds
    order = np.argsort(kinds[:, 5], kind="stable")  # as the scene was built
    kept = order[~np.isin(kinds[order, 2], list(instances))]
    if not len(kept):
        raise InvalidInput("a scene must keep at least one shape; all would be taken out.")
    geometry = geometry_of(
        scene.geometry.table[kept], kinds[kept, :5], scene.geometry.corners, scene.geometry.cuts
    )
    return replace(scene, geometry=geometry)


def join_scenes(scene: Scene, other: Scene) -> Scene:
    """Return a scene with what is in another one as well; light, air and walkable regions are the first one's.

    The instances of the other scene get the numbers after the first one's.

    Raises:
        InvalidInput: when the other scene has solids with openings.
    """
    first, second = scene.geometry, other.geometry
    if len(second.cuts):
        raise InvalidInput("the other scene must have no solids with openings; put them into the first.")
    a, b = np.argsort(first.kinds[:, 5], kind="stable"), np.argsort(second.kinds[:, 5], kind="stable")
    added = second.kinds[b, :5].copy()
    added[:, 1] += len(scene.looks.materials)
    added[:, 2] += len(scene.objects)
    added[:, 4] = np.where(added[:, 4] < 0, -1, added[:, 4] + len(first.corners))
    geometry = geometry_of(
        np.concatenate((first.table[a], second.table[b])),
        np.concatenate((first.kinds[a, :5], added)),
        np.concatenate((first.corners, second.corners)),
        first.cuts,
    )
    materials, images = other.looks.materials.copy(), other.looks.images.copy()
    has_image = materials[:, Column.IMAGE] >= 0
    materials[has_image, Column.IMAGE] += len(scene.looks.images)
    images[:, 0] += len(scene.looks.pixels)
    looks = Looks(
        np.concatenate((scene.looks.materials, materials)),
        np.concatenate((scene.looks.images, images)),
        np.concatenate((scene.looks.pixels, other.looks.pixels)),
    )
    return replace(scene, geometry=geometry, looks=looks, objects=scene.objects + other.objects)
