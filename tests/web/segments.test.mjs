// Finding, waking and repeating segments in a graph that behaves like the editor's.

import assert from "node:assert/strict";
import test from "node:test";
import { writePose } from "../../web/explore/extend_action.mjs";
import { addSegment, downstreamOf, extenderOf, isExtendable, makerOf, repeatSegment, sourceOfInput, wake } from "../../web/explore/segments.mjs";

class Graph {
  nodes = [];
  add(node) {
    node.graph = this;
    node.id = this.nodes.length + 1;
    this.nodes.push(node);
    return node;
  }
  getNodeById(id) {
    return this.nodes.find((node) => node.id === id);
  }
}

class Node {
  mode = 0;
  pos = [0, 0];
  size = [100, 50];
  constructor(comfyClass, ...inputs) {
    this.comfyClass = this.type = comfyClass;
    this.widgets = [{ name: "width", value: 960 }, { name: "pose", value: "" }];
    this.inputs = inputs.map((name) => ({ name, link: null }));
  }
  getInputLink(slot) {
    return this.inputs[slot]?.link ?? null;
  }
  connect(slot, target, targetSlot) {
    target.inputs[targetSlot].link = { origin_id: this.id, origin_slot: slot };
  }
}

const INPUTS = {
  WorldExtend: ["splat", "trajectory"], TrajectoryPlace: ["trajectory", "start_pose"], GSOptimize: ["trajectory", "initial"], SplatPreview: ["splat"],
};
const create = (kind) => new Node(kind, ...INPUTS[kind]);

/** fit -> walk; fit -> extend -> place -> fit2 -> walk2, fit2 also from fit */
function world() {
  const graph = new Graph();
  const [fit, walk, extend, place, fit2, walk2] = [
    new Node("GSOptimize"), new Node("SplatPreview", "splat"), new Node("WorldExtend", "splat", "trajectory"),
    new Node("TrajectoryPlace", "trajectory", "start_pose"), new Node("GSOptimize", "trajectory", "initial"), new Node("SplatPreview", "splat"),
  ].map((node) => graph.add(node));
  fit.connect(0, walk, 0);
  fit.connect(0, extend, 0);
  extend.connect(3, place, 1);
  place.connect(0, fit2, 0);
  fit.connect(0, fit2, 1);
  fit2.connect(0, walk2, 0);
  return { graph, fit, walk, extend, place, fit2, walk2 };
}

test("the node that extends the viewer's world is found", () => {
  const { walk, walk2, extend } = world();
  assert.equal(extenderOf(walk), extend);
  assert.equal(extenderOf(walk2), null);
  assert.equal(makerOf(walk2), extend);
  assert.equal(makerOf(walk), null);
});

test("a viewer of a cleaned world extends the world before it", () => {
  const { graph, fit, walk, extend } = world();
  const clean = graph.add(new Node("SplatClean", "splat"));
  fit.connect(0, clean, 0);
  clean.connect(0, walk, 0);
  assert.equal(extenderOf(walk), extend);
  const alone = graph.add(new Node("SplatPreview", "splat"));
  assert.equal(extenderOf(alone), null);
});

test("a sleeping segment is woken, and nothing else", () => {
  const { fit, walk, extend, fit2, place } = world();
  for (const node of [walk, extend, fit2]) node.mode = 2;
  place.mode = 4;
  assert.equal(wake(extend), 3);
  assert.deepEqual([fit, walk, extend, place, fit2].map((node) => node.mode), [0, 2, 0, 0, 0]);
});

test("a segment is repeated after itself, and takes the new world everywhere", () => {
  const { graph, walk2, extend, fit2 } = world();
  for (const widget of extend.widgets) widget.value = widget.name === "pose" ? "[0,0,1,0,0]" : 512;
  const next = repeatSegment(walk2, extend, create);
  assert.equal(graph.nodes.length, 10);
  assert.deepEqual(next.widgets.map((widget) => widget.value), [512, ""], "settings are taken over, the place is not");
  assert.equal(sourceOfInput(next, "splat").node, fit2);
  const copies = downstreamOf(next);
  assert.deepEqual(copies.map((node) => node.comfyClass), ["WorldExtend", "TrajectoryPlace", "GSOptimize", "SplatPreview"]);
  assert.equal(sourceOfInput(copies[2], "initial").node, fit2, "not the first world again");
  assert.equal(sourceOfInput(copies[2], "trajectory").node, copies[1]);
  assert.equal(sourceOfInput(extend, "splat").node.id, 1, "the first segment stays");
  assert.equal(extenderOf(walk2), next);
  const third = repeatSegment(copies[3], makerOf(copies[3]), create);
  assert.equal(graph.nodes.length, 14, "only the last segment is repeated");
  assert.equal(sourceOfInput(third, "splat").node, copies[2]);
});

test("a pose is written in degrees", () => {
  assert.equal(writePose({ position: [1, -0.00001, 2.5], yaw: Math.PI / 2, pitch: -0.1 }), "[1,0,2.5,90,-5.73]");
});

test("what extends a world is added below it and wired", () => {
  const graph = new Graph();
  const [load, path, walk] = [new Node("SplatLoad"), new Node("TrajectoryPreset"), new Node("SplatPreview", "splat", "trajectory")].map((node) => graph.add(node));
  walk.pos = [300, 700];
  load.connect(1, walk, 0);
  path.connect(0, walk, 1);
  const names = {
    WorldExtend: ["splat", "trajectory"], NextBestPath: ["geometry", "known", "start_pose"], MeshGuidanceRender: ["geometry", "trajectory"],
    PanoFill: ["frames", "mask", "depth", "trajectory"], GSOptimize: ["frames", "trajectory", "geometry", "depth", "mask", "initial"], SplatPreview: ["splat", "trajectory"],
  };
  const make = (kind) => {
    const node = new Node(kind, ...names[kind]);
    node.widgets.push({ name: "max_gaussians", value: 0 }, { name: "extend", value: false });
    return node;
  };
  assert.equal(isExtendable(walk), true);
  const extender = addSegment(walk, make, 150_000);
  const one = (kind) => graph.nodes.find((node, i) => i > 2 && node.comfyClass === kind);
  assert.equal(extenderOf(walk), extender);
  assert.equal(graph.nodes.length, 9);
  assert.equal(sourceOfInput(extender, "splat").node, load);
  assert.equal(sourceOfInput(extender, "splat").slot, 1);
  assert.equal(sourceOfInput(extender, "trajectory").node, path);
  const fit = one("GSOptimize");
  const taken = Object.fromEntries(names.GSOptimize.map((name) => [name, sourceOfInput(fit, name)]).map(([name, s]) => [name, [s.node.comfyClass, s.slot]]));
  assert.deepEqual(taken, {
    frames: ["PanoFill", 0], trajectory: ["NextBestPath", 0], geometry: ["WorldExtend", 2], depth: ["PanoFill", 1],
    mask: ["MeshGuidanceRender", 1], initial: ["SplatLoad", 1],
  });
  assert.deepEqual(fit.widgets.filter(({ name }) => /max|extend/.test(name)).map(({ value }) => value), [150_000, true]);
  for (const node of graph.nodes.slice(3)) assert.ok(node.pos[1] >= 750 && node.inputs.every(({ link }) => link), node.comfyClass);
  load.outputs = [{ type: "MASK" }, { type: "FILE_3D_PLY" }];
  assert.equal(isExtendable(walk), false);
});
