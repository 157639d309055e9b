"""What a tiny Wan network of diffusers answers to one fixed input."""

from __future__ import annotations

import torch


def normal(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def wan_answer(network):
    inputs = {
        "hidden_states": normal(1, 36, 2, 4, 4, seed=1),
        "timestep": torch.tensor([500.0]),
        "encoder_hidden_states": normal(1, 512, 32, seed=2),
        "encoder_hidden_states_image": normal(1, 5, 32, seed=3),
    }
    with torch.no_grad():
        return network(**inputs, return_dict=False)[0]
