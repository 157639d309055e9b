// Looking from outside at splats of which nothing says where one may stand.

import { tr } from "../i18n/translate.mjs";
import { boxOf, guessAxes, nextAxes, orbitAround, radiusOf, upOf } from "./outside.mjs";
import { isEmpty } from "./record.mjs";
import { DEFAULT_SPEED } from "./walk.mjs";

/** @typedef {import("./outside.mjs").Outside} Outside */

export class OutsideView {
  /** @param {import("./viewer.mjs").WalkViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {Outside | null} null where one may stand */
    this.outside = null;
  }

  /** Step back from the world just loaded, unless one may stand in it. @param {boolean} canStand */
  open(canStand) {
    const { scene, motion, recorder } = this.viewer;
    if (this.outside) motion.setSpeed(DEFAULT_SPEED);
    this.outside = null;
    if (!scene) return;
    if (!canStand) this.turn(recorder.recording.axes ?? guessAxes(scene.world.somePoints()));
    else scene.lookFrom(null);
  }

  /** Turn splats so that another of their axes points up. @param {string} axes */
  turn(axes) {
    const { scene, motion } = this.viewer;
    if (!scene) return;
    scene.turn(axes);
    this.outside = { axes, ...boxOf(scene.world.somePoints()) };
    scene.lookFrom(this.outside);
    motion.setSpeed(0.5 * radiusOf(this.outside));
  }

  /** Another of their axes is up, as the guess was wrong. */
  turnOn() {
    const { viewer, outside } = this;
    if (!outside) return;
    if (!isEmpty(viewer.recorder.recording)) {
      viewer.overlay.tell(tr("The up axis cannot change while there is a recording. Clear the recording first."), "error");
      return;
    }
    const axes = nextAxes(outside.axes);
    this.turn(axes);
    viewer.reset();
    viewer.overlay.tell(tr("{up} is up", { up: upOf(axes) }));
    viewer.settings.refresh();
  }

  /** The orbit in which all of them are seen. */
  orbit() {
    const { element, fov } = this.viewer;
    const { clientWidth: width, clientHeight: height } = element;
    return this.outside && orbitAround(this.outside, fov, (width || 1) / (height || 1));
  }
}
