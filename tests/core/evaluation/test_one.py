"""One video and one world, without a folder of results."""

from __future__ import annotations

import json
import math

import pytest
import torch
from poses import pose_at

from matrix3d_core import cli
from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.evaluation.one import evaluate_video, evaluate_world
from matrix3d_core.evaluation.tables import OF_VIDEO, format_measures
from matrix3d_core.evaluation.truth import scene_truth, truth_of
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.io.cameras_json import write_trajectory
from matrix3d_core.io.images import write_image
from matrix3d_core.io.splats import write_gaussians
from matrix3d_core.scene.camera import Pinhole
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory

PATH = Trajectory(torch.stack([pose_at((0, 0, 0.1 * k)) for k in range(3)]))


def ball(gray):
    """A closed shell of one gray around the path."""
    rays = erp_directions(24, 48).reshape(-1, 3)
    count = len(rays)
    return Gaussians.from_colors(
        rays * 3,
        torch.tensor([[1.0, 0, 0, 0]]).repeat(count, 1),
        torch.full((count, 3), 0.25),
        torch.full((count,), 0.999),
        torch.full((count, 3), gray),
    )


def test_a_video_has_what_its_inputs_allow():
    gray = torch.full((3, 32, 64, 3), 0.4)
    found = evaluate_video(gray + 0.1, gray, commanded=PATH, given=PATH)
    assert found.values["psnr"] == pytest.approx(20, abs=1e-4)
    assert found.values["r_err"] == pytest.approx(0, abs=1e-7)
    assert found.values["seam"] == found.values["pole"] == pytest.approx(1)
    assert found.missing["fvd"].startswith("needs i3d_torchscript.pt")
    assert found.missing["loop_psnr"] == "needs a camera path that ends where it began"
    there_and_back = PATH.select(torch.tensor([0, 1, 0]))
    assert evaluate_video(gray, commanded=there_and_back).values["loop_psnr"] == pytest.approx(
        58.92, abs=0.01
    )
    text = format_measures(found, "Video", OF_VIDEO)
    assert "| R_err [rad] ↓ | 0.0000 | |" in text
    assert "| Time" not in text
    with pytest.raises(InvalidInput, match="one commanded pose per frame; got 3 poses and 2 frames"):
        evaluate_video(gray[:2], commanded=PATH)


def test_a_world_is_rendered_from_the_poses_of_the_frames():
    frames = torch.full((3, 32, 64, 3), 0.5)
    found = evaluate_world(ball(0.4), frames, PATH, backend="torch")
    # splats cover to 0.99 and more: 0.1 and a little off
    assert found["whole"].values["psnr"] == pytest.approx(20, abs=0.6)
    assert found["level"].values["psnr"] == pytest.approx(20, abs=0.6)
    assert found["whole"].missing["range_worst"].startswith("needs a scene")
    lens = Pinhole.from_fov(math.radians(60), 24, 40)
    path = Trajectory(PATH.camera_from_world, K_px=lens.K_px.repeat(3, 1, 1), image_size_px=(24, 40))
    flat = evaluate_world(ball(0.4), torch.full((3, 24, 40, 3), 0.5), path, backend="torch")
    assert flat["whole"].values["psnr"] == flat["level"].values["psnr"] == pytest.approx(20, abs=0.6)
    with pytest.raises(InvalidInput, match="one true frame per pose; got 2 frames and 3 poses"):
        evaluate_world(ball(0.4), frames[:2], PATH, backend="torch")


def test_a_world_is_walked_where_the_scene_is_known():
    def truth(camera, pose):
        return torch.full((*camera.size_px, 3), 0.4), torch.full(camera.size_px, 3.0)

    found = evaluate_world(ball(0.4), None, PATH, truth=truth, limit=0.5, backend="torch")["whole"]
    assert found.values == {"range_worst": 0.5, "range_median": 0.5}
    assert "8 of 8 directions" in found.notes[0]
    assert len(found.report()["navigable_range"]["directions"]) == 8


