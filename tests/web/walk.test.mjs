import assert from "node:assert/strict";
import { test } from "node:test";

import {
  DEFAULT_SPEED,
  FAST,
  MOST_SECONDS,
  PITCH_LIMIT,
  NO_INPUT,
  changeSpeed,
  isMoving,
  rotateView,
  moveBy,
  startWalk,
  stepWalk,
  walkDirection,
  wrapAngle,
} from "../../web/viewer/walk.mjs";

const near = (actual, expected, tolerance = 1e-9) =>
  assert.ok(
    actual.length === expected.length && actual.every((a, i) => Math.abs(a - expected[i]) <= tolerance),
    `${actual} is not ${expected}`,
  );
const input = (parts) => ({ ...NO_INPUT, ...parts });

/** Hold an input for some seconds, then release it until the motion stops; time in steps of `dt`. */
function hold(walk, held, seconds, dt) {
  for (let left = seconds; left > 1e-12; left -= dt) walk = stepWalk(walk, held, Math.min(dt, left));
  for (let i = 0; i < 1000 && isMoving(walk); i++) walk = stepWalk(walk, NO_INPUT, dt);
  return walk;
}

test("starts at the origin, level, looking along +z", () => {
  const walk = startWalk();
  assert.deepEqual([walk.position, walk.yaw, walk.pitch, walk.speed], [[0, 0, 0], 0, 0, DEFAULT_SPEED]);
});

test("directions are OpenCV's: x right, y down, z forward", () => {
  near(walkDirection(0, input({ forward: 1 })), [0, 0, 1]);
  near(walkDirection(0, input({ right: 1 })), [1, 0, 0]);
  near(walkDirection(0, input({ up: 1 })), [0, -1, 0]);
  near(walkDirection(Math.PI / 2, input({ forward: 1 })), [1, 0, 0]); // turned right, ahead is +x
  near(walkDirection(Math.PI / 2, input({ right: 1 })), [0, 0, -1]);
});

test("a diagonal is no faster than straight on, half a push stays half", () => {
  near([Math.hypot(...walkDirection(0.7, input({ forward: 1, right: 1, up: 1 })))], [1]);
  near([Math.hypot(...walkDirection(0.7, input({ forward: 0.5 })))], [0.5]);
});

for (const dt of [1 / 240, 1 / 60, 1 / 7, 1]) {
  test(`the way walked is speed times time, whatever the frame rate (${dt.toFixed(4)} s)`, () => {
    // Start and stop cancel exactly; what is dropped below a thousandth of the speed is 0.06 * 1e-3 * speed.
    const walk = hold(startWalk(), input({ forward: 1 }), 2, dt);
    near(walk.position, [0, 0, 2 * DEFAULT_SPEED], 1e-4);
  });
}

test("shift is three times as fast", () => {
  near(hold(startWalk(), input({ right: -1, fast: true }), 1, 0.01).position, [-FAST * DEFAULT_SPEED, 0, 0], 3e-4);
});

test("walking keeps the eye's height wherever one looks", () => {
  for (const pitch of [-1.4, 0.3, 1.4]) {
    const walk = hold(startWalk({ pitch, yaw: 0.4 }), input({ forward: 1, right: 0.3 }), 1, 0.02);
    assert.equal(walk.position[1], 0);
    assert.ok(Math.hypot(...walk.position) > 1);
  }
});

test("a long pause is not a leap", () => {
  const moving = stepWalk(startWalk(), input({ forward: 1 }), 3600);
  assert.ok(moving.position[2] <= MOST_SECONDS * DEFAULT_SPEED);
  assert.deepEqual(stepWalk(startWalk(), input({ forward: 1 }), -5).position, [0, 0, 0]);
});

test("it comes to rest exactly", () => {
  const walk = hold(startWalk(), input({ forward: 1 }), 0.5, 0.02);
  assert.deepEqual(walk.velocity, [0, 0, 0]);
  assert.equal(isMoving(walk), false);
});

test("dragging right looks right, dragging down looks down, and the neck has its limits", () => {
  const walk = rotateView(startWalk(), 100, 50, 0.01);
  near([walk.yaw, walk.pitch], [1, -0.5]);
  assert.equal(rotateView(walk, 0, -1e6, 0.01).pitch, PITCH_LIMIT);
  assert.equal(rotateView(walk, 0, 1e6, 0.01).pitch, -PITCH_LIMIT);
});

test("angles stay in [-pi, pi)", () => {
  for (const angle of [-10, -Math.PI, 0, 3, Math.PI, 100]) {
    const wrapped = wrapAngle(angle);
    assert.ok(wrapped >= -Math.PI && wrapped < Math.PI);
    near([Math.cos(wrapped), Math.sin(wrapped)], [Math.cos(angle), Math.sin(angle)], 1e-12);
  }
});

test("gestures move along where one looks", () => {
  near(moveBy(startWalk({ position: [1, 2, 3], yaw: Math.PI / 2 }), 1, 2).position, [3, 2, 2]);
});

test("the wheel changes the speed by ratio and within limits", () => {
  const walk = startWalk();
  near([changeSpeed(changeSpeed(walk, 3), -3).speed], [DEFAULT_SPEED]);
  assert.ok(changeSpeed(walk, 1e3).speed <= 200);
  assert.ok(changeSpeed(walk, -1e3).speed >= 0.02);
});

test("states are never changed in place", () => {
  const walk = Object.freeze({ ...startWalk(), position: Object.freeze([0, 0, 0]), velocity: Object.freeze([0, 0, 0]) });
  stepWalk(walk, input({ forward: 1 }), 0.1);
  rotateView(walk, 1, 1, 0.1);
  moveBy(walk, 1, 1);
  changeSpeed(walk, 1);
});
