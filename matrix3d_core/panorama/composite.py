"""Blends original photos back into the panorama that was outpainted around them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import torch
from torch import Tensor

from ..checks import check_finite, check_shape, check_two_to_one
from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from .color import fit_gain
from .photo import PlacedPhoto, Placement, plan_on_photo, smooth_step, warp_photo, width_that_keeps
from .resample import Lookup, PlannedReads, pad_erp, resize_erp
from .views import plan_view

__all__ = [
    "BLEND_REGIONS",
    "SIZES",
    "ColorMatch",
    "Composite",
    "CompositeReport",
    "CompositeSettings",
    "KeptPixels",
    "composite_photos",
    "composite_width",
]

SIZES = ("as generated", "keep the photo's pixels", "given width")
"""How `composite_width` chooses the size of the panorama."""

_WIDEST = 16384

BLEND_REGIONS = ("outside the photo", "inside the photo")
"""Side of the blend: outside keeps every pixel of the photo, inside fades its rim."""

_MARGIN_PX = 2.5  # the photo is drawn that far beyond its border, so that lookups near it read only the photo
_WORKING_WIDTH = 1024  # for what is smooth: gains, and the correction around the border
_MOST_ROUNDS = 40
_ENOUGH = 0.2 / 255  # rounding the panorama to 8 bits may add 0.5 * 1.25^2 of a step; together below 1
_MOMENTUM = 0.5
_OVER = 1.0


@dataclass(frozen=True)
class CompositeSettings:
    """How photos are blended back in.

    Attributes:
        feather_rad: width of the blend along the border.
        blend_region: one of `BLEND_REGIONS`.
        match_gain: match the generated side to the photo's colors.
        keep_pixels: change the drawn photo until a view of the panorama at the photo's pose returns
            the photo's own pixels; needs a panorama that is fine enough (`width_that_keeps`).
        keep_within: stop when no channel of the view is farther off than this.
    """

    feather_rad: float = math.radians(2)
    blend_region: str = BLEND_REGIONS[0]
    match_gain: bool = True
    keep_pixels: bool = False
    keep_within: float = _ENOUGH

    def __post_init__(self) -> None:
        if self.blend_region not in BLEND_REGIONS:
            raise InvalidInput(
                f"blend_region must be one of {', '.join(BLEND_REGIONS)}; got {self.blend_region!r}."
            )
        if not 0 <= self.feather_rad <= math.pi / 2:
            degrees = math.degrees(self.feather_rad)
            raise InvalidInput(f"feather must lie between 0 and 90 degrees; got {degrees:.4g}.")


class ColorMatch(TypedDict, total=False):
    """Gain and offset of red, green and blue of the generated side; empty where colors are not matched."""

    gain: list[float]
    offset: list[float]


class KeptPixels(TypedDict):
    """How near the view of a photo is to it, in steps of 1 / 255, and how much of it is visible."""

    worst_before_255: float
    worst_255: float
    share_off: float
    """Share of its visible pixels that are off by more than one step."""
    share_visible: float
    rounds: int


class CompositeReport(ColorMatch):
    """Width, color match and, with ``keep_pixels``, each photo."""

    width: int
    photos: NotRequired[list[KeptPixels]]


@dataclass(frozen=True)
class Composite:
    """The finished panorama.

    Attributes:
        rgb: ``[H, W, 3]`` float32 in [0, 1].
        photo_weight: ``[H, W]`` float32, 1 where the photo is used, 0 where the generated panorama is.
        report: gains, and with ``keep_pixels`` the error of each photo's view; JSON values.
    """

    rgb: Tensor
    photo_weight: Tensor
    report: CompositeReport


def composite_width(placement: Placement, generated_width: int, size: str, given: int = 0) -> int:
    """Return the width of the finished panorama.

    Args:
        placement: the photos.
        generated_width: columns of what was generated.
        size: one of `SIZES`; the second is the width at which `CompositeSettings.keep_pixels` holds for all
            photos, never below the generated one.
        given: for the third.

    Raises:
        InvalidInput: for an unknown size, an odd or too small width, or photos that need more than 16384 columns.
    """
    if size not in SIZES:
        raise InvalidInput(f"size must be one of {', '.join(SIZES)}; got {size!r}.")
    if size == SIZES[0]:
        return generated_width
    if size == SIZES[2]:
        if given < 4 or given % 2:
            raise InvalidInput(f"width must be even and at least 4; got {given}.")
        return given
    needed = max(generated_width, *(width_that_keeps(photo) for photo in placement.photos))
    if needed > _WIDEST:
        raise InvalidInput(
            f"the photo's pixels must fit into a panorama at most {_WIDEST} wide; they need {needed}. Use a "
            "smaller copy of the photo, or another size."
        )
    return needed


def composite_photos(
    generated: Tensor,  # [h, w, 3]
    placement: Placement,
    *,
    width: int | None = None,
    settings: CompositeSettings | None = None,
    progress: ProgressFn = no_progress,
) -> Composite:
    """Blend photos back into the panorama that was generated around them.

    The generated side gets one gain and offset per channel, measured in a band inside the photos'
    border where both overlap, and near the border a smooth correction of the remaining
    difference. With ``blend_region="outside the photo"`` the photo is then shown up to its border, all of it; with
    ``"inside the photo"`` it fades in from its border inwards.

    Args:
        generated: ``[h, w, 3]`` in [0, 1], 2:1, drawn at half-pixel centers (as `project_photos` does).
        placement: the photos and their poses.
        width: columns of the result, even; those of ``generated`` without it.
        settings: see `CompositeSettings`.
        progress: called between the steps and the rounds of ``keep_pixels``.

    Returns:
        The panorama.

    Raises:
        InvalidInput: on a wrong shape or size, values that are not finite, or no photo.
    """
    settings = settings or CompositeSettings()
    size = check_shape("generated", generated, "h w 3")
    check_two_to_one("generated", size["h"], size["w"])
    check_finite("generated", generated)
    if not placement.photos:
        raise InvalidInput("placement must hold at least one photo; got none.")
    width = width or size["w"]
    if width % 2 or width < 4:
        raise InvalidInput(f"width must be even and at least 4; got {width}.")
    height = width // 2
    steps = 3 + (_MOST_ROUNDS * len(placement.photos) if settings.keep_pixels else 0)

    progress(ProgressEvent(0, steps, "draw the photos"))
    drawn, angle, owners = _draw(placement, height, width)
    progress(ProgressEvent(1, steps, "match the colors"))
    surround = resize_erp(generated.float(), height, width)
    surround, gains = _match(surround, drawn, angle, settings)
    report: CompositeReport = {"width": width, **gains}
    if settings.blend_region == BLEND_REGIONS[0] or settings.feather_rad == 0:
        edge = -_MARGIN_PX * math.tau / width if settings.blend_region == BLEND_REGIONS[0] else 0.0
        weight = (angle >= edge).float()
    else:
        weight = smooth_step(angle / settings.feather_rad)
    rgb = torch.lerp(surround, drawn, weight.unsqueeze(-1)).clamp(0, 1)
    progress(ProgressEvent(2, steps, "blend the photos back in", rgb))
    if settings.keep_pixels:
        report["photos"] = [
            _keep_pixels(
                rgb, photo, (owners == number) & (weight == 1), progress, number, steps, settings.keep_within
            )
            for number, photo in enumerate(placement.photos)
        ]
    progress(ProgressEvent(steps, steps, "blend the photos back in", rgb))
    return Composite(rgb, weight, report)


def _draw(placement: Placement, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return all photos, the largest border angle, and which photo alone fills a pixel (-1: none)."""
    color = torch.zeros(height, width, 3)
    angle = torch.full((height, width), -math.pi)
    owners = torch.full((height, width), -1, dtype=torch.int16)
    margin = _MARGIN_PX * math.tau / width
    for number, photo in enumerate(placement.photos):
        new, inside = warp_photo(photo, height, width, margin_rad=margin)
        is_drawn = inside >= -margin
        fade = (
            smooth_step(inside / placement.feather_rad)
            if placement.feather_rad > 0
            else (inside >= 0).float()
        )
        # Over an earlier photo the new one fades in; outside of it, its margin yields to the other's inside.
        weight = torch.where(angle >= 0, fade, (is_drawn & (inside > angle)).float())
        color = torch.lerp(color, new.float().clamp(0, 1), (weight * is_drawn).unsqueeze(-1))
        owners = torch.where(weight > 0, -1, owners)
        owners = torch.where((weight == 1) & is_drawn, number, owners).to(torch.int16)
        angle = torch.maximum(angle, inside)
    return color, angle, owners


