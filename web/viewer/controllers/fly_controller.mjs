// Flying: the way one looks, through whatever is there.

import { flightDirection, stepWalk } from "../walk.mjs";
import { FirstPerson } from "./controller.mjs";

/** @typedef {import("./controller.mjs").Controller} Controller */
/** @typedef {import("../walk.mjs").Wish} Wish */

/** @implements {Controller} */
export class FlyController extends FirstPerson {
  mode = /** @type {const} */ ("fly");

  /** @param {number} seconds @param {Wish} wish */
  update(seconds, wish) {
    const { eye } = this.visit;
    this.visit.eye = stepWalk(eye, wish, seconds, flightDirection(eye, wish));
  }

  /** @param {number} right @param {number} forward */
  push(right, forward) {
    const { eye } = this.visit;
    const ahead = flightDirection(eye, { right: 0, up: 0, forward: 1 });
    const aside = flightDirection(eye, { right: 1, up: 0, forward: 0 });
    const position = eye.position.map((p, i) => p + eye.speed * (right * aside[i] + forward * ahead[i]));
    this.visit.eye = { ...eye, position };
  }
}
