"""Drawing a camera path in the real front end, in both node renderers, and what the graph makes of it."""

from __future__ import annotations

import json

import pytest
from chromium import ONE_RENDERER, open_front_end, open_page, run_graph

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

GRAPH = {
    "1": {"class_type": "PanoLoad", "inputs": {"panorama": "sample: terrace", "max_width": 1024}},
    "2": {"class_type": "PanoDepth", "inputs": {"panorama": ["1", 0], "depth": ["1", 1]}},
    "3": {
        "class_type": "TrajectoryStudio",
        "inputs": {"geometry": ["2", 0], "frames": 31, "clearance": 0.3, "closed": False, "ease": False},
    },
    "4": {"class_type": "PreviewAny", "inputs": {"source": ["3", 2]}},
    "5": {
        "class_type": "TrajectorySave",
        "inputs": {"trajectory": ["3", 0], "filename_prefix": "studio/path"},
    },
}
STUDIO = "window.matrix3d.studios[0]"


def studio(page, expression):
    return page.evaluate(f"() => {{ const s = {STUDIO}; return {expression}; }}")


def settle(page):
    page.wait_for_function(f"() => !{STUDIO}.client.isChecking")


def stored(page):
    return page.evaluate(
        "() => app.graph.nodes.find(n => n.type === 'TrajectoryStudio').widgets.find(w => w.name === 'path').value"
    )


def on_map(page, x, z):
    """Where a place of the world is on the screen."""
    box = studio(page, "s.map.box.getBoundingClientRect().toJSON()")
    view = studio(page, "s.map.window")
    zoom = box["width"] / view["width"]
    scale = min(view["width"], view["height"]) / view["span"]
    return (
        box["left"] + (view["width"] / 2 + (x - view["x"]) * scale) * zoom,
        box["top"] + (view["height"] / 2 - (z - view["z"]) * scale) * zoom,
    )


@pytest.fixture(scope="module", params=ONE_RENDERER)
def front_end(request, browser, comfy):
    graph = json.loads(json.dumps(GRAPH))
    graph["1"] = comfy.node("PanoLoad", **graph["1"]["inputs"])
    graph["2"] = comfy.node("PanoDepth", **graph["2"]["inputs"])
    graph["5"] = comfy.node("TrajectorySave", **graph["5"]["inputs"])
    with open_page(browser, width=1400, height=1000) as opened:
        page = opened.page
        open_front_end(page, comfy.address, request.param)
        page.evaluate("graph => app.loadApiJson(graph, 'studio')", graph)
        page.wait_for_function("() => app.graph.nodes.length === 5 && window.matrix3d?.studios.length === 1")
        page.evaluate(
            """() => {
                const places = { PanoLoad: [-420, 60], PanoDepth: [-420, 400], TrajectoryStudio: [20, 20], PreviewAny: [900, 60], TrajectorySave: [900, 500] };
                for (const node of app.graph.nodes) node.pos = places[node.type];
                app.graph.nodes.find(n => n.type === "TrajectoryStudio").setSize([860, 860]);
                app.canvas.ds.offset = [300, 60];
                app.canvas.ds.scale = 1;
                app.graph.setDirtyCanvas(true, true);
            }"""
        )
        page.wait_for_timeout(800)
        assert "Run the workflow" in page.inner_text(".m3d-studio .m3d-message")
        run_graph(page)
        page.wait_for_function(
            f"() => {STUDIO}.client.panoramaPicture && {STUDIO}.client.mapPicture", timeout=120_000
        )
        page.wait_for_timeout(500)
        yield page
        mine = [text for text in opened.problems if "matrix3d" in text.lower() or "studio" in text.lower()]
        assert mine == []


def test_clicks_on_the_map_draw_a_path(front_end, tmp_path):
    page = front_end
    page.screenshot(path=tmp_path / "empty.png")
    for place in ((0, 0), (0.5, 1.5), (-0.4, 3.0)):
        page.mouse.click(*on_map(page, *place))
        page.wait_for_timeout(60)
    settle(page)
    keys = studio(page, "s.keys")
    assert [[key[0], key[2]] for key in keys] == [
        pytest.approx(list(place), abs=0.08) for place in ((0, 0), (0.5, 1.5), (-0.4, 3.0))
    ]
    # The second key faces the way it was come: atan2(0.5, 1.5).
    assert keys[1][3] == pytest.approx(18.4, abs=5)
    found = studio(page, "s.found")
    assert len(found["poses"]) == 31
    assert found["holes"][0] < 0.02
    assert found["holes"][-1] > found["holes"][1]
    assert json.loads(stored(page))["keys"][2][:3] == pytest.approx(keys[2][:3], abs=1e-3)
    page.wait_for_timeout(400)
    page.screenshot(path=tmp_path / "drawn.png")


