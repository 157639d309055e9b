"""Slow twins and small scenes for the mesh backends and the guidance renders, in plain Python scalars."""

from __future__ import annotations

import math

import torch

from matrix3d_core.geometry.rotations import matrix_from_quats
from matrix3d_core.scene.mesh import Mesh
from matrix3d_core.scene.panorama import PanoramaGeometry


def rng(seed):
    return torch.Generator().manual_seed(seed)


def random_pose(seed, reach=0.3):
    """A world-to-camera pose with any rotation and a center within ``reach`` of the origin."""
    generator = rng(seed)
    rotation = matrix_from_quats(torch.randn(4, generator=generator, dtype=torch.float64))
    center = (torch.rand(3, generator=generator, dtype=torch.float64) * 2 - 1) * reach
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = rotation
    pose[:3, 3] = -rotation @ center
    return pose


def soup(count, seed, size=0.5):
    """Random triangles around the origin, a tenth of their corners not visible."""
    generator = rng(seed)
    middles = torch.randn(count, 1, 3, generator=generator)
    middles = (
        middles
        / middles.norm(dim=-1, keepdim=True)
        * (0.5 + 2 * torch.rand(count, 1, 1, generator=generator))
    )
    corners = middles + size * torch.randn(count, 3, 3, generator=generator)
    return mesh_of(corners.reshape(-1, 3), torch.arange(3 * count).reshape(-1, 3), seed)


def mesh_of(vertices, faces, seed=0, hidden=0.1):
    """A mesh with random colors and visibility."""
    generator = rng(seed + 1000)
    count = len(vertices)
    colors = torch.rand(count, 3, generator=generator)
    visible = torch.rand(count, generator=generator) >= hidden
    return Mesh(vertices.float(), faces.int(), colors, visible)


def closed_room(rows, columns, seed, bumps=0.3):
    """A closed bumpy shell around the origin: latitude rings, a vertex at each pole, all visible."""
    generator = rng(seed)
    vertices, faces = [(0.0, -1.0, 0.0)], []
    for r in range(rows):
        polar = math.pi * (r + 0.5) / rows
        for c in range(columns):
            around = math.tau * (c + 0.5) / columns
            vertices.append(
                (math.sin(polar) * math.sin(around), -math.cos(polar), math.sin(polar) * math.cos(around))
            )
    vertices.append((0.0, 1.0, 0.0))

    def at(r, c):
        return 1 + r * columns + c % columns

    for c in range(columns):
        faces.append((0, at(0, c), at(0, c + 1)))
        faces.append((len(vertices) - 1, at(rows - 1, c + 1), at(rows - 1, c)))
        for r in range(rows - 1):
            faces += [(at(r, c), at(r + 1, c), at(r, c + 1)), (at(r, c + 1), at(r + 1, c), at(r + 1, c + 1))]
    radius = 1.0 + bumps * torch.rand(len(vertices), 1, generator=generator)
    return mesh_of(torch.tensor(vertices) * radius, torch.tensor(faces), seed, hidden=0.0)


def cross(a, b):
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def minus(a, b):
    return tuple(x - y for x, y in zip(a, b, strict=True))


def cast_one_slowly(mesh, origin, direction):
    """Nearest face along a unit ray by Moeller and Trumbore's test: face, distance, weights."""
    best = (-1, math.inf, (0.0, 0.0, 0.0))
    vertices, faces = mesh.vertices.double().tolist(), mesh.faces.tolist()
    for index, (i, j, k) in enumerate(faces):
        edge1, edge2 = minus(vertices[j], vertices[i]), minus(vertices[k], vertices[i])
        p = cross(direction, edge2)
        determinant = dot(edge1, p)
        if determinant == 0:
            continue
        s = minus(origin, vertices[i])
        u = dot(s, p) / determinant
        q = cross(s, edge1)
        v = dot(direction, q) / determinant
        t = dot(edge2, q) / determinant
        if u >= 0 and v >= 0 and u + v <= 1 and 0 < t < best[1]:
            best = (index, t, (1 - u - v, u, v))
    return best


def cast_slowly(mesh, pose, directions):
    """`cast_one_slowly` for camera rays ``[R, 3]``: faces, distances, weights."""
    rotation = pose[:3, :3]
    origin = (-(rotation.mT @ pose[:3, 3])).tolist()
    unit = torch.nn.functional.normalize(directions.double(), dim=-1) @ rotation
    found = [cast_one_slowly(mesh, origin, tuple(ray)) for ray in unit.tolist()]
    faces, distances, weights = zip(*found, strict=True)
    return torch.tensor(faces), torch.tensor(distances, dtype=torch.float64), torch.tensor(weights)


def sphere_room(height, radius=2.0):
    """A panorama inside a sphere, whose color is 0.5 + 0.5 * (direction to the surface point)."""
    directions = torch.empty(height, 2 * height, 3, dtype=torch.float64)
    for row in range(height):
        for column in range(2 * height):
            polar, around = math.pi * (row + 0.5) / height, math.tau * ((column + 0.5) / (2 * height) - 0.5)
            directions[row, column, 0] = math.sin(polar) * math.sin(around)
            directions[row, column, 1] = -math.cos(polar)
            directions[row, column, 2] = math.sin(polar) * math.cos(around)
    flat = torch.zeros(height, 2 * height, dtype=torch.bool)
    depth = torch.full((height, 2 * height), float(radius))
    return PanoramaGeometry((0.5 + 0.5 * directions).float(), depth, ~flat, flat), directions


