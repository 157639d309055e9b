// What lives on this page, for tests and for the curious: window.matrix3d, the only global of this pack.

/** @typedef {import("./viewer/viewer.mjs").WalkViewer} WalkViewer */
/** @typedef {import("./viewer/pano_viewer.mjs").PanoViewer} PanoViewer */
/** @typedef {import("./studio/studio.mjs").Studio} Studio */

/**
 * @typedef {object} Registry
 * @property {WalkViewer[]} viewers live ones, oldest first; what they offer is said in viewer/viewer.mjs
 * @property {PanoViewer[]} panoramas live ones, oldest first; see viewer/pano_viewer.mjs
 * @property {Studio[]} studios live ones, oldest first; see studio/studio.mjs
 * @property {number} mostScenes so many viewers keep their splats on the graphics at once
 * @property {() => { contexts: number, users: number, isAlive: boolean }} [context] of the page's one WebGL context,
 *   once viewer/context.mjs is loaded
 * @property {() => object} [painter] how panoramas are painted, once viewer/pano_viewer.mjs is loaded
 */

/** @type {Registry} */
export const registry = { viewers: [], panoramas: [], studios: [], mostScenes: 24 };
if (typeof window !== "undefined") Object.assign(window, { matrix3d: registry });
