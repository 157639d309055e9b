// A button under a node's file list that puts a file into the host's input folder and picks it. Files can also
// be dropped on the node.

import { tr } from "./words/words.mjs";

/** @typedef {{ widget: string, accept: string, name: string, label: () => string }} Upload */

/** Node id -> which widget lists the files, what the file dialogue offers, and the button's name and text. */
export const UPLOADS = /** @type {Record<string, Upload>} */ ({
  PanoLoad: {
    widget: "image",
    accept: ".jpg,.jpeg,.png,.webp,.tif,.tiff,.bmp",
    name: "choose panorama to upload",
    label: () => tr("choose panorama to upload"),
  },
  SplatLoad: {
    widget: "file",
    accept: ".ply,.spz",
    name: "choose splat file to upload",
    label: () => tr("choose splat file to upload"),
  },
  TrajectoryLoad: {
    widget: "file",
    accept: ".json,.glb,.gltf",
    name: "choose trajectory to upload",
    label: () => tr("choose trajectory to upload"),
  },
});

/**
 * @param {any} node of the graph editor
 * @param {Upload} upload
 * @param {{ fetchApi(route: string, options: RequestInit): Promise<Response> }} api the host's
 * @param {any} app the host's
 */
export function attachUpload(node, upload, api, app) {
  const list = node.widgets?.find((/** @type {any} */ w) => w.name === upload.widget);
  if (!list) return;

  /** @param {File} file */
  const send = async (file) => {
    const body = new FormData();
    body.append("image", file); // the route's name for a file of any kind
    try {
      const reply = await api.fetchApi("/upload/image", { method: "POST", body });
      if (!reply.ok) throw new Error(tr("the host answered {status}", { status: `${reply.status} ${reply.statusText}` }));
      const stored = await reply.json();
      const name = stored.subfolder ? `${stored.subfolder}/${stored.name}` : stored.name;
      const values = list.options.values;
      if (Array.isArray(values) && !values.includes(name)) values.push(name);
      list.value = name;
      list.callback?.(name);
      node.setDirtyCanvas?.(true, true);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const detail = tr("{name} could not be uploaded: {why}", { name: file.name, why });
      app.extensionManager?.toast?.add?.({ severity: "error", summary: node.title, detail, life: 8000 });
    }
  };

  const endings = upload.accept.split(",");
  /** @param {{ name: string }} file */
  const fits = (file) => endings.some((ending) => file.name.toLowerCase().endsWith(ending));

  const button = node.addWidget("button", upload.name, null, () => {
    const dialogue = document.createElement("input");
    dialogue.type = "file";
    dialogue.accept = upload.accept;
    dialogue.onchange = () => dialogue.files?.[0] && send(dialogue.files[0]);
    dialogue.click();
  });
  button.label = upload.label();
  button.serialize = false; // the workflow's widget values stay those of the inputs
  button.options = { ...button.options, serialize: false };

  node.onDragOver = (/** @type {DragEvent} */ event) =>
    [...(event.dataTransfer?.items ?? [])].some((item) => item.kind === "file");
  node.onDragDrop = (/** @type {DragEvent} */ event) => {
    const file = [...(event.dataTransfer?.files ?? [])].find(fits);
    if (file) send(file);
    return Boolean(file);
  };
}
