"""WebDataset shards: bytes, index, reading, damage, and the clip folders that training reads."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from matrix3d_core.errors import DiskError, FormatError
from matrix3d_core.factory.clip import SceneClip
from matrix3d_core.factory.clip_files import encode_clip, unpack_shards
from matrix3d_core.factory.contact_sheet import write_contact_sheets
from matrix3d_core.factory.shards import read_index, read_shard, shard_name, write_index, write_shard
from matrix3d_core.io.cameras_json import read_trajectory
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.training.clips import find_clips, read_clip_parts

webdataset = pytest.importorskip("webdataset")

FRAMES, ROWS = 5, 16


def clip(seed=0):
    rng = torch.Generator().manual_seed(seed)
    depth = torch.rand(FRAMES, ROWS, 2 * ROWS, generator=rng) * 80 + 0.3
    depth[:, :4] = torch.inf
    depth[:, 4] = 1e5  # beyond half precision
    poses = torch.eye(4, dtype=torch.float64).repeat(FRAMES, 1, 1)
    poses[:, 2, 3] = torch.linspace(0, -1, FRAMES, dtype=torch.float64)
    return SceneClip(
        torch.randint(0, 256, (FRAMES, ROWS, 2 * ROWS, 3), generator=rng, dtype=torch.uint8),
        depth,
        torch.nn.functional.normalize(torch.randn(ROWS, 2 * ROWS, 3, generator=rng), dim=-1),
        torch.randint(0, 8, (ROWS, 2 * ROWS), generator=rng, dtype=torch.uint8),
        torch.randint(0, 60_000, (ROWS, 2 * ROWS), generator=rng, dtype=torch.int32),
        Trajectory(poses, is_metric=True),
        f"a yard, clip {seed}",
        {"scene": f"yard-{seed}"},
    )


def pixels_of(file):
    with Image.open(file) as picture:
        return np.asarray(picture)


def write_all(folder, count=3, **options):
    """Two clips in each of some shards, with an index."""
    records = []
    for number in range(count):
        samples = [
            (f"{n:06d}-yard-{n}", encode_clip(clip(n), **options)) for n in (2 * number, 2 * number + 1)
        ]
        records.append(write_shard(folder / shard_name(number), samples))
    write_index(folder, records, {"height": ROWS})
    return records


def test_the_same_clips_give_the_same_bytes_whatever_the_time_and_name(tmp_path, monkeypatch):
    first = write_all(tmp_path, 1)[0]
    monkeypatch.setattr("time.time", lambda: 2e9)
    again = write_shard(tmp_path / "other.tar", [(f"{n:06d}-yard-{n}", encode_clip(clip(n))) for n in (0, 1)])
    assert {**again, "url": first["url"]} == first
    data = (tmp_path / first["url"]).read_bytes()
    assert first["sha256"] == hashlib.sha256(data).hexdigest()
    assert first["filesize"] == len(data)
    assert data == (tmp_path / "other.tar").read_bytes()
    with tarfile.open(tmp_path / first["url"]) as archive:
        assert {(m.mtime, m.uid, m.gid, m.mode) for m in archive} == {(0, 0, 0, 0o444)}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves its file open
def test_the_library_reads_what_was_written(tmp_path):
    write_all(tmp_path, 1, frame_format="png")
    pipeline = webdataset.DataPipeline(
        webdataset.SimpleShardList(str(tmp_path / shard_name(0))),
        webdataset.tarfile_to_samples(),
        webdataset.decode("rgb8"),
    )
    samples = list(pipeline)
    assert [sample["__key__"] for sample in samples] == ["000000-yard-0", "000001-yard-1"]
    assert samples[1]["txt"] == "a yard, clip 1"
    np.testing.assert_array_equal(samples[1]["frame_0003.png"], clip(1).frames[3])
    assert samples[1]["meta.json"]["scene"] == "yard-1"
    depth = samples[1]["depth_0002.npz"]["depth"]
    assert depth.dtype == np.float16
    index = read_index(tmp_path)
    assert index["wids_version"] == 1
    assert [(s["url"], s["nsamples"]) for s in index["shardlist"]] == [(shard_name(0), 2)]


@pytest.mark.parametrize("frame_format", ["jpg", "png"])
def test_unpacked_clips_are_what_training_reads(tmp_path, frame_format):
    write_all(tmp_path, 2, frame_format=frame_format)
    folders = unpack_shards(tmp_path, tmp_path / "clips", skip={"000002-yard-2"})
    assert find_clips(tmp_path / "clips") == folders
    assert [folder.name for folder in folders] == ["000000-yard-0", "000001-yard-1", "000003-yard-3"]
    frames, depth, trajectory = read_clip_parts(folders[2])
    wanted = clip(3)
    if frame_format == "png":
        assert torch.equal(frames, wanted.frames)
    assert frames.shape == wanted.frames.shape
    is_far = wanted.depth > 65_504
    assert torch.equal(torch.isinf(depth), is_far)
    np.testing.assert_allclose(depth[~is_far], wanted.depth[~is_far], rtol=2**-11)  # half precision
    assert torch.equal(trajectory.camera_from_world, wanted.trajectory.camera_from_world)
    assert trajectory.is_metric
    first = {name: pixels_of(folders[2] / f"{name}.png") for name in ("class", "instance")}
    np.testing.assert_array_equal(first["class"], wanted.surface_class)
    np.testing.assert_array_equal(first["instance"], wanted.instance)
    normal = np.load(folders[2] / "normal.npz")["normal"]
    np.testing.assert_allclose(normal, wanted.normal, atol=2**-11)
    assert (folders[2] / "caption.txt").read_text() == "a yard, clip 3"
    assert json.loads((folders[2] / "meta.json").read_text())["frames"] == FRAMES


def test_a_clip_counts_once_its_cameras_are_there(tmp_path):
    write_all(tmp_path, 1)
    out = tmp_path / "clips"
    folder = unpack_shards(tmp_path, out)[1]
    (folder / "cameras.json").unlink()  # as if stopped
    (folder / "frames" / "0001.jpg").write_bytes(b"half")
    assert [found.name for found in find_clips(out)] == ["000000-yard-0"]
    unpack_shards(tmp_path, out)
    assert len(read_clip_parts(folder)[0]) == FRAMES
    assert len(read_trajectory(folder / "cameras.json")) == FRAMES


@pytest.mark.parametrize("with_index", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.999, 1.0])
def test_a_shard_that_is_cut_off_says_so(tmp_path, with_index, share):
    write_all(tmp_path, 1)
    path = tmp_path / shard_name(0)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * (len(data) - 1))])
    if not with_index:
        (tmp_path / "index.json").unlink()
    with pytest.raises(
        FormatError, match=r"^shard-000000\.tar: (must have \d+ bytes; got|damaged or truncated)"
    ):
        list(read_shard(path))


def test_a_changed_shard_is_refused_and_the_others_are_unpacked(tmp_path):
    write_all(tmp_path, 3)
    path = tmp_path / shard_name(1)
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    (tmp_path / shard_name(2)).unlink()
    with pytest.raises(
        FormatError, match=r"shard-000001\.tar: was changed: its SHA-256.*1 of 3 shards were unpacked"
    ):
        unpack_shards(tmp_path, tmp_path / "clips")
    assert len(find_clips(tmp_path / "clips")) == 2


def test_what_is_no_clip_is_refused(tmp_path):
    good = encode_clip(clip())

    def read(key, files):
        path = tmp_path / "planted.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(f"{key}.{name}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return list(read_shard(path))

    assert read("a", good) == [("a", good)]
    with pytest.raises(FormatError, match="is no complete clip"):
        read("../../up", good)
    with pytest.raises(FormatError, match="is no complete clip"):
        read("a", {name: data for name, data in good.items() if name != "frame_0002.jpg"})
    meta = json.loads(good["meta.json"])
    meta["files"].append("run.sh")
    with pytest.raises(FormatError, match=r"holds a file that is no part of a clip, 'run\.sh'"):
        read("a", {**good, "run.sh": b"", "meta.json": json.dumps(meta).encode()})


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", '{"shardlist": [{"url": "a.tar"}]}', "{", '{"shardlist": 3}'],
)
def test_an_index_of_something_else_is_refused(tmp_path, text):
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(FormatError, match=r"^index\.json: "):
        read_index(tmp_path)


def test_an_index_does_not_lead_out_of_its_folder(tmp_path):
    record = write_all(tmp_path, 1)[0]
    write_index(tmp_path, [{**record, "url": "../shard-000000.tar"}], {})
    with pytest.raises(FormatError, match="is no index of shards"):
        read_index(tmp_path)
    write_index(tmp_path, [{**record, "keys": ["../a"]}], {})
    with pytest.raises(FormatError, match="is no index of shards"):
        read_index(tmp_path)


def test_an_error_while_a_shard_is_made_leaves_nothing(tmp_path):
    def samples():
        yield "a", encode_clip(clip())
        raise OSError(28, "No space left on device", str(tmp_path / "shard-000000.tar"))

    with pytest.raises(DiskError, match=r"shard-000000\.tar could not be written: the disk is full"):
        write_shard(tmp_path / "shard-000000.tar", samples())
    assert list(tmp_path.iterdir()) == []


def test_contact_sheets_show_every_clip(tmp_path):
    records = []
    for number in range(2):
        keys = [f"{14 * number + n:06d}-yard" for n in range(14)]
        files = encode_clip(clip(number))
        records.append(write_shard(tmp_path / shard_name(number), [(key, files) for key in keys]))
    write_index(tmp_path, records, {})
    sheets = write_contact_sheets(tmp_path)
    assert [sheet.name for sheet in sheets] == ["contact_sheet_000.jpg", "contact_sheet_001.jpg"]
    first, second = (pixels_of(sheet) for sheet in sheets)
    assert first.shape[1] == second.shape[1]
    assert first.shape[0] > 5 * second.shape[0]  # 24 of 28 in six rows, 4 in one
    last = np.asarray(Image.fromarray(second[8:188, 1112:1472]).resize((32, 16)))
    wanted = pixels_of(io.BytesIO(files["frame_0000.jpg"]))
    assert np.abs(last.astype(int) - wanted).mean() < 25
