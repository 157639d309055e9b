// One element in which a camera path is drawn. Knows nothing of the host: what it cannot compute it asks for.
//
// The registry lists the live ones: { keys, selected, frame, found, settled, element }.

import { forgetImage, paintView } from "../viewer/pano_painter.mjs";
import { dragLook, steady, zoomLook } from "../viewer/pano_view.mjs";
import { followLanguage, language } from "../i18n/translate.mjs";
import { registry } from "../registry.mjs";
import {
  changed, draggedInPanorama, fromMap, keyAt, keyBefore, MOST_KEYS, nearest, toMap, toPanorama, withKey, writeDrawing, zoomed,
} from "./drawing.mjs";
import { texts } from "./texts.mjs";

/** @typedef {import("./drawing.mjs").Key} Key */
/** @typedef {import("./drawing.mjs").MapView} MapView */
/**
 * What the host knows of a path.
 * @typedef {object} Found
 * @property {Key[]} poses
 * @property {number[]} holes share per frame
 * @property {(number | null)[]} clearance per frame
 * @property {number[]} colliding frames
 * @property {number} length
 * @property {string} unit
 * @property {number} holes_mean
 * @property {number} holes_most
 * @property {number | null} clearance_least
 */
/** @typedef {{ token: string, span: number, unit: string, presets: string[], given?: Key[] }} Scene */
/** @typedef {{ json(name: string, question: object): Promise<any>, picture(name: string, question: object): Promise<HTMLImageElement> }} Ask */
/** @typedef {{ frames: number, closed: boolean, ease: boolean, clearance: number }} Options */

const REACH_PX = 12; // of the hand
const HANDLE_PX = 26; // from a key to its handle
const CHECK_MS = 90;
const MAP_MS = 180;
const MOST_PIXELS = 2;
const COLOURS = { path: "#7fb2ff", bad: "#ff5c50", key: "#ffd166", line: "rgba(10,12,15,0.85)", holes: "#ffab57", near: "#7fb2ff" };
const FIELDS = /** @type {const} */ (["x", "y", "z", "yaw", "pitch"]);

export class Studio {
  /** @param {Ask} ask @param {() => Options} options of the path, as they are now */
  constructor(ask, options) {
    this.ask = ask;
    this.options = options;
    this.texts = texts();
    /** @type {Key[]} */
    this.keys = [];
    this.selected = -1;
    this.frame = 0;
    /** @type {Scene | null} */
    this.scene = null;
    /** @type {Found | null} */
    this.found = null;
    /** @type {MapView} */
    this.mapView = { x: 0, z: 0, span: 10, width: 1, height: 1 };
    /** @type {{ image: HTMLImageElement, view: MapView } | null} */
    this.mapPicture = null;
    /** @type {HTMLImageElement | null} */
    this.panoramaPicture = null;
    /** @type {HTMLImageElement | null} */
    this.viewPicture = null;
    this.look = steady({ fov: 1.7 });
    /** @type {((isDone: boolean) => void) | null} called when the drawing changed */
    this.onChange = null;
    /** @type {Promise<void>} of the latest check */
    this.settled = Promise.resolve();
    this.asked = { check: 0, map: 0, view: 0 };
    this.isChecking = false;
    this.timer = 0; // of the map
    this.request = 0;
    this.isDisposed = false;
    this.off = new AbortController();
    this.element = make("div", "m3d-viewer m3d-studio");
    this.element.lang = language();
    this.element.dataset.captureWheel = "true";
    this.map = this.pane("m3d-studio-map", this.texts.mapTitle, this.texts.map);
    this.panorama = this.pane("m3d-studio-pano", this.texts.panoramaTitle, this.texts.panorama);
    this.view = this.pane("m3d-studio-view", "", this.texts.view);
    this.strip = make("div", "m3d-studio-strip");
    this.chart = make("canvas");
    this.slider = make("input", "", { type: "range", min: "0", max: "0", "aria-label": this.texts.frame });
    this.strip.append(this.chart, this.slider);
    this.tools = make("div", "m3d-studio-tools");
    this.status = make("div", "m3d-studio-status", { role: "status", "aria-live": "polite" });
    this.message = make("div", "m3d-message", { role: "status" });
    this.text = make("p");
    this.message.append(this.text);
    this.element.append(this.map.box, this.panorama.box, this.view.box, this.strip, this.tools, this.status, this.message);
    this.controls = this.buildTools();
    this.takeInput(this.off.signal);
    this.say(this.texts.placeholder);
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(this.element);
    this.unfollow = followLanguage(this.element, () => {
      this.texts = texts();
      if (this.scene) this.tell();
      this.draw();
    });
    registry.studios.push(this);
  }

