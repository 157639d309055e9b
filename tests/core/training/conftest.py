"""Small clips for training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from training_clips import ball_room, write_folder


@pytest.fixture(scope="session")
def clip_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clip folders with captions, of nine frames of 64x128."""
    root = tmp_path_factory.mktemp("clips")
    for number in range(3):
        write_folder(
            root / f"room{number}", *ball_room(9, 64, shift=0.1 * number), f"a round room, number {number}"
        )
    return root


@pytest.fixture(autouse=True)
def _one_generator():
    """Leave torch's generator as it was."""
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)
