// The actions of a viewer, triggered by keys, buttons or a gamepad.

import { tr } from "../i18n/translate.mjs";
import { viewerActions } from "./actions.mjs";
import { screenshotName, saveBlob, sizeOfText } from "./screenshot.mjs";

export class Commands {
  /** @param {import("./viewer.mjs").WalkViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    const { motion, appearance, element } = viewer;
    /** @type {Record<string, () => unknown>} by action; the recorder has more */
    this.own = {
      reset: () => viewer.reset(),
      orbit: () => motion.toggle("orbit"),
      fly: () => motion.toggle("fly"),
      up: () => viewer.outsideView.nextUp(),
      walls: () => this.setCollision(!motion.walls),
      ground: () => motion.walk.walls && motion.setGround(!motion.isOnGround),
      depth: () => appearance.setDepth(!appearance.isDepth),
      provenance: () => appearance.setProvenance(!appearance.isProvenance),
      play: () => viewer.playback.toggle(),
      panorama: () => viewer.scene?.sphere && appearance.setPanoramaFade(appearance.panoramaFade > 0 ? 0 : 0.5),
      vr: () => viewer.headset.toggle(),
      lock: () => {
        if (document.pointerLockElement === element) document.exitPointerLock();
        else Promise.resolve(element.requestPointerLock?.()).catch(() => {}); // denied: dragging still works
      },
      screenshot: () => this.saveScreenshot(),
      fullscreen: () => {
        if (document.fullscreenElement === element) document.exitFullscreen();
        else element.requestFullscreen?.().catch(() => {}); // denied by the embedding page
      },
    };
  }

  /** Actions that other modules have added for this viewer. */
  extras() {
    return viewerActions().filter((action) => action.isFor?.(this.viewer) ?? true);
  }

  /** @param {string} action */
  run(action) {
    const { scene, overlay, settings, recorder } = this.viewer;
    if (action === "help") overlay.toggleHelp();
    if (action === "settings") settings.toggle();
    if (!scene || !overlay.message.hidden) return;
    overlay.hint.hidden = true;
    recorder.act(action);
    if (Object.hasOwn(this.own, action)) this.own[action]();
    const extra = this.extras().find(({ id }) => id === action);
    if (extra) this.runExtra(extra);
    this.viewer.requestFrame();
  }

  /** @param {import("./actions.mjs").ViewerAction} action */
  async runExtra(action) {
    const { viewer } = this;
    const { nodeId, node, overlay } = viewer;
    const notify = (/** @type {string} */ text, /** @type {"info" | "error"} */ kind = "info") => overlay.notify(text, kind);
    try {
      await action.run({ viewer, pose: viewer.pose(), nodeId, node, notify });
    } catch (error) {
      notify(error instanceof Error ? error.message : String(error), "error");
    }
  }

  /** Turn collision on or off; a world without walls gets estimated ones. @param {boolean} collides */
  setCollision(collides) {
    const { motion, overlay, scene } = this.viewer;
    const { walk } = motion;
    if (collides && !walk.walls) {
      walk.walls = scene?.world.findWalls(motion.eye.position) ?? null;
      walk.walksOnGround = false; // estimated floors often have holes
      if (walk.walls) overlay.notify(tr("Walls are estimated from splat density. Connect geometry or a collider for better collision."));
      overlay.setAvailable("ground", walk.walls !== null);
    }
    motion.setCollision(collides);
  }

  async saveScreenshot() {
    const { viewer } = this;
    const blob = await viewer.screenshot(sizeOfText(viewer.settings.pictureSize));
    if (blob) saveBlob(blob, screenshotName(viewer.file?.filename, new Date()));
  }
}
