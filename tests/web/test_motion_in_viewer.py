"""Motion in headless Chromium: the viewer and the offline page draw at a time what the library renders at that time."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from chromium import open_page, wait_for_world
from PIL import Image
from view_server import open_room, serve_views
from walking import VIEWER, settle

from matrix3d_core.io.html_world import write_html
from matrix3d_core.io.motion_file import motion_bytes
from matrix3d_core.io.splats import write_gaussians
from matrix3d_core.io.world_json import describe_world
from matrix3d_core.motion.at_time import gaussians_at
from matrix3d_core.raster.splat import render_gaussians
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.motion import MOTION_KINDS, Motion
from matrix3d_core.scene.trajectory import Trajectory

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDTH, HEIGHT = 480, 270
FOCAL_PX = HEIGHT / 2 / math.tan(math.radians(65) / 2)
BACKGROUND = (14 / 255, 16 / 255, 19 / 255)
G = (0.0, 9.81, 0.0)
IDENTITY = [1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
TIMES = (0.0, 0.35, 1.1)
MOTIONS = {
    "flow": Motion("flow", 4.0, (1, 0, 0), amount=1.0),
    "fall": Motion("fall", 0.6, (0.3, 0, 0), (0, -1, 0), G),
    "fountain": Motion("fountain", 0.9, center=(0, 0.8, 4), gravity=G),
    "fire": Motion("fire", 1.5, (0, -1, 0), amount=0.6, gloss=0.5),
    "drift": Motion("drift", 6.0, (0, 1, 0), (0.1, 0, 0), amount=0.5),
    "ripple": Motion("ripple", 3.0, (0.6, 0, 0.8), gravity=G, amount=0.1, wavelength=0.9, gloss=1.5),
    "sway": Motion("sway", 4.0, (1, 0, 0), (0, 1, 0), G, 0.4, 3.0, height=2.0),
    "flicker": Motion("flicker", 2.0, amount=0.6, gloss=0.5),
    "turn": Motion("turn", 3.0, (0, 1, 0), (0, 0, 4)),
    "path": Motion(
        "path",
        4.0,
        center=(0, 0, 4),
        gravity=G,
        amount=1.0,
        points=((0, 0, 4), (0.8, 0, 4), (0.8, 0.2, 5), (-0.5, 0, 5)),
    ),
    "color": Motion("color", 2.0),
}


def world_of(kind: str, count: int = 1200) -> Gaussians:
    """Half of it moves, the rest is still."""
    dice = torch.Generator().manual_seed(4)
    means = torch.randn(count, 3, generator=dice) * torch.tensor((1.2, 0.6, 0.8)) + torch.tensor((0, 0, 4.5))
    quats = torch.nn.functional.normalize(torch.randn(count, 4, generator=dice), dim=-1)
    scales = 0.03 + 0.06 * torch.rand(count, 3, generator=dice)
    colors, opacities = torch.rand(count, 3, generator=dice), 0.2 + 0.75 * torch.rand(count, generator=dice)
    world = Gaussians.from_colors(means, quats, scales, opacities, 0.15 + 0.6 * colors)
    numbers = torch.arange(count)
    world = world.with_labels(motions=(numbers % 2) * 3, phases=numbers * 37 % 256)
    world = replace(world, motion_table={3: MOTIONS[kind], 9: Motion("turn", 1.0, (1, 0, 0))})
    if kind == "color":
        waves = 0.15 * torch.randn(count, 6, 3, generator=dice)
        world = replace(world, color_waves=waves)
    return world


def rendered(world: Gaussians, t: float) -> np.ndarray:
    K_px = torch.tensor([[FOCAL_PX, 0, WIDTH / 2], [0, FOCAL_PX, HEIGHT / 2], [0, 0, 1]], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    frame = render_gaussians(gaussians_at(world, t), pose, K_px, HEIGHT, WIDTH, background=BACKGROUND)
    return frame.rgb.clamp(0, 1).numpy()


def shown(page, t: float) -> np.ndarray:
    page.evaluate(f"() => {VIEWER}.playback.show({t})")
    settle(page)
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(float) / 255


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return -10 * math.log10(((a - b) ** 2).mean())


def has_button(page) -> bool:
    return page.evaluate("() => !document.querySelector('[data-action=play]').hidden")


def hide_overlay(page) -> None:
    page.add_style_tag(content=".m3d-hud, .m3d-bar, .m3d-hint, .m3d-note { visibility: hidden }")


@pytest.fixture(scope="module")
def pages(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("motion")
    with serve_views(folder) as address, open_page(browser, width=WIDTH, height=HEIGHT) as opened:
        yield opened, folder, address
        assert opened.problems == []


def open_world(pages, name: str, world: Gaussians):
    opened, folder, address = pages
    write_gaussians(folder / f"{name}.ply", world.without_labels())
    file, data = {"filename": f"{name}.ply", "type": "temp"}, motion_bytes(world)
    if data is not None:
        (folder / f"{name}.motions").write_bytes(data)
        file["motions"] = {"filename": f"{name}.motions", "type": "temp"}
    ready = open_room(opened.page, address, {**file, "start_pose": IDENTITY})
    assert ready.get("count") == len(world), ready
    hide_overlay(opened.page)
    return opened.page


@pytest.mark.parametrize("kind", MOTION_KINDS)
def test_the_viewer_draws_what_the_library_renders(pages, kind):
    world = world_of(kind)
    page = open_world(pages, kind, world)
    pictures = [rendered(world, t) for t in TIMES]
    # Two renderers, one of which packs colors into 8 bits; a wrong motion gives what the pictures differ by.
    apart = psnr(pictures[0], pictures[1])
    found = [psnr(shown(page, t), picture) for t, picture in zip(TIMES, pictures, strict=True)]
    assert min(found) > max(32, apart + 4), f"{kind}: {found} dB at {TIMES}"
    print(f"{kind}: {min(found):.1f} dB; {apart:.1f} dB apart")


def test_it_plays_pauses_and_loops(pages):
    page = open_world(pages, "turning", world_of("turn"))
    state = f"(() => {{ const p = {VIEWER}.playback; return [p.isPlaying, p.loop, p.time]; }})()"
    assert page.evaluate(state)[:2] == [True, 3.0]
    page.wait_for_function(f"() => {VIEWER}.playback.time > 0.2", timeout=60_000)
    assert has_button(page)
    assert page.get_attribute("[data-action=play]", "aria-pressed") == "true"
    page.evaluate(f"() => {VIEWER}.element.focus()")
    page.keyboard.press("j")
    settle(page)  # at rest
    playing, _, time = page.evaluate(state)
    assert not playing
    assert page.evaluate(state)[2] == time
    first, last = shown(page, 0.0), shown(page, 3.0)
    assert np.abs(first - last).max() == 0
    page.keyboard.press("j")
    page.evaluate(f"() => {{ {VIEWER}.playback.time = 2.9; }}")
    page.wait_for_function(f"() => {VIEWER}.playback.time < 1.5", timeout=60_000)  # began again


def test_a_still_world_has_no_button_and_other_motions_are_reported(pages):
    _, folder, address = pages
    world = world_of("turn")
    page = open_world(pages, "still", world.with_labels(motions=None, phases=None))
    assert not has_button(page)
    write_gaussians(folder / "other.ply", world.select(slice(100)).without_labels())
    (folder / "other.motions").write_bytes(motion_bytes(world))
    motions = {"filename": "other.motions", "type": "temp"}
    file = {"filename": "other.ply", "type": "temp", "motions": motions, "start_pose": IDENTITY}
    assert open_room(page, address, file)["count"] == 100
    assert "of another world" in page.inner_text("[data-part=note]")
    (folder / "other.motions").write_bytes(b"x")
    assert open_room(page, address, file)["count"] == 100
    assert "damaged" in page.inner_text("[data-part=note]")


def test_reduced_motion_is_respected(browser, tmp_path):
    with serve_views(tmp_path) as address, open_page(browser, width=WIDTH, height=HEIGHT) as opened:
        opened.page.emulate_media(reduced_motion="reduce")
        page = open_world((opened, tmp_path, address), "calm", world_of("turn"))
        settle(page)
        assert page.evaluate(f"() => {VIEWER}.playback.isPlaying") is False
        assert has_button(page)


def test_the_offline_page_plays_it(browser, tmp_path):
    world = Gaussians.concatenate(world_of("fountain"), world_of("color"))
    path = Trajectory(torch.eye(4, dtype=torch.float64)[None])
    write_html(tmp_path / "living.html", world, info=describe_world(world, trajectory=path))
    with open_page(browser, width=WIDTH, height=HEIGHT) as opened:
        page = opened.page
        page.goto((tmp_path / "living.html").as_uri())
        assert wait_for_world(page) == {"count": len(world)}
        assert page.evaluate(f"() => {VIEWER}.playback.isPlaying") is True
        hide_overlay(page)
        still = [rendered(world, t) for t in TIMES]
        for t, picture in zip(TIMES, still, strict=True):
            assert psnr(shown(page, t), picture) > max(30, psnr(still[0], still[1]) + 4)
        assert opened.problems == []
