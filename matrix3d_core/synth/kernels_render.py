"""Pictures of scenes, compiled: rays of the pixels, surfaces, light, air and the camera's response."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled, sliced
from .kernels_alpha import surface_uv
from .kernels_hierarchy import STACK, closest, is_blocked
from .kernels_materials import albedo
from .kernels_noise import clamp, mix, random
from .kernels_shapes import shape_surface
from .kernels_sky import sky
from .materials import Column

__all__ = ["picture"]

_INF = math.inf
_EMISSION, _THIN = int(Column.EMISSION), int(Column.THIN)
u4 = np.uint32


@compiled(inline="always")
def pixel_ray(row, column, height, width, lens):
    """Unit ray through a place of the picture; ``lens`` is `Camera.kernel_values`."""
    if lens[0] > 0.0:
        y = (row - lens[5]) / lens[4]
        x = (column - lens[3] - lens[2] * y) / lens[1]
        s = 1.0 / math.sqrt(x * x + y * y + 1.0)
        return x * s, y * s, s
    turn, polar = (column / width - 0.5) * math.tau, row / height * math.pi
    ring = math.sin(polar)
    return ring * math.sin(turn), -math.cos(polar), ring * math.cos(turn)


@compiled(inline="always")
def in_plane(x, y, z, nx, ny, nz):
    """Meters along and up a surface with this normal."""
    flat = math.sqrt(nx * nx + nz * nz)
    if flat < 0.35:
        return x, z
    ax, az = -nz / flat, nx / flat
    along = x * ax + z * az
    # up the slope: cross product of the horizontal tangent and the normal
    bx, by, bz = -az * ny, az * nx - ax * nz, ax * ny
    return along, x * bx + y * by + z * bz


@compiled(inline="always")
def shading_normal(g, k, u, v, nx, ny, nz):
    """Normal for light: of a smooth mesh or a leaf's crown, else that of the surface."""
    kind, detail = g.kinds[k, 0], g.kinds[k, 4]
    sx = sy = sz = 0.0
    if kind == 1:
        row = g.table[k]
        sx, sy, sz = row[9], row[10], row[11]
        if sx == 0.0 and sy == 0.0 and sz == 0.0:
            return nx, ny, nz
        return sx, sy, sz
    if kind == 0 and detail >= 0:
        row, w = g.corners[detail], 1.0 - u - v
        sx = w * row[6] + u * row[9] + v * row[12]
        sy = w * row[7] + u * row[10] + v * row[13]
        sz = w * row[8] + u * row[11] + v * row[14]
        length = math.sqrt(sx * sx + sy * sy + sz * sz)
        if length > 1e-6:
            length = length if sx * nx + sy * ny + sz * nz > 0.0 else -length
            return sx / length, sy / length, sz / length
    return nx, ny, nz


@compiled()
def _shade(g, looks, env, lamps, ox, oy, oz, dx, dy, dz, pixel, state, stack, entries, out):
    """Write linear light of a ray into ``out[0:3]``, and the hit (distance, shape, normal) behind it."""
    t, k, u, v = closest(g, looks, ox, oy, oz, dx, dy, dz, stack, entries)
    out[3], out[4] = t, k
    if k < 0:
        out[0], out[1], out[2] = sky(env, dx, dy, dz)
        return
    nx, ny, nz, material = shape_surface(
        g.kinds[k, 0], g.kinds[k, 1], ox, oy, oz, dx, dy, dz, t, g.table[k], g.cuts
    )
    out[5], out[6], out[7] = nx, ny, nz
    x, y, z = ox + t * dx, oy + t * dy, oz + t * dz
    s, r = in_plane(x, y, z, nx, ny, nz)
    tu, tv = surface_uv(g, k, u, v)
    red, green, blue = albedo(looks, material, x, y, z, s, r, tu, tv, pixel * t)
    row = looks.materials[material]
    mx, my, mz = shading_normal(g, k, u, v, nx, ny, nz)
    # A start off the surface, by more than the rounding of the point.
    away = 1e-5 * (1.0 + abs(x) + abs(y) + abs(z))
    px, py, pz = x + away * nx, y + away * ny, z + away * nz
    # Half of the sky is seen from a wall, all of it from the ground.
    open_share = 0.5 - 0.5 * my
    sky_r = mix(env[9], 0.5 * (env[6] + env[9]), open_share)
    sky_g = mix(env[10], 0.5 * (env[7] + env[10]), open_share)
    sky_b = mix(env[11], 0.5 * (env[8] + env[11]), open_share)
    share = 0.25 + 0.4 * open_share
    light_r, light_g, light_b = env[14] + share * sky_r, env[14] + share * sky_g, env[14] + share * sky_b
    cosine = mx * env[0] + my * env[1] + mz * env[2]
    thin = row[_THIN]
    power = max(cosine, -thin * cosine)
    if power > 0.0:
        a, b, c = random(state) - 0.5, random(state) - 0.5, random(state) - 0.5
        lx, ly, lz = env[0] + 0.012 * a, env[1] + 0.012 * b, env[2] + 0.012 * c
        if not is_blocked(g, looks, px, py, pz, lx, ly, lz, _INF, stack, entries):
            light_r, light_g, light_b = (
                light_r + power * env[3],
                light_g + power * env[4],
                light_b + power * env[5],
            )
    for i in range(lamps.shape[0]):
        lx, ly, lz = lamps[i, 0] - x, lamps[i, 1] - y, lamps[i, 2] - z
        square = lx * lx + ly * ly + lz * lz
        reach = lamps[i, 6]
        if square < reach * reach:
            far = math.sqrt(square)
            lx, ly, lz = lx / far, ly / far, lz / far
            cosine = mx * lx + my * ly + mz * lz
            power = max(cosine, -thin * cosine) * (1.0 - far / reach) ** 2 / max(square, 0.04)
            if power > 0.0 and not is_blocked(g, looks, px, py, pz, lx, ly, lz, far - 0.12, stack, entries):
                light_r += power * lamps[i, 3]
                light_g += power * lamps[i, 4]
                light_b += power * lamps[i, 5]
    clear = math.exp(-env[13] * t)
    glow = row[_EMISSION]
    out[0] = mix(env[9], red * (light_r + glow), clear)
    out[1] = mix(env[10], green * (light_g + glow), clear)
    out[2] = mix(env[11], blue * (light_b + glow), clear)


