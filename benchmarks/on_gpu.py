"""All measurements that need a GPU, one part after the other, each in its own process, most valuable first.

    benchmarks/on_gpu.sh                     # all parts, results under benchmarks/results/
    benchmarks/on_gpu.sh --only parity lrm   # some
    benchmarks/on_gpu.sh --list              # what there is
    benchmarks/on_gpu.sh --dry               # tiny sizes on the CPU: does it run?

A part that was finished on this machine with this commit is not run again (``--again`` does). A part whose package,
device or host is missing is skipped by name and counted. All parts share ``--minutes``; one that runs over its own
limit is stopped and the next begins. The exit status is 1 when a part failed or a check did not hold.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import torch  # noqa: E402

from benchmarks import common  # noqa: E402

SKIPPED = 75  # exit status of a part that cannot run here (EX_TEMPFAIL)
DECIBELS = (24.0, 27.0, 30.0)
SCENE = "courtyard"
CUDA_SPLATS, CUDA_MESHES = ("gsplat", "warp"), ("warp", "nvdiffrast")

Outcome = tuple[dict, list, list]
"""Settings, results and checks, as `common.finish` takes them."""


class Skip(Exception):
    """This part cannot run here; the message says what is missing."""


@dataclass(frozen=True)
class Part:
    """One part: its content, its time limit in seconds on a data-center GPU, and its function of ``dry``."""

    shows: str
    limit_s: int
    run: Callable[[bool], Outcome]


class Stopwatch:
    """Seconds since it was made, less the time between `stop` and `go`."""

    def __init__(self) -> None:
        self.begun, self.stopped = time.perf_counter(), 0.0

    def stop(self) -> float:
        """Return the seconds so far."""
        self.stopped = time.perf_counter()
        return self.stopped - self.begun

    def go(self) -> None:
        """Resume."""
        self.begun += time.perf_counter() - self.stopped


def usable(registry: object, names: tuple[str, ...], dry: bool) -> list[str]:
    """Return the backends that can run here, and print why the others cannot; without a GPU the CPU's."""
    if dry:
        return ["numba"]
    reasons = {name: registry.unavailable_reason(name) for name in names}  # type: ignore[attr-defined]
    for name, reason in reasons.items():
        if reason:
            print(f"SKIPPED backend {name}: {reason}", flush=True)
    found = [name for name, reason in reasons.items() if not reason]
    if not found:
        raise Skip("; ".join(f"{name}: {reason}" for name, reason in reasons.items()))
    return found


def parity(dry: bool) -> Outcome:
    """Every GPU backend against the plain torch reference in float64."""
    from benchmarks.speed_mesh import curve, pose_at, room
    from benchmarks.speed_splat import differences_from_twin
    from matrix3d_core.guidance.scene_mesh import mesh_from_panorama
    from matrix3d_core.raster.mesh import MESH_BACKENDS, open_mesh_renderer
    from matrix3d_core.raster.splat import SPLAT_BACKENDS

    count, size, rows = (300, 32, 24) if dry else (5_000, 128, 64)
    results, checks, missing = [], [], []
    for registry, names in ((SPLAT_BACKENDS, CUDA_SPLATS), (MESH_BACKENDS, CUDA_MESHES)):
        try:
            backends = usable(registry, names, dry)
        except Skip as reason:
            missing.append(str(reason))
            continue
        for name in backends:
            start = time.perf_counter()
            if registry is SPLAT_BACKENDS:
                cameras = ("pinhole",) if name == "gsplat" else ("pinhole", "panorama")
                for camera in cameras:
                    for antialiased in (False, True):
                        difference, gradient = differences_from_twin(name, count, size, camera, antialiased)
                        off = float((difference > (1e-3 if name == "gsplat" else 1e-4)).float().mean())
                        what = f"{name}, {camera}{', anti-aliased' if antialiased else ''}"
                        checks += [
                            common.check(f"values like the twin's, {what}", 1 - off, least=0.99),
                            common.check(f"gradients like the twin's, {what}", 1 - gradient, least=0.99),
                        ]
            else:
                mesh = mesh_from_panorama(room(rows), height=rows, edge_threshold=100.0, close_poles=True)
                mine, twin = (open_mesh_renderer(mesh, backend=e)[1] for e in (name, "torch"))
                pose = pose_at(curve(4)[1])
                a, b = (e.render(pose, rows, 2 * rows) for e in (mine, twin))
                error = (a.depth_ray / b.depth_ray - 1).abs()
                bound = 5e-2 if name == "nvdiffrast" else 1e-4  # looked up at the nearest texel of a face
                checks += [
                    common.check(f"pixels hit, {name} mesh", float(a.is_seen.float().mean()), least=1.0),
                    common.check(
                        f"distances within {bound:g} of the twin, {name} mesh",
                        float((error <= bound).float().mean()),
                        least=0.99,
                    ),
                ]
            results.append(
                {"name": f"{registry.kind} {name}", **common.spread([time.perf_counter() - start])}
            )
    if not results:
        raise Skip("; ".join(missing))
    return {"gaussians": count, "size_px": size, "mesh_rows": rows, "skipped": missing}, results, checks


