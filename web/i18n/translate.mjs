// Translation of the user interface. A text is written in English where it is shown, `tr("Run the workflow.")`; a dictionary
// has it in another language, and missing texts stay English. To add a language: a file like zh.mjs, listed in DICTIONARIES.

import { ZH } from "./zh.mjs";

/** @typedef {Record<string, string | number>} Values */

/** @type {Record<string, Record<string, string>>} */
const DICTIONARIES = { zh: ZH };

/**
 * @param {unknown} locale such as "zh", "zh-TW" or "en-US"
 * @returns {string} a language with a dictionary, or "en"
 */
export function languageOf(locale) {
  const name = String(locale ?? "").toLowerCase().split(/[-_]/)[0];
  return Object.hasOwn(DICTIONARIES, name) ? name : "en";
}

/** The graph editor of this page, if it is one. */
function editorOf() {
  const { app, comfyAPI } = /** @type {any} */ (window);
  return comfyAPI?.app?.app ?? app; // `app` is set later than the first texts
}

/** The current language: the graph editor's setting, or without an editor the browser's. */
export function language() {
  if (typeof window === "undefined") return "en"; // tests without a page
  return languageOf(editorOf()?.extensionManager?.setting?.get?.("Comfy.Locale") || navigator.language);
}

/** @typedef {{ text: string, values?: Values }} Label */
/** @type {Map<string, Label>} shown texts by their translation; of texts with values, the latest */
const labels = new Map();
/** @type {Map<string, Label>} */
const filled = new Map();
const MOST_FILLED = 1000;

/** @type {Set<() => void>} */
const listeners = new Set();
let isListening = false;

/**
 * Translate a view again whenever the editor's language changes.
 * @param {HTMLElement} root of the view
 * @param {() => void} [redraw] updates texts that are composed of several, afterwards
 * @returns {() => void} removes the listener
 */
export function followLanguage(root, redraw) {
  const settings = editorOf()?.ui?.settings;
  if (!isListening && settings?.addEventListener) {
    isListening = true;
    // The event comes before the setting has the new value.
    settings.addEventListener("Comfy.Locale.change", () => setTimeout(() => [...listeners].forEach((listener) => listener())));
  }
  const listener = () => {
    root.lang = language();
    retranslate(root);
    redraw?.();
  };
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const SHOWN = ["title", "aria-label", "placeholder", "data-empty"];

/** Translate an element that shows another language. @param {HTMLElement} root */
export function retranslate(root) {
  const again = (/** @type {string | null} */ shown) => {
    const known = labels.get(shown ?? "") ?? filled.get(shown ?? "");
    return known && tr(known.text, known.values);
  };
  for (const element of [root, ...root.querySelectorAll("*")]) {
    for (const name of SHOWN) {
      const text = again(element.getAttribute(name));
      if (text) element.setAttribute(name, text);
    }
    for (const node of element.childNodes) {
      const text = node.nodeType === Node.TEXT_NODE && again(node.nodeValue);
      if (text) node.nodeValue = text;
    }
  }
}

/** @param {string} text with {names} @param {Values} values */
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));

/**
 * Translate a text. A test collects the texts by their literals, so `text` is always one.
 * @param {string} text in English; {names} stand for values
 * @param {Values} [values]
 * @returns {string}
 */
export function tr(text, values) {
  const translated = DICTIONARIES[language()]?.[text] ?? text;
  const shown = values ? fill(translated, values) : translated;
  const memory = values ? filled : labels;
  memory.delete(shown);
  memory.set(shown, { text, values });
  if (filled.size > MOST_FILLED) filled.delete(/** @type {string} */ (filled.keys().next().value));
  return shown;
}
