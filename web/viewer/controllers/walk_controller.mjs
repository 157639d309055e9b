// Walk mode: level; with collision, between walls and on the ground.

import { characterBody, standAt, stepCharacter } from "../character.mjs";
import { slowedStep } from "../coverage_fade.mjs";
import { moveBy, stepWalk } from "../walk.mjs";
import { deepest, moveAlong } from "../walls.mjs";
import { FirstPerson } from "./controller.mjs";

/** @typedef {import("./controller.mjs").Controller} Controller */
/** @typedef {import("../walk.mjs").MoveInput} MoveInput */
/** @typedef {import("../walls.mjs").Walls} Walls */

const STEP_S = 0.1; // longest substep of a character
const MOST_S = 5; // time beyond this in one frame is dropped

/** @implements {Controller} */
export class WalkController extends FirstPerson {
  mode = /** @type {const} */ ("walk");
  /** @type {Walls | null} */
  walls = null;
  collides = true; // with the walls, if there are any
  walksOnGround = true;
  /** @type {import("../character.mjs").Standing | null} null while floating */
  standing = null;
  isSettling = false; // still rising to or falling to the ground
  /** @type {import("../coverage_fade.mjs").CoverageMap | null} beyond its good places steps get shorter */
  coverage = null;

  /** The walls to collide with now. */
  get activeWalls() {
    return this.collides ? this.walls : null;
  }

  onEnter() {
    this.stand();
  }

  /** Stand on the ground here, if collision is on and there is ground. */
  stand() {
    const walls = this.activeWalls;
    this.standing = walls && this.walksOnGround ? standAt(walls, this.motion.eye.position) : null;
  }

  /** @param {MoveInput} input */
  isBusy(input) {
    return this.isSettling || super.isBusy(input);
  }

  /** @param {number} seconds @param {MoveInput} input @param {number} now */
  update(seconds, input, now) {
    if (!this.activeWalls) {
      this.motion.eye = this.within(stepWalk(this.motion.eye, input, seconds));
      this.isSettling = false;
      return;
    }
    // A slow frame may span a corner: integrate and record it in substeps.
    const whole = Math.min(seconds, MOST_S);
    const parts = Math.ceil(whole / STEP_S);
    for (let part = 1; part <= parts; part++) {
      this.moveCharacter(input, whole / parts, now - 1000 * whole * (1 - part / parts));
    }
  }

  /**
   * @param {MoveInput} input
   * @param {number} seconds
   * @param {number} when they end, milliseconds
   */
  moveCharacter(input, seconds, when) {
    if (!this.walls) return;
    const { walk, standing, isSettling } = stepCharacter(this.motion.eye, input, seconds, this.walls, this.standing);
    this.motion.eye = this.within(walk);
    this.standing = standing;
    this.isSettling = isSettling;
    this.motion.sample(when);
  }

  /** The end of a step from the current position. @param {import("../walk.mjs").Walk} walk */
  within(walk) {
    const position = slowedStep(this.coverage, this.motion.eye.position, walk.position);
    return position === walk.position ? walk : { ...walk, position };
  }

  /** @param {number} right @param {number} forward */
  push(right, forward) {
    const { eye } = this.motion;
    const free = moveBy(eye, right * eye.speed, forward * eye.speed);
    const walls = this.activeWalls;
    const body = walls && characterBody(walls, this.standing);
    const moved = walls && body ? { ...free, position: moveAlong(walls, eye.position, free.position, body).position } : free;
    this.motion.eye = this.within(moved);
    this.isSettling = this.standing !== null;
  }

  /** Whether a position is inside a wall to collide with. @param {number[]} position */
  isInside(position) {
    const walls = this.activeWalls;
    return walls !== null && deepest(walls, position, 1e-3 * walls.unit) !== null;
  }

  save() {
    const { standing, isSettling } = this;
    return { ...super.save(), standing, isSettling };
  }

  /** @param {import("./controller.mjs").Moment} moment */
  restore(moment) {
    super.restore(moment);
    this.standing = moment.standing ?? null;
    this.isSettling = moment.isSettling ?? false;
  }
}
