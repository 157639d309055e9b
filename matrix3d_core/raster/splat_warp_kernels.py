"""Kernels of the warp splat backend: the same source for CUDA and for warp's CPU device.

The formulas are those of `splat_numba_pinhole` and `splat_numba_erp`, one thread per Gaussian for
projection and one per pixel for drawing. Imported only by `splat_warp`, after it is known that warp is there.

A record holds per Gaussian, as rows of four numbers:
    0: mean x, mean y (pinhole, pixels), A / 2, k      1: q / 2, opacity, log(opacity / ALPHA_MIN), depth
    2: color, 0                                       3, 4, 5 (panorama): F (e1 + k e2), F e2, d, each with 0
"""

import math

import warp as wp

from . import splat_contract as contract

__all__ = [
    "MOMENTS",
    "ROWS",
    "TILE",
    "Camera",
    "composite",
    "composite_backward",
    "emit",
    "project",
    "project_backward",
]

TILE = contract.TILE
PIXELS = TILE * TILE
ROWS = 6
MOMENTS = 12  # r, g, b, z, then v, v u, v u^2, v w, v u w, v w^2, v P u, v P w, as in `splat_numba_erp`

ALPHA_MAX = wp.constant(wp.float32(contract.ALPHA_MAX))
ALPHA_MIN = wp.constant(wp.float32(contract.ALPHA_MIN))
T_MIN = wp.constant(wp.float32(contract.T_MIN))
LOWPASS = wp.constant(wp.float32(contract.LOWPASS_PX2))
REACH = wp.constant(wp.float32(contract.REACH))
FAR = wp.constant(wp.float32(contract.FAR))
MARGIN = wp.constant(wp.float32(contract.MARGIN_PX))
PI = wp.constant(wp.float32(math.pi))
AHEAD = wp.constant(wp.float32(1e-6))
TINY = wp.constant(wp.float32(1e-30))
SIDE = wp.constant(wp.int32(TILE))
AREA = wp.constant(wp.int32(PIXELS))


@wp.struct
class Camera:
    """What the kernels know of the camera and the picture."""

    rotation: wp.mat33
    translation: wp.vec3
    focal: wp.vec2
    center: wp.vec2
    tan_low: wp.vec2
    tan_high: wp.vec2
    near: wp.float32
    height: wp.int32
    width: wp.int32
    tiles_x: wp.int32
    tiles_y: wp.int32
    is_panorama: wp.int32
    is_antialiased: wp.int32


@wp.func
def turn(quat: wp.vec4):
    """Rotation matrix of a quaternion wxyz of any length."""
    q = quat / wp.max(wp.length(quat), 1.0e-12)
    w, x, y, z = q[0], q[1], q[2], q[3]
    return wp.mat33(
        1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y),
        2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x),
        2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y),
    )  # fmt: skip


@wp.func
def across(d: wp.vec3):
    """First of two unit vectors at right angles to d; Source: T. Duff et al., 2017."""
    sign = wp.where(d[2] >= 0.0, 1.0, -1.0)
    a = -1.0 / (sign + d[2])
    return wp.vec3(1.0 + sign * d[0] * d[0] * a, sign * d[0] * d[1] * a, -sign * d[0])


@wp.func
def also_across(d: wp.vec3):
    """Second of them."""
    sign = wp.where(d[2] >= 0.0, 1.0, -1.0)
    a = -1.0 / (sign + d[2])
    return wp.vec3(d[0] * d[1] * a, sign + d[1] * d[1] * a, -d[1])


@wp.func
def is_in_view(camera: Camera, local: wp.vec3, scale: wp.vec3):
    """Whether the sphere of REACH standard deviations touches the widened frustum."""
    radius = REACH * wp.max(scale)
    size = wp.vec2(wp.float32(camera.width), wp.float32(camera.height))
    inside = local[2] > camera.near
    for c in range(2):
        high = (size[c] - camera.center[c] + MARGIN) / camera.focal[c]
        low = (-camera.center[c] - MARGIN) / camera.focal[c]
        if local[c] - local[2] * high >= radius * wp.sqrt(1.0 + high * high):
            inside = False
        if local[2] * low - local[c] >= radius * wp.sqrt(1.0 + low * low):
            inside = False
    return inside


