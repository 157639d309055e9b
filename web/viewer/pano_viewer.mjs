// The panorama viewer: one element that shows a panorama or the frames of a panoramic video. Independent of the host.
//
// The registry lists the live ones: { view, frame, ready, element }.

import { followLanguage, language, tr } from "../i18n/translate.mjs";
import { registry } from "../registry.mjs";
import { PanoBrush } from "./pano_brush.mjs";
import { forgetImage, paintView, painterState } from "./pano_painter.mjs";
import { clampView, dragView, zoomView } from "./pano_view.mjs";

/** @typedef {import("./pano_view.mjs").View} View */
/** @typedef {{ frame: number, address: string }} Frame */

const DEGREE = Math.PI / 180;
const MOST_PIXELS = 2; // per CSS pixel
const KEPT_IMAGES = 12; // decoded frames, 8 MB each
const PLAY_MS = 1000 / 12;

registry.painter = painterState;

export class PanoViewer {
  constructor() {
    this.element = document.createElement("div");
    this.element.className = "m3d-viewer m3d-pano";
    this.element.lang = language();
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "application");
    this.element.setAttribute("aria-label", tr("Panorama. Arrow keys look around, plus and minus zoom, Home resets, B paints a mask."));
    this.element.dataset.captureWheel = "true";
    this.canvas = document.createElement("canvas");
    this.hud = part("div", "m3d-hud");
    this.message = part("div", "m3d-message");
    this.message.setAttribute("role", "status");
    this.text = document.createElement("p");
    this.message.append(this.text);
    this.strip = part("div", "m3d-frames");
    this.play = document.createElement("button");
    this.play.type = "button";
    this.slider = document.createElement("input");
    this.slider.type = "range";
    this.slider.min = "0";
    this.slider.setAttribute("aria-label", tr("Frame"));
    this.number = document.createElement("span");
    this.strip.append(this.play, this.slider, this.number);
    this.strip.hidden = true;
    this.brush = new PanoBrush(this);
    this.element.append(this.canvas, this.hud, this.brush.bar, this.strip, this.message);
    this.unfollow = followLanguage(this.element);

