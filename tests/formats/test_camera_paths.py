"""Camera paths of other tools: one path, written as each of them would, comes back as it went out."""

from __future__ import annotations

import json
import math
import struct
import zipfile

import numpy as np
import pytest
import torch

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.camera_paths.door import import_text, import_trajectory
from matrix3d_core.io.camera_paths.raw import PathOptions
from matrix3d_core.io.dataset import DatasetConfig, write_dataset
from matrix3d_core.scene.trajectory import Trajectory

COUNT = 12


def turn(yaw, pitch, roll):
    """World from camera, OpenCV axes, from the three elementary turns."""
    cy, sy, cp, sp, cr, sr = (f(v) for v in (yaw, pitch, roll) for f in (math.cos, math.sin))
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rx = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return ry @ rx @ np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])


C2W = np.stack([np.eye(4)] * COUNT)
for k in range(COUNT):
    C2W[k, :3, :3] = turn(0.4 + 0.2 * k, 0.1 * math.sin(k), 0.05 * k)
    C2W[k, :3, 3] = 1 + 0.1 * k, -0.3 + 0.02 * k, 2 - 0.3 * k
W2C = np.linalg.inv(C2W)
GL = np.diag([1.0, -1.0, -1.0, 1.0])  # OpenGL's camera axes in OpenCV's
Z_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])  # (x, y, z) -> (x, z, -y)
UNREAL = np.array([[0.0, 0, 1, 0], [1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])  # ahead, right, up


def quat(rotation):
    """w, x, y, z of a rotation that turns by less than half a turn in all."""
    w = math.sqrt(max(0.0, 1 + np.trace(rotation))) / 2
    if w < 0.1:
        values, vectors = np.linalg.eig(rotation)
        axis = np.real(vectors[:, np.argmin(np.abs(values - 1))])
        skew = np.array(
            [
                rotation[2, 1] - rotation[1, 2],
                rotation[0, 2] - rotation[2, 0],
                rotation[1, 0] - rotation[0, 1],
            ]
        )
        axis = axis if axis @ skew >= 0 else -axis
        return np.array([w, *(axis * math.sqrt(1 - w * w))])
    xyz = rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]
    return np.array([w, *(v / (4 * w) for v in xyz)])


def nerfstudio():
    frames = [
        {"file_path": f"images/{k}.png", "transform_matrix": (Z_UP @ C2W[k] @ GL).tolist()}
        for k in range(COUNT)
    ]
    frames.reverse()  # 11 before 2 and so on: sorted as people count
    return {
        "camera_model": "OPENCV",
        "fl_x": 400.0,
        "fl_y": 410.0,
        "cx": 320.0,
        "cy": 240.0,
        "w": 640,
        "h": 480,
        "applied_transform": Z_UP[:3].tolist(),
        "frames": frames,
    }


def blender():
    """No applied transform: a world with x right, y ahead, z up, so (x, y, z) of OpenCV is (x, z, -y) there."""
    return {
        "camera_angle_x": 0.69,
        "frames": [
            {"file_path": f"./r_{k}", "transform_matrix": (Z_UP @ C2W[k] @ GL).tolist()} for k in range(COUNT)
        ],
    }


def viewer_path():
    path = [{"camera_to_world": (Z_UP @ C2W[k] @ GL).flatten().tolist(), "fov": 60} for k in range(COUNT)]
    return {"camera_type": "perspective", "camera_path": path, "fps": 24, "seconds": 0.5}


def trainer():
    return [
        {
            "id": k,
            "img_name": f"{k:03}",
            "width": 640,
            "height": 480,
            "fx": 400.0,
            "fy": 410.0,
            "position": C2W[k, :3, 3].tolist(),
            "rotation": C2W[k, :3, :3].tolist(),
        }
        for k in np.random.default_rng(0).permutation(COUNT).tolist()
    ]


def recammaster(camera="cam01"):
    def text(pose):
        stored = UNREAL @ pose @ UNREAL.T
        stored[:3, 3] *= 100
        return "".join("[" + " ".join(repr(float(v)) for v in row) + "] " for row in stored.T)

    still = "[1 0 0 0] [0 1 0 0] [0 0 1 0] [3390 1380 240 1] "
    order = [*range(10, COUNT), *range(10)]
    return {f"frame{k}": {"cam10": still, camera: text(C2W[k]), "cam02": still} for k in order}


def rows(table):
    return "\n".join(" ".join(repr(float(v)) for v in row) for row in table) + "\n"