@wp.kernel(enable_backward=False)
def project(
    camera: Camera,
    means: wp.array(dtype=wp.vec3),
    quats: wp.array(dtype=wp.vec4),
    scales: wp.array(dtype=wp.vec3),
    opacities: wp.array(dtype=wp.float32),
    colors: wp.array(dtype=wp.vec3),
    records: wp.array2d(dtype=wp.vec4),
    depths: wp.array(dtype=wp.float32),
    boxes: wp.array(dtype=wp.vec4i),
    counts: wp.array(dtype=wp.int64),
):
    """Fill the record of each Gaussian, the range of tiles that it may touch, and their number."""
    i = wp.tid()
    counts[i] = wp.int64(0)
    depths[i] = 0.0
    boxes[i] = wp.vec4i(0, -1, 0, -1)
    local = camera.rotation * means[i] + camera.translation
    scale = scales[i]
    depth = local[2]
    drawn = opacities[i] > ALPHA_MIN
    if camera.is_panorama == 1:
        depth = wp.length(local)
        drawn = drawn and depth > camera.near
    else:
        drawn = drawn and is_in_view(camera, local, scale)
    if not (drawn and depth < FAR):
        return
    axes = camera.rotation * turn(quats[i])
    p = wp.vec3()
    q = wp.vec3()
    d = local / depth
    if camera.is_panorama == 1:
        p = wp.cw_mul(wp.transpose(axes) * across(d), scale) * (camera.focal[0] / depth)
        q = wp.cw_mul(wp.transpose(axes) * also_across(d), scale) * (camera.focal[0] / depth)
    else:
        tan_x = wp.clamp(d[0], camera.tan_low[0], camera.tan_high[0])
        tan_y = wp.clamp(d[1], camera.tan_low[1], camera.tan_high[1])
        p = wp.cw_mul(axes[0] - tan_x * axes[2], scale) * (camera.focal[0] / depth)
        q = wp.cw_mul(axes[1] - tan_y * axes[2], scale) * (camera.focal[1] / depth)
    sharp = wp.length_sq(wp.cross(p, q))
    a = wp.dot(p, p)
    b = wp.dot(p, q)
    c = wp.dot(q, q)
    determinant = sharp + LOWPASS * (a + c) + LOWPASS * LOWPASS
    a += LOWPASS
    c += LOWPASS
    opacity = opacities[i]
    if camera.is_antialiased == 1:
        opacity *= wp.sqrt(sharp / determinant)
    limit = wp.log(wp.max(opacity, TINY) / ALPHA_MIN)
    if not limit > 0.0:  # also when it is NaN
        return
    slope = -b / c
    mean_px = wp.vec2(camera.focal[0] * d[0] + camera.center[0], camera.focal[1] * d[1] + camera.center[1])
    records[i, 0] = wp.vec4(mean_px[0], mean_px[1], 0.5 * c / determinant, slope)
    records[i, 1] = wp.vec4(0.5 / c, opacity, limit, depth)
    records[i, 2] = wp.vec4(colors[i][0], colors[i][1], colors[i][2], 0.0)
    width = wp.float32(camera.width)
    height = wp.float32(camera.height)
    low = wp.vec2()
    high = wp.vec2()
    if camera.is_panorama == 1:
        focal = camera.focal[0]
        g = focal * (across(d) + slope * also_across(d))
        h = focal * also_across(d)
        records[i, 3] = wp.vec4(g[0], g[1], g[2], 0.0)
        records[i, 4] = wp.vec4(h[0], h[1], h[2], 0.0)
        records[i, 5] = wp.vec4(d[0], d[1], d[2], 0.0)
        largest = 0.5 * (a + c) + wp.sqrt(0.25 * (a - c) * (a - c) + b * b)
        radius = wp.atan(wp.sqrt(2.0 * limit * largest) / focal)
        down = wp.atan2(d[1], wp.sqrt(d[0] * d[0] + d[2] * d[2]))
        half_width = width
        if wp.abs(down) + radius < 0.4999 * PI:
            half_width = wp.asin(wp.min(1.0, wp.sin(radius) / wp.cos(down))) * (width / (2.0 * PI))
        column = (wp.atan2(d[0], d[2]) / (2.0 * PI) + 0.5) * width
        low = wp.vec2(column - half_width, focal * (down - radius) + 0.5 * height)
        high = wp.vec2(column + half_width, focal * (down + radius) + 0.5 * height)
    else:
        reach = wp.vec2(wp.sqrt(2.0 * limit * a), wp.sqrt(2.0 * limit * c))
        low = mean_px - reach
        high = mean_px + reach
        if not (high[0] > 0.0 and low[0] < width):
            return
    if not (high[1] > 0.0 and low[1] < height):
        return
    y0 = wp.int32(wp.max(low[1], 0.0)) / SIDE
    y1 = wp.min(wp.int32(wp.min(high[1], height)) / SIDE, camera.tiles_y - 1)
    x0 = wp.int32(0)
    x1 = camera.tiles_x - 1
    if camera.is_panorama == 0:
        x0 = wp.int32(wp.max(low[0], 0.0)) / SIDE
        x1 = wp.min(wp.int32(wp.min(high[0], width)) / SIDE, camera.tiles_x - 1)
    else:
        if high[0] - low[0] < width - 2.0 * wp.float32(SIDE):
            left = low[0]
            right = high[0]
            if left < 0.0:
                left += width
                right += width
            x0 = wp.min(wp.int32(left) / SIDE, camera.tiles_x - 1)
            x1 = wp.min(wp.int32(right) / SIDE, camera.tiles_x - 1)
            if right >= width:
                x1 = camera.tiles_x + wp.int32(right - width) / SIDE
            x1 = wp.min(x1, x0 + camera.tiles_x - 1)
    depths[i] = depth
    boxes[i] = wp.vec4i(x0, x1, y0, y1)
    counts[i] = wp.int64(x1 - x0 + 1) * wp.int64(y1 - y0 + 1)


