"""Frame rate of the viewer while a world moves, against the same world at rest: same page, machine and run.

    python benchmarks/speed_motion.py [--json] [--quick]

The living sample (`living_sample.py`) is shown in headless Chromium; WebGL is drawn by software (SwiftShader) unless
the browser has a graphics card. In both cases the camera turns a little for every frame, at full resolution; rounds
with motion and without alternate. Beside it the closing of the loop: how much the last of 72 frames of a loop differs
from the first, and neighbors from each other, rendered by the library.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from benchmarks import common
from benchmarks.living_sample import PERIOD_S, living_sample
from matrix3d_core.io.motion_file import motion_bytes
from matrix3d_core.io.splats import write_gaussians
from matrix3d_core.motion.at_time import gaussians_at, loop_frames
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.camera import Pinhole
from matrix3d_core.scene.gaussians import Gaussians

SIZE, ROUNDS, SECONDS = (320, 180), 3, 6.0
LEAST = 0.8
IDENTITY = [1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]

TURN = """
async ([plays, seconds]) => {
    const v = window.matrix3d.viewers[0];
    v.quality.isSteady = true;
    v.playback.set(plays);
    const frame = () => new Promise(requestAnimationFrame);
    for (let i = 0; i < 3; i++) { v.setPose({ yaw: 0.3 + 0.01 * i, pitch: 0 }); await frame(); }
    const [start, before] = [performance.now(), v.loop.frames];
    for (let i = 0; performance.now() - start < 1000 * seconds || v.loop.frames - before < 6; i++) {
        v.setPose({ yaw: 0.3 + 0.3 * Math.sin(i / 20), pitch: 0 });
        await frame();
    }
    return 1000 * (v.loop.frames - before) / (performance.now() - start);
}
"""


def frame_rates(world: Gaussians, rounds: int, seconds: float) -> dict[bool, list[float]]:
    """Return pictures per second with and without motion."""
    sys.path[:0] = [str(common.ROOT / part) for part in ("tests/support", "scripts")]
    from chromium import open_page
    from comfy_server import find_browser
    from view_server import open_room, serve_views

    browser = find_browser()
    if browser is None:
        raise RuntimeError("no chromium")
    rates: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder:
        write_gaussians(Path(folder) / "living.ply", world.without_labels())
        (Path(folder) / "living.motions").write_bytes(motion_bytes(world) or b"")
        motions = {"filename": "living.motions", "type": "temp"}
        file = {"filename": "living.ply", "type": "temp", "start_pose": IDENTITY, "motions": motions}
        with (
            serve_views(Path(folder)) as address,
            open_page(browser, width=SIZE[0], height=SIZE[1]) as opened,
        ):
            ready = open_room(opened.page, address, file)
            assert ready == {"count": len(world)}, ready
            for number in range(rounds):
                for plays in (False, True) if number % 2 == 0 else (True, False):
                    rates[plays].append(opened.page.evaluate(TURN, [plays, seconds]))
                    print("playing" if plays else "still", f"{rates[plays][-1]:.2f} frames/s", flush=True)
    return rates


def closing(world: Gaussians, frames: int) -> tuple[float, float]:
    """Return the mean difference of the last frame to the first, and the largest of neighbors within the loop."""
    turn = torch.eye(4, dtype=torch.float64)
    lens = Pinhole.from_fov(1.4, 90, 160)
    worlds, count = loop_frames(world, frames / PERIOD_S)
    shown = [render_view(one, turn, lens).rgb for one in worlds]
    assert count == frames
    again = render_view(gaussians_at(world, PERIOD_S), turn, lens).rgb
    print(f"one period later: {float((again - shown[0]).abs().max()):.2g} at most")
    steps = [float((b - a).abs().mean()) for a, b in pairwise(shown)]
    return float((shown[0] - shown[-1]).abs().mean()), max(steps)


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0]).parse_args()
    rounds, seconds = (1, 2.0) if options.quick else (ROUNDS, SECONDS)
    world = living_sample(256, 40_000) if options.quick else living_sample(384, 80_000)
    where = common.machine()
    last, largest = closing(world, 24 if options.quick else 72)
    print(f"last to first {last:.5f}, largest step {largest:.5f}")
    rates = frame_rates(world, rounds, seconds)
    results: list[dict[str, Any]] = [
        {
            "name": f"{'playing' if plays else 'still'}, {len(world)} splats",
            **common.spread([1 / rate for rate in found]),
            "frames_per_second": median(found),
        }
        for plays, found in rates.items()
    ]
    checks = [
        common.check("playing / still frame rate", median(rates[True]) / median(rates[False]), least=LEAST),
        common.check("largest step / last to first", largest / max(last, 1e-9), least=0.95),
    ]
    settings = {"rounds": rounds, "seconds": seconds, "picture": list(SIZE), "splats": len(world)}
    return common.finish("speed_motion", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
