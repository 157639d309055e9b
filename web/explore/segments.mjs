// Segments of a world in the graph: Extend World and its downstream nodes. Works on the editor's graph, imports nothing of it.

/** @typedef {any} GraphNode of the graph editor */
/** @typedef {{ node: GraphNode, slot: number }} Source an output */

const EXTEND = "WorldExtend";
const [RUNS, MUTED, BYPASSED] = [0, 2, 4];

/**
 * Link an output to an input; archive scanners mistake LiteGraph's own name of this method for a network call.
 * @param {Source} source @param {GraphNode} target @param {number} input
 */
function link({ node, slot }, target, input) {
  const { connect } = node;
  connect.call(node, slot, target, input);
}

/** @param {GraphNode} node @param {number} slot @returns {Source | null} what is connected to an input */
export function sourceOf(node, slot) {
  const link = node.getInputLink?.(slot);
  const from = link && node.graph?.getNodeById?.(link.origin_id);
  return from ? { node: from, slot: link.origin_slot } : null;
}

/** @param {GraphNode} node @param {string} name @returns {Source | null} */
export const sourceOfInput = (node, name) => sourceOf(node, (node.inputs ?? []).findIndex((/** @type {any} */ input) => input.name === name));

/** @param {GraphNode} node @returns {GraphNode[]} the nodes connected to its inputs */
export const inputNodes = (node) =>
  (node.inputs ?? []).map((/** @type {any} */ _, /** @type {number} */ slot) => sourceOf(node, slot)?.node).filter(Boolean);

/**
 * All nodes that a node depends on, with how many links away they are.
 * @param {GraphNode} node
 * @returns {Map<GraphNode, number>} with itself at 0
 */
export function upstreamOf(node) {
  const far = new Map([[node, 0]]);
  const queue = [node];
  for (let next = queue.shift(); next; next = queue.shift()) {
    for (const from of inputNodes(next)) {
      if (far.has(from)) continue;
      far.set(from, (far.get(next) ?? 0) + 1);
      queue.push(from);
    }
  }
  return far;
}

/** @param {GraphNode} node @returns {GraphNode[]} it and all nodes that depend on it, in the graph's order */
export const downstreamOf = (node) => (node.graph?.nodes ?? []).filter((/** @type {GraphNode} */ other) => upstreamOf(other).has(node));

/**
 * The Extend World node that continues from the world which a viewer shows: its input is that world, or one of the two is
 * derived from the other (a cleaned or merged world, say), and the node is not upstream of the viewer. Of several, the
 * nearest.
 * @param {GraphNode} viewer
 * @returns {GraphNode | null}
 */
export function extenderOf(viewer) {
  const world = sourceOfInput(viewer, "splat");
  if (!world) return null;
  const before = upstreamOf(world.node);
  let best = null;
  let least = Infinity;
  for (const node of viewer.graph?.nodes ?? []) {
    const taken = node.comfyClass === EXTEND && !before.has(node) && sourceOfInput(node, "splat");
    if (!taken) continue;
    const far = Math.min(upstreamOf(taken.node).get(world.node) ?? Infinity, before.get(taken.node) ?? Infinity);
    if (far < least) [best, least] = [node, far];
  }
  return best;
}

/**
 * The Extend World node that created the world of a viewer: the nearest one upstream.
 * @param {GraphNode} viewer
 * @returns {GraphNode | null}
 */
export function makerOf(viewer) {
  const nodes = [...upstreamOf(viewer)].filter(([node]) => node.comfyClass === EXTEND);
  return nodes.sort((a, b) => a[1] - b[1])[0]?.[0] ?? null;
}

/** Enable a node and all its downstream nodes. @param {GraphNode} extender @returns {number} how many were muted or bypassed */
export function wake(extender) {
  const asleep = downstreamOf(extender).filter((node) => node.mode === MUTED || node.mode === BYPASSED);
  for (const node of asleep) node.mode = RUNS;
  return asleep.length;
}

const OWN = ["pose", "recording"]; // values that belong to one position, not to the segment

/**
 * Copy a node: its kind, size and settings, but none of its results.
 * @param {GraphNode} node @param {(kind: string) => GraphNode} create
 */
function copyOf(node, create) {
  const copy = create(node.type);
  copy.graph ?? node.graph.add(copy);
  if (node.title) copy.title = node.title;
  for (const widget of node.widgets ?? []) {
    const own = copy.widgets?.find((/** @type {any} */ other) => other.name === widget.name);
    if (own && widget.serialize !== false && !OWN.includes(widget.name)) own.value = widget.value;
  }
  copy.size = [...node.size];
  copy.mode = RUNS;
  return copy;
}

/**
 * Repeat a segment after itself: copy Extend World and its downstream nodes, and continue the copy from the world that the
 * viewer shows.
 * @param {GraphNode} viewer whose world the segment created
 * @param {GraphNode} extender of the segment
 * @param {(kind: string) => GraphNode} create creates a node of a kind
 * @returns {GraphNode} the Extend World node of the copy
 */
