"""The `matrix3d` command: exit codes, messages, help, and that it hands on what was asked for."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import programs
import pytest
import torch

from matrix3d_core import cli
from matrix3d_core.errors import InvalidInput
from matrix3d_core.progress import ProgressEvent

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def panorama(tmp_path):
    from PIL import Image

    path = tmp_path / "pano.png"
    Image.new("RGB", (64, 32), (10, 200, 30)).save(path)
    return path


@pytest.fixture
def made(monkeypatch, tmp_path):
    """Replace the function by one that notes how it was called and writes nothing."""
    from matrix3d_core.standalone import world

    calls = []

    def make_world(panorama, *, depth_ray=None, out_dir, config=None, progress):
        calls.append({"panorama": panorama, "depth_ray": depth_ray, "out_dir": out_dir, "config": config})
        progress(ProgressEvent(1, 2, "one"))
        progress(ProgressEvent(2, 2, "one"))
        progress(ProgressEvent(1, 1, "two"))
        return world.WorldResult([0] * 7, None, None, {"world.ply": Path(out_dir) / "world.ply"}, {})

    monkeypatch.setattr(world, "make_world", make_world)
    return calls


def test_world_hands_on_every_setting(panorama, made, tmp_path, capsys):
    from matrix3d_core.standalone.world import WorldConfig

    words = "--preset s_curve --frames 9 --distance 0.5 --width 128 --camera-height 2.5 --source grounded"
    words += " --quality standard --max-gaussians 1000 --seed 3 --mesh-backend numba --splat-backend torch --clearance 0.1 --edge-threshold 0.2"
    assert cli.main(["world", str(panorama), "--out", str(tmp_path / "w"), *words.split()]) == 0

    (call,) = made
    assert call["panorama"].shape == (32, 64, 3)
    assert call["depth_ray"] is None
    assert call["out_dir"] == tmp_path / "w"
    assert call["config"] == WorldConfig(
        preset="s_curve",
        frames=9,
        distance=0.5,
        width=128,
        camera_height=2.5,
        source="grounded",
        quality="standard",
        max_gaussians=1000,
        seed=3,
        backend_mesh="numba",
        backend_splat="torch",
        clearance=0.1,
        edge_threshold=0.2,
    )
    output = capsys.readouterr()
    assert output.out.strip() == str(tmp_path / "w" / "world.ply")
    assert "7 Gaussians in" in output.err
    assert "one: 100%" in output.err
    assert "two: 100%" in output.err


def test_a_depth_file_of_several_arrays_is_asked_about_and_chosen(panorama, made, tmp_path, capsys):
    import numpy as np

    file, command = tmp_path / "maps.npz", ["world", str(panorama), "--out", str(tmp_path)]
    np.savez(file, first=np.full((8, 16), 2.0), second=np.full((8, 16), 3.0))
    assert cli.main([*command, "--depth", str(file)]) == 2
    assert "first, second" in capsys.readouterr().err
    assert cli.main([*command, "--depth", str(file), "--depth-channel", "second"]) == 0
    assert (made[0]["depth_ray"] == 3).all()


def test_defaults_are_those_of_the_library(panorama, made, tmp_path):
    from matrix3d_core.standalone.world import WorldConfig

    assert cli.main(["world", str(panorama), "--out", str(tmp_path)]) == 0
    assert made[0]["config"] == WorldConfig()


def test_help_names_every_setting_path_and_file(capsys):
    from matrix3d_core.standalone.world import WorldConfig
    from matrix3d_core.trajectories.presets import TRAJECTORY_PRESETS

    with pytest.raises(SystemExit) as stop:
        cli.main(["world", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for name in TRAJECTORY_PRESETS:
        assert re.search(rf"^  {re.escape(name)} ", text, re.MULTILINE), name
    for file in ("world.ply", "world.spz", "flythrough.mp4", "preview.png", "report.json"):
        assert file in text
    for field in fields(WorldConfig):
        if field.name != "flythrough_size_px":
            assert f"(default: {field.default})" in " ".join(text.split()), field.name


def test_plain_help_does_not_load_torch():
    code = "import sys, matrix3d_core.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\n"
    code += "sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "doctor" in done.stdout


def test_wrong_input_ends_with_one_line_and_status_2(panorama, made, monkeypatch, tmp_path, capsys):
    from matrix3d_core.standalone import world

    def refuse(*_, **__):
        raise InvalidInput("panorama must be 2:1; got 3x3. Crop it.")

    monkeypatch.setattr(world, "make_world", refuse)
    assert cli.main(["world", str(panorama), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "matrix3d: panorama must be 2:1; got 3x3. Crop it.\n"


def test_a_missing_file_ends_with_one_line_and_status_2(tmp_path, capsys):
    assert cli.main(["world", str(tmp_path / "none.png"), "--out", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("matrix3d: ")
    assert "none.png" in line


def test_verbose_lets_the_traceback_through(panorama, monkeypatch, tmp_path):
    from matrix3d_core.standalone import world

    def refuse(*_, **__):
        raise InvalidInput("no")

    monkeypatch.setattr(world, "make_world", refuse)
    with pytest.raises(InvalidInput):
        cli.main(["world", str(panorama), "--out", str(tmp_path), "--verbose"])


@pytest.mark.parametrize(
    "arguments", [[], ["world"], ["world", "x.png"], ["fly"], ["world", "x", "--preset", "no"]]
)
def test_wrong_usage_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    assert "usage: matrix3d" in capsys.readouterr().err


def test_doctor_json(capsys, monkeypatch):
    monkeypatch.delenv("COMFYUI_DIR", raising=False)
    status = cli.main(["doctor", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert status == (0 if report["ready"] else 1)
    assert report["packages"]["torch"]


def test_doctor_says_by_its_status_when_nothing_works(monkeypatch, capsys):
    from matrix3d_core import doctor

    real = doctor.examine()
    monkeypatch.setattr(doctor, "examine", lambda comfyui: {**real, "ready": False})
    assert cli.main(["doctor"]) == 1
    assert "cannot make worlds here" in capsys.readouterr().out


def test_sample_writes_a_panorama_and_its_distances(tmp_path):
    from matrix3d_core.io.depth_files import read_depth
    from matrix3d_core.io.images import read_image
    from matrix3d_core.synth.sample_scene import render_erp

    assert cli.main(["sample", "--out", str(tmp_path / "s"), "--height", "16"]) == 0
    rgb, depth_ray = render_erp(torch.zeros(3, dtype=torch.float64), 16, 32)
    picture = read_image(tmp_path / "s" / "panorama.png")
    assert (picture - rgb).abs().max() <= 0.5 / 255 + 1e-6  # rounded to 8 bits
    torch.testing.assert_close(
        read_depth(tmp_path / "s" / "depth_ray.npz"), depth_ray.float(), rtol=0, atol=0
    )


@pytest.mark.skipif(os.name == "nt", reason="signals work otherwise there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_halfway_is_status_130_and_leaves_no_file(panorama, tmp_path, number):
    out = tmp_path / "w"
    command = programs.command("slow_world", "world", panorama, "--out", out)
    with subprocess.Popen(command, env=programs.environment(), stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 60
        while not (out.is_dir() and list(out.iterdir())) and time.monotonic() < end:
            time.sleep(0.05)
        assert list(out.iterdir()), "the job did not start"
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.endswith("matrix3d: stopped\n")
    assert "Traceback" not in errors
    assert list(out.iterdir()) == []


def test_one_bar_for_one_kind_of_work(capsys):
    from matrix3d_core.cli.progress import ProgressBars
    from matrix3d_core.progress import ProgressEvent

    with ProgressBars() as bars:
        bars(ProgressEvent(0, 3, "fit splats: step 1 of 3, about 2 s left"))
        first = bars._bar
        for step in (1, 2):
            bars(ProgressEvent(step, 3, f"fit splats: step {step + 1} of 3, about 1 s left"))
            assert bars._bar is first
            assert first.n == step
        bars(ProgressEvent(0, 3, "render splats 1 of 3"))
        assert bars._bar is not first
        bars(ProgressEvent(0, 2, "train, loss 0.2"))
        bar = bars._bar
        bars(ProgressEvent(1, 2, "train, loss -0.1"))
        assert bars._bar is bar
    assert "of 3" not in capsys.readouterr().err
