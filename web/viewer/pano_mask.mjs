// A mask painted on a panorama: one byte per texel, 1 where painted. Pure.

export const MASK_WIDTH = 1024;
export const MASK_HEIGHT = MASK_WIDTH / 2;

export const emptyMask = () => new Uint8Array(MASK_WIDTH * MASK_HEIGHT);

/** @param {Uint8Array} mask @returns {string} runs in base 36 (see matrix3d_core/io/painted_mask.py); empty when nothing is painted */
export function writeMask(mask) {
  const runs = [];
  let value = 0;
  let start = 0;
  for (let i = 0; i <= mask.length; i++) {
    if (i < mask.length && mask[i] === value) continue;
    runs.push((i - start).toString(36));
    [value, start] = [1 - value, i];
  }
  return runs.length < 2 ? "" : `mask1:${MASK_WIDTH}x${MASK_HEIGHT}:${runs.join(",")}`;
}

/** @param {unknown} text @returns {Uint8Array} empty when it cannot be parsed */
export function readMask(text) {
  const mask = emptyMask();
  const head = `mask1:${MASK_WIDTH}x${MASK_HEIGHT}:`;
  if (typeof text !== "string" || !text.startsWith(head)) return mask;
  let at = 0;
  let value = 0;
  for (const run of text.slice(head.length).split(",")) {
    const length = parseInt(run, 36);
    if (!(length >= 0) || at + length > mask.length) return emptyMask();
    if (value) mask.fill(1, at, at + length);
    at += length;
    value = 1 - value;
  }
  return mask;
}

/**
 * Paint a round dab on the sphere, in place.
 * @param {Uint8Array} mask
 * @param {number} u position in the panorama, 0 to 1 across
 * @param {number} v 0 to 1 down
 * @param {number} radius angle, radians
 * @param {0 | 1} value
 */
export function dab(mask, u, v, radius, value) {
  const [polar, azimuth] = [v * Math.PI, (u - 0.5) * 2 * Math.PI];
  const [sinP, cosP] = [Math.sin(polar), Math.cos(polar)];
  const least = Math.cos(radius);
  const first = Math.max(0, Math.floor(((polar - radius) / Math.PI) * MASK_HEIGHT - 0.5));
  const last = Math.min(MASK_HEIGHT - 1, Math.ceil(((polar + radius) / Math.PI) * MASK_HEIGHT));
  for (let row = first; row <= last; row++) {
    const down = ((row + 0.5) / MASK_HEIGHT) * Math.PI;
    // cos(angle) = cos p cos d + sin p sin d cos(da): solve for the widest da.
    const across = (least - cosP * Math.cos(down)) / (sinP * Math.sin(down) || 1e-12);
    if (across > 1) continue;
    const half = across < -1 ? Math.PI : Math.acos(across);
    const middle = (azimuth / (2 * Math.PI) + 0.5) * MASK_WIDTH - 0.5;
    const reach = (half / (2 * Math.PI)) * MASK_WIDTH;
    const [from, to] = half >= Math.PI ? [0, MASK_WIDTH - 1] : [Math.ceil(middle - reach), Math.floor(middle + reach)];
    for (let column = from; column <= to; column++) {
      mask[row * MASK_WIDTH + (((column % MASK_WIDTH) + MASK_WIDTH) % MASK_WIDTH)] = value;
    }
  }
}

/**
 * Paint from one position to another.
 * @param {Uint8Array} mask @param {[number, number]} from @param {[number, number]} to @param {number} radius @param {0 | 1} value
 */
export function stroke(mask, from, to, radius, value) {
  let across = to[0] - from[0];
  across -= Math.round(across); // the shorter way around
  const down = to[1] - from[1];
  const level = Math.sin(Math.PI * (from[1] + to[1]) / 2);
  const angle = Math.hypot(across * 2 * Math.PI * level, down * Math.PI);
  const steps = Math.min(400, Math.max(1, Math.ceil(angle / (radius / 2))));
  for (let k = 0; k <= steps; k++) dab(mask, from[0] + (across * k) / steps, from[1] + (down * k) / steps, radius, value);
}

/** @param {Uint8Array} mask @returns {number} fraction of the sphere */
export function share(mask) {
  let painted = 0;
  let whole = 0;
  for (let row = 0; row < MASK_HEIGHT; row++) {
    const weight = Math.sin(((row + 0.5) / MASK_HEIGHT) * Math.PI);
    let count = 0;
    for (let i = row * MASK_WIDTH; i < (row + 1) * MASK_WIDTH; i++) count += mask[i];
    painted += weight * count;
    whole += weight * MASK_WIDTH;
  }
  return painted / whole;
}
