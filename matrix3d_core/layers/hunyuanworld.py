"""Layered panoramas of HunyuanWorld-1.0: the folder that its layer decomposition leaves.

``full_image.png`` is the panorama, ``remove_fg1_image.png`` the same without the nearest layer,
``remove_fg2_image.png`` without the second either, ``sky_image.png`` the sky alone; ``fg1_mask.png``,
``fg2_mask.png`` and ``sky_mask.png`` are the masks. Layers that it did not find are not there. The same pictures
enlarged, ``full_image_sr.png`` and so on, aren't read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..checks import check_two_to_one
from ..depth.resample import resize_panorama, resized
from ..errors import FormatError
from ..io.images import read_image

__all__ = ["HunyuanWorldLayers", "read_hunyuanworld_folder"]


@dataclass(frozen=True)
class HunyuanWorldLayers:
    """What such a folder holds, all of one size.

    Attributes:
        image: ``[H, W, 3]`` the whole panorama.
        foreground: ``[F, H, W]`` bool, masks of the foreground layers, farthest first; without any, one empty mask.
        is_sky: ``[H, W]`` bool, False everywhere without a sky.
        completed: ``[L, H, W, 3]`` a picture of each layer without the nearer ones, farthest first.
    """

    image: Tensor
    foreground: Tensor
    is_sky: Tensor
    completed: Tensor


def read_hunyuanworld_folder(folder: str | os.PathLike[str]) -> HunyuanWorldLayers:
    """Read a folder; see the module.

    Raises:
        FormatError: when the panorama is missing, or a mask without the picture behind it.
    """
    place = Path(folder)
    if not (place / "full_image.png").is_file():
        raise FormatError(
            f"{place.name}: full_image.png is missing. Give the folder that HunyuanWorld-1.0 wrote its layers to."
        )
    image = read_image(place / "full_image.png")
    height = image.shape[0]
    check_two_to_one(f"{place.name}: full_image.png", height, image.shape[1])

    def picture(name: str) -> Tensor:
        path = place / name
        if not path.is_file():
            raise FormatError(
                f"{place.name}: {name} is missing, the picture behind a layer whose mask is there."
            )
        return resize_panorama(read_image(path), height)

    def mask(name: str) -> Tensor | None:
        path = place / name
        if not path.is_file():
            return None
        values = resized(read_image(path).mean(-1), image.shape[:2])
        return values > 0.5 * values.max() if float(values.max()) > 0 else None  # 0 and 1 of 255, too

    pictures: list[Tensor] = []
    foreground: list[Tensor] = []
    shown = image
    for number in (1, 2):  # the nearest first
        found = mask(f"fg{number}_mask.png")
        if found is not None:
            foreground.insert(0, found)
            pictures.insert(0, shown)
            shown = picture(f"remove_fg{number}_image.png")
    pictures.insert(0, shown)
    sky = mask("sky_mask.png")
    is_sky = torch.zeros(image.shape[:2], dtype=torch.bool)
    if sky is not None:
        # Some say sky by white, others by black; the sky is above.
        upper, lower = sky[: height // 4].float().mean(), sky[-(height // 4) :].float().mean()
        is_sky = sky if upper > lower else ~sky
        pictures.insert(0, picture("sky_image.png"))
    masks = torch.stack(foreground) if foreground else torch.zeros(1, *image.shape[:2], dtype=torch.bool)
    return HunyuanWorldLayers(image, masks, is_sky, torch.stack(pictures))
