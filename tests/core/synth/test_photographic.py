"""Photographic variation: each step does what it is called, a seed gives one picture, a panorama keeps its seam."""

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.synth.photographic import Photography, photograph, random_photography

PANORAMA, VIEW = Equirect((64, 128)), Pinhole.from_fov(1.2, 64, 96)


def picture(camera):
    """A picture of waves without a seam, between a quarter and three quarters."""
    y = torch.arange(camera.height)[:, None, None] / camera.height
    x = torch.arange(camera.width)[None, :, None] / camera.width
    phase = torch.tensor((0.0, 1.0, 2.0))
    return 0.5 + 0.25 * torch.sin(6.2831853 * 2 * x + phase) * torch.cos(3 * y)


def test_no_setting_changes_nothing():
    for camera in (PANORAMA, VIEW):
        color = picture(camera)
        for setting in (Photography(), random_photography(5, strength=0.0)):
            torch.testing.assert_close(photograph(color, camera, setting), color, atol=1e-5, rtol=0)


def test_each_step_does_what_it_is_called():
    color = picture(VIEW)

    def taken(**values):
        return photograph(color, VIEW, Photography(**values))

    assert taken(exposure=0.5).mean() > color.mean() + 0.05 > taken(exposure=-0.5).mean() + 0.1
    warm = taken(white_balance=(1.3, 0.8)) - color
    assert warm[..., 0].min() > 0.01
    assert warm[..., 2].max() < -0.01
    assert taken(contrast=1.5).std() > 1.1 * color.std() > 1.2 * taken(contrast=0.7).std()
    assert taken(saturation=0.0).std(-1).max() < 1e-5
    dark = taken(vignette=0.5)
    assert dark[0, 0, 1] < 0.85 * color[0, 0, 1]
    torch.testing.assert_close(dark[32, 48], color[32, 48], atol=2e-3, rtol=0)


def test_blur_and_sharpening_are_opposite():
    step = torch.full((64, 96, 3), 0.25)
    step[:, 48:] = 0.6
    slope = [float((photograph(step, VIEW, Photography(blur=b))[32, 48] - photograph(step, VIEW, Photography(blur=b))[32, 47])[0]) for b in (1.0, 0.0, -0.5)]  # fmt: skip
    assert slope[0] < 0.6 * slope[1] < slope[1] < slope[2]


def test_noise_has_the_spread_that_is_asked_for():
    gray = torch.full((64, 128, 3), 0.7353569)  # half of the light
    clean, shot, read = 0.5, 0.02, 0.01
    noisy = photograph(gray, PANORAMA, Photography(shot_noise=shot, read_noise=read), seed=3)
    light = torch.where(noisy <= 0.04045, noisy / 12.92, ((noisy + 0.055) / 1.055) ** 2.4)
    expected = (clean * shot**2 + read**2) ** 0.5  # 24576 samples: the spread is known to 0.5 %
    assert light.std() == pytest.approx(expected, rel=0.03)
    assert not torch.equal(
        noisy, photograph(gray, PANORAMA, Photography(shot_noise=shot, read_noise=read), seed=4)
    )


def test_a_seed_is_one_picture_and_the_seam_stays():
    color = picture(PANORAMA)
    for seed in range(6):
        setting = random_photography(seed)
        assert setting == random_photography(seed) != random_photography(seed + 1)
        one = photograph(color, PANORAMA, setting, seed=seed)
        assert torch.equal(one, photograph(color, PANORAMA, setting, seed=seed))
        assert 0 <= one.min() <= one.max() <= 1
        step = (one.roll(1, 1) - one).abs().mean((0, 2))
        assert step[0] < 2.5 * step.median() + 0.01
    quiet = Photography(blur=0.9, quality=40, vignette=0.5)
    rolled = photograph(color.roll(64, 1), PANORAMA, quiet).roll(-64, 1)
    torch.testing.assert_close(rolled, photograph(color, PANORAMA, quiet), atol=0.03, rtol=0)


def test_no_block_of_a_jpeg_ends_at_the_seam():
    x = torch.arange(128)[None, :, None] / 128
    slope = (0.5 + 0.3 * torch.sin(6.2831853 * x)).expand(64, 128, 3)
    one = photograph(slope, PANORAMA, Photography(quality=10))
    step = (
        (one.roll(-1, 1) - one).abs().mean((0, 2))
    )  # largest between blocks; the slope is steepest at the seam
    assert step[-1] < 0.5 * step.max()


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(InvalidInput, match="rgb"):
        photograph(torch.zeros(32, 64, 3), PANORAMA, Photography())
