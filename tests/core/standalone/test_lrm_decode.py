"""`matrix3d decode-lrm`: files of a video become the world that the node's own function makes of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_lrm import tiny_latents, tiny_state, turning_path, write_upstream_file

from matrix3d_core import cli
from matrix3d_core.io.cameras_json import write_trajectory
from matrix3d_core.io.splats import read_gaussians
from matrix3d_core.io.tensors import write_tensors
from matrix3d_core.lrm.decode import DEFAULT_SETTINGS, DecodeSettings, decode_latents
from matrix3d_core.lrm.weights import build_lrm, read_lrm_weights


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("lrm") / "pano_lrm_480p.pt"
    write_upstream_file(path, tiny_state())
    return path


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "video"
    folder.mkdir()
    write_tensors(folder / "latents.safetensors", {"latents": tiny_latents()})
    write_trajectory(folder / "cameras.json", turning_path())
    return folder


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ("", DEFAULT_SETTINGS),
        (
            "--frame-stride 3 --min-opacity 0.5 --max-gaussians 500 --decimation importance --pose-scale 2",
            DecodeSettings(
                frame_stride=3, min_opacity=0.5, max_gaussians=500, decimation="importance", pose_scale=2.0
            ),
        ),
    ],
)
def test_the_command_gives_what_the_nodes_function_gives(
    words, settings, folder, checkpoint, tmp_path, capsys
):
    out = tmp_path / "out"
    command = ["decode-lrm", str(folder), "--weights", str(checkpoint), "--out", str(out), "--device", "cpu"]
    assert cli.main([*command, *words.split()]) == 0
    names = {"world.ply", "world.spz", "world.world.json", "preview.png", "report.json", "depth.safetensors"}
    assert {path.name for path in out.iterdir()} == names
    output = capsys.readouterr()
    assert {Path(line).name for line in output.out.splitlines()} == names
    assert "LRM" in output.err

    model = build_lrm(read_lrm_weights(checkpoint), dtype=torch.float32)
    expected = decode_latents(model, tiny_latents(), turning_path(), settings)
    world = read_gaussians(out / "world.ply")
    assert len(world) == len(expected.gaussians) > 100
    torch.testing.assert_close(world.means, expected.gaussians.means, rtol=0, atol=0)  # PLY holds float32
    torch.testing.assert_close(world.colors, expected.gaussians.colors, rtol=0, atol=1e-6)
    assert len(read_gaussians(out / "world.spz")) == len(world)
    assert torch.equal(load_file(out / "depth.safetensors")["depth_ray"], expected.depth)
    report = json.loads((out / "report.json").read_text())
    assert report["gaussians"] == len(world)
    assert report["settings"]["min_opacity"] == settings.min_opacity


def test_what_is_missing_or_foreign_is_named(folder, checkpoint, tmp_path, capsys):
    def says(*words, weights=checkpoint, source=folder):
        command = ["decode-lrm", str(source), "--weights", str(weights), "--out", str(tmp_path / "out")]
        assert cli.main([*command, *words]) == 2
        return capsys.readouterr().err

    assert "VIDEO_DIR must hold latents.safetensors" in says(source=tmp_path / "nowhere")
    assert "none.pt does not exist" in says(weights=tmp_path / "none.pt")
    assert "min_opacity must be in [0, 1)" in says("--min-opacity", "2")
    assert "device must be auto, cpu" in says("--device", "toaster")
    assert "must hold a latent reconstruction model" in says(weights=folder / "latents.safetensors")
    write_trajectory(folder / "cameras.json", turning_path(30))
    assert "it has 30 poses and the latent has 9 frames" in says("--device", "cpu")
    write_tensors(folder / "latents.safetensors", {"samples": tiny_latents()})
    assert "must hold a tensor latents [1, C, t, h, w]; it holds samples" in says()
    (folder / "cameras.json").unlink()
    assert "VIDEO_DIR must hold cameras.json, its camera path" in says()
    assert not (tmp_path / "out").exists()
