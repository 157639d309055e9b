"""Prompt texts that the panorama and video LoRAs were used with."""

from __future__ import annotations

from ..errors import InvalidInput

__all__ = ["PROMPT_PRESETS", "apply_prompt_preset"]

_VIDEO_SUFFIX = (
    " The video is of high quality, and the view is very clear. High quality, masterpiece, best quality, "
    "highres, ultra-detailed, fantastic."
)
_VIDEO_NEGATIVE = (
    "The video is not of a high quality, it has a low resolution. Distortion. strange artifacts."
)
_NEGATIVE_5B_SUFFIX = " flickering. worst quality. low quality"
_PANORAMA_FRAME = ("A high quality 360 panorama photo of", "HDR, RAW, 360 consistent, omnidirectional")

PROMPT_PRESETS: dict[str, tuple[str, str]] = {
    "video": ("{prompt}" + _VIDEO_SUFFIX, _VIDEO_NEGATIVE),
    "video 5B": ("{prompt}" + _VIDEO_SUFFIX, _VIDEO_NEGATIVE + _NEGATIVE_5B_SUFFIX),
    "text to panorama": ("{prompt}", ""),
    "image to panorama": (" ".join((_PANORAMA_FRAME[0], "{prompt}", _PANORAMA_FRAME[1])), ""),
}
"""Frame of the positive text and the negative text by use. FLUX takes no negative text."""


def apply_prompt_preset(preset: str, prompt: str, extra_negative: str = "") -> tuple[str, str]:
    """Wrap a description in upstream's wording.

    Args:
        preset: a name of `PROMPT_PRESETS`.
        prompt: the description of the scene, used as given.
        extra_negative: added to the negative text after a space.

    Returns:
        The positive and the negative text.

    Raises:
        InvalidInput: for an unknown preset.
    """
    if preset not in PROMPT_PRESETS:
        raise InvalidInput(f"preset must be one of {', '.join(PROMPT_PRESETS)}; got {preset!r}.")
    frame, negative = PROMPT_PRESETS[preset]
    before, _, after = frame.partition("{prompt}")
    positive = before + prompt + after if prompt.strip() else (before.rstrip() + after).strip()
    return positive, " ".join(filter(None, (negative, extra_negative.strip())))