@compiled(inline="always")
def _display(value):
    """Tone curve with a shoulder, then the display's gamma."""
    x = 0.8 * max(value, 0.0)
    curved = x * (1.0 + x / 4.0) / (1.0 + 0.75 * x)
    return clamp(curved, 0.0, 1.0) ** (1.0 / 2.2)


@sliced(grain=64)
def picture(
    begin,
    until,
    first,
    center,
    rotation,
    lens,
    size,
    samples,
    seed,
    g,
    looks,
    env,
    lamps,
    classes,
    rgb,
    depth,
    normal,
    surface_class,
    instance,
):
    """Do pixels ``first + begin`` to ``first + until``; the outputs are those of a band that starts at ``first``."""
    height, width = size
    stack, entries = np.empty(STACK, np.int32), np.empty(STACK, np.float32)
    out, state = np.zeros(8), np.zeros(1, np.uint32)
    pixel = math.pi / height if lens[0] == 0.0 else 1.0 / math.sqrt(lens[1] * lens[4])
    for i in range(begin, until):
        row, column = (first + i) // width, (first + i) % width
        state[0] = u4(first + i) * u4(0x9E3779B1) + u4(seed) * u4(0x85EBCA77)
        red = green = blue = 0.0
        for k in range(samples):
            du = dv = 0.5
            if samples > 1:
                du, dv = (k + random(state)) / samples, (k * 0.6180339887 + random(state) / samples) % 1.0
            a, b, c = pixel_ray(row + dv, column + du, height, width, lens)
            dx = rotation[0, 0] * a + rotation[0, 1] * b + rotation[0, 2] * c
            dy = rotation[1, 0] * a + rotation[1, 1] * b + rotation[1, 2] * c
            dz = rotation[2, 0] * a + rotation[2, 1] * b + rotation[2, 2] * c
            _shade(
                g,
                looks,
                env,
                lamps,
                center[0],
                center[1],
                center[2],
                dx,
                dy,
                dz,
                pixel,
                state,
                stack,
                entries,
                out,
            )
            red += _display(env[16] * out[0])
            green += _display(env[16] * out[1])
            blue += _display(env[16] * out[2])
        rgb[i, 0], rgb[i, 1], rgb[i, 2] = red / samples, green / samples, blue / samples
        if samples > 1:
            a, b, c = pixel_ray(row + 0.5, column + 0.5, height, width, lens)
            dx = rotation[0, 0] * a + rotation[0, 1] * b + rotation[0, 2] * c
            dy = rotation[1, 0] * a + rotation[1, 1] * b + rotation[1, 2] * c
            dz = rotation[2, 0] * a + rotation[2, 1] * b + rotation[2, 2] * c
            t, k, _, _ = closest(g, looks, center[0], center[1], center[2], dx, dy, dz, stack, entries)
            out[3], out[4] = t, k
            if k >= 0:
                out[5], out[6], out[7], _ = shape_surface(
                    g.kinds[k, 0],
                    g.kinds[k, 1],
                    center[0],
                    center[1],
                    center[2],
                    dx,
                    dy,
                    dz,
                    t,
                    g.table[k],
                    g.cuts,
                )
        depth[i] = out[3]
        k = int(out[4])
        if k < 0:
            instance[i], surface_class[i] = 0, 0
            normal[i, 0] = normal[i, 1] = normal[i, 2] = 0.0
        else:
            instance[i] = g.kinds[k, 2]
            surface_class[i] = classes[g.kinds[k, 2]]
            normal[i, 0], normal[i, 1], normal[i, 2] = out[5], out[6], out[7]
