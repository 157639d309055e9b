"""Rays and light, compiled: what pixels meet, sun, sky, lamps, what other surfaces send, mirrors and air.

A ray's light comes in two parts: what is known exactly, and the reflectance that multiplies the light from all around.
That light is gathered by few random rays and smoothed over neighbors afterwards (`kernels_picture.smooth_light`).
Between tracing and lighting `kernels_materials.paint` colors the hits: kernels apart compile faster than one.
"""

# mypy: ignore-errors
from __future__ import annotations

import math
from enum import IntEnum

import numpy as np

from ..compiled import compiled
from .kernels_alpha import surface_uv
from .kernels_hierarchy import LIGHTS, STACK, trace
from .kernels_noise import clamp, lattice, mix, random
from .kernels_shapes import shape_surface
from .kernels_sky import sky, soft_sky
from .materials import NUMBERS, Column

__all__ = ["Hit", "collect", "gather", "locate", "mirror", "trace_first", "workspace"]


class Hit(IntEnum):
    """Columns of the table of hits, one row a ray.

    SHAPE is -1 where the ray meets nothing and -2 where there is no ray. LIGHT_NORMAL is that of smooth meshes,
    then with bumps. A and B are the axes along and up the surface, S and R meters along them, U and V coordinates
    on the card. PIXEL is the size of a pixel on the surface. WEIGHT is the share of a mirror image.
    """

    POINT = 0
    DISTANCE = 3
    NORMAL = 4
    LIGHT_NORMAL = 7
    A = 10
    B = 13
    S = 16
    R = 17
    U = 18
    V = 19
    PIXEL = 20
    COLOR = 21
    SHAPE = 24
    MATERIAL = 25
    RAY = 26
    WEIGHT = 29
    WIDTH = 30


_KIND, _COLOR, _MEAN = int(Column.KIND), int(Column.COLOR), int(Column.MEAN)
_GLOSS, _EMISSION, _THIN = int(Column.GLOSS), int(Column.EMISSION), int(Column.THIN)
_GLASS, _WATER, _METAL, _WOOD = NUMBERS["glass"], NUMBERS["water"], NUMBERS["metal"], NUMBERS["wood"]
_INF = math.inf
u4 = np.uint32


def workspace():
    """Return what kernels of one thread need: a stack, its distances, and the state of the random numbers."""
    return np.zeros(STACK, np.int32), np.empty(STACK, np.float32), np.zeros(1, np.uint32)


@compiled(inline="always")
def _tangents(nx, ny, nz):
    """Unit axes along and up a surface."""
    flat = math.sqrt(nx * nx + nz * nz)
    if flat < 0.35:
        return 1.0, 0.0, 0.0, 0.0, 0.0, 1.0
    ax, az = -nz / flat, nx / flat
    return ax, 0.0, az, az * ny, ax * nz - az * nx, -ax * ny


@compiled(allocates=False)
def _coordinates(g, k, grained, x, y, z, nx, ny, nz):
    """Meters along and up a surface, and the axes; along the longest side of a box where the material has grain."""
    kind, row = g.kinds[k, 0], g.table[k]
    ax, ay, az, bx, by, bz = _tangents(nx, ny, nz)
    if kind == 4:
        radius = max(row[3], row[5])
        return radius * math.atan2(x - row[0], z - row[2]), -y, ax, ay, az, bx, by, bz
    if kind == 5 and abs(ny) < 0.95:
        s, r = max(row[2], row[3]) * math.atan2(x - row[0], z - row[1]), -y
        return (r, s, bx, by, bz, ax, ay, az) if grained else (s, r, ax, ay, az, bx, by, bz)
    if grained and (kind == 2 or kind == 3):
        if kind == 2:
            c, d = row[9], row[10]
            sizes = (row[6] - row[3], row[7] - row[4], row[8] - row[5])
            axes = ((c, 0.0, -d), (0.0, 1.0, 0.0), (d, 0.0, c))
        else:
            sizes = (row[12], row[13], row[14])
            axes = ((row[3], row[4], row[5]), (row[6], row[7], row[8]), (row[9], row[10], row[11]))
        which = 0
        if sizes[1] > sizes[0]:
            which = 1
        if sizes[2] > max(sizes[0], sizes[1]):
            which = 2
        ax, ay, az = axes[0]
        if which == 1:
            ax, ay, az = axes[1]
        elif which == 2:
            ax, ay, az = axes[2]
        if abs(ax * nx + ay * ny + az * nz) < 0.5:
            bx, by, bz = ay * nz - az * ny, az * nx - ax * nz, ax * ny - ay * nx
        else:
            ax, ay, az, bx, by, bz = _tangents(nx, ny, nz)
        x, y, z = x - row[0], y - row[1], z - row[2]
    return x * ax + y * ay + z * az, x * bx + y * by + z * bz, ax, ay, az, bx, by, bz


