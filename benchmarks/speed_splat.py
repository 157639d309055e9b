"""Speed of the CPU splat engine against the first sketch, with the parity that makes it count.

Scene: Gaussians scattered through the view of one camera, sizes log-normal around the spacing that covers
the picture. One round is a training step without the optimiser: projection, sorting, drawing, and the
gradients of a squared difference to all five inputs. Pictures of both must agree, and at a small size the
engine must agree with the plain torch twin in pictures (1e-5) and gradients (1e-4 relative).

    python benchmarks/speed_splat.py [--json] [--quick]
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from benchmarks import common
from benchmarks.baseline_splat_sketch import render as render_sketch
from matrix3d_core.raster.splat import SPLAT_ENGINES

SEED, ROUNDS = 0, 15
SIZES = ((50_000, 256), (200_000, 256), (200_000, 512))


def scatter(count: int, size_px: int, dtype: torch.dtype = torch.float32) -> tuple[list[torch.Tensor], float]:
    """Return means, quaternions, scales, opacities and colours as leaves, and the focal length."""
    rng = torch.Generator().manual_seed(SEED)
    focal = size_px / 2
    z = 1.5 + 2.5 * torch.rand(count, generator=rng)
    x, y = ((torch.rand(count, generator=rng) * 2 - 1) * 1.05 * z for _ in range(2))
    sigma_px = 0.8 * math.sqrt(size_px**2 / count) + 0.4
    scales = (sigma_px * z / focal)[:, None] * torch.exp(0.5 * torch.randn(count, 3, generator=rng))
    quats = torch.nn.functional.normalize(torch.randn(count, 4, generator=rng), dim=-1)
    opacities = torch.sigmoid(torch.randn(count, generator=rng))
    colours = torch.rand(count, 3, generator=rng)
    leaves = (torch.stack((x, y, z), -1), quats, scales, opacities, colours)
    return [t.to(dtype).contiguous().requires_grad_() for t in leaves], focal


def draw(engine: str, leaves: list[torch.Tensor], focal: float, size_px: int) -> torch.Tensor:
    """Draw with an engine of the pack or with the sketch."""
    if engine == "sketch":
        return render_sketch(*leaves, focal, size_px, size_px)[0]
    K_px = torch.tensor([[focal, 0, size_px / 2], [0, focal, size_px / 2], [0, 0, 1]], dtype=torch.float64)
    return SPLAT_ENGINES.load(engine)[1](*leaves, torch.eye(4, dtype=torch.float64), K_px, size_px, size_px)[
        0
    ]


def step(engine: str, leaves: list[torch.Tensor], focal: float, target: torch.Tensor) -> torch.Tensor:
    """Run forward and backward; gradients end up in the leaves."""
    for leaf in leaves:
        leaf.grad = None
    picture = draw(engine, leaves, focal, target.shape[0])
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


def check_twin(count: int, size_px: int) -> list:
    """Compare with the plain torch twin in float64."""
    target = torch.rand(size_px, size_px, 3, generator=torch.Generator().manual_seed(1))
    leaves, focal = scatter(count, size_px)
    twins, _ = scatter(count, size_px, torch.float64)
    picture, expected = step("numba", leaves, focal, target), step("torch", twins, focal, target.double())
    off = (picture - expected).abs() > 1e-5
    print(
        f"\nagainst the torch twin, {count} Gaussians {size_px}x{size_px}: {int(off.sum())} of {off.numel()} values off"
    )
    worst = max(float((a.grad - b.grad).norm() / b.grad.norm()) for a, b in zip(leaves, twins, strict=True))
    # At an alpha cut-off rounding decides whether a Gaussian counts; such flips are rare, and shown above.
    return [
        common.check("values within 1e-5 of the twin", 1 - float(off.float().mean()), least=0.9999),
        common.check("gradient agreement with the twin, 1 - relative error", 1 - worst, least=1 - 1e-4),
    ]


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0]).parse_args()
    sizes, rounds = (((2_000, 64),), 3) if options.quick else (SIZES, ROUNDS)
    where = common.machine()
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    results, checks = [], check_twin(*((500, 48) if options.quick else (10_000, 128)))
    for count, size_px in sizes:
        new_results, new_checks = run_size(count, size_px, rounds)
        results += new_results
        checks += new_checks
    settings = {"sizes": [list(size) for size in sizes], "rounds": rounds, "seed": SEED}
    print()
    return common.finish("speed_splat", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
