"""Short descriptions of graphs, and their conversion to the front end's file format (schema 0.4).

Nodes are stacked in columns, columns are in titled groups. The height of a node, in either of the
front end's renderers, with every widget, a line of progress and its picture shown, is measured
(`node_heights.json`, written by ``make_workflows.py --measure``), so that no node ever overlaps
the one below it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Column", "Graph", "Group", "Inlet", "Node", "Part", "Ref", "note", "ui_workflow"]

WIDGET_TYPES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COMFY_DYNAMICCOMBO_V3"}
HEIGHTS_FILE = Path(__file__).with_name("node_heights.json")
NAMES = uuid.UUID("6d617472-6978-4344-8000-000000000000")
"""Name space of the ids that workflows and subgraphs get."""

TITLE, GAP, PAD, GROUP_TITLE = 30, 32, 20, 50
"""Height of a node's title, distance of nodes (the front end adds an "Error" tab below them), border of a group
and height of its own title."""
COLUMN_GAP = 48

INLET, OUTLET = -10, -20  # ids of a subgraph's two ends
BLUE, GREEN, GOLD = "#3f789e", "#8A8", "#b58b2a"


@dataclass(frozen=True)
class Ref:
    """Output number ``slot`` of the node with key ``node``."""

    node: str
    slot: int = 0


@dataclass(frozen=True)
class Inlet:
    """An input of the subgraph."""

    name: str


@dataclass
class Node:
    """One node: its class and its inputs (constants, `Ref` or `Inlet`)."""

    kind: str
    inputs: dict[str, Any] = field(default_factory=dict)
    title: str | None = None
    height: int = 0
    """Without the title; 0 is what it needs."""
    mode: int = 0
    """0 runs, 2 is muted."""


@dataclass
class Part:
    """A subgraph, shown as one node."""

    title: str
    graph: Graph
    inputs: dict[str, Ref | Inlet]
    outputs: dict[str, Ref]
    """By name, outputs of nodes inside."""
    mode: int = 0


@dataclass
class Column:
    """Nodes one above the other, by key."""

    keys: list[str]
    width: int = 340


@dataclass
class Group:
    """Columns side by side in a titled box; no box without a title."""

    title: str
    columns: list[Column]
    color: str = BLUE


@dataclass
class Graph:
    """Nodes by key, and their layout."""

    nodes: dict[str, Node | Part]
    groups: list[Group]

    def __post_init__(self) -> None:
        placed = [key for group in self.groups for column in group.columns for key in column.keys]
        if sorted(placed) != sorted(self.nodes):
            raise ValueError(f"each node must be in one column: {sorted(set(placed) ^ set(self.nodes))}")


def note(text: str, height: int = 300) -> Node:
    """Return a note to read first."""
    return Node("MarkdownNote", {"text": text}, title="Read me", height=height)


def ui_workflow(
    graph: Graph,
    object_info: dict[str, Any],
    *,
    name: str = "",
    first_id: int = 1,
    models: dict[str, tuple[str, str]] | None = None,
    heights: dict[str, list[int]] | None = None,
) -> dict[str, Any]:
    """Return the graph in the front end's own file format.

    Args:
        graph: the description.
        object_info: the host's ``/object_info``.
        name: of the template; the workflow's id is made from it.
        first_id: of its nodes; those of subgraphs count on.
        models: folder and address by file name; nodes that ask for one carry them, and the front end
            offers the file when it is missing.
        heights: at rest and at most, by kind of node; by default what was measured.
    """
    if heights is None:
        heights = json.loads(HEIGHTS_FILE.read_text(encoding="utf-8"))
    writer = _Writer(object_info, name, models or {}, heights, first_id)
    nodes, links, groups = writer.write(graph, {}, "")
    workflow: dict[str, Any] = {
        "id": str(uuid.uuid5(NAMES, name)),
        "revision": 0,
        "last_node_id": writer.next_id - 1,
        "last_link_id": len(links),
        "nodes": nodes,
        "links": [list(link.values()) for link in links],
        "groups": groups,
    }
    if writer.subgraphs:
        workflow["definitions"] = {"subgraphs": writer.subgraphs}
    return {
        **workflow,
        "config": {},
        "extra": {"ds": {"scale": 0.6, "offset": [130, 130]}, "workflowRendererVersion": "LG"},
        "version": 0.4,
    }


@dataclass
class _Writer:
    """Assigns node ids and collects the subgraphs of one workflow."""

    info: dict[str, Any]
    name: str
    models: dict[str, tuple[str, str]]
    heights: dict[str, list[int]]
    next_id: int
    subgraphs: list[dict[str, Any]] = field(default_factory=list)

    def write(
        self, graph: Graph, inlets: dict[str, str], path: str
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
        """Return nodes, links and groups of one graph; ``inlets`` are the types of what comes in, by name."""
        numbers = {key: self.next_id + index for index, key in enumerate(graph.nodes)}
        self.next_id += len(graph.nodes)
        outputs = {}
        for key, node in graph.nodes.items():
            if isinstance(node, Part):
                outputs[key] = self._part(node, graph, inlets, f"{path}/{key}")
            else:
                outputs[key] = _outputs(self.info[node.kind]) if node.kind in self.info else []
        places, groups = self._lay_out(graph)
        names = list(inlets)
        links: list[dict[str, Any]] = []
        nodes = []
        for order, (key, node) in enumerate(graph.nodes.items()):
            entry = self._node(key, node, order, f"{path}/{key}")
            entry = {"id": numbers[key], **entry, **places[key]}
            for slot, (socket, value) in enumerate(entry.pop("sockets")):
                entry["inputs"].append(socket)
                if value is None:
                    continue
                if isinstance(value, Inlet):
                    source, at, kind = INLET, names.index(value.name), inlets[value.name]
                else:
                    source, at = numbers[value.node], value.slot
                    kind = outputs[value.node][at][1]
                links.append(
                    {
                        "id": len(links) + 1,
                        "origin_id": source,
                        "origin_slot": at,
                        "target_id": numbers[key],
                        "target_slot": slot,
                        "type": kind,
                    }
                )
                socket["link"] = len(links)
            nodes.append(entry)
        for key, entry in zip(graph.nodes, nodes, strict=True):
            for slot, (name, kind) in enumerate(outputs[key]):
                out = [
                    link["id"]
                    for link in links
                    if (link["origin_id"], link["origin_slot"]) == (entry["id"], slot)
                ]
                entry["outputs"].append({"name": name, "type": kind, "links": out or None})
        return nodes, links, groups

    def _node(self, key: str, node: Node | Part, order: int, path: str) -> dict[str, Any]:
        """Return a saved node without place, links and outputs; ``sockets`` holds what each input takes."""
        entry: dict[str, Any] = {"flags": {}, "order": order, "mode": node.mode, "inputs": [], "outputs": []}
        if isinstance(node, Part):
            kinds = {name: kind for name, kind in self._inlets(node).items()}
            return {
                **entry,
                "type": self._subgraph_id(path),
                "sockets": [
                    ({"name": n, "type": kinds[n], "link": None}, value) for n, value in node.inputs.items()
                ],
                "title": node.title,
                "properties": {},
                "widgets_values": [],
            }
        if node.kind == "MarkdownNote":
            return {
                **entry,
                "type": node.kind,
                "sockets": [],
                "title": node.title,
                "properties": {},
                "widgets_values": [node.inputs["text"]],
                "color": "#432",
                "bgcolor": "#653",
            }
        sockets, widgets = _sockets_and_widgets(node, self.info[node.kind])
        entry |= {
            "type": node.kind,
            "sockets": sockets,
            "properties": {"Node name for S&R": node.kind},
            "widgets_values": widgets,
        }
        if node.title:
            entry["title"] = node.title
        asked = [value for value in widgets if isinstance(value, str) and value in self.models]
        if asked:
            entry["properties"]["models"] = [
                {"name": file, "directory": self.models[file][0], "url": self.models[file][1]}
                for file in asked
            ]
        return entry

    def _subgraph_id(self, path: str) -> str:
        return str(uuid.uuid5(NAMES, self.name + path))

    def _inlets(self, part: Part) -> dict[str, str]:
        """Return the type of each input of a subgraph: that of the first input inside which takes it."""
        kinds = {}
        for name in part.inputs:
            kinds[name] = next(
                dict(_types(node, self))[key]
                for node in part.graph.nodes.values()
                for key, value in node.inputs.items()
                if value == Inlet(name)
            )
        return kinds

    def _part(self, part: Part, outer: Graph, inlets: dict[str, str], path: str) -> list[tuple[str, str]]:
        """Write a subgraph; return names and types of its outputs."""
        kinds = self._inlets(part)
        first = self.next_id
        nodes, links, groups = self.write(part.graph, kinds, path)
        numbers = {key: first + index for index, key in enumerate(part.graph.nodes)}
        by_id = {node["id"]: node for node in nodes}
        left = min(node["pos"][0] for node in nodes)
        right = max(node["pos"][0] + node["size"][0] for node in nodes)
        ends: dict[str, list[dict[str, Any]]] = {"inputs": [], "outputs": []}
        for slot, (name, kind) in enumerate(kinds.items()):
            taken = [
                link["id"] for link in links if (link["origin_id"], link["origin_slot"]) == (INLET, slot)
            ]
            ends["inputs"].append(self._end(path, "in", name, kind, taken))
        for slot, (name, ref) in enumerate(part.outputs.items()):
            source = by_id[numbers[ref.node]]["outputs"][ref.slot]
            links.append(
                {
                    "id": len(links) + 1,
                    "origin_id": numbers[ref.node],
                    "origin_slot": ref.slot,
                    "target_id": OUTLET,
                    "target_slot": slot,
                    "type": source["type"],
                }
            )
            source["links"] = [*(source["links"] or []), len(links)]
            ends["outputs"].append(self._end(path, "out", name, source["type"], [len(links)]))
        self.subgraphs.append(
            {
                "id": self._subgraph_id(path),
                "version": 1,
                "state": {
                    "lastGroupId": len(groups),
                    "lastNodeId": max(by_id),
                    "lastLinkId": len(links),
                    "lastRerouteId": 0,
                },
                "revision": 0,
                "config": {},
                "name": part.title,
                "inputNode": {"id": INLET, "bounding": [left - 180, 60, 120, 60]},
                "outputNode": {"id": OUTLET, "bounding": [right + 60, 60, 120, 60]},
                **ends,
                "widgets": [],
                "nodes": nodes,
                "groups": groups,
                "links": links,
                "extra": {"workflowRendererVersion": "LG"},
            }
        )
        return [(name, end["type"]) for name, end in zip(part.outputs, ends["outputs"], strict=True)]

    def _end(self, path: str, side: str, name: str, kind: str, links: list[int]) -> dict[str, Any]:
        return {
            "id": str(uuid.uuid5(NAMES, f"{self.name}{path}/{side}/{name}")),
            "name": name,
            "type": kind,
            "linkIds": links,
        }

    def _height(self, node: Node | Part) -> tuple[int, int]:
        """Return the height of a node without its title: at rest, and at most."""
        if isinstance(node, Part):
            kinds = self._inlets(node).values()
            rest = 20 * max(len(node.inputs), len(node.outputs)) + 40 + 90 * sum(k == "STRING" for k in kinds)
            return rest, rest + 64  # a line of progress, and a button
        rest, most = self.heights.get(node.kind, [100, 200])
        if node.kind == "MarkdownNote":
            return node.height, node.height
        return max(rest, node.height), max(most, node.height)

    def _lay_out(self, graph: Graph) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
        """Return position and size of each node, and the groups' boxes."""
        places: dict[str, dict[str, Any]] = {}
        boxes: list[dict[str, Any]] = []
        x = 0
        for group in graph.groups:
            left, bottom = x, 0
            x += PAD
            for column in group.columns:
                y = GROUP_TITLE + TITLE
                for key in column.keys:
                    rest, most = self._height(graph.nodes[key])
                    places[key] = {"pos": [x, y], "size": [column.width, rest]}
                    y += most + GAP + TITLE
                bottom = max(bottom, y - TITLE)  # its last node may get a tab, too
                x += column.width + COLUMN_GAP
            x += PAD - COLUMN_GAP
            if group.title:
                boxes.append(
                    {
                        "id": len(boxes) + 1,
                        "title": group.title,
                        "bounding": [left, 0, x - left, bottom],
                        "color": group.color,
                        "font_size": 24,
                        "flags": {},
                    }
                )
            x += COLUMN_GAP
        return places, boxes


