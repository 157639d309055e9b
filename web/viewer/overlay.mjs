// The overlay of a viewer: HUD, buttons, help, messages, touch stick. Only elements, no state of the world.

import { tr } from "../i18n/translate.mjs";

const ICONS = {
  orbit: '<path d="M19.5 14.5a8 8 0 1 1 .2-4.6"/><path d="M20.5 5v5h-5"/><circle cx="12" cy="12" r="1.6"/>',
  reset: '<path d="M4 11 12 4l8 7"/><path d="M6.5 9.5V20h11V9.5"/>',
  lock: '<path d="m6 3 12.5 8.2-5.4 1.2 3.2 5.6-2.4 1.3-3.1-5.6L7 17.4Z"/>',
  screenshot: '<path d="M4 8h3.5L9 5.5h6L16.5 8H20v11H4Z"/><circle cx="12" cy="13" r="3.4"/>',
  fly: '<path d="M3.5 11.5 20.5 4 14 20.5l-3.2-6.8Z"/><path d="m10.8 13.7 4.6-4.6"/>',
  depth: '<path d="M3 19h18L15.5 8l-3.6 6-2.6-3Z"/><path d="M3 5h18"/>',
  walls: '<path d="M3.5 6h17v12h-17ZM3.5 12h17M12 6v6M7.5 12v6M16.5 12v6"/>',
  ground: '<circle cx="12" cy="5.2" r="2.2"/><path d="M12 7.6v6.2M12 13.8 9 19M12 13.8l3 5.2M8.6 10.4h6.8M4 21.2h16"/>',
  provenance: '<path d="M12 3.5c1 3 4.8 4.8 4.8 9.3A4.8 4.8 0 0 1 12 17.6a4.8 4.8 0 0 1-4.8-4.8c0-1.8.8-3 1.8-4.2.3 1.2.8 1.8 1.4 2.2C10.2 8 10.8 5.6 12 3.5ZM7 21h10"/>',
  panorama: '<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.5c-4.6 4.8-4.6 12.2 0 17M12 3.5c4.6 4.8 4.6 12.2 0 17"/>',
  play: '<path d="M5 5.5v13l8-6.5ZM15.5 5.5v13M19 5.5v13"/>',
  vr: '<path d="M4 8h16v9h-5l-1.6-2.2h-2.8L9 17H4ZM8 5.5h8"/>',
  path: '<circle cx="6" cy="17" r="2.4"/><circle cx="18" cy="7" r="2.4"/><path d="M8.4 17H14a3 3 0 0 0 0-6h-3a3 3 0 0 1 0-4h4.6"/>',
  help: '<path d="M9 9.2a3 3 0 1 1 4.4 2.6c-.9.5-1.4 1.1-1.4 2.2"/><path d="M12 17.6v.2"/><circle cx="12" cy="12" r="9"/>',
  settings: '<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>',
  fullscreen: '<path d="M9 4H4v5M15 4h5v5M9 20H4v-5M15 20h5v-5"/>',
};

/** Action, label and tooltip of each button. */
const buttons = () => [
  ["orbit", tr("Orbit"), tr("Toggle orbit mode (O)")],
  ["reset", tr("Reset"), tr("Reset the camera (R)")],
  ["walls", tr("Walls"), tr("Collide with walls (C)")],
  ["ground", tr("Ground"), tr("Walk on the ground (G); off: float")],
  ["fly", tr("Fly"), tr("Fly in the view direction, through walls (N)")],
  ["depth", tr("Depth"), tr("Show depth (Z)")],
  ["provenance", tr("Provenance"), tr("Color splats by provenance (M)")],
  ["panorama", tr("Panorama"), tr("Fade to the source panorama (B)")],
  ["play", tr("Motion"), tr("Play or pause motion (J)")],
  ["lock", tr("Mouse look"), tr("Look around without dragging (L); Esc to exit")],
  ["screenshot", tr("Screenshot"), tr("Save a screenshot (P)")],
  ["path", tr("Record"), tr("Record a path (T) or keyframes (K)")],
  ["vr", tr("VR"), tr("View in VR")],
  ["settings", tr("Settings"), tr("Field of view, speed, background, screenshot size (comma)")],
  ["help", tr("Shortcuts"), tr("Keyboard shortcuts (H or ?)")],
  ["fullscreen", tr("Fullscreen"), tr("Toggle fullscreen (F)")],
];

