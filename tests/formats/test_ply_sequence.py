"""Folders of numbered PLY files: written, read back, in order, at their speed, and damaged ones refused."""

from __future__ import annotations

import pytest
import torch
from splat_scenes import random_gaussians

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.ply import write_ply
from matrix3d_core.io.ply_sequence import find_ply_frames, read_ply_sequence, write_ply_sequence
from matrix3d_core.scene.sequence import GaussianSequence


def worlds(*counts):
    return [random_gaussians(count) for count in counts]


def test_frames_come_back_in_order_and_at_their_speed(tmp_path):
    made = worlds(5, 7, 6)  # their numbers may differ
    paths = write_ply_sequence(tmp_path / "a", iter(made), 3, fps=12.5)
    assert [p.name for p in paths] == ["frame_00000.ply", "frame_00001.ply", "frame_00002.ply"]
    back = read_ply_sequence(tmp_path / "a")
    assert back.fps == 12.5
    assert all(torch.equal(a.means, b.means) for a, b in zip(back.frames, made, strict=True))
    assert [len(frame) for frame in read_ply_sequence(tmp_path / "a", stride=2).frames] == [5, 6]
    assert read_ply_sequence(tmp_path / "a", stride=2).fps == 6.25
    assert len(read_ply_sequence(tmp_path / "a", most=2)) == 2
    assert read_ply_sequence(tmp_path / "a", fps=30.0).fps == 30.0


def test_numbers_count_not_names(tmp_path):
    for name in ("time_10.ply", "time_9.ply", "time_100.PLY", "point_cloud.ply", "time_3.txt"):
        write_ply(tmp_path / name, random_gaussians(2))
    assert [p.name for p in find_ply_frames(tmp_path)] == ["time_9.ply", "time_10.ply", "time_100.PLY"]
    assert read_ply_sequence(tmp_path).fps == 24.0


def test_a_sequence_plays_in_a_loop():
    sequence = GaussianSequence(tuple(worlds(1, 2, 3)), 10.0)
    assert [len(sequence.at(t)) for t in (0.0, 0.05, 0.1, 0.25, 0.3, -0.1)] == [1, 1, 2, 3, 1, 3]
    assert [len(sequence.at(k / 10)) for k in range(9)] == [1, 2, 3] * 3


def test_wrong_sequences_are_refused(tmp_path):
    with pytest.raises(FormatError, match="numbers in their names; got none"):
        read_ply_sequence(tmp_path)
    with pytest.raises(InvalidInput, match="1 to 10000 frames; got 0"):
        write_ply_sequence(tmp_path / "b", [], 0, fps=10.0)
    with pytest.raises(InvalidInput, match="fps must be positive"):
        write_ply_sequence(tmp_path / "b", worlds(1), 1, fps=0.0)
    write_ply_sequence(tmp_path / "c", worlds(2, 2), 2, fps=10.0)
    with pytest.raises(InvalidInput, match="no PLY files yet"):
        write_ply_sequence(tmp_path / "c", worlds(1), 1, fps=10.0)
    with pytest.raises(InvalidInput, match="at least 1; got 0"):
        read_ply_sequence(tmp_path / "c", stride=0)
    (tmp_path / "c" / "frame_00001.ply").write_bytes(b"ply\nformat")
    with pytest.raises(FormatError, match="frame_00001"):
        read_ply_sequence(tmp_path / "c")
    (tmp_path / "c" / "sequence.json").write_text('{"fps": "fast"}')
    with pytest.raises(FormatError, match="fps must be a positive number"):
        read_ply_sequence(tmp_path / "c", stride=2)
    with pytest.raises(InvalidInput, match="at least 1 frame"):
        GaussianSequence((), 10.0)
    with pytest.raises(InvalidInput, match="fps must be positive"):
        GaussianSequence(tuple(worlds(1)), 0.0)


def test_reading_can_be_interrupted(tmp_path):
    write_ply_sequence(tmp_path, worlds(2, 2), 2, fps=10.0)

    def stop(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_ply_sequence(tmp_path, progress=stop)
