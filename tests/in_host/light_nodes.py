"""PanoHDRI and WorldRelight in the host's interpreter, with the host's lights as the documented dicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import folder_paths
import pack
import torch

from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.io.hdr import read_light
from matrix3d_core.relight.daylight import direction_of_sun
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory


def panorama() -> torch.Tensor:  # [1, H, W, 3]
    """Return a blue sky with a white sun 40 degrees up, 30 to the right, over green ground."""
    rays = erp_directions(64, 128)
    sky = torch.tensor((0.45, 0.55, 0.75)) + 0.1 * rays[..., 1:2].clamp(-1, 0)
    shown = torch.where(rays[..., 1:2] < 0, sky, torch.tensor((0.25, 0.35, 0.2)))
    shown[(rays @ direction_of_sun(0.5236, 0.6981).float()) > 0.9985] = 1.0
    return shown[None]


def lights() -> dict[str, Any]:
    """Run both nodes; return what the tests look at."""
    nodes, adapters = pack.nodes("5"), pack.module("nodes._adapters")
    shown = panorama()

    def run(name, **inputs):
        return nodes[name].execute(**{**pack.defaults(nodes[name]), **inputs}).result

    hdri, yaw, elevation, report = run("PanoHDRI", panorama=shown, format="hdr", filename_prefix="light/sky")
    saved = read_light(Path(folder_paths.get_output_directory()) / json.loads(report)["file"])
    rays = erp_directions(32, 64).reshape(-1, 3)
    ground = rays[rays[:, 1] > 0.1]
    means = 1.6 * ground / ground[:, 1:2]
    quats = torch.tensor((0.7071, 0.7071, 0.0, 0.0)).expand(len(means), 4)
    world = Gaussians.from_colors(
        means,
        quats,
        torch.full((len(means), 3), 0.2),
        torch.full((len(means),), 0.9),
        torch.full_like(means, 0.4),
    )
    splat = adapters.splat_to_host(world)

    def relit(**inputs):
        made, text = run("WorldRelight", splat=splat, panorama=shown, **inputs)
        return float(adapters.gaussians_from_host(made).colors.mean()), json.loads(text)

    point = {"type": "point", "color": "#ffffff", "intensity": 9.0, "position": {"x": 0, "y": 0, "z": -2}}
    sun = {"type": "directional", "position": {"x": 1, "y": 1, "z": 0}, "target": {"x": 0, "y": 0, "z": 0}}
    path = Trajectory(torch.eye(4, dtype=torch.float64)[None], fps=1.0)
    white = torch.full((1, 64, 128, 3), 0.9)
    return {
        "angles": [yaw, elevation],
        "most": float(hdri.max()),
        "saved": float((saved / hdri[0] - 1).abs().max()),
        "day": relit(hour=12.0),
        "hdri_day": run("WorldRelight", splat=splat, panorama=hdri, is_hdri=True, light="as it is")[1],
        "night": relit(hour=0.0),
        "lamp": relit(hour=0.0, light_info=[point]),
        "given_sun": relit(light_info=[sun])[1],
        "fog": relit(light="as it is", fog=5.0)[0],
        "as it is": relit(light="as it is")[0],
        "albedo": relit(hour=12.0, albedo=white, trajectory=path)[0],
        "errors": [
            pack.message(lambda: run("PanoHDRI", panorama=shown[:, :, :100], filename_prefix="light/a")),
            pack.message(lambda: run("PanoHDRI", panorama=shown, stops="a b", filename_prefix="light/a")),
            pack.message(lambda: relit(albedo=white)),
            pack.message(lambda: relit(lamps="1 2")),
        ],
    }
