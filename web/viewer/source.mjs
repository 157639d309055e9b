// Which file a viewer shows. Pure.

/**
 * A file in one of the host's folders, as its `ui` payloads name it.
 * @typedef {object} SplatFile
 * @property {string} filename
 * @property {string} [subfolder]
 * @property {"input" | "output" | "temp"} [type]
 * @property {number} [count] Gaussians
 * @property {number} [bytes]
 * @property {number} [stamp] when it was written; tells files of the same name apart
 * @property {number[] | null} [start_pose] world-to-camera, 16 numbers, row by row
 * @property {boolean} [is_metric] one unit is one metre
 */

const TYPES = ["input", "output", "temp"];
const READABLE = /\.(ply|spz|splat|ksplat|sog)$/i;

/**
 * Check what came from a payload, a saved workflow or an address.
 * @param {unknown} value
 * @returns {SplatFile | null}
 */
export function readFile(value) {
  if (typeof value !== "object" || value === null) return null;
  const { filename, subfolder = "", type = "output" } = /** @type {Record<string, unknown>} */ (value);
  if (typeof filename !== "string" || !READABLE.test(filename) || /[\\/]/.test(filename)) return null;
  if (typeof subfolder !== "string" || typeof type !== "string" || !TYPES.includes(type)) return null;
  return /** @type {SplatFile} */ ({ ...value, filename, subfolder, type });
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
 * @param {number | undefined} count
 * @returns {string} short, for people
 */
export function shortCount(count) {
  if (count === undefined || !Number.isFinite(count)) return "";
  if (count < 1000) return String(count);
  if (count < 1e6) return `${(count / 1e3).toFixed(count < 1e4 ? 1 : 0)}k`;
  return `${(count / 1e6).toFixed(2)}M`;
}

/**
 * @param {number} bytes
 * @returns {string}
 */
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
