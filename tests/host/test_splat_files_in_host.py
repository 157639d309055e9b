"""Splat files between this pack and core: the same bytes, the same values, the same folders."""

from __future__ import annotations

import pytest
import torch
from comfy_server import HostError, HostPlace, run_in_host
from splat_scenes import random_gaussians

from matrix3d_core.io.ply import read_ply, write_ply
from matrix3d_core.io.spz import read_spz, write_spz

pytestmark = pytest.mark.host

_COMPARE = """
import torch
from comfy_api.latest import Types
from comfy_extras.nodes_gaussian_splat import File3DToSplat, _gaussian_ply_bytes, _gaussian_spz_bytes

report = {{}}
for folder in {folders!r}:
    ours = torch.load(folder + "/values.pt")
    part = report[os.path.basename(folder)] = {{}}
    for kind in ("ply", "spz"):
        splat = File3DToSplat.execute(Types.File3D(folder + "/world." + kind)).args[0]
        part[kind] = {{
            "means": float((splat.positions[0] - ours[kind][0]).abs().max()),
            "quats": float((splat.rotations[0] - ours[kind][1]).abs().max()),
            "scales": float((splat.scales[0] / ours[kind][2] - 1).abs().max()),
            "opacities": float((splat.opacities[0, :, 0] - ours[kind][3]).abs().max()),
            "sh": float((splat.sh[0] - ours[kind][4][:, : splat.sh.shape[2]]).abs().max()),
            "bases": splat.sh.shape[2],
        }}
    means, quats, scales, opacities, sh = ours["exact"]
    part["same_bytes"] = _gaussian_ply_bytes(means, scales, quats, opacities[:, None], sh) == open(
        folder + "/world.ply", "rb").read()
    with open(folder + "/theirs.spz", "wb") as file:
        file.write(_gaussian_spz_bytes(means, scales, quats, opacities[:, None], sh))
result(report)
"""


def test_core_reads_what_we_write_and_writes_the_same(host_place: HostPlace, host_base, tmp_path):
    worlds = {bases: random_gaussians(300, bases) for bases in (1, 4, 16)}
    for bases, gaussians in worlds.items():
        folder = tmp_path / str(bases)
        folder.mkdir()
        write_ply(folder / "world.ply", gaussians)
        write_spz(folder / "world.spz", gaussians)
        ply, spz = read_ply(folder / "world.ply"), read_spz(folder / "world.spz")
        torch.save(
            {"exact": gaussians.tensors(), "ply": ply.tensors(), "spz": spz.tensors()}, folder / "values.pt"
        )

    folders = [str(tmp_path / str(bases)) for bases in worlds]
    report = run_in_host(_COMPARE.format(folders=folders), host_place, host_base)

    for bases, gaussians in worlds.items():
        part = report[str(bases)]
        assert part["same_bytes"]
        for kind, kept in (("ply", bases), ("spz", 1)):  # core leaves the higher bands of SPZ out
            assert part[kind]["bases"] == kept
            # Both readers do the same arithmetic on the same stored numbers, in float32.
            assert part[kind]["means"] == 0
            assert max(part[kind][name] for name in ("quats", "opacities", "sh", "scales")) < 1e-5
        theirs = read_spz(tmp_path / str(bases) / "theirs.spz")  # version 2
        assert (theirs.means - gaussians.means).abs().max() <= 2**-13 + 1e-6
        assert (theirs.scales.log() - gaussians.scales.log()).abs().max() <= 0.5 / 16 + 1e-5


