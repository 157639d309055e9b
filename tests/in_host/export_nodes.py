"""DatasetExport: host values in, whole folders in the output folder."""

from __future__ import annotations

from typing import Any

import folder_paths
import pack
import torch

from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory


def exports() -> dict[str, Any]:
    Types = pack.module("nodes._host").Types
    node = pack.nodes()["DatasetExport"]
    path = Trajectory(torch.eye(4, dtype=torch.float64).repeat(3, 1, 1))
    frames = torch.rand(3, 16, 32, 4)
    splat = Types.SPLAT(
        torch.rand(1, 5, 3),
        torch.ones(1, 5, 3),
        torch.tensor([1.0, 0, 0, 0]).expand(1, 5, 4),
        torch.ones(1, 5, 1),
        torch.zeros(1, 5, 1, 3),
    )
    rgb, distance = torch.rand(16, 32, 3), torch.full((16, 32), 2.0)
    geometry = PanoramaGeometry(rgb, distance, distance > 0, distance < 0)

    def error(**more):
        return pack.error(lambda: node.execute(frames, path, **more))

    first = node.execute(
        frames,
        path,
        stride=2,
        crops="4 level crops",
        mask=torch.ones(3, 16, 32),
        depth=torch.full((3, 16, 32), 2.0),
        splat=splat,
    ).result
    second = node.execute(
        frames,
        path,
        filename_prefix="matrix3d/dataset",
        layout="colmap text",
        geometry=geometry,
        max_points=7,
        image_format="jpg",
    ).result
    return {
        "output": folder_paths.get_output_directory(),
        "first": list(first),
        "second": list(second),
        "errors": [
            error(filename_prefix="../out"),
            error(crops="whole panoramas"),
            error(mask=torch.ones(2, 16, 32)),
        ],
    }
