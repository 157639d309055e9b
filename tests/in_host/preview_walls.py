"""What Splat Preview hands to the browser beside the world: walls, panorama, origins."""

from __future__ import annotations

import gzip
import json
import os
from typing import Any

import folder_paths
import pack
import torch
from room_worlds import room_geometry, room_world

from matrix3d_core.collision.occupancy import decode_occupancy
from matrix3d_core.scene.trajectory import Trajectory


def previews() -> dict[str, Any]:
    Preview = pack.nodes()["SplatPreview"]
    adapters = pack.module("nodes._adapters")
    host = pack.module("nodes._host")
    geometry, world = room_geometry(64), room_world(3000)
    origins = (torch.arange(len(world)) % 3).to(torch.uint8)
    splat = adapters.splat_to_host(world.with_labels(origins=origins))
    temp = folder_paths.get_temp_directory()

    def shown(**inputs):
        return Preview.execute(splat, **inputs).ui["matrix3d_splat"][0]

    def bytes_of(file):
        return open(os.path.join(temp, file["subfolder"], file["filename"]), "rb").read()

    recording = json.dumps(
        {"version": 1, "use": "keys", "keys": [[-2, 0, 0, 0, 0], [0, 0, 3.2, 0, 0], [8, 0, 3.2, 0, 0]]}
    )

    first = shown(geometry=geometry)
    walls = decode_occupancy(bytes_of(first["walls"]))
    flat = host.Types.MESH(
        torch.tensor([[[-3.0, 1, -2], [3, 1, -2], [0, -3, -2]]]), torch.tensor([[[0, 1, 2]]])
    )
    mesh = shown(collider=flat)
    mesh_walls = decode_occupancy(bytes_of(mesh["walls"]))
    same_axes = decode_occupancy(bytes_of(shown(collider=flat, collider_axes="OpenCV (y down)")["walls"]))
    path = shown(geometry=geometry, recording=recording, frames=41)
    # 40 degrees to the right: ahead, right.
    ways = torch.tensor([[0.6428, 0.7660], [0.7660, -0.6428]], dtype=torch.float64)
    ahead, right = torch.zeros(2, 3, dtype=torch.float64)
    ahead[[0, 2]], right[[0, 2]] = ways
    turn = torch.stack((right, torch.tensor([0.0, 1, 0], dtype=torch.float64), ahead), -1)
    place = torch.tensor([3.0, 0, -2], dtype=torch.float64)
    moved = Trajectory.from_centers(turn[None], place[None], frame_of_reference="world")
    at_origin = Trajectory.from_centers(turn[None], place[None])
    at_walls = place + torch.stack(
        [3.9 * ahead, 4.1 * ahead, 2.9 * right, 3.1 * right, -1.9 * ahead, -2.1 * ahead]
    )
    placed = [shown(geometry=geometry, trajectory=one) for one in (moved, at_origin)]
    placed = [decode_occupancy(bytes_of(one["walls"])).blocks(at_walls, 0.0).tolist() for one in placed]
    picture = shown(panorama=torch.rand(1, 32, 64, 3))
    errors = []
    for bad in (
        {"panorama": torch.rand(1, 32, 32, 3)},
        {"collider": host.Types.MESH(torch.zeros(1, 3, 3), torch.zeros(1, 0, 3, dtype=torch.int64))},
        {"collider": host.Types.MESH(torch.full((1, 3, 3), float("nan")), torch.tensor([[[0, 1, 2]]]))},
    ):
        errors.append((pack.error(lambda bad=bad: shown(**bad)) or ["", ""])[1])
    point = torch.tensor([[0.0, 0, 1.0], [0, 0, 20.0]])
    at_mesh = torch.tensor([[0.0, 0, 2.0], [0, 0, -2.0]])
    return {
        "keys": sorted(first),
        "metric": first["is_metric"],
        "blocks": walls.blocks(point, 0.0).tolist(),
        "mesh": mesh_walls.blocks(at_mesh, 0.0).tolist(),
        "same_axes": same_axes.blocks(at_mesh, 0.0).tolist(),
        "placed": placed,
        "mesh_keys": sorted(mesh),
        "recorded": path["recorded"],
        "errors": errors,
        "origins": list(gzip.decompress(bytes_of(first["origins"])))[:5],
        "count": first["count"],
        "picture": picture["panorama"]["filename"],
        "jpeg": bytes_of(picture["panorama"])[:2] == bytes((0xFF, 0xD8)),
        "plain": sorted(shown()),
    }
