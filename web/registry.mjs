// The live views of this page, for tests and debugging: window.matrix3d, the only global of this pack.

/** @typedef {import("./viewer/viewer.mjs").WalkViewer} WalkViewer */
/** @typedef {import("./viewer/pano_viewer.mjs").PanoViewer} PanoViewer */
/** @typedef {import("./studio/studio.mjs").Studio} Studio */

/**
 * @typedef {object} Registry
 * @property {WalkViewer[]} viewers live ones, oldest first; see viewer/viewer.mjs
 * @property {PanoViewer[]} panoramas live ones, oldest first; see viewer/pano_viewer.mjs
 * @property {Studio[]} studios live ones, oldest first; see studio/studio.mjs
 * @property {number} mostScenes maximum number of viewers with their splats in GPU memory
 * @property {() => { contexts: number, users: number, isAlive: boolean }} [context] of the page's one WebGL context,
 *   once viewer/context.mjs is loaded
 * @property {() => object} [painter] state of the panorama painter, once viewer/pano_viewer.mjs is loaded
 */

/** @type {Registry} */
export const registry = { viewers: [], panoramas: [], studios: [], mostScenes: 24 };
if (typeof window !== "undefined") Object.assign(window, { matrix3d: registry });
