"""The page of a world in headless Chromium: right is right, up is up, and one can walk."""

from __future__ import annotations

import io
import math
import time
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from chromium import open_page, wait_for_world
from comfy_host import PACK_FOLDER
from PIL import Image
from splat_scenes import BLOBS, blob_world
from walking import VIEWER, hold_undisturbed, settle

from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.io.splats import write_gaussians
from matrix3d_core.raster.splat import render_gaussians

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

WIDTH, HEIGHT = 640, 360
FOCAL_PX = HEIGHT / 2 / math.tan(math.radians(65) / 2)


@pytest.fixture(scope="module")
def opened(browser):
    with open_page(browser, width=WIDTH, height=HEIGHT) as opened:
        yield opened


@pytest.fixture(scope="module")
def worlds(comfy):
    for name in ("blobs.ply", "blobs.spz"):
        write_gaussians(comfy.output_dir / name, blob_world())
    (comfy.output_dir / "broken.ply").write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 9\n")
    return comfy


@pytest.fixture
def visit(opened, worlds):
    """Open the page of a world and return the page, once its first picture is there."""

    def go(filename="blobs.ply", fails=False, **query):
        opened.problems.clear()
        query = {"filename": filename, "type": "output", "pose": "0,0,0", **query}
        opened.page.goto(f"{worlds.address}/extensions/{PACK_FOLDER}/viewer/world.html?{urlencode(query)}")
        ready = wait_for_world(opened.page)
        assert fails == ("error" in ready), ready
        if not fails:
            assert opened.problems == []
        return opened.page

    return go


def pose(page):
    return page.evaluate("() => window.matrix3d.viewers[0].pose()")


def picture(page):
    """What the visitor sees, without what lies over it, as floats."""
    page.add_style_tag(content=".m3d-hud, .m3d-bar, .m3d-hint { visibility: hidden }")
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(float) / 255


def center_of(image, name):
    """Where a blob is: the mean of the pixels near its color, in pixels; None when it is not there."""
    color = np.array(BLOBS[name][0])
    rows, columns = np.nonzero(np.abs(image - color).max(-1) < 0.25)
    return None if len(rows) < 20 else (columns.mean() + 0.5, rows.mean() + 0.5)


def expected_at(name, eye=(0, 0, 0)):
    x, y, z = np.subtract(BLOBS[name][1], eye)
    return WIDTH / 2 + FOCAL_PX * x / z, HEIGHT / 2 + FOCAL_PX * y / z


@pytest.mark.parametrize("filename", ["blobs.ply", "blobs.spz"])
def test_stands_upright_at_the_center_and_looks_ahead(visit, filename):
    page = visit(filename)
    assert pose(page) == {"position": [0, 0, 0], "yaw": 0, "pitch": 0, "mode": "walk"}
    image = picture(page)
    # The blob is 0.25 of radius at 4 to 4.5 of distance: perspective shifts its outline by under 2 px.
    for name in ("blue", "red", "green"):
        assert center_of(image, name) == pytest.approx(expected_at(name), abs=3), name
    assert center_of(image, "yellow") is None
    assert center_of(image, "red")[0] > center_of(image, "blue")[0] + 50
    assert center_of(image, "green")[1] < center_of(image, "blue")[1] - 50


def test_start_pose_of_the_address(visit):
    page = visit(pose="0,0,0,180")
    image = picture(page)
    assert center_of(image, "yellow") == pytest.approx((WIDTH / 2, HEIGHT / 2), abs=3)
    assert center_of(image, "red") is None


def test_picture_is_the_one_that_our_own_renderer_draws(visit):
    yaw, pitch, eye = 25.0, -12.0, (0.4, -0.3, 0.6)
    page = visit(pose=",".join(map(str, (*eye, yaw, pitch))))
    shown = picture(page)

    angles = [torch.tensor(math.radians(angle), dtype=torch.float64) for angle in (yaw, pitch, 0.0)]
    world_from_camera = matrix_from_yaw_pitch_roll(*angles)
    camera_from_world = torch.eye(4, dtype=torch.float64)
    camera_from_world[:3, :3] = world_from_camera.mT
    camera_from_world[:3, 3] = -world_from_camera.mT @ torch.tensor(eye, dtype=torch.float64)
    K_px = torch.tensor([[FOCAL_PX, 0, WIDTH / 2], [0, FOCAL_PX, HEIGHT / 2], [0, 0, 1]], dtype=torch.float64)
    background = (14 / 255, 16 / 255, 19 / 255)
    frame = render_gaussians(blob_world(), camera_from_world, K_px, HEIGHT, WIDTH, background=background)
    drawn = frame.rgb.clamp(0, 1).numpy()

    # Two renderers, one of which packs colors, scales and rotations into 8 bits. A mirrored or turned
    # picture, or a wrong field of view, gives 10 to 15 dB.
    assert -10 * math.log10(((shown - drawn) ** 2).mean()) > 32


