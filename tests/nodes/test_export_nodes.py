"""DatasetExport inside of the real host's interpreter: host values in, a whole folder in the output folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def run(in_host, tmp_path_factory):
    """What the node gave, all from one interpreter."""
    return in_host.call("export_nodes.exports", base=tmp_path_factory.mktemp("export"))


def test_a_folder_below_the_output_folder(run):
    folder, count = run["first"]
    assert count == 8
    folder = Path(folder)
    assert folder.parent == Path(run["output"]) / "matrix3d"
    assert sorted(p.name for p in folder.iterdir()) == [
        "depths",
        "images",
        "masks",
        "sparse",
        "sparse_pc.ply",
        "transforms.json",
    ]
    assert len(json.loads((folder / "transforms.json").read_text())["frames"]) == 8
    assert len(list((folder / "masks").iterdir())) == len(list((folder / "depths").iterdir())) == 8


def test_a_second_run_takes_another_name(run):
    folder, count = Path(run["second"][0]), run["second"][1]
    assert count == 36
    assert folder != Path(run["first"][0])
    text = (folder / "sparse" / "0" / "points3D.txt").read_text()
    assert len([line for line in text.splitlines() if not line.startswith("#")]) == 7
    assert (folder / "images" / "00002_11.jpg").is_file()


def test_errors_say_what_to_do(run):
    outside, whole, lengths = run["errors"]
    assert outside[0] == whole[0] == lengths[0] == "InvalidInput"
    assert "must stay inside the host's output folder" in outside[1]
    assert "COLMAP's readers need crops" in whole[1]
    assert "mask must have shape [3, 16, 32]" in lengths[1]
