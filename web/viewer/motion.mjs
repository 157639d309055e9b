// The motion of the camera: the active controller, its input and its clock. Independent of the page.

import { FlyController } from "./controllers/fly_controller.mjs";
import { OrbitController } from "./controllers/orbit_controller.mjs";
import { WalkController } from "./controllers/walk_controller.mjs";
import { momentAt, remember } from "./input_rewind.mjs";
import { inputOf } from "./keys.mjs";
import { NO_INPUT, clamp, hasInput, startWalk } from "./walk.mjs";

/** @typedef {import("./pose.mjs").Pose} Pose */
/** @typedef {import("./orbit.mjs").Orbit} Orbit */
/** @typedef {import("./controllers/controller.mjs").Controller} Controller */
/** @typedef {import("./controllers/controller.mjs").MotionState} MotionState */
/** @typedef {import("./controllers/controller.mjs").Drag} Drag */

/**
 * What the motion needs from the view, and reports to it.
 * @typedef {object} Host
 * @property {() => number} fov vertical, radians
 * @property {(position: number[]) => number} medianDistance of the splats from a position, world units
 * @property {(when: number, isTurn?: boolean) => void} sample records the camera; `isTurn`: its motion changes here
 * @property {(when: number) => void} forget drops samples after that time
 * @property {() => void} onMove a new frame is needed
 * @property {() => void} onMode the controller, the collision or the ground mode has changed
 */

const DRAG_MS = 120;

/** @implements {MotionState} */
export class Motion {
  /** @param {Host} host */
  constructor(host) {
    this.host = host;
    this.eye = startWalk();
    this.walk = new WalkController(this);
    this.orbit = new OrbitController(this);
    this.fly = new FlyController(this);
    /** @type {Controller} */
    this.active = this.walk;
    this.beforeOrbit = /** @type {"walk" | "fly"} */ ("walk");
    /** @type {Set<string>} `KeyboardEvent.code` of keys that are down */
    this.pressedKeys = new Set();
    this.stick = { right: 0, forward: 0 }; // of a touch screen or a headset
    this.pad = NO_INPUT; // input of a gamepad
    this.lastStep = 0; // time up to which the motion has been integrated; 0 at rest
    /** @type {import("./input_rewind.mjs").Moment[]} */
    this.moments = []; // before each of the last steps
    /** @type {number[] | null} */
    this.reached = null; // position after the last step; any other was set from outside
    this.lastDrag = -Infinity;
  }

  get fov() {
    return this.host.fov();
  }

  get mode() {
    return this.active.mode;
  }

  /** @param {number[]} position */
  medianDistance(position) {
    return this.host.medianDistance(position);
  }

  /** @param {number} when */
  sample(when) {
    this.host.sample(when);
  }

  // Pose --------------------------------------------------------------------------------------------

  pose() {
    return { ...this.active.pose(), mode: this.mode };
  }

  /** Set the camera pose, which ends orbit mode. @param {Partial<Pose>} pose */
  setPose(pose) {
    const now = this.pose();
    this.leaveOrbit();
    this.eye = startWalk({ ...now, ...pose }, this.eye.speed);
    this.stand();
  }

  /** Start at a pose, walking, or orbiting when an orbit is given. @param {Pose} home @param {Orbit | null} orbit */
  start(home, orbit) {
    this.enter("walk");
    this.eye = startWalk(home, this.eye.speed);
    this.stand();
    if (!orbit) return;
    this.enter("orbit");
    this.orbit.orbit = orbit;
  }

  /** @param {number} speed units per second */
  setSpeed(speed) {
    this.eye = startWalk(this.eye, speed);
  }

  // Modes -------------------------------------------------------------------------------------------

  /** @param {Controller["mode"]} mode */
  enter(mode) {
    const { active } = this;
    if (mode === active.mode) return;
    active.onExit();
    if (active.mode !== "orbit") this.beforeOrbit = active.mode;
    this.active = this[mode];
    this.active.onEnter();
    this.moments = [];
    this.host.onMode();
  }

  leaveOrbit() {
    if (this.mode === "orbit") this.enter(this.beforeOrbit);
  }

  /** @param {"orbit" | "fly"} mode to enter, or to leave */
  toggle(mode) {
    if (this.mode !== mode) this.enter(mode);
    else this.enter(mode === "orbit" ? this.beforeOrbit : "walk");
  }

  /** The walls to collide with in the current mode. */
  get walls() {
    return this.mode === "fly" ? null : this.walk.activeWalls;
  }

  /** Whether the camera walks on the ground in the current mode. */
  get isOnGround() {
    return this.mode !== "fly" && this.walk.standing !== null;
  }

