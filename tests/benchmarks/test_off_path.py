"""The benchmark off the path reads its options, and its scenes belong to the sets they are named after."""

import sys

import pytest

from benchmarks import quality_off_path
from benchmarks.hard_scenes import HARD_SCENES
from matrix3d_core.errors import InvalidInput
from matrix3d_core.synth.sets import SETS


@pytest.mark.parametrize("name", ["dev", "judge"])
def test_scenes_belong_to_their_set(name):
    assert len(HARD_SCENES[name]) == 3
    for scene in HARD_SCENES[name]:
        family, seed = scene.rsplit("-", 1)
        assert family in SETS[name].families
        assert int(seed) in SETS[name].seeds


def run(monkeypatch, *options):
    monkeypatch.setattr(sys, "argv", ["quality_off_path.py", *options])
    return quality_off_path.main()


@pytest.mark.parametrize(("options", "status"), [(["--help"], 0), (["--set", "train"], 2)])
def test_the_command_line(options, status, monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, *options)
    assert ended.value.code == status
    out, err = capsys.readouterr()
    assert "--ceiling" in out + err


@pytest.mark.parametrize("options", [["--preset", "nonsense"], ["--set", "judge", "--change", "unknown=1"]])
def test_settings_are_checked_before_a_scene_is_made(options, monkeypatch):
    with pytest.raises(InvalidInput, match=r"preset must be one of|a setting of the fit must be"):
        run(monkeypatch, *options, "--scenes", "unknown-1")
