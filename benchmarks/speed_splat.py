"""Speed of the CPU splat backend against the first sketch and against core, with checks of parity.

Scene: Gaussians scattered through the view of one camera, sizes log-normal around the spacing that covers
the picture. One round is a training step without the optimizer: projection, sorting, drawing, and the
gradients of a squared difference to all five inputs. Pictures of both must agree, and at a small size the
backend must agree with the plain torch twin in pictures (1e-5) and gradients (1e-4 relative), for pinhole
cameras and panoramas, plain and anti-aliased.

With COMFYUI_DIR set (and run by an interpreter that has its requirements), core's RenderSplat draws the same
Gaussians from the same camera; only rendering is timed, called directly on both sides. Core weighs a Gaussian
along each pixel's ray and blends in linear light, so the coverage of the two pictures is compared, not
their colors.

    COMFYUI_DIR=... python benchmarks/speed_splat.py [--json] [--quick]
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from benchmarks import common
from benchmarks.baseline_splat_sketch import render as render_sketch
from matrix3d_core.raster.splat import SPLAT_BACKENDS, render_gaussians, render_gaussians_panorama
from matrix3d_core.raster.splat_contract import SplatInputs, SplatView
from matrix3d_core.scene.camera import Pinhole
from matrix3d_core.scene.gaussians import Gaussians

SEED, ROUNDS, CORE_ROUNDS = 0, 9, 5
CORE_SIZE = (200_000, 512)
PANORAMA_SIZE = (200_000, 480)
TWIN_SIZE = (5_000, 128)
SIZES = ((50_000, 256), (200_000, 256), (200_000, 512))


def scatter(count: int, size_px: int, dtype: torch.dtype = torch.float32) -> tuple[list[torch.Tensor], float]:
    """Return means, quaternions, scales, opacities and colors as leaves, and the focal length."""
    rng = torch.Generator().manual_seed(SEED)
    focal = size_px / 2
    z = 1.5 + 2.5 * torch.rand(count, generator=rng)
    x, y = ((torch.rand(count, generator=rng) * 2 - 1) * 1.05 * z for _ in range(2))
    sigma_px = 0.8 * math.sqrt(size_px**2 / count) + 0.4
    scales = (sigma_px * z / focal)[:, None] * torch.exp(0.5 * torch.randn(count, 3, generator=rng))
    quats = torch.nn.functional.normalize(torch.randn(count, 4, generator=rng), dim=-1)
    opacities = torch.sigmoid(torch.randn(count, generator=rng))
    colors = torch.rand(count, 3, generator=rng)
    leaves = (torch.stack((x, y, z), -1), quats, scales, opacities, colors)
    return [t.to(dtype).contiguous().requires_grad_() for t in leaves], focal


def draw(backend: str, leaves: list[torch.Tensor], focal: float, size_px: int) -> torch.Tensor:
    """Draw with a backend of the pack or with the sketch."""
    if backend == "sketch":
        return render_sketch(*leaves, focal, size_px, size_px)[0]
    K_px = torch.tensor([[focal, 0, size_px / 2], [0, focal, size_px / 2], [0, 0, 1]], dtype=torch.float64)
    view = SplatView(torch.eye(4, dtype=torch.float64), Pinhole((size_px, size_px), K_px))
    return SPLAT_BACKENDS.load(backend)[1](SplatInputs(*leaves), view)[0]


def step(backend: str, leaves: list[torch.Tensor], focal: float, target: torch.Tensor) -> torch.Tensor:
    """Run forward and backward; gradients end up in the leaves."""
    for leaf in leaves:
        leaf.grad = None
    picture = draw(backend, leaves, focal, target.shape[0])
    (picture - target).square().mean().backward()
    return picture.detach()


def run_size(count: int, size_px: int, rounds: int) -> tuple[list, list]:
    """Time one size; return result and check records."""
    target = torch.rand(size_px, size_px, 3, generator=torch.Generator().manual_seed(1))
    leaves, focal = scatter(count, size_px)
    names = ("numba", "sketch")
    seconds = common.time_in_rounds(
        {name: lambda _, name=name: step(name, leaves, focal, target) for name in names}, rounds
    )
    results = []
    size = f"{count} Gaussians {size_px}x{size_px}"
    print(f"\n{size}, forward + backward + projection, {rounds} rounds")
    for name, values in seconds.items():
        entry = {"name": f"{name} {size}", **common.spread(values)}
        if name != "numba":
            entry["times_as_long_as_numba"] = common.ratio(values, seconds["numba"])
        results.append(entry)
        against = f"{entry['times_as_long_as_numba']:.2f} times numba" if name != "numba" else ""
        print(
            f"  {name:8} median {entry['median_ms']:7.1f} ms   iqr {entry['iqr_ms']:6.1f}   "
            f"least {entry['least_ms']:7.1f}   {against}"
        )
    speed_up = common.ratio(seconds["sketch"], seconds["numba"])
    difference = (step("numba", leaves, focal, target) - step("sketch", leaves, focal, target)).abs()
    agree = float((difference <= 1e-4).float().mean())
    return results, [
        common.check(f"speed-up over the sketch, {size}", speed_up, least=2.0),
        common.check(f"values within 1e-4 of the sketch, {size}", agree, least=0.9999),
    ]


def all_around(count: int, height: int, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """Return leaves as `scatter` does, in all directions of the origin."""
    rng = torch.Generator().manual_seed(SEED)
    towards = torch.nn.functional.normalize(torch.randn(count, 3, generator=rng), dim=-1)
    distance = 1.5 + 2.5 * torch.rand(count, 1, generator=rng)
    sigma_px = 0.8 * math.sqrt(2 * height**2 / count) + 0.4
    scales = sigma_px * math.pi / height * distance * torch.exp(0.5 * torch.randn(count, 3, generator=rng))
    quats = torch.nn.functional.normalize(torch.randn(count, 4, generator=rng), dim=-1)
    opacities = torch.sigmoid(torch.randn(count, generator=rng))
    leaves = (towards * distance, quats, scales, opacities, torch.rand(count, 3, generator=rng))
    return [t.to(dtype).contiguous().requires_grad_() for t in leaves]


def draw_fully(
    backend: str, leaves: list[torch.Tensor], focal: float, height: int, *, is_antialiased: bool
) -> torch.Tensor:
    """Draw through the public door: a square picture, or a panorama when the focal length is 0."""
    dtype, gaussians = leaves[0].dtype, Gaussians.from_colors(*leaves)
    pose = torch.eye(4, dtype=torch.float64)
    if not focal:
        return render_gaussians_panorama(
            gaussians, pose, height, 2 * height, backend=backend, antialiased=is_antialiased
        ).rgb.to(dtype)
    K_px = torch.tensor([[focal, 0, height / 2], [0, focal, height / 2], [0, 0, 1]], dtype=torch.float64)
    return render_gaussians(
        gaussians, pose, K_px, height, height, backend=backend, antialiased=is_antialiased
    ).rgb.to(dtype)


def differences_from_twin(
    backend: str, count: int, size_px: int, camera: str, is_antialiased: bool
) -> tuple[torch.Tensor, float]:
    """Return the differences of a picture from the torch twin's in float64, and the worst relative error of a gradient.

    ``camera`` is ``"pinhole"``, of ``size_px`` squared, or ``"panorama"``, half as high as wide.
    """
    height = size_px if camera == "pinhole" else size_px // 2
    target = torch.rand(height, size_px, 3, generator=torch.Generator().manual_seed(1))
    pictures, gradients = [], []
    for name, dtype in ((backend, torch.float32), ("torch", torch.float64)):
        leaves, focal = scatter(count, size_px, dtype)
        if camera == "panorama":
            leaves, focal = all_around(count, height, dtype), 0.0
        picture = draw_fully(name, leaves, focal, height, is_antialiased=is_antialiased)
        (picture - target).square().mean().backward()
        pictures.append(picture.detach().double())
        gradients.append([leaf.grad.double() for leaf in leaves])
    worst = max(float((a - b).norm() / b.norm()) for a, b in zip(*gradients, strict=True))
    return (pictures[0] - pictures[1]).abs(), worst


def check_twin(count: int, size_px: int) -> list:
    """Compare with the plain torch twin in float64."""
    checks = []
    for camera in ("pinhole", "panorama"):
        for is_antialiased in (False, True):
            difference, worst = differences_from_twin("numba", count, size_px, camera, is_antialiased)
            off = difference > 1e-5
            name = f"{camera}{', anti-aliased' if is_antialiased else ''}"
            print(f"against the torch twin, {name}: {int(off.sum())} of {off.numel()} values off")
            # At an alpha cut-off rounding decides whether a Gaussian counts: a step of at most 1/255 in single
            # pixels, 3 values each, shown above. Small pictures hold few values, hence three such pixels in all.
            share, step = 1 - float(off.float().mean()), float(difference.max())
            checks += [
                common.check(f"values within 1e-5 of the twin, {name}", share, least=1 - 9 / off.numel()),
                common.check(f"1 - largest difference from the twin, {name}", 1 - step, least=1 - 1 / 255),
                common.check(
                    f"gradient agreement with the twin, 1 - relative error, {name}", 1 - worst, least=1 - 1e-4
                ),
            ]
    return checks


def time_panorama(count: int, height: int, rounds: int) -> list:
    """Time a training step on a whole panorama and one on a square picture with as many pixels."""
    side = round(math.sqrt(2) * height / 16) * 16
    target = torch.rand(height, 2 * height, 3, generator=torch.Generator().manual_seed(1))
    square = torch.rand(side, side, 3, generator=torch.Generator().manual_seed(1))
    around = all_around(count, height)
    ahead, focal = scatter(count, side)

    def step_on(leaves: list[torch.Tensor], goal: torch.Tensor, focal: float) -> None:
        for leaf in leaves:
            leaf.grad = None
        picture = draw_fully("numba", leaves, focal, goal.shape[0], is_antialiased=False)
        (picture - goal).square().mean().backward()

    seconds = common.time_in_rounds(
        {
            "panorama": lambda _: step_on(around, target, 0.0),
            "pinhole": lambda _: step_on(ahead, square, focal),
        },
        rounds,
    )
    print(f"\n{count} Gaussians, forward + backward, {rounds} rounds")
    results = []
    sizes = {"panorama": f"{2 * height}x{height}", "pinhole": f"{side}x{side}"}
    for name, values in seconds.items():
        entry = {"name": f"numba {name} {count} Gaussians {sizes[name]}", **common.spread(values)}
        if name == "panorama":
            entry["times_as_long_as_pinhole"] = common.ratio(values, seconds["pinhole"])
        print(f"  {name:8} {sizes[name]:9} median {entry['median_ms']:7.1f} ms   iqr {entry['iqr_ms']:6.1f}")
        results.append(entry)
    return results


def time_against_core(count: int, size_px: int, rounds: int) -> tuple[list, list]:
    """Draw with core's RenderSplat and with ours; empty without COMFYUI_DIR."""
    folder = os.environ.get("COMFYUI_DIR")
    if not folder:
        print("\nCOMFYUI_DIR is not set: no comparison with core")
        return [], []
    sys.path.insert(0, folder)
    sys.argv = [sys.argv[0], *([] if torch.cuda.is_available() else ["--cpu"])]
    import comfy.options

    comfy.options.enable_args_parsing()
    from comfy_api.latest import Types
    from comfy_extras.nodes_gaussian_splat import RenderSplat

    leaves, focal = scatter(count, size_px)
    means, quats, scales, opacities, colors = (leaf.detach() for leaf in leaves)
    gaussians = Gaussians.from_colors(means, quats, scales, opacities, colors)
    splat = Types.SPLAT(means[None], scales[None], quats[None], opacities[None, :, None], gaussians.sh[None])
    # Core's camera lives in a y-up world; ours looks along +z from the origin, with a field of view of 90 degrees.
    camera = {"position": {"x": 0, "y": 0, "z": 0}, "target": {"x": 0, "y": 0, "z": -1}, "fov": 90.0}
    pictures = {}

    def draw_core(_: int) -> None:
        output = RenderSplat.execute(
            splat=splat,
            width=size_px,
            height=size_px,
            frames=1,
            splat_scale=1.0,
            sharpen=1.0,
            headlight_shading=0.0,
            opacity_threshold=0.0,
            background="#000000",
            render_style="color",
            camera_info=camera,
        )
        pictures["core"] = output.result[1][0]

    def draw_ours(_: int) -> None:
        K_px = torch.tensor([[focal, 0, size_px / 2], [0, focal, size_px / 2], [0, 0, 1]])
        pictures["numba"] = render_gaussians(
            gaussians, torch.eye(4), K_px, size_px, size_px, backend="numba"
        ).alpha

    with torch.inference_mode():
        seconds = common.time_in_rounds({"numba": draw_ours, "core RenderSplat": draw_core}, rounds)
    size = f"{count} Gaussians {size_px}x{size_px}"
    print(f"\n{size}, drawing only, {rounds} rounds")
    results = []
    for name, values in seconds.items():
        entry = {"name": f"{name} drawing {size}", **common.spread(values)}
        results.append(entry)
        print(f"  {name:16} median {entry['median_ms']:7.1f} ms   iqr {entry['iqr_ms']:6.1f}")
    speed_up = common.ratio(seconds["core RenderSplat"], seconds["numba"])
    results[-1]["times_as_long_as_numba"] = speed_up
    away = float((pictures["core"] - pictures["numba"]).abs().mean())
    return results, [
        common.check(f"speed-up over core's RenderSplat, {size}", speed_up, least=8.0),
        common.check(f"coverage like core's, 1 - mean difference, {size}", 1 - away, least=0.95),
    ]


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0]).parse_args()
    sizes, rounds = (((2_000, 64),), 3) if options.quick else (SIZES, ROUNDS)
    where = common.machine()
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    results, checks = [], check_twin(*((500, 48) if options.quick else TWIN_SIZE))
    for count, size_px in sizes:
        new_results, new_checks = run_size(count, size_px, rounds)
        results += new_results
        checks += new_checks
    results += time_panorama(*((2_000, 32) if options.quick else PANORAMA_SIZE), rounds)
    new_results, new_checks = time_against_core(
        *((2_000, 64) if options.quick else CORE_SIZE), 2 if options.quick else CORE_ROUNDS
    )
    results += new_results
    checks += [] if options.quick else new_checks  # at tiny sizes the ratios are meaningless
    settings = {
        "sizes": [list(size) for size in sizes],
        "rounds": rounds,
        "seed": SEED,
        "twin": list(TWIN_SIZE),
    }
    print()
    return common.finish("speed_splat", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
