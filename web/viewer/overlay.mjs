// What lies over the picture: position line, buttons, help, messages, stick. Only elements, no state of the world.

const ICONS = {
  orbit: '<path d="M19.5 14.5a8 8 0 1 1 .2-4.6"/><path d="M20.5 5v5h-5"/><circle cx="12" cy="12" r="1.6"/>',
  reset: '<path d="M4 11 12 4l8 7"/><path d="M6.5 9.5V20h11V9.5"/>',
  lock: '<path d="m6 3 12.5 8.2-5.4 1.2 3.2 5.6-2.4 1.3-3.1-5.6L7 17.4Z"/>',
  screenshot: '<path d="M4 8h3.5L9 5.5h6L16.5 8H20v11H4Z"/><circle cx="12" cy="13" r="3.4"/>',
  depth: '<path d="M3 19h18L15.5 8l-3.6 6-2.6-3Z"/><path d="M3 5h18"/>',
  path: '<circle cx="6" cy="17" r="2.4"/><circle cx="18" cy="7" r="2.4"/><path d="M8.4 17H14a3 3 0 0 0 0-6h-3a3 3 0 0 1 0-4h4.6"/>',
  help: '<path d="M9 9.2a3 3 0 1 1 4.4 2.6c-.9.5-1.4 1.1-1.4 2.2"/><path d="M12 17.6v.2"/><circle cx="12" cy="12" r="9"/>',
  fullscreen: '<path d="M9 4H4v5M15 4h5v5M9 20H4v-5M15 20h5v-5"/>',
};

const BUTTONS = [
  ["orbit", "Orbit around what is ahead (O)"],
  ["reset", "Back to the start (R)"],
  ["depth", "Show depth (Z)"],
  ["lock", "Look with the mouse without dragging (L), Esc ends"],
  ["screenshot", "Save a picture (P)"],
  ["path", "Record a path (T), key poses (K)"],
  ["help", "Keys (H)"],
  ["fullscreen", "Full screen (F)"],
];

