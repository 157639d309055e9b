"""Fréchet distance against the closed form of one dimension, scipy's matrix root and torchmetrics."""

from __future__ import annotations

import os

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.metrics.frechet import frechet_distance


def test_one_dimension_is_worked_out_by_hand():
    # means 2 and 5; unbiased deviations 1 and 3: (5 - 2)^2 + (3 - 1)^2 = 13
    a, b = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[2.0], [5.0], [8.0]])
    assert frechet_distance(a, b) == pytest.approx(13, abs=1e-9)
    assert frechet_distance(a, a) == 0


@pytest.mark.parametrize("counts", [(40, 50), (9, 30)], ids=["more samples than numbers", "fewer"])
def test_the_trace_of_the_root_is_scipys(counts):
    linalg = pytest.importorskip("scipy.linalg")
    numpy = pytest.importorskip("numpy")
    rng = torch.Generator().manual_seed(3)
    mix = torch.randn(12, 12, generator=rng, dtype=torch.float64)
    a = torch.randn(counts[0], 12, generator=rng, dtype=torch.float64) @ mix
    b = torch.randn(counts[1], 12, generator=rng, dtype=torch.float64) + 0.5
    covariances = [numpy.cov(x.numpy(), rowvar=False) for x in (a, b)]
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    wanted = float((a.mean(0) - b.mean(0)).square().sum()) + numpy.trace(sum(covariances) - 2 * root)
    # sqrtm of a singular product is good to the root of the rounding: 1e-8 of the traces
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-6)


slow_import = pytest.mark.skipif(
    not os.environ.get("MATRIX3D_LONG"), reason="these packages load for 20 s; MATRIX3D_LONG=1 runs it"
)


@slow_import
def test_it_is_the_fid_of_torch_fidelity():
    fid = pytest.importorskip("torch_fidelity.metric_fid")
    rng = torch.Generator().manual_seed(5)
    a, b = (torch.randn(70, 8, generator=rng, dtype=torch.float64) * s + s for s in (1.0, 2.5))
    statistics = [fid.fid_features_to_statistics(x) for x in (a, b)]
    wanted = fid.fid_statistics_to_metric(*statistics, verbose=False)[fid.KEY_METRIC_FID]
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-9)


@slow_import
def test_it_is_what_torchmetrics_computes():
    fid = pytest.importorskip("torchmetrics.image.fid")
    rng = torch.Generator().manual_seed(4)
    a, b = (torch.randn(60, 8, generator=rng, dtype=torch.float64) * s for s in (1.0, 2.5))
    parts = [part for x in (a, b) for part in (x.mean(0), x.mT.cov())]
    assert frechet_distance(a, b) == pytest.approx(float(fid._compute_fid(*parts)), rel=1e-9)


def test_too_few_and_broken_samples_are_refused():
    with pytest.raises(InvalidInput, match="at least 2 samples each; got 1 and 3"):
        frechet_distance(torch.ones(1, 4), torch.ones(3, 4))
    with pytest.raises(InvalidInput, match="a must be finite"):
        frechet_distance(torch.full((3, 4), torch.nan), torch.ones(3, 4))
