"""The nodes of the browser's viewers inside the host: what they give back to the graph."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def report(in_host, tmp_path_factory):
    return in_host.call("explore_nodes.previews", base=tmp_path_factory.mktemp("explore"))


def test_preview_gives_path_view_and_camera(report):
    assert report["empty"] == [False, True, True, True]
    assert report["passed_on"] == [True, True]
    assert len(report["drawn"]) == 3
    assert report["drawn"][0][:6] == [1, 0, 0, 0, 0, 1]
    assert report["same_file"][0] == report["same_file"][1]
    assert report["gone"].endswith(".ply")
    assert report["path"] == pytest.approx([0, 0.5, 1, 1.5, 2], abs=1e-9)
    assert report["metric"]
    shape, color = report["view"]
    assert shape == [1, 180, 320, 3]
    assert color[0] > 0.7
    assert color[2] < 0.3
    assert report["camera"]["fov"] == pytest.approx(65)
    assert report["camera"]["target"]["x"] == pytest.approx(0.4472, abs=1e-3)  # 1 ahead: sin 26.565 degrees
    assert report["camera"]["target"]["z"] == pytest.approx(-0.8944, abs=1e-3)
    assert report["of_a_file"] == [3]
    assert len(set(report["compare"])) == 2


def test_pano_preview_gives_what_is_seen(report):
    same, shape, color = report["pano"]
    assert same
    assert shape == [1, 16, 32, 3]
    assert color == pytest.approx([0, 1, 0], abs=1e-6)
    shape, painted, below, clear = report["mask"]
    assert shape == [1, 64, 128]
    assert (painted, below, clear) == (1, pytest.approx(1, abs=0.05), 0)
    assert report["last"] == pytest.approx([0, 0, 1], abs=1e-6)
    assert report["all"] == [3, 16, 32, 3]
    files, is_kept = report["files"]
    assert is_kept
    assert [file["frame"] for file in files] == [0, 1, 2]
    assert all(file["type"] == "temp" and file["filename"].endswith(".jpg") for file in files)
