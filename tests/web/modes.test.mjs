import assert from "node:assert/strict";
import { test } from "node:test";

import { PAD_AT_REST, isPadActive, padActions, readPad } from "../../web/viewer/gamepad.mjs";
import { coverageOf, fadeAt, fadeOfMap, qualityAt, slowedStep } from "../../web/viewer/coverage_fade.mjs";
import { ORIGINS, originColors } from "../../web/viewer/provenance.mjs";
import { readCoverage, readPart } from "../../web/viewer/source.mjs";
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

const MAP = { origin: [-2, 0, -2], cell: 1, quality: [0, 1, 2, 3, 4].map((row) => [0, 100, 100, 80, 20].map((v) => (row === 4 ? 0 : v))) };

test("a coverage map takes the place of the cameras, and its limit is soft", () => {
  assert.equal(qualityAt(MAP, [-1, 9, -2]), 1);
  assert.equal(qualityAt(MAP, [0.5, 0, 0]), 0.9);
  assert.equal(qualityAt(MAP, [0, 0, 1.75]), 0.25);
  assert.equal(qualityAt(MAP, [-9, 0, 0]), 0);
  const coverage = coverageOf([0, 0, 0], [], 100, MAP);
  assert.deepEqual(fadeAt(coverage, [1, 0, 0], false), { fade: 0, why: "" });
  const fades = [1.4, 1.6, 1.8, 2, 2.2, 2.6].map((x) => fadeAt(coverage, [x, 0, 0], false).fade);
  assert.ok(fades.every((fade, i) => i === 0 || fade > fades[i - 1] || fade === 1), String(fades));
  assert.equal(fades[5], 1);
  assert.match(fadeAt(coverage, [2.2, 0, 0], false, true).why, /Extend here \(X\)/);
  assert.match(fadeAt(coverage, [2.2, 0, 0], false, false).why, /Extend World in ComfyUI/);
  assert.equal(fadeAt(coverage, [0, 0, 0], true).fade, 1, "inside a wall");
  assert.equal(coverageOf([2, 0, 2], [], 4, MAP).map, null, "a map that calls the start bad is no help");
});

test("steps get shorter where the view fades, and not on the way back", () => {
  let eye = [0, 1, 0];
  for (let i = 0; i < 400; i++) eye = slowedStep(MAP, eye, [eye[0] + 0.02, 1, 0]);
  assert.ok(eye[0] > 1.9 && eye[0] < 2.4 && fadeOfMap(MAP, eye) > 0.9, String(eye));
  assert.deepEqual(slowedStep(MAP, eye, [eye[0] - 0.02, 1, 0]), [eye[0] - 0.02, 1, 0]);
  assert.deepEqual(slowedStep(MAP, [0, 0, 0], [0.5, 0, 0]), [0.5, 0, 0]);
  const leap = slowedStep(MAP, [0, 0, 0], [3, 2, 0]); // a frame of a second
  assert.ok(leap[0] > 1.5 && leap[0] < 2.2 && leap[1] === 2, String(leap));
  assert.deepEqual(slowedStep(null, [0, 0, 0], [9, 0, 0]), [9, 0, 0]);
});

test("only a coverage map of the known version is taken", () => {
  assert.deepEqual(readCoverage({ version: 1, ...MAP }), MAP);
  for (const bad of [null, 3, MAP, { version: 2, ...MAP }, { version: 1, ...MAP, quality: [[1], "x"] }, { version: 1, ...MAP, cell: 0 }]) {
    assert.equal(readCoverage(bad), null);
  }
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