const OPTIONAL = new Set(["ground", "provenance", "panorama", "play", "vr"]); // shown when the world or the browser supports them

const keyHelp = () => [
  [tr("W A S D, arrow keys"), tr("move")],
  ["Q, E", tr("down, up (on the ground: eye height)")],
  ["Shift", tr("move three times faster")],
  [tr("Mouse wheel"), tr("speed (orbit mode: zoom)")],
  ["U", tr("change the up axis, where it was guessed")],
  [tr("Drag"), tr("look around")],
  ["L", tr("look around without dragging; Esc to exit")],
  ["O", tr("toggle orbit mode")],
  ["C", tr("toggle wall collision")],
  ["G", tr("toggle walking on the ground")],
  ["N", tr("toggle fly mode")],
  ["Z", tr("toggle depth view")],
  ["M", tr("toggle provenance colors")],
  ["B", tr("fade to the source panorama")],
  ["J", tr("play or pause motion")],
  ["R", tr("reset the camera")],
  ["P", tr("save a screenshot")],
  ["T", tr("start or stop recording")],
  ["K", tr("add a keyframe")],
  ["V", tr("output this view to the workflow")],
  [",", tr("open the settings")],
  ["?", tr("show or hide this help")],
  ["F", tr("toggle fullscreen")],
  ["Tab", tr("focus the buttons; Enter to press")],
  [tr("Gamepad"), tr("sticks: move, look; A: keyframe; X: record; B: reset")],
  [tr("Touch"), tr("one finger: look; two fingers or stick: move")],
  ["Esc", tr("release keyboard focus")],
];

/**
 * @param {string} tag
 * @param {string} [className]
 * @param {Record<string, string>} [attributes]
 */
