// Upload buttons of a node's file lists: they put a file into the host's input folder and select it; files can also be
// dropped on the node. The lists and their suffixes come from the host: nodes/_file_inputs.py.

import { tr } from "./i18n/translate.mjs";

const KEY = "matrix3d_upload"; // in the options of an input
const IS_DEPTH_NAME = /depth|distance|disparity/i;

/** @typedef {{ widget: string, what: string, suffixes: string[] }} Upload */

/** The button of a list: its name, which tests and scripts may rely on, and its text. */
const BUTTONS = /** @type {Record<string, { name: string, label: () => string }>} */ ({
  panorama: { name: "choose panorama to upload", label: () => tr("choose panorama to upload") },
  photo: { name: "choose photo to upload", label: () => tr("choose photo to upload") },
  depth: { name: "choose depth file to upload", label: () => tr("choose depth file to upload") },
  splat: { name: "choose splat file to upload", label: () => tr("choose splat file to upload") },
  object: { name: "choose mesh file to upload", label: () => tr("choose mesh file to upload") },
  trajectory: { name: "choose trajectory to upload", label: () => tr("choose trajectory to upload") },
});

/**
 * The lists of files of a kind of node.
 * @param {any} nodeData as the host's /object_info gives it
 * @returns {Upload[]} in the order of its inputs
 */
export function uploadsOf(nodeData) {
  const inputs = { ...nodeData?.input?.required, ...nodeData?.input?.optional };
  return Object.entries(inputs).flatMap(([widget, spec]) => {
    const options = spec?.[1]?.[KEY];
    return options && BUTTONS[options.what] ? [{ widget, what: options.what, suffixes: options.suffixes }] : [];
  });
}

/**
 * The list for a file: the first that accepts its suffix, but a file named as a depth map goes to the list of depth files,
 * if there is one.
 * @param {Upload[]} uploads
 * @param {string} name of the file
 * @returns {Upload | undefined}
 */
export function listFor(uploads, name) {
  const fitting = uploads.filter(({ suffixes }) => suffixes.some((one) => name.toLowerCase().endsWith(one)));
  return (IS_DEPTH_NAME.test(name) && fitting.find(({ what }) => what === "depth")) || fitting[0];
}

/**
 * @param {any} node of the graph editor
 * @param {{ fetchApi(route: string, options: RequestInit): Promise<Response> }} api the host's
 * @param {any} app the host's
 */
export function attachUploads(node, api, app) {
  const uploads = uploadsOf(node.constructor?.nodeData);
  if (!uploads.length) return;

  /** @param {File} file @param {Upload} upload */
  const send = async (file, upload) => {
    const body = new FormData();
    body.append("image", file); // the route's name for a file of any kind
    try {
      const reply = await api.fetchApi("/upload/image", { method: "POST", body });
      if (!reply.ok) throw new Error(tr("the server returned {status}", { status: `${reply.status} ${reply.statusText}` }));
      const stored = await reply.json();
      const name = stored.subfolder ? `${stored.subfolder}/${stored.name}` : stored.name;
      const list = node.widgets.find((/** @type {any} */ w) => w.name === upload.widget);
      const values = list.options.values;
      if (Array.isArray(values) && !values.includes(name)) values.push(name);
      list.value = name;
      list.callback?.(name);
      node.setDirtyCanvas?.(true, true);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const detail = tr("Could not upload {name}: {why}", { name: file.name, why });
      app.extensionManager?.toast?.add?.({ severity: "error", summary: node.title, detail, life: 8000 });
    }
  };

  for (const upload of uploads) {
    const { name, label } = BUTTONS[upload.what];
    const button = node.addWidget("button", name, null, () => {
      const dialog = document.createElement("input");
      dialog.type = "file";
      dialog.accept = upload.suffixes.join(",");
      dialog.onchange = () => dialog.files?.[0] && send(dialog.files[0], upload);
      dialog.click();
    });
    button.label = label();
    button.serialize = false; // the workflow's widget values remain those of the inputs
    button.options = { ...button.options, serialize: false };
  }

  node.onDragOver = (/** @type {DragEvent} */ event) =>
    [...(event.dataTransfer?.items ?? [])].some((item) => item.kind === "file");
  node.onDragDrop = (/** @type {DragEvent} */ event) => {
    for (const file of event.dataTransfer?.files ?? []) {
      const upload = listFor(uploads, file.name);
      if (!upload) continue;
      send(file, upload);
      return true;
    }
    return false;
  };
}
