"""Photo to walkable world in one call."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from ..progress import ProgressFn, no_progress
from .world import WorldConfig, WorldResult, make_world

__all__ = ["make_world_of_photo"]

GEOMETRY_WIDTH = 4096
"""Columns of the geometry: about 700 across a photo of 65 degrees."""


def make_world_of_photo(
    photo: str | Path,
    *,
    fov_x_rad: float | None = None,
    out_dir: str | Path,
    config: WorldConfig | None = None,
    most_width: int = 8192,
    progress: ProgressFn = no_progress,
) -> WorldResult:
    """Build a world around a photo and write it: the files of `make_world`, and ``panorama.png``.

    Args:
        photo: picture file.
        fov_x_rad: horizontal field of view; None takes that of the file's EXIF tags, else it is estimated.
        out_dir: made when missing.
        config: settings, `WorldConfig()` when None; its source of distances does not count.
        most_width: columns of ``panorama.png`` at most; a photo that needs more is reduced.
        progress: called between steps; raising in it cancels.

    Raises:
        BackendUnavailable: without the backbone of the depth head.
        FormatError: when the file is no picture.
        InvalidInput: when it is no photo, shows sky alone, or a setting is out of range.
    """
    from ..depth.learned.estimate import load_learned
    from ..io.images import write_image
    from ..outpaint.learned import learned_photo_world
    from ..outpaint.lens import load_photo

    config = config or WorldConfig()
    start = time.perf_counter()
    loaded = load_photo(photo)
    world = learned_photo_world(
        loaded.rgb,
        load_learned(backbone=config.backbone),
        fov_x_rad=fov_x_rad,
        exif=loaded.lens,
        camera_height=config.camera_height,
        height=GEOMETRY_WIDTH // 2,
        most_width=most_width,
        progress=progress,
    )
    seconds = round(time.perf_counter() - start, 2)
    note = f"{loaded.report}\n{world.report}"
    geometry = replace(
        world.geometry, report={**world.geometry.report, "photo": note, "photo_seconds": seconds}
    )
    result = make_world(geometry.rgb, geometry=geometry, out_dir=out_dir, config=config, progress=progress)
    panorama = Path(out_dir) / "panorama.png"
    write_image(panorama, world.rgb)
    return replace(result, files={**result.files, panorama.name: panorama})
