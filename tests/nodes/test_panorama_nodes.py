"""The panorama nodes inside of the real host's interpreter, core's MoGe nodes included."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def seen(in_host, tmp_path_factory):
    """What the nodes gave, all from one interpreter."""
    return in_host.call("panorama_nodes.panoramas", base=tmp_path_factory.mktemp("panorama"))


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


def test_without_a_backbone_learned_is_refused_and_auto_says_how_to_get_it(seen):
    kind, message = seen["by_name"]
    assert kind == "BackendUnavailable"
    for text in (message, seen["advice"]):
        assert "models/clip_vision" in text or "depth_head.safetensors is missing" in text
    report, shape, is_metric = seen["learned"]
    assert report.startswith("source: learned; 64x32")
    assert "backbone tiny" in report
    assert shape == [1, 32, 64]
    assert is_metric


def test_backbones_of_the_model_folders_are_offered_and_no_other_file_is_opened(seen):
    found = seen["backbones"]
    assert found["none"] == ["auto"]
    assert found["one"] == ["auto", "dinov2_small.safetensors", "sub/model.safetensors"]
    for name, (kind, message) in (("gone", found["missing"]), ("../outside", found["outside"])):
        assert kind == "BackendUnavailable"
        assert f"in the file '{name}.safetensors', which was not found. Put model.safetensors" in message
        assert "into models/clip_vision" in message
    assert "'../outside.safetensors', which was not found" in found["advice"]
    assert found["found"] == ["model.safetensors"] * 3 + [""]


def test_depth_pictures_may_be_inverse(seen):
    assert seen["inverse"] == pytest.approx(6.0, rel=1e-5)


def test_relative_depth_pictures_have_two_ends(seen):
    without, with_both = seen["relative"]
    assert "if its farthest part is a wall, set depth_image_near and depth_image_far" in without
    assert "read as: inverse depth, white is 1.5, black 6" in with_both
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
