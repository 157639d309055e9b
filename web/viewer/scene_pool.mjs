// Limits the scenes of a page. All viewers share one WebGL context, but each keeps its splats in GPU memory.

import { tr } from "../i18n/translate.mjs";
import { registry } from "../registry.mjs";

/** @typedef {import("./viewer.mjs").WalkViewer} WalkViewer */

const withScenes = () => registry.viewers.filter((viewer) => viewer.scene);

/** Whether one more scene is allowed. */
export const hasRoom = () => withScenes().length < registry.mostScenes;

/** Suspend other viewers when there are too many: those out of sight first, then those idle longest. */
function makeRoom(/** @type {WalkViewer} */ forViewer) {
  const others = withScenes().filter((viewer) => viewer !== forViewer);
  others.sort((a, b) => Number(a.isVisible) - Number(b.isVisible) || a.loop.lastDrawn - b.loop.lastDrawn);
  for (const viewer of others.slice(0, Math.max(0, others.length + 1 - registry.mostScenes))) viewer.suspend();
}

/**
 * @param {WalkViewer} viewer without a scene
 * @throws {Error} when none can be created
 */
export async function openScene(viewer) {
  makeRoom(viewer);
  const { SplatScene } = await import("./splat_scene.mjs").catch((error) => {
    throw new Error(tr("Could not load the viewer's libraries: {why}", { why: error.message }));
  });
  try {
    const scene = new SplatScene(viewer.canvas, () => viewer.requestFrame(), () => viewer.loseContext());
    scene.setFov(viewer.fov);
    scene.setBackground(viewer.settings.background);
    return scene;
  } catch {
    throw new Error(tr("The viewer needs WebGL 2, which this browser does not provide. Enable hardware acceleration."));
  }
}
