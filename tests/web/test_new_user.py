"""What a new user does: open the template, press Run, walk, record, press Extend, walk on."""

from __future__ import annotations

import json
import os

import pytest
from chromium import open_front_end, open_page
from make_workflows import ui_workflow
from workflow_api import set_widget

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

SMALL = {
    "PanoLoad": {"max_width": 512},
    "TrajectoryPreset": {"frames": 9},
    "MeshGuidanceRender": {"width": 256, "mesh_width": 256},
    "WorldExtend": {"width": 256},
    "NextBestPath": {"frames": 9, "directions": 6},
}
FITS = ({"iterations": 40, "max_gaussians": 10_000}, {"iterations": 40, "max_gaussians": 20_000})


def small_template(comfy):
    info = comfy.object_info()
    workflow = ui_workflow("extend_world", info)
    fits = [node for node in workflow["nodes"] if node["type"] == "GSOptimize"]
    for node in workflow["nodes"]:
        for widget, value in SMALL.get(node["type"], {}).items():
            set_widget(node, info[node["type"]], widget, value)
    for node, changes in zip(fits, FITS, strict=True):
        for widget, value in {**changes, "crop_size": 64, "resume": False}.items():
            set_widget(node, info["GSOptimize"], widget, value)
    return workflow


def viewer_of(page, title):
    """Make ``window.v`` the viewer inside the node of that title."""
    page.evaluate(
        """title => { window.v = window.matrix3d.viewers.find(v => (v.node.title ?? "") === title); }""",
        title,
    )
    return page


def show(page, title):
    page.evaluate(
        """title => {
            const node = app.graph.nodes.find(n => n.title === title);
            app.canvas.ds.scale = 1;
            app.canvas.ds.offset = [-node.pos[0] + 120, -node.pos[1] + 60];
            app.graph.setDirtyCanvas(true, true);
            window.lastBox = null;
        }""",
        title,
    )
    page.wait_for_function(  # in its place, and at rest there
        """title => {
            const v = window.matrix3d.viewers.find(v => v.node?.title === title);
            const box = JSON.stringify(v.element.getBoundingClientRect());
            const isStill = window.lastBox === box;
            window.lastBox = box;
            return v.isVisible && isStill;
        }""",
        arg=title,
        polling=300,
    )
    page.wait_for_timeout(700)


def walk_ahead(page, far):
    """Click into the viewer, hold W until the eye is ``far`` ahead, and release it."""
    box = page.evaluate("() => window.v.element.getBoundingClientRect().toJSON()")
    page.mouse.click(box["left"] + box["width"] / 2, box["top"] + 120)
    start = page.evaluate("() => [...window.v.pose().position]")
    page.keyboard.down("w")
    page.wait_for_function(
        "([start, far]) => Math.hypot(...window.v.pose().position.map((x, i) => x - start[i])) > far",
        arg=[start, far],
        timeout=60_000,
    )
    page.keyboard.up("w")
    page.wait_for_timeout(600)
    page.wait_for_function(
        "() => window.v.stats().isSettled", timeout=60_000
    )  # pictures may take longer than that
    return page.evaluate("() => [...window.v.pose().position]")


def worlds(page):
    return page.evaluate("() => window.matrix3d.viewers.map(v => [v.node?.title, v.count])")


@pytest.fixture(scope="module")
def session(browser, comfy):
    with open_page(browser, width=1280, height=900) as opened:
        page = opened.page
        open_front_end(page, comfy.address, "classic")
        page.evaluate("async workflow => await app.loadGraphData(workflow)", small_template(comfy))
        page.wait_for_function("() => window.matrix3d?.viewers.length === 2")
        yield page
        mine = [text for text in opened.problems if "matrix3d" in text.lower() or "viewer" in text.lower()]
        assert mine == []


def test_run_walk_record_extend_walk_on(session, tmp_path):
    page = session
    show(page, "Walk here")
    page.evaluate("() => app.queuePrompt(0)")
    page.wait_for_function("() => window.matrix3d.viewers.some(v => v.count > 0)", timeout=240_000)
    assert {title: count > 0 for title, count in worlds(page)} == {"Walk here": True, "Walk on": False}

    viewer_of(page, "Walk here")
    page.wait_for_timeout(500)
    box = page.evaluate("() => window.v.element.getBoundingClientRect().toJSON()")
    page.mouse.click(box["left"] + box["width"] / 2, box["top"] + 120)
    page.keyboard.press("t")
    end = walk_ahead(page, 0.8)
    page.keyboard.press("t")
    assert end[2] > 0.7, "W goes forward"
    recording = json.loads(
        page.evaluate("() => window.v.node.widgets.find(w => w.name === 'recording').value")
    )
    assert recording["walk"][-1][3] == pytest.approx(end[2], abs=0.1)
    page.screenshot(path=tmp_path / "walked.png")

    page.click(".m3d-bar [data-action=extend]")
    page.wait_for_timeout(300)
    page.screenshot(path=tmp_path / "extended.png")
    assert "next segment is queued" in page.inner_text(".m3d-note")
    pose = page.evaluate(
        "() => JSON.parse(app.graph.nodes.find(n => n.type === 'WorldExtend').widgets.find(w => w.name === 'pose').value)"
    )
    assert pose[:3] == pytest.approx(end, abs=0.05)
    assert page.evaluate("() => app.graph.nodes.every(n => n.mode === 0)"), "the second half woke up"
    page.wait_for_function(
        "() => window.matrix3d.viewers.find(v => v.node.title === 'Walk on').count > 0", timeout=240_000
    )
    show(page, "Walk on")
    viewer_of(page, "Walk on")
    page.wait_for_timeout(1500)
    start = page.evaluate("() => [...window.v.pose().position]")
    assert start == pytest.approx(end, abs=0.06), (
        "the new world opens where the old one was left, in the same axes"
    )
    page.screenshot(path=tmp_path / "arrived.png")
    further = walk_ahead(page, 0.5)
    assert further != pytest.approx(start, abs=0.3)
    assert page.evaluate("() => window.v.count") > 100
    page.screenshot(path=tmp_path / "walked_on.png")


@pytest.mark.skipif(not os.environ.get("MATRIX3D_LONG"), reason="takes minutes; MATRIX3D_LONG=1 runs it")
def test_pressing_extend_again_adds_a_segment(session, tmp_path):
    page = session
    before = page.evaluate("() => app.graph.nodes.length")
    show(page, "Walk on")
    viewer_of(page, "Walk on")
    page.evaluate("() => window.v.element.querySelector('[data-action=extend]').click()")
    page.wait_for_function("() => window.matrix3d.viewers.length === 3")
    grown = page.evaluate("() => app.graph.nodes.map(n => n.type)")
    assert len(grown) == before + 8, "Extend World and its downstream nodes, once more"
    assert worlds(page)[2] == ["Walk on", 0], "the copy shows nothing before it ran"
    page.wait_for_function(
        "() => window.matrix3d.viewers.filter(v => v.count > 0).length === 3", timeout=240_000
    )
    assert page.evaluate(
        "() => app.graph.nodes.filter(n => n.type === 'GSOptimize').map(n => n.widgets.find(w => w.name === 'max_gaussians').value)"
    ) == [10_000, 20_000, 120_000]
    page.evaluate(
        "() => { app.canvas.ds.scale = 0.35; app.canvas.ds.offset = [-2300, 60]; app.graph.setDirtyCanvas(true, true); }"
    )
    page.wait_for_timeout(800)
    page.screenshot(path=tmp_path / "grown.png")
