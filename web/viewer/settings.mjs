// The settings panel of a viewer: field of view, speed, background, grid, up axis, size of screenshots.

import { tr } from "../i18n/translate.mjs";
import { plainNumber, upOf } from "./outside.mjs";
import { SCREENSHOT_SIZES } from "./screenshot.mjs";
import { SPEED_LIMITS } from "./walk.mjs";

/** @typedef {import("./viewer.mjs").WalkViewer} WalkViewer */

const DEGREE = Math.PI / 180;
const STORAGE_KEY = "matrix3d.viewer"; // where the browser stores background and size of screenshots

const backgrounds = () => [["dark", tr("dark")], ["gray", tr("gray")], ["white", tr("white")]];
const sizes = () => [
  ["", tr("same as view")],
  ...SCREENSHOT_SIZES.map(([width, height]) => [`${width}x${height}`, `${width} × ${height}`]),
];

/** @returns {{ background?: string, pictureSize?: string }} */
function readStored() {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "{}") ?? {};
  } catch {
    return {}; // pages from the disk may have no storage
  }
}

export class Settings {
  /** @param {WalkViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    const { background = "dark", pictureSize = "" } = readStored();
    this.background = String(background);
    this.pictureSize = String(pictureSize);
    this.element = document.createElement("div");
    this.element.className = "m3d-settings";
    this.element.setAttribute("role", "group");
    this.element.hidden = true;
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        this.toggle(false);
      } else if (event.key.startsWith("Arrow") || event.key === " ") event.stopPropagation(); // arrow keys would move the camera
    });
    viewer.overlay.help.before(this.element);
    this.build();
  }

  /** Create the rows, in the current language. */
  build() {
    const { viewer } = this;
    this.element.setAttribute("aria-label", tr("Viewer settings"));
    this.fov = range(20, 110, 1, (value) => viewer.setFov(value * DEGREE));
    this.speed = range(...speedSteps(), (value) => viewer.setSpeed(10 ** value));
    this.fovText = document.createElement("output");
    this.speedText = document.createElement("output");
    this.backgroundChoice = choice(backgrounds(), this.background, (name) => {
      this.background = name;
      this.store();
      viewer.setBackground(name);
    });
    this.grid = document.createElement("input");
    this.grid.type = "checkbox";
    this.grid.addEventListener("change", () => {
      if (viewer.scene) viewer.scene.hasGrid = this.grid?.checked ?? true;
      viewer.requestFrame();
    });
    this.up = document.createElement("button");
    this.up.type = "button";
    this.up.dataset.action = "up";
    this.up.addEventListener("click", () => viewer.act("up"));
    this.size = choice(sizes(), this.pictureSize, (name) => {
      this.pictureSize = name;
      this.store();
    });
    const save = document.createElement("button");
    save.type = "button";
    save.textContent = tr("Save");
    save.addEventListener("click", () => viewer.act("screenshot"));
    this.outsideRows = [row(tr("Up axis"), this.up), row(tr("Grid"), this.grid)];
    this.element.replaceChildren(
      row(tr("Field of view"), this.fov, this.fovText),
      row(tr("Speed"), this.speed, this.speedText),
      row(tr("Background"), this.backgroundChoice),
      ...this.outsideRows,
      row(tr("Screenshot"), this.size, save),
    );
    this.refresh();
  }

  /** Show the current values. */
  refresh() {
    const { viewer, fov, speed, fovText, speedText, grid, up } = this;
    if (!fov || !speed || !fovText || !speedText || !grid || !up) return;
    fov.value = String(Math.round(viewer.fov / DEGREE));
    fovText.textContent = `${Math.round(viewer.fov / DEGREE)}°`;
    speed.value = String(Math.log10(viewer.motion.eye.speed));
    speedText.textContent = `${plainNumber(viewer.motion.eye.speed)}${viewer.unit}/s`;
    grid.checked = viewer.scene?.hasGrid ?? true;
    for (const one of this.outsideRows ?? []) one.hidden = !viewer.outside;
    up.textContent = viewer.outside ? upOf(viewer.outside.axes) : "";
  }

  toggle(isOpen = this.element.hidden) {
    const { viewer, element } = this;
    if (!isOpen && element.contains(document.activeElement)) viewer.element.focus({ preventScroll: true }); // for keyboard input
    element.hidden = !isOpen;
    viewer.overlay.setPressed("settings", isOpen);
    if (!isOpen) return;
    this.refresh();
    this.fov?.focus({ preventScroll: true });
  }

  store() {
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify({ background: this.background, pictureSize: this.pictureSize }));
    } catch {
      // pages from the disk may have no storage
    }
  }
}

/** @returns {[number, number, number]} least, most and step of the speed's logarithm */
const speedSteps = () => [Math.log10(SPEED_LIMITS[0]), Math.log10(SPEED_LIMITS[1]), 0.02];

/** @param {number} least @param {number} most @param {number} step @param {(value: number) => void} onInput */
function range(least, most, step, onInput) {
  const input = document.createElement("input");
  Object.assign(input, { type: "range", min: String(least), max: String(most), step: String(step) });
  input.addEventListener("input", () => onInput(Number(input.value)));
  return input;
}

/** @param {string[][]} options value and text @param {string} value @param {(value: string) => void} onChange */
function choice(options, value, onChange) {
  const select = document.createElement("select");
  for (const [name, text] of options) select.append(new Option(text, name, false, name === value));
  select.addEventListener("change", () => onChange(select.value));
  return select;
}

/** @param {string} text @param {HTMLElement[]} parts */
function row(text, ...parts) {
  const label = document.createElement("label");
  const name = document.createElement("span");
  name.textContent = text;
  label.append(name, ...parts);
  return label;
}
