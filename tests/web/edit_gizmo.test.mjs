import assert from "node:assert/strict";
import { test } from "node:test";

import { dragged, handleAt, matrixOfPlacement } from "../../web/viewer/edit/gizmo_drag.mjs";
import { Steps, placementOf, valuesOf } from "../../web/viewer/edit/place_widgets.mjs";
import { headingOf, multiplied, onLevel, onVertical, placeIn, poseOfCamera, rayThrough, surfaceOn } from "../../web/viewer/edit/rays.mjs";

const near = (actual, expected, tolerance = 1e-9) =>
  assert.ok(
    actual.length === expected.length && actual.every((a, i) => Math.abs(a - expected[i]) <= tolerance),
    `${actual} is not ${expected}`,
  );
const LEVEL = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const rayTo = (point, origin = [0, 0, 0]) => {
  const way = point.map((p, i) => p - origin[i]);
  const length = Math.hypot(...way);
  return { origin, direction: way.map((part) => part / length) };
};
const at = (point) => ({ ray: rayTo(point), pixel: [0, 0] });

test("a pose of three.js becomes one of OpenCV", () => {
  // Splats are turned by 180 degrees about x; a camera of three.js at their origin sees them as OpenCV's does.
  const flip = [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1];
  near(poseOfCamera(LEVEL, flip), LEVEL);
  const moved = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, -2, 0, 3, 1]; // the camera is at (2, 0, -3) of three.js
  near(poseOfCamera(moved, flip), [1, 0, 0, -2, 0, 1, 0, 0, 0, 0, 1, -3, 0, 0, 0, 1]);
  near(multiplied(moved, flip).slice(12), [-2, 0, 3, 1]);
});

test("rays and places in the picture are inverses", () => {
  const [s, c] = [Math.sin(0.4), Math.cos(0.4)];
  const pose = [c, 0, -s, 0.3, 0, 1, 0, -0.2, s, 0, c, 0.5, 0, 0, 0, 1];
  for (const [x, y] of [[0.5, 0.5], [0.1, 0.9], [0.77, 0.2]]) {
    const { origin, direction } = rayThrough(pose, 1.1, 1.6, x, y);
    near([Math.hypot(...direction)], [1]);
    near(placeIn(pose, 1.1, 1.6, origin.map((o, i) => o + 3 * direction[i])), [x, y]);
    assert.equal(placeIn(pose, 1.1, 1.6, origin.map((o, i) => o - direction[i])), null);
  }
  near(rayThrough(LEVEL, Math.PI / 2, 2, 1, 0).direction.map((v) => v * Math.sqrt(6)), [2, -1, 1]);
});

test("rays meet the ground, the vertical and surfaces", () => {
  near(onLevel(rayTo([1, 1.5, 3]), [9, 1.5, 9]), [1, 1.5, 3]);
  assert.equal(onLevel(rayTo([1, -1, 3]), [0, 1.5, 3]), null);
  assert.equal(onLevel(rayTo([0, 1e-9, 3]), [0, 1.5, 3]), null); // nearly level: too far
  near([onVertical(rayTo([1, -0.7, 2]), [1, 5, 2])], [-0.7]);
  assert.equal(onVertical(rayTo([0, 1, 0]), [0, 1, 2]), null);
  near([headingOf([1, 0, 1], [2, 0, 1])], [Math.PI / 2]);
  const wall = (visit) => {
    for (const z of [5, 2, 3]) visit([0, 0, z], 0.1, 0.4);
    visit([0.5, 0, 1], 0.1, 1); // beside the ray
    visit([0, 0, -1], 0.1, 1); // behind
  };
  near([surfaceOn(rayTo([0, 0, 1]), wall)], [3]); // 0.6 * 0.6 of the light are left after the second
  assert.equal(surfaceOn(rayTo([0, -1, 0]), wall), null);
});

const START = { position: [1, 1.5, 4], yaw: 0.2, scale: 2 };

test("dragging on the ground follows the pointer and keeps the height", () => {
  const moved = dragged("ground", START, at([1, 1.5, 4]), at([0.2, 1.5, 5]), [0, 0]);
  near(moved.position, [0.2, 1.5, 5]);
  assert.deepEqual([moved.yaw, moved.scale], [0.2, 2]);
  const grabbed = dragged("ground", START, at([1.3, 1.5, 4.1]), at([1.4, 1.5, 4.2]), [0, 0]);
  near(grabbed.position, [1.1, 1.5, 4.1]);
  assert.equal(dragged("ground", START, at([1, 1.5, 4]), at([1, -3, 4]), [0, 0]), START); // into the sky
});

