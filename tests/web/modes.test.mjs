import assert from "node:assert/strict";
import { test } from "node:test";

import { PAD_AT_REST, isPadActive, padActions, readPad } from "../../web/viewer/gamepad.mjs";
import { coverageOf, fadeAt } from "../../web/viewer/coverage_fade.mjs";
import { ORIGINS, originColors } from "../../web/viewer/provenance.mjs";
import { readPart } from "../../web/viewer/source.mjs";
import { brightnessOf } from "../../web/viewer/theme.mjs";

const pad = (axes = [0, 0, 0, 0], down = {}) => ({
  axes,
  buttons: Array.from({ length: 17 }, (_, i) => ({ pressed: (down[i] ?? 0) > 0.5, value: down[i] ?? 0 })),
});

test("sticks walk and look, and their dead zone is no input", () => {
  assert.ok(!isPadActive(readPad(pad([0.1, -0.1, 0.05, 0.1]))));
  const { move, turn } = readPad(pad([0, -1, 1, -1], { 7: 1, 5: 1 }));
  assert.deepEqual([move.right, move.forward, move.up, move.fast], [0, 1, 1, true]);
  assert.ok(turn.yaw > 0 && turn.pitch > 0, "right and up");
  assert.ok(Math.hypot(readPad(pad([1, -1])).move.right, readPad(pad([1, -1])).move.forward) < 1 + 1e-9);
});

test("a gamepad's button acts once, when it goes down", () => {
  const now = readPad(pad(undefined, { 2: 1, 7: 0.8 }));
  assert.deepEqual(padActions(PAD_AT_REST, now), ["record"]);
  assert.deepEqual(padActions(now, now), []);
});

test("a world is thin away from where it was seen from", () => {
  const coverage = coverageOf([0, 0, 0], [[0, 0, 0], [0, 0, 4], [4, 0, 4]], 4);
  assert.equal(fadeAt(coverage, [0, 0, 2], false).fade, 0);
  assert.equal(fadeAt(coverage, [3, 1, 4], false).fade, 0);
  const far = fadeAt(coverage, [0, 0, -6], false);
  assert.ok(far.fade > 0.3 && far.fade < 1 && /No camera was near/.test(far.why));
  assert.equal(fadeAt(coverage, [0, 0, -40], false).fade, 1);
  assert.match(fadeAt(coverage, [0, 0, 0], true).why, /inside a wall or outside/);
  const alone = coverageOf([1, 0, 0], [], 4);
  assert.equal(fadeAt(alone, [1, 0, 2.9], false).fade, 0);
  assert.ok(fadeAt(alone, [1, 0, 6], false).fade > 0.3);
});

test("splats are painted by their origin, unknown ones gray", () => {
  const { rgba, counts } = originColors(new Uint8Array([0, 1, 2, 255, 0]), 5, (paint) => {
    for (let i = 0; i < 5; i++) paint(i, 0.5, 1);
  });
  assert.deepEqual(counts, [2, 1, 1, 1]);
  ORIGINS.forEach(({ color }, i) =>
    color.forEach((part, k) => assert.ok(Math.abs(rgba[4 * i + k] - 255 * 0.7 * part) <= 1)),
  );
  assert.equal(rgba[3], 255);
});

test("parts of a world lie beside it, in the host's folders only", () => {
  const base = "/api/view?filename=w.ply&type=temp";
  assert.equal(
    readPart({ filename: "w.walls", subfolder: "m", type: "temp", stamp: 7 }, base),
    "/api/view?filename=w.walls&type=temp&subfolder=m&seen=7",
  );
  for (const bad of [null, 3, { filename: "w.html" }, { filename: "../w.walls" }, { filename: "w.walls", type: "x" }]) {
    assert.equal(readPart(bad, base), null);
  }
});

test("brightness of colors as style sheets write them", () => {
  assert.ok(brightnessOf(" #fff") > 0.99 && brightnessOf("#202020") < 0.2 && brightnessOf("rgb(240, 240, 240)") > 0.9);
  assert.equal(brightnessOf(""), null);
  assert.equal(brightnessOf("red"), null);
});
