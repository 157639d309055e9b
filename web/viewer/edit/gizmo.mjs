// Handles in the view that move, turn and size something: on the ground, up and down, about the vertical, larger and smaller.
// They keep their size on the screen, so that a mouse and a finger hit them.

import * as THREE from "../../vendor/three.mjs";
import { dragged, handleAt } from "./gizmo_drag.mjs";
import { placeIn } from "./rays.mjs";

/** @typedef {import("./gizmo_drag.mjs").Handle} Handle */
/** @typedef {import("./gizmo_drag.mjs").Placement} Placement */
/** @typedef {import("./gizmo_drag.mjs").Pointer} Pointer */
/** @typedef {{ pose: number[], fov: number, aspect: number, size: number[] }} Eye of the view, OpenCV axes; its size in pixels */

const SHARE = 0.17; // radius of the ring, of the height of the view
const REACH = { mouse: 14, touch: 28, pen: 20 }; // pixels
const COLORS = { ground: 0xffc46b, up: 0x6fe08a, turn: 0x7fb2ff, scale: 0xff8f7f };
const HOVER = 0xffffff;
const UP = 1.25; // where the arrow ends, in radii of the ring
const CORNER = 0.86; // where the cube is, right and up

export class Gizmo {
  /**
   * @param {{ onChange: (placement: Placement, isDone: boolean) => void, handles?: Handle[] }} options
   *   `onChange` is called while a handle is dragged, and once when it is released
   */
  constructor({ onChange, handles = ["ground", "up", "turn", "scale"] }) {
    this.onChange = onChange;
    this.handles = handles;
    /** @type {Placement} */
    this.placement = { position: [0, 0, 0], yaw: 0, scale: 1 };
    /** @type {{ handle: Handle, start: Placement, from: Pointer, center: number[] } | null} */
    this.drag = null;
    /** @type {Handle | null} */
    this.hovered = null;
    this.group = new THREE.Group();
    this.group.renderOrder = 10;
    /** @type {{ dispose(): void }[]} */
    this.resources = [];
    /** @type {Map<Handle, THREE.MeshBasicMaterial>} */
    this.materials = new Map();
    for (const handle of handles) this.build(handle);
    this.group.visible = false;
  }

  /** @param {Handle} handle */
  build(handle) {
    const material = new THREE.MeshBasicMaterial({
      color: COLORS[handle],
      transparent: true,
      opacity: handle === "ground" ? 0.55 : 0.95,
      depthTest: false,
      depthWrite: false,
      side: THREE.DoubleSide,
    });
    this.materials.set(handle, material);
    this.resources.push(material);
    const add = (/** @type {THREE.BufferGeometry} */ shape, /** @type {number[]} */ at, /** @type {number[]} */ turn = [0, 0, 0]) => {
      const mesh = new THREE.Mesh(shape, material);
      mesh.position.set(at[0], at[1], at[2]);
      mesh.rotation.set(turn[0], turn[1], turn[2]);
      this.resources.push(shape);
      this.group.add(mesh);
    };
    const level = Math.PI / 2;
    if (handle === "ground") {
      add(new THREE.CircleGeometry(0.3, 32), [0, 0, 0], [-level, 0, 0]);
      for (let k = 0; k < 4; k++) {
        const angle = k * level;
        add(new THREE.ConeGeometry(0.09, 0.2, 3), [0.45 * Math.sin(angle), 0, 0.45 * Math.cos(angle)], [level, 0, 0 - angle]);
      }
    }
    if (handle === "turn") {
      add(new THREE.TorusGeometry(1, 0.03, 8, 64), [0, 0, 0], [level, 0, 0]);
      add(new THREE.SphereGeometry(0.09, 16, 12), [0, 0, -1]); // ahead of what is turned
    }
    if (handle === "up") {
      add(new THREE.CylinderGeometry(0.03, 0.03, UP - 0.2, 8), [0, (UP - 0.2) / 2, 0]);
      add(new THREE.ConeGeometry(0.1, 0.26, 16), [0, UP - 0.08, 0]);
    }
    if (handle === "scale") {
      add(new THREE.BoxGeometry(0.17, 0.17, 0.17), [CORNER, CORNER, 0]);
      add(new THREE.CylinderGeometry(0.015, 0.015, CORNER * Math.SQRT2, 6), [CORNER / 2, CORNER / 2, 0], [0, 0, 0 - level / 2]);
    }
  }

