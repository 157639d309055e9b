"""The panorama nodes inside of the real host's interpreter, core's MoGe nodes included."""

from __future__ import annotations

import pytest
from comfy_server import run_in_host

pytestmark = pytest.mark.host

CODE = r"""
import json, math, os
from pathlib import Path
import numpy as np, torch
from PIL import Image
nodes = load_nodes()
import folder_paths
import comfy_extras.nodes_moge as moge_nodes

base = Path(folder_paths.get_input_directory())
base.mkdir(parents=True, exist_ok=True)
(base.parent / "secret.png").write_bytes(b"x")
(base / "sub").mkdir(exist_ok=True)
rng = np.random.default_rng(0)
Image.fromarray(rng.integers(0, 255, (32, 64, 4), dtype=np.uint8)).save(base / "sub" / "pano.png")
Image.fromarray(rng.integers(0, 255, (32, 65, 3), dtype=np.uint8)).save(base / "odd.png")
(base / "cut.png").write_bytes((base / "odd.png").read_bytes()[:600])
np.save(base / "sub" / "pano_depth.npy", np.full((16, 32), 3.0, np.float32))
np.save(base / "flat.npy", np.full((8, 16), 5.0))
np.savez(base / "bad.npz", depth=np.full((8, 16), np.nan))

out = {}
PanoLoad, PanoDepth = nodes["PanoLoad"], nodes["PanoDepth"]
widgets = {i.id: i.default for i in PanoDepth.GET_SCHEMA().inputs if hasattr(i, "default")}
widgets.pop("source")

def depth(panorama, source="auto", **more):
    return PanoDepth.execute(panorama, source, **{**widgets, "working_width": 256, **more}).result

def error(work):
    try:
        work()
    except Exception as caught:
        return [type(caught).__name__, str(caught)]

load = lambda image, file="with the panorama", width=4096: PanoLoad.execute(image, file, width, 0.001).result[:2]
sample, exact = load("sample: terrace", width=513)
out["sample"] = [list(sample.shape), list(exact.shape), bool(torch.isinf(exact).any())]
out["companion"] = float(load("sub/pano.png")[1].mean())
out["no_depth"] = load("sub/pano.png", "none")[1] is None
out["other_depth"] = float(load("sub/pano.png", "flat.npy")[1].mean())
out["load_errors"] = [error(lambda name=name: load(name)) for name in ("odd.png", "cut.png", "../secret.png", "gone.png")]
out["file_errors"] = [error(lambda name=name: load("sub/pano.png", name)) for name in ("../secret.png", "gone.npy")]

out["sample_mask"] = [list(PanoLoad.execute("sample: terrace", "none", 64, 0.001).result[2].shape),
                      float(PanoLoad.execute("sample: terrace", "none", 64, 0.001).result[2].max())]
rgb, _, mask, told = PanoLoad.execute("sub/pano.png", "with the panorama", 0, 0.001).result
alpha = np.asarray(Image.open(base / "sub" / "pano.png"))[..., 3]
out["mask"] = [float(np.abs(mask[0].numpy() - (1 - alpha / 255)).max()), list(rgb.shape), told.splitlines()]
(base / "light.hdr").write_bytes(b"#?RADIANCE\n\n-Y 2 +X 4\n" + bytes((128, 128, 128, 128)) * 8)
lit = [float(PanoLoad.execute("light.hdr", "none", 0, 0.001, exposure=e).result[0].mean()) for e in (-1.0, 0.0)]
out["exposure"] = lit
geometry, preview, distance, sky, report = depth(sample, depth=exact, scale="camera height")
out["shapes"] = [list(t.shape) for t in (preview, distance, sky)]
out["metric"] = [geometry.is_metric, geometry.report["factor"]]
out["sky_is_infinite"] = torch.equal(torch.isinf(distance), sky > 0.5)
out["report"] = report
moge = nodes["PanoGeometryToMoGe"].execute(geometry).result[0]
mesh = moge_nodes.MoGePointMapToMesh.execute(moge, 0, 1, 0.04, True).result[0]
out["mesh_lowest"] = float(mesh.vertices[0][:, 1].min())
out["mesh_colors"] = mesh.texture is not None
out["rendered"] = list(moge_nodes.MoGeRender.execute(moge, "depth_colored").result[0].shape)

def source_of(**more):
    return depth(sample, **more)[4].splitlines()[0]

image = torch.rand(1, 64, 128, 1).expand(-1, -1, -1, 3) * 0.9 + 0.1
out["auto"] = [
    source_of(), source_of(depth_file="flat.npy"), source_of(depth_file="flat.npy", depth_image=image),
    source_of(depth=exact, depth_image=image), source_of(depth=exact, moge_geometry=moge),
    source_of(depth=exact, source="grounded"), source_of(depth=None),
]
out["inverse"] = float(
    depth(sample, depth_image=torch.full((1, 8, 16, 3), 0.5), depth_image_kind="inverse distance",
          depth_image_unit=3.0)[0].depth_ray.mean()
)
relative = torch.linspace(0, 1, 16).expand(8, 16)[None, ..., None].expand(-1, -1, -1, 3)
ends = lambda **more: depth(sample, depth_image=relative, depth_image_kind="inverse distance", **more)
out["relative"] = [ends()[4], ends(depth_image_near=1.5, depth_image_far=6.0)[4]]
far_map = 2 + torch.rand(8, 16)
far_map[:3] = 1e10
np.savez(base / "many.npz", points=np.zeros((8, 16, 3)), other=far_map, mine=far_map)
found = lambda **more: depth(sample, depth_file="many.npz", **more)
out["marked"] = [float(found(depth_channel="mine", **more)[3].mean()) for more in ({}, {"far_value": "2.5"})]
out["named"] = found(depth_channel="mine")[4]
out["unclear"] = error(found)
out["depth_errors"] = [
    error(lambda: depth(sample, "moge geometry")),
    error(lambda: depth(sample, "depth")),
    error(lambda: depth(sample, "depth file")),
    error(lambda: depth(sample, "depth file", depth_file="../secret.npy")),
    error(lambda: depth(sample, "depth file", depth_file="bad.npz")),
    error(lambda: depth(sample[:, :-1], depth=exact)),
    error(lambda: depth(sample[:, :1, :2])),
    error(lambda: depth(sample[:0])),
    error(lambda: depth(sample.repeat(2, 1, 1, 1))),
    error(lambda: depth(sample * math.nan)),
    error(lambda: depth(sample, depth=exact.repeat(3, 1, 1))),
    error(lambda: depth(sample, depth=exact[:, :, :-1])),
    error(lambda: depth(sample, depth=torch.ones(1, 8, 16), scale="camera height")),
]
before = PanoDepth.fingerprint_inputs(depth_file="flat.npy", source="auto"), PanoLoad.fingerprint_inputs(
    "sub/pano.png", "flat.npy", 0, 0.1
)
os.utime(base / "flat.npy", (1, 1))
after = PanoDepth.fingerprint_inputs(depth_file="flat.npy", source="auto"), PanoLoad.fingerprint_inputs(
    "sub/pano.png", "flat.npy", 0, 0.1
)
out["fingerprint_changes"] = [a != b for a, b in zip(before, after)]
out["combos"] = [i.options for i in PanoLoad.GET_SCHEMA().inputs if i.id in ("image", "depth_file")]
result(out)
"""


