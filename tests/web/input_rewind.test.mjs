import assert from "node:assert/strict";
import { test } from "node:test";

import { momentAt, remember } from "../../web/viewer/input_rewind.mjs";
import { NO_INPUT, isMoving, startWalk, stepWalk } from "../../web/viewer/walk.mjs";

const moment = (time) => ({ time, position: [0, 0, time], velocity: [0, 0, 0], standing: null, isSettling: false });

test("the moment of a time is the last one before it", () => {
  const moments = [100, 120, 150].reduce((all, time) => remember(all, moment(time)), []);
  assert.equal(momentAt(moments, 149).time, 120);
  assert.equal(momentAt(moments, 150).time, 150);
  assert.equal(momentAt(moments, 999).time, 150);
  assert.equal(momentAt(moments, 99), null);
  assert.equal(momentAt([], 99), null);
});

test("what lies long back is forgotten", () => {
  let moments = [];
  for (let time = 0; time <= 10_000; time += 16) moments = remember(moments, moment(time));
  assert.ok(moments.length < 130, `${moments.length} moments`);
  assert.equal(momentAt(moments, 9000).time, 8992);
});

test("a key whose release arrives late ends the walk where it was released", () => {
  const forward = { ...NO_INPUT, forward: 1 };
  let walk = startWalk();
  let moments = [];
  for (let time = 0; time < 1000; time += 100) {
    moments = remember(moments, { ...moment(time), position: walk.position, velocity: walk.velocity });
    walk = stepWalk(walk, forward, 0.1);
  }
  const { time, position, velocity } = momentAt(moments, 730);
  walk = stepWalk({ ...walk, position, velocity }, forward, (730 - time) / 1000);
  for (let i = 0; i < 100 && isMoving(walk); i++) walk = stepWalk(walk, NO_INPUT, 0.1);
  assert.ok(Math.abs(walk.position[2] - 1.4 * 0.73) < 2e-3, `${walk.position}`);
});
