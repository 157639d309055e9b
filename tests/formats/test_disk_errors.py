"""A disk that refuses: every writer names its file and the way out, and leaves nothing behind."""

from __future__ import annotations

import errno
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from splat_scenes import random_gaussians

from matrix3d_core.errors import DiskError
from matrix3d_core.io.atomic import naming_the_file, open_atomically
from matrix3d_core.io.cameras_json import write_trajectory
from matrix3d_core.io.dataset import DatasetConfig, write_dataset
from matrix3d_core.io.depth_files import write_depth
from matrix3d_core.io.html_world import write_html
from matrix3d_core.io.images import write_image
from matrix3d_core.io.splats import write_gaussians
from matrix3d_core.io.tensors import write_tensors
from matrix3d_core.io.video import write_mp4
from matrix3d_core.scene.trajectory import Trajectory


@contextmanager
def small_files(limit: int):
    """Let no file of this process grow beyond ``limit`` bytes, as on a disk that is full; the system says EFBIG."""
    resource = pytest.importorskip("resource", reason="Windows does not limit what a process takes")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def path_of(frames):
    return Trajectory(torch.eye(4, dtype=torch.float64).expand(frames, 4, 4).clone())


def dataset(path):
    frames = torch.rand(2, 32, 64, 3)
    write_dataset(path, frames, path_of(2), config=DatasetConfig(crop_size_px=16))


WRITERS = {
    **{
        f"a.{kind}": lambda path: write_gaussians(path, random_gaussians(500))
        for kind in ("ply", "spz", "sog", "splat", "ksplat", "glb")
    },
    "a.html": lambda path: write_html(path, random_gaussians(500)),
    "a.png": lambda path: write_image(path, torch.rand(64, 64, 3)),
    "a.jpg": lambda path: write_image(path, torch.rand(64, 64, 3)),
    "a.npy": lambda path: write_depth(path, torch.rand(64, 64) + 1),
    "a.npz": lambda path: write_depth(path, torch.rand(64, 64) + 1),
    "a.exr": lambda path: write_depth(path, torch.rand(64, 64) + 1),
    "a.json": lambda path: write_trajectory(path, path_of(50)),
    "a.safetensors": lambda path: write_tensors(path, {"x": torch.zeros(5000)}),
    "a.mp4": lambda path: write_mp4(path, torch.rand(4, 64, 64, 3)),
    "a_dataset": dataset,
}


def needs(name):
    for ending, package in ((".exr", "OpenEXR"), (".mp4", "av")):
        if name.endswith(ending):
            pytest.importorskip(package)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_outgrows_the_disk(tmp_path, name):
    needs(name)
    with small_files(300), pytest.raises(DiskError) as caught:
        WRITERS[name](tmp_path / name)
    text = str(caught.value)
    if name == "a_dataset":  # the picture that did not fit
        assert " could not be written: the file system takes no file that large (" in text
    else:
        assert text.startswith(f"{name} could not be written: ")
        assert str(tmp_path) in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_is_not_there(tmp_path, name):
    needs(name)
    with pytest.raises(DiskError) as caught:
        WRITERS[name](tmp_path / "gone" / name)
    assert str(caught.value).startswith(f"{name} could not be written: ")
    if not name.endswith(".exr"):  # OpenEXR keeps the system's number to itself
        assert str(caught.value).endswith(
            f"its folder does not exist ({tmp_path / 'gone'}). Make the folder first."
        )


def test_other_refusals(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    for path, says, number in (
        (tmp_path / "file" / "a.ply", "its folder is a file", errno.ENOTDIR),
        (tmp_path / "folder", "there is a folder of that name", errno.EISDIR),
        (tmp_path / ("n" * 300), "its name is too long", errno.ENAMETOOLONG),
    ):
        with pytest.raises(DiskError, match=says) as caught, open_atomically(path) as file:
            file.write(b"x")
        assert caught.value.errno == number
        assert isinstance(caught.value, OSError)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_says_so(tmp_path):
    with (
        pytest.raises(
            DiskError, match=r"^a\.ply could not be written: the disk is full \(.*\)\. Free some space"
        ),
        naming_the_file(tmp_path / "a.ply"),
        open("/dev/full", "wb", buffering=0) as file,
    ):
        file.write(b"x")


def test_faults_of_other_files_and_without_a_number_stay(tmp_path):
    with pytest.raises(FileNotFoundError, match="source"), open_atomically(tmp_path / "a.ply"):
        (tmp_path / "source").read_bytes()
    with pytest.raises(OSError, match=r"^odd$"), open_atomically(tmp_path / "a.ply"):
        raise OSError("odd")
    assert list(tmp_path.iterdir()) == []
