// The one WebGL context of a page. Every viewer draws with it in turn and copies the picture to a canvas of its own, so
// a page may hold any number of viewers.

import * as THREE from "../vendor/three.mjs";

const LINGER_MS = 4000; // a node that is replaced at once by another finds the context still there

/** @typedef {{ onLost: () => void }} StageUser */

/** @type {Stage | null} */
let stage = null;
let contexts = 0; // ever made on this page; tests read it

/** @returns {{ contexts: number, users: number, isAlive: boolean }} */
export const stageStats = () => ({ contexts, users: stage?.users.size ?? 0, isAlive: stage !== null });
if (typeof window !== "undefined") Object.assign(window, { matrix3dStage: stageStats });

export class Stage {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.renderer = new THREE.WebGLRenderer({ canvas: this.canvas, antialias: false, powerPreference: "high-performance" });
    contexts++;
    this.renderer.autoClear = false;
    this.renderer.setPixelRatio(1);
    /** @type {Set<StageUser>} */
    this.users = new Set();
    this.lingering = 0;
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (stage === this) stage = null;
      for (const user of [...this.users]) user.onLost();
      this.users.clear();
    });
  }

  /**
   * Join the stage of the page.
   * @param {StageUser} user told when the graphics device was lost
   * @returns {Stage}
   * @throws {Error} when the browser gives no WebGL 2
   */
  static join(user) {
    stage ??= new Stage();
    clearTimeout(stage.lingering);
    stage.users.add(user);
    return stage;
  }

  /** @param {StageUser} user */
  leave(user) {
    this.users.delete(user);
    if (this.users.size > 0 || stage !== this) return;
    clearTimeout(this.lingering);
    this.lingering = window.setTimeout(() => {
      if (this.users.size > 0 || stage !== this) return;
      stage = null;
      this.renderer.dispose();
      this.renderer.forceContextLoss();
    }, LINGER_MS);
  }

  /** Name of the graphics device, for bug reports. */
  get device() {
    const gl = this.renderer.getContext();
    const info = gl.getExtension("WEBGL_debug_renderer_info");
    return String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  }

  /**
   * Make the picture this large. Spark reads the size of the canvas, so it is exactly that of the picture.
   * @param {number} width pixels
   * @param {number} height pixels
   */
  resize(width, height) {
    if (this.canvas.width !== width || this.canvas.height !== height) this.renderer.setSize(width, height, false);
  }
}
