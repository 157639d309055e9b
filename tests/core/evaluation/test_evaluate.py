"""`matrix3d evaluate` on folders of results with planted errors: the tables hold what was planted."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest
import torch
from poses import pose_at

from matrix3d_core import cli
from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.evaluation.measure import METRICS, Measures, measure_pictures, summarize
from matrix3d_core.evaluation.results import find_results, read_clip
from matrix3d_core.evaluation.run import MethodResult, evaluate_clips
from matrix3d_core.evaluation.tables import format_table, paper_tables, read_long_csv
from matrix3d_core.io.camera_paths.door import import_text
from matrix3d_core.io.cameras_json import write_trajectory
from matrix3d_core.io.depth_files import write_depth
from matrix3d_core.io.images import write_image
from matrix3d_core.io.video import write_mp4
from matrix3d_core.metrics.networks import MetricNetworks
from matrix3d_core.scene.trajectory import Trajectory

PATH = Trajectory(torch.stack([pose_at((0, 0, k), 3 * k) for k in range(3)]))


@pytest.fixture(autouse=True)
def _no_backbone(monkeypatch, tmp_path):
    monkeypatch.setenv("MATRIX3D_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def write_frames(folder, frames):
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames, 1):
        write_image(folder / f"{number:03}.png", frame)


def grays(count, height, level):
    """Panoramas of one gray, in whole 8-bit steps."""
    return torch.full((count, height, 2 * height, 3), level / 255)


@pytest.fixture
def results(tmp_path):
    """Two methods, two clips: errors of 51, 25.5... of 255, and poses turned by 2 degrees after the first."""
    place = tmp_path / "results"
    for clip in ("a", "b"):
        write_frames(place / "truth" / clip / "frames", grays(3, 32, 102))
        write_trajectory(place / "truth" / clip / "cameras.json", PATH)
    for method, levels in (("good", (102, 107)), ("bad", (153, 153))):
        for clip, level in zip(("a", "b"), levels, strict=True):
            write_frames(place / method / clip / "frames", grays(3, 32, level))
    turned = Trajectory(torch.stack([pose_at((0, 0, k), 3 * k + (2 if k else 0)) for k in range(3)]))
    write_trajectory(place / "good" / "a" / "poses.json", turned)
    (place / "good" / "a" / "seconds.txt").write_text("10\n")
    (place / "good" / "b" / "seconds.txt").write_text("30\n")
    return place


def rows_of(text):
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]


def test_the_command_prints_the_papers_tables(results, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["evaluate", str(results), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert (out / "tables.md").read_text() == text
    two, three, four = (part for part in text.split("Table ")[1:])
    rows = rows_of(two)
    assert rows[0][:4] == ["Method", "PSNR [dB] ↑", "SSIM ↑", "LPIPS ↓"]
    assert rows[0][6:] == ["R_err [rad] ↓", "T_err [units] ↓"]
    shown = {row[0]: row[1:] for row in rows[2:]}
    assert list(shown) == [
        "*Panoramic video generation models*", "bad", "good",
        "*Camera-guided generation models*", "bad Persp.", "good Persp.",
    ]  # fmt: skip
    # equal frames count as the rounding of 8 bits, 58.92 dB; 5 levels of 255: 34.15 dB; 51 levels, a fifth: 13.98 dB
    assert shown["good"][0] == f"{(58.92 - 20 * math.log10(5 / 255)) / 2:.2f}"
    assert shown["bad"][0] == f"{-20 * math.log10(0.2):.2f}"
    assert shown["good"][2:] == shown["bad"][2:] == ["n/a", "n/a", "n/a", "-", "-"]
    # 2 degrees in two of three frames; only clip a has poses
    assert shown["good Persp."][5] == f"{math.radians(2) * 2 / 3:.4f}"
    assert float(shown["good Persp."][6]) == 0
    assert shown["bad Persp."][5] == "n/a"
    assert "- LPIPS n/a: needs lpips.pth" in two
    assert "- FID n/a: needs pt_inception-2015-12-05-6726825d.pth" in two
    assert "- FVD n/a: needs i3d_torchscript.pt" in two
    assert "- good: R_err of 1 of 2 clips: needs the poses of the generated frames, given or solved" in two
    assert rows_of(three)[0] == ["Method", "PSNR [dB] ↑", "LPIPS ↓", "SSIM ↑", "Time [s] ↓"]
    assert {row[0]: row[4] for row in rows_of(three)[2:]} == {"bad": "n/a", "good": "20"}
    assert [row[0] for row in rows_of(four.split("\n\nOther")[0])[2:]] == ["bad", "good"]
    report = json.loads((out / "report.json").read_text())
    assert report["clips"]["good"]["a"]["whole"]["r_err"] == pytest.approx(math.radians(2) * 2 / 3, abs=1e-6)
    assert report["units"]["r_err"] == "rad"
    lines = list(csv.DictReader(io.StringIO((out / "tables.csv").read_text())))
    fid = next(
        line for line in lines if (line["table"], line["method"], line["metric"]) == ("4", "bad", "FID")
    )
    assert fid["value"] == ""
    assert fid["not_available"].startswith("needs pt_inception")


def test_our_own_long_csv_gives_the_same_tables(results, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["evaluate", str(results), "--out", str(out), "--tables", "2"]) == 0
    first = rows_of(capsys.readouterr().out)
    assert cli.main(["evaluate", str(out / "results_long.csv"), "--tables", "2"]) == 0
    assert rows_of(capsys.readouterr().out) == first


def test_panoworlds_csv_is_read(tmp_path):
    """In the benchmark's layout: appended runs, NaN, rows of buckets."""
    table = tmp_path / "results_long.csv"
    heading = "clip_id,split,method,input_kind,metric_name,value,strata_json,run_id"
    rows = [
        'x::1,x,omni,text,vq_psnr,10.0,"{}",1',
        'x::1,x,omni,text,vq_psnr,12.0,"{}",2',
        'x::2,x,omni,text,vq_psnr,16.0,"{""scene_type"": ""mixed""}",1',
        'x::2,x,omni,text,traj_ate,nan,"{}",1',
        'x::2,x,omni,text,depth_abs_rel/raw,0.2,"{}",1',
        'x::2,x,omni,text,depth_abs_rel/sky_masked,0.7,"{}",1',
        ',all,omni,,vq_fvd,140.5,"{""bucket"":""all""}",3',
        ',x,omni,,vq_fvd,999,"{""bucket"":""split""}",3',
    ]
    table.write_text("\n".join([heading, *rows]) + "\n")
    (method,) = read_long_csv(table)
    assert method.summary["whole"].values == {"psnr": 14.0, "fvd": 140.5, "abs_rel": 0.2}
    assert method.summary["whole"].missing == {"ate": "not measured in results_long.csv"}
    table.write_text("a,b\n1,2\n")
    with pytest.raises(FormatError, match=r"results_long\.csv must be a results_long\.csv; it lacks clip_id"):
        read_long_csv(table)
    table.write_text(heading + "\nx,x,m,,vq_psnr,ten,{},1\n")
    with pytest.raises(FormatError, match="line 2: value must be a number; got 'ten'"):
        read_long_csv(table)