@wp.kernel(enable_backward=False)
def emit(
    camera: Camera,
    boxes: wp.array(dtype=wp.vec4i),
    depth_bits: wp.array(dtype=wp.int32),
    first: wp.array(dtype=wp.int64),
    keys: wp.array(dtype=wp.int64),
    members: wp.array(dtype=wp.int32),
):
    """Write a Gaussian's tiles: key = tile, then depth (positive floats sort like their bits)."""
    i = wp.tid()
    box = boxes[i]
    at = first[i]
    for ty in range(box[2], box[3] + 1):
        for tx in range(box[0], box[1] + 1):
            column = wp.where(tx < camera.tiles_x, tx, tx - camera.tiles_x)
            keys[at] = (wp.int64(ty * camera.tiles_x + column) << wp.int64(32)) | wp.int64(depth_bits[i])
            members[at] = i
            at += wp.int64(1)


@wp.func
def pixel_of(camera: Camera, thread: wp.int32):
    """Row and column of a thread; threads of a tile are neighbors."""
    tile = thread / AREA
    lane = thread - tile * AREA
    row = (tile / camera.tiles_x) * SIDE + lane / SIDE
    column = (tile % camera.tiles_x) * SIDE + lane % SIDE
    return wp.vec2i(row, column)


@wp.func
def ray_of(camera: Camera, row: wp.int32, column: wp.int32):
    """Unit direction of a panorama's pixel, or the pixel's center for a pinhole camera."""
    x = wp.float32(column) + 0.5
    y = wp.float32(row) + 0.5
    ray = wp.vec3(x, y, 0.0)
    if camera.is_panorama == 1:
        azimuth = (x / wp.float32(camera.width) - 0.5) * 2.0 * PI
        polar = y / wp.float32(camera.height) * PI
        ring = wp.sin(polar)
        ray = wp.vec3(ring * wp.sin(azimuth), -wp.cos(polar), ring * wp.cos(azimuth))
    return ray


@wp.func
def xyz(row: wp.vec4):
    """First three numbers of a row."""
    return wp.vec3(row[0], row[1], row[2])


@wp.func
def offset_of(camera: Camera, records: wp.array2d(dtype=wp.vec4), i: wp.int32, shape: wp.vec4, ray: wp.vec3):
    """Offsets u (slanted) and v of a pixel from a Gaussian's middle, pixels; third: 1 when it lies ahead."""
    v = ray[1] - shape[1]
    offset = wp.vec3(ray[0] - shape[0] + shape[3] * v, v, 1.0)
    if camera.is_panorama == 1:
        w = wp.dot(ray, xyz(records[i, 5]))
        inverse = 1.0 / wp.max(w, AHEAD)
        offset = wp.vec3(
            wp.dot(ray, xyz(records[i, 3])) * inverse,
            wp.dot(ray, xyz(records[i, 4])) * inverse,
            wp.where(w > AHEAD, 1.0, 0.0),
        )
    return offset


