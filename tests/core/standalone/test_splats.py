"""`matrix3d splats`: a ray-traced video in a folder becomes the world that the node's own function makes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_world import room_frames, room_geometry, straight_path

from matrix3d_core import cli
from matrix3d_core.cli.commands.splats import parse_settings
from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.guidance.render import render_guidance
from matrix3d_core.io.cameras_json import read_trajectory, write_trajectory
from matrix3d_core.io.depth_files import write_depth
from matrix3d_core.io.geometry import read_geometry, write_geometry
from matrix3d_core.io.splats import read_gaussians
from matrix3d_core.io.video import read_mp4, write_mp4
from matrix3d_core.optimize.config import preset_config
from matrix3d_core.optimize.loop import optimize_gaussians
from matrix3d_core.standalone.splats import fit_video, read_video_folder

ROOT = Path(__file__).resolve().parents[3]
SMALL = {"steps": 4, "max_gaussians": 400, "crop_size_px": 32, "backend": "torch"}  # nothing to compile
BACKENDS = ["--splat-backend", "torch", "--mesh-backend", "torch"]
WORDS = ["--steps", "4", "--max-gaussians", "400", "--crop-size", "32", *BACKENDS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What `matrix3d video` leaves behind, of the painted room; depth besides."""
    folder = tmp_path_factory.mktemp("video")
    path = straight_path(5)
    frames, distances = room_frames(path, 32)
    write_mp4(folder / "video.mp4", frames, crf=1)
    write_trajectory(folder / "cameras.json", path)
    write_geometry(folder / "geometry.safetensors", room_geometry(32))
    (folder / "depth").mkdir()
    for index, distance in enumerate(distances):
        write_depth(folder / "depth" / f"{index:03}.npy", distance)
    return folder


def test_the_command_gives_what_the_nodes_function_gives(folder, tmp_path, capsys):
    assert cli.main(["splats", str(folder), "--out", str(tmp_path), *WORDS]) == 0
    output = capsys.readouterr()
    names = {"world.ply", "world.spz", "world.world.json", "preview.png", "report.json"}
    assert {path.name for path in tmp_path.iterdir()} == names  # the checkpoint is gone
    assert {Path(line).name for line in output.out.splitlines()} == names
    assert "Gaussians in" in output.err

    geometry, path = read_geometry(folder / "geometry.safetensors"), read_trajectory(folder / "cameras.json")
    guidance = render_guidance(geometry, path, height=32, mesh_height=32, backend="torch")
    expected = optimize_gaussians(
        read_mp4(folder / "video.mp4"),
        path,
        geometry=geometry,
        depth_ray=room_frames(straight_path(5), 32)[1],
        mask=guidance.mask,
        config=preset_config("draft", **SMALL),
    )
    world = read_gaussians(tmp_path / "world.ply")
    assert len(world) == len(expected.gaussians) > 100
    torch.testing.assert_close(world.means, expected.gaussians.means, rtol=0, atol=0)  # PLY holds float32
    torch.testing.assert_close(world.colors, expected.gaussians.colors, rtol=0, atol=1e-6)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["settings"] == expected.report["settings"]
    assert report["held_out"] == expected.report["held_out"]
    assert len(read_gaussians(tmp_path / "world.spz")) == len(world)


def test_the_video_is_read_back_frame_by_frame(folder):
    frames = room_frames(straight_path(5), 32)[0]
    video = read_video_folder(folder, backend_mesh="torch")
    assert video.frames.shape == frames.shape
    # 4:2:0 halves the colors' resolution: the right frame is 0.037 off on average at this size, the next one 0.051.
    errors = [[float((a - b).abs().mean()) for b in frames] for a in video.frames]
    assert all(min(row) == row[index] < 0.045 for index, row in enumerate(errors))


