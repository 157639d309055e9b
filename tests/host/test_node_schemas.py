"""Ids, inputs, types, defaults and outputs are a file format: people's workflows name them.

After a wanted change write the snapshot anew and say so in the changelog:

    MATRIX3D_UPDATE_SNAPSHOTS=1 python -m pytest tests/host/test_node_schemas.py
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.host

SNAPSHOT = Path(__file__).resolve().parents[1] / "data" / "node_schemas.json"
KEPT_OPTIONS = (
    "default",
    "min",
    "max",
    "step",
    "multiline",
    "forceInput",
    "control_after_generate",
    "options",
)


def summary(info):
    """What saved workflows depend on; words, order in menus and lists of files are left out."""
    inputs = {}
    for part in ("required", "optional"):
        for name in info["input_order"].get(part, []):
            spec = info["input"][part][name]
            options = spec[1] if len(spec) > 1 else {}
            kept = {key: options[key] for key in KEPT_OPTIONS if key in options}
            if "options" in kept:
                kept["options"] = [choice for choice in kept["options"] if not is_file(choice)]
            inputs[name] = {"type": spec[0], "part": part, **kept}
    return {
        "inputs": inputs,
        "outputs": [list(pair) for pair in zip(info["output_name"], info["output"], strict=True)],
        "output_node": info["output_node"],
    }


def is_file(choice):
    """Whether a choice is a file of the input folder, which differs from machine to machine."""
    return re.search(r"\.[a-z]{2,12}\d?\d?$", str(choice).lower()) is not None


def test_schemas_are_as_published(comfy):
    found = {name: summary(info) for name, info in sorted(comfy.own_nodes().items())}
    if os.environ.get("MATRIX3D_UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    published = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert sorted(found) == sorted(published)
    for name, schema in published.items():
        assert found[name] == schema, f"{name} changed; see the top of this file"
        # Widget values are saved by position: their order counts, too.
        assert list(found[name]["inputs"]) == list(schema["inputs"]), f"{name}: the order of inputs changed"


def test_optional_inputs_come_last(comfy):
    for name, info in comfy.own_nodes().items():
        order = [part for part in info["input_order"] if part != "hidden"]
        assert order in (["required"], ["required", "optional"], ["optional"], []), name
