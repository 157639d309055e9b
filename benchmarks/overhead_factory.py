"""Ray against plain processes: the same shards of the factory on the same number of cores, in turns.

Start: until the first shard is finished, with the processes, imports and the first compiled kernels. Then: seconds per
shard from the first to the last. The shards are small, so that what the workers cost besides the work shows.

    python benchmarks/overhead_factory.py [--json] [--quick]
"""

from __future__ import annotations

import functools
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import common
from matrix3d_core.factory.clip import ClipConfig
from matrix3d_core.factory.job import FactoryJob, make_shard
from matrix3d_core.factory.processes import in_processes
from matrix3d_core.factory.ray_workers import LOCAL, on_ray
from matrix3d_core.factory.routes import RouteConfig

WORKERS = 2


def nothing() -> None:
    """Do without progress."""


def finished(kind: str, job: FactoryJob, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a job's shards as its workers finish them."""
    task = functools.partial(make_shard, job, folder, threads=1)
    if kind == "ray":
        return on_ray(task, range(job.shards), LOCAL, WORKERS, nothing)
    return in_processes(task, range(job.shards), WORKERS, nothing)


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0]).parse_args()
    rounds, clips, frames, height = (1, 4, 2, 32) if options.quick else (2, 12, 9, 96)
    clip = ClipConfig(height=height, samples=1, filter=None, route=RouteConfig(frames=frames))
    job = FactoryJob(clips, ("courtyard",), clip=clip, clips_per_shard=1)
    where = common.machine()
    start: dict[str, list[float]] = {"processes": [], "ray": []}
    each: dict[str, list[float]] = {"processes": [], "ray": []}
    sums = set()
    for _ in range(rounds):
        for kind in start:
            with tempfile.TemporaryDirectory() as folder:
                times, began = [], time.perf_counter()
                records = []
                for record in finished(kind, job, Path(folder)):
                    times.append(time.perf_counter() - began)
                    records.append(record)
            start[kind].append(times[0])
            each[kind].append((times[-1] - times[0]) / (len(times) - 1))
            sums.add(tuple(sorted(record["sha256"] for record in records)))
            print(
                f"{kind:10} start {start[kind][-1]:6.2f} s, then {each[kind][-1]:6.3f} s per shard",
                flush=True,
            )
    results = [
        {"name": f"{kind}, {what}", **common.spread(seconds[kind])}
        for kind in start
        for what, seconds in (("start", start), ("per shard", each))
    ]
    checks = [
        common.check(
            "shards per second of Ray over those of processes",
            common.ratio(each["processes"], each["ray"]),
            least=0.9,
        ),
        common.check(
            "the same bytes in every run (1 / number of different results)", 1 / len(sums), least=1.0
        ),
    ]
    settings = {"workers": WORKERS, "shards": clips, "frames": frames, "height": height, "rounds": rounds}
    return common.finish("overhead_factory", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
