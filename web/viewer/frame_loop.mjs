// Draws a viewer's frames: one after each change, and continuously while something moves.

import { hasRoom } from "./scene_pool.mjs";

const MOST_PIXELS = 2; // per CSS pixel; more costs and is not visible

export class FrameLoop {
  /** @param {import("./viewer.mjs").WalkViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.frames = 0; // drawn
    this.lastDrawn = 0; // milliseconds
    this.requested = 0;
    this.size = ""; // of the last frame
  }

  /** Draw again when the view is resized or becomes visible. @returns {() => void} stops watching */
  watch() {
    const { viewer } = this;
    const resizing = new ResizeObserver(() => this.request());
    const seeing = new IntersectionObserver((entries) => {
      viewer.isVisible = entries[entries.length - 1].isIntersecting;
      if (viewer.isVisible && viewer.isSuspended && hasRoom()) viewer.resume();
      this.request();
    });
    for (const observer of [resizing, seeing]) observer.observe(viewer.element);
    return () => [resizing, seeing].forEach((observer) => observer.disconnect());
  }

  /** Request a frame, if the view is visible. */
  request() {
    const { viewer } = this;
    const isUnseen = !viewer.scene || !viewer.isVisible || document.hidden || viewer.headset.isOn;
    if (this.requested || viewer.isDisposed || isUnseen) return;
    this.requested = requestAnimationFrame((now) => this.draw(now));
  }

  stop() {
    cancelAnimationFrame(this.requested);
    this.requested = 0;
  }

  /** Request a frame of newly computed size. */
  restart() {
    this.size = "";
    this.request();
  }

  /** @param {number} now milliseconds, of the animation clock */
  draw(now) {
    this.requested = 0;
    const { scene, motion, quality, appearance, recorder, hud, headset, isDisposed } = this.viewer;
    if (!scene || isDisposed || headset.isOn) return;
    const clock = performance.now();
    const plays = this.viewer.playback.tick(clock);
    const isBusy = motion.tick(clock) || plays;
    quality.frame(now, isBusy, isBusy || motion.isDragged(clock), scene.world.isLarge);
    this.fit(quality.level.fineness);
    scene.world.setBudget(quality.level.splats);
    recorder.sample(clock);
    const pose = motion.pose();
    appearance.showPanorama();
    scene.render(pose);
    this.frames++;
    this.lastDrawn = clock;
    appearance.showCoverage(pose.position);
    if (!scene.isSorting && scene.world.drawn > 0) this.viewer.onFirstFrame();
    hud.update(clock, isBusy);
    if (isBusy) this.request();
  }

  /** @param {number} fineness fraction of the full pixel density */
  fit(fineness) {
    const { scene, element } = this.viewer;
    const { clientWidth: width, clientHeight: height } = element;
    if (!scene || !width || !height) return;
    const zoom = element.getBoundingClientRect().width / width; // the graph editor scales its widgets
    const density = Math.min(MOST_PIXELS, Math.max(0.5, (window.devicePixelRatio || 1) * zoom)) * fineness;
    const size = `${width} ${height} ${density.toFixed(1)}`;
    if (size === this.size) return;
    this.size = size;
    scene.resize(width, height, density);
    element.classList.toggle("m3d-narrow", width < 430);
    element.classList.toggle("m3d-low", height < 330);
  }
}
