// Every text of the studio, in one place.

export const WORDS = {
  placeholder: "Run the graph to draw a path here.",
  map: "Map. Click adds a key pose, drag moves it. N and P choose, arrows move, brackets turn, Page Up and Down raise and lower, Delete deletes.",
  panorama: "Panorama with the key poses. Click adds one, drag moves it.",
  view: "What guidance shows at the chosen frame. Drag to look around.",
  frame: "Frame",
  mapTitle: "map from above",
  panoramaTitle: "from the panorama's centre",
  viewTitle: "frame {frame}",
  stripTitle: "holes",
  clearanceTitle: "clearance",
  fields: { x: "right", y: "height", z: "forward", yaw: "yaw", pitch: "pitch" },
  add: "+ Key",
  addTip: "Add a key pose after the chosen one (Insert)",
  remove: "Delete",
  removeTip: "Delete the chosen key pose (Delete)",
  clear: "Clear",
  clearTip: "Delete all key poses",
  preset: "Preset…",
  presetTip: "Replace the path by a ready-made move, to be changed",
  given: "Take input",
  givenTip: "Replace the path by the connected trajectory's key poses",
  empty: "Click on the map to add key poses, or choose a preset.",
  onePose: "One key pose: the camera stands still. Add another.",
  summary: "{frames} frames, {length} {unit}, holes {mean} (most {most}), nearest {near}",
  collide: ", {count} collide",
  clear_: ", clear",
  nothingNear: "nothing",
  gone: "The scene is no longer in memory. Run the graph again; the drawing stays.",
  offline: "ComfyUI does not answer. The drawing stays.",
};

/** @param {string} text with {names} @param {Record<string, string | number>} values */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
