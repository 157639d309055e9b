"""A normal session leaves nothing of ours in the browser's console and nothing in the host's log."""

from __future__ import annotations

import pytest
from chromium import ONE_RENDERER, open_front_end, open_page, run_graph, wait_for_world
from comfy_host import PACK_FOLDER
from splat_scenes import write_blob_world

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

OURS = f"/extensions/{PACK_FOLDER}/"


def listen(page):
    """Return the list that fills with what the console says, each with the files that it came through."""
    said = []
    session = page.context.new_cdp_session(page)

    def on_call(event):
        if event["type"] in ("warning", "error", "assert"):
            frames = event.get("stackTrace", {}).get("callFrames", [])
            text = " ".join(str(one.get("value", one.get("description", ""))) for one in event["args"])
            said.append((text, [frame["url"] for frame in frames]))

    session.on("Runtime.consoleAPICalled", on_call)
    session.on("Runtime.exceptionThrown", lambda event: said.append((str(event["exceptionDetails"]), [OURS])))
    session.on(
        "Log.entryAdded", lambda event: said.append((event["entry"]["text"], [event["entry"].get("url", "")]))
    )
    session.send("Runtime.enable")
    session.send("Log.enable")
    return said


def of_ours(said):
    """What our files said, or made the host say: its deprecations come through our calls."""
    return [text for text, files in said if any(OURS in file or "/matrix3d/" in file for file in files)]


def test_what_counts_as_ours():
    assert of_ours([("old call", ["http://h/assets/a.js", f"http://h{OURS}matrix3d.js"])]) == ["old call"]
    assert of_ours([("status 400", ["http://h/api/matrix3d/panorama/preview"])]) == ["status 400"]
    assert of_ours([("of the host", ["http://h/assets/a.js"])]) == []


@pytest.mark.parametrize("renderer", ONE_RENDERER)
def test_console_and_log_stay_quiet(browser, comfy, renderer):
    write_blob_world(comfy.input_dir / "quiet.ply")
    graph = {
        "1": comfy.node("PanoLoad", max_width=256),
        "2": comfy.node("PanoPreview", panorama=["1", 0]),
        "3": comfy.node("PanoDepth", panorama=["1", 0], depth=["1", 1]),
        "4": comfy.node("TrajectoryStudio", geometry=["3", 0], frames=3),
        "5": comfy.node("SplatLoad", file="quiet.ply"),
        "6": comfy.node("SplatPreview", splat=["5", 0]),
    }
    before = comfy.own_complaints()
    with open_page(browser, width=1400, height=900) as opened:
        page = opened.page
        said = listen(page)
        open_front_end(page, comfy.address, renderer)
        page.evaluate("graph => app.loadApiJson(graph, 'quiet')", graph)
        page.wait_for_function("count => app.graph.nodes.length === count", arg=len(graph))
        page.evaluate(
            """() => {
                app.graph.nodes.forEach(node => { node.pos = [2000, 40]; });
                app.graph.nodes.find(node => node.type === "SplatPreview").pos = [420, 80];
                app.graph.nodes.find(node => node.type === "PanoLoad").pos = [60, 80];
                app.canvas.ds.offset = [60, 40];
                app.canvas.ds.scale = 1;
                app.graph.setDirtyCanvas(true, true);
            }"""
        )
        run_graph(page)
        assert wait_for_world(page)["count"] > 0
        page.wait_for_function("() => [...document.querySelectorAll('img.m3d-picture')].length === 1")
        page.evaluate("() => app.graph.clear()")
        page.wait_for_timeout(500)
        assert said, "the host itself says things at start, so the ear is open"
        assert of_ours(said) == []
    assert comfy.own_complaints() == before
