"""The reconstruction model against torch's own layers and the numbers of the fact sheet."""

import pytest
import torch
from tiny_lrm import published_shapes, tiny_state

from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.lrm.attributes import gaussian_scales, grid_of
from matrix3d_core.lrm.config import LRMConfig
from matrix3d_core.lrm.network import temporal_windows
from matrix3d_core.lrm.weights import build_lrm, sort_weights
from matrix3d_core.scene.camera import Equirect


@pytest.fixture(scope="module")
def model():
    return build_lrm(sort_weights(tiny_state(), "tiny"))


def test_layers_are_torchs_encoder_layers(model):
    """Same names (a strict load) and the same numbers as `torch.nn.TransformerEncoderLayer`, post-norm, GELU."""
    ours = model.transformer_gs.layers[1]
    theirs = torch.nn.TransformerEncoderLayer(32, 4, 48, 0.1, "gelu", batch_first=True).eval()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = torch.randn(2, 30, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-5)


def test_the_fact_sheets_numbers():
    config = LRMConfig()
    assert config.frames(21) * 240 * 480 == 81 * 115_200
    assert len(range(0, 81, 2)) * 240 * 480 == 4_723_200
    assert temporal_windows(21)[0] == (-2, 2)
    assert temporal_windows(21)[20] == (78, 82)
    # Size: depth times (0.5 + 24.5 s) times 2.5e-4, s in (0, 1).
    factor = grid_of(config, Equirect((240, 480))).scale_factor
    assert factor == pytest.approx(2.5e-4, rel=1e-12)
    low, high = gaussian_scales(torch.tensor([[-50.0, 50.0, 0.0]]), torch.tensor([2.0]), factor, config)[
        0, :2
    ]
    assert float(low) == pytest.approx(0.5 * 2 * 2.5e-4)
    assert float(high) == pytest.approx(25 * 2 * 2.5e-4)
    torch.testing.assert_close(grid_of(config, Equirect((240, 480))).rays, erp_directions(240, 480))
    unused = sum(
        torch.Size(shape).numel()
        for name, shape in published_shapes().items()
        if name.startswith(("encoder_layer.", "camera_layer_norm.")) or "refinenet4.resConfUnit1" in name
    )
    assert 449_625_728 - unused == 403_470_976
