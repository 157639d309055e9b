"""Walking in a box room in headless Chromium: walls hold, the ground carries, and the record is what was walked."""

from __future__ import annotations

import gzip
import io
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from chromium import open_page
from PIL import Image
from room_worlds import PILLAR, ROOM, room_geometry, room_world
from view_server import open_room, serve_views
from walking import hold, hold_undisturbed, settle

from matrix3d_core.collision.occupancy import encode_occupancy
from matrix3d_core.collision.walls import walls_of_panorama
from matrix3d_core.io.splats import write_gaussians
from matrix3d_core.trajectories.recording import parse_recording, trajectory_from_recording

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RADIUS = 0.25
FILE = {
    "filename": "room.ply",
    "type": "temp",
    "is_metric": True,
    "walls": {"filename": "room.walls", "type": "temp"},
    "panorama": {"filename": "room.jpg", "type": "temp"},
    "origins": {"filename": "room.origins", "type": "temp"},
}


def write_room(folder, count=40_000):
    geometry = room_geometry()
    world = room_world(count)
    write_gaussians(folder / "room.ply", world)
    (folder / "room.walls").write_bytes(encode_occupancy(walls_of_panorama(geometry)))
    Image.fromarray((geometry.rgb * 255).round().byte().numpy()).save(folder / "room.jpg", quality=95)
    x, _, z = world.means.unbind(-1)
    angle = torch.atan2(x, z)
    origins = torch.where(angle.abs() < 0.8, 0, torch.where(angle.abs() < 2.2, 1, 2)).to(torch.uint8)
    (folder / "room.origins").write_bytes(gzip.compress(origins.numpy().tobytes()))