def fit(preset: str) -> Callable[[bool], Outcome]:
    """Return the part that fits one scene at upstream's size with each backend, and its PSNR over time."""

    def run(dry: bool) -> Outcome:
        from scenes import shots_of

        from matrix3d_core.depth.panorama_depth import geometry_from_depth
        from matrix3d_core.metrics.image import psnr
        from matrix3d_core.optimize.config import preset_config
        from matrix3d_core.optimize.loop import optimize_gaussians
        from matrix3d_core.raster.splat import SPLAT_BACKENDS, render_gaussians
        from matrix3d_core.scene.gaussians import Gaussians

        backends = usable(SPLAT_BACKENDS, CUDA_SPLATS, dry)
        size = {"height": 48, "frames": 9} if dry else {"height": 720, "frames": 81}
        shots = shots_of(SCENE, **size)
        geometry = geometry_from_depth(
            shots.frames[0], shots.depth_ray, repair_components=False, is_metric=True
        )

        def quality(gaussians: Gaussians, backend: str, every: int) -> float:
            views = range(0, len(shots.views), every)
            side = shots.views.shape[1]
            with torch.no_grad():
                drawn = [
                    render_gaussians(gaussians, shots.poses[k], shots.K_px, side, side, backend=backend)
                    for k in views
                ]
            values = [
                psnr(d.rgb.clamp(0, 1).cpu(), shots.views[k]) for d, k in zip(drawn, views, strict=True)
            ]
            return sum(values) / len(values)

        results = []
        for backend in backends:
            config = preset_config(preset, backend=backend, preview_every=50)
            if dry:
                config = replace(config, steps=4, max_gaussians=500, crop_size_px=16, preview_every=2)
            clock = Stopwatch()
            curve: list[dict[str, float]] = []

            def watch(
                step: int,
                gaussians: Gaussians,
                backend: str = backend,
                clock: Stopwatch = clock,
                curve: list = curve,
            ) -> None:
                seconds = round(clock.stop(), 3)
                curve.append({"step": step, "seconds": seconds, "psnr": quality(gaussians, backend, 6)})
                clock.go()

            made = optimize_gaussians(
                shots.frames, shots.trajectory, geometry=geometry, config=config, watch=watch
            )
            seconds = clock.stop()
            entry = {
                "name": f"{preset} {backend}",
                **common.spread([seconds]),
                "psnr_24_views": quality(made.gaussians, backend, 1),
                "gaussians": len(made.gaussians),
                "phases_s": made.report["seconds"],
                "curve": curve,
                **{
                    f"seconds_to_{level:g}_db": next(
                        (c["seconds"] for c in curve if c["psnr"] >= level), None
                    )
                    for level in DECIBELS
                },
            }
            if torch.cuda.is_available():
                entry["peak_reserved_gb"] = torch.cuda.max_memory_reserved() / 2**30
                torch.cuda.reset_peak_memory_stats()
            print({key: value for key, value in entry.items() if key != "curve"}, flush=True)
            results.append(entry)
        return {"scene": SCENE, "preset": preset, **size}, results, []

    return run


