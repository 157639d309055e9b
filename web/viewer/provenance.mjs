// Provenance of splats as colors. Pure. The numbers and colors are those of matrix3d_core/scene/label_colors.py.

import { tr } from "../i18n/translate.mjs";

export const ORIGINS = [
  { name: () => tr("source image"), color: [0.2, 0.68, 0.38] },
  { name: () => tr("observed in later frames"), color: [0.95, 0.62, 0.12] },
  { name: () => tr("unobserved, distance estimated"), color: [0.86, 0.2, 0.22] },
  { name: () => tr("unknown"), color: [0.55, 0.55, 0.6] },
];
const UNKNOWN = ORIGINS.length - 1;

/**
 * Colors of splats by their origin; a third of each one's brightness is kept, so that shapes stay readable.
 * @param {Uint8Array} origins in the file's order
 * @param {number} count of splats
 * @param {(paint: (index: number, gray: number, opacity: number) => void) => void} forEach calls back for every splat
 * @returns {{ rgba: Uint8Array, counts: number[] }}
 */
export function originColors(origins, count, forEach) {
  const rgba = new Uint8Array(4 * count);
  const counts = ORIGINS.map(() => 0);
  forEach((index, gray, opacity) => {
    const number = origins[index] < UNKNOWN ? origins[index] : UNKNOWN;
    counts[number]++;
    const light = 0.7 + 0.6 * (Math.min(Math.max(gray, 0), 1) - 0.5);
    ORIGINS[number].color.forEach((part, i) => (rgba[4 * index + i] = Math.round(255 * Math.min(1, part * light))));
    rgba[4 * index + 3] = Math.round(255 * Math.min(1, opacity));
  });
  return { rgba, counts };
}

/**
 * @param {Uint8Array} bytes gzipped, one byte per splat
 * @returns {Promise<Uint8Array>}
 */
export async function readOrigins(bytes) {
  const stream = new Blob([/** @type {BlobPart} */ (bytes)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
