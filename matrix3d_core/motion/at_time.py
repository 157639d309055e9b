"""The world at a time: every motion of `scene.motion` evaluated.

The viewer's shader (``web/viewer/motion_shader.mjs``) draws the same from the same rows of numbers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.harmonics import sh_rotation
from ..geometry.rotations import matrix_from_quats, quats_multiply
from ..scene.gaussians import SH_C0, Gaussians
from ..scene.motion import AT_HOME, Motion, loop_s
from ..scene.motion_rows import PATH_POSES, WAVES, motion_row, path_poses, upright_frame
from ..scene.sequence import GaussianSequence

__all__ = ["gaussians_at", "has_motion", "loop_frames", "rigid_at"]

_FIRE_SWAY = 0.12  # sideways, share of the rise


def has_motion(gaussians: Gaussians) -> bool:
    """Return whether any Gaussian moves."""
    if gaussians.motions is None or not gaussians.motion_table:
        return False
    numbers = gaussians.motions.unique().tolist()
    return any(number in gaussians.motion_table for number in numbers)


def gaussians_at(gaussians: Gaussians, t_s: float) -> Gaussians:
    """Return the world as it is at a time, at rest: without motions.

    Args:
        gaussians: the world; as it is returned when nothing in it moves.
        t_s: seconds, also negative. One period later all is bit for bit as before where ``t_s`` and the period are
            exact in binary.

    Raises:
        InvalidInput: for a time that is not finite.
    """
    if not math.isfinite(t_s):
        raise InvalidInput(f"the time must be a finite number of seconds; got {t_s}.")
    if not has_motion(gaussians):
        return gaussians
    columns = {name: getattr(gaussians, name).clone() for name in ("means", "quats_wxyz", "opacities", "sh")}
    numbers, phases = gaussians.label("motions"), gaussians.label("phases")
    for number, motion in gaussians.motion_table.items():
        index = torch.nonzero(numbers == number).squeeze(-1)
        if len(index):
            part = _Part(gaussians, index, phases[index].double() / 256)
            part.move(motion, math.fmod(t_s, motion.period_s) / motion.period_s % 1.0)
            for name, values in part.columns().items():
                columns[name][index] = values.to(columns[name])
    still = gaussians.with_labels(motions=None, phases=None)
    return replace(still, motion_table={}, color_waves=None, **columns)


def loop_frames(
    gaussians: Gaussians, fps: float, seconds: float = 0.0, sequence: GaussianSequence | None = None
) -> tuple[Iterator[Gaussians], int]:
    """Return the frames of a moving world or of a sequence, one at a time, and how many there are.

    Args:
        gaussians: the world; not used with a sequence.
        fps: frames per second, positive.
        seconds: how many; 0: one loop.
        sequence: a world in 4D.

    Raises:
        InvalidInput: when nothing moves, or for a speed or length out of range.
    """
    if not (0 < fps < math.inf and 0 <= seconds < math.inf):
        raise InvalidInput(f"fps must be positive and seconds 0 or more; got {fps} and {seconds}.")
    if sequence is None and not has_motion(gaussians):
        raise InvalidInput(
            "the world must move to be saved as a sequence; it does not. Use Animate World first."
        )
    whole = loop_s(gaussians.motion_table) if sequence is None else len(sequence) / sequence.fps
    count = max(1, round((seconds or whole) * fps))
    world_at = functools.partial(gaussians_at, gaussians) if sequence is None else sequence.at
    return (world_at(index / fps) for index in range(count)), count


def rigid_at(motion: Motion, u: float) -> tuple[np.ndarray, np.ndarray]:
    """Return rotation ``[4]`` (w, x, y, z) and translation ``[3]`` of a rigid motion at the share ``u`` of its period.

    A point moves from p to ``R p + translation``; other kinds of motion do not move rigidly: the identity.
    """
    center = np.array(motion.center)
    if motion.kind == "turn":
        axis, angle, shift = np.array(motion.direction), 2 * math.pi * u, np.zeros(3)
    elif motion.kind == "path":
        poses = path_poses(motion)
        step = min(int(u * PATH_POSES), PATH_POSES - 1)
        share = u * PATH_POSES - step
        place = (1 - share) * poses[step] + share * poses[step + 1]
        axis, angle, shift = -upright_frame(motion)[0], float(place[3]), place[:3]
    else:
        return np.array((1.0, 0.0, 0.0, 0.0)), np.zeros(3)
    quat = np.array((math.cos(angle / 2), *(math.sin(angle / 2) * axis)))
    turn = matrix_from_quats(torch.from_numpy(quat)).numpy()
    return quat, center - turn @ center + shift


class _Part:
    """The Gaussians of one motion; all arithmetic is float64."""

    def __init__(self, gaussians: Gaussians, index: Tensor, phase: Tensor) -> None:
        self.means = gaussians.means[index].detach().double()
        self.quats = gaussians.quats_wxyz[index].detach()
        self.sh = gaussians.sh[index].detach()
        self.waves = None if gaussians.color_waves is None else gaussians.color_waves[index].detach().double()
        self.opacities = gaussians.opacities[index].detach().double()
        self.phase = phase
        self.gain = torch.ones_like(phase)

    def columns(self) -> dict[str, Tensor]:
        """Return the values that the world takes."""
        gain = self.gain.to(self.sh)[:, None, None]
        sh = self.sh * gain
        sh[:, 0] += (0.5 * (gain[:, 0] - 1)) / SH_C0  # color = 0.5 + SH_C0 sh_0
        return {"means": self.means, "quats_wxyz": self.quats, "opacities": self.opacities, "sh": sh}

    def move(self, motion: Motion, u: float) -> None:
        """Move to the share ``u`` of the period."""
        row = torch.from_numpy(motion_row(motion))
        kind = motion.kind
        if kind in ("turn", "path"):
            self._rigid(*(torch.from_numpy(v) for v in rigid_at(motion, u)))
        elif kind in ("ripple", "sway", "flicker"):
            getattr(self, f"_{kind}")(row, u)
        elif kind == "color":
            self._color(u)
        else:
            life = (u + self.phase) % 1.0
            edge = torch.minimum(life, 1 - life) / row[0, 2]
            self.opacities = self.opacities * edge.clamp(0, 1)
            getattr(self, f"_{kind}")(row, u, life)

    def _flow(self, row: Tensor, u: float, life: Tensor) -> None:
        self.means = self.means + row[1, :3] * (row[0, 3] * (life - 0.5))[:, None]

    def _fire(self, row: Tensor, u: float, life: Tensor) -> None:
        rise, way = row[0, 3], row[1, :3]
        side = _across(way)
        swing = _FIRE_SWAY * rise * life * torch.sin(2 * math.pi * (2 * u + 3 * self.phase + life))
        self.means = self.means + way * (rise * life)[:, None] + side * swing[:, None]
        self._brighten(row, u)

    def _fall(self, row: Tensor, u: float, life: Tensor) -> None:
        gravity = row[3, :3]
        down = gravity / gravity.norm()
        start = self.means - ((self.means - row[2, :3]) @ down)[:, None] * down
        seconds = (life * row[0, 1])[:, None]
        self.means = start + row[1, :3] * seconds + 0.5 * gravity * seconds**2

    def _fountain(self, row: Tensor, u: float, life: Tensor) -> None:
        center, gravity, period = row[2, :3], row[3, :3], row[0, 1]
        at_home = (period * (AT_HOME[0] + AT_HOME[1] * self.phase))[:, None]
        velocity = (self.means - center) / at_home - 0.5 * gravity * at_home
        seconds = (life * period)[:, None]
        self.means = center + velocity * seconds + 0.5 * gravity * seconds**2

    def _drift(self, row: Tensor, u: float, life: Tensor) -> None:
        axis, center = row[1, :3], row[2, :3]
        angle = (row[0, 3] * (life - 0.5))[:, None]
        arm = self.means - center
        along = (arm @ axis)[:, None] * axis
        across = torch.linalg.cross(axis.expand_as(arm), arm)
        self.means = center + along + torch.cos(angle) * (arm - along) + torch.sin(angle) * across

    def _angles(self, row: Tensor, u: float) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return wave vector, amplitude and phase of each wave."""
        arm, waves = self.means - row[2, :3], row[4:].reshape(WAVES, 8)
        found = []
        for wave in waves:
            angle = arm @ wave[:3] - 2 * math.pi * float(wave[4]) * u + wave[5]
            found.append((wave[:3], wave[3], angle + 2 * math.pi * wave[6] * self.phase))
        return found

    def _ripple(self, row: Tensor, u: float) -> None:
        up = -row[3, :3] / row[3, :3].norm()
        shift, slope = torch.zeros_like(self.means), torch.zeros_like(self.phase)
        for k, amplitude, angle in self._angles(row, u):
            ahead = k / k.norm().clamp_min(1e-12)
            sine = torch.sin(angle)
            shift = shift + amplitude * (torch.cos(angle)[:, None] * up - sine[:, None] * ahead)
            slope = slope + amplitude * k.norm() * sine
        self.means = self.means + shift
        self.gain = (1 + row[1, 3] * slope).clamp(0.3, 2.0)

    def _sway(self, row: Tensor, u: float) -> None:
        lean = torch.zeros_like(self.phase)
        for _, amplitude, angle in self._angles(row, u):
            lean = lean + amplitude * torch.sin(angle)
        if row[2, 3] > 0:
            up = -row[3, :3] / row[3, :3].norm().clamp_min(1e-12)
            lean = lean * (((self.means - row[2, :3]) @ up) / row[2, 3]).clamp(0, 1)
        self.means = self.means + row[1, :3] * lean[:, None]

    def _flicker(self, row: Tensor, u: float) -> None:
        self._brighten(row, u)

    def _brighten(self, row: Tensor, u: float) -> None:
        gain = torch.ones_like(self.phase)
        for _, amplitude, angle in self._angles(row, u):
            gain = gain + amplitude * torch.sin(angle)
        self.gain = gain.clamp(0.0, 2.0)

    def _color(self, u: float) -> None:
        if self.waves is None:
            return
        count = self.waves.shape[1] // 2
        angles = 2 * math.pi * u * torch.arange(1, count + 1, dtype=torch.float64)
        basis = torch.stack([torch.cos(angles), torch.sin(angles)], -1).flatten()
        self.sh = self.sh.clone()
        self.sh[:, 0] += (torch.einsum("k,nkc->nc", basis, self.waves) / SH_C0).to(self.sh)

    def _rigid(self, quat: Tensor, shift: Tensor) -> None:
        turn = matrix_from_quats(quat)
        self.means = self.means @ turn.mT + shift
        self.quats = quats_multiply(quat.to(self.quats), self.quats)
        if self.sh.shape[1] > 1:
            self.sh = torch.einsum("ij,njc->nic", sh_rotation(turn, self.sh.shape[1]).to(self.sh), self.sh)


def _across(way: Tensor) -> Tensor:  # [3]
    """Return a direction across another, the same that the viewer takes."""
    least = torch.zeros(3, dtype=way.dtype)
    least[0 if abs(float(way[0])) < 0.7 else 2] = 1.0
    side = torch.linalg.cross(way, least)
    unit: Tensor = side / side.norm()
    return unit
