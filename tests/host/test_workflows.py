"""Every shipped workflow can be run by the host as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from comfy_server import HostError
from make_workflows import MODEL_FILES, TEMPLATES, ui_workflow
from workflow_api import check_prompt, graphs_of, nodes_of, to_prompt

from matrix3d_core.optimize.config import RENAMED_SETTINGS

WORKFLOWS = sorted((Path(__file__).resolve().parents[2] / "workflows").glob("*.json"))


@pytest.mark.host
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_fits_the_nodes(comfy, path):
    info = comfy.object_info()
    prompt = to_prompt(json.loads(path.read_text(encoding="utf-8")), info)
    # A workflow may name model files that are not on this machine.
    absent = ("is not one of []", "example.png", *MODEL_FILES)
    complaints = [line for line in check_prompt(prompt, info) if not any(name in line for name in absent)]
    assert complaints == []
    made = path.stem.rsplit("_", 1)[-1]
    ending = {"world": "SplatPreview", "panorama": "SaveImage", "video": "SaveVideo"}[made]
    assert nodes_of(prompt, ending)


@pytest.mark.host
def test_templates_are_what_the_script_writes(comfy):
    """Which takes defaults from the nodes; so they are written anew when one changed."""
    info = comfy.object_info()
    shipped = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in WORKFLOWS}
    made = json.loads(json.dumps({name: ui_workflow(name, info) for name in TEMPLATES}))
    assert [name for name in {*shipped, *made} if shipped.get(name) != made.get(name)] == []


RENAMED = {
    "GSOptimize": {"depth_kind": "depth_type"},
    "GSOptimizeSettings": {old: new for old, new in RENAMED_SETTINGS.items() if old != "depth_kind"},
    "TrajectoryClearance": {"radius": "clearance"},
    "LRMDecode": {"thinning": "decimation"},
}


@pytest.mark.host
@pytest.mark.parametrize("node", RENAMED)
def test_a_prompt_with_names_of_before_is_told_the_new_ones(comfy, node):
    """Not run as if nothing had been set."""
    prompt = {"old": comfy.node(node), "look": comfy.node("PreviewAny", source=["old", 0])}
    inputs = prompt["old"]["inputs"]
    for old, new in RENAMED[node].items():
        inputs[old] = inputs.pop(new, ["look", 0])
    with pytest.raises(HostError) as refused:
        comfy.post(prompt)
    for new in RENAMED[node].values():
        assert re.search(rf"(missing: |is called ){new}\b", str(refused.value)), new


def nodes_in(path):
    return [
        node for graph in graphs_of(json.loads(path.read_text(encoding="utf-8"))) for node in graph["nodes"]
    ]


def test_no_two_templates_share_an_id():
    """The front end finds the node that progress or a picture belongs to by its id, in whatever graph is open."""
    ids = [node["id"] for path in WORKFLOWS for node in nodes_in(path)]
    assert len(ids) > 200
    assert sorted(ids) == sorted(set(ids))
    graphs = [
        graph["id"] for path in WORKFLOWS for graph in graphs_of(json.loads(path.read_text(encoding="utf-8")))
    ]
    assert len(graphs) == len(set(graphs)) > len(WORKFLOWS)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_model_file_comes_with_its_folder_and_its_page(path):
    """In the node, for the front end's offer, and in a note, for whoever fetches by hand."""
    nodes = nodes_in(path)
    notes = "".join(node["widgets_values"][0] for node in nodes if node["type"] == "MarkdownNote")
    endings = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf")
    for node in nodes:
        named = [v for v in node["widgets_values"] if isinstance(v, str) and v.endswith(endings)]
        offered = {model["name"]: model for model in node["properties"].get("models", [])}
        assert set(offered) == set(named)
        for name in named:
            folder, address = MODEL_FILES[name]
            assert (offered[name]["directory"], offered[name]["url"]) == (folder, address)
            assert address.startswith("https://huggingface.co/")
            assert address.endswith(f"/{name}")
            assert f"[{name}]({address.replace('/resolve/', '/blob/')}): `models/{folder}`" in notes
