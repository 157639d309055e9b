"""World Views, Stylize Images and Restyle World, one after the other as in a graph."""

from __future__ import annotations

import json
from typing import Any

import pack
import small_worlds
import torch


def styles() -> dict[str, Any]:
    """Restyle a small world, and hand the nodes what they refuse."""
    nodes, adapters = pack.nodes(), pack.module("nodes._adapters")
    world, path = small_worlds.room(0.25), small_worlds.walk(3)
    world = world.with_labels(classes=torch.arange(len(world)) % 5)
    splat = adapters.splat_to_host(world)

    def run(name, **given):
        node = nodes[name]
        with torch.inference_mode():  # as the host runs graphs
            return node.execute(**{**pack.defaults(node), **given}).result

    images, depth_map, normals, alpha, poses, depth, report = run(
        "WorldViews", splat=splat, views=6, size=64, fov=100.0, trajectory=path
    )
    again = run("WorldViews", splat=splat, views=2, size=32)
    (night,) = run("ImageStylize", images=images, style="night")
    (warm,) = run("ImageStylize", images=images, style="palette", reference=0.5 * images[:1])
    new, restyled = run("WorldRestyle", splat=splat, edited=night, trajectory=poses)
    after = adapters.gaussians_from_host(new)
    names = ("means", "quats_wxyz", "scales", "opacities", "classes")
    empty = adapters.splat_to_host(world.select(torch.zeros(0, dtype=torch.long)))
    nothing = torch.full_like(night, float("nan"))
    return {
        "shapes": [list(t.shape) for t in (images, depth_map, normals, alpha, depth, night, warm)],
        "poses": [len(poses), list(poses.image_size_px), len(again[4])],
        "views": json.loads(report),
        "restyled": json.loads(restyled),
        "same": [bool(torch.equal(getattr(after, name), getattr(world, name))) for name in names],
        "luma": [float(world.colors.mean()), float(after.colors.mean()), float(night.mean())],
        "errors": [
            pack.error(lambda: run("WorldRestyle", splat=splat, edited=night[:4], trajectory=poses)),
            pack.error(lambda: run("WorldRestyle", splat=splat, edited=night[:, :48], trajectory=poses)),
            pack.error(lambda: run("WorldRestyle", splat=splat, edited=nothing, trajectory=poses)),
            pack.error(lambda: run("WorldRestyle", splat=empty, edited=night, trajectory=poses)),
            pack.error(lambda: run("WorldViews", splat=empty, views=2, size=32)),
            pack.error(lambda: run("ImageStylize", images=images, style="palette")),
            pack.error(lambda: run("ImageStylize", images=images, style="palette", reference=0 * images[:1])),
        ],
    }
