"""Run every compiled kernel on extreme numbers; a script, for a process of its own with NUMBA_BOUNDSCHECK=1.

Prints one line of JSON: numba's kernels, those that nothing here ran, and what went wrong. A kernel is whatever numba
compiles in any module of the library, so a new one is found without being named here. Those of warp run through its
backends: outside of an array it ends the process, and the error output says at which case.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import warp as wp
from numba.core.dispatcher import Dispatcher

from matrix3d_core.compiled import Sliced
from matrix3d_core.depth import kernels_plane_sweep as kernels_sweep
from matrix3d_core.depth.learned import kernels_refine
from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.guidance import kernels_exemplar, kernels_hidden
from matrix3d_core.io import ply_numba, radiance_numba
from matrix3d_core.optimize import kernels_numba
from matrix3d_core.optimize.init import kernels_fusion, kernels_propagation
from matrix3d_core.raster import splat_numba, splat_numba_sh
from matrix3d_core.raster.mesh_numba import NumbaMesh
from matrix3d_core.raster.mesh_warp import open_mesh_cpu
from matrix3d_core.raster.splat_contract import SplatInputs, SplatView
from matrix3d_core.raster.splat_warp import open_warp
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.mesh import Mesh
from matrix3d_core.synth import geometry, intersect_numba, kernels_hierarchy
from matrix3d_core.synth.geometry import Looks, Shape
from matrix3d_core.synth.materials import MATERIAL_KINDS, material_row
from matrix3d_core.synth.render import render_scene
from matrix3d_core.synth.scene import Environment, Lamp, Scene
from matrix3d_core.synth.scene_layout import terrace

CORE = Path(__file__).resolve().parents[2] / "matrix3d_core"
POSE = np.eye(4)


def kernels() -> dict[str, Dispatcher]:
    """Every kernel of the library that is called from Python; those that only kernels call are parts of these."""
    found: dict[str, Dispatcher] = {}
    called: set[str] = set()
    for path in sorted(CORE.rglob("*.py")):
        if not any(
            mark in path.read_text(encoding="utf-8") for mark in ("njit", "@compiled", "@sliced", "@jit")
        ):
            continue
        name = ".".join(path.relative_to(CORE.parent).with_suffix("").parts)
        module = importlib.import_module(name)
        for key, value in vars(module).items():
            kernel = value.kernel if isinstance(value, Sliced) else value
            is_part = isinstance(kernel, Dispatcher) and kernel.targetoptions.get("inline") == "always"
            if isinstance(kernel, Dispatcher) and kernel.py_func.__module__ == name and not is_part:
                found[f"{path.stem}.{key}"] = kernel
                parts = (vars(module).get(used) for used in kernel.py_func.__code__.co_names)
                called |= {_name(part) for part in parts if isinstance(part, Dispatcher)}
    return {key: kernel for key, kernel in found.items() if _name(kernel) not in called}


def _name(kernel: Dispatcher) -> str:
    return f"{kernel.py_func.__module__}.{kernel.py_func.__name__}"


def extreme(rng: np.random.Generator, *shape: int, ordinary: Any = 1.0, signed: bool = True) -> np.ndarray:
    """Numbers: ordinary ones, of one size between 1e-38 and 1e38, of all sizes, or also NaN and infinite."""
    plain = ordinary * rng.random(shape)
    kind = rng.integers(5)
    if kind == 0:
        value = plain
    elif kind == 1:
        value = plain * 10.0 ** rng.uniform(-38, 38)
    elif kind == 2:
        value = plain * 10.0 ** rng.uniform(8, 21)  # where squares and pixels leave 32 and 64 bits
    else:
        value = 10.0 ** rng.uniform(-38, 38, shape)
    if signed and kind:
        value = value * rng.choice((-1.0, 1.0), shape)
    if kind == 4:
        odd = rng.choice((np.nan, np.inf, -np.inf, 0.0, 3e38), shape)
        value = np.where(rng.random(shape) < 0.2, odd, value)
    return value.astype(np.float32)


def f4(value: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(value, np.float32)


def cloud(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Means, quaternions, scales, opacities and colors of a few Gaussians."""
    count = 12
    if rng.random() < 0.5:
        means = f4(rng.uniform(-1, 1, (count, 3)) + np.array((0, 0, 1.5)))
    else:
        means = extreme(rng, count, 3)
    quats = f4(rng.standard_normal((count, 4))) if rng.random() < 0.7 else extreme(rng, count, 4)
    scales, opacities = extreme(rng, count, 3, signed=False), f4(rng.random(count))
    if rng.random() < 0.2:
        opacities = extreme(rng, count, signed=False)
    return means, quats, scales, opacities, extreme(rng, count, 3)