  /** @param {string} name @param {string} title @param {string} label */
  pane(name, title, label) {
    const box = make("div", `m3d-studio-pane ${name}`, { tabindex: "0", role: "application", "aria-label": label });
    const canvas = make("canvas");
    const caption = make("div", "m3d-hud");
    caption.textContent = title;
    box.append(canvas, caption);
    return { box, canvas, caption };
  }

  buildTools() {
    const { tools } = this;
    const signal = this.off.signal;
    const button = (/** @type {string} */ name, /** @type {string} */ text, /** @type {string} */ tip, /** @type {() => void} */ run) => {
      const made = make("button", "", { type: "button", title: tip, "aria-label": tip, "data-action": name });
      made.textContent = text;
      made.addEventListener("click", run, { signal });
      tools.append(made);
      return made;
    };
    button("add", this.texts.add, this.texts.addTip, () => this.addAfter());
    const remove = button("remove", this.texts.remove, this.texts.removeTip, () => this.remove());
    /** @type {Record<string, HTMLInputElement>} */
    const fields = {};
    for (const [i, name] of FIELDS.entries()) {
      const label = make("label");
      label.append(this.texts.fields[name]);
      const field = make("input", "", { type: "number", step: i < 3 ? "0.1" : "5", "data-field": name });
      field.addEventListener("input", () => (field.dataset.typing = ""), { signal });
      field.addEventListener("blur", () => delete field.dataset.typing, { signal });
      field.addEventListener(
        "change",
        () => {
          delete field.dataset.typing;
          const value = Number(field.value) * (name === "y" ? -1 : 1);
          if (this.selected >= 0) this.set(changed(this.keys, this.selected, { [i]: value }), true);
        },
        { signal },
      );
      label.append(field);
      tools.append(label);
      fields[name] = field;
    }
    const presets = make("select", "", { title: this.texts.presetTip, "aria-label": this.texts.presetTip });
    presets.addEventListener(
      "change",
      async () => {
        const preset = presets.value;
        presets.value = "";
        const { keys } = await this.tryAsk("preset", { preset });
        if (keys) this.start(keys);
      },
      { signal },
    );
    tools.append(presets);
    const given = button("given", this.texts.given, this.texts.givenTip, () => this.start(this.scene?.given ?? []));
    const clear = button("clear", this.texts.clear, this.texts.clearTip, () => this.start([]));
    return { remove, clear, given, presets, fields };
  }

  /** @param {string} text @param {boolean} [isError] */
  say(text, isError = false) {
    this.text.textContent = text;
    this.message.dataset.kind = isError ? "error" : "info";
    this.message.hidden = !text;
  }

  // The drawing ------------------------------------------------------------------------------------

  /** Show another scene; the drawing stays. @param {Scene} scene */
  async show(scene) {
    const isOther = scene.token !== this.scene?.token;
    this.scene = scene;
    this.controls.presets.replaceChildren(
      ...["", ...scene.presets].map((name) => {
        const option = make("option", "", { value: name });
        option.textContent = name ? name.replaceAll("_", " ") : this.texts.preset;
        return option;
      }),
    );
    this.controls.given.hidden = !scene.given?.length;
    if (isOther) {
      this.fitMap(scene);
      try {
        this.panoramaPicture = await this.ask.picture("panorama", { token: scene.token });
        this.say("");
      } catch (error) {
        return this.fail(error);
      }
      this.loadMap();
    }
    this.say("");
    this.resize();
    this.check();
  }

  /** @param {Scene} scene */
  fitMap(scene) {
    const furthest = Math.max(0, ...this.keys.map((key) => Math.hypot(key[0], key[2])));
    this.mapView = { ...this.mapView, x: 0, z: 0, span: Math.max(scene.span, 2.4 * furthest) };
  }

