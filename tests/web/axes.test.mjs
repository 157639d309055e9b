import assert from "node:assert/strict";
import { test } from "node:test";

import { columnsOfAxes, isMirrored } from "../../web/viewer/axes.mjs";
import { readSidecar, sidecarOf } from "../../web/viewer/source.mjs";

const at = (columns, point) => [0, 1, 2].map((i) => columns.reduce((sum, column, k) => sum + column[i] * point[k], 0));

test("what is right, up and ahead in a file is so in three.js", () => {
  // A point 1 to the right, 2 up and 3 ahead, in each file's own numbers; three.js has x right, y up, -z ahead.
  const points = { RDF: [1, -2, 3], RUB: [1, 2, -3], RUF: [1, 2, 3], FRU: [3, 1, 2], RFU: [1, 3, 2], LUF: [-1, 2, 3] };
  for (const [axes, point] of Object.entries(points)) {
    assert.deepEqual(at(columnsOfAxes(axes), point), [1, 2, -3], axes);
  }
});

test("Unity and Unreal are mirrored", () => {
  const mirrored = ["RDF", "RUB", "RUF", "FRU", "RFU", "LUF"].filter((axes) => isMirrored(columnsOfAxes(axes)));
  assert.deepEqual(mirrored, ["RUF", "FRU"]);
});

test("letters that make no axes are refused", () => {
  for (const axes of ["", "RD", "RRF", "rdf", "XYZ", "RDFB"]) assert.equal(columnsOfAxes(axes), null, axes);
});

test("a sidecar gives the start in OpenCV axes, whatever the file's are", () => {
  // Standing at (1, -2, 3), looking right: OpenCV axes.
  const wanted = [0, 0, -1, 3, 0, 1, 0, 2, 1, 0, 0, -1, 0, 0, 0, 1];
  const poses = {
    RDF: { position: [1, -2, 3], forward: [1, 0, 0], up: [0, -1, 0] },
    RUB: { position: [1, 2, -3], forward: [1, 0, 0], up: [0, 1, 0] },
    FRU: { position: [3, 1, 2], forward: [0, 1, 0], up: [0, 0, 1] },
  };
  for (const [axes, start_pose] of Object.entries(poses)) {
    const coverage = { version: 1, origin: start_pose.position, cell: 0.5, quality: [[1]] };
    const read = readSidecar({ format: "matrix3d-world", version: 1, axes, start_pose, meters_per_unit: 1, coverage });
    assert.deepEqual(read.coverage.origin.map((v) => v + 0), [1, -2, 3]);
    assert.deepEqual(read.start_pose.map((v) => v + 0), wanted, axes);
    assert.equal(read.is_metric, true);
  }
  assert.equal(readSidecar({ format: "matrix3d-world", version: 1, axes: "RDF" }).start_pose, null);
  for (const bad of [null, {}, { format: "matrix3d-world", version: 2, axes: "RDF" }, { format: "matrix3d-world", version: 1, axes: "Z" }]) {
    assert.throws(() => readSidecar(bad), /its world\.json/);
  }
  assert.equal(sidecarOf({ filename: "a.b.spz" }).filename, "a.b.world.json");
});
