// Fly mode: moves in the view direction, through everything.

import { flightDirection, stepWalk } from "../walk.mjs";
import { FirstPerson } from "./controller.mjs";

/** @typedef {import("./controller.mjs").Controller} Controller */
/** @typedef {import("../walk.mjs").MoveInput} MoveInput */

/** @implements {Controller} */
export class FlyController extends FirstPerson {
  mode = /** @type {const} */ ("fly");

  /** @param {number} seconds @param {MoveInput} input */
  update(seconds, input) {
    const { eye } = this.motion;
    this.motion.eye = stepWalk(eye, input, seconds, flightDirection(eye, input));
  }

  /** @param {number} right @param {number} forward */
  push(right, forward) {
    const { eye } = this.motion;
    const ahead = flightDirection(eye, { right: 0, up: 0, forward: 1 });
    const aside = flightDirection(eye, { right: 1, up: 0, forward: 0 });
    const position = eye.position.map((p, i) => p + eye.speed * (right * aside[i] + forward * ahead[i]));
    this.motion.eye = { ...eye, position };
  }
}
