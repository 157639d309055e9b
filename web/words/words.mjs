// Texts that people read, in their language. A text is written in English where it is shown, `tr("Run the graph.")`; a
// dictionary gives the same text in another language, and what it lacks stays English. To add a language: a file like
// zh.mjs, named in DICTIONARIES.

import { ZH } from "./zh.mjs";

/** @typedef {Record<string, string | number>} Values */

/** @type {Record<string, Record<string, string>>} */
const DICTIONARIES = { zh: ZH };

/**
 * @param {unknown} locale such as "zh", "zh-TW" or "en-US"
 * @returns {string} a language that there is a dictionary for, else "en"
 */
export function languageOf(locale) {
  const name = String(locale ?? "").toLowerCase().split(/[-_]/)[0];
  return Object.hasOwn(DICTIONARIES, name) ? name : "en";
}

/** The reader's language now: the graph editor's setting, without an editor the browser's. */
export function language() {
  if (typeof window === "undefined") return "en"; // no page, no reader
  const { app, comfyAPI } = /** @type {any} */ (window);
  const editor = comfyAPI?.app?.app ?? app; // `app` comes later than the first texts
  return languageOf(editor?.extensionManager?.setting?.get?.("Comfy.Locale") || navigator.language);
}

/** @param {string} text with {names} @param {Values} values */
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));

/**
 * A text in the reader's language. The test of these words finds texts by their literals, so `text` is always one.
 * @param {string} text in English; {names} stand for values
 * @param {Values} [values]
 * @returns {string}
 */
export function tr(text, values) {
  const told = DICTIONARIES[language()]?.[text] ?? text;
  return values ? fill(told, values) : told;
}
