// How a viewer's world is shown: its colors, depth or provenance, beside another world, under its panorama, faded.

import { tr } from "../i18n/translate.mjs";
import { MOST_FADE, coverageOf, fadeAt } from "./coverage_fade.mjs";
import { fitOfPanorama } from "./panorama_fade.mjs";
import { ORIGINS } from "./provenance.mjs";
import { clamp } from "./walk.mjs";

export class Appearance {
  /** @param {import("./viewer.mjs").WalkViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    viewer.overlay.onCompare = (share) => this.setCompare(share);
    viewer.overlay.onPanoramaFade = (share) => this.setPanoramaFade(share);
    this.isDepth = false;
    this.depthRange = [0, 1]; // world units
    /** @type {Uint8Array | null} where each splat comes from */
    this.origins = null;
    this.isProvenance = false;
    this.panoramaFade = 0; // what is asked for; it is seen only where it fits
    this.aroundPanorama = 0; // how far what is around it lies; 0: not yet known
    /** @type {import("./coverage_fade.mjs").Coverage | null} */
    this.coverage = null;
    this.fade = 0; // 1: nothing is known here
  }

  /** What comes with another world. @param {Uint8Array | null} origins @param {boolean} hasOther there is one to compare with */
  open(origins, hasOther) {
    const { overlay, scene } = this.viewer;
    this.origins = origins;
    overlay.offer("provenance", origins !== null);
    overlay.offer("panorama", Boolean(scene?.sphere));
    this.aroundPanorama = 0;
    this.setPanoramaFade(0);
    this.setCompare(hasOther ? 0.5 : 1);
  }

  /** From where the world was seen. @param {number[]} home @param {number[][]} path */
  setCoverage(home, path) {
    const { viewer } = this;
    this.coverage = viewer.isOurs ? coverageOf(home, path, viewer.motion.medianDistance(home)) : null;
  }

  /** Show how far things are instead of their colors. @param {boolean} isDepth */
  setDepth(isDepth) {
    const { scene, overlay, motion } = this.viewer;
    this.isDepth = isDepth;
    if (scene) this.depthRange = scene.showDepth(isDepth, motion.pose().position);
    overlay.press("depth", isDepth);
  }

  /** Show where the splats come from. @param {boolean} isProvenance */
  setProvenance(isProvenance) {
    const { scene, overlay, count } = this.viewer;
    const wasProvenance = this.isProvenance;
    this.isProvenance = isProvenance && this.origins !== null;
    if (scene && (this.isProvenance || wasProvenance)) {
      const counts = scene.world.showOrigins(this.isProvenance ? this.origins : null);
      const entries = ORIGINS.map(({ name, color }, i) => ({ name: name(), color, share: (counts[i] ?? 0) / count }));
      overlay.setLegend(entries.filter(({ share }) => share > 0));
    }
    overlay.press("provenance", this.isProvenance);
  }

  /** Show the first world left of this part of the view, the other one right of it. @param {number} share 0 to 1 */
  setCompare(share) {
    const { scene, overlay } = this.viewer;
    if (!scene) return;
    scene.compare = clamp(share, 0, 1);
    overlay.moveCompareLine(scene.compare, scene.other !== null);
    this.viewer.requestFrame();
  }

  /** Fade to the source panorama. @param {number} share 0 to 1 */
  setPanoramaFade(share) {
    const { viewer } = this;
    const sphere = viewer.scene?.sphere ?? null;
    this.panoramaFade = sphere ? clamp(share, 0, 1) : 0;
    if (sphere && this.panoramaFade > 0 && this.fitOfPanorama() < 1) {
      viewer.setPose({ position: sphere.center });
      viewer.overlay.tell(tr("The panorama only matches the splats from where it was taken, so the camera was moved there."));
    }
    this.showPanorama();
    viewer.overlay.movePanoramaFade(this.panoramaFade);
    viewer.requestFrame();
  }

  /** How well the panorama fits what is seen from here, 0 to 1. */
  fitOfPanorama() {
    const { scene, motion } = this.viewer;
    if (!scene?.sphere) return 0;
    const { center } = scene.sphere;
    const { position } = motion.pose();
    this.aroundPanorama ||= motion.medianDistance(center);
    return fitOfPanorama(Math.hypot(...center.map((v, i) => v - position[i])), this.aroundPanorama);
  }

  /** Fade as asked for, but only where the panorama fits. */
  showPanorama() {
    const { scene } = this.viewer;
    if (scene?.sphere) scene.sphere.share = this.panoramaFade * this.fitOfPanorama();
  }

  /** Fade the view where nothing is known. @param {number[]} position */
  showCoverage(position) {
    const { overlay, motion } = this.viewer;
    if (!this.coverage) return overlay.fadeOut(0, "");
    const isInside = motion.walls !== null && motion.walk.isInside(position);
    const { fade, why } = motion.mode === "orbit" ? { fade: 0, why: "" } : fadeAt(this.coverage, position, isInside);
    this.fade = fade;
    overlay.fadeOut(fade * MOST_FADE, why);
  }
}
