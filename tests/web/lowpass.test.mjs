import assert from "node:assert/strict";
import { test } from "node:test";

import { LOWPASS_PX2, lowpassIn } from "../../web/viewer/lowpass.mjs";

const FOV = Math.PI / 2; // the focal length is half of the height

test("splats fitted to photographs stay as sharp as in the viewers of their tools", () => {
  assert.equal(lowpassIn((65 / 180) * Math.PI, 1080), LOWPASS_PX2);
  assert.equal(lowpassIn(FOV, 100), LOWPASS_PX2); // never less
});

test("a picture finer than the photographs is widened as they were", () => {
  assert.ok(Math.abs(lowpassIn(FOV, 4000) - 4 * LOWPASS_PX2) < 1e-12); // twice as wide
});
