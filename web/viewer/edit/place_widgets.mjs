// What dragging an object means for the widgets of its node. Pure: `get` and `set` read and write widgets by name.

/** @typedef {import("./gizmo_drag.mjs").Placement} Placement */
/** @typedef {Record<string, unknown>} Values of widgets */

export const PLACED = ["x", "y", "z", "yaw", "scale", "relation", "anchor", "on_ground"];
const DIGITS = { yaw: 1, scale: 4 };

/**
 * The values of widgets for a placement by hand.
 * @param {Values} at the widgets' values when the graph ran
 * @param {Placement} placement relative to that run: position of the base, turn and size
 * @param {string} handle that was dragged
 * @returns {Values} those that change
 */
export function valuesOf(at, { position, yaw, scale }, handle) {
  const round = (/** @type {number} */ value, digits = 3) => Number(value.toFixed(digits)) + 0;
  let degrees = Number(at.yaw ?? 0) + (yaw * 180) / Math.PI;
  degrees -= 360 * Math.round(degrees / 360);
  /** @type {Values} */
  const values = {
    x: round(position[0]),
    y: round(position[1]),
    z: round(position[2]),
    yaw: round(degrees, DIGITS.yaw),
    scale: round(Number(at.scale ?? 1) * scale, DIGITS.scale),
  };
  // By hand: no longer beside something, and in the air where it was lifted.
  if ("relation" in at && at.relation !== "at") Object.assign(values, { relation: "at", anchor: "" });
  else if (at.anchor) values.anchor = "";
  if (handle === "up" && at.on_ground === true) values.on_ground = false;
  return values;
}

/**
 * The inverse: where the widgets say that the object is.
 * @param {Values} at the widgets' values when the graph ran
 * @param {Values} now
 * @param {number[]} center middle of the object's base after the run
 * @returns {Placement | null} null when only a run can tell, as beside something
 */
export function placementOf(at, now, center) {
  const byHand = (now.relation ?? "at") === "at" && !now.anchor;
  const isMoved = PLACED.slice(0, 3).some((name) => now[name] !== at[name]);
  if (!byHand && (isMoved || now.relation !== at.relation || now.anchor !== at.anchor)) return null;
  const [x, y, z] = ["x", "y", "z"].map((name) => Number(now[name]));
  const position = byHand && isMoved ? [x, now.on_ground === true ? center[1] : y, z] : center;
  const placement = {
    position,
    yaw: ((Number(now.yaw) - Number(at.yaw)) * Math.PI) / 180,
    scale: Number(now.scale) / Number(at.scale),
  };
  return [...position, placement.yaw, placement.scale].every(Number.isFinite) && placement.scale > 0 ? placement : null;
}

/** Steps of an object's placement, back and forth. */
export class Steps {
  constructor() {
    /** @type {{ values: Values, placement: Placement }[]} */
    this.list = [];
    this.at = -1;
  }

  /** @param {Values} values @param {Placement} placement */
  push(values, placement) {
    this.list = [...this.list.slice(0, this.at + 1), { values, placement }];
    this.at = this.list.length - 1;
  }

  /** @param {-1 | 1} by @returns {{ values: Values, placement: Placement } | null} where it leads; null: no further */
  go(by) {
    if (!this.list[this.at + by]) return null;
    this.at += by;
    return this.list[this.at];
  }
}
