// Keyboard shortcuts of the viewer. Pure. By `KeyboardEvent.code`: WASD is at the same position on every keyboard layout.

/** @typedef {import("./walk.mjs").MoveInput} MoveInput */

/** @type {Record<string, [("right" | "up" | "forward"), number]>} */
const MOVES = {
  KeyW: ["forward", 1],
  ArrowUp: ["forward", 1],
  KeyS: ["forward", -1],
  ArrowDown: ["forward", -1],
  KeyD: ["right", 1],
  ArrowRight: ["right", 1],
  KeyA: ["right", -1],
  ArrowLeft: ["right", -1],
  KeyE: ["up", 1],
  KeyQ: ["up", -1],
};

/** @type {Record<string, string>} */
const ACTIONS = {
  KeyR: "reset",
  KeyF: "fullscreen",
  KeyP: "screenshot",
  KeyO: "orbit",
  KeyH: "help",
  KeyL: "lock",
  KeyZ: "depth",
  KeyT: "record",
  KeyK: "key",
  KeyV: "view",
  KeyG: "ground",
  KeyN: "fly",
  KeyC: "walls",
  KeyM: "provenance",
  KeyB: "panorama",
  KeyU: "up",
  KeyJ: "play",
  Comma: "settings",
};

const MODIFIERS = new Set(["ShiftLeft", "ShiftRight"]);

/**
 * What a key press means here.
 * @param {{ code: string, key?: string, ctrlKey?: boolean, altKey?: boolean, metaKey?: boolean }} event
 * @returns {"move" | "modifier" | null | string} null: not a shortcut of the viewer
 */
export function meaning(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return null; // shortcuts of the browser and the editor
  if (event.key === "?") return "help"; // on any keyboard layout
  if (event.code in MOVES) return "move";
  if (MODIFIERS.has(event.code)) return "modifier";
  return ACTIONS[event.code] ?? null;
}

/**
 * @param {Set<string>} pressed codes of the keys that are down
 * @param {{ right: number, forward: number }} [stick] of a touch screen, each -1 to 1
 * @returns {MoveInput}
 */
export function inputOf(pressed, stick = { right: 0, forward: 0 }) {
  /** @type {MoveInput} */
  const input = { right: stick.right, up: 0, forward: stick.forward, fast: false };
  for (const code of pressed) {
    if (MODIFIERS.has(code)) input.fast = true;
    const move = MOVES[code];
    if (move) input[move[0]] += move[1];
  }
  for (const axis of /** @type {const} */ (["right", "up", "forward"])) {
    input[axis] = Math.min(1, Math.max(-1, input[axis]));
  }
  return input;
}
