import json
import math
import os
import struct
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_quats
from matrix3d_core.io import cameras_json
from matrix3d_core.io.camera_paths import raw
from matrix3d_core.io.camera_paths.finish import likely_frame
from matrix3d_core.io.cameras_json import (
    format_trajectory,
    parse_trajectory,
    read_trajectory,
    write_trajectory,
)
from matrix3d_core.scene.trajectory import Trajectory

IDENTITY = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]


def upstream_sample(direction="front", frames=81):
    """Upstream's sample generator: identity rotation, the w2c translation grows to 1000."""
    axis, sign = {"front": (2, -1), "back": (2, 1), "left": (0, 1), "right": (0, -1)}[direction]
    poses = []
    for i in range(frames):
        pose = [row[:] for row in IDENTITY]
        pose[axis][3] = sign * 1000 * (i / (frames - 1))
        poses.append(pose)
    return poses


def random_trajectory(seed=0, count=7, **fields):
    rng = torch.Generator().manual_seed(seed)
    quats = torch.randn(count, 4, generator=rng, dtype=torch.float64)
    centers = torch.randn(count, 3, generator=rng, dtype=torch.float64) * 1e3
    return Trajectory.from_centers(matrix_from_quats(quats), centers, **fields)


def bits(tensor):
    return [struct.pack("<d", v) for v in tensor.flatten().tolist()]


def test_reads_a_file_as_upstream_writes_it(tmp_path):
    path = tmp_path / "test_cam_front.json"
    path.write_text(json.dumps(upstream_sample(), indent=4))
    trajectory = read_trajectory(path)
    assert len(trajectory) == 81
    assert trajectory.name == "test_cam_front"
    assert trajectory.centers[1].tolist() == [0.0, 0.0, 12.5]
    assert trajectory.centers[-1].tolist() == [0.0, 0.0, 1000.0]
    assert trajectory.length == 1000.0


def test_upstream_layout_is_byte_for_byte_what_json_dump_gives(tmp_path):
    poses = upstream_sample("left")
    path = tmp_path / "path.json"
    write_trajectory(path, Trajectory(torch.tensor(poses, dtype=torch.float64)), layout="upstream")
    assert path.read_text() == json.dumps(poses, indent=4)


@pytest.mark.parametrize("layout", cameras_json.LAYOUTS)
def test_round_trip_keeps_every_bit(tmp_path, layout):
    trajectory = random_trajectory(frame_of_reference="world")
    trajectory.camera_from_world[0, 0, 3] = -0.0
    trajectory.camera_from_world[1, 1, 3] = 5e-324
    path = tmp_path / "path.json"
    write_trajectory(path, trajectory, layout=layout)
    assert bits(read_trajectory(path).camera_from_world) == bits(trajectory.camera_from_world)
    assert read_trajectory(path).frame_of_reference == "world"


def test_a_bare_list_that_would_move_the_panorama_is_not_written(tmp_path):
    away = random_trajectory()
    with pytest.raises(
        InvalidInput, match=r"read back at the first pose, with its rotation, and is at the origin\. Save"
    ):
        write_trajectory(tmp_path / "x.json", away, layout="upstream")
    assert not list(tmp_path.iterdir())
    turned = Trajectory.from_centers(
        away.world_from_camera[:, :3, :3], away.centers - away.centers[0], frame_of_reference="world"
    )
    with pytest.raises(InvalidInput, match="read back at the origin, and is at the first pose"):
        write_trajectory(tmp_path / "x.json", turned, layout="upstream")
    at_home = replace(turned, frame_of_reference="panorama")
    same = Trajectory(
        torch.eye(4)[None].double(), frame_of_reference="world"
    )  # at the first pose = at the origin
    for kept in (at_home, same, replace(away, frame_of_reference="world")):
        write_trajectory(tmp_path / "x.json", kept, layout="upstream")
        read = read_trajectory(tmp_path / "x.json")
        assert bits(read.camera_from_world) == bits(kept.camera_from_world)
        assert read.frame_of_reference == kept.frame_of_reference or kept is same
    write_trajectory(tmp_path / "x.json", away)
    assert read_trajectory(tmp_path / "x.json").frame_of_reference == "panorama"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=3, max_size=3))
def test_any_finite_translation_survives(values):
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = torch.tensor(values, dtype=torch.float64)
    frame = likely_frame(pose[None])
    text = format_trajectory(Trajectory(pose[None], frame_of_reference=frame), layout="upstream")
    assert bits(parse_trajectory(text).camera_from_world) == bits(pose)


def test_own_layout_keeps_everything_else_too(tmp_path):
    K_px = torch.tensor([[500.0, 0, 319.5], [0, 500, 239.5], [0, 0, 1]], dtype=torch.float64).repeat(7, 1, 1)
    trajectory = random_trajectory(
        K_px=K_px,
        image_size_px=(480, 640),
        fps=23.976,
        frame_of_reference="world",
        is_metric=True,
        name="Weg ü",
    )
    path = tmp_path / "path.json"
    write_trajectory(path, trajectory)
    read = read_trajectory(path)
    for field in ("fps", "frame_of_reference", "is_metric", "name", "image_size_px"):
        assert getattr(read, field) == getattr(trajectory, field), field
    assert torch.equal(read.K_px, K_px)
    described = json.loads(path.read_text(encoding="utf-8"))
    assert described["convention"] == "world-to-camera, row-major 4x4"
    assert described["axes"].startswith("opencv")


def test_a_single_pose_is_a_path():
    assert len(parse_trajectory(json.dumps([IDENTITY]))) == 1


