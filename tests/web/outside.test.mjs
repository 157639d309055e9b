import assert from "node:assert/strict";
import { test } from "node:test";

import { columnsOfAxes, isMirrored } from "../../web/viewer/axes.mjs";
import { poseOfOrbit } from "../../web/viewer/orbit.mjs";
import { UPS, boxOf, gridStep, guessAxes, hasWorldInfo, nextAxes, orbitAround, plainNumber, upOf } from "../../web/viewer/outside.mjs";
import { screenshotName, sizeOfText } from "../../web/viewer/screenshot.mjs";
import { exportPath, readRecording, writeRecording } from "../../web/viewer/record.mjs";

/** A generator of numbers in 0..1 that gives the same ones each time. */
function numbers(seed = 1) {
  let state = seed;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

/** Points of a thing whose height is its third number, in other axes: `up` such as "+z". */
function turned(list, up) {
  const axis = "xyz".indexOf(up[1]);
  const sign = up[0] === "+" ? 1 : -1;
  return list.flatMap(([a, b, h]) => {
    const point = [0, 0, 0];
    point[axis] = sign * h;
    point[(axis + 1) % 3] = a;
    point[(axis + 2) % 3] = b;
    return point;
  });
}

function jug(random) {
  return Array.from({ length: 3000 }, () => {
    const [h, angle] = [random() * 0.5, random() * 2 * Math.PI];
    const radius = 0.1 + 0.06 * Math.sin(9 * h);
    return [radius * Math.cos(angle), radius * Math.sin(angle), h];
  });
}

/** A ground of 4 by 3 with a heap on it, far from the origin. */
function landscape(random) {
  return Array.from({ length: 3000 }, (_, i) => {
    const [a, b] = [4 * random(), 3 * random()];
    const heap = Math.max(0, 1 - Math.hypot(a - 2, b - 1.5));
    return [a + 7, b - 11, 5 + heap * (i % 3 ? 1 : random())];
  });
}

for (const make of [jug, landscape]) {
  test(`finds what is up of a ${make.name}, whatever the axes`, () => {
    for (const { up } of UPS) assert.equal(upOf(guessAxes(turned(make(numbers()), up))), up);
  });
}

test("takes what most files have where nothing tells", () => {
  const random = numbers(5);
  const ball = Array.from({ length: 9000 }, () => random() - 0.5);
  assert.equal(guessAxes(ball), "RDF");
});

test("axes put what they name on top and mirror nothing", () => {
  for (const { up, axes } of UPS) {
    const columns = columnsOfAxes(axes);
    assert.equal(isMirrored(columns), false, axes);
    const column = columns["xyz".indexOf(up[1])];
    assert.deepEqual(column.map((v) => v * (up[0] === "+" ? 1 : -1) + 0), [0, 1, 0], axes); // three.js: y up
  }
  const round = UPS.map(({ axes }) => nextAxes(axes));
  assert.equal(new Set(round).size, UPS.length);
});

test("the box leaves strays out", () => {
  const random = numbers(3);
  const points = Array.from({ length: 3000 }, () => random());
  points.push(900, 900, 900);
  const { low, high } = boxOf(points);
  for (const i of [0, 1, 2]) assert.ok(low[i] >= 0 && low[i] < 0.05 && high[i] > 0.95 && high[i] <= 1);
});

test("all of the box is in the picture, wide or high", () => {
  const box = { low: [1, -2, 3], high: [2, 0, 3.5] };
  const fov = 1.1;
  for (const aspect of [0.5, 1, 2.4]) {
    const { position, yaw, pitch } = poseOfOrbit(orbitAround(box, fov, aspect));
    for (let corner = 0; corner < 8; corner++) {
      const point = [0, 1, 2].map((i) => (corner & (1 << i) ? box.high : box.low)[i] - position[i]);
      const x = point[0] * Math.cos(yaw) - point[2] * Math.sin(yaw);
      const level = point[0] * Math.sin(yaw) + point[2] * Math.cos(yaw);
      const z = level * Math.cos(pitch) - point[1] * Math.sin(pitch);
      const y = level * Math.sin(pitch) + point[1] * Math.cos(pitch);
      assert.ok(z > 0 && Math.abs(y / z) < Math.tan(fov / 2) && Math.abs(x / z) < aspect * Math.tan(fov / 2));
    }
  }
});

test("what says where one may stand", () => {
  const file = { filename: "a.ply" };
  assert.equal(hasWorldInfo(file), false);
  assert.equal(hasWorldInfo({ ...file, start_pose: null, is_metric: true, path: [] }), false);
  for (const more of [{ start_pose: Array(16).fill(0) }, { origins: {} }, { walls: {} }, { is_world: true }, { path: [[1]] }]) {
    assert.equal(hasWorldInfo({ ...file, ...more }), true);
  }
});

test("numbers as a person writes them", () => {
  const shown = [0, 0.00002, 0.0123, 0.5, 1.4, 9.96, 12.34, 140, 1234.5, 123456, 2.5e7].map(plainNumber);
  assert.deepEqual(shown, ["0", "2.0e-5", "0.012", "0.5", "1.4", "10", "12", "140", "1235", "123456", "2.5e+7"]);
  assert.deepEqual([0.09, 0.1, 0.19, 0.3, 4, 70].map(gridStep), [0.05, 0.1, 0.1, 0.2, 2, 50]);
});

test("sizes and names of pictures", () => {
  assert.deepEqual(sizeOfText("3840x2160"), [3840, 2160]);
  for (const text of ["", "as shown", "99999x10", "3840x", "8x8"]) assert.equal(sizeOfText(text), null);
  assert.equal(screenshotName("world_00003_.ply", new Date("2026-01-02T03:04:05Z")), "world_00003_20260102030405.png");
});

test("a recording of turned splats says how they were turned, and its file is for the splats as they are", () => {
  const pose = { position: [1, 2, 3], yaw: 0, pitch: 0 };
  const recording = { walk: [{ ...pose, time: 0 }], keys: [pose], use: "keys", view: null, axes: "RFU" };
  // Blender's axes: y of the file goes forward (view +z), z goes up (view -y).
  const data = JSON.parse(writeRecording(recording));
  assert.deepEqual(data.turn, [[1, 0, 0], [0, 0, -1], [0, 1, 0]]);
  assert.equal(readRecording(JSON.stringify(data)).axes, "RFU");
  const [matrix] = JSON.parse(exportPath(recording)).poses;
  // The eye is at (1, 2, 3) of the view: x 1, forward 3, down 2, so the file's (1, 3, -2), which lands on the camera.
  const eye = [1, 3, -2, 1];
  assert.deepEqual(matrix.slice(0, 3).map((row) => row.reduce((sum, v, i) => sum + v * eye[i], 0)), [0, 0, 0]);
  assert.equal(JSON.parse(writeRecording({ ...recording, axes: "RDF" })).turn, undefined);
});
