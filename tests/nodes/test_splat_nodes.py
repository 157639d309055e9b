"""GSOptimize and SplatRender inside of the real host's interpreter, with core's own splat nodes after them."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def seen(in_host, tmp_path_factory):
    """What the nodes gave, all from one interpreter."""
    return in_host.call("splat_nodes.fits_and_renders", base=tmp_path_factory.mktemp("splat"))


def test_fit_gives_a_core_splat_and_a_report(seen):
    report = json.loads(seen["report"])
    count = report["gaussians"]
    assert seen["shapes"] == [[1, count, 3], [1, count, 3], [1, count, 4], [1, count, 1], [1, count, 1, 3]]
    assert report["backend"] == "numba"
    assert report["steps"] == 8
    assert report["seed"] == 3
    assert report["gaussians"] <= 600
    assert seen["preview"] == [1, 384, 384, 3]
    assert "images" in seen["ui"]
    assert count in seen["count"]


def test_fit_continues_a_splat(seen):
    report = json.loads(seen["continued"])
    assert report["gaussians_initial"] == {"given": json.loads(seen["report"])["gaussians"]}


def test_untouched_settings_change_no_preset(seen):
    assert seen["untouched"] == {"draft": True, "standard": True, "high": True}


def test_every_setting_has_one_widget(seen):
    assert seen["without_widget"] == []
    assert seen["twice"] == []
    assert len(seen["plain_widgets"]) <= 6


def test_settings_reach_the_fit(seen):
    settings = json.loads(seen["changed"])["settings"]
    assert settings["ssim_lambda"] == 0.5
    assert settings["key_frame_stride"] == 2
    assert settings["exposure"] == "gain"
    assert settings["steps"] == 8


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "fov_min_deg and fov_max_deg must be ascending"), (1, "densify_from"), (2, "source_ratio must lie")],
)
def test_wrong_settings_are_named_at_once(seen, number, words):
    assert words in seen["bad_settings"][number][1]


def test_render_follows_the_path(seen):
    frames, alpha, low, high, coverage = seen["render"]
    assert frames == [3, 32, 48, 3]
    assert alpha == [3, 32, 48]
    assert 0 <= low < high <= 1
    assert coverage > 0.9


def test_an_alpha_channel_is_dropped(seen):
    assert seen["alpha_frames"] is None


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "same length; got 2 frames and 5 poses"),
        (1, "twice as wide"),
        (2, "at least 1 picture"),
        (3, "finite"),
        (4, "got no geometry, no depth and no initial splat"),
        (5, "depth must have shape [5, 24, 48]"),
        (6, "mask must have shape [5, 24, 48]"),
        (7, "gsplat: needs a CUDA device"),
    ],
)
def test_wrong_inputs_are_named(seen, number, words):
    if seen["errors"][number] is None:
        pytest.skip("this machine could run gsplat")
    assert words in seen["errors"][number][1]


def test_stop_is_the_hosts_own_exception(seen):
    assert seen["interrupted"][0] == "InterruptProcessingException"
    assert seen["render_interrupted"][0] == "InterruptProcessingException"
