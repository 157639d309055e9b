"""Encoders of texts and pictures without weights, in the form of text encoders and CLIP vision, for small models.

A word is the sum of fixed random vectors of its letter triples and of itself, so that "tree" and "trees" are alike; a
picture is its own patches. What they mean is learned by the model that gets them.

Source: P. Bojanowski et al., Enriching Word Vectors with Subword Information, 2017 (words from letter groups).
"""

from __future__ import annotations

import functools
import hashlib
import math
import re

import torch
from torch import Tensor

from ..checks import check_shape
from ..diffusion.conditioning import clip_picture
from ..errors import InvalidInput

__all__ = [
    "IMAGE_STATES",
    "IMAGE_WIDTH",
    "PANO_GUIDANCE",
    "PANO_TEXT",
    "VIDEO_TEXT",
    "image_states",
    "pano_text",
    "text_states",
    "video_image",
    "video_text",
]

PANO_TEXT = (32, 256)
"""States of a text, and their width, that the small panorama model takes."""

PANO_GUIDANCE = 1.0
"""FLUX's distilled guidance that it was trained with."""

VIDEO_TEXT = (512, 4096)
"""States of a text, and their width, that the host's Wan models take."""

IMAGE_STATES, IMAGE_WIDTH = 257, 1280
"""What Wan 2.1 takes of CLIP vision: one state of the whole and 16x16 of patches."""

_PATCH_PX, _GRID = 14, 16
_WORD = re.compile(r"[^\W_]+")


def text_states(text: str, width: int, count: int = 0) -> tuple[Tensor, Tensor]:
    """Return the states of a text.

    Args:
        text: in any language; case does not matter.
        width: of a state.
        count: states to return, zero beyond the words; 0: as many as there are.

    Returns:
        ``[count, width]``, first the mean of all words, then each word in turn, about one in size; and that mean alone,
        ``[width]``.

    Raises:
        InvalidInput: for a width below 8.
    """
    if width < 8:
        raise InvalidInput(f"width must be at least 8; got {width}.")
    words = _WORD.findall(text.lower()) or [""]
    each = torch.stack([_word_state(word, width) for word in words])
    mean = each.mean(0)
    mean = mean / mean.square().mean().sqrt().clamp_min(1e-6)
    states = torch.cat((mean[None], each))
    if count:
        states = torch.cat((states, torch.zeros(max(0, count - len(states)), width)))[:count]
    return states, mean


@functools.lru_cache(maxsize=4096)
def _word_state(word: str, width: int) -> Tensor:
    framed = f"<{word}>"
    parts = {framed, *(framed[i : i + 3] for i in range(len(framed) - 2))}
    total = torch.stack([_fixed_vector(part, width) for part in sorted(parts)]).sum(0)
    return total / total.square().mean().sqrt()


def _fixed_vector(part: str, width: int) -> Tensor:
    seed = int.from_bytes(hashlib.blake2b(part.encode(), digest_size=8).digest(), "big") >> 1
    return torch.randn(width, generator=torch.Generator().manual_seed(seed))


def image_states(picture: Tensor) -> Tensor:  # [257, 1280]
    """Return the states of a picture as CLIP vision's are formed: the mean of all patches, then 16x16 patches.

    A state holds a patch's 588 values, made to vary about zero, and where it is.

    Args:
        picture: ``[224, 224, 3]`` in [0, 1], such as `diffusion.conditioning.clip_picture` makes.

    Raises:
        InvalidInput: for another size.
    """
    check_shape("picture", picture, f"{_GRID * _PATCH_PX} {_GRID * _PATCH_PX} 3")
    patches = (picture.float() * 4 - 2).unflatten(1, (_GRID, _PATCH_PX)).unflatten(0, (_GRID, _PATCH_PX))
    values = patches.permute(0, 2, 1, 3, 4).reshape(_GRID * _GRID, -1)  # [rows * columns, 14 * 14 * 3]
    place = (torch.arange(_GRID) + 0.5) / _GRID * math.pi
    waves = torch.cat(
        [f(2**k * place)[:, None] for k in range(4) for f in (torch.sin, torch.cos)], 1
    )  # [16, 8]
    rows, columns = waves[:, None].expand(-1, _GRID, -1), waves[None].expand(_GRID, -1, -1)
    where = torch.cat((rows, columns), -1).reshape(_GRID * _GRID, -1)
    states = torch.zeros(IMAGE_STATES, IMAGE_WIDTH)
    states[1:, : values.shape[1]] = values
    states[1:, values.shape[1] : values.shape[1] + where.shape[1]] = where
    states[0] = states[1:].mean(0)
    return states


def pano_text(prompt: str) -> tuple[Tensor, Tensor]:
    """Return the states ``[32, 256]`` and the pooled state that the small panorama model takes."""
    return text_states(prompt, PANO_TEXT[1], PANO_TEXT[0])


def video_text(prompt: str) -> Tensor:
    """Return the states ``[512, 4096]`` that the small video model takes, as the host pads those of UMT5."""
    return text_states(prompt, VIDEO_TEXT[1], VIDEO_TEXT[0])[0]


def video_image(frame: Tensor) -> Tensor:
    """Return the states ``[257, 1280]`` of a video's first frame ``[H, W, 3]`` that the small video model takes."""
    return image_states(clip_picture(frame))