@pytest.mark.parametrize(
    ("key", "direction", "modifier"),
    [
        ("w", (0, 0, 1), None),
        ("s", (0, 0, -1), None),
        ("a", (-1, 0, 0), None),
        ("d", (1, 0, 0), None),
        ("e", (0, -1, 0), None),
        ("q", (0, 1, 0), None),
        ("w", (0, 0, 3), "Shift"),
    ],
)
def test_walks_speed_times_time(opened, visit, key, direction, modifier):
    page = opened.page
    keys = [modifier, key] if modifier else [key]
    seconds = hold_undisturbed(page, visit, 0.6, *keys)
    # The events are handled within a frame or two of their time stamps; frames can last 0.1 s here.
    # Shift comes a little before and goes a little after, which the tolerance covers.
    expected = [1.4 * seconds * part for part in direction]
    assert pose(page)["position"] == pytest.approx(expected, abs=0.06 * (3 if modifier else 1))


def test_a_key_that_is_heard_late_ends_the_walk_where_it_was_let_go(visit):
    for _ in range(5):  # when the page stands still for a second, the viewer takes that for a pause
        page = visit()
        page.keyboard.press("t")
        page.wait_for_function(f"() => {VIEWER}.recorder.isRecording")
        seconds, overshoot, longest, late = page.evaluate(
            """async () => {
                const v = window.matrix3d.viewers[0], advance = v.motion.advance.bind(v.motion);
                let longest = 0;
                v.motion.advance = (seconds, now) => { longest = Math.max(longest, seconds); advance(seconds, now); };
                const key = kind => new KeyboardEvent(kind, { code: "KeyW", key: "w", bubbles: true });
                const down = key("keydown");
                v.element.dispatchEvent(down);
                await new Promise(done => setTimeout(done, 500));
                const up = key("keyup"); // has its time stamp, and waits
                const held = (up.timeStamp - down.timeStamp) / 1000;
                while (v.motion.eye.position[2] < 1.4 * held + 0.2 && performance.now() < up.timeStamp + 10000) {
                    await new Promise(requestAnimationFrame); // pictures go on meanwhile
                }
                const overshoot = v.motion.eye.position[2];
                const late = (performance.now() - up.timeStamp) / 1000;
                v.element.dispatchEvent(up);
                return [held, overshoot, longest, late];
            }"""
        )
        if longest < 1 and late < 1.5:
            break
    settle(page)
    assert overshoot > 1.4 * seconds + 0.1, "pictures went on meanwhile"
    # Integrated from the time stamps alone; what is left of the velocity at rest is under 1.4 mm/s.
    assert pose(page)["position"] == pytest.approx([0, 0, 1.4 * seconds], abs=1e-3)
    page.keyboard.press("t")
    walked = page.evaluate("() => window.matrix3d.viewers[0].recorder.recording.walk.map(s => s.position[2])")
    assert walked == sorted(walked), "the walk never went back"
    assert walked[-1] == pytest.approx(1.4 * seconds, abs=1e-3)


def test_picture_after_walking_is_the_one_from_there(opened, visit, tmp_path):
    page = opened.page
    hold_undisturbed(page, visit, 1.0, "w", at_most=1.6)  # farther on stands the blob
    eye = pose(page)["position"]
    assert eye[2] > 1
    page.screenshot(path=tmp_path / "walked.png")
    image = picture(page)
    # Nearer by more than a meter, a blob of 0.5 across is 40 px wide and its outline shifts by some px.
    assert center_of(image, "blue") == pytest.approx(expected_at("blue", eye), abs=4)
    page.keyboard.press("r")
    settle(page)
    assert pose(page)["position"] == [0, 0, 0]