def test_panoworlds_folders_are_brought_to_its_grid(tmp_path):
    import numpy as np

    data = tmp_path / "test"
    (data / "hab" / "videos").mkdir(parents=True)
    (data / "hab" / "annotations" / "h0").mkdir(parents=True)
    place = tmp_path / "eval" / "ours" / "hab__h0"
    place.mkdir(parents=True)
    # 25 per second against 16: frame k of the grid is frame round(25 k / 16) of the truth
    write_mp4(
        data / "hab" / "videos" / "h0.mp4",
        torch.linspace(0, 1, 125)[:, None, None, None].expand(-1, 32, 64, 3),
        fps=25,
        crf=0,
    )
    write_mp4(
        place / "video.mp4",
        torch.linspace(0, 1, 80)[:, None, None, None].expand(-1, 32, 64, 3),
        fps=16,
        crf=0,
    )
    poses = np.tile(np.eye(4), (125, 1, 1))
    poses[:, 2, 3] = -np.arange(125)  # Habitat's camera looks along -z
    np.save(data / "hab" / "annotations" / "h0" / "camera_poses.npy", poses)
    np.save(place / "camera_poses.npy", poses[:80, :3].reshape(80, 12) * 1.0)
    for folder, value, count in ((place, 50.0, 2), (data / "hab" / "annotations" / "h0", 0.4, 3)):
        (folder / "depth").mkdir()
        for number in range(count):
            np.save(folder / "depth" / f"{number:04}.npy", np.full((8, 16), value, np.float32))
    (data / "master.csv").write_text(
        "clip_id,split,video_path,annotation_dir,n_frames,fps,pose_kind\n"
        "hab::h0,hab,hab/videos/h0.mp4,hab/annotations/h0,125,25,habitat_gt\n"
        "hab::h1,hab,hab/videos/h1.mp4,hab/annotations/h1,125,25,habitat_gt\n"
    )
    (files,) = find_results(tmp_path / "eval", data / "master.csv")
    assert (files.method, files.clip) == ("ours", "hab::h0")
    clip = read_clip(files)
    assert clip.frames.shape == clip.truth.shape == (80, 32, 64, 3)
    assert float(clip.truth[40].mean()) == pytest.approx(62 / 124, abs=0.01)
    torch.testing.assert_close(clip.commanded.centers[[1, 40], 2], torch.tensor([2.0, 62]).double())
    torch.testing.assert_close(clip.given.centers[40], torch.tensor([0.0, 0, 40]).double())
    assert clip.depth.shape == clip.true_depth.shape == (2, 8, 16)
    torch.testing.assert_close(clip.true_depth, torch.full((2, 8, 16), 40.0))  # estimated depth is in 100 m
    (data / "master.csv").write_text("clip,path\n")
    with pytest.raises(FormatError, match="it lacks annotation_dir, clip_id, fps, video_path"):
        find_results(tmp_path / "eval", data / "master.csv")


