"""Compiled pieces of the CPU optimizer: crops of panoramas, the loss with its gradient, sparse Adam."""

from __future__ import annotations

import math

import numpy as np

from ..compiled import sliced
from ..metrics.image import C1 as _C1
from ..metrics.image import C2 as _C2
from ..metrics.image import SSIM_WINDOW_PX, ssim_window

__all__ = ["COLUMNS", "adam_rows", "crop_panorama", "loss_and_gradient"]

FAST = {"reassoc", "contract", "arcp", "nsz", "afn"}
f4 = np.float32
TAPS = SSIM_WINDOW_PX
WINDOW = np.array(ssim_window(), np.float32)
C1, C2 = f4(_C1), f4(_C2)
HALF, ONE, TWO, ZERO = f4(0.5), f4(1.0), f4(2.0), f4(0.0)

COLUMNS = 14
"""Parameters per Gaussian: mean 3, quaternion 4, log scale 3, opacity logit 1, color 3."""


@sliced(grain=1, fastmath=FAST)
def crop_panorama(begin, until, panorama, weight_map, rotation, focal_px, rgb, weight):
    """Fill a pinhole crop bilinearly from an ERP picture ``[H, W, 3]`` and its weights ``[H, W]``.

    ``rotation`` is camera-from-panorama; the principal point is the middle. Columns wrap, rows beyond
    a pole continue on the other side, as in `geometry.spherical.sample_erp`.
    """
    height, width = panorama.shape[0], panorama.shape[1]
    size_y, size_x = rgb.shape[0], rgb.shape[1]
    inverse_focal = 1.0 / focal_px
    for row in range(begin, until):
        y = (row + 0.5 - 0.5 * size_y) * inverse_focal
        for column in range(size_x):
            x = (column + 0.5 - 0.5 * size_x) * inverse_focal
            dx = rotation[0, 0] * x + rotation[1, 0] * y + rotation[2, 0]
            dy = rotation[0, 1] * x + rotation[1, 1] * y + rotation[2, 1]
            dz = rotation[0, 2] * x + rotation[1, 2] * y + rotation[2, 2]
            u = (math.atan2(dx, dz) / math.tau + 0.5) * width - 0.5
            v = (math.atan2(dy, math.sqrt(dx * dx + dz * dz)) / math.pi + 0.5) * height - 0.5
            # Within the picture except for NaN, which has no whole number.
            u = u if abs(u) <= width else 0.0
            v = v if abs(v) <= height else 0.0
            left, top = math.floor(u), math.floor(v)
            across, down = f4(u - left), f4(v - top)
            r0 = r1 = r2 = w = ZERO
            for j in range(2):
                source_row = int(top) + j
                turned = 0
                if source_row < 0:
                    source_row, turned = -1 - source_row, width // 2
                elif source_row >= height:
                    source_row, turned = 2 * height - 1 - source_row, width // 2
                share_row = down if j else ONE - down
                for i in range(2):
                    source_column = (int(left) + i + turned) % width
                    share = share_row * (across if i else ONE - across)
                    r0 += share * panorama[source_row, source_column, 0]
                    r1 += share * panorama[source_row, source_column, 1]
                    r2 += share * panorama[source_row, source_column, 2]
                    w += share * weight_map[source_row, source_column]
            rgb[row, column, 0] = r0
            rgb[row, column, 1] = r1
            rgb[row, column, 2] = r2
            weight[row, column] = w


@sliced(grain=1, fastmath=FAST)
def _filter_rows(begin, until, picture, target, out):
    """Filter x, y, x^2, y^2, x y of three channels along rows: out ``[H, 15, W - 10]``."""
    width = picture.shape[1]
    for row in range(begin, until):
        line = np.empty((5, width), np.float32)
        for channel in range(3):
            for x in range(width):
                a, b = picture[row, x, channel], target[row, x, channel]
                line[0, x] = a
                line[1, x] = b
                line[2, x] = a * a
                line[3, x] = b * b
                line[4, x] = a * b
            for kind in range(5):
                for x in range(width - TAPS + 1):
                    total = ZERO
                    for tap in range(TAPS):
                        total += WINDOW[tap] * line[kind, x + tap]
                    out[row, 5 * channel + kind, x] = total


