// A link to a finished run: /?matrix3d_run=PROMPT_ID&name=NAME loads the run's workflow and shows its results. `make demo`
// prints such a link.

/**
 * @param {any} app
 * @param {any} api
 * @param {string} query of the page's URL
 */
export async function openRun(app, api, query) {
  const given = new URLSearchParams(query);
  const id = given.get("matrix3d_run");
  if (!id) return;
  const response = await api.fetchApi(`/history/${encodeURIComponent(id)}`);
  const entry = response.ok ? (await response.json())[id] : null;
  const workflow = entry?.prompt?.[3]?.extra_pnginfo?.workflow;
  if (!workflow) return; // the host was restarted since
  await isReady(app);
  await app.loadGraphData(workflow, true, true, given.get("name") || null);
  for (const [node, output] of Object.entries(await outputsOf(api, entry))) {
    api.dispatchCustomEvent("executed", { node, display_node: node, output, prompt_id: id });
  }
  lookAt(app, app.graph.nodes.find((/** @type {any} */ node) => node.type === "SplatPreview"));
}

/**
 * Outputs that a run took from the host's cache are not in its history entry but in that of the run that created them.
 * @param {any} api
 * @param {any} entry
 * @returns {Promise<Record<string, any>>}
 */
export async function outputsOf(api, entry) {
  const [number, , prompt] = entry.prompt;
  const response = await api.fetchApi("/history?max_items=50");
  /** @type {any[]} */
  const earlier = response.ok ? Object.values(await response.json()).filter((other) => other.prompt[0] < number) : [];
  const outputs = earlier
    .sort((a, b) => a.prompt[0] - b.prompt[0])
    .flatMap((other) => Object.entries(other.outputs).filter(([node]) => isSame(node, prompt, other.prompt[2])));
  return { ...Object.fromEntries(outputs), ...entry.outputs };
}

/**
 * Whether a node and all that it depends on are the same in two prompts.
 * @param {string} node
 * @param {any} one
 * @param {any} other
 * @returns {boolean}
 */
function isSame(node, one, other) {
  const [a, b] = [one[node], other[node]];
  if (!a || a.class_type !== b?.class_type || JSON.stringify(a.inputs) !== JSON.stringify(b.inputs)) return false;
  return Object.values(a.inputs).every((value) => !Array.isArray(value) || isSame(value[0], one, other));
}

/**
 * The editor loads a workflow of its own when it starts, which would replace this one.
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
