from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from matrix3d_core.errors import InvalidInput
from matrix3d_core.io.pano_frames import shown_frames, write_pano_frames


def test_all_frames_or_evenly_spaced_ones():
    assert shown_frames(3) == [0, 1, 2]
    assert shown_frames(11, 3) == [0, 5, 10]
    assert shown_frames(500)[-1] == 499
    assert len(set(shown_frames(500))) == 121
    assert shown_frames(7, 1) == [0]
    with pytest.raises(InvalidInput):
        shown_frames(0)


def test_frames_are_shrunk_by_averaging(tmp_path):
    panoramas = torch.zeros(2, 32, 64, 3)
    panoramas[1, :, :, 0] = torch.arange(64) % 2  # averages to one half
    files = write_pano_frames(tmp_path / "sub", "pano_", panoramas, max_width=32)
    assert files == [(0, "pano_f00000.jpg"), (1, "pano_f00001.jpg")]
    picture = np.asarray(Image.open(tmp_path / "sub" / "pano_f00001.jpg"))
    assert picture.shape == (16, 32, 3)
    assert abs(float(picture[..., 0].mean()) - 127.5) < 4  # JPEG's rounding


@pytest.mark.parametrize("shape", [(1, 32, 32, 3), (32, 64, 3)])
def test_wrong_shapes_are_refused(tmp_path, shape):
    with pytest.raises(InvalidInput):
        write_pano_frames(tmp_path, "x", torch.zeros(shape))
