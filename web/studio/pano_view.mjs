// The path in the panorama: click adds a keyframe, drag moves it.

import { REACH_PX, bindDrag, drawEye, drawKey, drawPath, makePane, onceMoved, prepare } from "./canvas.mjs";
import { draggedInPanorama, keyAt, nearest, toPanorama } from "./drawing.mjs";

/** @typedef {import("./drawing.mjs").Key} Key */

export class PanoView {
  /** @param {import("./studio.mjs").Studio} studio @param {AbortSignal} signal */
  constructor(studio, signal) {
    this.studio = studio;
    this.pane = makePane("m3d-studio-pano", studio.texts.panoramaTitle, studio.texts.panorama);
    this.box = this.pane.box;
    bindDrag(this.box, signal, (_event, x, y) => this.begin(x, y));
  }

  /** @param {Key} pose @returns {[number, number] | null} pixels */
  place(pose) {
    const at = toPanorama(pose);
    return at && [at[0] * this.box.clientWidth, at[1] * this.box.clientHeight];
  }

  draw() {
    const { studio } = this;
    const { pen, width, height } = prepare(this.pane.canvas, this.box);
    const { panoramaPicture } = studio.client;
    if (panoramaPicture) pen.drawImage(panoramaPicture, 0, 0, width, height);
    drawPath(pen, studio.poses.map((pose) => this.place(pose)), studio.found?.colliding ?? [], width);
    studio.keys.forEach((key, k) => {
      const point = this.place(key);
      if (point) drawKey(pen, ...point, k, k === studio.selected);
    });
    const point = studio.pose && this.place(studio.pose);
    if (point) drawEye(pen, point, null);
  }

  wheel() {} // always shows the whole panorama

  /** @param {number} x @param {number} y @returns {import("./canvas.mjs").Move | null} */
  begin(x, y) {
    const { path, scene } = this.studio;
    if (!scene) return null;
    const { clientWidth: width, clientHeight: height } = this.box;
    const hit = nearest(path.keys.map((key) => this.place(key)), x, y, REACH_PX);
    if (hit >= 0) this.studio.select(hit);
    else {
      const last = path.keys.length - 1;
      const { 0: wx, 2: wz } = draggedInPanorama([0, 0, this.studio.map.window.span / 8, 0, 0], x / width, 0.5);
      path.insert(last, keyAt(path.keys, last, wx, wz));
    }
    return onceMoved(x, y, (px, py, isDone) => {
      if (path.key) path.change(draggedInPanorama(path.key, px / width, py / height), isDone);
    });
  }
}
