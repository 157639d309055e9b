"""DINOv2 distance against its definition, on a small random backbone."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.features.dinov2 import Dinov2, Dinov2Config
from matrix3d_core.features.weights import find_backbone, read_backbone
from matrix3d_core.metrics.dinov2_distance import dinov2_distance, dinov2_video_features


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    network = Dinov2(Dinov2Config(width=64, grid=16)).train(False).requires_grad_(False)
    for value in network.parameters():
        value.normal_(0, 0.2)
    return network


def test_distance_is_that_of_the_tokens(backbone):
    rng = torch.Generator().manual_seed(1)
    a, b = torch.rand(2, 3, 224, 448, generator=rng), torch.rand(2, 3, 224, 448, generator=rng)
    found = dinov2_distance(backbone, a, b)  # already of that size, so nothing is resized
    for k in range(2):
        angles = []
        for first, second in zip(backbone(a[k : k + 1]), backbone(b[k : k + 1]), strict=True):
            for row in range(16):
                for column in range(32):
                    x, y = first[0, row, column].tolist(), second[0, row, column].tolist()
                    dot = sum(p * q for p, q in zip(x, y, strict=True))
                    angles.append(1 - dot / math.sqrt(sum(p * p for p in x) * sum(q * q for q in y)))
        assert float(found[k]) == pytest.approx(sum(angles) / len(angles), rel=1e-4)
    assert float(found.min()) > 0.01
    assert dinov2_distance(backbone, a, a).abs().max() < 1e-5


def test_sizes_are_fitted_and_others_refused(backbone):
    a = torch.rand(1, 3, 50, 99)
    assert dinov2_distance(backbone, a, a).shape == (1,)
    with pytest.raises(InvalidInput, match="of one shape"):
        dinov2_distance(backbone, a, a[..., :50])


def test_real_weights_rank_pictures_as_people_do():
    path = find_backbone()
    if path is None:
        pytest.skip("no DINOv2 backbone on this machine")
    network = read_backbone(path)
    y, x = torch.meshgrid(torch.linspace(0, 1, 224), torch.linspace(0, 1, 224), indexing="ij")
    bars = (torch.stack((x, y, 1 - x))[None] * 8).frac()
    brighter, other = (bars * 0.9 + 0.1), bars.mT.flip(1)
    near, far = (float(dinov2_distance(network, bars, p)) for p in (brighter, other))
    assert near < 0.5 * far


def test_features_of_a_video_are_means_and_changes_of_each_quarter(backbone):
    rng = torch.Generator().manual_seed(0)
    still = torch.rand(1, 64, 128, 3, generator=rng).expand(3, -1, -1, -1)
    width = backbone.config.width
    features = dinov2_video_features(backbone, still)
    assert features.shape == (4, 2 * width)
    torch.testing.assert_close(features[:, width:], torch.zeros(4, width), rtol=0, atol=1e-5)
    turned = dinov2_video_features(backbone, still.roll(32, 2))
    torch.testing.assert_close(turned, features.roll(1, 0), rtol=1e-4, atol=1e-5)
    moving = torch.rand(3, 64, 128, 3, generator=rng)
    assert float(dinov2_video_features(backbone, moving)[:, width:].min()) > 0
    with pytest.raises(InvalidInput, match="at least 2 frames"):
        dinov2_video_features(backbone, still[:1])
