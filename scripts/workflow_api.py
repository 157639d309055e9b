"""Convert a saved workflow (the front end's format) to a prompt (the host's format).

The same work as the front end's "Export (API)": widget values in the order of the node's schema,
links through reroutes and bypassed nodes, muted nodes left out.

    python scripts/workflow_api.py workflows/panorama_to_world.json http://127.0.0.1:8188
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NEVER, BYPASS = 2, 4  # node modes of the front end: 2 muted, 4 bypassed
FRONT_END_ONLY = {"Note", "MarkdownNote", "Reroute", "PrimitiveNode"}
WIDGET_TYPES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COLOR", "COMFY_DYNAMICCOMBO_V3"}
CONTROL_VALUES = {"fixed", "increment", "decrement", "randomize", "increment-wrap"}
UPLOAD_FLAGS = ("image_upload", "video_upload", "audio_upload", "mesh_upload")

Prompt = dict[str, dict[str, Any]]


class WorkflowError(ValueError):
    """The workflow does not fit the nodes that the host has; the message names the node."""


INLET, OUTLET = "-10", "-20"
"""Ids of a subgraph's two ends in its links."""


@dataclass(frozen=True)
class _Link:
    """One wire, by the ids and slots of its ends."""

    source: str
    source_slot: int
    target: str
    target_slot: int


@dataclass
class _Graph:
    """A graph with its enclosing graph; ``path`` goes before its nodes' ids in the prompt."""

    nodes: dict[str, Any]
    links: dict[str, _Link]
    inputs: list[str] = field(default_factory=list)
    path: str = ""
    outer: _Graph | None = None
    holder: dict[str, Any] = field(default_factory=dict)


def graphs_of(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the workflow and its subgraphs, each with ``nodes`` and ``links``."""
    yield workflow
    yield from (workflow.get("definitions") or {}).get("subgraphs", [])


def to_prompt(workflow: dict[str, Any], object_info: dict[str, Any]) -> Prompt:
    """Return the workflow in API format; nodes in subgraphs get ids like ``12:34``, as in the front end.

    Args:
        workflow: as saved by the front end, schema 0.4 or 1.
        object_info: the host's ``/object_info``.

    Raises:
        WorkflowError: for a node that the host does not have, or for widget values that do not fit the
            node's schema.
    """
    subgraphs = {graph["id"]: graph for graph in list(graphs_of(workflow))[1:]}
    prompt: Prompt = {}
    _add_nodes(prompt, _read_graph(workflow), subgraphs, object_info)
    return prompt


def _add_nodes(
    prompt: Prompt, graph: _Graph, subgraphs: dict[str, dict[str, Any]], object_info: dict[str, Any]
) -> None:
    for key, node in graph.nodes.items():
        node_id, kind = graph.path + key, node["type"]
        if kind in FRONT_END_ONLY or node.get("mode") in (NEVER, BYPASS):
            continue
        if kind in subgraphs:
            _add_nodes(prompt, _read_graph(subgraphs[kind], graph, node), subgraphs, object_info)
            continue
        if kind not in object_info:
            raise WorkflowError(f"node {node_id}: the host has no node {kind!r}.")
        inputs = widget_values(node, object_info[kind])
        for entry in node.get("inputs", []):
            link = graph.links.get(str(entry.get("link")))
            if entry.get("link") is None or link is None:
                continue
            source = _follow(link, graph, subgraphs)
            if source is not None:
                inputs[entry["name"]] = source[0]
        title = node.get("title") or object_info[kind].get("display_name") or kind
        prompt[node_id] = {"class_type": kind, "inputs": inputs, "_meta": {"title": title}}


def widget_values(node: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    """Return the constants of a node by input name, from ``widgets_values`` in schema order.

    Raises:
        WorkflowError: when there are more or fewer values than widgets.
    """
    values = node.get("widgets_values") or []
    if isinstance(values, dict):
        return dict(values)
    return {name: values[index] for name, index in widget_slots(node, info).items()}


def set_widget(node: dict[str, Any], info: dict[str, Any], name: str, value: Any) -> None:
    """Change one constant of a saved node in place.

    Raises:
        WorkflowError: when the node has no widget of that name.
    """
    slots = widget_slots(node, info)
    if name not in slots:
        raise WorkflowError(f"node {node['id']} ({node['type']}) has no widget {name!r}.")
    node["widgets_values"][slots[name]] = value


def widget_slots(node: dict[str, Any], info: dict[str, Any]) -> dict[str, int]:
    """Return the index of each input's constant in ``widgets_values``."""
    values = list(node.get("widgets_values") or [])
    shown = {entry["widget"]["name"] for entry in node.get("inputs", []) if entry.get("widget")}
    found: dict[str, int] = {}
    at = 0
    for part in ("required", "optional"):
        specs = info["input"].get(part) or {}
        order = (info.get("input_order") or {}).get(part) or list(specs)
        at = _take(found, at, values, [(name, specs[name]) for name in order], "", shown, node)
        has_upload = any(options_of(spec).get(flag) for spec in specs.values() for flag in UPLOAD_FLAGS)
        if has_upload and at < len(values):
            at += 1  # the upload button stores a value of its own
    if at < len(values):
        raise WorkflowError(
            f"node {node['id']} ({node['type']}) has {len(values)} widget values, {len(values) - at} "
            f"more than its schema: {values[at:]}. The workflow was saved with another version of the node."
        )
    return found


def _take(
    found: dict[str, int],
    at: int,
    values: list[Any],
    specs: list[tuple[str, Any]],
    prefix: str,
    shown: set[str],
    node: dict[str, Any],
) -> int:
    """Record the positions of these inputs' values, from ``at`` on; return the position after them."""
    for name, spec in specs:
        full = prefix + name
        if not is_widget(spec) and full not in shown:
            continue
        if at >= len(values):
            raise WorkflowError(
                f"node {node['id']} ({node['type']}) has no widget value for {full!r}. "
                "The workflow was saved with another version of the node."
            )
        found[full] = at
        chosen, options = values[at], options_of(spec)
        at += 1
        seed = type_of(spec) == "INT" and name in ("seed", "noise_seed")
        if (seed or options.get("control_after_generate")) and values[at : at + 1]:
            at += values[at] in CONTROL_VALUES
        if type_of(spec) == "COMFY_DYNAMICCOMBO_V3":
            for option in options.get("options", []):
                if option["key"] == chosen:
                    nested = [pair for part in option["inputs"].values() for pair in part.items()]
                    at = _take(found, at, values, nested, full + ".", shown, node)
    return at


def type_of(spec: Any) -> str:
    """Return the type of an ``object_info`` input; an old-style list of choices is a COMBO."""
    return "COMBO" if isinstance(spec[0], list) else str(spec[0])


def options_of(spec: Any) -> dict[str, Any]:
    """Return the options of an ``object_info`` input."""
    return spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}