@pytest.fixture(scope="module")
def seen(host_place, tmp_path_factory):
    """What the nodes gave, all from one interpreter."""
    return run_in_host(CODE, host_place, tmp_path_factory.mktemp("panorama") / "base")


def test_loading_the_sample_and_files(seen):
    assert seen["sample"] == [[1, 256, 512, 3], [1, 512, 1024], True]
    assert seen["companion"] == 3.0
    assert seen["no_depth"]
    assert seen["other_depth"] == 5.0
    assert seen["combos"][0] == ["sample: terrace", "cut.png", "light.hdr", "odd.png", "sub/pano.png"]
    assert seen["combos"][1][:2] == ["with the panorama", "none"]


@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [
        (0, "InvalidInput", "odd.png must be equirectangular"),
        (1, "FormatError", "cut.png: damaged or truncated"),
        (2, "InvalidInput", "must stay inside the host's input folder"),
        (3, "InvalidInput", "'gone.png' does not exist"),
    ],
)
def test_bad_pictures_are_named(seen, number, kind, text):
    assert seen["load_errors"][number][0] == kind
    assert text in seen["load_errors"][number][1]


def test_transparency_is_a_mask_and_files_say_how_they_were_read(seen):
    assert seen["sample_mask"] == [[1, 32, 64], 0]
    assert seen["mask"][0] < 1e-6
    assert seen["mask"][1] == [1, 32, 64, 3]
    assert seen["mask"][2][0] == "pano.png: PNG, 8 bits, 64 columns"
    assert seen["mask"][2][-1] == "pano_depth.npy: the array, float32"


