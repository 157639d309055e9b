"""X in the viewer of a world that nothing extends yet: the editor gets a whole segment, wired, and it runs."""

from __future__ import annotations

import json

import pytest
from chromium import open_front_end, open_page, run_graph, wait_for_world
from node_boxes import boxes, fill_nodes, overlaps, zoom

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

WIDTH = 256
FIT = {"iterations": 20, "max_gaussians": 8_000, "crop_size": 64, "resume": False}
SMALL = {
    "WorldExtend": {"width": WIDTH},
    "NextBestPath": {"frames": 5, "directions": 4},
    "MeshGuidanceRender": {"width": WIDTH, "mesh_width": WIDTH},
    "GSOptimize": FIT,
}
"""Sizes for the added nodes, set before the host gets them."""

ADDED = {
    "WorldExtend": {"splat": ("old GSOptimize", 0), "trajectory": ("TrajectoryPreset", 0)},
    "NextBestPath": {
        "geometry": ("WorldExtend", 2),
        "known": ("WorldExtend", 1),
        "start_pose": ("WorldExtend", 3),
    },
    "MeshGuidanceRender": {"geometry": ("WorldExtend", 2), "trajectory": ("NextBestPath", 0)},
    "PanoFill": {
        "frames": ("MeshGuidanceRender", 0),
        "mask": ("MeshGuidanceRender", 1),
        "depth": ("MeshGuidanceRender", 2),
        "trajectory": ("NextBestPath", 0),
    },
    "GSOptimize": {
        "frames": ("PanoFill", 0),
        "trajectory": ("NextBestPath", 0),
        "geometry": ("WorldExtend", 2),
        "depth": ("PanoFill", 1),
        "mask": ("MeshGuidanceRender", 1),
        "initial": ("old GSOptimize", 0),
    },
    "SplatPreview": {"splat": ("GSOptimize", 0), "trajectory": ("NextBestPath", 0)},
}
"""What each added node takes from which output; the segment as the template extend_world has it."""

HELD_BACK = """small => {
    const queue = app.queuePrompt;
    window.queued = new Promise(resolve => {
        app.queuePrompt = async (...given) => {
            app.queuePrompt = queue;
            for (const node of app.graph.nodes) {
                if (window.old.has(node)) continue;
                for (const [name, value] of Object.entries(small[node.type] ?? {})) {
                    const widget = node.widgets.find(w => w.name === name);
                    widget.value = value;
                    widget.callback?.(value);
                }
            }
            const ended = new Promise(end => {
                for (const name of ["execution_success", "execution_error", "execution_interrupted"]) {
                    app.api.addEventListener(name, ({ detail }) => end([name, detail.node_type, detail.exception_message]), { once: true });
                }
            });
            const isTaken = await app.queuePrompt(...given);
            resolve({ isTaken, ended });
        };
    });
}"""


def graph(comfy):
    return {
        "pano": comfy.node("PanoLoad", max_width=512),
        "depth": comfy.node("PanoDepth", panorama=["pano", 0], depth=["pano", 1]),
        "path": comfy.node("TrajectoryPreset", geometry=["depth", 0], frames=5),
        "guide": comfy.node(
            "MeshGuidanceRender",
            geometry=["depth", 0],
            trajectory=["path", 0],
            width=WIDTH,
            mesh_width=WIDTH,
        ),
        "fill": comfy.node(
            "PanoFill",
            frames=["guide", 0],
            mask=["guide", 1],
            depth=["guide", 2],
            trajectory=["path", 0],
        ),
        "fit": comfy.node(
            "GSOptimize",
            frames=["fill", 0],
            trajectory=["path", 0],
            geometry=["depth", 0],
            depth=["fill", 1],
            mask=["guide", 1],
            **FIT,
        ),
        "walk": comfy.node("SplatPreview", splat=["fit", 0], trajectory=["path", 0]),
    }


