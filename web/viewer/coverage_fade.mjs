// Fades the view where a world is incomplete: by the coverage map that the fit wrote, or, without one, far from all cameras
// of the world, where splats are sparse. Pure. OpenCV axes, world units.

import { tr } from "../i18n/translate.mjs";

const REACH_SHARE = 1; // of the median distance of the splats from the start
const FADE_SHARE = 1; // of the reach, over which the view fades
export const MOST_FADE = 0.8;
const [GOOD, BAD] = [0.5, 0.1]; // quality at which the view begins to fade, and is faded most

/**
 * The quality of places, as world.json has it; see matrix3d_core/io/world_json.py.
 * @typedef {object} CoverageMap
 * @property {number[]} origin center of the first cell
 * @property {number} cell distance between centers
 * @property {number[][]} quality percent; rows follow +z, columns +x
 */

/**
 * @typedef {object} Coverage
 * @property {number[][]} seen positions from which the world was observed
 * @property {number} reach distance from them within which the view is not faded
 * @property {CoverageMap | null} map counts in place of these, where there is one
 */

/**
 * @param {number[]} home start position
 * @param {number[][]} path positions of the world's path; may be empty
 * @param {number} median distance of the splats from home
 * @param {CoverageMap | null} [map] left out where home itself lies outside of what it calls good
 * @returns {Coverage}
 */
export const coverageOf = (home, path, median, map = null) => ({
  seen: [home, ...path],
  reach: REACH_SHARE * Math.max(median, 1e-6),
  map: map && qualityAt(map, home) >= GOOD ? map : null,
});

/**
 * The quality of a place, 0 to 1: linear between cells, 0 outside of the map.
 * @param {CoverageMap} map @param {number[]} position its height does not count
 */
export function qualityAt({ origin, cell, quality }, [x, , z]) {
  const [column, row] = [(x - origin[0]) / cell, (z - origin[2]) / cell];
  const [left, low] = [Math.floor(column), Math.floor(row)];
  let sum = 0;
  for (const [r, c] of [[low, left], [low, left + 1], [low + 1, left], [low + 1, left + 1]]) {
    sum += (quality[r]?.[c] ?? 0) * (1 - Math.abs(row - r)) * (1 - Math.abs(column - c));
  }
  return sum / 100;
}

/** How faded the view of a place is by its quality: rises softly from 0 to 1. @param {CoverageMap} map @param {number[]} position */
export function fadeOfMap(map, position) {
  const share = Math.min(Math.max((GOOD - qualityAt(map, position)) / (GOOD - BAD), 0), 1);
  return share * share * (3 - 2 * share);
}

/**
 * A step towards places that are more faded gets shorter, down to none where nothing is left to see: a limit without a wall.
 * @param {CoverageMap | null} map @param {number[]} from @param {number[]} to
 * @returns {number[]} where the step ends
 */
export function slowedStep(map, from, to) {
  if (!map || fadeOfMap(map, to) <= fadeOfMap(map, from)) return to;
  const way = to.map((v, i) => v - from[i]);
  const parts = Math.min(Math.ceil(Math.hypot(way[0], way[2]) / (0.1 * map.cell)), 100); // a slow frame takes long steps
  let here = from;
  for (let part = 0; part < parts; part++) {
    const next = here.map((v, i) => v + way[i] / parts);
    const share = fadeOfMap(map, next) <= fadeOfMap(map, here) ? 1 : 1 - fadeOfMap(map, next);
    here = here.map((v, i) => v + (share * way[i]) / parts);
  }
  return [here[0], to[1], here[2]];
}

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
 * @param {boolean} [canExtend] whether the viewer has the button that extends the world
 * @returns {{ fade: number, why: string }} 0: within the coverage; 1: far outside
 */
export function fadeAt({ seen, reach, map }, position, isInside, canExtend = false) {
  if (isInside) return { fade: 1, why: tr("This position is inside a wall or outside the world. Press R to return to the start.") };
  if (map) {
    const fade = fadeOfMap(map, position);
    if (fade <= 0.1) return { fade, why: "" };
    const why = canExtend
      ? tr("The world is incomplete from here on. Extend here (X), or press R to return.")
      : tr("The world is incomplete from here on. Extend here with Extend World in ComfyUI, or press R to return.");
    return { fade, why };
  }
  let away = Math.hypot(...position.map((v, i) => v - seen[0][i]));
  for (let i = 1; i < seen.length; i++) away = Math.min(away, awayFrom(position, seen[Math.max(i - 1, 1)], seen[i]));
  const fade = Math.min(Math.max((away - reach) / (FADE_SHARE * reach), 0), 1);
  return { fade, why: fade > 0.1 ? tr("No camera was near this place, so the splats are sparse. Press R to return.") : "" };
}