  /** Show the scene and the whole drawing on the map. */
  showAll() {
    if (!this.scene) return;
    this.fitMap(this.scene);
    this.loadMap();
    this.draw();
  }

  /** Take a whole drawing that comes from outside. @param {Key[]} keys */
  load(keys) {
    if (JSON.stringify(keys) === JSON.stringify(this.keys)) return;
    this.keys = keys;
    this.selected = Math.min(this.selected, keys.length - 1);
    this.check();
  }

  /** Take a whole new drawing. @param {Key[]} keys */
  start(keys) {
    this.selected = keys.length - 1;
    this.frame = 0;
    this.set(keys, true);
  }

  /** @param {Key[]} keys @param {boolean} isDone */
  set(keys, isDone) {
    this.keys = keys;
    this.selected = Math.min(this.selected, keys.length - 1);
    this.check();
    this.onChange?.(isDone);
  }

  /** @param {Partial<Record<0|1|2|3|4, number>>} change @param {boolean} isDone */
  change(change, isDone) {
    if (this.selected >= 0) this.set(changed(this.keys, this.selected, change), isDone);
  }

  /** @param {number} after index @param {Key} key */
  insert(after, key) {
    if (this.keys.length >= MOST_KEYS) return;
    const keys = withKey(this.keys, after + 1, key);
    this.selected = after + 1;
    this.set(keys, true);
  }

  /** Add a key a little further on than the chosen one. */
  addAfter() {
    const index = this.selected >= 0 ? this.selected : this.keys.length - 1;
    const [here, next] = [this.keys[index], this.keys[index + 1]];
    if (!here) return this.insert(-1, [0, 0, 0, 0, 0]);
    if (next) return this.insert(index, here.map((value, i) => (i === 3 ? value : (value + next[i]) / 2)));
    const step = this.mapView.span / 12;
    const yaw = (here[3] * Math.PI) / 180;
    this.insert(index, [here[0] + step * Math.sin(yaw), here[1], here[2] + step * Math.cos(yaw), here[3], here[4]]);
  }

  remove() {
    if (this.selected < 0) return;
    const keys = this.keys.filter((_, k) => k !== this.selected);
    this.selected = Math.min(this.selected, keys.length - 1);
    this.set(keys, true);
  }

  /** @param {number} index */
  select(index) {
    this.selected = Math.min(Math.max(index, -1), this.keys.length - 1);
    this.draw();
  }

  // What the host knows ----------------------------------------------------------------------------

  /** @param {string} name @param {object} question */
  async tryAsk(name, question) {
    try {
      return await this.ask.json(name, { token: this.scene?.token, ...question });
    } catch (error) {
      this.fail(error);
      return {};
    }
  }

  /** @param {unknown} error */
  fail(error) {
    this.status.textContent = error instanceof Error ? error.message : String(error);
    this.status.dataset.kind = "error";
    if (!this.panoramaPicture) this.say(this.status.textContent, true);
  }

  /** Ask for the path and what it meets, soon; the latest question counts. */
  check() {
    this.draw();
    if (!this.scene) return;
    this.asked.check++;
    if (this.isChecking) return;
    this.isChecking = true;
    this.settled = this.checkUntilDone();
  }

  /** One question at a time; whatever changed meanwhile is asked about afterwards. */
  async checkUntilDone() {
    let number = -1;
    while (number !== this.asked.check && !this.isDisposed) {
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
      number = this.asked.check;
      await this.checkNow(number);
    }
    this.isChecking = false;
  }

  /** @param {number} number of the question */
  async checkNow(number) {
    if (!this.keys.length) {
      this.found = null;
      this.tell();
      this.loadView();
      return this.draw();
    }
    const { frames, closed, ease, clearance } = this.options();
    const path = writeDrawing(this.keys); // to the digit as the graph gets it
    const found = await this.tryAsk("check", { path, frames: Math.min(1000, frames), closed, ease, clearance });
    if (number !== this.asked.check || this.isDisposed || !found.poses) return;
    this.found = found;
    this.slider.max = String(found.poses.length - 1);
    this.frame = Math.min(this.frame, found.poses.length - 1);
    this.slider.value = String(this.frame);
    this.tell();
    this.draw();
    this.loadView();
  }

