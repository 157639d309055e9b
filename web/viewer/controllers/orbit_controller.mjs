// Orbiting: the eye goes around what it looks at.

import { dragOrbit, orbitFrom, panOrbit, poseOfOrbit, zoomOrbit } from "../orbit.mjs";
import { startWalk } from "../walk.mjs";

/** @typedef {import("./controller.mjs").Controller} Controller */

/** @implements {Controller} */
export class OrbitController {
  mode = /** @type {const} */ ("orbit");

  /** @param {import("./controller.mjs").Visit} visit */
  constructor(visit) {
    this.visit = visit;
    this.orbit = orbitFrom(visit.eye, 1);
  }

  onEnter() {
    const { eye } = this.visit;
    this.orbit = orbitFrom(eye, this.visit.medianDistance(eye.position));
  }

  onExit() {
    this.visit.eye = startWalk(poseOfOrbit(this.orbit), this.visit.eye.speed);
  }

  update() {} // it moves only with the hand

  isBusy() {
    return false;
  }

  pose() {
    return poseOfOrbit(this.orbit);
  }

  /** @param {number} dx @param {number} dy @param {import("./controller.mjs").Drag} how @param {number} height */
  drag(dx, dy, how, height) {
    this.orbit = how === "pan" ? panOrbit(this.orbit, dx, dy, height, this.visit.fov) : dragOrbit(this.orbit, dx, dy, height);
  }

  /** @param {number} yaw @param {number} pitch */
  turn(yaw, pitch) {
    this.orbit = dragOrbit(this.orbit, yaw, 0 - pitch, Math.PI);
  }

  push() {} // two fingers walk, which ends it first

  /** @param {number} notches */
  wheel(notches) {
    this.orbit = zoomOrbit(this.orbit, notches);
  }

  save() {
    return null;
  }

  restore() {}
}
