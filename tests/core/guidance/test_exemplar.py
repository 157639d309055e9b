"""Completion of a picture from its own patches: against the definition of the distance, and with known answers."""

import numpy as np
import torch

from matrix3d_core.guidance.exemplar import inpaint_by_example, paint_hidden
from matrix3d_core.guidance.hidden_geometry import HiddenSurface
from matrix3d_core.guidance.kernels_exemplar import complete_picture, patch_distance


def checked(height, width, period):
    rows, columns = np.mgrid[:height, :width]
    value = ((rows // period + columns // period) % 2).astype(np.float32)
    return np.repeat(value[..., None], 3, 2) * np.array((0.6, 0.4, 0.2), np.float32) + np.float32(0.2)


def test_patch_distance_is_the_mean_over_what_both_show():
    random = np.random.default_rng(0)
    image = random.random((12, 14, 3)).astype(np.float32)
    have, known = random.random((12, 14)) < 0.8, random.random((12, 14)) < 0.8
    for row, column, v, u in ((5, 5, 6, 8), (0, 0, 4, 4), (11, 13, 3, 3), (2, 6, 9, 1)):
        squares = [
            float(((image[row + i, column + j] - image[v + i, u + j]) ** 2).sum())
            for i in range(-3, 4)
            for j in range(-3, 4)
            if all(0 <= y < 12 and 0 <= x < 14 for y, x in ((row + i, column + j), (v + i, u + j)))
            and have[row + i, column + j]
            and known[v + i, u + j]
        ]
        expected = np.mean(squares) if len(squares) >= 8 else 1e9
        found = patch_distance(image, have, known, row, column, v, u, np.float32(1e9))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_checkerboard_goes_on():
    truth = checked(64, 80, 6)
    target = np.zeros((64, 80), bool)
    target[22:44, 26:52] = True
    image = np.where(target[..., None], np.float32(0), truth)
    assert complete_picture(image, ~target, target, 1)
    assert np.array_equal(image[~target], truth[~target])
    # Seen: 0; the mean color would miss by 0.2.
    assert np.abs(image - truth)[target].mean() < 0.02


def test_only_seen_colors_are_used_and_the_same_every_time():
    random = np.random.default_rng(0)
    truth = random.random((40, 40, 3)).astype(np.float32)
    target = np.zeros((40, 40), bool)
    target[12:25, 15:30] = True
    made = [np.where(target[..., None], np.float32(0), truth) for _ in range(2)]
    for image in made:
        assert complete_picture(image, ~target, target, 5)
    assert np.array_equal(*made)
    colors = {tuple(color) for color in truth[~target]}
    assert all(tuple(color) in colors for color in made[0][target])


def test_without_examples_nothing_is_claimed():
    target = np.ones((20, 20), bool)
    known = np.zeros((20, 20), bool)
    assert not complete_picture(np.zeros((20, 20, 3), np.float32), known, target, 1)


def test_texture_crosses_the_border_of_the_panorama():
    """A hole over the seam, on a surface without planes: its texture has the contrast of what surrounds it."""
    height, width = 64, 128
    rgb = torch.from_numpy(checked(height, width, 4))
    region = torch.zeros(height, width, dtype=torch.bool)
    region[24:36, :8] = region[24:36, -8:] = True
    label = torch.zeros(height, width, dtype=torch.int32)
    part = torch.where(region, 0, -1).int()
    surface = HiddenSurface(label, label, part, torch.zeros(0, 3), torch.full((height, width), 0.5))
    made = paint_hidden(torch.where(region.unsqueeze(-1), 0.0, rgb), surface, ~region)
    assert torch.equal(made[~region], rgb[~region])
    contrast = made[region].std(0) / rgb[~region].std(0)
    assert 0.8 < float(contrast.min())
    assert float(contrast.max()) < 1.2


def test_another_surface_is_not_copied():
    """A hole with a narrow rim of its own surface, and checks at another distance around: too little to copy from."""
    height, width = 64, 128
    rgb = torch.from_numpy(checked(height, width, 3))
    region, own = torch.zeros(2, height, width, dtype=torch.bool)
    region[24:40, 50:70], own[22:42, 48:72] = True, True
    rgb[own] = 0.5
    label = torch.where(own, 0, -1).int()
    part = torch.where(region, 0, -1).int()
    surface = HiddenSurface(
        label, torch.zeros_like(label), part, torch.zeros(0, 3), torch.where(own, 0.5, 0.4)
    )
    made = paint_hidden(rgb, surface, ~region)
    torch.testing.assert_close(made[region], torch.full((int(region.sum()), 3), 0.5), rtol=0, atol=1e-3)


def test_mixed_pixels_of_a_silhouette_are_not_continued():
    height, width = 48, 96
    rgb, is_open = torch.full((height, width, 3), 0.5), torch.zeros(height, width, dtype=torch.bool)
    rgb[19:31, 39:56, 0] = 0.9
    is_open[20:30, 40:55] = True
    depth_ray, pose = torch.full((height, width), 5.0), torch.eye(4, dtype=torch.float64)
    made = inpaint_by_example(rgb, depth_ray, is_open, None, pose, torch.zeros(height, width))
    torch.testing.assert_close(made.rgb[is_open], torch.full((150, 3), 0.5), rtol=0, atol=1e-3)
