"""Open the template in the real front end, press Run, walk, and keep the pictures of the README.

    python scripts/take_pictures.py http://127.0.0.1:8188 docs/images

Needs a running ComfyUI with the pack (``make demo`` serves one), the package playwright and Debian's
chromium. Takes the classic and the Vue node renderer.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

RENDERERS = {"classic": False, "vue": True}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--template", default="panorama_to_world")
    parser.add_argument("--renderer", choices=[*RENDERERS, "both"], default="both")
    parser.add_argument("--minutes", type=float, default=12.0, help="how long a run may take")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    names = list(RENDERERS) if options.renderer == "both" else [options.renderer]
    return max(take(options, name) for name in names)


def take(options: argparse.Namespace, renderer: str) -> int:
    from chromium import open_page, wait_for_world

    with open_page(options.chromium, width=1920, height=1080) as opened:
        page = opened.page
        settings = {
            "Comfy.TutorialCompleted": True,
            "Comfy.VueNodes.Enabled": RENDERERS[renderer],
            "Comfy.Minimap.Visible": False,
            "Comfy.Workflow.Persist": False,
        }
        assert page.request.post(f"{options.address}/api/settings", data=settings).ok
        page.goto(f"{options.address}/?template={options.template}&source=ComfyUI-Matrix3D")
        page.wait_for_function("() => window.app?.graph?.nodes?.length > 10", timeout=120_000)
        page.wait_for_timeout(3000)
        missing = page.evaluate(
            "() => app.graph.nodes.filter(n => n.has_errors || !n.constructor.nodeData && n.type !== 'MarkdownNote' && n.type !== 'Note').map(n => n.type)"
        )
        fit_graph(page)
        page.screenshot(path=options.folder / f"graph_{renderer}_opened.png")
        page.evaluate("() => app.queuePrompt(0)")
        print(renderer, "missing:", missing, "world:", wait_for_world(page, options.minutes * 60), flush=True)
        page.wait_for_function(
            "async () => { const q = await (await fetch('/api/queue')).json(); return !q.queue_running.length && !q.queue_pending.length; }",
            timeout=options.minutes * 60_000,
        )
        page.wait_for_timeout(4000)
        fit_graph(page)
        page.screenshot(path=options.folder / f"graph_{renderer}.png")
        show_world(page)
        page.screenshot(path=options.folder / f"world_{renderer}.png")
        walk(page, 2.0)
        page.screenshot(path=options.folder / f"walk_{renderer}.png")
        print(renderer, "pose:", page.evaluate("() => window.matrix3dViewers.at(-1).pose()"))
        for problem in opened.problems:
            print(renderer, "problem:", problem)
    return 0


def fit_graph(page) -> None:
    page.evaluate(
        """() => {
            const boxes = [...app.graph.groups ?? app.graph._groups].map(g => g._bounding ?? g.bounding);
            const left = Math.min(...boxes.map(b => b[0])), top = Math.min(...boxes.map(b => b[1]));
            const right = Math.max(...boxes.map(b => b[0] + b[2])), bottom = Math.max(...boxes.map(b => b[1] + b[3]));
            const scale = Math.min((innerWidth - 120) / (right - left), (innerHeight - 110) / (bottom - top));
            app.canvas.ds.scale = scale;
            app.canvas.ds.offset = [80 / scale - left, 60 / scale - top];
            app.graph.setDirtyCanvas(true, true);
        }"""
    )
    page.wait_for_timeout(2500)


def show_world(page) -> None:
    page.evaluate(
        """() => {
            const node = app.graph.nodes.find(n => n.type === "SplatPreview");
            const scale = Math.min((innerWidth - 160) / node.size[0], (innerHeight - 160) / node.size[1]);
            app.canvas.ds.scale = scale;
            app.canvas.ds.offset = [110 / scale - node.pos[0], 110 / scale - node.pos[1]];
            app.graph.setDirtyCanvas(true, true);
        }"""
    )
    page.wait_for_timeout(5000)


def walk(page, metres: float) -> None:
    box = page.evaluate("() => window.matrix3dViewers.at(-1).element.getBoundingClientRect().toJSON()")
    page.mouse.click(box["left"] + box["width"] / 2, box["top"] + box["height"] / 2)
    page.keyboard.down("w")
    page.wait_for_function(
        f"() => window.matrix3dViewers.at(-1).pose().position[2] > {metres}", timeout=120_000
    )
    page.keyboard.up("w")
    page.wait_for_timeout(3000)


if __name__ == "__main__":
    raise SystemExit(main())
