"""Names from a workflow or a request, given to the pack's functions that look them up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import folder_paths
import pack


def names() -> dict[str, Any]:
    pack.nodes()
    host = pack.module("nodes._host")

    root = Path(folder_paths.get_input_directory())
    base = root.parent
    outside = base / "secret"
    outside.mkdir(exist_ok=True)
    (outside / "file.txt").write_text("secret")
    (root / "sub").mkdir(exist_ok=True)
    (root / "sub" / "fine.png").write_text("x")
    for name, target in (("dirlink", outside), ("filelink", outside / "file.txt"), ("inner", root / "sub")):
        link = root / name
        if not link.is_symlink():
            link.symlink_to(target)
    (base / "input-evil").mkdir(exist_ok=True)
    (base / "input-evil" / "x").write_text("x")

    out = Path(folder_paths.get_output_directory())
    (out / "loop").symlink_to(out / "loop")
    (out / "round").symlink_to(out / "about")
    (out / "about").symlink_to(out / "round")
    (out / "a file").write_text("x")
    odd = {
        "long": "x" * 300,
        "long folder": "y" * 300 + "/x",
        "long in bytes": "\u4e16" * 100,
        "deep": "z/" * 500 + "x",
        "long in all": "/".join(["w" * 190] * 8),
        "surrogate": "w\ud800x",
        "loop": "loop/x",
        "round": "round/x",
        "in a file": "a file/x",
        "long date": "%date:" + "q" * 300 + "%",
    }

    def ask(function, *arguments):
        answer = []
        return pack.error(lambda: answer.append(str(function(*arguments)))) or ["ok", *answer]

    names = [
        "sub/fine.png",
        "inner/fine.png",
        "../secret/file.txt",
        "sub/../../secret/file.txt",
        "..",
        "/etc/passwd",
        str(outside / "file.txt"),
        "dirlink/file.txt",
        "filelink",
        "a\0b",
        "C:/x",
        "C:\\x",
        "c:x",
        "",
        "../input-evil/x",
        "sub/./fine.png",
    ]
    return {
        "root": str(root.resolve()),
        "inside": {name: ask(host.resolve_inside, root, name) for name in names},
        "input": {
            name: ask(host.resolve_input_file, name)
            for name in ("sub/fine.png", "dirlink/file.txt", "none.png", "sub")
        },
        "odd": {kind: ask(host.save_target, name, ".ply") for kind, name in odd.items()},
        "folders": sorted(p.name[:20] for p in Path(folder_paths.get_output_directory()).iterdir()),
        "save": {
            name: ask(host.save_target, name, ".ply")
            for name in ("matrix3d/world", "../x", "/tmp/x", "a/../../x", "", "\0")
        },
        "listed": host.input_files((".png", ".txt")),
    }
