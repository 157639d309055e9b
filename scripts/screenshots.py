"""Make the pictures of the README and of the templates from one real run.

    python scripts/screenshots.py http://127.0.0.1:8188

Needs a running ComfyUI with the pack (``make demo`` serves one, and then nothing is computed twice), the
package playwright and chromium. Runs `panorama_to_world` on the shipped sample and writes

- ``workflows/NAME.jpg``: the result of a template that needs no model; else its input, and no result
  that was not made here,
- ``docs/images/graph.jpg`` and ``walk.jpg``: the finished run in the editor, and a walk in it,
- ``docs/images/mini_graph.jpg`` and the picture of `mini_text_to_world`: a run of that template; with ``--mini`` these
  alone,
- with ``--viewpoints``, ``docs/images/viewpoints.jpg``: the benchmark `quality_world`, some minutes.
"""

from __future__ import annotations

import argparse
import functools
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from comfy_host import Client
from make_workflows import SENTENCE, TEMPLATES
from PIL import Image, ImageDraw, ImageFont
from workflow_api import nodes_of, to_prompt

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

SIDE = 640  # of a template's picture; the front end shows squares
INK, PAPER, BAND = (235, 238, 242), (24, 27, 33), (0, 0, 0)
QUALITY = 88


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:8188")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--minutes", type=float, default=15.0, help="how long the run may take")
    parser.add_argument("--mini", action="store_true", help="the pictures of mini_text_to_world alone")
    parser.add_argument("--viewpoints", action="store_true", help="also measure and draw the viewpoints")
    options = parser.parse_args()
    client = Client(options.address)
    if not options.mini:
        entry, sample = run_sample(client, options.minutes * 60)
        pictures: dict[str, Any] = dict(sample)
        pictures |= {name: before_and_after(client, name, options.minutes * 60) for name in EDITS}
        for name, draw in THUMBNAILS.items():
            save(draw(pictures), ROOT / "workflows" / f"{name}.jpg")
        editor_pictures(options.chromium, options.address, entry)
    mini_pictures(client, options)
    if options.viewpoints:
        viewpoints()


def save(picture: Image.Image, path: Path) -> None:
    picture.convert("RGB").save(path, quality=QUALITY, optimize=True)
    print(f"wrote {path.relative_to(ROOT)}, {picture.width}x{picture.height}")


# The run


