// A character that collides with walls and walks on the ground. Pure. OpenCV axes: y is down.

import { clamp, stepWalk } from "./walk.mjs";
import { groundBelow, isStuck, moveAlong } from "./walls.mjs";

/** @typedef {import("./walls.mjs").Walls} Walls */
/** @typedef {import("./walk.mjs").Walk} Walk */
/** @typedef {import("./walk.mjs").MoveInput} MoveInput */

// Meters; `Walls.unit` converts them to world units.
export const RADIUS = 0.25;
const STEP = 0.35; // step height: lower obstacles are climbed
const EYE = 1.6;
const EYE_LIMITS = [0.7, 2.6];
const FALL = 9.81;
const FASTEST_FALL = 20;
const FOLLOW_SECONDS = 0.1; // time constant of the eye after a step up
const LOOK_DOWN = 30;

/**
 * @typedef {object} Standing
 * @property {number} eye height above the ground, world units
 * @property {number} fall speed downwards, world units per second
 */

/**
 * The ground under an eye.
 * @param {Walls} walls
 * @param {number[]} position
 * @param {number} eye height above the ground
 */
function groundUnder(walls, [x, y, z], eye) {
  const knee = Math.max(eye - 2 * STEP * walls.unit, 0);
  return groundBelow(walls, [x, y + knee, z], 0.6 * RADIUS * walls.unit, LOOK_DOWN * walls.unit);
}

/**
 * Start standing at a position: the eye keeps its height above the ground if that is within human range.
 * @param {Walls} walls
 * @param {number[]} position
 * @returns {Standing}
 */
export function standAt(walls, position) {
  const ground = groundBelow(walls, position, 0.6 * RADIUS * walls.unit, LOOK_DOWN * walls.unit);
  const height = ground === null ? EYE * walls.unit : ground - position[1];
  const isHuman = height > EYE_LIMITS[0] * walls.unit && height < EYE_LIMITS[1] * walls.unit;
  return { eye: isHuman ? height : EYE * walls.unit, fall: 0 };
}

/** The collision shape below a standing or floating eye. @param {Walls} walls @param {Standing | null} standing */
export function characterBody(walls, standing) {
  const radius = RADIUS * walls.unit;
  return { radius, below: standing ? Math.max(standing.eye - STEP * walls.unit - radius, 0.01 * radius) : 0 };
}

/**
 * Integrate as `stepWalk` does, but with collision and, when standing, on the ground.
 * @param {Walk} walk
 * @param {MoveInput} input its `up` changes the height of a standing eye
 * @param {number} seconds
 * @param {Walls} walls
 * @param {Standing | null} standing null: floating
 * @returns {{ walk: Walk, standing: Standing | null, isHit: boolean, isSettling: boolean }} `isSettling`: still rising or falling
 */
export function stepCharacter(walk, input, seconds, walls, standing) {
  const free = stepWalk(walk, standing ? { ...input, up: 0 } : input, seconds);
  const body = characterBody(walls, standing);
  const { position, isHit } = moveAlong(walls, walk.position, free.position, body);
  if (!standing) return { walk: { ...free, position }, standing, isHit, isSettling: false };
  const lift = input.up * 0.5 * walls.unit * seconds;
  const eye = lift ? clamp(standing.eye + lift, EYE_LIMITS[0] * walls.unit, EYE_LIMITS[1] * walls.unit) : standing.eye;
  const settled = followGround(position, { ...standing, eye }, seconds, walls);
  return { walk: { ...free, position: settled.position }, standing: settled.standing, isHit, isSettling: settled.isSettling };
}

/**
 * @param {number[]} position
 * @param {Standing} standing
 * @param {number} seconds
 * @param {Walls} walls
 */
function followGround(position, standing, seconds, walls) {
  const ground = groundUnder(walls, position, standing.eye);
  const rest = { position, standing: { ...standing, fall: 0 }, isSettling: false };
  if (ground === null) return rest; // no ground below: stay at this height
  const target = ground - standing.eye;
  const gap = target - position[1]; // positive: the ground is lower
  if (Math.abs(gap) < 0.2 * walls.cell) return rest;
  const soft = gap * (1 - Math.exp(-seconds / FOLLOW_SECONDS));
  let move = soft;
  let fall = 0;
  if (gap > STEP * walls.unit) {
    fall = Math.min(standing.fall + FALL * walls.unit * seconds, FASTEST_FALL * walls.unit);
    move = Math.min(gap, 0.5 * (standing.fall + fall) * seconds);
  }
  const next = [position[0], position[1] + move, position[2]];
  // A low ceiling or a table above: stay below it.
  const body = characterBody(walls, standing);
  if (move < 0 && isStuck(walls, next, body) && !isStuck(walls, position, body)) return rest;
  const isSettling = Math.abs(gap - move) >= 0.2 * walls.cell;
  return { position: next, standing: { ...standing, fall }, isSettling };
}
