"""What a camera adds to a rendered picture: exposure, white balance, tone curve, lens, sensor noise and JPEG.

Source: shot and read noise after A. Foi et al., Practical Poissonian-Gaussian noise modeling and fitting for
single-image raw-data, IEEE TIP 2008; the other steps are those of any camera's processing.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import check_shape
from ..light.irradiance import linear_from_srgb, srgb_from_linear
from ..scene.camera import Camera

__all__ = ["Photography", "photograph", "random_photography"]


@dataclass(frozen=True)
class Photography:
    """One setting of a camera and its processing.

    Attributes:
        exposure: stops.
        white_balance: gains of red and blue, in linear light.
        contrast: slope of the tone curve at middle gray; 1 leaves it.
        saturation: 0 gray, 1 as it is.
        vignette: share of light lost in the corners of a perspective view.
        blur: standard deviation in pixels; negative sharpens by that much.
        shot_noise: standard deviation of the photon noise at white.
        read_noise: standard deviation of the sensor's own noise.
        chroma: share of the noise that differs between the channels.
        quality: of the JPEG, 1 to 95; 0 writes none.
    """

    exposure: float = 0.0
    white_balance: tuple[float, float] = (1.0, 1.0)
    contrast: float = 1.0
    saturation: float = 1.0
    vignette: float = 0.0
    blur: float = 0.0
    shot_noise: float = 0.0
    read_noise: float = 0.0
    chroma: float = 0.6
    quality: int = 0


def random_photography(seed: int, *, strength: float = 1.0) -> Photography:
    """Return the setting of a seed, from a good camera by day to a phone in the evening.

    Args:
        seed: any whole number.
        strength: 0 changes nothing, 1 is usual.
    """
    rng = np.random.default_rng((seed % 2**63, 0x70686F74))

    def normal(spread: float) -> float:
        return float(np.clip(rng.normal(), -2.5, 2.5)) * spread * strength

    noise = 0.035 * strength * float(rng.uniform()) ** 2
    warm = normal(0.09)
    return Photography(
        exposure=normal(0.35),
        white_balance=(math.exp(warm + normal(0.02)), math.exp(-warm + normal(0.02))),
        contrast=math.exp(normal(0.14)),
        saturation=math.exp(normal(0.18)),
        vignette=0.45 * strength * float(rng.uniform()) ** 2,
        blur=(float(rng.uniform(0.0, 0.9)) if rng.uniform() < 0.6 else -float(rng.uniform(0.0, 0.6)))
        * strength,
        shot_noise=noise,
        read_noise=0.25 * noise,
        chroma=float(rng.uniform(0.3, 0.9)),
        quality=int(rng.uniform(55, 96)) if strength > 0 else 0,
    )


def photograph(rgb: Tensor, camera: Camera, setting: Photography, *, seed: int = 0) -> Tensor:
    """Return a rendered picture as a camera would have taken it.

    A panorama gets no vignette, and all that looks at neighbors goes around it, so that its seam stays.

    Args:
        rgb: ``[H, W, 3]`` display color, 0..1.
        camera: what it was rendered with.
        setting: see `random_photography`.
        seed: of the noise.

    Returns:
        ``[H, W, 3]`` float32 display color, 0..1.

    Raises:
        InvalidInput: for a picture of another shape or size than the camera's.
    """
    check_shape("rgb", rgb, f"{camera.height} {camera.width} 3")
    is_panorama = camera.wraps
    light = linear_from_srgb(rgb.detach().to("cpu", torch.float32).clamp(0, 1))
    red, blue = setting.white_balance
    light = light * (2.0**setting.exposure) * torch.tensor((red, 1.0, blue))
    if setting.vignette > 0 and not is_panorama:
        light = light * _falloff(camera.height, camera.width, setting.vignette)[..., None]
    if setting.blur != 0:
        light = _blurred(light, setting.blur, is_panorama)
    light = _noisy(light.clamp_min(0), setting, seed)
    color = _toned(srgb_from_linear(light.clamp(0, 1)), setting)
    return _jpeg(color, setting.quality, is_panorama) if setting.quality > 0 else color


def _falloff(height: int, width: int, share: float) -> Tensor:  # [H, W]
    y = (torch.arange(height) + 0.5) / height * 2 - 1
    x = (torch.arange(width) + 0.5) / width * 2 - 1
    return 1 - share * ((x[None] ** 2 + y[:, None] ** 2) / 2) ** 1.5


def _blurred(light: Tensor, blur: float, is_panorama: bool) -> Tensor:
    """Blur, or sharpen by adding what the blur takes away."""
    sigma = blur if blur > 0 else 1.0
    taps = torch.exp(-0.5 * (torch.arange(-2, 3) / max(sigma, 0.05)) ** 2)
    taps = (taps / taps.sum()).to(light.dtype)
    planes = light.permute(2, 0, 1)[:, None]
    padded = torch.nn.functional.pad(planes, (2, 2, 0, 0), mode="circular" if is_panorama else "replicate")
    across = torch.nn.functional.conv2d(padded, taps[None, None, None])
    padded = torch.nn.functional.pad(across, (0, 0, 2, 2), mode="replicate")
    soft = torch.nn.functional.conv2d(padded, taps[None, None, :, None])[:, 0].permute(1, 2, 0)
    return soft if blur > 0 else light - blur * (light - soft)


def _noisy(light: Tensor, setting: Photography, seed: int) -> Tensor:
    """Add shot noise, which grows with the root of the light, and read noise."""
    if setting.shot_noise <= 0 and setting.read_noise <= 0:
        return light
    rng = np.random.default_rng((seed % 2**63, 0x6E6F6973))
    gray = rng.standard_normal((*light.shape[:2], 1), np.float32)
    own = rng.standard_normal(tuple(light.shape), np.float32)
    share = setting.chroma
    noise = torch.from_numpy((1 - share**2) ** 0.5 * gray + share * own)
    return light + noise * (setting.shot_noise**2 * light + setting.read_noise**2).sqrt()


def _toned(color: Tensor, setting: Photography) -> Tensor:
    """Bend the tone curve about middle gray, black and white staying, and scale the saturation."""
    c, k = color.clamp(0, 1), setting.contrast
    low, high = (2 * c) ** k / 2, 1 - (2 * (1 - c)) ** k / 2
    c = torch.where(c < 0.5, low, high)
    gray = c @ torch.tensor((0.299, 0.587, 0.114))
    return (gray[..., None] + (c - gray[..., None]) * setting.saturation).clamp(0, 1)


def _jpeg(color: Tensor, quality: int, is_panorama: bool) -> Tensor:
    """Write and read a JPEG; a panorama continued over its sides, so that none of the blocks ends at its seam."""
    from PIL import Image

    width = color.shape[1]
    left, right = (4, 12) if is_panorama else (0, 0)
    wide = torch.cat([color[:, width - left :], color, color[:, :right]], 1)
    buffer = io.BytesIO()
    Image.fromarray((wide * 255).round().to(torch.uint8).numpy()).save(buffer, "JPEG", quality=quality)
    pixels = torch.from_numpy(np.array(Image.open(buffer))).to(torch.float32) / 255
    return pixels[:, left : left + width]