def test_flat_colors_survive_the_video(tmp_path):
    colors = torch.tensor(
        [[0.8, 0.2, 0.1], [0.1, 0.7, 0.3], [0.2, 0.3, 0.9], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    )
    write_mp4(tmp_path / "flat.mp4", colors[:, None, None].expand(-1, 32, 64, 3), crf=1)
    # 8 bits per channel, as luma and chroma and back: within 3 steps.
    torch.testing.assert_close(read_mp4(tmp_path / "flat.mp4")[:, 5, 9], colors, rtol=0, atol=3 / 255)


def test_the_panoramas_own_pixels_come_first_and_another_file_can_be_named(folder, tmp_path):
    for name in ("cameras.json", "video.mp4"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    write_mp4(tmp_path / "composite.mp4", torch.zeros(5, 64, 128, 3))
    composite = read_video_folder(tmp_path)
    assert composite.frames.shape == (5, 64, 128, 3)
    assert composite.geometry is composite.mask is composite.depth_ray is None
    assert read_video_folder(tmp_path, video=tmp_path / "video.mp4").frames.shape == (5, 32, 64, 3)


def test_surplus_poses_are_dropped_and_another_path_is_refused(folder, tmp_path):
    (tmp_path / "video.mp4").write_bytes((folder / "video.mp4").read_bytes())
    write_trajectory(tmp_path / "cameras.json", straight_path(8))
    assert len(read_video_folder(tmp_path).trajectory) == 5
    write_trajectory(tmp_path / "cameras.json", straight_path(9))
    with pytest.raises(InvalidInput, match=r"one pose per frame; got 9 poses and 5 frames\. Name"):
        read_video_folder(tmp_path)


def test_what_is_missing_or_damaged_is_named(folder, tmp_path, capsys):
    def says(*words):
        assert cli.main(["splats", *map(str, words), "--out", str(tmp_path / "out")]) == 2
        return capsys.readouterr().err

    assert "there is no " in says(tmp_path / "nowhere")
    assert "must hold composite.mp4 or video.mp4; it has neither" in says(tmp_path)
    (tmp_path / "video.mp4").write_bytes(b"not a video at all")
    assert "must hold cameras.json" in says(tmp_path)
    write_trajectory(tmp_path / "cameras.json", straight_path(5))
    assert "video.mp4 is truncated or no video" in says(tmp_path)
    assert "densify must be one of" in says(folder, "--set", "densify=maybe")
    assert "ssim_share is called ssim_lambda now" in says(folder, "--set", "ssim_share=0.3")
    assert "none.ply" in says(folder, "--initial", tmp_path / "none.ply")
    assert not (tmp_path / "out").exists()


def test_settings_by_name_have_their_fields_type():
    assert parse_settings(["refine_poses=true", "densify_every=7", "min_opacity=0.5", "exposure=gain"]) == {
        "refine_poses": True,
        "densify_every": 7,
        "min_opacity": 0.5,
        "exposure": "gain",
    }
    for pair, says in (
        ("refine_poses=2", "true or false"),
        ("densify_every=x", "whole number"),
        ("no", "NAME=VALUE"),
    ):
        with pytest.raises(InvalidInput, match=says):
            parse_settings([pair])
    # No field: left to `preset_config`, which refuses it.
    assert parse_settings(["__post_init__=1"]) == {"__post_init__": "1"}


def test_a_geometry_comes_back_bit_for_bit(tmp_path):
    geometry = room_geometry(16)
    geometry.is_sky[0] = True
    write_geometry(tmp_path / "geometry.safetensors", geometry)
    again = read_geometry(tmp_path / "geometry.safetensors")
    for name in ("rgb", "depth_ray", "is_valid", "is_sky", "is_metric"):
        a, b = getattr(again, name), getattr(geometry, name)
        assert a == b if name == "is_metric" else torch.equal(a, b)
    (tmp_path / "geometry.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{cut")
    with pytest.raises(FormatError, match=r"geometry.safetensors is truncated"):
        read_geometry(tmp_path / "geometry.safetensors")


def test_a_stopped_fit_goes_on_from_its_checkpoint(folder, tmp_path):
    video = read_video_folder(folder, backend_mesh="torch")
    config = preset_config("draft", **SMALL | {"steps": 12})

    def stop(event):
        if event.phase.startswith("fit") and event.done >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_video(video, out_dir=tmp_path, config=config, progress=stop)
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]
    fit_video(video, out_dir=tmp_path, config=config)
    assert json.loads((tmp_path / "report.json").read_text())["resumed_at"] >= 5
    assert not list(tmp_path.glob("gs-*"))


@pytest.mark.skipif(os.name == "nt", reason="signals work otherwise there")
def test_sigterm_ends_it_with_status_130_and_no_world(folder, tmp_path):
    command = [sys.executable, "-m", "matrix3d_core.cli", "splats", str(folder), "--out", str(tmp_path)]
    command += [*WORDS, "--steps", "100000", "--no-resume"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:
        errors, end = b"", time.monotonic() + 240
        while b"/100000" not in errors and time.monotonic() < end:
            errors += process.stderr.read1(4096)
        process.send_signal(signal.SIGTERM)
        errors += process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert errors.endswith(b"matrix3d: stopped\n")
    assert list(tmp_path.iterdir()) == []