def views(rng: np.random.Generator) -> tuple[np.ndarray, tuple[Pinhole, Equirect], bool]:
    """A pose, a camera of either kind, and whether the pictures are anti-aliased."""
    height, width = int(rng.integers(1, 70)), int(rng.integers(1, 70))
    antialiased = bool(rng.random() < 0.5)
    K_px = intrinsics_from_fov(float(10 ** rng.uniform(-3, 0.49)), height, width)
    pose = POSE.copy()
    if rng.random() < 0.2:
        pose[:3, 3] = extreme(rng, 3)
    return pose, (Pinhole((height, width), K_px), Equirect((height, 2 * height))), antialiased


def splats(rng: np.random.Generator) -> None:
    """Both ways to draw, forward and back."""
    inputs = cloud(rng)
    pose, cameras, antialiased = views(rng)
    for lens in cameras:
        state = splat_numba.forward(inputs, pose, lens, antialiased=antialiased)
        splat_numba.median_index(state)
        pictures = (extreme(rng, *a.shape) for a in (state.rgb, state.alpha, state.depth_sum))
        splat_numba.backward(state, *pictures, pose=True, screen=True)


@functools.cache
def _draw_by_warp() -> Callable[..., Any]:
    return open_warp("cpu")


def splats_by_warp(rng: np.random.Generator) -> None:
    leaves = SplatInputs(*(torch.from_numpy(value).requires_grad_() for value in cloud(rng)))
    pose, cameras, antialiased = views(rng)
    moved = torch.from_numpy(pose).requires_grad_()
    for lens in cameras:
        view = SplatView(moved, lens, antialiased=antialiased, median=True)
        *pictures, _ = _draw_by_warp()(leaves, view)
        torch.autograd.backward(pictures, [torch.from_numpy(extreme(rng, *p.shape)) for p in pictures])


def harmonics(rng: np.random.Generator) -> None:
    sh = torch.from_numpy(extreme(rng, 9, int(rng.choice((4, 9, 16))), 3)).requires_grad_()
    means = torch.from_numpy(extreme(rng, 9, 3)).requires_grad_()
    splat_numba_sh.colors_from_sh(sh, means, torch.zeros(3)).sum().backward()


def mesh(rng: np.random.Generator, open_mesh: Callable[[Mesh], Any] = NumbaMesh) -> None:
    count = 24
    vertices = torch.from_numpy(extreme(rng, count, 3))
    faces = torch.from_numpy(rng.integers(0, count, (30, 3)).astype(np.int32))
    if rng.random() < 0.5:  # a grid's two halves, which are drawn in pairs
        faces = torch.cat((faces, torch.stack((faces[:, 2], faces[:, 1], faces.roll(1, 0)[:, 0]), 1)))
    opened = open_mesh(_mesh(vertices, faces))
    pose = torch.eye(4, dtype=torch.float64)
    height = int(rng.integers(1, 40))
    opened.render(pose, height, 2 * height)
    opened.cast(pose, torch.from_numpy(extreme(rng, 50, 3)))


def mesh_by_warp(rng: np.random.Generator) -> None:
    mesh(rng, open_mesh_cpu)


def _mesh(vertices: torch.Tensor, faces: torch.Tensor) -> Any:
    """A mesh as a broken producer might hand it on: without the checks of `Mesh`."""
    value = object.__new__(Mesh)
    fields = {
        "vertices": vertices,
        "faces": faces,
        "colors": torch.rand(len(vertices), 3),
        "is_visible": torch.rand(len(vertices)) < 0.9,
    }
    for name, part in fields.items():
        object.__setattr__(value, name, part)
    return value


