"""Objects out of a world: what was behind them, and everything else as it was."""

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.objects.erase import erase_gaussians, erase_instance
from matrix3d_core.objects.local_refit import perspective_targets, refit_part
from matrix3d_core.optimize.init import init_gaussians
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.scene.labels import ORIGIN_UNOBSERVED
from matrix3d_core.splats.labeling import label_gaussians
from tests.support.room_worlds import PILLAR, ROOM, room_colors, room_geometry
from tests.support.small_worlds import room

EYE = torch.eye(4, dtype=torch.float64)


@pytest.fixture(scope="module")
def furnished():
    """Return a world made from the room's panorama, and which of its splats are the pillar."""
    world = init_gaussians(geometry=room_geometry(192), max_gaussians=40_000).gaussians
    away = (world.means[:, [0, 2]] - torch.tensor(PILLAR[0])).norm(dim=-1)
    return world, away < PILLAR[1] + 0.06


@pytest.fixture(scope="module")
def erased(furnished):
    return erase_gaussians(*furnished)


def empty_room(rows):
    """Return the panorama of the room without its pillar, and the pixels that the pillar covers."""
    rays = Equirect((rows, 2 * rows)).rays()
    limits = torch.where(rays > 0, ROOM[1], ROOM[0]).double()
    depth = (limits / rays.where(rays.abs() > 1e-12, torch.tensor(1e-12).double())).amin(-1)
    rgb = room_colors((rays * depth[..., None]).reshape(-1, 3).float()).reshape(rows, 2 * rows, 3)
    (x, z), radius = PILLAR
    turn = torch.atan2(rays[..., 0], rays[..., 2])
    covered = (turn - torch.atan2(torch.tensor(x), torch.tensor(z))).abs() < 0.9 * radius / (
        x * x + z * z
    ) ** 0.5
    return rgb, covered


def error_db(world, truth, where):
    seen = render_view(world.without_labels(), EYE, Equirect((truth.shape[0], truth.shape[1])))
    return float(-10 * (seen.rgb.clamp(0, 1) - truth)[where].square().mean().log10())


def test_behind_an_object_the_walls_go_on(furnished, erased):
    world, pillar = furnished
    truth, covered = empty_room(192)
    hole = error_db(world.select(~pillar), truth, covered)
    filled = error_db(erased.world, truth, covered)
    assert filled > hole + 8
    assert erased.report["new"] > 100
    local = erased.world.means[-erased.report["new"] :]
    # What is new lies in the walls, the floor and the ceiling, not where the pillar was.
    off = torch.minimum((local - ROOM[0]).abs(), (local - ROOM[1]).abs()).amin(-1)
    assert float(off.median()) < 0.06


def test_all_but_the_changed_splats_are_bit_equal(furnished, erased):
    world, pillar = furnished
    kept = len(erased.world) - erased.report["new"]
    assert erased.is_changed[kept:].all()
    same = ~erased.is_changed[:kept]
    rest = world.select(~pillar)
    # The object's rim left with it: find the others by their places.
    index = {tuple(row): k for k, row in enumerate(rest.means.tolist())}
    order = torch.tensor([index[tuple(row)] for row in erased.world.means[:kept].tolist()])
    assert (order.diff() > 0).all()
    for name in ("means", "quats_wxyz"):
        assert torch.equal(getattr(erased.world, name)[:kept], getattr(rest, name)[order])
    for name in ("scales", "opacities", "sh"):
        assert torch.equal(getattr(erased.world, name)[:kept][same], getattr(rest, name)[order][same])
    assert 0 < int(erased.is_changed[:kept].sum()) < 0.2 * kept


def test_where_the_world_goes_on_behind_it_nothing_is_made_up():
    world = room()
    box = room(0.3).select(slice(0, 200))
    box = type(box)(
        0.1 * box.means + torch.tensor((0.0, 0.5, 1.5)),
        box.quats_wxyz,
        0.1 * box.scales,
        box.opacities,
        box.sh,
    )
    both = type(world).concatenate(world, box)
    chosen = torch.zeros(len(both), dtype=torch.bool)
    chosen[len(world) :] = True
    found = erase_gaussians(both, chosen, refit_steps=0)
    assert found.report["new"] < 40  # slivers between the coarse splats of the room
    for name in ("means", "scales", "opacities", "sh"):
        assert torch.equal(getattr(found.world, name)[: len(world)], getattr(world, name))


