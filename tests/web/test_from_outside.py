"""Splats of which nothing says where one may stand, on a page: framed from outside, and the view's settings."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch
from chromium import open_page, wait_for_world
from PIL import Image
from splat_scenes import blob_world, jug
from view_server import serve_views
from walking import VIEWER, settle

from matrix3d_core.io.splats import write_gaussians

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DARK = (14, 16, 19)


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    write_gaussians(folder / "z_up.ply", jug(2, 1))
    write_gaussians(folder / "y_down.spz", jug(1, -1))
    world = blob_world()
    write_gaussians(
        folder / "ours.ply", world.with_labels(origins=torch.zeros(len(world), dtype=torch.uint8))
    )
    with serve_views(folder) as address, open_page(browser, width=520, height=420) as opened:
        opened.address = address
        yield opened
        assert opened.problems == []


def visit(opened, filename, query=""):
    opened.page.goto(
        f"{opened.address}/extensions/pack/viewer/world.html?filename={filename}&type=output{query}"
    )
    assert "count" in wait_for_world(opened.page)
    settle(opened.page)
    return opened.page


def drawn(page):
    """What the view shows, without what lies over it: the pixels of its canvas, 0 to 255."""
    data = page.evaluate(f"() => {VIEWER}.canvas.toDataURL('image/png').split(',')[1]")

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


def colored(image):
    """Rows and columns of what is neither ground nor grid: both are gray."""
    return np.nonzero(image.max(-1) - image.min(-1) > 30)


@pytest.mark.parametrize(("filename", "up"), [("z_up.ply", "+z"), ("y_down.spz", "-y")])
def test_is_framed_upright_from_outside(opened, tmp_path, filename, up):
    page = visit(opened, filename)
    page.screenshot(path=tmp_path / "outside.png")
    assert page.evaluate(f"() => {VIEWER}.pose().mode") == "orbit"
    assert f"{up} is up" in page.inner_text("[data-part=hud]")
    note = page.inner_text("[data-part=note]")
    assert "no start pose" in note
    assert f"Guessed: {up} is up" in note
    assert "about 0.49 units" in note  # half a unit high, strays left out
    page.evaluate(f"() => {{ {VIEWER}.scene.hasGrid = false; {VIEWER}.requestFrame(); }}")
    settle(page)
    rows, columns = colored(drawn(page))
    height, width = drawn(page).shape[:2]
    assert 0 < rows.min() < rows.max() < height - 1
    assert 0 < columns.min() < columns.max() < width - 1
    assert np.ptp(rows) > 0.45 * height
    # Wide below and narrow above, 0.16 and 0.06 of radius: the third of the rows from below is wider.
    third = np.ptp(rows) // 3
    widths = [np.ptp(columns[rows < rows.min() + third // 2]), np.ptp(columns[rows > rows.max() - third])]
    assert widths[1] > 1.3 * widths[0]


def test_there_are_grid_and_axes_but_neither_in_pictures(opened, tmp_path):
    page = visit(opened, "z_up.ply")
    image = drawn(page)
    is_line = (np.abs(image - DARK).max(-1) > 20) & (image.max(-1) - image.min(-1) < 20)
    assert is_line[-80:, :150].any(), "the ground, left below"
    with page.expect_download() as download:
        page.keyboard.press("p")
    download.value.save_as(tmp_path / "shot.png")
    shot = np.asarray(Image.open(tmp_path / "shot.png").convert("RGB")).astype(int)
    assert np.abs(shot[-80:, :150] - DARK).max() <= 2


def test_nothing_dims_or_warns_however_far_one_goes(opened):
    page = visit(opened, "z_up.ply")
    page.keyboard.press("o")
    page.evaluate(f"() => {VIEWER}.setPose({{ position: [50, 0, 0] }})")
    settle(page)
    assert page.evaluate(f"() => {VIEWER}.pose().mode") == "walk"
    assert not page.is_visible("[data-part=dim]")
    page.keyboard.press("r")
    assert page.evaluate(f"() => {VIEWER}.pose().mode") == "orbit", "the start is outside"


def test_another_axis_is_up_at_the_press_of_a_key(opened):
    page = visit(opened, "z_up.ply")
    page.keyboard.press("u")
    settle(page)
    assert page.evaluate(f"() => {VIEWER}.outside.axes") == "RUB"
    assert "+y is up" in page.inner_text("[data-part=hud]")
    page.keyboard.press("k")  # a key pose is kept in a view that is turned so
    page.keyboard.press("u")
    assert "cannot change while there is a recording" in page.inner_text("[data-part=note]")
    assert page.evaluate(f"() => {VIEWER}.outside.axes") == "RUB"
    assert page.evaluate(f"() => JSON.parse({VIEWER}.recorder.text).turn[1]") == [0, -1, 0]


def test_what_says_where_to_stand_opens_inside(opened):
    page = visit(opened, "ours.ply")  # its splats say where they come from
    assert page.evaluate(f"() => {VIEWER}.pose()") == {
        "position": [0, 0, 0],
        "yaw": 0,
        "pitch": 0,
        "mode": "walk",
    }
    page = visit(opened, "z_up.ply", "&pose=0,0,-2")
    assert page.evaluate(f"() => [{VIEWER}.pose().mode, {VIEWER}.outside]") == ["walk", None]


def test_what_was_guessed_of_one_world_is_not_said_of_the_next(opened):
    page = visit(opened, "z_up.ply")
    assert "Guessed" in page.inner_text("[data-part=note]")
    file = {"filename": "ours.ply", "type": "output"}
    page.evaluate(f"file => {VIEWER}.show(file, '/view?filename=ours.ply')", file)
    assert not page.is_visible("[data-part=note]")


def test_settings(opened, tmp_path):
    page = visit(opened, "z_up.ply")
    before = drawn(page)
    page.keyboard.press(",")
    panel = page.locator(".m3d-settings")
    page.screenshot(path=tmp_path / "settings.png")
    assert page.evaluate(
        "() => { const p = document.querySelector('.m3d-settings'); return p.scrollWidth <= p.clientWidth; }"
    )
    panel.locator("input[type=range]").nth(0).fill("40")
    settle(page)
    assert page.evaluate(f"() => {VIEWER}.fov") == pytest.approx(np.radians(40))
    # Seen under 40 instead of 65 degrees, all is larger by tan(32.5) / tan(20) = 1.75.
    heights = [np.ptp(colored(image)[1]) for image in (before, drawn(page))]
    assert heights[1] / heights[0] == pytest.approx(1.75, rel=0.1)
    panel.locator("input[type=range]").nth(1).fill("0.3")
    assert page.evaluate(f"() => {VIEWER}.motion.eye.speed") == pytest.approx(10**0.3, rel=0.02)
    panel.locator("select").nth(0).select_option("white")
    settle(page)
    assert drawn(page)[2, 2].tolist() == [255, 255, 255]
    panel.locator("select").nth(1).select_option("3840x2160")
    with page.expect_download() as download:
        panel.locator("button", has_text="Save").click()
    download.value.save_as(tmp_path / "four.png")
    four = Image.open(tmp_path / "four.png")
    assert four.size == (3840, 2160)
    rows, columns = colored(np.asarray(four.convert("RGB").resize((960, 540))).astype(int))
    assert len(rows) > 5000
    assert columns.mean() == pytest.approx(480, abs=40)
    settle(page)
    assert drawn(page).shape == before.shape, "the view keeps its own size"
    for key in ("Escape", ","):
        page.keyboard.press(key)
        assert not panel.is_visible()
        page.keyboard.press(",")
        assert panel.is_visible(), "the view has the keys again"
    page.evaluate("() => localStorage.clear()")


@pytest.mark.parametrize("size", [(520, 420), (1280, 720), (400, 300)])
def test_the_toolbar_is_labeled_and_covers_no_hint(opened, size, tmp_path):
    page = visit(opened, "z_up.ply")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    settle(page)
    page.screenshot(path=tmp_path / "bar.png")
    boxes = [page.locator(name).bounding_box() for name in (".m3d-hint", ".m3d-bar")]
    if size[0] >= 430:
        assert page.is_visible(".m3d-hint")
        assert page.is_visible(".m3d-bar [data-action=settings] span")
        hint, bar = boxes
        assert hint["x"] + hint["width"] <= bar["x"] or hint["y"] + hint["height"] <= bar["y"]
    bar = boxes[1]
    assert 0 <= bar["x"] <= bar["x"] + bar["width"] <= size[0]
    assert bar["height"] < 0.3 * size[1]
    assert page.evaluate(
        "() => [...document.querySelectorAll('.m3d-bar button')].every(b => b.title && b.ariaLabel)"
    )
    page.keyboard.press("?")
    assert page.is_visible(".m3d-help")
    page.keyboard.press("?")
    assert not page.is_visible(".m3d-help")
    page.set_viewport_size({"width": 520, "height": 420})
