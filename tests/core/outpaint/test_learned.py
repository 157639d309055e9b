"""A photo's camera and distances from the networks, with a head that knows the room."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from room_worlds import room_distance

from matrix3d_core import cli
from matrix3d_core.depth.learned.estimate import LearnedDepth
from matrix3d_core.depth.learned.head import HEAD_STRIDE, SURFACE_CLASSES, HeadOutput
from matrix3d_core.depth.learned.photo import estimate_photo, estimate_photo_camera
from matrix3d_core.errors import BackendUnavailable, FormatError, InvalidInput
from matrix3d_core.features.dinov2 import Dinov2, Dinov2Config
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.io.exif import ExifLens
from matrix3d_core.outpaint.learned import learned_photo_world
from matrix3d_core.outpaint.lens import choose_lens, load_photo
from matrix3d_core.panorama.photo import place_photo
from matrix3d_core.scene.camera import Pinhole

PITCH, ROLL = math.radians(-8), math.radians(5)


class RoomHead(torch.nn.Module):
    """Says the exact distances of the room in camera heights times 1.7, and the exact camera."""

    config = SimpleNamespace(layers=(0,))

    def forward(self, features, rays, images):
        height, width = (HEAD_STRIDE * side for side in rays.shape[1:3])
        fine = F.interpolate(rays.movedim(-1, 1), (height, width), mode="bilinear")
        fine = F.normalize(fine, dim=1).movedim(1, -1)
        distance = room_distance(fine, roof=True).float()
        is_floor = (distance * fine[..., 1] - 1.6).abs() < 1e-3
        logits = torch.zeros(1, len(SURFACE_CLASSES), height, width)
        logits[:, SURFACE_CLASSES.index("ground")] = torch.where(is_floor, 8.0, -8.0)
        normal = fine.movedim(-1, 1)
        return HeadOutput(
            (1.7 * distance / 1.6).log(),
            torch.zeros_like(distance),
            torch.full_like(distance, -8.0),
            normal,
            logits,
        )

    def estimate_camera(self, features):
        down = matrix_from_yaw_pitch_roll(*torch.tensor((0.0, PITCH, ROLL), dtype=torch.float64))[1]
        return torch.tensor([math.tan(math.radians(25))]), down[None].float()


NETWORKS = LearnedDepth(Dinov2(Dinov2Config(width=64, depth=1)), RoomHead(), "tiny")


def _picture(rows=48, columns=72):
    return torch.rand(rows, columns, 3, generator=torch.Generator().manual_seed(0))


def test_the_estimated_camera_is_that_of_the_whole_photo():
    found = estimate_photo_camera(_picture(), NETWORKS.backbone, NETWORKS.head)
    assert (found.pitch_rad, found.roll_rad) == pytest.approx((PITCH, ROLL), abs=1e-5)
    assert found.fov_x_rad == pytest.approx(2 * math.atan(1.5 * math.tan(math.radians(25))))


def test_distances_are_those_of_the_photos_own_rays():
    photo = place_photo(_picture(), math.radians(70), pitch_rad=PITCH, roll_rad=ROLL)
    shown = estimate_photo(
        photo.rgb, photo.K_px, photo.panorama_from_camera, NETWORKS.backbone, NETWORKS.head
    )
    camera = Pinhole((48, 72), photo.K_px).resized(*shown.depth_ray.shape)
    truth = room_distance(camera.rays() @ photo.panorama_from_camera.mT, roof=True).float() * 1.7
    # The picture is noise: edges may move by a pixel of the head.
    assert float(((shown.depth_ray / truth).log().abs() < 0.02).float().mean()) > 0.9
    assert shown.depth_ray.shape[1] > 800


def test_the_lens_is_given_or_from_the_file_or_estimated_or_assumed():
    networks, exif = (NETWORKS.backbone, NETWORKS.head), ExifLens(0.5, "EXIF, 18 mm on 35 mm film")
    given = choose_lens(_picture(), fov_x_rad=1.0, exif=exif, networks=networks)
    assert given.fov_x_rad == 1.0
    assert "degrees: given; tilt estimated" in given.source
    by_file = choose_lens(_picture(), exif=exif, networks=networks)
    assert by_file.fov_x_rad == pytest.approx(math.pi / 2)
    assert "EXIF, 18 mm" in by_file.source
    assert "estimated from the picture" in choose_lens(_picture(), networks=networks).source
    assumed = choose_lens(_picture(72, 48))
    assert assumed.pitch_rad == 0
    assert "assumed: 65 degrees along the longer side; tilt taken for level" in assumed.source
    assert 2 * math.atan(math.tan(assumed.fov_x_rad / 2) * 1.5) == pytest.approx(math.radians(65))


def test_a_photos_world_is_in_meters_and_says_where_its_camera_is_from():
    world = learned_photo_world(_picture(), NETWORKS, height=64, fov_x_rad=math.radians(80))
    assert (
        "field of view 80.0 degrees: given; tilt estimated, -8.0 degrees up, +5.0 to the right"
        in world.report
    )
    factor = float(re.search(r"factor ([0-9.]+)", world.report)[1])
    assert factor == pytest.approx(1 / 1.7, rel=0.01)  # the head's pixels are as large as a tile of the floor
    assert world.geometry.is_metric


def test_without_networks_it_says_what_is_missing():
    with pytest.raises(BackendUnavailable, match="a photo's world: depth from the picture needs it"):
        learned_photo_world(_picture(), "depth from the picture needs it.")


def test_files_that_are_no_photo_are_refused(tmp_path):
    text, whole = tmp_path / "text.jpg", tmp_path / "whole.png"
    text.write_text("no picture")
    with pytest.raises(FormatError, match=r"text\.jpg: not a picture"):
        load_photo(text)
    Image.new("RGB", (64, 32), (10, 20, 30)).save(whole)
    with pytest.raises(InvalidInput, match=r"looks like a whole panorama.*--panorama"):
        load_photo(whole)


def test_the_console_names_what_a_photo_needs(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MATRIX3D_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    photo = tmp_path / "photo.png"
    Image.new("RGB", (48, 32), (10, 20, 30)).save(photo)
    out = str(tmp_path / "out")
    assert cli.main(["world", "--photo", str(photo), "--out", out]) != 0
    message = capsys.readouterr().err
    assert "a photo's world" in message
    assert "DINOv2-small" in message or "depth head" in message
    assert cli.main(["world", str(photo), "--fov", "60", "--out", out]) == 2
    assert "--fov must come with --photo" in capsys.readouterr().err
