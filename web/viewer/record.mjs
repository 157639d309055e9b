// The recording: a walk, keyframes, and one view. Pure. Its text is stored in the node and read by
// matrix3d_core/trajectories/recording.py: degrees and world units, OpenCV axes.

import { columnsOfAxes } from "./axes.mjs";
import { UPS } from "./outside.mjs";
import { wrapAngle } from "./walk.mjs";

/** @typedef {import("./pose.mjs").Pose} Pose */
/** @typedef {Pose & { time: number, isTurn?: boolean }} Sample (seconds; `isTurn`: the motion changes here) */

/**
 * @typedef {object} Recording
 * @property {Sample[]} walk
 * @property {Pose[]} keys
 * @property {"walk" | "keys"} use which one is the path
 * @property {(Pose & { fov: number }) | null} view vertical field of view in radians
 * @property {string} [axes] one of `UPS`: where the splats' x, y and z point in the view, when the viewer rotated them
 */

/** @type {Recording} */
export const EMPTY = { walk: [], keys: [], use: "walk", view: null };

export const INTERVAL_S = 0.05; // between samples, unless the motion changes
export const MOST_SAMPLES = 12_000; // ten minutes
const DEGREE = Math.PI / 180;
const OFF_WAY = 0.002; // world units that a dropped sample may be off the line between its neighbors
const OFF_LOOK = 0.1 * DEGREE;

const round = (/** @type {number} */ value) => Number(value.toFixed(4)) + 0;
const rowOf = (/** @type {Pose} */ pose) =>
  [...pose.position, pose.yaw / DEGREE, pose.pitch / DEGREE].map(round);
/** @param {number[]} row @returns {Pose} */
const poseOf = ([x, y, z, yaw, pitch]) => ({ position: [x, y, z], yaw: yaw * DEGREE, pitch: pitch * DEGREE });

/** @param {string} axes @returns {number[][]} rotation from the file's axes to the viewer's, rows */
const rotationOf = (axes) => {
  const [x, y, z] = /** @type {number[][]} */ (columnsOfAxes(axes));
  return [[x[0], y[0], z[0]], [-x[1], -y[1], -z[1]], [-x[2], -y[2], -z[2]]].map((row) => row.map((v) => v + 0));
};

/** @param {Recording} recording */
export const isEmpty = (recording) => !recording.walk.length && !recording.keys.length && !recording.view;

/**
 * @param {Recording} recording
 * @returns {string} "" when nothing is recorded
 */
export function writeRecording(recording) {
  if (isEmpty(recording)) return "";
  const { walk, keys, use, view, axes = "RDF" } = recording;
  return JSON.stringify({
    version: 1,
    ...(axes === "RDF" ? {} : { turn: rotationOf(axes) }),
    use,
    walk: walk.map((sample) => [round(sample.time), ...rowOf(sample)]),
    keys: keys.map(rowOf),
    view: view && [...rowOf(view), round(view.fov / DEGREE)],
  });
}

/**
 * @param {unknown} text
 * @returns {Recording} empty when it cannot be parsed
 */
export function readRecording(text) {
  if (typeof text !== "string" || !text.trim()) return EMPTY;
  try {
    const { walk = [], keys = [], use = "walk", view = null, turn } = JSON.parse(text);
    const check = (/** @type {unknown[]} */ row, /** @type {number} */ count) => {
      if (row.length !== count || !row.every(Number.isFinite)) throw new Error("not a recording");
      return /** @type {number[]} */ (row);
    };
    return {
      walk: walk.map((/** @type {number[]} */ row) => {
        const [time, ...pose] = check(row, 6);
        return { time, ...poseOf(pose) };
      }),
      keys: keys.map((/** @type {number[]} */ row) => poseOf(check(row, 5))),
      use: use === "keys" ? "keys" : "walk",
      view: view && { ...poseOf(check(view, 6)), fov: view[5] * DEGREE },
      ...(turn ? { axes: UPS.find(({ axes }) => JSON.stringify(rotationOf(axes)) === JSON.stringify(turn))?.axes } : {}),
    };
  } catch {
    return EMPTY;
  }
}

/** @param {Pose} a @param {Pose} b */
const isSamePose = (a, b) =>
  a.yaw === b.yaw && a.pitch === b.pitch && a.position.every((value, i) => value === b.position[i]);

/**
 * Add the current camera to a walk that is being recorded, in place.
 * @param {Sample[]} walk
 * @param {number} time seconds since recording began
 * @param {Pose} pose
 * @param {boolean} [isTurn] keep the sample in any case, as the motion changes here
 * @returns {boolean} false: the walk is full
 */
export function addSample(walk, time, { position, yaw, pitch }, isTurn = false) {
  if (walk.length >= MOST_SAMPLES) return false;
  const last = walk[walk.length - 1];
  const sample = { time: Math.max(time, last?.time ?? 0), position: [...position], yaw, pitch, isTurn };
  if (!last) walk.push(sample);
  else if (isSamePose(last, sample)) {
    if (isTurn && sample.time > last.time) walk.push(sample);
  } else {
    const isDense = walk.length > 1 && sample.time - walk[walk.length - 2].time < INTERVAL_S;
    if (isDense && !last.isTurn && isBetween(walk[walk.length - 2], last, sample)) walk.pop();
    walk.push(sample);
  }
  return true;
}

