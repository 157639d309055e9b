"""From a picture to a geometry in meters, with a head that knows the room: views, merge, edges, sky, ground, report."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from room_worlds import room_distance, room_geometry

from matrix3d_core import cli
from matrix3d_core.depth.conversions import depth_from_moge
from matrix3d_core.depth.describe import describe_geometry
from matrix3d_core.depth.learned import estimate
from matrix3d_core.depth.learned.estimate import (
    LearnedDepth,
    geometry_of_picture,
    learned_geometry,
    load_learned,
)
from matrix3d_core.depth.learned.head import HEAD_STRIDE, SURFACE_CLASSES, DepthHead, HeadOutput, write_head
from matrix3d_core.depth.learned.moge import merge_moge_views
from matrix3d_core.depth.learned.views import make_views
from matrix3d_core.errors import BackendUnavailable, Cancelled, InvalidInput
from matrix3d_core.features.dinov2 import Dinov2, Dinov2Config
from matrix3d_core.features.weights import BACKBONE_FILE
from matrix3d_core.geometry.pinhole import intrinsics_from_fov, pinhole_directions
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.io.images import read_image, write_image
from matrix3d_core.io.tensors import write_tensors
from matrix3d_core.scene.labels import CLASS_GROUND, CLASS_SKY

ROWS = 256
BACKBONE = Dinov2(Dinov2Config(width=64, depth=1))


class RoomHead(torch.nn.Module):
    """Says the exact distances of the room, each view in a unit of its own, without looking at features."""

    config = SimpleNamespace(layers=(0,))

    def __init__(self, *, roof: bool = True, is_void: bool = False) -> None:
        super().__init__()
        self.roof, self.is_void, self.generator = roof, is_void, torch.Generator().manual_seed(0)

    def forward(self, features, rays, images):
        assert (
            features[0].shape[:3]
            == rays.shape[:3]
            == (len(images), images.shape[2] // 14, images.shape[3] // 14)
        )
        count, height, width = (rays.shape[0], *(HEAD_STRIDE * side for side in rays.shape[1:3]))
        fine = F.normalize(
            F.interpolate(rays.movedim(-1, 1), (height, width), mode="bilinear"), dim=1
        ).movedim(1, -1)
        distance = room_distance(fine, roof=self.roof).float()
        if self.is_void:
            distance = distance + math.inf
        is_sky = torch.isinf(distance)
        units = 0.3 * torch.randn(count, 1, 1, generator=self.generator)
        log_distance = torch.where(is_sky, 3.0, distance.log()) + units
        is_floor = (distance * fine[..., 1] - 1.6).abs() < 1e-4
        normal = torch.where(is_floor[..., None], torch.tensor([0.0, -1.0, 0.0]), 0.0)
        logits = torch.full((count, len(SURFACE_CLASSES), height, width), 0.0)
        logits[:, SURFACE_CLASSES.index("ground")] = torch.where(is_floor, 8.0, -8.0)
        sky_logit = torch.where(is_sky, 8.0, -8.0)
        return HeadOutput(
            log_distance, torch.zeros_like(log_distance), sky_logit, normal.movedim(-1, 1), logits
        )


@pytest.mark.parametrize("roof", [True, False])
def test_a_room_comes_out_in_meters(roof):
    room = room_geometry(ROWS)
    events = []
    geometry = learned_geometry(
        room.rgb, BACKBONE, RoomHead(roof=roof), camera_height=1.6, progress=events.append
    )
    directions = erp_directions(ROWS, 2 * ROWS)
    truth = room_distance(directions, roof=roof).float()
    surface = torch.isfinite(truth)
    union = geometry.is_sky | ~surface
    assert geometry.is_metric
    assert not union.any() or float((geometry.is_sky & ~surface).sum() / union.sum()) > 0.97
    ratio = geometry.depth_ray[surface & ~geometry.is_sky] / truth[surface & ~geometry.is_sky]
    assert float(ratio.log().abs().quantile(0.9)) < 0.03
    floor = (truth * directions[..., 1] - 1.6).abs() < 1e-3
    near = floor & (truth < math.hypot(3, 1.6))
    assert float((geometry.depth_ray * directions[..., 1] / 1.6 - 1)[near].abs().quantile(0.99)) < 0.01
    if not roof:  # the sky is farther than every surface
        assert float(geometry.depth_ray[geometry.is_sky].min()) > 1.9 * float(truth[surface].max())
    assert geometry.report["sky_pixels"] == int(geometry.is_sky.sum())
    assert {event.phase for event in events} >= {"look around", "merge views", "sharpen edges"}
    assert torch.equal(geometry.classes == CLASS_SKY, geometry.is_sky)
    far_from_edges = (truth < math.hypot(2.5, 1.6)) & floor
    assert float((geometry.classes == CLASS_GROUND)[far_from_edges].float().mean()) > 0.99
    words = describe_geometry(geometry)
    assert "source: learned; 512x256" in words
    assert "scale: ground" in words
    assert "12 of 100 degrees" in words


def test_camera_height_is_the_unit_and_the_result_has_the_rows_asked_for():
    room = room_geometry(64)
    low, high = (
        learned_geometry(room.rgb, BACKBONE, RoomHead(), camera_height=value, height=rows)
        for value, rows in ((1.6, 32), (4.8, 128))
    )
    assert (low.depth_ray.shape, high.depth_ray.shape, high.rgb.shape) == (
        (32, 64),
        (128, 256),
        (128, 256, 3),
    )
    assert float(high.depth_ray.median() / low.depth_ray.median()) == pytest.approx(3, rel=0.02)


def test_what_has_no_depth_is_refused():
    rgb = torch.full((32, 64, 3), 0.5)
    with pytest.raises(
        InvalidInput, match=r"panorama must show some surface; the network sees sky everywhere"
    ):
        learned_geometry(rgb, BACKBONE, RoomHead(is_void=True))
    with pytest.raises(InvalidInput, match="camera_height must be positive; got -1"):
        learned_geometry(rgb, BACKBONE, RoomHead(), camera_height=-1)
    with pytest.raises(InvalidInput, match="twice as wide as it is high"):
        learned_geometry(rgb[:, :48], BACKBONE, RoomHead())

    def stop(event):
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        learned_geometry(rgb, BACKBONE, RoomHead(), progress=stop)


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("MATRIX3D_BACKBONE")
    monkeypatch.setenv("MATRIX3D_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(estimate, "HEAD_FILE", tmp_path / "depth_head.safetensors")
    assert "depth_head.safetensors is missing from this package" in load_learned()
    write_head(estimate.HEAD_FILE, DepthHead())
    sentence = load_learned(place="models/clip_vision")
    assert (
        "needs DINOv2-small, which was not found. Put model.safetensors of facebook/dinov2-small" in sentence
    )
    assert "into models/clip_vision" in sentence
    models = tmp_path / "models"
    models.mkdir()
    assert load_learned([models], backbone=BACKBONE_FILE) == load_learned()
    other = load_learned([models], backbone="../other.safetensors", place="models/clip_vision")
    assert "needs DINOv2-small in the file '../other.safetensors', which was not found. Put" in other
    write_tensors(models / BACKBONE_FILE, Dinov2().state_dict())
    networks = load_learned([models])
    assert (networks.source, networks.backbone.config) == (BACKBONE_FILE, Dinov2Config())
    geometry = LearnedDepth(BACKBONE, RoomHead(), "any.safetensors").geometry(room_geometry(16).rgb)
    assert "backbone any.safetensors" in describe_geometry(geometry)


def test_a_picture_gets_what_is_there():
    rgb = room_geometry(16).rgb
    learned = geometry_of_picture(rgb, lambda: LearnedDepth(BACKBONE, RoomHead(), "b"), dome_radius=30.0)
    assert learned.report["source"] == "learned"
    without = geometry_of_picture(rgb, lambda: "get it there.", dome_radius=30.0)
    assert without.report["source"] == "grounded"
    assert float(without.depth_ray.max()) == pytest.approx(30, rel=1e-3)
    assert describe_geometry(without).splitlines()[-1] == "get it there."
    by_name = geometry_of_picture(rgb, lambda: pytest.fail("not needed"), source="grounded")
    assert "advice" not in by_name.report
    with pytest.raises(BackendUnavailable, match=r"source 'learned': get it there\."):
        geometry_of_picture(rgb, lambda: "get it there.", source="learned")
    with pytest.raises(InvalidInput, match="source must be one of auto, learned, grounded; got 'moge'"):
        geometry_of_picture(rgb, lambda: "", source="moge")


def moge_views(views, scale=1.0):
    """The room as the host's MoGe would give it: points of each view, sky without any."""
    rays = pinhole_directions(intrinsics_from_fov(views.fov_rad, 64, 64), 64, 64)
    distance = (
        torch.stack([room_distance(rays @ turn, roof=False) for turn in views.rotations]).float() * scale
    )
    points = rays.float() * distance[..., None]
    return {"points": points, "mask": torch.isfinite(distance), "intrinsics": torch.eye(3).expand(12, 3, 3)}


