// The key poses of the studio, and its questions to the host.
import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST_KEYS } from "../../web/studio/drawing.mjs";
import { PathModel } from "../../web/studio/path_model.mjs";
import { StudioClient } from "../../web/studio/studio_client.mjs";

test("keys are added ahead and in between, changed, chosen around and taken away", () => {
  const edits = [];
  const path = new PathModel((isDone) => edits.push([path.keys.length, path.selected, isDone]));
  path.addAfter(2);
  path.change({ 3: 90 }, false);
  path.addAfter(2);
  path.select(0);
  path.addAfter(2);
  assert.deepEqual(path.keys.map(([x, y, z]) => [x, y, Math.abs(z) < 1e-9]), [[0, 0, true], [1, 0, true], [2, 0, true]]);
  assert.deepEqual(edits, [[1, 0, true], [1, 0, false], [2, 1, true], [3, 1, true]]);
  path.selectNext(1);
  path.selectNext(1);
  assert.equal(path.selected, 0);
  path.selectNext(-1);
  path.remove();
  assert.deepEqual([path.keys.length, path.selected, path.key], [2, 1, path.keys[1]]);
  assert.equal(path.load(structuredClone(path.keys)), false);
  assert.equal(path.load(path.keys.slice(0, 1)), true);
  assert.equal(path.selected, 0);
  path.load(Array.from({ length: MOST_KEYS }, () => [0, 0, 0, 0, 0]));
  path.insert(0, [1, 1, 1, 1, 1]);
  assert.equal(path.keys.length, MOST_KEYS);
});

test("one question at a time, and the answer to the latest counts", async () => {
  const asked = [];
  const found = [];
  const client = new StudioClient(
    {
      json: async (name, { path, frames }) => {
        asked.push([name, JSON.parse(path).keys.length, frames]);
        if (asked.length === 1) client.check(() => assert.fail("the first one asks again")); // changed meanwhile
        keys.push([0, 0, 1, 0, 0]);
        return { poses: structuredClone(keys) };
      },
      picture: () => assert.fail("none was requested"),
    },
    { onFound: () => found.push(client.found?.poses.length), onPicture: () => {}, onError: assert.fail },
  );
  const keys = [[0, 0, 0, 0, 0]];
  const path = () => ({ keys, options: { frames: 2000, closed: false, ease: true, clearance: 0 } });
  client.check(path);
  assert.equal(client.isChecking, false, "there is no scene yet");
  client.scene = { token: "one", span: 1, unit: "m", presets: [] };
  client.check(path);
  await client.settled;
  assert.deepEqual(asked, [["check", 1, 1000], ["check", 2, 1000]]);
  assert.deepEqual(found, [3]);
  assert.equal(client.isChecking, false);
});
