// The viewers' button "Extend from here": hands the pose to Extend World and queues the next segment.

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
  async function run({ viewer, node, pose, tell }) {
    if (!node?.graph) throw new Error(tr("Extending needs the graph: open this world in its node."));
    if (viewer.outside && viewer.outside.axes !== "RDF") {
      throw new Error(tr("What is up was guessed here. Turn the splats upright with Transform Splats first, and extend from there."));
    }
    let extender = extenderOf(node);
    const place = pose.position.map((v) => v.toFixed(1)).join(", ");
    let text = tr("Going on from {place}. The next segment is queued.", { place });
    if (!extender) {
      const maker = makerOf(node);
      const create = (/** @type {string} */ kind) => /** @type {any} */ (window).LiteGraph.createNode(kind);
      if (maker) {
        extender = repeatSegment(node, maker, create);
        set(extender, "only_seen", false); // its trajectory is that of an earlier segment
        for (const one of downstreamOf(extender)) makeRoom(one);
        text = tr("The segment was added once more below, to go on from this world. It is queued.");
      } else {
        if (!isExtendable(node)) {
          throw new Error(tr("Extending needs the splats themselves, and this view has a file. Read it with Load Splats and connect that."));
        }
        extender = addSegment(node, create, viewer.count + MORE_SPLATS);
        text = tr("Added below: Extend World and what makes the next part of this world. It is queued; undo takes it away.");
      }
    }
    wake(extender);
    set(extender, "pose", writePose(pose));
    node.graph.setDirtyCanvas?.(true, true);
    app.extensionManager?.workflow?.activeWorkflow?.changeTracker?.checkState?.(); // unsaved; undo knows it
    tell(text);
    await app.queuePrompt(0);
  }
}

/** @param {{ position: number[], yaw: number, pitch: number }} pose @returns {string} as Extend World reads it */
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