def rendering(dry: bool) -> Outcome:
    """Mesh guidance and panoramas of splats, interleaved with the CPU's backend."""
    from benchmarks.speed_mesh import curve, pose_at, room
    from benchmarks.speed_splat import all_around, draw_fully
    from matrix3d_core.guidance.scene_mesh import mesh_from_panorama
    from matrix3d_core.raster.mesh import MESH_BACKENDS, open_mesh_renderer
    from matrix3d_core.raster.splat import SPLAT_BACKENDS

    rows, count, rounds = (24, 300, 2) if dry else (720, 500_000, 10)
    mesh = mesh_from_panorama(room(rows), height=rows, edge_threshold=100.0, close_poles=True)
    poses = [pose_at(center) for center in curve(rounds)]
    leaves = [leaf.detach() for leaf in all_around(count, rows)]
    contests: dict[str, dict[str, Callable[[int], object]]] = {"guidance": {}, "splat panorama": {}}
    for name in {*usable(MESH_BACKENDS, CUDA_MESHES, dry), "numba"}:
        opened = open_mesh_renderer(mesh, backend=name)[1]
        contests["guidance"][name] = lambda k, o=opened: o.render(poses[k], rows, 2 * rows)
    for name in {*(e for e in usable(SPLAT_BACKENDS, CUDA_SPLATS, dry) if e != "gsplat"), "numba"}:
        contests["splat panorama"][name] = lambda _, n=name: draw_fully(
            n, leaves, 0.0, rows, is_antialiased=False
        )
    results = []
    for what, contestants in contests.items():
        seconds = common.time_in_rounds(contestants, rounds)
        for name, values in seconds.items():
            entry = {"name": f"{what} {name} {2 * rows}x{rows}", **common.spread(values)}
            entry["times_as_fast_as_numba"] = common.ratio(seconds["numba"], values)
            results.append(entry)
            print(entry, flush=True)
    return {"rows": rows, "gaussians": count, "rounds": rounds}, results, []


def lrm(dry: bool) -> Outcome:
    """The reconstruction model with random weights at the released size: time and peak by chunk."""
    from benchmarks import speed_lrm

    if dry:
        return speed_lrm.on_cpu(2, check_speed=False)
    return speed_lrm.on_gpu(3)


def wan14b(dry: bool) -> Outcome:
    """A random Wan 2.1 I2V 14B at 480p, 81 frames, 2 steps: the plain host sampler and ours, interleaved."""
    if not os.environ.get("COMFYUI_DIR"):
        raise Skip("COMFYUI_DIR names no ComfyUI")
    import overhead_wrappers as wrappers

    wrappers.host_modules()
    wrappers.load_pack()
    if dry:
        model, size = wrappers.random_wan(256, 1), (1, 8, 16)
    else:
        model = wrappers.random_wan(5120, 40, ffn=13824, kind="i2v", dtype=torch.bfloat16, device="cuda")
        size = (21, 60, 120)
    results, _ = wrappers.run_size(model, size, 1, steps=2)
    if torch.cuda.is_available():
        results[-1]["peak_reserved_gb"] = torch.cuda.max_memory_reserved() / 2**30
    share = results[-1]["share_of_wrappers"]
    checks = [] if dry else [common.check("share of a run outside the wrappers", 1 - share, least=0.97)]
    return {"latent": list(size), "steps": 2, "cfg": 5.0, "width": 256 if dry else 5120}, results, checks


