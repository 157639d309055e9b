"""Small scenes for tests of the factory."""

from __future__ import annotations

import numpy as np

from matrix3d_core.synth.scene import Scene, SceneBuilder, SurfaceClass


def yard(
    size: float = 30.0,
    *,
    gap: float = 2.0,
    crates: int = 4,
    declare: bool = True,
    is_indoor: bool = False,
    trap: bool = False,
) -> Scene:
    """A paved yard around the origin, 3 m walls along x = 0 with a gap in the middle, and crates.

    Args:
        size: side, meters.
        gap: between the two walls; 0 joins them, ``size`` leaves them out.
        crates: how many, at random places.
        declare: whether the yard is declared as walkable, or only visible.
        is_indoor: as `Scene`.
        trap: whether the gap has a low beam, which a camera hits.
    """
    b = SceneBuilder()
    paving = b.material("tiles", (0.5, 0.45, 0.4), (0.3, 0.28, 0.26))
    brick, wood = b.material("brick", (0.6, 0.3, 0.2)), b.material("planks", (0.5, 0.35, 0.15))
    half = size / 2
    with b.object("paving", SurfaceClass.GROUND):
        b.quad((-half, 0, -half), (size, 0, 0), (0, 0, size), paving)
    for side in (-1, 1) if gap < size else ():
        with b.object("wall", SurfaceClass.WALL):
            width = (size - gap) / 2
            b.box((side * (gap + width) / 2, 0), (width, 0.3), (0, 3), brick)
    if trap:
        with b.object("beam", SurfaceClass.OBJECT):
            b.beam((-gap, 1.5, 0), (gap, 1.5, 0), 0.2, wood)
    rng = np.random.default_rng(1)
    for _ in range(crates):
        with b.object("crate", SurfaceClass.OBJECT):
            b.box(rng.uniform(0.5 - half, half - 0.5, 2), (1.0, 1.0), (0, 1.2), wood)
    if declare:
        b.walkable([(-half, -half), (half, -half), (half, half), (-half, half)], 0.0)
    b.facts += ["a paved yard", "crates"]
    b.is_indoor = is_indoor
    return b.build()
