"""What loading the pack costs the host, and what an old host gets."""

from __future__ import annotations

import statistics

import pytest
from comfy_server import run_in_host

pytestmark = pytest.mark.host

# Loaded on first use only; some are big, some are compiled, some may be missing.
HEAVY = {"numba", "llvmlite", "warp", "gsplat", "nvdiffrast", "embreex", "trimesh", "OpenEXR", "gsply"}

TIMED = """
start = time.process_time()
import torch, nodes, server, comfy_extras.nodes_load_3d, comfy_extras.nodes_gaussian_splat
host_s = time.process_time() - start
before = set(sys.modules)
start = time.process_time()
classes = load_nodes()
ratio = (time.process_time() - start) / host_s
result({"ratio": ratio, "nodes": list(classes), "new": sorted(set(sys.modules) - before)})
"""


@pytest.fixture(scope="module")
def loads(host_place, tmp_path_factory):
    base = tmp_path_factory.mktemp("import")
    return [run_in_host(TIMED, host_place, base) for _ in range(3)]


@pytest.mark.slow
def test_loading_takes_a_fraction_of_what_the_host_takes_itself(loads):
    assert loads[0]["nodes"]
    # Processor time of a fresh interpreter each time; the median forgives one that had to compile.
    assert statistics.median(load["ratio"] for load in loads) < 0.1, [load["ratio"] for load in loads]


@pytest.mark.slow
def test_loading_imports_nothing_heavy(loads):
    assert {name.split(".")[0] for name in loads[0]["new"]} & HEAVY == set()


# All in one interpreter of the host, which takes seconds to start: each case changes what the pack
# looks at, loads it as the host does, and keeps the log's lines about it.
CASES = r"""
import logging, sys
import nodes, server  # as the host has done before it loads a pack
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
    nodes = list(load_nodes())
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
        if name.endswith(".nodes.splat"):
            raise ImportError("a library is broken")
for name in [name for name in sys.modules if name.endswith(".nodes.splat")]:
    del sys.modules[name]
sys.meta_path.insert(0, Refuse)
load("broken family")
sys.meta_path.remove(Refuse)

number = submodule("nodes._host_version").version_number
texts = ("0.28.0", "0.30.0", "1.0", "v0.33.1-rc2", "0.28rc1", "master", "")
answers["numbers"] = {text: number(text) for text in texts}
result(answers)
"""


@pytest.fixture(scope="module")
def answers(host_place, tmp_path_factory):
    return run_in_host(CASES, host_place, tmp_path_factory.mktemp("old"))


@pytest.mark.parametrize("version", ["0.27.3", "0.3.64", "v0.9.0"])
def test_an_old_host_gets_one_clear_line_and_no_nodes(answers, version):
    line = f"ComfyUI-Matrix3D needs ComfyUI 0.28 or newer; this is {version}. Update ComfyUI; no node was loaded."
    assert answers[version] == {"nodes": [], "lines": [["ERROR", line, False]]}


def test_a_host_without_splats_gets_one_clear_line(answers):
    line = (
        "ComfyUI-Matrix3D needs ComfyUI 0.28 or newer; this is an unknown version, which lacks Splat. "
        "Update ComfyUI; no node was loaded."
    )
    assert answers["no splat"] == {"nodes": [], "lines": [["ERROR", line, False]]}


def test_an_unknown_version_with_all_types_is_welcome(answers):
    assert answers["no version"]["nodes"]
    assert answers["no version"]["lines"] == []


def test_a_family_that_cannot_load_leaves_the_others(answers):
    found = answers["broken family"]
    assert "GSOptimize" not in found["nodes"]
    assert "PanoDepth" in found["nodes"]
    line = "ComfyUI-Matrix3D: the nodes in nodes/splat.py could not be loaded"
    assert found["lines"] == [["ERROR", line, True]]


def test_version_numbers(answers):
    assert answers["numbers"] == {
        "0.28.0": [0, 28],
        "0.30.0": [0, 30],
        "1.0": [1, 0],
        "v0.33.1-rc2": [0, 33],
        "0.28rc1": [0, 28],
        "master": None,
        "": None,
    }
