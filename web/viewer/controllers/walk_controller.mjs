// Walking: level, and where there are walls that hold, between them and on the ground.

import { characterBody, standAt, stepCharacter } from "../character.mjs";
import { moveBy, stepWalk } from "../walk.mjs";
import { deepest, moveAlong } from "../walls.mjs";
import { FirstPerson } from "./controller.mjs";

/** @typedef {import("./controller.mjs").Controller} Controller */
/** @typedef {import("../walk.mjs").Wish} Wish */
/** @typedef {import("../walls.mjs").Walls} Walls */

const STEP_S = 0.1; // a character is moved in parts no longer than this
const MOST_S = 5; // what a picture took longer is lost

/** @implements {Controller} */
export class WalkController extends FirstPerson {
  mode = /** @type {const} */ ("walk");
  /** @type {Walls | null} */
  walls = null;
  hasWalls = true; // those there are hold
  hasGround = true;
  /** @type {import("../character.mjs").Standing | null} null while floating */
  standing = null;
  isCarried = false; // up or down, by the ground

  /** The walls that hold now. */
  get holding() {
    return this.hasWalls ? this.walls : null;
  }

  onEnter() {
    this.stand();
  }

  /** Stand where we are, if walls hold and there is ground. */
  stand() {
    const walls = this.holding;
    this.standing = walls && this.hasGround ? standAt(walls, this.visit.eye.position) : null;
  }

  /** @param {Wish} wish */
  isBusy(wish) {
    return this.isCarried || super.isBusy(wish);
  }

  /** @param {number} seconds @param {Wish} wish @param {number} now */
  update(seconds, wish, now) {
    if (!this.holding) {
      this.visit.eye = stepWalk(this.visit.eye, wish, seconds);
      this.isCarried = false;
      return;
    }
    // Between slow pictures one may go around a corner: integrate and record it in short parts.
    const whole = Math.min(seconds, MOST_S);
    const parts = Math.ceil(whole / STEP_S);
    for (let part = 1; part <= parts; part++) {
      this.moveCharacter(wish, whole / parts, now - 1000 * whole * (1 - part / parts));
    }
  }

  /**
   * @param {Wish} wish
   * @param {number} seconds
   * @param {number} when they end, milliseconds
   */
  moveCharacter(wish, seconds, when) {
    if (!this.walls) return;
    const { walk, standing, isCarried } = stepCharacter(this.visit.eye, wish, seconds, this.walls, this.standing);
    this.visit.eye = walk;
    this.standing = standing;
    this.isCarried = isCarried;
    this.visit.sample(when);
  }

  /** @param {number} right @param {number} forward */
  push(right, forward) {
    const { eye } = this.visit;
    const free = moveBy(eye, right * eye.speed, forward * eye.speed);
    const walls = this.holding;
    const body = walls && characterBody(walls, this.standing);
    this.visit.eye = walls && body ? { ...free, position: moveAlong(walls, eye.position, free.position, body).position } : free;
    this.isCarried = this.standing !== null;
  }

  /** Whether a place is in a wall that holds. @param {number[]} position */
  isInside(position) {
    const walls = this.holding;
    return walls !== null && deepest(walls, position, 1e-3 * walls.unit) !== null;
  }

  save() {
    const { standing, isCarried } = this;
    return { ...super.save(), standing, isCarried };
  }

  /** @param {import("./controller.mjs").Moment} moment */
  restore(moment) {
    super.restore(moment);
    this.standing = moment.standing ?? null;
    this.isCarried = moment.isCarried ?? false;
  }
}
