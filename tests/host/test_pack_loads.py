"""The pack in a real, running ComfyUI: it loads quietly, registers its nodes, and shows its files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from comfy_server import is_complaint
from make_locales import ENGLISH, node_defs, write_english

pytestmark = pytest.mark.host

ROOT = Path(__file__).resolve().parents[2]

# Saved workflows name these; none may vanish. (PanoLoRA, PanoVideoSampler and LRMDecode come later.)
PROMISED = {
    *("PanoLoad", "PanoDepth", "TrajectoryPreset", "MeshGuidanceRender", "PanoFill"),
    *("GSOptimize", "SplatRender", "SplatPreview", "SplatSave"),
}


def test_no_line_of_the_log_complains_about_the_pack(comfy):
    assert comfy.own_complaints() == []
    assert "ComfyUI-Matrix3D" not in "\n".join(
        line for line in comfy.log().splitlines() if "IMPORT FAILED" in line
    )


@pytest.mark.parametrize(
    ("line", "bad"),
    [
        ("[ERROR] ComfyUI-Matrix3D could not be loaded", True),
        ("Traceback (most recent call last):", True),
        ("[WARNING] Error while calling comfy_entrypoint in /x/custom_nodes/ComfyUI-Matrix3D: no", True),
        ("/x/custom_nodes/ComfyUI-Matrix3D/nodes/optimize.py:3: DeprecationWarning: old", True),
        ("[INFO] Using RAM pressure cache.", False),
        (
            "/x/comfyui-matrix3d/env/lib/python3.11/site-packages/a/config.py:6: DeprecationWarning: old",
            False,
        ),
        ("[WARNING] something about another thing failed", False),
    ],
)
def test_what_counts_as_a_complaint(line, bad):
    assert is_complaint(line) is bad


def test_the_promised_nodes_are_registered(comfy):
    assert set(comfy.own_nodes()) >= PROMISED


def test_every_node_is_in_our_menu(comfy):
    outside = {name: info["category"] for name, info in comfy.own_nodes().items()}
    assert {n: c for n, c in outside.items() if not c.startswith("Matrix-3D/")} == {}


def test_every_node_is_described_and_can_be_searched(comfy):
    lacking = [
        name
        for name, info in comfy.own_nodes().items()
        if not info["description"] or not info["display_name"] or not info["search_aliases"]
    ]
    assert lacking == []


def test_every_input_and_output_has_a_tooltip(comfy):
    lacking = []
    for name, info in comfy.own_nodes().items():
        for part in ("required", "optional"):
            for key, spec in info["input"].get(part, {}).items():
                if not (len(spec) > 1 and str(spec[1].get("tooltip", "")).strip()):
                    lacking.append(f"{name}.{key}")
        tooltips = info["output_tooltips"] or []
        for slot, output in enumerate(info["output_name"]):
            if slot >= len(tooltips) or not str(tooltips[slot] or "").strip():
                lacking.append(f"{name} output {output}")
    assert lacking == []


def test_every_node_has_a_help_page(comfy):
    lacking = []
    for name in comfy.own_nodes():
        page = ROOT / "web" / "docs" / f"{name}.md"
        if not page.is_file() or len(page.read_text(encoding="utf-8").split()) < 20:
            lacking.append(name)
    assert lacking == []


def test_the_english_words_are_those_of_the_nodes(comfy):  # first: it may write what the host then serves
    found = node_defs(comfy.own_nodes())
    if os.environ.get("MATRIX3D_UPDATE_SNAPSHOTS"):
        write_english(found)
    assert json.loads(ENGLISH.read_text(encoding="utf-8")) == found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_node_has_its_words(comfy, language):
    served = comfy.client.get("/i18n").get(language, {}).get("nodeDefs", {})
    lacking = []
    for name, info in comfy.own_nodes().items():
        words = served.get(name, {})
        lacking += [f"{name}.{key}" for key in ("display_name", "description") if not words.get(key)]
        inputs = {**info["input"].get("required", {}), **info["input"].get("optional", {})}
        for key in inputs:
            entry = words.get("inputs", {}).get(key, {})
            lacking += [f"{name}.inputs.{key}.{part}" for part in ("name", "tooltip") if not entry.get(part)]
        for slot in range(len(info["output_name"])):
            entry = words.get("outputs", {}).get(str(slot), {})
            lacking += [
                f"{name}.outputs.{slot}.{part}" for part in ("name", "tooltip") if not entry.get(part)
            ]
    assert lacking == []


def test_the_page_loads_one_script_of_ours(comfy):
    # ComfyUI's page imports every .js below web/ at start: libraries must be .mjs or lie elsewhere.
    ours = [path for path in comfy.client.get("/extensions") if "Matrix3D" in path]
    assert len(ours) == 1, ours[:5]


def test_templates_are_offered_with_thumbnails(comfy):
    offered = comfy.client.get("/workflow_templates").get("ComfyUI-Matrix3D", [])
    saved = sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))
    assert "panorama_to_world" in saved
    assert sorted(offered) == saved
    for name in saved:
        assert (ROOT / "workflows" / f"{name}.jpg").is_file(), f"{name} has no thumbnail"
        assert json.loads(comfy.client.request(f"/api/workflow_templates/ComfyUI-Matrix3D/{name}.json"))
