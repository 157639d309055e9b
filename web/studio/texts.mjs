// Every text of the studio, in one place.

import { tr } from "../i18n/translate.mjs";

/** @typedef {import("../i18n/translate.mjs").Values} Values */

/** The texts in the current language; translated when they are shown, not when this file is loaded. */
export const texts = () => ({
  placeholder: tr("Run the workflow to draw a path here."),
  map: tr("Map. Click to add a keyframe, drag to move it. N and P select, arrow keys move, brackets rotate, Page Up and Page Down raise and lower, Delete removes."),
  panorama: tr("Panorama with the keyframes. Click to add one, drag to move it."),
  view: tr("Guidance render of the selected frame. Drag to look around."),
  frame: tr("Frame"),
  mapTitle: tr("top view"),
  panoramaTitle: tr("panorama view"),
  viewTitle: (/** @type {Values} */ values) => tr("frame {frame}", values),
  stripTitle: tr("holes"),
  clearanceTitle: tr("clearance"),
  fields: { x: tr("right"), y: tr("height"), z: tr("forward"), yaw: tr("yaw"), pitch: tr("pitch") },
  add: tr("+ Key"),
  addTip: tr("Add a keyframe after the selected one (Insert)"),
  remove: tr("Delete"),
  removeTip: tr("Delete the selected keyframe (Delete)"),
  clear: tr("Clear"),
  clearTip: tr("Delete all keyframes"),
  preset: tr("Preset…"),
  presetTip: tr("Replace the path with a preset, which can then be edited"),
  given: tr("Use input"),
  givenTip: tr("Replace the path with the keyframes of the connected trajectory"),
  empty: tr("Click on the map to add keyframes, or choose a preset."),
  onePose: tr("Only one keyframe: the camera does not move. Add another."),
  summary: (/** @type {Values} */ values) =>
    tr("{frames} frames, length {length} {unit}, holes {mean} (max. {most}), min. clearance {near}", values),
  collide: (/** @type {Values} */ values) => tr(", {count} colliding", values),
  clear_: tr(", no collisions"),
  nothingNear: tr("none"),
  unit: (/** @type {string} */ name) => (name === "units" ? tr("units") : name), // of the host
  gone: tr("The scene is no longer in memory. Run the workflow again; your drawing is kept."),
  offline: tr("ComfyUI does not respond. Your drawing is kept."),
});
