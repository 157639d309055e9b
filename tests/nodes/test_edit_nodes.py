"""The nodes after the fit, inside of the real host's interpreter, with core's own nodes around them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from comfy_server import run_in_host

pytestmark = pytest.mark.host

CODE = r"""
import types
import torch
nodes = load_nodes()
sys.path.append({support!r})
import comfy.model_management as mm
import comfy_extras.nodes_save_3d as core_3d
import comfy_extras.nodes_gaussian_splat as core_splat
from comfy_api.latest import Types
Gaussians = submodule("matrix3d_core.scene.gaussians").Gaussians
Trajectory = submodule("matrix3d_core.scene.trajectory").Trajectory
adapters = submodule("nodes._adapters")
hidden = types.SimpleNamespace(unique_id=None, prompt=None, extra_pnginfo=None)
for node in (*nodes.values(), core_3d.SaveGLB, core_splat.MergeSplat, core_splat.File3DToSplat):
    node.hidden = hidden

source = open(os.path.join({support!r}, "small_worlds.py")).read()
source = source.replace("from matrix3d_core.scene.gaussians import Gaussians", "")
source = source.replace("from matrix3d_core.scene.trajectory import Trajectory", "")
space = dict(Gaussians=Gaussians, Trajectory=Trajectory)
exec(source.replace("from __future__ import annotations", ""), space)
world, path = space["room"](0.25), space["walk"](3)
splat = adapters.splat_to_host(world)
count = len(world)

def defaults(node):
    return {{i.id: i.default for i in node.GET_SCHEMA().inputs if getattr(i, "default", None) is not None}}

def run(name, **given):
    node = nodes[name]
    return node.execute(**{{**defaults(node), **given}})

def error(work):
    try:
        work()
    except BaseException as caught:
        return [type(caught).__name__, str(caught)]

def size(splat):
    return [list(t.shape) for t in (splat.positions, splat.scales, splat.rotations, splat.opacities, splat.sh)]

