"""Camera paths from glTF, against poses worked out by hand."""

from __future__ import annotations

import base64
import json
import math
import struct

import numpy as np
import pytest

from matrix3d_core.errors import FormatError
from matrix3d_core.io.gltf_cameras import read_gltf_camera

HALF = math.sqrt(0.5)


def document(animations=True, kind="LINEAR", **camera):
    """A camera that moves from (0, 1.6, 0) to (0, 1.6, -2) in a second and turns left by 90 degrees, in a parent."""
    parts, views, accessors = [], [], []

    def add(values, kind):
        data = np.asarray(values, "<f4")
        views.append({"buffer": 0, "byteOffset": sum(map(len, parts)), "byteLength": data.nbytes})
        accessors.append(
            {"bufferView": len(views) - 1, "componentType": 5126, "count": len(data), "type": kind}
        )
        parts.append(data.tobytes())
        return len(accessors) - 1

    times = add([0, 1], "SCALAR")
    ends = [[0, 1.6, 0], [0, 1.6, -2]]
    if kind == "CUBICSPLINE":  # flat tangents: eased
        ends = [[0, 0, 0], ends[0], [0, 0, 0], [0, 0, 0], ends[1], [0, 0, 0]]
    moves = add(ends, "VEC3")
    turns = add([[0, 0, 0, 1], [0, HALF, 0, HALF]], "VEC4")  # about y, which points up: to the left
    made = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"translation": [10, 0, 0], "children": [1, 2]}, {"mesh": 0}, {"camera": 0, **camera}],
        "cameras": [{"type": "perspective", "perspective": {"yfov": 1, "znear": 0.1}}],
        "bufferViews": views,
        "accessors": accessors,
        "buffers": [{"byteLength": sum(map(len, parts))}],
    }
    if animations:
        made["animations"] = [
            {
                "channels": [
                    {"sampler": 0, "target": {"node": 2, "path": "translation"}},
                    {"sampler": 1, "target": {"node": 2, "path": "rotation"}},
                ],
                "samplers": [
                    {"input": times, "output": moves, "interpolation": kind},
                    {"input": times, "output": turns},
                ],
            }
        ]
    return made, b"".join(parts)


def write_glb(path, made, body):
    text = json.dumps(made).encode()
    text += b" " * (-len(text) % 4)
    body += b"\0" * (-len(body) % 4)
    total = 12 + 8 + len(text) + 8 + len(body)
    path.write_bytes(
        struct.pack("<III", 0x46546C67, 2, total)
        + struct.pack("<II", len(text), 0x4E4F534A)
        + text
        + struct.pack("<II", len(body), 0x004E4942)
        + body
    )
    return path


def test_an_animated_camera_is_read_frame_by_frame(tmp_path):
    path = read_gltf_camera(write_glb(tmp_path / "walk.glb", *document()), fps=4)
    assert len(path) == 5
    assert path.name == "walk"
    assert path.fps == 4
    # glTF's y is up and z backward: 1.6 up is y = -1.6 here, 2 ahead is z = 2; the parent stands 10 to the right.
    assert path.centers.tolist() == [pytest.approx([10, -1.6, 0.5 * k], abs=1e-6) for k in range(5)]
    assert path.forwards[0].tolist() == pytest.approx([0, 0, 1], abs=1e-6)
    assert path.forwards[2].tolist() == pytest.approx([-HALF, 0, HALF], abs=1e-6)  # half way to the left
    assert path.forwards[4].tolist() == pytest.approx([-1, 0, 0], abs=1e-6)
    assert path.camera_from_world[0, 1, :3].tolist() == pytest.approx([0, 1, 0], abs=1e-6), "upright"


def test_steps_and_curves(tmp_path):
    step = read_gltf_camera(write_glb(tmp_path / "a.glb", *document(kind="STEP")), fps=4)
    assert step.centers[:, 2].tolist() == pytest.approx([0, 0, 0, 0, 2])
    curve = read_gltf_camera(write_glb(tmp_path / "b.glb", *document(kind="CUBICSPLINE")), fps=4)
    # 3 t^2 - 2 t^3 at a quarter is 0.15625.
    assert curve.centers[:, 2].tolist() == pytest.approx([0, 0.3125, 1, 1.6875, 2])


def test_a_still_camera_and_its_scale(tmp_path):
    made = document(animations=False, rotation=[0, -HALF, 0, HALF], scale=[2, 2, 2])
    path = read_gltf_camera(write_glb(tmp_path / "still.glb", *made))
    assert len(path) == 1
    assert path.forwards[0].tolist() == pytest.approx([1, 0, 0], abs=1e-6)