  tell() {
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
    const near = found.clearance_least === null ? this.texts.nothingNear : `${found.clearance_least.toFixed(2)} ${this.texts.unit(found.unit)}`;
    const summary = this.texts.summary({
      frames: found.poses.length,
      length: found.length.toFixed(2),
      unit: this.texts.unit(found.unit),
      mean: percent(found.holes_mean),
      most: percent(found.holes_most),
      near,
    });
    const count = found.colliding.length;
    if (count) this.status.dataset.kind = "error";
    this.status.textContent = summary + (count ? this.texts.collide({ count }) : this.texts.clear_);
  }

  loadMap() {
    const number = ++this.asked.map;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(async () => {
      if (!this.scene) return;
      const view = { ...this.mapView };
      const square = view.span * (Math.max(view.width, view.height) / Math.max(1, Math.min(view.width, view.height)));
      try {
        const image = await this.ask.picture("map", { token: this.scene.token, x: view.x, z: view.z, span: square, size: 640 });
        if (number !== this.asked.map || this.isDisposed) return;
        this.mapPicture = { image, view: { ...view, span: square, width: 640, height: 640 } };
        this.draw();
      } catch (error) {
        this.fail(error);
      }
    }, MAP_MS);
  }

  async loadView() {
    const number = ++this.asked.view;
    const pose = this.found?.poses[this.frame] ?? [0, 0, 0, 0, 0];
    if (!this.scene) return;
    try {
      const image = await this.ask.picture("view", { token: this.scene.token, pose });
      if (number !== this.asked.view || this.isDisposed) return;
      if (this.viewPicture) forgetImage(this.viewPicture);
      this.viewPicture = image;
      this.draw();
    } catch (error) {
      this.fail(error);
    }
  }

  /** @param {number} frame */
  goTo(frame) {
    if (!this.found) return;
    this.frame = Math.min(Math.max(0, frame), this.found.poses.length - 1);
    this.slider.value = String(this.frame);
    this.draw();
    this.loadView();
  }

  // Pictures ---------------------------------------------------------------------------------------

  resize() {
    const { clientWidth: width, clientHeight: height } = this.map.box;
    if (width && height && (this.mapView.width !== width || this.mapView.height !== height)) {
      this.mapView = { ...this.mapView, width, height };
      if (this.scene) this.loadMap();
    }
    this.draw();
  }

  draw() {
    if (this.request || this.isDisposed) return;
    this.request = requestAnimationFrame(() => {
      this.request = 0;
      if (this.isDisposed || !this.element.clientWidth) return;
      this.drawMap();
      this.drawPanorama();
      this.drawView();
      this.drawChart();
      this.showFields();
    });
  }

