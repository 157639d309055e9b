// WebXR headsets, where the browser supports them.

import { tr } from "../i18n/translate.mjs";

/** @typedef {import("./viewer.mjs").WalkViewer} WalkViewer */

/** @type {Promise<boolean> | null} */
let has = null;

/** @returns {Promise<boolean>} whether the browser has WebXR and a headset */
export function hasVirtualReality() {
  const xr = /** @type {any} */ (navigator).xr;
  has ??= Promise.resolve(xr?.isSessionSupported?.("immersive-vr") ?? false).catch(() => false);
  return has;
}

/** Shows a viewer's world on the headset, from the current pose. The left stick walks, the right one turns. */
export class Headset {
  /** @param {WalkViewer} viewer @param {() => void} onEnd called when the view on the page must be drawn again */
  constructor(viewer, onEnd) {
    this.viewer = viewer;
    this.onEnd = onEnd;
    this.session = /** @type {any} */ (null);
  }

  get isOn() {
    return this.session !== null;
  }

  async toggle() {
    const { overlay } = this.viewer;
    if (this.isOn) return this.end();
    try {
      await this.begin();
      overlay.setPressed("vr", true);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      overlay.notify(tr("Could not start VR: {why}", { why }), "error");
    }
  }

  async begin() {
    const { scene, motion, overlay } = this.viewer;
    if (!scene) throw new Error(tr("no world is open"));
    const session = await /** @type {any} */ (navigator).xr.requestSession("immersive-vr", { optionalFeatures: ["local"] });
    const leave = await scene.enterXr(session, (seconds, heading) => {
      for (const source of session.inputSources) {
        const axes = source.gamepad?.axes ?? [];
        const [x, y] = axes.length >= 4 ? [axes[2], axes[3]] : [axes[0] ?? 0, axes[1] ?? 0];
        const isPushed = Math.hypot(x, y) > 0.15;
        if (source.handedness === "right") {
          if (Math.abs(x) > 0.15) motion.active.turn(x * 1.5 * seconds, 0);
        } else {
          motion.stick = isPushed ? { right: x, forward: 0 - y } : { right: 0, forward: 0 };
        }
      }
      return motion.stepFor(seconds, heading);
    });
    this.session = session;
    session.addEventListener("end", () => {
      leave();
      motion.stick = { right: 0, forward: 0 };
      this.forget();
      overlay.setPressed("vr", false);
      this.onEnd();
    });
  }

  end() {
    this.session?.end().catch(() => {});
  }

  /** The WebGL context was lost, and the session with it. */
  forget() {
    this.session = null;
  }
}
