// The trajectory studio: one element in which a camera path is drawn. Independent of the host: it requests what it cannot
// compute.
//
// The registry lists the live ones: { keys, selected, frame, found, settled, element }, and their parts: path, client,
// map, panorama, view, strip, tools, each in its own file.

import { followLanguage, language } from "../i18n/translate.mjs";
import { registry } from "../registry.mjs";
import { make } from "./canvas.mjs";
import { FrameView } from "./frame_view.mjs";
import { MapView } from "./map_view.mjs";
import { PanoView } from "./pano_view.mjs";
import { PathModel } from "./path_model.mjs";
import { Strip } from "./strip.mjs";
import { StudioClient } from "./studio_client.mjs";
import { texts } from "./texts.mjs";
import { Tools } from "./tools.mjs";

/** @typedef {import("./drawing.mjs").Key} Key */
/** @typedef {import("./studio_client.mjs").Scene} Scene */

export class Studio {
  /** @param {import("./studio_client.mjs").Ask} ask @param {() => import("./studio_client.mjs").Options} options current options of the path */
  constructor(ask, options) {
    this.options = options;
    this.texts = texts();
    this.frame = 0;
    /** @type {((isDone: boolean) => void) | null} called when the drawing changed */
    this.onChange = null;
    this.request = 0;
    this.isDisposed = false;
    this.off = new AbortController();
    const { signal } = this.off;
    this.path = new PathModel((isDone) => {
      this.check();
      this.onChange?.(isDone);
    });
    this.client = new StudioClient(ask, {
      onFound: () => this.showFound(),
      onPicture: () => this.draw(),
      onError: (error) => this.fail(error),
    });
    this.element = make("div", "m3d-viewer m3d-studio");
    this.element.lang = language();
    this.element.dataset.captureWheel = "true";
    this.map = new MapView(this, signal);
    this.panorama = new PanoView(this, signal);
    this.view = new FrameView(this, signal);
    this.strip = new Strip(this, signal);
    this.tools = new Tools(this, signal);
    this.status = make("div", "m3d-studio-status", { role: "status", "aria-live": "polite" });
    this.message = make("div", "m3d-message", { role: "status" });
    this.text = make("p");
    this.message.append(this.text);
    const parts = [this.map, this.panorama, this.view, this.strip, this.tools].map(({ box }) => box);
    this.element.append(...parts, this.status, this.message);
    this.takeInput(signal);
    this.showMessage(this.texts.placeholder);
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(this.element);
    this.unfollow = followLanguage(this.element, () => {
      this.texts = texts();
      if (this.scene) this.showStatus();
      this.draw();
    });
    registry.studios.push(this);
  }

  get keys() {
    return this.path.keys;
  }

  get selected() {
    return this.path.selected;
  }

  get scene() {
    return this.client.scene;
  }

  get found() {
    return this.client.found;
  }

  get settled() {
    return this.client.settled;
  }

  /** Poses of the path; until the host has computed it, its keyframes. @returns {Key[]} */
  get poses() {
    return this.found?.poses ?? this.keys;
  }

  /** Pose of the selected frame. @returns {Key | undefined} */
  get pose() {
    return this.found?.poses[this.frame];
  }

  /** @param {string} text @param {boolean} [isError] */
  showMessage(text, isError = false) {
    this.text.textContent = text;
    this.message.dataset.kind = isError ? "error" : "info";
    this.message.hidden = !text;
  }

  /** @param {unknown} error */
  fail(error) {
    this.status.textContent = error instanceof Error ? error.message : String(error);
    this.status.dataset.kind = "error";
    if (!this.client.panoramaPicture) this.showMessage(this.status.textContent, true);
  }

  // The drawing ------------------------------------------------------------------------------------

  /** Show another scene; the drawing stays. @param {Scene} scene */
  async show(scene) {
    const isOther = scene.token !== this.scene?.token;
    this.client.scene = scene;
    this.tools.offer(scene);
    if (isOther) {
      this.map.fit(scene.span);
      try {
        await this.client.loadPanorama();
      } catch (error) {
        return this.fail(error);
      }
      this.map.load();
    }
    this.showMessage("");
    this.resize();
    this.check();
  }

  /** Show the scene and the whole drawing on the map. */
  showAll() {
    if (!this.scene) return;
    this.map.fit(this.scene.span);
    this.map.load();
    this.draw();
  }

  /** Load a drawing from the workflow. @param {Key[]} keys */
  load(keys) {
    if (this.path.load(keys)) this.check();
  }

  /** Replace the drawing. @param {Key[]} keys */
  start(keys) {
    this.path.selected = keys.length - 1;
    this.frame = 0;
    this.path.set(keys, true);
  }

  /** @param {number} index */
  select(index) {
    this.path.select(index);
    this.draw();
  }

  /** Add a keyframe after the selected one. */
  addAfter() {
    this.path.addAfter(this.map.window.span / 12);
  }

  // Results of the host ----------------------------------------------------------------------------

