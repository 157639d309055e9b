"""Slow twins of the geometry room: plain floats and loops, written from the definitions."""

import math


def erp_direction(column, row, height, width):
    """Direction of a pixel center through MoGe's z-up spherical frame, then to OpenCV axes."""
    u, v = (column + 0.5) / width, (row + 0.5) / height
    theta, phi = 2 * math.pi * (1 - u), math.pi * v
    s = (math.sin(phi) * math.cos(theta), math.sin(phi) * math.sin(theta), math.cos(phi))
    return s[1], -s[2], -s[0]


def erp_pixel(direction, height, width):
    """Continuous pixel of a direction, with asin for the latitude."""
    x, y, z = direction
    length = math.sqrt(x * x + y * y + z * z)
    u = math.atan2(x, z) / (2 * math.pi) + 0.5
    v = math.asin(max(-1.0, min(1.0, y / length))) / math.pi + 0.5
    return u * width - 0.5, v * height - 0.5


def erp_lookup(panorama, direction):
    """Bilinear lookup: every pixel within one step of the point, weighted by overlap area.

    Rows above the first are the first row seen from the other side, half a turn away.
    """
    height, width = panorama.shape[:2]
    u, v = erp_pixel(direction, height, width)
    total = panorama.new_zeros(panorama.shape[2])
    for i in (math.floor(v), math.floor(v) + 1):
        for j in (math.floor(u), math.floor(u) + 1):
            area = (1 - abs(u - j)) * (1 - abs(v - i))
            row, column = i, j
            if i == -1:
                row, column = 0, j + width // 2
            if i == height:
                row, column = height - 1, j + width // 2
            total += area * panorama[row, column % width]
    return total


def multiply(a, b):
    return [[sum(a[i][k] * b[k][j] for k in range(3)) for j in range(3)] for i in range(3)]


def turn(axis, angle):
    """Rotation matrix about x, y or z by the right-hand rule."""
    c, s = math.cos(angle), math.sin(angle)
    return {
        "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }[axis]


def rotate_by_quaternion(quat_wxyz, vector):
    """Rotate by axis and angle (Rodrigues), read off the quaternion with acos."""
    w, *xyz = quat_wxyz
    length = math.sqrt(w * w + sum(c * c for c in xyz))
    w, xyz = w / length, [c / length for c in xyz]
    angle = 2 * math.acos(max(-1.0, min(1.0, w)))
    norm = math.sqrt(sum(c * c for c in xyz))
    if norm == 0:
        return list(vector)
    k = [c / norm for c in xyz]
    dot = sum(a * b for a, b in zip(k, vector, strict=True))
    cross = (
        k[1] * vector[2] - k[2] * vector[1],
        k[2] * vector[0] - k[0] * vector[2],
        k[0] * vector[1] - k[1] * vector[0],
    )
    return [
        vector[i] * math.cos(angle) + cross[i] * math.sin(angle) + k[i] * dot * (1 - math.cos(angle))
        for i in range(3)
    ]


def cube_texel_direction(face, column, row, size):
    """Center of a cube texel, faces written out one by one."""
    a, b = (2 * column + 1) / size - 1, (2 * row + 1) / size - 1
    return {
        "front": (a, b, 1.0),
        "right": (1.0, b, -a),
        "back": (-a, b, -1.0),
        "left": (-1.0, b, a),
        "up": (a, -1.0, b),
        "down": (a, 1.0, -b),
    }[face]