@sliced(grain=1, fastmath=FAST)
def _ssim_slopes(begin, until, filtered, weight, scale, slopes, sums):
    """Finish the filter along columns; write d(loss)/d(mean x), d(x^2), d(x y) and the sum of 1 - SSIM."""
    width = slopes.shape[2]
    reach = TAPS // 2
    for row in range(begin, until):
        line = np.empty((5, width), np.float32)
        total_loss = 0.0
        for channel in range(3):
            for kind in range(5):
                for x in range(width):
                    line[kind, x] = ZERO
                for tap in range(TAPS):
                    share = WINDOW[tap]
                    for x in range(width):
                        line[kind, x] += share * filtered[row + tap, 5 * channel + kind, x]
            for x in range(width):
                a, b = line[0, x], line[1, x]
                a1, a2 = TWO * a * b + C1, TWO * (line[4, x] - a * b) + C2
                b1, b2 = a * a + b * b + C1, (line[2, x] - a * a) + (line[3, x] - b * b) + C2
                inverse = ONE / (b1 * b2)
                similarity = a1 * a2 * inverse
                w = weight[row + reach, x + reach] * scale
                total_loss += w * (ONE - similarity)
                slopes[row, 3 * channel, x] = -w * (
                    TWO * b * (a2 - a1) * inverse + TWO * a * similarity * (ONE / b2 - ONE / b1)
                )
                slopes[row, 3 * channel + 1, x] = w * similarity / b2
                slopes[row, 3 * channel + 2, x] = -w * TWO * a1 * inverse
        sums[row] = total_loss


@sliced(grain=1, fastmath=FAST)
def _spread_columns(begin, until, slopes, out):
    """Transpose of the filter along columns: ``[H - 10, 9, w] -> [H, 9, w]``."""
    rows, width = slopes.shape[0], slopes.shape[2]
    for row in range(begin, until):
        for plane in range(9):
            for x in range(width):
                out[row, plane, x] = ZERO
            for tap in range(TAPS):
                source = row - tap
                if 0 <= source < rows:
                    share = WINDOW[tap]
                    for x in range(width):
                        out[row, plane, x] += share * slopes[source, plane, x]


@sliced(grain=1, fastmath=FAST)
def _finish(begin, until, picture, target, weight, scale, spread, gradient, sums):
    """Transpose of the filter along rows, put together with the absolute difference."""
    width = picture.shape[1]
    inner = spread.shape[2]
    for row in range(begin, until):
        padded = np.zeros((3, inner + 2 * (TAPS - 1)), np.float32)
        total_loss = 0.0
        for channel in range(3):
            for kind in range(3):
                for x in range(inner):
                    padded[kind, x + TAPS - 1] = spread[row, 3 * channel + kind, x]
            for x in range(width):
                d_mean = d_square = d_product = ZERO
                for tap in range(TAPS):  # the window is symmetric
                    share = WINDOW[tap]
                    d_mean += share * padded[0, x + tap]
                    d_square += share * padded[1, x + tap]
                    d_product += share * padded[2, x + tap]
                a, b = picture[row, x, channel], target[row, x, channel]
                difference = a - b
                w = weight[row, x] * scale
                total_loss += w * abs(difference)
                sign = ONE if difference > ZERO else (-ONE if difference < ZERO else ZERO)
                gradient[row, x, channel] = w * sign + d_mean + TWO * a * d_square + b * d_product
        sums[row] = total_loss


def loss_and_gradient(
    picture: np.ndarray, target: np.ndarray, weight: np.ndarray, ssim_lambda: float
) -> tuple[float, np.ndarray]:
    """Return ``(1 - s) mean(w |a - b|) + s mean(w (1 - SSIM))`` and its gradient in the picture.

    Pictures ``[H, W, 3]`` float32, at least 11x11; ``weight [H, W]``. SSIM counts where its window fits
    and takes the weight of the window's middle. Slow twin: `optimize.losses.photometric_loss`.
    """
    height, width = weight.shape
    inner_y, inner_x = height - TAPS + 1, width - TAPS + 1
    filtered = np.empty((height, 15, inner_x), np.float32)
    _filter_rows(height, picture, target, filtered)
    slopes = np.empty((inner_y, 9, inner_x), np.float32)
    ssim_sums, l1_sums = np.empty(inner_y), np.empty(height)
    _ssim_slopes(inner_y, filtered, weight, f4(ssim_lambda / (3 * inner_x * inner_y)), slopes, ssim_sums)
    spread = np.empty((height, 9, inner_x), np.float32)
    _spread_columns(height, slopes, spread)
    gradient = np.empty((height, width, 3), np.float32)
    _finish(
        height,
        picture,
        target,
        weight,
        f4((1 - ssim_lambda) / (3 * height * width)),
        spread,
        gradient,
        l1_sums,
    )
    return float(ssim_sums.sum() + l1_sums.sum()), gradient


