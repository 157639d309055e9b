"""The trajectory nodes, one after the other."""

from __future__ import annotations

import json
import shutil
import types
from pathlib import Path
from typing import Any

import folder_paths
import pack
import torch

from matrix3d_core.geometry import spherical
from matrix3d_core.scene import panorama


def trajectories() -> dict[str, Any]:
    T = types.SimpleNamespace(**pack.nodes())
    families = [pack.module(f"nodes.trajectory_{topic}") for topic in ("make", "io", "edit", "check")]

    directions = spherical.erp_directions(64, 128, dtype=torch.float64)
    depth = (torch.tensor([2.0, 1.5, 3.0], dtype=torch.float64) / directions.abs()).amin(-1).float()
    seen = torch.ones(64, 128, dtype=torch.bool)
    room = panorama.PanoramaGeometry(torch.rand(64, 128, 3), depth, seen, ~seen, is_metric=True)

    def run(node, **inputs):
        schema = node.define_schema()
        values = {i.id: i.default for i in schema.inputs if getattr(i, "default", None) is not None}
        values.update(inputs)
        values = {k: v for k, v in values.items() if k in {i.id for i in schema.inputs}}
        return node.execute(**values)

    def values(node, **inputs):
        return run(node, **inputs).result

    def error(node, **inputs):
        return pack.message(lambda: run(node, **inputs))

    def bits(trajectory):
        return trajectory.camera_from_world.tolist()

    out = {}
    made, report = values(
        T.TrajectoryPreset, preset="long_forward", distance=2.0, clearance=0.2, geometry=room
    )
    out["preset_length"], out["preset_report"], out["preset_metric"] = made.length, report, made.is_metric
    free, _ = values(
        T.TrajectoryPreset, preset="long_forward", distance=2.0, avoid_collisions=False, geometry=room
    )
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

    folder = Path(folder_paths.get_input_directory()) / "paths"
    folder.mkdir(parents=True)
    for layout, path in saved.items():
        shutil.copy(path, folder / (layout + ".json"))
    for layout in saved:
        loaded, yaw, _ = values(T.TrajectoryLoad, file=f"paths/{layout}.json", geometry=room)
        out["loaded_" + layout] = [bits(loaded), yaw, loaded.is_metric]
    out["menu"] = T.TrajectoryLoad.define_schema().inputs[0].options
    still = {
        "asset": {"version": "2.0"},
        "cameras": [{}],
        "nodes": [{"camera": 0, "translation": [1, 2, -3]}],
    }
    (folder / "cam.gltf").write_text(json.dumps(still))
    out["gltf"] = values(T.TrajectoryLoad, file="paths/cam.gltf")[0].centers.tolist()
    text = json.dumps([[[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -1000.0 * i], [0, 0, 0, 1]] for i in range(2)])
    tum = "\n".join(f"{0.5 * k} 1 2 {3 + k} 0 0 0 1" for k in range(3))
    (folder / "tum.txt").write_text(tum)
    model = folder / "scene" / "sparse" / "0"
    model.mkdir(parents=True)
    (model / "images.txt").write_text("1 1 0 0 0 -1 -2 -3 1 a.png\n\n")
    places = ["auto", "at the first pose", "at the first pose, yaw kept", "at the origin"]
    placed = [values(T.TrajectoryLoad, file="paths/tum.txt", panorama_at=place) for place in places]
    out["placed"] = [[p.frame_of_reference, p.centers[-1].tolist(), p.fps, report] for p, _, report in placed]
    out["pasted_rows"] = values(T.TrajectoryLoad, text=tum, pose_convention="w2c", scale=2.0, sample_fps=4.0)[
        0
    ].centers.tolist()
    out["model"] = values(T.TrajectoryLoad, file="paths/scene")[0].centers.tolist()
    out["folder"] = [T.TrajectoryLoad.validate_inputs(file=f) for f in ("paths/scene", "../..")]
    out["same_folder"] = T.TrajectoryLoad.fingerprint_inputs(
        file="paths/scene"
    ) == T.TrajectoryLoad.fingerprint_inputs(file="paths/scene")
    out["bare"] = error(T.TrajectorySave, trajectory=placed[3][0], layout="upstream")
    out["pasted"] = values(T.TrajectoryLoad, text=text)[2]
    out["far_too_large"] = error(T.TrajectoryLoad, text=text, geometry=room)
    out["fitted"] = values(T.TrajectoryLoad, text=text, rescale="fit", geometry=room)[0].length
    out["upstream"] = values(T.TrajectoryLoad, text=text, rescale="upstream", geometry=room)[0].length
    out["malformed"] = error(T.TrajectoryLoad, text="[[1,\n2,")
    out["nothing"] = error(T.TrajectoryLoad)
    out["one_frame"] = len(values(T.TrajectoryLoad, text=json.dumps([json.loads(text)[0]]))[0])
    out["escape"] = [
        T.TrajectoryLoad.validate_inputs(file=f)
        for f in ("../secret.json", "/etc/passwd", "none.json", "paths/upstream.json")
    ]
    out["escape_run"] = error(T.TrajectoryLoad, file="../secret.json")

    (keys,) = values(T.TrajectoryFromKeyframes, closed=True)
    out["keys"] = [len(keys), bits(keys)[0] == bits(keys)[-1]]
    out["bad_keys"] = error(T.TrajectoryFromKeyframes, keyframes="[{}]")
    cameras = [values(T.TrajectoryToCamera, trajectory=made, frame=f, fov=60.0)[0] for f in (0, 40, -1)]
    (through,) = values(
        T.TrajectoryFromCamera,
        frames=9,
        ease=False,
        camera_a=cameras[0],
        camera_c=cameras[1],
        camera_h=cameras[2],
    )
    out["camera"] = cameras[0]
    out["through"] = [through.centers[0].tolist(), through.centers[-1].tolist(), made.centers[-1].tolist()]
    out["no_camera"] = error(T.TrajectoryFromCamera)
    out["bad_frame"] = error(T.TrajectoryToCamera, trajectory=made, frame=81)

    out["edits"] = {}
    for operation in ("reverse", "resample", "smooth", "scale"):
        (changed,) = values(T.TrajectoryEdit, trajectory=made, operation=operation, frames=40, factor=0.5)
        out["edits"][operation] = [
            len(changed),
            changed.length / made.length,
            changed.centers[0].norm().item(),
        ]
    (both,) = values(
        T.TrajectoryJoin, first=made, second=values(T.TrajectoryEdit, trajectory=made, operation="reverse")[0]
    )
    out["joined"] = len(both)

    checked = run(T.TrajectoryClearance, trajectory=free, geometry=room, clearance=0.2, height=256)
    cut, report, image, is_clear = checked.result
    out["clearance"] = [cut.length, report, list(image.shape), is_clear, sorted(checked.ui.as_dict())]
    drawn = run(T.TrajectoryPreview, trajectory=made, height=256)
    out["preview"] = [list(drawn.result[0].shape), str(drawn.result[0].dtype), sorted(drawn.ui.as_dict())]

    schemas = [node.define_schema() for family in families for node in family.NODES]
    out["ids"] = [s.node_id for s in schemas]
    out["without_tooltip"] = [
        f"{s.node_id}.{getattr(x, 'id', '') or x.display_name}"
        for s in schemas
        for x in (*s.inputs, *s.outputs)
        if not x.tooltip
    ]
    out["categories"] = sorted({s.category for s in schemas})
    out["undescribed"] = [s.node_id for s in schemas if not s.description or not s.search_aliases]
    return out