def test_depth_maps_are_compared_without_alignment(tmp_path):
    place = tmp_path / "results"
    write_frames(place / "m" / "a" / "frames", grays(2, 16, 9))
    truth = torch.tensor([2.4, 2.0])[:, None, None].repeat(1, 4, 8)
    truth[:, 0] = torch.inf  # sky
    for folder, maps in (
        ("depth", torch.tensor([2.0, 3.0])[:, None, None].expand(2, 4, 8)),
        ("truth_depth", truth),
    ):
        (place / "m" / "a" / folder).mkdir()
        for number, depth in enumerate(maps):
            write_depth(place / "m" / "a" / folder / f"{number}.npy", depth)
    (method,) = evaluate_clips(find_results(place), views=["whole"])
    found = method.summary["whole"].values
    assert found["abs_rel"] == pytest.approx((0.4 / 2.4 + 0.5) / 2)
    assert found["delta"] == pytest.approx(0.5)
    (place / "m" / "a" / "truth_depth" / "1.npy").unlink()
    (method,) = evaluate_clips(find_results(place), views=["whole"])
    assert method.summary["whole"].missing["delta"].startswith("depth, truth and weight must have one shape")


def test_evoworlds_loop_test_is_read(tmp_path):
    place = tmp_path / "eval_unity_curve"
    for segment, numbers in ((0, range(1, 4)), (1, range(4, 6))):
        for name, level in (("predictions", 107), ("predictions_gt", 102)):
            folder = place / "episode_0001" / f"{name}_{segment}"
            folder.mkdir(parents=True)
            for number in numbers:
                write_image(folder / f"{number:03}.png", grays(1, 32, level)[0])
    write_image(place / "episode_0001" / "predictions_gt_1" / "006.png", grays(1, 32, 0)[0])  # no partner
    (place / "episode_0001" / "camera_poses.txt").write_text(
        "Frame,PosX,PosY,PosZ,RotX,RotY,RotZ\n"
        + "".join(f"{k},{k}.0,1.7,0.0,0.0,90.0,0.0\n" for k in range(1, 7))
    )
    clips = find_results(place)
    assert [c.clip for c in clips] == ["episode_0001_0", "episode_0001_1"]
    last = read_clip(clips[1])
    assert len(last.frames) == len(last.truth) == 2
    torch.testing.assert_close(last.commanded.centers, torch.tensor([[4.0, -1.7, 0], [5, -1.7, 0]]).double())
    torch.testing.assert_close(
        last.commanded.forwards[0], torch.tensor([1.0, 0, 0]).double()
    )  # yaw 90: along x
    (method,) = evaluate_clips(clips, views=["whole"])
    assert method.name == "eval_unity_curve"
    assert method.summary["whole"].values["end_psnr"] == pytest.approx(-20 * math.log10(5 / 255), abs=1e-4)


