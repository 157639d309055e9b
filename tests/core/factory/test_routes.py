"""Routes: where they go, how they are walked, and why they are refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_scene import yard

from matrix3d_core.errors import InvalidInput
from matrix3d_core.factory.proxies import STEP_M, BoxProxies, Walker, proxies_of
from matrix3d_core.factory.routes import RouteConfig, _random_path, plan_route, standpoints, walk_graph
from matrix3d_core.factory.walkable import surface_of_polygons, walk_surface_of
from matrix3d_core.synth.scene import SceneBuilder, SurfaceClass

pytest.importorskip("scipy")
pytest.importorskip("numba")


def is_free(scene, centers, height, margin):
    """From the definition: no object's bounding box meets the column from a step above the ground to the camera."""
    for item in scene.objects:
        low, high = np.asarray(item.low), np.asarray(item.high)
        gap = np.maximum(np.maximum(low - centers, centers - high), 0)
        near = (gap[:, 0] <= margin) & (gap[:, 2] <= margin)
        meets = (low[1] <= centers[:, 1] + height - STEP_M) & (high[1] >= centers[:, 1] - margin)
        if (near & meets).any():
            return False
    return True


def test_a_route_keeps_clear_of_all_boxes_and_is_walked_at_constant_speed():
    scene = yard()
    config = RouteConfig(heading="along")
    for seed in range(3):
        rng = np.random.default_rng(seed)
        graph = walk_graph(scene, rng, config)
        route = plan_route(scene, rng, config, graph)
        path = route.trajectory
        assert route.length_m > 18
        assert np.linalg.norm(np.diff(route.points, axis=0), axis=1).max() <= 0.05 + 1e-9
        assert is_free(scene, graph.centers(route.points), graph.walker.height, config.margin_m)
        assert len(path) == 81
        assert path.is_metric
        height = -path.centers[:, 1]
        assert ((height >= 1.4) & (height <= 1.9)).all()
        step = path.centers.diff(dim=0).norm(dim=1) * path.fps
        # Chords of a bend are a little shorter than the way along it.
        assert step.max() / step.min() < 1.05
        assert 0.75 < step.mean() < 1.6
        torch.testing.assert_close(
            path.camera_from_world[:, 1, :3], torch.tensor([[0.0, 1, 0]]).double().repeat(81, 1)
        )
        ahead = torch.nn.functional.normalize(path.centers.diff(dim=0), dim=1)
        assert (ahead * path.forwards[:-1]).sum(1).min() > 0.9
    assert (
        len(plan_route(scene, np.random.default_rng(0), RouteConfig(frames=5, heading="fixed")).trajectory)
        == 5
    )


def test_the_same_seed_gives_the_same_route_and_a_fixed_heading_stays():
    scene = yard()
    first, again = (
        plan_route(scene, np.random.default_rng(3), RouteConfig(heading="fixed")).trajectory for _ in range(2)
    )
    assert torch.equal(first.camera_from_world, again.camera_from_world)
    assert torch.equal(first.forwards, first.forwards[:1].expand(81, 3))


def test_edges_across_obstacles_are_not_in_the_graph():
    scene = yard(gap=0.0, crates=6)
    graph = walk_graph(scene, np.random.default_rng(0))
    start, end = graph.weights.tocoo().coords
    assert len(start) > 2000
    share = np.linspace(0, 1, 60)[:, None, None]
    steps = graph.points[start] + share * (graph.points[end] - graph.points[start])
    assert is_free(scene, graph.centers(steps.reshape(-1, 3)), graph.walker.height, graph.walker.margin)
    assert not (np.sign(graph.points[start, 2]) != np.sign(graph.points[end, 2])).any()  # the wall has no gap


@pytest.mark.parametrize(
    ("place", "config", "reason"),
    [
        ({"gap": 0.0}, RouteConfig(), "not connected"),
        ({"size": 2.0, "gap": 2.0, "crates": 0}, RouteConfig(), "too short"),
        ({"gap": 1.6}, RouteConfig(smoothing=3000, tries=20), "collision"),
    ],
    ids=["wall without a gap", "small yard", "smoothed across the ends of the walls"],
)
def test_refusals_are_counted_by_reason(place, config, reason):
    scene, rng = yard(**place), np.random.default_rng(0)
    graph = walk_graph(scene, rng, config)
    routes = [plan_route(scene, rng, config, graph) for _ in range(4)]
    assert sum(route.refusals[reason] for route in routes) > 0
    if reason == "too short":
        assert routes[0].trajectory is None
        assert routes[0].refusals == {"too short": config.tries}