def is_widget(spec: Any) -> bool:
    """Return whether an input is shown as a widget, which is to say has a constant."""
    return type_of(spec) in WIDGET_TYPES and not options_of(spec).get("forceInput")


def _follow(link: _Link, graph: _Graph, subgraphs: dict[str, dict[str, Any]]) -> tuple[Any] | None:
    """Return the source of an input, ``([node, slot],)`` or ``(constant,)``; None for nothing."""
    met: set[tuple[str, _Link]] = set()
    while (graph.path, link) not in met:
        met.add((graph.path, link))
        if link.source == INLET and graph.outer is not None:
            through = _entry(graph.holder, graph.inputs[link.source_slot])
            graph = graph.outer
        else:
            source = graph.nodes.get(link.source)
            if source is None or source.get("mode") == NEVER:
                return None
            if source["type"] == "PrimitiveNode":
                return ((source.get("widgets_values") or [None])[0],)
            if source["type"] in subgraphs and source.get("mode") != BYPASS:
                graph = _read_graph(subgraphs[source["type"]], graph, source)
                ends = (OUTLET, link.source_slot)
                inside = next((n for n in graph.links.values() if (n.target, n.target_slot) == ends), None)
                if inside is None:
                    return None
                link = inside
                continue
            if source["type"] != "Reroute" and source.get("mode") != BYPASS:
                return ([graph.path + link.source, link.source_slot],)
            through = _way_through(source, link.source_slot)
        if through is None or through.get("link") is None:
            return None
        link = graph.links[str(through["link"])]
    raise WorkflowError(f"node {graph.path + link.source}: its reroutes form a cycle.")