out = {{"count": count}}
pair = adapters.splats_to_host([world, world.select(torch.arange(100))])
crop = run("SplatCrop", splat=pair, shape="sphere", radius=2.2).result
out["crop"] = [size(crop[0]), crop[0].counts.tolist(), json.loads(crop[1])]
out["clean"] = json.loads(run("SplatClean", splat=splat).result[1])
fast = dict(view_size=32, views=4, refit_steps=2)
pruned = run("SplatPrune", splat=splat, budget=count // 2, trajectory=path, **fast).result
out["prune"] = [size(pruned[0])[0], json.loads(pruned[1])]
level = run("SplatLOD", splat=splat, levels=1, refit_steps=1, save_as="ply", trajectory=path)
out["lod"] = [size(level.result[0])[0], json.loads(level.result[1]), level.ui]
moved = run("SplatTransform", splat=splat, x=1.0, scale=2.0, trajectory=path).result
out["moved"] = [moved[0].positions[0, 0].tolist(), world.means[0].tolist(), len(moved[1]), json.loads(moved[2])]
out["alone"] = run("SplatTransform", splat=splat).result[1] is None
merged = run("SplatMerge", splat_a=splat, splat_b=splat).result
out["merge"] = [size(merged[0])[0], json.loads(merged[1])]
mesh, collider, report = run(
    "SplatMesh", splat=splat, resolution=24, rows=48, views=2, collider_faces=200, min_faces=8, trajectory=path
).result
out["mesh"] = [list(mesh.vertices.shape), list(mesh.faces.shape), list(collider.faces.shape), json.loads(report)]
textured, _, report = run(
    "SplatMesh", splat=splat, resolution=24, rows=48, views=2, collider_faces=200, min_faces=8, trajectory=path,
    texture="512",
).result
painted = core_3d.SaveGLB.execute(textured, "3d/painted")
out["texture"] = [
    list(textured.vertices.shape), list(textured.faces.shape), textured.vertex_colors is None,
    json.loads(report)["texture"], painted.ui if isinstance(painted.ui, dict) else painted.ui.as_dict(),
]
saved = core_3d.SaveGLB.execute(mesh, "3d/world")
out["glb"] = saved.ui if isinstance(saved.ui, dict) else saved.ui.as_dict()
for projection in ("perspective", "panorama", "stereo", "vr180"):
    frames, alpha, depth = run(
        "SplatRender", splat=splat, trajectory=path, width=64, height=24, projection=projection
    ).result
    out[projection] = [list(frames.shape), list(alpha.shape), list(depth.shape)]
film = run("VideoSave360", frames=frames, layout="vr180 side by side")
out["film"] = [film.result[0], film.ui.as_dict()]
empty = adapters.splat_to_host(Gaussians(*(t[:0] for t in world.tensors())))
out["errors"] = [
    error(lambda: run("SplatCrop", splat=splat, x=1e6)),
    error(lambda: run("SplatClean", splat=splat, min_opacity=1.0)),
    error(lambda: run("SplatPrune", splat=splat, frames=torch.zeros(3, 8, 16, 3))),
    error(lambda: run("SplatLOD", splat=splat, levels=1, level=2)),
    error(lambda: run("SplatTransform", splat=splat, scale=float("nan"))),
    error(lambda: run("SplatMesh", splat=splat, reach=0.01, rows=32)),
    error(lambda: run("SplatRender", splat=splat, trajectory=path, background="red")),
    error(lambda: run("VideoSave360", frames=frames, filename_prefix="../out")),
    error(lambda: run("SplatClean", splat=empty)),
    error(lambda: run("SplatPrune", splat=empty)),
    error(lambda: run("SplatMesh", splat=empty)),
]
stops = []
for name, given in (("SplatClean", {{}}), ("SplatPrune", fast), ("SplatMesh", {{}}), ("SplatLOD", {{}})):
    mm.interrupt_current_processing(True)
    stops.append(error(lambda: run(name, splat=splat, **given))[0])
mm.interrupt_current_processing(False)
out["stops"] = stops

# origins: 1 behind the eye, 0 elsewhere, so that they can be read off the places
def told(splat, item=0):
    world = adapters.gaussians_from_host(splat, index=item)
    if world.origins is None:
        return None
    return [len(world), int((world.origins == 1).sum()), bool((world.origins == (world.means[:, 2] < 0)).all())]

known = adapters.splat_to_host(world.with_origins(world.means[:, 2] < 0))
both = adapters.splats_to_host([adapters.gaussians_from_host(known), world.select(torch.arange(100))])
cropped = run("SplatCrop", splat=both, shape="sphere", radius=2.2).result[0]
out["origins"] = {{
    "crop": told(cropped), "other": told(cropped, 1)[1], "clean": told(run("SplatClean", splat=known).result[0]),
    "prune": told(run("SplatPrune", splat=known, budget=500, method="remove", trajectory=path, **fast).result[0]),
    "moved": told(run("SplatTransform", splat=known, x=0.5).result[0]),
    "lod": told(run("SplatLOD", splat=known, levels=1, refit_steps=1, trajectory=path).result[0])[0],
    "merge": told(run("SplatMerge", splat_a=known, splat_b=known).result[0]),
    "core": told(core_splat.MergeSplat.execute(splats={{"splat0": known, "splat1": known}}).result[0]),
}}
stored = run("SplatSave", splat=known, filename_prefix="origins/world").result[0].get_source()
import shutil, folder_paths
os.makedirs(folder_paths.get_input_directory(), exist_ok=True)
shutil.copy(stored, os.path.join(folder_paths.get_input_directory(), "known.ply"))
out["origins"]["load"] = told(run("SplatLoad", file="known.ply").result[0])
out["origins"]["core_reads"] = told(core_splat.File3DToSplat.execute(Types.File3D(stored)).result[0])
words = []
host = submodule("nodes._host")
host.PromptServer.instance = types.SimpleNamespace(
    send_progress_text=lambda text, node: words.append(text), last_node_id=None, client_id=None,
    send_sync=lambda *a, **k: None,
)
for name in ("SplatSave", "SplatRender"):
    nodes[name].hidden = types.SimpleNamespace(unique_id="7", prompt=None, extra_pnginfo=None)
run("SplatSave", splat=known, format="spz")
looks = {{
    color: run("SplatRender", splat=known, trajectory=path, width=64, height=32, projection="panorama", color=color)
    for color in ("picture", "provenance")
}}
middle = {{color: look.result[0][0, 16] for color, look in looks.items()}}
out["hues"] = [middle["provenance"][column].tolist() for column in (32, 0)]
out["differs"] = float((middle["picture"] - middle["provenance"]).abs().mean())
out["ui"] = looks["picture"].ui
registry = submodule("matrix3d_core.raster.splat").SPLAT_BACKENDS
registry._failures["gsplat"] = "failed to load: ImportError: no compiler"
out["notice"] = run("SplatRender", splat=known, trajectory=path, width=32, height=16).ui
out["words"] = [text for text in words if "origins" in text or "was used" in text]
host.PromptServer.instance = None
out["unknown"] = error(lambda: run("SplatRender", splat=splat, trajectory=path, color="provenance"))
result(out)
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tmp_path_factory.mktemp("edit") / "base"


@pytest.fixture(scope="module")
def seen(host_place, base):
    """What the nodes gave, all from one interpreter."""
    support = str(Path(__file__).parents[1] / "support")
    return run_in_host(CODE.format(support=support), host_place, base)


def test_every_item_of_a_batch_is_cropped(seen):
    shapes, counts, reports = seen["crop"]
    assert counts == [report["after"] for report in reports]
    assert [report["before"] for report in reports] == [seen["count"], 100]
    assert shapes[0] == [2, max(counts), 3]


def test_edits_give_core_splats_and_reports(seen):
    count = seen["count"]
    assert seen["clean"]["after"] == count
    shape, report = seen["prune"]
    assert shape == [1, report["after"], 3]
    assert report["after"] <= count // 2
    assert report["psnr_db"] > 10
    assert seen["merge"] == [[1, count, 3], {"parts": [count, count], "fused": count, "after": count}]


def test_levels_are_saved(seen, base):
    shape, report, ui = seen["lod"]
    assert shape[1] == report["levels"][1]["splats"]
    assert [entry["filename"] for entry in ui["3d"]] == report["files"]
    for name in report["files"]:
        assert (base / "output" / "matrix3d" / name).is_file()


def test_the_path_moves_along(seen):
    after, before, poses, report = seen["moved"]
    assert after == pytest.approx([2 * before[0] + 1, 2 * before[1], 2 * before[2]], abs=1e-5)
    assert poses == 3
    assert report["matrix"][0] == [2, 0, 0, 1]
    assert seen["alone"]


def test_core_saves_the_mesh(seen, base):
    vertices, faces, collider, report = seen["mesh"]
    assert (vertices[1], faces[1]) == (report["vertices"], report["faces"])
    assert collider[1] == report["collider_faces"] <= 200
    (entry,) = seen["glb"]["3d"]
    data = (base / "output" / entry["subfolder"] / entry["filename"]).read_bytes()
    assert data[:4] == b"glTF"
    header = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])
    (primitive,) = header["meshes"][0]["primitives"]
    assert {"POSITION", "COLOR_0"} <= set(primitive["attributes"])


