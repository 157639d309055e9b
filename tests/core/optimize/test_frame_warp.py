"""Registration of frames: a known warp is found again, and the fit with it is nearer to the truth."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from tiny_world import room_frames, room_geometry, straight_path

from matrix3d_core.errors import Cancelled
from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.optimize.frame_registration import FrameRegistration
from matrix3d_core.optimize.frame_warp import FrameWarp, agreement, register_frame
from matrix3d_core.optimize.init import init_gaussians
from matrix3d_core.optimize.loop import OptimizeConfig, optimize_gaussians
from matrix3d_core.scene.camera import Equirect, Pinhole

QUICK = OptimizeConfig(
    steps=24, max_gaussians=1200, crop_size_px=32, key_frame_stride=2, preview_every=50, refine_frames="warp"
)
GAIN = torch.tensor([0.9, 1.05, 1.1])


def waves(x, y):
    """A picture ``[..., 3]`` at any place, of 12 to 40 pixels wavelength."""
    return torch.stack(
        (
            0.5 + 0.2 * torch.sin(2 * math.pi * x / 16) + 0.2 * torch.cos(2 * math.pi * y / 12),
            0.5 + 0.3 * torch.sin(2 * math.pi * (x / 32 + y / 20)),
            0.5 + 0.3 * torch.cos(2 * math.pi * (x / 32 - y / 28)),
        ),
        -1,
    )


def warped_pair(height=96):
    """Return a frame, what it should show, and the shifts ``[2, H, W]`` from one to the other."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(2 * height) + 0.5, indexing="ij")
    turn = 2 * math.pi * x / (2 * height)
    shifts = torch.stack((1.5 * torch.sin(turn), 1.5 * torch.cos(turn) * torch.cos(math.pi * y / height)))
    # frame(x + s(x)) = picture(x): the frame at a place shows the picture at p with p + s(p) = place.
    px, py = x.clone(), y.clone()
    for _ in range(30):
        turn = 2 * math.pi * px / (2 * height)
        px = x - 1.5 * torch.sin(turn)
        py = y - 1.5 * torch.cos(turn) * torch.cos(math.pi * py / height)
    return waves(px, py) / GAIN, waves(x, y), shifts


@pytest.mark.parametrize("kind", ["panorama", "pinhole"])
def test_a_known_warp_and_gain_are_found(kind):
    frame, reference, shifts = warped_pair()
    height = len(frame)
    camera = Equirect((height, 2 * height))
    if kind == "pinhole":
        camera = Pinhole((height, 2 * height), intrinsics_from_fov(1.5, height, 2 * height))
    weight = torch.ones(height, 2 * height)
    weight[30:50, 60:90] = 0  # a hole of the reference, which shows something else
    damaged = torch.where(weight[..., None] > 0, reference, 1 - reference)
    found = register_frame(frame, damaged, weight, camera)
    # Linear lookups err by up to h^2/8 |f''| = 0.125 * 0.2 * (2 pi / 12)^2 = 0.007 of a slope of 0.2 * 2 pi / 12 = 0.1
    # per pixel, with either sign: less than 0.07 pixels each, on average over a control point's pixels far less. The
    # lattice bends the true field, of one wave around, by less: spacing^4 / 384 of its fourth derivative, 0.02 pixels.
    error = (found.field_px(camera) - shifts).norm(dim=0)
    inner = error[8:-8] if kind == "panorama" else error[8:-8, 8:-8]
    assert float(inner.square().mean().sqrt()) < 0.1
    torch.testing.assert_close(found.gain, GAIN, rtol=0.01, atol=0)
    shown = found.apply(frame, camera)
    assert float((shown - reference).abs()[8:-8].mean()) < 0.01
    assert float((frame - reference).abs()[8:-8].mean()) > 0.06


def test_what_does_not_agree_is_trusted_less():
    _, reference, _ = warped_pair(64)
    other = reference.clone()
    other[20:40, 50:80] = 1 - other[20:40, 50:80]
    trust = agreement(other, reference, torch.ones(64, 128), Equirect((64, 128)), rows=32)
    assert trust.shape == (32, 64)
    assert float(trust[11:19, 26:39].max()) < 0.1
    assert float(trust[:9].min()) > 0.9


def shaken(frames, size=1.5):
    """Shift every frame but the first by a smooth field of its own, ``size`` pixels root mean square."""
    camera = Equirect((frames.shape[1], frames.shape[2]))
    random = torch.Generator().manual_seed(4)
    shaken = frames.clone()
    for k in range(1, len(frames)):
        shifts = torch.nn.functional.interpolate(torch.randn(1, 2, 4, 6, generator=random), (12, 20))[0]
        shifts *= size / float(shifts.norm(dim=0).square().mean().sqrt()) / camera.height
        shaken[k] = FrameWarp(shifts, 0.9 + 0.2 * torch.rand(1, generator=random).expand(3)).apply(
            frames[k], camera
        )
    return shaken


def test_shifts_too_large_for_jitter_are_named():
    path = straight_path(3)
    for size, says in ((0.3, 0), (1.5, 1)):
        registration = FrameRegistration(shaken(room_frames(path)[0], size), path, room_geometry())
        registration.to_geometry(lambda _: None)
        found = registration.warnings()
        assert len(found) == says
        assert all("check the trajectory" in line for line in found)


def test_what_all_frames_share_stays():
    path = straight_path(5)
    frames, _ = room_frames(path)
    world = init_gaussians(geometry=room_geometry(), trajectory=path, max_gaussians=3000).gaussians
    lowered = torch.roll(frames, 1, 1)  # as if the world stood a pixel too high
    registration = FrameRegistration(lowered, path, None)
    registration.to_gaussians(world, torch.zeros(len(world), dtype=torch.bool), [0, 2, 4], "auto")
    rows = torch.stack([registration.warps[k].shifts[1] for k in (2, 4)]).mean((0, 2)) * len(frames[0])
    assert float(rows.abs().max()) < 1e-4  # rounding
    assert float(registration.warps[2].shifts.abs().max()) > 0


def test_a_fit_of_shaken_frames_comes_nearer_to_the_truth_and_goes_on_after_a_stop(tmp_path):
    path = straight_path(5)
    frames, _ = room_frames(path)
    given = shaken(frames)
    registered = FrameRegistration(given, path, room_geometry()).to_geometry(lambda _: None)
    before, after = ((x - frames)[1:].square().mean() for x in (given, registered))
    assert float(after) < 0.25 * float(before)
    assert torch.equal(registered[0], frames[0])
    plain = optimize_gaussians(
        given, path, geometry=room_geometry(), config=replace(QUICK, refine_frames="off")
    )
    whole = optimize_gaussians(given, path, geometry=room_geometry(), config=QUICK)
    assert whole.report["loss"][-1] < plain.report["loss"][-1]
    assert 0.3 < whole.report["frames"]["shift_rms_px"] < 3
    assert plain.report["frames"] is None

    def stop(event):
        if event.phase.startswith("fit splats: step 16"):
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        optimize_gaussians(
            given, path, geometry=room_geometry(), config=QUICK, checkpoint=tmp_path, progress=stop
        )
    rest = optimize_gaussians(given, path, geometry=room_geometry(), config=QUICK, checkpoint=tmp_path)
    assert rest.report["resumed_at"] == 16
    assert all(
        torch.equal(a, b) for a, b in zip(rest.gaussians.tensors(), whole.gaussians.tensors(), strict=True)
    )
    assert rest.report["frames"] == whole.report["frames"]
