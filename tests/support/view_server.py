"""A web server for tests of the viewer alone: its files and the host's /view route, without the host."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chromium import wait_for_world

__all__ = ["open_room", "serve_views"]

_ROOT = Path(__file__).resolve().parents[2]


class _Handler(SimpleHTTPRequestHandler):
    folder: Path
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

    def translate_path(self, path: str) -> str:
        parts = urlsplit(path)
        if parts.path.endswith("/view"):
            return str(self.folder / Path(parse_qs(parts.query)["filename"][0]).name)
        name = parts.path.removeprefix("/extensions/pack/")
        return str((_ROOT / "web" / name).resolve())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serve_views(folder: Path) -> Iterator[str]:
    """Serve the viewer, and files of ``folder`` as /view does; give the address."""
    handler = type("Handler", (_Handler,), {"folder": folder})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


_EMPTY = """
() => {
    document.head.innerHTML = '<link rel="icon" href="data:,"><link rel="stylesheet" href="/extensions/pack/viewer/viewer.css">';
    document.body.innerHTML = '';
    document.body.style.margin = '0';
    document.body.style.background = '#2b2d31';
}
"""
_OPEN = """
async ([file, style]) => {
    const { WalkViewer } = await import("/extensions/pack/viewer/viewer.mjs");
    const viewer = new WalkViewer();
    const frame = document.createElement("div");
    frame.style.cssText = style;
    frame.append(viewer.element);
    document.body.append(frame);
    viewer.show(file, "/view?filename=" + file.filename);
}
"""


def open_room(
    page: Any, address: str, *files: dict[str, Any], style: str = "width:100vw;height:100vh"
) -> Any:
    """Show files in viewers on an empty page; return what the last one's ``ready`` says, an error after 5 minutes."""
    page.goto(f"{address}/extensions/pack/viewer/world.html")
    page.wait_for_function("() => window.matrix3d?.viewers")
    page.evaluate("() => { for (const v of [...window.matrix3d.viewers]) v.dispose(); }")
    page.evaluate(_EMPTY)
    result = None
    for file in files:
        page.evaluate(_OPEN, [json.loads(json.dumps(file)), style])
        result = wait_for_world(page, 300)
    return result
