"""Cube maps: face axes, texel centers, continuity over edges and corners, accuracy."""

import itertools
import math

import pytest
import torch
from oracles_geometry import cube_texel_direction, erp_lookup

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.cubemap import (
    FACE_NAMES,
    cubemap_from_erp,
    cubemap_rotations,
    erp_from_cubemap,
    sample_cubemap,
)
from matrix3d_core.geometry.spherical import erp_directions

EPS = torch.finfo(torch.float64).eps


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def texel_directions(size):
    """``[6, S, S, 3]`` unit centers, from the faces written out one by one."""
    grid = [
        [[cube_texel_direction(face, i, j, size) for i in range(size)] for j in range(size)]
        for face in FACE_NAMES
    ]
    return torch.nn.functional.normalize(torch.tensor(grid, dtype=torch.float64), dim=-1)


def lookup_slowly(faces, direction):
    """Interpolate on the convex hull of the texel centers: the facet that the ray goes through.

    Every square of four neighboring texels, every quad across a cube edge and every corner triangle
    is tried; within one, the weights are found by solving for them.
    """
    size = faces.shape[1]
    center = {
        (f, j, i): torch.tensor(cube_texel_direction(FACE_NAMES[f], i, j, size), dtype=torch.float64)
        for f, j, i in itertools.product(range(6), range(size), range(size))
    }
    step = 2 / size
    for anchor in center:
        near = [key for key in center if float((center[key] - center[anchor]).norm()) < 1.01 * step]
        near = [key for key in near if key[0] >= anchor[0]]
        for corners in itertools.combinations(near, 3):
            if anchor not in corners or len({key[0] for key in corners}) != 3:
                continue
            frame = torch.stack([center[k] for k in corners], dim=1)
            if abs(float(torch.linalg.det(frame))) < 1e-9:
                continue
            weights = torch.linalg.solve(frame, direction)
            if bool((weights >= -1e-12).all()):
                return sum(w * faces[k] for w, k in zip(weights / weights.sum(), corners, strict=True))
        for b, c in itertools.permutations(near, 2):
            far = center[b] + center[c] - center[anchor]
            fourth = [key for key in center if float((center[key] - far).norm()) < 1e-9]
            if anchor in (b, c) or not fourth:
                continue
            along, across = center[b] - center[anchor], center[c] - center[anchor]
            plane = torch.stack((center[anchor], along, across))
            if abs(float(along @ across)) > 1e-9 or abs(float(torch.linalg.det(plane))) < 1e-9:
                continue
            # direction * t = anchor + s * along + r * across
            t_s_r = torch.linalg.lstsq(
                torch.stack((direction, -along, -across), dim=1), center[anchor]
            ).solution
            t, s, r = t_s_r.tolist()
            if t > 0 and -1e-12 <= s <= 1 + 1e-12 and -1e-12 <= r <= 1 + 1e-12:
                low = (1 - s) * faces[anchor] + s * faces[b]
                high = (1 - s) * faces[c] + s * faces[fourth[0]]
                return (1 - r) * low + r * high
    raise AssertionError(f"no facet holds {direction}")


def test_face_order_is_front_right_back_left_up_down():
    forwards = cubemap_rotations()[:, 2].tolist()
    assert forwards == [[0, 0, 1], [1, 0, 0], [0, 0, -1], [-1, 0, 0], [0, -1, 0], [0, 1, 0]]
    assert FACE_NAMES == ("front", "right", "back", "left", "up", "down")