  /** Size a canvas for the screen and scale its context to CSS pixels. @param {HTMLCanvasElement} canvas @param {HTMLElement} box */
  prepare(canvas, box) {
    const { clientWidth: width, clientHeight: height } = box;
    const zoom = box.getBoundingClientRect().width / (width || 1);
    const density = Math.min(MOST_PIXELS, Math.max(0.5, (window.devicePixelRatio || 1) * zoom));
    const [w, h] = [Math.max(1, Math.round(width * density)), Math.max(1, Math.round(height * density))];
    if (canvas.width !== w) canvas.width = w;
    if (canvas.height !== h) canvas.height = h;
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.setTransform(density, 0, 0, density, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.lineJoin = pen.lineCap = "round";
    pen.font = "11px system-ui, sans-serif";
    return { pen, width, height };
  }

  drawMap() {
    const { pen, width } = this.prepare(this.map.canvas, this.map.box);
    const view = this.mapView;
    if (this.mapPicture) {
      const { view: drawn, image } = this.mapPicture;
      const [left, top] = toMap(view, ...fromMap(drawn, 0, 0));
      const [right, bottom] = toMap(view, ...fromMap(drawn, 640, 640));
      pen.drawImage(image, left, top, right - left, bottom - top);
    }
    drawGrid(pen, view, this.texts.unit(this.scene?.unit ?? ""));
    const at = (/** @type {Key} */ pose) => toMap(view, pose[0], pose[2]);
    this.drawPath(pen, at, width);
    const [ox, oy] = toMap(view, 0, 0);
    pen.strokeStyle = "#e8eaed";
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(ox - 5, oy);
    pen.lineTo(ox + 5, oy);
    pen.moveTo(ox, oy - 5);
    pen.lineTo(ox, oy + 5);
    pen.stroke();
    const pose = this.found?.poses[this.frame];
    if (pose) drawEye(pen, at(pose), (pose[3] * Math.PI) / 180);
    this.keys.forEach((key, k) => {
      const [x, y] = at(key);
      const [hx, hy] = this.handleOf(key);
      pen.strokeStyle = k === this.selected ? COLOURS.key : "rgba(232,234,237,0.7)";
      pen.lineWidth = 2;
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(hx, hy);
      pen.stroke();
      pen.fillStyle = pen.strokeStyle;
      pen.beginPath();
      pen.arc(hx, hy, 3, 0, 7);
      pen.fill();
      drawKey(pen, x, y, k, k === this.selected);
    });
  }

  drawPanorama() {
    const { pen, width, height } = this.prepare(this.panorama.canvas, this.panorama.box);
    if (this.panoramaPicture) pen.drawImage(this.panoramaPicture, 0, 0, width, height);
    const at = (/** @type {Key} */ pose) => this.onPanorama(pose);
    this.drawPath(pen, at, width);
    this.keys.forEach((key, k) => {
      const point = at(key);
      if (point) drawKey(pen, ...point, k, k === this.selected);
    });
    const pose = this.found?.poses[this.frame];
    const point = pose && at(pose);
    if (point) drawEye(pen, point, null);
  }

  /** @param {Key} key @returns {[number, number] | null} pixels */
  onPanorama(key) {
    const place = toPanorama(key);
    const { clientWidth, clientHeight } = this.panorama.box;
    return place && [place[0] * clientWidth, place[1] * clientHeight];
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {(pose: Key) => [number, number] | null} at
   * @param {number} width beyond half of it a line jumps around the border and is left out
   */
  drawPath(pen, at, width) {
    const poses = this.found?.poses ?? this.keys;
    const bad = new Set(this.found?.colliding ?? []);
    const points = poses.map(at);
    for (const pass of [0, 1]) {
      for (let k = 1; k < points.length; k++) {
        const [a, b] = [points[k - 1], points[k]];
        if (!a || !b || Math.abs(a[0] - b[0]) > width / 2) continue;
        pen.strokeStyle = pass ? (bad.has(k) || bad.has(k - 1) ? COLOURS.bad : COLOURS.path) : COLOURS.line;
        pen.lineWidth = pass ? 2.5 : 5;
        pen.beginPath();
        pen.moveTo(...a);
        pen.lineTo(...b);
        pen.stroke();
      }
    }
  }

  drawView() {
    const { canvas, box, caption } = this.view;
    if (!this.viewPicture) return;
    this.prepare(canvas, box);
    paintView({ look: this.look, image: this.viewPicture, canvas });
    const frames = this.found?.poses.length ?? 0;
    caption.textContent = this.texts.viewTitle({ frame: frames ? `${this.frame} / ${frames - 1}` : "-" });
  }

  drawChart() {
    const { pen, width, height } = this.prepare(this.chart, this.strip);
    const { found } = this;
    if (!found?.poses.length) return;
    const count = found.poses.length;
    const left = (/** @type {number} */ k) => (k * width) / count;
    pen.fillStyle = "rgba(255,92,80,0.35)";
    for (const frame of found.colliding) pen.fillRect(left(frame), 0, Math.max(1, width / count), height);
    const most = Math.max(0.05, found.holes_most);
    pen.fillStyle = COLOURS.holes;
    found.holes.forEach((share, k) => {
      const tall = (height - 16) * (share / most);
      pen.fillRect(left(k), height - tall, Math.max(1, width / count - 0.5), tall);
    });
    const far = Math.max(...found.clearance.map((v) => v ?? 0), this.options().clearance, 1e-6);
    const y = (/** @type {number | null} */ value) => height - (height - 16) * Math.min(1, (value ?? far) / far);
    pen.strokeStyle = "rgba(255,92,80,0.8)";
    pen.setLineDash([4, 4]);
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(0, y(this.options().clearance));
    pen.lineTo(width, y(this.options().clearance));
    pen.stroke();
    pen.setLineDash([]);
    pen.strokeStyle = COLOURS.near;
    pen.lineWidth = 2;
    pen.beginPath();
    found.clearance.forEach((value, k) => pen.lineTo(left(k + 0.5), y(value)));
    pen.stroke();
    pen.fillStyle = "#e8eaed";
    pen.fillRect(left(this.frame + 0.5) - 1, 0, 2, height);
    const labels = [
      [`${this.texts.stripTitle} ${(100 * found.holes[this.frame]).toFixed(1)} %`, COLOURS.holes],
      [`${this.texts.clearanceTitle} ${found.clearance[this.frame]?.toFixed(2) ?? "∞"} ${this.texts.unit(found.unit)}`, COLOURS.near],
    ];
    let x = 8;
    for (const [text, colour] of labels) {
      pen.fillStyle = "rgba(14,16,19,0.75)";
      const wide = pen.measureText(text).width;
      pen.fillRect(x - 3, 1, wide + 6, 14);
      pen.fillStyle = colour;
      pen.fillText(text, x, 12);
      x += wide + 16;
    }
  }

  showFields() {
    const key = this.keys[this.selected];
    for (const [i, name] of FIELDS.entries()) {
      const field = this.controls.fields[name];
      field.disabled = !key;
      if ("typing" in field.dataset) continue;
      field.value = key ? String(Number((name === "y" ? -key[i] : key[i]).toFixed(i < 3 ? 2 : 0)) + 0) : "";
    }
    this.controls.remove.disabled = !key;
    this.controls.clear.disabled = !this.keys.length;
  }

  // The hand and the keyboard ----------------------------------------------------------------------

  /** @param {Key} key @returns {[number, number]} the end of a key's handle on the map */
  handleOf(key) {
    const [x, y] = toMap(this.mapView, key[0], key[2]);
    const yaw = (key[3] * Math.PI) / 180;
    return [x + HANDLE_PX * Math.sin(yaw), y - HANDLE_PX * Math.cos(yaw)];
  }

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
    this.bindDrag(this.map.box, signal, (event, x, y) => this.onMap(event, x, y));
    this.bindDrag(this.panorama.box, signal, (event, x, y) => this.onPano(event, x, y));
    this.bindDrag(this.view.box, signal, (event, x, y) => {
      let [lastX, lastY] = [x, y];
      return (nowX, nowY) => {
        this.look = dragLook(this.look, nowX - lastX, nowY - lastY, this.view.box.clientWidth);
        [lastX, lastY] = [nowX, nowY];
        this.draw();
      };
    });
    element.addEventListener(
      "wheel",
      (event) => {
        if (!element.contains(document.activeElement)) return; // not in use: let the page zoom or scroll
        event.preventDefault();
        event.stopPropagation();
        const notches = Math.min(3, Math.max(-3, (event.deltaMode === 1 ? event.deltaY * 30 : event.deltaY) / 100));
        const [x, y] = this.placeIn(this.map.box, event);
        if (event.target instanceof Node && this.map.box.contains(event.target)) {
          this.mapView = zoomed(this.mapView, 1.2 ** notches, x, y);
          this.loadMap();
        } else if (event.target instanceof Node && this.view.box.contains(event.target)) {
          this.look = zoomLook(this.look, -notches);
        }
        this.draw();
      },
      { signal, passive: false },
    );
    this.slider.addEventListener("input", () => this.goTo(Number(this.slider.value)), { signal });
  }

  /** @param {HTMLElement} box @param {MouseEvent} event @returns {[number, number]} CSS pixels of the box itself */
  placeIn(box, event) {
    const { left, top, width } = box.getBoundingClientRect();
    const zoom = width / (box.clientWidth || 1);
    return [(event.clientX - left) / zoom, (event.clientY - top) / zoom];
  }

  /**
   * @param {HTMLElement} box
   * @param {AbortSignal} signal
   * @param {(event: PointerEvent, x: number, y: number) => ((x: number, y: number, isDone: boolean) => void) | null} begin
   */
  bindDrag(box, signal, begin) {
    /** @type {((x: number, y: number, isDone: boolean) => void) | null} */
    let move = null;
    box.addEventListener(
      "pointerdown",
      (event) => {
        if (event.button === 1) return;
        box.focus({ preventScroll: true });
        box.setPointerCapture(event.pointerId);
        move = begin(event, ...this.placeIn(box, event));
      },
      { signal },
    );
    box.addEventListener("pointermove", (event) => move?.(...this.placeIn(box, event), false), { signal });
    const end = (/** @type {PointerEvent} */ event) => {
      if (!move) return;
      event.stopPropagation();
      const last = move;
      move = null;
      last(...this.placeIn(box, event), true);
    };
    for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) box.addEventListener(name, end, { signal });
  }