def test_a_low_beam_in_the_only_gap_parts_the_yard():
    for trap in (False, True):
        graph = walk_graph(yard(crates=0, trap=trap), np.random.default_rng(0))
        start, end = graph.weights.tocoo().coords
        assert (np.sign(graph.points[start, 2]) != np.sign(graph.points[end, 2])).any() == (not trap)


def test_a_further_leg_does_not_turn_back():
    graph = walk_graph(yard(12.0, gap=12.0, crates=0), np.random.default_rng(0))
    for seed in range(5):
        steps = np.diff(_random_path(graph, np.random.default_rng(seed), 8), axis=0)
        assert len(steps) > 10
        assert (steps[1:] * steps[:-1]).sum(1).min() > 0


def test_indoor_routes_may_be_shorter():
    assert plan_route(yard(10.0, gap=10.0, is_indoor=True), np.random.default_rng(0)).length_m > 6


@pytest.mark.parametrize(
    "place",
    [{"size": 0.3, "gap": 1.0, "crates": 0}, {"size": 4.0, "gap": 4.0, "crates": 300}],
    ids=["tiny", "full of crates"],
)
def test_a_scene_without_walkable_surface_is_refused(place):
    with pytest.raises(
        InvalidInput, match=r"must have a walkable surface.*got .* m2.*SceneBuilder\.walkable"
    ):
        walk_graph(yard(**place), np.random.default_rng(0))


def test_the_visible_floor_is_found_where_there_is_headroom():
    surface = walk_surface_of(yard(declare=False))
    walls, crates = 2 * 14 * 0.3, 4
    assert abs(surface.area - (900 - walls - crates)) < 10  # a row of cells around each
    assert surface.up_at(np.array([[5.0, 5.0]])) == 0
    assert np.isnan(surface.up_at(np.array([[5.0, 0.0], [40.0, 0.0]]))).all()


def test_the_lowest_level_of_a_users_scene_is_walked_on():
    b = SceneBuilder()
    paint = b.material("flat", (0.5, 0.5, 0.5))
    with b.object("building", SurfaceClass.OBJECT):  # floor, gallery with 1.5 m below it, ceiling, and a ramp
        b.quad((-5, 0, -5), (10, 0, 0), (0, 0, 10), paint)
        b.quad((-5, 1.5, 0), (5, 0, 0), (0, 0, 5), paint)
        b.quad((-5, 5, -5), (10, 0, 0), (0, 0, 10), paint)
        b.quad((5, 0, -5), (4, 4, 0), (0, 0, 10), paint)
    surface = walk_surface_of(b.build())
    at = np.array([[-2.0, -2.0], [-2.0, 2.0], [2.0, 2.0], [7.0, 0.0]])
    np.testing.assert_allclose(surface.up_at(at), [0, 1.5, 0, np.nan])  # 45 degrees are too steep


def test_polygons_overlap_at_the_higher_level():
    surface = surface_of_polygons([([(0, 0), (4, 0), (4, 4), (0, 4)], 0.0), ([(1, 1), (2, 1), (1, 2)], 0.2)])
    at = np.array([[0.5, 0.5], [1.2, 1.2], [1.8, 1.8], [5, 5]])
    np.testing.assert_allclose(surface.up_at(at), [0, 0.2, 0, np.nan])
    assert abs(surface.area - 16) < 0.5


