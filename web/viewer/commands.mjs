// What the actions of a viewer do, whichever key, button or gamepad asks for them.

import { tr } from "../i18n/translate.mjs";
import { viewerActions } from "./actions.mjs";
import { pictureName, saveBlob, sizeOfText } from "./picture.mjs";

export class Commands {
  /** @param {import("./viewer.mjs").WalkViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    const { motion, appearance, element } = viewer;
    /** @type {Record<string, () => unknown>} by the names of the actions; the recorder has more */
    this.own = {
      reset: () => viewer.reset(),
      orbit: () => motion.toggle("orbit"),
      fly: () => motion.toggle("fly"),
      up: () => viewer.outsideView.turnOn(),
      walls: () => this.setWalls(!motion.walls),
      ground: () => motion.walk.walls && motion.setGround(!motion.isOnGround),
      depth: () => appearance.setDepth(!appearance.isDepth),
      provenance: () => appearance.setProvenance(!appearance.isProvenance),
      panorama: () => viewer.scene?.sphere && appearance.setPanoramaFade(appearance.panoramaFade > 0 ? 0 : 0.5),
      vr: () => viewer.headset.toggle(),
      lock: () => {
        if (document.pointerLockElement === element) document.exitPointerLock();
        else Promise.resolve(element.requestPointerLock?.()).catch(() => {}); // refused: dragging still works
      },
      screenshot: () => this.saveScreenshot(),
      fullscreen: () => {
        if (document.fullscreenElement === element) document.exitFullscreen();
        else element.requestFullscreen?.().catch(() => {}); // refused by the page around: stay as it is
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
    const tell = (/** @type {string} */ text, /** @type {"info" | "error"} */ kind = "info") => overlay.tell(text, kind);
    try {
      await action.run({ viewer, pose: viewer.pose(), nodeId, node, tell });
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), "error");
    }
  }

  /** Let walls hold or not; a world that came without any gets those of its splats. @param {boolean} hasWalls */
  setWalls(hasWalls) {
    const { motion, overlay, scene } = this.viewer;
    const { walk } = motion;
    if (hasWalls && !walk.walls) {
      walk.walls = scene?.world.findWalls(motion.eye.position) ?? null;
      walk.hasGround = false; // holes in the floor are common
      if (walk.walls) overlay.tell(tr("Walls are estimated from splat density. Connect geometry or a collider for better collision."));
      overlay.offer("ground", walk.walls !== null);
    }
    motion.setWalls(hasWalls);
  }

  async saveScreenshot() {
    const { viewer } = this;
    const blob = await viewer.screenshot(sizeOfText(viewer.settings.pictureSize));
    if (blob) saveBlob(blob, pictureName(viewer.file?.filename, new Date()));
  }
}
