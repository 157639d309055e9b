// Painting on the sphere, and how it is stored.

import assert from "node:assert/strict";
import test from "node:test";
import { dab, emptyMask, MASK_HEIGHT, MASK_WIDTH, readMask, share, stroke, writeMask } from "../../web/viewer/pano_mask.mjs";

const cap = (radius) => (1 - Math.cos(radius)) / 2; // share of the sphere within an angle

test("a dab covers the same part of the sphere wherever it is", () => {
  for (const [u, v] of [[0.5, 0.5], [0.999, 0.5], [0.2, 0.1], [0.7, 0], [0.3, 1]]) {
    const mask = emptyMask();
    dab(mask, u, v, 0.3, 1);
    assert.ok(Math.abs(share(mask) / cap(0.3) - 1) < 0.02, `${u} ${v}: ${share(mask)} is not ${cap(0.3)}`);
  }
});

test("a dab on the border is on both sides of it", () => {
  const mask = emptyMask();
  dab(mask, 0, 0.5, 0.1, 1);
  const row = (MASK_HEIGHT / 2) * MASK_WIDTH;
  assert.deepEqual([mask[row], mask[row + MASK_WIDTH - 1], mask[row + MASK_WIDTH / 2]], [1, 1, 0]);
});

test("a stroke has no gaps, goes the short way around, and can be wiped off", () => {
  const mask = emptyMask();
  stroke(mask, [0.95, 0.5], [0.05, 0.5], 0.03, 1);
  const row = (MASK_HEIGHT / 2) * MASK_WIDTH;
  for (let column = -51; column <= 51; column++) assert.equal(mask[row + ((column + MASK_WIDTH) % MASK_WIDTH)], 1);
  assert.equal(mask[row + MASK_WIDTH / 2], 0);
  stroke(mask, [0.95, 0.5], [0.05, 0.5], 0.05, 0);
  assert.equal(share(mask), 0);
});

test("what is painted comes back from its text", () => {
  const mask = emptyMask();
  dab(mask, 0.4, 0.3, 0.4, 1);
  dab(mask, 0.4, 0.3, 0.2, 0);
  const text = writeMask(mask);
  assert.ok(text.length < 12_000, `${text.length} characters`);
  assert.deepEqual(readMask(text), mask);
  assert.equal(writeMask(emptyMask()), "");
  const full = emptyMask().fill(1);
  assert.equal(writeMask(full), "mask1:1024x512:0,b8jk"); // the same text as in test_brush.py
  assert.deepEqual(readMask(writeMask(full)), full);
});

test("nonsense is an empty mask", () => {
  for (const bad of [null, "", "x", "mask1:8x4:1,2", "mask1:1024x512:zzzzzzz,1", "mask1:1024x512:!"]) assert.equal(share(readMask(bad)), 0);
});
