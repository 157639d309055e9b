// The graph editor's texts in Chinese, and back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { translateChoices, translatePattern, translateGraph, translatePhases, translateTemplate } from "../../web/i18n/graph_labels.mjs";
import { CHOICES, PHASES } from "../../web/i18n/zh_graph.mjs";
import { TEMPLATES } from "../../web/i18n/zh_templates.mjs";

/** @param {string} locale @param {() => void} check */
function within(locale, check) {
  const app = { extensionManager: { setting: { get: () => locale } } };
  Object.assign(globalThis, { window: { app } });
  try {
    check();
  } finally {
    Reflect.deleteProperty(globalThis, "window");
  }
}

const namesIn = (/** @type {string} */ text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

test("the words are whole: the same values, no English left as it is, one way back", () => {
  for (const words of [CHOICES, PHASES, TEMPLATES]) {
    for (const [english, translated] of Object.entries(words)) {
      assert.deepEqual(namesIn(translated), namesIn(english), english);
      assert.notEqual(translated, english);
      assert.match(translated, /\p{Script=Han}/u, english);
    }
  }
  const translated = Object.values(TEMPLATES);
  assert.deepEqual(translated.filter((text, k) => translated.indexOf(text) !== k), []);
});

test("values of a phase go where its words say", () => {
  assert.equal(translatePattern("fill frame 3 of 81", PHASES), "填补帧 3 / 81");
  assert.equal(translatePattern("fit splats: step 20 of 700, about 1 min left", PHASES), "拟合泼溅：第 20 / 700 步，约剩 1 分钟");
  assert.equal(translatePattern("prepare the backend (compiles on first use)", PHASES), "准备后端（首次使用时编译）");
  assert.equal(translatePattern("of another pack", PHASES), "of another pack");
  assert.equal(translatePattern("fill frame 3 of 81", undefined), "fill frame 3 of 81");
});

test("choices are shown in Chinese and stay what they are", () => {
  const make = () => ({ widgets: [{ type: "combo", value: "draft", options: {} }, { type: "number", options: {} }] });
  const node = /** @type {any} */ (make());
  within("en-US", () => translateChoices(node));
  assert.deepEqual(node, make());
  within("zh", () => {
    translateChoices(node);
    assert.equal(node.widgets[0].options.getOptionLabel("draft"), "草稿");
    assert.equal(node.widgets[0].options.getOptionLabel("my file.png"), "my file.png");
    assert.equal(node.widgets[0].options.getOptionLabel("constructor"), "constructor");
  });
  assert.equal(node.widgets[0].value, "draft");
  assert.equal(node.widgets[1].options.getOptionLabel, undefined);
});

test("the text of a running node is translated where the host shows it", async () => {
  const api = new EventTarget();
  const shown = { value: "" };
  const node = { id: 7, widgets: [{ value: "draft" }, shown] };
  translatePhases(/** @type {any} */ (api), { canvas: { graph: { nodes: [{ id: 3 }, node] } } });
  api.addEventListener("progress_text", (event) => { shown.value = /** @type {any} */ (event).detail.text; }); // the host
  const say = (/** @type {string} */ text) =>
    api.dispatchEvent(new CustomEvent("progress_text", { detail: { nodeId: "5:7", text } }));
  within("zh", () => say("guidance rendered"));
  await Promise.resolve();
  assert.equal(shown.value, "引导已渲染");
  within("zh", () => say("nothing that we say"));
  await Promise.resolve();
  assert.equal(shown.value, "nothing that we say");
  within("en", () => say("guidance rendered"));
  await Promise.resolve();
  assert.deepEqual(node.widgets.map(({ value }) => value), ["draft", "guidance rendered"]);
});

test("a template is translated to the current language, and a user's texts stay", () => {
  const line = "Describe your scene in *Panorama Prompt*.";
  const note = { type: "MarkdownNote", title: "Read me", widgets: [{ value: `mine\n\n${line}` }] };
  const node = { type: "PanoLoad", title: "My node", widgets: [{ value: "Words" }] };
  const root = { nodes: [note, node], groups: [{ title: "Words" }, { title: "my group" }] };
  const tell = (/** @type {string} */ locale) => within(locale, () => translateGraph({ graph: root }, (one) => one === node));
  tell("zh");
  assert.equal(note.title, TEMPLATES["Read me"]);
  assert.equal(note.widgets[0].value, `mine\n\n${TEMPLATES[line]}`);
  assert.deepEqual([node.title, node.widgets[0].value], ["My node", "Words"]);
  assert.deepEqual(root.groups.map(({ title }) => title), [TEMPLATES.Words, "my group"]);
  tell("en");
  assert.equal(note.widgets[0].value, `mine\n\n${line}`);
  assert.deepEqual(root.groups.map(({ title }) => title), ["Words", "my group"]);
  within("zh", () => translateGraph({ graph: root }, () => false));
  assert.equal(note.title, "Read me", "a workflow without a node of ours is somebody else's");
  assert.equal(translateTemplate("no template says this"), "no template says this");
});
