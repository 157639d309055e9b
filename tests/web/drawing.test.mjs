// Drawn paths: what is stored, and where keys lie on the map and in the panorama.

import assert from "node:assert/strict";
import test from "node:test";
import {
  changed, draggedInPanorama, fromMap, keyAt, keyBefore, nearest, readDrawing, toMap, toPanorama, withKey, writeDrawing, zoomed,
} from "../../web/studio/drawing.mjs";

const VIEW = { x: 1, z: 2, span: 10, width: 400, height: 200 };
const close = (a, b, most = 1e-9) => a.forEach((v, i) => assert.ok(Math.abs(v - b[i]) <= most, `${a} is not ${b}`));

test("what is stored comes back, rounded to a tenth of a millimeter", () => {
  const keys = [[0, 0, 0, 0, 0], [1.00001, -0.5, 2, 90, -10]];
  const text = writeDrawing(keys);
  assert.deepEqual(readDrawing(text), [keys[0], [1, -0.5, 2, 90, -10]]);
  assert.equal(JSON.parse(text).use, "keys");
  assert.equal(writeDrawing([]), "");
});

test("nonsense is no drawing", () => {
  for (const bad of [null, 5, "", "x", "{}", '{"keys": 3}', '{"version": 9, "keys": [[0,0,0,0,0]]}']) assert.deepEqual(readDrawing(bad), []);
  assert.deepEqual(readDrawing('{"keys": [[0,0,0,0], [1,2,3,4,5], ["a",0,0,0,0]]}'), [[1, 2, 3, 4, 5]]);
});

test("the map has forward up and right to the right, 20 pixels per unit here", () => {
  close(toMap(VIEW, 1, 2), [200, 100]);
  close(toMap(VIEW, 2, 2), [220, 100]);
  close(toMap(VIEW, 1, 3), [200, 80]);
  close(fromMap(VIEW, 260, 60), [4, 4]);
});

test("zooming keeps the place under the hand", () => {
  const before = fromMap(VIEW, 300, 40);
  const after = zoomed(VIEW, 2, 300, 40);
  assert.equal(after.span, 20);
  close(fromMap(after, 300, 40), before);
});

test("the panorama's middle is ahead, its right half to the right, its upper half up", () => {
  close(toPanorama([0, 0, 3]), [0.5, 0.5]);
  close(toPanorama([2, 0, 0]), [0.75, 0.5]);
  close(toPanorama([0, -1, 1]), [0.5, 0.25]);
  assert.equal(toPanorama([0, 0, 0]), null);
  const moved = draggedInPanorama([0, 0, 2, 0, 0], 0.75, 0.25);
  close([moved[0], moved[1], moved[2]], [2, -2, 0], 1e-6); // 2 to the right, as high as it is far
});

test("a new key faces the way the path comes, at the same height", () => {
  close(keyAt([], -1, 1, 2), [1, 0, 2, 0, 0]);
  close(keyAt([[0, -0.5, 0, 0, 20]], 0, 2, 0), [2, -0.5, 0, 90, 0]);
  assert.equal(withKey([[1], [3]], 1, [2]).length, 3);
});

test("angles wrap and stay in range", () => {
  const keys = [[0, 0, 0, 170, 0]];
  assert.equal(changed(keys, 0, { 3: 190 })[0][3], -170);
  assert.equal(changed(keys, 0, { 4: 120 })[0][4], 90);
  assert.equal(changed(keys, 0, { 0: NaN })[0][0], 0);
  assert.equal(keys[0][3], 170);
});

test("what is nearest to the hand", () => {
  assert.equal(nearest([[0, 0], [10, 0], null], 9, 1, 5), 1);
  assert.equal(nearest([[0, 0]], 9, 1, 5), -1);
});

test("a click on the curve finds the keys around it", () => {
  const keys = [[0, 0, 0, 0, 0], [0, 0, 4, 0, 0], [4, 0, 4, 0, 0]];
  const poses = [...Array(5).keys()].map((k) => [0, 0, k]).concat([1, 2, 3, 4].map((k) => [k, 0, 4]));
  assert.equal(keyBefore(keys, poses, 2), 0);
  assert.equal(keyBefore(keys, poses, 6), 1);
});
