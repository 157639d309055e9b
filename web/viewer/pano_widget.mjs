// Puts a panorama viewer into a node of the graph editor, in the canvas and in the Vue renderer.

import { tr } from "../i18n/translate.mjs";
import { addFrame, after, forwardToGraph, hideWidget } from "./graph_node.mjs";
import { readFrames } from "./pano_view.mjs";
import { PanoViewer } from "./pano_viewer.mjs";
import { ensureStyle } from "./style.mjs";

const PAYLOAD = "matrix3d_pano"; // of the node's `ui` output
const PROPERTY = "matrix3d_pano"; // where the workflow stores what was shown
const placeholder = () => tr("Run the workflow to see the panorama.");
const LEAST_HEIGHT = 200;
const START_SIZE = [460, 480];
const DEGREE = Math.PI / 180;
const VIEW_WIDGETS = /** @type {const} */ (["yaw", "pitch", "fov"]);

/**
 * @param {any} node of the graph editor
 * @param {{ apiURL(route: string): string }} api the host's
 * @param {any} app the host's
 */
export function attachPano(node, api, app) {
  ensureStyle();
  const viewer = new PanoViewer();
  viewer.showMessage(placeholder());
  const frame = addFrame(node, {
    name: "panorama_view",
    type: "MATRIX3D_PANORAMA",
    leastHeight: LEAST_HEIGHT,
    startSize: START_SIZE,
  });
  frame.append(viewer.element);
  forwardToGraph(frame, viewer.element, app);

  const find = (/** @type {string} */ name) => node.widgets?.find((/** @type {any} */ w) => w.name === name);
  let isOwnChange = false; // the change of a widget comes from the view
  const set = (/** @type {string} */ name, /** @type {number} */ value) => {
    const target = find(name);
    if (!target || target.value === value) return;
    target.value = value;
    target.callback?.(value);
  };
  /** Read the view from the widgets, which typing, undo and the workflow set. */
  const follow = () => {
    if (isOwnChange) return;
    const [yaw, pitch, fov] = VIEW_WIDGETS.map((name) => Number(find(name)?.value) * DEGREE);
    viewer.setView({ yaw, pitch, fov });
    const number = Number(find("frame")?.value) || 0;
    if (viewer.frames.length > 1 && viewer.index !== viewer.indexOf(number)) viewer.goTo(viewer.indexOf(number));
  };
  for (const name of [...VIEW_WIDGETS, "frame"]) {
    const target = find(name);
    if (target) after(target, "callback", follow);
  }
  viewer.onChange = (isDone) => {
    isOwnChange = true;
    for (const name of VIEW_WIDGETS) set(name, Number((viewer.view[name] / DEGREE).toFixed(1)) + 0);
    if (viewer.frames.length > 1) set("frame", viewer.frame);
    isOwnChange = false;
    node.setDirtyCanvas?.(true, true);
    if (isDone) app.extensionManager?.workflow?.activeWorkflow?.changeTracker?.checkState?.(); // mark as unsaved, for undo
  };

  const painted = find("paint");
  if (painted) {
    hideWidget(painted);
    viewer.brush.onChange = (text) => {
      painted.value = text;
      painted.callback?.(text);
      node.setDirtyCanvas?.(true, true);
      app.extensionManager?.workflow?.activeWorkflow?.changeTracker?.checkState?.();
    };
  }

  const addressOf = (/** @type {{ filename: string, subfolder: string, type: string }} */ file) => {
    const { filename, subfolder, type } = file;
    return api.apiURL(`/view?${new URLSearchParams({ filename, type, subfolder })}`);
  };
  const show = (/** @type {ReturnType<typeof readFrames>} */ files, /** @type {number} */ stamp) => {
    const frames = files.map((file) => ({ frame: file.frame, address: `${addressOf(file)}&seen=${stamp}` }));
    return viewer.show(frames, Number(find("frame")?.value) || 0);
  };

  after(node, "onExecuted", (/** @type {any} */ output) => {
    const files = readFrames(output?.[PAYLOAD]);
    if (!files.length) return;
    const isSame = viewer.image && JSON.stringify(node.properties?.[PROPERTY]) === JSON.stringify(files);
    node.setProperty?.(PROPERTY, files);
    if (!isSame) show(files, Date.now());
  });
  after(node, "onConfigure", restore);
  after(node, "onRemoved", () => viewer.dispose());
  restore();

  /** Show what the workflow stores, if the host still has the files. */
  async function restore() {
    follow();
    if (painted) viewer.brush.load(painted.value);
    const files = readFrames(node.properties?.[PROPERTY]);
    if (!files.length || viewer.frames.length) return;
    const { error } = await show(files, Date.now());
    if (error && viewer.frames.length === files.length) {
      viewer.frames = [];
      viewer.strip.hidden = true;
      viewer.showMessage(placeholder());
    }
  }
}
