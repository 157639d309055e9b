"""The preview node in the real front end, in both node renderers."""

from __future__ import annotations

import io

import numpy as np
import pytest
from chromium import RENDERERS, open_front_end, open_page, run_graph, wait_for_world
from PIL import Image
from splat_scenes import BLOBS, jug, write_blob_world
from walking import settle

from matrix3d_core.io.splats import write_gaussians

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

GRAPH = {
    "1": {"class_type": "SplatLoad", "inputs": {"file": "blobs.ply"}, "_meta": {"title": "Load"}},
    "2": {
        "class_type": "SplatPreview",
        "inputs": {"splat": ["1", 0], "format": "auto"},
        "_meta": {"title": "Walk"},
    },
}


def load_graph(page):
    page.evaluate("graph => app.loadApiJson(graph, 'walk')", GRAPH)
    page.wait_for_function("() => app.graph.nodes.length === 2 && window.matrix3d?.viewers.length === 1")
    page.evaluate(
        """() => {
            const [load, preview] = ["SplatLoad", "SplatPreview"].map(type => app.graph.nodes.find(n => n.type === type));
            load.pos = [60, 80];
            preview.pos = [420, 80];
            app.canvas.ds.offset = [150, 40];
            app.canvas.ds.scale = 1;
            app.graph.setDirtyCanvas(true, true);
        }"""
    )
    page.wait_for_timeout(800)


def viewer(page, expression):
    return page.evaluate(f"() => {{ const v = window.matrix3d.viewers[0]; return {expression}; }}")


def box_of(page):
    return viewer(page, "v.element.getBoundingClientRect().toJSON()")


def center_of(page, name):
    """Where a blob is on the page, in pixels."""
    image = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(float) / 255
    box = box_of(page)
    inside = np.zeros(image.shape[:2], dtype=bool)
    inside[int(box["top"]) : int(box["bottom"]), int(box["left"]) : int(box["right"])] = True
    rows, columns = np.nonzero((np.abs(image - np.array(BLOBS[name][0])).max(-1) < 0.25) & inside)
    return (columns.mean(), rows.mean()) if len(rows) > 20 else None


def graph_view(page):
    return page.evaluate(
        "() => [[...app.canvas.ds.offset], app.canvas.ds.scale, app.graph.nodes.map(n => [...n.pos]), "
        "app.extensionManager.sidebarTab?.activeSidebarTabId ?? null]"
    )


@pytest.fixture(scope="module", params=list(RENDERERS))
def front_end(request, browser, comfy):
    """The graph editor after a run, ready to be walked in."""
    write_blob_world(comfy.input_dir / "blobs.ply")
    with open_page(browser, width=1280, height=760) as opened:
        open_front_end(opened.page, comfy.address, request.param)
        load_graph(opened.page)
        assert "Run the workflow" in opened.page.inner_text("[data-part=message]")
        run_graph(opened.page)
        assert wait_for_world(opened.page) == {"count": 1600}
        settle(opened.page)
        yield opened.page
        viewer_problems = [
            text for text in opened.problems if "matrix3d" in text.lower() or "viewer" in text.lower()
        ]
        assert viewer_problems == []


def focus(page):
    box = box_of(page)
    page.mouse.click(box["left"] + box["width"] / 2, box["top"] + box["height"] / 2)


def test_shows_the_world_upright(front_end):
    box = box_of(front_end)
    assert box["width"] > 300
    assert box["height"] > 240
    blue, red, green = (center_of(front_end, name) for name in ("blue", "red", "green"))
    assert blue == pytest.approx((box["left"] + box["width"] / 2, box["top"] + box["height"] / 2), abs=4)
    assert red[0] > blue[0] + 40
    assert red[1] == pytest.approx(blue[1], abs=4)
    assert green[1] < blue[1] - 40
    assert green[0] == pytest.approx(blue[0], abs=4)


def test_walks_two_units_and_nothing_leaks_into_the_graph(front_end, tmp_path):
    before = graph_view(front_end)
    focus(front_end)
    front_end.keyboard.down("w")
    front_end.wait_for_function("() => window.matrix3d.viewers[0].pose().position[2] > 1.9", timeout=60_000)
    front_end.keyboard.up("w")
    for key in ("q", "r", "Delete"):  # all of them mean something to the editor
        front_end.keyboard.press(key)
    front_end.keyboard.down("w")
    front_end.wait_for_timeout(400)
    front_end.keyboard.up("w")
    settle(front_end)
    position = viewer(front_end, "v.pose().position")
    assert position[2] > 0.3
    assert graph_view(front_end) == before
    front_end.screenshot(path=tmp_path / "walked.png")


