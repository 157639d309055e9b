// Orbit mode: the camera rotates around a target.

import { dragOrbit, orbitFrom, panOrbit, poseOfOrbit, zoomOrbit } from "../orbit.mjs";
import { startWalk } from "../walk.mjs";

/** @typedef {import("./controller.mjs").Controller} Controller */

/** @implements {Controller} */
export class OrbitController {
  mode = /** @type {const} */ ("orbit");

  /** @param {import("./controller.mjs").MotionState} motion */
  constructor(motion) {
    this.motion = motion;
    this.orbit = orbitFrom(motion.eye, 1);
  }

  onEnter() {
    const { eye } = this.motion;
    this.orbit = orbitFrom(eye, this.motion.medianDistance(eye.position));
  }

  onExit() {
    this.motion.eye = startWalk(poseOfOrbit(this.orbit), this.motion.eye.speed);
  }

  update() {} // moves only with the pointer

  isBusy() {
    return false;
  }

  pose() {
    return poseOfOrbit(this.orbit);
  }

  /** @param {number} dx @param {number} dy @param {import("./controller.mjs").Drag} how @param {number} height */
  drag(dx, dy, how, height) {
    this.orbit = how === "pan" ? panOrbit(this.orbit, dx, dy, height, this.motion.fov) : dragOrbit(this.orbit, dx, dy, height);
  }

  /** @param {number} yaw @param {number} pitch */
  turn(yaw, pitch) {
    this.orbit = dragOrbit(this.orbit, yaw, 0 - pitch, Math.PI);
  }

  push() {} // two fingers walk, which ends the orbit first

  /** @param {number} notches */
  wheel(notches) {
    this.orbit = zoomOrbit(this.orbit, notches);
  }

  save() {
    return null;
  }

  restore() {}
}