def realestate():
    head = np.tile([0.9, 1.6, 0.5, 0.5, 0, 0], (COUNT, 1))
    times = 1_000_000 + np.arange(COUNT)[:, None] * 40_000.0
    return "https://example.org/watch?v=x\n" + rows(np.hstack([times, head, W2C[:, :3].reshape(COUNT, 12)]))


def tum():
    quats = np.stack([np.roll(quat(m[:3, :3]), -1) for m in C2W])
    return "# timestamp tx ty tz qx qy qz qw\n" + rows(
        np.hstack([5 + np.arange(COUNT)[:, None] * 0.04, C2W[:, :3, 3], quats])
    )


JSON = {
    "this library's": lambda: W2C.tolist(),
    "3x4": lambda: W2C[:, :3].tolist(),
    "flat": lambda: W2C[:, :3].reshape(COUNT, 12).tolist(),
    "extrinsics": lambda: {"extrinsics": W2C[:, :3].tolist(), "intrinsics": []},
    "one batch": lambda: {"extrinsic": [W2C[:, :3].tolist()]},
    "c2w": lambda: {"camera_poses": C2W.tolist()},
    "nerfstudio": nerfstudio,
    "Blender": blender,
    "nerfstudio's viewer": viewer_path,
    "splat trainer": trainer,
    "CameraCtrl's rows": lambda: [[float(v) for v in line.split()] for line in realestate().splitlines()[1:]],
    "ReCamMaster": lambda: {f: {"cam01": c["cam01"]} for f, c in recammaster().items()},
}
TEXT = {
    "RealEstate10K": realestate,
    "TUM": tum,
    "KITTI": lambda: rows(C2W[:, :3].reshape(COUNT, 12)),
    "flat rows": lambda: rows(W2C.reshape(COUNT, 16)),
    **{name: (lambda make=make: json.dumps(make())) for name, make in JSON.items()},
}


def off(found, expected=W2C):
    got = found.trajectory.camera_from_world.numpy()
    assert got.shape == expected.shape
    return float(np.abs(got - expected).max())


@pytest.mark.parametrize("name", TEXT)
def test_a_path_comes_back_as_it_went_out(name):
    found = import_text(TEXT[name]())
    assert off(found) < 1e-9
    assert found.trajectory.frame_of_reference == "world", "its first pose is not at the origin"
    assert found.lines[0].startswith("read as ")
    assert "pose_convention and axes override it" in found.lines[0]
    assert any("the panorama is assumed to be at the first pose" in line for line in found.lines)


@pytest.mark.parametrize(
    ("suffix", "write"),
    [
        (".npy", lambda path: np.save(path, W2C[:, :3].astype(np.float32))),
        (".npy", lambda path: np.save(path, np.asfortranarray(W2C))),
        (".npz", lambda path: np.savez(path, W2C)),  # upstream's cameras.npz
        (".npz", lambda path: np.savez_compressed(path, extrinsic=W2C[None, :, :3], depth=np.zeros((3, 4)))),
        (".npz", lambda path: np.savez(path, cam_c2w=C2W, intrinsic=np.eye(3))),
    ],
)
def test_arrays(tmp_path, suffix, write):
    path = tmp_path / f"poses{suffix}"
    write(path)
    assert off(import_trajectory(path)) < 1e-6  # half a unit in the last place of a float32 below 4 is 1.2e-7


def test_llff_columns_are_down_right_back(tmp_path):
    world = np.diag([1.0, -1.0, -1.0])  # its world is OpenGL's
    columns = np.stack(
        [C2W[:, :3, 1], C2W[:, :3, 0], -C2W[:, :3, 2], C2W[:, :3, 3], np.ones((COUNT, 3))], axis=-1
    )
    stored = np.concatenate([world @ columns[..., :4], columns[..., 4:]], axis=-1).reshape(COUNT, 15)
    np.save(tmp_path / "poses_bounds.npy", np.hstack([stored, np.ones((COUNT, 2))]))
    assert off(import_trajectory(tmp_path / "poses_bounds.npy")) < 1e-12


