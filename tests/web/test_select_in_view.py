"""Selecting in the view of WorldSelect: the real front end, the real route, both node renderers."""

from __future__ import annotations

import io
import json
import os

import numpy as np
import pytest
from chromium import ONE_RENDERER, open_front_end, open_page, run_graph, wait_for_world
from PIL import Image
from small_worlds import ball, room
from walking import settle

from matrix3d_core.io.splats import write_gaussians
from matrix3d_core.io.world_json import describe_world, write_world_info
from matrix3d_core.scene.gaussians import Gaussians

_LONG = pytest.mark.skipif(
    not os.environ.get("MATRIX3D_LONG"), reason="slow in software WebGL; MATRIX3D_LONG=1 runs it"
)
pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

GRAPH = {
    "1": {"class_type": "SplatLoad", "inputs": {"file": "balls.ply"}, "_meta": {"title": "Load"}},
    "2": {
        "class_type": "WorldSelect",
        "inputs": {"splat": ["1", 0], "name": "ball", "grow": 0.0},
        "_meta": {"title": "Select"},
    },
    "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 3]}, "_meta": {"title": "Report"}},
}
WALLS = room(0.1)
BALLS = (ball((0.6, 1.0, 2.0), 0.45, (0.2, 0.7, 0.2)), ball((-0.7, 0.9, 2.2), 0.5, (0.8, 0.2, 0.2)))
RED = np.array([0.8, 0.2, 0.2])
PLACES = {"green": (0.6, 1.0, 2.0), "red": (-0.7, 0.9, 2.2), "floor": (0.0, 1.5, 1.4)}
FIRST_RED, LAST_RED = len(WALLS) + 1500, len(WALLS) + 3000


@pytest.fixture(scope="module", params=ONE_RENDERER)
def front_end(request, browser, comfy):
    """The graph editor after a run, ready to select in."""
    world = Gaussians.concatenate(WALLS, *BALLS)
    write_gaussians(comfy.input_dir / "balls.ply", world)
    write_world_info(comfy.input_dir / "balls.ply", describe_world(world))
    with open_page(browser, width=1280, height=860) as opened:
        page = opened.page
        open_front_end(page, comfy.address, request.param)
        page.evaluate("graph => app.loadApiJson(graph, 'select')", GRAPH)
        page.wait_for_function("() => app.graph.nodes.length === 3 && window.matrix3d?.viewers.length === 1")
        page.evaluate(
            """() => {
                const node = type => app.graph.nodes.find(n => n.type === type);
                node("SplatLoad").pos = [-400, 80];
                node("PreviewAny").pos = [-400, 300];
                node("WorldSelect").pos = [40, 80];
                node("WorldSelect").size = [860, 720];
                app.canvas.ds.offset = [100, 0];
                app.canvas.ds.scale = 1;
                app.graph.setDirtyCanvas(true, true);
            }"""
        )
        run_graph(page)
        assert wait_for_world(page)["count"] == len(world)
        settle(page)
        yield page
        ours = [text for text in opened.problems if "matrix3d" in text.lower() or "viewer" in text.lower()]
        assert ours == []


def widget(page):
    text = page.evaluate(
        "() => app.graph.nodes.find(n => n.type === 'WorldSelect').widgets.find(w => w.name === 'operations').value"
    )
    return json.loads(text) if text else {"operations": [], "applied": 0}


def count(page):
    """What the tool bar says, once the answer is there."""
    page.wait_for_function(
        "() => /^[\\d,]+ selected$/.test(document.querySelector('.m3d-edit output').textContent)"
    )
    return int(page.inner_text(".m3d-edit output").split()[0].replace(",", ""))


def waits_for(page, expected):
    page.wait_for_function(
        "n => document.querySelector('.m3d-edit output').textContent === `${n.toLocaleString('en-US')} selected`",
        arg=expected,
    )


def button(page, action):
    page.click(f".m3d-edit [data-action={action}]")


def pixel_of(page, point):
    """Where a point of the world is on the page."""
    return page.evaluate(
        """([x, y, z]) => {
            const v = window.matrix3d.viewers[0];
            const { camera } = v.scene;
            v.scene.place(v.pose());
            camera.updateMatrixWorld();
            const at = camera.position.clone().set(x, -y, -z).project(camera);
            const box = v.element.getBoundingClientRect();
            return [box.left + (at.x + 1) / 2 * box.width, box.top + (1 - at.y) / 2 * box.height];
        }""",
        list(point),
    )


