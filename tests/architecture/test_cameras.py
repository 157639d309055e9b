"""A camera is a value: stages ask it for rays and pixels, not which kind it is."""

import pytest
from camera_rules import kind_tests
from import_rules import ROOT, pack_files

HOME = "matrix3d_core/scene/camera.py"
RENDERERS = "matrix3d_core/raster/"  # draw pinhole pictures and panoramas by different formulas
MOST = 6


def found():
    files = [path for path in pack_files() if path != HOME and not path.startswith(RENDERERS)]
    return [(path, *test) for path in files for test in kind_tests((ROOT / path).read_text("utf-8"))]


def test_no_stage_compares_intrinsics_with_none_or_a_focal_length_with_zero():
    assert [test for test in found() if test[2] != "kind"] == []


def test_few_places_ask_which_kind_a_camera_is():
    kinds = [test for test in found() if test[2] == "kind"]
    assert len(kinds) <= MOST, kinds


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("a = 1 if K_px is None else 2", "None"),
        ("if trajectory.K_px is not None: pass", "None"),
        ("if None is raw.K_px[0]: pass", "None"),
        ("wraps = focal == 0.0", "zero"),
        ("if lens.focal_px > 0: pass", "zero"),
        ("if focals[k] == 0: pass", "zero"),
        ("if isinstance(view.camera, Pinhole): pass", "kind"),
        ("assert isinstance(camera, (int, camera.Equirect))", "kind"),
        ("if camera_kind(K) is Equirect: pass", "kind"),
        ("match camera:\n    case Pinhole(): pass", "kind"),
    ],
)
def test_a_planted_line_is_found(line, form):
    assert [test[1] for test in kind_tests(f"x = 0\n{line}\ny = 1")] == [form]


def test_other_comparisons_are_let_through():
    assert (
        kind_tests("if depth is None or count == 0 or K_px == other: pass\ncamera = Pinhole(size, K_px)")
        == []
    )
