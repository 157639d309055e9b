"""What makes the editor come back without its nodes after a reload, on a host without any custom nodes.

    python benchmarks/reload_lost.py [--json] [--runs 3] [--front-end FOLDER]

Needs a ComfyUI with its front end (COMFYUI_DIR, COMFYUI_PYTHON, or the cached one), playwright and Chromium. The front
end keeps a draft of each tab in the browser's storage, half a second after a change. Three ways in which that draft
lacks the nodes, each beside what avoids it:

- *New Workflow* empties the canvas before it moves on to the new tab. A draft that falls due in between is taken from
  the empty canvas and stored as that of the old tab; for this the page must stand still for half a second, as it does
  under load. `HOLD` stands still on purpose. In the new node renderer, SaveVideo, VAELoader and others take another
  height than they were saved with: there such a draft is due without anybody having changed anything.
- A tab that was closed and is opened again with the same name and the same content counts as stored, though closing
  it deleted its draft: no tab at all comes back, and a script that waits for an active one waits forever.
- A reload comes before the half second is over.

``--front-end`` takes the folder ``static`` of another version of the package comfyui-frontend-package.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / part) for part in ("", "tests/support", "scripts")]

from chromium import open_front_end, open_page  # noqa: E402
from comfy_server import ComfyServer, find_browser, find_host  # noqa: E402

from benchmarks.common import check, finish, machine, parser, spread  # noqa: E402

NAME = "five nodes"
NODES = [
    {"id": number, "type": kind, "pos": [300 * number, 100], "size": [270, 106], "mode": 0, "order": number}
    for number, kind in enumerate([*["EmptyLatentImage"] * 4, "SaveVideo"])
]
GRAPH = {
    "id": "7c6d1b9e-0a51-4a5d-9a0e-5d1f9f1f0a11",
    "version": 0.4,
    "last_node_id": 4,
    "last_link_id": 0,
    "nodes": NODES,
    "links": [],
    "groups": [],
    "config": {},
    "extra": {},
}

OPEN = "await app.loadGraphData(graph, true, true, name, { openSource: 'template' });"
CHANGE = "app.graph.nodes[0].pos[0] += 10;"
SEEN = "tabs.activeWorkflow.changeTracker.captureCanvasState();"  # as each click and key does
WAIT = "await new Promise(resolve => setTimeout(resolve, 1500));"
NEW = "await run('Comfy.NewBlankWorkflow');"
HOLD = """const switched = run('Comfy.NewBlankWorkflow');
    for (const end = performance.now() + 700; performance.now() < end;);
    await switched;"""
CLOSE = "await run('Workspace.CloseWorkflow');"
BACK = "await app.loadGraphData(tab.activeState, true, true, tab);"  # as a click on the tab does
ADD = "for (const node of graph.nodes) app.graph.add(LiteGraph.createNode(node.type));"
MARK = "tab = tabs.activeWorkflow; before = app.graph.nodes.length;"

# What is done -> (node renderer, does the tab come back, steps). The tab of MARK is counted after the reload;
# None where it depends on how busy the machine is.
CASES: dict[str, tuple[str, bool | None, list[str]]] = {
    "New Workflow after a change": ("classic", None, [OPEN, WAIT, MARK, CHANGE, NEW, WAIT]),
    "New Workflow after a change, held": ("classic", False, [OPEN, WAIT, MARK, CHANGE, HOLD, WAIT]),
    "New Workflow unchanged, held": ("classic", True, [OPEN, WAIT, MARK, HOLD, WAIT]),
    "New Workflow unchanged, held, new node renderer": ("vue", False, [OPEN, MARK, HOLD, WAIT]),
    "New Workflow a second after a change, held": (
        "classic",
        True,
        [OPEN, MARK, CHANGE, SEEN, WAIT, HOLD, WAIT],
    ),
    "New Workflow after a change, held, back in the tab": (
        "classic",
        True,
        [OPEN, MARK, CHANGE, HOLD, WAIT, BACK, WAIT],
    ),
    "opened, closed, opened again": ("classic", False, [OPEN, WAIT, CLOSE, WAIT, OPEN, MARK, WAIT]),
    "opened, closed, opened again, changed": (
        "classic",
        True,
        [OPEN, WAIT, CLOSE, WAIT, OPEN, MARK, CHANGE, SEEN, WAIT],
    ),
    "nodes added, reloaded at once": ("classic", False, [NEW, WAIT, ADD, SEEN, MARK]),
    "nodes added, reloaded after a second": ("classic", True, [NEW, WAIT, ADD, SEEN, WAIT, MARK]),
}
STEPS = """async ([graph, name]) => {
    const manager = app.extensionManager, tabs = manager.workflow, run = id => manager.command.execute(id);
    await manager.setting.set("Comfy.Workflow.Persist", true);
    let tab, before;
    STEPS
    return [tab.path, before];
}"""
STORED = """path => {
    const { entries } = JSON.parse(localStorage.getItem("Comfy.Workflow.DraftIndex.v2:personal"));
    const key = Object.keys(entries).find(key => entries[key].path === path);
    if (!key) return null;
    return JSON.parse(JSON.parse(localStorage.getItem(`Comfy.Workflow.Draft.v2:personal:${key}`)).data).nodes.length;
}"""
STARTED = "() => window.app?.graph && app.extensionManager?.setting && app.extensionManager.spinner === false"
COUNT = """async path => {
    const tabs = app.extensionManager.workflow, tab = tabs.openWorkflows.find(tab => tab?.path === path);
    if (!tab) return [null, tabs.activeWorkflow?.path ?? null];
    await tab.load();
    await app.loadGraphData(tab.activeState, true, true, tab);
    return [app.graph.nodes.length, tabs.activeWorkflow.path];
}"""


def reload_after(page: Any, address: str, renderer: str, steps: list[str]) -> dict[str, Any]:
    """Do the steps in a fresh profile and reload; return the nodes before, in the draft, and after, and the seconds."""
    page.on("dialog", lambda dialog: dialog.accept())  # "leave without saving?"
    open_front_end(page, address, renderer)
    path, before = page.evaluate(STEPS.replace("STEPS", "\n".join(steps)), [GRAPH, NAME])
    stored = page.evaluate(STORED, path)
    start = time.monotonic()
    page.request.post(f"{address}/api/settings", data={"Comfy.Workflow.Persist": True})
    page.reload(timeout=120_000)
    page.wait_for_function(STARTED)
    seconds = time.monotonic() - start
    page.wait_for_timeout(1500)
    after, active = page.evaluate(COUNT, path)
    return {
        "before": before,
        "stored": stored,
        "after": after,
        "active": active,
        "seconds": seconds,
        "front_end": page.evaluate("() => window.__COMFYUI_FRONTEND_VERSION__"),
    }


def main() -> int:
    """Run from the command line; exit status 1 when a tab does not fare as `CASES` says."""
    line = parser(__doc__.splitlines()[0])
    line.add_argument("--runs", type=int, default=3, help="reloads per case; one with --quick")
    line.add_argument("--front-end", type=Path, help="folder `static` of another version of the front end")
    options = line.parse_args()
    host, browser = find_host(), find_browser()
    if isinstance(host, str) or browser is None:
        print(host if isinstance(host, str) else "no chromium")
        return 1
    where, results, checks, runs = machine(), [], [], 1 if options.quick else options.runs
    arguments = ["--cpu", "--disable-all-custom-nodes"]
    arguments += ["--front-end-root", str(options.front_end.resolve())] if options.front_end else []
    with (
        tempfile.TemporaryDirectory() as folder,
        ComfyServer(host, Path(folder), arguments=tuple(arguments)) as server,
    ):
        if server.own_nodes():
            raise RuntimeError("the host loaded this pack; it must run without custom nodes.")
        for name, (renderer, comes_back, steps) in CASES.items():
            rows = []
            for _ in range(runs):
                with open_page(browser, width=1280, height=800) as opened:
                    rows.append(reload_after(opened.page, server.address, renderer, steps))
            share = sum(row["after"] == row["before"] for row in rows) / runs
            print(f"{share:4.0%} back: {name}: {json.dumps(rows[0])}", flush=True)
            front_end = [row.pop("front_end") for row in rows][-1]
            seconds = spread([row.pop("seconds") for row in rows])
            results.append({"name": name, **seconds, "renderer": renderer, "reloads": rows})
            if comes_back is not None:
                label = f"{'comes back' if comes_back else 'is lost'}: {name}"
                checks.append(check(label, share if comes_back else 1 - share, least=1))
    settings = {"nodes": len(NODES), "front_end": front_end, "custom_nodes": "none"}
    return finish("reload_lost", where, settings, results, checks, options.json)


if __name__ == "__main__":
    sys.exit(main())