def picture(page):
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(float) / 255


def fresh(page):
    """Nothing selected, no tool, the start pose."""
    page.evaluate(
        """() => {
            const node = app.graph.nodes.find(n => n.type === 'WorldSelect');
            node.widgets.find(w => w.name === 'operations').value = "";
            node.onConfigure?.({});
            const v = window.matrix3d.viewers[0];
            v.reset();
            v.setPose({ pitch: -0.3 });
            v.element.focus();
        }"""
    )
    for tool in page.query_selector_all(".m3d-edit [aria-pressed=true]"):
        if tool.get_attribute("data-action") in ("click", "box", "sphere", "lasso", "brush"):
            tool.click()
    button(page, "add")
    waits_for(page, 0)
    settle(page)


def drag(page, points, steps=6, button="left"):
    page.mouse.move(*points[0])
    page.mouse.down(button=button)
    for point in points[1:]:
        page.mouse.move(*point, steps=steps)
    page.mouse.up(button=button)


def test_a_click_selects_the_ball_and_shows_it(front_end, tmp_path):
    page = front_end
    fresh(page)
    before = picture(page)
    button(page, "click")
    x, y = pixel_of(page, PLACES["red"])
    page.mouse.click(x, y)
    page.wait_for_function(
        "() => /^1,\\d\\d\\d selected/.test(document.querySelector('.m3d-edit output').textContent)"
    )
    assert 1400 < count(page) <= 1500
    settle(page)
    after = picture(page)
    page.screenshot(path=tmp_path / "click.png")
    print(tmp_path)
    orange, old = after[int(y), int(x) - 20], before[int(y), int(x) - 20]
    assert orange[1] > old[1] + 0.05  # from red to orange
    gx, gy = pixel_of(page, PLACES["green"])
    assert np.abs(after[int(gy), int(gx) - 20] - before[int(gy), int(gx) - 20]).max() < 0.06
    (operation,) = widget(page)["operations"]
    assert operation["op"] == "click"
    assert operation["mode"] == "add"


@_LONG
def test_undo_redo_and_clear_by_keys_leave_the_graph_alone(front_end):
    page = front_end
    fresh(page)
    button(page, "click")
    page.mouse.click(*pixel_of(page, PLACES["red"]))
    page.wait_for_function("() => /^1,/.test(document.querySelector('.m3d-edit output').textContent)")
    red = count(page)
    page.mouse.click(*pixel_of(page, PLACES["green"]))
    page.wait_for_function("() => /^[23],/.test(document.querySelector('.m3d-edit output').textContent)")
    both = count(page)
    page.evaluate("() => { window.sameViewer = window.matrix3d.viewers[0]; }")
    page.keyboard.press("Control+z")
    waits_for(page, red)
    page.keyboard.press("Control+z")
    waits_for(page, 0)
    assert widget(page)["applied"] == 0
    assert len(widget(page)["operations"]) == 2
    page.keyboard.press("Control+Shift+z")
    waits_for(page, red)
    page.keyboard.press("Control+y")
    waits_for(page, both)
    page.wait_for_timeout(700)
    assert page.evaluate("() => window.sameViewer === window.matrix3d.viewers[0]"), (
        "the editor undid something"
    )
    button(page, "clear")
    waits_for(page, 0)
    button(page, "undo")
    waits_for(page, both)


@_LONG
def test_alt_takes_away_and_a_drag_looks_around(front_end):
    page = front_end
    fresh(page)
    button(page, "click")
    for name in ("red", "green"):
        page.mouse.click(*pixel_of(page, PLACES[name]))
    page.wait_for_function("() => /^[23],/.test(document.querySelector('.m3d-edit output').textContent)")
    page.keyboard.down("Alt")
    page.mouse.click(*pixel_of(page, PLACES["green"]))
    page.keyboard.up("Alt")
    page.wait_for_function("() => /^1,/.test(document.querySelector('.m3d-edit output').textContent)")
    assert [one["mode"] for one in widget(page)["operations"]] == ["add", "add", "subtract"]
    yaw = page.evaluate("() => window.matrix3d.viewers[0].pose().yaw")
    x, y = pixel_of(page, PLACES["red"])
    drag(page, [(x, y), (x + 80, y)])
    assert page.evaluate("() => window.matrix3d.viewers[0].pose().yaw") != yaw
    assert len(widget(page)["operations"]) == 3


