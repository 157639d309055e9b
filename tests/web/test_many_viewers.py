"""Many viewers on a page: one graphics context for all, and nothing is left of those that went."""

from __future__ import annotations

import os

import pytest
from chromium import open_page, wait_for_world
from splat_scenes import blob_world
from view_server import open_room, serve_views
from walking import settle

from matrix3d_core.io.splats import write_gaussians

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FILE = {"filename": "blobs.ply", "type": "temp", "is_world": True}
COUNT_CONTEXTS = """
window.made = { webgl: 0, workers: 0 };
const own = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    const context = own.call(this, kind, ...rest);
    if (context && kind.startsWith("webgl") && !this.isCounted) { this.isCounted = true; window.made.webgl++; }
    return context;
};
"""
ALL_SETTLED = "() => window.matrix3d.viewers.every(v => v.stats().isSettled)"
# What part of a viewer's picture is not the background.
COVER = """
viewer => {
    const { width, height } = viewer.canvas;
    const { data } = viewer.canvas.getContext("2d").getImageData(0, 0, width, height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) count += Math.max(data[i], data[i + 1], data[i + 2]) > 60;
    return count / (width * height);
}
"""


@pytest.fixture
def opened(browser, tmp_path):
    write_gaussians(tmp_path / "blobs.ply", blob_world())
    with serve_views(tmp_path) as address, open_page(browser, width=900, height=760) as opened:
        opened.page.add_init_script(COUNT_CONTEXTS)
        opened.address = address
        yield opened
        assert opened.problems == []


def test_twelve_viewers_all_show_a_picture_with_one_context(opened, tmp_path):
    page = opened.page
    style = "display:inline-block;width:210px;height:230px;margin:4px"
    ready = open_room(page, opened.address, *[FILE] * 12, style=style)
    assert ready == {"count": 1600}
    assert [wait_for_world(page, index=k) for k in range(12)] == [{"count": 1600}] * 12
    page.wait_for_function(ALL_SETTLED)
    page.screenshot(path=tmp_path / "twelve.png")
    covers = page.evaluate(f"() => window.matrix3d.viewers.map({COVER})")
    assert len(covers) == 12
    assert min(covers) > 0.01, covers
    assert max(covers) < 1.05 * min(covers), "all show the same"
    assert page.evaluate("() => window.made.webgl") == 1
    assert page.evaluate("() => window.matrix3d.context()") == {"contexts": 1, "users": 12, "isAlive": True}
    # One walks; the others neither draw nor change.
    before = page.evaluate("() => window.matrix3d.viewers.map(v => v.stats().frames)")
    page.evaluate("() => window.matrix3d.viewers[4].setPose({ position: [0, 0, 2] })")
    page.wait_for_timeout(1200)
    settle(page, "window.matrix3d.viewers[4]")
    after = page.evaluate("() => window.matrix3d.viewers.map(v => v.stats().frames)")
    assert [k for k in range(12) if after[k] != before[k]] == [4]
    moved = page.evaluate(f"() => window.matrix3d.viewers.map({COVER})")
    assert moved[4] > 1.3 * covers[4]
    assert [moved[k] for k in range(12) if k != 4] == [covers[k] for k in range(12) if k != 4]


def test_panoramas_and_splats_take_turns_on_one_context(opened):
    page = opened.page
    style = "display:inline-block;width:300px;height:230px"
    assert open_room(page, opened.address, FILE, style=style) == {"count": 1600}
    settle(page)
    cover = page.evaluate(f"() => ({COVER})(window.matrix3d.viewers[0])")
    assert cover > 0.01
    page.evaluate(
        """async () => {
            window.painting = await import("/extensions/pack/viewer/pano_painter.mjs");
            window.source = document.createElement("canvas");
            Object.assign(window.source, { width: 64, height: 32 });
            const pen = window.source.getContext("2d");
            pen.fillStyle = "#2040c0";
            pen.fillRect(0, 0, 64, 32);
        }"""
    )
    for turn in range(3):
        painted = page.evaluate(
            """size => {
                const canvas = document.createElement("canvas");
                Object.assign(canvas, size);
                const view = { yaw: 0.4, pitch: 0.1, fov: 1.5 };
                window.painting.paintView({ view, image: window.source, canvas });
                const at = (x, y) => [...canvas.getContext("2d").getImageData(x, y, 1, 1).data];
                return [at(0, 0), at(size.width - 1, size.height - 1)];
            }""",
            {"width": 400 + 50 * turn, "height": 120},
        )
        assert painted == [[32, 64, 192, 255]] * 2
        frames = page.evaluate("() => window.matrix3d.viewers[0].stats().frames")
        page.evaluate("() => window.matrix3d.viewers[0].requestFrame()")
        page.wait_for_function("n => window.matrix3d.viewers[0].stats().frames > n", arg=frames)
        settle(page)
        assert page.evaluate(f"() => ({COVER})(window.matrix3d.viewers[0])") == cover
    assert page.evaluate("() => window.made.webgl") == 1
    assert page.evaluate("() => window.matrix3d.context()") == {"contexts": 1, "users": 2, "isAlive": True}
    page.evaluate("() => window.painting.forgetImage(window.source)")
    assert page.evaluate("() => window.matrix3d.context().users") == 1


