"""A normal session leaves nothing from the pack in the browser's console, and changes its language without a reload."""

from __future__ import annotations

import re

import pytest
from chromium import ONE_RENDERER, open_front_end, open_page, run_graph, wait_for_world
from splat_scenes import write_blob_world
from walking import settle

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

KINDS = ["SplatPreview", "PanoPreview", "TrajectoryStudio"]
OURS = re.compile(r"/extensions/ComfyUI-Matrix3D/|three|spark|matrix3d", re.IGNORECASE)
GRAPH = {
    "1": {"class_type": "SplatLoad", "inputs": {"file": "blobs.ply"}, "_meta": {"title": "Load"}},
    "2": {"class_type": "SplatPreview", "inputs": {"splat": ["1", 0]}, "_meta": {"title": "Walk"}},
    "3": {
        "class_type": "PanoLoad",
        "inputs": {"image": "sample: terrace", "max_width": 512},
        "_meta": {"title": "Panorama"},
    },
    "4": {"class_type": "PanoPreview", "inputs": {"panorama": ["3", 0]}, "_meta": {"title": "Look"}},
    "5": {
        "class_type": "PanoDepth",
        "inputs": {"panorama": ["3", 0], "depth": ["3", 1]},
        "_meta": {"title": "Depth"},
    },
    "6": {
        "class_type": "TrajectoryStudio",
        "inputs": {"geometry": ["5", 0], "frames": 9},
        "_meta": {"title": "Draw"},
    },
}


@pytest.fixture(scope="module", params=ONE_RENDERER)
def session(request, browser, comfy):
    write_blob_world(comfy.input_dir / "blobs.ply")
    with open_page(browser, width=1280, height=900) as opened:
        said = opened.said = []

        def on_console(message):
            where = (message.location or {}).get("url", "")
            if message.type in ("log", "info", "debug", "warning", "error") and OURS.search(
                f"{where} {message.text}"
            ):
                said.append(f"{message.type}: {message.text} ({where})")

        opened.page.on("console", on_console)
        opened.page.on("pageerror", lambda error: said.append(f"uncaught: {error}"))
        open_front_end(opened.page, comfy.address, request.param)
        yield opened


def test_the_editor_with_all_views(session, tmp_path):
    page = session.page
    page.evaluate("graph => app.loadApiJson(graph, 'all')", GRAPH)
    page.wait_for_function(
        "() => [matrix3d.viewers, window.matrix3d.panoramas, window.matrix3d.studios].every(views => views?.length === 1)"
    )
    page.evaluate(
        "() => { app.canvas.ds.scale = 0.5; app.canvas.ds.offset = [100, 60]; app.graph.setDirtyCanvas(true, true); }"
    )
    run_graph(page, 300)
    assert wait_for_world(page) == {"count": 1600}
    for action in (
        "orbit",
        "orbit",
        "depth",
        "depth",
        "walls",
        "settings",
        "settings",
        "help",
        "help",
        "key",
        "clear",
    ):
        page.evaluate("action => matrix3d.viewers[0].act(action)", action)
    page.wait_for_function("() => matrix3d.panoramas[0].image && matrix3d.studios[0].scene", timeout=60_000)
    page.evaluate("async () => void await matrix3d.viewers[0].screenshot([640, 360])")
    settle(page)
    page.screenshot(path=tmp_path / "all.png")
    assert session.said == []
    assert page.evaluate("() => Object.keys(window).filter(name => /matrix3d/i.test(name))") == ["matrix3d"]
    # The host's own three.js marks the page and would complain of another one that does so too; ours does not.
    mark, ours = page.evaluate(
        "async () => [window.__THREE__, (await import('/extensions/ComfyUI-Matrix3D/vendor/three.mjs')).REVISION]"
    )
    assert mark != ours


def texts(page):
    """What the views say before there is anything to show, and a tooltip."""
    return page.evaluate(
        """() => [
            ...[matrix3d.viewers, matrix3d.panoramas, matrix3d.studios].map(views =>
                views[0].element.querySelector(".m3d-message p").textContent),
            matrix3d.viewers[0].element.querySelector("[data-action=extend]").title,
            matrix3d.viewers[0].element.querySelector(".m3d-bar [data-action=help]").title,
            matrix3d.studios[0].element.querySelector(".m3d-studio-tools button").textContent,
        ]"""
    )


def test_the_language_changes_and_back_without_a_reload(session):
    page = session.page
    page.evaluate(
        """kinds => {
            app.graph.clear();
            kinds.forEach((kind, i) => {
                const node = LiteGraph.createNode(kind);
                app.graph.add(node);
                node.pos = [900 * i, 0];
            });
            window.isSamePage = true;
            app.extensionManager.workflow.activeWorkflow.changeTracker.checkState(); // the host loads the graph again
        }""",
        KINDS,
    )
    page.wait_for_function(
        "() => [matrix3d.viewers, matrix3d.panoramas, matrix3d.studios].every(v => v.length === 1)"
    )
    english = texts(page)
    assert english[0] == "Run the workflow to see the world."
    page.evaluate("() => app.extensionManager.setting.set('Comfy.Locale', 'zh')")
    is_chinese = """() => [matrix3d.viewers, matrix3d.panoramas, matrix3d.studios].every(views => views.length === 1
        && /[\\u4e00-\\u9fff]/.test(views[0].element.querySelector(".m3d-message p").textContent))"""
    page.wait_for_function(is_chinese, timeout=60_000)
    chinese = texts(page)
    assert all(re.search("[\u4e00-\u9fff]", text) for text in chinese), chinese
    page.evaluate("() => app.extensionManager.setting.set('Comfy.Locale', 'en')")
    page.wait_for_function(
        "first => matrix3d.viewers[0]?.element.querySelector('.m3d-message p').textContent === first",
        arg=english[0],
        timeout=60_000,
    )
    page.wait_for_function(
        "() => [matrix3d.viewers, matrix3d.panoramas, matrix3d.studios].every(v => v.length === 1)"
    )
    assert texts(page) == english
    assert page.evaluate("() => window.isSamePage")


def test_the_page_of_a_world(session, comfy):
    page = session.page
    query = "filename=blobs.ply&type=input&sidecar=1"
    page.goto(f"{comfy.address}/extensions/ComfyUI-Matrix3D/viewer/world.html?{query}")
    assert wait_for_world(page) == {"count": 1600}
    for action in ("orbit", "depth", "walls", "settings", "help"):
        page.evaluate("action => matrix3d.viewers[0].act(action)", action)
    settle(page)
    assert page.evaluate("() => [matrix3d.viewers[0].isWorld, matrix3d.viewers[0].outside]") == [True, None]
    assert session.said == []