def test_core_saves_the_textured_mesh_and_another_reader_sees_the_picture(seen, base):
    trimesh = pytest.importorskip("trimesh")
    vertices, faces, has_no_colors, report, ui = seen["texture"]
    assert has_no_colors  # a viewer would multiply them
    assert faces[1] == seen["mesh"][3]["faces"]
    assert report["size"] == 512
    assert report["used"] > 0.4
    (entry,) = ui["3d"]
    scene = trimesh.load(base / "output" / entry["subfolder"] / entry["filename"])
    (model,) = scene.geometry.values()
    assert model.vertices.shape == (vertices[1], 3)
    picture = model.visual.material.baseColorTexture
    assert picture.size == (512, 512)
    # Where a corner of the room's tiles is seen, it has the color that the world has there.
    points, uvs = np.asarray(model.vertices) * (1, -1, -1), np.asarray(model.visual.uv)
    colors = np.asarray(picture.convert("RGB"))[
        (np.clip(1 - uvs[:, 1], 0, 0.999) * 512).astype(int), (np.clip(uvs[:, 0], 0, 0.999) * 512).astype(int)
    ]
    mix = np.array(((1.7, 0.4, 0.9), (0.3, 2.1, 0.5), (0.8, 0.6, 1.4)))
    error = np.abs(colors / 255 - (0.5 + 0.4 * np.sin(points @ mix)))
    assert np.median(error) < 0.06


