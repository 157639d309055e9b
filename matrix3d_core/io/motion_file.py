"""The motions of a world as a file for the viewer: what its shader needs, beside the splats.

A gzip of: the length of the header (4 bytes, little-endian), the header as JSON (``version``, ``count``, ``loop`` in
seconds, ``motions`` with ``number``, ``period``, ``row`` and ``path`` of each, see `scene.motion_rows`, and ``scale``
of the colors, 0 for none), the splats' motions and their phases (a byte each), and where there are time-varying colors
24 signed bytes for each splat: red, green and blue of the cosine and sine of four harmonics, in steps of ``scale``.
"""

from __future__ import annotations

import gzip
import json
import struct

import numpy as np

from ..scene.gaussians import Gaussians
from ..scene.motion import loop_s
from ..scene.motion_rows import motion_row, path_poses

__all__ = ["motion_bytes"]

_TERMS = 8


def motion_bytes(gaussians: Gaussians) -> bytes | None:
    """Return the file, in the axes that the splats are in; None when nothing moves."""
    numbers = gaussians.label("motions").cpu().numpy()
    used = set(np.unique(numbers).tolist())
    table = {number: motion for number, motion in gaussians.motion_table.items() if number in used}
    if not table:
        return None
    scale, colors = 0.0, b""
    if gaussians.color_waves is not None and any(motion.kind == "color" for motion in table.values()):
        waves = gaussians.color_waves.detach().cpu().numpy()[:, :_TERMS]
        scale = float(np.abs(waves).max()) / 127
        if scale > 0:
            steps = np.zeros((len(waves), _TERMS, 3), np.int8)
            steps[:, : waves.shape[1]] = np.rint(waves / scale)
            colors = steps.tobytes()
    motions = [
        {
            "number": number,
            "period": motion.period_s,
            "row": motion_row(motion).tolist(),
            "path": path_poses(motion).tolist() if motion.kind == "path" else [],
        }
        for number, motion in table.items()
    ]
    head = {"version": 1, "count": len(gaussians), "loop": loop_s(table), "scale": scale, "motions": motions}
    text = json.dumps(head).encode()
    phases = gaussians.label("phases").cpu().numpy().tobytes()
    return gzip.compress(
        struct.pack("<I", len(text)) + text + numbers.tobytes() + phases + colors, 6, mtime=0
    )
