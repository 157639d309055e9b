"""Styles for pictures that need no model: palette of a reference, cartoon, ink, evening and night.

All of them work in sizes that are angles, so that views and panoramas look alike; panoramas (2:1) wrap around.

Source: H. Winnemoeller, S. C. Olsen, B. Gooch, Real-Time Video Abstraction, 2006 (soft steps of lightness); H.
Winnemoeller, J. E. Kyprianidis, S. C. Olsen, XDoG, 2012 (lines); G. Papari, N. Petkov, P. Campisi, Artistic Edge and
Corner Enhancing Smoothing, 2007 (smoothing by sectors); H. W. Jensen et al., Night Rendering, 2000 (rod vision).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..light.irradiance import linear_from_srgb, srgb_from_linear
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from .palette import check_pictures, oklab_from_srgb, palette_table, srgb_from_oklab

__all__ = ["PICTURE_STYLES", "style_pictures"]

_ROWS = 512  # of a view of 90 degrees for which the widths below are in pixels
_SECTORS = 8
_LUMA = (0.2126, 0.7152, 0.0722)
_WIDEST = 4.0  # of a blur, pixels; wider ones are made of a smaller picture
_PAPER, _INK = (0.96, 0.94, 0.88), (0.07, 0.07, 0.11)
_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
_MOON, _LAMP = (0.55, 0.72, 1.2), (1.0, 0.62, 0.24)
_MOONLIGHT, _CONES = 0.08, 0.15  # of daylight on the screen; what is left of hues


@attentive
def style_pictures(
    pictures: Tensor,  # [T, H, W, 3]
    style: str,
    *,
    reference: Tensor | None = None,  # [R, H, W, 3]
    lights: Tensor | None = None,  # [T, H, W]
    strength: float = 1.0,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [T, H, W, 3]
    """Give pictures another look.

    Args:
        pictures: ``[T, H, W, 3]`` sRGB, 0 to 1; 2:1 pictures are panoramas.
        style: one of `PICTURE_STYLES`. ``palette`` takes palette and light from the reference, one map for all
            pictures; ``cartoon`` has flat areas and dark lines; ``ink`` is a line drawing with a wash on paper;
            ``evening`` has warm light and cool shadows; ``night`` is moonlight as rods see it, with lamps on.
        reference: for ``palette``, any size.
        lights: for ``night``, where lamps and windows are lit (``[T, H, W]``, or one for all); without it small bright
            warm spots are.
        strength: 0 leaves the pictures, 1 is the whole style.
        progress: called before each picture.

    Raises:
        InvalidInput: for other shapes, NaN, an unknown style, a strength out of range, no reference where one is needed
            or one of a single color.
    """
    check_pictures("image", pictures)
    if style not in PICTURE_STYLES:
        raise InvalidInput(f"style must be one of {', '.join(PICTURE_STYLES)}; got {style!r}.")
    if not 0 <= strength <= 1:
        raise InvalidInput(f"strength must lie in 0..1; got {strength}.")
    pictures = pictures.detach().cpu().float().clamp(0, 1)
    if style == "palette":
        if reference is None:
            raise InvalidInput(
                "the style palette must have a reference; got none. Connect a picture to reference."
            )
        table = palette_table(pictures, reference.detach().cpu().clamp(0, 1))
    lit = None if lights is None else _fitting_lights(lights, pictures)
    results: list[Tensor] = []
    for number, picture in enumerate(pictures):
        progress(ProgressEvent(number, len(pictures), "style pictures", results[-1] if results else None))
        if style == "palette":
            results.append(table(picture, strength))
            continue
        planes = _Planes(picture)
        styled = (
            _night(planes, None if lit is None else lit[number])
            if style == "night"
            else _STYLES[style](planes)
        )
        results.append(torch.lerp(picture, styled.clamp(0, 1), strength))
    return torch.stack(results)


def _fitting_lights(lights: Tensor, pictures: Tensor) -> Tensor:  # [T, H, W]
    count, height, width = pictures.shape[:3]
    got = check_shape("lights", lights, "T H W")["T"]
    check_finite("lights", lights)
    if got not in (1, count):
        raise InvalidInput(f"lights must be one mask, or one for each of the {count} pictures; got {got}.")
    lights = lights.detach().cpu().float().clamp(0, 1)[:, None]
    if lights.shape[2:] != (height, width):
        lights = torch.nn.functional.interpolate(lights, (height, width), mode="bilinear", antialias=True)
    return lights[:, 0].expand(count, height, width)


class _Planes:
    """A picture with blurs and shifts that know its borders.

    Args:
        picture: ``[H, W, 3]``.
    """

    def __init__(self, picture: Tensor) -> None:
        self.picture = picture
        height, width = picture.shape[:2]
        self.wraps = width == 2 * height
        self.pixel = (height / 2 if self.wraps else height) / _ROWS
        """Pixels for one pixel of a view of `_ROWS`."""

    def window(self, planes: Tensor, left: int, top: int, width: int, height: int) -> Tensor:
        """Return a window ``[C, height, width]`` that may reach beyond the border: around a panorama, else its edge."""
        rows = torch.arange(top, top + height).clamp(0, planes.shape[1] - 1)
        columns = torch.arange(left, left + width)
        last = planes.shape[2]
        columns = columns % last if self.wraps else columns.clamp(0, last - 1)
        return planes[:, rows][:, :, columns]

    def blur(self, planes: Tensor, sigma: float) -> Tensor:  # [C, H, W]
        """Blur by a Gaussian, sigma in pixels of the picture; wide ones on a smaller picture."""
        factor = 1
        while sigma / factor > _WIDEST:
            factor *= 2
        height, width = planes.shape[1:]
        taps = max(1, math.ceil(3 * sigma / factor))
        reach, size = factor * (taps + 1), [-(-side // factor) * factor for side in (width, height)]
        wide = self.window(planes, -reach, -reach, size[0] + 2 * reach, size[1] + 2 * reach)[:, None]
        small = torch.nn.functional.avg_pool2d(wide, factor) if factor > 1 else wide
        kernel = torch.exp(-0.5 * (torch.arange(-taps, taps + 1) * factor / sigma).square())
        kernel = kernel / kernel.sum()
        for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
            small = torch.nn.functional.conv2d(small, kernel.view(shape))
        if factor > 1:
            small = torch.nn.functional.interpolate(
                small, scale_factor=factor, mode="bilinear", align_corners=False
            )
        return small[:, 0, factor : factor + height, factor : factor + width]

    def shifted(self, planes: Tensor, right: int, down: int) -> Tensor:  # [C, H, W]
        """Return planes whose pixels are those that lie so far to the right and down."""
        return self.window(planes, right, down, planes.shape[2], planes.shape[1])

    def ring(self, radius: float) -> list[tuple[int, int]]:
        """Return steps to places all around, as wide as ``radius`` pixels of a view of `_ROWS`."""
        reach = max(1.0, radius * self.pixel)
        turns = (math.tau * k / _SECTORS for k in range(_SECTORS))
        return [(round(reach * math.cos(t)), round(reach * math.sin(t))) for t in turns]


def _luma(rgb: Tensor) -> Tensor:  # [H, W, 3] -> [1, H, W]
    return (rgb @ torch.tensor(_LUMA))[None]


def _ramp(values: Tensor, low: float, high: float) -> Tensor:
    share = ((values - low) / (high - low)).clamp(0, 1)
    return share.square() * (3 - 2 * share)


def _painted(planes: _Planes, radius: float) -> Tensor:  # [H, W, 3]
    """Return flat areas with sharp borders: the mean of the side that varies least."""
    picture = planes.picture.permute(2, 0, 1)
    sigma = max(0.5, 0.5 * radius * planes.pixel)
    stacked = planes.blur(torch.cat((picture, picture.square().sum(0, keepdim=True))), sigma)
    sums, total = torch.zeros_like(picture), torch.zeros_like(picture[:1])
    for right, down in planes.ring(0.7 * radius):
        side = planes.shifted(stacked, right, down)
        spread = (side[3:] - side[:3].square().sum(0, keepdim=True)).clamp_min(1e-6)
        weight = spread.pow(-4)
        sums, total = sums + weight * side[:3], total + weight
    return (sums / total).permute(1, 2, 0)


def _lines(
    planes: _Planes, lightness: Tensor, width: float, level: float, hard: float
) -> Tensor:  # [1, H, W]
    """Return 1 on paper and 0 on dark lines: where a narrow mean is darker than a wide one."""
    sigma = max(0.7, width * planes.pixel)
    narrow, wide = planes.blur(lightness, sigma), planes.blur(lightness, 1.6 * sigma)
    off = narrow - wide + level
    return torch.where(off > 0, 1.0, 1 + torch.tanh(hard * off))


def _cartoon(planes: _Planes) -> Tensor:
    painted = _painted(planes, 7.0)
    lab = oklab_from_srgb(painted)
    steps = 8.0
    nearest = (lab[..., :1] * steps).round() / steps
    lightness = nearest + torch.tanh(3 * steps * (lab[..., :1] - nearest)) / (2 * steps)
    flat = srgb_from_oklab(torch.cat((lightness.clamp(0, 1), 1.3 * lab[..., 1:]), -1))
    calm = oklab_from_srgb(_painted(planes, 3.0))[..., 0][None]
    dark = _lines(planes, calm, 1.2, 0.02, 90.0)
    return flat * dark[0, ..., None]


def _ink(planes: _Planes) -> Tensor:
    lightness = oklab_from_srgb(planes.picture)[..., 0][None]
    dark = _lines(planes, lightness, 1.0, 0.009, 130.0)
    calm = oklab_from_srgb(_painted(planes, 6.0))[..., 0][None]
    wash = 0.35 + 0.4 * _ramp(calm, 0.25, 0.5) + 0.25 * _ramp(calm, 0.55, 0.8)
    paper, ink = torch.tensor(_PAPER), torch.tensor(_INK)
    return torch.lerp(
        ink.expand_as(planes.picture), paper.expand_as(planes.picture), (dark * wash)[0, ..., None]
    )


def _evening(planes: _Planes) -> Tensor:
    light = linear_from_srgb(planes.picture)
    luma = _luma(light)[0, ..., None]
    warm, cool = torch.tensor((1.3, 0.82, 0.48)), torch.tensor((0.72, 0.72, 1.05))
    tint = torch.lerp(
        cool.expand_as(light), warm.expand_as(light), _ramp(luma.clamp_min(0).sqrt(), 0.2, 0.75)
    )
    return srgb_from_linear((0.62 * light * tint * (0.55 + 0.6 * luma.clamp_min(0).sqrt())).clamp(0, 1))


def _night(planes: _Planes, lights: Tensor | None) -> Tensor:
    light = linear_from_srgb(planes.picture)
    x, y, z = (light @ torch.tensor(_XYZ).mT + 1e-5).unbind(-1)
    rods = (y * (1.33 * (1 + (y + z) / x) - 1.68)).clamp_min(0)[..., None]
    rods = _MOONLIGHT * (rods / 1.2).clamp(1e-6, 1.5)
    dark = torch.lerp(rods * torch.tensor(_MOON), _MOONLIGHT * light, _CONES)
    lit = _spots(planes, light) if lights is None else lights
    lamp = torch.tensor(_LAMP) * (0.35 + 0.65 * _luma(light)[0, ..., None])
    lit = lit[..., None]
    glow = (lit * torch.tensor(_LAMP)).permute(2, 0, 1)
    near, far = planes.blur(glow, 6 * planes.pixel), planes.blur(glow, 40 * planes.pixel)
    shine = (0.25 * near + 0.6 * far).permute(1, 2, 0)
    return srgb_from_linear((dark * (1 - lit) + lit * lamp + shine * (0.06 + light)).clamp(0, 1))


def _spots(planes: _Planes, light: Tensor) -> Tensor:  # [H, W]
    """Return what shines: small, bright, warm, and brighter than what is around it on every side."""
    luma = _luma(light)
    calm = planes.blur(luma, max(0.7, 1.5 * planes.pixel))
    around = torch.stack([planes.shifted(calm, *step) for step in planes.ring(24.0)]).amax(0)
    is_warm = _ramp(light[..., 0] - light[..., 2], 0.02, 0.15)
    return _ramp((calm - around)[0], 0.1, 0.35) * _ramp(luma[0], 0.45, 0.8) * is_warm


_STYLES: dict[str, Callable[[_Planes], Tensor]] = {"cartoon": _cartoon, "ink": _ink, "evening": _evening}

PICTURE_STYLES = ("palette", *_STYLES, "night")
"""What `style_pictures` can do."""
