// Axes of a splat file as three letters: where +x, +y and +z point (Right/Left, Up/Down, Forward/Back). Pure.

/** @type {Record<string, number[]>} directions in the coordinates of three.js (x right, y up, z backward) */
const DIRECTIONS = {
  R: [1, 0, 0], L: [-1, 0, 0],
  U: [0, 1, 0], D: [0, -1, 0],
  F: [0, 0, -1], B: [0, 0, 1],
};

/**
 * The map from a file's coordinates to those of three.js.
 * @param {string} axes such as "RDF", OpenCV's
 * @returns {number[][] | null} columns: where the file's x, y and z lead; null when the letters are not a valid axis convention
 */
export function columnsOfAxes(axes) {
  const columns = [...axes].map((letter) => DIRECTIONS[letter]);
  if (columns.length !== 3 || !columns.every(Boolean)) return null;
  return new Set(columns.map((column) => column.findIndex(Boolean))).size === 3 ? columns : null;
}

/**
 * Left-handed axes (Unity's or Unreal's) cannot be converted by a rotation, only by a mirror.
 * @param {number[][]} columns
 */
export function isMirrored([x, y, z]) {
  const cross = [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]];
  return cross[0] * z[0] + cross[1] * z[1] + cross[2] * z[2] < 0;
}
