"""Write the workflow templates in ``workflows/`` from the short descriptions below.

The widget order of a saved workflow is the order of a node's schema, so the files are made from a
running host's ``/object_info`` instead of by hand:

    python scripts/make_workflows.py http://127.0.0.1:8188
"""

from __future__ import annotations

import json
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WORKFLOWS = Path(__file__).resolve().parents[1] / "workflows"
WIDGET_TYPES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COMFY_DYNAMICCOMBO_V3"}


@dataclass(frozen=True)
class Ref:
    """Output number ``slot`` of the node with key ``node``."""

    node: str
    slot: int = 0


@dataclass
class Node:
    """One node: its class, where it sits, what its inputs are (constants or `Ref`)."""

    kind: str
    position: tuple[int, int]
    size: tuple[int, int]
    inputs: dict[str, Any] = field(default_factory=dict)
    title: str | None = None


@dataclass
class Graph:
    """A template: nodes by key, and titled boxes around them."""

    nodes: dict[str, Node]
    groups: list[tuple[str, tuple[int, int, int, int], str]] = field(default_factory=list)


def note(text: str, position: tuple[int, int], size: tuple[int, int]) -> Node:
    return Node("MarkdownNote", position, size, {"text": text}, title="Read me")


def splat_stages(geometry: Ref, x: int, prefix: str) -> dict[str, Node]:
    """The part that every template shares: path, guidance, fill, fit, look, save."""
    path, guide, fill, fit = Ref("path"), Ref("guide"), Ref("fill"), Ref("fit")
    return {
        "path": Node(
            "TrajectoryPreset",
            (x, 60),
            (340, 320),
            {"geometry": geometry, "frames": 49, "distance_mode": "units", "distance": 3.0, "clearance": 0.3},
        ),
        "plot": Node("TrajectoryPreview", (x, 480), (340, 400), {"trajectory": path, "geometry": geometry}),
        "guide": Node(
            "MeshGuidanceRender",
            (x + 400, 60),
            (340, 300),
            # Upstream's 5 % belongs to 1024 rows; at 480 the same surface jumps 1024 / 480 times as far.
            {"geometry": geometry, "trajectory": path, "edge_threshold": 0.107},
        ),
        "fill": Node(
            "PanoFill",
            (x + 400, 480),
            (340, 180),
            {"frames": guide, "mask": Ref("guide", 1), "depth": Ref("guide", 2), "trajectory": path},
        ),
        "last": Node(
            "ImageFromBatch",
            (x + 400, 720),
            (340, 110),
            {"image": fill, "batch_index": 48, "length": 1},
            title="Last frame",
        ),
        "look_fill": Node(
            "PreviewImage", (x + 400, 890), (340, 260), {"images": Ref("last")}, title="Filled guidance"
        ),
        "fit": Node(
            "GSOptimize",
            (x + 800, 60),
            (360, 420),
            {
                "frames": fill,
                "trajectory": path,
                "geometry": geometry,
                "depth": Ref("fill", 1),
                "mask": Ref("guide", 1),
            },
        ),
        "world": Node(
            "SplatPreview", (x + 1220, 60), (640, 560), {"splat": fit, "trajectory": path}, title="Walk here"
        ),
        "ply": Node(
            "SplatSave",
            (x + 1220, 720),
            (300, 130),
            {"splat": fit, "filename_prefix": prefix, "format": "ply"},
        ),
        "spz": Node(
            "SplatSave",
            (x + 1560, 720),
            (300, 130),
            {"splat": fit, "filename_prefix": prefix, "format": "spz"},
        ),
        "flight": Node("SplatRender", (x + 800, 600), (360, 280), {"splat": fit, "trajectory": path}),
        "video": Node("CreateVideo", (x + 1220, 920), (300, 100), {"images": Ref("flight"), "fps": 12.0}),
        "save_video": Node(
            "SaveVideo",
            (x + 1560, 920),
            (300, 340),
            {
                "video": Ref("video"),
                "filename_prefix": f"{prefix}_flythrough",
                "format": "mp4",
                "codec": "auto",
            },
        ),
        "first": Node(
            "ImageFromBatch",
            (x + 800, 960),
            (360, 110),
            {"image": Ref("flight"), "batch_index": 0, "length": 1},
            title="First frame",
        ),
        "save_image": Node(
            "SaveImage",
            (x + 1220, 1080),
            (300, 300),
            {"images": Ref("first"), "filename_prefix": f"{prefix}_preview"},
        ),
    }


GROUPS = [
    ("1 Panorama and depth", (20, 0, 420, 1400), "#3f789e"),
    ("2 Camera path", (480, 0, 380, 920), "#3f789e"),
    ("3 Guidance frames and fill", (880, 0, 380, 1180), "#3f789e"),
    ("4 Gaussian splats", (1280, 0, 400, 1100), "#8A8"),
    ("5 Walk and save", (1700, 0, 680, 1420), "#b58b2a"),
]


def panorama_to_world() -> Graph:
    text = (
        "**Panorama to world.** Press Run: the shipped sample becomes a world in a few minutes, without a GPU "
        "or a model. Then click into *Walk here* and use W A S D and the mouse.\n\n"
        "For your own picture choose it in *Load Panorama* (2:1). Without a depth file a flat ground and a far "
        "dome stand in; for real geometry use the MoGe template."
    )
    nodes = {
        "note": note(text, (40, 60), (380, 260)),
        "load": Node("PanoLoad", (40, 400), (380, 280), {}),
        "depth": Node(
            "PanoDepth",
            (40, 760),
            (380, 560),
            {"panorama": Ref("load"), "depth": Ref("load", 1), "scale": "camera height"},
        ),
        **splat_stages(Ref("depth"), 500, "matrix3d/world"),
    }
    return Graph(nodes, GROUPS)