def test_slow_graphics_get_fewer_pixels_while_the_mouse_drags_and_all_at_rest(visit):
    page = visit()
    page.evaluate(
        """() => {
            const { scene, canvas } = window.matrix3d.viewers[0], draw = scene.render.bind(scene);
            window.widths = [];
            scene.render = (...args) => {
                for (let again = 0; again < 15; again++) draw(...args); // the graphics are slow, not the page
                window.widths.push(canvas.width);
            };
        }"""
    )
    full = page.evaluate("() => window.matrix3d.viewers[0].canvas.width")
    # A hand that does not stop, for which the way from here to the browser is too long on a busy machine.
    page.evaluate(
        "() => { window.hand = setInterval(() => window.matrix3d.viewers[0].drag(1, 0, 'look'), 8); }"
    )
    page.wait_for_function("full => Math.min(...window.widths) <= 0.75 * full", arg=full, timeout=60_000)
    page.evaluate("() => clearInterval(window.hand)")
    page.evaluate("() => { delete window.matrix3d.viewers[0].scene.render; }")
    settle(page)
    page.wait_for_function("full => window.matrix3d.viewers[0].canvas.width === full", arg=full)


def test_looks_where_the_mouse_is_dragged(visit):
    page = visit()
    page.mouse.move(300, 180)
    page.mouse.down()
    page.mouse.move(400, 200, steps=5)
    page.mouse.up()
    settle(page)
    turned = pose(page)
    assert turned["yaw"] > 0.1
    assert turned["pitch"] < -0.02
    image = picture(page)
    # Turned right by yaw, what is ahead moves left; looking down, it moves up.
    assert center_of(image, "blue")[0] < WIDTH / 2 - 50
    assert center_of(image, "blue")[1] < HEIGHT / 2 - 5
    at_center = f"() => {VIEWER}.setPose({{ position: [0, 0, 0] }})"
    distance = hold_undisturbed(page, lambda: page.evaluate(at_center), 0.5, "w") * 1.4
    walked = pose(page)["position"]
    assert walked[1] == 0, "walking keeps the eye's height"
    assert walked == pytest.approx(
        [math.sin(turned["yaw"]) * distance, 0, math.cos(turned["yaw"]) * distance], abs=0.07
    )


def test_orbit_turns_around_what_is_ahead_and_back(visit):
    page = visit()
    page.keyboard.press("o")
    assert pose(page)["mode"] == "orbit"
    page.mouse.move(300, 180)
    page.mouse.down()
    page.mouse.move(380, 180, steps=5)
    page.mouse.up()
    settle(page)
    eye = pose(page)["position"]
    assert eye[0] < -0.5
    image = picture(page)
    assert center_of(image, "blue")[0] == pytest.approx(WIDTH / 2, abs=25), "the middle stays where it was"
    before = math.dist(eye, (0, 0, 4))
    page.mouse.wheel(0, -300)
    settle(page)
    assert math.dist(pose(page)["position"], (0, 0, 4)) < before - 0.2
    page.keyboard.press("o")
    assert pose(page)["mode"] == "walk"


def test_wheel_changes_the_walking_speed(visit):
    page = visit()
    page.mouse.move(300, 180)
    page.mouse.wheel(0, -100)
    page.wait_for_function(f"() => {VIEWER}.motion.eye.speed !== 1.4")
    settle(page)
    assert page.evaluate("() => window.matrix3d.viewers[0].motion.eye.speed") == pytest.approx(1.54)
    assert "1.5 units/s" in page.inner_text("[data-part=hud]")


def test_screenshot_is_the_picture_without_the_overlay(visit, tmp_path):
    page = visit()
    with page.expect_download() as download:
        page.keyboard.press("p")
    assert download.value.suggested_filename.startswith("blobs_")
    download.value.save_as(tmp_path / "shot.png")
    image = np.asarray(Image.open(tmp_path / "shot.png").convert("RGB")).astype(float) / 255
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert center_of(image, "red") == pytest.approx(expected_at("red"), abs=3)
    assert np.abs(image[:30, :200] - np.array([14, 16, 19]) / 255).max() < 0.02, "no text in the corner"


def test_help_full_screen_and_leaving(visit):
    page = visit()
    page.keyboard.press("h")
    assert page.is_visible(".m3d-help")
    page.keyboard.press("Escape")
    assert not page.is_visible(".m3d-help")
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement === window.matrix3d.viewers[0].element")
    page.keyboard.press("f")
    page.wait_for_function("() => !document.fullscreenElement")
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    assert pose(page)["position"] == [0, 0, 0], "without the focus no key is taken"


def test_draws_only_when_something_changes(visit):
    page = visit()
    settle(page)
    frames = page.evaluate("() => window.matrix3d.viewers[0].stats().frames")
    time.sleep(1)
    assert page.evaluate("() => window.matrix3d.viewers[0].stats().frames") == frames