  /** Request the path and its collisions, soon. */
  check() {
    this.draw();
    this.client.check(() => ({ keys: this.keys, options: this.options() }));
  }

  showFound() {
    const { found } = this;
    if (found) {
      this.frame = Math.min(this.frame, found.poses.length - 1);
      this.strip.move(this.frame, found.poses.length);
    }
    this.showStatus();
    this.draw();
    this.client.loadView(this.frame);
  }

  showStatus() {
    const { found } = this;
    delete this.status.dataset.kind;
    if (!this.keys.length || !found) {
      this.status.textContent = this.texts.empty;
      return;
    }
    if (this.keys.length === 1) {
      this.status.textContent = this.texts.onePose;
      return;
    }
    const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
    const unit = this.texts.unit(found.unit);
    const near = found.clearance_least === null ? this.texts.nothingNear : `${found.clearance_least.toFixed(2)} ${unit}`;
    const summary = this.texts.summary({
      frames: found.poses.length,
      length: found.length.toFixed(2),
      unit,
      mean: percent(found.holes_mean),
      most: percent(found.holes_most),
      near,
    });
    const count = found.colliding.length;
    if (count) this.status.dataset.kind = "error";
    this.status.textContent = summary + (count ? this.texts.collide({ count }) : this.texts.clear_);
  }

  /** @param {number} frame */
  goTo(frame) {
    if (!this.found) return;
    const count = this.found.poses.length;
    this.frame = Math.min(Math.max(0, frame), count - 1);
    this.strip.move(this.frame, count);
    this.draw();
    this.client.loadView(this.frame);
  }

  // Drawing ----------------------------------------------------------------------------------------

  resize() {
    this.map.resize();
    this.draw();
  }

  draw() {
    if (this.request || this.isDisposed) return;
    this.request = requestAnimationFrame(() => {
      this.request = 0;
      if (this.isDisposed || !this.element.clientWidth) return;
      for (const part of [this.map, this.panorama, this.view, this.strip, this.tools]) part.draw();
    });
  }

  // Input ------------------------------------------------------------------------------------------

  /** @param {AbortSignal} signal */
  takeInput(signal) {
    const { element } = this;
    for (const name of ["mousedown", "dblclick", "click", "contextmenu"]) {
      element.addEventListener(
        name,
        (event) => {
          if (name === "contextmenu") event.preventDefault();
          event.stopPropagation();
        },
        { signal },
      );
    }
    element.addEventListener("pointerdown", (event) => event.button !== 1 && event.stopPropagation(), { signal });
    element.addEventListener("keydown", (event) => this.onKey(event), { signal });
    element.addEventListener(
      "wheel",
      (event) => {
        if (!element.contains(document.activeElement)) return; // no focus: let the page zoom or scroll
        event.preventDefault();
        event.stopPropagation();
        const notches = Math.min(3, Math.max(-3, (event.deltaMode === 1 ? event.deltaY * 30 : event.deltaY) / 100));
        const under = [this.map, this.panorama, this.view].find(({ box }) => event.target instanceof Node && box.contains(event.target));
        under?.wheel(notches, event);
        this.draw();
      },
      { signal, passive: false },
    );
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key !== "Tab") event.stopPropagation(); // the graph editor has shortcuts of its own
    if (event.key === "Escape") return /** @type {HTMLElement} */ (document.activeElement)?.blur();
    const target = /** @type {HTMLElement} */ (event.target);
    if (["INPUT", "SELECT", "BUTTON"].includes(target.tagName)) return;
    const { path } = this;
    const step = (this.map.window.span / 100) * (event.shiftKey ? 10 : 1);
    const turn = event.shiftKey ? 45 : 5;
    const move = (/** @type {0|1|2|3|4} */ i, /** @type {number} */ by) => path.key && path.change({ [i]: path.key[i] + by }, true);
    const choose = (/** @type {1 | -1} */ by) => {
      path.selectNext(by);
      this.draw();
    };
    /** @type {Record<string, () => unknown>} */
    const keys = {
      n: () => choose(1),
      p: () => choose(-1),
      ArrowLeft: () => move(0, -step),
      ArrowRight: () => move(0, step),
      ArrowUp: () => move(2, step),
      ArrowDown: () => move(2, -step),
      PageUp: () => move(1, -step),
      PageDown: () => move(1, step),
      "[": () => move(3, -turn),
      "]": () => move(3, turn),
      "{": () => move(3, -turn),
      "}": () => move(3, turn),
      Insert: () => this.addAfter(),
      Delete: () => path.remove(),
      Backspace: () => path.remove(),
      Home: () => this.showAll(),
      ",": () => this.goTo(this.frame - 1),
      ".": () => this.goTo(this.frame + 1),
    };
    const run = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!run) return;
    event.preventDefault();
    if (this.scene) run();
  }

  dispose() {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.off.abort();
    this.client.dispose();
    cancelAnimationFrame(this.request);
    this.resizing.disconnect();
    this.unfollow();
    this.element.remove();
    registry.studios.splice(registry.studios.indexOf(this), 1);
  }
}
