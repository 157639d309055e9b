import assert from "node:assert/strict";
import { test } from "node:test";

import { Euler, Matrix4, Quaternion, Vector3 } from "../../web/vendor/three.core.mjs";
import { ORIGIN, poseFromMatrix, poseFromText, poseToText, toThree } from "../../web/viewer/pose.mjs";

const near = (actual, expected, tolerance = 1e-9) =>
  assert.ok(actual.every((a, i) => Math.abs(a - expected[i]) <= tolerance), `${actual} is not ${expected}`);

/** World-to-camera of an upright pose, from the definition: rows are the camera's axes, OpenCV. */
function matrixOf({ position, yaw, pitch }) {
  const ahead = [Math.sin(yaw) * Math.cos(pitch), -Math.sin(pitch), Math.cos(yaw) * Math.cos(pitch)];
  const right = [Math.cos(yaw), 0, -Math.sin(yaw)];
  const down = [
    ahead[1] * right[2] - ahead[2] * right[1],
    ahead[2] * right[0] - ahead[0] * right[2],
    ahead[0] * right[1] - ahead[1] * right[0],
  ];
  const rows = [right, down, ahead].map((axis) => [...axis, -axis.reduce((sum, a, i) => sum + a * position[i], 0)]);
  return [...rows, [0, 0, 0, 1]];
}

const POSES = [
  { position: [0, 0, 0], yaw: 0, pitch: 0 },
  { position: [1, -2, 3], yaw: 0.7, pitch: 0.3 },
  { position: [-4, 0.5, 0], yaw: -2.9, pitch: -1.2 },
];

test("a matrix gives back the pose it was made of", () => {
  for (const pose of POSES) {
    const back = poseFromMatrix(matrixOf(pose));
    near(back.position, pose.position);
    near([back.yaw, back.pitch], [pose.yaw, pose.pitch]);
    assert.deepEqual(poseFromMatrix(matrixOf(pose).flat()), back);
  }
});

test("the unit matrix is the panorama's center looking at its front", () => {
  assert.deepEqual(poseFromMatrix([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]), ORIGIN);
});

test("looking straight down keeps a heading", () => {
  const down = [
    [0, 0, -1, 0],
    [-1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 0, 1],
  ]; // right of the camera is -z: it heads to +x
  const pose = poseFromMatrix(down);
  near([pose.yaw, pose.pitch], [Math.PI / 2, -Math.PI / 2]);
});

test("what is no pose is refused", () => {
  assert.throws(() => poseFromMatrix([1, 2, 3]), /16 finite numbers/);
  assert.throws(() => poseFromMatrix(Array(16).fill(NaN)), /16 finite numbers/);
});

test("text is read and written", () => {
  assert.deepEqual(poseFromText("1,-2,3"), { position: [1, -2, 3], yaw: 0, pitch: 0 });
  near([poseFromText("0,0,0,90,-45").yaw, poseFromText("0,0,0,90,-45").pitch], [Math.PI / 2, -Math.PI / 4]);
  for (const bad of [null, undefined, "", "1,2", "1,2,x", "1,,3", "1,2,3,4,5,6", "0,0,Infinity"]) {
    assert.equal(poseFromText(bad), null);
  }
  assert.equal(poseToText(poseFromText("1,-2,3,90,-45")), "1,-2,3,90,-45");
  assert.equal(poseToText({ position: [-0, 0, 0], yaw: -0, pitch: 0 }), "0,0,0,0,0");
});

test("three.js sees every point where an OpenCV camera would", () => {
  const halfTurn = new Quaternion(1, 0, 0, 0); // what splat_scene.mjs gives the world
  for (const pose of POSES) {
    const { position, rotation } = toThree(pose);
    const camera = new Matrix4().makeRotationFromEuler(new Euler(...rotation, "YXZ")).setPosition(...position);
    const toView = camera.clone().invert();
    const rows = matrixOf(pose);
    for (const point of [[0.3, -1, 5], [-2, 0.5, -1], [7, 7, 7]]) {
      const cv = rows.slice(0, 3).map((row) => row[0] * point[0] + row[1] * point[1] + row[2] * point[2] + row[3]);
      const gl = new Vector3(...point).applyQuaternion(halfTurn).applyMatrix4(toView);
      near([gl.x, gl.y, gl.z], [cv[0], -cv[1], -cv[2]], 1e-9); // x right, y up, z towards the eye
    }
  }
});