def fit(rng: np.random.Generator) -> None:
    size = int(rng.integers(11, 24))
    rotation = np.eye(3) if rng.random() < 0.5 else extreme(rng, 3, 3).astype(np.float64)
    rgb, weight = np.empty((size, size, 3), np.float32), np.empty((size, size), np.float32)
    panorama, weights = extreme(rng, 8, 16, 3), extreme(rng, 8, 16)
    focal = float(10 ** rng.uniform(-38, 38))
    kernels_numba.crop_panorama(size, panorama, weights, rotation, focal, rgb, weight)
    kernels_numba.loss_and_gradient(extreme(rng, size, size, 3), rgb, weight, 0.2)
    count = 10
    visible = np.sort(rng.choice(count, 6, replace=False)).astype(np.int32)
    rows = tuple(extreme(rng, 6, *shape) for shape in ((3,), (4,), (3,), (), (3,)))
    active = tuple(extreme(rng, count, *shape) for shape in ((3,), (4,), (3,), (), (3,)))
    values, first, second = (extreme(rng, count, 14) for _ in range(3))
    steps = rng.integers(0, 4, count).astype(np.int32)
    kernels_numba.adam_rows(
        len(visible),
        visible,
        *rows,
        *active,
        values,
        first,
        second,
        steps,
        extreme(rng, count, signed=False),
        extreme(rng, count, 3),
        extreme(rng, count),
        extreme(rng, 8),
        extreme(rng, 3),
        extreme(rng, 5, 2),
    )


def _pose(rng: np.random.Generator) -> np.ndarray:
    return POSE if rng.random() < 0.5 else np.vstack((extreme(rng, 3, 4), (0, 0, 0, 1)))


def _lens(rng: np.random.Generator) -> np.ndarray:
    """`Camera.kernel_values` of a panorama, or of a pinhole camera of ordinary or extreme focal length."""
    focal = (10.0, 10 ** rng.uniform(-38, 38))[rng.integers(2)]
    return (np.zeros(6), np.array((1.0, focal, 0.1, 3.0, 0.7 * focal, 2.0)))[rng.integers(2)]


def sweep(rng: np.random.Generator) -> None:
    height, width, levels = int(rng.integers(2, 9)), int(rng.integers(2, 17)), 4
    panorama, lens = np.zeros(6), _lens(rng)
    poses = np.stack([np.eye(4)[:3]] * 2)
    poses[1] = extreme(rng, 3, 4)
    reference, others = extreme(rng, height, width, 3), extreme(rng, 2, height, width, 3)
    inverse_depth = np.sort(extreme(rng, levels, signed=False).astype(np.float64))
    known = extreme(rng, height, width).astype(np.float64)
    cost, total = (np.zeros((height, width, levels), np.float32) for _ in range(2))
    kernels_sweep.match_cost(
        height,
        reference,
        others,
        poses,
        lens,
        np.stack((lens, panorama)),
        inverse_depth,
        known,
        np.float32(0.4),
        cost,
    )
    jump, slope = np.float32(0.35), np.float32(0.02)
    kernels_sweep.smooth_rows(height, cost, reference, slope, jump, lens[0] == 0, total)
    kernels_sweep.smooth_columns(width, cost, reference, slope, jump, total)
    best, price = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    kernels_sweep.choose(height, total, cost, inverse_depth, best, price)
    points, distance = extreme(rng, 30, 3).astype(np.float64), np.full((height, width), np.inf)
    pose = _pose(rng)
    kernels_sweep.splat_distance(points, pose, lens, distance)
    kernels_sweep.cover_distance(points, extreme(rng, 30).astype(np.float64), pose, lens, distance)
    maps = extreme(rng, 2, height, width)
    kernels_sweep.find_forbidden(
        height,
        extreme(rng, height, width),
        pose,
        lens,
        maps,
        maps > 0,
        np.stack((POSE, pose)),
        np.stack((panorama, lens)),
        0.1,
        np.empty((height, width), np.bool_),
    )


def refine(rng: np.random.Generator) -> None:
    height = int(rng.integers(1, 7))
    small = (height, 2 * height)
    rows = int(rng.integers(1, 12))
    kernels_refine.choose_surfaces(
        extreme(rng, *small),
        extreme(rng, *small, 2),
        extreme(rng, *small),
        extreme(rng, *small),
        extreme(rng, *small, 3),
        rng.random(small) < 0.5,
        extreme(rng, rows, 2 * rows, 3),
        np.empty((rows, 2 * rows), np.float32),
        np.empty((rows, 2 * rows), np.float32),
    )


