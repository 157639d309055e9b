// The keyframes of the drawing, and the selection. Pure.

import { MOST_KEYS, changed, withKey } from "./drawing.mjs";

/** @typedef {import("./drawing.mjs").Key} Key */
/** @typedef {Partial<Record<0 | 1 | 2 | 3 | 4, number>>} Change of some of a key's numbers */

export class PathModel {
  /** @param {(isDone: boolean) => void} onEdit called when keyframes changed; false while one is being dragged */
  constructor(onEdit) {
    this.onEdit = onEdit;
    /** @type {Key[]} */
    this.keys = [];
    this.selected = -1;
  }

  /** The selected keyframe. @returns {Key | undefined} */
  get key() {
    return this.keys[this.selected];
  }

  /** @param {number} index -1: none */
  select(index) {
    this.selected = Math.min(Math.max(index, -1), this.keys.length - 1);
  }

  /** Select the next one, cyclically. @param {1 | -1} step */
  selectNext(step) {
    const count = Math.max(1, this.keys.length);
    this.select((this.selected + step + count) % count);
  }

  /** Load keyframes without calling `onEdit`. @param {Key[]} keys @returns {boolean} whether they differ */
  load(keys) {
    if (JSON.stringify(keys) === JSON.stringify(this.keys)) return false;
    this.keys = keys;
    this.select(this.selected);
    return true;
  }

  /** @param {Key[]} keys @param {boolean} isDone */
  set(keys, isDone) {
    this.keys = keys;
    this.select(this.selected);
    this.onEdit(isDone);
  }

  /** Change the selected keyframe. @param {Change} change @param {boolean} isDone */
  change(change, isDone) {
    if (this.selected >= 0) this.set(changed(this.keys, this.selected, change), isDone);
  }

  /** @param {number} after index of the key before it, -1 for none @param {Key} key */
  insert(after, key) {
    if (this.keys.length >= MOST_KEYS) return;
    const keys = withKey(this.keys, after + 1, key);
    this.selected = after + 1;
    this.set(keys, true);
  }

  /** Add a keyframe after the selected one: halfway to the next, or a step ahead. @param {number} step world units */
  addAfter(step) {
    const index = this.selected >= 0 ? this.selected : this.keys.length - 1;
    const [here, next] = [this.keys[index], this.keys[index + 1]];
    if (!here) return this.insert(-1, [0, 0, 0, 0, 0]);
    if (next) return this.insert(index, here.map((value, i) => (i === 3 ? value : (value + next[i]) / 2)));
    const yaw = (here[3] * Math.PI) / 180;
    this.insert(index, [here[0] + step * Math.sin(yaw), here[1], here[2] + step * Math.cos(yaw), here[3], here[4]]);
  }

  /** Delete the selected keyframe. */
  remove() {
    if (this.selected >= 0) this.set(this.keys.filter((_, k) => k !== this.selected), true);
  }
}
