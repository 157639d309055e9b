// The one WebGL context of a page. All views of splats and panoramas draw with it in turn, and each copies its frame to a
// canvas of its own at once. Browsers allow about 16 contexts on a page and drop the oldest beyond that.

import { registry } from "../registry.mjs";

const LINGER_MS = 4000; // keeps the context while a node is replaced by another

/** @typedef {{ onLost: () => void }} ContextUser called when the context was lost */

/** @type {SharedContext | null} */
let shared = null;
let contexts = 0; // created on this page so far

registry.context = () => ({ contexts, users: shared?.users.size ?? 0, isAlive: shared !== null });

export class SharedContext {
  constructor() {
    this.canvas = document.createElement("canvas");
    const gl = this.canvas.getContext("webgl2", { antialias: false, powerPreference: "high-performance" });
    if (!gl) throw new Error("no WebGL 2");
    this.gl = gl;
    contexts++;
    /** @type {Set<ContextUser>} */
    this.users = new Set();
    /** @type {object | null} what drew last */
    this.turn = null;
    /** @type {(() => void) | null} called when the last user has left */
    this.onEnd = null;
    this.lingering = 0;
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (shared === this) shared = null;
      for (const user of [...this.users]) user.onLost();
      this.users.clear();
    });
  }

  /**
   * @param {ContextUser} user
   * @returns {SharedContext} of the page
   * @throws {Error} when the browser provides no WebGL 2
   */
  static join(user) {
    shared ??= new SharedContext();
    clearTimeout(shared.lingering);
    shared.users.add(user);
    return shared;
  }

  /** @param {ContextUser} user */
  leave(user) {
    this.users.delete(user);
    if (this.users.size > 0 || shared !== this) return;
    clearTimeout(this.lingering);
    this.lingering = window.setTimeout(() => {
      if (this.users.size > 0 || shared !== this) return;
      shared = null;
      this.onEnd?.();
      this.gl.getExtension("WEBGL_lose_context")?.loseContext();
    }, LINGER_MS);
  }

  /**
   * @param {object} drawer what is about to draw
   * @returns {boolean} true when something else drew since: the state of the context is unknown
   */
  take(drawer) {
    const isTaken = this.turn !== drawer;
    this.turn = drawer;
    return isTaken;
  }
}
