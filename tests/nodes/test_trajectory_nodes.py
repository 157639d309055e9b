"""The trajectory nodes, executed inside a real host process."""

from __future__ import annotations

import json

import pytest
from comfy_server import run_in_host

pytestmark = pytest.mark.host

CODE = r"""
import types
import torch

load_pack()
nodes = submodule("nodes.trajectory")
panorama = submodule("matrix3d_core.scene.panorama")
spherical = submodule("matrix3d_core.geometry.spherical")

directions = spherical.erp_directions(64, 128, dtype=torch.float64)
depth = (torch.tensor([2.0, 1.5, 3.0], dtype=torch.float64) / directions.abs()).amin(-1).float()
seen = torch.ones(64, 128, dtype=torch.bool)
room = panorama.PanoramaGeometry(torch.rand(64, 128, 3), depth, seen, ~seen, is_metric=True)

def run(node, **inputs):
    schema = node.define_schema()
    values = {i.id: i.default for i in schema.inputs if getattr(i, "default", None) is not None}
    node.hidden = types.SimpleNamespace(unique_id=None, prompt=None, extra_pnginfo=None)
    values.update(inputs)
    values = {k: v for k, v in values.items() if k in {i.id for i in schema.inputs}}
    return node.execute(**values)

def values(node, **inputs):
    return run(node, **inputs).result

def error(node, **inputs):
    try:
        run(node, **inputs)
    except Exception as problem:
        return type(problem).__name__ + ": " + str(problem)
    return None

def bits(trajectory):
    return trajectory.camera_from_world.tolist()

out = {}
T = nodes
made, report = values(T.TrajectoryPreset, preset="long_forward", distance=2.0, clearance=0.2, geometry=room)
out["preset_length"], out["preset_report"], out["preset_metric"] = made.length, report, made.is_metric
free, _ = values(T.TrajectoryPreset, preset="long_forward", distance=2.0, stay_clear=False, geometry=room)
out["free_length"] = free.length
units, _ = values(T.TrajectoryPreset, distance_mode="units", distance=7.0)
out["units_length"] = units.length
out["no_geometry"] = error(T.TrajectoryPreset)

saved = {}
for layout in ("upstream", "matrix3d"):
    node = run(T.TrajectorySave, trajectory=made, filename_prefix="paths/walk", layout=layout)
    saved[layout] = node.result[0]
out["saved"], out["made"] = saved, bits(made)
out["outside"] = error(T.TrajectorySave, trajectory=made, filename_prefix="../../walk")

import shutil
from pathlib import Path
folder = Path(_base) / "input" / "paths"
folder.mkdir(parents=True)
for layout, path in saved.items():
    shutil.copy(path, folder / (layout + ".json"))
for layout in saved:
    loaded, yaw, _ = values(T.TrajectoryLoad, file=f"paths/{layout}.json", geometry=room)
    out["loaded_" + layout] = [bits(loaded), yaw, loaded.is_metric]
out["menu"] = T.TrajectoryLoad.define_schema().inputs[0].options
still = {"asset": {"version": "2.0"}, "cameras": [{}], "nodes": [{"camera": 0, "translation": [1, 2, -3]}]}
(folder / "cam.gltf").write_text(json.dumps(still))
out["gltf"] = values(T.TrajectoryLoad, file="paths/cam.gltf")[0].centers.tolist()
text = json.dumps([[[1,0,0,0],[0,1,0,0],[0,0,1,-1000.0*i],[0,0,0,1]] for i in range(2)])
tum = "\n".join(f"{0.5 * k} 1 2 {3 + k} 0 0 0 1" for k in range(3))
(folder / "tum.txt").write_text(tum)
model = folder / "scene" / "sparse" / "0"
model.mkdir(parents=True)
(model / "images.txt").write_text("1 1 0 0 0 -1 -2 -3 1 a.png\n\n")
places = ["auto", "at the first pose", "at the first pose, yaw kept", "at the origin"]
placed = [values(T.TrajectoryLoad, file="paths/tum.txt", panorama_at=place) for place in places]
out["placed"] = [[p.frame_of_reference, p.centers[-1].tolist(), p.fps, report] for p, _, report in placed]
out["pasted_rows"] = values(T.TrajectoryLoad, text=tum, pose="w2c", scale=2.0, sample_fps=4.0)[0].centers.tolist()
out["model"] = values(T.TrajectoryLoad, file="paths/scene")[0].centers.tolist()
out["folder"] = [T.TrajectoryLoad.validate_inputs(file=f) for f in ("paths/scene", "../..")]
out["same_folder"] = T.TrajectoryLoad.fingerprint_inputs(file="paths/scene") == T.TrajectoryLoad.fingerprint_inputs(file="paths/scene")
out["bare"] = error(T.TrajectorySave, trajectory=placed[3][0], layout="upstream")
out["pasted"] = values(T.TrajectoryLoad, text=text)[2]
out["far_too_large"] = error(T.TrajectoryLoad, text=text, geometry=room)
out["fitted"] = values(T.TrajectoryLoad, text=text, rescale="fit", geometry=room)[0].length
out["upstream"] = values(T.TrajectoryLoad, text=text, rescale="upstream", geometry=room)[0].length
out["malformed"] = error(T.TrajectoryLoad, text="[[1,\n2,")
out["nothing"] = error(T.TrajectoryLoad)
out["one_frame"] = len(values(T.TrajectoryLoad, text=json.dumps([json.loads(text)[0]]))[0])
out["escape"] = [T.TrajectoryLoad.validate_inputs(file=f) for f in ("../secret.json", "/etc/passwd", "none.json", "paths/upstream.json")]
out["escape_run"] = error(T.TrajectoryLoad, file="../secret.json")

keys, = values(T.TrajectoryFromKeyframes, closed=True)
out["keys"] = [len(keys), bits(keys)[0] == bits(keys)[-1]]
out["bad_keys"] = error(T.TrajectoryFromKeyframes, keyframes="[{}]")
cameras = [values(T.TrajectoryToCamera, trajectory=made, frame=f, fov=60.0)[0] for f in (0, 40, -1)]
through, = values(T.TrajectoryFromCamera, frames=9, ease=False, camera_a=cameras[0], camera_c=cameras[1], camera_h=cameras[2])
out["camera"] = cameras[0]
out["through"] = [through.centers[0].tolist(), through.centers[-1].tolist(), made.centers[-1].tolist()]
out["no_camera"] = error(T.TrajectoryFromCamera)
out["bad_frame"] = error(T.TrajectoryToCamera, trajectory=made, frame=81)

out["edits"] = {}
for operation in ("reverse", "resample", "smooth", "scale"):
    changed, = values(T.TrajectoryEdit, trajectory=made, operation=operation, frames=40, factor=0.5)
    out["edits"][operation] = [len(changed), changed.length / made.length, changed.centers[0].norm().item()]
both, = values(T.TrajectoryJoin, first=made, second=values(T.TrajectoryEdit, trajectory=made, operation="reverse")[0])
out["joined"] = len(both)

checked = run(T.TrajectoryClearance, trajectory=free, geometry=room, clearance=0.2, height=256)
cut, report, image, is_clear = checked.result
out["clearance"] = [cut.length, report, list(image.shape), is_clear, sorted(checked.ui.as_dict())]
drawn = run(T.TrajectoryPreview, trajectory=made, height=256)
out["preview"] = [list(drawn.result[0].shape), str(drawn.result[0].dtype), sorted(drawn.ui.as_dict())]

schemas = [node.define_schema() for node in nodes.NODES]
out["ids"] = [s.node_id for s in schemas]
out["untold"] = [
    f"{s.node_id}.{getattr(x, 'id', '') or x.display_name}"
    for s in schemas for x in (*s.inputs, *s.outputs) if not x.tooltip
]
out["categories"] = sorted({s.category for s in schemas})
out["undescribed"] = [s.node_id for s in schemas if not s.description or not s.search_aliases]
result(out)
"""


