"""A world of more splats than slow graphics can move: fewer are drawn while walking, all of them at rest."""

from __future__ import annotations

import base64
import io
import math
import os
import time

import numpy as np
import pytest
from chromium import open_page
from PIL import Image
from room_worlds import room_world
from view_server import open_room, serve_views

from matrix3d_core.io.splats import write_gaussians

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("MATRIX3D_LONG"), reason="takes minutes; MATRIX3D_LONG=1 runs it"),
]

COUNT = 610_000


def picture(page):
    data = page.evaluate(
        "async () => [...new Uint8Array(await (await window.matrix3d.viewers[0].screenshot()).arrayBuffer())]"
    )
    return np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB")).astype(float) / 255


def wait(page, condition, seconds=90):
    page.wait_for_function(
        f"() => {{ const v = window.matrix3d.viewers[0]; return {condition}; }}", timeout=seconds * 1000
    )


def test_fewer_splats_while_walking_and_all_at_rest(browser, tmp_path):
    world = room_world(COUNT)
    write_gaussians(tmp_path / "large.spz", world)
    with serve_views(tmp_path) as address, open_page(browser, width=400, height=250) as opened:
        page = opened.page
        start = time.perf_counter()
        ready = open_room(
            page, address, {"filename": "large.spz", "type": "temp", "is_metric": True, "is_world": True}
        )
        print(f"first picture after {time.perf_counter() - start:.1f} s")
        assert ready == {"count": len(world)}
        start = time.perf_counter()
        wait(page, "v.scene.world.mesh.packedSplats.lodSplats && v.stats().isSettled")
        print(f"coarser versions after {time.perf_counter() - start:.1f} s more")
        page.wait_for_timeout(1500)
        wait(page, "v.stats().isSettled")
        # Only what lies in the view is drawn: the room seen from its middle, some 40 percent of it.
        full, drawn = picture(page), page.evaluate("() => window.matrix3d.viewers[0].stats().drawn")
        assert drawn > 0.2 * len(world)
        page.screenshot(path=tmp_path / "all.png")
        # As slow graphics do: the quality is at the first coarser level, and something moves.
        page.evaluate(
            """() => {
                const v = window.matrix3d.viewers[0];
                v.quality.state = { ...v.quality.state, level: 4 };
                v.quality.armRest = () => {}; // it never rests
                v.quality.restTimer = 1;
                window.moving = setInterval(() => v.requestFrame(), 100);
            }"""
        )
        wait(page, "v.stats().drawn < 160000 && v.stats().drawn > 2000")
        page.wait_for_timeout(2500)
        page.screenshot(path=tmp_path / "fewer.png")
        fewer = page.evaluate(
            "() => { const v = window.matrix3d.viewers[0]; return [v.stats().drawn, v.canvas.width, v.canvas.toDataURL()]; }"
        )
        assert fewer[0] < 0.7 * drawn
        assert fewer[1] < 200, "and fewer pixels"
        page.evaluate(
            "() => { clearInterval(window.moving); const v = window.matrix3d.viewers[0];"
            "delete v.quality.armRest; v.quality.restTimer = 0; v.requestFrame(); }"
        )
        wait(page, f"!v.quality.restTimer && v.stats().isSettled && v.stats().drawn > {0.98 * drawn}")
        page.wait_for_timeout(800)
        assert -10 * math.log10(((picture(page) - full) ** 2).mean() + 1e-12) > 40
        # The coarser picture is the same place.
        small = Image.open(io.BytesIO(base64.b64decode(fewer[2].split(",")[1]))).convert("RGB")
        wanted = Image.fromarray((full * 255).astype(np.uint8)).resize(small.size, Image.Resampling.BOX)
        error = (np.asarray(small).astype(float) - np.asarray(wanted).astype(float)) / 255
        psnr = -10 * math.log10((error**2).mean())
        print(f"coarser picture {psnr:.1f} dB with {fewer[0]} of {drawn} splats")
        assert psnr > 20
        assert opened.problems == []
