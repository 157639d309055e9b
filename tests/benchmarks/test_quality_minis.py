"""Planted faults move the mini models' figures: a wrong mask, channel, frame or pose cannot go unseen."""

from __future__ import annotations

import pytest
import torch

pytestmark = pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight:UserWarning")
pytest.importorskip("diffusers", reason="needs diffusers (extra 'generate')")
pytest.importorskip("webdataset", reason="needs webdataset (extra 'factory')")

ROWS, LENGTH = 128, 9


@pytest.fixture(scope="module")
def planted(tmp_path_factory, monkeypatch_module):
    from benchmarks import quality_minis as benchmark

    folder = str(tmp_path_factory.mktemp("judge"))
    monkeypatch_module.setattr(benchmark.tempfile, "gettempdir", lambda: folder)
    (case,) = benchmark.judge_clips(1, ROWS, LENGTH, workers=1)
    with torch.inference_mode():
        return benchmark.plant_faults(benchmark.Minis.shipped(rows=ROWS), case)


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.mark.parametrize(
    "fault",
    [
        "mask inverted",
        "condition's latent channels swapped",
        "guidance one frame late",
        "poses mirrored",
        "reconstruction's latent channels swapped",
    ],
)
def test_a_fault_moves_its_figure_by_three_times_what_seeds_do(planted, fault):
    row = planted[fault]
    assert row["times_spread"] >= 3, row
