"""The plan of latent rolls: upstream's steps and draws, and what is rolled with the latent."""

import numpy as np
import oracle_video
import pytest
import torch

from matrix3d_core.diffusion.latent_roll import (
    ROLL_MODES,
    roll_aligned,
    roll_plan,
    roll_tokens,
    step_of_sigma,
)
from matrix3d_core.errors import InvalidInput

# Worked out by hand: for N = 50 a roll follows steps 31 ... 49; torch.randint(1, 128) from seed 380.
# The network sees the first of them at step 32; the last stays for the result alone.
ROLLS_380 = [105, 93, 30, 118, 5, 98, 28, 54, 85, 44, 45, 87, 69, 95, 2, 56, 94, 27, 43]


def draws(seed, width, count):
    generator = torch.Generator().manual_seed(seed)
    return [int(torch.randint(1, width, (1,), generator=generator)) for _ in range(count)]


@pytest.mark.parametrize("mode", ["upstream t2p", "upstream i2p"])
def test_upstream_rolls_nineteen_times_in_fifty_steps(mode):
    plan = roll_plan(mode, 50, 128, 380)
    table = [0] * 32
    for roll in ROLLS_380[:-1]:
        table.append((table[-1] + roll) % 128)
    assert len(ROLLS_380) == 19
    assert len(table) == 50
    assert list(plan.offsets) == table
    assert plan.final == (sum(ROLLS_380) % 128 if mode == "upstream t2p" else 0)
    assert plan.is_rolled


@pytest.mark.parametrize(("steps", "width", "seed"), [(50, 128, 380), (10, 16, 0), (4, 8, 7), (1, 4, 3)])
@pytest.mark.parametrize("undo", [False, True])
def test_rolling_the_input_equals_rolling_the_state(steps, width, seed, undo):
    """Against a twin that rolls the state after each step, as upstream does, with a step that mixes columns."""
    rng = np.random.default_rng(0)
    latent, concat = rng.normal(size=(2, 3, width)), rng.normal(size=(1, 3, width))
    weights = rng.normal(size=width)

    def step(x, c, i):  # not the same everywhere, so that it matters where it is applied
        return 0.9 * x + weights * np.roll(x, 1, -1) * 0.1 + 0.05 * c.sum(0) + i

    expected, _ = oracle_video.rotated_run(latent, step, steps, seed, undo=undo, concat=concat)
    if not undo:  # upstream's text stage has no concat tensor; ours always rolls it along
        rolls, rolled = oracle_video.rolls_after_steps(steps, width, seed), [concat]

        def step_t2p(x, c, i):
            out = step(x, rolled[0], i)
            rolled[0] = oracle_video.roll_left(rolled[0], rolls[i])
            return out

        expected, _ = oracle_video.rotated_run(latent, step_t2p, steps, seed, undo=False)

    plan = roll_plan("upstream i2p" if undo else "upstream t2p", steps, width, seed)
    state = latent
    for i, columns in enumerate(plan.offsets):
        answer = step(np.roll(state, -columns, -1), np.roll(concat, -columns, -1), i)
        state = np.roll(answer, columns, -1)
    np.testing.assert_array_equal(np.roll(state, -plan.final, -1), expected)


def test_every_step_rolls_before_each_step_and_is_undone():
    plan = roll_plan("every step", 6, 20, 5, multiple=2)
    total, expected = 0, []
    for k in draws(5, 10, 6):
        total += 2 * k
        expected.append(total % 20)
    assert list(plan.offsets) == expected
    assert plan.final == 0
    moved = np.diff([0, *plan.offsets])
    assert (moved != 0).all()
    assert (np.array(plan.offsets) % 2 == 0).all()


@pytest.mark.parametrize("mode", ROLL_MODES)
def test_plans_repeat_for_a_seed_and_leave_the_global_generator_alone(mode):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    plans = [roll_plan(mode, 20, 64, seed) for seed in (3, 3, 4)]
    assert plans[0] == plans[1]
    assert (plans[0] != plans[2]) == (mode != "off")
    assert torch.equal(before, torch.get_rng_state())


