// Which file a viewer shows. Pure.

import { tr } from "../i18n/translate.mjs";
import { columnsOfAxes } from "./axes.mjs";
import { READABLE } from "./splat_formats.mjs";

/**
 * A file in one of the host's folders, as its `ui` payloads name it.
 * @typedef {object} SplatFile
 * @property {string} filename
 * @property {string} [subfolder]
 * @property {"input" | "output" | "temp"} [type]
 * @property {number} [count] Gaussians
 * @property {number} [bytes]
 * @property {number} [stamp] when it was written; distinguishes files of the same name
 * @property {number[] | null} [start_pose] world-to-camera, 16 numbers, row by row
 * @property {boolean} [is_metric] one unit is one meter
 * @property {boolean} [is_world] the file has a world.json beside it, or the like
 * @property {number[][]} [path] world-to-camera poses of a path to draw, like start_pose
 * @property {unknown} [compare] another such file to compare with
 * @property {unknown} [walls] a file with its walls
 * @property {unknown} [origins] a file with the origin of each splat
 * @property {unknown} [motions] a file with the motions of the splats
 * @property {string} [motions_address] where that file is, of a page that contains it
 * @property {unknown} [panorama] the panorama that the world was made from
 * @property {number[] | null} [panorama_pose] world-to-camera of the panorama; null: at the origin
 * @property {{ frames: number, hits: number[] }} [recorded] which frames of the recorded path collide with walls
 * @property {unknown} [coverage] quality of places in the world, in OpenCV axes, see `readCoverage`
 * @property {string} [axes] where +x, +y and +z of the file point; OpenCV's "RDF" by default
 */

export const MOST_BYTES = 1.5e9; // browsers limit buffers to 2 GB, and decoding needs as much again
const PARTS = /\.(walls|origins|motions|jpg|jpeg|png|webp)$/i;
const TYPES = ["input", "output", "temp"];
const OPENED = new RegExp(`\\.(${READABLE.join("|")})$`, "i");

/**
 * Validate a value from a payload, a saved workflow or a URL.
 * @param {unknown} value
 * @returns {SplatFile | null}
 */
export function readFile(value) {
  if (typeof value !== "object" || value === null) return null;
  const { filename, subfolder = "", type = "output" } = /** @type {Record<string, unknown>} */ (value);
  if (typeof filename !== "string" || !OPENED.test(filename) || /[\\/]/.test(filename)) return null;
  if (typeof subfolder !== "string" || typeof type !== "string" || !TYPES.includes(type)) return null;
  return /** @type {SplatFile} */ ({ ...value, filename, subfolder, type });
}

/**
 * The address of a file that belongs to a world: in the host's folders, over the same route.
 * @param {unknown} value as `ui` payloads name it
 * @param {string} address of the world's own file
 * @returns {string | null} null when there is none
 */
export function readPart(value, address) {
  if (typeof value !== "object" || value === null) return null;
  const { filename, subfolder = "", type = "output", stamp } = /** @type {Record<string, unknown>} */ (value);
  if (typeof filename !== "string" || !PARTS.test(filename) || /[\\/]/.test(filename)) return null;
  if (typeof subfolder !== "string" || typeof type !== "string" || !TYPES.includes(type)) return null;
  const query = new URLSearchParams({ filename, type, subfolder, ...(Number.isFinite(stamp) ? { seen: String(stamp) } : {}) });
  return `${address.split("?")[0]}?${query}`;
}

/**
 * @param {URLSearchParams} query
 * @returns {SplatFile | null}
 */
export function fileFromQuery(query) {
  return readFile({
    filename: query.get("filename") ?? "",
    subfolder: query.get("subfolder") ?? "",
    type: query.get("type") ?? "output",
    is_metric: query.get("metric") === "1",
  });
}

/**
 * The query that names a file to the host's /view route and to the page of the world.
 * @param {SplatFile} file
 * @returns {string}
 */
export function queryOf(file) {
  const { filename, subfolder = "", type = "output" } = file;
  return new URLSearchParams({ filename, type, subfolder }).toString();
}

/**
 * Read the sidecar of a splat file (see matrix3d_core/io/world_json.py).
 * @param {any} info parsed world.json
 * @returns {{ axes: string, is_metric: boolean, is_world: boolean, start_pose: number[] | null, coverage: unknown }} the
 *   pose and the coverage in OpenCV axes
 */
export function readSidecar(info) {
  if (info?.format !== "matrix3d-world" || info.version !== 1) throw new Error(tr("its world.json cannot be parsed"));
  const columns = columnsOfAxes(String(info.axes));
  if (!columns) throw new Error(tr("its world.json has no valid axes"));
  // From the file's axes to three.js, and on to OpenCV by negating y and z.
  const turn = (/** @type {number[]} */ v) =>
    [0, 1, 2].map((i) => (i === 0 ? 1 : -1) * columns.reduce((sum, column, k) => sum + column[i] * v[k], 0));
  let start = null;
  if (info.start_pose) {
    const [position, ahead, up] = ["position", "forward", "up"].map((key) => turn(info.start_pose[key]));
    const down = up.map((v) => 0 - v);
    const right = [
      down[1] * ahead[2] - down[2] * ahead[1],
      down[2] * ahead[0] - down[0] * ahead[2],
      down[0] * ahead[1] - down[1] * ahead[0],
    ];
    const rows = [right, down, ahead].map((axis) => [...axis, 0 - axis.reduce((sum, v, i) => sum + v * position[i], 0)]);
    start = [...rows.flat(), 0, 0, 0, 1];
  }
  const map = info.coverage;
  const coverage = map && Array.isArray(map.origin) ? { ...map, origin: turn(map.origin) } : null;
  return { axes: info.axes, is_world: true, is_metric: info.meters_per_unit === 1, start_pose: start, coverage };
}

/**
 * Validate a coverage map, of a version that is known.
 * @param {unknown} value
 * @returns {import("./coverage_fade.mjs").CoverageMap | null}
 */
export function readCoverage(value) {
  if (typeof value !== "object" || value === null) return null;
  const { version, origin, cell, quality } = /** @type {Record<string, any>} */ (value);
  const isNumbers = (/** @type {unknown} */ list) => Array.isArray(list) && list.every(Number.isFinite);
  const isGrid = Array.isArray(quality) && quality.length > 0 && quality.every(isNumbers);
  return version === 1 && isNumbers(origin) && origin.length === 3 && cell > 0 && isGrid ? { origin, cell, quality } : null;
}

/**
 * @param {SplatFile} file
 * @returns {SplatFile} its sidecar: world.world.json of world.spz
 */
export const sidecarOf = (file) => ({ ...file, filename: file.filename.replace(/\.[^.]*$/, ".world.json") });

/**
 * @param {number | undefined} count
 * @returns {string} short, for people
 */
export function shortCount(count) {
  if (count === undefined || !Number.isFinite(count)) return "";
  if (count < 1000) return String(count);
  if (count < 1e6) return `${(count / 1e3).toFixed(count < 1e4 ? 1 : 0).replace(".0", "")}k`;
  return `${Number((count / 1e6).toPrecision(3))}M`;
}

/**
 * @param {number} bytes
 * @returns {string}
 */
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
