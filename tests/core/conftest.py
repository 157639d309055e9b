"""Tiny pipelines in folders, made once for all tests of the room; needs the extra ``generate``."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_pipelines import make_flux, make_wan, save_pipeline


@pytest.fixture(scope="session")
def flux_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A FLUX pipeline."""
    pytest.importorskip("diffusers", reason="needs diffusers (extra 'generate')")
    return save_pipeline(make_flux(), tmp_path_factory.mktemp("flux") / "pipeline")


@pytest.fixture(scope="session")
def fill_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A FLUX Fill pipeline."""
    pytest.importorskip("diffusers", reason="needs diffusers (extra 'generate')")
    return save_pipeline(make_flux(fill=True), tmp_path_factory.mktemp("fill") / "pipeline")


@pytest.fixture(scope="session")
def wan_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Wan image-to-video pipeline."""
    pytest.importorskip("diffusers", reason="needs diffusers (extra 'generate')")
    return save_pipeline(make_wan(), tmp_path_factory.mktemp("wan") / "pipeline")


@pytest.fixture(scope="session")
def wan_network(wan_folder: Path) -> object:
    """The network of `wan_folder`; copy it before changing it."""
    from diffusers import WanTransformer3DModel

    return WanTransformer3DModel.from_pretrained(wan_folder / "transformer", local_files_only=True)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of this room may use the network."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("the console opened a network connection")

    monkeypatch.setattr("socket.create_connection", refuse)
