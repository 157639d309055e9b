"""One parameter has one default at every door: core functions, nodes, console, templates, path editor."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from matrix3d_core.guidance.scene_mesh import EDGE_THRESHOLD
from matrix3d_core.trajectories.defaults import DEFAULT_CLEARANCE, DEFAULT_FRAMES

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = {
    "edge_threshold": ("EDGE_THRESHOLD", EDGE_THRESHOLD),
    "clearance": ("DEFAULT_CLEARANCE", DEFAULT_CLEARANCE),
    "frames": ("DEFAULT_FRAMES", DEFAULT_FRAMES),
}
ON_PURPOSE = {("matrix3d_core/standalone/world.py", "frames"): 49}  # said there: a first world in two minutes
TEMPLATES_ON_PURPOSE = {49}  # the templates of the quick demo


def written_defaults(source: str) -> list[tuple[str, str]]:
    """``(parameter, default as written)`` of all functions and annotated fields of a file."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            positional = arguments.posonlyargs + arguments.args
            pairs = [
                *zip(
                    positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True
                ),
                *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
            ]
            found += [(arg.arg, ast.unparse(value)) for arg, value in pairs if value is not None]
        elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
            found.append((node.target.id, ast.unparse(node.value)))
    return found


def strange(path: str, source: str) -> list[str]:
    """One line for every default that is a number of its own."""
    return [
        f"{path}: {name} = {value}; take {DEFAULTS[name][0]}"
        for name, value in written_defaults(source)
        if name in DEFAULTS
        and value not in (DEFAULTS[name][0], "None")
        and not value.startswith("[")  # a list of frames, not a count
        and str(ON_PURPOSE.get((path, name))) != value
    ]


def test_functions_and_settings_name_the_one_default():
    files = [p for folder in ("matrix3d_core", "nodes") for p in (ROOT / folder).rglob("*.py")]
    assert [x for p in files for x in strange(p.relative_to(ROOT).as_posix(), p.read_text())] == []


def test_a_number_of_its_own_is_found():
    planted = "def f(a, *, edge_threshold: float = 0.3): ...\nclass C:\n    clearance: float = 0.1\n    frames: int = 81\n"
    assert [line.split(": ")[1].split(" =")[0] for line in strange("nodes/x.py", planted)] == [
        "edge_threshold",
        "clearance",
        "frames",
    ]


@pytest.mark.parametrize("name", DEFAULTS)
def test_nodes_agree(name):
    schemas = json.loads((ROOT / "tests" / "data" / "node_schemas.json").read_text())
    given = {
        node: schema["inputs"][name]["default"]
        for node, schema in schemas.items()
        if "default" in schema["inputs"].get(name, {})
    }
    assert given
    assert {node: value for node, value in given.items() if value != DEFAULTS[name][1]} == {}


@pytest.mark.parametrize("path", sorted((ROOT / "workflows").glob("*.json")), ids=lambda p: p.stem)
def test_templates_agree(path):
    """Values by the order of the node's widgets, as the editor reads them."""
    graph = json.loads(path.read_text())
    graphs = [graph, *graph.get("definitions", {}).get("subgraphs", [])]
    for node in (node for one in graphs for node in one["nodes"]):
        widgets = [entry["widget"]["name"] for entry in node.get("inputs", []) if "widget" in entry]
        values = node.get("widgets_values", [])
        for name in DEFAULTS:
            if name in widgets and len(widgets) == len(values):
                value = values[widgets.index(name)]
                assert value == DEFAULTS[name][1] or (name == "frames" and value in TEMPLATES_ON_PURPOSE), (
                    node["type"],
                    name,
                    value,
                )
