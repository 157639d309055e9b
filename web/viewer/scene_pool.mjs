// Scenes of the viewers of a page. All share one WebGL context, but each keeps its splats in the memory of the graphics.

import { tr } from "../i18n/translate.mjs";
import { registry } from "../registry.mjs";

/** @typedef {import("./viewer.mjs").WalkViewer} WalkViewer */

const withScenes = () => registry.viewers.filter((viewer) => viewer.scene);

/** Whether there is a scene for one more. */
export const hasRoom = () => withScenes().length < registry.mostScenes;

/** Let another viewer give its graphics back when there are too many: one out of sight, else the one idle longest. */
function makeRoom(/** @type {WalkViewer} */ forViewer) {
  const others = withScenes().filter((viewer) => viewer !== forViewer);
  others.sort((a, b) => Number(a.isVisible) - Number(b.isVisible) || a.loop.lastDrawn - b.loop.lastDrawn);
  for (const viewer of others.slice(0, Math.max(0, others.length + 1 - registry.mostScenes))) viewer.suspend();
}

/**
 * @param {WalkViewer} viewer that has no scene
 * @throws {Error} when there can be none
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
