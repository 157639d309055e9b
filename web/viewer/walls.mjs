// Collision walls: a grid of solid cells, and bodies that slide along it. Pure. OpenCV axes: y is down.
// The file is written by matrix3d_core/collision/occupancy.py.

import { tr } from "../i18n/translate.mjs";

/**
 * @typedef {object} Walls
 * @property {Uint8Array} bits bit x + X (y + Y z) is cell (x, y, z), lowest bit of a byte first
 * @property {number[]} size cells along x, y, z
 * @property {number[]} origin the corner with the least coordinates
 * @property {number} cell edge of a cell, world units
 * @property {boolean} isOutsideSolid
 * @property {number} unit world units of a meter
 */

/**
 * A body below an eye: spheres one above the other.
 * @typedef {{ radius: number, below: number }} Body `below`: distance of its lowest sphere's center below the eye
 */

const MAGIC = "M3DWALLS";
const MOST_CELLS = 64_000_000;
const PUSHES = 10; // iterations
const TOUCH = 1e-4; // of the radius: a body that touches a wall is not inside it

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<Walls>}
 * @throws {Error} when the format is wrong or the data is damaged
 */
export async function readWalls(bytes) {
  const text = (/** @type {number} */ from, /** @type {number} */ to) => new TextDecoder().decode(bytes.subarray(from, to));
  if (text(0, 8) !== MAGIC || bytes.length < 12) throw new Error(tr("it does not start with M3DWALLS"));
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  const { version, size, origin, cell, outside, unit } = JSON.parse(text(12, 12 + length));
  const count = size.reduce((/** @type {number} */ product, /** @type {number} */ n) => product * n, 1);
  const numbers = [...size, ...origin, cell, unit];
  if (version !== 1 || numbers.length !== 8 || !numbers.every(Number.isFinite) || !(cell > 0) || !(count <= MOST_CELLS)) {
    throw new Error(tr("its header cannot be parsed"));
  }
  const packed = new Blob([bytes.slice(12 + length)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bits = new Uint8Array(await new Response(packed).arrayBuffer());
  if (bits.length !== Math.ceil(count / 8)) throw new Error(tr("its data is truncated"));
  return { bits, size, origin, cell, isOutsideSolid: Boolean(outside), unit };
}

/**
 * @param {Walls} walls
 * @param {number} x cell
 * @param {number} y cell
 * @param {number} z cell
 */
export function isSolid({ bits, size, isOutsideSolid }, x, y, z) {
  if (x < 0 || y < 0 || z < 0 || x >= size[0] || y >= size[1] || z >= size[2]) return isOutsideSolid;
  const i = x + size[0] * (y + size[1] * z);
  return (bits[i >> 3] & (1 << (i & 7))) !== 0;
}

/**
 * The deepest penetration of a sphere into solid cells.
 * @param {Walls} walls
 * @param {number[]} center
 * @param {number} radius
 * @returns {{ away: number[], distance: number } | null} from that point to the center, world units; null: no collision
 */
export function deepest(walls, center, radius) {
  const { origin, cell } = walls;
  const at = center.map((p, i) => (p - origin[i]) / cell);
  const reach = radius / cell;
  const low = at.map((a) => Math.floor(a - reach));
  const high = at.map((a) => Math.floor(a + reach));
  let best = reach * reach * (1 - TOUCH) ** 2;
  /** @type {number[] | null} */
  let away = null;
  for (let z = low[2]; z <= high[2]; z++) {
    const dz = at[2] - Math.min(Math.max(at[2], z), z + 1);
    for (let y = low[1]; y <= high[1]; y++) {
      const dy = at[1] - Math.min(Math.max(at[1], y), y + 1);
      const dyz = dy * dy + dz * dz;
      if (dyz >= best) continue;
      for (let x = low[0]; x <= high[0]; x++) {
        const dx = at[0] - Math.min(Math.max(at[0], x), x + 1);
        const square = dx * dx + dyz;
        if (square < best && isSolid(walls, x, y, z)) {
          best = square;
          away = [dx, dy, dz];
        }
      }
    }
  }
  return away && { away: away.map((part) => part * cell), distance: Math.sqrt(best) * cell };
}

/** Centers of a body's spheres, the eye first. @param {number[]} eye @param {Body} body */
function spheres([x, y, z], { radius, below }) {
  const count = below > 0 ? Math.ceil(below / radius) : 0;
  return Array.from({ length: count + 1 }, (_, k) => [x, y + (count ? (below * k) / count : 0), z]);
}

/**
 * @param {Walls} walls
 * @param {number[]} eye
 * @param {Body} body
 * @returns {boolean} whether the body is inside something solid
 */
export const isStuck = (walls, eye, body) => spheres(eye, body).some((center) => deepest(walls, center, body.radius));

/**
 * Push a body out of a shallow penetration.
 * @param {Walls} walls
 * @param {number[]} eye
 * @param {Body} body a standing one (`below` > 0) is pushed to the side only
 * @returns {number[] | null} null: it remains inside
 */
function pushOut(walls, eye, body) {
  let place = [...eye];
  for (let k = 0; k < PUSHES; k++) {
    let worst = null;
    for (const center of spheres(place, body)) {
      const hit = deepest(walls, center, body.radius);
      if (hit && (!worst || hit.distance < worst.distance)) worst = hit;
    }
    if (!worst) return place;
    const away = body.below > 0 ? [worst.away[0], 0, worst.away[2]] : worst.away;
    const side = Math.hypot(...away);
    if (side < 1e-6 * body.radius) return null; // its center is inside, or the contact is above or below
    // Horizontally, the sphere is free at its radius from the point, whose height does not change.
    const rise = worst.away[1] - away[1];
    const wanted = Math.sqrt(Math.max(body.radius ** 2 - rise ** 2, 0));
    place = place.map((p, i) => p + (away[i] / side) * Math.max(wanted - side, 0));
  }
  return isStuck(walls, place, body) ? null : place;
}

/**
 * Move as far as the walls allow, sliding along them. A body that starts inside something solid moves freely until it is
 * out.
 * @param {Walls} walls
 * @param {number[]} from the eye
 * @param {number[]} to
 * @param {Body} body
 * @returns {{ position: number[], isHit: boolean }}
 */
export function moveAlong(walls, from, to, body) {
  if (isStuck(walls, from, body)) return { position: [...to], isHit: false };
  const offset = to.map((t, i) => t - from[i]);
  const length = Math.hypot(...offset);
  const steps = Math.min(Math.ceil(length / (0.5 * Math.min(walls.cell, body.radius))), 4000);
  let position = [...from];
  let isHit = false;
  for (let k = 0; k < steps; k++) {
    const next = position.map((p, i) => p + offset[i] / steps);
    const free = pushOut(walls, next, body);
    if (!free) return { position, isHit: true };
    isHit ||= free.some((p, i) => p !== next[i]);
    position = free;
  }
  return { position, isHit };
}

/**
 * Height of the ground under a position: the mean over a small disk, so that steps become ramps.
 * @param {Walls} walls
 * @param {number[]} from a point above the ground, below which to search
 * @param {number} radius of the disk
 * @param {number} depth how far down to search
 * @returns {number | null} its y; null when there is none
 */
export function groundBelow({ bits, size, origin, cell, isOutsideSolid, unit }, [x, y, z], radius, depth) {
  const walls = { bits, size, origin, cell, isOutsideSolid, unit };
  const first = Math.floor((y - origin[1]) / cell);
  const last = Math.floor((y + depth - origin[1]) / cell);
  /** @type {number[]} */
  const tops = [];
  for (let k = 0; k < 9; k++) {
    const turn = (k * Math.PI) / 4;
    const [dx, dz] = k === 8 ? [0, 0] : [radius * Math.cos(turn), radius * Math.sin(turn)];
    const column = Math.floor((x + dx - origin[0]) / cell);
    const row = Math.floor((z + dz - origin[2]) / cell);
    for (let level = first; level <= last; level++) {
      if (!isSolid(walls, column, level, row)) continue;
      if (level > first) tops.push(origin[1] + level * cell); // else the search starts inside
      break;
    }
  }
  if (!tops.length) return null;
  tops.sort((a, b) => a - b);
  const median = tops[tops.length >> 1];
  const near = tops.filter((top) => Math.abs(top - median) <= 0.4 * unit);
  return near.reduce((sum, top) => sum + top, 0) / near.length;
}

/**
 * Walls estimated from splats, for worlds without walls: cells where the splats are dense.
 * @param {number} count
 * @param {(index: number) => { x: number, y: number, z: number, weight: number }} splatAt world units, weight 0 to 1
 * @param {number[]} eye center of the grid; the space around it stays free
 * @param {number} [unit] world units of a meter
 * @returns {Walls}
 */
export function wallsOfSplats(count, splatAt, eye, unit = 1) {
  const reach = [12 * unit, 4 * unit, 12 * unit];
  const cell = 0.12 * unit;
  const size = reach.map((r) => 2 * Math.ceil(r / cell));
  const origin = eye.map((p, i) => p - (size[i] / 2) * cell);
  const mass = new Float32Array(size[0] * size[1] * size[2]);
  for (let i = 0; i < count; i++) {
    const { x, y, z, weight } = splatAt(i);
    const [cx, cy, cz] = [(x - origin[0]) / cell, (y - origin[1]) / cell, (z - origin[2]) / cell].map(Math.floor);
    if (cx < 0 || cy < 0 || cz < 0 || cx >= size[0] || cy >= size[1] || cz >= size[2]) continue;
    mass[cx + size[0] * (cy + size[1] * cz)] += weight;
  }
  const bits = new Uint8Array(Math.ceil(mass.length / 8));
  const keep = (0.4 * unit) / cell;
  for (let i = 0; i < mass.length; i++) {
    if (mass[i] < 1) continue;
    const [cx, cy, cz] = [i % size[0], Math.floor(i / size[0]) % size[1], Math.floor(i / (size[0] * size[1]))];
    if (Math.hypot(cx + 0.5 - size[0] / 2, cy + 0.5 - size[1] / 2, cz + 0.5 - size[2] / 2) < keep) continue;
    bits[i >> 3] |= 1 << (i & 7);
  }
  return { bits, size, origin, cell, isOutsideSolid: false, unit };
}
