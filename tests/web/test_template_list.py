"""The editor's browser of templates: ours in order, the one that needs nothing first, with words for people."""

from __future__ import annotations

import json

import pytest
from chromium import open_front_end, open_page
from comfy_host import PACK_FOLDER
from make_workflows import BACKBONE, TEMPLATES
from small_templates import WORKFLOWS_DIR

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]


def test_templates_are_listed_for_people(browser, comfy):
    with open_page(browser, width=1500, height=1100) as opened:
        page = opened.page
        open_front_end(page, comfy.address, "vue")
        page.evaluate("() => app.extensionManager.command.execute('Comfy.BrowseTemplates')")
        page.get_by_text(PACK_FOLDER, exact=True).click()
        card = page.get_by_test_id("template-workflow-panorama_to_world")
        card.wait_for()
        names = page.evaluate(
            """() => [...document.querySelectorAll("[data-testid^=template-workflow-]")]
                .map(card => card.dataset.testid.replace("template-workflow-", ""))"""
        )
        assert names[:2] == ["panorama_to_world", "extend_world"], "what needs no model comes first"
        assert sorted(names) == sorted(TEMPLATES)
        page.wait_for_function(
            """() => document.querySelector("[data-testid=template-workflow-panorama_to_world] h3")
                .textContent.trim() === "Panorama to world" """
        )
        titles = page.locator("[data-testid^=template-workflow-] h3").all_inner_texts()
        assert not [title for title in titles if "_" in title]
        assert "no GPU" in card.locator("p").inner_text()
        sizes = []
        for name in TEMPLATES:  # pictures load when their card comes into view
            picture = page.get_by_test_id(f"template-workflow-{name}").locator("img")
            page.get_by_test_id(f"template-workflow-{name}").scroll_into_view_if_needed()
            picture.first.wait_for()
            sizes.append(picture.first.evaluate("async image => (await image.decode(), image.naturalWidth)"))
        assert min(sizes) > 300
        assert [text for text in opened.problems if "matrix3d" in text.lower()] == []
        card.scroll_into_view_if_needed()
        card.click()
        page.wait_for_function("() => app.graph.nodes.some(node => node.type === 'SplatPreview')")

        # A model that is not here is offered, as the node's list lacks what the template names.
        workflow = json.loads((WORKFLOWS_DIR / "photo_to_world.json").read_text(encoding="utf-8"))
        page.evaluate("workflow => app.loadGraphData(workflow)", workflow)
        page.get_by_text(f"{BACKBONE} is missing").first.wait_for()
