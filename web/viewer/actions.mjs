// Buttons that other modules add to every viewer of a page: addViewerAction({...}) once, at any time.

/** @typedef {import("./viewer.mjs").WalkViewer} WalkViewer */
/** @typedef {import("./pose.mjs").Pose} Pose */

/**
 * @typedef {object} ActionPlace context of an action
 * @property {WalkViewer} viewer
 * @property {Pose & { mode: string }} pose of the camera: world units and radians, OpenCV axes
 * @property {string | null} nodeId of the graph node that holds the viewer; null on a standalone page
 * @property {any} node that graph node, or null
 * @property {(text: string, kind?: "info" | "error") => void} notify shows a note over the view for a while
 */

/**
 * @typedef {object} ViewerAction
 * @property {string} id unique; also the button's data-action
 * @property {string} label of the button and of its line in the help
 * @property {string} [short] text below its icon; the label by default
 * @property {(place: ActionPlace) => unknown} run performs the action; promises are awaited, and errors are shown
 * @property {string} [key] `KeyboardEvent.code` such as "KeyX"; the viewer's own shortcuts take precedence
 * @property {string} [icon] content of an <svg viewBox="0 0 24 24">
 * @property {(viewer: WalkViewer) => boolean} [isFor] whether a viewer gets it; all by default
 */

/** @type {Map<string, ViewerAction>} */
const actions = new Map();
/** @type {Set<() => void>} */
const listeners = new Set();

/**
 * Add a button to all current and future viewers. The same id replaces it.
 * @param {ViewerAction} action
 * @returns {() => void} removes it
 */
export function addViewerAction(action) {
  if (!action.id || !action.label || typeof action.run !== "function") {
    throw new Error("a viewer action needs id, label and run");
  }
  actions.set(action.id, action);
  for (const listener of listeners) listener();
  return () => {
    if (actions.get(action.id) !== action) return;
    actions.delete(action.id);
    for (const listener of listeners) listener();
  };
}

/** @returns {ViewerAction[]} in the order they were added */
export const viewerActions = () => [...actions.values()];

/** @param {string} code of a key @returns {ViewerAction | undefined} */
export const actionOfKey = (code) => viewerActions().find((action) => action.key === code);

/** @param {() => void} listener called after every change @returns {() => void} removes the listener */
export function onActionsChanged(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