@sliced(grain=1024, fastmath=FAST)
def adam_rows(
    begin,
    until,
    visible,
    g_means,
    g_quats,
    g_scales,
    g_opacities,
    g_colors,
    means,
    quats,
    scales,
    opacities,
    colors,
    values,
    first,
    second,
    steps,
    size,
    floors,
    lr_scale,
    rates,
    limits,
    corrections,
):
    """Take one Adam step for the visible Gaussians only, and refresh their activated values.

    Rows out of view keep value and moments; each row counts its own steps for the bias correction.
    ``values [N, 14]`` are the raw parameters, ``rates [8]`` = mean (in units of the Gaussian's own
    ``size``), quaternion, log scale, logit, color, beta 1, beta 2, epsilon; ``floors [N, 3]`` = smallest
    log scale of each axis; ``lr_scale [N]`` = share of the rates for each Gaussian, 0 leaves it as it is;
    ``limits [3]`` = largest log scale relative to the size, smallest and largest logit;
    ``corrections [S + 1, 2]`` = ``1 - beta^step`` for both moments.

    Source: D. Kingma, J. Ba, Adam, 2015, algorithm 1.
    """
    beta1, beta2 = rates[5], rates[6]
    for n in range(begin, until):
        i = visible[n]
        lr_scale_i = lr_scale[i]
        if lr_scale_i == ZERO:
            continue
        gradient = np.empty(COLUMNS, np.float32)
        opacity = opacities[i]
        for c in range(3):
            gradient[c] = g_means[n, c] * size[i]
            gradient[7 + c] = g_scales[n, c] * scales[i, c]
            gradient[11 + c] = g_colors[n, c]
        for c in range(4):
            gradient[3 + c] = g_quats[n, c]
        gradient[10] = g_opacities[n] * opacity * (ONE - opacity)
        healthy = True
        for c in range(COLUMNS):
            healthy &= abs(gradient[c]) < f4(1e30)  # false for NaN too
        if not healthy:
            continue
        steps[i] += 1
        correct1, correct2 = corrections[steps[i], 0], corrections[steps[i], 1]
        for c in range(COLUMNS):
            g = gradient[c]
            m = beta1 * first[i, c] + (ONE - beta1) * g
            s = beta2 * second[i, c] + (ONE - beta2) * g * g
            first[i, c] = m
            second[i, c] = s
            rate = (
                rates[0] * size[i]
                if c < 3
                else (rates[1] if c < 7 else (rates[2] if c < 10 else (rates[3] if c == 10 else rates[4])))
            )
            values[i, c] -= lr_scale_i * rate * (m / correct1) / (math.sqrt(s / correct2) + rates[7])
        reference = math.log(size[i])
        for c in range(3):
            log_scale = min(max(values[i, 7 + c], floors[i, c]), reference + limits[0])
            values[i, 7 + c] = log_scale
            scales[i, c] = math.exp(log_scale)
            color = min(max(values[i, 11 + c], ZERO), ONE)
            values[i, 11 + c] = color
            colors[i, c] = color
            means[i, c] = values[i, c]
        norm = ZERO
        for c in range(4):
            norm += values[i, 3 + c] * values[i, 3 + c]
        norm = ONE / max(math.sqrt(norm), f4(1e-12))
        for c in range(4):
            values[i, 3 + c] *= norm
            quats[i, c] = values[i, 3 + c]
        logit = min(max(values[i, 10], limits[1]), limits[2])
        values[i, 10] = logit
        opacities[i] = ONE / (ONE + math.exp(-logit))
