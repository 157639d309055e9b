import assert from "node:assert/strict";
import { test } from "node:test";

import { outputsOf } from "../../web/run_link.mjs";

const prompt = (/** @type {number} */ seed, prefix = "a") => ({
  1: { class_type: "Load", inputs: { image: "x.png" } },
  2: { class_type: "Fit", inputs: { image: ["1", 0], seed } },
  3: { class_type: "View", inputs: { splat: ["2", 0] } },
  4: { class_type: "Save", inputs: { splat: ["2", 0], prefix } },
});
const run = (/** @type {number} */ number, /** @type {any} */ of, /** @type {any} */ outputs) => ({
  prompt: [number, `run ${number}`, of],
  outputs,
});
const shown = (/** @type {any} */ entry, /** @type {any[]} */ ...history) => {
  const byId = Object.fromEntries(history.map((one) => [one.prompt[1], one]));
  return outputsOf({ fetchApi: async () => ({ ok: true, json: async () => byId }) }, entry);
};

test("what a run took from the cache comes from the newest earlier run of the node and all before it", async () => {
  const cached = run(7, prompt(1, "b"), { 4: "saved as b" });
  const found = await shown(
    cached,
    run(5, prompt(1), { 2: "newer fit", 3: "view", 4: "saved as a" }),
    cached,
    run(3, prompt(1), { 2: "older fit" }),
    run(9, prompt(1), { 2: "later fit" }),
  );
  assert.deepEqual(found, { 2: "newer fit", 3: "view", 4: "saved as b" });
});

test("nothing comes from a run of other values before the node", async () => {
  const entry = run(7, prompt(2), { 4: "saved" });
  const { 2: fit, 3: view, 4: save } = prompt(2);
  const found = await shown(entry, run(5, prompt(1), { 1: "picture", 2: "fit", 3: "view" }));
  assert.deepEqual(found, { 1: "picture", 4: "saved" });
  assert.deepEqual(await shown(entry, run(5, { 2: fit, 3: view, 4: save }, { 2: "fit", 3: "view" })), { 4: "saved" });
});
