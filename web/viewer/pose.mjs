// Poses: from the graph, from an address, and into three.js. Pure. OpenCV axes: x right, y down, z forward.

import { tr } from "../i18n/translate.mjs";

/**
 * A camera pose without roll.
 * @typedef {{ position: number[], yaw: number, pitch: number }} Pose (world units, radians)
 */

export const FOV_Y = (65 / 180) * Math.PI; // vertical field of view; about 97 degrees across at 16:9

/** @type {Pose} The panorama's center, facing its front. */
export const ORIGIN = { position: [0, 0, 0], yaw: 0, pitch: 0 };

/**
 * Read a world-to-camera matrix, row by row. Roll is dropped: the viewer stays upright.
 * @param {number[] | number[][]} matrix 16 numbers or 4 rows of 4
 * @returns {Pose}
 */
export function poseFromMatrix(matrix) {
  const m = matrix.flat();
  if (m.length !== 16 || !m.every(Number.isFinite)) throw new Error(tr("a pose needs 16 finite numbers"));
  const [right, down, ahead] = [m.slice(0, 3), m.slice(4, 7), m.slice(8, 11)]; // the camera's axes in the world
  const t = [m[3], m[7], m[11]];
  const position = [0, 1, 2].map((i) => 0 - (right[i] * t[0] + down[i] * t[1] + ahead[i] * t[2]));
  // Straight up or down the view direction has no heading, but the camera's right axis does.
  const level = Math.hypot(ahead[0], ahead[2]);
  const yaw = level > 1e-6 ? Math.atan2(ahead[0], ahead[2]) : Math.atan2(0 - right[2], right[0]);
  return { position, yaw, pitch: Math.atan2(0 - ahead[1], level) };
}

/**
 * Read "x,y,z,yaw,pitch" (world units, degrees; the angles may be left out), as URLs hold it.
 * @param {string | null | undefined} text
 * @returns {Pose | null} null when there is none or it cannot be parsed
 */
export function poseFromText(text) {
  const parts = (text ?? "").split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
  if (parts.length < 3 || parts.length > 5 || !parts.every(Number.isFinite)) return null;
  const [x, y, z, yaw = 0, pitch = 0] = parts;
  return { position: [x, y, z], yaw: (yaw * Math.PI) / 180, pitch: (pitch * Math.PI) / 180 };
}

/**
 * @param {Pose} pose
 * @returns {string} what `poseFromText` reads
 */
export function poseToText(pose) {
  const degrees = [pose.yaw, pose.pitch].map((angle) => (angle * 180) / Math.PI);
  return [...pose.position, ...degrees].map((value) => Number(value.toFixed(4)) + 0).join(",");
}

/**
 * The same pose in the coordinates of three.js (y up, looking down -z), where the world is rotated by 180
 * degrees about x: (x, y, z) becomes (x, -y, -z), which is a rotation, so nothing is mirrored.
 * @param {Pose} pose
 * @returns {{ position: number[], rotation: [number, number, number] }} Euler angles about x, y, z in the order YXZ
 */
export function toThree(pose) {
  const [x, y, z] = pose.position;
  return { position: [x, 0 - y, 0 - z], rotation: [pose.pitch, 0 - pose.yaw, 0] };
}
