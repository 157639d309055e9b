"""Recording a walk, key poses and a view in the preview node, and what the graph makes of them."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from chromium import ONE_RENDERER, open_front_end, open_page, run_graph, wait_for_world
from PIL import Image
from splat_scenes import BLOBS, blob_world, write_blob_world
from walking import settle

from matrix3d_core.io.splats import write_gaussians
from matrix3d_core.trajectories.recording import parse_recording, trajectory_from_recording

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

GRAPH = {
    "1": {"class_type": "SplatLoad", "inputs": {"file": "blobs.ply"}, "_meta": {"title": "Load"}},
    "2": {"class_type": "SplatPreview", "inputs": {"splat": ["1", 0]}, "_meta": {"title": "Walk"}},
    "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 2]}, "_meta": {"title": "View"}},
    "4": {
        "class_type": "TrajectoryPreview",
        "inputs": {"trajectory": ["2", 1]},
        "_meta": {"title": "Path"},
    },
}
PRESET = {
    "preset": "straight",
    "frames": 81,
    "distance_mode": "units",
    "distance": 2.0,
    "avoid_collisions": False,
    "clearance": 0.1,
    "upstream_exact": False,
    "fps": 12.0,
}
VIEWER = "window.matrix3d.viewers[0]"


def viewer(page, expression):
    return page.evaluate(f"() => {{ const v = {VIEWER}; return {expression}; }}")


def stored(page):
    return page.evaluate(
        "() => app.graph.nodes.find(n => n.type === 'SplatPreview').widgets.find(w => w.name === 'recording').value"
    )


@pytest.fixture(scope="module", params=ONE_RENDERER)
def front_end(request, browser, comfy):
    write_blob_world(comfy.input_dir / "blobs.ply")
    with open_page(browser, width=1280, height=800) as opened:
        page = opened.page
        open_front_end(page, comfy.address, request.param)
        page.evaluate("graph => app.loadApiJson(graph, 'walk')", GRAPH)
        page.wait_for_function("() => app.graph.nodes.length === 4 && window.matrix3d?.viewers.length === 1")
        page.evaluate(
            """() => {
                const places = { SplatLoad: [20, 60], SplatPreview: [330, 20], PreviewImage: [1000, 60], TrajectoryPreview: [1000, 400] };
                for (const node of app.graph.nodes) node.pos = places[node.type];
                const preview = app.graph.nodes.find(n => n.type === "SplatPreview");
                preview.setSize([620, 640]);
                app.canvas.ds.offset = [20, 60];
                app.canvas.ds.scale = 1;
                app.graph.setDirtyCanvas(true, true);
            }"""
        )
        page.wait_for_timeout(800)
        run_graph(page)
        assert wait_for_world(page) == {"count": 1600}
        page.wait_for_timeout(500)
        yield page
        mine = [text for text in opened.problems if "matrix3d" in text.lower() or "viewer" in text.lower()]
        assert mine == []


def press(page, action):
    page.evaluate(f"action => {VIEWER}.element.querySelector(`[data-action=${{action}}]`).click()", action)


def test_a_walk_comes_out_as_it_was_walked(front_end, tmp_path):
    page = front_end
    box = viewer(page, "v.element.getBoundingClientRect().toJSON()")
    assert "recording" not in page.inner_text("body").lower().split(), "the stored text is not shown"
    page.mouse.click(box["left"] + box["width"] / 2, box["top"] + 100)
    page.keyboard.press("t")
    page.wait_for_function(f"() => {VIEWER}.recorder.isRecording")
    page.keyboard.down("w")
    page.wait_for_function(f"() => {VIEWER}.pose().position[2] > 1.5", timeout=60_000)
    page.keyboard.up("w")
    page.wait_for_function(f"() => {VIEWER}.motion.eye.velocity[2] === 0", timeout=60_000)
    page.screenshot(path=tmp_path / "recording.png")
    page.keyboard.press("t")
    page.wait_for_function(f"() => !{VIEWER}.recorder.isRecording")
    end = viewer(page, "v.pose()")
    text = stored(page)
    assert text == viewer(page, "v.recorder.text")
    path = trajectory_from_recording(parse_recording(text), frames=21)
    # Positions are stored to 0.1 mm; a straight walk stays straight under smoothing and resampling.
    assert path.centers[0].tolist() == pytest.approx([0, 0, 0], abs=1e-3)
    assert path.centers[-1].tolist() == pytest.approx(end["position"], abs=1e-3)
    steps = np.diff(path.centers[:, 2].numpy())
    assert steps == pytest.approx(np.full(20, end["position"][2] / 20), abs=0.01)
    page.wait_for_timeout(500)
    page.screenshot(path=tmp_path / "recorded.png")


def test_key_poses_are_added_moved_deleted_and_exported(front_end, tmp_path):
    page = front_end
    for pose in ("[0, 0, 0]", "[1, 0, 0]", "[1, 0, 1.5]"):
        page.evaluate(f"() => {VIEWER}.setPose({{ position: {pose}, yaw: 0.3, pitch: 0 }})")
        press(page, "key")
    assert viewer(page, "v.recorder.recording.use") == "keys"
    items = page.locator("[data-part=path] li")
    assert items.count() == 3
    first, last = (items.nth(k).locator("button").first.bounding_box() for k in (0, 2))
    page.mouse.move(first["x"] + 8, first["y"] + 10)
    page.mouse.down()
    page.mouse.move(last["x"] + last["width"] + 12, first["y"] + 10, steps=4)
    page.mouse.up()
    assert [key[:3] for key in json.loads(stored(page))["keys"]] == [[1, 0, 0], [1, 0, 1.5], [0, 0, 0]]
    items.nth(1).locator("button").first.click()
    assert viewer(page, "v.pose().position") == [1, 0, 1.5]
    items.nth(1).locator("button").first.press("Alt+ArrowLeft")
    assert [key[:3] for key in json.loads(stored(page))["keys"]] == [[1, 0, 1.5], [1, 0, 0], [0, 0, 0]]
    with page.expect_download() as download:
        press(page, "export")
    assert len(json.loads(download.value.path().read_text())) == 3
    items.nth(0).locator("button").first.press("Delete")
    assert items.count() == 2
    page.evaluate(f"() => {VIEWER}.setPose({{ position: [-2, -0.5, -2], yaw: 0.6, pitch: -0.1 }})")
    settle(page)
    page.screenshot(path=tmp_path / "keys.png")


def test_the_graph_gets_path_and_view_and_the_visitor_stays(front_end, tmp_path):
    page = front_end
    page.evaluate(f"() => {VIEWER}.setPose({{ position: [0, 0, 0], yaw: 0.2, pitch: 0.1 }})")
    settle(page)
    press(page, "view")
    seen = np.asarray(Image.open(io.BytesIO(screenshot_of(page))).convert("RGB")).astype(float) / 255
    run_graph(page)
    page.wait_for_function(
        "() => app.graph.nodes.find(n => n.type === 'PreviewImage').imgs?.[0]?.naturalWidth === 960",
        timeout=90_000,
    )
    made = page.evaluate(
        "async () => { const reply = await fetch(app.graph.nodes.find(n => n.type === 'PreviewImage').imgs[0].src);"
        "return [...new Uint8Array(await reply.arrayBuffer())]; }"
    )
    drawn = np.asarray(Image.open(io.BytesIO(bytes(made))).convert("RGB")).astype(float) / 255
    for name in ("blue", "red", "green"):
        # The same vertical field of view: places agree as multiples of the height, from the middle.
        assert place_of(seen, name) == pytest.approx(place_of(drawn, name), abs=0.01), name
    assert viewer(page, "v.pose().yaw") == pytest.approx(0.2)
    settle(page)
    page.screenshot(path=tmp_path / "ran.png")


def test_depth_is_gray_and_near_is_brighter(front_end, tmp_path):
    page = front_end
    page.evaluate(f"() => {VIEWER}.setPose({{ position: [0, 0, 2], yaw: 0.25, pitch: 0 }})")
    settle(page)
    colors = np.asarray(Image.open(io.BytesIO(screenshot_of(page))).convert("RGB")).astype(float) / 255
    press(page, "depth")
    settle(page)
    page.screenshot(path=tmp_path / "depth.png")
    depth = np.asarray(Image.open(io.BytesIO(screenshot_of(page))).convert("RGB")).astype(float) / 255
    where = np.abs(colors - np.array(BLOBS["blue"][0])).max(-1) < 0.1
    assert (depth[where].max(-1) - depth[where].min(-1)).mean() < 0.02
    page.evaluate(f"() => {VIEWER}.setPose({{ position: [0, 0, 0], yaw: 0.25, pitch: 0 }})")
    settle(page)
    farther = np.asarray(Image.open(io.BytesIO(screenshot_of(page))).convert("RGB")).astype(float) / 255
    assert farther.max() < depth.max() - 0.1
    press(page, "depth")
    settle(page)
    again = np.asarray(Image.open(io.BytesIO(screenshot_of(page))).convert("RGB")).astype(float) / 255
    assert place_of(again, "blue")


def screenshot_of(page):
    return bytes(
        page.evaluate(f"async () => [...new Uint8Array(await (await {VIEWER}.screenshot()).arrayBuffer())]")
    )


def place_of(image, name):
    rows, columns = np.nonzero(np.abs(image - np.array(BLOBS[name][0])).max(-1) < 0.25)
    assert len(rows) > 20, name
    height, width = image.shape[:2]
    return (columns.mean() - width / 2) / height, (rows.mean() - height / 2) / height


def test_the_recording_comes_back_with_the_workflow(front_end):
    page = front_end
    before = stored(page)
    assert '"use":"keys"' in before
    page.evaluate(
        """async () => {
            const saved = JSON.parse(JSON.stringify(app.graph.serialize()));
            await app.loadGraphData(saved);
        }"""
    )
    page.wait_for_function(
        "() => window.matrix3d.viewers.length === 1 && window.matrix3d.viewers[0].file", timeout=60_000
    )
    wait_for_world(page)
    assert stored(page) == before
    assert viewer(page, "v.recorder.text") == before
    assert page.locator("[data-part=path] li").count() == 2


def test_two_worlds_are_compared_along_a_line(front_end, comfy, tmp_path):
    page = front_end
    world = blob_world()
    write_gaussians(
        comfy.input_dir / "lower.ply", replace(world, means=world.means + torch.tensor([0.0, 1, 0]))
    )
    graph = {
        "1": {"class_type": "SplatLoad", "inputs": {"file": "blobs.ply"}, "_meta": {"title": "A"}},
        "2": {"class_type": "SplatLoad", "inputs": {"file": "lower.ply"}, "_meta": {"title": "B"}},
        "3": {
            "class_type": "SplatPreview",
            "inputs": {"splat": ["1", 0], "compare": ["2", 0], "trajectory": ["4", 0]},
            "_meta": {"title": "Both"},
        },
        "4": {"class_type": "TrajectoryPreset", "inputs": PRESET, "_meta": {"title": "Path"}},
    }
    page.evaluate("graph => app.loadApiJson(graph, 'both')", graph)
    page.wait_for_function("() => app.graph.nodes.length === 4 && window.matrix3d.viewers.length === 1")
    page.evaluate(
        """() => {
            const node = app.graph.nodes.find(n => n.type === "SplatPreview");
            node.pos = [330, 20];
            node.setSize([620, 640]);
            app.canvas.ds.offset = [20, 60];
            app.canvas.ds.scale = 1;
        }"""
    )
    run_graph(page)
    assert wait_for_world(page) == {"count": 1600}
    page.evaluate(f"() => {VIEWER}.setPose({{ position: [0, 0, 0], yaw: 0.25, pitch: 0 }})")
    lower = 1 / 4 / (2 * np.tan(np.radians(65) / 2))  # one unit down, four away, as a part of the height
    for share, moved in ((0.5, ("red",)), (1, ()), (0, ("red", "blue"))):
        page.evaluate(f"share => {VIEWER}.appearance.setCompare(share)", share)
        settle(page)
        page.screenshot(path=tmp_path / f"compare_{share}.png")
        seen = np.asarray(Image.open(io.BytesIO(screenshot_of(page))).convert("RGB")).astype(float) / 255
        for name in ("red", "blue"):
            # Farther off the axis is nearer to the picture's plane, by a few percent.
            expected = lower if name in moved else 0
            assert place_of(seen, name)[1] == pytest.approx(expected, abs=0.03), (share, name)
    page.evaluate(f"() => {VIEWER}.appearance.setCompare(0.5)")
    handle = page.locator("[data-part=compare]")
    handle.press("ArrowRight")
    assert viewer(page, "v.scene.compare") == pytest.approx(0.55)
    box = viewer(page, "v.element.getBoundingClientRect().toJSON()")
    page.mouse.move(box["left"] + 0.55 * box["width"], box["top"] + 120)
    page.mouse.down()
    page.mouse.move(box["left"] + 0.25 * box["width"], box["top"] + 120, steps=3)
    page.mouse.up()
    assert viewer(page, "v.scene.compare") == pytest.approx(0.25, abs=0.01)
    assert viewer(page, "v.pose().yaw") == pytest.approx(0.25)
    press(page, "path")  # draws the path that came in: 33 poses, every fourth as a camera
    assert viewer(page, "v.scene.path.frusta.length") == 9
    page.evaluate(f"() => {VIEWER}.setPose({{ position: [-1.5, -0.6, -1], yaw: 0.6, pitch: -0.1 }})")
    settle(page)
    page.screenshot(path=tmp_path / "given.png")
    page.evaluate(f"() => {VIEWER}.setPose({{ position: [0, 0, 0], yaw: 0.25, pitch: 0 }})")


def test_too_many_viewers_take_turns(front_end):
    page = front_end
    page.evaluate(
        """() => {
            window.matrix3d.mostScenes = 1;
            const saved = app.graph.nodes.find(n => n.type === "SplatPreview").serialize();
            const node = LiteGraph.createNode("SplatPreview");
            app.graph.add(node);
            node.configure({ ...JSON.parse(JSON.stringify(saved)), id: node.id, inputs: undefined, outputs: undefined });
            node.pos = [330, 300]; // in viewDirection: what is not is not drawn
        }"""
    )
    page.wait_for_function(
        "() => window.matrix3d.viewers.length === 2 && window.matrix3d.viewers[1].scene", timeout=60_000
    )
    assert wait_for_world(page) == {"count": 1600}
    assert viewer(page, "v.scene") is None
    assert "Paused" in viewer(page, "v.overlay.message.textContent")
    viewer(page, "v.overlay.message.click()")
    assert wait_for_world(page, index=0) == {"count": 1600}
    assert viewer(page, "v.pose().yaw") == pytest.approx(0.25)
    assert page.evaluate("() => window.matrix3d.viewers.map(v => [Boolean(v.scene), v.isSuspended])") == [
        [True, False],
        [False, True],
    ]