def _match(
    surround: Tensor, drawn: Tensor, angle: Tensor, settings: CompositeSettings
) -> tuple[Tensor, ColorMatch]:
    """Match the generated side to the photos' colors: overall, then the residual along the border."""
    if not settings.match_gain:
        return surround, {}
    height, width = angle.shape
    size = (height, width) if width <= _WORKING_WIDTH else (_WORKING_WIDTH // 2, _WORKING_WIDTH)
    inside = (angle >= 0).float().unsqueeze(-1)
    share = _area(inside, size)
    ours, theirs = (_area(picture * inside, size) / share.clamp_min(1e-6) for picture in (drawn, surround))
    depth = _area(angle.unsqueeze(-1), size)[..., 0]
    band = max(settings.feather_rad, 8 * math.tau / size[1])
    is_band = (share[..., 0] > 0.999) & (depth < 2 * band)
    gain, offset = fit_gain(theirs[is_band], ours[is_band])
    surround = surround * gain.float() + offset.float()
    report: ColorMatch = {"gain": gain.tolist(), "offset": offset.tolist()}
    if settings.feather_rad == 0:
        return surround, report

    near = ((share[..., 0] > 0.999) & (depth < band)).float().unsqueeze(-1)
    left = (ours - (theirs * gain.float() + offset.float())).clamp(-0.5, 0.5) * near
    sigma = max(1.0, 0.5 * settings.feather_rad / math.tau * size[1])
    blurred = _blur(torch.cat((left, near), dim=-1), sigma)
    amount = blurred[..., 3:]
    correction = blurred[..., :3] / amount.clamp_min(1e-4) * (amount / 0.02).clamp(max=1)
    reach = smooth_step(1 + angle / (2 * settings.feather_rad)).unsqueeze(-1)
    return surround + resize_erp(correction, height, width) * reach, report


def _area(image: Tensor, size: tuple[int, int]) -> Tensor:  # [H, W, C] -> [h, w, C]
    if image.shape[:2] == size:
        return image
    channels = image.movedim(-1, 0).unsqueeze(0)
    return torch.nn.functional.interpolate(channels, size, mode="area")[0].movedim(0, -1)


def _blur(image: Tensor, sigma_px: float) -> Tensor:  # [H, W, C]
    """Blur by a Gaussian over border and poles."""
    reach = min(math.ceil(3 * sigma_px), image.shape[0])
    offsets = torch.arange(-reach, reach + 1, dtype=image.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma_px) ** 2)
    kernel = kernel / kernel.sum()
    channels = pad_erp(image, reach).movedim(-1, 0).unsqueeze(1)
    across = torch.nn.functional.conv2d(channels, kernel[None, None, None, :])
    return torch.nn.functional.conv2d(across, kernel[None, None, :, None])[:, 0].movedim(0, -1)


