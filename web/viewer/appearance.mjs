// How a viewer's world is shown: colors, depth or provenance, compare slider, panorama, fade outside the coverage.

import { tr } from "../i18n/translate.mjs";
import { viewerActions } from "./actions.mjs";
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
    /** @type {Uint8Array | null} origin of each splat */
    this.origins = null;
    this.isProvenance = false;
    this.panoramaFade = 0; // as requested; shown only where the panorama matches
    this.aroundPanorama = 0; // median distance of the splats around its center; 0: unknown
    /** @type {import("./coverage_fade.mjs").Coverage | null} */
    this.coverage = null;
    this.fade = 0; // 1: far outside the coverage
  }

  /** Set up for another world. @param {Uint8Array | null} origins @param {boolean} hasOther there is a world to compare with */
  open(origins, hasOther) {
    const { overlay, scene } = this.viewer;
    this.origins = origins;
    overlay.setAvailable("provenance", origins !== null);
    overlay.setAvailable("panorama", Boolean(scene?.sphere));
    this.aroundPanorama = 0;
    this.setPanoramaFade(0);
    this.setCompare(hasOther ? 0.5 : 1);
  }

  /**
   * Set where the world is complete.
   * @param {number[]} home @param {number[][]} path positions from which the world was observed
   * @param {import("./coverage_fade.mjs").CoverageMap | null} map
   */
  setCoverage(home, path, map) {
    const { motion, isWorld } = this.viewer;
    this.coverage = isWorld ? coverageOf(home, path, motion.medianDistance(home), map) : null;
    motion.walk.coverage = this.coverage?.map ?? null;
  }

  /** Show depth instead of colors. @param {boolean} isDepth */
  setDepth(isDepth) {
    const { scene, overlay, motion } = this.viewer;
    this.isDepth = isDepth;
    if (scene) this.depthRange = scene.showDepth(isDepth, motion.pose().position);
    overlay.setPressed("depth", isDepth);
  }

  /** Color the splats by provenance. @param {boolean} isProvenance */
  setProvenance(isProvenance) {
    const { scene, overlay, count } = this.viewer;
    const wasProvenance = this.isProvenance;
    this.isProvenance = isProvenance && this.origins !== null;
    if (scene && (this.isProvenance || wasProvenance)) {
      const counts = scene.world.showOrigins(this.isProvenance ? this.origins : null);
      const entries = ORIGINS.map(({ name, color }, i) => ({ name: name(), color, share: (counts[i] ?? 0) / count }));
      overlay.setLegend(entries.filter(({ share }) => share > 0));
    }
    overlay.setPressed("provenance", this.isProvenance);
  }

  /** Move the compare slider: the first world is shown left of it. @param {number} share 0 to 1 */
  setCompare(share) {
    const { scene, overlay } = this.viewer;
    if (!scene) return;
    scene.compare = clamp(share, 0, 1);
    overlay.moveCompareLine(scene.compare, scene.other !== null);
    this.viewer.requestFrame();
  }

  /** Fade to the source panorama. @param {number} share its opacity, 0 to 1 */
  setPanoramaFade(share) {
    const { viewer } = this;
    const sphere = viewer.scene?.sphere ?? null;
    this.panoramaFade = sphere ? clamp(share, 0, 1) : 0;
    if (sphere && this.panoramaFade > 0 && this.fitOfPanorama() < 1) {
      viewer.setPose({ position: sphere.center });
      viewer.overlay.notify(tr("The panorama only matches the splats from where it was taken, so the camera was moved there."));
    }
    this.showPanorama();
    viewer.overlay.movePanoramaFade(this.panoramaFade);
    viewer.requestFrame();
  }

  /** How well the panorama matches the splats from here, 0 to 1. */
  fitOfPanorama() {
    const { scene, motion } = this.viewer;
    if (!scene?.sphere) return 0;
    const { center } = scene.sphere;
    const { position } = motion.pose();
    this.aroundPanorama ||= motion.medianDistance(center);
    return fitOfPanorama(Math.hypot(...center.map((v, i) => v - position[i])), this.aroundPanorama);
  }

  /** Fade as requested, but only where the panorama matches. */
  showPanorama() {
    const { scene } = this.viewer;
    if (scene?.sphere) scene.sphere.share = this.panoramaFade * this.fitOfPanorama();
  }

  /** Fade the view outside the coverage. @param {number[]} position */
  showCoverage(position) {
    const { viewer } = this;
    const { overlay, motion } = viewer;
    if (!this.coverage) return overlay.fadeOut(0, "");
    const isInside = motion.walls !== null && motion.walk.isInside(position);
    const canExtend = viewerActions().some(({ id, isFor }) => id === "extend" && (isFor?.(viewer) ?? true));
    const { fade, why } =
      motion.mode === "orbit" ? { fade: 0, why: "" } : fadeAt(this.coverage, position, isInside, canExtend);
    this.fade = fade;
    overlay.fadeOut(fade * MOST_FADE, why, this.coverage.map !== null && !isInside);
  }
}
