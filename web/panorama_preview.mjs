// The picture that a Load Panorama node will read, on the node before anything runs, in both node renderers.

import { tr } from "./i18n/translate.mjs";
import { addFrame, after } from "./viewer/graph_node.mjs";

const ROUTE = "/matrix3d/panorama/preview"; // nodes/panorama.py answers with a small JPEG, or says why not
const LEAST_HEIGHT = 110;
const START_SIZE = [320, 360];

/**
 * @param {any} node of the graph editor
 * @param {{ fetchApi(route: string, options: RequestInit): Promise<Response> }} api the host's
 */
export function attachPreview(node, api) {
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
  picture.style.cssText = "width:100%;height:100%;object-fit:contain";
  const note = document.createElement("p");
  note.style.cssText = "margin:0;padding:0 8px;font:12px/1.4 system-ui,sans-serif;text-align:center;color:#a7adb5";

  let asked = ""; // the last question, so that nothing is asked twice and an old answer comes too late
  const ask = async () => {
    if (!node.graph) return; // the editor also makes nodes only to copy them
    const values = (node.widgets ?? [])
      .filter((/** @type {any} */ w) => w.serialize !== false)
      .map((/** @type {any} */ w) => [w.name, w.value]);
    const question = JSON.stringify(Object.fromEntries(values));
    if (question === asked) return;
    asked = question;
    /** @type {Blob | null} */
    let blob = null;
    let why = "";
    try {
      const reply = await api.fetchApi(ROUTE, {
        method: "POST",
        body: question,
        headers: { "Content-Type": "application/json" },
      });
      if (reply.ok) blob = await reply.blob();
      else why = (await reply.json()).error;
    } catch {
      why = tr("No preview available.");
    }
    if (question !== asked) return;
    URL.revokeObjectURL(picture.src);
    if (blob) picture.src = URL.createObjectURL(blob);
    note.textContent = why || tr("No preview available.");
    picture.alt = JSON.parse(question).image ?? "";
    frame.replaceChildren(blob ? picture : note);
  };

  let timer = 0;
  const refresh = () => {
    clearTimeout(timer);
    timer = window.setTimeout(ask, 100); // when the node is whole, and once for many changes
  };
  for (const widget of node.widgets ?? []) if (widget.serialize !== false) after(widget, "callback", refresh);
  after(node, "onConfigure", refresh);
  after(node, "onRemoved", () => {
    clearTimeout(timer);
    asked = "";
    URL.revokeObjectURL(picture.src);
  });
  after(node, "onAdded", refresh);
  refresh();
}
