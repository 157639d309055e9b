"""A world as one HTML file: the viewer, its libraries and the splats, opened with a double click and no network.

Every module of the viewer is packed (gzip, base64) into the page. A short script unpacks them into blobs, names
them in an import map and starts the last one; the splats are embedded as SPZ. Nothing else is loaded.
"""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import os
import re
from pathlib import Path, PurePosixPath

from ..errors import BackendUnavailable
from ..scene.gaussians import Gaussians
from .atomic import BinaryTarget, open_atomically
from .motion_file import motion_bytes
from .spz import write_spz
from .world_json import WorldInfo, coverage_record

__all__ = ["write_html"]

_WEB = Path(__file__).resolve().parents[2] / "web"
_ENTRY = "viewer/offline.mjs"
_LICENSES = {"Spark": "LICENSE.spark.txt", "three.js": "LICENSE.three.txt", "fflate": "LICENSE.fflate.txt"}
_IMPORT = re.compile(r"""(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.{1,2}/[^"'\n]+\.mjs)\2""")
_SHEET = re.compile(r"""@import "\./([\w.-]+\.css)";""")
_BESIDE = re.compile(r"""new URL\(\s*(["'])(\./[\w.-]+)\1\s*,\s*import\.meta\.url\s*\)""")

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="dark">
<meta name="generator" content="ComfyUI-Matrix3D">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{style}
html, body {{ height: 100%; margin: 0; background: #0e1013; overflow: hidden; }}
</style>
<!--
{notices}
-->
</head>
<body>
<noscript>This page needs JavaScript.</noscript>
<script type="application/json" id="m3d-world">{world}</script>
<script type="application/octet-stream" id="m3d-splats">{splats}</script>
<script type="application/octet-stream" id="m3d-motions">{motions}</script>
{modules}
<script>
{loader}
</script>
</body>
</html>
"""

_LOADER = """(async () => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const unpack = (packed) => new Response(
    new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).blob();
  const imports = {};
  for (const part of document.querySelectorAll("script[data-m3d]")) {
    const code = await unpack(bytes(part.textContent));
    imports[part.dataset.m3d] = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    part.remove();
  }
  const map = document.createElement("script");
  map.type = "importmap";
  map.textContent = JSON.stringify({ imports });
  document.head.append(map);
  const splats = document.getElementById("m3d-splats");
  const { openWorld } = await import("m3d/" + "ENTRY");
  const motions = document.getElementById("m3d-motions").textContent;
  openWorld(JSON.parse(document.getElementById("m3d-world").textContent), new Blob([bytes(splats.textContent)]),
    motions && new Blob([bytes(motions)]));
  splats.remove();
})().catch((error) => {
  document.body.textContent = "This world cannot be shown: " + error.message + ". It needs a browser of 2023 or later.";
});"""


def write_html(
    target: BinaryTarget, gaussians: Gaussians, *, info: WorldInfo | None = None, title: str = ""
) -> None:
    """Write a world that opens in a browser from the disk; a path appears only when the file is complete.

    The splats lose what SPZ loses (see `matrix3d_core.io.spz.write_spz`); motions are kept and played. The file is a
    third larger than that SPZ, and 2 MB for the viewer.

    Args:
        target: path (its folder must exist) or binary file open for writing.
        gaussians: the world, OpenCV axes; at least one, all values finite.
        info: the start pose, whether units are meters, and where the world looks whole.
        title: of the page; the file's name by default.

    Raises:
        InvalidInput: what `write_spz` refuses.
        BackendUnavailable: when the viewer's files are not there, as in an installation without the pack.
    """
    packed = io.BytesIO()
    write_spz(packed, gaussians)
    name = Path(target).stem if isinstance(target, (str, os.PathLike)) else "world"
    start = None if info is None or info.start_pose is None else info.start_pose.flatten().tolist()
    world = {
        "filename": f"{name}.spz",
        "count": len(gaussians),
        "bytes": packed.tell(),
        "start_pose": start,
        "is_world": start is not None or "origins" in gaussians.labels,
        "is_metric": info is not None and info.is_metric,
        "coverage": None if info is None else coverage_record(info.coverage),
    }
    modules = _modules()
    page = _PAGE.format(
        title=html.escape(title or name),
        style=_style("viewer/viewer.css"),
        notices=_notices(info),
        world=json.dumps(world).replace("<", "\\u003c"),
        motions=base64.b64encode(motion_bytes(gaussians) or b"").decode(),
        splats=base64.b64encode(packed.getvalue()).decode(),
        modules="\n".join(
            f'<script type="application/octet-stream" data-m3d="m3d/{path}">{_pack(code)}</script>'
            for path, code in modules.items()
        ),
        loader=_LOADER.replace("ENTRY", _ENTRY),
    )
    with open_atomically(target) as file:
        file.write(page.encode("utf-8", "replace"))  # file names may hold bytes that are not text


def _read(path: str) -> str:
    return _read_bytes(path).decode()


def _read_bytes(path: str) -> bytes:
    try:
        return (_WEB / path).read_bytes()
    except OSError as error:
        raise BackendUnavailable(
            f"HTML needs the viewer's file web/{path}, which cannot be read ({error.strerror}); "
            "it comes with the node pack, not with the library alone."
        ) from error


def _style(path: str) -> str:
    """Return a style sheet with its imports inlined."""
    home = PurePosixPath(path).parent
    return _SHEET.sub(lambda match: _style((home / match[1]).as_posix()), _read(path))


def _modules() -> dict[str, str]:
    """Return the viewer's modules by path, each after what it imports.

    Imports are by name, not by path; files that a module reads (Spark's WebAssembly) are inlined.
    """
    found: dict[str, str] = {}
    waiting = [_ENTRY]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        home = PurePosixPath(path).parent

        def name(match: re.Match[str], home: PurePosixPath = home) -> str:
            wanted = os.path.normpath(home / match[3]).replace(os.sep, "/")
            waiting.append(wanted)
            return f'{match[1]}"m3d/{wanted}"'

        def inline(match: re.Match[str], home: PurePosixPath = home) -> str:
            data = base64.b64encode(_read_bytes((home / match[2]).as_posix())).decode()
            return f'"data:application/octet-stream;base64,{data}"'

        found[path] = _BESIDE.sub(inline, _IMPORT.sub(name, _read(path)))
    return found


def _pack(code: str) -> str:
    return base64.b64encode(gzip.compress(code.encode(), 9, mtime=0)).decode()


def _notices(info: WorldInfo | None) -> str:
    texts = []
    if info is not None and (info.source or info.license):
        texts.append(
            f"World. Source: {info.source or 'not stated'}. License: {info.license or 'not stated'}."
        )
    texts += [f"This page contains {name}.\n\n{_read(f'vendor/{file}')}" for name, file in _LICENSES.items()]
    return "\n\n".join(texts).replace("--", "- -")
