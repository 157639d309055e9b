// What dragging a handle of the gizmo does to a placement. Pure; OpenCV axes.

import { headingOf, onLevel, onVertical } from "./rays.mjs";

/** @typedef {import("./rays.mjs").Ray} Ray */
/** @typedef {"ground" | "up" | "turn" | "scale"} Handle */
/** @typedef {{ position: number[], yaw: number, scale: number }} Placement (world units; radians, right positive) */
/** @typedef {{ ray: Ray, pixel: number[] }} Pointer `pixel` is in the view */

const SNAP = (15 / 180) * Math.PI;
const SCALES = [1e-3, 1e3];

/**
 * The placement while a handle is dragged.
 * @param {Handle} handle
 * @param {Placement} start when the drag began
 * @param {Pointer} from then
 * @param {Pointer} to now
 * @param {number[]} center of the gizmo in the view, pixels
 * @param {boolean} [snaps] turns in steps of 15 degrees
 * @returns {Placement}
 */
export function dragged(handle, start, from, to, center, snaps = false) {
  const { position, yaw, scale } = start;
  if (handle === "up") {
    const [before, now] = [from, to].map(({ ray }) => onVertical(ray, position));
    return before === null || now === null ? start : { ...start, position: [position[0], position[1] + now - before, position[2]] };
  }
  if (handle === "scale") {
    const reach = (/** @type {Pointer} */ { pixel }) => Math.hypot(pixel[0] - center[0], pixel[1] - center[1]);
    const factor = reach(to) / Math.max(1, reach(from));
    return { ...start, scale: Math.min(SCALES[1], Math.max(SCALES[0], scale * factor)) };
  }
  const [before, now] = [from, to].map(({ ray }) => onLevel(ray, position));
  if (!before || !now) return start;
  if (handle === "turn") {
    const turned = yaw + headingOf(position, now) - headingOf(position, before);
    return { ...start, yaw: wrapped(snaps ? Math.round(turned / SNAP) * SNAP : turned) };
  }
  return { ...start, position: [position[0] + now[0] - before[0], position[1], position[2] + now[2] - before[2]] };
}

/** @param {number} angle radians @returns {number} within half a turn */
const wrapped = (angle) => angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));

/**
 * The matrix of a placement.
 * @param {Placement} placement
 * @returns {number[]} 16 numbers, row by row: world from object
 */
export function matrixOfPlacement({ position: [x, y, z], yaw, scale }) {
  const [s, c] = [scale * Math.sin(yaw), scale * Math.cos(yaw)];
  return [c, 0, s, x, 0, scale, 0, y, -s, 0, c, z, 0, 0, 0, 1];
}

/**
 * The handle nearest to the pointer.
 * @param {{ handle: Handle, points: number[][] }[]} shapes of the handles in the view, pixels, preferred ones first
 * @param {number[]} pixel
 * @param {number} most distance, pixels
 * @returns {Handle | null}
 */
export function handleAt(shapes, pixel, most) {
  /** @type {Handle | null} */
  let best = null;
  let least = most;
  for (const { handle, points } of shapes) {
    for (const [x, y] of points) {
      const off = Math.hypot(x - pixel[0], y - pixel[1]);
      if (off < least - 1e-9) [best, least] = [handle, off];
    }
  }
  return best;
}
