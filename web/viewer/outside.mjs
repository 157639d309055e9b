// Splats without a start pose, such as objects and scans: guesses their up axis, measures their size, and frames them in an
// orbit. Pure. Directions and points are in OpenCV axes: x right, y down, z forward.

import { tr } from "../i18n/translate.mjs";

/** @typedef {import("./source.mjs").SplatFile} SplatFile */
/** @typedef {import("./orbit.mjs").Orbit} Orbit */

/**
 * @typedef {object} Outside how splats without a start pose are shown
 * @property {string} axes where +x, +y and +z of the file point in the view, so that it is upright
 * @property {number[]} low corner of the bounding box without outliers, in the view
 * @property {number[]} high the opposite corner
 */

/** Candidates for the up axis, most likely first, with the axes that rotate the file upright. */
export const UPS = [
  { up: "-y", axes: "RDF", axis: 1, sign: -1, prior: 0.12 }, // OpenCV's, in which most splats are trained
  { up: "+z", axes: "RFU", axis: 2, sign: 1, prior: 0.08 }, // Blender's, nerfstudio's
  { up: "+y", axes: "RUB", axis: 1, sign: 1, prior: 0.04 }, // glTF's
  { up: "-z", axes: "RBD", axis: 2, sign: -1, prior: 0 },
  { up: "+x", axes: "URF", axis: 0, sign: 1, prior: 0 },
  { up: "-x", axes: "DLF", axis: 0, sign: -1, prior: 0 },
];

const EDGE = 0.01; // of the splats, left out at either end as outliers
const SLAB = 0.08; // of the height: the lowest points, which may be the ground
const CELLS = 12; // along each side of the map of the ground
const VIEW = { yaw: 0.55, pitch: -0.35 }; // from the front right, slightly from above
const MARGIN = 1.08;

/**
 * Whether the payload has what a world has: a start pose, a path, walls, provenance, a panorama or a world.json.
 * @param {SplatFile} file
 */
export const hasWorldInfo = (file) =>
  Boolean(file.is_world || file.start_pose || file.path?.length || file.walls || file.origins || file.panorama);

/** @param {string} axes @returns {string} the file's axis that points up, such as "+z" */
export const upOf = (axes) => UPS.find((one) => one.axes === axes)?.up ?? "";

/** @param {string} axes @returns {string} those with the next direction up */
export const nextAxes = (axes) => UPS[(UPS.findIndex((one) => one.axes === axes) + 1) % UPS.length].axes;

/** @param {ArrayLike<number>} sorted @param {number} share */
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.round(share * (sorted.length - 1)))];

/**
 * The bounding box without outliers.
 * @param {ArrayLike<number>} points x, y, z of each, one after the other
 * @returns {{ low: number[], high: number[] }}
 */
export function boxOf(points) {
  const ends = [0, 1, 2].map((axis) => {
    const along = Float64Array.from({ length: points.length / 3 }, (_, i) => points[3 * i + axis]).sort();
    return [quantile(along, EDGE), quantile(along, 1 - EDGE)];
  });
  return { low: ends.map(([low]) => low), high: ends.map(([, high]) => high) };
}

/**
 * Guess the up axis. Cues: the lowest points cover the ground, or the origin is at the foot; a tall object is tall along
 * the up axis, a landscape is flat. Without such cues it is the axis that most files use.
 * @param {ArrayLike<number>} points x, y, z of each, in the file's axes
 * @returns {string} axes, one of `UPS`
 */
export function guessAxes(points) {
  const { low, high } = boxOf(points);
  const size = low.map((v, i) => Math.max(high[i] - v, 1e-12));
  const scores = UPS.map(({ axis, sign, prior }) => {
    const [a, b] = [0, 1, 2].filter((i) => i !== axis);
    const ground = coverage(points, low, size, axis, sign) - coverage(points, low, size, axis, -sign);
    const foot = sign > 0 ? low[axis] : high[axis];
    const stands =
      Math.abs(foot) < 0.05 * size[axis] && [a, b].every((i) => Math.abs(low[i] + high[i]) < 0.2 * size[i]);
    const ratio = size[axis] / Math.sqrt(size[a] * size[b]);
    const isRound = Math.max(size[a], size[b]) < 1.6 * Math.min(size[a], size[b]);
    const shape = ratio < 0.6 || (ratio > 1.5 && isRound) ? 0.3 : 0;
    return prior + Math.max(ground, 0) + (stands ? 0.6 : 0) + shape;
  });
  return UPS[scores.indexOf(Math.max(...scores))].axes;
}

/**
 * How much of the ground the lowest points cover.
 * @param {ArrayLike<number>} points @param {number[]} low @param {number[]} size of their box
 * @param {number} axis @param {number} sign of up
 * @returns {number} share of the cells below any point that hold one of the lowest, 0 to 1
 */
function coverage(points, low, size, axis, sign) {
  const [a, b] = [0, 1, 2].filter((i) => i !== axis);
  const all = new Set();
  const covered = new Set();
  for (let i = 0; i < points.length; i += 3) {
    const [u, v, h] = [a, b, axis].map((k) => (points[i + k] - low[k]) / size[k]);
    if (Math.min(u, v, h) < 0 || Math.max(u, v, h) > 1) continue;
    const cell = Math.floor(0.999 * u * CELLS) * CELLS + Math.floor(0.999 * v * CELLS);
    all.add(cell);
    if ((sign > 0 ? h : 1 - h) <= SLAB) covered.add(cell);
  }
  return covered.size / Math.max(all.size, 1);
}

/**
 * The orbit from which a whole box is visible.
 * @param {{ low: number[], high: number[] }} box
 * @param {number} fovY radians, vertical
 * @param {number} aspect width by height
 * @returns {Orbit}
 */
export function orbitAround({ low, high }, fovY, aspect) {
  const half = Math.min(fovY / 2, Math.atan(Math.tan(fovY / 2) * aspect));
  const radius = Math.max(radiusOf({ low, high }), 1e-9);
  return {
    target: low.map((v, i) => (v + high[i]) / 2),
    distance: (MARGIN * radius) / Math.sin(half),
    ...VIEW,
  };
}

/** @param {{ low: number[], high: number[] }} box @returns {number} radius of the bounding sphere */
export const radiusOf = ({ low, high }) => Math.hypot(...low.map((v, i) => high[i] - v)) / 2;

/** @param {number} length @returns {number} cell size of the grid: 1, 2 or 5 times a power of ten */
export function gridStep(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  return [5, 2, 1].map((part) => part * power).find((step) => step <= length * (1 + 1e-9)) ?? power;
}

/**
 * A readable length: two or three significant digits, an exponent only where needed.
 * @param {number} value
 * @returns {string}
 */
export function plainNumber(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e6 || size < 1e-4) return value.toExponential(1);
  if (size >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(2)));
}

/**
 * The note about the guesses.
 * @param {Outside} outside
 * @param {number} speed of walking, units per second
 */
export function describeGuess({ axes, low, high }, speed) {
  const values = { up: upOf(axes), size: plainNumber(Math.max(...low.map((v, i) => high[i] - v))), speed: plainNumber(speed) };
  return tr("Orbit mode, as the file defines no start pose. Guessed: {up} is up (U to change), size about {size} units. O to walk, at {speed} units/s.", values);
}
