"""Motion against formulas written out by hand, loops that close exactly, and rest where nothing moves."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from splat_scenes import random_gaussians

from matrix3d_core.errors import InvalidInput
from matrix3d_core.motion.at_time import gaussians_at, has_motion, rigid_at
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.motion import (
    MOTION_KINDS,
    Motion,
    loop_s,
    motion_from_dict,
    motion_to_dict,
)
from matrix3d_core.scene.motion_rows import path_poses, ripple_waves
from matrix3d_core.splats.transform import similarity, transform_gaussians

G = (0.0, 9.81, 0.0)
SQUARE = ((0.0, 0.0, 0.0), (2.0, 0.0, 0.0), (2.0, 0.0, 2.0), (0.0, 0.0, 2.0))
MOTIONS = {
    "flow": Motion("flow", 4.0, (1, 0, 0), amount=1.5),
    "fall": Motion("fall", 0.5, (0.5, 0, 0), (0, -1, 0), G),
    "fountain": Motion("fountain", 1.0, center=(0.5, 0, 2), gravity=G),
    "fire": Motion("fire", 2.0, (0, -1, 0), amount=0.4, gloss=0.3),
    "drift": Motion("drift", 8.0, (0, 1, 0), (0.1, 0, 0), amount=0.25),
    "ripple": Motion("ripple", 4.0, (1, 0, 0), gravity=G, amount=0.03, wavelength=0.8, gloss=1.5),
    "sway": Motion("sway", 4.0, (1, 0, 0), (0, 1, 0), G, 0.1, 3.0, height=2.0),
    "flicker": Motion("flicker", 2.0, amount=0.3),
    "turn": Motion("turn", 4.0, (0, 1, 0), (0.3, 0, 1)),
    "path": Motion("path", 8.0, center=(0.2, 0, 0), gravity=G, amount=1.0, points=SQUARE),
    "color": Motion("color", 2.0),
}


def moving(kind, count=60, bases=4):
    world = random_gaussians(count, bases)
    world = replace(world, means=world.means / 10)  # within 4 units: float32 keeps micrometers
    every = torch.ones(count)
    phases = torch.arange(count) * 37 % 256
    waves = 0.1 * torch.randn(count, 4, 3, generator=torch.Generator().manual_seed(3))
    world = replace(world.with_labels(motions=every, phases=phases), motion_table={1: MOTIONS[kind]})
    return replace(world, color_waves=waves) if kind == "color" else world


def means_at(world, t):
    return gaussians_at(world, t).means.double().numpy()


def life(world, t):
    period = world.motion_table[1].period_s
    return (t / period + world.phases.numpy() / 256) % 1


def test_every_kind_has_a_case():
    assert set(MOTIONS) == set(MOTION_KINDS)


@pytest.mark.parametrize("kind", MOTION_KINDS)
def test_a_period_later_all_is_bit_for_bit_as_before(kind):
    world = moving(kind)
    for t in (0.0, 0.25, -1.5, 3.875):
        now, then = gaussians_at(world, t), gaussians_at(world, t + world.motion_table[1].period_s)
        assert all(torch.equal(a, b) for a, b in zip(now.tensors(), then.tensors(), strict=True))
    halfway = gaussians_at(world, 0.3 * world.motion_table[1].period_s)
    changed = [
        not torch.equal(a, b)
        for a, b in zip(gaussians_at(world, 0.0).tensors(), halfway.tensors(), strict=True)
    ]
    assert any(changed)
    assert not has_motion(halfway)


@pytest.mark.parametrize("kind", MOTION_KINDS)
def test_nothing_jumps_where_the_loop_closes(kind):
    """Across the end no more changes than across any other step of the same length; fading ones are unseen there."""
    world = moving(kind)
    period, steps = world.motion_table[1].period_s, 64

    def drawn(t):
        now = gaussians_at(world, t)
        return torch.cat([now.opacities[:, None] * now.means, now.opacities[:, None], now.colors], 1)

    frames = [drawn(k * period / steps) for k in range(steps + 1)]
    apart = torch.stack([(b - a).abs().amax() for a, b in itertools.pairwise(frames)])
    assert float(apart[-1]) <= 1.2 * float(apart[:-1].max())  # phases fall differently on each step


def test_water_falls_as_in_vacuum():
    world, t = moving("fall"), 0.2
    s = life(world, t) * 0.5
    start = world.means.double().numpy().copy()
    start[:, 1] = -1.0  # at the level of the center
    expected = start + np.outer(s, (0.5, 0, 0))
    expected[:, 1] += 0.5 * 9.81 * s**2
    assert np.abs(means_at(world, t) - expected).max() < 1e-6  # float32


def test_a_fountains_drops_fly_through_their_place_and_leave_the_nozzle():
    world = moving("fountain")
    at_home = 0.25 + 0.75 * world.phases.double().numpy() / 256
    for number in range(0, len(world), 7):
        t = at_home[number] - float(world.phases[number]) / 256  # seconds, as the period is one second
        assert np.abs(means_at(world, t)[number] - world.means[number].double().numpy()).max() < 2e-6
        ages = np.array((0.1, 0.2, 0.3))
        places = np.stack([means_at(world, a - float(world.phases[number]) / 256)[number] for a in ages])
        second = (places[2] - 2 * places[1] + places[0]) / 0.1**2
        assert np.abs(second - (0, 9.81, 0)).max() < 2e-3  # float32 over the square of the step
        velocity = (places[0] - (0.5, 0, 2)) / 0.1 - 0.5 * 0.1 * np.array((0, 9.81, 0))
        again = (0.5, 0, 2) + velocity * 0.2 + 0.5 * np.array((0, 9.81, 0)) * 0.04
        assert np.abs(again - places[1]).max() < 1e-5


def test_ripples_obey_the_dispersion_of_deep_water():
    motion = MOTIONS["ripple"]
    waves = ripple_waves(motion)
    k, harmonic = np.linalg.norm(waves[:, :3], axis=1), waves[:, 4]
    omega = 2 * math.pi * harmonic / motion.period_s
    assert np.allclose(omega**2, 9.81 * k, rtol=1e-12)
    assert np.array_equal(harmonic, np.round(harmonic))
    assert (harmonic > 0).all()
    assert abs(2 * math.pi / k[0] - motion.wavelength) < 0.2 * motion.wavelength
    assert math.isclose(waves[:, 3].sum(), motion.amount)
    assert np.abs(waves[:, 1]).max() < 1e-12  # level


def test_ripples_are_trochoids():
    world, t = moving("ripple"), 0.7
    p = world.means.double().numpy()
    expected, slope = p.copy(), np.zeros(len(p))
    for kx, ky, kz, amplitude, harmonic, offset, *_ in ripple_waves(MOTIONS["ripple"]):
        k = math.hypot(kx, kz)
        angle = p @ np.array((kx, ky, kz)) - 2 * math.pi * harmonic * t / 4 + offset
        expected[:, 1] -= amplitude * np.cos(angle)  # up is against y
        expected[:, 0] -= amplitude * kx / k * np.sin(angle)
        expected[:, 2] -= amplitude * kz / k * np.sin(angle)
        slope += amplitude * k * np.sin(angle)
    assert np.abs(means_at(world, t) - expected).max() < 1e-6
    colors = gaussians_at(world, t).colors.double().numpy()
    assert (
        np.abs(colors - world.colors.double().numpy() * np.clip(1 + 1.5 * slope, 0.3, 2)[:, None]).max()
        < 1e-5
    )


def test_flow_and_drift_carry_and_fade():
    world, t = moving("flow"), 1.3
    s = life(world, t)
    expected = world.means.double().numpy() + np.outer(1.5 * (s - 0.5), (1, 0, 0))
    assert np.abs(means_at(world, t) - expected).max() < 1e-6
    faded = world.opacities.double().numpy() * np.minimum(2 * s, 2 - 2 * s)
    assert np.abs(gaussians_at(world, t).opacities.double().numpy() - faded).max() < 1e-6
    world = moving("drift")
    angle = 0.25 * (life(world, t) - 0.5)
    x, y, z = (world.means.double().numpy() - (0.1, 0, 0)).T
    turned = np.stack(
        [x * np.cos(angle) + z * np.sin(angle) + 0.1, y, z * np.cos(angle) - x * np.sin(angle)], 1
    )
    assert np.abs(means_at(world, t) - turned).max() < 1e-5


def test_leaves_are_fixed_below_and_sway_above():
    world = moving("sway")
    low = world.means[:, 1] >= 1.0  # at the base or below it
    world.means[:5, 1] = 2.0
    low[:5] = True
    moved = torch.stack([gaussians_at(world, t).means - world.means for t in np.linspace(0, 4, 9)])
    assert float(moved[:, low].abs().max()) == 0
    assert 0.01 < float(moved[:, ~low, 0].abs().max()) <= 0.1 + 1e-6
    assert float(moved[..., 1:].abs().max()) == 0


def test_a_turn_is_rigid_and_colors_turn_with_it():
    world = moving("turn", bases=16)
    quarter = gaussians_at(world, 1.0)
    x, y, z = (world.means.double() - torch.tensor((0.3, 0, 1.0))).unbind(-1)
    expected = torch.stack([z + 0.3, y, -x + 1.0], -1)  # +z goes to +x: about the y axis
    assert float((quarter.means - expected).abs().max()) < 1e-5
    about = transform_gaussians(world, similarity(translation=(-0.3, 0, -1.0)).double())
    matrix = torch.eye(4, dtype=torch.float64)
    matrix[:3, :3] = torch.tensor(((0.0, 0, 1), (0, 1, 0), (-1, 0, 0)))
    twin = transform_gaussians(about, matrix)
    assert float((quarter.sh - twin.sh).abs().max()) < 1e-5
    same = (quarter.quats_wxyz * twin.quats_wxyz).sum(-1).abs()
    assert float((same - 1).abs().max()) < 1e-5


def test_a_path_is_closed_even_and_heads_where_it_goes():
    motion = MOTIONS["path"]
    poses = path_poses(motion)
    steps = np.linalg.norm(np.diff(poses[:, :3], axis=0), axis=1)
    assert steps.min() > 0.97 * steps.max()
    assert np.array_equal(poses[0, :3], poses[-1, :3])
    assert math.isclose(abs(poses[-1, 3]), 2 * math.pi)
    for corner in SQUARE:
        assert np.linalg.norm(poses[:, :3] - corner, axis=1).min() < steps.max()
    world = moving("path", bases=1)
    ahead = np.diff(
        [rigid_at(motion, u)[1] + rigid_matrix(motion, u) @ (0.2, 0, 0) for u in (0.4999, 0.5001)], axis=0
    )[0]
    first = np.diff(
        [rigid_at(motion, u)[1] + rigid_matrix(motion, u) @ (0.2, 0, 0) for u in (0.0, 0.0002)], axis=0
    )[0]
    turned = rigid_matrix(motion, 0.5) @ first
    cosine = turned @ ahead / np.linalg.norm(turned) / np.linalg.norm(ahead)
    assert cosine > 0.99  # the first step is a chord of the curve, not its tangent
    assert np.abs(means_at(world, 0.0) - world.means.numpy()).max() < 1e-6


def rigid_matrix(motion, u):
    w, x, y, z = rigid_at(motion, u)[0]
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def test_colors_follow_their_fourier_series():
    world, t = moving("color"), 0.3
    u = t / 2
    basis = np.array([f(2 * math.pi * h * u) for h in (1, 2) for f in (np.cos, np.sin)])
    expected = world.colors.double().numpy() + np.einsum(
        "k,nkc->nc", basis, world.color_waves.double().numpy()
    )
    assert np.abs(gaussians_at(world, t).colors.double().numpy() - expected).max() < 1e-6


def test_lamps_flicker_together_and_keep_their_mean():
    world = moving("flicker")
    gains = np.stack(
        [
            (gaussians_at(world, t).colors / world.colors).median(1).values.numpy()
            for t in np.linspace(0, 2, 65)[:-1]
        ]
    )
    assert np.ptp(gains, axis=1).max() < 1e-3
    assert abs(gains[:, 0].mean() - 1) < 1e-5  # whole harmonics
    assert 0.1 < np.ptp(gains[:, 0]) < 0.6


@pytest.mark.parametrize(
    "kind", sorted(set(MOTION_KINDS) - {"fire"})
)  # whose flames sway along one of the axes
def test_a_moved_world_moves_as_the_world_moved(kind):
    world = moving(kind, bases=9)
    matrix = similarity(
        yaw_rad=0.7, pitch_rad=0.3, roll_rad=-0.4, scale=1.7, translation=(1, -2, 3), to_axes="RUB"
    )
    first = transform_gaussians(gaussians_at(world, 0.37), matrix)
    second = gaussians_at(transform_gaussians(world, matrix), 0.37)
    for a, b in zip(first.tensors(), second.tensors(), strict=True):
        if a.shape[-1] == 4:
            a = a * torch.sign((a * b).sum(-1, keepdim=True))
        assert float((a - b).abs().max()) < 1e-4


def test_only_what_moves_is_changed_and_a_still_world_is_returned():
    world = moving("turn")
    half = replace(world, motions=torch.arange(len(world)).to(torch.uint8) % 2)
    moved = gaussians_at(half, 1.0)
    still = half.motions == 0
    assert all(torch.equal(a[still], b[still]) for a, b in zip(moved.tensors(), half.tensors(), strict=True))
    assert torch.equal(half.means, world.means)  # not written into
    plain = random_gaussians(4)
    assert gaussians_at(plain, 3.0) is plain
    unknown = plain.with_labels(motions=torch.ones(4))
    assert gaussians_at(unknown, 3.0) is unknown


def test_the_loop_is_the_least_common_multiple():
    assert loop_s({}) == 0
    assert loop_s({1: Motion("color", 2.0), 2: Motion("color", 0.75), 3: Motion("color", 1.2)}) == 6.0
    assert math.isclose(loop_s({1: Motion("color", 6 / 7), 2: Motion("color", 6.0)}), 6.0)


@pytest.mark.parametrize("kind", MOTION_KINDS)
def test_records_survive_json(kind):
    assert motion_from_dict(motion_to_dict(MOTIONS[kind])) == MOTIONS[kind]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"kind": "dance"}, "kind of a motion must be one of"),
        ({"period_s": 0.0}, "period of a motion must be above 0"),
        ({"period_s": math.nan}, "period of a motion must be above 0"),
        ({"amount": math.nan}, "must be finite"),
        ({"direction": (0.0, 0.0, 0.0)}, "must have length 1"),
        ({"kind": "fall"}, "must have gravity"),
        ({"kind": "ripple", "gravity": G}, "wavelength"),
        ({"kind": "path", "gravity": G, "points": ((0, 0, 0),)}, "2 to 64 points"),
    ],
)
def test_wrong_records_are_refused(parts, words):
    with pytest.raises(InvalidInput, match=words):
        Motion(**{"kind": "flow", "period_s": 1.0, "direction": (1, 0, 0), **parts})


@pytest.mark.parametrize(
    "values", [None, [], {"kind": 3}, {"kind": "turn", "period_s": "6"}, {"kind": "turn"}]
)
def test_what_is_no_record_is_refused(values):
    with pytest.raises(InvalidInput):
        motion_from_dict(values)


@pytest.mark.parametrize("t", [math.nan, math.inf])
def test_a_time_is_a_number(t):
    with pytest.raises(InvalidInput, match="finite number of seconds"):
        gaussians_at(moving("turn"), t)


def test_color_waves_come_in_pairs_and_tables_hold_motions():
    plain = random_gaussians(3)
    for waves in (torch.zeros(3, 3, 3), torch.zeros(3, 0, 3), torch.zeros(2, 2, 3)):
        with pytest.raises(InvalidInput):
            replace(plain, color_waves=waves)
    for table in ({0: MOTIONS["turn"]}, {256: MOTIONS["turn"]}, {1: "turn"}):
        with pytest.raises(InvalidInput, match="motion"):
            Gaussians(*plain.tensors(), motion_table=table)
