"""What the host's panel says of an error: it begins with a short name, and the sentence follows at once."""

from __future__ import annotations

import pytest
from chromium import open_front_end, open_page
from PIL import Image

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(browser, comfy):
    """The graph editor."""
    with open_page(browser, width=1400, height=860) as opened:
        open_front_end(opened.page, comfy.address, "vue")
        yield opened.page


def fail(page, loader, result):
    """Load a graph of two nodes, press Run, and open what the host says."""
    graph = {
        "1": {**loader, "_meta": {"title": "Load"}},
        "2": {"class_type": result[0], "inputs": {result[1]: ["1", 0]}, "_meta": {"title": "See"}},
    }
    page.evaluate("graph => app.loadApiJson(graph, 'errors')", graph)
    page.wait_for_function("() => app.graph.nodes.length === 2")
    page.evaluate("() => app.queuePrompt(0)")
    page.get_by_text("View details").click()


def test_an_error_begins_with_its_sentence(page, comfy, tmp_path):
    Image.new("RGB", (300, 200)).save(comfy.input_dir / "narrow.png")
    fail(page, comfy.node("PanoLoad", image="narrow.png"), ("PreviewImage", "images"))
    line = page.get_by_text("Exception Message:")
    line.wait_for()
    page.screenshot(path=tmp_path / "error.png")
    text = line.inner_text()
    said = text[text.index("Exception Message:") :].split("\n")[0]
    assert said.startswith("Exception Message:** matrix3d.InvalidInput: narrow.png must be equirectangular")
    assert "got 300x200" in said
    (comfy.input_dir / "narrow.png").unlink()


def test_a_loader_without_a_file_says_so(page, comfy, tmp_path):
    fail(page, comfy.node("SplatLoad"), ("SplatPreview", "splat"))
    place = page.get_by_text("Load - file")
    place.wait_for()
    place.locator("xpath=..").locator("button, i, svg").first.hover()
    page.get_by_text("Upload one with the node's button, or drop it on the node").first.wait_for(
        timeout=30_000
    )
    page.screenshot(path=tmp_path / "no_file.png")