@wp.kernel(enable_backward=False)
def composite(
    camera: Camera,
    records: wp.array2d(dtype=wp.vec4),
    start: wp.array(dtype=wp.int64),
    members: wp.array(dtype=wp.int32),
    rgb: wp.array2d(dtype=wp.vec3),
    alpha_out: wp.array2d(dtype=wp.float32),
    depth_out: wp.array2d(dtype=wp.float32),
    median: wp.array2d(dtype=wp.int32),
    ends: wp.array(dtype=wp.int64),
):
    """Draw one pixel; ``ends`` keeps the furthest entry that any pixel of the tile looked at."""
    thread = wp.tid()
    tile = thread / AREA
    at = pixel_of(camera, thread)
    if at[0] >= camera.height or at[1] >= camera.width:
        return
    ray = ray_of(camera, at[0], at[1])
    clear = wp.float32(1.0)
    color = wp.vec3()
    depth_sum = wp.float32(0.0)
    half_way = wp.int32(-1)
    k = start[tile]
    stop = start[tile + 1]
    while k < stop:
        i = members[k]
        k += wp.int64(1)
        shape = records[i, 0]
        more = records[i, 1]
        offset = offset_of(camera, records, i, shape, ray)
        power = shape[2] * offset[0] * offset[0] + more[0] * offset[1] * offset[1]
        if power <= more[2] and offset[2] > 0.0:
            weight = clear * wp.min(ALPHA_MAX, more[1] * wp.exp(-power))
            color += weight * xyz(records[i, 2])
            depth_sum += weight * more[3]
            if clear > 0.5 and clear - weight <= 0.5:
                half_way = i
            clear -= weight
            if clear < T_MIN:
                break
    rgb[at[0], at[1]] = color
    alpha_out[at[0], at[1]] = 1.0 - clear
    depth_out[at[0], at[1]] = depth_sum
    median[at[0], at[1]] = half_way
    wp.atomic_max(ends, tile, k)


# Adds what the 32 threads of a warp hold and lets one of them write: fewer collisions. All of them come here
# together: the loop's length is the same for a whole tile and no thread leaves early. On the CPU there is one.
_ADD = """
#if defined(__CUDA_ARCH__)
    const unsigned everyone = 0xffffffffu;
    if (!__any_sync(everyone, is_drawn)) return;
    for (int c = 0; c < 12; ++c) {
        float value = values[c];
        for (int distance = 16; distance > 0; distance >>= 1)
            value += __shfl_down_sync(everyone, value, distance);
        if ((threadIdx.x & 31) == 0) wp::atomic_add(sums, row, c, value);
    }
#else
    if (is_drawn)
        for (int c = 0; c < 12; ++c) wp::atomic_add(sums, row, c, values[c]);
#endif
"""
moments12 = wp.types.vector(length=MOMENTS, dtype=wp.float32)


@wp.func_native(_ADD)
def add_to_sums(sums: wp.array2d(dtype=wp.float32), row: wp.int32, values: moments12, is_drawn: wp.int32): ...


