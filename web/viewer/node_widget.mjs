// Puts a walk viewer into a node of the graph editor, in the canvas and in the Vue renderer.

import { tr } from "../i18n/translate.mjs";
import { addFrame, after, forwardToGraph, hideWidget } from "./graph_node.mjs";
import { queryOf, readFile } from "./source.mjs";
import { ensureStyle } from "./style.mjs";
import { WalkViewer } from "./viewer.mjs";

/** @typedef {import("./source.mjs").SplatFile} SplatFile */

const PAYLOAD = "matrix3d_splat"; // of the node's `ui` output
const PROPERTY = "matrix3d_world"; // where the workflow stores what was shown
const RECORDING = "recording"; // the widget that holds the recording
const placeholder = () => tr("Run the workflow to see the world.");
const LEAST_HEIGHT = 260;
const START_SIZE = [520, 640];

/** @type {Map<any, () => void>} nodes with an open viewer, and the function that closes it */
const opened = new Map();

/**
 * Close the viewers of nodes that are no longer in a graph. The editor does not notify nodes inside a subgraph when another
 * workflow replaces theirs.
 * @param {any} app the host's
 */
export function closeOrphans(app) {
  const root = app.rootGraph ?? app.graph;
  for (const [node, close] of [...opened]) {
    const { graph } = node;
    const isThere = graph && (graph === root || !root?.subgraphs?.get || root.subgraphs.get(graph.id) === graph);
    if (!isThere) close();
  }
}

/**
 * @param {any} node of the graph editor
 * @param {{ apiURL(route: string): string }} api the host's
 * @param {any} app the host's
 * @param {((viewer: WalkViewer) => void) | null} [equip] gives each new viewer of the node more tools
 */
export function attachViewer(node, api, app, equip = null) {
  ensureStyle();
  /** @type {WalkViewer | null} present while the node is in a graph: the editor also creates nodes only to copy them */
  let viewer = null;
  const frame = addFrame(node, {
    name: "world",
    type: "MATRIX3D_WORLD",
    leastHeight: LEAST_HEIGHT,
    startSize: START_SIZE,
  });
  forwardToGraph(frame, frame, app);
  const recording = node.widgets?.find((/** @type {any} */ w) => w.name === RECORDING);
  if (recording) hideWidget(recording);

  const open = () => {
    if (viewer) return;
    const made = (viewer = new WalkViewer());
    opened.set(node, close);
    setTimeout(() => closeOrphans(app)); // when the graph is complete
    made.node = node;
    made.showActions();
    made.showMessage(placeholder());
    frame.replaceChildren(made.element);
    if (recording) {
      made.recorder.onChange = (text) => {
        recording.value = text;
        recording.callback?.(text);
        node.setDirtyCanvas?.(true, true);
        app.extensionManager?.workflow?.activeWorkflow?.changeTracker?.checkState?.(); // mark as unsaved, for undo
      };
      made.recorder.refresh();
    }
    equip?.(made);
    restore();
  };

  const close = () => {
    viewer?.dispose();
    viewer = null;
    opened.delete(node);
  };

  /** @param {WalkViewer} where @param {SplatFile} file */
  const show = (where, file) => {
    const addressOf = (/** @type {SplatFile} */ one) => api.apiURL(`/view?${queryOf(one)}&seen=${Date.now()}`);
    const other = readFile(file.compare);
    return where.show(file, addressOf(file), null, other && { file: other, address: addressOf(other) });
  };

  after(node, "onExecuted", (/** @type {any} */ output) => {
    const file = readFile(output?.[PAYLOAD]?.[0]);
    if (!file || !viewer) return;
    const isSame = viewer.file && sameFile(viewer.file, file) && viewer.count > 0;
    node.setProperty?.(PROPERTY, file);
    if (isSame) viewer.file = file; // after a run that changed nothing, the camera stays
    else show(viewer, file);
    reportCollisions(viewer, file);
  });
  after(node, "onAdded", open);
  after(node, "onConfigure", restore);
  after(node, "onRemoved", close);
  if (node.graph) open();

  /** Report which frames of the recorded path collide with walls. @param {WalkViewer} where @param {SplatFile} file */
  async function reportCollisions(where, file) {
    const { frames = 0, hits = [] } = file.recorded ?? {};
    if (!hits.length) return;
    await where.ready;
    const values = { first: hits[0], count: hits.length, frames };
    const text =
      hits.length === 1
        ? tr("The path collides with walls at frame {first}.", values)
        : tr("The path collides with walls in {count} of {frames} frames, first at frame {first}.", values);
    where.overlay.notify(text, "error");
  }

  /** Show what the workflow stores, if the host still has the file. */
  async function restore() {
    const where = viewer;
    if (!where) return;
    if (recording) where.recorder.load(recording.value);
    const file = readFile(node.properties?.[PROPERTY]);
    if (!file || where.file) return;
    const { error } = await show(where, file);
    if (error && where.file === file) {
      where.file = null;
      where.showMessage(placeholder());
    }
  }
}

/** @param {SplatFile} a @param {SplatFile} b */
function sameFile(a, b) {
  const parts = (/** @type {SplatFile} */ file) => [
    queryOf(file),
    file.stamp,
    file.path ?? file.start_pose,
    ...[file.compare, file.walls, file.origins, file.panorama].map((part) => part ?? null),
  ];
  return JSON.stringify(parts(a)) === JSON.stringify(parts(b));
}