def test_keys_are_let_go_when_the_focus_is_lost(visit):
    page = visit()
    page.keyboard.down("w")
    try:
        page.wait_for_function(f"() => {VIEWER}.motion.eye.position[2] > 0.1")
        page.evaluate("() => document.activeElement.blur()")
        settle(page)
        stopped = pose(page)["position"]
        time.sleep(0.5)
        assert pose(page)["position"] == stopped
    finally:
        page.keyboard.up("w")


def test_nothing_is_left_after_disposal(visit):
    page = visit()
    page.evaluate("() => window.matrix3d.viewers[0].dispose()")
    time.sleep(0.5)
    assert page.evaluate(
        "() => [window.matrix3d.viewers.length, document.querySelectorAll('canvas').length]"
    ) == [0, 0]


@pytest.mark.parametrize(
    ("filename", "query", "message"),
    [
        ("gone.ply", {}, "gone.ply no longer exists."),
        ("gone.ply", {"type": "temp"}, "run the workflow again"),
        ("broken.ply", {}, "Could not display broken.ply"),
    ],
)
def test_says_what_is_wrong(visit, filename, query, message):
    page = visit(filename, fails=True, **query)
    assert message in page.inner_text("[data-part=message]")
    assert page.get_attribute("[data-part=message]", "data-kind") == "error"


@pytest.mark.parametrize(
    "query", ["", "?filename=../secret.ply", "?filename=a.ply&type=models", "?filename=page.html"]
)
def test_an_address_that_names_no_world(opened, worlds, query):
    opened.page.goto(f"{worlds.address}/extensions/{PACK_FOLDER}/viewer/world.html{query}")
    opened.page.wait_for_selector("[data-part=message]")
    assert "Specify a world" in opened.page.inner_text("[data-part=message]")


def test_a_folder_outside_is_refused_by_the_host(visit):
    page = visit("blobs.ply", fails=True, subfolder="../..")
    assert "HTTP status 403" in page.inner_text("[data-part=message]")


def test_without_webgl_it_says_so(browser, worlds):
    with open_page(browser, width=WIDTH, height=HEIGHT, flags=("--disable-3d-apis",)) as opened:
        opened.page.goto(
            f"{worlds.address}/extensions/{PACK_FOLDER}/viewer/world.html?filename=blobs.ply&type=output"
        )
        assert "needs WebGL 2" in wait_for_world(opened.page)["error"]
        assert "needs WebGL 2" in opened.page.inner_text("[data-part=message]")


def test_touch_looks_and_moves(browser, worlds):
    with open_page(browser, width=WIDTH, height=HEIGHT, touch=True) as opened:
        page = opened.page
        page.goto(
            f"{worlds.address}/extensions/{PACK_FOLDER}/viewer/world.html?filename=blobs.ply&type=output&pose=0,0,0"
        )
        assert wait_for_world(page) == {"count": 1600}
        client = page.context.new_cdp_session(page)

        def touch(kind, *points):
            places = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

        def lifted(count):
            page.wait_for_function("count => window.lifted === count", arg=count)

        page.evaluate(
            "() => { window.lifted = 0; window.addEventListener('pointerup', () => window.lifted++, { capture: true }); }"
        )
        touch("touchStart", (300, 180))
        touch("touchMove", (340, 180))
        touch("touchEnd")
        lifted(1)
        assert pose(page)["yaw"] == pytest.approx(-math.radians(65) * 40 / HEIGHT, abs=0.02), (
            "the world follows"
        )
        page.keyboard.press("r")

        touch("touchStart", (300, 100), (400, 100))
        touch("touchMove", (300, 150), (400, 150))
        touch("touchEnd")
        lifted(3)
        assert pose(page)["position"][2] == pytest.approx(1.4 * 2 * 50 / HEIGHT, abs=0.05)
        page.keyboard.press("r")

        assert page.is_visible(".m3d-stick")
        box = page.locator(".m3d-stick").bounding_box()
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        touch("touchStart", (middle[0], middle[1] - 40))
        page.wait_for_function(f"() => {VIEWER}.motion.stick.forward > 0")
        time.sleep(0.5)
        touch("touchEnd")
        page.wait_for_function(f"() => {VIEWER}.motion.stick.forward === 0")
        settle(page)
        assert pose(page)["position"][2] > 0.3
