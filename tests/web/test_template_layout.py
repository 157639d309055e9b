"""Templates in the real editor: nothing overlaps, in either renderer, at any zoom, with all that nodes can show."""

from __future__ import annotations

import json
import os

import pytest
from chromium import RENDERERS, open_front_end, open_page
from node_boxes import boxes, crossings, fill_nodes, group_boxes, overlaps, zoom
from small_templates import WORKFLOWS_DIR
from workflow_api import graphs_of

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

NAMES = sorted(path.stem for path in WORKFLOWS_DIR.glob("*.json"))
ZOOMS = (0.25, 0.5, 1.0, 2.0)
READABLE = 8 / 14
"""The classic renderer leaves out what is written in less than 8 px; its letters have 14 at full size."""

SCREEN = (1280, 720)
BARS = (70, 120)
"""What the editor's own bars take of it: left, top and bottom together."""


@pytest.fixture(scope="module", params=list(RENDERERS))
def editor(request, browser, comfy):
    with open_page(browser, width=SCREEN[0], height=SCREEN[1]) as opened:
        open_front_end(opened.page, comfy.address, request.param)
        yield opened.page


def open_graphs(page, name):
    """Load a template and show one after the other of its graph and its subgraphs; yields their names."""
    workflow = json.loads((WORKFLOWS_DIR / f"{name}.json").read_text(encoding="utf-8"))
    page.evaluate("workflow => app.loadGraphData(workflow)", workflow)
    page.wait_for_function(
        "count => app.rootGraph.nodes.length === count && app.canvas.graph === app.rootGraph",
        arg=len(workflow["nodes"]),
    )
    for graph in graphs_of(workflow):
        if graph is not workflow:
            page.evaluate("id => app.canvas.setGraph(app.rootGraph.subgraphs.get(id))", graph["id"])
        zoom(page)
        yield graph.get("name") or name


def scale_to_fit(nodes):
    width = max(box[3] for box in nodes) - min(box[1] for box in nodes)
    height = max(box[4] for box in nodes) - min(box[2] for box in nodes)
    return min((SCREEN[0] - BARS[0]) / width, (SCREEN[1] - BARS[1]) / height)


def faults(page):
    nodes = boxes(page)
    return overlaps(nodes) + crossings(nodes, group_boxes(page))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_overlaps(editor, name):
    """At every zoom with MATRIX3D_LONG=1; else the first template, for boxes in a graph hardly depend on it.

    `text_to_world` is folded up so that it can be read, inside and out, on a small screen.
    """
    zooms = ZOOMS if os.environ.get("MATRIX3D_LONG") or name == "panorama_to_world" else ZOOMS[1:2]
    for graph in open_graphs(editor, name):
        assert faults(editor) == [], f"{graph} at rest"
        if name == "text_to_world":
            assert scale_to_fit(boxes(editor)) >= READABLE, graph
        fill_nodes(editor)
        for scale in zooms:
            zoom(editor, scale)
            assert faults(editor) == [], f"{graph} with everything shown, at {scale:.0%}"


def test_a_crossing_would_be_seen(editor):
    """The test's own eyes: a node moved onto another, and one moved over the border of its group.

    On a page that is too busy to draw by itself, too.
    """
    next(open_graphs(editor, "panorama_to_world"))
    editor.evaluate("() => { app.canvas.pause_rendering = true; }")
    move = """([title, by]) => {
        const node = app.graph.nodes.find(n => n.title === title);
        node.pos = [node.pos[0] + by, node.pos[1]];
        app.canvas.setDirty(true, true);
    }"""
    editor.evaluate(move, ["Walk here", 60])
    assert any("Walk here" in fault and "sticks out of 5 Walk" in fault for fault in faults(editor))
    editor.evaluate(move, ["Walk here", 700])
    assert any("Walk here" in fault and "Save Splats" in fault for fault in overlaps(boxes(editor)))
    editor.evaluate("() => { app.canvas.pause_rendering = false; }")
