import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { RADIUS, characterBody, standAt, stepCharacter } from "../../web/viewer/character.mjs";
import { startWalk } from "../../web/viewer/walk.mjs";
import { deepest, groundBelow, isSolid, isStuck, moveAlong, readWalls, wallsOfSplats } from "../../web/viewer/walls.mjs";

const CELL = 0.1;
const ROOM = { low: [-3, -1.2, -2], high: [3, 1.6, 4] };

/** A closed box room, optionally with things in it: each a test on a cell's middle. */
function room(...things) {
  const origin = ROOM.low.map((v) => v - CELL);
  const size = ROOM.low.map((v, i) => Math.round((ROOM.high[i] - v) / CELL) + 2);
  const bits = new Uint8Array(Math.ceil((size[0] * size[1] * size[2]) / 8));
  for (let z = 0; z < size[2]; z++)
    for (let y = 0; y < size[1]; y++)
      for (let x = 0; x < size[0]; x++) {
        const at = [x, y, z].map((k, i) => origin[i] + (k + 0.5) * CELL);
        const isWall = at.some((v, i) => v < ROOM.low[i] || v > ROOM.high[i]);
        if (!isWall && !things.some((thing) => thing(at))) continue;
        const index = x + size[0] * (y + size[1] * z);
        bits[index >> 3] |= 1 << (index & 7);
      }
  return { bits, size, origin, cell: CELL, isOutsideSolid: true, unit: 1 };
}

const ball = { radius: RADIUS, below: 0 };
const near = (actual, expected, tolerance) =>
  actual.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) <= tolerance, `${actual} is not ${expected}`));

