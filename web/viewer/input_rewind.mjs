// Earlier states of a motion, for key events that arrive late. Pure.
//
// A frame integrates the motion up to the time when it is drawn. A keyup from before that may still wait in the browser's
// queue; when it arrives, the motion since is undone, so that the distance stays speed times the time the key was held.

const KEPT_MS = 2000;

/**
 * @typedef {object} Moment
 * @property {number} time milliseconds
 * @property {number[]} position world units
 * @property {number[]} velocity world units per second
 * @property {import("./character.mjs").Standing | null} [standing]
 * @property {boolean} [isSettling]
 */

/**
 * Add a moment; drops those that are too old.
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
