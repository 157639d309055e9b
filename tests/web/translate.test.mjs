import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { language, languageOf, tr } from "../../web/i18n/translate.mjs";
import { ZH } from "../../web/i18n/zh.mjs";

const WEB = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "web");
const OURS = readdirSync(WEB, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.m?js$/.test(name) && !/^(vendor|i18n)\b/.test(name))
  .map((name) => join(WEB, name));

const ATTRIBUTES = ["aria-label", "title", "placeholder", "alt"];
const REGEX_AFTER = /(^|[=(,:;!&|?{}[]|\breturn|=>)\s*$/; // a slash there begins a pattern, elsewhere it divides

/**
 * The string literals of a module, without those in comments.
 * @param {string} code
 * @returns {{ text: string, before: string, after: string }[]} what a reader sees ({} for a value), and the code around
 */
function literalsOf(code) {
  const found = [];
  let plain = ""; // code up to here; literals are §, but for names of attributes
  let i = 0;
  /** Read from here to a closing brace that opens nowhere (of a template's value), or to the end. */
  function read() {
    let depth = 0;
    while (i < code.length) {
      const rest = code.slice(i, i + 2);
      const sign = code[i];
      if (rest === "//") i = (code.indexOf("\n", i) + 1 || code.length + 1) - 1;
      else if (rest === "/*") i = code.indexOf("*/", i) + 2;
      else if (sign === "/" && REGEX_AFTER.test(plain.slice(-40))) {
        const pattern = /^\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[\n])+\/\w*/.exec(code.slice(i));
        i += pattern?.[0].length ?? 1;
        plain += "/./";
      } else if (sign === '"' || sign === "'") {
        const text = /^(["'])((?:\\.|(?!\1).)*)\1/s.exec(code.slice(i));
        assert.ok(text, `a string that does not end: ${code.slice(i, i + 60)}`);
        i += text[0].length;
        add(JSON.parse(`"${sign === "'" ? text[2].replaceAll('"', '\\"').replaceAll("\\'", "'") : text[2]}"`));
      } else if (sign === "`") template();
      else {
        if (sign === "{") depth++;
        if (sign === "}" && --depth < 0) return;
        plain += sign;
        i++;
      }
    }
  }
  function template() {
    i++;
    let text = "";
    const entry = add(""); // its place comes before those of the literals inside
    while (code[i] !== "`") {
      if (code[i] === "\\") text += code[i++] + code[i++];
      else if (code.startsWith("${", i)) {
        i += 2;
        const outer = plain;
        plain += "(";
        read();
        plain = outer;
        i++;
        text += "{}";
      } else text += code[i++];
    }
    i++;
    entry.text = text;
    entry.end = i;
  }
  /** @param {string} text */
  function add(text) {
    const entry = { text, before: plain, end: i };
    found.push(entry);
    plain += ATTRIBUTES.includes(text) ? `"${text}"` : "§";
    return entry;
  }
  read();
  return found.map(({ text, before, end }) => ({ text, before, after: code.slice(end, end + 20) }));
}

const IS_TR = /(?<![\w.])tr\(\s*$/;

/** @type {Map<string, string[]>} text -> files */
const shown = new Map();
for (const file of OURS) {
  for (const { text, before, after } of literalsOf(readFileSync(file, "utf8"))) {
    if (!IS_TR.test(before)) continue;
    assert.match(after, /^\s*[,)]/, `${relative(WEB, file)}: tr needs one whole literal: ${text}`);
    shown.set(text, [...(shown.get(text) ?? []), relative(WEB, file)]);
  }
}

/** @param {string} text @returns {string[]} */
const namesIn = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

test("the reader of modules sees literals, templates and patterns as they are", () => {
  const code = 'a("x\\"y", /"/.test(b) /* "no" */, `one ${c ? "two" : d} three`); // "no"\nconst e = \'f "g"\' + 4 / 2 / "h";';
  assert.deepEqual(literalsOf(code).map(({ text }) => text), ['x"y', "one {} three", "two", 'f "g"', "h"]);
});

test("every text has a Chinese one with the same values in it, and no other is kept", () => {
  assert.ok(shown.size > 120, `only ${shown.size} texts were found`);
  assert.deepEqual([...shown.keys()].filter((text) => !Object.hasOwn(ZH, text)), [], "texts that zh.mjs lacks");
  assert.deepEqual(Object.keys(ZH).filter((text) => !shown.has(text)), [], "texts of zh.mjs that are not shown");
  for (const [text, chinese] of Object.entries(ZH)) {
    assert.deepEqual(namesIn(chinese), namesIn(text), text);
    assert.notEqual(chinese, text);
    assert.doesNotMatch(chinese, /[\p{Script=Han}][,:;?!]|\p{Script=Han}\.( |$)/u, "Chinese has signs of its own");
  }
});

test("tr is called with literals, so that none is missed", () => {
  for (const file of OURS) {
    const code = readFileSync(file, "utf8").replace(/\/\/.*|\/\*[^]*?\*\//g, "");
    assert.doesNotMatch(code, /(?<![\w.])tr\(\s*[^\s"]/, relative(WEB, file));
  }
});

// What a reader may see: several words, or a word that goes where texts go.
const WORDS = /[A-Za-z]{2,}[,.:]? \(?[A-Za-z]{2,}/;
const SHOWN =
  /(\.(textContent|title|placeholder|label)\s*=[^=]|\b(say|tell|fail|fillText|Error)\(|\b(title|label|detail|summary|placeholder):)[^;,]*$/;
const SHOWN_ATTRIBUTE = new RegExp(`"(${ATTRIBUTES.join("|")})"\\s*[,:][^;,]*$`);
const ELSEWHERE = /\bname: $|===? $/; // a widget's name is not what it shows; what is compared is not shown
const NOT_SHOWN = [
  /^</, // drawings
  /^[\w-]+:[^;]*;/, // styles
  /\bvoid main\b|\bfloat \w+ = /, // shaders
  /^m3d-|-m3d-/, // classes
  /^\d+px |^translate\(|^\(prefers-/, // of styles
  /^rgba?\(/, // colors
  /^M3D|^MATRIX3D/, // names of formats and types
  /^\{\} MB$/, // the same everywhere
];
// Seen by programmers only, or caught.
const FOR_PROGRAMMERS = new Set([
  "a viewer action needs id, label and run",
  "another file was shown",
  "another frame was shown",
  "no WebGL 2",
  "not a recording",
  "nothing is shown",
  "the viewer was closed",
]);

test("no text that a reader may see is left untranslated", () => {
  const left = [];
  for (const file of OURS) {
    for (const { text, before } of literalsOf(readFileSync(file, "utf8"))) {
      if (IS_TR.test(before) || ELSEWHERE.test(before) || FOR_PROGRAMMERS.has(text) || NOT_SHOWN.some((pattern) => pattern.test(text))) continue;
      const line = before.slice(before.lastIndexOf("\n") + 1);
      const letters = text.replaceAll("{}", "");
      if ((/[A-Za-z]{2,}/.test(letters) && WORDS.test(text.replaceAll("{}", "value"))) || (/[A-Za-z]{3,}/.test(letters) && (SHOWN.test(line) || SHOWN_ATTRIBUTE.test(line)))) {
        left.push(`${relative(WEB, file)}: ${text}`);
      }
    }
  }
  assert.deepEqual(left, []);
});

test("languages are known by their first part; others are English", () => {
  assert.deepEqual(["zh", "zh-TW", "zh_CN", "ZH-Hans-CN"].map(languageOf), ["zh", "zh", "zh", "zh"]);
  assert.deepEqual(["en", "en-US", "fr", "zhuang", "constructor", "", null, undefined, 7].map(languageOf), Array(9).fill("en"));
});

test("without a page texts are English; values fill the names", () => {
  assert.equal(language(), "en");
  assert.equal(tr("Frame"), "Frame");
  assert.equal(tr("{part} of {whole}", { part: 1, whole: "{part}" }), "1 of {part}");
});

test("the editor's setting counts before the browser's language, and is asked each time", async () => {
  const settings = { "Comfy.Locale": "zh-TW" };
  const app = { extensionManager: { setting: { get: (/** @type {string} */ name) => settings[name] } } };
  /** @param {object} window @param {string} copy @param {(words: typeof import("../../web/i18n/translate.mjs")) => void} check */
  const within = async (window, copy, check) => {
    const words = await import(`../../web/i18n/translate.mjs?${copy}`);
    Object.assign(globalThis, { window });
    Object.defineProperty(globalThis, "navigator", { value: { language: "zh-CN" }, configurable: true });
    check(words);
    Reflect.deleteProperty(globalThis, "window");
  };
  await within({ comfyAPI: { app: { app } } }, "early", (words) => {
    assert.equal(words.tr("Frame"), ZH.Frame);
    settings["Comfy.Locale"] = "en"; // and back, without loading the page again
    assert.equal(words.tr("Frame"), "Frame");
  });
  await within({ app }, "late", (words) => assert.equal(words.tr("Frame"), "Frame"));
  await within({}, "alone", (words) => assert.equal(words.tr("Frame"), ZH.Frame));
});

test("what reads alike in another language says the same in English, so that it can be translated again", () => {
  const first = new Map();
  for (const [english, chinese] of Object.entries(ZH)) {
    assert.ok(!first.has(chinese), `${english} and ${first.get(chinese)} are both ${chinese}`);
    first.set(chinese, english);
  }
});
