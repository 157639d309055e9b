// Which list of a node takes a file, by what the host says of the lists.

import assert from "node:assert/strict";
import { test } from "node:test";

import { listFor, uploadsOf } from "../../web/upload.mjs";

const nodeData = {
  input: {
    required: {
      image: [["a.png"], { matrix3d_upload: { what: "panorama", suffixes: [".png", ".exr"] } }],
      max_width: ["INT", { default: 4096 }],
      depth_file: ["COMBO", { matrix3d_upload: { what: "depth", suffixes: [".exr", ".npz", ".png"] } }],
    },
    optional: { later: ["COMBO", { matrix3d_upload: { what: "not known yet", suffixes: [".abc"] } }], geometry: ["G"] },
  },
};

test("the lists of a node are what its inputs say", () => {
  assert.deepEqual(uploadsOf(nodeData), [
    { widget: "image", what: "panorama", suffixes: [".png", ".exr"] },
    { widget: "depth_file", what: "depth", suffixes: [".exr", ".npz", ".png"] },
  ]);
  assert.deepEqual(uploadsOf(undefined), []);
  assert.deepEqual(uploadsOf({ input: { required: { seed: ["INT"] } } }), []);
});

test("a file goes to the list that reads it, a depth map to that of depth maps", () => {
  const taker = (name) => listFor(uploadsOf(nodeData), name)?.widget;
  assert.equal(taker("street.png"), "image");
  assert.equal(taker("STREET.EXR"), "image");
  assert.equal(taker("street_depth.exr"), "depth_file");
  assert.equal(taker("Depth.PNG"), "depth_file");
  assert.equal(taker("street.npz"), "depth_file");
  assert.equal(taker("depth.png.txt"), undefined);
});
