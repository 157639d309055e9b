// An object in the world that is moved, turned and sized by handles, live.

import * as THREE from "../../vendor/three.mjs";
import { SplatMesh } from "../../vendor/spark.mjs";

import { EditView } from "./edit_view.mjs";
import { Gizmo } from "./gizmo.mjs";
import { matrixOfPlacement } from "./gizmo_drag.mjs";
import { minus } from "./rays.mjs";

/** @typedef {import("./gizmo_drag.mjs").Placement} Placement */

/**
 * Where the last run has put the object.
 * @typedef {object} Placed
 * @property {number[]} pose world from the object's own frame, 16 numbers, row by row
 * @property {number[]} center middle of its base in the world
 * @property {number[]} size of its box in the world
 */

export class PlaceTools {
  /**
   * @param {import("../viewer.mjs").WalkViewer} viewer
   * @param {(placement: Placement, handle: string) => void} onPlace called when a handle was released: where the middle of
   *   the object's base is now, how far it is turned and how much larger it is than after the run
   */
  constructor(viewer, onPlace) {
    this.viewer = viewer;
    this.view = new EditView(viewer);
    this.onPlace = onPlace;
    Object.assign(viewer, { placing: this }); // for tests
    /** @type {SplatMesh | null} */
    this.mesh = null;
    /** @type {Placed | null} */
    this.placed = null;
    this.isInWorld = true; // the file's splats are where the run has put them, not in the object's own frame
    this.gizmo = new Gizmo({
      onChange: (placement, isDone) => {
        this.move(placement);
        if (isDone) this.onPlace(placement, this.handle);
      },
    });
    this.handle = "";
    this.isHeld = false;
    this.view.whenShown(() => this.attach());
    this.view.onEvent("pointerdown", (event) => this.press(event));
    this.view.onEvent("pointermove", (event) => this.drag(event));
    for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) this.view.onEvent(name, (event) => this.release(event));
    viewer.stops.push(() => this.dispose());
  }

  /**
   * Show an object instead of the one shown now.
   * @param {Uint8Array} bytes of its splat file @param {string} name whose suffix gives the format @param {Placed} placed
   */
  async show(bytes, name, placed) {
    const mesh = new SplatMesh({ fileBytes: bytes, fileName: name });
    await mesh.initialized;
    if (this.view.off.signal.aborted) return mesh.dispose();
    this.drop();
    this.mesh = mesh;
    this.placed = placed;
    this.isInWorld = this.standsAt(placed);
    this.reset();
    this.attach();
  }

  /** Whether the splats of the file are where the run has put the object. @param {Placed} placed */
  standsAt({ pose, center }) {
    const box = new THREE.Box3();
    this.mesh?.packedSplats?.forEachSplat((_, at) => box.expandByPoint(at));
    const base = (/** @type {THREE.Box3} */ { min, max }) => [(min.x + max.x) / 2, max.y, (min.z + max.z) / 2];
    const far = (/** @type {THREE.Box3} */ one) => Math.hypot(...minus(base(one), center));
    return far(box) <= far(box.clone().applyMatrix4(matrixOf(pose)));
  }

  /** Put the object and its handles where the run has put it. */
  reset() {
    if (this.placed) this.set({ position: this.placed.center, yaw: 0, scale: 1 });
  }

  /** @param {Placement} placement */
  set(placement) {
    this.gizmo.place(placement);
    this.move(placement);
  }

  /** @param {Placement} placement */
  move(placement) {
    if (!this.mesh || !this.placed) return;
    const [x, y, z] = this.placed.center;
    const matrix = matrixOf(matrixOfPlacement(placement)).multiply(new THREE.Matrix4().makeTranslation(-x, -y, -z));
    if (!this.isInWorld) matrix.multiply(matrixOf(this.placed.pose));
    matrix.decompose(this.mesh.position, this.mesh.quaternion, this.mesh.scale);
    this.viewer.requestFrame();
  }

  /** Put everything into the scene that is open now. */
  attach() {
    const { scene } = this.viewer;
    if (!scene || !this.mesh || !this.view.holder) return;
    scene.world.group.add(this.mesh);
    this.view.show(this.gizmo);
    this.viewer.requestFrame();
  }

  drop() {
    this.mesh?.removeFromParent();
    this.mesh?.dispose();
    this.mesh = null;
    this.placed = null;
    this.gizmo.group.visible = false;
  }

  // Pointer ---------------------------------------------------------------------------------------

  /** @param {PointerEvent} event */
  press(event) {
    const eye = this.view.eye();
    if (!eye || event.button !== 0 || this.isHeld || this.view.isOnControl(event)) return;
    const pointer = this.view.pointerOf(event, eye);
    if (!this.gizmo.begin(eye, pointer, event.pointerType)) return;
    this.handle = this.gizmo.drag?.handle ?? "";
    this.isHeld = true;
    this.view.take(event);
    this.viewer.element.focus({ preventScroll: true });
    this.viewer.element.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  drag(event) {
    const eye = this.view.eye();
    if (!eye) return;
    const pointer = this.view.pointerOf(event, eye);
    if (this.isHeld) {
      this.view.take(event);
      return this.gizmo.move(pointer, event.shiftKey);
    }
    if (event.buttons) return;
    const under = this.gizmo.under(eye, pointer.pixel, event.pointerType);
    if (under === this.gizmo.hovered) return;
    this.gizmo.hovered = under;
    this.viewer.element.classList.toggle("m3d-handle", under !== null);
    this.viewer.requestFrame();
  }

  /** @param {PointerEvent} event */
  release(event) {
    if (!this.isHeld) return;
    this.isHeld = false;
    this.view.take(event);
    this.gizmo.end(event.type === "pointercancel");
  }

  dispose() {
    this.drop();
    this.gizmo.dispose();
    this.view.dispose();
  }
}

/** @param {number[]} rows 16 numbers, row by row */
const matrixOf = (rows) => new THREE.Matrix4().fromArray(rows).transpose();