@pytest.mark.parametrize(
    ("projection", "size"),
    [("perspective", [24, 64]), ("panorama", [32, 64]), ("stereo", [24, 64]), ("vr180", [32, 64])],
)
def test_renders_have_the_size_of_their_projection(seen, projection, size):
    assert seen[projection] == [[3, *size, 3], [3, *size], [3, *size]]


def test_the_film_is_tagged_and_shown(seen, base):
    name, ui = seen["film"]
    data = (base / "output" / name).read_bytes()
    assert b"sv3d" in data
    assert b"st3d" in data
    assert ui["images"][0]["filename"] == name.split("/")[-1]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "must leave at least 1 splat"),
        (1, "must leave at least 1 splat"),
        (2, "come with their trajectory"),
        (3, "level must be one of 0 to 1"),
        (4, "scale must be positive"),
        (5, "none are within 0.01"),
        (6, "# and six hexadecimal digits"),
        (7, "filename_prefix must stay inside"),
        (8, "at least 1 splat"),
        (9, "at least 1 splat"),
        (10, "at least 1 splat"),
    ],
)
def test_wrong_inputs_are_named(seen, number, words):
    assert words in seen["errors"][number][1]


def test_stop_is_the_hosts_own_exception(seen):
    assert seen["stops"] == ["InterruptProcessingException"] * 4


def test_origins_follow_the_splats(seen):
    """Core's own nodes make new splats, which have none; a PLY keeps them."""
    told, count = seen["origins"], seen["count"]
    behind = told["merge"][1]
    assert 0 < behind < count
    for name in ("clean", "moved", "merge", "load"):
        assert told[name] == [count, behind, True]
    assert told["crop"][2]
    assert told["other"] == 0  # of the other item of the batch nothing is known
    assert told["prune"][0] == 500
    assert told["prune"][2]
    assert told["lod"] > 0
    assert told["core"] is None
    assert told["core_reads"] is None


def test_provenance_is_drawn(seen):
    ahead, behind = seen["hues"]
    assert ahead[1] > 1.3 * max(ahead[0], ahead[2])  # green: from the source
    assert behind[0] > 1.3 * behind[1] > 1.3 * behind[2]  # orange: generated
    assert seen["differs"] > 0.05
    assert "must carry their origins" in seen["unknown"][1]


def test_a_format_without_origins_and_the_backend_are_named_on_the_node(seen):
    assert seen["ui"]["text"] == ["splat backend numba was used."]
    (notice,) = seen["notice"]["text"]
    assert notice == "splat backend gsplat failed to load: ImportError: no compiler; numba was used."
    lost, first, _, last = seen["words"]
    assert "SPZ cannot store the origins" in lost
    assert first == seen["ui"]["text"][0]
    assert last == notice
