"""The preview node through everything the editor does to nodes, in both node renderers."""

from __future__ import annotations

import pytest
from chromium import RENDERERS, open_front_end, open_page, run_graph, wait_for_world
from splat_scenes import write_blob_world
from walking import settle

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

GRAPH = {
    "1": {"class_type": "SplatLoad", "inputs": {"file": "blobs.ply"}, "_meta": {"title": "Load"}},
    "2": {"class_type": "SplatPreview", "inputs": {"splat": ["1", 0]}, "_meta": {"title": "Walk"}},
}
PREVIEW = "app.graph.nodes.find(n => n.type === 'SplatPreview')"
COVER = """
() => {
    const { canvas } = window.matrix3d.viewers.at(-1);
    if (!canvas.isConnected || !canvas.getBoundingClientRect().width) return 0;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) count += Math.max(data[i], data[i + 1], data[i + 2]) > 60;
    return count / (canvas.width * canvas.height);
}
"""


@pytest.fixture(scope="module", params=list(RENDERERS))
def front_end(request, browser, comfy):
    write_blob_world(comfy.input_dir / "blobs.ply")
    with open_page(browser, width=1280, height=760) as opened:
        page = opened.page
        open_front_end(page, comfy.address, request.param)
        page.evaluate("graph => app.loadApiJson(graph, 'walk')", GRAPH)
        page.wait_for_function("() => app.graph.nodes.length === 2 && window.matrix3d?.viewers.length === 1")
        arrange(page)
        page.evaluate("() => app.queuePrompt(0)")
        assert wait_for_world(page) == {"count": 1600}
        page.wait_for_timeout(800)
        yield page
        mine = [text for text in opened.problems if "matrix3d" in text.lower() or "viewer" in text.lower()]
        assert mine == []


def arrange(page):
    page.evaluate(
        f"""() => {{
            const preview = {PREVIEW};
            preview.pos = [420, 80];
            preview.setSize([560, 640]);
            app.canvas.ds.offset = [0, 0];
            app.canvas.ds.scale = 1;
            app.graph.setDirtyCanvas(true, true);
        }}"""
    )
    page.wait_for_timeout(800)


def shown(page):
    """The newest viewer shows its world on the screen."""
    page.wait_for_function("() => window.matrix3d?.viewers.at(-1)?.scene", timeout=30_000)
    assert wait_for_world(page) == {"count": 1600}
    page.wait_for_function("() => window.matrix3d.viewers.at(-1).stats().isSettled")
    page.wait_for_function(f"() => ({COVER})() > 0.01", polling=200)
    return True


def test_collapsed_and_opened_again(front_end):
    page = front_end
    page.evaluate("() => window.matrix3d.viewers[0].setPose({ position: [0.25, 0, 0.5] })")
    settle(page)
    page.evaluate(f"() => {PREVIEW}.collapse()")
    page.wait_for_function(
        "() => !window.matrix3d.viewers[0].isVisible && window.matrix3d.viewers[0].stats().isSettled"
    )
    frames = page.evaluate("() => window.matrix3d.viewers[0].stats().frames")
    page.evaluate("() => window.matrix3d.viewers[0].requestFrame()")
    page.wait_for_timeout(500)
    assert page.evaluate("() => window.matrix3d.viewers[0].stats().frames") <= frames + 1, (
        "out of viewDirection it rests"
    )
    page.evaluate(f"() => {PREVIEW}.collapse()")
    page.wait_for_timeout(800)
    assert shown(page)
    assert page.evaluate("() => window.matrix3d.viewers.length") == 1
    assert page.evaluate("() => window.matrix3d.viewers[0].pose().position") == [0.25, 0, 0.5]


@pytest.mark.parametrize("mode", [4, 2])  # bypassed, muted
def test_bypassed_and_muted(front_end, mode):
    page = front_end
    page.evaluate(f"mode => {{ {PREVIEW}.mode = mode; app.graph.setDirtyCanvas(true, true); }}", mode)
    page.evaluate("() => app.queuePrompt(0).catch(() => {})")  # nothing left to run: the editor says so
    page.wait_for_timeout(1200)
    page.keyboard.press("Escape")
    assert shown(page)
    page.evaluate(f"() => {{ {PREVIEW}.mode = 0; }}")
    page.evaluate("() => { for (const b of document.querySelectorAll('.p-dialog-close-button')) b.click(); }")


