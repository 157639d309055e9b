"""Splat files between this pack and core."""

from __future__ import annotations

import json
import math
import os
import shutil
from typing import Any

import folder_paths
import pack
import torch
from comfy_api.latest import Types
from comfy_extras.nodes_gaussian_splat import File3DToSplat, _gaussian_ply_bytes, _gaussian_spz_bytes

from matrix3d_core.io.ply import read_ply
from matrix3d_core.scene.trajectory import Trajectory


def compare(folders: list[str]) -> dict[str, Any]:
    """Read the files of each folder with core and write the same with core; return differences."""
    report = {}
    for folder in folders:
        ours = torch.load(folder + "/values.pt")
        part = report[os.path.basename(folder)] = {}
        for kind in ("ply", "spz"):
            splat = File3DToSplat.execute(Types.File3D(folder + "/world." + kind)).args[0]
            part[kind] = {
                "means": float((splat.positions[0] - ours[kind][0]).abs().max()),
                "quats": float((splat.rotations[0] - ours[kind][1]).abs().max()),
                "scales": float((splat.scales[0] / ours[kind][2] - 1).abs().max()),
                "opacities": float((splat.opacities[0, :, 0] - ours[kind][3]).abs().max()),
                "sh": float((splat.sh[0] - ours[kind][4][:, : splat.sh.shape[2]]).abs().max()),
                "bases": splat.sh.shape[2],
            }
        means, quats, scales, opacities, sh = ours["exact"]
        part["same_bytes"] = (
            _gaussian_ply_bytes(means, scales, quats, opacities[:, None], sh)
            == open(folder + "/world.ply", "rb").read()
        )
        with open(folder + "/theirs.spz", "wb") as file:
            file.write(_gaussian_spz_bytes(means, scales, quats, opacities[:, None], sh))
    return report


def read_with_core(paths: dict[str, str]) -> dict[str, str | None]:
    """Read files with core's node; return by name where the values are stored, or None for one it does not read."""
    report: dict[str, str | None] = {}
    for name, path in paths.items():
        try:
            splat = File3DToSplat.execute(Types.File3D(path)).args[0]
        except Exception:
            report[name] = None
            continue
        shown = (
            splat.positions[0],
            splat.rotations[0],
            splat.scales[0],
            splat.opacities[0, :, 0],
            splat.sh[0],
        )
        report[name] = path + ".read.pt"
        torch.save(shown, report[name])
    return report


def preview_save_and_load(ply: str) -> dict[str, Any]:
    """Show, save and load a world with the pack's nodes."""
    nodes = pack.nodes()
    splat = pack.module("nodes._adapters").splat_to_host(read_ply(ply))
    trajectory = Trajectory(torch.eye(4, dtype=torch.float64).repeat(3, 1, 1), is_metric=True)
    os.makedirs(folder_paths.get_input_directory() + "/sub", exist_ok=True)

    report = {}
    shown = nodes["SplatPreview"].execute(splat, "auto", trajectory)
    report["preview"] = pack.ui(shown)["matrix3d_splat"]
    report["preview_file"] = [shown.args[0].format, len(shown.args[0].get_bytes())]
    again = nodes["SplatPreview"].execute(shown.args[0])
    report["passed_on"] = pack.ui(again)["matrix3d_splat"]
    compact = nodes["SplatPreview"].execute(splat, "spz")
    report["spz"] = pack.ui(compact)["matrix3d_splat"]

    saved = nodes["SplatSave"].execute(splat, "deep/world", "spz")
    report["saved"] = pack.ui(saved)["3d"]
    report["core_reads"] = File3DToSplat.execute(saved.args[0]).args[0].positions.shape[1]
    pair = Types.SPLAT(
        *(
            torch.cat([t, t])
            for t in (splat.positions, splat.scales, splat.rotations, splat.opacities, splat.sh)
        ),
        counts=torch.tensor([5, 2]),
    )
    report["batch"] = pack.ui(nodes["SplatSave"].execute(pair, "pair", "ply"))["3d"]
    output = folder_paths.get_output_directory()
    report["batch_counts"] = [len(read_ply(output + "/" + item["filename"])) for item in report["batch"]]

    report["formats"] = {}
    for kind in ("ply", "spz", "splat", "ksplat", "sog", "glb"):
        path = nodes["SplatSave"].execute(
            splat, "all/" + kind, kind, "Blender (z up)", True, "test", "CC0", trajectory
        )
        path = path.args[0].get_source()
        side = json.load(open(path[: -len(kind)] + "world.json"))
        folder = folder_paths.get_input_directory() + "/all"
        os.makedirs(folder, exist_ok=True)
        for name in (path, path[: -len(kind)] + "world.json"):
            os.replace(name, folder + "/" + os.path.basename(name))
        back = nodes["SplatLoad"].execute("all/" + os.path.basename(path)).args[0].positions[0]
        apart = (back[:, None] - splat.positions[0][None]).norm(dim=-1)
        apart = apart.min(1).values.max()  # some formats sort
        report["formats"][kind] = [float(apart), side["axes"], side["license"], side["start_pose"]["forward"]]
    page = nodes["SplatSave"].execute(splat, "all/page", "html")
    report["page"] = [pack.ui(page)["text"], open(page.args[0].get_source()).read(15)]
    shutil.rmtree(folder)

    up = nodes["SplatSave"].execute(splat, "turned", "ply", "OpenGL (y up)").args[0].get_source()
    os.replace(up, folder_paths.get_input_directory() + "/sub/turned.ply")
    SplatLoad = nodes["SplatLoad"]
    report["options"] = SplatLoad.GET_SCHEMA() and SplatLoad.define_schema().inputs[0].options
    loaded = SplatLoad.execute("sub/turned.ply", "OpenGL (y up)").args[0]
    report["turned_back"] = float((loaded.positions - splat.positions).abs().max())
    mirrored = SplatLoad.execute("sub/turned.ply").args[0]
    report["turned"] = [float(mirrored.positions[0, 0, i] / splat.positions[0, 0, i]) for i in range(3)]
    report["said"] = json.loads(SplatLoad.execute("sub/turned.ply", "auto", False, "logit").args[1])
    report["no_file"] = [SplatLoad.validate_inputs(), SplatLoad.validate_inputs("")]
    report["valid"] = SplatLoad.validate_inputs("sub/turned.ply")
    report["invalid"] = [
        str(SplatLoad.validate_inputs(name))
        for name in ("gone.ply", "../output/x.ply", "/etc/passwd", "sub/../../x.ply")
    ]
    report["fingerprints"] = SplatLoad.fingerprint_inputs(
        file="sub/turned.ply"
    ) == SplatLoad.fingerprint_inputs(file="sub/turned.ply", axes="x")

    report["outside"] = pack.message(lambda: nodes["SplatSave"].execute(splat, "../out", "ply"))
    broken = Types.SPLAT(splat.positions * math.nan, splat.scales, splat.rotations, splat.opacities, splat.sh)
    report["nan"] = pack.message(lambda: nodes["SplatSave"].execute(broken, "broken", "ply"))
    report["left"] = [name for name in os.listdir(output) if "broken" in name or "partial" in name]
    return report
