// Every text of the studio, in one place.

import { tr } from "../i18n/translate.mjs";

/** @typedef {import("../i18n/translate.mjs").Values} Values */

/** The texts in the reader's language; asked for when something is shown, not when this file is loaded. */
export const texts = () => ({
  placeholder: tr("Run the graph to draw a path here."),
  map: tr("Map. Click adds a key pose, drag moves it. N and P choose, arrows move, brackets turn, Page Up and Down raise and lower, Delete deletes."),
  panorama: tr("Panorama with the key poses. Click adds one, drag moves it."),
  view: tr("What guidance shows at the chosen frame. Drag to look around."),
  frame: tr("Frame"),
  mapTitle: tr("map from above"),
  panoramaTitle: tr("from the panorama's center"),
  viewTitle: (/** @type {Values} */ values) => tr("frame {frame}", values),
  stripTitle: tr("holes"),
  clearanceTitle: tr("clearance"),
  fields: { x: tr("right"), y: tr("height"), z: tr("forward"), yaw: tr("yaw"), pitch: tr("pitch") },
  add: tr("+ Key"),
  addTip: tr("Add a key pose after the chosen one (Insert)"),
  remove: tr("Delete"),
  removeTip: tr("Delete the chosen key pose (Delete)"),
  clear: tr("Clear"),
  clearTip: tr("Delete all key poses"),
  preset: tr("Preset…"),
  presetTip: tr("Replace the path by a ready-made move, to be changed"),
  given: tr("Take input"),
  givenTip: tr("Replace the path by the connected trajectory's key poses"),
  empty: tr("Click on the map to add key poses, or choose a preset."),
  onePose: tr("One key pose: the camera stands still. Add another."),
  summary: (/** @type {Values} */ values) =>
    tr("{frames} frames, {length} {unit}, holes {mean} (most {most}), nearest {near}", values),
  collide: (/** @type {Values} */ values) => tr(", {count} collide", values),
  clear_: tr(", clear"),
  nothingNear: tr("nothing"),
  unit: (/** @type {string} */ name) => (name === "units" ? tr("units") : name), // of the host
  gone: tr("The scene is no longer in memory. Run the graph again; the drawing stays."),
  offline: tr("ComfyUI does not answer. The drawing stays."),
});