  /** Turn collision on or off; turning it on ends fly mode. @param {boolean} collides */
  setCollision(collides) {
    this.walk.collides = collides;
    if (collides && this.mode === "fly") this.enter("walk");
    this.stand();
  }

  /** Walk on the ground or not; it needs collision. @param {boolean} walksOnGround */
  setGround(walksOnGround) {
    this.walk.walksOnGround = walksOnGround;
    this.setCollision(this.walk.collides || walksOnGround);
  }

  stand() {
    this.walk.stand();
    this.moments = [];
    this.host.onMode();
  }

  // Input -------------------------------------------------------------------------------------------

  /** Movement input of keys, stick and gamepad. @returns {import("./walk.mjs").MoveInput} */
  input() {
    const input = inputOf(this.pressedKeys, this.stick);
    const sum = (/** @type {"right" | "up" | "forward"} */ axis) => clamp(input[axis] + this.pad[axis], -1, 1);
    return { right: sum("right"), up: sum("up"), forward: sum("forward"), fast: input.fast || this.pad.fast };
  }

  /**
   * Keys went down or up: integrate up to that time, then continue with the new input.
   * @param {() => void} change
   * @param {number} [when] time of the event, which may have waited for a slow frame; milliseconds
   */
  changeInput(change, when = performance.now()) {
    const until = this.lastStep;
    if (until > when) this.rewind(when);
    if (until) this.step(when);
    this.host.sample(when, true);
    change();
    if (until > when) this.step(until);
    if (hasInput(this.input())) this.leaveOrbit(); // moving ends it
    if (!this.lastStep) this.lastStep = when;
    this.host.onMove();
  }

  /** @param {number} dx pixels @param {number} dy pixels @param {Drag} how @param {number} height of the view, pixels */
  drag(dx, dy, how, height) {
    const now = performance.now();
    if (!this.isDragged(now)) this.host.sample(now, true);
    this.active.drag(dx, dy, how, height);
    this.turned(now);
  }

  /** @param {number} yaw radians @param {number} pitch radians */
  turn(yaw, pitch) {
    this.active.turn(yaw, pitch);
    this.turned(performance.now());
  }

  /** @param {number} now milliseconds */
  turned(now) {
    this.lastDrag = now;
    this.host.sample(now);
    this.host.onMove();
  }

  /** Whether the pointer has just rotated the view. @param {number} now milliseconds */
  isDragged(now) {
    return now - this.lastDrag <= DRAG_MS;
  }

  /** @param {number} right @param {number} forward seconds of movement */
  push(right, forward) {
    const now = performance.now();
    this.leaveOrbit();
    this.active.push(right, forward);
    this.lastStep ||= now;
    this.host.sample(now);
    this.host.onMove();
  }

  // The clock ---------------------------------------------------------------------------------------

  /** Integrate up to now. @param {number} now milliseconds @returns {boolean} whether the motion continues */
  tick(now) {
    if (this.lastStep) this.step(now);
    const isBusy = this.active.isBusy(this.input());
    if (!isBusy) this.lastStep = 0;
    return isBusy;
  }

  /** @param {number} now milliseconds */
  step(now) {
    const { lastStep: time } = this;
    const seconds = (now - time) / 1000;
    const before = this.active.save();
    this.lastStep = Math.max(now, time);
    if (!before || seconds <= 0) return;
    if (before.position !== this.reached) this.moments = [];
    this.moments = remember(this.moments, { time, ...before });
    this.advance(seconds, now);
    this.reached = this.eye.position;
  }

  /**
   * @param {number} seconds
   * @param {number} now when they end, milliseconds
   */
  advance(seconds, now) {
    this.active.update(seconds, this.input(), now);
  }

  /**
   * Undo the motion after some time, unless the pose was set since.
   * @param {number} when milliseconds
   */
  rewind(when) {
    const moment = this.eye.position === this.reached ? momentAt(this.moments, when) : null;
    if (!moment) return;
    const { time, position } = moment;
    this.active.restore(moment);
    this.lastStep = time;
    this.moments = this.moments.filter((one) => one.time < time);
    this.reached = position;
    this.host.forget(time); // later motion is integrated, and recorded, again
  }

  /**
   * Integrate the motion on a headset.
   * @param {number} seconds
   * @param {number} heading of the head, radians right of the walking direction
   */
  stepFor(seconds, heading) {
    const now = performance.now();
    this.leaveOrbit();
    const { yaw } = this.eye;
    this.eye = { ...this.eye, yaw: yaw + heading };
    this.lastStep = now - 1000 * seconds;
    this.step(now);
    this.eye = { ...this.eye, yaw };
    this.host.sample(now);
    return this.pose();
  }
}