def test_another_workflow_and_back(front_end):
    page = front_end
    page.evaluate("() => window.matrix3d.viewers[0].act('key')")
    page.evaluate(f"() => {{ window.kept = {PREVIEW}.widgets.find(w => w.name === 'recording').value; }}")
    page.evaluate("() => app.extensionManager.command.execute('Comfy.NewBlankWorkflow')")
    page.wait_for_function("() => app.graph.nodes.length === 0", timeout=20_000)
    page.wait_for_timeout(800)
    assert page.evaluate("() => window.matrix3d.viewers.length") == 0
    page.evaluate("() => app.extensionManager.command.execute('Workspace.PreviousOpenedWorkflow')")
    page.wait_for_function(f"() => {PREVIEW}", timeout=20_000)
    assert shown(page)
    assert page.evaluate(
        f"() => window.kept && {PREVIEW}.widgets.find(w => w.name === 'recording').value === window.kept"
    )


def test_inside_a_subgraph_and_out_again(front_end):
    page = front_end
    arrange(page)
    page.evaluate(
        f"""() => {{
            const {{ subgraph, node }} = app.canvas.graph.convertToSubgraph(new Set([{PREVIEW}]));
            window.outer = node;
            window.inner = subgraph;
        }}"""
    )
    page.wait_for_timeout(1000)
    page.evaluate(
        "() => app.canvas.openSubgraph ? app.canvas.openSubgraph(window.inner, window.outer) : app.canvas.setGraph(window.inner)"
    )
    page.wait_for_function("() => app.canvas.graph === window.inner")
    page.wait_for_timeout(1500)
    page.evaluate(
        "() => { app.canvas.ds.offset = [0, 0]; app.canvas.ds.scale = 1; app.canvas.setDirty(true, true); }"
    )
    page.evaluate(
        "() => { const n = window.inner.nodes.find(n => n.type === 'SplatPreview'); n.pos = [300, 80]; n.setSize([560, 640]); }"
    )
    page.wait_for_timeout(800)
    assert shown(page)
    page.evaluate("() => { window.matrix3d.viewers.at(-1).setPose({ position: [0.1, 0, 0] }); }")
    outputs = run_graph(page)
    assert any(":" in node and "matrix3d_splat" in shows for node, shows in outputs.items()), (
        "the host names it by the ids of both"
    )
    page.wait_for_timeout(500)
    assert shown(page)
    page.evaluate("() => app.canvas.setGraph(app.graph)")
    page.wait_for_timeout(800)
    assert page.evaluate("() => window.matrix3d.viewers.length") == 1


def test_another_workflow_takes_its_place(front_end):
    """The Vue renderer draws a node of the same id, name and type into what it drew before."""
    page = front_end
    page.evaluate("graph => app.loadApiJson(graph, 'again')", GRAPH)
    page.wait_for_function(f"() => {PREVIEW} && window.matrix3d.viewers.length === 1")
    arrange(page)
    run_graph(page)
    assert shown(page)


DRAFT = "Object.entries(localStorage).some(([key, text]) => /Draft/.test(key) && /matrix3d_world/.test(text))"


@pytest.mark.parametrize("renderer", list(RENDERERS))
def test_the_page_is_reloaded(browser, comfy, renderer):
    write_blob_world(comfy.input_dir / "blobs.ply")
    with open_page(browser, width=1280, height=760) as opened:
        page = opened.page
        open_front_end(page, comfy.address, renderer)
        page.evaluate("() => app.extensionManager.setting.set('Comfy.Workflow.Persist', true)")
        try:
            page.evaluate("graph => app.loadApiJson(graph, 'kept')", GRAPH)
            page.wait_for_function(f"() => {PREVIEW} && window.matrix3d?.viewers.length === 1")
            page.evaluate("() => app.queuePrompt(0)")
            assert wait_for_world(page) == {"count": 1600}
            arrange(page)  # the editor keeps a draft of what was changed
            page.evaluate("() => app.extensionManager.workflow.activeWorkflow.changeTracker.checkState()")
            page.wait_for_function(f"() => {DRAFT}", timeout=20_000)
            page.reload()
            page.wait_for_function(
                "() => window.app?.graph && !window.app.extensionManager?.spinner && window.matrix3d?.viewers.length === 1"
            )
            page.wait_for_timeout(1500)
            arrange(page)
            assert shown(page)
        finally:
            page.request.post(f"{comfy.address}/api/settings", data={"Comfy.Workflow.Persist": False})