def test_keys_are_dragged_turned_and_deleted(front_end, tmp_path):
    page = front_end
    offset = page.evaluate("() => [...app.canvas.ds.offset]")
    x, y = on_map(page, *(studio(page, "s.keys[2]")[i] for i in (0, 2)))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(*on_map(page, -1.0, 2.5), steps=5)
    page.mouse.up()
    settle(page)
    assert studio(page, "[s.keys[2][0], s.keys[2][2]]") == pytest.approx([-1.0, 2.5], abs=0.1)
    assert page.evaluate("() => [...app.canvas.ds.offset]") == offset, "the graph stays"
    page.keyboard.press("]")
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowRight")
    settle(page)
    key = studio(page, "s.keys[2]")
    assert key[1] < 0, "raised: y points down"
    # A click on the line adds a key between; the middle of the path's poses lies between keys 1 and 3.
    middle = studio(page, "s.found.poses[8]")
    page.mouse.click(*on_map(page, middle[0], middle[2]))
    settle(page)
    assert studio(page, "s.keys.length") == 4
    assert studio(page, "s.selected") == 1
    page.keyboard.press("Delete")
    settle(page)
    assert studio(page, "s.keys.length") == 3
    page.fill(".m3d-studio [data-field=y]", "0.25")
    page.keyboard.press("Tab")
    settle(page)
    assert studio(page, "s.keys[s.selected][1]") == pytest.approx(-0.25)
    assert page.evaluate("() => app.graph.nodes.length") == 5, "Delete did not reach the graph"


def test_what_is_shown_is_what_the_graph_gives(front_end):
    page = front_end
    before = studio(page, "s.found")
    run_graph(page)
    page.wait_for_function(
        "() => { const t = document.body.innerText + JSON.stringify(app.graph.nodes.find(n => n.type === 'PreviewAny')"
        ".widgets?.map(w => w.value) ?? []); return t.includes('holes_mean'); }",
        timeout=60_000,
    )
    text = page.evaluate(
        "() => app.graph.nodes.find(n => n.type === 'PreviewAny').widgets.map(w => w.value).find(v => String(v).includes('holes_mean'))"
    )
    report = json.loads(text)
    assert report["holes"] == before["holes"]
    assert report["clearance"] == before["clearance"]
    assert report["colliding"] == before["colliding"]
    assert report["length"] == before["length"]


def test_a_path_into_a_wall_is_marked(front_end, tmp_path):
    page = front_end
    page.evaluate(f"() => {STUDIO}.start([[0, 0, 0, 0, 0], [-30, 0, 0, -90, 0]])")
    settle(page)
    found = studio(page, "s.found")
    assert found["colliding"], "30 units to the left lies behind the arcade"
    assert "colliding" in page.inner_text(".m3d-studio-status")
    page.wait_for_function("() => document.querySelector('.m3d-studio [data-field=x]').value === '-30'")
    assert page.input_value(".m3d-studio [data-field=x]") == "-30", "the numbers are those of the chosen key"
    page.wait_for_timeout(400)
    page.screenshot(path=tmp_path / "wall.png")
    page.select_option(".m3d-studio select", "keep_turning_left")
    page.wait_for_function(f"() => {STUDIO}.keys.length === 9")
    settle(page)
    page.wait_for_timeout(500)
    page.screenshot(path=tmp_path / "preset.png")
    assert studio(page, "s.found.poses.length") == 31


def test_comes_back_with_the_workflow(front_end):
    page = front_end
    keys = studio(page, "s.keys")
    page.evaluate("async () => await app.loadGraphData(JSON.parse(JSON.stringify(app.graph.serialize())))")
    page.wait_for_function(
        f"() => window.matrix3d.studios.length === 1 && {STUDIO}.client.panoramaPicture", timeout=30_000
    )
    settle(page)
    assert [k[:3] for k in studio(page, "s.keys")] == [pytest.approx(key[:3], abs=1e-3) for key in keys]
    assert studio(page, "s.found.poses.length") == 31
    page.evaluate("() => { for (const n of [...app.graph.nodes]) app.graph.remove(n); }")
    page.wait_for_function("() => window.matrix3d.studios.length === 0")


def test_the_route_refuses_what_it_does_not_know(comfy):
    import urllib.error
    import urllib.request

    def post(name, body):
        request = urllib.request.Request(
            f"{comfy.address}/matrix3d/studio/{name}", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    assert post("check", b"not json")[0] == 400
    assert post("check", b"[1]")[0] == 400
    status, text = post("check", b'{"token": "../../etc/passwd"}')
    assert status == 404
    assert b"Run the graph again" in text
    assert post("map", b"[" * 600_000)[0] == 413