def test_what_was_made_up_behind_an_object_before_is_made_anew(furnished):
    world, pillar = furnished
    far = 1.4 * world.means[pillar]  # behind the pillar, before the wall
    guess = (
        type(world)
        .from_colors(
            far,
            world.quats_wxyz[pillar],
            world.scales[pillar],
            world.opacities[pillar],
            torch.tensor((0.0, 1.0, 0.0)).expand(len(far), 3),
        )
        .with_labels(origins=torch.full((len(far),), ORIGIN_UNOBSERVED, dtype=torch.uint8))
    )
    both = type(world).concatenate(world, guess)
    found = erase_gaussians(both, torch.cat((pillar, torch.zeros(len(far), dtype=torch.bool))), refit_steps=0)
    green = (found.world.colors - torch.tensor((0.0, 1.0, 0.0))).abs().amax(-1) < 0.05
    assert int(green.sum()) < 0.1 * len(far)  # those beside the pillar's outline stay


def test_an_instance_leaves_with_its_name_and_the_place_is_shown(furnished):
    world, pillar = furnished
    named = label_gaussians(world, pillar, instance="pillar")
    found = erase_instance(named, "pillar", refit_steps=0)
    assert len(found.item) == int(pillar.sum())
    assert found.world.instance_names == {}
    height, width = found.place.camera.size_px
    assert found.place.rgb.shape == (height, width, 3)
    assert 0.05 < float(found.place.weight.mean()) < 0.9
    path = found.place.trajectory()
    again = render_view(
        found.world.without_labels(), path.camera_from_world[0], path.camera(0, (height, width))
    )
    torch.testing.assert_close(again.rgb.clamp(0, 1), found.place.rgb, atol=1e-5, rtol=0)
    plain = erase_instance(named, "pillar", fill=False)
    assert len(plain.world) == len(world) - int(pillar.sum())


def test_an_empty_selection_everything_or_an_unknown_name_is_refused(furnished):
    world, _ = furnished
    with pytest.raises(InvalidInput, match="empty"):
        erase_gaussians(world, torch.zeros(len(world), dtype=torch.bool))
    with pytest.raises(InvalidInput, match="every splat"):
        erase_gaussians(world, torch.ones(len(world), dtype=torch.bool))
    with pytest.raises(InvalidInput, match="it has: none"):
        erase_instance(world, "chair")


def test_what_cannot_be_seen_leaves_no_hole(furnished):
    world, _ = furnished
    chosen = torch.zeros(len(world), dtype=torch.bool)
    chosen[:3] = True
    far = type(world)(*(t.clone() for t in world.tensors()))
    far.means[:3] = torch.tensor((100.0, 0.0, 0.0))
    found = erase_gaussians(far, chosen)
    assert found.view is None
    assert len(found.world) == len(world) - 3


def test_a_wide_region_is_seen_in_several_pictures():
    camera = Equirect((64, 128))
    rgb, weight = torch.rand(64, 128, 3), torch.zeros(64, 128)
    weight[20:40] = 1
    views = perspective_targets(camera, EYE, rgb, weight)
    assert 4 <= len(views) <= 6
    weight[:] = 0
    assert perspective_targets(camera, EYE, rgb, weight) == []
    weight[30:34, 60:68] = 1
    (view,) = perspective_targets(camera, EYE, rgb, weight)
    assert float(view.weight.sum()) > 0


def test_a_refit_reaches_its_picture_and_touches_nothing_else():
    world = room(bases=4)
    camera = Equirect((96, 192))
    now = render_view(world, EYE, camera).rgb.clamp(0, 1)
    weight = torch.zeros(96, 192)
    weight[40:56, 88:104] = 1
    wanted = torch.where(weight[..., None] > 0, 1 - now, now)
    free = (world.means[:, 2] > 2.9) & (world.means[:, :2].abs().amax(-1) < 1.2)
    targets = perspective_targets(camera, EYE, wanted, weight)
    found = refit_part(world, free, targets, steps=60, from_pictures=True)

    def off(g):
        return float((render_view(g, EYE, camera).rgb.clamp(0, 1) - wanted)[weight > 0].abs().mean())

    assert off(found) < 0.35 * off(world)
    for name in ("means", "quats_wxyz", "scales", "opacities", "sh"):
        assert torch.equal(getattr(found, name)[~free], getattr(world, name)[~free])
    colors = refit_part(world, free, targets, steps=5, only_colors=True)
    assert torch.equal(colors.scales, world.scales)
    assert torch.equal(colors.opacities, world.opacities)
    assert refit_part(world, free, targets, steps=0) is world
