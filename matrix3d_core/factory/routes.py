"""Camera routes through a scene: Delaunay graph of the walkable surface, shortest path, smoothing, collision check.

Source: Z. Yang et al., Matrix-3D, 2025, section 5, steps 2 and 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput
from ..scene.trajectory import Trajectory
from ..trajectories.defaults import DEFAULT_FRAMES
from .proxies import STEP_M, BoxProxies, Walker, proxies_of
from .walkable import HEADROOM_M, WalkSurface, walk_surface_of

if TYPE_CHECKING:
    from ..synth.scene import Scene

__all__ = [
    "HEADINGS",
    "REFUSALS",
    "Route",
    "RouteConfig",
    "WalkGraph",
    "plan_route",
    "standpoints",
    "upright_rotations",
    "walk_graph",
]

HEADINGS = ("along", "fixed", "random")
"""Where a camera looks: along the route, in one direction all the time, or one of the two by chance."""

REFUSALS = ("not connected", "too short", "off the walkable surface", "collision")
"""Why a sampled route is discarded."""

MIN_LENGTH_M, MIN_LENGTH_INDOOR_M = 18.0, 6.0
"""Routes are kept when they are longer; the paper has 18 m for all scenes."""

_STEP_M = 0.05
_EDGE_STEP_M = 0.1
_VERTICES = 700
_LEAST_SPACING_M, _MOST_SPACING_M = 0.25, 4.0
_MOST_LEGS = 8
_TURNS = 30
_TANGENT_M = 0.5
_FIXED_SHARE = 0.3


@dataclass(frozen=True)
class RouteConfig:
    """How routes are sampled.

    Attributes:
        frames: poses of a clip.
        fps: frames per second.
        speed_m_s: range of the walking speed; a route that is shorter than the clip is walked more slowly.
        camera_height_m: range of the camera's height above the ground.
        margin_m: free space around the camera, see `Walker`.
        min_length_m: routes must be longer; None: 18 m, indoors 6 m.
        heading: one of `HEADINGS`.
        smoothing: steps of Laplacian smoothing; fewer where shorter routes are kept, by the square of the length.
        tries: pairs of vertices that are tried.
    """

    frames: int = DEFAULT_FRAMES
    fps: float = 12.0
    speed_m_s: tuple[float, float] = (0.8, 1.6)
    camera_height_m: tuple[float, float] = (1.4, 1.9)
    margin_m: float = 0.2
    min_length_m: float | None = None
    heading: str = "random"
    smoothing: int = 60
    tries: int = 100

    def __post_init__(self) -> None:
        if self.frames < 1 or self.tries < 1:
            raise InvalidInput(f"frames and tries must be at least 1; got {self.frames} and {self.tries}.")
        if self.heading not in HEADINGS:
            raise InvalidInput(f"heading must be one of {', '.join(HEADINGS)}; got {self.heading!r}.")

    def least_length(self, scene: Scene) -> float:
        """Return what a route through a scene must exceed, meters."""
        if self.min_length_m is not None:
            return self.min_length_m
        return MIN_LENGTH_INDOOR_M if scene.is_indoor else MIN_LENGTH_M


@dataclass(frozen=True)
class WalkGraph:
    """The Delaunay triangulation of a walkable surface, without edges that leave it or meet an obstacle.

    Attributes:
        points: ``[V, 3]`` x, meters up, z of the vertices.
        weights: sparse ``[V, V]`` matrix of the edges' lengths, meters.
        surface: the walkable surface.
        proxies: the obstacles.
        walker: the space that the camera needs.
    """

    points: np.ndarray
    weights: Any
    surface: WalkSurface
    proxies: BoxProxies
    walker: Walker

    def centers(self, points: np.ndarray) -> np.ndarray:
        """Return camera centers ``[P, 3]`` in scene axes above ground points ``[P, 3]`` (x, meters up, z)."""
        return points * (1.0, -1.0, 1.0) - (0.0, self.walker.height, 0.0)


@dataclass(frozen=True)
class Route:
    """A camera path through a scene, or why there is none.

    Attributes:
        trajectory: poses in the scene's frame, metric; None when every try was refused.
        length_m: of the whole route, of which the trajectory takes a part at walking speed.
        points: ``[P, 3]`` x, meters up, z of the route on the ground, every 5 cm.
        refusals: how many tries were refused, by `REFUSALS`.
    """

    trajectory: Trajectory | None
    length_m: float = 0.0
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    refusals: Counter[str] = field(default_factory=Counter)


def walk_graph(scene: Scene, rng: np.random.Generator, config: RouteConfig | None = None) -> WalkGraph:
    """Triangulate the walkable surface of a scene.

    Args:
        scene: the scene.
        rng: places the vertices and draws the camera's height.
        config: see `RouteConfig`.

    Raises:
        InvalidInput: when the scene has no walkable surface.
    """
    from scipy.sparse import csr_array
    from scipy.spatial import Delaunay, QhullError

    config = config or RouteConfig()
    surface = walk_surface_of(scene)
    walker = Walker(float(rng.uniform(*config.camera_height_m)), config.margin_m)
    proxies = proxies_of(scene, surface, walker)
    points = _vertices(surface, rng)
    graph = WalkGraph(points, csr_array((len(points), len(points))), surface, proxies, walker)
    points = points[~proxies.hits(graph.centers(points), walker)]
    if len(points) < 3:
        raise InvalidInput(
            f"the scene must have a walkable surface: a floor with {HEADROOM_M:g} m of free height that no object "
            f"covers; got {surface.area:.3g} m2 with room for {len(points)} places to stand. Declare one with "
            "SceneBuilder.walkable, or check the scene's units (meters) and its up axis."
        )
    try:
        triangles = Delaunay(points[:, ::2]).simplices
        edges = np.unique(np.sort(triangles[:, [[0, 1], [1, 2], [0, 2]]].reshape(-1, 2), 1), axis=0)
    except QhullError:  # all on one line
        order = np.lexsort((points[:, 2], points[:, 0]))
        edges = np.stack((order[:-1], order[1:]), 1)
    start, end = points[edges[:, 0]], points[edges[:, 1]]
    is_free = ~proxies.crosses(graph.centers(start), graph.centers(end), walker) & _stays_on(
        surface, start, end
    )
    (first, second), length = edges[is_free].T, np.linalg.norm(end - start, axis=1)[is_free]
    size = (len(points), len(points))
    weights = csr_array((np.tile(length, 2), (np.r_[first, second], np.r_[second, first])), shape=size)
    return WalkGraph(points, weights, surface, proxies, walker)


def _vertices(surface: WalkSurface, rng: np.random.Generator) -> np.ndarray:
    """Return points on the surface, one at random in each square of a coarse grid: ``[V, 3]`` x, up, z."""
    spacing = float(np.clip(np.sqrt(surface.area / _VERTICES), _LEAST_SPACING_M, _MOST_SPACING_M))
    low = np.asarray(surface.corner)
    count = np.ceil(np.asarray(surface.up.shape[::-1]) * surface.cell / spacing).astype(int)
    squares = np.stack(np.meshgrid(np.arange(count[0]), np.arange(count[1])), -1).reshape(-1, 2)
    xz = low + spacing * (squares + rng.uniform(0.1, 0.9, squares.shape))
    up = surface.up_at(xz)
    points = np.stack((xz[:, 0], up, xz[:, 1]), 1)
    return np.asarray(points[np.isfinite(up)])


def _stays_on(surface: WalkSurface, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return which edges lie on the walkable surface, without a step that is too high."""
    longest = float(np.linalg.norm(end - start, axis=1).max(initial=0.0))
    count = max(2, int(np.ceil(longest / _EDGE_STEP_M)) + 1)
    share = np.linspace(0, 1, count)[:, None]
    up = surface.up_at(start[:, None, ::2] + share * (end - start)[:, None, ::2])
    rise = np.abs(np.diff(up, axis=1))  # NaN where it leaves the surface
    result: np.ndarray = np.isfinite(up).all(1) & (np.nan_to_num(rise, nan=np.inf) <= STEP_M).all(1)
    return result


