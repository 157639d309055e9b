"""Slow twins of upstream's video conditioning, sampling tables, rotation and LoRA merge.

Written from a description of upstream's behavior, not from the library: loops and Python floats
wherever the sizes allow. Images are numpy arrays, frames ``[T, H, W, 3]``, masks ``[T, H, W]``, both in
[0, 1] with 1 = seen; 8-bit pictures are ``uint8``.
"""

import math
from fractions import Fraction

import numpy as np
import torch
from PIL import Image

# Guidance ---------------------------------------------------------------------------------------------


def to_bytes(values):
    """8-bit levels of an image in [0, 1]: a video decoder gives these."""
    return np.floor(np.asarray(values, np.float64) * 255.0 + 0.5).clip(0, 255).astype(np.uint8)


def resize_picture(picture_u8, height, width, *, transposed):
    """One 8-bit frame to the model's size; first through ``height`` wide, ``width`` tall if ``transposed``."""
    image = Image.fromarray(picture_u8)
    if transposed:
        image = image.resize((height, width), Image.Resampling.BILINEAR)  # PIL takes (width, height)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def triangle_resize(row, size):
    """PIL's bilinear filter on one row in floats: a triangle, stretched when the row shrinks."""
    scale = len(row) / size
    reach = max(scale, 1.0)
    out = []
    for i in range(size):
        center = (i + 0.5) * scale
        first = max(0, int(center - reach + 0.5))
        last = min(len(row), int(center + reach + 0.5))
        weights = [max(0.0, 1.0 - abs((j + 0.5 - center) / reach)) for j in range(first, last)]
        out.append(sum(w * row[j] for w, j in zip(weights, range(first, last), strict=True)) / sum(weights))
    return out


def triangle_resize_image(image, height, width):
    """Columns first, then rows, without rounding; ``[H, W]`` in, ``[height, width]`` out."""
    wide = [triangle_resize(list(row), width) for row in image]
    tall = [triangle_resize([row[x] for row in wide], height) for x in range(width)]
    return np.array(tall).T


def normalized_guidance(frames, mask, height, width, *, transposed=True):
    """RGB and mask video as the network's loader has them: ``[T,H,W,3]`` and ``[T,H,W]`` in [-1, 1].

    RGB is -1 wherever the mask is below 0.
    """
    rgb_out, mask_out = [], []
    for frame, seen in zip(frames, mask, strict=True):
        rgb = resize_picture(to_bytes(frame), height, width, transposed=transposed)
        # Upstream's mask video has three equal channels.
        gray = resize_picture(
            np.repeat(to_bytes(seen)[:, :, None], 3, 2), height, width, transposed=transposed
        )
        rgb, gray = rgb / 255.0 * 2.0 - 1.0, gray / 255.0 * 2.0 - 1.0
        for y in range(height):
            for x in range(width):
                for c in range(3):
                    if gray[y, x, c] < 0.0:
                        rgb[y, x, c] = -1.0
        rgb_out.append(rgb)
        mask_out.append(gray[:, :, 0])
    return np.stack(rgb_out), np.stack(mask_out)


def bilinear_at(image, v, u):
    """Bilinear value at pixel position (row v, column u), border replicated."""
    height, width = len(image), len(image[0])
    v, u = min(max(v, 0.0), height - 1.0), min(max(u, 0.0), width - 1.0)
    y, x = math.floor(v), math.floor(u)
    y1, x1 = min(y + 1, height - 1), min(x + 1, width - 1)
    b, a = v - y, u - x
    top = float(image[y][x]) * (1 - a) + float(image[y][x1]) * a
    low = float(image[y1][x]) * (1 - a) + float(image[y1][x1]) * a
    return top * (1 - b) + low * b


def shrink_mask(mask_signed, h, w):
    """One mask frame in [-1, 1] to ``h x w`` in [0, 1]: half-pixel bilinear, two taps per axis whatever the scale."""
    height, width = len(mask_signed), len(mask_signed[0])
    out = np.zeros((h, w))
    for y in range(h):
        for x in range(w):
            value = bilinear_at(mask_signed, (y + 0.5) * height / h - 0.5, (x + 0.5) * width / w - 0.5)
            out[y, x] = (value + 1.0) / 2.0
    return out


