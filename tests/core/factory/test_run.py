"""The factory as a whole: the same bytes again, continued runs, the table, the console."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace

import pytest
from small_scene import yard

from matrix3d_core import cli
from matrix3d_core.errors import Cancelled, InvalidInput
from matrix3d_core.factory import job as job_module
from matrix3d_core.factory.clip import ClipConfig, make_clip
from matrix3d_core.factory.job import FactoryJob
from matrix3d_core.factory.routes import RouteConfig
from matrix3d_core.factory.run import TABLE_COLUMNS, run_factory, table_of
from matrix3d_core.factory.shards import read_index, read_shard
from matrix3d_core.training.clips import find_clips, read_clip_parts

pytest.importorskip("webdataset")
pytest.importorskip("scipy")
pytest.importorskip("numba")

CLIP = ClipConfig(height=32, samples=1, route=RouteConfig(frames=3, fps=1.0))
JOB = FactoryJob(3, ("courtyard", "desert"), clip=replace(CLIP, filter=None), clips_per_shard=2, seed=5)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return folder, run_factory(JOB, folder)


def sums(folder):
    return {shard["url"]: shard["sha256"] for shard in read_index(folder)["shardlist"]}


def test_the_report_is_of_all_clips(made):
    report = made[1]
    shards = report.index["shardlist"]
    assert [shard["nsamples"] for shard in shards] == [2, 1]
    assert [key.split("-")[:2] for shard in shards for key in shard["keys"]] == [
        ["000000", "courtyard"],
        ["000001", "desert"],
        ["000002", "courtyard"],
    ]
    header, _, row = table_of(report, "Ours").splitlines()
    assert header == f"| {' | '.join(TABLE_COLUMNS)} |"
    assert row == "| Ours | 3 | 2 families, 3 scenes | ✓ | ✓ | ✓ | 32x64 | ✓ |"
    assert report.made == 2
    assert report.refusals["route too short"] > 0
    assert [sheet.name for sheet in report.sheets] == ["contact_sheet_000.jpg"]


def test_a_lost_shard_is_made_again_with_the_same_bytes_and_the_other_is_left_alone(made):
    folder, report = made
    kept, before = folder / "shard-000000.tar", sums(folder)
    lost = folder / "shard-000001.tar"
    for damage in (lost.unlink, lambda: lost.write_bytes(lost.read_bytes()[:-2000])):
        damage()
        (folder / ".shard-000001.tar.0000.partial").write_bytes(b"half")  # of a worker that was killed
        os.utime(kept, (1, 1))
        again = run_factory(JOB, folder)
        assert again.made == 1
        assert sums(folder) == before
        assert kept.stat().st_mtime == 1
        assert len(list(read_shard(lost))) == 1
        assert not list(folder.glob(".*"))
        assert again.refusals == report.refusals


def test_more_clips_are_added_and_other_settings_refused(made):
    folder, _ = made
    with pytest.raises(
        InvalidInput, match=r"shards of the same settings; its seed is 5, not 6\. Choose another folder"
    ):
        run_factory(replace(JOB, seed=6), folder)
    before = sums(folder)
    more = run_factory(replace(JOB, clips=4), folder)
    assert more.made == 1  # the last shard was not full
    assert [shard["nsamples"] for shard in more.index["shardlist"]] == [2, 2]
    assert sums(folder)["shard-000000.tar"] == before["shard-000000.tar"]


def test_a_stop_leaves_whole_shards_alone(tmp_path, made):
    def stop(event):
        if event.done == 7:  # the second frame of the third clip
            raise Cancelled("stopped.")

    with pytest.raises(Cancelled):
        run_factory(JOB, tmp_path, progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.json", "shard-000000.tar"]
    assert run_factory(JOB, tmp_path).made == 1
    assert sums(tmp_path)["shard-000000.tar"] == sums(made[0])["shard-000000.tar"]


def test_a_scene_whose_clips_are_all_refused_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(job_module, "_scene_of", lambda *_: ("yard", yard(gap=0.2, crates=0, is_indoor=True)))
    monkeypatch.setattr(job_module, "_ATTEMPTS", 3)
    job = replace(JOB, clip=replace(CLIP, route=RouteConfig(frames=3, tries=2, min_length_m=500)))
    with pytest.raises(InvalidInput, match=r"found in 3 attempts; all were refused \(.*route too short \d+"):
        run_factory(job, tmp_path)
    assert not list(tmp_path.glob("*.tar"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clips": 0}, "clips and clips_per_shard must be at least 1; got 0 and 2"),
        ({"seed": -1}, "seed must not be negative"),
        ({"families": ("moon",)}, r"families must be some of rooms, .*; got 'moon'"),
        ({"families": ()}, "either families or scene_file"),
        ({"frame_format": "gif"}, "frame_format must be one of jpg, png; got 'gif'"),
    ],
)
def test_wrong_jobs_are_refused(changes, message):
    with pytest.raises(InvalidInput, match=message):
        replace(JOB, **changes)


def test_a_captioner_gets_the_first_frame_and_the_description():
    import numpy as np

    seen = []

    def captioner(frame, description):
        seen.append((tuple(frame.shape), description))
        return "a caption"

    scene = yard()
    clip, refused = make_clip(scene, np.random.default_rng(0), CLIP, captioner=captioner)
    assert clip.caption == "a caption"
    assert seen == [((32, 64, 3), clip.meta["description"])]
    assert "yard" in clip.meta["description"]
    assert not refused
    blank, reasons = make_clip(
        scene, np.random.default_rng(0), replace(CLIP, route=RouteConfig(frames=3, speed_m_s=(0.01, 0.01)))
    )
    assert blank is None
    assert reasons["filter motion"] == 1


def test_normals_are_those_of_the_first_camera():
    import numpy as np
    import torch

    clip, _ = make_clip(yard(gap=30.0, crates=0), np.random.default_rng(0), CLIP)
    ground = clip.surface_class == 1
    assert ground.float().mean() > 0.3
    torch.testing.assert_close(clip.normal[ground], torch.tensor([0.0, -1, 0]).expand(int(ground.sum()), 3))
    clip, _ = make_clip(yard(), np.random.default_rng(1), CLIP)
    turn = torch.tensor(clip.meta["world_from_first"])[:3, :3].float()
    wall = clip.normal[clip.surface_class == 3] @ turn.T  # back to the scene's axes: the wall is along x
    assert (wall.abs().amax(1) > 0.999).all()
    assert (wall[:, 2].abs() > 0.999).float().mean() > 0.5


def test_the_console_makes_unpacks_and_prints(tmp_path, capsys):
    command = ["factory", "--clips", "1", "--out", str(tmp_path), "--families", "desert", "--frames", "3"]
    command += ["--height", "32", "--samples", "1", "--no-filter", "--unpack"]
    assert cli.main(command) == 0
    printed = capsys.readouterr()
    assert "| 1 | 1 family, 1 scene | ✓ | ✓ | ✓ | 32x64 | ✓ |" in printed.out
    assert "1 shards, 1 of them made now; refused on the way:" in printed.err
    folder = find_clips(tmp_path / "clips")[0]
    frames, depth, trajectory = read_clip_parts(folder)
    assert frames.shape == (3, 32, 64, 3)
    assert depth.shape == (3, 32, 64)
    assert trajectory.is_metric
    assert json.loads((folder / "meta.json").read_text())["scene"] in folder.name.replace("000000-", "")
    assert cli.main([*command[:2], "0", *command[3:]]) == 2
    assert "clips and clips_per_shard must be at least 1" in capsys.readouterr().err


def test_the_console_makes_clips_of_a_users_scene(tmp_path, capsys):
    """A paved yard with posts from a GLB, y up: cameras stand 1.4 to 1.9 m above the paving."""
    trimesh = pytest.importorskip("trimesh")
    scene = trimesh.Scene()
    scene.add_geometry(trimesh.creation.box((14, 0.2, 14)), node_name="Paving_low.001")
    for number, x in enumerate((-3, 3)):
        post = trimesh.creation.box((0.3, 3, 0.3))
        post.apply_translation((x, 1.6, 0))
        scene.add_geometry(post, node_name=f"GatePost.{number:03}")
    scene.export(tmp_path / "town.glb")
    out = tmp_path / "out"
    command = ["factory", "--clips", "1", "--out", str(out), "--frames", "2", "--height", "32"]
    command += ["--samples", "1", "--no-filter", "--min-length", "5"]
    assert cli.main([*command, "--scene", str(tmp_path / "town.glb"), "--unpack"]) == 0
    assert "| out | 1 | 1 scene | ✓" in capsys.readouterr().out
    frames, depth, _ = read_clip_parts(out / "clips" / "000000-town")
    assert frames.shape == (2, 32, 64, 3)
    below = depth[:, -1] * math.sin(math.pi / 2 - math.pi / 64)  # the last row looks down beside the feet
    assert ((below > 1.39) & (below < 1.91)).all()
    assert (
        (out / "clips" / "000000-town" / "caption.txt")
        .read_text()
        .startswith("A place. There is a paving low")
    )

    (tmp_path / "broken.glb").write_bytes((tmp_path / "town.glb").read_bytes()[:200])
    (tmp_path / "empty.obj").write_text("# nothing\n")
    (tmp_path / "wall.obj").write_text("v -3 0 0\nv 3 0 0\nv 3 4 0\nv -3 4 0\nf 1 2 3\nf 1 3 4\n")
    for name, message in (
        ("broken.glb", "broken.glb cannot be read as a scene"),
        ("empty.obj", "empty.obj holds no triangles"),
        ("wall.obj", "must have a walkable surface: a floor with 2 m of free height"),
        ("lost.glb", "scene_file must be a file; there is no"),
    ):
        bad = tmp_path / "bad"
        assert cli.main([*command[:4], str(bad), *command[5:], "--scene", str(tmp_path / name)]) == 2
        assert message in capsys.readouterr().err
        assert not bad.exists() or not list(bad.iterdir())
