// The operations of a selection, with undo and redo. Pure. Their text is stored in the node and read by
// matrix3d_core/splats/selection_operations.py: degrees and world units, OpenCV axes of the splats.

export const MOST_OPERATIONS = 200;
export const MOST_POINTS = 2000; // of a line; the library takes more
const MOST_CHARACTERS = 400_000;

/** @typedef {"add" | "subtract" | "replace"} Mode */
/** @typedef {{ op: string, mode?: Mode, [field: string]: unknown }} Operation */

/** @param {number} value */
const round = (value) => Number(value.toPrecision(7)) + 0;

/** @param {unknown} value @returns {unknown} with numbers as short as they need be */
function rounded(value) {
  if (typeof value === "number") return round(value);
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, rounded(one)]));
}

export class Operations {
  constructor() {
    /** @type {Operation[]} those that were undone come last */
    this.list = [];
    this.applied = 0;
  }

  /** Read what the workflow stores; what cannot be parsed is empty. @param {unknown} text */
  read(text) {
    this.list = [];
    this.applied = 0;
    if (typeof text !== "string" || !text.trim()) return;
    try {
      const { operations, applied } = JSON.parse(text);
      if (!Array.isArray(operations) || !operations.every((one) => typeof one?.op === "string")) return;
      this.list = operations;
      this.applied = Number.isInteger(applied) ? Math.min(Math.max(applied, 0), operations.length) : operations.length;
    } catch {
      // a text of another kind
    }
  }

  /** @returns {string} "" when there are none */
  write() {
    return this.list.length ? JSON.stringify({ version: 1, operations: this.list, applied: this.applied }) : "";
  }

  /** The last operation that counts. */
  get last() {
    return this.list[this.applied - 1] ?? null;
  }

  get canUndo() {
    return this.applied > 0;
  }

  get canRedo() {
    return this.applied < this.list.length;
  }

  /**
   * Add an operation; what was undone is forgotten.
   * @param {Operation} operation
   * @returns {boolean} false: there are too many, or their text would be too long
   */
  push(operation) {
    const list = [...this.list.slice(0, this.applied), /** @type {Operation} */ (rounded(operation))];
    if (list.length > MOST_OPERATIONS || JSON.stringify(list).length > MOST_CHARACTERS - 100) return false;
    this.list = list;
    this.applied = list.length;
    return true;
  }

  /** Change the last operation that counts. @param {Partial<Operation>} change */
  amend(change) {
    if (!this.last) return;
    this.list = this.list.slice(0, this.applied);
    this.list[this.applied - 1] = /** @type {Operation} */ ({ ...this.last, .../** @type {object} */ (rounded(change)) });
  }

  undo() {
    this.applied = Math.max(0, this.applied - 1);
  }

  redo() {
    this.applied = Math.min(this.list.length, this.applied + 1);
  }

  /** Start over, as an operation that can be undone. */
  clear() {
    if (this.canUndo && this.last?.op !== "all") return this.push({ op: "all", mode: "subtract" });
    return false;
  }
}

/**
 * Drop the points of a line that are closer to the one before than a distance, and thin out what is left.
 * @param {number[][]} points
 * @param {number} least
 * @returns {number[][]} the first and the last stay
 */
export function thinned(points, least) {
  const kept = points.filter((_, i) => i === 0 || i === points.length - 1);
  if (points.length < 3) return kept;
  let last = points[0];
  const inner = points.slice(1, -1).filter((point) => {
    const isFar = Math.hypot(point[0] - last[0], point[1] - last[1]) >= least;
    if (isFar) last = point;
    return isFar;
  });
  const stride = Math.ceil(inner.length / (MOST_POINTS - 2)) || 1;
  return [points[0], ...inner.filter((_, i) => i % stride === 0), points[points.length - 1]];
}
