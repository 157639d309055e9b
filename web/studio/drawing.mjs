// A drawn path: its keyframes, and their positions on the map and in the panorama. Pure.
// World units; x right, y down, z forward. A key is [x, y, z, yaw, pitch] with angles in degrees.

/** @typedef {number[]} Key */
/** @typedef {{ x: number, z: number, span: number, width: number, height: number }} MapWindow center and width in world units, size in pixels */

export const MOST_KEYS = 200;
const VERSION = 1;

const round = (/** @type {number} */ value) => Number(value.toFixed(4)) + 0;

/** @param {unknown} key @returns {key is Key} */
const isKey = (key) =>
  Array.isArray(key) && key.length === 5 && key.every((v) => typeof v === "number" && Number.isFinite(v) && Math.abs(v) < 1e6);

/**
 * Read what the workflow stores.
 * @param {unknown} text
 * @returns {Key[]} none when it cannot be parsed
 */
export function readDrawing(text) {
  if (typeof text !== "string" || !text.trim()) return [];
  try {
    const { version = VERSION, keys } = JSON.parse(text);
    return version === VERSION && Array.isArray(keys) ? keys.filter(isKey).slice(0, MOST_KEYS) : [];
  } catch {
    return [];
  }
}

/** @param {Key[]} keys @returns {string} what `readDrawing` reads; empty without keys */
export function writeDrawing(keys) {
  return keys.length ? JSON.stringify({ version: VERSION, use: "keys", keys: keys.map((key) => key.map(round)) }) : "";
}

/** @param {number} angle degrees @returns {number} from -180 to 180 */
export const wrapDegrees = (angle) => ((((angle + 180) % 360) + 360) % 360) - 180;

/**
 * A keyframe at a position, facing in the direction from the one before it.
 * @param {Key[]} keys
 * @param {number} after index of the key before it, -1 for none
 * @param {number} x
 * @param {number} z
 * @returns {Key}
 */
export function keyAt(keys, after, x, z) {
  const before = keys[after];
  if (!before) return [x, 0, z, 0, 0];
  const [dx, dz] = [x - before[0], z - before[2]];
  const yaw = Math.hypot(dx, dz) > 1e-6 ? (Math.atan2(dx, dz) * 180) / Math.PI : before[3];
  return [x, before[1], z, yaw, 0];
}

/** @param {Key[]} keys @param {number} index @param {Key} key @returns {Key[]} */
export const withKey = (keys, index, key) => [...keys.slice(0, index), key, ...keys.slice(index)];

/** @param {Key[]} keys @param {number} index @param {Partial<Record<0|1|2|3|4, number>>} change @returns {Key[]} */
export function changed(keys, index, change) {
  const limits = [1e5, 1e5, 1e5, 180, 90];
  return keys.map((key, k) => {
    if (k !== index) return key;
    return key.map((old, i) => {
      const value = change[/** @type {0} */ (i)] ?? old;
      if (!Number.isFinite(value)) return old;
      return i === 3 ? wrapDegrees(value) : Math.min(limits[i], Math.max(-limits[i], value));
    });
  });
}

/** @param {MapWindow} view @param {number} x @param {number} z @returns {[number, number]} pixels */
export function toMap(view, x, z) {
  const scale = Math.min(view.width, view.height) / view.span;
  return [view.width / 2 + (x - view.x) * scale, view.height / 2 - (z - view.z) * scale];
}

/** @param {MapWindow} view @param {number} px @param {number} py @returns {[number, number]} x, z */
export function fromMap(view, px, py) {
  const scale = Math.min(view.width, view.height) / view.span;
  return [view.x + (px - view.width / 2) / scale, view.z - (py - view.height / 2) / scale];
}

/**
 * Zoom so that the point under a pixel stays there.
 * @param {MapWindow} view @param {number} factor above 1 shows more @param {number} px @param {number} py
 * @returns {MapWindow}
 */
export function zoomed(view, factor, px, py) {
  const span = Math.min(1e5, Math.max(1e-3, view.span * factor));
  const [x, z] = fromMap(view, px, py);
  const wider = { ...view, span };
  const [newX, newZ] = fromMap(wider, px, py);
  return { ...wider, x: view.x + x - newX, z: view.z + z - newZ };
}

/**
 * Position of a point in the panorama.
 * @param {number[]} point x, y, z from the panorama's center
 * @returns {[number, number] | null} 0 to 1 across and down; null at the center
 */
export function toPanorama([x, y, z]) {
  const level = Math.hypot(x, z);
  if (Math.hypot(level, y) < 1e-6) return null;
  return [0.5 + Math.atan2(x, z) / (2 * Math.PI), 0.5 + Math.atan2(y, level) / Math.PI];
}

/**
 * Move a keyframe to the pointer in the panorama, at its horizontal distance.
 * @param {Key} key @param {number} u @param {number} v 0 to 1
 * @returns {{ 0: number, 1: number, 2: number }}
 */
export function draggedInPanorama(key, u, v) {
  const away = Math.max(0.05, Math.hypot(key[0], key[2]));
  const azimuth = (u - 0.5) * 2 * Math.PI;
  const rise = Math.max(-1.2, Math.min(1.2, (v - 0.5) * Math.PI));
  return { 0: away * Math.sin(azimuth), 1: away * Math.tan(rise), 2: away * Math.cos(azimuth) };
}

/**
 * Find the point nearest to a pixel.
 * @param {([number, number] | null)[]} points @param {number} px @param {number} py @param {number} reach
 * @returns {number} index, -1 for none within reach; of equals the last, which is drawn on top
 */
export function nearest(points, px, py, reach) {
  let best = -1;
  let least = reach;
  points.forEach((point, k) => {
    const away = point ? Math.hypot(point[0] - px, point[1] - py) : Infinity;
    if (away <= least) [best, least] = [k, away];
  });
  return best;
}

/**
 * Between which keyframes is a point of the path? They are passed in order along the poses.
 * @param {Key[]} keys @param {number[][]} poses of the path @param {number} index of a pose
 * @returns {number} the key before it
 */
export function keyBefore(keys, poses, index) {
  let from = 0;
  let before = 0;
  for (let k = 0; k < keys.length; k++) {
    let best = from;
    for (let i = from; i < poses.length; i++) {
      if (distance(poses[i], keys[k]) < distance(poses[best], keys[k]) - 1e-9) best = i;
    }
    if (best > index) break;
    [before, from] = [k, best];
  }
  return before;
}

const distance = (/** @type {number[]} */ a, /** @type {number[]} */ b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
