"""Where the nodes of the open graph are, in both node renderers, at rest and with all that they can show."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["Box", "boxes", "crossings", "fill_nodes", "group_boxes", "measure_heights", "overlaps", "zoom"]

Box = tuple[str, float, float, float, float]
"""What it is, then left, top, right and bottom in the graph's own coordinates."""

_PICTURES = ("GSOptimize", "NextBestPath", "PanoDepth", "TrajectoryPreview")
"""Nodes that are no ends of a graph and keep a picture of their result."""

_TEXTS = ("PanoLoRA", "PanoSeamMetric", "PreviewAny", "SplatRender")
"""Nodes that show text in the end."""

_LIVE = (
    "KSampler",
    "LRMDecode",
    "MeshGuidanceRender",
    "PanoCanonicalize",
    "PanoComposite",
    "PanoFill",
    "PanoProject",
    "PanoVAEDecode",
    "PanoVideoSampler",
    "WorldExtend",
)
"""Nodes that show pictures while they run."""

_OWN_VIEW = ("SplatPreview", "SplatSave")
"""Nodes at the end of a graph that draw into a place of their own, or nothing."""

_FILL = """async ([pictures, texts, live, ownView]) => {
    const graph = app.canvas.graph, outer = [];
    for (let at = graph; at !== app.rootGraph; ) {
        const holder = [app.rootGraph, ...app.rootGraph.subgraphs.values()]
            .flatMap(g => g.nodes).find(node => node.subgraph === at);
        outer.unshift(holder.id);
        at = holder.graph;
    }
    const canvas = Object.assign(document.createElement("canvas"), { width: 960, height: 480 });
    canvas.getContext("2d").fillRect(0, 0, 960, 480);
    const blob = await new Promise(resolve => canvas.toBlob(resolve)), shown = [];
    const file = { filename: "boxes.png", subfolder: "", type: "input" }, form = new FormData();
    form.append("image", blob, file.filename);
    form.append("overwrite", "true");
    await app.api.fetchApi("/upload/image", { method: "POST", body: form });
    for (const node of graph.nodes) {
        if (/Note$/.test(node.type)) continue;
        const id = [...outer, node.id].join(":");
        node.has_errors = true;  // a model is missing, say
        const element = LiteGraph.vueNodesMode && document.querySelector(`[data-node-id="${node.id}"]`);
        const button = element && [...element.querySelectorAll("button")].find(b => /show advanced/i.test(b.textContent));
        if (button) button.click();
        else if (!element && node.widgets?.some(widget => widget.advanced) && !node.showAdvanced) node.toggleAdvanced();
        const show = output => app.api.dispatchCustomEvent("executed",
            { node: id, display_node: id, prompt_id: "boxes", output });
        const isEnd = node.constructor.nodeData?.output_node && !ownView.includes(node.type);
        const isStill = pictures.includes(node.type) || isEnd;
        if (texts.includes(node.type)) show({ text: ["a long line of text\\n".repeat(30)] });
        else if (isStill) show({ images: [file] });
        else if (live.includes(node.type)) app.api.dispatchCustomEvent("b_preview_with_metadata",
            { blob, nodeId: id, displayNodeId: id, parentNodeId: id, realNodeId: id, jobId: "boxes" });
        const isKept = !element || node.type !== "SaveVideo";  // which drops there what is no video
        if (isKept && !texts.includes(node.type) && (isStill || live.includes(node.type))) shown.push(node.id);
        app.api.dispatchCustomEvent("progress_text", { nodeId: id, text: "step 123 of 456, loss 0.0789" });
    }
    return shown;
}"""

_SHOWN = """ids => ids.every(id => {
    app.canvas.draw(true, true);  // the classic renderer fetches pictures when it draws
    const node = app.canvas.graph.getNodeById(id);
    const element = LiteGraph.vueNodesMode && document.querySelector(`[data-node-id="${id}"]`);
    const pictures = element ? [...element.querySelectorAll("img, video")] : node.imgs ?? [];
    return pictures.length && pictures.every(picture => picture.complete || picture.error);
})"""

