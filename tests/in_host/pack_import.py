"""What loading the pack costs the host, and what an old host gets."""

from __future__ import annotations

import importlib
import logging
import sys
import time
from typing import Any

import pack


def import_host() -> None:
    """Import what the host has imported before it loads a pack."""
    for name in (
        "torch",
        "nodes",
        "server",
        "comfy_extras.nodes_load_3d",
        "comfy_extras.nodes_gaussian_splat",
    ):
        importlib.import_module(name)


def timed() -> dict[str, Any]:
    """Return the share of processor time and the modules that the pack adds to what the host imports by itself."""
    start = time.process_time()
    import_host()
    host_s = time.process_time() - start
    before = set(sys.modules)
    start = time.process_time()
    classes = pack.load_nodes()
    ratio = (time.process_time() - start) / host_s
    return {"ratio": ratio, "nodes": list(classes), "new": sorted(set(sys.modules) - before)}


def old_hosts() -> dict[str, Any]:
    """Load the pack in hosts that lack something; return the nodes and the lines of the log that name the pack.

    All in one interpreter, which takes seconds to start: each case changes what the pack looks at.
    """
    import_host()
    import comfyui_version
    from comfy_api.latest import io

    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            if "Matrix3D" in record.getMessage():
                lines.append([record.levelname, record.getMessage(), bool(record.exc_info)])

    logging.getLogger().addHandler(Keep())

    def load(case):
        lines.clear()
        nodes = list(pack.load_nodes())
        answers[case] = {"nodes": nodes, "lines": list(lines)}

    answers = {}
    real_version = comfyui_version.__version__
    for version in ("0.27.3", "0.3.64", "v0.9.0"):
        comfyui_version.__version__ = version
        load(version)

    del comfyui_version.__version__
    splat = io.Splat
    del io.Splat
    load("no splat")
    io.Splat = splat
    load("no version")

    comfyui_version.__version__ = real_version

    class Refuse:
        @staticmethod
        def find_spec(name, *rest):
            if name.endswith(".nodes.optimize"):
                raise ImportError("a library is broken")

    for name in [name for name in sys.modules if name.endswith(".nodes.optimize")]:
        del sys.modules[name]
    sys.meta_path.insert(0, Refuse)
    load("broken family")
    sys.meta_path.remove(Refuse)

    number = pack.module("nodes._host_version").version_number
    texts = ("0.28.0", "0.30.0", "1.0", "v0.33.1-rc2", "0.28rc1", "master", "")
    answers["numbers"] = {text: number(text) for text in texts}
    return answers
