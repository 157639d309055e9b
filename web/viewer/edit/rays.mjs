// Rays, cameras and what dragging means, in OpenCV axes (x right, y down, z forward). Pure.

/** @typedef {{ origin: number[], direction: number[] }} Ray in the world */

/** @param {number[]} a @param {number[]} b */
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
/** @param {number[]} a @param {number[]} b */
export const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
/** @param {number[]} a @param {number[]} b @param {number} t */
export const along = (a, b, t) => [a[0] + t * b[0], a[1] + t * b[1], a[2] + t * b[2]];
/** @param {number[]} v */
export const unit = (v) => v.map((part) => part / (Math.hypot(...v) || 1));

/**
 * The product of two matrices.
 * @param {ArrayLike<number>} a 16 numbers, column by column as three.js has them
 * @param {ArrayLike<number>} b
 * @returns {number[]} a b
 */
export function multiplied(a, b) {
  const out = new Array(16).fill(0);
  for (let column = 0; column < 4; column++)
    for (let row = 0; row < 4; row++)
      for (let k = 0; k < 4; k++) out[4 * column + row] += a[4 * k + row] * b[4 * column + k];
  return out;
}

/**
 * The pose of a camera of three.js relative to splats.
 * @param {ArrayLike<number>} viewFromWorld of the camera, 16 numbers, column by column
 * @param {ArrayLike<number>} worldFromSplats of their group
 * @returns {number[]} 16 numbers, row by row, OpenCV camera from splats
 */
export function poseOfCamera(viewFromWorld, worldFromSplats) {
  const m = multiplied(viewFromWorld, worldFromSplats);
  const row = (/** @type {number} */ k, /** @type {number} */ sign) => [0, 1, 2, 3].map((c) => sign * m[4 * c + k] + 0);
  return [...row(0, 1), ...row(1, -1), ...row(2, -1), 0, 0, 0, 1];
}

/**
 * The ray through a point of a picture.
 * @param {number[]} pose 16 numbers, row by row, camera from world
 * @param {number} fov vertical, radians
 * @param {number} aspect width over height
 * @param {number} x 0 left, 1 right
 * @param {number} y 0 top, 1 bottom
 * @returns {Ray} its direction is a unit vector
 */
export function rayThrough(pose, fov, aspect, x, y) {
  const t = Math.tan(fov / 2);
  const local = [(2 * x - 1) * t * aspect, (2 * y - 1) * t, 1];
  const rows = [pose.slice(0, 4), pose.slice(4, 8), pose.slice(8, 12)];
  const back = (/** @type {number[]} */ v) => [0, 1, 2].map((c) => rows[0][c] * v[0] + rows[1][c] * v[1] + rows[2][c] * v[2]);
  return { origin: back(rows.map((r) => 0 - r[3])), direction: unit(back(local)) };
}

/**
 * Where a point is in a picture.
 * @param {number[]} pose as above @param {number} fov @param {number} aspect
 * @param {number[]} point
 * @returns {number[] | null} x and y as above; null behind the camera
 */
export function placeIn(pose, fov, aspect, point) {
  const [x, y, z] = [0, 4, 8].map((k) => dot(pose.slice(k, k + 3), point) + pose[k + 3]);
  if (z <= 1e-9) return null;
  const t = Math.tan(fov / 2);
  return [0.5 + x / (2 * z * t * aspect), 0.5 + y / (2 * z * t)];
}

/**
 * Where a ray meets the level plane through a point.
 * @param {Ray} ray
 * @param {number[]} point
 * @returns {number[] | null} null when it leads away from it, or meets it 100 times as far as the point
 */
export function onLevel(ray, point) {
  const t = (point[1] - ray.origin[1]) / ray.direction[1];
  const far = 100 * Math.hypot(...minus(point, ray.origin));
  return t > 0 && t <= far ? along(ray.origin, ray.direction, t) : null;
}

/**
 * The height on the vertical through a point at which a ray passes closest.
 * @param {Ray} ray
 * @param {number[]} point
 * @returns {number | null} y; null when it looks along the vertical
 */
export function onVertical({ origin, direction }, point) {
  const level = direction[0] ** 2 + direction[2] ** 2;
  if (level < 1e-6) return null;
  const t = ((point[0] - origin[0]) * direction[0] + (point[2] - origin[2]) * direction[2]) / level;
  return t > 0 ? origin[1] + t * direction[1] : null;
}

/** The direction of a point around the vertical through another. @param {number[]} center @param {number[]} point @returns {number} radians, right positive */
export const headingOf = (center, point) => Math.atan2(point[0] - center[0], point[2] - center[2]);

/**
 * The first surface on a ray: where the alpha of splats that it passes adds up to one half. They count as round.
 * @param {Ray} ray
 * @param {(visit: (center: number[], radius: number, opacity: number) => void) => void} forEach splat, with its largest scale
 * @returns {number | null} the distance; null where there is none
 */
export function surfaceOn({ origin, direction }, forEach) {
  /** @type {[number, number][]} */
  const met = [];
  forEach((center, radius, opacity) => {
    const to = minus(center, origin);
    const t = dot(to, direction);
    if (t <= 0) return;
    const off = (dot(to, to) - t * t) / (radius * radius || 1e-12);
    if (off < 9) met.push([t, Math.min(0.999, opacity) * Math.exp(-0.5 * off)]);
  });
  met.sort((a, b) => a[0] - b[0]);
  let left = 1;
  for (const [t, alpha] of met) {
    left *= 1 - alpha;
    if (left <= 0.5) return t;
  }
  return null;
}