def test_mouse_and_wheel_stay_in_the_view_while_it_has_the_focus(front_end):
    focus(front_end)
    before = graph_view(front_end)
    yaw = viewer(front_end, "v.pose().yaw")
    speed = viewer(front_end, "v.motion.eye.speed")
    box = box_of(front_end)
    front_end.mouse.down()
    front_end.mouse.move(box["left"] + 0.7 * box["width"], box["top"] + 0.6 * box["height"], steps=5)
    front_end.mouse.up()
    front_end.mouse.wheel(0, -100)
    front_end.wait_for_function("speed => window.matrix3d.viewers[0].motion.eye.speed > speed", arg=speed)
    front_end.wait_for_timeout(400)
    assert viewer(front_end, "v.pose().yaw") != yaw
    assert viewer(front_end, "v.motion.eye.speed") > speed
    assert graph_view(front_end) == before


def test_without_the_focus_the_editor_has_keys_and_wheel(front_end):
    front_end.evaluate("() => document.activeElement?.blur()")
    before, pose = graph_view(front_end), viewer(front_end, "v.pose()")
    front_end.keyboard.press("w")  # the editor opens its list of workflows
    front_end.wait_for_function(
        "tab => (app.extensionManager.sidebarTab?.activeSidebarTabId ?? null) !== tab", arg=before[3]
    )
    front_end.wait_for_timeout(600)
    assert graph_view(front_end)[3] != before[3]
    front_end.keyboard.press("w")
    front_end.wait_for_timeout(600)
    box = box_of(front_end)
    front_end.mouse.move(box["left"] + box["width"] / 2, box["top"] + box["height"] / 2)
    front_end.mouse.wheel(0, -100)
    front_end.wait_for_function("scale => app.canvas.ds.scale !== scale", arg=before[1])
    front_end.wait_for_timeout(600)
    assert graph_view(front_end)[1] != before[1], "the wheel zooms the graph"
    offset = graph_view(front_end)[0]
    front_end.mouse.down(button="middle")
    front_end.mouse.move(box["left"] + 40, box["top"] + 60, steps=4)
    front_end.mouse.up(button="middle")
    front_end.wait_for_function("offset => app.canvas.ds.offset[0] !== offset[0]", arg=offset)
    assert graph_view(front_end)[0] != offset, "the middle button moves the graph"
    assert viewer(front_end, "v.pose()") == pose
    front_end.evaluate(
        "() => { app.canvas.ds.scale = 1; app.canvas.ds.offset = [150, 40]; app.graph.setDirtyCanvas(true, true); }"
    )


def test_running_again_without_a_change_leaves_the_visitor_where_he_is(front_end):
    front_end.evaluate("() => window.matrix3d.viewers[0].setPose({ position: [0.5, 0, 0.5] })")
    assert run_graph(front_end)["2"]["matrix3d_splat"], "the host sent the world again"
    front_end.wait_for_timeout(500)
    assert viewer(front_end, "v.pose().position") == [0.5, 0, 0.5]


def test_the_workflow_holds_no_widget_value_of_the_view(front_end):
    node = front_end.evaluate("() => app.graph.serialize().nodes.find(n => n.type === 'SplatPreview')")
    assert node["widgets_values"] == ["auto", 81, "distance", 0.1, 12, 960, 540, "", "glTF (y up)"]


def test_comes_back_with_the_workflow_and_leaves_with_the_node(front_end):
    front_end.evaluate(
        """async () => {
            const saved = JSON.parse(JSON.stringify(app.graph.serialize()));
            await app.loadGraphData(saved);
        }"""
    )
    front_end.wait_for_function(
        "() => window.matrix3d.viewers.length === 1 && window.matrix3d.viewers[0].file", timeout=60_000
    )
    assert wait_for_world(front_end) == {"count": 1600}
    front_end.evaluate("() => app.graph.remove(app.graph.nodes.find(n => n.type === 'SplatPreview'))")
    front_end.wait_for_function("() => window.matrix3d.viewers.length === 0")


def test_a_splat_from_elsewhere_is_framed_from_outside(front_end, comfy, tmp_path):
    write_gaussians(comfy.input_dir / "jug.ply", jug())
    page = front_end
    graph = {**GRAPH, "1": {**GRAPH["1"], "inputs": {"file": "jug.ply"}}}
    page.evaluate("graph => app.loadApiJson(graph, 'look')", graph)
    page.wait_for_function("() => app.graph.nodes.length === 2 && window.matrix3d?.viewers.length === 1")
    page.evaluate("() => { app.canvas.ds.offset = [150, 40]; app.canvas.ds.scale = 1; }")
    run_graph(page)
    assert wait_for_world(page) == {"count": len(jug())}
    settle(page)
    page.screenshot(path=tmp_path / "jug.png")
    assert viewer(page, "[v.pose().mode, v.outside.axes]") == ["orbit", "RFU"]
    assert "+z is up" in page.inner_text("[data-part=note]")
