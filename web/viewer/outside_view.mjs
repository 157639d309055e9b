// Orbit view of splats without a start pose.

import { tr } from "../i18n/translate.mjs";
import { boxOf, guessAxes, nextAxes, orbitAround, radiusOf, upOf } from "./outside.mjs";
import { isEmpty } from "./record.mjs";
import { DEFAULT_SPEED } from "./walk.mjs";

/** @typedef {import("./outside.mjs").Outside} Outside */

export class OutsideView {
  /** @param {import("./viewer.mjs").WalkViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {Outside | null} null for worlds */
    this.outside = null;
  }

  /** Frame the loaded splats, unless they have a start pose. @param {boolean} hasStart */
  open(hasStart) {
    const { scene, motion, recorder } = this.viewer;
    if (this.outside) motion.setSpeed(DEFAULT_SPEED);
    this.outside = null;
    if (!scene) return;
    if (!hasStart) this.turn(recorder.recording.axes ?? guessAxes(scene.world.somePoints()));
    else scene.setOutside(null);
  }

  /** Rotate the splats so that another of their axes points up. @param {string} axes */
  turn(axes) {
    const { scene, motion } = this.viewer;
    if (!scene) return;
    scene.rotateTo(axes);
    this.outside = { axes, ...boxOf(scene.world.somePoints()) };
    scene.setOutside(this.outside);
    motion.setSpeed(0.5 * radiusOf(this.outside));
  }

  /** Use the next up axis, as the guess was wrong. */
  nextUp() {
    const { viewer, outside } = this;
    if (!outside) return;
    if (!isEmpty(viewer.recorder.recording)) {
      viewer.overlay.notify(tr("The up axis cannot change while there is a recording. Clear the recording first."), "error");
      return;
    }
    const axes = nextAxes(outside.axes);
    this.turn(axes);
    viewer.reset();
    viewer.overlay.notify(tr("{up} is up", { up: upOf(axes) }));
    viewer.settings.refresh();
  }

  /** The orbit in which all splats are visible. */
  orbit() {
    const { element, fov } = this.viewer;
    const { clientWidth: width, clientHeight: height } = element;
    return this.outside && orbitAround(this.outside, fov, (width || 1) / (height || 1));
  }
}
