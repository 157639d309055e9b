"""Every shipped workflow can be run by the host as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from make_workflows import MODEL_FILES
from workflow_api import check_prompt, nodes_of, to_prompt

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