def frame_of(t, k):
    """Pixel frame in channel k of latent frame t."""
    return 0 if t == 0 else 4 * (t - 1) + 1 + k


def packed_mask(mask_signed, h, w):
    """``[T, H, W]`` in [-1, 1] to ``[4, (T - 1) / 4 + 1, h, w]`` in [0, 1], 1 = given."""
    frames = len(mask_signed)
    assert (frames - 1) % 4 == 0
    small = [shrink_mask(m, h, w) for m in mask_signed]
    latent_frames = (frames - 1) // 4 + 1
    out = np.zeros((4, latent_frames, h, w))
    for k in range(4):
        for t in range(latent_frames):
            out[k, t] = small[frame_of(t, k)]
    return out


def network_input(noisy, mask4, cond):
    """``[C + 4 + C, T, h, w]``: noisy latents, mask, latents of the guidance (36 channels for C = 16)."""
    assert mask4.shape[0] == 4
    assert noisy.shape[1:] == mask4.shape[1:] == cond.shape[1:]
    return np.concatenate([noisy, mask4, cond], 0)


def extra_input_5b(mask_signed, cond):
    """The 5B model's ``[52, T, h, w]``: mask at 1/16 packed like the other, then 48 latent channels."""
    assert cond.shape[0] == 48
    height, width = mask_signed.shape[1:]
    return np.concatenate([packed_mask(mask_signed, height // 16, width // 16), cond], 0)


CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def cubic(x, a=-0.75):
    """The cubic convolution kernel that torch uses."""
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def clip_pixels(frame_signed, size=224):
    """First masked frame in [-1, 1] to what the visual tower takes, ``[3, size, size]``.

    Cubic, four taps per axis whatever the scale, border replicated.
    """
    height, width = frame_signed.shape[:2]

    def taps(length):
        table = np.zeros((size, length))
        for i in range(size):
            center = (i + 0.5) * length / size - 0.5
            for j in range(math.floor(center) - 1, math.floor(center) + 3):
                table[i, min(max(j, 0), length - 1)] += cubic(center - j)
        return table

    rows = np.tensordot(taps(height), np.asarray(frame_signed, np.float64), (1, 0))
    out = np.tensordot(taps(width), rows, (1, 1)).transpose(2, 1, 0)
    mean, std = np.array(CLIP_MEAN)[:, None, None], np.array(CLIP_STD)[:, None, None]
    return ((out + 1) / 2 - mean) / std


# Sampling ---------------------------------------------------------------------------------------------


def round_to_bf16(value):
    """Nearest number with 8 significant bits, ties to even."""
    if value == 0:
        return 0.0
    _, exponent = math.frexp(abs(value))  # 0.5 <= |m| < 1
    step = Fraction(2) ** (exponent - 8)
    return float(round(Fraction(value) / step) * step)  # round() of a Fraction goes to even


def bf16(array):
    return np.vectorize(round_to_bf16, otypes=[np.float64])(np.asarray(array, np.float64))


def flow_sigmas(steps, shift=5.0):
    """Noise levels of all steps, then 0."""
    out = []
    for i in range(steps):
        s = 1.0 - i / steps
        out.append(shift * s / (1.0 + (shift - 1.0) * s))
    return [*out, 0.0]


def timesteps(steps, shift=5.0, *, rounded=True):
    """The timesteps passed to the network."""
    times = [1000.0 * sigma for sigma in flow_sigmas(steps, shift)[:-1]]
    return [round_to_bf16(t) for t in times] if rounded else times


def euler_step(x, uncond, cond, cfg, sigma, sigma_next):
    """One step of the flow, with guidance."""
    return x + (uncond + cfg * (cond - uncond)) * (sigma_next - sigma)


# Tiles of the video VAE -------------------------------------------------------------------------------


def tile_starts(length, tile, stride):
    """Starts 0, stride, ... up to the first tile that reaches the end."""
    starts = [0]
    while starts[-1] + tile < length:
        starts.append(starts[-1] + stride)
    return starts


def tile_ramp(size, border, *, is_first, is_last):
    """Weights along one side of a tile: (k + 1) / border from each end that has a neighbor."""
    out = []
    for i in range(size):
        weight = 1.0
        if not is_first and i < border:
            weight = min(weight, (i + 1) / border)
        if not is_last and size - 1 - i < border:
            weight = min(weight, (size - i) / border)
        out.append(weight)
    return out


def tile_weights(height, width, tile=(30, 52), stride=(15, 26)):
    """``[(row slice, column slice, weights)]`` over a latent or pixel map, in the order of the tiles."""
    out = []
    for top in tile_starts(height, tile[0], stride[0]):
        for left in tile_starts(width, tile[1], stride[1]):
            low, right = min(top + tile[0], height), min(left + tile[1], width)
            rows = tile_ramp(
                low - top, tile[0] - stride[0], is_first=top == 0, is_last=top + tile[0] >= height
            )
            columns = tile_ramp(
                right - left, tile[1] - stride[1], is_first=left == 0, is_last=left + tile[1] >= width
            )
            weights = np.array([[min(r, c) for c in columns] for r in rows])
            out.append((slice(top, low), slice(left, right), weights))
    return out


def blend_tiles(work, latent, scale, tile=(30, 52), stride=(15, 26)):
    """Decode ``latent[..., h, w]`` by tiles with ``work`` (``scale`` times as many pixels), weighted mean."""
    h, w = latent.shape[-2:]
    total = weight_sum = None
    pixel_tile, pixel_stride = [n * scale for n in tile], [n * scale for n in stride]
    for rows, columns, weights in tile_weights(h * scale, w * scale, pixel_tile, pixel_stride):
        part = work(
            latent[
                ..., rows.start // scale : rows.stop // scale, columns.start // scale : columns.stop // scale
            ]
        )
        if total is None:
            total, weight_sum = (
                np.zeros((*part.shape[:-2], h * scale, w * scale)),
                np.zeros((h * scale, w * scale)),
            )
        total[..., rows, columns] += part * weights
        weight_sum[rows, columns] += weights
    return total / weight_sum


def to_video_bytes(decoded):
    """Decoded values in [-1, 1] to 8 bit: truncated."""
    return np.floor(((np.clip(decoded, -1, 1)) + 1) * 127.5).clip(0, 255).astype(np.uint8)


# Latent rotation of the image stage -------------------------------------------------------------------


def rolls_after_steps(steps, latent_width, seed):
    """Columns by which the latent is rolled to the left after each step; 0 = it is not."""
    generator = torch.Generator("cpu").manual_seed(seed)
    out = []
    for i in range(steps):
        if 10 * i > 6 * steps:
            out.append(int(torch.randint(1, latent_width, (1,), generator=generator)))
        else:
            out.append(0)
    return out


def roll_left(x, columns):
    """The column at ``columns`` becomes the first one."""
    width = x.shape[-1]
    out = np.empty_like(x)
    for i in range(width):
        out[..., i] = x[..., (i + columns) % width]
    return out


def rotated_run(latent, step, steps, seed, *, undo, concat=None):
    """Run ``latent = step(latent, concat, i)`` with the rotation; ``undo`` as i2p does, else as t2p.

    Returns the latent to decode and what each call was given, ``[(latent, concat)]``. With ``undo``
    the concat input turns along.
    """
    given, done = [], []
    for i, k in enumerate(rolls_after_steps(steps, latent.shape[-1], seed)):
        given.append((latent, concat))
        latent = step(latent, concat, i)
        if k:
            latent = roll_left(latent, k)
            if undo and concat is not None:
                concat = roll_left(concat, k)
            done.append(k)
    if undo:
        for k in reversed(done):
            latent = roll_left(latent, -k)
    return latent, given


def blended_decode(decode, latent, pixels_per_latent=8, columns=2):
    """Decode with the ``columns`` leftmost latent columns repeated on the right, blended into the left edge."""
    wide = decode(np.concatenate([latent, latent[..., :columns]], -1))
    width, n = latent.shape[-1] * pixels_per_latent, columns * pixels_per_latent
    out, extra = np.array(wide[..., :width]), wide[..., width:]
    for x in range(n):
        out[..., x] = extra[..., x] * (1 - x / n) + out[..., x] * (x / n)
    return out


def row_tiled_decode(decode, latent, tile=128, pixels_per_latent=8):
    """Whole-width tiles of ``tile`` latent rows, a new one every 3/4 of that, each blended into the one above it.

    Row by row in a list, as a published picture is put together: every tile shows its first 3/4, and up to a
    quarter of a tile (fewer rows where a tile is shorter) is faded, row y of n with weight y / n.
    """
    step, most = int(tile * 0.75), tile * pixels_per_latent // 4
    tiles = [np.array(decode(latent[..., y : y + tile, :])) for y in range(0, latent.shape[-2], step)]
    picture = []
    for k, rows in enumerate(tiles):
        if k:
            above = tiles[k - 1]
            n = min(above.shape[-2], rows.shape[-2], most)
            for y in range(n):
                rows[..., y, :] = above[..., above.shape[-2] - n + y, :] * (1 - y / n) + rows[..., y, :] * (
                    y / n
                )
        picture.append(rows[..., : step * pixels_per_latent, :])
    return np.concatenate(picture, -2)


# LoRA -------------------------------------------------------------------------------------------------


def merge_upstream(weight, lora_a, lora_b, alpha=1.0):
    """``W + alpha * (B @ A)`` with every operand and every result rounded to bf16, sums of products exact."""
    weight, lora_a, lora_b = bf16(weight), bf16(lora_a), bf16(lora_b)
    product = np.zeros(weight.shape)
    for i in range(weight.shape[0]):
        for j in range(weight.shape[1]):
            product[i, j] = math.fsum(lora_b[i, r] * lora_a[r, j] for r in range(lora_a.shape[0]))
    update = bf16(product)
    if alpha != 1.0:
        update = bf16(alpha * update)
    return bf16(weight + update)


# Photo on the canvas ----------------------------------------------------------------------------------


def projected_point(column, row, height=512, width=1024):
    """(y/x, z/x) of a canvas pixel, x forward, y right, z up; None behind the camera. End points inclusive."""
    longitude = math.radians(-180.0 + 360.0 * column / (width - 1))
    latitude = math.radians(90.0 - 180.0 * row / (height - 1))
    x = math.cos(latitude) * math.cos(longitude)
    y = math.cos(latitude) * math.sin(longitude)
    z = math.sin(latitude)
    return (y / x, z / x) if x > 0 else None


def photo_source(column, row, fov_deg, photo_size, height=512, width=1024):
    """(column, row) in the photo, as floats before rounding, of a canvas pixel; None outside the view.

    ``fov_deg`` and ``photo_size`` are (horizontal, vertical).
    """
    w, h = (math.tan(math.radians(angle) / 2) for angle in fov_deg)
    point = projected_point(column, row, height, width)
    if point is None or abs(point[0]) >= w or abs(point[1]) >= h:
        return None
    return (point[0] + w) / (2 * w) * photo_size[0], (-point[1] + h) / (2 * h) * photo_size[1]


def project_photo(photo, fov_deg, height=512, width=1024):
    """Canvas ``[H, W, 3]`` (0 outside), validity ``[H, W]``, and distance of the source from a rounding tie.

    Nearest pixel; an index past the right or lower edge comes in again on the other side.
    """
    rows, columns = photo.shape[:2]
    canvas, valid, slack = (
        np.zeros((height, width, 3)),
        np.zeros((height, width), bool),
        np.full((height, width), 1.0),
    )
    for r in range(height):
        for c in range(width // 4, width - width // 4):  # behind the camera there is nothing
            source = photo_source(c, r, fov_deg, (columns, rows), height, width)
            if source is None:
                continue
            u, v = round(source[0]) % columns, round(source[1]) % rows
            canvas[r, c], valid[r, c] = photo[v, u], True
            slack[r, c] = min(abs(s % 1 - 0.5) for s in source)
    return canvas, valid, slack


def fill_mask(valid, iterations=3):
    """True = to fill: everything but the valid region less ``iterations`` rings of 3 x 3.

    Outside the canvas nothing erodes.
    """
    height, width = valid.shape
    for _ in range(iterations):
        out = valid.copy()
        for r in range(height):
            for c in np.flatnonzero(valid[r]):
                for y in range(max(r - 1, 0), min(r + 2, height)):
                    for x in range(max(c - 1, 0), min(c + 2, width)):
                        if not valid[y, x]:
                            out[r, c] = False
        valid = out
    return ~valid
