// The motions of a world, as matrix3d_core/io/motion_file.py writes them. Pure.

import { tr } from "../i18n/translate.mjs";
import { readOrigins as unpack } from "./provenance.mjs";

export const ROW = 12; // vectors of four numbers for each motion
const TERMS = 8; // of time-varying colors: cosine and sine of four harmonics

/**
 * How the splats of a world move.
 * @typedef {object} Motions
 * @property {number} count of splats
 * @property {{ number: number, period: number, row: number[][], path: number[][] }[]} table
 * @property {number} loop seconds after which all is as before
 * @property {Uint8Array} numbers of each splat's motion, 0 for none
 * @property {Uint8Array} phases 256ths of the period
 * @property {{ values: Int8Array, scale: number } | null} colors 24 for each splat: red, green and blue of each term
 */

/**
 * @param {Uint8Array} packed
 * @returns {Promise<Motions>}
 * @throws {Error} when it is damaged
 */
export async function readMotions(packed) {
  let bytes, head;
  try {
    bytes = await unpack(packed);
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    bytes = bytes.subarray(4 + length);
  } catch {
    throw new Error(tr("its file is damaged"));
  }
  const { count, motions, loop, scale } = head;
  const size = (2 + (scale ? 3 * TERMS : 0)) * count;
  if (head.version !== 1 || !Array.isArray(motions) || bytes.length !== size) throw new Error(tr("its file is damaged"));
  const colors = scale ? { values: new Int8Array(bytes.slice(2 * count).buffer), scale } : null;
  return { count, table: motions, loop, numbers: bytes.slice(0, count), phases: bytes.slice(count, 2 * count), colors };
}

/**
 * The rigid motion of an object at a share of its period.
 * @param {number[][]} row of its motion
 * @param {number[][]} path its places and headings, or none
 * @param {number} u 0 to 1
 * @returns {{ turn: number[], shift: number[] }} quaternion x, y, z, w and translation
 */
export function rigidAt(row, path, u) {
  const [axis, center] = [row[1], row[2]];
  let [angle, shift, about] = [2 * Math.PI * u, [0, 0, 0], axis.slice(0, 3)];
  if (path.length > 1) {
    const step = Math.min(Math.floor(u * (path.length - 1)), path.length - 2);
    const share = u * (path.length - 1) - step;
    const place = path[step].map((value, i) => (1 - share) * value + share * path[step + 1][i]);
    const down = Math.hypot(row[3][0], row[3][1], row[3][2]);
    [angle, shift, about] = [place[3], place.slice(0, 3), [0, 1, 2].map((i) => row[3][i] / down)];
  }
  const sine = Math.sin(angle / 2);
  const turn = [sine * about[0], sine * about[1], sine * about[2], Math.cos(angle / 2)];
  const turned = rotate(turn, center);
  return { turn, shift: [0, 1, 2].map((i) => center[i] - turned[i] + shift[i]) };
}

/** @param {number[]} q x, y, z, w @param {number[]} v */
function rotate(q, v) {
  const t = cross(q, v).map((value) => 2 * value);
  const more = cross(q, t);
  return [0, 1, 2].map((i) => v[i] + q[3] * t[i] + more[i]);
}

/** @param {number[]} a @param {number[]} b */
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