def plan_route(
    scene: Scene,
    rng: np.random.Generator,
    config: RouteConfig | None = None,
    graph: WalkGraph | None = None,
) -> Route:
    """Sample a route: two random vertices, their shortest path, smoothed, kept when long enough and free.

    The more tries were refused the more vertices the next one goes through, at most eight: in a small place two are
    never far enough from each other.

    Args:
        scene: the scene.
        rng: the route depends on its state alone.
        config: see `RouteConfig`.
        graph: of an earlier call for the same scene; None makes one.

    Raises:
        InvalidInput: when the scene has no walkable surface.
    """
    config = config or RouteConfig()
    graph = graph or walk_graph(scene, rng, config)
    refusals: Counter[str] = Counter()
    least = config.least_length(scene)
    smoothing = max(1, round(config.smoothing * min(1.0, least / MIN_LENGTH_M) ** 2))
    for number in range(config.tries):
        points = _random_path(graph, rng, 1 + _MOST_LEGS * number // config.tries)
        reason = "not connected"
        if points is not None:
            points = _resampled(_smoothed(_resampled(points, _TANGENT_M / 2), smoothing), _STEP_M)
            reason = _why_refused(graph, points, least)
        if not reason and points is not None:
            return Route(_walked(graph, points, rng, config), float(_arcs(points)[-1]), points, refusals)
        refusals[reason] += 1
    return Route(None, refusals=refusals)


def _random_path(graph: WalkGraph, rng: np.random.Generator, legs: int) -> np.ndarray | None:
    """Return the corners ``[N, 3]`` of Dijkstra's path between two random vertices, or through more of them.

    A further vertex is one whose path does not begin backwards. None when there is no way.
    """
    start, end = rng.choice(len(graph.points), 2, replace=False)
    path = _shortest_path(graph, start, [end])
    for _ in range(legs - 1):
        if path is None:
            break
        ahead = graph.points[path[-1]] - graph.points[path[-2]]
        turns = rng.choice(len(graph.points), _TURNS)
        further = _shortest_path(graph, path[-1], [end for end in turns if end != path[-1]], ahead)
        path = path + further[1:] if further else path
    return None if path is None else graph.points[path]


def _shortest_path(
    graph: WalkGraph, start: int, ends: Sequence[int], ahead: np.ndarray | None = None
) -> list[int] | None:
    """Return the vertices of the path to the first of some ends that has one, which begins ``ahead`` where given."""
    from scipy.sparse.csgraph import dijkstra

    length, before = dijkstra(graph.weights, indices=start, return_predecessors=True)
    for end in ends:
        if not np.isfinite(length[end]):
            continue
        path = [int(end)]
        while path[-1] != start:
            path.append(int(before[path[-1]]))
        path = path[::-1]
        if ahead is None or (graph.points[path[1]] - graph.points[path[0]]) @ ahead > 0:
            return path
    return None


def _arcs(points: np.ndarray) -> np.ndarray:
    """Return the distance along a path of each of its points."""
    return np.concatenate(([0.0], np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum()))


def _at(points: np.ndarray, arcs: np.ndarray) -> np.ndarray:
    """Return points ``[N, 3]`` at distances along a path."""
    own = _arcs(points)
    return np.stack([np.interp(arcs, own, points[:, axis]) for axis in range(3)], 1)


def _resampled(points: np.ndarray, step: float) -> np.ndarray:
    length = _arcs(points)[-1]
    return _at(points, np.linspace(0, length, max(2, int(np.ceil(length / step)) + 1)))


def _smoothed(points: np.ndarray, steps: int) -> np.ndarray:
    """Laplacian smoothing: each inner point moves halfway to the middle of its neighbors; the ends stay."""
    points = points.copy()
    for _ in range(steps):
        points[1:-1] += 0.5 * ((points[:-2] + points[2:]) / 2 - points[1:-1])
    return points


def _why_refused(graph: WalkGraph, points: np.ndarray, least_length: float) -> str:
    """Return one of `REFUSALS`, or an empty text."""
    if _arcs(points)[-1] <= least_length:
        return "too short"
    up = graph.surface.up_at(points[:, ::2])
    if not (np.isfinite(up) & (np.abs(up - points[:, 1]) <= STEP_M)).all():
        return "off the walkable surface"
    return "collision" if graph.proxies.hits(graph.centers(points), graph.walker).any() else ""


def _walked(
    graph: WalkGraph, points: np.ndarray, rng: np.random.Generator, config: RouteConfig
) -> Trajectory:
    """Return the poses of a part of a route, walked at constant speed."""
    length = _arcs(points)[-1]
    reach = min(length, float(rng.uniform(*config.speed_m_s)) / config.fps * (config.frames - 1))
    arcs = rng.uniform(0, length - reach) + np.linspace(0, reach, config.frames)
    ahead, behind = (_at(points, np.clip(arcs + side * _TANGENT_M, 0, length)) for side in (1, -1))
    yaw = np.arctan2(*(ahead - behind)[:, ::2].T)
    is_fixed = rng.uniform() < _FIXED_SHARE
    if config.heading == "fixed" or (config.heading == "random" and is_fixed):
        yaw[:] = rng.uniform(-np.pi, np.pi)
    centers = torch.from_numpy(graph.centers(_at(points, arcs)))
    return Trajectory.from_centers(
        upright_rotations(torch.from_numpy(yaw)),
        centers,
        fps=config.fps,
        frame_of_reference="world",
        is_metric=True,
        name="route",
    )


def upright_rotations(yaw: Tensor) -> Tensor:  # [T] -> [T, 3, 3]
    """Return world-from-camera rotations that look level, ``yaw`` radians to the right of +z."""
    cosine, sine, zero, one = yaw.cos(), yaw.sin(), torch.zeros_like(yaw), torch.ones_like(yaw)
    return torch.stack((cosine, zero, sine, zero, one, zero, -sine, zero, cosine), -1).reshape(-1, 3, 3)


def standpoints(
    scene: Scene,
    count: int,
    rng: np.random.Generator,
    config: RouteConfig | None = None,
    graph: WalkGraph | None = None,
) -> Tensor:  # [count, 3]
    """Return camera centers without collision, above random places of the walkable surface.

    Args:
        scene: the scene.
        count: how many, at least 1.
        rng: the places depend on its state alone.
        config: camera height and margin.
        graph: of an earlier call for the same scene; None makes one.

    Returns:
        ``[count, 3]`` float64 in the scene's frame, meters.

    Raises:
        InvalidInput: when the scene has no walkable surface.
    """
    graph = graph or walk_graph(scene, rng, config)
    chosen = rng.choice(len(graph.points), count, replace=count > len(graph.points))
    return torch.from_numpy(graph.centers(graph.points[chosen]))
