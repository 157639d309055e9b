"""The one-file world: opened from the disk, without any network, it shows what the viewer shows."""

from __future__ import annotations

import base64
import io
import json
import math
import re

import numpy as np
import pytest
import torch
from chromium import open_page, wait_for_world
from PIL import Image
from splat_scenes import blob_world
from walking import VIEWER, hold, settle

from matrix3d_core.errors import BackendUnavailable
from matrix3d_core.io import html_world
from matrix3d_core.io.html_world import write_html
from matrix3d_core.io.world_json import describe_world
from matrix3d_core.raster.splat import render_gaussians
from matrix3d_core.scene.coverage import CoverageMap
from matrix3d_core.scene.trajectory import Trajectory

WIDTH, HEIGHT = 480, 270
FOCAL_PX = HEIGHT / 2 / math.tan(math.radians(65) / 2)


def turned_trajectory(yaw_rad):
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    rotation = torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]], dtype=torch.float64)
    return Trajectory.from_centers(rotation[None], torch.tensor([[0.2, -0.1, 0.3]]), is_metric=True)


@pytest.mark.browser
@pytest.mark.slow
def test_opens_from_the_disk_and_asks_for_nothing(browser, tmp_path):
    trajectory = turned_trajectory(0.4)
    info = describe_world(blob_world(), trajectory=trajectory, source="a test", license="CC0")
    write_html(tmp_path / "a <b> & c.html", blob_world(), info=info)
    with open_page(browser, width=WIDTH, height=HEIGHT) as opened:
        page, asked = opened.page, []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "a <b> & c.html").as_uri())
        assert wait_for_world(page) == {"count": len(blob_world())}
        assert page.title() == "a <b> & c"
        assert opened.problems == []
        assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
        assert len([url for url in asked if url.startswith("file:")]) == 1
        assert "m/s" in page.inner_text("[data-part=hud]")
        page.add_style_tag(content=".m3d-hud, .m3d-bar, .m3d-hint { visibility: hidden }")
        shown = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(float) / 255
    K_px = torch.tensor([[FOCAL_PX, 0, WIDTH / 2], [0, FOCAL_PX, HEIGHT / 2], [0, 0, 1]], dtype=torch.float64)
    background = (14 / 255, 16 / 255, 19 / 255)
    pose = trajectory.camera_from_world[0]
    frame = render_gaussians(blob_world(), pose, K_px, HEIGHT, WIDTH, background=background)
    # Two renderers, one of which packs values into 8 bits; a wrong start gives 10 to 15 dB.
    assert -10 * math.log10(((shown - frame.rgb.clamp(0, 1).numpy()) ** 2).mean()) > 32


@pytest.mark.browser
@pytest.mark.slow
def test_the_walk_ends_softly_where_the_coverage_ends(browser, tmp_path):
    quality = torch.ones(9, 5)  # around the start, up to 1 ahead; from there on it falls to 0 at 3
    quality[6:] = torch.tensor([0.7, 0.3, 0.0])[:, None]
    here = Trajectory.from_centers(torch.eye(3, dtype=torch.float64)[None], torch.zeros(1, 3), is_metric=True)
    coverage = CoverageMap(quality, (-1.0, 0.0, -2.5), 0.5)
    write_html(
        tmp_path / "x.html",
        blob_world(),
        info=describe_world(blob_world(), trajectory=here, coverage=coverage),
    )
    with open_page(browser, width=WIDTH, height=HEIGHT) as opened:
        page = opened.page
        page.goto((tmp_path / "x.html").as_uri())
        wait_for_world(page)
        page.keyboard.press("Escape")
        assert page.evaluate(f"() => {VIEWER}.appearance.fade") == 0
        page.evaluate(f"() => {VIEWER}.element.focus()")
        hold(page, 3.0, "w")
        _, _, z = page.evaluate(f"() => {VIEWER}.pose().position")
        assert 0.8 < z < 1.5, "3 seconds of walking are 4.2 where nothing ends them"
        assert page.evaluate(f"() => {VIEWER}.appearance.fade") > 0.5
        text = page.inner_text("[data-part=warning]")
        assert "Extend here with Extend World" in text
        corner = np.asarray(Image.open(io.BytesIO(page.screenshot(path=tmp_path / "end.png"))).convert("L"))
        assert corner[HEIGHT // 2 - 20 : HEIGHT // 2 + 20, 5:40].mean() > 60, "haze, no black"
        page.keyboard.press("r")
        settle(page)
        assert page.evaluate(f"() => {VIEWER}.appearance.fade") == 0
        assert not page.is_visible("[data-part=warning]")


def test_page_holds_no_address_and_cannot_be_broken_out_of(tmp_path):
    info = describe_world(blob_world(), source="--> <script>alert(1)</script>")
    write_html(tmp_path / "x.html", blob_world(), info=info, title="</title><script>alert(2)</script>")
    text = (tmp_path / "x.html").read_text("utf-8")
    head = text[: text.index("<body>")]
    assert head.count("-->") == 1  # the end of the notices, nothing before it
    assert "&lt;/title&gt;" in head
    assert "@import" not in head
    for sheet in ("view", "panels", "panorama"):
        assert (html_world._WEB / f"viewer/{sheet}.css").read_text("utf-8") in head
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []
    world = json.loads(re.search(r'id="m3d-world">(.*?)</script>', text).group(1))
    assert (world["filename"], world["count"], world["start_pose"]) == ("x.spz", len(blob_world()), None)
    for license in ("Spark", "three.js", "fflate"):
        assert license.lower() in head.lower()


def test_every_module_that_is_imported_is_there():
    modules = html_world._modules()
    imported = set(re.findall(r'(?:from\s*|import\(\s*)"m3d/([^"]+)"', "\n".join(modules.values())))
    assert imported | {"viewer/offline.mjs"} == set(modules)
    assert {"vendor/spark.mjs", "i18n/zh.mjs"} <= set(modules)
    for code in modules.values():
        assert not re.search(r"""(?:from\s*|\bimport\()["']\.{1,2}/""", code)
        assert "import.meta.url" not in code  # nothing lies beside a blob
    wasm = (html_world._WEB / "vendor/spark.wasm").read_bytes()
    assert base64.b64encode(wasm).decode() in modules["vendor/spark.mjs"]


def test_without_the_viewer_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(html_world, "_WEB", tmp_path)
    with pytest.raises(BackendUnavailable, match=r"HTML needs the viewer's file web/viewer/offline\.mjs"):
        write_html(tmp_path / "x.html", blob_world())
    assert list(tmp_path.iterdir()) == []
