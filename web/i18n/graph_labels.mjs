// Translations in the graph editor where locales/ do not apply: options of combo widgets, progress texts of running nodes, and
// the titles, groups and notes of templates. Saved and submitted values stay English.

import { language } from "./translate.mjs";
import { CHOICES, PHASES } from "./zh_graph.mjs";
import { TEMPLATES } from "./zh_templates.mjs";

/** @typedef {Record<string, string>} Dictionary */

/** @type {Record<string, { choices: Dictionary, phases: Dictionary, templates: Dictionary }>} */
const LANGUAGES = { zh: { choices: CHOICES, phases: PHASES, templates: TEMPLATES } };

/** @param {string} text @param {Dictionary | undefined} dictionary */
const lookUp = (text, dictionary) => (dictionary && Object.hasOwn(dictionary, text) ? dictionary[text] : text);

/** @param {string} text */
const quote = (text) => text.replace(/[.*+?^$()|[\]\\/]/g, "\\$&");

/** @type {Map<Dictionary, { pattern: RegExp, label: string }[]>} */
const patterns = new Map();

/**
 * Translate a text with values by the patterns of a dictionary, in which {names} stand for values.
 * @param {string} text @param {Dictionary | undefined} dictionary
 */
export function translatePattern(text, dictionary) {
  if (!dictionary || Object.hasOwn(dictionary, text)) return lookUp(text, dictionary);
  if (!patterns.has(dictionary)) {
    const filled = Object.entries(dictionary).filter(([english]) => english.includes("{"));
    const made = filled.map(([english, label]) => {
      const source = english.split(/\{(\w+)\}/).map((part, k) => (k % 2 ? `(?<${part}>.+?)` : quote(part)));
      return { pattern: new RegExp(`^${source.join("")}$`), label };
    });
    patterns.set(dictionary, made);
  }
  for (const { pattern, label } of patterns.get(dictionary) ?? []) {
    const values = text.match(pattern)?.groups;
    if (values) return label.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }
  return text;
}

/**
 * Translate the options of a node's combo widgets; their values stay.
 * @param {any} node of the graph editor
 */
export function translateChoices(node) {
  if (language() === "en") return; // the editor recreates all nodes when its language changes
  for (const widget of node.widgets ?? []) {
    if (widget.type !== "combo" || widget.options?.getOptionLabel) continue;
    widget.options.getOptionLabel = (/** @type {string | null} */ value) =>
      lookUp(String(value ?? ""), LANGUAGES[language()]?.choices);
  }
}

let isListening = false;

/**
 * Translate the progress texts of running nodes: the host's text on a node is replaced as soon as it appears.
 * @param {{ addEventListener(type: string, listener: (event: any) => void): void }} api the host's
 * @param {any} app the host's
 */
export function translatePhases(api, app) {
  if (isListening) return; // the editor registers all nodes again when its language changes
  isListening = true;
  api.addEventListener("progress_text", ({ detail }) => {
    const label = translatePattern(String(detail?.text ?? ""), LANGUAGES[language()]?.phases);
    if (label === detail?.text) return;
    queueMicrotask(() => {
      const id = String(detail.nodeId).split(":").pop(); // inside a subgraph: the path of ids to it
      const node = app.canvas?.graph?.nodes?.find((/** @type {any} */ one) => String(one.id) === id);
      for (const widget of node?.widgets ?? []) if (widget.value === detail.text) widget.value = label;
    });
  });
}

/**
 * Translate a text of a template, from whichever language it is in, line by line.
 * @param {string} text
 */
export const translateTemplate = (text) => text.split("\n").map(translateLine).join("\n");

/** @param {string} text */
function translateLine(text) {
  let english = text;
  for (const { templates } of Object.values(LANGUAGES)) {
    english = Object.keys(templates).find((key) => templates[key] === text) ?? english;
  }
  return lookUp(english, LANGUAGES[language()]?.templates);
}

/**
 * Translate titles, groups and notes of the templates. Texts of the user are not in the dictionary and stay.
 * @param {any} app the host's
 * @param {(node: any) => boolean} isOurs
 */
export function translateGraph(app, isOurs) {
  const root = app.rootGraph ?? app.graph;
  const graphs = [root, ...(root?.subgraphs?.values?.() ?? [])];
  const nodes = graphs.flatMap((graph) => graph?.nodes ?? []);
  if (!nodes.some(isOurs)) return; // a workflow without nodes of this pack
  for (const graph of graphs.slice(1)) if (graph.name) graph.name = translateTemplate(graph.name);
  for (const node of nodes) {
    const title = translateTemplate(String(node.title ?? ""));
    if (title !== node.title) node.title = title;
    if (!/Note$/.test(node.type)) continue;
    for (const widget of node.widgets ?? []) {
      const label = typeof widget.value === "string" ? translateTemplate(widget.value) : widget.value;
      if (label !== widget.value) widget.value = label;
    }
  }
  for (const group of graphs.flatMap((graph) => graph?.groups ?? [])) {
    const title = translateTemplate(String(group.title ?? ""));
    if (title !== group.title) group.title = title;
  }
  root?.setDirtyCanvas?.(true, true);
}
