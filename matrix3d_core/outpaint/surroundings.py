"""Continue a part of the sphere around the rest, colors and distances, without a model.

The part is mirrored at its sides until it has gone around, and the farther from it the more blurred: next to the border
everything continues as it ended there, far from it only light, color and rough shape are left. Below it, clean ground
continues on the ground plane. Distances are mirrored and blurred alike, as a factor to a plain layout: the ground
plane, walls around the camera, and a ceiling unless the part shows sky.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.spherical import erp_directions
from ..guidance.inpaint import pull_push

__all__ = ["SpherePart", "Surroundings", "continue_around"]

_LEAST_SKY = 0.01  # of the part: less is a window or an error, and the layout gets a ceiling
_LEAST_GROUND = 0.004
_BLUR_PER_ANGLE, _BLUR_ABOVE = 0.06, 0.2
_MOST_BLUR_RAD = math.radians(5)
_GROUND_BLUR = 0.2  # of the blur elsewhere: texture does not look repeated
_CLEAN_WITHIN_RAD = math.radians(12)  # objects that stand on the ground are gone that far from the border
_MIRROR_UP_RAD, _MIRROR_DOWN_RAD = math.radians(2.5), math.radians(7)  # mirroring slows down and stops there
_LOWEST_RAD = math.radians(6)  # of the part stands for the ground where none is seen
_SKY_ABOVE_RAD = (math.radians(3), math.radians(18))  # what rises beyond the upper border ends in between
_LEAST_CEILING = 0.5  # of the camera height, above the camera
_MOST_REACH = 200.0  # of the camera height: walls of the layout


@dataclass(frozen=True)
class SpherePart:
    """What is known of a level panorama: one region around its center.

    Attributes:
        rgb: ``[H, W, 3]`` in [0, 1].
        depth_ray: ``[H, W]`` meters, finite and positive where seen and not sky.
        is_seen: ``[H, W]`` bool.
        is_sky: ``[H, W]`` bool.
        is_ground: ``[H, W]`` bool, on the plane ``camera_height`` below the camera.
        camera_height: meters.
    """

    rgb: Tensor
    depth_ray: Tensor
    is_seen: Tensor
    is_sky: Tensor
    is_ground: Tensor
    camera_height: float

    def __post_init__(self) -> None:
        size = check_shape("rgb", self.rgb, "H W 3")
        check_two_to_one("rgb", size["H"], size["W"])
        for name in ("depth_ray", "is_seen", "is_sky", "is_ground"):
            check_shape(name, getattr(self, name), f"{size['H']} {size['W']}")
        if not 0 < self.camera_height < math.inf:
            raise InvalidInput(f"camera_height must be positive; got {self.camera_height}.")
        if not bool(self.is_seen.any()):
            raise InvalidInput("is_seen must hold at least one pixel; got none.")


@dataclass(frozen=True)
class Surroundings:
    """A whole panorama; where the part was seen, it is the part itself.

    Attributes:
        rgb: ``[H, W, 3]``.
        depth_ray: ``[H, W]`` meters, inf in the sky.
        is_sky: ``[H, W]`` bool.
        has_ceiling: the part shows no sky to speak of.
    """

    rgb: Tensor
    depth_ray: Tensor
    is_sky: Tensor
    has_ceiling: bool


def continue_around(part: SpherePart) -> Surroundings:
    """Continue a part of a panorama around the rest."""
    height, width = part.is_seen.shape
    rays = erp_directions(height, width)
    seen = part.is_seen
    solid = seen & ~part.is_sky
    weight = torch.sin((torch.arange(height) + 0.5) / height * math.pi)[:, None].expand(height, width)

    def share(mask: Tensor) -> float:
        return float((weight * mask).sum() / (weight * seen).sum())

    has_ceiling = share(part.is_sky & seen) < _LEAST_SKY
    layout, is_floor = _layout(part, rays, solid, has_ceiling)
    fold = _Fold.of(seen)
    rows, columns = fold.everywhere()

    # Everything is mirrored at once: sky and the rest with weights of their own, so that neither bleeds into the other.
    factor = torch.where(solid, torch.log(part.depth_ray / layout), 0.0)
    sky, rest = (part.is_sky & seen).float(), solid.float()
    maps = torch.cat((part.rgb * sky[..., None], part.rgb * rest[..., None], factor[..., None]), dim=-1)
    maps = torch.cat((maps, sky[..., None], rest[..., None]), dim=-1)
    maps = torch.where(seen[..., None], maps, _read(maps, rows, columns))
    away, up = fold.away(columns)
    blur = (away * _BLUR_PER_ANGLE + up * _BLUR_ABOVE).clamp(max=_MOST_BLUR_RAD)
    soft = _blurred(maps, blur)
    sky_rgb, rest_rgb, factor, sky, rest = soft.split((3, 3, 1, 1, 1), dim=-1)
    share_of_sky = (sky / (sky + rest).clamp(min=1e-6))[..., 0]
    sky_rgb, rest_rgb = sky_rgb / sky.clamp(min=1e-4), rest_rgb / rest.clamp(min=1e-4)
    factor = factor[..., 0] / rest[..., 0].clamp(min=1e-4)

    is_clean = is_floor * _smooth_step(away / _CLEAN_WITHIN_RAD)
    is_ground = part.is_ground & seen
    if share(is_ground) < _LEAST_GROUND:
        rim = fold.bottom[None] - (torch.arange(height)[:, None] + 0.5) < _LOWEST_RAD / math.pi * height
        is_ground = solid & rim & (rays[..., 1] > 0)
    if bool(is_ground.any()):
        ground = _ground_colors(part, is_ground, rays, fold)
        ground = _blurred(torch.where(seen[..., None], part.rgb, ground), blur * _GROUND_BLUR)
        rest_rgb = torch.lerp(rest_rgb, ground, is_clean[..., None])
    down = rays[..., 1]
    depth_ray = layout * torch.exp(factor * (1 - is_clean))
    too_deep = torch.log(depth_ray * down.clamp(min=1e-4) / part.camera_height).clamp(min=0)
    depth_ray = depth_ray * torch.exp(-too_deep * _smooth_step(away / _CLEAN_WITHIN_RAD))

    is_sky = torch.zeros_like(seen)
    rgb = rest_rgb
    if not has_ceiling:
        low, high = _SKY_ABOVE_RAD
        is_sky = (share_of_sky + ((up - low) / (high - low)).clamp(0, 1) > 0.5) & (down < 0)
        far_sky = pull_push(part.rgb, part.is_sky & seen)
        mixed = torch.lerp(sky_rgb, far_sky, _smooth_step(away / math.radians(14))[..., None])
        mixed = torch.where(sky > 0.02, mixed, far_sky)
        rgb = torch.where(is_sky[..., None], mixed, rest_rgb)
    rgb = _even_poles(rgb)
    is_sky = torch.where(seen, part.is_sky, is_sky)
    depth_ray = torch.where(seen, part.depth_ray, depth_ray).masked_fill(is_sky, math.inf)
    return Surroundings(
        torch.where(seen[..., None], part.rgb, rgb.clamp(0, 1)), depth_ray, is_sky, has_ceiling
    )


def _layout(part: SpherePart, rays: Tensor, solid: Tensor, has_ceiling: bool) -> tuple[Tensor, Tensor]:
    """Return the distance to a plain room or open place, and where it is ground, 0 to 1."""
    level = torch.hypot(rays[..., 0], rays[..., 2])
    walls = solid & ~part.is_ground
    around = part.depth_ray * level
    if bool(walls.any()):
        reach = float(around[walls].median())
    else:
        reach = float(around[solid].quantile(0.95)) if bool(solid.any()) else math.inf
    height = part.camera_height
    reach = min(max(reach, 1.5 * height), _MOST_REACH * height)
    distance = reach / level.clamp(min=0.25)
    ground = height / rays[..., 1].clamp(min=1e-4)
    is_floor = _smooth_step((distance / ground - 0.8) / 0.2)
    distance = torch.minimum(distance, ground)
    if has_ceiling:
        above = (-part.depth_ray * rays[..., 1])[solid]
        top = float(above[:: max(1, len(above) // 100_000)].quantile(0.97)) if len(above) else 0.0
        ceiling = max(top, _LEAST_CEILING * height)
        distance = torch.minimum(distance, ceiling / (-rays[..., 1]).clamp(min=1e-4))
    return distance, is_floor


@dataclass(frozen=True)
class _Fold:
    """Where each pixel finds its mirror image in the seen part.

    Attributes:
        left: ``[H]`` first column of the part in each row, an edge; rows above and below repeat the last usable one.
        right: ``[H]`` one past the last.
        top: ``[W]`` first row in each column, an edge; columns beside the part repeat.
        bottom: ``[W]`` one past the last.
        tiles: mirrored copies that go around; odd, so that the last one ends where the part begins.
    """

    left: Tensor
    right: Tensor
    top: Tensor
    bottom: Tensor
    tiles: int

    @classmethod
    def of(cls, seen: Tensor) -> _Fold:
        height, width = seen.shape
        left, right = _extents(seen)
        count = torch.where(seen.all(1), 0, right - left)
        is_usable = count >= 0.6 * count.max()
        rows = is_usable.nonzero()[:, 0]
        clamped = torch.arange(height).clamp(int(rows[0]), int(rows[-1]))
        span = float((right - left)[is_usable].float().median())
        tiles = max(1, 2 * round(((width - span) / span - 1) / 2) + 1)
        top, bottom = _extents(seen.mT)
        columns = seen.any(0).nonzero()[:, 0]
        inside = torch.arange(width).clamp(int(columns[0]), int(columns[-1]))
        return cls(
            left[clamped].float(), right[clamped].float(), top[inside].float(), bottom[inside].float(), tiles
        )

    def columns(self) -> Tensor:  # [H, W]
        """Return the column in the part of every pixel, as a continuous coordinate (centers at whole numbers)."""
        height, width = len(self.left), len(self.top)
        column = torch.arange(width).float().expand(height, width)
        left, right = self.left[:, None], self.right[:, None]
        span = (width - (right - left)) / self.tiles
        beyond = torch.remainder(column + 0.5 - right, width)
        turn = torch.floor(beyond / span).clamp(max=self.tiles - 1)
        place = beyond / span - turn
        place = torch.where(turn.long() % 2 == 0, 1 - place, place)
        is_inside = (column + 0.5 >= left) & (column + 0.5 <= right)
        return torch.where(is_inside, column, left + place * (right - left) - 0.5)

    def everywhere(self) -> tuple[Tensor, Tensor]:
        """Return row and column in the part of every pixel."""
        height = len(self.left)
        columns = self.columns()
        row = torch.arange(height).float()[:, None].expand_as(columns)
        slow, slow_down = (angle / math.pi * height for angle in (_MIRROR_UP_RAD, _MIRROR_DOWN_RAD))
        top, bottom = self._border(columns)
        above, below = (top - row - 0.5).clamp(min=0), (row + 0.5 - bottom).clamp(min=0)
        rows = torch.where(above > 0, top + slow * torch.tanh(above / slow) - 0.5, row)
        mirrored = bottom - slow_down * torch.tanh(below / slow_down) - 0.5
        return torch.where(below > 0, mirrored, rows), columns

    def away(self, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Return how far every pixel is from the part, 0 inside, and how far above its upper border, radians."""
        height, width = len(self.left), len(self.top)
        row = torch.arange(height).float()[:, None]
        beyond = torch.remainder(torch.arange(width) + 0.5 - self.right[:, None], width)
        outside = width - (self.right - self.left)[:, None]
        beside = torch.minimum(beyond, outside - beyond).clamp(min=0) * (math.tau / width)
        top, bottom = self._border(columns)
        above, below = (
            rows.clamp(min=0) * (math.pi / height) for rows in (top - row - 0.5, row + 0.5 - bottom)
        )
        return torch.hypot(beside * torch.sin((row + 0.5) / height * math.pi), above + below), above

    def _border(self, columns: Tensor) -> tuple[Tensor, Tensor]:
        index = columns.round().long().clamp(0, len(self.top) - 1)
        return self.top[index], self.bottom[index]