def fusion(rng: np.random.Generator) -> None:
    """A picture from either kind of camera, compared with maps from both."""
    height, width, rows, columns, count = (int(v) for v in rng.integers(1, 9, 5))
    lens = _lens(rng)
    own, pose, maps = extreme(rng, height, width), _pose(rng), extreme(rng, count, rows, columns)
    if rng.random() < 0.5:  # points that the maps show, up to their edges
        own, maps = (np.where(np.isfinite(v), np.abs(v) % 4, np.inf).astype(np.float32) for v in (own, maps))
    kernels_fusion.compare_views(
        height,
        own.astype(np.float64),
        pose,
        lens,
        maps,
        np.stack([_pose(rng) for _ in range(count)]),
        np.stack([_lens(rng) for _ in range(count)]),
        extreme(rng, count).astype(np.float64),
        int(rng.integers(-1, count)),
        0.04,
        np.empty((height, width)),
        np.empty((height, width), np.int64),
    )


def propagation(rng: np.random.Generator) -> None:
    """A picture from either kind of camera, other pictures and maps of its size from both."""
    height, width, count, maps = (int(v) for v in rng.integers(1, 9, 4))
    size = (height, width)
    kernels_propagation.take_neighbors(
        height,
        extreme(rng, *size, 3),
        _lens(rng),
        extreme(rng, *size),
        rng.random(size) < 0.8,
        int(rng.integers(0, 9)),
        extreme(rng, count, *size, 3),
        np.stack([_pose(rng)[:3] for _ in range(count)]),
        np.stack([_lens(rng) for _ in range(count)]),
        extreme(rng, maps, *size),
        np.stack([_pose(rng)[:3] for _ in range(maps)]),
        np.stack([_lens(rng) for _ in range(maps)]),
        0.04,
        *(np.float32(value) for value in (0.05, 0.01, 0.01)),
        rng.random(size) < 0.5,
        np.float32(0.01),
        np.empty(size, np.float32),
        np.full(size, rng.choice((-1.0, 0.1)), np.float32),
        np.empty(size, np.int64),
    )


def hidden(rng: np.random.Generator) -> None:
    """Holes of every shape, with labels and planes as `continue_surfaces` finds them, and extreme distances."""
    height, width, count, many = int(rng.integers(1, 9)), int(rng.integers(1, 17)), int(rng.integers(4)), 6
    region = rng.random((height, width)) < rng.choice((0.0, 0.3, 0.9, 1.0))
    part, parts = kernels_hidden.connected(region)
    own = rng.integers(-1, count + 2, (height, width)).astype(np.int32)
    border, radius = np.full((height, width), -1, np.int32), int(rng.integers(1, 12))
    kernels_hidden.plane_votes(height, own, rng.random((height, width)) < 0.7, radius, count + 2, border)
    border[border == count + 2] = count
    border[region] = -1
    candidates = rng.integers(-1, count + 2, (max(parts, 1), many)).astype(np.int32)
    far = extreme(rng, 1, signed=False)[0]
    rays, smooth = erp_directions(height, width).numpy(), extreme(rng, height, width)
    surfaces = extreme(rng, count, 3), smooth, far, rays
    total = np.zeros((height, width, many), np.float32)
    reference = extreme(rng, *(int(v) for v in rng.integers(1, 9, 2)), signed=False)
    pose = _pose(rng)
    kernels_hidden.add_carving(
        height, part, candidates, *surfaces, pose[:3, :3], pose[:3, 3], reference, 0.04, total
    )
    keep = np.float32(0.9)
    kernels_hidden.sweep_columns(height, part, border, candidates, *surfaces, keep, total)
    for down in (1, -1):
        kernels_hidden.sweep_rows(part, border, candidates, *surfaces, keep, down, total)
    kernels_hidden.choose_labels(height, part, candidates, total, np.full((height, width), -1, np.int32))


def patches(rng: np.random.Generator) -> None:
    """Holes anywhere in a picture, at its edges too, from a single pixel to more levels than one."""
    height, width = (int(v) for v in rng.integers(1, rng.choice((8, 60)), 2))
    known = rng.random((height, width)) < rng.choice((0.9, 1.0))
    target = np.zeros((height, width), np.bool_)
    top, left = int(rng.integers(height)), int(rng.integers(width))
    target[top : top + int(rng.integers(1, 20)), left : left + int(rng.integers(1, 20))] = True
    image, seed = extreme(rng, height, width, 3), int(rng.integers(1, 2**31))
    kernels_exemplar.complete_picture(image, known & ~target, target, seed)


