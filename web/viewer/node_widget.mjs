// Puts a walk viewer into a node of the graph editor, in the canvas and in the Vue renderer.

import { queryOf, readFile } from "./source.mjs";
import { WalkViewer, ensureStyle } from "./viewer.mjs";

/** @typedef {import("./source.mjs").SplatFile} SplatFile */

const PAYLOAD = "matrix3d_splat"; // of the node's `ui` output
const PROPERTY = "matrix3d_world"; // where the workflow remembers what was shown
const RECORDING = "recording"; // the widget that holds what was recorded
const PLACEHOLDER = "Run the graph to see the world.";
const LEAST_HEIGHT = 260;
const START_SIZE = [480, 440];

/**
 * @param {any} node of the graph editor
 * @param {{ apiURL(route: string): string }} api the host's
 * @param {any} app the host's
 */
export function attachViewer(node, api, app) {
  ensureStyle();
  const viewer = new WalkViewer();
  viewer.say(PLACEHOLDER);
  const frame = document.createElement("div"); // the editor sets its size; the viewer fills it
  frame.style.cssText = "width:100%;height:100%;box-sizing:border-box;padding:2px";
  frame.append(viewer.element);
  forwardToGraph(frame, viewer, app);
  const widget = node.addDOMWidget("world", "MATRIX3D_WORLD", frame, {
    serialize: false, // not in the prompt
    hideOnZoom: false,
    getMinHeight: () => LEAST_HEIGHT,
  });
  widget.serialize = false; // nor in the workflow, whose widget values stay those of the inputs
  node.setSize?.([Math.max(node.size[0], START_SIZE[0]), Math.max(node.size[1], START_SIZE[1])]);

  /** @param {SplatFile} file */
  const show = (file) => viewer.show(file, api.apiURL(`/view?${queryOf(file)}&seen=${Date.now()}`));

  after(node, "onExecuted", (/** @type {any} */ output) => {
    const file = readFile(output?.[PAYLOAD]?.[0]);
    if (!file) return;
    const isSame = viewer.file && sameFile(viewer.file, file) && viewer.count > 0;
    node.setProperty?.(PROPERTY, file);
    if (!isSame) show(file); // a run that changed nothing leaves the visitor where he is
  });
  const recording = node.widgets?.find((/** @type {any} */ w) => w.name === RECORDING);
  if (recording) {
    hideWidget(recording);
    viewer.recorder.onChange = (text) => {
      recording.value = text;
      recording.callback?.(text);
      node.setDirtyCanvas?.(true, true);
      app.extensionManager?.workflow?.activeWorkflow?.changeTracker?.checkState?.(); // unsaved; undo knows it
    };
    viewer.recorder.refresh();
  }
  after(node, "onConfigure", restore);
  after(node, "onRemoved", () => viewer.dispose());
  restore();

  /** Show what the workflow remembers, if the host still has it. */
  async function restore() {
    if (recording) viewer.recorder.load(recording.value);
    const file = readFile(node.properties?.[PROPERTY]);
    if (!file || viewer.file) return;
    const { error } = await show(file);
    if (error && viewer.file === file) {
      viewer.file = null;
      viewer.say(PLACEHOLDER);
    }
  }
}

/**
 * Let wheel and middle button reach the graph while the view has not the focus, as over any other part of a
 * node. The Vue renderer does so by itself; over the canvas renderer an element hides the canvas.
 * @param {HTMLElement} frame
 * @param {WalkViewer} viewer
 * @param {any} app
 */
function forwardToGraph(frame, viewer, app) {
  const isHidingCanvas = () => !(/** @type {any} */ (window).LiteGraph?.vueNodesMode) && app.canvas?.canvas;
  frame.addEventListener(
    "wheel",
    (event) => {
      if (!isHidingCanvas() || viewer.element.contains(document.activeElement)) return;
      event.preventDefault();
      app.canvas.canvas.dispatchEvent(new WheelEvent("wheel", event));
    },
    { passive: false },
  );
  frame.addEventListener("pointerdown", (event) => {
    if (event.button !== 1 || !isHidingCanvas()) return;
    event.preventDefault();
    app.canvas.canvas.dispatchEvent(new PointerEvent("pointerdown", event));
  });
}

/** @param {SplatFile} a @param {SplatFile} b */
function sameFile(a, b) {
  return queryOf(a) === queryOf(b) && a.stamp === b.stamp && String(a.start_pose) === String(b.start_pose);
}

/**
 * Keep a widget's value in the workflow and in the prompt, but not on the node.
 * @param {any} widget
 */
function hideWidget(widget) {
  widget.hidden = true;
  widget.options = { ...widget.options, hidden: true };
  widget.computeSize = () => [0, -4]; // for renderers that do not know `hidden`
}

/**
 * Run `more` after a method of the node, which keeps its own.
 * @param {any} node
 * @param {string} name
 * @param {(...args: any[]) => void} more
 */
function after(node, name, more) {
  const own = node[name];
  node[name] = function (/** @type {any[]} */ ...args) {
    const result = own?.apply(this, args);
    more(...args);
    return result;
  };
}