def _extents(mask: Tensor) -> tuple[Tensor, Tensor]:  # [H, W] -> [H], [H]
    """Return the first set column of each row and one past the last; 0 and 0 where none is set."""
    width = mask.shape[1]
    column = torch.arange(width)
    first = torch.where(mask, column, width).amin(1)
    last = torch.where(mask, column, -1).amax(1) + 1
    return torch.where(last > 0, first, 0), last


def _ground_colors(part: SpherePart, is_ground: Tensor, rays: Tensor, fold: _Fold) -> Tensor:  # [H, W, 3]
    """Return the color of the ground in every direction below the horizon: what is seen, without objects, mirrored on
    the plane itself where it is nearer than the part shows."""
    height, width = part.is_seen.shape
    inner = _eroded(is_ground)
    clean = pull_push(part.rgb, inner if bool(inner.any()) else is_ground)
    azimuth = (fold.columns() + 0.5) / width * math.tau - math.pi
    down = rays[..., 1].clamp(min=0.02)
    radius = torch.sqrt(1 - down * down) / down  # in camera heights
    across, ahead = radius * torch.sin(azimuth), radius * torch.cos(azimuth)
    middle = int((fold.left + fold.right).median() / 2)
    dip = (float(fold.bottom[min(middle, width - 1)]) / height - 0.5) * math.pi
    if math.radians(4) < dip < math.radians(85):
        nearest = 1 / math.tan(dip)
        ahead = torch.where(ahead < nearest, 2 * nearest - ahead, ahead)
    radius = torch.hypot(across, ahead)
    rows = (torch.atan2(torch.ones_like(radius), radius) / math.pi + 0.5) * height - 0.5
    columns = (torch.atan2(across, ahead) + math.pi) / math.tau * width - 0.5
    return _read(clean, rows, columns)