def test_faces_are_rotations_and_match_the_written_out_texels():
    rotations = cubemap_rotations()
    assert torch.equal(torch.linalg.det(rotations).round(), torch.ones(6, dtype=torch.float64))
    size = 4
    steps = (2 * torch.arange(size, dtype=torch.float64) + 1) / size - 1
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    plane = torch.stack((columns, rows, torch.ones_like(rows)), dim=-1)
    directions = torch.nn.functional.normalize(plane @ rotations[:, None], dim=-1)
    torch.testing.assert_close(directions, texel_directions(size), rtol=0, atol=4 * EPS)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_faces_hold_the_panorama_at_their_texel_centers(size):
    panorama = noise(8, 16, 2)
    faces = cubemap_from_erp(panorama, size)
    for face, row, column in itertools.product(range(6), range(size), range(size)):
        expected = erp_lookup(panorama, cube_texel_direction(FACE_NAMES[face], column, row, size))
        torch.testing.assert_close(faces[face, row, column], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_lookup_matches_the_polyhedron_of_texel_centers(size):
    faces = noise(6, size, size, 2, seed=size)
    rng = torch.Generator().manual_seed(size)
    directions = torch.nn.functional.normalize(torch.randn(25, 3, generator=rng, dtype=torch.float64), dim=-1)
    expected = torch.stack([lookup_slowly(faces, d) for d in directions])
    torch.testing.assert_close(sample_cubemap(faces, directions), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_texel_centers_return_their_own_value(size, mode):
    faces = noise(6, size, size, 3)
    values = sample_cubemap(faces, texel_directions(size), mode)
    torch.testing.assert_close(values, faces, rtol=0, atol=32 * size * EPS)


def crossings():
    """Pairs of directions a hair apart: on both sides of every cube edge, corner, and diagonal."""
    rng = torch.Generator().manual_seed(5)
    points = []
    for signs in itertools.product((-1, 1), repeat=2):
        for axis in range(3):
            free = torch.rand(40, generator=rng, dtype=torch.float64) * 2 - 1
            point = torch.ones(40, 3, dtype=torch.float64)
            point[:, axis] = free
            point[:, (axis + 1) % 3] = signs[0]
            point[:, (axis + 2) % 3] = signs[1]
            points.append(point)
    points.append(torch.tensor(list(itertools.product((-1, 1), repeat=3)), dtype=torch.float64))
    points.append(torch.randn(200, 3, generator=rng, dtype=torch.float64))
    points = torch.cat(points)
    shift = torch.randn(points.shape, generator=rng, dtype=torch.float64)
    return points, shift


@pytest.mark.parametrize("size", [1, 2, 7])
def test_lookup_is_continuous_for_noise(size):
    faces = noise(6, size, size, 1)
    points, shift = crossings()
    step = 1e-7
    difference = sample_cubemap(faces, points + step * shift) - sample_cubemap(faces, points - step * shift)
    # Color changes by at most 1 per texel in each of two directions. The steepest facets are the strips
    # and triangles, half a texel (times sqrt 2) wide: 1 / size in face coordinates, seen at a distance
    # of at least 1, from points of length up to sqrt 3 + noise.
    assert float(difference.abs().max()) < step * shift.norm(dim=-1).max() * 8 * size


def test_constant_stays_constant():
    faces = cubemap_from_erp(torch.full((16, 32, 3), 0.37), 6)
    back = erp_from_cubemap(faces, 16, 32)
    # lerp of equal values is exact; the corner triangles add three shares of them in float32.
    torch.testing.assert_close(back, torch.full((16, 32, 3), 0.37), rtol=0, atol=4 * 1.2e-7)
    assert torch.equal(erp_from_cubemap(faces, 16, 32, "nearest"), faces[0, 0, 0].expand(16, 32, 3))


@pytest.mark.parametrize("size", [16, 33])
def test_smooth_function_survives_the_round_trip(size):
    height = 2 * size
    directions = erp_directions(height, 2 * height, dtype=torch.float64)
    axes = torch.nn.functional.normalize(noise(5, 3) - 0.5, dim=-1)
    smooth = directions @ axes.mT
    back = erp_from_cubemap(cubemap_from_erp(smooth, size), height, 2 * height)
    # Bilinear error is at most (hx^2 Mxx + hy^2 Myy) / 8. On the panorama both steps are pi / height and
    # a linear function of the direction has second derivatives up to 1. On a facet of the polyhedron,
    # which is at distance >= 1, the unit vector p / |p| has second derivatives up to 1.8 (2 * 0.385 + 1)
    # and the steps are 2 / size.
    bound = (math.pi / height) ** 2 / 4 + 1.8 * (2 / size) ** 2 / 4
    error = float((back - smooth).abs().max())
    assert error <= bound
    assert error > 0.01 * bound, "a bound this loose would not notice a seam"


def test_border_is_as_accurate_as_the_middle_of_a_face():
    """Halving the texels quarters the error on cube edges too; copying the neighbor's row would halve it."""
    rng = torch.Generator().manual_seed(0)
    edge = torch.rand(500, 3, generator=rng, dtype=torch.float64) * 1.8 - 0.9
    edge[:, 0], edge[:, 2] = 1, 1
    edge = torch.nn.functional.normalize(edge, dim=-1)
    axis = torch.tensor([0.3, 0.8, -0.5], dtype=torch.float64)
    errors = [
        float(
            (sample_cubemap((texel_directions(s) @ axis)[..., None], edge)[..., 0] - edge @ axis).abs().max()
        )
        for s in (16, 32)
    ]
    assert errors[0] / errors[1] > 3.5


def test_seam_and_poles_of_the_panorama_are_continuous():
    """Around the pole and across the border, neighbors of a fine panorama differ by one small step."""
    faces = noise(6, 8, 8, 1)
    panorama = erp_from_cubemap(faces, 512, 1024)[..., 0]
    # One row or column is pi / 512 radians; 2 to a face of 8 texels, half-texel strips (see above).
    step = 8 * 8 * math.pi / 512
    assert float((panorama[:, 0] - panorama[:, -1]).abs().max()) < step
    assert float((panorama[0] - panorama[0].roll(512)).abs().max()) < step
    assert float((panorama[-1] - panorama[-1].roll(512)).abs().max()) < step
    ring = 2 * math.pi * math.sin(0.5 * math.pi / 512)
    assert float(panorama[0].diff().abs().sum()) < 2 * ring * 8 * 8


def test_zero_direction_looks_ahead():
    faces = noise(6, 3, 3, 2)
    assert torch.equal(sample_cubemap(faces, torch.zeros(1, 3, dtype=torch.float64))[0], faces[0, 1, 1])


def test_gradients():
    faces = noise(6, 2, 2, 1).requires_grad_()
    rng = torch.Generator().manual_seed(2)
    directions = torch.randn(30, 3, generator=rng, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(sample_cubemap, (faces, directions))


@pytest.mark.parametrize(
    ("faces", "mode", "says"),
    [
        (torch.zeros(5, 4, 4, 3), "bilinear", "6, S, S, C"),
        (torch.zeros(6, 4, 5, 3), "bilinear", "6, S, S, C"),
        (torch.zeros(6, 4, 4, 3, dtype=torch.uint8), "bilinear", "floating point"),
        (torch.zeros(6, 4, 4, 3), "cubic", "'bilinear' or 'nearest'"),
    ],
)
def test_bad_faces_are_refused(faces, mode, says):
    with pytest.raises(InvalidInput, match=says):
        sample_cubemap(faces, torch.ones(1, 3), mode)


def test_bad_sizes_are_refused():
    with pytest.raises(InvalidInput, match="size must be at least 1"):
        cubemap_from_erp(torch.zeros(4, 8, 3), 0)
    with pytest.raises(InvalidInput, match="twice as wide"):
        erp_from_cubemap(torch.zeros(6, 4, 4, 3), 8, 8)
