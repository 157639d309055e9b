// Puts the studio for camera paths into a node of the graph editor, in the canvas and in the Vue renderer.

import { addFrame, after, forwardToGraph, hideWidget } from "../viewer/graph_node.mjs";
import { ensureStyle } from "../viewer/style.mjs";
import { readDrawing, writeDrawing } from "./drawing.mjs";
import { Studio } from "./studio.mjs";
import { texts } from "./texts.mjs";

const PAYLOAD = "matrix3d_studio"; // of the node's `ui` output
const PROPERTY = "matrix3d_studio"; // where the workflow stores the scene
const DRAWING = "path"; // the widget that holds what was drawn
const OPTIONS = ["frames", "closed", "ease", "clearance"];
const LEAST_HEIGHT = 420;
const START_SIZE = [820, 860];

/** @param {any} value @returns {import("./studio_client.mjs").Scene | null} */
function readScene(value) {
  if (typeof value?.token !== "string" || !(value.span > 0) || !Array.isArray(value.presets)) return null;
  return value;
}

/**
 * @param {any} node of the graph editor
 * @param {any} api the host's
 * @param {any} app the host's
 */
export function attachStudio(node, api, app) {
  ensureStyle();
  ensureStyle("../studio/studio.css");
  const find = (/** @type {string} */ name) => node.widgets?.find((/** @type {any} */ w) => w.name === name);

  /** @param {string} name @param {object} question @returns {Promise<Response>} */
  const post = async (name, question) => {
    let reply;
    try {
      reply = await api.fetchApi(`/matrix3d/studio/${name}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(question),
      });
    } catch {
      throw new Error(texts().offline);
    }
    if (reply.ok) return reply;
    const { error } = await reply.json().catch(() => ({ error: "" }));
    throw new Error(reply.status === 404 && !error ? texts().gone : error || texts().offline);
  };
  const ask = {
    json: async (/** @type {string} */ name, /** @type {object} */ question) => (await post(name, question)).json(),
    picture: async (/** @type {string} */ name, /** @type {object} */ question) => {
      const blob = await (await post(name, question)).blob();
      const image = new Image();
      image.src = URL.createObjectURL(blob);
      try {
        await image.decode();
      } finally {
        URL.revokeObjectURL(image.src);
      }
      return image;
    },
  };
  const options = () => ({
    frames: Number(find("frames")?.value) || 81,
    closed: find("closed")?.value === true,
    ease: find("ease")?.value !== false,
    clearance: Math.max(0, Number(find("clearance")?.value) || 0),
  });

  const studio = new Studio(ask, options);
  const frame = addFrame(node, {
    name: "studio",
    type: "MATRIX3D_STUDIO",
    leastHeight: LEAST_HEIGHT,
    startSize: START_SIZE,
  });
  frame.append(studio.element);
  forwardToGraph(frame, studio.element, app);

  const drawing = find(DRAWING);
  if (drawing) {
    hideWidget(drawing);
    studio.onChange = (isDone) => {
      drawing.value = writeDrawing(studio.keys);
      drawing.callback?.(drawing.value);
      node.setDirtyCanvas?.(true, true);
      if (isDone) app.extensionManager?.workflow?.activeWorkflow?.changeTracker?.checkState?.(); // mark as unsaved, for undo
    };
  }
  for (const name of OPTIONS) {
    const option = find(name);
    if (option) after(option, "callback", () => studio.check());
  }
  after(node, "onExecuted", (/** @type {any} */ output) => {
    const scene = readScene(output?.[PAYLOAD]?.[0]);
    if (!scene) return;
    node.setProperty?.(PROPERTY, scene);
    studio.show(scene);
  });
  after(node, "onConfigure", restore);
  after(node, "onRemoved", () => studio.dispose());
  restore();

  /** Show what the workflow stores, if the host still has the scene. */
  function restore() {
    studio.load(readDrawing(drawing?.value));
    const scene = readScene(node.properties?.[PROPERTY]);
    if (scene && scene.token !== studio.scene?.token) studio.show(scene);
  }
}
