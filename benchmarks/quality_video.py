"""A world from a generated panoramic video whose poses are known only up to scale.

The camera is assumed to travel straight forward (towards the center of the picture) at constant speed, without
rotation; the length of the path is the unit. No depth is given: distances come from the frames. Frames half way between
key frames are held out; besides as given they are compared after registration to the world (`frame_warp`), as the poses
are only a guess, and a world that is rigid may show them shifted.

    python benchmarks/quality_video.py video.gif --pictures out/
"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import common
import numpy as np
import torch

from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.io.images import write_image
from matrix3d_core.optimize.config import preset_config
from matrix3d_core.optimize.evaluate import held_out_quality
from matrix3d_core.optimize.frame_warp import register_frame
from matrix3d_core.optimize.loop import optimize_gaussians
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.raster.splat import render_gaussians
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.label_colors import color_by_label
from matrix3d_core.scene.trajectory import Trajectory

SIZE = (270, 480)


def read_frames(path: Path) -> torch.Tensor:
    """Return all pictures of an animated picture file, ``[T, H, W, 3]``."""
    from PIL import Image, ImageSequence

    with Image.open(path) as file:
        frames = [
            np.asarray(frame.convert("RGB"), np.float32) / 255 for frame in ImageSequence.Iterator(file)
        ]
    return torch.from_numpy(np.stack(frames))


def registered(frames: torch.Tensor, path: Trajectory, gaussians: Gaussians, keys: list[int]) -> torch.Tensor:
    """Return frames ``[T, H, W, 3]`` of which those in ``keys`` are registered to what the splats show."""
    shown = frames.clone()
    camera = path.camera(0, (frames.shape[1], frames.shape[2]))
    for key in keys:
        with torch.no_grad():
            drawn = render_view(gaussians, path.camera_from_world[key], camera)
        warp = register_frame(frames[key], drawn.rgb, (drawn.alpha > 0.95).float(), camera, scales=(4, 2))
        shown[key] = warp.apply(frames[key], camera)
    return shown


def main() -> int:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--preset", default="draft")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="change settings of the preset"
    )
    parser.add_argument("--pictures", type=Path, help="folder for pictures")
    options = parser.parse_args()
    changes = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in options.set)}
    where = common.machine()
    frames = read_frames(options.video)
    pose = torch.eye(4, dtype=torch.float64).repeat(len(frames), 1, 1)
    pose[:, 2, 3] = -torch.linspace(0, 1, len(frames), dtype=torch.float64)
    path = Trajectory(pose, name=options.video.stem)
    config = preset_config(options.preset, **changes)
    started = time.perf_counter()
    result = optimize_gaussians(frames, path, config=config)
    seconds = time.perf_counter() - started
    keys = result.report["held_out"]["frames"]
    registered_to, _ = held_out_quality(
        result.gaussians,
        registered(frames, path, result.gaussians, keys),
        path,
        keys,
        crop_size_px=config.crop_size_px,
        backend="auto",
    )
    print(f"held-out frames after registration to the world: {registered_to}")
    print(f"shifts of the key frames: {result.report['frames']}")
    print(json.dumps({k: result.report[k] for k in ("held_out", "origins", "warnings", "seconds")}, indent=1))
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
        painted = color_by_label(result.gaussians)
        K_px = intrinsics_from_fov(math.radians(90), *SIZE)
        rows = []
        for share, side, up, yaw in (
            (0.0, 0, 0, 0),
            (0.5, 0, 0, 0),
            (1.0, 0, 0, 0),
            (0.5, 0.25, 0, -10),
            (0.5, -0.25, 0, 10),
            (0.5, 0, -0.25, 0),
            (0.3, 0, 0, 90),
            (0.7, 0, 0, 180),
        ):
            angles = torch.tensor((math.radians(yaw), 0.0, 0.0), dtype=torch.float64)
            view = torch.eye(4, dtype=torch.float64)
            view[:3, :3] = matrix_from_yaw_pitch_roll(*angles).mT
            view[:3, 3] = -view[:3, :3] @ torch.tensor((side, up, share), dtype=torch.float64)
            with torch.no_grad():
                pair = [
                    render_gaussians(g, view, K_px, *SIZE).rgb.clamp(0, 1)
                    for g in (result.gaussians, painted)
                ]
            rows.append(torch.cat(pair, 1))
        sheet = torch.cat([torch.cat(rows[k : k + 2], 1) for k in range(0, len(rows), 2)])
        write_image(options.pictures / f"{options.video.stem}.png", sheet)
        write_image(options.pictures / f"{options.video.stem}-curves.png", result.curves)
    entry = {
        "name": options.video.stem,
        "median_ms": seconds * 1e3,
        "iqr_ms": 0.0,
        "least_ms": seconds * 1e3,
        "runs": 1,
        "held_out": result.report["held_out"],
        "held_out_registered": registered_to,
        "shifts_of_frames": result.report["frames"],
        "gaussians": len(result.gaussians),
        "origins": result.report["origins"],
        "phases_s": result.report["seconds"],
    }
    settings = {"preset": options.preset, "changes": changes, "poses": "straight ahead, even speed, length 1"}
    return common.finish("quality_video", where, settings, [entry], [], options.json)


if __name__ == "__main__":
    sys.exit(main())
