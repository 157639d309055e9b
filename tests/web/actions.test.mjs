import assert from "node:assert/strict";
import { test } from "node:test";

import { actionOfKey, addViewerAction, onActionsChanged, viewerActions } from "../../web/viewer/actions.mjs";

test("an action is offered, found by its key, replaced by its id, and taken away", () => {
  let changes = 0;
  const stop = onActionsChanged(() => changes++);
  const first = addViewerAction({ id: "extend", label: "Extend", key: "KeyX", run: () => 1 });
  assert.equal(actionOfKey("KeyX")?.id, "extend");
  const second = addViewerAction({ id: "extend", label: "Go on", run: () => 2 });
  assert.deepEqual(viewerActions().map((action) => action.label), ["Go on"]);
  assert.equal(actionOfKey("KeyX"), undefined);
  first(); // replaced long ago: nothing to take away
  assert.equal(viewerActions().length, 1);
  second();
  assert.equal(viewerActions().length, 0);
  assert.equal(changes, 3);
  stop();
  assert.throws(() => addViewerAction({ id: "x", label: "" }), /needs id/);
});
