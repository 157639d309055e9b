"""The templates that sample, from the first node to the last with tiny models: by the button, and by the API."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from chromium import open_front_end, open_page
from comfy_host import failure
from PIL import Image
from small_templates import GENERATIVE, small_template
from workflow_api import nodes_of, set_widget, to_prompt

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

_PARTS_OF_OTHERS = ("panorama_to_video", "panorama_video_to_world", "panorama_lrm_to_world")
_LONG = pytest.mark.skipif(
    not os.environ.get("MATRIX3D_LONG"),
    reason="its nodes run in text_to_world and tests/host/test_lrm_graph.py; MATRIX3D_LONG=1 runs it by itself",
)

_RESULTS = {
    "text_to_panorama": {"SaveImage": "images"},
    "photo_to_panorama": {"SaveImage": "images"},
    "panorama_to_video": {"SaveVideo": "images"},
    "panorama_video_to_world": {"SaveVideo": "images", "SplatPreview": None, "SplatSave": None},
    "panorama_lrm_to_world": {"SaveVideo": "images", "SplatPreview": None, "SplatSave": None},
    "text_to_world": {"SaveVideo": "images", "SplatPreview": None, "SplatSave": None},
    "mini_text_to_world": {"SaveVideo": "images", "SplatPreview": None, "SplatSave": None},
    "edit_world": {"PreviewImage": "images", "SplatPreview": None},
}


@pytest.fixture(scope="module")
def editor(browser, comfy):
    """The graph editor on the running host, which has the example picture that it comes with."""
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8)).resize((240, 180)).save(
        comfy.input_dir / "example.png"
    )
    with open_page(browser, width=1600, height=900) as opened:
        open_front_end(opened.page, comfy.address, "classic")
        yield opened


def press_run(page, comfy):
    """Press the editor's button; return the host's record of the prompt when it has ended."""
    assert comfy.client.queue_is_empty(), "something else runs"
    before = set(comfy.client.get("/history"))
    page.get_by_test_id("queue-button").click()
    deadline, idle = time.monotonic() + 600, 0
    while time.monotonic() < deadline and idle < 40:
        ended = set(comfy.client.get("/history")) - before
        if ended:
            return comfy.client.history(ended.pop())
        idle = idle + 1 if comfy.client.queue_is_empty() else 0
        page.wait_for_timeout(500)
    comfy.stop_all()
    raise AssertionError(
        "the editor sent nothing, or the prompt has not ended after ten minutes:\n" + comfy.log()[-3000:]
    )


def results_of(entry, prompt, name):
    """Return what the nodes at the end showed, by kind of node."""
    found = {}
    for kind, key in _RESULTS[name].items():
        for node in nodes_of(prompt, kind):
            shown = entry["outputs"][node]
            found[kind] = shown[key] if key else shown
            assert found[kind], f"{kind} showed nothing"
    return found


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[_LONG] if n in _PARTS_OF_OTHERS else []) for n in GENERATIVE]
)
def test_template_runs_by_the_button_and_by_the_api(editor, comfy, name):
    info = comfy.object_info()
    workflow = small_template(name, info)
    page = editor.page
    before = len(comfy.own_complaints())
    page.evaluate("workflow => app.loadGraphData(workflow)", workflow)
    page.wait_for_function("count => app.graph.nodes.length === count", arg=len(workflow["nodes"]))

    entry = press_run(page, comfy)
    assert entry["status"]["status_str"] == "success", failure(entry)
    prompt = entry["prompt"][2]
    assert set(results_of(entry, prompt, name)) == set(_RESULTS[name])
    assert [kind for kind, _ in entry["status"]["messages"] if "error" in kind] == []

    # Again without the editor. Where the run is short, with other noise, so that it is sampled anew; else the host
    # takes from its cache what is the same, which it is only when the editor sent the same graph.
    if not name.endswith("world"):
        for node in workflow["nodes"]:
            if node["type"] in ("KSampler", "PanoVideoSampler"):
                set_widget(node, info[node["type"]], "seed", 12345)
    prompt = to_prompt(workflow, info)
    outputs = comfy.run(prompt, timeout=600)
    assert set(results_of({"outputs": outputs}, prompt, name)) == set(_RESULTS[name])
    assert len(comfy.own_complaints()) == before, comfy.own_complaints()[before:]
