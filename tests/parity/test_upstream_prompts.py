"""The prompt presets, letter by letter."""

import pytest

from matrix3d_core.video.prompts import apply_prompt_preset

SUFFIX = (
    " The video is of high quality, and the view is very clear. High quality, masterpiece, best quality, "
    "highres, ultra-detailed, fantastic."
)
NEGATIVE = "The video is not of a high quality, it has a low resolution. Distortion. strange artifacts."


@pytest.mark.parametrize(
    ("preset", "positive", "negative"),
    [
        ("video", "A quiet harbor." + SUFFIX, NEGATIVE),
        ("video 5B", "A quiet harbor." + SUFFIX, NEGATIVE + " flickering. worst quality. low quality"),
        ("text to panorama", "A quiet harbor.", ""),
        (
            "image to panorama",
            "A high quality 360 panorama photo of A quiet harbor. HDR, RAW, 360 consistent, omnidirectional",
            "",
        ),
    ],
)
def test_presets_are_upstreams_words(preset, positive, negative):
    assert apply_prompt_preset(preset, "A quiet harbor.") == (positive, negative)