@pytest.fixture(scope="module")
def told(host_place, tmp_path_factory):
    return run_in_host(CODE, host_place, tmp_path_factory.mktemp("nodes") / "base")


def test_preset_stays_clear_when_told(told):
    assert told["preset_length"] == pytest.approx(2.8, abs=0.01)  # the wall ahead is at 3
    assert "shortened to" in told["preset_report"]
    assert told["preset_metric"]
    assert told["free_length"] == pytest.approx(1.5 * 2 * 3, rel=0.01)
    assert told["units_length"] == pytest.approx(7.0)
    assert "geometry must be connected for distance_mode 'fraction of depth'" in told["no_geometry"]


def test_saved_paths_are_loaded_bit_for_bit(told):
    for layout in ("upstream", "matrix3d"):
        poses, yaw, is_metric = told[f"loaded_{layout}"]
        assert poses == told["made"]
        assert yaw == 0.0
        assert is_metric == (layout == "matrix3d")
    assert told["saved"]["upstream"].endswith("walk_00001_.json")
    assert told["saved"]["matrix3d"].endswith("walk_00002_.json")
    with open(told["saved"]["upstream"]) as file:
        assert json.load(file) == told["made"]
    assert told["menu"] == ["(pasted text)", "paths/matrix3d.json", "paths/upstream.json"]