def _entry(node: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return a node's input of that name."""
    return next((entry for entry in node.get("inputs", []) if entry["name"] == name), None)


def _way_through(node: dict[str, Any], slot: int) -> dict[str, Any] | None:
    """Return the linked input that a reroute or a bypassed node passes on at one of its outputs."""
    inputs: list[dict[str, Any]] = node.get("inputs", [])
    wanted = node["outputs"][slot]["type"]
    is_reroute = node["type"] == "Reroute"
    for entry in inputs if is_reroute else [*inputs[slot : slot + 1], *inputs]:
        if (is_reroute or entry["type"] in (wanted, "*")) and entry.get("link") is not None:
            return entry
    return None


def _read_graph(
    graph: dict[str, Any], outer: _Graph | None = None, holder: dict[str, Any] | None = None
) -> _Graph:
    """Read a workflow, or a subgraph that a node of another graph holds."""
    return _Graph(
        nodes={str(node["id"]): node for node in graph["nodes"]},
        links={str(_field(link, "id", 0)): _read_link(link) for link in graph.get("links", [])},
        inputs=[entry["name"] for entry in graph.get("inputs", [])],
        path="" if outer is None or holder is None else f"{outer.path}{holder['id']}:",
        outer=outer,
        holder=holder or {},
    )


def _read_link(link: Any) -> _Link:
    names = ("origin_id", "origin_slot", "target_id", "target_slot")
    source, source_slot, target, target_slot = (_field(link, name, i + 1) for i, name in enumerate(names))
    return _Link(str(source), int(source_slot), str(target), int(target_slot))


def _field(link: Any, name: str, index: int) -> Any:
    """Read a link's field in either form: list (schema 0.4) or object (schema 1)."""
    return link[name] if isinstance(link, dict) else link[index]


def nodes_of(prompt: Prompt, kind: str) -> list[str]:
    """Return the ids of the nodes of one class, in the prompt's order."""
    return [node_id for node_id, node in prompt.items() if node["class_type"] == kind]


def check_prompt(prompt: Prompt, object_info: dict[str, Any]) -> list[str]:
    """Return what the host would refuse: unknown inputs, missing inputs, wrong types, unknown choices."""
    found = []
    for node_id, node in prompt.items():
        info = object_info[node["class_type"]]
        where = f"{node['class_type']} (node {node_id})"
        specs = {**(info["input"].get("required") or {}), **(info["input"].get("optional") or {})}
        for name in info["input"].get("required") or {}:
            if name not in node["inputs"]:
                found.append(f"{where}: required input {name!r} is missing")
        for name, value in node["inputs"].items():
            if name.split(".")[0] not in specs:
                found.append(f"{where}: has no input {name!r}")
            elif name in specs:
                found += (
                    f"{where}: {name}: {text}"
                    for text in _check_value(value, specs[name], prompt, object_info)
                )
    return found


def _check_value(value: Any, spec: Any, prompt: Prompt, object_info: dict[str, Any]) -> list[str]:
    kind, options = type_of(spec), options_of(spec)
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int):
        source = prompt.get(str(value[0]))
        if source is None:
            return [f"is wired to node {value[0]}, which is not there"]
        outputs = object_info[source["class_type"]]["output"]
        if value[1] >= len(outputs):
            return [f"is wired to output {value[1]} of {source['class_type']}, which has {len(outputs)}"]
        given = (
            set(str(outputs[value[1]]).split(",")) if not isinstance(outputs[value[1]], list) else {"COMBO"}
        )
        if "*" not in given and "*" not in kind and not given & set(kind.split(",")):
            return [f"takes {kind} and is wired to {outputs[value[1]]}"]
        return []
    if kind == "COMBO":
        choices = spec[0] if isinstance(spec[0], list) else options.get("options", [])
        is_file = any(options.get(flag) for flag in UPLOAD_FLAGS)
        if choices and not is_file and value not in choices:
            return [f"{value!r} is not one of {choices}"]
    if kind in ("INT", "FLOAT"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return [f"{value!r} is not a number"]
        low, high = options.get("min", value), options.get("max", value)
        if not low <= value <= high:
            return [f"{value} is outside {low}..{high}"]
    if kind == "BOOLEAN" and not isinstance(value, bool):
        return [f"{value!r} is not true or false"]
    return []


def main() -> int:
    """Print the prompt of the workflow named on the command line."""
    from comfy_host import Client

    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    workflow = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(json.dumps(to_prompt(workflow, Client(sys.argv[2]).object_info()), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
