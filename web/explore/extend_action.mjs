// The viewers' button "Extend from here": hands the pose to World Extend and queues the next segment.

import { tr } from "../words/words.mjs";
import { addViewerAction } from "../viewer/actions.mjs";
import { downstreamOf, extenderOf, makerOf, repeatSegment, wake } from "./segments.mjs";

const ICON = '<path d="M12 21V9m0 0l-5 5m5-5l5 5M5 4h14"/>';

/** @param {any} app the host's */
export function offerExtend(app) {
  addViewerAction({ id: "extend", label: tr("Extend from here"), short: tr("Extend"), key: "KeyX", icon: ICON, isFor: (viewer) => Boolean(viewer.node), run });

  /** @param {import("../viewer/actions.mjs").ActionPlace} place */
  async function run({ node, pose, tell }) {
    if (!node?.graph) throw new Error(tr("Extending needs the graph: open this world in its node."));
    let extender = extenderOf(node);
    const place = pose.position.map((v) => v.toFixed(1)).join(", ");
    let text = tr("Going on from {place}. The next segment is queued.", { place });
    if (!extender) {
      const maker = makerOf(node);
      if (!maker) {
        throw new Error(
          tr("No World Extend node takes this world. Add one (template: extend_world), connect it to the same splats, and press again."),
        );
      }
      extender = repeatSegment(node, maker, (kind) => /** @type {any} */ (window).LiteGraph.createNode(kind));
      set(extender, "only_seen", false); // its trajectory is that of an earlier segment
      for (const one of downstreamOf(extender)) makeRoom(one);
      text = tr("The segment was added once more below, to go on from this world. It is queued.");
    }
    wake(extender);
    set(extender, "pose", writePose(pose));
    node.graph.setDirtyCanvas?.(true, true);
    app.extensionManager?.workflow?.activeWorkflow?.changeTracker?.checkState?.(); // unsaved; undo knows it
    tell(text);
    await app.queuePrompt(0);
  }
}

/** @param {{ position: number[], yaw: number, pitch: number }} pose @returns {string} as World Extend reads it */
export function writePose({ position, yaw, pitch }) {
  const degrees = [yaw, pitch].map((angle) => Number(((angle * 180) / Math.PI).toFixed(2)) + 0);
  return JSON.stringify([...position.map((v) => Number(v.toFixed(4)) + 0), ...degrees]);
}

const MORE_SPLATS = 100_000;

/** Let a fit that goes on from a world add to it: a bound on the number of splats would soon be reached. @param {any} node */
function makeRoom(node) {
  const bound = node.comfyClass === "GSOptimize" && node.widgets?.find((/** @type {any} */ w) => w.name === "max_gaussians");
  if (bound?.value > 0) set(node, "max_gaussians", bound.value + MORE_SPLATS);
}

/** @param {any} node @param {string} name @param {unknown} value */
function set(node, name, value) {
  const widget = node.widgets?.find((/** @type {any} */ w) => w.name === name);
  if (!widget) return;
  widget.value = value;
  widget.callback?.(value);
}
