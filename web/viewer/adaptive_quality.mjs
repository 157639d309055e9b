// Adaptive quality while the camera moves: on slow GPUs, fewer splats of a large world, then fewer pixels; full quality
// at rest.

/** Fraction of the full pixel density, and the maximum number of splats (0: all). */
export const LEVELS = [
  { fineness: 1, splats: 0 },
  { fineness: 1, splats: 500_000 },
  { fineness: 0.75, splats: 350_000 },
  { fineness: 0.5, splats: 250_000 },
  { fineness: 0.35, splats: 150_000 },
];
const SPLATS_ONLY = 1; // this level only has fewer splats than the one before, which helps large worlds
const TOO_SLOW_MS = 55; // below 18 frames per second
const FAST_ENOUGH_MS = 22;
const WORTH_IT = 0.85; // fewer pixels must save this much, else pixels are not the bottleneck
const WEIGHT = 0.25; // of the newest frame in the running mean
const TRIAL = 6; // frames before a level is judged,
const TRIAL_MS = 600; // or this much time, when they are slow
const GAP_MS = 25; // between two events of a pointer that keeps moving
const CALM = 60; // frames before a finer level is tried

/**
 * @typedef {object} Quality
 * @property {number} level index into LEVELS
 * @property {number} mean running mean of the time between frames, milliseconds; 0 when unknown
 * @property {number} frames since the level changed
 * @property {number} spent on them, milliseconds
 * @property {number} before the mean at the finer level that was left; 0 when judged
 * @property {boolean} isFutile fewer pixels were tried and did not help
 */

/** @type {Quality} */
export const START_QUALITY = { level: 0, mean: 0, frames: 0, spent: 0, before: 0, isFutile: false };

/**
 * Take one more frame of a movement into account.
 * @param {Quality} quality
 * @param {number} ms since the frame before
 * @param {boolean} [isLarge] whether fewer splats can be drawn
 * @returns {Quality}
 */
export function countFrame(quality, ms, isLarge = false) {
  const frames = quality.frames + 1;
  const mean = quality.mean === 0 ? ms : quality.mean + WEIGHT * (ms - quality.mean);
  const next = { ...quality, mean, frames, spent: quality.spent + ms };
  if (frames < TRIAL && (frames < 2 || next.spent < TRIAL_MS)) return next; // a single slow one is a hitch
  const fresh = { mean: 0, frames: 0, spent: 0, before: 0 };
  if (next.before && mean > WORTH_IT * next.before && next.level > SPLATS_ONLY) {
    return { ...next, ...fresh, level: finer(next.level, isLarge), isFutile: true };
  }
  if (mean > TOO_SLOW_MS && next.level < LEVELS.length - 1 && !next.isFutile) {
    return { ...next, ...fresh, level: coarser(next.level, isLarge), before: mean };
  }
  if (next.frames >= CALM && mean < FAST_ENOUGH_MS && next.level > 0) {
    return { ...next, ...fresh, level: finer(next.level, isLarge) };
  }
  return { ...next, before: 0 };
}

/**
 * Whether the time between two frames of a drag measures the drawing: the pointer moved again soon after the first frame,
 * so that the second waited for it. Otherwise it waited for the pointer.
 * @param {number} lastFrame when the first was begun, milliseconds; 0: there was none
 * @param {number} draggedFrom when the pointer first moved after that, milliseconds; 0: it did not
 */
export const isHeldUp = (lastFrame, draggedFrom) =>
  lastFrame > 0 && draggedFrom > 0 && draggedFrom - lastFrame < GAP_MS;

/** @param {number} level @param {boolean} isLarge */
const coarser = (level, isLarge) => level + (level + 1 === SPLATS_ONLY && !isLarge ? 2 : 1);
/** @param {number} level @param {boolean} isLarge */
const finer = (level, isLarge) => level - (level - 1 === SPLATS_ONLY && !isLarge ? 2 : 1);

const REST_MS = 250;
const MOST_FRAME_MS = 2000;

/** Measures the frames of one view. */
export class AdaptiveQuality {
  /** @param {() => void} onRest called when full quality is to be drawn again */
  constructor(onRest) {
    this.onRest = onRest;
    this.state = START_QUALITY;
    this.isSteady = false; // for benchmarks: always draw all splats and pixels
    this.lastShown = 0; // when the last frame of a movement was started; 0 at rest
    this.wasBusy = false; // at the last frame
    this.draggedFrom = 0; // when the first drag since that frame happened; 0: none
    this.restTimer = 0; // 0 at rest
  }

  get level() {
    return LEVELS[this.restTimer && !this.isSteady ? this.state.level : 0];
  }

  /** Frames per second of the movement; 0 when unknown. */
  get fps() {
    return this.state.mean ? 1000 / this.state.mean : 0;
  }

  /** @param {number} since when the pointer began to move, milliseconds */
  drag(since) {
    this.draggedFrom ||= since;
  }

  /**
   * A frame is about to be drawn.
   * @param {number} now milliseconds, of the animation clock
   * @param {boolean} isBusy the camera moves by itself
   * @param {boolean} isActive or by dragging
   * @param {boolean} isLarge whether fewer splats can be drawn
   */
  frame(now, isBusy, isActive, isLarge) {
    const { lastShown } = this;
    if ((isBusy && this.wasBusy && lastShown) || isHeldUp(lastShown, this.draggedFrom)) {
      this.state = countFrame(this.state, now - lastShown, isLarge);
    }
    this.lastShown = isActive ? now : 0;
    this.wasBusy = isBusy;
    this.draggedFrom = 0;
    if (isActive) this.armRest(lastShown ? Math.min(now - lastShown, MOST_FRAME_MS) : 0);
  }

  /**
   * Return to full quality once nothing has moved for a moment, which is longer on slow GPUs.
   * @param {number} frameMs of the last frame
   */
  armRest(frameMs) {
    clearTimeout(this.restTimer);
    this.restTimer = window.setTimeout(
      () => {
        this.restTimer = 0;
        this.state = { ...this.state, mean: 0, frames: 0, spent: 0 };
        this.onRest();
      },
      Math.max(REST_MS, 2 * frameMs),
    );
  }

  dispose() {
    clearTimeout(this.restTimer);
  }
}
