"""Runs in an interpreter of the host and answers calls of functions in this folder, a line of JSON each.

Started by `comfy_server.HostProcess` with the host's folder, a base folder and the pack's. A call names a module, a function
and its arguments, and the base folder whose input, output and temp folders it uses.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def prepare(host: str, base: str, mounted: str) -> None:
    """Make the host's modules importable, and those of the tests after them."""
    here = Path(__file__).resolve().parent
    sys.path[:1] = [host]
    sys.path += [str(here), str(here.parent / "support")]
    sys.argv = ["main.py", "--cpu", "--base-directory", base, "--disable-api-nodes"]
    import comfy.options

    comfy.options.enable_args_parsing()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    import pack

    pack.folder = Path(mounted)
    sys.meta_path.insert(0, pack.CoreOfThePack)  # type: ignore[arg-type]


def use_folders(base: Path) -> None:
    """Let the host take from and write to this base folder."""
    import folder_paths

    for kind in ("input", "output", "temp"):
        (base / kind).mkdir(parents=True, exist_ok=True)
        getattr(folder_paths, f"set_{kind}_directory")(str(base / kind))


def answer(call: dict[str, Any]) -> dict[str, Any]:
    """Return the function's result, or what it raised."""
    try:
        use_folders(Path(call["base"]))
        function = getattr(importlib.import_module(call["module"]), call["function"])
        return {"result": function(**call["arguments"])}
    except BaseException:
        return {"error": traceback.format_exc()}


def main() -> None:
    """Answer until there are no more calls."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the host prints is no answer
    prepare(*sys.argv[1:])
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
