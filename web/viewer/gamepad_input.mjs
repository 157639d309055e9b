// Polls the gamepad for a viewer while there is one and the viewer has the focus.

import { PAD_AT_REST, isPadActive, padActions, readPad } from "./gamepad.mjs";

const MOST_S = 0.1; // a longer gap means that the page was paused

export class GamepadInput {
  /** @param {import("./viewer.mjs").WalkViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.state = PAD_AT_REST;
    this.lastAsked = 0; // milliseconds
    this.isPresent = false;
    this.isPolling = false;
  }

  /** Start polling when there is a gamepad. */
  watch() {
    this.isPresent = this.find() !== undefined;
    if (!this.isPresent || this.isPolling) return;
    this.isPolling = true;
    this.lastAsked = performance.now();
    this.poll();
  }

  find() {
    return [...(navigator.getGamepads?.() ?? [])].find((one) => one?.connected) ?? undefined;
  }

  poll() {
    const { viewer, state: before } = this;
    const hasFocus = viewer.element.contains(document.activeElement);
    const pad = hasFocus && this.isPresent ? this.find() : undefined;
    const now = performance.now();
    const state = (this.state = pad ? readPad(pad) : PAD_AT_REST);
    const seconds = Math.min((now - this.lastAsked) / 1000, MOST_S);
    this.lastAsked = now;
    for (const action of padActions(before, state)) viewer.act(action);
    if (JSON.stringify(state.move) !== JSON.stringify(before.move)) {
      viewer.motion.changeInput(() => (viewer.motion.pad = state.move), now);
    }
    const { yaw, pitch } = state.turn;
    if (yaw || pitch) viewer.motion.turn(yaw * seconds, pitch * seconds);
    if (isPadActive(state)) viewer.requestFrame();
    if (pad && !viewer.isDisposed) requestAnimationFrame(() => this.poll());
    else this.isPolling = false;
  }
}
