"""Networks of metrics from files: random weights under the true names, and what is said when a file is not there."""

from __future__ import annotations

import pytest
import torch

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.metrics.frechet import frechet_distance
from matrix3d_core.metrics.networks import open_networks

INCEPTION = "pt_inception-2015-12-05-6726825d.pth"


class Mean(torch.nn.Module):
    """Stands for I3D: the mean of each channel, the first frame's top left pixel, and the size that it was given."""

    def forward(
        self, x: torch.Tensor, rescale: bool = True, resize: bool = True, return_features: bool = False
    ) -> torch.Tensor:
        if rescale or resize or not return_features:
            return torch.zeros(1, 1)
        sizes = torch.tensor([x.shape[2], x.shape[3], x.shape[4]], dtype=x.dtype)
        return torch.cat((x.mean((2, 3, 4))[0], x[0, :, 0, 0, 0], sizes))[None]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    extractor = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")

    class Random(extractor.FeatureExtractorInceptionV3):
        def load_state_dict(self, state):
            """Keep the random weights."""

    folder = tmp_path_factory.mktemp("weights")
    torch.save({}, folder / INCEPTION)
    torch.manual_seed(0)
    network = Random("inception", ["2048"], str(folder / INCEPTION))
    for name, values in network.state_dict().items():
        if name.endswith("conv.weight"):
            values *= 6**0.5  # variance 2 / inputs: features stay of order 1 through all layers
    torch.save(network.state_dict(), folder / INCEPTION)
    return folder, network


@pytest.fixture(autouse=True)
def _empty_caches(monkeypatch, tmp_path):
    """No backbone of this machine."""
    monkeypatch.setenv("MATRIX3D_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def test_without_files_each_metric_names_its_file(tmp_path):
    found = open_networks(tmp_path)
    assert (found.fid, found.fvd, found.lpips, found.dinov2) == (None, None, None, None)
    assert list(found.missing) == ["FID", "FVD", "LPIPS", "DINOv2 distance"]
    assert "model.safetensors of facebook/dinov2-small" in found.missing["DINOv2 distance"]
    assert found.missing["FID"].startswith(f"needs {INCEPTION}")
    assert found.missing["FVD"].startswith("needs i3d_torchscript.pt")
    assert found.missing["LPIPS"].startswith("needs lpips.pth")
    assert all(str(tmp_path) in reason for reason in found.missing.values())
    assert open_networks(None).missing["FID"].endswith("in the folder of weights")


def test_inception_is_torch_fidelitys(weights):
    folder, network = weights
    found = open_networks(folder)
    assert "FID" not in found.missing
    pictures = torch.rand(3, 20, 40, 3, generator=torch.Generator().manual_seed(1))
    features = found.fid(pictures)
    whole = (pictures * 255).round().byte().permute(0, 3, 1, 2)
    torch.testing.assert_close(features, network(whole)[0], rtol=1e-4, atol=0)
    assert features.shape == (3, 2048)
    assert features.mean() > 1e-3
    assert (
        frechet_distance(features, features.flip(0))
        < 1e-9
        < frechet_distance(features, found.fid(1 - pictures))
    )


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*torch.jit:DeprecationWarning")
def test_i3d_gets_the_clip_as_it_was_trained(tmp_path):
    torch.jit.script(Mean()).save(str(tmp_path / "i3d_torchscript.pt"))
    found = open_networks(tmp_path)
    clip = torch.zeros(12, 30, 60, 3)
    clip[..., 0], clip[0, :, :, 1] = 0.75, 1.0  # red everywhere, green in the first of 12 frames
    features = found.fvd(clip)
    assert features.tolist() == pytest.approx([0.5, -1 + 2 / 12, -1, 0.5, 1, -1, 12, 224, 224], abs=1e-5)
    with pytest.raises(InvalidInput, match="at least 10 frames; got 9"):
        found.fvd(clip[:9])


def test_other_files_are_refused_by_name(tmp_path):
    torch.save({"conv.weight": torch.ones(2)}, tmp_path / INCEPTION)
    pytest.importorskip("torch_fidelity")
    with pytest.raises(FormatError, match=f"{INCEPTION}: must be the Inception v3 of FID"):
        open_networks(tmp_path)
    (tmp_path / INCEPTION).unlink()
    (tmp_path / "i3d_torchscript.pt").write_bytes(b"nothing")
    with pytest.raises(FormatError, match=r"i3d_torchscript\.pt: must be I3D as TorchScript"):
        open_networks(tmp_path)
