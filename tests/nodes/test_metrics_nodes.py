"""The nodes that measure videos and worlds, inside the host, on planted errors."""

from __future__ import annotations

import math

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def report(in_host, tmp_path_factory):
    return in_host.call("metrics_nodes.metrics", base=tmp_path_factory.mktemp("metrics"))


def test_video_metrics_find_what_was_planted(report):
    found = report["video"]
    assert found["psnr"] == pytest.approx(20, abs=1e-4)  # a tenth everywhere
    assert report["psnr"] == pytest.approx(20, abs=1e-4)
    assert found["r_err"] == pytest.approx(math.radians(2) * 2 / 3, abs=1e-5)
    assert found["t_err"] == pytest.approx(0, abs=1e-6)
    assert found["seam"] == pytest.approx(1)
    assert found["fid"] is None
    assert "models/matrix3d_metrics" in found["not_available"]["fid"].replace("\\", "/")
    assert "| PSNR [dB] ↑ | 20.00 | |" in report["table"]
    assert "| FVD ↓ | n/a | needs i3d_torchscript.pt" in report["table"]
    assert report["shown"]


def test_what_is_not_given_is_not_available(report):
    assert report["no_psnr"]
    assert report["alone"]["not_available"]["psnr"] == "needs true frames"
    assert report["alone"]["not_available"]["r_err"] == "needs the commanded camera path"
    assert report["lengths"].startswith("InvalidInput: frames and truth must have the same number of frames")
    assert "2 poses and 3 frames" in report["poses"]


def test_world_metrics_render_and_walk(report):
    whole, level = report["world"]["whole"], report["world"]["level"]
    assert whole["psnr"] > 25  # a closed gray ball
    assert level["psnr"] > 25
    assert report["numbers"][0] == pytest.approx(whole["psnr"], abs=1e-5)
    # the sample scene is no gray ball, so no place is good
    assert whole["range_worst"] == 0
    assert report["numbers"][1] == 0
    walks = whole["navigable_range"]["directions"]
    assert [walk["ended_by"] for walk in walks] == ["psnr"] * 8
    assert "| Range, worst [m] ↑ | 0.0 | |" in report["world_table"]
    assert "needs a scene that can be looked at from anywhere" in report["neither"]
    assert report["no_scene"].startswith("InvalidInput: scene must be sample, FAMILY-SEED such as street-7")
    assert "2 frames and 3 poses" in report["frames"]