def test_what_is_overruled():
    turned = import_text(json.dumps(C2W.tolist()), options=PathOptions(pose_convention="c2w"))
    assert off(turned) < 1e-12
    gl_world = GL @ C2W @ GL
    assert (
        off(
            import_text(
                json.dumps(gl_world.tolist()), options=PathOptions(pose_convention="c2w", axes="opengl")
            )
        )
        < 1e-12
    )
    unreal = UNREAL @ W2C @ UNREAL.T
    assert off(import_text(json.dumps(unreal.tolist()), options=PathOptions(axes="unreal"))) < 1e-12
    doubled = import_text(json.dumps(W2C.tolist()), options=PathOptions(scale=2.0)).trajectory
    assert np.allclose(doubled.centers.numpy(), 2 * C2W[:, :3, 3], atol=1e-12)
    assert np.allclose(doubled.world_from_camera[:, :3, :3].numpy(), C2W[:, :3, :3], atol=1e-12)
    for wrong in (
        {"pose_convention": "up"},
        {"axes": "moon"},
        {"scale": 0.0},
        {"fps": -1.0},
        {"time_unit": "weeks"},
        {"intrinsics": "x"},
    ):
        with pytest.raises(InvalidInput, match=next(iter(wrong))):
            PathOptions(**wrong)


def test_one_camera_of_several_is_chosen():
    text = json.dumps(recammaster("cam03"))
    assert off(import_text(text, options=PathOptions(camera="cam03"))) < 1e-9
    first = import_text(text)
    assert first.trajectory.length == 0
    assert any("camera cam02 of 3: cam02, cam03, cam10" in line for line in first.lines)
    # Unreal's (3390, 1380, 240) cm ahead, right, up are 13.8 right, 2.4 up and 33.9 ahead.
    assert first.trajectory.centers[0].tolist() == pytest.approx([13.8, -2.4, 33.9])
    assert first.trajectory.is_metric
    with pytest.raises(FormatError, match="camera must be one of cam02, cam03, cam10; got 'cam99'"):
        import_text(text, options=PathOptions(camera="cam99"))


def test_times_are_read_at_an_even_rate():
    found = import_text(realestate())
    assert found.trajectory.fps == pytest.approx(25)
    assert any("its times are microseconds" in line and "0.44 s" in line for line in found.lines)
    half = import_text(realestate(), options=PathOptions(fps=12.5)).trajectory
    assert np.abs(half.camera_from_world.numpy() - W2C[::2]).max() < 1e-9
    double = import_text(tum(), options=PathOptions(fps=50)).trajectory
    assert len(double) == 2 * COUNT - 1
    middle = (C2W[0, :3, 3] + C2W[1, :3, 3]) / 2
    assert double.centers[1].tolist() == pytest.approx(middle.tolist())
    shuffled = tum().splitlines()
    again = import_text("\n".join([shuffled[3], *shuffled[1:3], *shuffled[4:], shuffled[4]]))
    assert off(again) < 1e-9
    assert any("sorted by their times" in line for line in again.lines)
    assert any("1 poses with the time of the previous one" in line for line in again.lines)
    with pytest.raises(
        InvalidInput, match=r"4\.4e\+05 s at 25 frames per second are 11000001 poses; at most 10000"
    ):
        import_text(realestate(), options=PathOptions(fps=25, time_unit="seconds"))


def test_intrinsics_are_kept_when_asked_for():
    text = json.dumps(trainer())
    plain = import_text(text)
    assert plain.trajectory.K_px is None
    assert any("640x480, 77.3 degrees wide" in line for line in plain.lines)  # 2 atan(320 / 400)
    kept = import_text(text, options=PathOptions(intrinsics="keep")).trajectory
    assert kept.image_size_px == (480, 640)
    assert kept.K_px[3].tolist() == [[400, 0, 320], [0, 410, 240], [0, 0, 1]]
    assert (
        import_text(json.dumps(nerfstudio()), options=PathOptions(intrinsics="keep")).trajectory.K_px
        is not None
    )


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("where", ["file", "folder"])
def test_colmap_models_of_its_own_library(tmp_path, as_text, where):
    pycolmap = pytest.importorskip("pycolmap")
    camera = pycolmap.Camera(
        camera_id=7, model="OPENCV", width=640, height=480, params=[400, 410, 320, 240, 0.1, 0, 0, 0]
    )
    made = pycolmap.Reconstruction()
    if hasattr(made, "add_camera_with_trivial_rig"):
        made.add_camera_with_trivial_rig(camera)
    else:
        made.add_camera(camera)
    for number, k in enumerate((3, 0, 11, 10, *range(4, 10), 1, 2), 1):
        pose = pycolmap.Rigid3d(W2C[k, :3])
        image = pycolmap.Image(image_id=number, camera_id=7, name=f"deep folder/{k}.png")
        image.points2D = pycolmap.Point2DList([pycolmap.Point2D(np.array([1.5, 2.5]))] * (k % 3))
        if hasattr(made, "add_image_with_trivial_frame"):
            made.add_image_with_trivial_frame(image, pose)
        else:
            image.cam_from_world = pose
            made.add_image(image)
            made.register_image(number)
    folder = tmp_path / "scene" / "sparse" / "0"
    folder.mkdir(parents=True)
    (made.write_text if as_text else made.write_binary)(str(folder))
    target = tmp_path / "scene" if where == "folder" else folder / ("images.txt" if as_text else "images.bin")
    found = import_trajectory(target, PathOptions(intrinsics="keep"))
    assert off(found) < 1e-9
    assert found.trajectory.K_px[0].tolist() == [[400, 0, 320], [0, 410, 240], [0, 0, 1]]
    assert any("lens distortion (OPENCV) is ignored" in line for line in found.lines)