def test_a_byte_order_mark_is_no_error(tmp_path):
    path = tmp_path / "path.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps([IDENTITY]).encode())
    assert len(read_trajectory(path)) == 1


def changed(frame, row, column, value):
    poses = upstream_sample(frames=5)
    poses[frame][row][column] = value
    return poses


SCALED = [[2.0 * v if i < 3 and j < 3 else v for j, v in enumerate(row)] for i, row in enumerate(IDENTITY)]
MIRRORED = [[-1.0, 0.0, 0.0, 0.0], *IDENTITY[1:]]
TRANSPOSED = [[list(row) for row in zip(*pose, strict=True)] for pose in upstream_sample(frames=5)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "must hold at least 1 pose; got an empty array"),
        ({}, 'got an object with nothing in it. Other objects need "format": "matrix3d-trajectory"'),
        (3, "must be a camera path: a list of 4x4 or 3x4 matrices.*got int"),
        (None, "must be a camera path: a list of 4x4 or 3x4 matrices.*got NoneType"),
        (IDENTITY, "got a single matrix"),
        ([IDENTITY[:2]], "frame 0 must be 4 rows of 4 numbers; got list of length 2"),
        ([IDENTITY, 7], "frame 1 must be 4 rows of 4 numbers; got 7"),
        ([[row[:3] for row in IDENTITY]], "frame 0 must be 4x4; got rows of 3, 3, 3, 3 numbers"),
        ([[IDENTITY]], "frame 0 must be 4 rows"),
        (changed(2, 0, 0, "1"), 'frame 2 must be a number; got "1"'),
        (changed(2, 0, 0, True), "frame 2 must be a number; got true"),
        (changed(2, 0, 0, None), "frame 2 must be a number; got null"),
        (changed(3, 0, 3, math.nan), "line 1, column .*: numbers must be finite.*got NaN"),
        (changed(3, 0, 3, math.inf), "line 1, column .*: numbers must be finite.*got Infinity"),
        (changed(3, 0, 3, 10**400), "numbers must be finite.*at most 300 digits"),
        (changed(1, 3, 3, 2.0), "frame 1: the last row of a pose must be 0 0 0 1"),
        ([IDENTITY, SCALED], "frame 1: the 3x3 part must be a rotation"),
        ([IDENTITY, MIRRORED], "frame 1: the 3x3 part must be a rotation.*det R = -1"),
        (TRANSPOSED, "the matrices look transposed"),
    ],
)
def test_wrong_content_is_named(tmp_path, data, message):
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(data))
    with pytest.raises(FormatError, match=message) as raised:
        read_trajectory(path)
    assert str(raised.value).startswith("broken.json: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "broken.json: line 1, column 1: not valid JSON"),
        ("[\n [[1, 0,\n  oops", "broken.json: line 3, column 3: not valid JSON"),
        ("[" * 100_000, "broken.json: not valid JSON"),
        ("9" * 5000, "broken.json: line 1, column 1: numbers must be"),
        (
            "[[[1e999,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]]",
            "line 1, column 4: numbers must be finite.*got 1e999",
        ),
    ],
)
def test_malformed_text_is_named(tmp_path, text, message):
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_trajectory(path)


def test_binary_is_named(tmp_path):
    path = tmp_path / "cameras.npz.json"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(FormatError, match=r"cameras\.npz\.json: must be UTF-8 text; byte 4 is not"):
        read_trajectory(path)


def described(**changes):
    data = json.loads(format_trajectory(random_trajectory(count=2)))
    data.update(changes)
    return json.dumps({key: value for key, value in data.items() if value != "absent"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version 2 is newer than this library reads"),
        ({"version": "1"}, "version must be a whole number"),
        ({"version": True}, "version must be a whole number"),
        ({"format": "other"}, "an object must have"),
        ({"axes": "opengl"}, "axes must be 'opencv"),
        ({"convention": "camera-to-world"}, "convention must be 'world-to-camera"),
        ({"poses": "absent"}, "poses are missing"),
        ({"poses": {}}, "poses must be an array"),
        ({"fps": 0}, "fps must be positive"),
        ({"fps": "12"}, "fps must be a number"),
        ({"frame_of_reference": "moon"}, "frame_of_reference must be one of"),
        ({"frame_of_reference": 3}, "frame_of_reference must be a str"),
        ({"is_metric": 1}, "is_metric must be a bool"),
        ({"image_size_px": [480]}, r"image_size_px must be \[height, width\]"),
        ({"intrinsics_px": [[[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]]}, r"one 3x3 matrix per pose \(2\); got 1"),
        ({"intrinsics_px": [[[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]] * 2}, "image_size_px must come with K_px"),
    ],
)
def test_wrong_headers_are_named(changes, message):
    with pytest.raises(FormatError, match=message):
        parse_trajectory(described(**changes), source="x.json")


def test_absurd_sizes_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 100_000_001)  # sparse
    with pytest.raises(FormatError, match=r"huge\.json: a camera path must be at most 100 MB; got 100 MB"):
        read_trajectory(path)
    monkeypatch.setattr(raw, "MAX_FRAMES", 3)
    with pytest.raises(FormatError, match="must hold at most 3 poses; got 4"):
        parse_trajectory(json.dumps([IDENTITY] * 4))


def test_unknown_layout_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="layout must be one of upstream, matrix3d; got 'csv'"):
        write_trajectory(tmp_path / "x.json", random_trajectory(), layout="csv")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_no_file(tmp_path, monkeypatch):
    target = tmp_path / "path.json"
    target.write_text("old")

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(cameras_json.os, "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        write_trajectory(target, random_trajectory())
    assert [p.name for p in tmp_path.iterdir()] == ["path.json"]
    assert target.read_text() == "old"
