"""The nodes after the fit, inside of the real host's interpreter, with core's own nodes around them."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tmp_path_factory.mktemp("edit") / "base"


@pytest.fixture(scope="module")
def seen(in_host, base):
    """What the nodes gave, all from one interpreter."""
    return in_host.call("edit_nodes.edits", base=base)


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


def test_labels_follow_the_splats(seen):
    labels, count = seen["labels"], seen["count"]
    pillars, walls, names = labels["labeled"]
    assert names == ["", "pillar"]
    assert labels["report"]["instances"] == pillars
    assert 10 < pillars["pillar"] < count / 4
    assert labels["report"]["classes"]["wall"] == walls == labels["report"]["chosen"]
    for name in ("clean", "crop", "moved", "load"):
        assert labels[name] == labels["labeled"], name
    for name in ("lod", "prune"):
        assert 0 < labels[name][0]["pillar"] < pillars["pillar"], name
        assert 0 < labels[name][1] < walls, name
    assert labels["merge"] == [pillars, 2 * walls, ["", "pillar"]]
    assert labels["world_json"] == [
        {"number": 1, "name": "pillar", "class": "object", "count": pillars["pillar"]}
    ]
    of_class, of_instance = (max(range(3), key=color.__getitem__) for color in labels["colors"])
    assert of_class == 0  # an object is pink
    assert labels["colors"][0] != labels["colors"][1], of_instance
    kinds, texts = zip(*labels["errors"], strict=True)
    assert set(kinds) == {"InvalidInput"}
    for text, part in zip(
        texts,
        (
            "at least 1 splat must be chosen",
            "Connect the trajectory",
            "got 2 masks and 3 poses",
            "their instances",
        ),
        strict=True,
    ):
        assert part in text, text


def test_origins_follow_the_splats(seen):
    """Core's own nodes make new splats, which have none; a PLY keeps them."""
    origins, count = seen["origins"], seen["count"]
    behind = origins["merge"][1]
    assert 0 < behind < count
    for name in ("clean", "moved", "merge", "load"):
        assert origins[name] == [count, behind, True]
    assert origins["crop"][2]
    assert origins["other"] == 0  # of the other item of the batch nothing is known
    assert origins["prune"][0] == 500
    assert origins["prune"][2]
    assert origins["lod"] > 0
    assert origins["core"] is None
    assert origins["core_reads"] is None


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