const HELP = [
  ["W A S D, arrows", "walk"],
  ["Q, E", "down, up"],
  ["Shift", "three times as fast"],
  ["Wheel", "walking speed (orbit: distance)"],
  ["Drag", "look around"],
  ["L", "look without dragging, Esc ends"],
  ["O", "orbit or walk"],
  ["Z", "depth or colours"],
  ["R", "back to the start"],
  ["P", "save a picture"],
  ["T", "record the walk, or stop"],
  ["K", "add a key pose"],
  ["V", "hand this view to the graph"],
  ["F", "full screen"],
  ["Touch", "one finger looks, two move, stick walks"],
  ["Esc", "leave the view"],
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

export class Overlay {
  /**
   * @param {HTMLElement} root
   * @param {(action: string) => void} onAction called with the name of the button that was pressed
   */
  constructor(root, onAction) {
    this.hud = make("div", "m3d-hud", { "data-part": "hud" });
    this.hint = make("div", "m3d-hint");
    this.hint.textContent = "W A S D to walk, drag to look";
    this.hint.hidden = true;
    this.bar = this.makeBar(onAction);
    this.help = this.makeHelp(onAction);
    this.stick = make("div", "m3d-stick", { "aria-hidden": "true" });
    this.stick.append(make("i"));
    this.stick.hidden = true;
    this.message = make("div", "m3d-message", { role: "status", "aria-live": "polite", "data-part": "message" });
    this.text = make("p");
    this.progress = /** @type {HTMLProgressElement} */ (make("progress"));
    this.detail = make("small");
    this.message.append(this.text, this.progress, this.detail);
    /** @type {(share: number) => void} called with the part of the view left of the line when it is moved */
    this.onWipe = () => {};
    this.wipe = this.makeWipe(root);
    this.onAction = onAction;
    this.note = make("div", "m3d-note", { role: "status", "aria-live": "polite", "data-part": "note" });
    this.note.hidden = true;
    this.noteTimer = 0;
    root.append(this.wipe, this.hud, this.hint, this.stick, this.note, this.bar, this.message, this.help);
  }

  /** Show a short line over the picture for a while. @param {string} text @param {"info" | "error"} [kind] */
  tell(text, kind = "info") {
    clearTimeout(this.noteTimer);
    this.note.textContent = text;
    this.note.dataset.kind = kind;
    this.note.hidden = !text;
    if (text) this.noteTimer = window.setTimeout(() => (this.note.hidden = true), kind === "error" ? 12_000 : 5_000);
  }

  /** Show the buttons of other modules before the help. @param {import("./actions.mjs").ViewerAction[]} actions */
  setExtras(actions) {
    for (const old of this.bar.querySelectorAll("[data-extra]")) old.remove();
    for (const old of this.help.querySelectorAll("[data-extra]")) old.remove();
    for (const { id, label, key = "", icon } of actions) {
      const letter = key.replace(/^(Key|Digit)/, "");
      const title = letter ? `${label} (${letter})` : label;
      const button = make("button", "", { type: "button", title, "aria-label": title, "data-action": id, "data-extra": "" });
      if (icon) button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true">${icon}</svg>`;
      else button.textContent = label.slice(0, 1);
      button.addEventListener("click", () => this.onAction(id));
      this.bar.querySelector('[data-action="help"]')?.before(button);
      if (!letter) continue;
      const [term, description] = [make("dt", "", { "data-extra": "" }), make("dd", "", { "data-extra": "" })];
      term.textContent = letter;
      description.textContent = label;
      this.help.querySelector("dl")?.append(term, description);
    }
  }

  /** @param {(action: string) => void} onAction */
  makeBar(onAction) {
    const bar = make("div", "m3d-bar", { role: "toolbar", "aria-label": "View" });
    for (const [action, title] of BUTTONS) {
      const button = make("button", "", { type: "button", title, "aria-label": title, "data-action": action });
      button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true">${ICONS[/** @type {keyof ICONS} */ (action)]}</svg>`;
      button.addEventListener("click", () => onAction(action));
      bar.append(button);
    }
    return bar;
  }

  /** The line between two worlds. @param {HTMLElement} root */
  makeWipe(root) {
    const line = make("div", "m3d-wipe", {
      role: "slider",
      tabindex: "0",
      "aria-label": "Line between the two worlds, arrows move it",
      "aria-valuemin": "0",
      "aria-valuemax": "100",
      "data-part": "wipe",
    });
    line.append(make("i"));
    line.hidden = true;
    line.addEventListener("pointerdown", (event) => line.setPointerCapture(event.pointerId));
    line.addEventListener("pointermove", (event) => {
      if (!line.hasPointerCapture(event.pointerId)) return;
      const box = root.getBoundingClientRect();
      this.onWipe((event.clientX - box.left) / (box.width || 1));
    });
    line.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.05, ArrowRight: 0.05 }[event.code];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation(); // or the visitor would walk
      this.onWipe(Number(line.getAttribute("aria-valuenow")) / 100 + step);
    });
    return line;
  }

  /** @param {number} share @param {boolean} isShown */
  moveWipe(share, isShown) {
    this.wipe.hidden = !isShown;
    this.wipe.style.left = `${100 * share}%`;
    this.wipe.setAttribute("aria-valuenow", String(Math.round(100 * share)));
  }

  /** @param {(action: string) => void} onAction */
  makeHelp(onAction) {
    const help = make("div", "m3d-help", { role: "dialog", "aria-label": "Keys of the view" });
    const list = make("dl");
    for (const [keys, what] of HELP) {
      const [term, description] = [make("dt"), make("dd")];
      term.textContent = keys;
      description.textContent = what;
      list.append(term, description);
    }
    help.append(list);
    help.hidden = true;
    help.addEventListener("click", () => onAction("help"));
    return help;
  }

  /**
   * Cover the picture with a text.
   * @param {string} text
   * @param {{ kind?: "info" | "busy" | "error", detail?: string, fraction?: number | null }} [options]
   */
  say(text, { kind = "info", detail = "", fraction = null } = {}) {
    this.message.hidden = false;
    this.message.dataset.kind = kind;
    this.text.textContent = text;
    this.detail.textContent = detail;
    this.progress.hidden = kind !== "busy";
    if (fraction === null) this.progress.removeAttribute("value");
    else this.progress.value = fraction;
    this.hud.hidden = this.bar.hidden = true;
    this.bar.style.display = "none";
  }

  uncover() {
    this.message.hidden = true;
    this.hud.hidden = this.bar.hidden = false;
    this.bar.style.display = "";
  }

  /**
   * @param {string} action
   * @param {boolean} isOn
   */
  press(action, isOn) {
    this.bar.querySelector(`[data-action="${action}"]`)?.setAttribute("aria-pressed", String(isOn));
  }

  toggleHelp(isOpen = this.help.hidden) {
    this.help.hidden = !isOpen;
    this.press("help", isOpen);
  }

  /** A finger was seen: give it a stick. */
  showStick() {
    this.stick.hidden = false;
    this.hint.hidden = true;
  }

  /**
   * Show how far the stick is pushed.
   * @param {number} dx pixels
   * @param {number} dy pixels
   */
  moveStick(dx, dy) {
    const knob = /** @type {HTMLElement} */ (this.stick.firstElementChild);
    knob.style.transform = `translate(${dx}px, ${dy}px)`;
  }
}