/**
 * Whether a sample can be interpolated from its neighbors. Sliding along walls changes direction without a key event,
 * so this is measured.
 * @param {Sample} before @param {Sample} sample @param {Sample} after
 */
function isBetween(before, sample, after) {
  const t = (sample.time - before.time) / (after.time - before.time || 1);
  const off = sample.position.map((p, i) => p - before.position[i] - t * (after.position[i] - before.position[i]));
  const offYaw = wrapAngle(sample.yaw - before.yaw - t * wrapAngle(after.yaw - before.yaw));
  const offPitch = sample.pitch - before.pitch - t * (after.pitch - before.pitch);
  return Math.hypot(...off) < OFF_WAY && Math.max(Math.abs(offYaw), Math.abs(offPitch)) < OFF_LOOK;
}

/** @param {Pose[]} poses @returns {number} length of the path, world units */
export function pathLength(poses) {
  let length = 0;
  for (let i = 1; i < poses.length; i++) {
    const [a, b] = [poses[i - 1].position, poses[i].position];
    length += Math.hypot(b[0] - a[0], b[1] - a[1], b[2] - a[2]);
  }
  return length;
}

/**
 * @template T
 * @param {T[]} list
 * @param {number} from
 * @param {number} to where the item is afterwards
 * @returns {T[]} a new list
 */
export function moveItem(list, from, to) {
  const rest = list.filter((_, i) => i !== from);
  rest.splice(Math.min(Math.max(to, 0), rest.length), 0, list[from]);
  return rest;
}

/**
 * World-to-camera matrix of an upright pose, 4 rows of 4: the inverse of `poseFromMatrix`.
 * @param {Pose} pose
 * @returns {number[][]}
 */
export function matrixOf({ position, yaw, pitch }) {
  const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  const axes = [
    [cy, 0, -sy], // right
    [sy * sp, cp, cy * sp], // down
    [sy * cp, -sp, cy * cp], // ahead
  ];
  const rows = axes.map((axis) => [...axis, 0 - axis.reduce((sum, part, i) => sum + part * position[i], 0)]);
  return [...rows, [0, 0, 0, 1]];
}

/**
 * The matrix of a pose in rotated splats, relative to the splats as the workflow has them.
 * @param {Pose} pose in the view
 * @param {string} axes where the splats' x, y and z point there
 * @returns {number[][]} world-to-camera, 4 rows of 4
 */
export function rotatedMatrixOf(pose, axes) {
  const turn = rotationOf(axes);
  return matrixOf(pose).map((row) => [...[0, 1, 2].map((i) => row[0] * turn[0][i] + row[1] * turn[1][i] + row[2] * turn[2][i] + 0), row[3]]);
}

/**
 * A file of the path in use: keyframes as the node TrajectoryFromKeyframes reads them, or a walk as TrajectoryLoad reads
 * it, in the splats' own frame. Keyframes of rotated splats have roll there, so they are written like a walk.
 * @param {Recording} recording
 * @returns {string}
 */
export function exportPath(recording) {
  const { axes = "RDF" } = recording;
  if (axes !== "RDF" || recording.use === "walk") {
    const poses = recording[recording.use].map((pose) => (axes === "RDF" ? matrixOf(pose) : rotatedMatrixOf(pose, axes)));
    return JSON.stringify({ format: "matrix3d-trajectory", version: 1, frame_of_reference: "panorama", poses });
  }
  const keys = recording.keys.map((key) => {
    const [x, y, z, yaw, pitch] = rowOf(key);
    return { position: [x, y, z], yaw, pitch };
  });
  return JSON.stringify(keys, null, 1);
}

/**
 * Points of the path to draw, in order: keyframes are joined by a smooth curve that resembles the library's spline.
 * @param {Recording} recording
 * @returns {number[][]} positions, OpenCV axes
 */
export function pathPoints({ use, walk, keys }) {
  if (use === "walk" || keys.length < 3) return (use === "walk" ? walk : keys).map((pose) => pose.position);
  const points = keys.map((key) => key.position);
  const at = (/** @type {number} */ i) => points[Math.min(Math.max(i, 0), points.length - 1)];
  const curve = [];
  for (let i = 0; i + 1 < points.length; i++) {
    for (let k = 0; k < 16; k++) curve.push(catmullRom(at(i - 1), at(i), at(i + 1), at(i + 2), k / 16));
  }
  curve.push(points[points.length - 1]);
  return curve;
}

/**
 * @param {number[]} a @param {number[]} b @param {number[]} c @param {number[]} d
 * @param {number} t 0 at b, 1 at c
 */
function catmullRom(a, b, c, d, t) {
  return b.map((_, i) => {
    const [first, last] = [(c[i] - a[i]) / 2, (d[i] - b[i]) / 2];
    const rise = c[i] - b[i];
    return b[i] + t * (3 * rise * t - 2 * rise * t * t + (1 - t) * (first * (1 - t) - last * t));
  });
}