@wp.kernel(enable_backward=False)
def composite_backward(
    camera: Camera,
    records: wp.array2d(dtype=wp.vec4),
    start: wp.array(dtype=wp.int64),
    ends: wp.array(dtype=wp.int64),
    members: wp.array(dtype=wp.int32),
    rgb: wp.array2d(dtype=wp.vec3),
    alpha_out: wp.array2d(dtype=wp.float32),
    depth_out: wp.array2d(dtype=wp.float32),
    g_rgb: wp.array2d(dtype=wp.vec3),
    g_alpha: wp.array2d(dtype=wp.float32),
    g_depth: wp.array2d(dtype=wp.float32),
    sums: wp.array2d(dtype=wp.float32),
):
    """Walk a pixel's Gaussians once more, front to back, and add up the moments of their gradients."""
    thread = wp.tid()
    tile = thread / AREA
    at = pixel_of(camera, thread)
    ray = ray_of(camera, at[0], at[1])
    clear = wp.float32(0.0)  # outside of the picture nothing is ever drawn
    behind = wp.float32(0.0)
    g_color = wp.vec3()
    g_z = wp.float32(0.0)
    if at[0] < camera.height and at[1] < camera.width:
        clear = 1.0
        g_color = g_rgb[at[0], at[1]]
        g_z = g_depth[at[0], at[1]]
        behind = (
            wp.dot(rgb[at[0], at[1]], g_color)
            + depth_out[at[0], at[1]] * g_z
            - (1.0 - alpha_out[at[0], at[1]]) * g_alpha[at[0], at[1]]
        )
    k = start[tile]
    stop = ends[tile]
    while k < stop:
        i = members[k]
        k += wp.int64(1)
        shape = records[i, 0]
        more = records[i, 1]
        offset = offset_of(camera, records, i, shape, ray)
        u = offset[0]
        v = offset[1]
        power = shape[2] * u * u + more[0] * v * v
        values = moments12()
        is_drawn = wp.int32(0)
        if power <= more[2] and offset[2] > 0.0 and clear >= T_MIN:
            is_drawn = 1
            full = more[1] * wp.exp(-power)
            alpha = wp.min(ALPHA_MAX, full)
            weight = alpha * clear
            light = wp.dot(xyz(records[i, 2]), g_color) + more[3] * g_z
            behind -= weight * light
            d_power = -alpha * (clear * light - behind / (1.0 - alpha))
            if full >= ALPHA_MAX:
                d_power = 0.0
            clear -= weight
            values[0] = weight * g_color[0]
            values[1] = weight * g_color[1]
            values[2] = weight * g_color[2]
            values[3] = weight * g_z
            values[4] = d_power
            values[5] = d_power * u
            values[6] = d_power * u * u
            values[7] = d_power * v
            values[8] = d_power * u * v
            values[9] = d_power * v * v
            values[10] = d_power * power * u
            values[11] = d_power * power * v
        add_to_sums(sums, i, values, is_drawn)


