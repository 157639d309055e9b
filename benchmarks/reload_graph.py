"""Does the graph come back after a reload? The editor under load: *New Workflow*, a template, reload, count the nodes.

    python benchmarks/reload_graph.py [--reloads 50] [--without-ours] [--log FILE]

Needs a ComfyUI with its front end (COMFYUI_DIR, COMFYUI_PYTHON, or the cached one), playwright and Chromium. One
process per core counts meanwhile, as load. Each reload comes 0 to 3 s after the template was opened; four of
seven are cut short by another one after 1 to 4 s. Each is logged: the nodes before and after, whether the drafts
that the front end keeps (``Comfy.Workflow.*`` in the browser's storage) held them, and the console's messages.
``--without-ours`` lets none of this pack's front-end files through, for comparison.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = "panorama_to_world"
DELAYS_S = (0.0, 0.1, 0.3, 0.6, 1.0, 3.0)  # the front end stores a draft half a second after a change
CUTS_S = (
    0.0,
    0.0,
    0.0,
    1.0,
    2.0,
    3.0,
    4.0,
)  # 0: the page loads to its end; else it is reloaded again while it loads
SETTLE_S, PATIENCE_S = 1.0, 60.0
BROWSER_FOR = 10  # reloads; tabs pile up

READY = """() => {
    const manager = window.app?.extensionManager;
    return window.app?.graph && manager?.setting && manager.spinner === false && manager.workflow?.activeWorkflow;
}"""
COUNT = "() => window.app?.graph?.nodes?.length ?? 0"
OPEN = """async ([graph, name]) => {
    await app.extensionManager.command.execute("Comfy.NewBlankWorkflow");
    const empty = app.graph.nodes.length;
    await app.loadGraphData(graph, true, true, name, { openSource: "template" });
    return [empty, app.graph.nodes.length];
}"""
# Key -> characters, and occurrences of a node of the template.
DRAFTS = """() => {
    const found = {};
    for (const [where, store] of [["local", localStorage], ["session", sessionStorage]]) {
        for (const key of Object.keys(store).filter(key => key.startsWith("Comfy.Workflow"))) {
            const text = store.getItem(key);
            found[`${where} ${key}`] = [text.length, text.split("PanoLoad").length - 1];
        }
    }
    return found;
}"""


def burn() -> None:
    """Keep one core busy."""
    number = 0
    while True:
        number = (number * 1103515245 + 12345) % 2147483648


def holds_graph(drafts: dict[str, list[int]]) -> bool:
    """Whether a stored draft has a Load Panorama in it."""
    return any(mentions for _, mentions in drafts.values())


def reload_once(page: Any, graph: dict[str, Any], delay: float, cut_s: float) -> dict[str, Any]:
    """Open a new workflow and the template, wait, reload (and again after ``cut_s``); return what was counted."""
    empty, before = page.evaluate(OPEN, [graph, TEMPLATE])
    page.wait_for_timeout(1000 * delay)
    stored = page.evaluate(DRAFTS)
    if cut_s:
        page.reload(wait_until="commit", timeout=120_000)
        page.wait_for_timeout(1000 * cut_s)
    start = time.monotonic()
    page.reload(timeout=120_000)
    while not page.evaluate(READY) and time.monotonic() - start < PATIENCE_S:
        page.wait_for_timeout(100)
    ready = waited = time.monotonic()
    while not (after := page.evaluate(COUNT)) and time.monotonic() - waited < PATIENCE_S / 3:
        page.wait_for_timeout(100)
    late = time.monotonic() - waited
    if after:
        page.wait_for_timeout(1000 * SETTLE_S)  # it is not removed again
        after = page.evaluate(COUNT)
    drafts = page.evaluate(DRAFTS)
    return {
        "delay_s": delay,
        "cut_s": cut_s,
        "empty": empty,
        "before": before,
        "after": after,
        "ready_s": round(ready - start, 1),
        "late_s": round(late, 1),
        "stored": holds_graph(stored),
        "found": holds_graph(drafts),
        "drafts": drafts,
        "tab": page.evaluate("() => window.app?.extensionManager?.workflow?.activeWorkflow?.path"),
    }


def main() -> int:
    """Run from the command line; exit status 1 when a stored graph did not come back."""
    sys.path[:0] = [str(ROOT / part) for part in ("", "tests/support", "scripts")]
    from chromium import open_front_end, open_page
    from comfy_host import PACK_FOLDER
    from comfy_server import ComfyServer, find_browser, find_host

    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--reloads", type=int, default=50)
    options.add_argument("--without-ours", action="store_true", help="block this pack's front-end files")
    options.add_argument("--log", type=Path, help="write one JSON line per reload")
    options = options.parse_args()
    host, browser = find_host(), find_browser()
    if isinstance(host, str) or browser is None:
        print(host if isinstance(host, str) else "no chromium")
        return 1
    graph = json.loads((ROOT / "workflows" / f"{TEMPLATE}.json").read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = []
    burners = [multiprocessing.Process(target=burn, daemon=True) for _ in range(os.cpu_count() or 1)]
    with tempfile.TemporaryDirectory() as folder, ComfyServer(host, Path(folder)) as server:
        for one in burners:
            one.start()
        try:
            while len(rows) < options.reloads:
                with open_page(browser, width=1280, height=800) as opened:
                    page = opened.page
                    page.on("dialog", lambda dialog: dialog.accept())  # "leave without saving?"
                    if options.without_ours:
                        page.route(f"**/extensions/{PACK_FOLDER}/**", lambda route: route.abort())
                    open_front_end(page, server.address, "classic")
                    keep = {"Comfy.Workflow.Persist": True}
                    assert page.request.post(f"{server.address}/api/settings", data=keep).ok
                    page.reload()
                    page.wait_for_function(READY)
                    for index in range(len(rows), min(len(rows) + BROWSER_FOR, options.reloads)):
                        del opened.problems[:]
                        delay, cut = DELAYS_S[index % len(DELAYS_S)], CUTS_S[index % len(CUTS_S)]
                        row = reload_once(page, graph, delay, cut)
                        rows.append({"reload": index + 1, **row, "console": list(opened.problems)})
                        print(
                            {k: v for k, v in rows[-1].items() if k not in ("drafts", "console")}, flush=True
                        )
                        if options.log:
                            with options.log.open("a", encoding="utf-8") as file:
                                file.write(json.dumps(rows[-1]) + "\n")
        finally:
            for one in burners:
                one.terminate()
    whole = [row["after"] == row["before"] for row in rows]
    lost = [row for row, good in zip(rows, whole, strict=True) if not good]
    print(f"{sum(whole)} of {len(rows)} reloads brought the graph back; load {os.getloadavg()[0]:.1f}")
    for (delay, stored), count in sorted(Counter((r["delay_s"], r["stored"]) for r in lost).items()):
        print(f"  lost {count} reloaded {delay:g} s after opening, {'' if stored else 'not '}stored before")
    return int(any(row["stored"] for row in lost))


if __name__ == "__main__":
    sys.exit(main())