def test_colmap_text_without_lines_of_points(tmp_path):
    lines = ["# a comment"]
    for k in range(COUNT):
        values = " ".join(repr(float(v)) for v in (*quat(W2C[k, :3, :3]), *W2C[k, :3, 3]))
        lines.append(f"{k + 1} {values} 1 frame {k:02}.png")
    (tmp_path / "images.txt").write_text("\n".join(lines))
    found = import_trajectory(tmp_path / "images.txt")
    assert off(found) < 1e-9
    assert any("no cameras file" in line for line in found.lines)


@pytest.mark.parametrize("crops", ["12 crops", "6 cube faces", "4 level crops", "whole panoramas"])
@pytest.mark.parametrize("layout", ["nerfstudio", "colmap", "colmap text"])
def test_data_sets_of_this_library_give_their_path_back(tmp_path, crops, layout):
    if crops == "whole panoramas" and layout != "nerfstudio":
        pytest.skip("COLMAP has no panoramas")
    path = Trajectory(torch.from_numpy(W2C), frame_of_reference="panorama", is_metric=True, fps=24.0)
    config = DatasetConfig(layout=layout, crops=crops, crop_size_px=16)
    write_dataset(tmp_path / "set", torch.rand(COUNT, 16, 32, 3), path, config=config)
    found = import_trajectory(tmp_path / "set")
    assert off(found) < 1e-9
    assert found.trajectory.K_px is None
    if layout == "nerfstudio":  # which says so
        assert found.trajectory.frame_of_reference == "panorama"
        assert found.trajectory.is_metric
        assert found.trajectory.fps == 24


def test_perspective_data_sets_keep_their_lens(tmp_path):
    K = torch.tensor([[20.0, 0, 16], [0, 20, 8], [0, 0, 1]]).repeat(COUNT, 1, 1)
    path = Trajectory(torch.from_numpy(W2C), K_px=K, image_size_px=(16, 32))
    write_dataset(tmp_path / "set", torch.rand(COUNT, 16, 32, 3), path)
    found = import_trajectory(tmp_path / "set").trajectory
    assert torch.equal(found.K_px, K.double())
    assert found.image_size_px == (16, 32)


def test_rounding_is_repaired_and_said():
    for decimals, said in ((2, True), (3, True), (9, False)):
        found = import_text(json.dumps(np.round(W2C, decimals).tolist()))
        rotation = found.trajectory.camera_from_world[:, :3, :3]
        # What is off by less than 1e-6 is left as it is.
        assert float((rotation @ rotation.mT - torch.eye(3)).abs().max()) < (1e-12 if said else 1e-8)
        assert (
            off(found) < 1.5 * 10.0**-decimals
        )  # rounding moves a number by half of it, the repair by as much again
        assert any("made exact again" in line for line in found.lines) == said


def test_a_rotation_off_by_more_is_refused():
    degraded = W2C.copy()
    degraded[4, 0, :3] += 0.03
    with pytest.raises(
        FormatError, match=r"x: frame 4: the 3x3 part must be a rotation.*repaired up to 0\.01"
    ):
        import_text(json.dumps(degraded.tolist()), source="x")


@pytest.mark.parametrize("scale", [0.5, 1.004, 1.009, 30.0, 1e200])
def test_scale_stays_refused_even_a_small_one(scale):
    scaled = W2C.copy()
    scaled[:, :3, :3] *= scale
    with pytest.raises(FormatError, match=r"the 3x3 part must be a rotation.*Remove scale or mirroring"):
        import_text(json.dumps(scaled.tolist()))


