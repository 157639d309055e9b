"""Speed of the splat files: a million Gaussians of degree 0 written and read, against gsply in the same run.

Files go to a folder in memory (/dev/shm) where there is one, else to the system's temporary folder: else a busy
disk would be timed. The same bytes written and read by `write` and `readinto` alone are timed
as well: the kernel's share of each number.

    python benchmarks/speed_files.py [--json] [--quick]

The bounds are on the median wall-clock time, so nothing else may run on the machine. The processor
time of all threads is given with it: where it is much less, the machine was busy.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from benchmarks import common
from matrix3d_core.io.ply import read_ply, write_ply
from matrix3d_core.io.splats import SPLAT_FORMATS, read_gaussians, write_gaussians
from matrix3d_core.scene.gaussians import Gaussians

COUNT, ROUNDS, SEED = 1_000_000, 7, 0
BOUNDS_MS = {"write and read ply": 150.0, "write spz 3": 1500.0, "read spz 3": 400.0}


def world(count: int) -> Gaussians:
    """Return Gaussians on the walls of a box, sized and colored as a fitted world's: some positions repeat."""
    rng = torch.Generator().manual_seed(SEED)
    means = torch.rand(count, 3, generator=rng) * 2 - 1
    wall = torch.randint(3, (count, 1), generator=rng)
    means = means.scatter(1, wall, means.gather(1, wall).sign()) * torch.tensor([6.0, 2.0, 6.0])
    quats = torch.nn.functional.normalize(torch.randn(count, 4, generator=rng), dim=-1)
    scales = torch.exp(torch.randn(count, 3, generator=rng) * 0.5 - 4)
    opacities = torch.sigmoid(torch.randn(count, generator=rng) * 2 + 1)
    colors = (0.5 + 0.3 * torch.sin(means * math.pi) + 0.05 * torch.randn(count, 3, generator=rng)).clamp(
        0, 1
    )
    return Gaussians.from_colors(means, quats, scales, opacities, colors)


def gsply_contestants(gaussians: Gaussians, folder: Path) -> dict:
    """Return gsply's contestants for the same Gaussians, or none where it is not installed."""
    try:
        import gsply
    except ImportError:
        return {}
    data = gsply.GSData.from_arrays(
        means=gaussians.means.numpy(),
        scales=gaussians.scales.log().numpy(),
        quats=gaussians.quats_wxyz.numpy(),
        opacities=torch.logit(gaussians.opacities.clamp(1e-6, 1 - 1e-6)).numpy(),
        sh0=gaussians.sh[:, 0].contiguous().numpy(),
        format="ply",
    )
    ply, spz = str(folder / "gsply.ply"), str(folder / "gsply.spz")
    return {
        "gsply write ply": lambda _: gsply.plywrite(ply, data),
        "gsply read ply": lambda _: gsply.plyread(ply),
        "gsply write spz 3": lambda _: gsply.write_spz(spz, data, version=3),
        "gsply read spz 3": lambda _: gsply.read_spz(spz),
    }


def plain_contestants(size: int, folder: Path) -> dict:
    """Return the cost of a file of that size without any work on it."""
    block, path = bytes(1 << 20), folder / "plain.bin"

    def write(_: int) -> None:
        with (folder / "plain.part").open("wb", buffering=0) as file:
            for start in range(0, size, len(block)):
                file.write(block[: size - start])
        (folder / "plain.part").replace(path)

    def read(_: int) -> None:
        buffer = bytearray(len(block))
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    return {"bytes of ply written": write, "bytes of ply read": read}


def counted(work: Callable[[int], object], seconds: list[float]) -> Callable[[int], object]:
    """Wrap a contestant so that its processor time, of all threads, is kept."""

    def run(index: int) -> object:
        start = time.process_time()
        result = work(index)
        seconds.append(time.process_time() - start)
        return result

    return run


def has_zstandard() -> bool:
    """Return whether SPZ 4 can be written here."""
    try:
        import zstandard  # noqa: F401
    except ImportError:
        return False
    return True


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0]).parse_args()
    count, rounds = (20_000, 2) if options.quick else (COUNT, ROUNDS)
    where = common.machine()
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    gaussians = world(count)
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        folder = Path(name)
        size = count * 68  # 17 floats each
        # gsply reads and writes logarithms and logits; ours converts them to rendering values.
        contestants = {
            "write ply": lambda _: write_ply(folder / "ours.ply", gaussians),
            "read ply": lambda _: read_ply(folder / "ours.ply"),
            "write spz 3": lambda _: write_gaussians(folder / "ours.spz", gaussians),
            "read spz 3": lambda _: read_gaussians(folder / "ours.spz"),
        }
        if has_zstandard():
            four = folder / "four.spz"
            contestants["write spz 4"] = lambda _: write_gaussians(four, gaussians, kind="spz 4")
            contestants["read spz 4"] = lambda _: read_gaussians(four)
        contestants |= gsply_contestants(gaussians, folder) | plain_contestants(size, folder)
        processor: dict[str, list[float]] = {label: [] for label in contestants}
        seconds = common.time_in_rounds(
            {label: counted(work, processor[label]) for label, work in contestants.items()}, rounds
        )
        for kind in set(SPLAT_FORMATS) - {
            "ply",
            "spz",
            "sog",
        }:  # a SOG takes a minute: it groups and packs pictures
            path = folder / f"ours.{kind}"
            more = {
                f"write {kind}": lambda _, path=path: write_gaussians(path, gaussians),
                f"read {kind}": lambda _, path=path: read_gaussians(path),
            }
            seconds |= common.time_in_rounds(more, min(3, rounds))
        sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
        exact = all(
            float((a - b).abs().max()) <= 1e-5
            for a, b in zip(read_ply(folder / "ours.ply").tensors(), gaussians.tensors(), strict=True)
        )
    seconds["write and read ply"] = [
        a + b for a, b in zip(seconds["write ply"], seconds["read ply"], strict=True)
    ]

    processor["write and read ply"] = [
        a + b for a, b in zip(processor["write ply"], processor["read ply"], strict=True)
    ]

    results = []
    for label, values in seconds.items():
        entry = {"name": label, **common.spread(values)}
        if label in processor:
            entry["processor_median_ms"] = median(processor[label][1:]) * 1e3  # the first is the warm-up
        theirs = seconds.get(f"gsply {label}")
        if theirs:
            entry["gsply_takes_times_as_long"] = common.ratio(theirs, values)
        results.append(entry)
        print(
            f"  {label:22} median {entry['median_ms']:7.1f} ms   least {entry['least_ms']:7.1f}   "
            f"processor {entry.get('processor_median_ms', math.nan):7.1f}"
        )
    checks = [common.check("ply comes back within 1e-5", float(exact), least=1.0)]
    if not options.quick:
        used = {entry["name"]: entry["median_ms"] for entry in results}
        checks += [
            common.check(f"{bound:g} ms over the median, {label}", bound / used[label], least=1.0)
            for label, bound in BOUNDS_MS.items()
        ]
    settings = {"count": count, "rounds": rounds, "sh_degree": 0, "seed": SEED, "bytes": sizes}
    settings["folder"] = str(folder.parent)
    print()
    return common.finish("speed_files", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
