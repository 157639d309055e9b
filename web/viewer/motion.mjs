// A visit to a world: which controller moves the eye, what is asked of it, and the clock. Knows nothing of the page.

import { FlyController } from "./controllers/fly_controller.mjs";
import { OrbitController } from "./controllers/orbit_controller.mjs";
import { WalkController } from "./controllers/walk_controller.mjs";
import { momentAt, remember } from "./input_rewind.mjs";
import { wishOf } from "./keys.mjs";
import { STILL, clamp, isWish, startWalk } from "./walk.mjs";

/** @typedef {import("./pose.mjs").Pose} Pose */
/** @typedef {import("./orbit.mjs").Orbit} Orbit */
/** @typedef {import("./controllers/controller.mjs").Controller} Controller */
/** @typedef {import("./controllers/controller.mjs").Visit} Visit */
/** @typedef {import("./controllers/controller.mjs").Drag} Drag */

/**
 * What a visit needs to know of the view, and tells it.
 * @typedef {object} Host
 * @property {() => number} fov vertical, radians
 * @property {(position: number[]) => number} medianDistance of the splats from a place, world units
 * @property {(when: number, isTurn?: boolean) => void} sample the eye is somewhere; `isTurn`: from here it goes on differently
 * @property {(when: number) => void} forget what was sampled after that
 * @property {() => void} onMove a new picture is due
 * @property {() => void} onMode what holds has changed: the controller, walls, the ground
 */

const DRAG_MS = 120;

/** @implements {Visit} */
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
    /** @type {Set<string>} codes of keys */
    this.held = new Set();
    this.stick = { right: 0, forward: 0 }; // of a touch screen or a headset
    this.pad = STILL; // what a gamepad asks for
    this.lastStep = 0; // time up to which the visit has been integrated; 0 at rest
    /** @type {import("./input_rewind.mjs").Moment[]} */
    this.moments = []; // before each of the last steps
    /** @type {number[] | null} */
    this.reached = null; // by the last step; another position was not moved to
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

  // Where one is ------------------------------------------------------------------------------------

  pose() {
    return { ...this.active.pose(), mode: this.mode };
  }

  /** Put the eye somewhere, which ends an orbit. @param {Partial<Pose>} pose */
  setPose(pose) {
    const now = this.pose();
    this.leaveOrbit();
    this.eye = startWalk({ ...now, ...pose }, this.eye.speed);
    this.stand();
  }

  /** Begin somewhere, walking, or orbiting when there is something to orbit. @param {Pose} home @param {Orbit | null} orbit */
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

  // How one moves -----------------------------------------------------------------------------------

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

  /** @param {"orbit" | "fly"} mode begins, or ends */
  toggle(mode) {
    if (this.mode !== mode) this.enter(mode);
    else this.enter(mode === "orbit" ? this.beforeOrbit : "walk");
  }

  /** The walls that hold, in the way one moves now. */
  get walls() {
    return this.mode === "fly" ? null : this.walk.holding;
  }

  /** Whether the ground carries one, in the way one moves now. */
  get isOnGround() {
    return this.mode !== "fly" && this.walk.standing !== null;
  }

  /** Let walls hold or not; holding walls end a flight. @param {boolean} hasWalls */
  setWalls(hasWalls) {
    this.walk.hasWalls = hasWalls;
    if (hasWalls && this.mode === "fly") this.enter("walk");
    this.stand();
  }

  /** Stay on the ground or not; it needs walls that hold. @param {boolean} hasGround */
  setGround(hasGround) {
    this.walk.hasGround = hasGround;
    this.setWalls(this.walk.hasWalls || hasGround);
  }

  stand() {
    this.walk.stand();
    this.moments = [];
    this.host.onMode();
  }

  // What is asked for -------------------------------------------------------------------------------

  /** By keys, stick and gamepad. @returns {import("./walk.mjs").Wish} */
  wish() {
    const wish = wishOf(this.held, this.stick);
    const sum = (/** @type {"right" | "up" | "forward"} */ axis) => clamp(wish[axis] + this.pad[axis], -1, 1);
    return { right: sum("right"), up: sum("up"), forward: sum("forward"), fast: wish.fast || this.pad.fast };
  }

  /**
   * Keys went down or up: let time pass up to then, and go on with the new wish.
   * @param {() => void} change
   * @param {number} [when] time of the event, which may have waited for a slow picture; milliseconds
   */
  changeWish(change, when = performance.now()) {
    const until = this.lastStep;
    if (until > when) this.rewind(when);
    if (until) this.step(when);
    this.host.sample(when, true);
    change();
    if (until > when) this.step(until);
    if (isWish(this.wish())) this.leaveOrbit(); // walking away ends it
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

  /** Whether a hand has just turned the view. @param {number} now milliseconds */
  isDragged(now) {
    return now - this.lastDrag <= DRAG_MS;
  }

  /** @param {number} right @param {number} forward seconds of moving */
  push(right, forward) {
    const now = performance.now();
    this.leaveOrbit();
    this.active.push(right, forward);
    this.lastStep ||= now;
    this.host.sample(now);
    this.host.onMove();
  }

  // The clock ---------------------------------------------------------------------------------------

  /** Let time pass up to now. @param {number} now milliseconds @returns {boolean} whether it goes on */
  tick(now) {
    if (this.lastStep) this.step(now);
    const isBusy = this.active.isBusy(this.wish());
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
    this.active.update(seconds, this.wish(), now);
  }

  /**
   * Take back what was moved after some time. Where the eye was put since, it stays.
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
    this.host.forget(time); // what comes after that is moved, and recorded, again
  }

  /**
   * Let time pass on a headset.
   * @param {number} seconds
   * @param {number} heading of the head, radians right of where the visitor faces
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