def run_template(client: Client, name: str, timeout_s: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a template; return the host's record of it, and what was run."""
    workflow = json.loads((ROOT / "workflows" / f"{name}.json").read_text(encoding="utf-8"))
    prompt = to_prompt(workflow, client.object_info())
    entry = client.wait(client.post(prompt, {"extra_pnginfo": {"workflow": workflow}}), timeout_s)
    # The host does not show cached results again: the most complete record is that of the first run.
    same = [e for e in client.get("/history").values() if e["prompt"][2] == entry["prompt"][2]]
    return max(same, key=lambda e: len(e["outputs"])), prompt


def pictures_of(client: Client, outputs: dict[str, Any], node: str) -> list[Image.Image]:
    """Return the pictures that a node has shown."""
    return [Image.open(io.BytesIO(client.view(**shown))).convert("RGB") for shown in outputs[node]["images"]]


def run_sample(client: Client, timeout_s: float) -> tuple[dict[str, Any], dict[str, Image.Image]]:
    """Run the first template and a few nodes more; return the host's record of it, and pictures by name."""
    entry, prompt = run_template(client, "panorama_to_world", timeout_s)
    info = client.object_info()
    at = {kind: nodes_of(prompt, kind)[0] for kind in {node["class_type"] for node in prompt.values()}}
    extra: dict[str, Any] = {
        "panorama": [at["PanoLoad"], 0],
        "photo": ["view", 0],
        "canvas": ["sphere", 0],
        "filled": ["around", 1],
        "guidance": ["late", 0],
        "plot": [at["TrajectoryPreview"], 0],
        "view": [at["GSOptimize"], 2],
        "flight": ["flown", 0],
        "behind": ["background", 0],
    }
    defaults = {
        kind: {
            name: spec[1].get("default")
            for part in ("required", "optional")
            for name, spec in (info[kind]["input"].get(part) or {}).items()
            if len(spec) > 1 and "default" in spec[1]
        }
        for kind in ("PanoView", "PanoProject", "PhotoToPanorama", "SplatRender")
    }
    nodes = {
        "view": ("PanoView", {"panorama": extra["panorama"], "yaw": 25.0, "fov": 75.0}),
        "sphere": ("PanoProject", {"image": ["view", 0], "fov": 75.0}),
        "around": ("PhotoToPanorama", {"image": ["view", 0], "fov": 75.0, "max_width": 4096}),
        "split": ("PanoLayers", {"geometry": [at["PanoDepth"], 0], "foreground_layers": 2}),
        "background": ("ImageFromBatch", {"image": ["split", 0], "batch_index": 1, "length": 1}),
        "late": ("ImageFromBatch", {"image": [at["MeshGuidanceRender"], 0], "batch_index": 40, "length": 1}),
        "flown_frames": (
            "SplatRender",
            {
                "splat": [at["GSOptimize"], 0],
                "trajectory": [at["TrajectoryPreset"], 0],
                "width": 1280,
                "height": 640,
                "stride": 36,
            },
        ),
        "flown": ("ImageFromBatch", {"image": ["flown_frames", 0], "batch_index": 1, "length": 1}),
    }
    for key, (kind, inputs) in nodes.items():
        prompt[key] = {"class_type": kind, "inputs": {**defaults.get(kind, {}), **inputs}}
    for name, source in extra.items():
        prompt[f"show_{name}"] = {"class_type": "PreviewImage", "inputs": {"images": source}}
    outputs = client.run(prompt, timeout_s)
    return entry, {name: pictures_of(client, outputs, f"show_{name}")[0] for name in extra}


EDITS = ("add_object", "remove_object", "restyle_world", "relight_world", "living_world")
"""Templates that change a world."""
_YAW = {
    "add_object": 8.0,
    "remove_object": -45.0,
    "restyle_world": 20.0,
    "relight_world": 20.0,
    "living_world": 20.0,
}


def before_and_after(client: Client, name: str, timeout_s: float) -> list[Image.Image]:
    """Run a template that changes a world; return a view of the world and the same view of the changed one."""
    workflow = json.loads((ROOT / "workflows" / f"{name}.json").read_text(encoding="utf-8"))
    prompt = to_prompt(workflow, client.object_info())
    changed = prompt[nodes_of(prompt, "SplatPreview")[0]]["inputs"]["splat"]
    keys = [{"position": [0, 0, z], "yaw": _YAW[name]} for z in (0, 0.01)]
    path = {"keyframes": json.dumps(keys), "frames": 2, "closed": False, "ease": False}
    path |= {"speed_profile": "constant", "is_metric": True, "fps": 12.0}
    prompt["path"] = {"class_type": "TrajectoryFromKeyframes", "inputs": path}
    for which, splat in (("before", [nodes_of(prompt, "LayersToSplats")[0], 0]), ("after", changed)):
        prompt[which] = {
            "class_type": "SplatRender",
            "inputs": {
                **{"splat": splat, "trajectory": ["path", 0], "width": 1280, "height": 640, "fov": 85.0},
                **{"stride": 2, "backend": "auto"},
            },
        }
        prompt[f"show_{which}"] = {"class_type": "PreviewImage", "inputs": {"images": [which, 0]}}
    outputs = client.run(prompt, timeout_s)
    return [pictures_of(client, outputs, f"show_{which}")[0] for which in ("before", "after")]


# The templates' pictures


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def cut(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Scale a picture to cover a box, and crop the rest."""
    scale = max(width / picture.width, height / picture.height)
    large = picture.resize(
        (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS
    )
    left, top = (large.width - width) // 2, (large.height - height) // 2
    return large.crop((left, top, left + width, top + height))


def stack(*parts: tuple[str, Image.Image]) -> Image.Image:
    """Stack pictures in a square, each with its label."""
    square = Image.new("RGB", (SIDE, SIDE), PAPER)
    height = SIDE // len(parts)
    for row, (words, picture) in enumerate(parts):
        square.paste(cut(picture, SIDE, height - (row < len(parts) - 1) * 4), (0, row * height))
        label(square, words, (14, row * height + 14))
    return square


def label(square: Image.Image, words: str, at: tuple[int, int]) -> None:
    layer = Image.new("RGBA", square.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    left, _, right, bottom = draw.textbbox((at[0] + 12, at[1] + 7), words, font=font(26))
    draw.rounded_rectangle((at[0], at[1], right + 12, bottom + 9), 8, fill=(*BAND, 165))
    draw.text((left, at[1] + 7), words, font=font(26), fill=INK)
    square.paste(Image.alpha_composite(square.convert("RGBA"), layer).convert("RGB"))


def sentence(words: str, what: str) -> Image.Image:
    """The input sentence of a template, on a card."""
    card = Image.new("RGB", (SIDE, SIDE), PAPER)
    draw = ImageDraw.Draw(card)
    lines: list[str] = []
    line = ""
    for word in words.split():
        if draw.textlength(f"{line} {word}", font=font(38)) > SIDE - 110:
            lines, line = [*lines, line], word
        else:
            line = f"{line} {word}".strip()
    lines.append(line)
    draw.multiline_text((56, 130), "\n".join(lines), font=font(38), fill=INK, spacing=16)
    draw.rectangle((28, 130, 34, 130 + 56 * len(lines)), fill=(90, 160, 220))
    label(card, what, (14, 14))
    return card


def changed_world(p: dict[str, Any], name: str) -> Image.Image:
    return stack(("a world", p[name][0]), (f"{name.split('_')[0]}", p[name][1]))


THUMBNAILS: dict[str, Callable[[dict[str, Any]], Image.Image]] = {
    "panorama_to_world": lambda p: stack(("from a panorama", p["panorama"]), ("to a world", p["flight"])),
    "moge_panorama_to_world": lambda p: stack(
        ("from a panorama", p["panorama"]), ("without a depth file", p["photo"])
    ),
    "text_to_panorama": lambda p: sentence(SENTENCE, "from a sentence to a panorama"),
    "photo_to_panorama": lambda p: stack(("from a photo", p["photo"]), ("on the sphere", p["canvas"])),
    "panorama_to_video": lambda p: stack(
        ("from a panorama", p["panorama"]), ("what a video generates", p["guidance"])
    ),
    "panorama_video_to_world": lambda p: stack(
        ("from a panorama and its path", p["plot"]), ("what a video generates", p["guidance"])
    ),
    "panorama_lrm_to_world": lambda p: stack(
        ("from a panorama", p["panorama"]),
        ("what a video generates", p["guidance"]),
        ("along a path", p["plot"]),
    ),
    "text_to_world": lambda p: sentence(SENTENCE, "from a sentence to a world"),
    "extend_world": lambda p: stack(("a world", p["view"]), ("extend from here", p["flight"])),
    "photo_to_world": lambda p: stack(("from a photo", p["photo"]), ("filled in around it", p["filled"])),
    "instant_world": lambda p: stack(
        ("a panorama in layers", p["panorama"]), ("what is behind", p["behind"])
    ),
    "edit_world": lambda p: sentence("FLUX.1 Fill paints a place of a world", "only its splats change"),
    **{name: functools.partial(changed_world, name=name) for name in EDITS},
}
assert {*THUMBNAILS, "mini_text_to_world"} == {*TEMPLATES}


# The README's pictures


def show_run(page: Any, address: str, name: str, entry: dict[str, Any], target: Path) -> None:
    """Open the finished run of a template in the editor, and keep the graph."""
    from chromium import open_front_end, wait_for_world

    open_front_end(page, address, "vue")
    workflow = (ROOT / "workflows" / f"{name}.json").read_text(encoding="utf-8")
    page.evaluate(
        """async ([workflow, outputs, name]) => {
                await app.loadGraphData(JSON.parse(workflow), true, true, name);
                for (const [node, output] of Object.entries(outputs)) {
                    app.api.dispatchCustomEvent("executed", { node, display_node: node, output, prompt_id: "" });
                }
            }""",
        [workflow, entry["outputs"], name],
    )
    print("world:", wait_for_world(page, 300))
    page.wait_for_timeout(6000)
    page.evaluate(
        """() => {
                const boxes = app.graph.groups.map(group => group._bounding);
                const left = Math.min(...boxes.map(b => b[0])), top = Math.min(...boxes.map(b => b[1]));
                const right = Math.max(...boxes.map(b => b[0] + b[2])), bottom = Math.max(...boxes.map(b => b[1] + b[3]));
                const scale = Math.min((innerWidth - 150) / (right - left), (innerHeight - 150) / (bottom - top));
                app.canvas.ds.scale = scale;
                app.canvas.ds.offset = [100 / scale - left, 110 / scale - top];
                app.canvas.setDirty(true, true);
            }"""
    )
    page.wait_for_timeout(8000)
    save(shot(page).resize((1600, 900), Image.Resampling.LANCZOS), target)


def mini_pictures(client: Client, options: argparse.Namespace) -> None:
    """Run the template of the small models; keep its graph, and its panorama above a late frame of its video."""
    from chromium import open_page

    name = "mini_text_to_world"
    entry, prompt = run_template(client, name, options.minutes * 60)
    film = nodes_of(prompt, "PanoTexelComposite")[0]
    prompt["late"] = {
        "class_type": "ImageFromBatch",
        "inputs": {"image": [film, 0], "batch_index": 12, "length": 1},
    }
    prompt["show_late"] = {"class_type": "PreviewImage", "inputs": {"images": ["late", 0]}}
    late = client.run(prompt, options.minutes * 60)
    panorama = pictures_of(client, entry["outputs"], nodes_of(prompt, "PreviewImage")[0])[0]
    both = stack(("from a sentence", panorama), ("to a video", pictures_of(client, late, "show_late")[0]))
    save(both, ROOT / "workflows" / f"{name}.jpg")
    with open_page(options.chromium, width=1920, height=1080) as opened:
        show_run(opened.page, options.address, name, entry, ROOT / "docs" / "images" / "mini_graph.jpg")
        for problem in opened.problems:
            print("problem:", problem)


def editor_pictures(chromium: str, address: str, entry: dict[str, Any]) -> None:
    """Open the finished run of the sample in the editor; keep the graph, and the world after a few steps."""
    from chromium import open_page

    with open_page(chromium, width=1920, height=1080) as opened:
        page = opened.page
        show_run(page, address, "panorama_to_world", entry, ROOT / "docs" / "images" / "graph.jpg")
        page.evaluate(
            """() => {
                const node = app.graph.nodes.find(n => n.type === "SplatPreview");
                const [left, top, width, height] = node.boundingRect;
                const scale = Math.min((innerWidth - 200) / width, (innerHeight - 200) / height);
                app.canvas.ds.scale = scale;
                app.canvas.ds.offset = [120 / scale - left, 130 / scale - top];
                app.canvas.setDirty(true, true);
            }"""
        )
        page.wait_for_timeout(3000)
        walk(page, 2.3)
        frame = page.locator("[data-node-id]:has(.m3d-bar)").bounding_box()
        inside = shot(page).crop(
            tuple(
                round(v)
                for v in (frame["x"], frame["y"], frame["x"] + frame["width"], frame["y"] + frame["height"])
            )
        )
        inside.thumbnail((1000, 1000))
        save(inside, ROOT / "docs" / "images" / "walk.jpg")
        for problem in opened.problems:
            print("problem:", problem)


def shot(page: Any) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def walk(page: Any, meters: float) -> None:
    box = page.evaluate("() => window.matrix3d.viewers.at(-1).element.getBoundingClientRect().toJSON()")
    page.mouse.click(box["left"] + box["width"] / 2, box["top"] + box["height"] / 3)
    while page.evaluate("() => window.matrix3d.viewers.at(-1).pose().position[2]") < meters:
        page.keyboard.press("w", delay=60)  # step by step: a slow page would move for meters
        page.wait_for_timeout(300)
    page.wait_for_function("() => window.matrix3d.viewers.at(-1).stats().isSettled", timeout=120_000)
    page.wait_for_timeout(3000)


def viewpoints() -> None:
    """Draw truth, mesh, initial and optimized splats at the benchmark's viewpoints."""
    with tempfile.TemporaryDirectory() as folder:
        benchmark = ROOT / "benchmarks" / "quality_world.py"
        subprocess.run([sys.executable, str(benchmark), "--pictures", folder], check=True)
        picture = Image.open(Path(folder) / "viewpoints.png")
        picture.thumbnail((1600, 1600))
        save(picture, ROOT / "docs" / "images" / "viewpoints.jpg")


if __name__ == "__main__":
    main()
