"""Every shipped workflow can be run by the host as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from make_workflows import MODEL_FILES
from workflow_api import check_prompt, graphs_of, nodes_of, to_prompt

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
def test_there_is_a_workflow_to_test():
    assert [path.stem for path in WORKFLOWS if path.stem == "panorama_to_world"]


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
