"""Every shipped workflow can be run by the host as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from comfy_server import HostError
from make_workflows import BACKBONE, MODEL_FILES, TEMPLATES, ui_workflow
from workflow_api import check_prompt, graphs_of, nodes_of, options_of, to_prompt

from matrix3d_core.minis.files import MINI_FILES
from matrix3d_core.optimize.config import RENAMED_SETTINGS
from nodes._renamed import RENAMED_NODES, RENAMED_OPTIONS, renamed_inputs

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
    ending = {
        "world": "SplatPreview",
        "object": "SplatPreview",
        "panorama": "SaveImage",
        "video": "SaveVideo",
    }[made]
    assert nodes_of(prompt, ending)


@pytest.mark.host
def test_templates_are_what_the_script_writes(comfy):
    """Which takes defaults from the nodes; so they are written anew when one changed."""
    info = comfy.object_info()
    shipped = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in WORKFLOWS}
    made = json.loads(json.dumps({name: ui_workflow(name, info) for name in TEMPLATES}))
    assert [name for name in {*shipped, *made} if shipped.get(name) != made.get(name)] == []


OLD_INPUTS = [
    (node, old, new) for node, names in renamed_inputs(RENAMED_SETTINGS).items() for old, new in names.items()
]
OLD_VALUES = [
    (node, name, old, new)
    for node, inputs in RENAMED_OPTIONS.items()
    for name, values in inputs.items()
    for old, new in values.items()
]


def refusal(comfy, node, **inputs):
    """What the host answers to a prompt in API format whose node has these inputs."""
    prompt = {"old": comfy.node(node, **inputs), "look": comfy.node("PreviewAny", source=["old", 0])}
    with pytest.raises(HostError) as refused:
        comfy.post(prompt)
    return str(refused.value)


@pytest.mark.host
def test_a_prompt_with_an_old_input_is_told_the_new_name(comfy):
    """Not run as if nothing had been set, whether the input must be there or not, has a value or a link."""
    assert len(OLD_INPUTS) > 50
    for value in (0, ["look", 0]):
        refused = {row: refusal(comfy, row[0], **{row[1]: value}) for row in OLD_INPUTS}
        assert [row for row, text in refused.items() if f"{row[1]} is called {row[2]} now" not in text] == []


@pytest.mark.host
def test_a_prompt_with_an_old_choice_is_told_the_new_one(comfy):
    refused = {row: refusal(comfy, row[0], **{row[1]: row[2]}) for row in OLD_VALUES}
    assert [row for row, text in refused.items() if f"{row[2]!r} is called {row[3]!r} now" not in text] == []
    other = {row: refusal(comfy, row[0], **{row[1]: "of no node"}) for row in OLD_VALUES}
    assert [row for row, text in other.items() if "'of no node' not in [" not in text] == []


@pytest.mark.host
def test_old_names_are_none_of_today_and_new_ones_are(comfy):
    info = comfy.own_nodes()
    inputs = {
        name: {**one["input"].get("required", {}), **one["input"].get("optional", {})}
        for name, one in info.items()
    }
    assert [row for row in OLD_INPUTS if row[1] in inputs[row[0]] or row[2] not in inputs[row[0]]] == []
    choices = {row: options_of(inputs[row[0]][row[1]])["options"] for row in OLD_VALUES}
    assert [row for row, found in choices.items() if row[2] in found or row[3] not in found] == []
    assert [old for old, new in RENAMED_NODES.items() if old in info or new not in info] == []


@pytest.mark.host
def test_an_input_that_no_node_ever_had_is_left_out_as_by_the_host(comfy):
    prompt = {"path": comfy.node("TrajectoryPreset", frames=2, distance_mode="units", nonsense=1)}
    prompt["look"] = comfy.node("PreviewAny", source=["path", 1])
    assert "2 frames" in str(comfy.run(prompt)["look"])


@pytest.mark.host
def test_a_prompt_with_an_old_node_id_runs(comfy):
    """With the inputs that it had then."""
    prompt = {"photo": comfy.node("PanoLoad", max_width=64)}
    prompt["old"] = {
        "class_type": "PanoCanonicalise",
        "inputs": {
            "panorama": ["photo", 0],
            "straighten": False,
            "face_interest": False,
            "yaw": 90.0,
            "pitch": 0.0,
        }
        | {"roll": 0.0, "least_confidence": 0.5},
        "_meta": {"title": "Pano Canonicalise"},
    }
    prompt["look"] = comfy.node("PreviewAny", source=["old", 1])
    assert "90.0" in str(comfy.run(prompt)["look"])


def test_the_changelog_lists_every_old_name():
    text = (Path(__file__).resolve().parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    old = [(row[0], row[1], row[2]) for row in OLD_INPUTS] + [(row[0], row[2], row[3]) for row in OLD_VALUES]
    old += [("node id", *pair) for pair in RENAMED_NODES.items()]
    listed = {
        one: any(one[0] in row and re.search(rf"\b{one[1]}\b.*\|.*\b{one[2]}\b", row) for row in rows)
        for one in old
    }
    assert [one for one, found in listed.items() if not found] == []


@pytest.mark.host
def test_a_backbone_that_is_not_here_is_the_nodes_own_matter(comfy):
    """Not refused as no choice of the list: auto does without, and the other node says where the file goes."""
    prompt = {"photo": comfy.node("PanoLoad", max_width=64)}
    prompt["depth"] = comfy.node("PanoDepth", panorama=["photo", 0], backbone=BACKBONE)
    prompt["look"] = comfy.node("PreviewAny", source=["depth", 4])
    assert re.search(r"needs DINOv2-small, .* into models/clip_vision", str(comfy.run(prompt)["look"]))
    alone = {
        "photo": prompt["photo"],
        "around": comfy.node("PhotoToPanorama", image=["photo", 0], backbone=BACKBONE),
    }
    with pytest.raises(HostError, match=r"needs DINOv2-small, .* into models/clip_vision"):
        comfy.run(alone)


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


COME_WITH_THE_PACK = {Path(name).name for name in MINI_FILES.values()}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_model_file_comes_with_its_folder_and_its_page(path):
    """In the node, for the front end's offer, and in a note, for whoever fetches by hand."""
    nodes = nodes_in(path)
    notes = "".join(node["widgets_values"][0] for node in nodes if node["type"] == "MarkdownNote")
    endings = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf")
    for node in nodes:
        named = [v for v in node["widgets_values"] if isinstance(v, str) and v.endswith(endings)]
        named = [v for v in named if v not in COME_WITH_THE_PACK]
        offered = {model["name"]: model for model in node["properties"].get("models", [])}
        assert set(offered) == set(named)
        for name in named:
            folder, address = MODEL_FILES[name]
            assert (offered[name]["directory"], offered[name]["url"]) == (folder, address)
            assert address.startswith("https://huggingface.co/")
            assert address.endswith("/model.safetensors" if name == BACKBONE else f"/{name}")
            assert f"[{name}]({address.replace('/resolve/', '/blob/')}): `models/{folder}`" in notes
