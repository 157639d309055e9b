// Fades the view far from all cameras of the world, where splats are sparse. Pure. OpenCV axes, world units.

import { tr } from "../i18n/translate.mjs";

const REACH_SHARE = 1; // of the median distance of the splats from the start
const FADE_SHARE = 1; // of the reach, over which the view fades
export const MOST_FADE = 0.8;

/**
 * @typedef {object} Coverage
 * @property {number[][]} seen positions from which the world was observed
 * @property {number} reach distance from them within which the view is not faded
 */

/**
 * @param {number[]} home start position
 * @param {number[][]} path positions of the world's path; may be empty
 * @param {number} median distance of the splats from home
 * @returns {Coverage}
 */
export const coverageOf = (home, path, median) => ({ seen: [home, ...path], reach: REACH_SHARE * Math.max(median, 1e-6) });

/** @param {number[]} p @param {number[]} a @param {number[]} b @returns {number} distance of a point from a line segment */
function awayFrom(p, a, b) {
  const way = b.map((v, i) => v - a[i]);
  const square = way.reduce((sum, v) => sum + v * v, 0);
  const along = way.reduce((sum, v, i) => sum + v * (p[i] - a[i]), 0);
  const t = square > 0 ? Math.min(Math.max(along / square, 0), 1) : 0;
  return Math.hypot(...p.map((v, i) => v - a[i] - t * way[i]));
}

/**
 * @param {Coverage} coverage
 * @param {number[]} position
 * @param {boolean} isInside whether the eye is inside something solid
 * @returns {{ fade: number, why: string }} 0: within the coverage; 1: far outside
 */
export function fadeAt({ seen, reach }, position, isInside) {
  if (isInside) return { fade: 1, why: tr("This position is inside a wall or outside the world. Press R to return to the start.") };
  let away = Math.hypot(...position.map((v, i) => v - seen[0][i]));
  for (let i = 1; i < seen.length; i++) away = Math.min(away, awayFrom(position, seen[Math.max(i - 1, 1)], seen[i]));
  const fade = Math.min(Math.max((away - reach) / (FADE_SHARE * reach), 0), 1);
  return { fade, why: fade > 0.1 ? tr("No camera was near this place, so the splats are sparse. Press R to return.") : "" };
}
