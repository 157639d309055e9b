"""The networks of the small models: what the video model knows before training, and a missing file."""

import pytest
import torch
import torch.nn.functional as F

from matrix3d_core.errors import InvalidInput
from matrix3d_core.minis.networks import make_video_network, open_mini_video

pytest.importorskip("diffusers", reason="needs diffusers (extra 'generate')")


@pytest.mark.parametrize("level", [0.2, 0.5, 0.9])
def test_the_video_model_begins_by_copying_its_guidance(level):
    """Where guidance is right, the flow is noise minus guidance, which the first answer must be up to its size."""
    torch.manual_seed(0)
    network = make_video_network(layers=2).train(False)
    rng = torch.Generator().manual_seed(1)
    clean, noise = (torch.randn(1, 16, 3, 8, 16, generator=rng) for _ in range(2))
    mask = torch.ones(1, 4, 3, 8, 16)
    given = torch.cat(((1 - level) * clean + level * noise, mask, clean), 1)
    with torch.no_grad():
        flow = network(
            hidden_states=given,
            timestep=torch.tensor([1000 * level]),
            encoder_hidden_states=torch.randn(1, 512, 4096, generator=rng),
            encoder_hidden_states_image=torch.randn(1, 257, 1280, generator=rng),
            return_dict=False,
        )[0]
    wanted = noise - clean
    assert float(F.cosine_similarity(flow.flatten(), wanted.flatten(), 0)) > 0.97
    assert 0.6 < float(flow.std() / wanted.std()) < 1.2


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"must hold matrix3d_mini_video\.safetensors"):
        open_mini_video(tmp_path)
