"""Fixtures shared by all tests: the real host, the browser, and what to skip where."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from comfy_server import ComfyServer, HostPlace, HostProcess, find_browser, find_host

from matrix3d_core import progress

os.environ["MATRIX3D_BACKBONE"] = "none"  # tests do the same whether or not this machine has one
progress.EVERY_S = 60.0  # tests count reports; on a busy machine work takes long enough for repeated ones


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked ``gpu`` where torch sees no CUDA device; give the long ones of MATRIX3D_LONG=1 an hour each."""
    if os.environ.get("MATRIX3D_LONG"):
        for item in items:
            item.add_marker(pytest.mark.timeout(3600))
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device; torch sees none"))


@pytest.fixture(scope="session")
def host_place() -> HostPlace:
    """Where the real host is; skips the test when there is none."""
    place = find_host()
    if isinstance(place, str):
        pytest.skip(place)
    return place


@pytest.fixture(scope="session")
def tiny_models_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A models folder with all tiny models, also under the names of the released ones."""
    from tiny_models import fill_models_folder  # needs torch, which is slow to load

    folder = fill_models_folder(tmp_path_factory.mktemp("tiny") / "models")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # 0.3 GB, and pytest keeps the folders of three runs


@pytest.fixture(scope="session")
def tiny_models(tiny_models_dir: Path) -> dict[str, Path]:
    """The files of all tiny models by kind."""
    from tiny_models import write_tiny_models

    return write_tiny_models(tiny_models_dir)


@pytest.fixture(scope="session")
def comfy(
    host_place: HostPlace, tmp_path_factory: pytest.TempPathFactory, tiny_models_dir: Path
) -> Iterator[ComfyServer]:
    """One running ComfyUI with the pack and the tiny models, for the whole test run."""
    from tiny_models import mount

    base = tmp_path_factory.mktemp("comfy")
    mount(base, tiny_models_dir)
    # The host takes half precision for MoGe otherwise, which torch cannot resize with antialias on a CPU.
    with ComfyServer(host_place, base, arguments=("--cpu", "--fp32-text-enc")) as server:
        yield server


@pytest.fixture(scope="session")
def in_host(host_place: HostPlace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    """One interpreter of the host for all functions of `tests/in_host` that leave nothing behind in it."""
    with HostProcess(host_place, tmp_path_factory.mktemp("in_host")) as process:
        yield process


@pytest.fixture
def host_base(tmp_path: Path) -> Path:
    """A base folder for calls of `in_host`."""
    return tmp_path / "base"


@pytest.fixture(scope="session")
def browser() -> str:
    """The path of Chromium; skips the test when there is none."""
    path = find_browser()
    if path is None:
        pytest.skip("no chromium: install it (Debian: apt install chromium) or set MATRIX3D_CHROMIUM to one")
    return path
