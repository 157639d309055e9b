"""SPLAT: 32 bytes per Gaussian and nothing else; no header, no view-dependent color.

Per Gaussian: position and scale as 32-bit floats, color and opacity as bytes, rotation wxyz as bytes around
128. The largest and most opaque come first, so that a progressive viewer shows those early.

Source: antimatter15, splat (github.com/antimatter15/splat, README and converter).
"""

from __future__ import annotations

import numpy as np

from ..errors import FormatError
from ..scene.gaussians import SH_C0, Gaussians
from .atomic import BinarySource, BinaryTarget, open_atomically, open_source
from .columns import checked_gaussians, columns_to_write, rgba_bytes
from .findings import Findings, damage_as_format_error

__all__ = ["read_splat", "write_splat"]

_RECORD = np.dtype([("means", "<f4", 3), ("scales", "<f4", 3), ("rgba", "u1", 4), ("quats", "u1", 4)])
_CHUNK = 1 << 14  # Gaussians at a time


def write_splat(target: BinaryTarget, gaussians: Gaussians) -> None:
    """Write Gaussians as SPLAT, base color only; a path appears only when the file is complete.

    Steps: color and opacity 1/255 (colors are clamped to [0, 1]), rotation components 1/128. Gaussians are
    ordered by volume times opacity, largest first.

    Raises:
        InvalidInput: when the set is empty, or a value is NaN or infinite.
    """
    means, quats, scales, opacities, sh = columns_to_write(gaussians)
    order = np.argsort(-(scales.astype(np.float64).prod(axis=1) * opacities), kind="stable")
    records = np.empty(len(means), _RECORD)
    records["means"], records["scales"] = means[order], scales[order]
    records["rgba"] = rgba_bytes(sh, opacities)[order]
    records["quats"] = np.rint(quats * 128 + 128).clip(0, 255)[order]
    with open_atomically(target) as file:
        file.write(records.tobytes())


def read_splat(
    source: BinarySource, *, drop_invalid: bool = False, findings: Findings | None = None
) -> Gaussians:
    """Read a SPLAT file. Axes are left as they are.

    Args:
        source: path, or binary file open for reading.
        drop_invalid: leave out Gaussians with NaN or infinite values instead of refusing the file.
        findings: not used: the format has no choices.

    Raises:
        FormatError: when the size is no multiple of 32 bytes, a scale is negative, or values are invalid.
    """
    with open_source(source) as (file, size, name), damage_as_format_error(name):
        count = size // _RECORD.itemsize
        if size == 0 or size % _RECORD.itemsize:
            raise FormatError(
                f"{name}: a SPLAT file must have a whole number of 32-byte Gaussians; got {size} bytes. "
                "It is truncated, or of another format."
            )
        fields = (
            np.empty((count, 3), np.float32),
            np.empty((count, 4), np.float32),
            np.empty((count, 3), np.float32),
            np.empty(count, np.float32),
            np.empty((count, 1, 3), np.float32),
        )
        for start in range(0, count, _CHUNK):
            means, quats, scales, opacities, sh = (values[start : start + _CHUNK] for values in fields)
            records = np.frombuffer(file.read(len(means) * _RECORD.itemsize), _RECORD)
            means[:], scales[:] = records["means"], records["scales"]
            if (scales < 0).any():
                raise FormatError(
                    f"{name}: holds negative scales; is this a SPLAT file? The format has no magic number."
                )
            quats[:] = (records["quats"].astype(np.float32) - 128) / 128
            rgba = records["rgba"].astype(np.float32) / 255
            opacities[:] = rgba[:, 3]
            sh[:, 0] = (rgba[:, :3] - 0.5) / np.float32(SH_C0)
        return checked_gaussians(name, *fields, drop_invalid)