def test_off_and_an_empty_schedule_roll_nothing():
    assert roll_plan("off", 5, 1, 0).offsets == (0,) * 5
    for mode in ROLL_MODES:
        plan = roll_plan(mode, 0, 64, 0)
        assert plan.offsets == ()
        assert plan.final == 0
        assert not plan.is_rolled


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("sideways", 4, 8, 0), "latent_roll must be one of off, upstream t2p, upstream i2p, every step"),
        (("every step", -1, 8, 0), "steps must be at least 0"),
        (("every step", 4, 1, 0), "at least 2 columns wide"),
    ],
)
def test_bad_plans_are_refused(arguments, says):
    with pytest.raises(InvalidInput, match=says):
        roll_plan(*arguments)
    with pytest.raises(InvalidInput, match=r"start in \[0, 1\]"):
        roll_plan("upstream t2p", 4, 8, 0, start=1.5)


def test_steps_are_found_by_their_noise_level():
    sigmas = torch.tensor([1.0, 0.9, 0.5, 0.1, 0.0]).tolist()
    assert [step_of_sigma(sigmas, s) for s in sigmas] == [0, 1, 2, 3, 3]
    assert step_of_sigma(sigmas, 0.7) == 1  # a sampler's second look, between two steps
    assert step_of_sigma(sigmas, 1.2) == 0
    assert step_of_sigma(sigmas, 0.5 * (1 - 1e-7)) == step_of_sigma(sigmas, 0.5 * (1 + 1e-7)) == 2
    rising = sigmas[::-1]
    assert [step_of_sigma(rising, s) for s in rising] == [0, 1, 2, 3, 3]
    assert step_of_sigma(rising, 0.7) == 2
    for bad in (([1.0], 1.0), (sigmas, float("nan"))):
        with pytest.raises(InvalidInput, match="at least one step"):
            step_of_sigma(*bad)


def test_everything_on_the_grid_is_rolled_and_nothing_else():
    video, pixels = torch.rand(2, 3, 4, 6, 12), torch.rand(1, 3, 48, 96)
    text, other = torch.rand(2, 6, 12), torch.rand(2, 3, 6, 10)
    value = {"a": [video, (pixels,)], "b": text, "c": other, "d": "name", "e": None}
    rolled = roll_aligned(value, 5, 6, 12)
    assert torch.equal(rolled["a"][0], torch.roll(video, -5, -1))
    assert torch.equal(rolled["a"][1][0], torch.roll(pixels, -40, -1))
    assert rolled["b"] is text
    assert rolled["c"] is other
    assert rolled["d"] == "name"
    assert rolled["e"] is None
    assert torch.equal(roll_aligned(rolled, -5, 6, 12)["a"][0], video)


@pytest.mark.parametrize("columns", [-7, -2, 0, 1, 4, 11])
def test_tokens_roll_as_the_picture_they_come_from(columns):
    height, width = 6, 12
    picture = torch.rand(2, 3, height, width)

    def tokens(x):  # patches of 2 x 2, row order, one channel per entry of the patch
        return torch.nn.functional.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2)

    control = {"input": [tokens(picture), None], "output": []}
    rolled = roll_tokens(control, columns, height, width)
    if columns % 2 == 0:
        assert torch.equal(rolled["input"][0], tokens(torch.roll(picture, -columns, -1)))
    else:
        left = tokens(torch.roll(picture, -(columns - 1), -1))
        right = tokens(torch.roll(picture, -(columns + 1), -1))
        # One rounding of a mean of values in [0, 1].
        torch.testing.assert_close(rolled["input"][0], (left + right) / 2, rtol=0, atol=2e-7)
    assert rolled["input"][1] is None
    assert rolled["output"] == []
    assert torch.equal(control["input"][0], tokens(picture))
    unrelated = torch.rand(2, 17, 3)
    assert roll_tokens([unrelated], columns, height, width)[0] is unrelated