def test_names_that_leave_the_hosts_folders_are_refused(told):
    assert "must stay inside the host's output folder" in told["outside"]
    parent, absolute, missing, fine = told["escape"]
    assert "must stay inside the host's input folder" in parent
    assert "must be a name inside the host's input folder" in absolute
    assert "does not exist" in missing
    assert fine is True
    assert "must stay inside" in told["escape_run"]


def test_paths_of_other_tools_and_where_the_panorama_stands(told):
    auto, first, yaw_kept, origin = told["placed"]
    assert [place[0] for place in told["placed"]] == ["world", "world", "panorama", "panorama"]
    assert auto[1] == first[1] == origin[1] == [1, 2, 5]
    assert yaw_kept[1] == [0, 0, 2]
    assert auto[2] == 2  # half a second each
    assert "read as a TUM trajectory: camera-to-world, opencv axes (pose and axes override it)" in auto[3]
    assert "panorama_at changes it" in auto[3]
    assert "the panorama stands at the origin" in origin[3]
    # As world-to-camera the same numbers are minus the centers; twice as large; between them at 4 a second.
    assert told["pasted_rows"] == [[-2, -4, -z] for z in (6, 7, 8, 9, 10)]
    assert told["model"] == [[1, 2, 3]]
    assert told["folder"][0] is True
    assert "must stay inside" in told["folder"][1]
    assert told["same_folder"]
    assert "a bare list does not store the panorama's position" in told["bare"]


def test_foreign_units_are_refused_or_rescaled(told):
    assert "2 frames at 12 fps" in told["pasted"]
    assert "the units do not match" in told["far_too_large"]
    assert told["fitted"] == pytest.approx(1.5, rel=0.01)
    assert told["upstream"] == pytest.approx(1.5, rel=0.01)
    assert told["one_frame"] == 1
    assert (
        told["malformed"] == "FormatError: pasted text: line 2, column 3: not valid JSON (Expecting value)."
    )
    assert "a file or text must be given" in told["nothing"]


def test_keyframes_and_cameras(told):
    assert told["keys"] == [81, True]
    assert "keyframe 0 must have a position" in told["bad_keys"]
    assert told["camera"]["target"] == {"x": 0.0, "y": 0.0, "z": -1.0}
    assert told["camera"]["fov"] == pytest.approx(60)
    start, end, real_end = told["through"]
    assert start == [0, 0, 0]
    assert end == pytest.approx(real_end)
    assert "at least one camera must be connected" in told["no_camera"]
    assert "frame must lie in 0..80; got 81" in told["bad_frame"]


def test_edits(told):
    edits = told["edits"]
    assert edits["reverse"] == [81, pytest.approx(1), pytest.approx(2.8, abs=0.01)]
    assert edits["resample"] == [40, pytest.approx(1), 0]
    assert edits["smooth"] == [81, pytest.approx(1), 0]
    assert edits["scale"] == [81, pytest.approx(0.5), 0]
    assert told["joined"] == 161


def test_clearance_and_preview(told):
    length, report, shape, is_clear, shown = told["clearance"]
    assert length == pytest.approx(2.8, abs=0.01)
    assert "frames collide" in report
    assert "shortened to" in report
    assert shape[0] == 1
    assert shape[1] == 256
    assert shape[3] == 3
    assert is_clear is False
    assert "images" in shown
    assert told["preview"] == [[1, 256, shape[2], 3], "torch.float32", shown]


def test_every_node_says_what_it_is(told):
    assert told["ids"] == [
        "TrajectoryPreset",
        "TrajectoryLoad",
        "TrajectorySave",
        "TrajectoryFromKeyframes",
        "TrajectoryFromCamera",
        "TrajectoryToCamera",
        "TrajectoryEdit",
        "TrajectoryJoin",
        "TrajectoryClearance",
        "TrajectoryPreview",
    ]
    assert told["untold"] == []
    assert told["undescribed"] == []
    assert told["categories"] == ["Matrix-3D/trajectory"]


def test_a_camera_of_a_gltf_file_is_loaded(told):
    assert told["gltf"] == [[1, -2, 3]]  # y up and z backward there