def test_pieces_of_large_objects_cover_them():
    b = SceneBuilder()
    paint = b.material("flat", (0.5, 0.5, 0.5))
    with b.object("house", SurfaceClass.WALL):
        b.box((0, 0), (6, 3), (0, 3), paint, yaw=0.6)
        b.beam((-4, 1, -4), (4, 1.5, 3), 0.2, paint)
        b.quad((3, 0.5, 3), (4, 0, 4), (0, 3, 0), paint)
        b.cylinder((-6, 6), 0.4, (0, 3), paint)
    scene = b.build()
    surface, walker = (
        surface_of_polygons([([(-20, -20), (20, -20), (20, 20), (-20, 20)], 0.0)]),
        Walker(1.6, 0.01),
    )
    proxies = proxies_of(scene, surface, walker)
    rng = np.random.default_rng(0)
    u = rng.uniform(size=(500, 3))
    box = (
        (u - 0.5)
        * (6, 0, 3)
        @ np.array([[np.cos(0.6), 0, -np.sin(0.6)], [0, 1, 0], [np.sin(0.6), 0, np.cos(0.6)]])
    )
    beam = np.array((-4.0, 0, -4)) + u[:, :1] * (8, 0, 7)
    quad = np.array((3.0, 0, 3)) + u[:, :1] * (4, 0, 4)
    points = np.concatenate((box, beam, quad, [(-6, 0, 6)])) - (0, 1.6, 0)
    assert proxies.hits(points, walker).all()
    free = np.array([(2.5, -1.6, -2.5), (-2.0, -1.6, 3.0), (6.5, -1.6, 4.0), (10, -1.6, 10)])
    assert not proxies.hits(free, walker).any()  # all but the last lie in the bounding box of the whole


def test_thin_parts_block_where_they_are():
    b = SceneBuilder()
    paint = b.material("flat", (0.5, 0.5, 0.5))
    with b.object("fence", SurfaceClass.OBJECT):
        for k in range(13):
            b.box((0.3 * k, 0), (0.05, 0.05), (0.5, 0.9), paint)
    surface = surface_of_polygons([([(-9, -9), (9, -9), (9, 9), (-9, 9)], 0.0)])
    walker = Walker(1.6, 0.01)
    proxies = proxies_of(b.build(), surface, walker)
    pickets = np.array([(0.3 * k, -1.6, 0) for k in range(13)])
    assert proxies.hits(pickets, walker).all()
    assert not proxies.hits(pickets + np.array((0, 0, 0.6)), walker).any()
    assert len(proxies.low) < 13  # those of one cell share a box


def test_curbs_are_walked_over_and_branches_passed_under():
    boxes = BoxProxies(
        np.array([(0.0, -0.3, 0.0), (4.0, -4.0, 0.0), (8.0, -0.5, 0.0)]),
        np.array([(1.0, 0, 1), (5, -2.0, 1), (9, 0, 1)]),
    )
    centers = np.array([(0.5, -1.6, 0.5), (4.5, -1.6, 0.5), (8.5, -1.6, 0.5)])
    assert boxes.hits(centers, Walker(1.6, 0.2)).tolist() == [False, False, True]
    start, before, end = (centers[2:] + np.array((x, 0, 0)) for x in (-3, -1.3, 3))
    assert boxes.crosses(start, end, Walker()).all()  # neither end hits it
    assert not boxes.crosses(start, before, Walker()).any()


def test_the_nearest_box_in_the_walkers_way_counts():
    walker, centers = Walker(1.6), np.array([[0.0, -1.6, 0.0], [3.5, -1.6, 1.5], [10.0, -1.6, 7.0]])
    wall, curb, beam = ((3, -2, -1), (4, 0, 3)), ((0.1, -0.3, 0), (1, 0, 1)), ((0.1, -4, 0), (1, -2, 1))
    low, high = (np.array(corner, float) for corner in zip(wall, curb, beam, strict=True))
    away = BoxProxies(low, high).distance(centers, walker)
    np.testing.assert_allclose(away, [3.0, 0.0, np.hypot(6.0, 4.0)])
    assert np.isinf(BoxProxies(low[1:], high[1:]).distance(centers, walker)).all()


def test_standpoints_are_free_and_come_from_the_seed():
    scene = yard(crates=30)
    first, again = (standpoints(scene, 50, np.random.default_rng(2)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (50, 3)
    assert len(first.unique(dim=0)) == 50
    assert is_free(scene, first.numpy(), float(-first[0, 1]), RouteConfig().margin_m)
