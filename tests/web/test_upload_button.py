"""The upload button of the loader nodes, in the real front end with both node renderers."""

from __future__ import annotations

import pytest
from chromium import RENDERERS, open_front_end, open_page, run_graph
from PIL import Image

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

GRAPH = {
    "1": {"class_type": "PanoLoad", "inputs": {}, "_meta": {"title": "Load"}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}, "_meta": {"title": "See"}},
}


@pytest.mark.parametrize("renderer", list(RENDERERS))
def test_a_chosen_file_is_uploaded_picked_and_run(browser, comfy, tmp_path, renderer):
    file = tmp_path / f"my street {renderer}.png"
    Image.new("RGB", (64, 32), (200, 40, 90)).save(file)
    with open_page(browser, width=1280, height=760) as opened:
        page = opened.page
        open_front_end(page, comfy.address, renderer)
        page.evaluate("graph => app.loadApiJson(graph, 'upload')", GRAPH)
        page.wait_for_function("() => app.graph.nodes.length === 2")
        page.wait_for_timeout(800)
        widgets = page.evaluate(
            "() => app.graph.nodes.find(n => n.type === 'PanoLoad').widgets.map(w => [w.type, w.name])"
        )
        assert ["button", "choose panorama to upload"] in widgets
        with page.expect_file_chooser() as chooser:
            page.evaluate(
                "() => app.graph.nodes.find(n => n.type === 'PanoLoad').widgets.find(w => w.type === 'button').callback()"
            )
        chooser.value.set_files(file)
        page.wait_for_function(
            "name => app.graph.nodes.find(n => n.type === 'PanoLoad').widgets[0].value === name",
            arg=file.name,
        )
        saved = page.evaluate(
            "() => app.graph.serialize().nodes.find(n => n.type === 'PanoLoad').widgets_values"
        )
        assert saved[0] == file.name
        assert "choose panorama to upload" not in saved
        page.screenshot(path=tmp_path / "upload.png")
        run_graph(page)
        page.wait_for_function(
            "() => app.graph.nodes.find(n => n.type === 'PreviewImage').imgs?.[0]?.naturalWidth === 64",
            timeout=30_000,
        )
        assert [text for text in opened.problems if "matrix3d" in text.lower()] == []