def test_the_command_measures_a_world(tmp_path, capsys):
    """A gray shell where the sample scene should be: nothing to walk in; its renders are off by a tenth."""
    write_gaussians(tmp_path / "world.ply", ball(0.4))
    write_trajectory(tmp_path / "cameras.json", PATH)
    (tmp_path / "truth").mkdir()
    for number in range(3):
        write_image(tmp_path / "truth" / f"{number}.png", torch.full((32, 64, 3), 0.5))
    command = ["evaluate", str(tmp_path / "world.ply"), "--cameras", str(tmp_path / "cameras.json")]
    command += [
        "--truth",
        str(tmp_path / "truth"),
        "--scene",
        "sample",
        "--limit",
        "0.5",
        "--out",
        str(tmp_path),
    ]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "tables.md").read_text()
    assert printed.startswith("World, whole pictures")
    assert "| Range, worst [m] ↑ | 0.0 | |" in printed
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["whole"]["psnr"] == pytest.approx(20, abs=0.6)
    walks = report["whole"]["navigable_range"]["directions"]
    assert [walk["ended_by"] for walk in walks] == ["psnr"] * 8
    assert cli.main([*command[:5], str(tmp_path / "nothing")]) == 2
    assert "nothing must be a folder with pictures, or a video; there is none" in capsys.readouterr().err


def test_a_scene_moves_with_its_world():
    """A wall 5 ahead of the scene's origin is 4 ahead of a world whose origin is 1 ahead."""
    from matrix3d_core.synth.scene import SceneBuilder, SurfaceClass

    builder = SceneBuilder()
    wall = builder.material("flat", (0.5, 0.5, 0.5))
    with builder.object("wall", SurfaceClass.WALL):
        builder.box((0.0, 6.0), (20.0, 2.0), (-10.0, 10.0), wall)
    lens = Pinhole.from_fov(math.pi / 2, 17, 17)
    here = torch.eye(4, dtype=torch.float64)
    moved = here.clone()
    moved[2, 3] = 1.0
    scene = builder.build()
    for pose, wanted in ((None, 5.0), (moved, 4.0)):
        rgb, depth = scene_truth(scene, pose)(lens, here)
        assert rgb.shape == (17, 17, 3)
        assert float(depth[8, 8]) == pytest.approx(wanted, abs=1e-5)


def test_scenes_are_named_or_refused():
    rgb, depth = truth_of("sample")(Pinhole.from_fov(math.pi / 2, 16, 16), torch.eye(4, dtype=torch.float64))
    assert rgb.shape == (16, 16, 3)
    assert float(depth[15, 8]) == pytest.approx(
        1.6 * math.hypot(1, 1 / math.tan(math.atan(15 / 16))), rel=0.01
    )
    for text in (
        "castle",
        "street seven",
        "street 7 8",
        '{"world_from_first": [[1,0,0,0],[0,1,0,0],[0,0,1,0]]}',
    ):
        with pytest.raises(InvalidInput, match="scene must be sample, FAMILY-SEED such as street-7"):
            truth_of(text)
    with pytest.raises(InvalidInput, match=r"family must be one of .*street.*; got 'castle'"):
        truth_of("castle-7")
    with pytest.raises(FormatError, match="world_from_first must be 4 rows of 4 numbers"):
        truth_of('{"scene": "street-7"}')


def test_a_clips_meta_places_its_world_in_the_scene():
    """What the factory wrote of a clip: the first camera stands 1 above and 2 beside the scene's origin, turned."""
    first = Trajectory(pose_at((2.0, -1.6, 0.5), yaw=30)[None]).world_from_camera[0]
    meta = json.dumps({"scene": "office-200000", "seed": 5, "world_from_first": first.tolist(), "clip": 0})
    lens, here = Pinhole.from_fov(math.pi / 2, 16, 16), torch.eye(4, dtype=torch.float64)
    inside = truth_of(meta)(lens, here)
    outside = truth_of("office-200000")(lens, pose_at((2.0, -1.6, 0.5), yaw=30))
    torch.testing.assert_close(inside, outside)
    assert torch.isfinite(inside[1]).float().mean() > 0.9, "in an office, sky is seen through windows alone"
