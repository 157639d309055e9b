// What the edit tools need of a viewer: its eye relative to the splats, pointers as rays, and things drawn into the world.

import { after } from "../graph_node.mjs";
import { poseOfCamera, rayThrough, surfaceOn } from "./rays.mjs";

/** @typedef {import("../viewer.mjs").WalkViewer} WalkViewer */
/** @typedef {import("./gizmo.mjs").Eye} Eye */
/** @typedef {import("./gizmo_drag.mjs").Pointer} Pointer */

const CONTROLS = ".m3d-bar, .m3d-help, .m3d-stick, .m3d-message, .m3d-path, .m3d-compare, .m3d-panorama-fade, .m3d-settings";

export class EditView {
  /** @param {WalkViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.off = new AbortController();
    /** @type {any} group of three.js for what is drawn, in the axes of the splats turned to those of three.js */
    this.holder = null;
    /** @type {(() => void)[]} called when a world was shown */
    this.listeners = [];
    after(viewer, "begin", () => this.onWorld());
    viewer.stops.push(() => this.dispose());
    if (viewer.scene && viewer.count) this.onWorld();
  }

  /** @param {() => void} listener called now and whenever a world was shown */
  whenShown(listener) {
    this.listeners.push(listener);
    if (this.holder) listener();
  }

  async onWorld() {
    const THREE = await import("../../vendor/three.mjs");
    const { scene } = this.viewer;
    if (!scene || this.off.signal.aborted) return;
    this.holder ??= new THREE.Group();
    const flip = new THREE.Quaternion(1, 0, 0, 0); // half a turn about x
    this.holder.quaternion.copy(scene.world.group.quaternion).multiply(flip.invert());
    scene.lines.add(this.holder);
    for (const listener of this.listeners) listener();
    this.viewer.requestFrame();
  }

  /** The view as the splats see it. @returns {Eye | null} */
  eye() {
    const { scene, element } = this.viewer;
    if (!scene) return null;
    const { camera, world } = scene;
    scene.place(this.viewer.pose());
    camera.updateMatrixWorld();
    const { width, height } = element.getBoundingClientRect();
    return {
      pose: poseOfCamera(camera.matrixWorldInverse.elements, world.group.matrixWorld.elements),
      fov: this.viewer.fov,
      aspect: camera.aspect,
      size: [width || 1, height || 1],
    };
  }

  /** @param {PointerEvent} event @returns {number[]} fractions of the view */
  placeOf(event) {
    const { left, top, width, height } = this.viewer.element.getBoundingClientRect();
    return [(event.clientX - left) / (width || 1), (event.clientY - top) / (height || 1)];
  }

  /** @param {PointerEvent} event @param {Eye} eye @returns {Pointer} */
  pointerOf(event, eye) {
    const [x, y] = this.placeOf(event);
    return { ray: rayThrough(eye.pose, eye.fov, eye.aspect, x, y), pixel: [x * eye.size[0], y * eye.size[1]] };
  }

  /** How far the first surface on a ray is. @param {import("./rays.mjs").Ray} ray @returns {number | null} */
  distanceOn(ray) {
    const splats = this.viewer.scene?.world.mesh?.packedSplats;
    if (!splats) return null;
    return surfaceOn(ray, (visit) =>
      splats.forEachSplat((_, center, scales, _turn, opacity) =>
        visit([center.x, center.y, center.z], Math.max(scales.x, scales.y, scales.z), opacity),
      ),
    );
  }

  /** @param {Event} event */
  isOnControl(event) {
    return event.target instanceof Element && event.target.closest(CONTROLS) !== null;
  }

  /** Keep an event from walking and from the graph. @param {Event} event */
  take(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /**
   * Listen before the viewer does.
   * @template {keyof HTMLElementEventMap} Name
   * @param {Name} name @param {(event: HTMLElementEventMap[Name]) => void} listener
   */
  onEvent(name, listener) {
    this.viewer.element.addEventListener(name, listener, { capture: true, signal: this.off.signal });
  }

  /** Draw a gizmo in the world. @param {import("./gizmo.mjs").Gizmo} gizmo */
  show(gizmo) {
    if (gizmo.group.parent === this.holder) return;
    const { group } = gizmo;
    const own = Object.getPrototypeOf(group).updateMatrixWorld;
    group.updateMatrixWorld = (force) => {
      const eye = this.eye();
      if (eye) gizmo.fit(eye);
      own.call(group, force);
    };
    this.holder?.add(group);
  }

  dispose() {
    this.off.abort();
    this.holder?.removeFromParent();
  }
}