PARTS: dict[str, Part] = {
    "parity": Part("every CUDA backend against its torch twin", 60, parity),
    "fit_draft": Part("GSOptimize draft at 1440x720, 81 frames: seconds to 24, 27, 30 dB", 130, fit("draft")),
    "lrm": Part("the reconstruction model at the released size: time, peak", 60, lrm),
    "rendering": Part("guidance and splat panoramas at 1440x720 against the CPU", 60, rendering),
    "fit_standard": Part("GSOptimize standard, likewise", 130, fit("standard")),
    "wan14b": Part("random Wan 14B I2V, 2 steps at 480p, against the plain host sampler", 130, wan14b),
}


def run_part(name: str, dry: bool, to: str) -> int:
    """Run one part here and write its file."""
    where = common.machine()
    print(", ".join(f"{key} {value}" for key, value in where.items()), flush=True)
    if not dry and not torch.cuda.is_available():
        print(f"SKIPPED {name}: needs a CUDA device; torch sees none", flush=True)
        return SKIPPED
    try:
        settings, results, checks = PARTS[name].run(dry)
    except Skip as reason:
        print(f"SKIPPED {name}: {reason}", flush=True)
        return SKIPPED
    return common.finish(f"on_gpu_{name}", where, {**settings, "dry": dry}, results, checks, to)


def is_done(file: Path, commit: str) -> bool:
    """Return whether the part's file is there and was made with this commit."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))["machine"]["commit"] == commit
    except (OSError, ValueError, KeyError, TypeError):
        return False


def main() -> int:
    """Run the parts from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help="these parts"
    )
    parser.add_argument("--list", action="store_true", help="list the parts")
    parser.add_argument(
        "--dry", action="store_true", help="tiny sizes on the CPU; results go to --out or nowhere"
    )
    parser.add_argument("--again", action="store_true", help="also run finished parts")
    parser.add_argument("--minutes", type=float, default=9.0, help="for all parts together (9)")
    parser.add_argument("--out", type=Path, help="folder for the results instead of benchmarks/results/")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.list:
        for name, part in PARTS.items():
            print(f"{name:13} {part.limit_s:4} s  {part.shows}")
        return 0
    where = common.machine()
    folder = options.out or (Path(tempfile.mkdtemp(prefix="on-gpu-dry-")) if options.dry else None)

    def file_of(name: str) -> Path:
        path = common.result_path(f"on_gpu_{name}", where)
        return path if folder is None else folder / path.name

    if options.part:
        return run_part(options.part, options.dry, str(file_of(options.part)))
    end = time.monotonic() + (math.inf if options.dry else 60 * options.minutes)
    outcomes: dict[str, str] = {}
    for name in (n for n in PARTS if n in options.only):
        left = end - time.monotonic() if options.dry else min(PARTS[name].limit_s, end - time.monotonic())
        if not options.again and is_done(file_of(name), where["commit"]):
            outcomes[name] = "done before"
            continue
        if left < 5:
            outcomes[name] = "no time left"
            continue
        print(f"== {name}: {PARTS[name].shows}", flush=True)
        command = [sys.executable, __file__, "--part", name]
        command += [*(["--dry"] if options.dry else []), *(["--out", str(folder)] if folder else [])]
        start = time.monotonic()
        try:
            status = subprocess.run(command, timeout=None if options.dry else left, check=False).returncode
        except subprocess.TimeoutExpired:
            status = -1
        words = {0: "done", SKIPPED: "skipped", -1: f"stopped after {left:.0f} s"}
        outcomes[name] = f"{words.get(status, 'FAILED')} ({time.monotonic() - start:.0f} s)"
    for name, words in outcomes.items():
        print(f"{name:13} {words}")
    skipped = sum("skipped" in words for words in outcomes.values())
    print(f"{len(outcomes)} parts, {skipped} skipped")
    return int(any("FAILED" in words or "stopped" in words for words in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
