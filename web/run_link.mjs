// A finished run, opened by its address: /?matrix3d_run=PROMPT_ID&name=NAME loads the run's graph and shows its results,
// as they stood when it ended. `make demo` prints such an address.

/**
 * @param {any} app
 * @param {any} api
 * @param {string} query of the page's address
 */
export async function openRun(app, api, query) {
  const given = new URLSearchParams(query);
  const id = given.get("matrix3d_run");
  if (!id) return;
  const response = await api.fetchApi(`/history/${encodeURIComponent(id)}`);
  const entry = response.ok ? (await response.json())[id] : null;
  const workflow = entry?.prompt?.[3]?.extra_pnginfo?.workflow;
  if (!workflow) return; // the host was started anew since
  await isReady(app);
  await app.loadGraphData(workflow, true, true, given.get("name") || null);
  for (const [node, output] of Object.entries(entry.outputs)) {
    api.dispatchCustomEvent("executed", { node, display_node: node, output, prompt_id: id });
  }
  lookAt(app, app.graph.nodes.find((/** @type {any} */ node) => node.type === "SplatPreview"));
}

/**
 * The editor loads a graph of its own when it starts, which would take the place of ours.
 * @param {any} app
 */
async function isReady(app) {
  const started = () => app.extensionManager?.spinner === false && app.extensionManager.workflow?.activeWorkflow;
  while (!started()) await new Promise((resolve) => setTimeout(resolve, 100));
  await new Promise((resolve) => setTimeout(resolve, 500));
}

/**
 * Show a node as large as the window allows, up to full size.
 * @param {any} app
 * @param {any} node
 */
function lookAt(app, node) {
  if (!node) return;
  const [left, top, width, height] = node.boundingRect;
  const { canvas, ds } = app.canvas;
  const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
  ds.scale = Math.min(1, (0.8 * wide) / width, (0.8 * high) / height);
  ds.offset = [wide / 2 / ds.scale - left - width / 2, high / 2 / ds.scale - top - height / 2];
  app.canvas.setDirty(true, true);
}