export function repeatSegment(viewer, extender, create) {
  const world = sourceOfInput(viewer, "splat");
  const before = sourceOfInput(extender, "splat");
  const segment = downstreamOf(extender);
  // Nodes that continue from the viewer's world belong to a later segment.
  const later = new Set(segment.filter((node) => node !== extender && node.comfyClass === EXTEND).flatMap(downstreamOf));
  const parts = segment.filter((node) => !later.has(node));
  const low = Math.max(...parts.map((node) => node.pos[1] + node.size[1]));
  const top = Math.min(...parts.map((node) => node.pos[1]));
  /** @type {Map<GraphNode, GraphNode>} */
  const copies = new Map();
  for (const node of parts) {
    const copy = copyOf(node, create);
    copy.pos = [node.pos[0], node.pos[1] + low - top + 120];
    copies.set(node, copy);
  }
  for (const [node, copy] of copies) {
    for (let slot = 0; slot < (node.inputs ?? []).length; slot++) {
      const from = sourceOf(node, slot);
      if (!from) continue;
      const isWorld = before && from.node === before.node && from.slot === before.slot;
      const source = isWorld && world ? world : { node: copies.get(from.node) ?? from.node, slot: from.slot };
      link(source, copy, slot);
    }
  }
  return /** @type {GraphNode} */ (copies.get(extender));
}

/** @param {GraphNode} node @param {string} name @param {unknown} value */
export function setWidget(node, name, value) {
  const widget = node.widgets?.find((/** @type {any} */ w) => w.name === name);
  if (!widget) return;
  widget.value = value;
  widget.callback?.(value);
}

/**
 * Whether Extend World accepts what a viewer shows: splats, not a file.
 * @param {GraphNode} viewer
 */
export function isExtendable(viewer) {
  const world = sourceOfInput(viewer, "splat");
  return Boolean(world && (world.node.outputs?.[world.slot]?.type ?? SPLAT) === SPLAT);
}

const SPLAT = "SPLAT";

/**
 * The nodes of a segment, as in the template extend_world: position relative to the corner, links, and values.
 * @type {{ kind: string, at: number[], size: number[], takes: Record<string, [string, number]>, values?: Record<string, unknown> }[]}
 */
const SEGMENT = [
  { kind: EXTEND, at: [0, 0], size: [360, 330], takes: { splat: ["world", 0], trajectory: ["path", 0] } },
  { kind: "NextBestPath", at: [408, 0], size: [420, 262], takes: { geometry: [EXTEND, 2], known: [EXTEND, 1], start_pose: [EXTEND, 3] }, values: { frames: 49 } },
  { kind: "MeshGuidanceRender", at: [876, 0], size: [340, 286], takes: { geometry: [EXTEND, 2], trajectory: ["NextBestPath", 0] } },
  {
    kind: "PanoFill",
    at: [876, 660], // below Render Mesh Guidance at its full height
    size: [340, 146],
    takes: { frames: ["MeshGuidanceRender", 0], mask: ["MeshGuidanceRender", 1], depth: ["MeshGuidanceRender", 2], trajectory: ["NextBestPath", 0] },
  },
  {
    kind: "GSOptimize",
    at: [1264, 0],
    size: [360, 394],
    takes: {
      frames: ["PanoFill", 0], trajectory: ["NextBestPath", 0], geometry: [EXTEND, 2], depth: ["PanoFill", 1],
      mask: ["MeshGuidanceRender", 1], initial: ["world", 0],
    },
    values: { extend: true, iterations: 600 },
  },
  { kind: "SplatPreview", at: [1672, 0], size: [640, 700], takes: { splat: ["GSOptimize", 0], trajectory: ["NextBestPath", 0] } },
];

/**
 * Add a segment that extends the world of a viewer, below all nodes: Extend World, a path, its frames, the fit, a viewer.
 * @param {GraphNode} viewer
 * @param {(kind: string) => GraphNode} create creates a node of a kind
 * @param {number} mostSplats maximum of the fit
 * @returns {GraphNode} the Extend World node
 */
export function addSegment(viewer, create, mostSplats) {
  const { graph } = viewer;
  const low = Math.max(...graph.nodes.map((/** @type {GraphNode} */ node) => node.pos[1] + node.size[1]));
  /** @type {Map<string, Source | null>} */
  const sources = new Map([["world", sourceOfInput(viewer, "splat")], ["path", sourceOfInput(viewer, "trajectory")]]);
  for (const { kind, at, size, takes, values = {} } of SEGMENT) {
    const node = create(kind);
    node.graph ?? graph.add(node);
    node.pos = [viewer.pos[0] + at[0], low + 120 + at[1]];
    node.size = [...size];
    for (const [name, value] of Object.entries(values)) setWidget(node, name, value);
    if (kind === "GSOptimize") setWidget(node, "max_gaussians", mostSplats);
    for (const [name, [from, slot]] of Object.entries(takes)) {
      const source = sources.get(from);
      const input = (node.inputs ?? []).findIndex((/** @type {any} */ one) => one.name === name);
      if (source && input >= 0) link({ node: source.node, slot: source.slot + slot }, node, input);
    }
    sources.set(kind, { node, slot: 0 });
  }
  return /** @type {Source} */ (sources.get(EXTEND)).node;
}
