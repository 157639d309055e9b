"""Clips from folders and from the factory's shards are the same clips."""

import pytest
import torch
from training_clips import ball_room, write_folder

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.factory.clip import SceneClip
from matrix3d_core.factory.clip_files import encode_clip, unpack_shards
from matrix3d_core.factory.shards import shard_name, write_index, write_shard
from matrix3d_core.training.clips import CapturedClip, clip_names, iterate_clips

pytest.importorskip("webdataset", reason="needs webdataset (extra 'factory')")


def scene_clip(number):
    frames, depth, path = ball_room(5, 16, shift=0.3 * number)
    rows = depth.shape[1]
    return SceneClip(
        (frames * 255).round().to(torch.uint8),
        depth,
        torch.zeros(rows, 2 * rows, 3),
        torch.zeros(rows, 2 * rows, dtype=torch.uint8),
        torch.zeros(rows, 2 * rows, dtype=torch.int32),
        path,
        f"a ball room, number {number}",
        {"scene": f"ball-{number}"},
    )


@pytest.fixture
def shards(tmp_path):
    """Three clips in two shards."""
    folder = tmp_path / "shards"
    folder.mkdir()
    records = []
    for number, keys in enumerate(((0, 1), (2,))):
        samples = [(f"{key:06d}-ball", encode_clip(scene_clip(key), frame_format="png")) for key in keys]
        records.append(write_shard(folder / shard_name(number), samples))
    write_index(folder, records, {})
    return folder


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # webdataset leaves its file open
def test_shards_and_their_unpacked_folders_give_the_same(shards, tmp_path):
    unpack_shards(shards, tmp_path / "clips")
    names = clip_names(shards)
    assert names == ["000000-ball", "000001-ball", "000002-ball"]
    assert clip_names(tmp_path / "clips") == names
    packed, unpacked = (list(iterate_clips(root, set(names))) for root in (shards, tmp_path / "clips"))
    for number, (a, b) in enumerate(zip(packed, unpacked, strict=True)):
        assert a.name == b.name == names[number]
        assert a.caption == b.caption == f"a ball room, number {number}"
        assert torch.equal(a.frames, b.frames)
        assert torch.equal(a.frames, scene_clip(number).frames)
        assert torch.equal(a.depth, b.depth)
        torch.testing.assert_close(a.depth, scene_clip(number).depth, rtol=1e-3, atol=0)
        assert torch.equal(a.trajectory.camera_from_world, b.trajectory.camera_from_world)


def test_only_shards_with_what_is_wanted_are_opened(shards):
    (shards / shard_name(1)).write_bytes(b"damaged")
    assert [clip.name for clip in iterate_clips(shards, {"000001-ball"})] == ["000001-ball"]
    with pytest.raises(FormatError, match="shard-000001"):
        list(iterate_clips(shards, {"000002-ball"}))


def test_names_must_differ_and_parts_fit(tmp_path):
    frames, depth, path = ball_room(5, 16)
    for place in ("a", "b"):
        write_folder(tmp_path / place / "one", frames, depth, path)
    with pytest.raises(InvalidInput, match="holds one twice"):
        clip_names(tmp_path)
    assert next(iter(iterate_clips(tmp_path / "a", {"one"}))).caption == ""
    with pytest.raises(InvalidInput, match="as many; got 5, 4 and 5"):
        CapturedClip("x", (frames * 255).to(torch.uint8), depth[:4], path)
    with pytest.raises(InvalidInput, match="found none below"):
        clip_names(tmp_path / "none")
