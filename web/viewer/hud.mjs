// The HUD: the line of numbers over a viewer's image.

import { tr } from "../i18n/translate.mjs";
import { plainNumber, upOf } from "./outside.mjs";
import { shortCount } from "./source.mjs";

const UPDATE_MS = 200;
const GAP = " &nbsp;·&nbsp; ";

export class Hud {
  /** @param {import("./viewer.mjs").WalkViewer} viewer @param {HTMLElement} element */
  constructor(viewer, element) {
    this.viewer = viewer;
    this.element = element;
    this.shownAt = 0; // milliseconds; 0: must be updated
  }

  /** Update it with the next frame, even while moving. */
  invalidate() {
    this.shownAt = 0;
  }

  /** @param {number} now milliseconds @param {boolean} isBusy moving: update less often */
  update(now, isBusy) {
    if (isBusy && now - this.shownAt < UPDATE_MS) return;
    this.shownAt = now;
    const { motion, appearance, quality, outside, unit } = this.viewer;
    const [x, y, z] = motion.pose().position.map((value) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2));
    const speed = `${plainNumber(motion.eye.speed)}${unit}/s`;
    const fps = isBusy && quality.fps ? tr("{count} fps", { count: Math.round(quality.fps) }) : "";
    const [near, far] = appearance.depthRange.map(plainNumber);
    const depth = appearance.isDepth ? tr("depth {near} to {far}", { near, far }) + unit : "";
    const up = outside ? tr("{up} is up", { up: upOf(outside.axes) }) : "";
    const moving = { walk: [speed], orbit: [tr("orbit")], fly: [tr("fly"), speed] }[motion.mode];
    const parts = [...moving, up, depth, this.splats(), fps].filter(Boolean);
    this.element.innerHTML = `<b>x ${x} &nbsp;y ${y} &nbsp;z ${z}${unit}</b>${GAP}${parts.join(GAP)}`;
  }

  splats() {
    const { scene, count, quality } = this.viewer;
    const drawn = scene?.world.drawn ?? 0;
    const [part, whole] = [shortCount(drawn), shortCount(count)];
    const isPart = drawn > 0 && drawn < 0.95 * count && quality.restTimer;
    return tr("{count} splats", { count: isPart ? tr("{part} of {whole}", { part, whole }) : whole });
  }
}