@compiled(inline="always")
def _smooth_normal(g, k, u, v, nx, ny, nz):
    """Normal for light: of a smooth mesh or a leaf's crown, else that of the surface."""
    kind, detail = g.kinds[k, 0], g.kinds[k, 4]
    if kind == 1:
        row = g.table[k]
        if row[9] != 0.0 or row[10] != 0.0 or row[11] != 0.0:
            return row[9], row[10], row[11]
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


@compiled(allocates=False)
def _direct(g, looks, env, lamps, px, py, pz, nx, ny, nz, thin, every, state, stack, entries):
    """Light of the sun and the lamps; of one lamp for all when not ``every``."""
    red = green = blue = 0.0
    cosine = nx * env[0] + ny * env[1] + nz * env[2]
    power = max(cosine, -thin * cosine)
    if power > 0.0 and env[3] + env[4] + env[5] > 0.0:
        lx = env[0] + 0.014 * (random(state) - 0.5)
        ly = env[1] + 0.014 * (random(state) - 0.5)
        lz = env[2] + 0.014 * (random(state) - 0.5)
        if trace(g, looks, px, py, pz, lx, ly, lz, _INF, True, 0, stack, entries)[1] < 0:
            red, green, blue = power * env[3], power * env[4], power * env[5]
    count = lamps.shape[0]
    only = int(random(state) * count) if count and not every else -1
    for i in range(count):
        if only >= 0 and i != only:
            continue
        lx = lamps[i, 0] - px + 0.08 * (random(state) - 0.5)
        ly = lamps[i, 1] - py + 0.08 * (random(state) - 0.5)
        lz = lamps[i, 2] - pz + 0.08 * (random(state) - 0.5)
        square = lx * lx + ly * ly + lz * lz
        reach = lamps[i, 6]
        if square >= reach * reach or square == 0.0:
            continue
        far = math.sqrt(square)
        lx, ly, lz = lx / far, ly / far, lz / far
        cosine = nx * lx + ny * ly + nz * lz
        power = max(cosine, -thin * cosine) * (1.0 - far / reach) ** 2 / max(square, 0.06)
        if power <= 0.0:
            continue
        if (
            trace(g, looks, px, py, pz, lx, ly, lz, far - 0.15, True, 1 + i % (LIGHTS - 1), stack, entries)[1]
            >= 0
        ):
            continue
        power *= count if only >= 0 else 1.0
        red, green, blue = red + power * lamps[i, 3], green + power * lamps[i, 4], blue + power * lamps[i, 5]
    return red, green, blue