def test_embedded_json_is_read_and_files_beside_it_are_named(tmp_path):
    made, body = document()
    made["buffers"][0]["uri"] = "data:application/octet-stream;base64," + base64.b64encode(body).decode()
    (tmp_path / "a.gltf").write_text(json.dumps(made))
    assert len(read_gltf_camera(tmp_path / "a.gltf")) == 25
    made["buffers"][0]["uri"] = "a.bin"
    (tmp_path / "b.gltf").write_text(json.dumps(made))
    with pytest.raises(FormatError, match=r"b\.gltf: its data is in another file"):
        read_gltf_camera(tmp_path / "b.gltf")


def test_other_files_are_refused(tmp_path):
    made, body = document()
    del made["nodes"][2]["camera"]
    with pytest.raises(FormatError, match="no camera"):
        read_gltf_camera(write_glb(tmp_path / "none.glb", made, body))
    made, body = document()
    for name, degrade in (
        ("cut.glb", lambda data: data[: len(data) // 2]),
        ("text.glb", lambda _: b"hello"),
        ("short.glb", lambda data: data.replace(b'"count": 2', b'"count": 9')),
        ("loop.glb", lambda data: data.replace(b'"children": [1, 2]', b'"children": [0, 2]')),
    ):
        file = write_glb(tmp_path / name, made, body)
        file.write_bytes(degrade(file.read_bytes()))
        with pytest.raises(FormatError, match=name):
            read_gltf_camera(file)


def test_long_animations_and_deep_trees_are_refused_with_their_numbers(tmp_path, monkeypatch):
    from matrix3d_core.io import gltf_cameras

    made, body = document()
    body = bytearray(body)
    body[4:8] = struct.pack("<f", 417.0)  # the last key
    path = write_glb(tmp_path / "long.glb", made, bytes(body))
    with pytest.raises(
        FormatError, match=r"long\.glb: its camera moves for 417 s, 1\.001e\+04 poses at 24 frames"
    ):
        read_gltf_camera(path)
    calls = []
    monkeypatch.setattr(
        gltf_cameras, "_at", lambda *args, at=gltf_cameras._at: calls.append(len(args[1])) or at(*args)
    )
    assert len(read_gltf_camera(path, fps=23.9)) == 9967
    assert calls == [9967, 9967], "each channel is read once, for all frames together"
    for parents, message in ((63, "more than 64 parents"), (62, None)):
        made, body = document(animations=False)
        made["nodes"] += [{"children": [k]} for k in (0, *range(3, 2 + parents))]
        path = write_glb(tmp_path / "deep.glb", made, body)
        if message:
            with pytest.raises(FormatError, match=message):
                read_gltf_camera(path)
        else:
            assert read_gltf_camera(path).centers.tolist() == [[10, 0, 0]]
    made, body = document(animations=False)
    made["nodes"] += [{}] * 100_000
    with pytest.raises(FormatError, match="has 100003 nodes; at most 100000 are read"):
        read_gltf_camera(write_glb(tmp_path / "many.glb", made, body))


@pytest.mark.parametrize(
    "node", [{"scale": [0, 1, 1]}, {"scale": [1e200, 1, 1]}, {"translation": [1e308, 0, 0]}]
)
def test_transforms_are_checked_after_the_last_one(tmp_path, node):
    made, body = document(animations=False, **node)
    made["nodes"][0] |= node if "scale" in node else {"translation": [1e308, 0, 0]}
    with pytest.raises(FormatError, match=r"x\.glb: .*(finite|rotation)"):
        read_gltf_camera(write_glb(tmp_path / "x.glb", made, body))


@pytest.mark.parametrize("number", ["1e999", "NaN", "Infinity", "1" + "0" * 400])
def test_numbers_that_json_should_not_hold(tmp_path, number):
    (tmp_path / "x.gltf").write_text(
        '{"asset": {}, "cameras": [{}], "nodes": [{"camera": 0, "translation": [' + number + ", 0, 0]}]}"
    )
    with pytest.raises(FormatError, match=r"x\.gltf: line 1, column 72: numbers must be finite"):
        read_gltf_camera(tmp_path / "x.gltf")


def test_one_camera_of_several_is_chosen(tmp_path):
    from matrix3d_core.io.camera_paths.door import import_trajectory
    from matrix3d_core.io.camera_paths.raw import PathOptions

    made = {
        "asset": {},
        "cameras": [{"name": "lens"}, {}],
        "nodes": [
            {"camera": 0, "translation": [1, 0, 0]},
            {"camera": 1, "name": "second", "translation": [2, 0, 0]},
        ],
    }
    (tmp_path / "x.gltf").write_text(json.dumps(made))
    found = import_trajectory(tmp_path / "x.gltf")
    assert found.trajectory.centers.tolist() == [[1, 0, 0]]
    assert any("one of 2 cameras: lens, second" in line for line in found.lines)
    second = import_trajectory(tmp_path / "x.gltf", PathOptions(camera="second", scale=3.0))
    assert second.trajectory.centers.tolist() == [[6, 0, 0]]
    with pytest.raises(FormatError, match="camera must be one of lens, second; got 'third'"):
        import_trajectory(tmp_path / "x.gltf", PathOptions(camera="third"))
