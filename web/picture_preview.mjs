// Preview of the image that a Load Panorama or Load Photo node will load, on the node before it runs, in both node renderers.

import { tr } from "./i18n/translate.mjs";
import { addFrame, after } from "./viewer/graph_node.mjs";

/** Routes that answer with a small JPEG or an error, in nodes/panorama.py and nodes/photo.py, by class of node.
 * @type {Record<string, string>} */
const ROUTES = { PanoLoad: "/matrix3d/panorama/preview", PhotoLoad: "/matrix3d/photo/preview" };
const LEAST_HEIGHT = 110;
const START_SIZE = [320, 360];

/**
 * Show the preview on nodes that load a picture.
 * @param {any} node of the graph editor
 * @param {{ fetchApi(route: string, options: RequestInit): Promise<Response> }} api the host's
 */
export function attachPreview(node, api) {
  const route = ROUTES[node.comfyClass];
  if (!route) return;
  const frame = addFrame(node, {
    name: "preview",
    type: "MATRIX3D_PICTURE",
    leastHeight: LEAST_HEIGHT,
    startSize: START_SIZE,
  });
  frame.style.cssText += ";display:flex;align-items:center;justify-content:center;overflow:hidden;pointer-events:none";
  const picture = document.createElement("img");
  picture.className = "m3d-picture";
  picture.draggable = false;
  picture.style.cssText = "position:absolute;inset:0;width:100%;height:100%;object-fit:contain";
  const holder = document.createElement("div"); // so that an upright picture does not stretch the node
  holder.style.cssText = `position:relative;width:100%;height:100%;min-height:${LEAST_HEIGHT - 8}px`;
  holder.append(picture);
  const note = document.createElement("p");
  note.style.cssText = "margin:0;padding:0 8px;font:12px/1.4 system-ui,sans-serif;text-align:center;color:#a7adb5";

  let requested = ""; // the last request: avoids repeats and discards outdated answers
  const request = async () => {
    if (!node.graph) return; // the editor also creates nodes only to copy them
    const values = (node.widgets ?? [])
      .filter((/** @type {any} */ w) => w.serialize !== false)
      .map((/** @type {any} */ w) => [w.name, w.value]);
    const body = JSON.stringify(Object.fromEntries(values));
    if (body === requested) return;
    requested = body;
    /** @type {Blob | null} */
    let blob = null;
    let why = "";
    try {
      const reply = await api.fetchApi(route, {
        method: "POST",
        body,
        headers: { "Content-Type": "application/json" },
      });
      if (reply.ok) blob = await reply.blob();
      else why = (await reply.json()).error;
    } catch {
      why = tr("No preview available.");
    }
    if (body !== requested) return;
    URL.revokeObjectURL(picture.src);
    if (blob) picture.src = URL.createObjectURL(blob);
    note.textContent = why || tr("No preview available.");
    picture.alt = JSON.parse(body).image ?? "";
    frame.replaceChildren(blob ? holder : note);
  };

  let timer = 0;
  const refresh = () => {
    clearTimeout(timer);
    timer = window.setTimeout(request, 100); // when the node is complete, and once for many changes
  };
  for (const widget of node.widgets ?? []) if (widget.serialize !== false) after(widget, "callback", refresh);
  after(node, "onConfigure", refresh);
  after(node, "onRemoved", () => {
    clearTimeout(timer);
    requested = "";
    URL.revokeObjectURL(picture.src);
  });
  after(node, "onAdded", refresh);
  refresh();
}