/** Deterministic numbers in [0, 1). */
function random(seed) {
  let state = seed;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

test("a body stops at a wall, at its radius", () => {
  const { position, isHit } = moveAlong(room(), [0, 0, 0], [0, 0, 50], ball);
  assert.ok(isHit);
  near(position, [0, 0, 4 - RADIUS], 1e-3);
});

test("a body slides along a wall as far as the input goes along it", () => {
  const { position } = moveAlong(room(), [0, 0, 3], [1, 0, 4], ball);
  near(position, [1, 0, 4 - RADIUS], 1e-3);
  const corner = moveAlong(room(), [2, 0, 3], [9, 0, 9], ball).position;
  near(corner, [3 - RADIUS, 0, 4 - RADIUS], 1e-3);
});

test("no random walk ever leaves the room or enters the pillar", () => {
  const pillar = (at) => Math.hypot(at[0], at[2] - 2) < 0.4;
  const walls = room(pillar);
  const next = random(7);
  let position = [0, 0, 0];
  let hits = 0;
  for (let k = 0; k < 3000; k++) {
    const long = next() < 0.05 ? 20 : 0.3; // now and then faster than anybody walks
    const input = position.map((p, i) => p + (i === 1 ? 0.3 : 1) * long * (next() - 0.5));
    const moved = moveAlong(walls, position, input, ball);
    position = moved.position;
    hits += Number(moved.isHit);
    assert.ok(!deepest(walls, position, 0.999 * RADIUS), `step ${k} ends inside at ${position}`);
    position.forEach((p, i) => assert.ok(p > ROOM.low[i] + 0.9 * RADIUS && p < ROOM.high[i] - 0.9 * RADIUS));
  }
  assert.ok(hits > 100, `${hits} hits`);
});

test("deepest agrees with trying all cells", () => {
  const next = random(3);
  const walls = room((at) => next() < 0.02 && at[1] > 0);
  for (let k = 0; k < 300; k++) {
    const middle = ROOM.low.map((v, i) => v + next() * (ROOM.high[i] - v));
    const radius = 0.05 + 0.4 * next();
    let least = radius;
    const r = Math.ceil(radius / CELL) + 1;
    const base = middle.map((p, i) => Math.floor((p - walls.origin[i]) / CELL));
    for (let z = -r; z <= r; z++)
      for (let y = -r; y <= r; y++)
        for (let x = -r; x <= r; x++) {
          const cell = [base[0] + x, base[1] + y, base[2] + z];
          if (!isSolid(walls, ...cell)) continue;
          const gap = cell.map((c, i) => {
            const low = walls.origin[i] + c * CELL;
            return middle[i] - Math.min(Math.max(middle[i], low), low + CELL);
          });
          least = Math.min(least, Math.hypot(...gap));
        }
    const hit = deepest(walls, middle, radius);
    if (least < 0.999 * radius) assert.ok(Math.abs(hit.distance - least) < 1e-9);
    else assert.equal(hit, null);
  }
});

test("whoever is inside something may come out", () => {
  const walls = room((at) => at[2] > 3);
  assert.ok(isStuck(walls, [0, 0, 3.5], ball));
  assert.deepEqual(moveAlong(walls, [0, 0, 3.5], [0, 0, 2], ball).position, [0, 0, 2]);
});

const go = (walk, standing, walls, input, seconds, dt = 1 / 60) => {
  const full = { right: 0, up: 0, forward: 0, fast: false, ...input };
  let isHit = false;
  for (let t = 0; t < seconds - 1e-9; t += dt) {
    const next = stepCharacter(walk, full, dt, walls, standing);
    ({ walk, standing } = next);
    isHit ||= next.isHit;
  }
  return { walk, standing, isHit };
};

test("on level ground the way is speed times time, whatever the frame rate, and the height stays", () => {
  const walls = room();
  for (const dt of [1 / 144, 1 / 60, 1 / 11]) {
    const standing = standAt(walls, [0, 0, -1.5]);
    assert.ok(Math.abs(standing.eye - 1.6) < 1e-9);
    const walked = go(startWalk({ position: [0, 0, -1.5] }), standing, walls, { forward: 1 }, 2, dt);
    const stopped = go(walked.walk, walked.standing, walls, {}, 1, dt);
    const steps = Math.ceil(2 / dt - 1e-9) * dt;
    near(stopped.walk.position, [0, 0, -1.5 + 1.4 * steps], 1e-3);
    assert.ok(!walked.isHit);
  }
});

test("low things are stepped on, high ones are not, and one falls down a ledge", () => {
  const step = room((at) => at[2] > 1 && at[1] > 1.3);
  const up = go(startWalk(), standAt(step, [0, 0, 0]), step, { forward: 1 }, 2);
  assert.ok(up.walk.position[2] > 2.5 && Math.abs(up.walk.position[1] + 0.3) < 0.05, String(up.walk.position));
  const table = room((at) => at[2] > 1 && at[1] > 0.8);
  const before = go(startWalk(), standAt(table, [0, 0, 0]), table, { forward: 1 }, 2);
  assert.ok(before.isHit);
  assert.ok(Math.abs(before.walk.position[2] - (1 - RADIUS)) < 0.11, String(before.walk.position));
  const ledge = room((at) => at[2] < 1 && at[1] > 0.6);
  const down = go(startWalk({ position: [0, -1, 0] }), standAt(ledge, [0, -1, 0]), ledge, { forward: 1 }, 2);
  assert.ok(Math.abs(down.walk.position[1] - 0) < 0.05, String(down.walk.position));
});

test("a standing body keeps its knees out of walls, a flying one only its eye", () => {
  const walls = room((at) => at[2] > 1 && at[1] > 0.5 && at[1] < 0.9); // a bar at the height of the hip
  assert.ok(go(startWalk(), standAt(walls, [0, 0, 0]), walls, { forward: 1 }, 2).isHit);
  assert.ok(!go(startWalk(), null, walls, { forward: 1 }, 2).isHit);
  assert.equal(characterBody(walls, null).below, 0);
});

test("E and Q change the height of a standing eye within reason", () => {
  const walls = room();
  const high = go(startWalk(), standAt(walls, [0, 0, 0]), walls, { up: 1 }, 10);
  assert.ok(high.standing.eye < 2.7 && high.walk.position[1] < -0.5, String(high.walk.position));
});

test("ground is the mean over a small disk, and none is none", () => {
  const walls = room();
  assert.ok(Math.abs(groundBelow(walls, [0, 0, 0], 0.15, 10) - 1.6) < 1e-9);
  assert.equal(groundBelow({ ...walls, isOutsideSolid: false }, [50, 0, 0], 0.15, 10), null);
});

test("the file is read, and damage is refused", async () => {
  const walls = room();
  const header = JSON.stringify({ version: 1, size: walls.size, origin: walls.origin, cell: CELL, outside: true, unit: 1 });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const file = (bits) => new Uint8Array(Buffer.concat([Buffer.from("M3DWALLS"), length, Buffer.from(header), gzipSync(bits)]));
  const back = await readWalls(file(walls.bits));
  assert.deepEqual(back, walls);
  await assert.rejects(readWalls(file(walls.bits.slice(1))), /truncated/);
  await assert.rejects(readWalls(new Uint8Array([1, 2, 3])), /M3DWALLS/);
});

test("walls of splats: where they lie dense, but not around the eye", () => {
  const next = random(5);
  const splats = Array.from({ length: 40000 }, () => ({ x: 4 * next() - 2, y: 3 * next() - 1.5, z: 3 + 0.05 * next(), weight: 0.9 }));
  splats.push({ x: 0, y: 0, z: 0, weight: 1 });
  const walls = wallsOfSplats(splats.length, (i) => splats[i], [0, 0, 0]);
  const { position } = moveAlong(walls, [0, 0, 0], [0, 0, 8], ball);
  assert.ok(position[2] > 2.4 && position[2] < 2.95 - RADIUS + 0.1, String(position));
});