def moge_panorama_to_world() -> Graph:
    text = (
        "**Panorama to world with MoGe depth.** Needs a MoGe checkpoint in `models/geometry_estimation` "
        "(core's *Load MoGe Model*). Everything else is as in *panorama_to_world*."
    )
    nodes = {
        "note": note(text, (40, 60), (380, 150)),
        "load": Node("PanoLoad", (40, 280), (380, 280), {}),
        "model": Node("LoadMoGeModel", (40, 620), (380, 80), {}),
        "moge": Node(
            "MoGePanoramaInference",
            (40, 760),
            (380, 200),
            {"moge_model": Ref("model"), "image": Ref("load")},
        ),
        "depth": Node(
            "PanoDepth",
            (40, 1020),
            (380, 560),
            {
                "panorama": Ref("load"),
                "moge_geometry": Ref("moge"),
                "source": "moge geometry",
                "scale": "camera height",
            },
        ),
        **splat_stages(Ref("depth"), 500, "matrix3d/world"),
    }
    groups = [("1 Panorama and depth", (20, 0, 420, 1620), "#3f789e"), *GROUPS[1:]]
    return Graph(nodes, groups)


TEMPLATES = {"panorama_to_world": panorama_to_world, "moge_panorama_to_world": moge_panorama_to_world}


def ui_workflow(graph: Graph, object_info: dict[str, Any]) -> dict[str, Any]:
    """Return the graph in the front end's own file format (schema 0.4)."""
    numbers = {key: index + 1 for index, key in enumerate(graph.nodes)}
    links: list[list[Any]] = []
    outgoing: dict[tuple[str, int], list[int]] = {}
    saved = []
    for order, (key, node) in enumerate(graph.nodes.items()):
        if node.kind == "MarkdownNote":
            saved.append(_note_node(numbers[key], order, node))
            continue
        info = object_info[node.kind]
        sockets, widgets = [], []
        unknown = set(node.inputs)
        for name, spec in _inputs(info):
            value = node.inputs.get(name)
            unknown.discard(name)
            kind = "COMBO" if isinstance(spec[0], list) else spec[0]
            options = spec[1] if len(spec) > 1 else {}
            if kind in WIDGET_TYPES and not options.get("forceInput"):
                widgets.append(_widget_default(spec, options) if value is None else value)
                if options.get("control_after_generate"):
                    widgets.append("fixed")
                continue
            link = None
            if isinstance(value, Ref):
                link = len(links) + 1
                source = object_info[graph.nodes[value.node].kind]
                links.append(
                    [
                        link,
                        numbers[value.node],
                        value.slot,
                        numbers[key],
                        len(sockets),
                        source["output"][value.slot],
                    ]
                )
                outgoing.setdefault((value.node, value.slot), []).append(link)
            sockets.append({"name": name, "type": kind, "link": link})
        if unknown:
            raise SystemExit(f"{node.kind} has no input {', '.join(sorted(unknown))}")
        saved.append(
            {
                "id": numbers[key],
                "type": node.kind,
                "pos": list(node.position),
                "size": list(node.size),
                "flags": {},
                "order": order,
                "mode": 0,
                "inputs": sockets,
                "outputs": [],
                "properties": {"Node name for S&R": node.kind},
                "widgets_values": widgets,
            }
        )
        if node.title:
            saved[-1]["title"] = node.title
    for key, entry in zip(graph.nodes, saved, strict=True):
        if entry["type"] == "MarkdownNote":
            continue
        info = object_info[entry["type"]]
        entry["outputs"] = [
            {"name": name, "type": kind, "links": outgoing.get((key, slot)) or None}
            for slot, (name, kind) in enumerate(zip(info["output_name"], info["output"], strict=True))
        ]
    return {
        "id": "00000000-0000-4000-8000-000000000000",
        "revision": 0,
        "last_node_id": len(saved),
        "last_link_id": len(links),
        "nodes": saved,
        "links": links,
        "groups": [
            {
                "id": index + 1,
                "title": title,
                "bounding": list(box),
                "color": colour,
                "font_size": 24,
                "flags": {},
            }
            for index, (title, box, colour) in enumerate(graph.groups)
        ],
        "config": {},
        "extra": {"ds": {"scale": 0.5, "offset": [40, 80]}},
        "version": 0.4,
    }


def _inputs(info: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    return [
        (name, info["input"][part][name])
        for part in ("required", "optional")
        for name in info.get("input_order", info["input"]).get(part, [])
    ]


def _widget_default(spec: list[Any], options: dict[str, Any]) -> Any:
    choices = spec[0] if isinstance(spec[0], list) else options.get("options")
    if "default" in options:
        return options["default"]
    first = choices[0] if choices else ""
    return first["key"] if isinstance(first, dict) else first


def _note_node(number: int, order: int, node: Node) -> dict[str, Any]:
    return {
        "id": number,
        "type": "MarkdownNote",
        "pos": list(node.position),
        "size": list(node.size),
        "flags": {},
        "order": order,
        "mode": 0,
        "inputs": [],
        "outputs": [],
        "title": node.title,
        "properties": {},
        "widgets_values": [node.inputs["text"]],
        "color": "#432",
        "bgcolor": "#653",
    }


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8188"
    with urllib.request.urlopen(f"{address}/object_info") as answer:
        object_info = json.load(answer)
    for name, build in TEMPLATES.items():
        workflow = ui_workflow(build(), object_info)
        (WORKFLOWS / f"{name}.json").write_text(json.dumps(workflow, indent=1) + "\n", encoding="utf-8")
        print(f"wrote workflows/{name}.json: {len(workflow['nodes'])} nodes, {len(workflow['links'])} links")


if __name__ == "__main__":
    main()
