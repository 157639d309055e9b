// The tools that select splats: what the pointer and the keys do, and the operations that come of it.

import { tr } from "../../i18n/translate.mjs";
import { EditView } from "./edit_view.mjs";
import { MOST_OPERATIONS, Operations, thinned } from "./operations.mjs";
import { along, minus } from "./rays.mjs";
import { Selector } from "./selector.mjs";
import { Sketch } from "./sketch.mjs";
import { Toolbar } from "./toolbar.mjs";

/** @typedef {import("./toolbar.mjs").Tool} Tool */
/** @typedef {import("./operations.mjs").Operation} Operation */
/** @typedef {import("./operations.mjs").Mode} Mode */

const TOOLS = /** @type {Tool[]} */ (["click", "box", "sphere", "lasso", "brush"]);
const MODES = ["add", "subtract", "replace"];
const CLICK_PX = 5; // a press that moves farther looks around
const LEAST = 0.004; // between points of a line, fractions of the view
const LEAST_SOLID = 0.01; // of the distance
const LIFT = 0.03; // of a box, above the ground, of its height

export class SelectTools {
  /**
   * @param {import("../viewer.mjs").WalkViewer} viewer
   * @param {(operations: string) => Promise<Uint8Array | null>} ask
   * @param {(text: string) => void} onChange called with the operations to store
   */
  constructor(viewer, ask, onChange) {
    this.viewer = viewer;
    this.view = new EditView(viewer);
    this.onChange = onChange;
    this.operations = new Operations();
    /** @type {Tool | null} */
    this.tool = null;
    this.mode = /** @type {Mode} */ ("add");
    /** @type {Record<string, number>} */
    this.options = { tolerance: 0.15, radius: 0.03, through: 0 };
    /** @type {((event: PointerEvent, isDone: boolean) => void) | null} what the pressed pointer does */
    this.gesture = null;
    this.bar = new Toolbar(viewer.element, (action) => this.act(action), (option, value) => this.setOption(option, value));
    this.sketch = new Sketch(viewer.element);
    this.selector = new Selector(viewer, ask, (count, error) => {
      this.bar.showCount(count);
      if (error) viewer.overlay.notify(error, "error");
    });
    /** @type {import("./solids.mjs").SolidLines | null} */
    this.lines = null;
    /** @type {import("./gizmo.mjs").Gizmo | null} */
    this.gizmo = null;
    /** @type {{ size?: number[], radius: number } | null} of the last solid when the gizmo was taken */
    this.shape = null;
    this.isOnlyHeight = false; // of what the gizmo sizes
    // Ctrl+Z is the editor's unless the focus is in something with an undo of its own, which it tells by this property.
    Object.assign(viewer.element, { type: "textarea" });
    Object.assign(viewer, { tools: this }); // for tests
    viewer.overlay.setAvailable("path", false); // there is nothing to record into
    viewer.stops.push(() => this.dispose());
    this.view.whenShown(() => this.onWorld());
    this.view.onEvent("pointerdown", (event) => this.press(event));
    this.view.onEvent("pointermove", (event) => this.move(event));
    for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) this.view.onEvent(name, (event) => this.release(event));
    this.view.onEvent("keydown", (event) => this.key(event));
    this.show();
  }

  /** Load the operations that the workflow stores. @param {unknown} text */
  load(text) {
    if (text === this.operations.write()) return;
    this.operations.read(text);
    this.changed(false);
  }

  async onWorld() {
    const [{ SolidLines }, { Gizmo }] = await Promise.all([import("./solids.mjs"), import("./gizmo.mjs")]);
    if (!this.view.holder || this.view.off.signal.aborted) return;
    this.lines ??= new SolidLines();
    this.view.holder.add(this.lines.group);
    this.gizmo ??= new Gizmo({ onChange: (placement, isDone) => this.reshape(placement, isDone) });
    this.view.show(this.gizmo);
    this.showSolid();
    this.refresh();
  }

  /** Ask anew what is selected, as after a run. */
  refresh() {
    this.selector.refresh(this.operations.write());
  }

  // State -----------------------------------------------------------------------------------------

  /** @param {boolean} isOwn false: it came from the workflow */
  changed(isOwn) {
    const text = this.operations.write();
    if (isOwn) this.onChange(text);
    this.show();
    this.selector.refresh(text);
  }

  show() {
    const { tool, mode, operations, options } = this;
    this.bar.show({ tool, mode, canUndo: operations.canUndo, canRedo: operations.canRedo, options });
    this.viewer.element.classList.toggle("m3d-selecting", tool !== null);
    this.showSolid();
  }

  /** The last box or sphere, as long as its tool is on. */
  solid() {
    const { last } = this.operations;
    return last && (last.op === "box" || last.op === "sphere") && last.op === this.tool ? last : null;
  }

  showSolid() {
    const solid = this.solid();
    this.lines?.show(solid);
    if (this.gizmo && !this.gizmo.drag) {
      const { center = [0, 0, 0], yaw = 0 } = /** @type {any} */ (solid ?? {});
      this.gizmo.place({ position: center, yaw: (yaw * Math.PI) / 180, scale: 1 }, solid !== null);
    }
    this.viewer.requestFrame();
  }

  /** @param {Operation} operation */
  push(operation) {
    if (this.operations.push(operation)) return this.changed(true);
    this.viewer.overlay.notify(tr("A selection has at most {most} operations. Undo some, or clear it.", { most: MOST_OPERATIONS }), "error");
  }

  /** @param {string} option @param {number} value */
  setOption(option, value) {
    this.options[option] = value;
    this.show();
  }

  /** @param {string} action of a button or a key */
  act(action) {
    if (TOOLS.includes(/** @type {Tool} */ (action))) this.tool = this.tool === action ? null : /** @type {Tool} */ (action);
    else if (MODES.includes(action)) this.mode = /** @type {Mode} */ (action);
    else if (action === "undo") this.operations.undo();
    else if (action === "redo") this.operations.redo();
    else if (action === "clear") this.operations.clear();
    if (["undo", "redo", "clear"].includes(action)) this.changed(true);
    this.sketch.clear();
    this.show();
  }

  // Keys ------------------------------------------------------------------------------------------

  /** @param {KeyboardEvent} event */
  key(event) {
    const isUndo = (event.ctrlKey || event.metaKey) && !event.altKey && (event.code === "KeyZ" || event.code === "KeyY");
    const number = event.code.match(/^Digit([1-5])$/);
    if (isUndo) this.act(event.code === "KeyY" || event.shiftKey ? "redo" : "undo");
    else if (number && !event.ctrlKey && !event.altKey && !event.metaKey) this.act(TOOLS[Number(number[1]) - 1]);
    else if (event.key === "Escape" && this.tool) this.act(this.tool);
    else return;
    this.view.take(event);
  }

  // Pointer ---------------------------------------------------------------------------------------

  /** @param {PointerEvent} event @returns {Mode} */
  modeOf(event) {
    return event.shiftKey ? "add" : event.altKey ? "subtract" : this.mode;
  }

  /** @param {PointerEvent} event */
  press(event) {
    const eye = this.view.eye();
    if (!this.tool || !eye || event.button === 1 || this.view.isOnControl(event) || !this.viewer.overlay.message.hidden) return;
    if (this.gesture) return this.view.take(event); // a second finger
    this.gesture = event.button === 2 ? this.look(event) : this.begin(event, eye);
    if (!this.gesture) return;
    this.view.take(event);
    this.viewer.element.focus({ preventScroll: true });
    this.viewer.element.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event @param {import("./gizmo.mjs").Eye} eye */
  begin(event, eye) {
    const pointer = this.view.pointerOf(event, eye);
    if (this.gizmo?.begin(eye, pointer, event.pointerType)) return this.dragHandle();
    if (this.tool === "click") return this.click(event);
    return this.tool === "lasso" || this.tool === "brush" ? this.draw(event, eye) : this.raise(event, eye);
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (this.gesture) {
      this.view.take(event);
      this.gesture(event, false);
    } else if (this.tool === "brush") {
      this.sketch.ring(this.view.placeOf(event), this.options.radius);
    } else if (this.gizmo?.isShown && !event.buttons) {
      const eye = this.view.eye();
      const under = eye && this.gizmo.under(eye, this.view.pointerOf(event, eye).pixel, event.pointerType);
      if (under !== this.gizmo.hovered) this.viewer.requestFrame();
      this.gizmo.hovered = under;
    }
  }

  /** @param {PointerEvent} event */
  release(event) {
    const { gesture } = this;
    if (!gesture) return;
    this.view.take(event);
    this.gesture = null;
    gesture(event, true);
  }

  /** Look around with the right button. @param {PointerEvent} start */
  look(start) {
    let last = start;
    return (/** @type {PointerEvent} */ event) => {
      this.viewer.drag(event.clientX - last.clientX, event.clientY - last.clientY, "look");
      last = event;
    };
  }

  dragHandle() {
    return (/** @type {PointerEvent} */ event, /** @type {boolean} */ isDone) => {
      const eye = this.view.eye();
      this.isOnlyHeight = event.shiftKey;
      if (isDone) this.gizmo?.end(event.type === "pointercancel");
      else if (eye) this.gizmo?.move(this.view.pointerOf(event, eye), event.shiftKey);
    };
  }

  /** A short press selects, a longer one looks around. @param {PointerEvent} start */
  click(start) {
    let last = start;
    let isDrag = false;
    return (/** @type {PointerEvent} */ event, /** @type {boolean} */ isDone) => {
      isDrag ||= Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > CLICK_PX;
      if (isDrag) this.viewer.drag(event.clientX - last.clientX, event.clientY - last.clientY, event.pointerType === "touch" ? "grab" : "look");
      last = event;
      const eye = this.view.eye();
      if (!isDone || isDrag || !eye || event.type === "pointercancel") return;
      const { origin, direction } = this.view.pointerOf(event, eye).ray;
      this.push({ op: "click", mode: this.modeOf(event), origin, direction, tolerance: this.options.tolerance });
    };
  }

  /** Draw a lasso or a stroke. @param {PointerEvent} start @param {import("./gizmo.mjs").Eye} eye */
  draw(start, eye) {
    const { tool } = this;
    const { radius } = this.options;
    const points = [this.view.placeOf(start)];
    return (/** @type {PointerEvent} */ event, /** @type {boolean} */ isDone) => {
      for (const one of event.getCoalescedEvents?.() ?? []) points.push(this.view.placeOf(one));
      points.push(this.view.placeOf(event));
      if (!isDone) return tool === "lasso" ? this.sketch.area(points) : this.sketch.stroke(points, radius);
      this.sketch.clear();
      const line = thinned(points, LEAST).map((point) => point.map((part) => Math.min(2, Math.max(-1, part))));
      if (event.type === "pointercancel" || (tool === "lasso" && line.length < 3)) return;
      this.push({
        op: /** @type {string} */ (tool),
        mode: this.modeOf(event),
        camera: eye.pose,
        fov: (eye.fov / Math.PI) * 180,
        aspect: eye.aspect,
        ...(tool === "lasso" ? { points: line } : { strokes: [line], radius }),
        through: this.options.through > 0,
      });
    };
  }

  /** Drag out a box that stands on a surface, or a sphere around a point of it. @param {PointerEvent} start @param {import("./gizmo.mjs").Eye} eye */
  raise(start, eye) {
    const { ray } = this.view.pointerOf(start, eye);
    const distance = this.view.distanceOn(ray);
    if (distance === null) {
      this.viewer.overlay.notify(tr("There is nothing here to stand on."));
      return () => {};
    }
    const foot = along(ray.origin, ray.direction, distance);
    const mode = this.modeOf(start);
    return (/** @type {PointerEvent} */ event, /** @type {boolean} */ isDone) => {
      const now = this.view.pointerOf(event, eye).ray;
      const radius = Math.hypot(...minus(along(now.origin, now.direction, distance), foot));
      const isSolid = radius > LEAST_SOLID * distance && event.type !== "pointercancel";
      const height = 2 * radius;
      const operation =
        this.tool === "sphere"
          ? { op: "sphere", mode, center: foot, radius }
          : { op: "box", mode, center: [foot[0], foot[1] - (0.5 + LIFT) * height, foot[2]], size: [height, height, height], yaw: 0 };
      if (isDone && isSolid) return this.push(operation);
      if (isDone) return this.changed(false);
      if (!isSolid) return;
      this.lines?.show(operation);
      this.preview(operation);
    };
  }

  /** Show what an operation would select. @param {Operation} operation */
  preview(operation) {
    const tried = new Operations();
    tried.read(this.operations.write());
    if (tried.push(operation)) this.selector.refresh(tried.write());
    this.viewer.requestFrame();
  }

  /** The gizmo has moved the last solid. @param {import("./gizmo_drag.mjs").Placement} placement @param {boolean} isDone */
  reshape({ position, yaw, scale }, isDone) {
    const solid = /** @type {any} */ (this.solid());
    if (!solid) return;
    this.shape ??= { size: solid.size, radius: solid.radius };
    const { size, radius } = this.shape;
    const grown = size && [this.isOnlyHeight ? size[0] : size[0] * scale, size[1] * scale, this.isOnlyHeight ? size[2] : size[2] * scale];
    this.operations.amend({ center: position, ...(size ? { size: grown, yaw: (yaw * 180) / Math.PI } : { radius: radius * scale }) });
    if (isDone) this.shape = null;
    this.lines?.show(this.solid());
    if (isDone) this.changed(true);
    else this.selector.refresh(this.operations.write());
  }

  dispose() {
    this.view.dispose();
    this.gizmo?.dispose();
    this.lines?.dispose();
  }
}
