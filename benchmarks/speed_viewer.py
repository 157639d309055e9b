"""Speed of the world viewer in the graph editor against core's PreviewGaussianSplat: the same file, machine and run.

Needs a ComfyUI with its front end (COMFYUI_DIR, COMFYUI_PYTHON), playwright and Chromium; WebGL is drawn by software
(SwiftShader) unless the browser has a graphics card. Each node is alone in the editor with a picture of the same
size and looks from the center of the same world, a box of splats around the eye.

    python benchmarks/speed_viewer.py [--json] [--quick]

- first picture: from the moment the node receives its file to the first picture with at least a fifth of the splats,
  drawn to its end (one pixel is read back). Holds loading, unpacking, sorting.
- frames: pictures with new splats on them while the mouse drags, orbiting, at full resolution; `(as it comes)` lets our
  viewer draw fewer splats and pixels while it moves, as users get it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import common
from benchmarks.speed_files import world
from matrix3d_core.io.splats import write_gaussians

COUNTS, ROUNDS, DRAG_S = (200_000, 1_000_000), 4, 6.0
LEAST_FRAMES, LONGEST_DRAG_S = 6, 60.0  # without a graphics card a picture takes seconds
SIZE = (480, 360)  # of the picture, CSS pixels
OURS, CORES = "SplatPreview", "PreviewGaussianSplat"
BOUND = 0.9  # "not slower": the medians of four rounds on a busy machine differ by some percent

# Counts the draws of many instances, which are the splats; tells when the first one with `enough` of them is done.
WATCH = """
window.glCanvases = [];
const ownGet = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    if (kind.startsWith("webgl") && !window.glCanvases.includes(this)) window.glCanvases.push(this);
    return ownGet.call(this, kind, ...rest);
};
window.bench = { enough: Infinity, first: 0, frames: 0, last: 0 };
for (const name of ["drawElementsInstanced", "drawArraysInstanced"]) {
    const own = WebGL2RenderingContext.prototype[name];
    WebGL2RenderingContext.prototype[name] = function (...args) {
        own.apply(this, args);
        const count = args.at(-1), { bench } = window, now = performance.now();
        if (count < 1000) return;
        if (count >= bench.enough && !bench.first) {
            this.readPixels(0, 0, 1, 1, this.RGBA, this.UNSIGNED_BYTE, new Uint8Array(4));
            bench.first = performance.now();
        }
        if (now - bench.last > 1) bench.frames++;
        bench.last = now;
    };
}
"""
PLACE = """
async ([type, width, height]) => {
    app.graph.clear();
    const node = LiteGraph.createNode(type);
    app.graph.add(node);
    node.pos = [60, 60];
    node.setSize([width + 40, height + 400]);
    app.canvas.ds.offset = [0, 0];
    app.canvas.ds.scale = 1;
    app.graph.setDirtyCanvas(true, true);
    window.node = node;
    for (const [name, value] of [["width", width], ["height", height]]) { // core's view has this shape, between bars
        const widget = node.widgets.find(w => w.name === name);
        if (widget) { widget.value = value; widget.callback?.(value); }
    }
    await new Promise(resolve => setTimeout(resolve, 2500));
}
"""
CAMERA = {
    "position": {"x": 0, "y": 0, "z": 0},
    "target": {"x": 0, "y": 0, "z": -3},
    "zoom": 1,
    "cameraType": "perspective",
    "fov": 65,
}


def picture_box(page: Any, kind: str) -> dict[str, float]:
    """Return where the node's picture is."""
    pick = (
        "window.matrix3d.viewers[0].canvas"
        if kind == OURS
        else "window.glCanvases.find(c => c.isConnected && c !== app.canvas.canvas)"
    )
    box = "{ ...c.getBoundingClientRect().toJSON(), pixels: [c.width, c.height] }"
    return page.evaluate(f"() => {{ const c = {pick}; return {box}; }}")


def steady_box(page: Any, kind: str) -> dict[str, Any]:
    """Return where the picture is once it has stopped moving: views follow their node with some delay."""
    page.wait_for_timeout(1500)
    box = picture_box(page, kind)
    for _ in range(10):
        page.wait_for_timeout(1000)
        before, box = box, picture_box(page, kind)
        if before == box:
            break
    return box


def fit_picture(page: Any, kind: str) -> list[int]:
    """Resize the node until its picture has the wanted size; return its pixels."""
    for _ in range(3):
        box = steady_box(page, kind)
        page.evaluate(
            "([dx, dy]) => { node.setSize([node.size[0] + dx, node.size[1] + dy]);"
            "app.graph.setDirtyCanvas(true, true); }",
            [SIZE[0] - box["width"], SIZE[1] - box["height"]],
        )
    box = steady_box(page, kind)
    if abs(box["width"] - SIZE[0]) > 4 or abs(box["height"] - SIZE[1]) > 4:
        raise RuntimeError(f"{kind}: the picture is {box['width']}x{box['height']}, not {SIZE}")
    return box["pixels"]


def show(page: Any, kind: str, name: str, count: int) -> float:
    """Pass the node its file; return the seconds to its first picture."""
    page.evaluate("enough => Object.assign(window.bench, { enough, first: 0, frames: 0 })", count / 5)
    payload = (
        {"matrix3d_splat": [{"filename": name, "subfolder": "", "type": "temp", "count": count}]}
        if kind == OURS
        else {"result": [name, CAMERA, []]}
    )
    start = page.evaluate(
        "payload => { const now = performance.now(); node.onExecuted(payload); return now; }", payload
    )
    page.wait_for_function("() => window.bench.first", timeout=240_000)
    return (page.evaluate("() => window.bench.first") - start) / 1000


