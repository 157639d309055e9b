"""A finished run opened by its address, as `make demo` prints it: graph, pictures and world, with nothing to press."""

from __future__ import annotations

import pytest
from chromium import RENDERERS, open_front_end, open_page
from demo import run_address
from make_workflows import ui_workflow
from workflow_api import nodes_of, set_widget, to_prompt

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

SMALL = {
    "PanoLoad": {"max_width": 512},
    "TrajectoryPreset": {"frames": 5},
    "MeshGuidanceRender": {"width": 256, "mesh_width": 256},
    "ImageFromBatch": {"batch_index": 0},
    "SplatRender": {"width": 64, "height": 48},
    "GSOptimize": {"iterations": 20, "max_gaussians": 5000, "crop_size": 64, "resume": False},
}


@pytest.fixture(scope="module")
def records(comfy):
    """The host's records of the first template's run, at a small size, and of the same run again."""
    info = comfy.object_info()
    workflow = ui_workflow("panorama_to_world", info)
    for node in workflow["nodes"]:
        for widget, value in SMALL.get(node["type"], {}).items():
            set_widget(node, info[node["type"]], widget, value)
    entries = []
    for _ in ("made", "cached"):
        prompt_id = comfy.client.post(to_prompt(workflow, info), {"extra_pnginfo": {"workflow": workflow}})
        entries.append(comfy.wait(prompt_id, 300))
        assert entries[-1]["status"]["status_str"] == "success"
    return entries


@pytest.mark.parametrize("renderer", list(RENDERERS))
@pytest.mark.parametrize("is_cached", [False, True])
def test_the_address_shows_the_finished_run(browser, comfy, records, renderer, is_cached):
    """Also that of a run which found all in the host's cache, whose record lacks what nodes inside the graph showed."""
    finished = records[is_cached]
    (fit,) = nodes_of(finished["prompt"][2], "GSOptimize")
    assert (fit in finished["outputs"]) is not is_cached
    with open_page(browser, width=1280, height=900) as opened:
        page = opened.page
        open_front_end(page, comfy.address, renderer)
        page.goto(run_address(comfy, finished, "terrace"))
        page.wait_for_function("() => window.matrix3d?.viewers.at(-1)?.count > 0", timeout=90_000)
        assert (
            len(records[0]["outputs"]) == 10 == page.evaluate("() => Object.keys(app.nodeOutputs).length")
        ), "every node that showed something shows it again"
        assert page.evaluate("() => app.extensionManager.workflow.activeWorkflow.filename") == "terrace"
        # The world's node is what one sees: all of it, and large.
        box = page.evaluate("() => window.matrix3d.viewers.at(-1).element.getBoundingClientRect().toJSON()")
        assert box["left"] > 0
        assert box["right"] < 1280
        assert box["width"] > 500
        # The fit keeps the picture of its world.
        page.evaluate(
            """id => {
                const node = app.graph.nodes.find(n => String(n.id) === id);
                app.canvas.ds.scale = 1;
                app.canvas.ds.offset = [200 - node.pos[0], 100 - node.pos[1]];
                app.canvas.setDirty(true, true);
            }""",
            fit,
        )
        if renderer == "vue":
            picture = page.locator(f'[data-node-id="{fit}"] img')
            picture.wait_for()
            size = picture.evaluate("img => img.decode().then(() => [img.naturalWidth, img.clientHeight])")
            assert size[0] > 0
            assert size[1] > 50
        else:
            page.wait_for_function(
                "id => app.graph.nodes.find(n => String(n.id) === id).imgs?.[0]?.naturalWidth > 0", arg=fit
            )
        mine = [text for text in opened.problems if "matrix3d" in text.lower() or "run_link" in text]
        assert mine == []


def test_a_run_of_another_day_leaves_the_editor_alone(browser, comfy):
    with open_page(browser, width=800, height=600) as opened:
        open_front_end(opened.page, comfy.address, "vue")
        opened.page.goto(f"{comfy.address}/?matrix3d_run=gone")
        opened.page.wait_for_function("() => window.app?.extensionManager?.workflow?.activeWorkflow")
        opened.page.wait_for_timeout(1000)
        assert [text for text in opened.problems if "matrix3d" in text.lower()] == []
