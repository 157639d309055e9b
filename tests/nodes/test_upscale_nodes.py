"""PanoUpscale with the host's own loader and its own node for flat pictures."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.host


def test_the_hosts_network_leaves_no_seam(in_host, tiny_models):
    found = in_host.call("upscale_nodes.rolled", file=tiny_models["upscaler"])
    assert found["shape"] == [1, 80, 160, 3]
    assert found["spread"] > 0.05
    assert found["ours"] < 1e-5
    assert found["host"] > 1e-4  # the host's own node sees zeros beyond the border
    assert found["narrow"] == [1, 60, 120, 3]
    assert "twice as wide" in found["photo"]
