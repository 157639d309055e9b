"""Walls of a world: what a panorama or a mesh closes, what stays open, and the file the browser reads."""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import replace

import pytest
import torch

from matrix3d_core.collision.occupancy import Occupancy, decode_occupancy, encode_occupancy
from matrix3d_core.collision.walls import meter_of, walls_of_mesh, walls_of_panorama
from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.scene.mesh import Mesh
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory

ROOM = torch.tensor([[-3.0, -1.2, -2.0], [3.0, 1.6, 4.0]])  # x, y (down), z of its corners
PILLAR = (torch.tensor([0.0, 2.0]), 0.3)  # middle (x, z) and radius


def room_geometry(height=240, *, pillar=True, scale=1.0, is_metric=True):
    """A box room seen from the origin, with a round pillar in front; distances are exact."""
    directions = erp_directions(height, 2 * height, dtype=torch.float64)
    limits = torch.where(directions > 0, ROOM[1], ROOM[0]).to(torch.float64)
    depth = (limits / directions.where(directions.abs() > 1e-12, torch.tensor(1e-12))).amin(-1)
    if pillar:
        (cx, cz), radius = PILLAR[0].tolist(), PILLAR[1]
        dx, dz = directions[..., 0], directions[..., 2]
        a, b, c = dx * dx + dz * dz, dx * cx + dz * cz, cx * cx + cz * cz - radius**2
        inside = (b * b - a * c).clamp(min=0)
        near = (b - inside.sqrt()) / a.clamp(min=1e-12)
        depth = torch.where((b * b > a * c) & (near > 0), torch.minimum(depth, near), depth)
    depth = (depth * scale).float()
    yes = torch.ones_like(depth, dtype=torch.bool)
    return PanoramaGeometry(torch.rand(height, 2 * height, 3), depth, yes, ~yes, is_metric)


@pytest.fixture(scope="module")
def walls():
    return walls_of_panorama(room_geometry())


def test_nobody_leaves_the_room_and_all_of_it_is_free(walls):
    rng = torch.Generator().manual_seed(0)
    inner = (torch.rand(4000, 3, generator=rng, dtype=torch.float64) * 2 - 1) * 0.5
    points = ROOM.mean(0) + inner * (ROOM[1] - ROOM[0])
    from_pillar = (points[:, [0, 2]] - PILLAR[0]).norm(dim=-1) - PILLAR[1]
    from_wall = torch.minimum(points - ROOM[0], ROOM[1] - points).amin(-1)
    # A surface is at most 0.7 cells thick before itself, and a cell's half diagonal is 0.87 of its edge.
    slack = 1.6 * walls.cell
    clear = (from_wall > slack) & (from_pillar > slack)
    behind = (points[:, 2] > PILLAR[0][1]) & (points[:, 0].abs() < 0.6)  # where the pillar hides the far wall
    blocked = walls.blocks(points, 0.0)
    assert not blocked[clear & ~behind].any()
    assert blocked[clear & behind].float().mean() < 0.35, "one can walk around the pillar"
    # Every straight way out of the room meets something solid, whatever it leads to.
    start = torch.zeros(200, 3, dtype=torch.float64)
    ways = torch.nn.functional.normalize(torch.randn(200, 3, generator=rng, dtype=torch.float64), dim=-1)
    for _ in range(2):
        reach = torch.full((200,), math.inf, dtype=torch.float64)
        for k in range(1, 140):
            hit = walls.blocks(start + ways * (0.05 * k), 0.0)
            reach = torch.where(hit & reach.isinf(), torch.tensor(0.05 * k, dtype=torch.float64), reach)
        ends = start + ways * reach[:, None]
        outside = torch.maximum(ROOM[0] - ends, ends - ROOM[1]).amax(-1)
        assert outside.max() < 2.5 * walls.cell
        start = torch.tensor([1.5, 0.3, 2.5], dtype=torch.float64).expand(200, 3)  # beside the pillar


def test_the_pillar_stands_in_the_way(walls):
    ahead = torch.tensor([[0.0, 0.0, z] for z in (1.3, 1.72, 2.6)])
    assert walls.blocks(ahead, 0.25).tolist() == [False, True, False]


def test_walls_stand_where_the_panorama_stands():
    """A camera at (3, 0, -2), turned 40 degrees to the right and 25 down: points of the world, in the room by hand."""
    yaw, pitch, place = math.radians(40), math.radians(-25), torch.tensor([3.0, 0.5, -2.0])
    right = torch.tensor([math.cos(yaw), 0, -math.sin(yaw)])
    front = torch.tensor([math.sin(yaw) * math.cos(pitch), -math.sin(pitch), math.cos(yaw) * math.cos(pitch)])
    down = torch.linalg.cross(front, right)
    path = Trajectory.from_centers(
        torch.stack((right, down, front), -1)[None], place[None], frame_of_reference="world"
    )
    for turned in (path, replace(path, frame_of_reference="panorama")):
        walls = walls_of_panorama(room_geometry(pillar=False), world_from_panorama=turned.world_from_panorama)
        points = (torch.rand(20_000, 3, generator=torch.Generator().manual_seed(3)) - 0.5) * 14
        if turned is path:
            away = points - place
            inside = torch.stack((away @ right, away @ down, away @ front), -1)
        else:
            inside = points
        from_wall = torch.minimum(inside - ROOM[0], ROOM[1] - inside).amin(-1)  # negative: outside
        clear, beyond = from_wall > 2 * walls.cell, from_wall < -2 * walls.cell
        assert min(int(clear.sum()), int(beyond.sum())) > 300
        blocked = walls.blocks(points.double(), 0.0)
        assert not blocked[clear].any()
        assert blocked[beyond].all()


