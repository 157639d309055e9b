// What the ways to move through a world have in common: one interface, and what walking and flying share.

import { changeSpeed, isMoving, isWish, look } from "../walk.mjs";

/** @typedef {import("../pose.mjs").Pose} Pose */
/** @typedef {import("../walk.mjs").Wish} Wish */

/**
 * The visit that all controllers steer.
 * @typedef {object} Visit
 * @property {import("../walk.mjs").Walk} eye where one stands and looks, unless one orbits
 * @property {number} fov vertical, radians
 * @property {(position: number[]) => number} medianDistance of the splats from a place, world units
 * @property {(when: number) => void} sample says that the eye has come somewhere, at a time in milliseconds
 */

/**
 * @typedef {object} Controller
 * @property {"walk" | "orbit" | "fly"} mode
 * @property {() => void} onEnter takes over from where the visit's eye is
 * @property {() => void} onExit leaves the visit's eye at the place that was looked from last
 * @property {(seconds: number, wish: Wish, now: number) => void} update lets time pass, up to `now` in milliseconds
 * @property {(wish: Wish) => boolean} isBusy whether something goes on without another event
 * @property {() => Pose} pose
 * @property {(dx: number, dy: number, how: Drag, height: number) => void} drag by pixels, in a view of so many
 * @property {(yaw: number, pitch: number) => void} turn by radians
 * @property {(right: number, forward: number) => void} push at once, by seconds of moving
 * @property {(notches: number) => void} wheel up positive
 * @property {() => Moment | null} save what `update` changes; null: nothing
 * @property {(moment: Moment) => void} restore
 */

/** @typedef {"look" | "grab" | "pan"} Drag `look`: the head follows the hand; `grab`: the world follows */
/** @typedef {Omit<import("../input_rewind.mjs").Moment, "time">} Moment */

const LOOK_GAIN = 1.6; // a mouse turns the head a little faster than the picture moves

export class FirstPerson {
  /** @param {Visit} visit */
  constructor(visit) {
    this.visit = visit;
  }

  onEnter() {}

  onExit() {}

  /** @returns {Pose} */
  pose() {
    const { position, yaw, pitch } = this.visit.eye;
    return { position: [...position], yaw, pitch };
  }

  /** @param {Wish} wish */
  isBusy(wish) {
    return isMoving(this.visit.eye) || isWish(wish);
  }

  /** @param {number} dx @param {number} dy @param {Drag} how @param {number} height */
  drag(dx, dy, how, height) {
    const perPixel = (how === "grab" ? -1 : LOOK_GAIN) * (this.visit.fov / height); // what is grabbed stays under the finger
    this.visit.eye = look(this.visit.eye, dx, dy, perPixel);
  }

  /** @param {number} yaw @param {number} pitch */
  turn(yaw, pitch) {
    this.visit.eye = look(this.visit.eye, yaw, 0 - pitch, 1);
  }

  /** @param {number} notches */
  wheel(notches) {
    this.visit.eye = changeSpeed(this.visit.eye, notches);
  }

  /** @returns {Moment} */
  save() {
    const { position, velocity } = this.visit.eye;
    return { position, velocity };
  }

  /** @param {Moment} moment */
  restore({ position, velocity }) {
    this.visit.eye = { ...this.visit.eye, position, velocity };
  }
}
