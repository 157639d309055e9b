// The row of buttons and numbers below the views.

import { make } from "./canvas.mjs";

const FIELDS = /** @type {const} */ (["x", "y", "z", "yaw", "pitch"]);

export class Tools {
  /** @param {import("./studio.mjs").Studio} studio @param {AbortSignal} signal */
  constructor(studio, signal) {
    this.studio = studio;
    this.signal = signal;
    this.box = make("div", "m3d-studio-tools");
    const { texts, path } = studio;
    this.button("add", texts.add, texts.addTip, () => studio.addAfter());
    this.remove = this.button("remove", texts.remove, texts.removeTip, () => path.remove());
    /** @type {Record<string, HTMLInputElement>} */
    this.fields = Object.fromEntries(FIELDS.map((name, i) => [name, this.field(name, i)]));
    this.presets = make("select", "", { title: texts.presetTip, "aria-label": texts.presetTip });
    this.presets.addEventListener("change", () => this.takePreset(), { signal });
    this.box.append(this.presets);
    this.given = this.button("given", texts.given, texts.givenTip, () => studio.start(studio.scene?.given ?? []));
    this.clear = this.button("clear", texts.clear, texts.clearTip, () => studio.start([]));
  }

  /** @param {string} name @param {string} text @param {string} tip @param {() => void} run */
  button(name, text, tip, run) {
    const made = make("button", "", { type: "button", title: tip, "aria-label": tip, "data-action": name });
    made.textContent = text;
    made.addEventListener("click", run, { signal: this.signal });
    this.box.append(made);
    return made;
  }

  /** @param {FIELDS[number]} name @param {number} i */
  field(name, i) {
    const { signal } = this;
    const { texts, path } = this.studio;
    const label = make("label");
    label.append(texts.fields[name]);
    const field = make("input", "", { type: "number", step: i < 3 ? "0.1" : "5", "data-field": name });
    field.addEventListener("input", () => (field.dataset.typing = ""), { signal });
    field.addEventListener("blur", () => delete field.dataset.typing, { signal });
    field.addEventListener(
      "change",
      () => {
        delete field.dataset.typing;
        path.change({ [i]: Number(field.value) * (name === "y" ? -1 : 1) }, true);
      },
      { signal },
    );
    label.append(field);
    this.box.append(label);
    return field;
  }

  async takePreset() {
    const preset = this.presets.value;
    this.presets.value = "";
    const keys = await this.studio.client.preset(preset);
    if (keys) this.studio.start(keys);
  }

  /** Show the presets and the input of a scene. @param {import("./studio_client.mjs").Scene} scene */
  offer({ presets, given }) {
    this.presets.replaceChildren(
      ...["", ...presets].map((name) => {
        const option = make("option", "", { value: name });
        option.textContent = name ? name.replaceAll("_", " ") : this.studio.texts.preset;
        return option;
      }),
    );
    this.given.hidden = !given?.length;
  }

  draw() {
    const { key, keys } = this.studio.path;
    for (const [i, name] of FIELDS.entries()) {
      const field = this.fields[name];
      field.disabled = !key;
      if ("typing" in field.dataset) continue;
      field.value = key ? String(Number((name === "y" ? -key[i] : key[i]).toFixed(i < 3 ? 2 : 0)) + 0) : "";
    }
    this.remove.disabled = !key;
    this.clear.disabled = !keys.length;
  }
}