def _types(node: Node | Part, writer: _Writer) -> Iterator[tuple[str, str]]:
    if isinstance(node, Part):
        yield from writer._inlets(node).items()
    elif node.kind in writer.info:
        for name, spec in _inputs(writer.info[node.kind]):
            yield name, "COMBO" if isinstance(spec[0], list) else spec[0]


def _sockets_and_widgets(
    node: Node, info: dict[str, Any]
) -> tuple[list[tuple[dict[str, Any], Ref | Inlet | None]], list[Any]]:
    sockets: list[tuple[dict[str, Any], Ref | Inlet | None]] = []
    widgets: list[Any] = []
    unknown = set(node.inputs)
    for name, spec in _inputs(info):
        value = node.inputs.get(name)
        unknown.discard(name)
        kind = "COMBO" if isinstance(spec[0], list) else spec[0]
        options = spec[1] if len(spec) > 1 else {}
        is_linked = isinstance(value, (Ref, Inlet))
        is_widget = kind in WIDGET_TYPES and not options.get("forceInput")
        if is_widget:
            widgets.append(value if value is not None and not is_linked else _widget_default(spec, options))
            if options.get("control_after_generate"):
                widgets.append("fixed")
            if not is_linked:
                continue
        socket = {"name": name, "type": kind, "link": None}
        if is_widget:  # a link replaces the widget
            socket["widget"] = {"name": name}
        sockets.append((socket, value if is_linked else None))
    if unknown:
        raise SystemExit(f"{node.kind} has no input {', '.join(sorted(unknown))}")
    return sockets, widgets


def _inputs(info: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    return [
        (name, info["input"][part][name])
        for part in ("required", "optional")
        for name in info.get("input_order", info["input"]).get(part, [])
    ]


def _outputs(info: dict[str, Any]) -> list[tuple[str, str]]:
    return list(zip(info["output_name"], info["output"], strict=True))


def _widget_default(spec: list[Any], options: dict[str, Any]) -> Any:
    choices = spec[0] if isinstance(spec[0], list) else options.get("options")
    if "default" in options:
        return options["default"]
    first = choices[0] if choices else ""
    return first["key"] if isinstance(first, dict) else first