def drag(page: Any, kind: str, seconds: float) -> float:
    """Drag the mouse to and fro over the picture until it was drawn a few times; return the pictures per second."""
    box = picture_box(page, kind)
    middle = (box["left"] + box["width"] / 2, box["top"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 5, middle[1])
    page.wait_for_timeout(1500)
    start, step = time.perf_counter(), 0
    page.evaluate("() => { bench.frames = 0; bench.start = performance.now(); }")
    while (gone := time.perf_counter() - start) < LONGEST_DRAG_S:
        if gone > seconds and page.evaluate("() => bench.frames") >= LEAST_FRAMES:
            break
        step += 1
        page.mouse.move(middle[0] + 5 + 2 * (step % 50 if step // 50 % 2 == 0 else 50 - step % 50), middle[1])
        time.sleep(0.015)
    # Counted to the last picture, not to the moment of asking.
    rate = page.evaluate("() => 1000 * bench.frames / Math.max(bench.last - bench.start, 1)")
    page.mouse.up()
    return rate


def visit(browser: str, address: str, kind: str, name: str, count: int, seconds: float) -> dict[str, Any]:
    """Open a fresh editor with one node and measure it."""
    from chromium import open_front_end, open_page

    with open_page(browser, width=1000, height=1000) as opened:
        page = opened.page
        page.add_init_script(WATCH)
        open_front_end(page, address, "classic")
        page.evaluate(PLACE, [kind, *SIZE])
        if kind == OURS:
            page.wait_for_function("() => window.matrix3d?.viewers.length === 1")
        pixels = fit_picture(page, kind) if kind == CORES else None
        if kind == OURS:
            fit_picture(page, kind)
        measured: dict[str, Any] = {"first": show(page, kind, name, count)}
        page.wait_for_timeout(3000)
        if kind == OURS:
            pixels = picture_box(page, kind)["pixels"]
            viewer = "window.matrix3d.viewers[0]"
            page.evaluate(f"() => {{ {viewer}.act('orbit'); }}")
            measured["rate as it comes"] = drag(page, kind, seconds)
            page.wait_for_timeout(1500)
            page.evaluate(f"() => {{ {viewer}.quality.isSteady = true; }}")
        measured["rate"] = drag(page, kind, seconds)
        measured["pixels"] = pixels
        return measured


def main() -> int:
    """Run the benchmark from the command line."""
    sys.path[:0] = [str(common.ROOT / part) for part in ("tests/support", "scripts")]
    from comfy_server import ComfyServer, find_browser, find_host

    options = common.parser(__doc__.splitlines()[0]).parse_args()
    counts, rounds, seconds = ((20_000,), 1, 2.0) if options.quick else (COUNTS, ROUNDS, DRAG_S)
    host, browser = find_host(), find_browser()
    if isinstance(host, str) or browser is None:
        print(host if isinstance(host, str) else "no chromium")
        return 1
    where = common.machine()
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    results, checks, pixels = [], [], {}
    with tempfile.TemporaryDirectory() as folder, ComfyServer(host, Path(folder)) as server:
        server.temp_dir.mkdir(exist_ok=True)
        for count in counts:
            name = f"bench_{count}.ply"
            write_gaussians(server.temp_dir / name, world(count))
            seen: dict[str, list[dict[str, Any]]] = {OURS: [], CORES: []}
            for turn in range(rounds):  # in alternating order: the machine's speed drifts
                for kind in list(seen)[:: 1 if turn % 2 == 0 else -1]:
                    seen[kind].append(visit(browser, server.address, kind, name, count, seconds))
                    print(count, kind, seen[kind][-1], flush=True)
            for kind, rows in seen.items():
                pixels[kind] = rows[-1]["pixels"]
                results.append(
                    {
                        "name": f"{kind} first picture, {count} splats",
                        **common.spread([r["first"] for r in rows]),
                    }
                )
                for key in [k for k in rows[0] if k.startswith("rate")]:
                    label = f"{kind} frame{key.removeprefix('rate')}, {count} splats"
                    results.append(
                        {
                            "name": label,
                            **common.spread([1 / max(r[key], 1e-3) for r in rows]),
                            "frames_per_second": median(r[key] for r in rows),
                        }
                    )
            ours, cores = seen[OURS], seen[CORES]
            first = median(c["first"] / o["first"] for c, o in zip(cores, ours, strict=True))
            rates = {
                key: median(o[key] / c["rate"] for c, o in zip(cores, ours, strict=True))
                for key in ("rate as it comes", "rate")
            }
            checks.append(
                common.check(
                    f"core's time to the first picture over ours, {count} splats", first, least=BOUND
                )
            )
            for key, ratio in rates.items():
                label = f"our frames per second over core's{key.removeprefix('rate')}, {count} splats"
                checks.append(common.check(label, ratio, least=BOUND))
    settings = {"rounds": rounds, "drag_s": seconds, "picture": list(SIZE), "pixels": pixels}
    for entry in results:
        print(f"  {entry['name']:60} median {entry['median_ms']:9.1f} ms")
    return common.finish("speed_viewer", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