_NODES = """
import json, math, torch
from comfy_api.latest import Types
from comfy_extras.nodes_gaussian_splat import File3DToSplat
import folder_paths

nodes = load_nodes()
splats = submodule("matrix3d_core.scene.gaussians")
world = submodule("matrix3d_core.io.ply").read_ply({ply!r})
splat = submodule("nodes._adapters").splat_to_host(world)
trajectory = submodule("matrix3d_core.scene.trajectory").Trajectory(
    torch.eye(4, dtype=torch.float64).repeat(3, 1, 1), is_metric=True)
os.makedirs(folder_paths.get_input_directory() + "/sub", exist_ok=True)

def ui(output):
    return output.ui if isinstance(output.ui, dict) else output.ui.as_dict()

report = {{}}
shown = nodes["SplatPreview"].execute(splat, "auto", trajectory)
report["preview"] = ui(shown)["matrix3d_splat"]
report["preview_file"] = [shown.args[0].format, len(shown.args[0].get_bytes())]
again = nodes["SplatPreview"].execute(shown.args[0])
report["passed_on"] = ui(again)["matrix3d_splat"]
compact = nodes["SplatPreview"].execute(splat, "spz")
report["spz"] = ui(compact)["matrix3d_splat"]

saved = nodes["SplatSave"].execute(splat, "deep/world", "spz")
report["saved"] = ui(saved)["3d"]
report["core_reads"] = File3DToSplat.execute(saved.args[0]).args[0].positions.shape[1]
pair = Types.SPLAT(*(torch.cat([t, t]) for t in (
    splat.positions, splat.scales, splat.rotations, splat.opacities, splat.sh)), counts=torch.tensor([5, 2]))
report["batch"] = ui(nodes["SplatSave"].execute(pair, "pair", "ply"))["3d"]
output = folder_paths.get_output_directory()
report["batch_counts"] = [
    len(submodule("matrix3d_core.io.ply").read_ply(output + "/" + item["filename"])) for item in report["batch"]]

report["formats"] = {{}}
for kind in ("ply", "spz", "splat", "ksplat", "sog", "glb"):
    path = nodes["SplatSave"].execute(splat, "all/" + kind, kind, "Blender (z up)", True, "test", "CC0", trajectory)
    path = path.args[0].get_source()
    side = json.load(open(path[: -len(kind)] + "world.json"))
    folder = folder_paths.get_input_directory() + "/all"
    os.makedirs(folder, exist_ok=True)
    for name in (path, path[: -len(kind)] + "world.json"):
        os.replace(name, folder + "/" + os.path.basename(name))
    back = nodes["SplatLoad"].execute("all/" + os.path.basename(path)).args[0].positions[0]
    apart = (back[:, None] - splat.positions[0][None]).norm(dim=-1).min(1).values.max()  # some formats sort
    report["formats"][kind] = [float(apart), side["axes"], side["license"], side["start_pose"]["forward"]]
page = nodes["SplatSave"].execute(splat, "all/page", "html")
report["page"] = [ui(page)["text"], open(page.args[0].get_source()).read(15)]
import shutil
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
report["invalid"] = [str(SplatLoad.validate_inputs(name)) for name in (
    "gone.ply", "../output/x.ply", "/etc/passwd", "sub/../../x.ply")]
report["fingerprints"] = SplatLoad.fingerprint_inputs(file="sub/turned.ply") == SplatLoad.fingerprint_inputs(
    file="sub/turned.ply", axes="x")

def message(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__ + ": " + str(error)

report["outside"] = message(lambda: nodes["SplatSave"].execute(splat, "../out", "ply"))
broken = Types.SPLAT(splat.positions * math.nan, splat.scales, splat.rotations, splat.opacities, splat.sh)
report["nan"] = message(lambda: nodes["SplatSave"].execute(broken, "broken", "ply"))
report["left"] = [name for name in os.listdir(output) if "broken" in name or "partial" in name]
result(report)
"""


def test_nodes_preview_save_and_load(host_place: HostPlace, host_base, tmp_path):
    write_ply(tmp_path / "world.ply", random_gaussians(50, 4))
    try:
        report = run_in_host(_NODES.format(ply=str(tmp_path / "world.ply")), host_place, host_base)
    except HostError as error:
        pytest.fail(str(error)[-3000:])

    (shown,) = report["preview"]
    assert (shown["type"], shown["count"], shown["is_metric"]) == ("temp", 50, True)
    assert (shown["filename"], shown["subfolder"]) == ("world_00001_.ply", "matrix3d")
    assert shown["start_pose"] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert report["preview_file"] == ["ply", shown["bytes"]]
    assert report["passed_on"][0]["filename"] == "world_00002_.ply"
    assert report["passed_on"][0]["bytes"] == shown["bytes"]
    assert report["spz"][0]["filename"].endswith(".spz")
    assert report["spz"][0]["bytes"] < shown["bytes"] / 2

    assert report["saved"] == [{"filename": "world_00001_.spz", "subfolder": "deep", "type": "output"}]
    assert report["core_reads"] == 50
    assert [item["filename"] for item in report["batch"]] == ["pair_00001_.ply", "pair_00002_.ply"]
    assert report["batch_counts"] == [5, 2]

    assert set(report["formats"]) == {"ply", "spz", "splat", "ksplat", "sog", "glb"}
    for apart, axes, license, forward in report["formats"].values():
        assert apart < 0.02  # a SOG's step, the coarsest, at 40 units
        assert (axes, license, forward) == ("RFU", "CC0", [0, 1, 0])
    assert report["page"][0][0].endswith("page_00001_.html")
    assert report["page"][1] == "<!doctype html>"

    assert report["options"] == ["(no file)", "sub/turned.ply"]
    assert report["turned_back"] == 0
    assert report["turned"] == pytest.approx([1, -1, -1])
    assert (report["said"]["splats"], report["said"]["sh_degree"]) == (50, 1)
    assert report["said"]["opacity"] == "logit, as asked for."
    assert report["said"]["axes"].startswith("RDF (x right, y down, z forward): usual for PLY.")
    assert all(
        "(.ply, .spz, .splat, .ksplat, .sog, .glb) must be chosen" in text for text in report["no_file"]
    )
    assert report["valid"] is True
    assert all("input f" in text and "True" not in text for text in report["invalid"])
    assert report["fingerprints"]
    assert report["outside"].startswith("InvalidInput: filename_prefix must stay inside")
    assert report["nan"].startswith("InvalidInput: means must be finite")
    assert report["left"] == []
