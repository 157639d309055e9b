// The only file that the host imports when its page opens. Everything else is fetched when it is needed: the
// widget when the host knows our node, the renderer when there is a world to draw.

import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";

const NODE = "SplatPreview";

/** @type {typeof import("./viewer/node_widget.mjs") | null} */
let widget = null;

app.registerExtension({
  name: "Matrix3D.SplatPreview",

  async beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name === NODE) widget = await import("./viewer/node_widget.mjs");
  },

  nodeCreated(node) {
    if (node.comfyClass === NODE) widget?.attachViewer(node, api, app);
  },
});
