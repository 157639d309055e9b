"""Nodes that make worlds move: motions travel through the host's SPLAT, are rendered in time, saved and read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import folder_paths
import pack
import torch

from matrix3d_core.io.motion_file import motion_bytes
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory


def _ball(count: int = 200) -> Gaussians:
    dice = torch.Generator().manual_seed(0)
    means = 0.4 * torch.randn(count, 3, generator=dice) + torch.tensor((0.5, 0.0, 3.0))
    quats = torch.tensor((1.0, 0, 0, 0)).repeat(count, 1)
    colors = torch.rand(count, 3, generator=dice)
    return Gaussians.from_colors(
        means, quats, torch.full((count, 3), 0.06), torch.full((count,), 0.9), colors
    )


def animates_and_renders() -> dict[str, Any]:
    nodes = pack.nodes()

    def run(name: str, **inputs: Any) -> Any:
        return nodes[name].execute(**inputs)

    choice = dict(instance="", period=4.0, speed=0.0, strength=1.0, direction=0.0, shape="everywhere")
    place = dict(x=0.0, y=0.0, z=3.0, size_x=1.0, size_y=1.0, size_z=1.0, radius=0.5, yaw=0.0)
    adapters = pack.module("nodes._adapters")
    splat = adapters.splat_to_host(_ball())

    def animate(splat: Any, motion: str, **more: Any) -> Any:
        return run(
            "WorldAnimate", **{**dict(splat=splat, motion=motion, of="everything", **choice, **place), **more}
        )

    poses = torch.eye(4, dtype=torch.float64).repeat(9, 1, 1)
    path = Trajectory(poses, fps=2.0)  # a still camera, one loop and its first frame again
    turned = animate(splat, "turn")
    world = animate(turned.result[0], "fountain", y=-0.5, drops=100)
    moved = run("SplatTransform", splat=world.result[0], yaw=0.0, scale=1.0) if False else world
    out: dict[str, Any] = {"report": json.loads(world.result[1])}

    def render(**more: Any) -> torch.Tensor:
        size = dict(width=48, height=32, fov=60.0, stride=1, backend="auto")
        return run("SplatRender", **{**dict(splat=moved.result[0], trajectory=path, **size), **more}).result[
            0
        ]

    film = render(splat=turned.result[0])
    out["loop"] = bool(torch.equal(film[0], film[8]))
    out["moves"] = float((film[1:8] - film[0]).abs().amax((1, 2, 3)).min())
    out["at_time"] = bool(torch.equal(render(splat=turned.result[0], time=1.0, play=False)[5], film[2]))
    out["stride"] = bool(torch.equal(render(splat=turned.result[0], stride=2)[1], film[2]))
    out["around"] = list(render(projection="panorama", width=64, stride=8).shape)
    eyes = render(splat=turned.result[0], projection="stereo", width=96, stride=4, eye_distance=0.0)
    out["stereo"] = [list(eyes.shape), float((eyes[1, :, :48] - eyes[1, :, 48:]).abs().max())]

    saved = run(
        "SplatSequenceSave", splat=turned.result[0], fps=2.0, seconds=0.0, filename_prefix="motion/loop"
    )
    folder = Path(json.loads(saved.result[0])["folder"])
    out["saved"] = sorted(path.name for path in folder.iterdir())
    source = Path(folder_paths.get_input_directory()) / "motion_loop"
    folder.rename(source)
    loaded = run("SplatSequenceLoad", folder="motion_loop", fps=0.0, stride=1, max_frames=100)
    out["loaded"] = json.loads(loaded.result[1])
    again = render(splat=loaded.result[0])
    out["replayed"] = float((again - film).abs().max())

    previews = {}
    for form in ("ply", "spz"):
        shown = pack.ui(run("SplatPreview", splat=turned.result[0], format=form))["matrix3d_splat"][0]
        part = shown["motions"]
        data = (Path(folder_paths.get_temp_directory()) / part["subfolder"] / part["filename"]).read_bytes()
        same = motion_bytes(adapters.gaussians_from_host(turned.result[0])) == data
        previews[form] = [Path(part["filename"]).suffix, same]
    still = pack.ui(run("SplatPreview", splat=splat))["matrix3d_splat"][0]
    out["previews"] = [previews, "motions" in still]

    lit = render(splat=splat)[:8].clone()
    lit[..., 0] += 0.2 * torch.sin(2 * torch.pi * torch.arange(8) / 8)[:, None, None]
    colors = run(
        "WorldAnimateFromVideo",
        splat=splat,
        frames=lit.clamp(0, 1),
        trajectory=path.select(slice(8)),
        fov=60.0,
        harmonics=1,
        period=0.0,
        rounds=4,
    )
    out["colors"] = json.loads(colors.result[1])

    bad = [
        lambda: animate(splat, "ripple", of="auto"),
        lambda: animate(splat, "turn", shape="sphere", x=90.0),
        lambda: animate(splat, "path"),
        lambda: animate(splat, "turn", period=0.0),
        lambda: animate(splat, "clouds", speed=float("nan")),
        lambda: run("SplatSequenceSave", splat=splat, fps=2.0, seconds=0.0, filename_prefix="motion/still"),
        lambda: run("SplatSequenceLoad", folder="motion_nowhere", fps=0.0, stride=1, max_frames=9),
        lambda: run(
            "WorldAnimateFromVideo",
            splat=splat,
            frames=lit,
            trajectory=path,
            fov=60.0,
            harmonics=1,
            period=0.0,
        ),
    ]
    out["errors"] = [pack.error(call) for call in bad]
    return out