@compiled(allocates=False)
def locate(g, looks, ox, oy, oz, dx, dy, dz, pixel, stack, entries, row):
    """Write where a unit ray meets the scene into a row of `Hit`; ``pixel`` is the angle of a pixel."""
    t, k, u, v = trace(g, looks, ox, oy, oz, dx, dy, dz, _INF, False, 0, stack, entries)
    row[3], row[24], row[25] = t, k, 0.0
    row[26], row[27], row[28] = dx, dy, dz
    if k < 0:
        row[4] = row[5] = row[6] = 0.0
        return
    nx, ny, nz, material = shape_surface(
        g.kinds[k, 0], g.kinds[k, 1], ox, oy, oz, dx, dy, dz, t, g.table[k], g.cuts
    )
    x, y, z = ox + t * dx, oy + t * dy, oz + t * dz
    kind = int(looks.materials[material, _KIND])
    s, r, ax, ay, az, bx, by, bz = _coordinates(g, k, kind == _WOOD or kind == _METAL, x, y, z, nx, ny, nz)
    row[0], row[1], row[2] = x, y, z
    row[4], row[5], row[6] = nx, ny, nz
    row[7], row[8], row[9] = _smooth_normal(g, k, u, v, nx, ny, nz)
    row[10], row[11], row[12], row[13], row[14], row[15] = ax, ay, az, bx, by, bz
    row[16], row[17] = s, r
    row[18], row[19] = surface_uv(g, k, u, v)
    detail = g.kinds[k, 4]
    if g.kinds[k, 0] == 0 and detail >= 0:
        for j in range(15, 18):
            of = g.corners[detail]
            row[6 + j] = (1.0 - u - v) * of[j] + u * of[j + 3] + v * of[j + 6]
    row[20] = pixel * t / math.sqrt(max(0.15, -(dx * nx + dy * ny + dz * nz)))
    row[25] = material