@pytest.fixture(scope="module")
def pressed(browser, comfy, tmp_path_factory):
    """The editor after the press, and how the run that it queued ended."""
    prompt = graph(comfy)
    with open_page(browser, width=1280, height=900) as opened:
        page = opened.page
        open_front_end(page, comfy.address, "vue")
        page.evaluate("graph => app.loadApiJson(graph, 'extend')", prompt)
        page.wait_for_function(
            "n => app.graph.nodes.length === n && window.matrix3d?.viewers.length === 1", arg=len(prompt)
        )
        page.evaluate(
            """() => {
                for (const node of app.graph.nodes) node.pos = [1600, 40];
                const walk = app.graph.nodes.find(n => n.type === "SplatPreview");
                walk.pos = [60, 60];
                walk.setSize([640, 660]);
                app.canvas.ds.offset = [20, 20];
                app.canvas.ds.scale = 1;
                app.graph.setDirtyCanvas(true, true);
                window.old = new Set(app.graph.nodes);
            }"""
        )
        run_graph(page, 300)
        assert wait_for_world(page)["count"] > 0
        page.wait_for_timeout(700)
        page.evaluate(HELD_BACK, SMALL)
        box = page.evaluate("() => window.matrix3d.viewers[0].element.getBoundingClientRect().toJSON()")
        page.mouse.click(box["left"] + box["width"] / 2, box["top"] + 120)
        page.keyboard.press("x")
        page.wait_for_function("() => window.matrix3d.viewers.length === 2", timeout=20_000)
        page.note = page.inner_text(".m3d-note >> nth=0")
        page.screenshot(path=tmp_path_factory.mktemp("extend") / "pressed.png")
        page.ended = page.evaluate(
            "async () => { const { isTaken, ended } = await window.queued; return [isTaken, ...await ended]; }"
        )
        yield page
        mine = [text for text in opened.problems if "matrix3d" in text.lower() or "viewer" in text.lower()]
        assert mine == []


def test_a_wired_segment_appears(pressed):
    found = pressed.evaluate(
        """() => {
            const sockets = {};
            for (const node of app.graph.nodes.filter(n => !window.old.has(n))) {
                const takes = {};
                for (const input of node.inputs.filter(i => i.link != null)) {
                    const link = app.graph.getLink(input.link);
                    const from = app.graph.getNodeById(link.origin_id);
                    const isOld = window.old.has(from) && from.type === "GSOptimize";
                    takes[input.name] = [(isOld ? "old " : "") + from.type, link.origin_slot];
                }
                sockets[node.type] = takes;
            }
            return sockets;
        }"""
    )
    assert found == {kind: {name: list(s) for name, s in takes.items()} for kind, takes in ADDED.items()}
    assert "Added below" in pressed.note


def test_the_queued_run_ends_and_shows_the_world_that_goes_on(pressed):
    assert pressed.ended[0] is not False, "the host takes the graph"
    assert pressed.ended[1] == "execution_success", pressed.ended
    pressed.wait_for_function("() => window.matrix3d.viewers.every(v => v.count > 0)")


def test_the_place_is_where_one_stood(pressed):
    pose = json.loads(
        pressed.evaluate(
            "() => app.graph.nodes.find(n => n.type === 'WorldExtend').widgets.find(w => w.name === 'pose').value"
        )
    )
    eye = pressed.evaluate("() => [...window.matrix3d.viewers[0].pose().position]")
    assert pose[:3] == pytest.approx(eye, abs=0.05)


def test_the_added_nodes_lie_free_with_all_that_they_show(pressed):
    added = pressed.evaluate(
        "() => app.graph.nodes.filter(n => !window.old.has(n)).map(n => `${n.title} (${n.type} ${n.id})`)"
    )
    zoom(pressed)
    fill_nodes(pressed)
    found = [box for box in boxes(pressed) if box[0] in added]
    assert len(found) == len(ADDED)
    assert overlaps(found) == []
