// Gamepads in the standard layout. Pure: converts the state that the browser reports.

const DEAD = 0.15; // dead zone of a stick
const LOOK_RATE = 2.2; // radians per second at full deflection

/** Actions of buttons, when they are pressed. @type {Record<number, string>} */
const ACTIONS = { 0: "key", 1: "reset", 2: "record", 3: "view", 8: "path", 9: "help", 11: "orbit", 12: "ground", 13: "walls", 14: "depth", 15: "fly" };

/** @param {number} x @param {number} y @returns {number[]} a stick's deflection without the dead zone, length at most 1 */
function stick(x, y) {
  const length = Math.hypot(x, y);
  if (!(length > DEAD)) return [0, 0];
  const scale = Math.min((length - DEAD) / (1 - DEAD), 1) / length;
  return [x * scale, y * scale];
}

/**
 * @typedef {object} PadState
 * @property {{ right: number, up: number, forward: number, fast: boolean }} move
 * @property {{ yaw: number, pitch: number }} turn radians per second
 * @property {Set<number>} down buttons
 */

/** @type {PadState} */
export const PAD_AT_REST = { move: { right: 0, up: 0, forward: 0, fast: false }, turn: { yaw: 0, pitch: 0 }, down: new Set() };

/**
 * @param {{ axes: readonly number[], buttons: readonly { pressed: boolean, value: number }[] }} pad
 * @returns {PadState}
 */
export function readPad({ axes, buttons }) {
  const [right, back] = stick(axes[0] ?? 0, axes[1] ?? 0);
  const [turn, nod] = stick(axes[2] ?? 0, axes[3] ?? 0);
  const value = (/** @type {number} */ i) => (buttons[i]?.value > 0.05 ? buttons[i].value : 0);
  const down = new Set(buttons.flatMap((button, i) => (button.pressed ? [i] : [])));
  return {
    move: { right, up: value(7) - value(6), forward: 0 - back, fast: down.has(5) || down.has(10) },
    turn: { yaw: LOOK_RATE * turn, pitch: 0 - LOOK_RATE * nod },
    down,
  };
}

/** @param {PadState} before @param {PadState} now @returns {string[]} actions of the buttons that were pressed */
export const padActions = (before, now) =>
  [...now.down].filter((button) => !before.down.has(button) && ACTIONS[button]).map((button) => ACTIONS[button]);

/** @param {PadState} state */
export const isPadActive = ({ move, turn, down }) =>
  Boolean(move.right || move.up || move.forward || turn.yaw || turn.pitch || down.size);
