"""Motions as rows of numbers, which the viewer's shader and `motion.at_time` evaluate alike.

A row holds `ROW` vectors of four numbers: ``(kind, period, fade, amount)``, ``(direction, gloss)``,
``(center, height)``, ``(gravity, 0)``, then for each of `WAVES` waves ``(k, amplitude)`` and
``(harmonic, offset, share of the phase, 0)``: the wave's phase is
``k . (p - center) - 2 pi harmonic u + offset + 2 pi share phase``. Harmonics are whole numbers, so that each wave
closes with the period.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from .motion import MOTION_KINDS, Motion

__all__ = ["FADES", "PATH_POSES", "ROW", "WAVES", "motion_row", "path_poses", "ripple_waves", "upright_frame"]

WAVES = 4
ROW = 4 + 2 * WAVES
PATH_POSES = 128
"""Poses along a path, from which places between are interpolated linearly."""

FADES: Mapping[str, float] = {"flow": 0.5, "fall": 0.08, "fountain": 0.06, "fire": 0.3, "drift": 0.5}
"""Share of a life at either end in which a Gaussian fades in and out."""

_OFFSETS = (0.0, 2.399963, 4.799926, 0.916704)  # golden angle: no two waves begin together
_RIPPLE = ((0, 0.0, 0.40), (1, 0.5, 0.25), (2, -0.65, 0.20), (-1, 1.0, 0.15))  # harmonic, angle, share
_SWAY = ((1, 0.40, 0.0), (2, 0.22, 0.0), (3, 0.16, 0.35), (5, 0.22, 1.0))  # harmonic, share, of the phase
_FLICKER = ((1, 0.20), (3, 0.30), (5, 0.28), (8, 0.22))  # harmonic, share


def motion_row(motion: Motion) -> np.ndarray:  # [ROW, 4] float64
    """Return the numbers of a motion."""
    row = np.zeros((ROW, 4))
    row[0] = MOTION_KINDS.index(motion.kind), motion.period_s, FADES.get(motion.kind, 0.0), motion.amount
    row[1] = *motion.direction, motion.gloss
    row[2] = *motion.center, motion.height
    row[3, :3] = motion.gravity
    waves = {"ripple": ripple_waves, "sway": _sway_waves, "flicker": _flicker_waves, "fire": _fire_waves}
    if motion.kind in waves:
        row[4:] = waves[motion.kind](motion).reshape(-1, 4)
    return row


def ripple_waves(motion: Motion) -> np.ndarray:  # [WAVES, 8]
    """Return the waves of a ripple. Their frequencies are harmonics of the loop, and their lengths follow from these.

    Source: the dispersion of deep water, angular frequency squared = g k.
    """
    gravity = np.array(motion.gravity)
    g = float(np.linalg.norm(gravity))
    down, ahead = gravity / g, np.array(motion.direction)
    ahead = ahead - down * (ahead @ down)
    ahead /= max(np.linalg.norm(ahead), 1e-12)
    across = np.cross(down, ahead)
    wanted = math.sqrt(2 * math.pi * g / motion.wavelength)  # its angular frequency
    first = max(1, round(wanted * motion.period_s / (2 * math.pi)))
    waves = np.zeros((WAVES, 8))
    for wave, (more, angle, share), offset in zip(waves, _RIPPLE, _OFFSETS, strict=True):
        harmonic = max(1, first + more)
        k = (2 * math.pi * harmonic / motion.period_s) ** 2 / g
        wave[:3] = k * (math.cos(angle) * ahead + math.sin(angle) * across)
        wave[3:6] = share * motion.amount, harmonic, offset
    return waves


def _sway_waves(motion: Motion) -> np.ndarray:
    waves = np.zeros((WAVES, 8))
    for wave, (harmonic, share, own), offset in zip(waves, _SWAY, _OFFSETS, strict=True):
        wave[:3] = (1 - own) * harmonic * 2 * math.pi / motion.wavelength * np.array(motion.direction)
        wave[3:7] = share * motion.amount, harmonic, offset, own
    return waves


def _flicker_waves(motion: Motion) -> np.ndarray:
    return _brightness(motion.amount, motion.gloss)


def _fire_waves(motion: Motion) -> np.ndarray:
    return _brightness(motion.gloss, 1.0)


def _brightness(amount: float, own: float) -> np.ndarray:
    waves = np.zeros((WAVES, 8))
    for wave, (harmonic, share), offset in zip(waves, _FLICKER, _OFFSETS, strict=True):
        wave[3:7] = share * amount, harmonic, offset, own
    return waves


def path_poses(motion: Motion) -> np.ndarray:  # [PATH_POSES + 1, 4] float64
    """Return places along a closed path and the heading there: x, y, z relative to the first, and radians.

    The curve goes through the points (Catmull-Rom), places are equally far apart along it, the last is the first. The
    heading is about the upward axis, relative to the first, and goes on beyond half a turn.
    """
    points = np.array(motion.points)
    steps = np.linspace(0, 1, 64, endpoint=False)[:, None]
    before, after, second = np.roll(points, 1, 0), np.roll(points, -1, 0), np.roll(points, -2, 0)
    curve = np.concatenate(
        [
            0.5
            * (
                2 * b
                + (c - a) * steps
                + (2 * a - 5 * b + 4 * c - d) * steps**2
                + (3 * b - a - 3 * c + d) * steps**3
            )
            for a, b, c, d in zip(before, points, after, second, strict=True)
        ]
        + [points[:1]]
    )
    reach = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    places = np.linspace(0, reach[-1], PATH_POSES + 1)
    found = np.stack([np.interp(places, reach, column) for column in curve.T], axis=1)
    found[-1] = found[0]
    poses = np.zeros((PATH_POSES + 1, 4))
    poses[:, :3] = found - found[0]
    if motion.amount > 0:
        _, ahead, right = upright_frame(motion)
        along = np.roll(found[:-1], -1, 0) - np.roll(found[:-1], 1, 0)
        heading = np.unwrap(np.arctan2(along @ right, along @ ahead))
        whole = round((heading[-1] - heading[0]) / (2 * math.pi)) * 2 * math.pi
        poses[:-1, 3] = heading - heading[0]
        poses[-1, 3] = whole
    return poses


def upright_frame(motion: Motion) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the directions up, ahead and right of a motion; without gravity, up is against the y axis."""
    gravity = np.array(motion.gravity)
    down = gravity / np.linalg.norm(gravity) if np.linalg.norm(gravity) > 0 else np.array((0.0, 1.0, 0.0))
    ahead = np.array((0.0, 0.0, 1.0)) if abs(down[2]) < 0.9 else np.array((1.0, 0.0, 0.0))
    ahead = ahead - down * (ahead @ down)
    ahead /= np.linalg.norm(ahead)
    return -down, ahead, np.cross(down, ahead)