  /** @param {Placement} placement @param {boolean} [isShown] */
  place(placement, isShown = true) {
    this.placement = placement;
    this.group.visible = isShown;
  }

  get isShown() {
    return this.group.visible;
  }

  /** Radius of the ring, world units. @param {Eye} eye */
  radiusIn({ pose, fov }) {
    const z = pose[8] * this.placement.position[0] + pose[9] * this.placement.position[1] + pose[10] * this.placement.position[2] + pose[11];
    return Math.max(1e-6, 2 * Math.tan(fov / 2) * Math.abs(z) * SHARE);
  }

  /** Give the group its place, turn and size for a view. @param {Eye} eye */
  fit(eye) {
    const { position, yaw } = this.placement;
    this.group.position.set(position[0], 0 - position[1], 0 - position[2]);
    this.group.rotation.set(0, 0 - yaw, 0);
    this.group.scale.setScalar(this.radiusIn(eye));
    for (const [handle, material] of this.materials) {
      material.color.set(handle === (this.drag?.handle ?? this.hovered) ? HOVER : COLORS[handle]);
    }
  }

  /** Where the handles are in the view. @param {Eye} eye */
  shapesIn(eye) {
    const { position, yaw } = this.placement;
    const radius = this.radiusIn(eye);
    const [s, c] = [Math.sin(yaw), Math.cos(yaw)];
    /** @param {number} right @param {number} up @param {number} ahead */
    const at = (right, up, ahead) => {
      const point = [position[0] + radius * (right * c + ahead * s), position[1] - radius * up, position[2] + radius * (ahead * c - right * s)];
      const place = placeIn(eye.pose, eye.fov, eye.aspect, point);
      return place ? [place[0] * eye.size[0], place[1] * eye.size[1]] : [Infinity, Infinity];
    };
    const circle = (/** @type {number} */ r, /** @type {number} */ count) =>
      [...Array(count).keys()].map((k) => at(r * Math.sin((k / count) * 2 * Math.PI), 0, r * Math.cos((k / count) * 2 * Math.PI)));
    /** @type {Record<Handle, () => number[][]>} */
    const points = {
      scale: () => [at(CORNER, CORNER, 0)],
      up: () => [0.55, 0.7, 0.85, 1, 1.1, 1.2].map((up) => at(0, up, 0)),
      turn: () => circle(1, 72),
      ground: () => [at(0, 0, 0), ...circle(0.15, 8), ...circle(0.3, 12), ...circle(0.45, 4)],
    };
    const order = /** @type {Handle[]} */ (["scale", "up", "turn", "ground"]).filter((handle) => this.handles.includes(handle));
    return { center: at(0, 0, 0), shapes: order.map((handle) => ({ handle, points: points[handle]() })) };
  }

  /**
   * @param {Eye} eye @param {number[]} pixel @param {string} kind of pointer
   * @returns {Handle | null} the handle under the pointer
   */
  under(eye, pixel, kind) {
    if (!this.isShown) return null;
    return handleAt(this.shapesIn(eye).shapes, pixel, REACH[/** @type {keyof REACH} */ (kind)] ?? REACH.mouse);
  }

  /** @param {Eye} eye @param {Pointer} pointer @param {string} kind @returns {boolean} whether a handle was taken */
  begin(eye, pointer, kind) {
    const handle = this.under(eye, pointer.pixel, kind);
    if (handle) this.drag = { handle, start: this.placement, from: pointer, center: this.shapesIn(eye).center };
    return handle !== null;
  }

  /** @param {Pointer} pointer @param {boolean} snaps */
  move(pointer, snaps) {
    if (!this.drag) return;
    const { handle, start, from, center } = this.drag;
    this.placement = dragged(handle, start, from, pointer, center, snaps);
    this.onChange(this.placement, false);
  }

  /** @param {boolean} [isCanceled] back to where the drag began */
  end(isCanceled = false) {
    if (!this.drag) return;
    if (isCanceled) this.placement = this.drag.start;
    this.drag = null;
    this.onChange(this.placement, true);
  }

  dispose() {
    this.group.removeFromParent();
    for (const resource of this.resources) resource.dispose();
  }
}
