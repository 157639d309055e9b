// Orbit around a point. Pure. OpenCV axes: x right, y down, z forward.

import { PITCH_LIMIT, clamp, wrapAngle } from "./walk.mjs";

/**
 * @typedef {object} Orbit
 * @property {number[]} target world units
 * @property {number} distance from the target to the eye, world units
 * @property {number} yaw radians, of the view direction (as in Walk)
 * @property {number} pitch radians, positive looks up
 */

const NEAREST = 1e-4;
const FARTHEST = 1e7;

/**
 * The unit vector of the view direction.
 * @param {number} yaw
 * @param {number} pitch
 * @returns {number[]}
 */
export function viewDirection(yaw, pitch) {
  return [Math.sin(yaw) * Math.cos(pitch), -Math.sin(pitch), Math.cos(yaw) * Math.cos(pitch)];
}

/**
 * Start an orbit without a jump: the target is ahead of the eye.
 * @param {{ position: number[], yaw: number, pitch: number }} pose
 * @param {number} distance world units
 * @returns {Orbit}
 */
export function orbitFrom(pose, distance) {
  const ahead = viewDirection(pose.yaw, pose.pitch);
  const reach = clamp(distance, NEAREST, FARTHEST);
  return {
    target: pose.position.map((p, i) => p + reach * ahead[i]),
    distance: reach,
    yaw: pose.yaw,
    pitch: pose.pitch,
  };
}

/**
 * The camera pose of an orbit.
 * @param {Orbit} orbit
 * @returns {{ position: number[], yaw: number, pitch: number }}
 */
export function poseOfOrbit(orbit) {
  const ahead = viewDirection(orbit.yaw, orbit.pitch);
  return {
    position: orbit.target.map((t, i) => t - orbit.distance * ahead[i]),
    yaw: orbit.yaw,
    pitch: orbit.pitch,
  };
}

/**
 * Rotate an orbit by a drag: the world follows the pointer.
 * @param {Orbit} orbit
 * @param {number} dx pixels, right positive
 * @param {number} dy pixels, down positive
 * @param {number} viewHeight pixels; dragging this far rotates by half a circle
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
 * Pan: move the target in the image plane, so that the point under the pointer stays there.
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
  const [ax, ay, az] = viewDirection(orbit.yaw, orbit.pitch);
  const down = [ay * right[2] - az * right[1], az * right[0] - ax * right[2], ax * right[1] - ay * right[0]];
  return {
    ...orbit,
    target: orbit.target.map((t, i) => t - perPixel * (dx * right[i] + dy * down[i])),
  };
}

/**
 * Zoom by wheel notches.
 * @param {Orbit} orbit
 * @param {number} notches up (nearer) positive
 * @returns {Orbit}
 */
export function zoomOrbit(orbit, notches) {
  return { ...orbit, distance: clamp(orbit.distance * 0.9 ** notches, NEAREST, FARTHEST) };
}