@compiled(allocates=False)
def trace_first(first, center, turn, lens, size, samples, seed, g, looks, rows, space):
    """Trace the rays of pixels from ``first`` on, ``samples`` each, into rows of `Hit`."""
    height, width = size
    stack, entries, state = space
    pixel = math.pi / height if lens[0] == 0.0 else 1.0 / math.sqrt(lens[1] * lens[4])
    for i in range(len(rows)):
        at, k = first + i // samples, i % samples
        du = dv = 0.5
        if samples > 1:
            state[0] = u4(u4(at) * u4(0x9E3779B1)) ^ u4(u4(seed) * u4(0x85EBCA77) + u4(k))
            du = (k + random(state)) / samples
            dv = (k * 0.6180339887 + random(state) / samples) % 1.0
        dx, dy, dz = _pixel_ray(at // width + dv, at % width + du, height, width, lens, turn)
        locate(g, looks, center[0], center[1], center[2], dx, dy, dz, pixel, stack, entries, rows[i])


@compiled(inline="always")
def _pixel_ray(row, column, height, width, lens, turn):
    """Unit ray in the scene through a place of the picture; ``lens`` is `Camera.kernel_values`."""
    if lens[0] > 0.0:
        b = (row - lens[5]) / lens[4]
        a = (column - lens[3] - lens[2] * b) / lens[1]
        c = 1.0 / math.sqrt(a * a + b * b + 1.0)
        a, b = a * c, b * c
    else:
        around, polar = (column / width - 0.5) * math.tau, row / height * math.pi
        ring = math.sin(polar)
        a, b, c = ring * math.sin(around), -math.cos(polar), ring * math.cos(around)
    return (
        turn[0, 0] * a + turn[0, 1] * b + turn[0, 2] * c,
        turn[1, 0] * a + turn[1, 1] * b + turn[1, 2] * c,
        turn[2, 0] * a + turn[2, 1] * b + turn[2, 2] * c,
    )


@compiled(allocates=False)
def _lit(
    g, looks, env, lamps, x, y, z, nx, ny, nz, material, red, green, blue, t, every, state, stack, entries
):
    """Light that a surface of some color sends along a secondary ray of length ``t``."""
    row = looks.materials[material]
    away = 1e-5 * (1.0 + abs(x) + abs(y) + abs(z))
    light_r, light_g, light_b = _direct(
        g,
        looks,
        env,
        lamps,
        x + away * nx,
        y + away * ny,
        z + away * nz,
        nx,
        ny,
        nz,
        row[_THIN],
        every,
        state,
        stack,
        entries,
    )
    # Light that bounced more than once: a part of the sky, and the room's own.
    share = 0.0 if env[18] > 0.0 else 0.45 * (0.5 - 0.5 * ny) + 0.08
    a, b, c = soft_sky(env, 0.3 * nx, -0.7, 0.3 * nz)
    glow = row[_EMISSION] + env[14]
    clear = math.exp(-env[13] * t)
    return (
        mix(env[9], red * (light_r + share * a + glow), clear),
        mix(env[10], green * (light_g + share * b + glow), clear),
        mix(env[11], blue * (light_b + share * c + glow), clear),
    )


@compiled(allocates=False)
def _around(g, looks, env, lamps, px, py, pz, nx, ny, nz, rays, state, stack, entries):
    """Light from all around, over pi: gathered by rays, or guessed without any."""
    red = green = blue = env[14]
    if rays == 0:
        a, b, c = soft_sky(env, 0.5 * nx, min(-0.35, 0.8 * ny), 0.5 * nz)
        share = 0.0 if env[18] > 0.0 else 0.25 + 0.4 * (0.5 - 0.5 * ny)
        return red + share * a, green + share * b, blue + share * c
    # Cosine-weighted directions: a point of the sphere that touches the surface.
    turn, height = random(state), random(state)
    for i in range(rays):
        a = 2.0 * ((height + (i + 0.5) / rays) % 1.0) - 1.0
        b = math.sqrt(max(0.0, 1.0 - a * a))
        c = math.tau * (turn + 0.6180339887 * i)
        dx, dy, dz = nx + b * math.cos(c), ny + a, nz + b * math.sin(c)
        length = math.sqrt(dx * dx + dy * dy + dz * dz)
        if length < 1e-6:
            continue
        dx, dy, dz = dx / length, dy / length, dz / length
        t, k, _, _ = trace(g, looks, px, py, pz, dx, dy, dz, _INF, False, 0, stack, entries)
        if k < 0:
            a, b, c = soft_sky(env, dx, dy, dz)
        else:
            mx, my, mz, material = shape_surface(
                g.kinds[k, 0], g.kinds[k, 1], px, py, pz, dx, dy, dz, t, g.table[k], g.cuts
            )
            row = looks.materials[material]
            a, b, c = _lit(
                g,
                looks,
                env,
                lamps,
                px + t * dx,
                py + t * dy,
                pz + t * dz,
                mx,
                my,
                mz,
                material,
                row[_MEAN],
                row[_MEAN + 1],
                row[_MEAN + 2],
                t,
                False,
                state,
                stack,
                entries,
            )
        red, green, blue = red + min(a, 3.0) / rays, green + min(b, 3.0) / rays, blue + min(c, 3.0) / rays
    return red, green, blue


@compiled(allocates=False)
def gather(first, seed, rays, g, looks, env, lamps, rows, mirrors, pixel, light, space):
    """Light of painted hits: ``light [N, 9]`` is what is known, the reflectance of the rest, and that light.

    Where the surface mirrors, a row of ``mirrors`` is traced, to be painted and added by `mirror`. Returns how many.
    """
    stack, entries, state = space
    count = 0
    for i in range(len(rows)):
        state[0] = u4(u4(first + i) * u4(0x85EBCA77)) ^ u4(u4(seed) * u4(0x9E3779B1) + u4(0x6A09E667))
        row, out = rows[i], light[i]
        mirrors[i, 24] = -2.0
        dx, dy, dz = row[26], row[27], row[28]
        if row[24] < 0.0:
            out[0], out[1], out[2] = sky(env, dx, dy, dz)
            for j in range(3, 9):
                out[j] = 0.0
            continue
        m = looks.materials[int(row[25])]
        kind = int(m[_KIND])
        t, nx, ny, nz = row[3], row[4], row[5], row[6]
        mx, my, mz = row[7], row[8], row[9]
        # A start off the surface, by more than the rounding of the point.
        away = 1e-5 * (1.0 + abs(row[0]) + abs(row[1]) + abs(row[2]))
        px, py, pz = row[0] + away * nx, row[1] + away * ny, row[2] + away * nz
        share = 0.0
        if m[_GLOSS] > 0.0:
            facing = clamp(-(dx * mx + dy * my + dz * mz), 0.0, 1.0)
            grazing = (1.0 - facing) ** 5
            if kind == _GLASS or kind == _WATER:
                share = m[_GLOSS] * (0.03 + 0.97 * grazing)
            else:
                share = m[_GLOSS] * (1.0 - grazing) + min(1.0, 2.0 * m[_GLOSS]) * grazing
        tint = 0.93 + 0.14 * lattice(g.kinds[int(row[24]), 2], 5, 5, 1)  # no two objects are quite alike
        clear = math.exp(-env[13] * t)
        light_r, light_g, light_b = _direct(
            g, looks, env, lamps, px, py, pz, mx, my, mz, m[_THIN], True, state, stack, entries
        )
        keep = clear * (1.0 - share) * tint
        towards = (1.0 - clear) * 0.25 * clamp(dx * env[0] + dy * env[1] + dz * env[2], 0.0, 1.0) ** 8
        glow = m[_EMISSION]
        out[0] = keep * row[21] * (light_r + glow) + (1.0 - clear) * env[9] + towards * env[3]
        out[1] = keep * row[22] * (light_g + glow) + (1.0 - clear) * env[10] + towards * env[4]
        out[2] = keep * row[23] * (light_b + glow) + (1.0 - clear) * env[11] + towards * env[5]
        out[3], out[4], out[5] = keep * row[21], keep * row[22], keep * row[23]
        out[6], out[7], out[8] = _around(
            g, looks, env, lamps, px, py, pz, mx, my, mz, rays, state, stack, entries
        )
        if share > 0.015:
            back = 2.0 * (dx * mx + dy * my + dz * mz)
            ex, ey, ez = dx - back * mx, dy - back * my, dz - back * mz
            lift = max(0.0, 0.02 - (ex * nx + ey * ny + ez * nz))
            ex, ey, ez = ex + lift * nx, ey + lift * ny, ez + lift * nz
            scale = 1.0 / math.sqrt(ex * ex + ey * ey + ez * ez)
            locate(
                g,
                looks,
                px,
                py,
                pz,
                ex * scale,
                ey * scale,
                ez * scale,
                2.0 * pixel,
                stack,
                entries,
                mirrors[i],
            )
            mirrors[i, 29] = clear * share
            count += 1
    return count


@compiled(allocates=False)
def mirror(first, seed, g, looks, env, lamps, rows, mirrors, light, space):
    """Add what mirrors show, from painted rows of `gather`, to the known light."""
    stack, entries, state = space
    for i in range(len(rows)):
        row = mirrors[i]
        if row[24] == -2.0:
            continue
        state[0] = u4(u4(first + i) * u4(0xC2B2AE3D)) ^ u4(u4(seed) * u4(0x9E3779B1) + u4(0xBB67AE85))
        if row[24] < 0.0:
            red, green, blue = sky(env, row[26], row[27], row[28])
        else:
            red, green, blue = _lit(
                g,
                looks,
                env,
                lamps,
                row[0],
                row[1],
                row[2],
                row[7],
                row[8],
                row[9],
                int(row[25]),
                row[21],
                row[22],
                row[23],
                row[3],
                True,
                state,
                stack,
                entries,
            )
        m = looks.materials[int(rows[i, 25])]
        if int(m[_KIND]) == _METAL:
            red, green, blue = red * m[_COLOR], green * m[_COLOR + 1], blue * m[_COLOR + 2]
        light[i, 0] += row[29] * min(red, 6.0)
        light[i, 1] += row[29] * min(green, 6.0)
        light[i, 2] += row[29] * min(blue, 6.0)


@compiled(allocates=False)
def collect(first, samples, centers, rows, found, light, depth, normal, shape):
    """Write the light of pixels from ``first`` on, the mean of their samples, and what their centers see.

    The light from all around is the mean of the samples that met a surface.
    """
    for i in range(len(centers)):
        begin, out, lit = i * samples, light[first + i], 0
        for k in range(begin, begin + samples):
            lit += rows[k, 24] >= 0.0
        for j in range(9):
            total = 0.0
            for k in range(begin, begin + samples):
                # One bright sample does not fill a pixel.
                total += min(found[k, j], 8.0) if j < 3 else found[k, j]
            out[j] = total / samples
            if j >= 6 and 0 < lit < samples:
                out[j] *= samples / lit
        depth[first + i], shape[first + i] = centers[i, 3], centers[i, 24]
        for j in range(3):
            normal[first + i, j] = centers[i, 4 + j]
