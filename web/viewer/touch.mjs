// Two-finger gestures and the on-screen stick. Pure.

/** @typedef {{ x: number, y: number }} Point (CSS pixels) */

const SECONDS_PER_VIEW = 2; // a drag over the whole height moves as far as two seconds of walking
const SECONDS_PER_DOUBLING = 1.5; // spreading the fingers to twice their distance

/**
 * The movement of a two-finger gesture, in seconds of walking. The world follows the fingers: dragging it down or spreading
 * them moves forward, dragging it left moves to the right.
 * @param {Point[]} before two points
 * @param {Point[]} after the same fingers
 * @param {number} viewHeight pixels
 * @returns {{ right: number, forward: number }}
 */
export function twoFingerMove(before, after, viewHeight) {
  const middle = (/** @type {Point[]} */ [a, b]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  const spread = (/** @type {Point[]} */ [a, b]) => Math.max(20, Math.hypot(a.x - b.x, a.y - b.y));
  const [from, to] = [middle(before), middle(after)];
  const perPixel = SECONDS_PER_VIEW / viewHeight;
  return {
    right: (from.x - to.x) * perPixel,
    forward: (to.y - from.y) * perPixel + SECONDS_PER_DOUBLING * Math.log2(spread(after) / spread(before)),
  };
}

/**
 * The input of a stick that is pushed away from its center.
 * @param {number} dx pixels, right positive
 * @param {number} dy pixels, down positive
 * @param {number} radius pixels at which it is pushed all the way
 * @returns {{ right: number, forward: number }} each -1 to 1, together at most 1 long
 */
export function stickInput(dx, dy, radius) {
  const length = Math.hypot(dx, dy);
  if (length < 0.12 * radius) return { right: 0, forward: 0 };
  const scale = 1 / Math.max(radius, length);
  return { right: dx * scale, forward: 0 - dy * scale };
}