test("dragging up and down keeps the place on the ground", () => {
  near(dragged("up", START, at([1, 1, 4]), at([1, 0.4, 4]), [0, 0]).position, [1, 0.9, 4]);
});

test("turning follows the pointer around the center, right positive", () => {
  const quarter = dragged("turn", START, at([1, 1.5, 5]), at([2, 1.5, 4]), [0, 0]);
  near([quarter.yaw], [0.2 + Math.PI / 2]);
  near(quarter.position, START.position);
  const snapped = dragged("turn", START, at([1, 1.5, 5]), at([2, 1.5, 4]), [0, 0], true);
  near([(snapped.yaw / Math.PI) * 180], [105]);
  const far = dragged("turn", { ...START, yaw: 3 }, at([1, 1.5, 5]), at([2, 1.5, 4]), [0, 0]);
  near([far.yaw], [3 + Math.PI / 2 - 2 * Math.PI]);
});

test("sizing is by the distance to the center in the view", () => {
  const to = (pixel) => ({ ray: rayTo([0, 0, 1]), pixel });
  near([dragged("scale", START, to([130, 100]), to([160, 100]), [100, 100]).scale], [4]);
  near([dragged("scale", START, to([100, 130]), to([100, 115]), [100, 100]).scale], [1]);
  assert.ok(dragged("scale", START, to([130, 100]), to([100, 100]), [100, 100]).scale >= 1e-3);
});

test("the nearest handle within reach is taken", () => {
  const shapes = [
    { handle: "scale", points: [[10, 10]] },
    { handle: "turn", points: [[10, 10], [50, 50], [Infinity, Infinity]] },
  ];
  assert.equal(handleAt(shapes, [12, 10], 14), "scale"); // the first of equals
  assert.equal(handleAt(shapes, [45, 50], 14), "turn");
  assert.equal(handleAt(shapes, [30, 30], 14), null);
});

test("the matrix of a placement turns ahead to the right", () => {
  const m = matrixOfPlacement({ position: [1, 2, 3], yaw: Math.PI / 2, scale: 2 });
  const apply = (v) => [0, 4, 8].map((k) => m[k] * v[0] + m[k + 1] * v[1] + m[k + 2] * v[2] + m[k + 3]);
  near(apply([0, 0, 1]), [3, 2, 3]);
  near(apply([0, 1, 0]), [1, 4, 3]);
  near(apply([1, 0, 0]), [1, 2, 1]);
});

const RUN = { x: 0, y: 0, z: 3, yaw: 170, scale: 0.5, relation: "beside", anchor: "bench", on_ground: true };

test("placing by hand writes the widgets of the node", () => {
  const placement = { position: [1.23456, 1.5, 4], yaw: Math.PI / 9, scale: 2 };
  assert.deepEqual(valuesOf(RUN, placement, "ground"), { x: 1.235, y: 1.5, z: 4, yaw: -170, scale: 1, relation: "at", anchor: "" });
  assert.equal(valuesOf(RUN, placement, "up").on_ground, false);
  assert.deepEqual(Object.keys(valuesOf({ yaw: 0, scale: 1 }, placement, "turn")), ["x", "y", "z", "yaw", "scale"]);
});

test("widgets place the object where only they decide", () => {
  const center = [0.5, 1.6, 3];
  assert.deepEqual(placementOf(RUN, RUN, center), { position: center, yaw: 0, scale: 1 });
  assert.equal(placementOf(RUN, { ...RUN, anchor: "tree" }, center), null);
  assert.equal(placementOf(RUN, { ...RUN, x: 2 }, center), null);
  const free = { ...RUN, relation: "at", anchor: "", x: 2, yaw: 80, scale: 1 };
  const found = placementOf(RUN, free, center);
  near([...found.position, found.yaw, found.scale], [2, 1.6, 3, -Math.PI / 2, 2]);
  near(placementOf(RUN, { ...free, on_ground: false }, center).position, [2, 0, 3]);
  assert.equal(placementOf(RUN, { ...free, scale: 0 }, center), null);
});

test("steps go back and forth", () => {
  const steps = new Steps();
  for (const x of [1, 2, 3]) steps.push({ x }, START);
  assert.equal(steps.go(1), null);
  assert.deepEqual([steps.go(-1).values.x, steps.go(-1).values.x, steps.go(-1)], [2, 1, null]);
  steps.push({ x: 9 }, START);
  assert.deepEqual([steps.go(1), steps.go(-1).values.x], [null, 1]);
});