def test_the_pose_of_the_panorama_is_one_matrix():
    with pytest.raises(InvalidInput, match="world_from_panorama"):
        walls_of_panorama(room_geometry(32), world_from_panorama=torch.eye(3))


def test_units_that_are_no_meters_are_found_by_the_floor():
    geometry = room_geometry(scale=5.0, is_metric=False)
    assert meter_of(geometry) == pytest.approx(5.0, rel=0.02)
    walls = walls_of_panorama(geometry)
    assert walls.radius == pytest.approx(1.25, rel=0.02)
    assert walls.blocks(torch.tensor([[0.0, 0.0, 5 * 1.72], [0.0, 0.0, 5.0]]), 0.0).tolist() == [True, False]


def test_a_sphere_is_tested_exactly_against_cells():
    rng = torch.Generator().manual_seed(1)
    solid = torch.rand(5, 6, 7, generator=rng) < 0.1
    grid = Occupancy(solid, (-1.0, 2.0, 0.5), 0.4)
    points = torch.rand(300, 3, generator=rng, dtype=torch.float64) * torch.tensor(
        [4.0, 3.6, 3.2]
    ) + torch.tensor([-1.6, 1.4, -0.1])
    cells = solid.nonzero().flip(-1) * 0.4 + torch.tensor(grid.origin)
    for radius in (0.15, 0.5, 0.9):
        nearest = torch.maximum(cells, torch.minimum(points[:, None], cells + 0.4))
        expected = ((nearest - points[:, None]).norm(dim=-1) < radius).any(-1)
        assert torch.equal(grid.blocks(points, radius), expected)


def test_where_somebody_was_it_is_free():
    grid = Occupancy(torch.ones(10, 10, 10, dtype=torch.bool), (0.0, 0.0, 0.0), 0.1, is_outside_solid=True)
    place = torch.tensor([[0.52, 0.47, 0.55]])
    freed = grid.without(place, 0.25)
    assert not freed.blocks(place, 0.25 - 1e-9).any()
    assert freed.blocks(place, 0.25 + 0.1 * math.sqrt(3)).all()
    assert torch.equal(grid.without(place + 5, 0.25).solid, grid.solid)


def test_a_mesh_holds_everywhere():
    vertices = torch.tensor([[-2.0, -1, 3], [2, -1, 3], [2, 1.5, 3.4], [-2, 1.5, 3.4]])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]], dtype=torch.int32)
    mesh = Mesh(vertices, faces, torch.zeros(4, 3), torch.ones(4, dtype=torch.bool))
    walls = walls_of_mesh(mesh)
    rng = torch.Generator().manual_seed(0)
    share = torch.rand(2000, 2, generator=rng)
    on_it = torch.stack((-2 + 4 * share[:, 0], -1 + 2.5 * share[:, 1], 3 + 0.4 * share[:, 1]), dim=-1)
    assert walls.blocks(on_it, 0.02).all()
    off = on_it - torch.tensor([0.0, 0, 0.2])
    assert not walls.blocks(off, 0.0).any()
    assert not walls.blocks(torch.tensor([[0.0, 0, -50]]), 1.0).any()
    with pytest.raises(InvalidInput, match="at least 1 triangle"):
        walls_of_mesh(Mesh(vertices, faces[:0], torch.zeros(4, 3), torch.ones(4, dtype=torch.bool)))


def test_the_file_comes_back_and_damage_is_named(walls):
    data = encode_occupancy(walls)
    assert len(data) < 200_000
    back = decode_occupancy(data)
    assert torch.equal(back.solid, walls.solid)
    assert (back.origin, back.cell, back.is_outside_solid, back.unit) == (walls.origin, walls.cell, True, 1.0)
    header = data[12 : 12 + int.from_bytes(data[8:12], "little")]
    bits = data[12 + len(header) :]

    def with_header(change):
        text = json.dumps(json.loads(header) | change).encode()
        return data[:8] + len(text).to_bytes(4, "little") + text + bits

    bombs = [with_header({"size": [1000, 1000, 2000]}), with_header({"size": [8, 10**30, 1]})]
    bombs += [data[: -len(bits)] + gzip.compress(bytes(50_000_000))]
    wrong = [
        {"cell": math.inf},
        {"unit": 10**400},
        {"origin": [0, 0, 1e999]},
        {"size": [True, 1.5, "3"]},
        {"cell": 0},
    ]
    deep = [data[:12] + b"[" * len(header) + bits, data[:8] + b"\xff\xff\xff\xff" + data[12:]]
    for bad in (b"", b"ply\n", data[:40], data[:-20], *bombs, *map(with_header, wrong), *deep):
        with pytest.raises(FormatError, match="file of walls"):
            decode_occupancy(bad)
