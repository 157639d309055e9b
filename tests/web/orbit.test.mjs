import assert from "node:assert/strict";
import { test } from "node:test";

import { dragOrbit, orbitFrom, panOrbit, poseOfOrbit, viewDirection, zoomOrbit } from "../../web/viewer/orbit.mjs";
import { PITCH_LIMIT } from "../../web/viewer/walk.mjs";

const near = (actual, expected, tolerance = 1e-9) =>
  assert.ok(actual.every((a, i) => Math.abs(a - expected[i]) <= tolerance), `${actual} is not ${expected}`);

const POSE = { position: [1, -0.5, 2], yaw: 0.6, pitch: -0.3 };

test("viewDirection is OpenCV's", () => {
  near(viewDirection(0, 0), [0, 0, 1]);
  near(viewDirection(Math.PI / 2, 0), [1, 0, 0]);
  near(viewDirection(0, Math.PI / 2), [0, -1, 0]); // up is -y
});

test("going into orbit and back changes nothing", () => {
  const back = poseOfOrbit(orbitFrom(POSE, 3));
  near(back.position, POSE.position);
  near([back.yaw, back.pitch], [POSE.yaw, POSE.pitch]);
});

test("dragging keeps the target and the distance", () => {
  const orbit = orbitFrom(POSE, 3);
  const dragged = dragOrbit(orbit, 120, -45, 400);
  near(dragged.target, orbit.target);
  const eye = poseOfOrbit(dragged).position;
  near([Math.hypot(...eye.map((e, i) => e - orbit.target[i]))], [3]);
});

test("the world follows the hand: dragging right brings the left side to the front", () => {
  const orbit = dragOrbit(orbitFrom({ position: [0, 0, 0], yaw: 0, pitch: 0 }, 2), 50, 0, 400);
  assert.ok(poseOfOrbit(orbit).position[0] < 0); // the eye went to the left of the target
  const lower = dragOrbit(orbitFrom({ position: [0, 0, 0], yaw: 0, pitch: 0 }, 2), 0, 50, 400);
  assert.ok(poseOfOrbit(lower).position[1] < 0); // and dragging down shows it from above
});

test("it never tips over", () => {
  let orbit = orbitFrom(POSE, 3);
  for (let i = 0; i < 100; i++) orbit = dragOrbit(orbit, 0, 40, 100);
  assert.equal(orbit.pitch, -PITCH_LIMIT);
});

test("panning keeps the point under the hand", () => {
  // A point at the target's depth, 2 * distance * tan(fov / 2) high in a view of 200 px: 100 px is one half of it.
  const orbit = orbitFrom({ position: [0, 0, 0], yaw: 0, pitch: 0 }, 4);
  near(panOrbit(orbit, 100, 0, 200, Math.PI / 2).target, [-4, 0, 4]);
  near(panOrbit(orbit, 0, 100, 200, Math.PI / 2).target, [0, -4, 4]);
  const turned = panOrbit(orbitFrom(POSE, 4), 30, 20, 200, 1);
  const eye = poseOfOrbit(turned).position;
  near(turned.target.map((t, i) => t - eye[i]), viewDirection(POSE.yaw, POSE.pitch).map((s) => 4 * s));
});

test("zooming in comes nearer, within limits", () => {
  const orbit = orbitFrom(POSE, 3);
  assert.ok(zoomOrbit(orbit, 1).distance < 3);
  near([zoomOrbit(zoomOrbit(orbit, 2), -2).distance], [3]);
  assert.ok(zoomOrbit(orbit, 1e4).distance > 0);
});
