// Two fingers on a touch screen. Pure.

/** @typedef {{ x: number, y: number }} Point (CSS pixels) */

const SECONDS_PER_VIEW = 2; // a drag over the whole height walks as far as two seconds do
const SECONDS_PER_DOUBLING = 1.5; // spreading the fingers to twice their distance

/**
 * The way that two moving fingers ask for, in seconds of walking. The world follows the fingers: dragging it
 * down or spreading them comes nearer, dragging it left steps to the right.
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
 * What a stick pushed away from its middle asks for.
 * @param {number} dx pixels, right positive
 * @param {number} dy pixels, down positive
 * @param {number} radius pixels at which it is pushed all the way
 * @returns {{ right: number, forward: number }} each -1 to 1, together at most 1 long
 */
export function stickWish(dx, dy, radius) {
  const length = Math.hypot(dx, dy);
  if (length < 0.12 * radius) return { right: 0, forward: 0 };
  const scale = 1 / Math.max(radius, length);
  return { right: dx * scale, forward: 0 - dy * scale };
}