    /** @type {View} */
    this.view = clampView({});
    /** @type {Frame[]} */
    this.frames = [];
    this.index = 0;
    /** @type {Map<string, HTMLImageElement>} most recently used last */
    this.images = new Map();
    /** @type {HTMLImageElement | null} */
    this.image = null;
    /** @type {((done: boolean) => void) | null} called when the user rotated, zoomed or selected another frame */
    this.onChange = null;
    /** @type {Promise<{ error?: string }>} of the frame shown last */
    this.ready = Promise.resolve({ error: "nothing is shown" });
    this.isVisible = true;
    this.isDisposed = false;
    this.request = 0;
    this.timer = 0;
    this.off = new AbortController();
    this.takeInput(this.off.signal);
    this.setPlaying(false);
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.element);
    this.seeing = new IntersectionObserver((entries) => {
      this.isVisible = entries[entries.length - 1].isIntersecting;
      if (!this.isVisible) this.setPlaying(false);
      this.draw();
    });
    this.seeing.observe(this.element);
    registry.panoramas.push(this);
  }

  /** Number of the frame shown, in the video. */
  get frame() {
    return this.frames[this.index]?.frame ?? 0;
  }

  /** @param {string} text @param {boolean} [isError] */
  showMessage(text, isError = false) {
    this.text.textContent = text;
    this.message.dataset.kind = isError ? "error" : "info";
    this.message.hidden = false;
  }

  /**
   * @param {Frame[]} frames at least one
   * @param {number} frame to begin with
   */
  show(frames, frame) {
    this.dropImages();
    this.frames = frames;
    this.slider.max = String(frames.length - 1);
    this.strip.hidden = frames.length < 2;
    this.showMessage(tr("Opening panorama"));
    return this.goTo(this.indexOf(frame));
  }

  /** @param {number} frame @returns {number} index of the last frame that is not later */
  indexOf(frame) {
    let index = 0;
    while (index + 1 < this.frames.length && this.frames[index + 1].frame <= frame) index++;
    return index;
  }

  /** @param {number} index */
  goTo(index) {
    this.index = Math.min(Math.max(index, 0), this.frames.length - 1);
    this.slider.value = String(this.index);
    this.number.textContent = `${this.frame}`;
    return (this.ready = this.load(this.index));
  }

  /** @param {number} index @returns {Promise<{ error?: string }>} */
  async load(index) {
    const { address } = this.frames[index];
    let image = this.images.get(address);
    if (!image) {
      image = new Image();
      image.src = address;
    }
    this.images.delete(address);
    this.images.set(address, image);
    try {
      await image.decode();
    } catch {
      this.images.delete(address);
      if (this.frames[this.index]?.address !== address) return { error: "another frame was shown" };
      this.setPlaying(false);
      const error = tr("The panorama no longer exists. ComfyUI clears its temp folder on startup; run the workflow again.");
      this.showMessage(error, true);
      return { error };
    }
    if (this.isDisposed || this.frames[this.index]?.address !== address) return { error: "another frame was shown" };
    for (const [old, picture] of this.images) {
      if (this.images.size <= KEPT_IMAGES) break;
      forgetImage(picture);
      this.images.delete(old);
    }
    this.image = image;
    this.message.hidden = true;
    this.paint();
    return {};
  }

  /** @param {Partial<View>} view */
  setView(view) {
    this.view = clampView({ ...this.view, ...view });
    this.draw();
  }

  draw() {
    if (this.request || this.isDisposed || !this.isVisible) return;
    this.request = requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.request = 0;
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!this.image || this.isDisposed || !width || !height) return;
    const zoom = this.element.getBoundingClientRect().width / width; // the graph editor scales its widgets
    const density = Math.min(MOST_PIXELS, Math.max(0.5, (window.devicePixelRatio || 1) * zoom));
    const size = [width, height].map((side) => Math.max(1, Math.round(side * density)));
    if (this.canvas.width !== size[0]) this.canvas.width = size[0];
    if (this.canvas.height !== size[1]) this.canvas.height = size[1];
    paintView({ view: this.view, image: this.image, canvas: this.canvas });
    this.brush.paint(this.canvas);
    const degrees = (/** @type {number} */ angle) => `${Math.round(angle / DEGREE)}°`;
    const [yaw, pitch, fov] = [this.view.yaw, this.view.pitch, this.view.fov].map(degrees);
    this.hud.textContent = tr("yaw {yaw}  pitch {pitch}  fov {fov}", { yaw, pitch, fov });
  }

  /** @param {View} view @param {boolean} isDone */
  turn(view, isDone) {
    this.view = view;
    this.draw();
    this.onChange?.(isDone);
  }

  /** @param {number} index */
  scrub(index) {
    this.goTo(index);
    this.onChange?.(true);
  }

  /** @param {boolean} isPlaying */
  setPlaying(isPlaying) {
    clearInterval(this.timer);
    this.timer = 0;
    if (isPlaying) {
      let isBusy = false;
      this.timer = window.setInterval(async () => {
        if (isBusy) return;
        isBusy = true;
        await this.goTo((this.index + 1) % this.frames.length);
        isBusy = false;
      }, PLAY_MS);
    }
    this.play.textContent = isPlaying ? "❚❚" : "▶";
    this.play.title = isPlaying ? tr("Pause (Space)") : tr("Play (Space)");
    this.play.setAttribute("aria-label", this.play.title);
  }

  togglePlay() {
    const wasPlaying = this.timer !== 0;
    this.setPlaying(!wasPlaying && this.frames.length > 1);
    if (wasPlaying) this.onChange?.(true);
  }

  /** @param {AbortSignal} signal */
  takeInput(signal) {
    const { element } = this;
    /** @type {{ x: number, y: number } | null} */
    let last = null;
    const isOnStrip = (/** @type {Event} */ event) => event.target instanceof Node && this.strip.contains(event.target);
    const on = (/** @type {string} */ name, /** @type {(event: any) => void} */ call, passive = true) =>
      element.addEventListener(name, call, { signal, passive });
    on("pointerdown", (event) => {
      if (event.button === 1) return; // the middle button moves the graph
      event.stopPropagation();
      if (isOnStrip(event) || this.brush.owns(event.target)) return;
      element.focus({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      element.dataset.dragging = "";
      last = { x: event.clientX, y: event.clientY };
      if (this.image && event.button !== 2 && !event.shiftKey) this.brush.begin(event);
    });
    on("contextmenu", (event) => this.brush.isOn && event.preventDefault(), false);
    on("pointerleave", () => this.brush.hover(null));
    on("pointermove", (event) => {
      this.brush.hover(event);
      if (!last) return;
      event.stopPropagation();
      if (this.brush.isPainting) return this.brush.move(event);
      const { width } = element.getBoundingClientRect();
      this.turn(dragView(this.view, event.clientX - last.x, event.clientY - last.y, width), false);
      last = { x: event.clientX, y: event.clientY };
    });
    const release = (/** @type {PointerEvent} */ event) => {
      if (!last) return;
      event.stopPropagation();
      last = null;
      delete element.dataset.dragging;
      if (this.brush.isPainting) return this.brush.end();
      this.onChange?.(true);
    };
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) on(name, release);
    for (const name of ["mousedown", "dblclick", "click"]) on(name, (event) => event.stopPropagation());
    on(
      "wheel",
      (event) => {
        if (!element.contains(document.activeElement)) return; // no focus: let the page zoom or scroll
        event.preventDefault();
        event.stopPropagation();
        const pixels = event.deltaMode === 1 ? event.deltaY * 30 : event.deltaY;
        this.turn(zoomView(this.view, Math.min(3, Math.max(-3, -pixels / 100))), true);
      },
      false,
    );
    on("keydown", (event) => this.onKey(event), false);
    this.play.addEventListener("click", () => this.togglePlay(), { signal });
    this.slider.addEventListener(
      "input",
      () => {
        this.setPlaying(false);
        this.scrub(Number(this.slider.value));
      },
      { signal },
    );
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key !== "Tab") event.stopPropagation(); // the graph editor has shortcuts of its own
    if (event.key === "Escape") return /** @type {HTMLElement} */ (document.activeElement)?.blur();
    if (event.target === this.slider || event.target === this.play || this.brush.owns(event.target)) return;
    if (this.image && this.brush.onKey(event.key)) return event.preventDefault();
    const step = this.view.fov / 18;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => this.turn(clampView({ ...this.view, yaw: this.view.yaw - step }), true),
      ArrowRight: () => this.turn(clampView({ ...this.view, yaw: this.view.yaw + step }), true),
      ArrowUp: () => this.turn(clampView({ ...this.view, pitch: this.view.pitch + step }), true),
      ArrowDown: () => this.turn(clampView({ ...this.view, pitch: this.view.pitch - step }), true),
      "+": () => this.turn(zoomView(this.view, 1), true),
      "=": () => this.turn(zoomView(this.view, 1), true),
      "-": () => this.turn(zoomView(this.view, -1), true),
      Home: () => this.turn(clampView({}), true),
      " ": () => this.togglePlay(),
      ",": () => this.scrub(this.index - 1),
      ".": () => this.scrub(this.index + 1),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    if (this.image) keys[event.key]();
  }

  dropImages() {
    for (const image of this.images.values()) forgetImage(image);
    this.images.clear();
    this.image = null;
  }

  dispose() {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.off.abort();
    clearInterval(this.timer);
    cancelAnimationFrame(this.request);
    this.resizing.disconnect();
    this.seeing.disconnect();
    this.dropImages();
    this.unfollow();
    this.brush.dispose();
    this.element.remove();
    registry.panoramas.splice(registry.panoramas.indexOf(this), 1);
  }
}

/** @param {string} tag @param {string} className */
function part(tag, className) {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}