def _keep_pixels(
    rgb: Tensor,
    photo: PlacedPhoto,
    is_own: Tensor,
    progress: ProgressFn,
    number: int,
    steps: int,
    keep_within: float,
) -> KeptPixels:
    """Correct the drawn photo, in place, until its view returns the photo: add the residual of the view, repeat.

    Source: M. Irani and S. Peleg, Improving resolution by image registration, 1991 (back projection).
    """
    height, width = rgb.shape[:2]
    rows, columns = photo.rgb.shape[:2]
    own = is_own.flatten().nonzero()[:, 0]
    target = photo.rgb.float().clamp(0, 1).reshape(-1, 3)
    flat = rgb.reshape(-1, 3)
    showing = list(plan_view(Lookup(rgb, wraps=True), photo.panorama_from_camera, photo.K_px, rows, columns))
    window = _window_of(is_own, showing)
    # Pixels below a later photo, or in a fade, cannot be kept and do not count.
    mine = _view(Lookup(is_own.float().unsqueeze(-1), wraps=True), showing)[:, 0] > 1 - 1e-4
    placing = list(plan_on_photo(photo, Lookup(photo.rgb, wraps=False), own, height, width))
    done = 0
    worst: list[float] = []
    step = torch.zeros(len(own), 3)
    for done in range(_MOST_ROUNDS + 1):
        shown = _Window(rgb, window) if window else Lookup(rgb, wraps=True)
        missing = (target - _view(shown, showing)) * mine.unsqueeze(-1)
        worst.append(float(missing.abs().max()) * 255)
        event = f"keep the photo's pixels: {worst[-1]:.2f}/255 off at most"
        progress(ProgressEvent(2 + number * _MOST_ROUNDS + done, steps, event))
        if worst[-1] <= keep_within * 255 or done == _MOST_ROUNDS or not len(own):
            break
        change = Lookup(missing.reshape(rows, columns, 3), wraps=False)
        before = flat[own]
        step = _OVER * _view(change, placing) + _MOMENTUM * step
        flat[own] = (before + step).clamp(0, 1)
        step = flat[own] - before
    off = missing.abs().amax(dim=-1) > 1 / 255
    return {
        "worst_before_255": worst[0],
        "worst_255": worst[-1],
        "share_off": float(off.sum()) / max(1, int(mine.sum())),
        "share_visible": float(mine.float().mean()),
        "rounds": done,
    }


class _Window(Lookup):
    """A part of a panorama, read at the coordinates of the whole: no copy of the rest."""

    def __init__(self, rgb: Tensor, window: tuple[int, int, int, int]) -> None:
        self._top, bottom, self._left, right = window
        super().__init__(rgb[self._top : bottom, self._left : right], wraps=False)

    def read(self, columns_px: Tensor, rows_px: Tensor, *, level: int = 0, mode: str = "bicubic") -> Tensor:
        """See `Lookup.read`."""
        return super().read(columns_px - self._left, rows_px - self._top, level=level, mode=mode)


def _window_of(is_own: Tensor, plan: list[PlannedReads]) -> tuple[int, int, int, int] | None:
    """Return first and last row and column, one past, of what a view reads; None where it wraps or reads copies."""
    margin = 8
    rows, columns = is_own.any(1).nonzero()[:, 0], is_own.any(0).nonzero()[:, 0]
    if not len(rows) or any(level for part in plan for _, level, _ in part.groups):
        return None
    window = (
        int(rows[0]) - margin,
        int(rows[-1]) + margin,
        int(columns[0]) - margin,
        int(columns[-1]) + margin,
    )
    return (
        window
        if window[0] >= 0 and window[1] <= len(is_own) and window[2] >= 0 and window[3] <= is_own.shape[1]
        else None
    )


def _view(lookup: Lookup, plan: list[PlannedReads]) -> Tensor:  # [N, C]
    return torch.cat([part.read(lookup) for part in plan]) if plan else torch.zeros(0, 3)