@pytest.mark.parametrize("name", ["moge", "upstream"])
def test_views_of_moge_keep_their_meters(name):
    views, room = make_views(name), room_geometry(128)
    merged, facts = merge_moge_views(moge_views(views), room.rgb, fov_rad=views.fov_rad, height=64)
    depth_ray, valid = depth_from_moge(merged)
    truth = room_distance(erp_directions(64, 128), roof=False).float()
    both = valid & torch.isfinite(truth)
    assert float((valid == torch.isfinite(truth)).float().mean()) > 0.97
    assert float((depth_ray / truth)[both].log().abs().quantile(0.9)) < 0.02
    assert facts.describe().startswith("views differ by 0.")
    for wrong in ({"points": torch.zeros(3, 8, 8, 3), "intrinsics": 0}, {"depth": torch.ones(1, 4, 8)}, None):
        with pytest.raises(InvalidInput, match="moge_geometry must be MoGe's of the twelve views"):
            merge_moge_views(wrong, room.rgb, fov_rad=1.6)


def test_the_command_writes_distances_and_sky(tmp_path, capsys):
    write_image(tmp_path / "p.png", room_geometry(32).rgb)
    paths = [str(tmp_path / name) for name in ("p.png", "depth.npy", "sky.png")]
    assert cli.main(["depth", paths[0], "--out", paths[1], "--sky", paths[2], "--camera-height", "2"]) == 0
    output = capsys.readouterr()
    assert output.out.split() == paths[1:]
    assert (
        "depth from the picture needs DINOv2-small" in output.err or "missing from this package" in output.err
    )
    depth = np.load(paths[1])
    assert (depth.shape, depth.dtype) == ((32, 64), np.float32)
    assert depth[-1].min() == pytest.approx(2, rel=0.01)
    assert not read_image(paths[2]).any()
    for words in (["--source", "learned", "--out", paths[1]], ["--out", str(tmp_path / "d.txt")]):
        assert cli.main(["depth", paths[0], *words]) != 0
    refused = capsys.readouterr().err
    assert "source 'learned': " in refused
    assert "--out must end in .exr, .npz, .npy; got 'd.txt'" in refused
