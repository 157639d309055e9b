// The viewers of nodes that edit: what they have beyond the viewer of Preview Splats.

import { tr } from "../../i18n/translate.mjs";
import { after, hideWidget } from "../graph_node.mjs";
import { fetchBytes } from "../fetching.mjs";
import { attachViewer } from "../node_widget.mjs";
import { readOrigins } from "../provenance.mjs";
import { queryOf, readFile } from "../source.mjs";
import { ensureStyle } from "../style.mjs";
import { PLACED, Steps, placementOf, valuesOf } from "./place_widgets.mjs";
import { SelectTools } from "./select_tools.mjs";

const PLACED_AT = "matrix3d_placed_at"; // the values of widgets in the last run, stored with the workflow

/** @type {Record<string, (node: any, api: any, app: any) => (viewer: import("../viewer.mjs").WalkViewer) => void>} */
const EDITORS = { WorldSelect: selectIn, WorldPlace: placeIn };

/** @param {any} node of the graph editor @param {any} api the host's @param {any} app the host's */
export function attachEditor(node, api, app) {
  if (!Object.hasOwn(EDITORS, node.comfyClass)) return;
  ensureStyle("./edit/edit.css");
  attachViewer(node, api, app, EDITORS[node.comfyClass](node, api, app));
}

/**
 * Write a widget's value as if the user had.
 * @param {any} app @param {any} node @param {any} widget @param {unknown} value
 */
export function setWidget(app, node, widget, value) {
  widget.value = value;
  widget.callback?.(value);
  node.setDirtyCanvas?.(true, true);
  app.extensionManager?.workflow?.activeWorkflow?.changeTracker?.checkState?.(); // mark as unsaved, for undo
}

/** @param {any} node @param {any} name */
export const widgetOf = (node, name) => node.widgets?.find((/** @type {any} */ one) => one.name === name);

/** @param {any} node @param {any} api @param {any} app */
function selectIn(node, api, app) {
  const stored = widgetOf(node, "operations");
  if (stored) hideWidget(stored);
  let token = "";
  /** @type {SelectTools | null} */
  let tools = null;

  /** @param {string} operations */
  const ask = async (operations) => {
    if (!token) return null;
    const reply = await api.fetchApi("/matrix3d/select", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token, operations }),
    });
    if (reply.ok) return readOrigins(new Uint8Array(await reply.arrayBuffer()));
    throw new Error((await reply.json().catch(() => null))?.error ?? tr("the server returned {status}", { status: reply.status }));
  };

  after(node, "onExecuted", (/** @type {any} */ output) => {
    token = output?.matrix3d_select?.[0]?.token ?? token;
    tools?.refresh();
  });
  after(node, "onConfigure", () => tools?.load(stored?.value));
  return (/** @type {import("../viewer.mjs").WalkViewer} */ viewer) => {
    tools = new SelectTools(viewer, ask, (text) => stored && setWidget(app, node, stored, text));
    tools.load(stored?.value);
  };
}

/** @param {any} node @param {any} api @param {any} app */
function placeIn(node, api, app) {
  const valuesNow = () => Object.fromEntries(PLACED.filter((name) => widgetOf(node, name)).map((name) => [name, widgetOf(node, name).value]));
  /** @type {import("../viewer.mjs").WalkViewer | null} */
  let viewer = null;
  /** @type {import("./place_tools.mjs").PlaceTools | null} */
  let tools = null;
  let steps = new Steps();
  let isWriting = false;
  /** @type {() => void} puts the object where the widgets say */
  let follow = () => {};

  /** @param {Record<string, unknown>} values */
  const write = (values) => {
    isWriting = true;
    for (const [name, value] of Object.entries(values)) {
      const widget = widgetOf(node, name);
      if (widget) setWidget(app, node, widget, value);
    }
    isWriting = false;
  };
  for (const name of PLACED) {
    const widget = widgetOf(node, name);
    if (widget) after(widget, "callback", () => !isWriting && follow());
  }

  /** @param {any} placed of the node's output @param {Record<string, unknown>} at the widgets' values in that run */
  const show = async (placed, at) => {
    const [where, file] = [viewer, readFile(placed)];
    if (!where || !file || !placed.pose || !placed.center) return;
    const { PlaceTools } = await import("./place_tools.mjs");
    const bytes = await fetchBytes(file, api.apiURL(`/view?${queryOf(file)}`), new AbortController().signal, () => {});
    await where.ready;
    if (where.isDisposed) return;
    tools ??= new PlaceTools(where, () => {});
    await tools.show(bytes, file.filename, placed);
    steps = new Steps();
    steps.push(at, { position: placed.center, yaw: 0, scale: 1 });
    tools.onPlace = (placement, handle) => {
      write(valuesOf(at, placement, handle));
      steps.push(valuesNow(), placement);
    };
    follow = () => {
      const placement = placementOf(at, valuesNow(), placed.center);
      if (placement) tools?.set(placement);
    };
    follow();
  };

  const report = (/** @type {unknown} */ error) => viewer?.overlay.notify(error instanceof Error ? error.message : String(error), "error");
  after(node, "onExecuted", (/** @type {any} */ output) => {
    const placed = output?.matrix3d_splat?.[0]?.placed;
    if (!placed) return;
    const at = valuesNow();
    node.setProperty?.(PLACED_AT, at);
    show(placed, at).catch(report);
  });
  return (/** @type {import("../viewer.mjs").WalkViewer} */ made) => {
    viewer = made;
    tools = null;
    Object.assign(made.element, { type: "textarea" }); // with an undo of its own, see select_tools.mjs
    made.overlay.setAvailable("path", false);
    const undo = (/** @type {KeyboardEvent} */ event) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || (event.code !== "KeyZ" && event.code !== "KeyY")) return;
      const step = steps.go(event.code === "KeyY" || event.shiftKey ? 1 : -1);
      event.preventDefault();
      event.stopImmediatePropagation();
      if (!step) return;
      write(step.values);
      tools?.set(step.placement);
    };
    made.element.addEventListener("keydown", undo, { capture: true });
    const { matrix3d_world: world, [PLACED_AT]: at } = node.properties ?? {};
    if (world?.placed && at) show(world.placed, at).catch(() => {}); // the file may be gone; a run brings it back
  };
}
