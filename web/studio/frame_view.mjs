// The guidance render of the selected frame; drag to look around.

import { paintView } from "../viewer/pano_painter.mjs";
import { clampView, dragView, zoomView } from "../viewer/pano_view.mjs";
import { bindDrag, makePane, prepare } from "./canvas.mjs";

export class FrameView {
  /** @param {import("./studio.mjs").Studio} studio @param {AbortSignal} signal */
  constructor(studio, signal) {
    this.studio = studio;
    this.pane = makePane("m3d-studio-view", "", studio.texts.view);
    this.box = this.pane.box;
    this.view = clampView({ fov: 1.7 });
    bindDrag(this.box, signal, (_event, x, y) => this.begin(x, y));
  }

  draw() {
    const { studio, view, pane, box } = this;
    const { viewPicture: image } = studio.client;
    if (!image) return;
    prepare(pane.canvas, box);
    paintView({ view, image, canvas: pane.canvas });
    const frames = studio.found?.poses.length ?? 0;
    pane.caption.textContent = studio.texts.viewTitle({ frame: frames ? `${studio.frame} / ${frames - 1}` : "-" });
  }

  /** @param {number} notches down positive */
  wheel(notches) {
    this.view = zoomView(this.view, -notches);
  }

  /** @param {number} x @param {number} y @returns {import("./canvas.mjs").Move} */
  begin(x, y) {
    let [lastX, lastY] = [x, y];
    return (nowX, nowY) => {
      this.view = dragView(this.view, nowX - lastX, nowY - lastY, this.box.clientWidth);
      [lastX, lastY] = [nowX, nowY];
      this.studio.draw();
    };
  }
}
