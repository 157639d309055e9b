"""The graph editor in Chinese beyond the host's own translations: choices, running nodes, templates; and back."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest
from chromium import open_front_end, open_page, run_graph
from javascript import find_node
from workflow_api import options_of

from matrix3d_core.io.splat_formats import FORMATS
from matrix3d_core.optimize.strategies import STRATEGIES
from matrix3d_core.raster.mesh import MESH_BACKENDS
from matrix3d_core.raster.splat import SPLAT_BACKENDS

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
OF_THE_HOST = {("PanoVideoSampler", "sampler_name"), ("PanoVideoSampler", "scheduler")}
NAMES = {  # the same in every language: formats, backends, methods, sizes
    *(
        "colmap + nerfstudio",
        "colmap",
        "nerfstudio",
        "png",
        "jpg",
        "exr",
        "hdr",
    ),
    *MESH_BACKENDS.names,
    *SPLAT_BACKENDS.names,
    *STRATEGIES,
    *("fp16", "bf16", "fp32", "480x960", "720x1440", "704x1408 (5B)"),
    *(form.name for form in FORMATS),
    *("512", "1024", "2048", "4096", "8192"),
    *("RDF (opencv)", "RUB (opengl)", "RUF (unity)", "FRU (unreal)", "RFU (blender)"),
    *("vr180", "matrix3d", "360", "logit", "c2w", "w2c"),
    *("opencv", "opengl", "pytorch3d", "blender", "unity", "unreal"),
}


@pytest.fixture(scope="module")
def words():
    """The dictionaries of ``zh_graph.mjs`` and ``zh_templates.mjs``."""
    modules = [(ROOT / "web/i18n" / name).as_uri() for name in ("zh_graph.mjs", "zh_templates.mjs")]
    code = f"Promise.all({json.dumps(modules)}.map(m => import(m))).then(all => console.log(JSON.stringify(all)))"
    done = subprocess.run([find_node(), "-e", code], capture_output=True, text=True, check=True)
    return {name: words for module in json.loads(done.stdout) for name, words in module.items()}


def test_every_choice_has_its_word(comfy, words):
    ours, all_choices = set(), set()
    for name, info in comfy.own_nodes().items():
        for key, spec in {**info["input"].get("required", {}), **info["input"].get("optional", {})}.items():
            if spec[0] == "COMBO" or isinstance(spec[0], list):
                values = spec[0] if isinstance(spec[0], list) else options_of(spec).get("options", [])
                all_choices |= set(values)
                if (name, key) not in OF_THE_HOST:
                    ours |= {v for v in values if not re.search(r"\.[a-z]{2,12}\d?\d?$", v.lower())}
    assert len(ours) > 120
    assert sorted(ours - words["CHOICES"].keys() - NAMES) == []
    assert sorted(words["CHOICES"].keys() - all_choices) == [], "words of choices that no node has"


def phases():
    """The phases in the library, with {} for values; those of the command line and of training aside."""
    found = set()

    def text(node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return {node.value}
        if isinstance(node, ast.JoinedStr):
            return {"".join(p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)}
        return set()

    for path in (ROOT / "matrix3d_core").rglob("*.py"):
        if path.parent.name in ("standalone", "training") or path.name == "training.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                is_event = getattr(node.func, "id", "") == "ProgressEvent"
                texts = [
                    *(node.args[2:3] if is_event else ()),
                    *(k.value for k in node.keywords if k.arg == "phase"),
                ]
                found |= set().union(*map(text, texts))
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "phase":
                found |= text(node.value)
    return found


def test_every_phase_has_its_words(words):
    known = {re.sub(r"\{\w+\}", "{}", english) for english in words["PHASES"]}
    found = phases()
    assert len(found) > 50
    # "LRM {plan}" and "{tiles} 3 of 8" hold words of their own in their values
    assert sorted(found - known - {"", "LRM {}", "{} {} of {}"}) == []


def test_every_text_of_the_templates_has_its_words(words):
    lacking = set()
    for path in (ROOT / "workflows").glob("*.json"):
        workflow = json.loads(path.read_text(encoding="utf-8"))
        for graph in (workflow, *workflow.get("definitions", {}).get("subgraphs", ())):
            texts = [graph["name"]] if "name" in graph else []
            texts += [group["title"] for group in graph.get("groups", ())]
            texts += [node["title"] for node in graph["nodes"] if node.get("title")]
            for node in graph["nodes"]:
                if node["type"].endswith("Note"):
                    texts += node["widgets_values"][0].split("\n")
            lacking |= {text for text in texts if text and not text.startswith("- [")} - words[
                "TEMPLATES"
            ].keys()
    assert sorted(lacking) == []


@pytest.fixture(scope="module")
def page(browser, comfy):
    """The graph editor in Chinese with a template."""
    with open_page(browser, width=1500, height=900) as opened:
        open_front_end(opened.page, comfy.address, "vue", locale="zh")
        workflow = json.loads((ROOT / "workflows/panorama_to_world.json").read_text(encoding="utf-8"))
        opened.page.evaluate("workflow => app.loadGraphData(workflow)", workflow)
        yield opened.page


SHOWN = """() => {
    const find = type => app.graph.nodes.find(n => n.type === type);
    const preset = find("TrajectoryPreset").widgets.find(w => w.name === "preset");
    const note = app.graph.nodes.find(n => n.type.endsWith("Note"));
    return {
        choice: preset.options.getOptionLabel?.(preset.value) ?? preset.value,
        value: preset.value,
        note: note.widgets[0].value,
        groups: app.graph.groups.map(g => g.title),
        button: find("PanoLoad").widgets.find(w => w.type === "button").label,
    };
}"""
HAN = re.compile(r"[\u4e00-\u9fff]")


def test_the_language_is_changed_without_reloading_the_page(page, words, tmp_path):
    page.wait_for_function(f"() => /[\\u4e00-\\u9fff]/.test(({SHOWN})().note)")
    page.evaluate(
        "() => { app.canvas.ds.scale = 0.7; app.canvas.ds.offset = [60, 100]; window.isSamePage = true; }"
    )
    page.get_by_text(
        words["CHOICES"]["sample: terrace"]
    ).first.wait_for()  # on the node, not only in the data
    page.screenshot(path=tmp_path / "chinese.png")
    chinese = page.evaluate(SHOWN)
    assert chinese["value"] in words["CHOICES"], "what is saved and sent stays English"
    assert chinese["choice"] == words["CHOICES"][chinese["value"]]
    assert all(HAN.search(text) for text in (chinese["note"], chinese["button"], *chinese["groups"]))

    page.evaluate("() => app.extensionManager.setting.set('Comfy.Locale', 'en')")
    page.wait_for_function(f"() => !/[\\u4e00-\\u9fff]/.test(JSON.stringify(({SHOWN})()))", timeout=60_000)
    page.get_by_text("sample: terrace").first.wait_for()
    page.screenshot(path=tmp_path / "english.png")
    english = page.evaluate(SHOWN)
    assert english["choice"] == english["value"] == chinese["value"]
    assert [words["TEMPLATES"][title] for title in english["groups"]] == chinese["groups"]

    page.evaluate("() => app.extensionManager.setting.set('Comfy.Locale', 'zh')")
    page.wait_for_function(
        f"before => JSON.stringify(({SHOWN})()) === before",
        arg=json.dumps(chinese, ensure_ascii=False, separators=(",", ":")),
        timeout=60_000,
    )
    assert page.evaluate("() => window.isSamePage") is True


def test_a_running_node_speaks_chinese(page, comfy, words):
    page.evaluate(
        """graph => {
            app.loadApiJson(graph, "run");
            window.said = [];
            app.api.addEventListener("progress_text", ({ detail }) => window.said.push(detail.text));
        }""",
        {
            "1": comfy.node("PanoLoad", max_width=256),
            "2": comfy.node("PanoDepth", panorama=["1", 0], depth=["1", 1]),
            "3": comfy.node("TrajectoryPreset", frames=3, geometry=["2", 0]),
            "4": comfy.node(
                "MeshGuidanceRender", geometry=["2", 0], trajectory=["3", 0], width=128, mesh_width=128
            ),
            "5": {"class_type": "PreviewImage", "inputs": {"images": ["4", 0]}, "_meta": {"title": "See"}},
        },
    )
    page.wait_for_function("() => app.graph.nodes.length === 5")
    run_graph(page)
    assert page.evaluate("() => window.said"), "the host sent what its node does"
    shown = page.evaluate(
        """() => app.graph.nodes.find(n => n.type === "MeshGuidanceRender")
            .widgets.find(w => w.name.endsWith("node-text-preview")).value"""
    )
    assert shown == words["PHASES"]["guidance rendered"]