function make(tag, className = "", attributes = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/**
 * @param {string} action @param {string} label below the icon @param {string} title @param {string} icon
 * @param {(action: string) => void} onAction
 */
function makeButton(action, label, title, icon, onAction) {
  const button = make("button", "", { type: "button", title, "aria-label": title, "data-action": action });
  if (icon) button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true">${icon}</svg>`;
  const text = make("span");
  text.textContent = label;
  button.append(text);
  button.addEventListener("click", () => onAction(action));
  return button;
}

export class Overlay {
  /**
   * @param {HTMLElement} root
   * @param {(action: string) => void} onAction called with the name of the button that was pressed
   */
  constructor(root, onAction) {
    this.hud = make("div", "m3d-hud", { "data-part": "hud" });
    this.hint = make("div", "m3d-hint");
    this.hint.hidden = true;
    this.bar = this.makeBar(onAction);
    this.foot = make("div", "m3d-foot"); // the hint wraps onto a line of its own where there is no room beside the buttons
    this.foot.append(this.hint, this.bar);
    this.help = this.makeHelp(onAction);
    this.stick = make("div", "m3d-stick", { "aria-hidden": "true" });
    this.stick.append(make("i"));
    this.stick.hidden = true;
    /** Everything at the bottom, stacked: stick, hint and buttons, the timeline. */
    this.bottom = make("div", "m3d-bottom");
    this.bottom.append(this.stick, this.foot);
    this.message = make("div", "m3d-message", { role: "status", "aria-live": "polite", "data-part": "message" });
    this.text = make("p");
    this.progress = /** @type {HTMLProgressElement} */ (make("progress"));
    this.detail = make("small");
    this.message.append(this.text, this.progress, this.detail);
    /** @type {(share: number) => void} called with the share of the view left of the compare slider when it moves */
    this.onCompare = () => {};
    this.compareLine = this.makeCompareLine(root);
    this.onAction = onAction;
    /** @type {(share: number) => void} called with the opacity of the panorama */
    this.onPanoramaFade = () => {};
    this.panoramaFade = this.makePanoramaFade();
    this.legend = make("ul", "m3d-legend", { "aria-label": tr("Provenance of the splats"), "data-part": "legend" });
    this.legend.hidden = true;
    this.dim = make("div", "m3d-dim", { "data-part": "dim" });
    this.warning = make("p", "m3d-warning", { "data-part": "warning", role: "status", "aria-live": "polite" });
    this.dim.hidden = this.warning.hidden = true;
    this.note = make("div", "m3d-note", { role: "status", "aria-live": "polite", "data-part": "note" });
    this.note.hidden = true;
    this.noteTimer = 0;
    /** Everything below the HUD, stacked: a note, a warning, the panorama's slider beside the legend. */
    const top = make("div", "m3d-top");
    const row = make("div", "m3d-top-row");
    row.append(this.panoramaFade, this.legend);
    top.append(this.note, this.warning, row);
    root.append(this.dim, this.compareLine, this.hud, top, this.bottom, this.message, this.help);
  }

  /** Show how to move, until the user does. @param {boolean} isOutside */
  showHint(isOutside) {
    this.hint.textContent = isOutside ? tr("Drag to orbit, wheel to zoom, O to walk") : tr("W A S D to move, drag to look around");
    this.hint.hidden = false;
  }

  /** Show a note over the view for a while. @param {string} text @param {"info" | "guess" | "error"} [kind] */
  notify(text, kind = "info") {
    clearTimeout(this.noteTimer);
    this.note.textContent = text;
    this.note.dataset.kind = kind;
    this.note.hidden = !text;
    if (text) this.noteTimer = window.setTimeout(() => (this.note.hidden = true), kind === "info" ? 5_000 : 12_000);
  }

  /** Show the buttons that other modules add. @param {import("./actions.mjs").ViewerAction[]} actions */
  setExtras(actions) {
    for (const old of this.bar.querySelectorAll("[data-extra]")) old.remove();
    for (const old of this.help.querySelectorAll("[data-extra]")) old.remove();
    for (const { id, label, short = label, key = "", icon = "" } of actions) {
      const letter = key.replace(/^(Key|Digit)/, "");
      const title = letter ? `${label} (${letter})` : label;
      const button = makeButton(id, short, title, icon, this.onAction);
      button.dataset.extra = "";
      this.bar.querySelector('[data-action="settings"]')?.before(button);
      if (!letter) continue;
      const [term, description] = [make("dt", "", { "data-extra": "" }), make("dd", "", { "data-extra": "" })];
      term.textContent = letter;
      description.textContent = label;
      this.help.querySelector("dl")?.append(term, description);
    }
  }

  /** @param {(action: string) => void} onAction */
  makeBar(onAction) {
    const bar = make("div", "m3d-bar", { role: "toolbar", "aria-label": tr("View") });
    for (const [action, label, title] of buttons()) {
      const button = makeButton(action, label, title, ICONS[/** @type {keyof ICONS} */ (action)], onAction);
      button.hidden = OPTIONAL.has(action);
      bar.append(button);
    }
    return bar;
  }

  /** Show a button, or hide it when it is not supported. @param {string} action @param {boolean} has */
  setAvailable(action, has) {
    const button = /** @type {HTMLElement | null} */ (this.bar.querySelector(`[data-action="${action}"]`));
    if (button) button.hidden = !has;
  }

  /** The slider that blends between splats and panorama. */
  makePanoramaFade() {
    const box = make("label", "m3d-panorama-fade", { "data-part": "panorama-fade" });
    const [left, right] = [make("span"), make("span")];
    left.textContent = tr("splats");
    right.textContent = tr("panorama");
    const slider = /** @type {HTMLInputElement} */ (
      make("input", "", { type: "range", min: "0", max: "100", step: "1", "aria-label": tr("Blend between splats and panorama") })
    );
    slider.addEventListener("input", () => this.onPanoramaFade(Number(slider.value) / 100));
    slider.addEventListener("keydown", (event) => {
      if (event.code.startsWith("Arrow")) event.stopPropagation(); // arrow keys would move the camera
    });
    box.append(left, slider, right);
    box.hidden = true;
    this.slider = slider;
    return box;
  }

  /** @param {number} share opacity of the panorama */
  movePanoramaFade(share) {
    this.setPressed("panorama", share > 0);
    if (this.slider && Number(this.slider.value) !== Math.round(100 * share)) this.slider.value = String(Math.round(100 * share));
    if (share > 0) this.panoramaFade.hidden = false;
    else if (!this.panoramaFade.contains(document.activeElement)) this.panoramaFade.hidden = true;
  }

  /** Show what the provenance colors mean; hidden when there are no entries. @param {{ name: string, color: number[], share: number }[]} entries */
  setLegend(entries) {
    this.legend.hidden = entries.length === 0;
    this.legend.replaceChildren(
      ...entries.map(({ name, color, share }) => {
        const item = make("li");
        const dot = make("i");
        dot.style.background = `rgb(${color.map((part) => Math.round(255 * part)).join(" ")})`;
        item.append(dot, `${name} ${share < 0.005 ? "<1" : Math.round(100 * share)} %`);
        return item;
      }),
    );
  }

  /** Fade the view, and show why. @param {number} amount 0 to 1 @param {string} why @param {boolean} [isHaze] to light haze */
  fadeOut(amount, why, isHaze = false) {
    this.dim.classList.toggle("m3d-haze", isHaze);
    this.dim.hidden = amount <= 0;
    this.warning.hidden = amount <= 0 || !why;
    this.dim.style.setProperty("--m3d-fade", amount.toFixed(2));
    if (this.warning.textContent !== why) this.warning.textContent = why;
  }

  /** The slider between two worlds. @param {HTMLElement} root */
  makeCompareLine(root) {
    const line = make("div", "m3d-compare", {
      role: "slider",
      tabindex: "0",
      "aria-label": tr("Compare slider; arrow keys move it"),
      "aria-valuemin": "0",
      "aria-valuemax": "100",
      "data-part": "compare",
    });
    line.append(make("i"));
    line.hidden = true;
    line.addEventListener("pointerdown", (event) => line.setPointerCapture(event.pointerId));
    line.addEventListener("pointermove", (event) => {
      if (!line.hasPointerCapture(event.pointerId)) return;
      const box = root.getBoundingClientRect();
      this.onCompare((event.clientX - box.left) / (box.width || 1));
    });
    line.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.05, ArrowRight: 0.05 }[event.code];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation(); // arrow keys would move the camera
      this.onCompare(Number(line.getAttribute("aria-valuenow")) / 100 + step);
    });
    return line;
  }

  /** @param {number} share @param {boolean} isShown */
  moveCompareLine(share, isShown) {
    this.compareLine.hidden = !isShown;
    this.compareLine.style.left = `${100 * share}%`;
    this.compareLine.setAttribute("aria-valuenow", String(Math.round(100 * share)));
  }

  /** @param {(action: string) => void} onAction */
  makeHelp(onAction) {
    const help = make("div", "m3d-help", { role: "dialog", "aria-label": tr("Keyboard shortcuts") });
    const list = make("dl");
    for (const [keys, what] of keyHelp()) {
      const [term, description] = [make("dt"), make("dd")];
      term.textContent = keys;
      description.textContent = what;
      list.append(term, description);
    }
    help.append(list);
    help.tabIndex = -1;
    help.hidden = true;
    help.addEventListener("click", () => onAction("help"));
    return help;
  }

  /**
   * Cover the view with a message.
   * @param {string} text
   * @param {{ kind?: "info" | "busy" | "error" | "paused", detail?: string, fraction?: number | null }} [options]
   */
  showMessage(text, { kind = "info", detail = "", fraction = null } = {}) {
    this.message.hidden = false;
    this.message.dataset.kind = kind;
    this.text.textContent = text;
    this.detail.textContent = detail;
    this.progress.hidden = kind !== "busy";
    if (fraction === null) this.progress.removeAttribute("value");
    else this.progress.value = fraction;
    this.hud.hidden = this.foot.hidden = true;
  }

  hideMessage() {
    this.message.hidden = true;
    this.hud.hidden = this.foot.hidden = false;
  }

  /**
   * @param {string} action
   * @param {boolean} isOn
   */
  setPressed(action, isOn) {
    this.bar.querySelector(`[data-action="${action}"]`)?.setAttribute("aria-pressed", String(isOn));
  }

  toggleHelp(isOpen = this.help.hidden) {
    const hadFocus = this.help.contains(document.activeElement);
    this.help.hidden = !isOpen;
    this.setPressed("help", isOpen);
    if (isOpen) this.help.focus({ preventScroll: true });
    else if (hadFocus) /** @type {HTMLElement} */ (this.help.parentElement)?.focus({ preventScroll: true });
  }

  /** Show the on-screen stick after the first touch. */
  showStick() {
    this.stick.hidden = false;
    this.hint.hidden = true;
  }

  /**
   * Show the position of the stick.
   * @param {number} dx pixels
   * @param {number} dy pixels
   */
  moveStick(dx, dy) {
    const knob = /** @type {HTMLElement} */ (this.stick.firstElementChild);
    knob.style.transform = `translate(${dx}px, ${dy}px)`;
  }
}
