import assert from "node:assert/strict";
import { test } from "node:test";

import { basisOf, clampView, dragView, readFrames, sourceOf, zoomView } from "../../web/viewer/pano_view.mjs";

const close = (a, b, tolerance = 1e-9) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);
const DEGREE = Math.PI / 180;

test("the middle of the view is where it looks", () => {
  for (const [yaw, pitch, u, v] of [[0, 0, 0.5, 0.5], [90, 0, 0.75, 0.5], [-90, 30, 0.25, 0.5 - 30 / 180], [0, -90, 0.5, 1]]) {
    const [across, down] = sourceOf(clampView({ yaw: yaw * DEGREE, pitch: pitch * DEGREE }), 0, 0, 1.5);
    if (Math.abs(pitch) < 90) close(across, u);
    close(down, v);
  }
});

test("the edges of the view are half its field of view away, right is right and up is up", () => {
  const view = clampView({ fov: 80 * DEGREE });
  close(sourceOf(view, 1, 0, 2)[0], 0.5 + 40 / 360);
  close(sourceOf(view, 0, -1, 2)[1], 0.5 - Math.atan(Math.tan(40 * DEGREE) / 2) / Math.PI);
});

test("dragging keeps what is in the middle under the hand", () => {
  const view = clampView({ fov: 60 * DEGREE });
  const width = 600;
  const moved = dragView(view, 6, -3, width);
  const [u, v] = sourceOf(moved, 6 / 300, -3 / 300, 1); // where the hand is now, in a square view
  close(u, 0.5, 1e-5);
  close(v, 0.5, 1e-5);
});

test("looks stay in range and odd values are replaced", () => {
  assert.deepEqual(clampView({ yaw: NaN, pitch: 9, fov: 0 }), { yaw: 0, pitch: Math.PI / 2, fov: 10 * DEGREE });
  close(clampView({ yaw: 3 * Math.PI }).yaw, -Math.PI);
  assert.ok(zoomView(clampView({}), 2).fov < Math.PI / 2);
});

test("the basis is a rotation", () => {
  const b = basisOf({ yaw: 0.7, pitch: 0.4 });
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      close([0, 1, 2].reduce((sum, k) => sum + b[3 * i + k] * b[3 * j + k], 0), i === j ? 1 : 0);
    }
  }
});

test("only files of the payload are taken", () => {
  const good = { filename: "pano_00001_f00000.jpg", subfolder: "matrix3d", type: "temp", frame: 0 };
  const bad = [{ ...good, filename: "../x.jpg" }, { ...good, type: "output" }, { ...good, frame: "0" }, null, 3];
  assert.deepEqual(readFrames([good, ...bad]), [good]);
  assert.deepEqual(readFrames("x"), []);
});