@_LONG
def test_a_lasso_and_a_brush(front_end, tmp_path):
    page = front_end
    fresh(page)
    button(page, "lasso")
    x, y = pixel_of(page, PLACES["green"])
    ring = [(x + 110 * np.cos(a), y + 110 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 24)]
    page.mouse.move(*ring[0])
    page.mouse.down()
    for point in ring[1:]:
        page.mouse.move(*point, steps=2)
    page.screenshot(path=tmp_path / "lasso_drawing.png")
    page.mouse.up()
    page.wait_for_function(
        "() => /^[\\d,]{3,} selected/.test(document.querySelector('.m3d-edit output').textContent)"
    )
    front = count(page)
    assert 400 < front < 1300
    settle(page)
    page.screenshot(path=tmp_path / "lasso.png")
    page.keyboard.press("Control+z")
    waits_for(page, 0)
    page.check(".m3d-edit-options input[type=checkbox]")
    drag(page, ring, steps=1)
    page.wait_for_function(
        "() => /^[\\d,]{4,} selected/.test(document.querySelector('.m3d-edit output').textContent)"
    )
    assert count(page) > front + 300
    page.keyboard.press("Control+z")
    waits_for(page, 0)
    page.uncheck(".m3d-edit-options input[type=checkbox]")
    button(page, "brush")
    page.mouse.move(x - 60, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=8)
    page.screenshot(path=tmp_path / "brush_drawing.png")
    page.mouse.up()
    page.wait_for_function(
        "() => /^[\\d,]{2,} selected/.test(document.querySelector('.m3d-edit output').textContent)"
    )
    assert 30 < count(page) < front
    settle(page)
    page.screenshot(path=tmp_path / "brush.png")
    print(tmp_path)
    yaw = page.evaluate("() => window.matrix3d.viewers[0].pose().yaw")
    drag(page, [(x, y), (x + 60, y)], button="right")
    assert page.evaluate("() => window.matrix3d.viewers[0].pose().yaw") != yaw


@_LONG
def test_a_box_stands_on_the_floor_and_its_handles_move_it(front_end, tmp_path):
    page = front_end
    fresh(page)
    button(page, "box")
    x, y = pixel_of(page, (0.6, 1.5, 1.6))
    drag(page, [(x, y), (x + 150, y)])
    page.wait_for_function(
        "() => /^[\\d,]{2,} selected/.test(document.querySelector('.m3d-edit output').textContent)"
    )
    settle(page)
    page.screenshot(path=tmp_path / "box.png")
    (box,) = widget(page)["operations"]
    assert box["center"][1] + box["size"][1] / 2 == pytest.approx(1.5, abs=0.12)
    handles = page.evaluate(
        """() => {
            const v = window.matrix3d.viewers[0];
            const { left, top } = v.element.getBoundingClientRect();
            const { gizmo, view } = v.tools;
            const { shapes } = gizmo.shapesIn(view.eye());
            return Object.fromEntries(shapes.map(({ handle, points }) => {
                const at = handle === "turn" ? points[10] : handle === "up" ? points[3] : points[0];
                return [handle, [at[0] + left, at[1] + top]];
            }));
        }"""
    )
    gx, gy = handles["ground"]
    drag(page, [(gx, gy), (gx - 90, gy)])
    (moved,) = widget(page)["operations"]
    assert moved["center"][0] < box["center"][0] - 0.1
    assert moved["center"][1] == pytest.approx(box["center"][1], abs=1e-6)
    assert moved["size"] == box["size"]
    page.screenshot(path=tmp_path / "box_moved.png")
    print(tmp_path)


def test_the_selection_is_saved_and_run(front_end):
    page = front_end
    fresh(page)
    button(page, "click")
    page.mouse.click(*pixel_of(page, PLACES["red"]))
    page.wait_for_function("() => /^1,/.test(document.querySelector('.m3d-edit output').textContent)")
    selected = count(page)
    outputs = run_graph(page)
    report = json.loads(outputs["3"]["text"][0])
    assert report["instances"] == {"ball": selected}
    page.evaluate(
        """async () => {
            const saved = JSON.parse(JSON.stringify(app.graph.serialize()));
            await app.loadGraphData(saved);
        }"""
    )
    page.wait_for_function("() => window.matrix3d.viewers.length === 1 && window.matrix3d.viewers[0].file")
    wait_for_world(page)
    assert [one["op"] for one in widget(page)["operations"]] == ["click"]
    run_graph(page)
    waits_for(page, selected)
