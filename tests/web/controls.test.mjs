import assert from "node:assert/strict";
import { test } from "node:test";

import { meaning, inputOf } from "../../web/viewer/keys.mjs";
import { LEVELS, START_QUALITY, countFrame, isHeldUp } from "../../web/viewer/adaptive_quality.mjs";
import { fileFromQuery, megabytes, queryOf, readFile, shortCount } from "../../web/viewer/source.mjs";
import { stickInput, twoFingerMove } from "../../web/viewer/touch.mjs";

test("keys mean what the help says", () => {
  for (const code of ["KeyW", "KeyA", "KeyS", "KeyD", "KeyQ", "KeyE", "ArrowUp", "ArrowLeft"]) {
    assert.equal(meaning({ code }), "move");
  }
  assert.equal(meaning({ code: "KeyR" }), "reset");
  assert.equal(meaning({ code: "KeyF" }), "fullscreen");
  assert.equal(meaning({ code: "KeyP" }), "screenshot");
  assert.equal(meaning({ code: "KeyO" }), "orbit");
  assert.equal(meaning({ code: "KeyH" }), "help");
  assert.equal(meaning({ code: "ShiftLeft" }), "modifier");
  assert.equal(meaning({ code: "KeyX" }), null);
});

test("commands of the browser and the editor are left alone", () => {
  for (const held of ["ctrlKey", "altKey", "metaKey"]) assert.equal(meaning({ code: "KeyR", [held]: true }), null);
});

test("pressed keys add up to an input", () => {
  assert.deepEqual(inputOf(new Set()), { right: 0, up: 0, forward: 0, fast: false });
  assert.deepEqual(inputOf(new Set(["KeyW", "KeyA", "ShiftLeft"])), { right: -1, up: 0, forward: 1, fast: true });
  assert.deepEqual(inputOf(new Set(["KeyW", "ArrowUp"])).forward, 1);
  assert.equal(inputOf(new Set(["KeyW", "KeyS"])).forward, 0);
  assert.equal(inputOf(new Set(["KeyE"])).up, 1);
  assert.equal(inputOf(new Set(["KeyQ"])).up, -1);
  assert.equal(inputOf(new Set(["KeyD"]), { right: 0.6, forward: -0.2 }).right, 1);
  assert.equal(inputOf(new Set(), { right: 0.6, forward: -0.2 }).forward, -0.2);
});

test("two fingers: the world follows", () => {
  const before = [
    { x: 100, y: 100 },
    { x: 200, y: 100 },
  ];
  const shifted = before.map(({ x, y }) => ({ x: x - 50, y: y + 100 }));
  const way = twoFingerMove(before, shifted, 400);
  assert.ok(way.forward > 0 && way.right > 0);
  const spread = twoFingerMove(before, [{ x: 50, y: 100 }, { x: 250, y: 100 }], 400);
  assert.ok(spread.forward > 0 && Math.abs(spread.right) < 1e-9);
  const still = twoFingerMove(before, before, 400);
  assert.ok(still.forward === 0 && still.right === 0);
});

test("the stick: up is forward, never more than all the way, a touch is nothing", () => {
  assert.deepEqual(stickInput(0, -44, 44), { right: 0, forward: 1 });
  assert.deepEqual(stickInput(2, 2, 44), { right: 0, forward: 0 });
  const far = stickInput(300, -400, 44);
  assert.ok(Math.abs(Math.hypot(far.right, far.forward) - 1) < 1e-9);
});

const run = (quality, ms, frames) => {
  for (let i = 0; i < frames; i++) quality = countFrame(quality, ms);
  return quality;
};

test("slow graphics get fewer pixels, when that helps", () => {
  assert.equal(run(START_QUALITY, 16, 500).level, 0);
  let quality = run(START_QUALITY, 120, 6);
  assert.equal(quality.level, 2); // a small world has no coarser version of its splats
  quality = run(quality, 80, 6);
  assert.equal(quality.level, 3);
  quality = run(quality, 40, 100);
  assert.equal(quality.level, 3); // good enough: neither way
  assert.equal(run(quality, 12, 200).level, 0);
  assert.ok(LEVELS.every((level, i) => i === 0 || level.fineness <= LEVELS[i - 1].fineness));
});

test("very slow graphics need not wait for six pictures, nor does a single hitch count", () => {
  assert.equal(run(START_QUALITY, 2000, 1).level, 0);
  assert.equal(run(START_QUALITY, 2000, 2).level, 2);
  assert.equal(run(run(START_QUALITY, 2000, 2), 1000, 2).level, 3);
  assert.equal(run(countFrame(run(START_QUALITY, 16, 1), 300), 16, 100).level, 0);
});

test("pictures that waited for the hand say nothing of how slow drawing is", () => {
  assert.equal(isHeldUp(1000, 1016), true);
  assert.equal(isHeldUp(1000, 990), true); // it never stopped
  assert.equal(isHeldUp(1000, 1090), false);
  assert.equal(isHeldUp(0, 10), false);
  assert.equal(isHeldUp(1000, 0), false);
});

test("of a large world fewer splats are drawn first", () => {
  const large = (quality, ms, frames) => {
    for (let i = 0; i < frames; i++) quality = countFrame(quality, ms, true);
    return quality;
  };
  let quality = large(START_QUALITY, 120, 6);
  assert.equal(quality.level, 1);
  assert.ok(LEVELS[1].splats > 0 && LEVELS[1].fineness === 1 && LEVELS[0].splats === 0);
  quality = large(quality, 118, 6); // of no use alone: fewer pixels, too
  assert.equal(quality.level, 2);
  assert.equal(large(large(quality, 20, 61), 20, 61).level, 0);
});

test("fewer pixels that do not help are given back for good", () => {
  const quality = run(run(START_QUALITY, 120, 6), 118, 6);
  assert.equal(quality.level, 0);
  assert.equal(run(quality, 120, 200).level, 0);
});

test("only a plain splat file in the host's folders is accepted", () => {
  const file = readFile({ filename: "a b.spz", subfolder: "x/y", type: "temp", count: 3 });
  assert.equal(file.count, 3);
  assert.equal(queryOf(file), "filename=a+b.spz&type=temp&subfolder=x%2Fy");
  assert.equal(readFile({ filename: "w.ply" }).type, "output");
  for (const bad of [
    null,
    "w.ply",
    {},
    { filename: 3 },
    { filename: "w.html" },
    { filename: "../w.ply" },
    { filename: "a\\w.ply" },
    { filename: "w.ply", type: "models" },
    { filename: "w.ply", subfolder: 1 },
  ]) {
    assert.equal(readFile(bad), null);
  }
});

test("an address names a file", () => {
  const file = fileFromQuery(new URLSearchParams("filename=w.ply&type=temp&metric=1"));
  assert.deepEqual(file, { filename: "w.ply", subfolder: "", type: "temp", is_metric: true });
  assert.equal(fileFromQuery(new URLSearchParams("")), null);
});

test("numbers are short", () => {
  assert.deepEqual([0, 999, 1600, 123456, 2345678].map(shortCount), ["0", "999", "1.6k", "123k", "2.35M"]);
  assert.equal(shortCount(undefined), "");
  assert.equal(megabytes(1234567), "1.2 MB");
  assert.equal(megabytes(45e6), "45 MB");
});