def test_exposure_reaches_the_picture(seen):
    low, middle = (1.055 * light ** (1 / 2.4) - 0.055 for light in (0.25, 0.5))
    assert seen["exposure"] == pytest.approx([low, middle], abs=1e-5)


def test_depth_files_stay_inside(seen):
    assert "must stay inside" in seen["file_errors"][0][1]
    assert "does not exist" in seen["file_errors"][1][1]


def test_the_sample_becomes_a_metric_geometry(seen):
    assert seen["shapes"] == [[1, 128, 256, 3], [1, 128, 256], [1, 128, 256]]
    assert seen["metric"][0]
    assert seen["metric"][1] == pytest.approx(1, abs=0.01)
    assert seen["sky_is_infinite"]
    assert "camera height" in seen["report"]


def test_cores_moge_nodes_take_the_geometry(seen):
    assert seen["mesh_lowest"] == pytest.approx(-1.6, abs=0.02)  # glTF: y up, ground below
    assert seen["mesh_colors"]
    assert seen["rendered"] == [1, 128, 256, 3]


def test_auto_takes_the_best_that_is_there_and_says_so(seen):
    names = ["grounded", "depth file", "depth", "depth", "moge geometry", "grounded", "grounded"]
    assert [line.split(";")[0].removeprefix("source: ") for line in seen["auto"]] == names


def test_depth_pictures_may_be_inverse(seen):
    assert seen["inverse"] == pytest.approx(6.0, rel=1e-5)


def test_relative_depth_pictures_have_two_ends(seen):
    without, with_both = seen["relative"]
    assert "if its farthest part is a wall, set depth_image_near and depth_image_far" in without
    assert "read as: inverse distance, white is 1.5, black 6" in with_both
    assert "distance: 1.500 to 6.000 units" in with_both
    assert "sky: 0.0%" in with_both


def test_far_numbers_are_sky_and_channels_are_asked_for(seen):
    assert seen["marked"][0] == pytest.approx(3 / 8)
    assert seen["marked"][1] > 0.5
    assert "read as: array mine of 3 arrays" in seen["named"]
    assert "missing values: found: 48 px at 1e+10 or more are sky" in seen["named"]
    assert seen["unclear"][0] == "FormatError"
    assert "found mine, other, points. Name it in depth_channel" in seen["unclear"][1]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "needs the moge_geometry input"),
        (1, "needs the depth or depth_image input"),
        (2, "depth_file is none"),
        (3, "must stay inside"),
        (4, "at least one usable distance; got none among 128 pixels (128 nan)"),
        (5, "panorama must be equirectangular"),
        (6, "panorama must be equirectangular"),
        (7, "got an empty batch"),
        (8, "must be a single picture; got a batch of 2"),
        (9, "values are NaN or infinite"),
        (10, "got 3 frames"),
        (11, "depth_ray must be equirectangular"),
        (12, "visible, roughly level ground"),
    ],
)
def test_bad_input_is_refused_in_words(seen, number, text):
    kind, message = seen["depth_errors"][number]
    assert kind == "InvalidInput"
    assert text in message


def test_changed_files_run_again(seen):
    assert seen["fingerprint_changes"] == [True, True]
