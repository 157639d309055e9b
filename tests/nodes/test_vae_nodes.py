"""PanoVAEEncode, PanoVAEDecode and PanoSeamMetric on the host's own FLUX and Wan VAEs."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.host


def test_a_turned_latent_decodes_to_the_turned_picture(in_host, tiny_models):
    """Within 1e-5, with FLUX's group normalization and both VAEs' attention; core's decoder is far from it."""
    found = in_host.call("vae_nodes.turned", paths=tiny_models)
    assert found.pop("core") == 0
    for name, row in found.items():
        assert row["spread"] > 0.1, name
        if "none" in name:
            assert row["decode"] > 0.1
            assert row["seam"] > 1.4
        else:
            assert row["decode"] < 1e-5, name
            assert row["seam"] < 1.2, name
    assert found["flux_vae auto 0"]["shape"] == [1, 64, 128, 3]
    assert found["wan_vae auto 0"]["shape"] == [5, 64, 128, 3]
    assert found["flux_vae auto 0"]["latent"] == [1, 16, 8, 16]
    assert found["wan_vae auto 0"]["latent"] == [1, 16, 2, 8, 16]
    for kind in ("flux_vae", "wan_vae"):
        assert found[f"{kind} auto 0"]["encode"] < 1e-5  # of the largest latent
        assert found[f"{kind} auto 0"]["trace"] == []


def test_padding_tiles_stops_and_bad_inputs(in_host, tiny_models):
    found = in_host.call("vae_nodes.padding_tiles_stops_and_bad_inputs", paths=tiny_models)
    far = found["far"]
    assert far["padded"][0] < far["none"][0] / 3
    assert far["upstream"][0] < far["none"][0]
    assert far["padded"][1] < 1.3 < far["none"][1]
    assert far["tiles"][1] < 1.3
    assert all(shape == [2, 64, 128, 3] for _, _, shape in far.values())
    says = {
        "size": "multiples of 8 to be encoded; got 128x60",
        "frames": "must be 4k + 1 frames for this VAE (1, 5, 9, ...); got 4. Use 1 or 5 frames",
        "nan": "latent must be finite",
        "tiles": "needs the whole width, but the tile width is 96",
        "no vae": "vae must be one for pictures or videos",
    }
    for name, words in says.items():
        assert words in found["errors"][name]
    assert found["stopped"].startswith("InterruptProcessingException")
    assert found["after a stop"] == 0
    assert "pictures must keep their width while convolutions wrap around" in found["memory"]
    assert len(found["calls"]) == 2


def test_metric_reports_in_words(in_host):
    found = in_host.call("vae_nodes.metric_report")
    seam, pole, report, text = found
    assert seam > 20  # white against black
    assert pole > 3
    assert "border:" in report
    assert "worst of 2 pictures" in report
    assert list(text) == [report]
