"""The parts of `benchmarks/on_gpu.sh` at tiny sizes on the CPU: they run, write the agreed form, and are resumed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from comfy_server import HostPlace

from benchmarks import common, on_gpu

SCRIPT = Path(on_gpu.__file__).with_name("on_gpu.sh")


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(SCRIPT), *map(str, arguments)]
    variables = {**os.environ, "PYTHON": sys.executable, **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=variables)


@pytest.mark.parametrize("part", ["parity", "fit_draft", "rendering"])
def test_a_part_runs_dry(part, tmp_path, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    file = tmp_path / "result.json"
    assert on_gpu.run_part(part, True, str(file)) == 0
    record = json.loads(file.read_text())
    common.check_result(record)
    assert record["suite"] == f"on_gpu_{part}"
    assert record["results"]
    assert all(entry["passed"] for entry in record["checks"])
    if part == "fit_draft":
        (entry,) = record["results"]
        steps = [point["step"] for point in entry["curve"]]
        assert steps == [2, 4]
        assert entry["curve"][-1]["psnr"] == pytest.approx(entry["psnr_24_views"], abs=3)
        reached = [p["seconds"] for p in entry["curve"] if p["psnr"] >= 24]
        assert entry["seconds_to_24_db"] == (reached[0] if reached else None)


def test_what_is_done_is_not_run_again_and_what_is_missing_is_counted(tmp_path):
    first = run("--dry", "--only", "lrm", "wan14b", "--out", tmp_path, COMFYUI_DIR="")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "SKIPPED wan14b: COMFYUI_DIR names no ComfyUI" in first.stdout
    assert "2 parts, 1 skipped" in first.stdout
    (file,) = tmp_path.glob("on_gpu_lrm--*.json")
    common.check_result(json.loads(file.read_text()))
    assert on_gpu.is_done(file, common.machine()["commit"])
    assert not on_gpu.is_done(file, "another commit")
    second = run("--dry", "--only", "lrm", "--out", tmp_path)
    assert "lrm           done before" in second.stdout


@pytest.mark.gpu
def test_a_card_is_there():
    """Where there is one, nothing is left to skip for want of it."""
    assert "needs a CUDA device" not in run("--only", "parity").stdout


def test_without_a_card_every_part_says_so(tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    done = run("--only", "parity", "--out", tmp_path)
    assert "SKIPPED parity: needs a CUDA device" in done.stdout
    assert done.returncode == 0


@pytest.mark.host
def test_the_part_of_the_host_runs_dry(host_place: HostPlace, tmp_path):
    done = run(
        "--dry",
        "--only",
        "wan14b",
        "--out",
        tmp_path,
        COMFYUI_DIR=str(host_place.directory),
        PYTHON=str(host_place.python),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = tmp_path.glob("on_gpu_wan14b--*.json")
    names = [entry["name"] for entry in json.loads(file.read_text())["results"]]
    assert names == ["plain 32 tokens", "turned 32 tokens"]