  /** @param {PointerEvent} event @param {number} x @param {number} y */
  onMap(event, x, y) {
    const start = this.mapView;
    if (event.button === 2 || event.shiftKey) {
      const [fromX, fromZ] = fromMap(start, x, y);
      return (/** @type {number} */ px, /** @type {number} */ py, /** @type {boolean} */ isDone) => {
        const [nowX, nowZ] = fromMap(start, px, py);
        this.mapView = { ...start, x: start.x + fromX - nowX, z: start.z + fromZ - nowZ };
        this.draw();
        if (isDone) this.loadMap();
      };
    }
    if (!this.scene) return null;
    const points = this.keys.map((key) => toMap(this.mapView, key[0], key[2]));
    const handle = this.selected >= 0 ? nearest([this.handleOf(this.keys[this.selected])], x, y, 8) : -1;
    if (handle === 0) {
      return (/** @type {number} */ px, /** @type {number} */ py, /** @type {boolean} */ isDone) => {
        const key = this.keys[this.selected];
        if (!key) return;
        const [kx, ky] = toMap(this.mapView, key[0], key[2]);
        this.change({ 3: (Math.atan2(px - kx, ky - py) * 180) / Math.PI }, isDone);
      };
    }
    const hit = nearest(points, x, y, REACH_PX);
    if (hit >= 0) this.select(hit);
    else {
      const [wx, wz] = fromMap(this.mapView, x, y);
      const poses = this.found?.poses ?? [];
      const onPath = nearest(poses.map((pose) => toMap(this.mapView, pose[0], pose[2])), x, y, 7);
      const after = onPath >= 0 && this.keys.length > 1 ? keyBefore(this.keys, poses, onPath) : this.keys.length - 1;
      const key = keyAt(this.keys, after, wx, wz);
      if (onPath >= 0) [key[1], key[3], key[4]] = [poses[onPath][1], poses[onPath][3], poses[onPath][4]];
      this.insert(after, key);
    }
    let isMoved = false;
    return (/** @type {number} */ px, /** @type {number} */ py, /** @type {boolean} */ isDone) => {
      if (!isMoved && Math.hypot(px - x, py - y) < 3) return;
      isMoved = true;
      const [wx, wz] = fromMap(this.mapView, px, py);
      this.change({ 0: wx, 2: wz }, isDone);
    };
  }

