"""Objects in a room: where they stand, what they are beside, and how they leave again."""

import math
from dataclasses import replace

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.objects.place import (
    RELATIONS,
    Placement,
    ground_below,
    instance_number,
    place_object,
    placed_collider,
    take_out,
    without_shadow,
)
from matrix3d_core.objects.shading import direct_light
from matrix3d_core.objects.surfels import gaussians_from_meshes
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.labels import CLASS_OBJECT
from matrix3d_core.scene.mesh import Mesh
from tests.support.small_worlds import ROOM, room

LIGHT = direct_light(torch.full((32, 64, 3), 0.6))
FLOOR = ROOM[1]


def box(size=(0.4, 0.4, 0.4)):
    corners = torch.cartesian_prod(*(torch.tensor((-s / 2, s / 2)) for s in size))
    faces = [
        (0, 1, 3),
        (0, 3, 2),
        (4, 6, 7),
        (4, 7, 5),
        (0, 4, 5),
        (0, 5, 1),
        (2, 3, 7),
        (2, 7, 6),
        (0, 2, 6),
        (0, 6, 4),
    ]
    faces += [(1, 5, 7), (1, 7, 3)]
    yes = torch.ones(8, dtype=torch.bool)
    return Mesh(corners, torch.tensor(faces, dtype=torch.int32), torch.full((8, 3), 0.5), yes)


def put(world, placement, mesh=None, **more):
    mesh = mesh or box()
    item = gaussians_from_meshes([mesh], max_gaussians=600)
    return place_object(world, item, placement, light=LIGHT, outward_normals=True, **more)


def bounds(gaussians):
    return gaussians.means.amin(0).double(), gaussians.means.amax(0).double()


def test_an_object_stands_on_the_floor_with_its_height_as_an_instance():
    world = room()
    placed = put(world, Placement(name="box", position=(0.5, 0.0, 1.0), height=0.8))
    low, high = bounds(placed.item)
    assert abs(float(high[1]) - FLOOR) < 0.03
    assert abs(float(high[1] - low[1]) - 0.8) < 0.04
    assert torch.allclose(((low + high) / 2)[[0, 2]], torch.tensor((0.5, 1.0)).double(), atol=0.02)
    number = placed.report["instance"]
    assert placed.world.instance_names == {number: "box"}
    assert len(placed.world) == len(world) + len(placed.item)
    assert (placed.world.instances[len(world) :] == number).all()
    assert (placed.world.instances[: len(world)] == 0).all()
    assert (placed.item.classes == CLASS_OBJECT).all()


def test_without_ground_it_floats_and_yaw_turns_it():
    placement = Placement(
        name="bar", position=(0.0, 0.2, 1.0), on_ground=False, height=0.0, yaw_rad=math.pi / 2
    )
    placed = put(room(), placement, box((1.0, 0.2, 0.1)))
    low, high = bounds(placed.item)
    assert abs(float(high[1]) - 0.2) < 0.02
    size = high - low
    assert float(size[0]) < 0.2
    assert float(size[2]) > 0.85


@pytest.mark.parametrize(
    ("relation", "axis", "sign"),
    [("in front of", 2, -1), ("behind", 2, 1), ("left of", 0, -1), ("right of", 0, 1)],
)
def test_relations_are_the_viewers(relation, axis, sign):
    first = put(room(), Placement(name="first", position=(0.0, 0.0, 1.2), height=0.4))
    second = put(
        first.world, Placement(name="second", relation=relation, anchor="first", distance=0.25, height=0.4)
    )
    a, b = bounds(first.item), bounds(second.item)
    gap = float(b[0][axis] - a[1][axis]) if sign > 0 else float(a[0][axis] - b[1][axis])
    assert abs(gap - 0.25) < 0.04
    other = 2 - axis
    assert abs(float((a[0] + a[1] - b[0] - b[1])[other]) / 2) < 0.03
    assert abs(float(b[1][1]) - FLOOR) < 0.03


def test_relations_turn_with_the_viewer():
    first = put(room(), Placement(name="first", position=(1.0, 0.0, 0.0), height=0.4))
    second = put(first.world, Placement(name="second", relation="right of", anchor="first", height=0.4))
    # Looking along +x, right is -z.
    assert float(second.item.means[:, 2].mean()) < float(first.item.means[:, 2].mean()) - 0.5