def random_geometry(height, seed, low=1.0, high=3.0):
    """A panorama of noise: colors, distances, and a patch of sky twice as far away."""
    generator = rng(seed)
    shape = (height, 2 * height)
    depth = low + (high - low) * torch.rand(shape, generator=generator)
    sky = torch.rand(shape, generator=generator) < 0.2
    depth[sky] = 2 * high
    return PanoramaGeometry(torch.rand(*shape, 3, generator=generator), depth, ~sky, sky)


def scene_mesh_slowly(rgb, depth, threshold):
    """The scene mesh from upstream's definition, one vertex and one face at a time."""
    height, width = len(depth), len(depth[0])
    vertices, colors, visible = [], [], []
    for r in range(height):
        for c in range(width):
            u, v = (c + 0.5) / width, (r + 0.5) / height
            around = math.tau * (u - 0.5)
            ray = (
                math.sin(math.pi * v) * math.sin(around),
                -math.cos(math.pi * v),
                math.sin(math.pi * v) * math.cos(around),
            )
            vertices.append([depth[r][c] * x for x in ray])
            near = [
                depth[rr][cc]
                for rr in range(max(0, r - 1), min(height, r + 2))
                for cc in range(max(0, c - 1), min(width, c + 2))
            ]
            edge = (max(near) - min(near)) / depth[r][c] > threshold
            visible.append(not edge)
            colors.append([0.0, 0.0, 0.0] if edge else list(rgb[r][c]))
    first, second = [], []
    for r in range(height - 1):
        for c in range(width):
            right = (c + 1) % width
            first.append([r * width + c, (r + 1) * width + c, r * width + right])
            second.append([r * width + right, (r + 1) * width + c, (r + 1) * width + right])
    return vertices, first + second, colors, visible


# Right, down and forward of upstream's faces: front, right, back, left, up, down.
UPSTREAM_FACES = (
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
    ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
    ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
)


def upstream_frame_slowly(mesh, pose, height, size, far):
    """Upstream's render of one pose, texel by texel and pixel by pixel.

    Returns the colors (None where not valid) and, per pixel, how close its lookups come to a texel
    center line, where float32 and float64 may pick different taps.
    """
    colors = (torch.round(mesh.colors.double() * 255) / 255).tolist()
    alpha = mesh.is_visible.double().tolist()
    corners_of = mesh.faces.tolist()
    faces = []
    for right, down, forward in UPSTREAM_FACES:
        texels = []
        for row in range(size):
            texels.append([])
            for column in range(size):
                x, y = (column + 0.5 - size / 2) / (size / 2), (row + 0.5 - size / 2) / (size / 2)
                ray = torch.tensor(
                    [right[a] * x + down[a] * y + forward[a] for a in range(3)], dtype=torch.float64
                )
                found, distance, weights = cast_slowly(mesh, pose, ray[None])
                value = None
                if found[0] >= 0:
                    corners, w = corners_of[found[0]], weights[0].tolist()
                    depth_z = float(distance[0]) / float(ray.norm())
                    seen = sum(alpha[i] * share for i, share in zip(corners, w, strict=True)) > 0.999
                    if seen and 1e-3 < depth_z < far:
                        value = [
                            sum(colors[i][a] * s for i, s in zip(corners, w, strict=True)) for a in range(3)
                        ]
                texels[-1].append(value)
        faces.append(texels)

    frame, slack = [], []
    for row in range(height):
        for column in range(2 * height):
            polar, around = math.pi * (row + 0.5) / height, math.tau * ((column + 0.5) / (2 * height) - 0.5)
            ray = (math.sin(polar) * math.sin(around), -math.cos(polar), math.sin(polar) * math.cos(around))
            pixel, margin = None, 1.0
            for texels, (right, down, forward) in zip(faces, UPSTREAM_FACES, strict=True):
                z = dot(forward, ray)
                if z <= 0:
                    continue
                u, v = 0.5 * dot(right, ray) / z + 0.5, 0.5 * dot(down, ray) / z + 0.5
                if not (0 <= u <= 1 and 0 <= v <= 1):
                    margin = min(margin, max(-u, u - 1, -v, v - 1))
                    continue
                x, y = u * (size - 1), v * (size - 1)
                margin = min(margin, abs(x - round(x)), abs(y - round(y)))
                taps = [
                    (texels[j][i], (1 - abs(x - i)) * (1 - abs(y - j)))
                    for i in (math.floor(x), math.floor(x) + 1)
                    for j in (math.floor(y), math.floor(y) + 1)
                    if 0 <= i < size and 0 <= j < size
                ]
                if any(texel is None for texel, _ in taps):
                    pixel = None
                else:
                    pixel = [sum(weight * texel[a] for texel, weight in taps) for a in range(3)]
            frame.append(pixel)
            slack.append(margin)
    return frame, slack