@wp.kernel(enable_backward=False)
def project_backward(
    camera: Camera,
    means: wp.array(dtype=wp.vec3),
    quats: wp.array(dtype=wp.vec4),
    scales: wp.array(dtype=wp.vec3),
    opacities: wp.array(dtype=wp.float32),
    records: wp.array2d(dtype=wp.vec4),
    counts: wp.array(dtype=wp.int64),
    sums: wp.array2d(dtype=wp.float32),
    g_means: wp.array(dtype=wp.vec3),
    g_quats: wp.array(dtype=wp.vec4),
    g_scales: wp.array(dtype=wp.vec3),
    g_opacities: wp.array(dtype=wp.float32),
    g_colors: wp.array(dtype=wp.vec3),
    g_views: wp.array2d(dtype=wp.float32),
):
    """Carry the moments back through the projection; ``g_views [N, 12]`` may be empty."""
    i = wp.tid()
    if counts[i] == wp.int64(0):
        return  # the outputs start as zeros
    shape = records[i, 0]
    more = records[i, 1]
    depth = more[3]
    s = sums[i, 4]
    su = sums[i, 5]
    sv = sums[i, 7]
    full_a = 2.0 * shape[2]
    full_q = 2.0 * more[0]
    slope = shape[3]
    g_schur = -0.5 * full_a * full_a * sums[i, 6]
    g_slope = full_a * sums[i, 8]
    g_a = g_schur
    g_b = 2.0 * slope * g_schur - full_q * g_slope
    g_c = slope * slope * g_schur - slope * full_q * g_slope - 0.5 * full_q * full_q * sums[i, 9]
    g_u = -full_a * su
    g_v = -(full_a * slope * su + full_q * sv)
    g_colors[i] = wp.vec3(sums[i, 0], sums[i, 1], sums[i, 2])
    g_opacities[i] = -s / opacities[i]

    local = camera.rotation * means[i] + camera.translation
    d = local / depth
    scale = scales[i]
    rotation = turn(quats[i])
    axes = camera.rotation * rotation
    tan_x = wp.clamp(d[0], camera.tan_low[0], camera.tan_high[0])
    tan_y = wp.clamp(d[1], camera.tan_low[1], camera.tan_high[1])
    j = wp.vec2(camera.focal[0] / depth, camera.focal[1] / depth)
    e = axes[0] - tan_x * axes[2]
    h = axes[1] - tan_y * axes[2]
    if camera.is_panorama == 1:
        j = wp.vec2(camera.focal[0] / depth, camera.focal[0] / depth)
        e = wp.transpose(axes) * across(d)
        h = wp.transpose(axes) * also_across(d)
    p = j[0] * wp.cw_mul(e, scale)
    q = j[1] * wp.cw_mul(h, scale)
    g_sharp = wp.float32(0.0)
    m = wp.cross(p, q)
    if camera.is_antialiased == 1:
        sharp = wp.length_sq(m)
        inverse = 1.0 / (sharp + LOWPASS * (wp.dot(p, p) + wp.dot(q, q)) + LOWPASS * LOWPASS)
        g_sharp = -s * (1.0 / wp.max(sharp, TINY) - inverse)
        g_a += 0.5 * s * inverse * LOWPASS
        g_c += 0.5 * s * inverse * LOWPASS
    g_p = 2.0 * g_a * p + g_b * q + g_sharp * wp.cross(q, m)
    g_q = 2.0 * g_c * q + g_b * p + g_sharp * wp.cross(m, p)
    g_scales[i] = j[0] * wp.cw_mul(g_p, e) + j[1] * wp.cw_mul(g_q, h)
    g_e = j[0] * wp.cw_mul(g_p, scale)
    g_h = j[1] * wp.cw_mul(g_q, scale)
    g_local = wp.vec3()
    row0 = g_e
    row1 = g_h
    row2 = -tan_x * g_e - tan_y * g_h
    if camera.is_panorama == 1:
        focal = camera.focal[0]
        e1 = across(d)
        e2 = also_across(d)
        towards = wp.transpose(axes) * d
        g_t1 = focal * g_u - 2.0 / focal * (sums[i, 10] - slope * sums[i, 11]) - wp.dot(g_e, towards)
        g_t2 = focal * g_v - 2.0 / focal * sums[i, 11] - wp.dot(g_h, towards)
        g_distance = sums[i, 3] - (wp.dot(g_p, p) + wp.dot(g_q, q)) / depth
        g_local = (e1 * g_t1 + e2 * g_t2) / depth + d * g_distance
        row0 = e1[0] * g_e + e2[0] * g_h
        row1 = e1[1] * g_e + e2[1] * g_h
        row2 = e1[2] * g_e + e2[2] * g_h
    else:
        g_tx = wp.where(tan_x == d[0], -wp.dot(g_e, axes[2]), 0.0) + g_u * camera.focal[0]
        g_ty = wp.where(tan_y == d[1], -wp.dot(g_h, axes[2]), 0.0) + g_v * camera.focal[1]
        # p and q are proportional to 1 / depth, tangents to x / depth and y / depth
        g_depth = -(wp.dot(g_p, p) + wp.dot(g_q, q) + g_tx * d[0] + g_ty * d[1]) / depth
        g_local = wp.vec3(g_tx / depth, g_ty / depth, sums[i, 3] + g_depth)
    g_means[i] = wp.transpose(camera.rotation) * g_local

    g_axes = wp.matrix_from_rows(row0, row1, row2)
    g_r = wp.transpose(camera.rotation) * g_axes
    length = wp.max(wp.length(quats[i]), 1.0e-12)
    unit = quats[i] / length
    w, x, y, z = unit[0], unit[1], unit[2], unit[3]
    g_unit = wp.vec4(
        2.0 * (x * (g_r[2, 1] - g_r[1, 2]) + y * (g_r[0, 2] - g_r[2, 0]) + z * (g_r[1, 0] - g_r[0, 1])),
        2.0 * (y * (g_r[0, 1] + g_r[1, 0]) + z * (g_r[0, 2] + g_r[2, 0]) + w * (g_r[2, 1] - g_r[1, 2]))
        - 4.0 * x * (g_r[1, 1] + g_r[2, 2]),
        2.0 * (x * (g_r[0, 1] + g_r[1, 0]) + z * (g_r[1, 2] + g_r[2, 1]) + w * (g_r[0, 2] - g_r[2, 0]))
        - 4.0 * y * (g_r[0, 0] + g_r[2, 2]),
        2.0 * (x * (g_r[0, 2] + g_r[2, 0]) + y * (g_r[1, 2] + g_r[2, 1]) + w * (g_r[1, 0] - g_r[0, 1]))
        - 4.0 * z * (g_r[0, 0] + g_r[1, 1]),
    )  # fmt: skip
    g_quats[i] = (g_unit - wp.dot(g_unit, unit) * unit) / length
    if g_views.shape[0] > 0:
        g_rotation = wp.outer(g_local, means[i]) + g_axes * wp.transpose(rotation)
        for r in range(3):
            for c in range(3):
                g_views[i, 4 * r + c] = g_rotation[r, c]
            g_views[i, 4 * r + 3] = g_local[r]
