"""What loading the pack costs the host, and what an old host gets."""

from __future__ import annotations

import statistics

import pytest
from comfy_server import HostProcess

pytestmark = pytest.mark.host

# Loaded on first use only; some are big, some are compiled, some may be missing.
HEAVY = {"numba", "llvmlite", "warp", "gsplat", "nvdiffrast", "embreex", "trimesh", "OpenEXR", "gsply"}


@pytest.fixture(scope="module")
def loads(host_place, tmp_path_factory):
    base = tmp_path_factory.mktemp("import")
    answers = []
    for _ in range(3):
        with HostProcess(host_place, base) as fresh:
            answers.append(fresh.call("pack_import.timed"))
    return answers


@pytest.mark.slow
def test_loading_takes_a_fraction_of_what_the_host_takes_itself(loads):
    assert loads[0]["nodes"]
    # Processor time of a fresh interpreter each time; the median forgives one that had to compile.
    assert statistics.median(load["ratio"] for load in loads) < 0.1, [load["ratio"] for load in loads]


@pytest.mark.slow
def test_loading_imports_nothing_heavy(loads):
    assert {name.split(".")[0] for name in loads[0]["new"]} & HEAVY == set()


@pytest.fixture(scope="module")
def answers(host_place, tmp_path_factory):
    with HostProcess(host_place, tmp_path_factory.mktemp("old")) as fresh:
        return fresh.call("pack_import.old_hosts")


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
    line = "ComfyUI-Matrix3D: the nodes in nodes/optimize.py could not be loaded"
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