_BOXES = """async () => {
    app.canvas.draw(true, true);  // the classic renderer learns where a node is when it draws it
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    const { scale, offset } = app.canvas.ds, frame = app.canvas.canvas.getBoundingClientRect();
    const inGraph = box => [
        (box.left - frame.left) / scale - offset[0], (box.top - frame.top) / scale - offset[1],
        (box.right - frame.left) / scale - offset[0], (box.bottom - frame.top) / scale - offset[1],
    ];
    return app.canvas.graph.nodes.map(node => {
        const name = `${node.title} (${node.type} ${node.id})`;
        const element = LiteGraph.vueNodesMode && document.querySelector(`[data-node-id="${node.id}"]`);
        if (!element) {
            const [left, top, width, height] = node.boundingRect;
            return [name, left, top, left + width, top + height];
        }
        const boxes = [element, ...element.querySelectorAll("*")].filter(part => {
            const box = part.getBoundingClientRect();
            return box.width && box.height && !part.closest("[data-corner], svg") && part.offsetHeight > 12;
        }).map(part => inGraph(part.getBoundingClientRect()));
        return [name, ...[0, 1].map(i => Math.min(...boxes.map(b => b[i]))), ...[2, 3].map(i => Math.max(...boxes.map(b => b[i])))];
    });
}"""


def fill_nodes(page: Any) -> None:
    """Make every node show all its widgets, a line of progress, and a picture or text if it ever has one."""
    shown = page.evaluate(_FILL, [_PICTURES, _TEXTS, _LIVE, _OWN_VIEW])
    page.wait_for_function(_SHOWN, arg=shown)


def boxes(page: Any) -> list[Box]:
    """Return the boxes of all nodes of the shown graph, as they are drawn, once they stay the same."""
    found: list[Any] = []
    for _ in range(100):
        last, found = found, page.evaluate(_BOXES)
        if last == found:
            return [tuple(box) for box in found]
        page.wait_for_timeout(120)
    raise AssertionError(
        f"nodes do not come to rest: {[pair for pair in zip(last, found, strict=True) if pair[0] != pair[1]]}"
    )


def group_boxes(page: Any) -> list[Box]:
    """Return the boxes of the shown graph's groups, title included."""
    found = page.evaluate(
        """() => app.canvas.graph.groups.map(({ title, _bounding: [left, top, width, height] }) =>
            [title, left, top, left + width, top + height])"""
    )
    return [tuple(box) for box in found]


def crossings(nodes: list[Box], groups: list[Box]) -> list[str]:
    """Return which nodes stick out of a group, and which groups overlap."""
    found = overlaps(groups)
    for node in nodes:
        for group in groups:
            is_inside = (
                group[1] <= node[1] and group[2] <= node[2] and node[3] <= group[3] and node[4] <= group[4]
            )
            if not is_inside and overlaps([node, group]):
                found.append(f"{node[0]} sticks out of {group[0]}")
    return found


def zoom(page: Any, scale: float | None = None) -> None:
    """Show the graph's upper left corner at a scale, or all of it."""
    page.evaluate(
        """scale => {
            app.canvas.draw(true, true);
            const boxes = app.canvas.graph.nodes.map(node => node.boundingRect);
            const left = Math.min(...boxes.map(b => b[0])), top = Math.min(...boxes.map(b => b[1]));
            const right = Math.max(...boxes.map(b => b[0] + b[2])), bottom = Math.max(...boxes.map(b => b[1] + b[3]));
            const { ds } = app.canvas;
            ds.scale = scale ?? Math.min((innerWidth - 160) / (right - left), (innerHeight - 160) / (bottom - top));
            ds.offset = [100 / ds.scale - left, 100 / ds.scale - top];
            app.canvas.setDirty(true, true);
            return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 30))));
        }""",
        scale,
    )


def overlaps(found: list[Box], gap: float = 0.0) -> list[str]:
    """Return which boxes come nearer to each other than ``gap``."""
    return [
        f"{a[0]} and {b[0]}"
        for i, a in enumerate(found)
        for b in found[:i]
        if a[1] < b[3] + gap and b[1] < a[3] + gap and a[2] < b[4] + gap and b[2] < a[4] + gap
    ]


def measure_heights(page: Any, kinds: list[str], width: int = 340) -> dict[str, list[int]]:
    """Return how high each kind of node is without its title: at rest, and with all that it can show."""
    page.evaluate(
        """([kinds, width]) => {
            app.graph.clear();
            kinds.forEach((kind, i) => {
                const node = LiteGraph.createNode(kind);
                node.pos = [(i % 8) * 500, Math.floor(i / 8) * 1800];
                app.graph.add(node);
                node.setSize([width, node.computeSize()[1]]);
            });
        }""",
        [kinds, width],
    )
    found: list[list[float]] = []
    for _ in range(2):
        zoom(page)
        page.wait_for_timeout(1500)
        tops = page.evaluate("() => app.graph.nodes.map(node => node.pos[1])")
        found.append([box[4] - top for box, top in zip(boxes(page), tops, strict=True)])
        fill_nodes(page)
    return {kind: [math.ceil(rest), math.ceil(most)] for kind, rest, most in zip(kinds, *found, strict=True)}
