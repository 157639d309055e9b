import assert from "node:assert/strict";
import { test } from "node:test";

import { highlighted, ownColors } from "../../web/viewer/edit/highlight.mjs";
import { MOST_OPERATIONS, MOST_POINTS, Operations, thinned } from "../../web/viewer/edit/operations.mjs";

const click = (x) => ({ op: "click", mode: "add", origin: [0, 0, 0], direction: [x, 0, 1] });
const made = (...operations) => {
  const list = new Operations();
  for (const one of operations) list.push(one);
  return list;
};

test("undo and redo move along the list, and a new operation forgets what was undone", () => {
  const list = made(click(1), click(2));
  assert.deepEqual([list.canUndo, list.canRedo, list.applied], [true, false, 2]);
  list.undo();
  assert.deepEqual(list.last, click(1));
  list.redo();
  list.redo();
  assert.equal(list.applied, 2);
  list.undo();
  list.undo();
  list.undo();
  assert.deepEqual([list.applied, list.last, list.canUndo], [0, null, false]);
  list.push(click(3));
  assert.deepEqual(list.list, [click(3)]);
});

test("the text keeps what was undone", () => {
  const list = made(click(1), click(2));
  list.undo();
  const text = list.write();
  assert.deepEqual(JSON.parse(text), { version: 1, operations: [click(1), click(2)], applied: 1 });
  const again = new Operations();
  again.read(text);
  assert.equal(again.write(), text);
  assert.ok(again.canRedo);
});

test("nothing is an empty text, and a broken text is nothing", () => {
  const list = new Operations();
  assert.equal(list.write(), "");
  for (const text of ["", "{", "[]", "3", null, undefined, '{"operations": 3}', '{"operations": [null]}']) {
    list.read(text);
    assert.equal(list.write(), "");
  }
  list.read('{"operations": [{"op": "all"}], "applied": 99}');
  assert.equal(list.applied, 1);
});

test("clearing is an operation of its own, once", () => {
  const list = made(click(1));
  list.clear();
  list.clear();
  assert.deepEqual(list.list, [click(1), { op: "all", mode: "subtract" }]);
  list.undo();
  assert.deepEqual(list.last, click(1));
  assert.equal(new Operations().clear(), false);
});

test("amending changes the last operation that counts", () => {
  const list = made({ op: "sphere", center: [0, 0, 0], radius: 1 }, click(1));
  list.undo();
  list.amend({ radius: 1.234567891, center: [1, 2, 3] });
  assert.deepEqual(list.list, [{ op: "sphere", center: [1, 2, 3], radius: 1.234568 }]);
});

test("there are bounds", () => {
  const list = made(...Array.from({ length: MOST_OPERATIONS }, (_, i) => click(i)));
  assert.equal(list.push(click(0)), false);
  assert.equal(list.applied, MOST_OPERATIONS);
  const long = { op: "lasso", points: Array.from({ length: 40_000 }, () => [0.123456, 0.654321]) };
  assert.equal(new Operations().push(long), false);
});

test("numbers are written short", () => {
  const list = made({ op: "click", origin: [1 / 3, -0, 1e-9], direction: [0, 0, 1], tolerance: 0.15 });
  assert.equal(JSON.stringify(list.last.origin), "[0.3333333,0,1e-9]");
});

test("lines are thinned, and keep their ends", () => {
  const line = Array.from({ length: 10_001 }, (_, i) => [i / 10_000, 0]);
  const thin = thinned(line, 0.01);
  assert.ok(thin.length > 90 && thin.length < 103);
  assert.deepEqual([thin[0], thin.at(-1)], [[0, 0], [1, 0]]);
  assert.ok(thinned(line, 0).length <= MOST_POINTS);
  assert.deepEqual(thinned([[0, 0]], 1), [[0, 0]]);
});

test("the selected splats are highlighted, the others keep their colors", () => {
  const colors = [{ r: 0.2, g: 0.4, b: 1.2 }, { r: 0, g: -1, b: 0.5 }];
  const own = ownColors(2, (paint) => colors.forEach((color, i) => paint(i, color, 0.5)));
  assert.deepEqual([...own], [51, 102, 255, 128, 0, 0, 128, 128]);
  const { rgba, count } = highlighted(own, Uint8Array.of(0, 1));
  assert.equal(count, 1);
  assert.deepEqual([...rgba.slice(0, 4)], [51, 102, 255, 128]);
  assert.ok(rgba[4] > 150 && rgba[5] > 60 && rgba[6] < 60 && rgba[7] === 128);
});