@pytest.mark.parametrize("column", [0, 1, 2])
def test_mirrors_stay_refused(column):
    mirrored = np.round(W2C, 3)
    mirrored[:, :3, column] *= -1
    with pytest.raises(FormatError, match=r"the 3x3 part must be a rotation.*det R = -"):
        import_text(json.dumps(mirrored.tolist()))


def replaced(make, **changes):
    data = make()
    target = data if isinstance(data, dict) else data[0]
    target.update(changes)
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (replaced(nerfstudio, fl_x=0.0), "frame 0 must have positive focal lengths.*fx 0"),
        (replaced(trainer, fx=0.0), "camera 0 must have positive focal lengths.*fx 0"),
        (replaced(blender, camera_angle_x=0.0), "camera_angle_x must be positive"),
        (
            replaced(nerfstudio, applied_transform=[[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]]),
            "applied_transform must be a rotation",
        ),
        (replaced(nerfstudio, applied_scale=0), "applied_scale must be positive"),
        (replaced(trainer, rotation=[[1, 0], [0, 1]]), "camera 0 rotation must be 3 rows of 3 numbers"),
        (replaced(recammaster, frame0={"cam01": "[1 0 0 x]"}), "frame0 cam01 must be 4 rows such as"),
        (replaced(recammaster, frame0={"cam01": "[1 0 0 nan] " * 4}), "frame0 cam01 must be a number"),
        (realestate().replace(" 0.9 ", " 0.0 "), "frame 0 must have positive focal lengths"),
        (realestate().replace(" 0.9 ", " nan "), "line 2: numbers must be finite"),
        (realestate() + "1 2 3 4 5 6 7 8\n", "line 14 must have 19 numbers; got 8"),
        (realestate() + "the end\n", "line 14 must be 19 numbers"),
        ("1 0 0 0 0 0 0 0\n", "frame 0: a TUM row ends with a unit quaternion"),
        ('{"frames": []}', "must be a camera path: .*nerfstudio.*ReCamMaster.*got an object with 'frames'"),
        ("hello there", "not valid JSON"),
    ],
)
def test_damage_is_named(text, message):
    with pytest.raises(FormatError, match=message) as raised:
        import_text(text, source="x")
    assert str(raised.value).startswith("x: ")


def npy(header, data=b""):
    text = header.encode() + b" " * (63 - len(header) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 4, 4)}"),
            "must hold 1 to 100000 poses; got shape",
        ),
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (5, 4, 4)}", b"\0" * 9),
            "truncated: 9 of 640 bytes",
        ),
        (
            npy("{'descr': '|O', 'fortran_order': False, 'shape': (5, 4, 4)}"),
            "must hold real numbers; got object",
        ),
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (5, 3, 3)}", b"\0" * 360),
            r"shape \[T, 3, 4\] or \[T, 4, 4\]",
        ),
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (5, 4, 4}"),
            "not a readable NPY or NPZ file",
        ),
        (b"\x93NUMPY\x09\x00", "NPY version"),
        (b"nonsense", "not a readable NPY or NPZ file"),
        (b"", "not a readable NPY or NPZ file"),
        (b"PK\x03\x04 and so on", "not a readable NPY or NPZ file"),
    ],
)
def test_damaged_arrays_are_named(tmp_path, data, message):
    path = tmp_path / "x.npz"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=message):
        import_trajectory(path)


def test_archives_are_named_and_bounded(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, depth=np.zeros(3))
    with pytest.raises(FormatError, match=r"must hold poses as one of extrinsics.*got depth"):
        import_trajectory(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        header = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (9000000, 4, 4)}")
        archive.writestr("c2w.npy", header + b"\0" * 10_000_000)
    with pytest.raises(FormatError, match="c2w must hold 1 to 100000 poses"):
        import_trajectory(path)


@pytest.mark.parametrize("name", ["images.bin", "cameras.bin"])
def test_damaged_colmap_models_are_named(tmp_path, name):
    path = Trajectory(
        torch.from_numpy(W2C),
        K_px=torch.eye(3).repeat(COUNT, 1, 1) * 9 + torch.diag(torch.tensor([0, 0, -8.0])),
        image_size_px=(16, 32),
    )
    write_dataset(tmp_path / "set", torch.rand(COUNT, 16, 32, 3), path)
    file = tmp_path / "set" / "sparse" / "0" / name
    whole = file.read_bytes()
    for data in (whole[:-5], whole[:20], b"", struct.pack("<Q", 1 << 60) + whole[8:], b"\xff" * 200):
        file.write_bytes(data)
        with pytest.raises(FormatError, match=f"^{name}: "):
            import_trajectory(file.with_name("images.bin"))