def test_beside_takes_the_free_side_and_on_stands_on_top():
    world = put(room(), Placement(name="table", position=(0.0, 0.0, 1.0), height=0.5)).world
    world = put(
        world, Placement(name="blocks", relation="right of", anchor="table", distance=0.2, height=0.5)
    ).world
    beside = put(world, Placement(name="cup", relation="beside", anchor="table", distance=0.1, height=0.4))
    assert float(beside.item.means[:, 0].mean()) < -0.3
    on = put(world, Placement(name="vase", relation="on top of", anchor="table", height=0.3))
    top = float(world.means[world.instances == instance_number(world, "table")][:, 1].min())
    assert abs(float(on.item.means[:, 1].max()) - top) < 0.03


def test_the_rest_of_the_world_is_bit_equal_and_the_shadow_leaves_with_the_object():
    world = room(bases=4)
    placed = put(world, Placement(name="box", position=(0.0, 0.0, 1.0), height=0.5))
    count = len(world)
    for name in ("means", "quats_wxyz", "scales", "opacities"):
        assert torch.equal(getattr(placed.world, name)[:count], getattr(world, name))
    dimmed = (placed.world.sh[:count] != world.sh).flatten(1).any(1)
    assert 10 < int(dimmed.sum()) == placed.report["shadowed"] < count
    rest, item = take_out(placed.world, "box")
    assert len(item) == len(placed.item)
    assert rest.instance_names == {}
    back = without_shadow(rest, item, LIGHT)
    torch.testing.assert_close(back.sh, world.sh, atol=1e-4, rtol=1e-4)
    assert torch.equal(back.sh[~dimmed], world.sh[~dimmed])


def test_the_collider_is_the_objects_own_or_a_hull():
    placed = put(room(), Placement(name="box", position=(0.0, 0.0, 1.0), height=0.5))
    low, high = bounds(placed.item)
    for collider in (placed_collider(placed, [box()]), placed_collider(placed, [])):
        assert len(collider.faces) >= 12
        torch.testing.assert_close(collider.vertices.amin(0).double(), low, atol=0.03, rtol=0)
        torch.testing.assert_close(collider.vertices.amax(0).double(), high, atol=0.03, rtol=0)


def test_a_flat_object_has_a_collider_too():
    placed = put(room(), Placement(name="sheet", position=(0.0, 0.0, 1.0), height=0.5))
    sheet = replace(placed.item, means=placed.item.means * torch.tensor((1.0, 1.0, 0.0)))
    assert len(placed_collider(replace(placed, item=sheet), []).faces) >= 12


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "box"}, "already has an instance"),
        ({"anchor": "missing", "relation": "on top of"}, "it has: box"),
        ({"height": 4000.0}, "another unit"),
        ({"position": (50.0, 0.0, 0.0)}, "nothing below"),
        ({"relation": "under"}, "relation must be"),
        ({"scale": 0.0}, "scale must be positive"),
        ({"position": (math.nan, 0.0, 0.0)}, "finite"),
    ],
)
def test_a_placement_that_makes_no_sense_says_why(change, says):
    world = put(room(), Placement(name="box", position=(0.0, 0.0, 1.0), height=0.5)).world
    with pytest.raises(InvalidInput, match=says):
        put(world, Placement(**{"name": "other", "height": 0.4, **change}))


def test_an_object_in_millimeters_is_refused_and_one_without_splats_too():
    item = gaussians_from_meshes([box((4000.0, 4000.0, 4000.0))], max_gaussians=200)
    with pytest.raises(InvalidInput, match="height in meters"):
        place_object(room(), item, Placement(height=0.0), light=LIGHT)
    with pytest.raises(InvalidInput, match="at least 1 splat"):
        place_object(room(), item.select(torch.zeros(0, dtype=torch.long)), Placement(), light=LIGHT)


def test_the_ground_below_is_the_floor_even_for_a_tiny_disk():
    for radius in (1e-4, 0.3):
        assert abs(ground_below(room(), torch.tensor((0.3, 0.0, 0.8)), 0.0, radius) - FLOOR) < 0.02


def test_all_relations_place_something():
    world = put(room(), Placement(name="first", position=(0.0, 0.0, 1.0), height=0.3)).world
    for relation in RELATIONS:
        found = put(world, Placement(name="other", relation=relation, anchor="first", height=0.3))
        assert isinstance(found.world, Gaussians)
