// three.js on the page's one WebGL context, for all viewers of splats.

import * as THREE from "../vendor/three.mjs";
import { SharedContext } from "./context.mjs";

/** @typedef {import("./context.mjs").ContextUser} ContextUser */

/** @type {WeakMap<SharedContext, Stage>} */
const stages = new WeakMap();

export class Stage {
  /** @param {SharedContext} context */
  constructor(context) {
    this.context = context;
    this.canvas = context.canvas;
    this.renderer = new THREE.WebGLRenderer({ canvas: context.canvas, context: context.gl, antialias: false });
    this.renderer.autoClear = false;
    this.renderer.setPixelRatio(1);
    context.onEnd = () => this.renderer.dispose();
    /** @type {Map<string, THREE.Material>} */
    this.retired = new Map();
  }

  /**
   * Dispose of a material that is no longer used. The last one of each kind is kept with its compiled shader, for the next
   * viewer of the page.
   * @param {string} kind of shader
   * @param {THREE.Material} material
   */
  retire(kind, material) {
    const before = this.retired.get(kind);
    if (before === material) return;
    before?.dispose();
    this.retired.set(kind, material);
  }

  /**
   * Join the stage of the page.
   * @param {ContextUser} user
   * @returns {Stage}
   * @throws {Error} when the browser provides no WebGL 2
   */
  static join(user) {
    const context = SharedContext.join(user);
    const stage = stages.get(context) ?? new Stage(context);
    stages.set(context, stage);
    return stage;
  }

  /** @param {ContextUser} user */
  leave(user) {
    this.context.leave(user);
  }

  /** Name of the graphics device, for bug reports. */
  get device() {
    const { gl } = this.context;
    const info = gl.getExtension("WEBGL_debug_renderer_info");
    return String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  }

  /**
   * Resize the canvas and prepare the context for drawing. Spark reads the size of the canvas, so it is exactly that of the
   * frame.
   * @param {number} width pixels
   * @param {number} height pixels
   */
  prepare(width, height) {
    const isTaken = this.context.take(this);
    if (isTaken) this.renderer.resetState();
    if (isTaken || this.canvas.width !== width || this.canvas.height !== height) {
      this.renderer.setSize(width, height, false);
    }
  }
}
