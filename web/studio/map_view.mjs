// The path from above: click adds a keyframe, drag moves it, its handle rotates it.

import { COLORS, REACH_PX, bindDrag, drawEye, drawKey, drawPath, makePane, onceMoved, placeIn, prepare } from "./canvas.mjs";
import { fromMap, keyAt, keyBefore, nearest, toMap, zoomed } from "./drawing.mjs";
import { MAP_PX } from "./studio_client.mjs";

/** @typedef {import("./drawing.mjs").Key} Key */
/** @typedef {import("./drawing.mjs").MapWindow} MapWindow */
/** @typedef {import("./canvas.mjs").Move} Move */

const HANDLE_PX = 26; // from a keyframe to its handle
const HANDLE_REACH_PX = 8;
const PATH_REACH_PX = 7;

export class MapView {
  /** @param {import("./studio.mjs").Studio} studio @param {AbortSignal} signal */
  constructor(studio, signal) {
    this.studio = studio;
    this.pane = makePane("m3d-studio-map", studio.texts.mapTitle, studio.texts.map);
    this.box = this.pane.box;
    /** @type {MapWindow} */
    this.window = { x: 0, z: 0, span: 10, width: 1, height: 1 };
    bindDrag(this.box, signal, (event, x, y) => this.begin(event, x, y));
  }

  /** Fit the window to a scene of that width and to the whole path. @param {number} span world units */
  fit(span) {
    const furthest = Math.max(0, ...this.studio.keys.map((key) => Math.hypot(key[0], key[2])));
    this.window = { ...this.window, x: 0, z: 0, span: Math.max(span, 2.4 * furthest) };
  }

  load() {
    this.studio.client.loadMap(() => this.window);
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.box;
    if (!width || !height || (this.window.width === width && this.window.height === height)) return;
    this.window = { ...this.window, width, height };
    if (this.studio.scene) this.load();
  }

  /** @param {Key} pose @returns {[number, number]} pixels */
  place(pose) {
    return toMap(this.window, pose[0], pose[2]);
  }

  /** @param {Key} key @returns {[number, number]} the end of a keyframe's handle */
  handleOf(key) {
    const [x, y] = this.place(key);
    const yaw = (key[3] * Math.PI) / 180;
    return [x + HANDLE_PX * Math.sin(yaw), y - HANDLE_PX * Math.cos(yaw)];
  }

  draw() {
    const { studio, window: view } = this;
    const { pen, width } = prepare(this.pane.canvas, this.box);
    const { mapPicture } = studio.client;
    if (mapPicture) {
      const [left, top] = toMap(view, ...fromMap(mapPicture.view, 0, 0));
      const [right, bottom] = toMap(view, ...fromMap(mapPicture.view, MAP_PX, MAP_PX));
      pen.drawImage(mapPicture.image, left, top, right - left, bottom - top);
    }
    drawGrid(pen, view, studio.texts.unit(studio.scene?.unit ?? ""));
    drawPath(pen, studio.poses.map((pose) => this.place(pose)), studio.found?.colliding ?? [], width);
    const [ox, oy] = toMap(view, 0, 0);
    pen.strokeStyle = "#e8eaed";
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(ox - 5, oy);
    pen.lineTo(ox + 5, oy);
    pen.moveTo(ox, oy - 5);
    pen.lineTo(ox, oy + 5);
    pen.stroke();
    const { pose } = studio;
    if (pose) drawEye(pen, this.place(pose), (pose[3] * Math.PI) / 180);
    studio.keys.forEach((key, k) => {
      const [x, y] = this.place(key);
      const [hx, hy] = this.handleOf(key);
      pen.strokeStyle = k === studio.selected ? COLORS.key : "rgba(232,234,237,0.7)";
      pen.lineWidth = 2;
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(hx, hy);
      pen.stroke();
      pen.fillStyle = pen.strokeStyle;
      pen.beginPath();
      pen.arc(hx, hy, 3, 0, 7);
      pen.fill();
      drawKey(pen, x, y, k, k === studio.selected);
    });
  }

  /** @param {number} notches down positive @param {MouseEvent} event */
  wheel(notches, event) {
    this.window = zoomed(this.window, 1.2 ** notches, ...placeIn(this.box, event));
    this.load();
  }

  /** @param {PointerEvent} event @param {number} x @param {number} y @returns {Move | null} */
  begin(event, x, y) {
    const { path, scene } = this.studio;
    if (event.button === 2 || event.shiftKey) return this.pan(x, y);
    if (!scene) return null;
    if (path.key && nearest([this.handleOf(path.key)], x, y, HANDLE_REACH_PX) === 0) {
      return (px, py, isDone) => {
        if (!path.key) return;
        const [kx, ky] = this.place(path.key);
        path.change({ 3: (Math.atan2(px - kx, ky - py) * 180) / Math.PI }, isDone);
      };
    }
    const hit = nearest(path.keys.map((key) => this.place(key)), x, y, REACH_PX);
    if (hit >= 0) this.studio.select(hit);
    else this.add(x, y);
    return onceMoved(x, y, (px, py, isDone) => {
      const [wx, wz] = fromMap(this.window, px, py);
      path.change({ 0: wx, 2: wz }, isDone);
    });
  }

  /** @param {number} x @param {number} y @returns {Move} */
  pan(x, y) {
    const start = this.window;
    const [fromX, fromZ] = fromMap(start, x, y);
    return (px, py, isDone) => {
      const [nowX, nowZ] = fromMap(start, px, py);
      this.window = { ...start, x: start.x + fromX - nowX, z: start.z + fromZ - nowZ };
      this.studio.draw();
      if (isDone) this.load();
    };
  }

  /** Add a keyframe: on the path between its neighbors, elsewhere at the end. @param {number} x @param {number} y */
  add(x, y) {
    const { path, found } = this.studio;
    const [wx, wz] = fromMap(this.window, x, y);
    const poses = found?.poses ?? [];
    const onPath = nearest(poses.map((pose) => this.place(pose)), x, y, PATH_REACH_PX);
    const after = onPath >= 0 && path.keys.length > 1 ? keyBefore(path.keys, poses, onPath) : path.keys.length - 1;
    const key = keyAt(path.keys, after, wx, wz);
    if (onPath >= 0) [key[1], key[3], key[4]] = [poses[onPath][1], poses[onPath][3], poses[onPath][4]];
    path.insert(after, key);
  }
}

/** @param {CanvasRenderingContext2D} pen @param {MapWindow} view @param {string} unit */
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
