// A visit: its three controllers, and the clock that late keys turn back.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Motion } from "../../web/viewer/motion.mjs";
import { wallsOfSplats } from "../../web/viewer/walls.mjs";

const close = (a, b, far = 1e-9) => a.forEach((v, i) => assert.ok(Math.abs(v - b[i]) < far, `${a} is not ${b}`));

/** A visit without pictures, and its events. */
function visit() {
  const said = { samples: [], forgotten: [], modes: [] };
  const motion = new Motion({
    fov: () => 1,
    medianDistance: () => 2,
    sample: (when) => said.samples.push(when),
    forget: (when) => said.forgotten.push(when),
    onMove: () => {},
    onMode: () => said.modes.push(motion.mode),
  });
  return { motion, said };
}

/** Hold a key for some seconds from rest, in pictures of 50 ms, until all is at rest. */
function hold(motion, code, seconds) {
  const now = performance.now();
  motion.changeInput(() => motion.pressedKeys.add(code), now);
  for (let at = 50; at < 1000 * seconds; at += 50) motion.tick(now + at);
  motion.changeInput(() => motion.pressedKeys.delete(code), now + 1000 * seconds);
  for (let at = 1000 * seconds; motion.tick(now + at); at += 50);
}

/** A wall across the way, at z = 2. */
function wall() {
  const splats = [];
  for (let x = -3; x <= 3; x += 0.1) for (let y = -3; y <= 3; y += 0.1) splats.push({ x, y, z: 2, weight: 1 });
  return wallsOfSplats(splats.length, (i) => splats[i], [0, 0, 0]);
}

test("flying goes where one looks, at the speed of walking, and walking stays level", () => {
  const { motion } = visit();
  const look = { position: [0, 0, 0], yaw: Math.PI / 2, pitch: Math.PI / 6 };
  motion.setPose(look);
  hold(motion, "KeyW", 1);
  close(motion.pose().position, [1.4, 0, 0], 2e-3);
  motion.setPose(look);
  motion.toggle("fly");
  hold(motion, "KeyW", 1);
  close(motion.pose().position, [1.4 * Math.cos(Math.PI / 6), -1.4 * Math.sin(Math.PI / 6), 0], 2e-3);
  assert.equal(motion.pose().mode, "fly");
  motion.setPose(look);
  motion.push(1, 2);
  close(motion.pose().position, [2.8 * Math.cos(Math.PI / 6), -2.8 * Math.sin(Math.PI / 6), -1.4]);
  motion.toggle("fly");
  assert.equal(motion.mode, "walk");
});

test("a wall that holds stops walking but not flying, and switching walls on ends the flight", () => {
  const { motion } = visit();
  motion.walk.walls = wall();
  motion.walk.hasGround = false;
  hold(motion, "KeyW", 3);
  assert.ok(motion.pose().position[2] < 2);
  motion.start({ position: [0, 0, 0], yaw: 0, pitch: 0 }, null);
  motion.enter("fly");
  assert.equal(motion.walls, null);
  hold(motion, "KeyW", 3);
  close(motion.pose().position, [0, 0, 4.2], 5e-3);
  motion.setCollision(true);
  assert.deepEqual([motion.mode, motion.walls], ["walk", motion.walk.walls]);
});

test("moving off ends an orbit at the eye, and goes on as before it", () => {
  for (const mode of /** @type {const} */ (["walk", "fly"])) {
    const { motion, said } = visit();
    motion.enter(mode);
    motion.toggle("orbit");
    motion.drag(100, 0, "look", 100); // half a circle
    close(motion.pose().position, [0, 0, 4]);
    const now = performance.now();
    motion.changeInput(() => motion.pressedKeys.add("KeyW"), now);
    assert.equal(motion.mode, mode);
    close(motion.pose().position, [0, 0, 4]);
    motion.tick(now + 200);
    assert.ok(motion.pose().position[2] < 4, "it goes where the orbit looked");
    assert.equal(said.modes.at(-1), mode);
  }
});

test("from an orbit one comes to a pose that is set, and to the start", () => {
  const { motion } = visit();
  motion.toggle("orbit");
  motion.setPose({ position: [1, 2, 3] });
  assert.deepEqual([motion.mode, motion.pose().position], ["walk", [1, 2, 3]]);
  motion.toggle("orbit");
  motion.start({ position: [4, 5, 6], yaw: 0.5, pitch: 0 }, null);
  assert.deepEqual(motion.pose(), { position: [4, 5, 6], yaw: 0.5, pitch: 0, mode: "walk" });
  motion.start({ position: [0, 0, 0], yaw: 0, pitch: 0 }, { target: [0, 0, 9], distance: 3, yaw: 0, pitch: 0 });
  assert.deepEqual([motion.mode, motion.pose().position], ["orbit", [0, 0, 6]]);
});

test("a key whose release arrives late ends the path where it was released, walking and flying", () => {
  for (const mode of /** @type {const} */ (["walk", "fly"])) {
    const { motion, said } = visit();
    motion.enter(mode);
    const now = performance.now();
    motion.changeInput(() => motion.pressedKeys.add("KeyW"), now);
    for (let at = 50; at <= 1500; at += 50) motion.tick(now + at);
    motion.changeInput(() => motion.pressedKeys.delete("KeyW"), now + 1000);
    for (let at = 1550; motion.tick(now + at); at += 50);
    close(motion.pose().position, [0, 0, 1.4], 2e-3);
    assert.equal(said.forgotten.length, 1);
    assert.equal(motion.lastStep, 0);
  }
});
