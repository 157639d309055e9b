// Headsets, where the browser knows any.

import { tr } from "../i18n/translate.mjs";
import { look } from "./walk.mjs";

/** @typedef {import("./viewer.mjs").WalkViewer} WalkViewer */

/** @type {Promise<boolean> | null} */
let has = null;

/** @returns {Promise<boolean>} whether the browser has WebXR and a headset to show worlds on */
export function hasVirtualReality() {
  const xr = /** @type {any} */ (navigator).xr;
  has ??= Promise.resolve(xr?.isSessionSupported?.("immersive-vr") ?? false).catch(() => false);
  return has;
}

/**
 * Show a viewer's world on the headset, standing where the visitor stands. The left stick walks, the right one turns.
 * @param {WalkViewer} viewer
 * @param {() => void} onEnd
 * @returns {Promise<{ end(): void }>}
 */
export async function startVirtualReality(viewer, onEnd) {
  const { scene } = viewer;
  if (!scene) throw new Error(tr("no world is open"));
  const session = await /** @type {any} */ (navigator).xr.requestSession("immersive-vr", { optionalFeatures: ["local"] });
  const leave = await scene.enterXr(session, (seconds, heading) => {
    for (const source of session.inputSources) {
      const axes = source.gamepad?.axes ?? [];
      const [x, y] = axes.length >= 4 ? [axes[2], axes[3]] : [axes[0] ?? 0, axes[1] ?? 0];
      const isPushed = Math.hypot(x, y) > 0.15;
      if (source.handedness === "right") {
        if (Math.abs(x) > 0.15) viewer.walk = look(viewer.walk, x * 1.5 * seconds, 0, 1);
      } else {
        viewer.stick = isPushed ? { right: x, forward: 0 - y } : { right: 0, forward: 0 };
      }
    }
    return viewer.stepFor(seconds, heading);
  });
  session.addEventListener("end", () => {
    leave();
    viewer.stick = { right: 0, forward: 0 };
    onEnd();
  });
  return { end: () => session.end().catch(() => {}) };
}
