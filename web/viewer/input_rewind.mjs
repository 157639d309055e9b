// Where a walk was before its last steps, for keys that are heard late. Pure.
//
// A picture is reckoned up to the time when it is drawn. A key that went up before that may still wait in the
// browser's queue; when it comes, what was walked since is taken back, so the way stays speed times time held.

const KEPT_MS = 2000;

/**
 * @typedef {object} Moment
 * @property {number} time milliseconds
 * @property {number[]} position world units
 * @property {number[]} velocity world units per second
 * @property {import("./character.mjs").Standing | null} [standing]
 * @property {boolean} [isCarried]
 */

/**
 * Remember a moment. What lies too far back goes.
 * @param {Moment[]} moments in order of time
 * @param {Moment} moment
 * @returns {Moment[]}
 */
export const remember = (moments, moment) => [...moments.filter(({ time }) => time > moment.time - KEPT_MS), moment];

/**
 * @param {Moment[]} moments in order of time
 * @param {number} when milliseconds
 * @returns {Moment | null} the last one that is not later than that
 */
export function momentAt(moments, when) {
  for (let i = moments.length - 1; i >= 0; i--) if (moments[i].time <= when) return moments[i];
  return null;
}
