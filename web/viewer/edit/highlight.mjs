// Selected splats in the color of the selection. Pure.

const COLOR = [255, 122, 0];
const SHARE = 0.62; // of that color

/**
 * The splats' own colors, to be highlighted again and again.
 * @param {number} count
 * @param {(paint: (index: number, color: { r: number, g: number, b: number }, opacity: number) => void) => void} forEach splat
 * @returns {Uint8Array} RGBA
 */
export function ownColors(count, forEach) {
  const rgba = new Uint8Array(4 * count);
  const byte = (/** @type {number} */ value) => Math.round(255 * Math.min(1, Math.max(0, value)));
  forEach((index, { r, g, b }, opacity) => rgba.set([byte(r), byte(g), byte(b), byte(opacity)], 4 * index));
  return rgba;
}

/**
 * @param {Uint8Array} own RGBA of each splat
 * @param {Uint8Array} selected 1 for each that is
 * @returns {{ rgba: Uint8Array, count: number }} `count` of the selected
 */
export function highlighted(own, selected) {
  const rgba = own.slice();
  let count = 0;
  for (let i = 0; i < selected.length; i++) {
    if (!selected[i]) continue;
    count++;
    for (let k = 0; k < 3; k++) rgba[4 * i + k] = Math.round((1 - SHARE) * own[4 * i + k] + SHARE * COLOR[k]);
  }
  return { rgba, count };
}