@pytest.fixture(scope="module")
def room(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("room")
    write_room(folder)
    with serve_views(folder) as address, open_page(browser, width=480, height=300) as opened:
        opened.address = address
        yield opened
        assert opened.problems == []


def enter(opened, **more):
    ready = open_room(opened.page, opened.address, {**FILE, **more})
    assert "count" in ready, ready
    opened.page.evaluate("() => window.matrix3d.viewers[0].element.focus()")
    return opened.page


def viewer(page, expression):
    return page.evaluate(f"() => {{ const v = window.matrix3d.viewers[0]; return {expression}; }}")


def stand_at(page, x, z, yaw_degrees):
    viewer(page, f"v.setPose({{ position: [{x}, 0, {z}], yaw: {math.radians(yaw_degrees)}, pitch: 0 }})")


def track(page):
    """Keep every place the eye passes through, each time the walk is integrated, except for what is taken back."""
    page.evaluate(
        """() => {
            const v = window.matrix3d.viewers[0];
            const { motion } = v, { walk } = motion;
            const [move, rewind] = [walk.moveCharacter.bind(walk), motion.rewind.bind(motion)];
            window.track = [[...motion.eye.position]];
            let times = [-Infinity];
            walk.moveCharacter = (input, seconds, when) => {
                move(input, seconds, when);
                times.push(when);
                window.track.push([...motion.eye.position]);
            };
            motion.rewind = when => {
                rewind(when);
                if (motion.lastStep > when) return; // nothing was taken back
                const left = times.filter(time => time <= motion.lastStep + 1e-6).length;
                times = times.slice(0, left);
                window.track = window.track.slice(0, left);
            };
        }"""
    )


def clearance(points):
    """How far places are from the nearest wall of the true room, and from its pillar; negative outside."""
    points = torch.tensor(points, dtype=torch.float64).reshape(-1, 3)[:, [0, 2]]
    low, high = ROOM[0][[0, 2]].double(), ROOM[1][[0, 2]].double()
    wall = torch.minimum(points - low, high - points).amin(-1)
    pillar = (points - torch.tensor(PILLAR[0], dtype=torch.float64)).norm(dim=-1) - PILLAR[1]
    return torch.minimum(wall, pillar)


def test_walks_speed_times_time_on_the_ground(room):
    page = enter(room)
    assert viewer(page, "v.motion.walk.standing?.eye") == pytest.approx(1.6, abs=0.1)
    # After 3.75 s one meets the wall.
    seconds = hold_undisturbed(page, lambda: stand_at(page, -1.5, -1.5, 0), 2.0, "w", at_most=3.5)
    x, y, z = viewer(page, "v.pose().position")
    assert z + 1.5 == pytest.approx(1.4 * seconds, rel=0.05)
    assert (x, y) == pytest.approx((-1.5, 0), abs=0.03)


@pytest.mark.parametrize(
    ("start", "yaw", "keys", "seconds"),
    [
        ((0, 0), 0, ["w"], 3.5),  # straight into the far wall
        ((0, 0), 35, ["w"], 5.0),  # slantwise, along the wall and into a corner
        ((0, 0), -120, ["w", "d"], 3.0),
        ((1.0, 0), 0, ["w"], 2.5),  # into the pillar
        ((0.8, 0), 2, ["w"], 3.0),  # past the pillar's side
        ((0, 0), 0, ["ShiftLeft", "w"], 2.0),
        ((0, 0), 90, ["ShiftLeft", "w", "e"], 2.0),
    ],
)
def test_nobody_walks_through_a_wall(room, start, yaw, keys, seconds):
    page = enter(room)
    stand_at(page, *start, yaw)
    track(page)
    for _ in range(6):  # on a busy machine the way takes longer
        hold(page, seconds, *keys)
        places = page.evaluate("() => window.track")
        if clearance(places[-1]).item() < RADIUS + 0.2:
            break
    assert len(places) > 5
    # Cells are 6 cm; a surface reaches at most 0.7 + 0.87 of them before itself, and 0.5 less behind it.
    assert clearance(places).min() > RADIUS - 0.06
    assert clearance(places[-1]).item() < RADIUS + 0.2, "something was met"


def test_flying_goes_where_one_looks_and_the_ground_ends_it(room, tmp_path):
    page = enter(room)
    stand_at(page, 0, -1.0, 0)
    page.keyboard.press("n")
    pressed = (
        "['fly', 'walls', 'ground'].map(n => v.overlay.bar.querySelector(`[data-action=${n}]`).ariaPressed)"
    )
    assert viewer(page, pressed) == ["true", "false", "false"]
    viewer(page, "v.setPose({ pitch: 0.6 })")
    hold(page, 1.0, "w")
    _, y, z = viewer(page, "v.pose().position")
    assert z > -0.5
    assert y == pytest.approx(-(z + 1) * math.tan(0.6), abs=0.02)
    assert "fly" in page.inner_text("[data-part=hud]")
    page.screenshot(path=tmp_path / "fly.png")
    page.keyboard.press("g")
    assert viewer(page, "v.pose().mode") == "walk"
    assert viewer(page, pressed) == ["false", "true", "true"]


def test_with_walls_off_one_passes_and_is_told_where_the_world_is_thin(room, tmp_path):
    page = enter(room)
    page.keyboard.press("c")
    hold_undisturbed(page, lambda: stand_at(page, 0, 2.5, 0), 2.2, "w")
    assert viewer(page, "v.pose().position[2]") > 4.5
    assert viewer(page, "v.appearance.fade") > 0
    page.screenshot(path=tmp_path / "thin.png")
    assert "No camera was near" in page.inner_text("[data-part=warning]")
    page.keyboard.press("r")
    page.wait_for_function("() => window.matrix3d.viewers[0].appearance.fade === 0", timeout=60_000)
    assert not page.is_visible("[data-part=warning]")


def test_gravity_brings_one_down_and_flying_does_not(room):
    page = enter(room)
    page.keyboard.press("g")
    assert viewer(page, "v.motion.walk.standing") is None
    hold(page, 0.5, "e")
    up = viewer(page, "v.pose().position[1]")
    assert up < -0.3
    page.keyboard.press("g")
    page.wait_for_timeout(300)
    assert viewer(page, "v.pose().position[1]") == pytest.approx(up, abs=0.05), "the height is a person's"
    viewer(page, "v.setPose({ position: [0, -0.9, 0] })")
    viewer(page, "v.motion.walk.standing.eye = 1.6")
    hold(page, 1.2, "a")
    assert viewer(page, "v.pose().position[1]") == pytest.approx(0, abs=0.1)


def test_a_key_that_is_heard_late_leaves_no_way_back_in_the_record(room):
    page = enter(room)
    stand_at(page, 0, 2.2, 180)
    page.keyboard.press("t")
    page.wait_for_function("() => window.matrix3d.viewers[0].recorder.isRecording")
    page.evaluate(
        """async () => {
            const { element } = window.matrix3d.viewers[0];
            const wait = ms => new Promise(done => setTimeout(done, ms));
            const busy = ms => { for (const end = performance.now() + ms; performance.now() < end; ); };
            const key = kind => new KeyboardEvent(kind, { code: "KeyW", key: "w", bubbles: true });
            element.dispatchEvent(key("keydown"));
            await wait(300);
            busy(350);
            const up = key("keyup"); // in the middle of one slow picture
            busy(350);
            await wait(300);
            element.dispatchEvent(up);
        }"""
    )
    page.wait_for_function("() => window.matrix3d.viewers[0].stats().isSettled")
    page.keyboard.press("t")
    walked = page.evaluate("() => window.matrix3d.viewers[0].recorder.recording.walk.map(s => s.position)")
    from_start = np.linalg.norm(np.array(walked)[:, [0, 2]] - np.array(walked)[0, [0, 2]], axis=1)
    assert from_start[-1] > 0.5
    assert np.diff(from_start).min() > -1e-6, from_start


def test_the_record_is_what_was_walked_at_corners_too(room):
    page = enter(room)
    stand_at(page, 0, 2.2, -40)  # to the side without the pillar, whose back the panorama does not know
    page.keyboard.press("t")
    page.wait_for_function("() => window.matrix3d.viewers[0].recorder.isRecording")
    track(page)
    hold(page, 2.0, "w")  # to the wall, along it, into the corner
    hold(page, 0.7, "s")
    viewer(page, "v.drag(-220, 10, 'look')")
    hold(page, 0.8, "w")
    page.keyboard.press("t")
    places = np.array(page.evaluate("() => window.track"))
    end = viewer(page, "v.pose()")
    path = trajectory_from_recording(parse_recording(viewer(page, "v.recorder.text")), frames=400)
    made = path.centers.numpy()
    assert clearance(made.tolist()).min() > RADIUS - 0.08
    # Every pose lies on the way that was walked, and the whole way is there.
    assert distance_to_line(made, places).max() < 0.01
    assert distance_to_line(places, made).max() < 0.02  # 400 poses lie about 1 cm apart
    assert made[-1] == pytest.approx(end["position"], abs=1e-3)
    yaw = math.degrees(math.atan2(path.forwards[-1, 0], path.forwards[-1, 2]))
    assert yaw == pytest.approx(math.degrees(end["yaw"]), abs=0.5)
    pitch = math.degrees(math.asin(-path.forwards[-1, 1]))
    assert pitch == pytest.approx(math.degrees(end["pitch"]), abs=0.5)


def distance_to_line(points, line):
    """Distance of each point from a polyline."""
    best = np.full(len(points), np.inf)
    for a, b in pairwise(line):
        way = b - a
        square = max(way @ way, 1e-18)
        t = np.clip((points - a) @ way / square, 0, 1)
        best = np.minimum(best, np.linalg.norm(points - a - t[:, None] * way, axis=1))
    return best


def test_walls_of_the_splats_when_none_came(room):
    page = enter(room, walls=None)
    assert viewer(page, "v.motion.walk.walls") is None
    page.keyboard.press("c")
    assert viewer(page, "v.motion.walls !== null")
    hold(page, 3.5, "w")
    assert viewer(page, "v.pose().position[2]") < 4.0 - 0.1
    assert "estimated from splat density" in page.inner_text("[data-part=note]")


def test_broken_walls_are_told_of_and_the_world_is_shown(room, tmp_path):
    page = enter(room, walls={"filename": "room.ply.walls", "type": "temp"})
    assert "load the walls" in page.inner_text("[data-part=note]")
    assert viewer(page, "v.motion.walk.walls") is None
    room.problems.clear()  # the browser's own line about the 404


def picture(page):
    data = page.evaluate(
        "async () => [...new Uint8Array(await (await window.matrix3d.viewers[0].screenshot()).arrayBuffer())]"
    )
    return np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB")).astype(float) / 255


def test_the_panorama_fits_the_splats_at_its_center(room, tmp_path):
    page = enter(room)
    viewer(page, "v.setPose({ position: [0, 0, 0], yaw: 0.5, pitch: -0.2 })")
    settle(page)
    splats = picture(page)
    page.keyboard.press("b")
    assert page.is_visible("[data-part=panorama-fade]")
    page.screenshot(path=tmp_path / "half.png")
    half = picture(page)
    viewer(page, "v.appearance.setPanoramaFade(1)")
    panorama = picture(page)
    assert np.abs(half - (splats + panorama) / 2).mean() < 0.01
    # Checks of half a meter: a mirrored or turned panorama gives 8 to 12 dB.
    assert -10 * math.log10(((panorama - splats) ** 2).mean()) > 19
    page.locator("[data-part=panorama-fade] input").focus()
    page.keyboard.press("ArrowLeft")
    assert viewer(page, "v.scene.sphere.share") == pytest.approx(0.99)
    page.keyboard.press("b")
    assert viewer(page, "v.scene.sphere.share") == 0


def test_the_panorama_is_seen_only_where_it_was_taken(room):
    page = enter(room)
    viewer(page, "v.appearance.setPanoramaFade(0.8)")
    assert viewer(page, "v.scene.sphere.share") == pytest.approx(0.8)
    viewer(page, "v.setPose({ position: [1, 0, 0.5] })")
    settle(page)
    assert viewer(page, "v.scene.sphere.share") == 0
    viewer(page, "v.appearance.setPanoramaFade(0.8)")
    assert viewer(page, "v.pose().position") == [0, 0, 0]
    assert "from where it was taken" in page.inner_text("[data-part=note]")
    # Taken elsewhere, turned to the right: 3 ahead of the origin, its front along +x.
    pose = [0, 0, -1, 3, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    page = enter(room, panorama_pose=pose)
    viewer(page, "v.appearance.setPanoramaFade(0.8)")
    assert viewer(page, "v.pose().position") == pytest.approx([0, 0, 3], abs=1e-9)
    assert viewer(page, "v.scene.sphere.share") == pytest.approx(0.8)


def test_the_provenance_view_paints_splats_by_their_origin(room, tmp_path):
    page = enter(room)
    settle(page)
    page.keyboard.press("m")
    settle(page)
    page.screenshot(path=tmp_path / "provenance.png")
    ahead = picture(page)
    assert (ahead[..., 1] > ahead[..., 0] + 0.1).mean() > 0.8, "green ahead: from the source"
    viewer(page, "v.setPose({ yaw: Math.PI })")
    settle(page)
    behind = picture(page)
    assert (behind[..., 0] > behind[..., 1] + 0.2).mean() > 0.6, "red behind: unobserved"
    legend = page.inner_text("[data-part=legend]")
    assert "source image" in legend
    assert "unobserved" in legend
    assert "generated" not in legend
    page.keyboard.press("m")
    assert not page.is_visible("[data-part=legend]")
    settle(page)
    again = picture(page)
    assert (again[..., 0] > again[..., 1] + 0.2).mean() < 0.2


def test_a_gamepad_walks_and_looks(room):
    page = enter(room)
    page.evaluate(
        """() => {
            window.pad = { connected: true, mapping: "standard", axes: [0, -1, 0, 0],
                buttons: Array.from({ length: 17 }, () => ({ pressed: false, value: 0 })) };
            navigator.getGamepads = () => [window.pad];
            window.dispatchEvent(new Event("gamepadconnected"));
        }"""
    )
    page.wait_for_function("() => window.matrix3d.viewers[0].pose().position[2] > 0.5", timeout=60_000)
    page.evaluate("() => { window.pad.axes = [0, 0, 1, 0]; }")
    page.wait_for_function("() => window.matrix3d.viewers[0].pose().yaw > 0.3", timeout=60_000)
    page.evaluate(
        "() => { window.pad.axes = [0, 0, 0, 0]; window.pad.buttons[0] = { pressed: true, value: 1 }; }"
    )
    page.wait_for_function(
        "() => window.matrix3d.viewers[0].recorder.recording.keys.length === 1", timeout=60_000
    )
    page.evaluate("() => { navigator.getGamepads = () => []; }")


def test_a_headset_is_offered_only_where_there_is_one(browser, room):
    page = enter(room)
    assert not page.is_visible("[data-action=vr]")
    with open_page(browser, width=480, height=300) as opened:
        opened.page.add_init_script(
            "Object.defineProperty(navigator, 'xr', { value: { isSessionSupported: async () => true,"
            "requestSession: async () => { throw new Error('no headset is worn'); } } });"
        )
        open_room(opened.page, room.address, FILE)
        assert opened.page.is_visible("[data-action=vr]")
        opened.page.click("[data-action=vr]")
        opened.page.wait_for_selector("[data-part=note]:not([hidden])")
        assert "no headset is worn" in opened.page.inner_text("[data-part=note]")
