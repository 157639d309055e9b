"""world.json: exact round trip in any axes, found beside its file, loud about what it does not understand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from splat_scenes import random_gaussians

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.io.axes import NAMED_AXES, axes_matrix, change_axes
from matrix3d_core.io.world_json import (
    InstanceInfo,
    WorldInfo,
    describe_world,
    find_world_info,
    format_world_info,
    parse_world_info,
    sidecar_path,
    write_world_info,
)
from matrix3d_core.scene.coverage import CoverageMap
from matrix3d_core.scene.trajectory import Trajectory


def a_path(**fields):
    angles = [torch.tensor(v, dtype=torch.float64) for v in (0.7, -0.2, 0.1)]
    rotation = matrix_from_yaw_pitch_roll(*angles)
    return Trajectory.from_centers(rotation[None], torch.tensor([[1.0, -2, 3]]), **fields)


@pytest.mark.parametrize("axes", list(NAMED_AXES.values()))
def test_round_trip_in_any_axes(tmp_path, axes):
    info = describe_world(
        random_gaussians(300),
        trajectory=a_path(is_metric=True),
        axes=axes,
        eye_height=1.6,
        source="a photo",
        license="CC0 ☀",
    )
    path = write_world_info(tmp_path / "world.spz", info)
    assert path.name == "world.world.json"
    back = find_world_info(tmp_path / "world.spz")
    assert back.is_metric
    assert (back.axes, back.ground_height, back.count) == (axes, -1.6, 300)
    assert (back.source, back.license, back.up) == ("a photo", "CC0 ☀", (0, -1, 0))
    torch.testing.assert_close(back.start_pose, info.start_pose, rtol=0, atol=1e-12)
    assert back.bounds == info.bounds
    assert back.core_bounds == info.core_bounds


@pytest.mark.parametrize("axes", list(NAMED_AXES.values()))
def test_places_are_those_of_the_file(axes):
    gaussians = random_gaussians(300)
    info = describe_world(gaussians, trajectory=a_path(), axes=axes)
    data = json.loads(format_world_info(info, file_name="world.ply"))
    stored = change_axes(gaussians, target=axes)
    assert data["bounds"]["min"] == pytest.approx(stored.means.min(0).values.tolist())
    assert data["bounds"]["max"] == pytest.approx(stored.means.max(0).values.tolist())
    turn = axes_matrix(axes)
    start = data["start_pose"]
    position = turn @ torch.tensor([1.0, -2, 3], dtype=torch.float64)
    assert start["position"] == pytest.approx(position.tolist())
    assert start["forward"] == pytest.approx((turn @ info.start_pose[2, :3]).tolist())
    assert start["up"] == pytest.approx((turn @ -info.start_pose[1, :3]).tolist())
    assert data["up"] == (turn @ torch.tensor([0.0, -1, 0], dtype=torch.float64)).tolist()
    assert (data["file"], data["meters_per_unit"], data["ground_height"]) == ("world.ply", None, None)


@pytest.mark.parametrize("axes", list(NAMED_AXES.values()))
def test_coverage_comes_back_in_any_axes(axes):
    quality = torch.tensor([[0.0, 0.5, 1.0], [0.25, 0.75, 0.01]])
    info = WorldInfo(axes=axes, coverage=CoverageMap(quality, (1.0, -2.0, 3.0), 0.5))
    data = json.loads(format_world_info(info))
    turned = axes_matrix(axes) @ torch.tensor([1.0, -2, 3], dtype=torch.float64)
    assert data["coverage"] == {
        "version": 1,
        "origin": turned.tolist(),
        "cell": 0.5,
        "quality": [[0, 50, 100], [25, 75, 1]],
    }
    back = parse_world_info(json.dumps(data)).coverage
    torch.testing.assert_close(back.quality, quality)
    assert (back.origin, back.cell) == ((1, -2, 3), 0.5)
    del data["coverage"]
    assert parse_world_info(json.dumps(data)).coverage is None, "files from before are as good"


def test_coverage_of_a_later_version_is_left_out():
    later = {**GOOD, "coverage": {"version": 2, "tiles": "?"}}
    assert parse_world_info(json.dumps(later)).coverage is None


def test_nothing_beside_the_file_is_no_error(tmp_path):
    assert find_world_info(tmp_path / "world.ply") is None
    assert sidecar_path("a/b.compressed.ply").as_posix() == "a/b.compressed.world.json"


GOOD = json.loads(format_world_info(WorldInfo(start_pose=torch.eye(4, dtype=torch.float64))))

MAP = {"version": 1, "origin": [0, 0, 0], "cell": 0.5, "quality": [[1]]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, 'must be an object with "format": "matrix3d-world"'),
        ({"version": 2}, "version 2 is newer than this library reads (1)"),
        ({"version": "1"}, 'version must be a whole number from 1; got "1"'),
        ({"axes": "RRR"}, 'axes must be three of the letters R/L, U/D, F/B; got "RRR"'),
        ({"meters_per_unit": -1}, "meters_per_unit must be positive, at most 1e+12; got -1"),
        ({"meters_per_unit": "big"}, 'meters_per_unit must be a number or null; got "big"'),
        (
            {"ground_height": math.inf},
            "numbers must be finite, within 1.8e308 and at most 300 digits long; got Infinity",
        ),
        ({"ground_height": 10**400}, "numbers must be finite"),
        ({"ground_height": -1e300}, "ground_height must lie within 1e+12 units"),
        ({"count": 10**299}, "count must be a whole number up to 1000000000000; got 1"),
        ({"meters_per_unit": 1e200}, "meters_per_unit must be positive, at most 1e+12"),
        ({"up": [0, 0, 0]}, "up must be a direction; got [0, 0, 0]"),
        ({"up": [0, 1e300, 0]}, "up must be three numbers, at most 1e+12; got [0, 1e+300, 0]"),
        ({"source": "half \ud83d"}, "half of a surrogate pair"),
        (
            {"start_pose": {"position": [0, 0, 0], "forward": [0, 0, 0], "up": [0, -1, 0]}},
            "start_pose.forward must be a direction; got [0, 0, 0]",
        ),
        (
            {"start_pose": {"position": [1e200, 0, 0], "forward": [0, 0, 1], "up": [0, -1, 0]}},
            "start_pose.position must be three numbers, at most 1e+12",
        ),
        ({"bounds": [1, 2]}, 'bounds must have "min" and "max"; got [1, 2]'),
        (
            {"bounds": {"min": [1, 2], "max": [1, 2, 3]}},
            "bounds.min must be three numbers, at most 1e+12; got [1, 2]",
        ),
        ({"start_pose": 5}, "start_pose must have position, forward and up"),
        (
            {"start_pose": {"position": [0, 0, 0], "forward": [0, 1, 0], "up": [0, -1, 0]}},
            "forward and up of start_pose must point in different directions",
        ),
        ({"up": [0, None, 1]}, "up must be three numbers, at most 1e+12; got [0, null, 1]"),
        ({"coverage": [1]}, "coverage must have a version, a number; got [1]"),
        (
            {"coverage": {**MAP, "quality": [[1], [1, 2]]}},
            "coverage must have origin, cell and quality, rows of",
        ),
        ({"coverage": {**MAP, "quality": [[101]]}}, "coverage.quality must be numbers from 0 to 100"),
        ({"coverage": {**MAP, "origin": [0, 0]}}, "coverage.origin must be three numbers"),
        ({"coverage": {**MAP, "cell": 0}}, "cell must be positive and finite; got 0.0"),
        (
            {"coverage": {**MAP, "quality": [[1] * 101] * 100}},
            "quality must hold 1 to 10000 cells; got 100x101",
        ),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, change, message):
    sidecar_path(tmp_path / "world.ply").write_text(json.dumps(GOOD | change))
    with pytest.raises(FormatError, match=r"^world\.world\.json: ") as error:
        find_world_info(tmp_path / "world.ply")
    assert message in str(error.value)


def test_damaged_files_are_refused(tmp_path):
    path = sidecar_path(tmp_path / "world.ply")
    for content, message in (
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "must be UTF-8"),
        (b" " * 2_000_000, "at most 1 MB"),
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=message):
            find_world_info(tmp_path / "world.ply")
    assert parse_world_info(json.dumps(GOOD)).start_pose is not None
    with pytest.raises(InvalidInput, match="axes must be three"):
        WorldInfo(axes="xyz")


def test_directions_of_any_length_become_unit():
    start = {"position": [1, 2, 3], "forward": [0, 0, 40], "up": [0, -1e-3, 0]}
    info = parse_world_info(json.dumps(GOOD | {"up": [0, -3, 0], "start_pose": start}))
    assert info.up == (0, -1, 0)
    assert info.start_pose[:3, :3].tolist() == torch.eye(3).tolist()
    assert parse_world_info(json.dumps(GOOD | {"source": ["a", 5]})).source == '["a", 5]'


def test_what_no_file_can_hold_is_refused_at_the_door():
    for wrong, message in (
        ({"up": (0.0, 0.0, 0.0)}, "up must be a direction of length 1"),
        ({"bounds": ((0.0, 0.0, math.nan), (1.0, 1.0, 1.0))}, "bounds must lie within"),
        ({"start_pose": torch.full((4, 4), math.nan)}, "start_pose must lie within"),
        ({"license": "\udc80"}, "license must be Unicode text; it holds half of a surrogate pair"),
    ):
        with pytest.raises(InvalidInput, match=message):
            WorldInfo(**wrong)
    broken = random_gaussians(3)
    broken.means[1] = math.nan
    with pytest.raises(InvalidInput, match="means must be finite; 3 of 9"):
        describe_world(broken)


def test_instances_are_listed_with_their_names_and_commonest_class():
    numbers = torch.tensor((0, 2, 2, 2, 7, 7))
    world = random_gaussians(6).with_labels(instances=numbers, classes=torch.tensor((1, 4, 4, 0, 255, 255)))
    info = describe_world(replace(world, instance_names={2: "Brunnen\u00fc"}))
    assert info.instances == (InstanceInfo(2, "Brunnen\u00fc", "water", 3), InstanceInfo(7, "", "", 2))
    assert parse_world_info(format_world_info(info)).instances == info.instances
    assert describe_world(random_gaussians(6)).instances == ()
    assert parse_world_info(json.dumps(GOOD)).instances == ()


@pytest.mark.parametrize(
    "wrong", ["x", [{}], [3], [{"number": 1.5}], [{"number": 1, "name": 5}], 5001 * [{"number": 1}]]
)
def test_instances_that_are_none_are_refused(wrong):
    with pytest.raises(FormatError, match="instance"):
        parse_world_info(json.dumps(GOOD | {"instances": wrong}))
