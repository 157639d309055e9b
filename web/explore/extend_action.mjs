// The viewers' button "Extend from here": passes the pose to the node Extend World and queues the next segment.

import { tr } from "../i18n/translate.mjs";
import { addViewerAction } from "../viewer/actions.mjs";
import { addSegment, downstreamOf, extenderOf, isExtendable, makerOf, repeatSegment, setWidget as set, wake } from "./segments.mjs";

const ICON = '<path d="M12 21V9m0 0l-5 5m5-5l5 5M5 4h14"/>';

/** @param {any} app the host's */
export function offerExtend(app) {
  addViewerAction({
    id: "extend",
    get label() {
      return tr("Extend from here");
    },
    get short() {
      return tr("Extend");
    },
    key: "KeyX",
    icon: ICON,
    isFor: (viewer) => Boolean(viewer.node),
    run,
  });

  /** @param {import("../viewer/actions.mjs").ActionPlace} place */
  async function run({ viewer, node, pose, notify }) {
    if (!node?.graph) throw new Error(tr("Extending needs a workflow: open this world in its node in ComfyUI."));
    if (viewer.outside && viewer.outside.axes !== "RDF") {
      throw new Error(tr("The up axis was guessed. Rotate the splats upright with Transform Splats first, then extend."));
    }
    let extender = extenderOf(node);
    const place = pose.position.map((v) => v.toFixed(1)).join(", ");
    let text = tr("Continuing from {place}. The next segment is queued.", { place });
    if (!extender) {
      const maker = makerOf(node);
      const create = (/** @type {string} */ kind) => /** @type {any} */ (window).LiteGraph.createNode(kind);
      if (maker) {
        extender = repeatSegment(node, maker, create);
        set(extender, "only_observed", false); // its trajectory is that of an earlier segment
        for (const one of downstreamOf(extender)) makeRoom(one);
        text = tr("A copy of the segment was added below and continues from this world. It is queued.");
      } else {
        if (!isExtendable(node)) {
          throw new Error(tr("Only splats can be extended, but this node shows a file. Load the file with Load Splats and connect its output."));
        }
        extender = addSegment(node, create, viewer.count + MORE_SPLATS);
        text = tr("Added below: Extend World and the nodes that create the next segment. They are queued; undo removes them.");
      }
    }
    wake(extender);
    set(extender, "pose", writePose(pose));
    node.graph.setDirtyCanvas?.(true, true);
    app.extensionManager?.workflow?.activeWorkflow?.changeTracker?.checkState?.(); // mark as unsaved, for undo
    notify(text);
    await app.queuePrompt(0);
  }
}

/** @param {{ position: number[], yaw: number, pitch: number }} pose @returns {string} as Extend World reads it */
export function writePose({ position, yaw, pitch }) {
  const degrees = [yaw, pitch].map((angle) => Number(((angle * 180) / Math.PI).toFixed(2)) + 0);
  return JSON.stringify([...position.map((v) => Number(v.toFixed(4)) + 0), ...degrees]);
}

const MORE_SPLATS = 100_000;

/** Raise the maximum number of splats of a fit that continues from a world, so that it can add to it. @param {any} node */
function makeRoom(node) {
  const bound = node.comfyClass === "GSOptimize" && node.widgets?.find((/** @type {any} */ w) => w.name === "max_gaussians");
  if (bound?.value > 0) set(node, "max_gaussians", bound.value + MORE_SPLATS);
}
