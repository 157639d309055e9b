// First-person motion. Pure: no page, no clock, no library. OpenCV axes: x right, y down, z forward.

/**
 * @typedef {object} Walk
 * @property {number[]} position of the eye, world units
 * @property {number} yaw radians, 0 along +z, positive to the right
 * @property {number} pitch radians, positive up
 * @property {number[]} velocity world units per second
 * @property {number} speed world units per second when walking
 */

/**
 * Movement input along the camera's own axes; each from -1 to 1.
 * @typedef {{ right: number, up: number, forward: number, fast: boolean }} MoveInput
 */

export const DEFAULT_SPEED = 1.4; // meters per second, a slow walk
export const FAST = 3; // times faster with shift
/** @type {[number, number]} */
export const SPEED_LIMITS = [0.02, 200];
export const PITCH_LIMIT = (89 / 180) * Math.PI; // straight up leaves "forward" undefined
export const MOST_SECONDS = 1; // a longer gap means that the page was paused
const SETTLE_SECONDS = 0.06; // time constant of the velocity

/** @type {MoveInput} */
export const NO_INPUT = { right: 0, up: 0, forward: 0, fast: false };

export const clamp = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) =>
  Math.min(high, Math.max(low, value));

/** Whether there is any input. @param {{ right: number, up: number, forward: number }} input */
export const hasInput = ({ right, up, forward }) => Boolean(right || up || forward);

/** An angle wrapped into [-pi, pi). */
export const wrapAngle = (/** @type {number} */ angle) =>
  angle - 2 * Math.PI * Math.floor((angle + Math.PI) / (2 * Math.PI));

/**
 * @param {{ position?: number[], yaw?: number, pitch?: number }} [pose]
 * @param {number} [speed]
 * @returns {Walk}
 */
export function startWalk(pose = {}, speed = DEFAULT_SPEED) {
  return {
    position: [...(pose.position ?? [0, 0, 0])],
    yaw: wrapAngle(pose.yaw ?? 0),
    pitch: clamp(pose.pitch ?? 0, -PITCH_LIMIT, PITCH_LIMIT),
    velocity: [0, 0, 0],
    speed: clamp(speed, ...SPEED_LIMITS),
  };
}

/**
 * World direction of the input when walking: level whatever the pitch, so the eye keeps its height; only `up` changes it.
 * @param {number} yaw
 * @param {{ right: number, up: number, forward: number }} input
 * @returns {number[]} length at most 1
 */
export function walkDirection(yaw, input) {
  const sin = Math.sin(yaw);
  const cos = Math.cos(yaw);
  const direction = [input.right * cos + input.forward * sin, -input.up, input.forward * cos - input.right * sin];
  const length = Math.hypot(...direction);
  return length > 1 ? direction.map((part) => part / length) : direction;
}

/**
 * World direction of the input when flying: forward is the view direction.
 * @param {{ yaw: number, pitch: number }} eye
 * @param {{ right: number, up: number, forward: number }} input
 * @returns {number[]} length at most 1
 */
export function flightDirection({ yaw, pitch }, { right, up, forward }) {
  const level = forward * Math.cos(pitch);
  return walkDirection(yaw, { right, up: up + forward * Math.sin(pitch), forward: level });
}

/**
 * Integrate the motion. The velocity approaches the input exponentially; the position is its exact integral, so the
 * distance walked does not depend on the frame rate, and from start to stop it equals speed times time.
 * @param {Walk} walk
 * @param {MoveInput} input
 * @param {number} seconds since the last step
 * @param {number[]} [direction] of the input in the world; by default that of walking
 * @returns {Walk}
 */
export function stepWalk(walk, input, seconds, direction = walkDirection(walk.yaw, input)) {
  const dt = clamp(seconds, 0, MOST_SECONDS);
  const speed = walk.speed * (input.fast ? FAST : 1);
  const target = direction.map((part) => part * speed);
  const left = Math.exp(-dt / SETTLE_SECONDS);
  const position = walk.position.map(
    (p, i) => p + target[i] * dt + (walk.velocity[i] - target[i]) * SETTLE_SECONDS * (1 - left),
  );
  const velocity = walk.velocity.map((v, i) => target[i] + (v - target[i]) * left);
  const isStill = Math.hypot(...target) === 0 && Math.hypot(...velocity) < 1e-3 * walk.speed;
  return { ...walk, position, velocity: isStill ? [0, 0, 0] : velocity };
}

/** @param {Walk} walk */
export const isMoving = (walk) => walk.velocity.some((part) => part !== 0);

/**
 * Rotate the view. Dragging to the right looks right; with `radiansPerPixel` = field of view / height, a drag over the
 * whole height rotates by the vertical field of view.
 * @param {Walk} walk
 * @param {number} dx pixels, right positive
 * @param {number} dy pixels, down positive
 * @param {number} radiansPerPixel
 * @returns {Walk}
 */
export function rotateView(walk, dx, dy, radiansPerPixel) {
  return {
    ...walk,
    yaw: wrapAngle(walk.yaw + dx * radiansPerPixel),
    pitch: clamp(walk.pitch - dy * radiansPerPixel, -PITCH_LIMIT, PITCH_LIMIT),
  };
}

/**
 * Move at once, for gestures that give a distance rather than a speed.
 * @param {Walk} walk
 * @param {number} right world units
 * @param {number} forward world units
 * @returns {Walk}
 */
export function moveBy(walk, right, forward) {
  const sin = Math.sin(walk.yaw);
  const cos = Math.cos(walk.yaw);
  const [x, y, z] = walk.position;
  return { ...walk, position: [x + right * cos + forward * sin, y, z + forward * cos - right * sin] };
}

/**
 * Change the walking speed by wheel notches; ten make it about 2.6 times as fast.
 * @param {Walk} walk
 * @param {number} notches up positive
 * @returns {Walk}
 */
export function changeSpeed(walk, notches) {
  return { ...walk, speed: clamp(walk.speed * 1.1 ** notches, ...SPEED_LIMITS) };
}
