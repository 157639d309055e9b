// Mask painting in a panorama viewer: buttons, brush, and the mask over the image.

import { tr } from "../i18n/translate.mjs";
import { dab, emptyMask, MASK_HEIGHT, MASK_WIDTH, readMask, share, stroke, writeMask } from "./pano_mask.mjs";
import { forgetImage, paintView } from "./pano_painter.mjs";
import { sourceOf } from "./pano_view.mjs";

/** @typedef {import("./pano_viewer.mjs").PanoViewer} PanoViewer */

const DEGREE = Math.PI / 180;
const SIZES = [1, 60]; // degrees
const TINT = [255, 80, 60, 130];

export class PanoBrush {
  /** @param {PanoViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {Uint8Array} */
    this.mask = emptyMask();
    this.text = "";
    this.isOn = false;
    this.isErasing = false;
    this.isPainting = false;
    this.radius = 8 * DEGREE;
    /** @type {[number, number] | null} position of the last dab */
    this.last = null;
    /** @type {{ x: number, y: number } | null} of the pointer, fraction of the view */
    this.pointer = null;
    /** @type {((text: string) => void) | null} called when a stroke has ended */
    this.onChange = null;
    /** @type {HTMLCanvasElement | null} the mask as a colored image */
    this.layer = null;
    this.bar = document.createElement("div");
    this.bar.className = "m3d-bar m3d-brush";
    this.bar.setAttribute("role", "toolbar");
    this.bar.setAttribute("aria-label", tr("Mask"));
    const button = (/** @type {string} */ name, /** @type {string} */ tip, /** @type {string} */ icon, /** @type {() => void} */ run) => {
      const made = document.createElement("button");
      made.type = "button";
      made.title = tip;
      made.dataset.action = name;
      made.setAttribute("aria-label", tip);
      made.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true">${icon}</svg>`;
      made.addEventListener("click", run);
      this.bar.append(made);
      return made;
    };
    const brushTip = tr("Paint a mask (B). Shift-drag or right-drag to look around.");
    this.brushButton = button("brush", brushTip, '<path d="M20 4L10 14M10 14c-3-1-5 1-5 3s-1 2-2 2c3 2 8 1 8-2 0-1 0-2-1-3z"/>', () => this.toggle());
    this.eraseButton = button("erase", tr("Erase (E)"), '<path d="M9 19l-5-5 9-9 6 6-8 8zM9 19h11M8 10l6 6"/>', () => this.erase(!this.isErasing));
    this.size = document.createElement("input");
    this.size.type = "range";
    this.size.min = String(SIZES[0]);
    this.size.max = String(SIZES[1]);
    this.size.title = tr("Brush size ([ and ])");
    this.size.setAttribute("aria-label", this.size.title);
    this.size.addEventListener("input", () => this.resize(Number(this.size.value)));
    this.bar.append(this.size);
    this.clearButton = button("clear", tr("Clear the mask"), '<path d="M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12"/>', () => this.clear());
    this.show();
  }

  /** @param {EventTarget | null} target */
  owns(target) {
    return target instanceof Node && this.bar.contains(target);
  }

  show() {
    this.brushButton.setAttribute("aria-pressed", String(this.isOn));
    this.eraseButton.setAttribute("aria-pressed", String(this.isErasing));
    for (const part of [this.eraseButton, this.size, this.clearButton]) part.hidden = !this.isOn;
    this.clearButton.disabled = !this.text;
    this.size.value = String(Math.round(this.radius / DEGREE));
    this.viewer.element.classList.toggle("m3d-painting", this.isOn);
    this.viewer.draw();
  }

  toggle(isOn = !this.isOn) {
    this.isOn = isOn;
    this.show();
  }

  /** @param {boolean} isErasing */
  erase(isErasing) {
    this.isErasing = isErasing;
    this.toggle(true);
  }

  /** @param {number} degrees */
  resize(degrees) {
    this.radius = Math.min(SIZES[1], Math.max(SIZES[0], degrees)) * DEGREE;
    this.show();
  }

  /** @param {string} key @returns {boolean} whether it was a shortcut of the brush */
  onKey(key) {
    const factor = { "[": 0.8, "]": 1.25 }[key];
    if (key === "b" || key === "B") this.toggle();
    else if (this.isOn && (key === "e" || key === "E")) this.erase(!this.isErasing);
    else if (this.isOn && factor) this.resize(Math.max(SIZES[0], (this.radius / DEGREE) * factor));
    else return false;
    return true;
  }

  /** Load the mask that the workflow stores. @param {unknown} text */
  load(text) {
    const known = typeof text === "string" ? text : "";
    if (known === this.text) return;
    this.text = known;
    this.mask = readMask(known);
    this.refresh();
  }

  clear() {
    this.mask = emptyMask();
    this.refresh();
    this.store();
  }

  store() {
    this.text = writeMask(this.mask);
    this.show();
    this.onChange?.(this.text);
  }

  /** Fraction of the sphere that is painted. */
  get share() {
    return share(this.mask);
  }

  // Pointer ---------------------------------------------------------------------------------------

  /** @param {MouseEvent} event @returns {{ x: number, y: number }} fraction of the view */
  placeOf(event) {
    const { left, top, width, height } = this.viewer.element.getBoundingClientRect();
    return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
  }

  /** @param {{ x: number, y: number }} pointer @returns {[number, number]} position in the panorama */
  under({ x, y }) {
    const { clientWidth, clientHeight } = this.viewer.element;
    return sourceOf(this.viewer.view, 2 * x - 1, 2 * y - 1, clientWidth / clientHeight);
  }

  /** @param {MouseEvent} event */
  begin(event) {
    if (!this.isOn) return;
    this.isPainting = true;
    this.last = this.under(this.placeOf(event));
    dab(this.mask, ...this.last, this.radius, this.isErasing ? 0 : 1);
    this.refresh();
  }

  /** @param {MouseEvent} event */
  move(event) {
    const at = this.under(this.placeOf(event));
    stroke(this.mask, this.last ?? at, at, this.radius, this.isErasing ? 0 : 1);
    this.last = at;
    this.refresh();
  }

  end() {
    this.isPainting = false;
    this.last = null;
    this.store();
  }

  /** @param {MouseEvent | null} event */
  hover(event) {
    if (!this.isOn && !this.pointer) return;
    this.pointer = this.isOn && event ? this.placeOf(event) : null;
    this.viewer.draw();
  }

  // Drawing ----------------------------------------------------------------------------------------

  /** Redraw the mask into its layer. */
  refresh() {
    if (this.layer) forgetImage(this.layer);
    if (!this.mask.includes(1)) this.layer = null;
    else {
      this.layer ??= document.createElement("canvas");
      [this.layer.width, this.layer.height] = [MASK_WIDTH, MASK_HEIGHT];
      const pen = /** @type {CanvasRenderingContext2D} */ (this.layer.getContext("2d"));
      const pixels = new ImageData(MASK_WIDTH, MASK_HEIGHT);
      const color = new Uint32Array(new Uint8ClampedArray(TINT).buffer)[0];
      const to = new Uint32Array(pixels.data.buffer);
      for (let i = 0; i < to.length; i++) if (this.mask[i]) to[i] = color;
      pen.putImageData(pixels, 0, 0);
    }
    this.viewer.draw();
  }

  /** Draw the mask and the brush over the view. @param {HTMLCanvasElement} canvas */
  paint(canvas) {
    if (this.layer) paintView({ view: this.viewer.view, image: this.layer, canvas });
    if (!this.isOn || !this.pointer) return;
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const perRadian = canvas.width / 2 / Math.tan(this.viewer.view.fov / 2);
    pen.beginPath();
    pen.arc(this.pointer.x * canvas.width, this.pointer.y * canvas.height, perRadian * Math.tan(Math.min(1.2, this.radius)), 0, 7);
    for (const [width, color] of /** @type {const} */ ([[3, "rgba(0,0,0,0.6)"], [1.5, this.isErasing ? "#7fb2ff" : "#fff"]])) {
      pen.lineWidth = width;
      pen.strokeStyle = color;
      pen.stroke();
    }
  }

  dispose() {
    if (this.layer) forgetImage(this.layer);
  }
}
