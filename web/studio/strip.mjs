// The timeline of the path: holes, clearance and collisions per frame, and the selected frame.

import { COLORS, make, prepare } from "./canvas.mjs";

export class Strip {
  /** @param {import("./studio.mjs").Studio} studio @param {AbortSignal} signal */
  constructor(studio, signal) {
    this.studio = studio;
    this.box = make("div", "m3d-studio-strip");
    this.canvas = make("canvas");
    this.slider = make("input", "", { type: "range", min: "0", max: "0", "aria-label": studio.texts.frame });
    this.slider.addEventListener("input", () => studio.goTo(Number(this.slider.value)), { signal });
    this.box.append(this.canvas, this.slider);
  }

  /** Set the slider. @param {number} frame @param {number} count of frames */
  move(frame, count) {
    this.slider.max = String(count - 1);
    this.slider.value = String(frame);
  }

  draw() {
    const { found, frame, texts, options } = this.studio;
    const { pen, width, height } = prepare(this.canvas, this.box);
    if (!found?.poses.length) return;
    const count = found.poses.length;
    const left = (/** @type {number} */ k) => (k * width) / count;
    pen.fillStyle = "rgba(255,92,80,0.35)";
    for (const hit of found.colliding) pen.fillRect(left(hit), 0, Math.max(1, width / count), height);
    const most = Math.max(0.05, found.holes_most);
    pen.fillStyle = COLORS.holes;
    found.holes.forEach((share, k) => {
      const tall = (height - 16) * (share / most);
      pen.fillRect(left(k), height - tall, Math.max(1, width / count - 0.5), tall);
    });
    const { clearance } = options();
    const far = Math.max(...found.clearance.map((v) => v ?? 0), clearance, 1e-6);
    const y = (/** @type {number | null} */ value) => height - (height - 16) * Math.min(1, (value ?? far) / far);
    pen.strokeStyle = "rgba(255,92,80,0.8)";
    pen.setLineDash([4, 4]);
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(0, y(clearance));
    pen.lineTo(width, y(clearance));
    pen.stroke();
    pen.setLineDash([]);
    pen.strokeStyle = COLORS.near;
    pen.lineWidth = 2;
    pen.beginPath();
    found.clearance.forEach((value, k) => pen.lineTo(left(k + 0.5), y(value)));
    pen.stroke();
    pen.fillStyle = "#e8eaed";
    pen.fillRect(left(frame + 0.5) - 1, 0, 2, height);
    const labels = [
      [`${texts.stripTitle} ${(100 * found.holes[frame]).toFixed(1)} %`, COLORS.holes],
      [`${texts.clearanceTitle} ${found.clearance[frame]?.toFixed(2) ?? "∞"} ${texts.unit(found.unit)}`, COLORS.near],
    ];
    let x = 8;
    for (const [text, color] of labels) {
      pen.fillStyle = "rgba(14,16,19,0.75)";
      const wide = pen.measureText(text).width;
      pen.fillRect(x - 3, 1, wide + 6, 14);
      pen.fillStyle = color;
      pen.fillText(text, x, 12);
      x += wide + 16;
    }
  }
}
