// The timeline below the view: what was recorded, and the keyframes to select, reorder and delete. Only elements.

/** @typedef {import("./record.mjs").Recording} Recording */

import { tr } from "../i18n/translate.mjs";
import { moveItem, pathLength } from "./record.mjs";

/**
 * @typedef {object} TimelineActions
 * @property {(action: string) => void} act record, key, view, export, clear, use
 * @property {(index: number) => void} goTo moves the camera to a keyframe
 * @property {(keys: Recording["keys"]) => void} setKeys after a keyframe was deleted or moved
 */

const buttons = () => [
  ["record", tr("Record"), tr("Start or stop recording (T)")],
  ["key", tr("+ Key"), tr("Add a keyframe here (K)")],
  ["view", tr("View"), tr("Output this view to the workflow as an image and a camera (V)")],
  ["use", "", tr("Use the recorded walk or the keyframes as the path")],
  ["export", tr("Export"), tr("Save the path as a file for Load Trajectory or Trajectory from Keyframes")],
  ["clear", tr("Clear"), tr("Delete the recorded walk, the keyframes and the view")],
];

export class Timeline {
  /** @param {HTMLElement} parent @param {TimelineActions} actions */
  constructor(parent, actions) {
    this.actions = actions;
    this.element = document.createElement("div");
    this.element.className = "m3d-path";
    this.element.dataset.part = "path";
    this.element.hidden = true;
    this.tools = document.createElement("div");
    this.tools.className = "m3d-tools";
    this.tools.setAttribute("role", "toolbar");
    this.tools.setAttribute("aria-label", tr("Path"));
    /** @type {Record<string, HTMLButtonElement>} */
    this.buttons = {};
    for (const [action, label, title] of buttons()) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.action = action;
      button.textContent = label;
      button.title = title;
      button.addEventListener("click", () => actions.act(action));
      this.buttons[action] = button;
      this.tools.append(button);
    }
    this.status = document.createElement("span");
    this.status.setAttribute("role", "status");
    this.status.dataset.part = "path-status";
    this.tools.append(this.status);
    this.list = document.createElement("ol");
    this.list.setAttribute("aria-label", tr("Keyframes. Enter to go there, Delete to remove, Alt+Left and Alt+Right to reorder."));
    this.list.dataset.empty = tr("No keyframes. Move somewhere and press K."); // shown by the style sheet
    this.element.append(this.list, this.tools);
    parent.append(this.element);
    /** @type {Recording["keys"]} */
    this.keys = [];
  }

  /**
   * @param {Recording} recording
   * @param {{ isRecording: boolean, seconds: number, unit: string, isFull?: boolean }} now
   */
  update(recording, { isRecording, seconds, unit, isFull = false }) {
    const { walk, keys, use, view } = recording;
    this.buttons.record.textContent = isRecording ? tr("Stop") : tr("Record");
    this.buttons.record.setAttribute("aria-pressed", String(isRecording));
    this.buttons.use.textContent = use === "keys" ? tr("Path: keys") : tr("Path: walk");
    this.buttons.use.hidden = !walk.length || !keys.length || isRecording;
    this.buttons.view.setAttribute("aria-pressed", String(Boolean(view)));
    const hasPath = use === "keys" ? keys.length > 0 : walk.length > 0;
    this.buttons.export.disabled = !hasPath || isRecording;
    this.buttons.clear.disabled = isRecording || (!walk.length && !keys.length && !view);
    const parts = [];
    if (walk.length) parts.push(`${seconds.toFixed(1)} s, ${pathLength(walk).toFixed(2)} ${unit}`);
    if (keys.length) parts.push(keys.length === 1 ? tr("1 keyframe") : tr("{count} keyframes", { count: keys.length }));
    if (view) parts.push(tr("1 view"));
    if (isFull) parts.push(tr("recording limit reached"));
    this.status.textContent = this.status.title = parts.join(" · ") || tr("Nothing recorded yet");
    this.element.toggleAttribute("data-recording", isRecording);
    if (keys !== this.keys) this.fill(keys);
  }

  /** @param {Recording["keys"]} keys */
  fill(keys) {
    const focused = [...this.list.children].findIndex((item) => item.contains(document.activeElement));
    this.keys = keys;
    this.list.replaceChildren(...keys.map((key, index) => this.makeItem(key, index)));
    if (focused >= 0 && keys.length) this.focusItem(Math.min(focused, keys.length - 1));
  }

  /** @param {number} index */
  focusItem(index) {
    /** @type {HTMLElement | null | undefined} */ (this.list.children[index]?.firstElementChild)?.focus();
  }

  /** @param {Recording["keys"][number]} key @param {number} index */
  makeItem(key, index) {
    const item = document.createElement("li");
    const pick = document.createElement("button");
    pick.type = "button";
    pick.textContent = String(index + 1);
    const [x, y, z] = key.position.map((value) => value.toFixed(2));
    pick.title = tr("Keyframe {number}: x {x}, y {y}, z {z}. Click to go there, drag to reorder.", { number: index + 1, x, y, z });
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "m3d-remove";
    remove.textContent = "×";
    remove.title = tr("Delete keyframe {number}", { number: index + 1 });
    remove.setAttribute("aria-label", remove.title);
    remove.addEventListener("click", () => this.remove(index));
    item.append(pick, remove);
    pick.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.code];
      if (event.code === "Delete" || event.code === "Backspace") this.remove(index);
      else if (event.altKey && step) this.move(index, index + step);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.bindDrag(pick, item, index);
    return item;
  }

  /**
   * A click goes to the keyframe; a drag reorders it.
   * @param {HTMLElement} pick @param {HTMLElement} item @param {number} index
   */
  bindDrag(pick, item, index) {
    let start = 0;
    let isDragged = false;
    pick.addEventListener("pointerdown", (event) => {
      start = event.clientX;
      isDragged = false;
      pick.setPointerCapture(event.pointerId);
    });
    pick.addEventListener("pointermove", (event) => {
      if (!pick.hasPointerCapture(event.pointerId) || (!isDragged && Math.abs(event.clientX - start) < 5)) return;
      isDragged = true;
      const scale = item.getBoundingClientRect().width / item.offsetWidth || 1; // the graph editor zooms
      item.style.transform = `translateX(${(event.clientX - start) / scale}px)`;
      item.style.zIndex = "1";
    });
    pick.addEventListener("pointerup", (event) => {
      item.style.transform = item.style.zIndex = "";
      if (!isDragged) return;
      const others = [...this.list.children].filter((other) => other !== item);
      const to = others.filter((other) => {
        const box = other.getBoundingClientRect();
        return box.left + box.width / 2 < event.clientX;
      }).length;
      this.move(index, to);
    });
    pick.addEventListener("pointercancel", () => (item.style.transform = item.style.zIndex = ""));
    pick.addEventListener("click", () => {
      if (!isDragged) this.actions.goTo(index);
      isDragged = false;
    });
  }

  /** @param {number} index */
  remove(index) {
    this.actions.setKeys(this.keys.filter((_, i) => i !== index));
  }

  /** @param {number} from @param {number} to */
  move(from, to) {
    const target = Math.min(Math.max(to, 0), this.keys.length - 1);
    if (target === from) return;
    this.actions.setKeys(moveItem(this.keys, from, target));
    this.focusItem(target);
  }
}