def scene(rng: np.random.Generator) -> None:
    origins, directions = (extreme(rng, 20, 3).astype(np.float64) for _ in range(2))
    intersect_numba.closest_hit(origins, directions, terrace())
    intersect_numba.is_occluded(origins, directions, terrace())


def factory_scene(rng: np.random.Generator) -> None:
    """Shapes of every kind with extreme numbers, seen from anywhere."""
    count, kinds = 30, np.zeros((30, 5), np.int32)
    table = extreme(rng, count, geometry.SHAPE_WIDTH).astype(np.float64)
    table = table if rng.random() < 0.2 else np.nan_to_num(np.clip(table, -1e6, 1e6))
    kinds[:, 0], kinds[:, 1] = rng.integers(0, Shape.SOLID, count), rng.integers(0, 3, count)
    kinds[:, 3], kinds[:, 4] = rng.integers(0, 4, count), rng.integers(-1, 3, count)
    table[:, 7] = 0  # a material of a cylinder, and no cuts of solids
    built = geometry.geometry_of(table, kinds, extreme(rng, 3, geometry.CORNER_WIDTH))
    names = [*rng.choice(list(MATERIAL_KINDS), 2), "water"]
    materials = np.stack([material_row(name, (0.5, 0.4, 0.3)) for name in names])
    looks = Looks(materials, np.array(((0, 2, 3),)), np.arange(24, dtype=np.uint8))
    camera = Equirect((4, 8))
    scene = Scene(
        built, looks, (), (), (Lamp((0, -1, 0), (1, 1, 1), 9.0),), Environment(stars=1.0), (), False
    )
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = torch.from_numpy(extreme(rng, 3)).nan_to_num(0.0, 0.0, 0.0)
    render_scene(scene, camera, pose, samples=2)
    origins, directions = (extreme(rng, 20, 3).astype(np.float64) for _ in range(2))
    out = np.empty(20), np.empty(20, np.int32), np.empty(20, np.int32), np.empty((20, 3))
    kernels_hierarchy.hits(20, origins, directions, built, looks, *out)
    limits = extreme(rng, 20).astype(np.float64)
    kernels_hierarchy.occlusions(20, origins, directions, limits, built, looks, np.empty(20, np.bool_))


def files(rng: np.random.Generator) -> None:
    count, bases = 5, int(rng.choice((1, 4, 16)))
    columns = 14 + 3 * bases
    parts = [extreme(rng, count, *shape) for shape in ((3,), (4,), (3,), (), (bases, 3))]
    rows = np.zeros((count, columns), np.float32)
    ply_numba.pack_rows(rows, *parts)
    places = rng.permutation(columns)[: 11 + 3 * bases]
    parts[-1] = parts[-1].reshape(count, -1)
    ply_numba.unpack_rows(extreme(rng, count, columns), places, 1e-6, *parts)
    columns = int(rng.integers(1, 40))
    packed = rng.integers(0, 256, rng.integers(1, 400)).astype(np.uint8)
    packed[rng.random(packed.size) < 0.3] = rng.integers(1, 4)
    packed[:4] = np.array((2, 2, 0, columns), np.uint8)[: packed.size]
    radiance_numba.decode_rgbe(packed, np.zeros((int(rng.integers(1, 5)), columns, 4), np.uint8))


def main() -> None:
    """Run all parts on as many cases as asked for."""
    parts: tuple[Callable[[np.random.Generator], None], ...] = (
        splats,
        splats_by_warp,
        harmonics,
        mesh,
        mesh_by_warp,
        fit,
        sweep,
        refine,
        fusion,
        propagation,
        hidden,
        patches,
        scene,
        factory_scene,
        files,
    )
    wp.config.mode = "debug"  # checks indices, on the CPU
    failures = []
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    for part in parts:
        for seed in range(int(sys.argv[1])):
            print(part.__name__, seed, file=sys.stderr)
            try:
                part(np.random.default_rng(seed))
            except InvalidInput:
                pass  # refused in words
            except Exception as error:
                failures.append(f"{part.__name__}, seed {seed}: {type(error).__name__}: {error}")
                break
    found = kernels()
    never = sorted(name for name, kernel in found.items() if not kernel.signatures)
    print(json.dumps({"kernels": sorted(found), "never_run": never, "failures": failures}))


if __name__ == "__main__":
    main()
