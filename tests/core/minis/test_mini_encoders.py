"""States of texts and pictures without weights."""

import pytest
import torch
import torch.nn.functional as F

from matrix3d_core.errors import InvalidInput
from matrix3d_core.minis.encoders import (
    PANO_TEXT,
    VIDEO_TEXT,
    image_states,
    pano_text,
    text_states,
    video_image,
    video_text,
)

HARBOR = [0.106197, -1.552978, -0.014457]


def alike(a, b, width=1024):
    return float(F.cosine_similarity(text_states(a, width)[1], text_states(b, width)[1], 0))


def test_a_text_is_its_words_after_their_mean():
    states, mean = text_states("A town SQUARE, by day.", 64, 9)
    assert states.shape == (9, 64)
    assert torch.equal(states[0], mean)
    words = [text_states(word, 64)[0][1] for word in ("a", "town", "square", "by", "day")]
    assert torch.equal(states[1:6], torch.stack(words))
    assert bool((states[6:] == 0).all())
    torch.testing.assert_close(states[:6].square().mean(1), torch.ones(6))
    assert torch.equal(text_states("a town square, by day", 64, 3)[0], states[:3])
    assert text_states("", 64)[0].shape == (2, 64)
    assert torch.equal(text_states("", 64)[0], text_states(" ... ", 64)[0])


def test_words_of_one_stem_are_alike_and_others_are_not():
    assert alike("tree", "trees") > 0.5
    assert alike("forest", "forests") > 0.6
    assert abs(alike("forest", "kitchen")) < 0.2
    assert alike("a street of brick houses", "brick houses on a street") > 0.75


def test_states_are_the_same_everywhere():
    """Fixed numbers: models are trained on them."""
    states, _ = text_states("harbor", 8)
    torch.testing.assert_close(states[1, :3], torch.tensor(HARBOR), rtol=1e-5, atol=1e-5)


def test_a_picture_is_its_patches():
    rng = torch.Generator().manual_seed(0)
    picture = torch.rand(224, 224, 3, generator=rng)
    states = image_states(picture)
    assert states.shape == (257, 1280)
    row, column = 3, 11
    patch = picture[14 * row : 14 * row + 14, 14 * column : 14 * column + 14].flatten() * 4 - 2
    torch.testing.assert_close(states[1 + 16 * row + column, :588], patch)
    places = states[1:, 588:604]
    assert len(torch.unique(places.round(decimals=4), dim=0)) == 256
    torch.testing.assert_close(states[0], states[1:].mean(0))
    assert bool((states[:, 604:] == 0).all())


def test_bad_input():
    with pytest.raises(InvalidInput, match="width must be at least 8; got 4"):
        text_states("x", 4)
    with pytest.raises(InvalidInput, match="picture"):
        image_states(torch.zeros(16, 16, 3))


def test_texts_and_pictures_have_the_sizes_that_the_models_take():
    states, pooled = pano_text("a harbor")
    assert states.shape == PANO_TEXT
    assert pooled.shape == (PANO_TEXT[1],)
    assert video_text("a harbor").shape == VIDEO_TEXT
    assert bool((video_text("a harbor")[3:] == 0).all())
    assert video_text("word " * 600).shape == VIDEO_TEXT
    picture = torch.rand(224, 224, 3)
    torch.testing.assert_close(video_image(picture), image_states(picture))
    assert video_image(torch.rand(64, 128, 3)).shape == (257, 1280)
