// Buttons that other modules add to every viewer of a page: addViewerAction({...}) once, at any time.

/** @typedef {import("./viewer.mjs").WalkViewer} WalkViewer */
/** @typedef {import("./pose.mjs").Pose} Pose */

/**
 * @typedef {object} ActionPlace where an action was called
 * @property {WalkViewer} viewer
 * @property {Pose & { mode: string }} pose of the eye: world units and radians, OpenCV axes
 * @property {string | null} nodeId of the graph node that holds the viewer; null on a page of its own
 * @property {any} node that graph node, or null
 * @property {(text: string, kind?: "info" | "error") => void} tell shows a short line over the picture for a while
 */

/**
 * @typedef {object} ViewerAction
 * @property {string} id unique; also the button's data-action
 * @property {string} label of the button and of its line in the help
 * @property {string} [short] what stands below its icon; the label by default
 * @property {(place: ActionPlace) => unknown} run what it does; a promise is waited for, and a thrown error is shown
 * @property {string} [key] `KeyboardEvent.code` such as "KeyX"; the viewer's own keys win
 * @property {string} [icon] what goes into an <svg viewBox="0 0 24 24">; without it the label's first letter is shown
 * @property {(viewer: WalkViewer) => boolean} [isFor] which viewers get it; all by default
 */

/** @type {Map<string, ViewerAction>} */
const actions = new Map();
/** @type {Set<() => void>} */
const listeners = new Set();

/**
 * Add a button to all viewers, those that are there and those to come. The same id replaces it.
 * @param {ViewerAction} action
 * @returns {() => void} takes it away again
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

/** @param {() => void} listener called after every change @returns {() => void} stops that */
export function onActionsChanged(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