def _read(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:  # [H, W, C]
    """Read between pixels, bilinear."""
    height, width = maps.shape[:2]
    grid = torch.stack(((columns + 0.5) / width * 2 - 1, (rows + 0.5) / height * 2 - 1), dim=-1)
    read = torch.nn.functional.grid_sample(
        maps.permute(2, 0, 1)[None], grid[None], padding_mode="border", align_corners=False
    )
    return read[0].permute(1, 2, 0)


def _eroded(mask: Tensor) -> Tensor:
    return torch.nn.functional.max_pool2d((~mask).float()[None, None], 5, stride=1, padding=2)[0, 0] == 0


def _smooth_step(t: Tensor) -> Tensor:
    t = t.clamp(0, 1)
    return t * t * (3 - 2 * t)


def _blurred(maps: Tensor, sigma_rad: Tensor) -> Tensor:  # [H, W, C], [H, W]
    """Blur by a width of its own at every pixel, over the border; near the poles by as many columns as elsewhere."""
    height = maps.shape[0]
    levels = [maps.permute(2, 0, 1)]
    most = float(sigma_rad.max()) / math.pi * height
    while 0.5 * 2 ** (len(levels) - 1) < most and min(levels[-1].shape[1:]) > 8:
        levels.append(_halved(levels[-1]))
    level = torch.log2((sigma_rad / math.pi * height / 0.5).clamp(min=0.5)).clamp(0, len(levels) - 1)
    result = torch.zeros_like(levels[0])
    for number, layer in enumerate(levels):
        weight = (1 - (level - number).abs()).clamp(min=0)
        if bool((weight > 0).any()):
            full = layer
            for finer in reversed(levels[:number]):
                full = _doubled(full, finer.shape[1], finer.shape[2])
            result += full * weight
    return result.permute(1, 2, 0)


def _halved(maps: Tensor) -> Tensor:  # [C, H, W]
    height, width = maps.shape[1:]
    padded = torch.nn.functional.pad(maps[None], (1, 1 + width % 2, 0, 0), mode="circular")
    padded = torch.nn.functional.pad(padded, (0, 0, 1, 1 + height % 2), mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, 4, stride=2)[0]


def _doubled(maps: Tensor, height: int, width: int) -> Tensor:
    padded = torch.nn.functional.pad(maps[None], (1, 1, 0, 0), mode="circular")
    padded = torch.nn.functional.pad(padded, (0, 0, 1, 1), mode="replicate")
    up = torch.nn.functional.interpolate(padded, scale_factor=2, mode="bilinear", align_corners=False)
    return up[0, :, 2 : 2 + height, 2 : 2 + width]


def _even_poles(rgb: Tensor) -> Tensor:
    """Blur along the rows next to the poles, where neighbors on the sphere are many columns apart."""
    height, width = rgb.shape[:2]
    sine = torch.sin((torch.arange(height) + 0.5) / height * math.pi)
    result = rgb.clone()
    for row in (sine < 0.25).nonzero()[:, 0].tolist():
        reach = min(width // 2, max(1, round(0.01 * width / float(sine[row]))))
        line = torch.nn.functional.pad(rgb[row].mT[None], (reach, reach), mode="circular")
        kernel = torch.hann_window(2 * reach + 3, periodic=False)[1:-1]
        kernel = (kernel / kernel.sum()).expand(3, 1, -1)
        result[row] = torch.nn.functional.conv1d(line, kernel, groups=3)[0].mT
    return result