def test_out_of_sight_nothing_is_drawn(opened):
    page = opened.page
    style = "display:block;width:300px;height:1200px"
    assert open_room(page, opened.address, FILE, style=style) == {"count": 1600}
    settle(page)
    page.evaluate("() => { document.body.style.paddingTop = '3000px'; }")
    page.wait_for_function(
        "() => !window.matrix3d.viewers[0].isVisible && window.matrix3d.viewers[0].stats().isSettled"
    )
    before = page.evaluate("() => window.matrix3d.viewers[0].stats().frames")
    page.evaluate("() => window.matrix3d.viewers[0].setPose({ position: [0, 0, 1] })")
    page.wait_for_timeout(500)
    assert page.evaluate("() => window.matrix3d.viewers[0].stats().frames") == before
    page.evaluate("() => { document.body.style.paddingTop = ''; }")
    page.wait_for_function("frames => window.matrix3d.viewers[0].stats().frames > frames", arg=before)


def test_coming_and_going_leaves_nothing(opened):
    cycles = 200 if os.environ.get("MATRIX3D_LONG") == "1" else 25
    page = opened.page
    style = "display:block;width:200px;height:150px"
    assert open_room(page, opened.address, FILE, style=style) == {"count": 1600}
    client = page.context.new_cdp_session(page)

    def live_on(count):
        for _ in range(count):
            page.evaluate(
                """async ([file, style]) => {
                    const old = window.matrix3d.viewers[0];
                    const { WalkViewer } = await import("/extensions/pack/viewer/viewer.mjs");
                    const viewer = new WalkViewer();
                    const frame = document.createElement("div");
                    frame.style.cssText = style;
                    frame.append(viewer.element);
                    document.body.append(frame);
                    const late = new Promise(done => setTimeout(() => done({ error: "no picture after a minute" }), 60_000));
                    const ready = await Promise.race([viewer.show(file, "/view?filename=" + file.filename), late]);
                    if (!ready.count) throw new Error(ready.error);
                    old.element.parentElement.remove();
                    old.dispose();
                }""",
                [FILE, style],
            )

    def held():
        page.wait_for_function(
            "() => window.matrix3d.context().users === 1"
        )  # sorts in flight are waited for
        settle(page)
        page.wait_for_timeout(2500)
        client.send("HeapProfiler.enable")
        for _ in range(3):
            client.send("HeapProfiler.collectGarbage")
        info = page.evaluate(
            "() => { const { memory } = window.matrix3d.viewers[0].scene.renderer.info;"
            "return { textures: memory.textures, geometries: memory.geometries, made: window.made.webgl }; }"
        )
        metrics = {m["name"]: m["value"] for m in _metrics(client)}
        usage = client.send("Runtime.getHeapUsage")
        buffers = usage["backingStorageSize"]  # of typed arrays, outside the heap
        return {**info, "heap": usage["usedSize"], "buffers": buffers, "nodes": metrics["Nodes"]}

    live_on(max(5, cycles // 10))
    first = held()
    live_on(cycles)
    last = held()
    assert page.evaluate("() => window.matrix3d.viewers.length") == 1
    assert page.evaluate("() => document.querySelectorAll('canvas').length") == 1
    assert last["made"] == 1, "one context for all"
    assert last["textures"] <= first["textures"] + 1
    assert last["geometries"] <= first["geometries"] + 1
    # What one world of 1600 splats holds: 1.6 MB at least (a readback buffer of 16384 splats, an ordering as long).
    assert last["heap"] < first["heap"] + 1.5e6, (first, last)
    # Each world has buffers of 64 kB for each of its textures; one may be on its way.
    assert last["buffers"] < first["buffers"] + 0.5 * 65536 * cycles, (first, last)
    assert last["nodes"] < 1.2 * first["nodes"] + 100
    for _ in range(100):  # the browser tells of each some time later
        if len(page.workers) <= 6:
            break
        page.wait_for_timeout(100)
    assert len(page.workers) <= 6, "sort workers go with their worlds"


def _metrics(client):
    client.send("Performance.enable")
    return client.send("Performance.getMetrics")["metrics"]


def test_the_lost_context_is_told_of_and_comes_back(opened):
    page = opened.page
    style = "display:inline-block;width:300px;height:240px"
    assert open_room(page, opened.address, FILE, FILE, style=style) == {"count": 1600}
    page.evaluate("() => window.matrix3d.viewers[0].scene.renderer.forceContextLoss()")
    page.wait_for_function("() => window.matrix3d.viewers.every(v => !v.scene)")
    texts = page.locator("[data-part=message]").all_inner_texts()
    assert all("WebGL context was lost" in text for text in texts)
    for index in (0, 1):
        page.locator("[data-part=message]").nth(index).click()
        page.wait_for_function(f"() => window.matrix3d.viewers[{index}].scene")
        assert wait_for_world(page, index=index) == {"count": 1600}
    opened.problems.clear()  # three.js reports the loss on the console


def test_too_large_is_said_before_it_is_loaded(opened):
    page = opened.page
    page.add_init_script(
        """const own = window.fetch;
        window.fetch = async (url, ...rest) => String(url).includes("huge.ply")
            ? new Response(new ReadableStream(), { headers: { "Content-Length": "3000000000" } })
            : own(url, ...rest);"""
    )
    ready = open_room(page, opened.address, {"filename": "huge.ply", "type": "temp"})
    assert "huge.ply is too large: 3000 MB" in ready["error"]
    assert "SPZ" in page.inner_text("[data-part=message]")
