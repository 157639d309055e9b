// Orbit around a point. Pure. OpenCV axes: x right, y down, z forward.

import { PITCH_LIMIT, clamp, wrapAngle } from "./walk.mjs";

/**
 * @typedef {object} Orbit
 * @property {number[]} target world units
 * @property {number} distance from the target to the eye, world units
 * @property {number} yaw radians, the way the eye looks (as in Walk)
 * @property {number} pitch radians, positive looks up
 */

const NEAREST = 1e-4;
const FARTHEST = 1e7;

/**
 * The unit vector of sight.
 * @param {number} yaw
 * @param {number} pitch
 * @returns {number[]}
 */
export function sight(yaw, pitch) {
  return [Math.sin(yaw) * Math.cos(pitch), -Math.sin(pitch), Math.cos(yaw) * Math.cos(pitch)];
}

/**
 * Start to orbit without a jump: the target lies ahead of the eye.
 * @param {{ position: number[], yaw: number, pitch: number }} pose
 * @param {number} distance world units
 * @returns {Orbit}
 */
export function orbitFrom(pose, distance) {
  const ahead = sight(pose.yaw, pose.pitch);
  const reach = clamp(distance, NEAREST, FARTHEST);
  return {
    target: pose.position.map((p, i) => p + reach * ahead[i]),
    distance: reach,
    yaw: pose.yaw,
    pitch: pose.pitch,
  };
}

/**
 * Where the eye of an orbit is and how it looks.
 * @param {Orbit} orbit
 * @returns {{ position: number[], yaw: number, pitch: number }}
 */
export function poseOfOrbit(orbit) {
  const ahead = sight(orbit.yaw, orbit.pitch);
  return {
    position: orbit.target.map((t, i) => t - orbit.distance * ahead[i]),
    yaw: orbit.yaw,
    pitch: orbit.pitch,
  };
}

/**
 * Turn a drag into a new orbit: the world follows the hand.
 * @param {Orbit} orbit
 * @param {number} dx pixels, right positive
 * @param {number} dy pixels, down positive
 * @param {number} viewHeight pixels; dragging this far turns by half a circle
 * @returns {Orbit}
 */
export function dragOrbit(orbit, dx, dy, viewHeight) {
  const perPixel = Math.PI / viewHeight;
  return {
    ...orbit,
    yaw: wrapAngle(orbit.yaw + dx * perPixel),
    pitch: clamp(orbit.pitch - dy * perPixel, -PITCH_LIMIT, PITCH_LIMIT),
  };
}

/**
 * Shift the target in the picture's plane, so that the point under the hand stays there.
 * @param {Orbit} orbit
 * @param {number} dx pixels, right positive
 * @param {number} dy pixels, down positive
 * @param {number} viewHeight pixels
 * @param {number} fovY radians, vertical
 * @returns {Orbit}
 */
export function panOrbit(orbit, dx, dy, viewHeight, fovY) {
  const perPixel = (2 * orbit.distance * Math.tan(fovY / 2)) / viewHeight;
  const right = [Math.cos(orbit.yaw), 0, -Math.sin(orbit.yaw)];
  const [ax, ay, az] = sight(orbit.yaw, orbit.pitch);
  const down = [ay * right[2] - az * right[1], az * right[0] - ax * right[2], ax * right[1] - ay * right[0]];
  return {
    ...orbit,
    target: orbit.target.map((t, i) => t - perPixel * (dx * right[i] + dy * down[i])),
  };
}

/**
 * Come nearer or go away by wheel notches.
 * @param {Orbit} orbit
 * @param {number} notches up (nearer) positive
 * @returns {Orbit}
 */
export function zoomOrbit(orbit, notches) {
  return { ...orbit, distance: clamp(orbit.distance * 0.9 ** notches, NEAREST, FARTHEST) };
}
