import assert from "node:assert/strict";
import { test } from "node:test";

import { poseFromMatrix } from "../../web/viewer/pose.mjs";
import {
  EMPTY,
  addSample,
  exportPath,
  matrixOf,
  moveItem,
  pathPoints,
  readRecording,
  pathLength,
  writeRecording,
} from "../../web/viewer/record.mjs";

const pose = (x, z, yaw = 0, pitch = 0) => ({ position: [x, 0, z], yaw, pitch });

test("a recording survives being written and read", () => {
  const recording = {
    walk: [{ time: 0, ...pose(0, 0) }, { time: 1.5, ...pose(0.25, 2, 0.5, -0.1) }],
    keys: [pose(1, 2, -3)],
    use: "keys",
    view: { ...pose(0, 1), fov: 1.1345 },
  };
  const back = readRecording(writeRecording(recording));
  assert.equal(back.use, "keys");
  assert.deepEqual(back.walk[1].position, [0.25, 0, 2]);
  assert.ok(Math.abs(back.walk[1].yaw - 0.5) < 2e-6); // four decimals of a degree
  assert.ok(Math.abs(back.view.fov - 1.1345) < 2e-6);
  assert.equal(writeRecording(back), writeRecording(recording));
});

test("nothing recorded is an empty text, and nonsense is nothing recorded", () => {
  assert.equal(writeRecording(EMPTY), "");
  for (const text of ["", "  ", "{", "[]", '{"walk": [[1, 2]]}', '{"keys": [[0, 0, 0, 0, "a"]]}', null, 7]) {
    assert.equal(writeRecording(readRecording(text)), "");
  }
});

test("samples are thinned, turns are kept, and a rest is not walked through", () => {
  const walk = [];
  addSample(walk, 0, pose(0, 0));
  for (let k = 1; k <= 100; k++) addSample(walk, k / 100, pose(0, k / 100));
  assert.ok(walk.length <= 30 && walk.length >= 18, `${walk.length} samples in a second`);
  assert.deepEqual(walk.at(-1).position, [0, 0, 1]);
  addSample(walk, 1.001, pose(0.0005, 1), true);
  addSample(walk, 1.002, pose(0.0015, 1), true);
  assert.deepEqual(walk.slice(-2).map((sample) => sample.time), [1.001, 1.002]);
  addSample(walk, 3, pose(0.0015, 1)); // stands
  addSample(walk, 4, pose(0.0015, 1), true); // a key goes down
  addSample(walk, 5, pose(0.1, 1));
  assert.deepEqual(walk.slice(-3).map((sample) => sample.time), [1.002, 4, 5]);
  assert.ok(Math.abs(pathLength(walk) - 1.1) < 1e-3);
});

test("items move within their list", () => {
  assert.deepEqual(moveItem(["a", "b", "c"], 0, 2), ["b", "c", "a"]);
  assert.deepEqual(moveItem(["a", "b", "c"], 2, 0), ["c", "a", "b"]);
  assert.deepEqual(moveItem(["a", "b", "c"], 1, 9), ["a", "c", "b"]);
});

test("the matrix of a pose leads back to it", () => {
  for (const given of [pose(1, 2, 0.3, 0.2), pose(-3, 0.5, -2.8, -1.2)]) {
    const back = poseFromMatrix(matrixOf(given));
    for (const [a, b] of [[back.yaw, given.yaw], [back.pitch, given.pitch], [back.position[2], given.position[2]]]) {
      assert.ok(Math.abs(a - b) < 1e-12);
    }
  }
});

test("a walk is exported as matrices, key poses as keyframes", () => {
  const walk = [{ time: 0, ...pose(1, 0) }];
  const written = JSON.parse(exportPath({ ...EMPTY, walk }));
  assert.deepEqual(written.poses[0][0], [1, 0, 0, -1]);
  assert.deepEqual([written.format, written.frame_of_reference], ["matrix3d-trajectory", "panorama"]);
  const keys = [pose(1, 0, Math.PI / 2)];
  assert.deepEqual(JSON.parse(exportPath({ ...EMPTY, keys, use: "keys" })), [
    { position: [1, 0, 0], yaw: 90, pitch: 0 },
  ]);
});

test("the drawn curve passes through the key poses", () => {
  const keys = [pose(0, 0), pose(1, 1), pose(2, 0)];
  const points = pathPoints({ ...EMPTY, keys, use: "keys" });
  for (const key of keys) assert.ok(points.some((p) => p.every((value, i) => Math.abs(value - key.position[i]) < 1e-12)));
});
