// The graph editor in the reader's language, where its own translations (locales/) do not reach: choices of lists,
// what a running node says, and the titles, groups and notes of templates. What is saved and sent stays English.

import { language } from "./translate.mjs";
import { CHOICES, PHASES, TEMPLATES } from "./zh_graph.mjs";

/** @typedef {Record<string, string>} Words */

/** @type {Record<string, { choices: Words, phases: Words, templates: Words }>} */
const LANGUAGES = { zh: { choices: CHOICES, phases: PHASES, templates: TEMPLATES } };

/** @param {string} text @param {Words | undefined} words */
const look = (text, words) => (words && Object.hasOwn(words, text) ? words[text] : text);

/** @param {string} text */
const quote = (text) => text.replace(/[.*+?^$()|[\]\\/]/g, "\\$&");

/** @type {Map<Words, { pattern: RegExp, label: string }[]>} */
const patterns = new Map();

/**
 * A text with values in it, filled into the words in which {names} stand for values.
 * @param {string} text @param {Words | undefined} words
 */
export function tellFilled(text, words) {
  if (!words || Object.hasOwn(words, text)) return look(text, words);
  if (!patterns.has(words)) {
    const filled = Object.entries(words).filter(([english]) => english.includes("{"));
    const made = filled.map(([english, label]) => {
      const source = english.split(/\{(\w+)\}/).map((part, k) => (k % 2 ? `(?<${part}>.+?)` : quote(part)));
      return { pattern: new RegExp(`^${source.join("")}$`), label };
    });
    patterns.set(words, made);
  }
  for (const { pattern, label } of patterns.get(words) ?? []) {
    const values = text.match(pattern)?.groups;
    if (values) return label.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }
  return text;
}

/**
 * Show the choices of a node's lists in the reader's language; their values stay.
 * @param {any} node of the graph editor
 */
export function tellChoices(node) {
  if (language() === "en") return; // the editor makes all nodes anew when its language changes
  for (const widget of node.widgets ?? []) {
    if (widget.type !== "combo" || widget.options?.getOptionLabel) continue;
    widget.options.getOptionLabel = (/** @type {string | null} */ value) =>
      look(String(value ?? ""), LANGUAGES[language()]?.choices);
  }
}

let isTelling = false;

/**
 * Let running nodes speak the reader's language: what the host writes on a node is replaced as soon as it is there.
 * @param {{ addEventListener(type: string, listener: (event: any) => void): void }} api the host's
 * @param {any} app the host's
 */
export function tellPhases(api, app) {
  if (isTelling) return; // the editor registers all nodes anew when its language changes
  isTelling = true;
  api.addEventListener("progress_text", ({ detail }) => {
    const label = tellFilled(String(detail?.text ?? ""), LANGUAGES[language()]?.phases);
    if (label === detail?.text) return;
    queueMicrotask(() => {
      const id = String(detail.nodeId).split(":").pop(); // inside a subgraph: the way there, and its id
      const node = app.canvas?.graph?.nodes?.find((/** @type {any} */ one) => String(one.id) === id);
      for (const widget of node?.widgets ?? []) if (widget.value === detail.text) widget.value = label;
    });
  });
}

/**
 * A text of a template in the reader's language, whichever it is in now, line by line.
 * @param {string} text
 */
export const tellTemplate = (text) => text.split("\n").map(tellLine).join("\n");

/** @param {string} text */
function tellLine(text) {
  let english = text;
  for (const { templates } of Object.values(LANGUAGES)) {
    english = Object.keys(templates).find((key) => templates[key] === text) ?? english;
  }
  return look(english, LANGUAGES[language()]?.templates);
}

/**
 * Tell titles, groups and notes of the templates. What a user has written himself is in no dictionary and stays.
 * @param {any} app the host's
 * @param {(node: any) => boolean} isOurs
 */
export function tellGraph(app, isOurs) {
  const root = app.rootGraph ?? app.graph;
  const graphs = [root, ...(root?.subgraphs?.values?.() ?? [])];
  const nodes = graphs.flatMap((graph) => graph?.nodes ?? []);
  if (!nodes.some(isOurs)) return; // somebody else's workflow
  for (const graph of graphs.slice(1)) if (graph.name) graph.name = tellTemplate(graph.name);
  for (const node of nodes) {
    const title = tellTemplate(String(node.title ?? ""));
    if (title !== node.title) node.title = title;
    if (!/Note$/.test(node.type)) continue;
    for (const widget of node.widgets ?? []) {
      const label = typeof widget.value === "string" ? tellTemplate(widget.value) : widget.value;
      if (label !== widget.value) widget.value = label;
    }
  }
  for (const group of graphs.flatMap((graph) => graph?.groups ?? [])) {
    const title = tellTemplate(String(group.title ?? ""));
    if (title !== group.title) group.title = title;
  }
  root?.setDirtyCanvas?.(true, true);
}
