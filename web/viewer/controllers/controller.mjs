// The interface of the camera controllers, and what walking and flying share.

import { changeSpeed, isMoving, hasInput, rotateView } from "../walk.mjs";

/** @typedef {import("../pose.mjs").Pose} Pose */
/** @typedef {import("../walk.mjs").MoveInput} MoveInput */

/**
 * What all controllers act on.
 * @typedef {object} MotionState
 * @property {import("../walk.mjs").Walk} eye position and direction of the camera, except in orbit mode
 * @property {number} fov vertical, radians
 * @property {(position: number[]) => number} medianDistance of the splats from a position, world units
 * @property {(when: number) => void} sample records the camera's position at a time in milliseconds
 */

/**
 * @typedef {object} Controller
 * @property {"walk" | "orbit" | "fly"} mode
 * @property {() => void} onEnter takes over from the current eye
 * @property {() => void} onExit leaves the eye at the last camera position
 * @property {(seconds: number, input: MoveInput, now: number) => void} update advances the motion, up to `now` in milliseconds
 * @property {(input: MoveInput) => boolean} isBusy whether it keeps moving without another event
 * @property {() => Pose} pose
 * @property {(dx: number, dy: number, how: Drag, height: number) => void} drag by pixels, in a view of that height
 * @property {(yaw: number, pitch: number) => void} turn by radians
 * @property {(right: number, forward: number) => void} push moves at once, by seconds of movement
 * @property {(notches: number) => void} wheel up positive
 * @property {() => Moment | null} save what `update` changes; null: nothing
 * @property {(moment: Moment) => void} restore
 */

/** @typedef {"look" | "grab" | "pan"} Drag `look`: the camera follows the pointer; `grab`: the world follows */
/** @typedef {Omit<import("../input_rewind.mjs").Moment, "time">} Moment */

const LOOK_GAIN = 1.6; // the mouse rotates the camera a little faster than the image moves

export class FirstPerson {
  /** @param {MotionState} motion */
  constructor(motion) {
    this.motion = motion;
  }

  onEnter() {}

  onExit() {}

  /** @returns {Pose} */
  pose() {
    const { position, yaw, pitch } = this.motion.eye;
    return { position: [...position], yaw, pitch };
  }

  /** @param {MoveInput} input */
  isBusy(input) {
    return isMoving(this.motion.eye) || hasInput(input);
  }

  /** @param {number} dx @param {number} dy @param {Drag} how @param {number} height */
  drag(dx, dy, how, height) {
    const perPixel = (how === "grab" ? -1 : LOOK_GAIN) * (this.motion.fov / height); // the grabbed point stays under the finger
    this.motion.eye = rotateView(this.motion.eye, dx, dy, perPixel);
  }

  /** @param {number} yaw @param {number} pitch */
  turn(yaw, pitch) {
    this.motion.eye = rotateView(this.motion.eye, yaw, 0 - pitch, 1);
  }

  /** @param {number} notches */
  wheel(notches) {
    this.motion.eye = changeSpeed(this.motion.eye, notches);
  }

  /** @returns {Moment} */
  save() {
    const { position, velocity } = this.motion.eye;
    return { position, velocity };
  }

  /** @param {Moment} moment */
  restore({ position, velocity }) {
    this.motion.eye = { ...this.motion.eye, position, velocity };
  }
}