def test_a_broken_line_of_evoworlds_poses_is_named():
    heading = "Frame,PosX,PosY,PosZ,RotX,RotY,RotZ\n"
    with pytest.raises(FormatError, match=r"line 3 must hold 7 numbers, Frame, PosX.*got '2,0,0'"):
        import_text(heading + "1,0,0,0,0,0,0\n2,0,0\n", source="camera_poses.txt")
    with pytest.raises(FormatError, match="at least 1 pose"):
        import_text(heading)


def test_fid_and_fvd_take_all_clips_together():
    """One number per frame or clip, so that the distance is worked out by hand."""
    networks = MetricNetworks(
        fid=lambda pictures: pictures.mean((1, 2, 3))[:, None] * 255,
        fvd=lambda clip: clip.mean()[None] * 255,
        lpips=lambda a, b: (a - b).abs().mean()[None],
    )
    truth = [torch.stack([grays(1, 16, level)[0] for level in levels]) for levels in ((10, 20), (30, 40))]
    measured = [measure_pictures(frames + 5 / 255, frames, networks) for frames in truth]
    found = summarize(measured)
    assert found.values["fid"] == pytest.approx(25, rel=1e-3)  # all shifted by 5, spread as before
    assert found.values["fvd"] == pytest.approx(25, rel=1e-3)
    assert found.values["lpips"] == pytest.approx(2 * 5 / 255, rel=1e-4)  # of pictures in [-1, 1]
    one = summarize(measured[:1])
    assert one.missing["fvd"] == "compares sets: needs at least 2 clips"
    assert "FID of 2 frames" not in " ".join(one.notes)


def test_broken_clips_are_named(results):
    clips = find_results(results)
    write_image(results / "bad" / "a" / "frames" / "004.png", grays(1, 32, 9)[0])
    with pytest.raises(
        InvalidInput, match="bad/a: there must be one commanded pose per frame; got 3 poses and 4"
    ):
        evaluate_clips(find_results(results))
    (results / "truth" / "a" / "cameras.json").unlink()
    with pytest.raises(
        InvalidInput, match=r"bad/a: frames and truth must have the same number of frames.*4 and 3"
    ):
        evaluate_clips(find_results(results))
    write_image(results / "bad" / "a" / "frames" / "002.png", grays(1, 16, 9)[0])
    with pytest.raises(
        InvalidInput, match=r"bad/a: pictures must have one size; got 64x32 and 32x16 \(002.png\)"
    ):
        evaluate_clips(find_results(results))
    (results / "good" / "a" / "seconds.txt").write_text("soon")
    with pytest.raises(FormatError, match=r"seconds\.txt must hold one number, seconds; got 'soon'"):
        find_results(results)
    with pytest.raises(InvalidInput, match="must hold METHOD/CLIP/frames with pictures"):
        find_results(results / "truth" / "b")
    assert len(clips) == 4


def test_other_sizes_are_resized_and_other_shapes_refused():
    found = measure_pictures(grays(2, 32, 107), grays(2, 16, 102))
    assert found.values["psnr"] == pytest.approx(-20 * math.log10(5 / 255), abs=1e-3)
    assert found.notes == ["resized from 64x32 to 32x16"]
    with pytest.raises(InvalidInput, match="same shape of picture; got 64x32 and 32x32"):
        measure_pictures(grays(2, 32, 0), torch.zeros(2, 32, 32, 3))
    with pytest.raises(InvalidInput, match="frames must be finite"):
        measure_pictures(grays(2, 16, 0) * torch.nan, grays(2, 16, 0))


def test_every_metric_has_a_place_and_a_dash_is_what_does_not_apply():
    everything = Measures({key: 1.0 for key in METRICS})
    method = MethodResult("m", False, {}, {view: everything for view in ("whole", "ahead", "level")})
    tables = paper_tables([method])
    assert [len(table.rows) for table in tables] == [1, 1, 1, 1], "a perspective method is no panoramic one"
    shown = {column for table in tables for column in table.columns}
    assert set(METRICS) - shown == {"range_worst", "range_median"}
    assert "n/a" not in "".join(map(format_table, tables))
