// The tool bar of the selection. Only elements.

import { tr } from "../../i18n/translate.mjs";

/** @typedef {"click" | "box" | "sphere" | "lasso" | "brush"} Tool */

const ICONS = {
  click: '<path d="M9 4v9l-2.5-2c-1-.8-2.4.3-1.8 1.5L8 18.5c.6 1 1.6 1.5 2.8 1.5H15c1.9 0 3.2-1.3 3.2-3.2V12c0-.8-.6-1.4-1.4-1.4L12 10V4a1.5 1.5 0 0 0-3 0Z"/>',
  box: '<path d="M12 3 20 7.5v9L12 21 4 16.5v-9ZM4 7.5l8 4.5 8-4.5M12 12v9"/>',
  sphere: '<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12c0 2 3.8 3.6 8.5 3.6s8.5-1.6 8.5-3.6"/>',
  lasso: '<path d="M7.5 16.5C4.8 15.600 3 13.700 3 11.500 3 8 7 5 12 5s9 3 9 6.500-4 6.500-9 6.500c-.7 0-1.400-.1-2-.2"/><circle cx="7.800" cy="17.800" r="1.800"/><path d="M8 19.600c0 1-.5 1.900-1.500 2.400"/>',
  brush: '<path d="M20 4 10 14M10 14c-3-1-5 1-5 3s-1 2-2 2c3 2 8 1 8-2 0-1 0-2-1-3Z"/>',
  add: '<path d="M12 5v14M5 12h14"/>',
  subtract: '<path d="M5 12h14"/>',
  replace: '<path d="M5 9h14M5 15h14"/>',
  undo: '<path d="M8 5 3.500 9.500 8 14M4 9.500h10a5 5 0 0 1 0 10h-3"/>',
  redo: '<path d="m16 5 4.500 4.500L16 14M20 9.500H10a5 5 0 0 0 0 10h3"/>',
  clear: '<path d="M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12"/>',
};

const labels = () => ({
  click: tr("Select an object: click it (1)"),
  box: tr("Box: press on the ground and drag (2)"),
  sphere: tr("Sphere: press on a surface and drag (3)"),
  lasso: tr("Lasso: draw around something (4)"),
  brush: tr("Brush (5)"),
  add: tr("Add to the selection (Shift)"),
  subtract: tr("Take away from the selection (Alt)"),
  replace: tr("Replace the selection"),
  undo: tr("Undo (Ctrl+Z)"),
  redo: tr("Redo (Ctrl+Shift+Z)"),
  clear: tr("Select nothing"),
});

export class Toolbar {
  /** @param {HTMLElement} root @param {(action: string) => void} onAction @param {(option: string, value: number) => void} onOption */
  constructor(root, onAction, onOption) {
    this.element = document.createElement("div");
    this.element.className = "m3d-bar m3d-edit";
    this.element.dataset.part = "edit";
    this.element.setAttribute("role", "toolbar");
    this.element.setAttribute("aria-label", tr("Selection"));
    /** @type {Map<string, HTMLButtonElement>} */
    this.buttons = new Map();
    for (const [action, title] of Object.entries(labels())) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.action = action;
      button.title = title;
      button.setAttribute("aria-label", title);
      button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true">${ICONS[/** @type {keyof ICONS} */ (action)]}</svg>`;
      button.addEventListener("click", () => onAction(action));
      this.buttons.set(action, button);
      this.element.append(button);
    }
    this.element.addEventListener("pointerdown", (event) => {
      if (event.target instanceof HTMLInputElement) return;
      event.preventDefault(); // the view keeps the focus, and so its keys
      root.focus({ preventScroll: true });
    });
    this.options = document.createElement("div");
    this.options.className = "m3d-edit-options";
    /** @type {Map<string, HTMLInputElement>} */
    this.inputs = new Map();
    this.range("tolerance", tr("Tolerance"), 0.02, 0.6, 0.01, onOption);
    this.range("radius", tr("Size"), 0.005, 0.2, 0.005, onOption);
    const through = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.addEventListener("change", () => onOption("through", Number(box.checked)));
    through.append(box, document.createElement("span"));
    /** @type {HTMLElement} */ (through.lastChild).textContent = tr("Through");
    through.title = tr("Also select what is hidden");
    this.inputs.set("through", box);
    this.count = document.createElement("output");
    this.options.append(through, this.count);
    this.element.append(this.options);
    root.append(this.element);
  }

  /** @param {string} name @param {string} text @param {number} low @param {number} high @param {number} step @param {(option: string, value: number) => void} onOption */
  range(name, text, low, high, step, onOption) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    [input.type, input.min, input.max, input.step] = ["range", String(low), String(high), String(step)];
    input.addEventListener("input", () => onOption(name, Number(input.value)));
    const words = document.createElement("span");
    words.textContent = text;
    label.append(words, input);
    this.inputs.set(name, input);
    this.options.append(label);
  }

  /**
   * @param {{ tool: Tool | null, mode: string, canUndo: boolean, canRedo: boolean, options: Record<string, number> }} state
   */
  show({ tool, mode, canUndo, canRedo, options }) {
    for (const [action, button] of this.buttons) {
      button.setAttribute("aria-pressed", String(action === tool || action === mode));
    }
    const disable = (/** @type {string} */ action, /** @type {boolean} */ is) => (/** @type {HTMLButtonElement} */ (this.buttons.get(action)).disabled = is);
    disable("undo", !canUndo);
    disable("redo", !canRedo);
    disable("clear", !canUndo);
    const shown = { tolerance: tool === "click", radius: tool === "brush", through: tool === "lasso" || tool === "brush" };
    for (const [name, input] of this.inputs) {
      /** @type {HTMLElement} */ (input.parentElement).hidden = !shown[/** @type {keyof typeof shown} */ (name)];
      if (name === "through") input.checked = options.through > 0;
      else input.value = String(options[name]);
    }
  }

  /** @param {number | null} count of the selected splats; null: not known */
  showCount(count) {
    this.count.textContent = count === null ? tr("Run the workflow to select.") : tr("{count} selected", { count: count.toLocaleString("en-US") });
  }
}
