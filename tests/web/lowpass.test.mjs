import assert from "node:assert/strict";
import { test } from "node:test";

import { LOWPASS_PX2, fittedLowpass, lowpassIn } from "../../web/viewer/lowpass.mjs";

const FOV = Math.PI / 2; // the focal length is half of the height

test("a picture is widened as the pictures of the fit were, whatever its size", () => {
  const radians = fittedLowpass(true, 50_000);
  assert.ok(Math.abs(lowpassIn(radians, FOV, 320) - LOWPASS_PX2) < 1e-12); // as large as the fit's: 160 px of focal length
  assert.ok(Math.abs(lowpassIn(radians, FOV, 1280) - 16 * LOWPASS_PX2) < 1e-9); // four times as wide
  assert.equal(lowpassIn(radians, FOV, 100), LOWPASS_PX2); // never less
});

test("dense worlds are widened by less than the way between their splats", () => {
  for (const count of [1e5, 3e5, 2e6]) {
    const spacing = Math.sqrt((4 * Math.PI) / count);
    assert.ok(fittedLowpass(true, count) <= 0.45 * spacing + 1e-12);
  }
});

test("splats fitted to photographs stay as sharp as in the viewers of their tools", () => {
  assert.equal(lowpassIn(fittedLowpass(false, 1e6), (65 / 180) * Math.PI, 1080), LOWPASS_PX2);
});
