// The perspective view in a panorama. Pure. OpenCV axes; a panorama's middle column looks along +z, its right half along +x.

import { clamp, wrapAngle } from "./walk.mjs";

/** @typedef {{ yaw: number, pitch: number, fov: number }} View (radians; positive to the right and up; `fov` horizontal) */

const DEGREE = Math.PI / 180;
export const FOV_LIMITS = [10 * DEGREE, 150 * DEGREE];

/**
 * @param {Partial<View>} view
 * @returns {View} with all values in range
 */
export function clampView({ yaw = 0, pitch = 0, fov = Math.PI / 2 }) {
  const safe = (/** @type {number} */ value, /** @type {number} */ other) => (Number.isFinite(value) ? value : other);
  return {
    yaw: wrapAngle(safe(yaw, 0)),
    pitch: clamp(safe(pitch, 0), -Math.PI / 2, Math.PI / 2),
    fov: clamp(safe(fov, Math.PI / 2), FOV_LIMITS[0], FOV_LIMITS[1]),
  };
}

/**
 * Drag the panorama: the point under the pointer stays there, near the center of the view.
 * @param {View} view
 * @param {number} dx pixels, right positive
 * @param {number} dy pixels, down positive
 * @param {number} width of the view, pixels
 */
export function dragView(view, dx, dy, width) {
  const perPixel = (2 * Math.tan(view.fov / 2)) / Math.max(1, width);
  return clampView({ ...view, yaw: view.yaw - dx * perPixel, pitch: view.pitch + dy * perPixel });
}

/** @param {View} view @param {number} notches up (zoom in) positive */
export const zoomView = (view, notches) => clampView({ ...view, fov: view.fov * 0.92 ** notches });

/**
 * Columns: the view's right, down and forward axes in the panorama.
 * @param {View} view
 * @returns {number[]} 9 numbers, column by column
 */
export function basisOf({ yaw, pitch }) {
  const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  return [cy, 0, -sy, sy * sp, cp, cy * sp, sy * cp, -sp, cy * cp];
}

/**
 * Position in the panorama of a point of the view.
 * @param {View} view
 * @param {number} x from -1 (left edge) to 1
 * @param {number} y from -1 (top edge) to 1
 * @param {number} aspect width by height
 * @returns {[number, number]} from 0 to 1: across and down
 */
export function sourceOf(view, x, y, aspect) {
  const b = basisOf(view);
  const t = Math.tan(view.fov / 2);
  const [px, py] = [x * t, (y * t) / aspect];
  const ray = [0, 1, 2].map((i) => b[i] * px + b[3 + i] * py + b[6 + i]);
  const length = Math.hypot(...ray);
  return [0.5 + Math.atan2(ray[0], ray[2]) / (2 * Math.PI), 0.5 + Math.asin(ray[1] / length) / Math.PI];
}

/**
 * Validate a value from a payload or a saved workflow.
 * @param {unknown} value
 * @returns {{ filename: string, subfolder: string, type: string, frame: number }[]}
 */
export function readFrames(value) {
  if (!Array.isArray(value)) return [];
  return value.filter(
    (file) =>
      typeof file?.filename === "string" &&
      /^[^\\/]+\.jpg$/.test(file.filename) &&
      typeof file.subfolder === "string" &&
      file.type === "temp" &&
      Number.isInteger(file.frame),
  );
}
