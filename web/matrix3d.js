// The only file that the host imports when its page opens. Everything else is loaded on demand: the widgets when the nodes are
// registered, the renderer when there is a world to draw.

import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";

const PREVIEW = "SplatPreview";
const PANORAMA = "PanoPreview";
const STUDIO = "TrajectoryStudio";
const EXTEND = "WorldExtend";
const SELECT = "WorldSelect";
const LOADER = "PanoLoad"; // registered: so are the other nodes

/** @type {typeof import("./viewer/node_widget.mjs") | null} */
let viewer = null;
/** @type {typeof import("./viewer/edit/attach.mjs") | null} */
let edit = null;
/** @type {typeof import("./viewer/pano_widget.mjs") | null} */
let pano = null;
/** @type {typeof import("./studio/studio_widget.mjs") | null} */
let studio = null;
/** @type {typeof import("./upload.mjs") | null} */
let upload = null;
/** @type {typeof import("./picture_preview.mjs") | null} */
let preview = null;
/** @type {typeof import("./i18n/graph_labels.mjs") | null} */
let labels = null;

/** @param {any} node */
const isOurs = (node) => String(node.constructor?.nodeData?.category ?? "").startsWith("Matrix-3D");

app.registerExtension({
  name: "Matrix3D",

  async beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name === PREVIEW) viewer = await import("./viewer/node_widget.mjs");
    if (nodeData.name === SELECT) edit = await import("./viewer/edit/attach.mjs");
    if (nodeData.name === PANORAMA) pano = await import("./viewer/pano_widget.mjs");
    if (nodeData.name === STUDIO) studio = await import("./studio/studio_widget.mjs");
    if (nodeData.name === EXTEND) (await import("./explore/extend_action.mjs")).offerExtend(app);
    if (nodeData.name === LOADER) {
      [upload, preview, labels] = await Promise.all([
        import("./upload.mjs"),
        import("./picture_preview.mjs"),
        import("./i18n/graph_labels.mjs"),
      ]);
      labels.translatePhases(api, app);
    }
  },

  async setup() {
    const { nameTemplates, orderTemplates } = await import("./templates.mjs");
    orderTemplates(api, decodeURIComponent(new URL(".", import.meta.url).pathname.split("/").at(-2) ?? ""));
    nameTemplates();
    if (!location.search.includes("matrix3d_run=")) return;
    const { openRun } = await import("./run_link.mjs");
    openRun(app, api, location.search); // not awaited: the editor loads its own workflow afterwards
  },

  afterConfigureGraph() {
    viewer?.closeOrphans(app);
    labels?.translateGraph(app, isOurs);
  },

  nodeCreated(node) {
    if (node.comfyClass === PREVIEW) viewer?.attachViewer(node, api, app);
    edit?.attachEditor(node, api, app);
    if (node.comfyClass === PANORAMA) pano?.attachPano(node, api, app);
    if (node.comfyClass === STUDIO) studio?.attachStudio(node, api, app);
    if (isOurs(node)) labels?.translateChoices(node);
    upload?.attachUploads(node, api, app);
    preview?.attachPreview(node, api);
  },
});