  /** @param {PointerEvent} _event @param {number} x @param {number} y */
  onPano(_event, x, y) {
    if (!this.scene) return null;
    const hit = nearest(this.keys.map((key) => this.onPanorama(key)), x, y, REACH_PX);
    const { clientWidth: width, clientHeight: height } = this.panorama.box;
    if (hit >= 0) this.select(hit);
    else {
      const last = this.keys.length - 1;
      const away = this.mapView.span / 8;
      const { 0: wx, 2: wz } = draggedInPanorama([0, 0, away, 0, 0], x / width, 0.5);
      this.insert(last, keyAt(this.keys, last, wx, wz));
    }
    let isMoved = false;
    return (/** @type {number} */ px, /** @type {number} */ py, /** @type {boolean} */ isDone) => {
      const key = this.keys[this.selected];
      if (!key || (!isMoved && Math.hypot(px - x, py - y) < 3)) return;
      isMoved = true;
      this.change(draggedInPanorama(key, px / width, py / height), isDone);
    };
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key !== "Tab") event.stopPropagation(); // the graph has keys of its own
    if (event.key === "Escape") return /** @type {HTMLElement} */ (document.activeElement)?.blur();
    const target = /** @type {HTMLElement} */ (event.target);
    if (["INPUT", "SELECT", "BUTTON"].includes(target.tagName)) return;
    const key = this.keys[this.selected];
    const step = (this.mapView.span / 100) * (event.shiftKey ? 10 : 1);
    const turn = event.shiftKey ? 45 : 5;
    const move = (/** @type {0|1|2|3|4} */ i, /** @type {number} */ by) => key && this.change({ [i]: key[i] + by }, true);
    /** @type {Record<string, () => unknown>} */
    const keys = {
      n: () => this.select((this.selected + 1) % Math.max(1, this.keys.length)),
      p: () => this.select((this.selected + this.keys.length - 1) % Math.max(1, this.keys.length)),
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
      Delete: () => this.remove(),
      Backspace: () => this.remove(),
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
    clearTimeout(this.timer);
    cancelAnimationFrame(this.request);
    this.resizing.disconnect();
    this.unfollow();
    if (this.viewPicture) forgetImage(this.viewPicture);
    this.element.remove();
    registry.studios.splice(registry.studios.indexOf(this), 1);
  }
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {string} [className] @param {Record<string, string>} [attributes]
 * @returns {HTMLElementTagNameMap[T]}
 */
function make(tag, className = "", attributes = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** @param {CanvasRenderingContext2D} pen @param {MapView} view @param {string} unit */
function drawGrid(pen, view, unit) {
  const least = view.span / 5;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= least * 0.999) ?? 10 * power;
  const scale = Math.min(view.width, view.height) / view.span;
  const [x0, z1] = fromMap(view, 0, 0);
  const [x1, z0] = fromMap(view, view.width, view.height);
  pen.strokeStyle = "rgba(255,255,255,0.13)";
  pen.lineWidth = 1;
  pen.beginPath();
  for (let x = Math.ceil(x0 / step) * step; x <= x1; x += step) {
    const [px] = toMap(view, x, 0);
    pen.moveTo(px, 0);
    pen.lineTo(px, view.height);
  }
  for (let z = Math.ceil(z0 / step) * step; z <= z1; z += step) {
    const [, py] = toMap(view, 0, z);
    pen.moveTo(0, py);
    pen.lineTo(view.width, py);
  }
  pen.stroke();
  const [left, low] = [10, view.height - 10];
  pen.strokeStyle = pen.fillStyle = "#e8eaed";
  pen.lineWidth = 2;
  pen.beginPath();
  pen.moveTo(left, low - 4);
  pen.lineTo(left, low);
  pen.lineTo(left + step * scale, low);
  pen.lineTo(left + step * scale, low - 4);
  pen.stroke();
  pen.fillText(`${Number(step.toPrecision(3))} ${unit}`, left + 4, low - 6);
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} k @param {boolean} isChosen */
function drawKey(pen, x, y, k, isChosen) {
  pen.beginPath();
  pen.arc(x, y, isChosen ? 9 : 8, 0, 7);
  pen.fillStyle = isChosen ? COLOURS.key : "#e8eaed";
  pen.fill();
  pen.strokeStyle = "#14171b";
  pen.lineWidth = 2;
  pen.stroke();
  pen.fillStyle = "#14171b";
  pen.textAlign = "center";
  pen.fillText(String(k + 1), x, y + 4);
  pen.textAlign = "start";
}

/** Where the chosen frame is. @param {CanvasRenderingContext2D} pen @param {[number, number]} at @param {number | null} yaw */
function drawEye(pen, [x, y], yaw) {
  pen.fillStyle = "rgba(255,255,255,0.28)";
  if (yaw !== null) {
    pen.beginPath();
    pen.moveTo(x, y);
    pen.arc(x, y, 30, yaw - Math.PI / 2 - 0.8, yaw - Math.PI / 2 + 0.8);
    pen.fill();
  }
  pen.beginPath();
  pen.arc(x, y, 4, 0, 7);
  pen.fillStyle = "#fff";
  pen.fill();
  pen.strokeStyle = "#14171b";
  pen.lineWidth = 1.5;
  pen.stroke();
}
