"""One clip without shards: routes, presets at free places, the first panorama's geometry, and why there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_scene import yard

from matrix3d_core.errors import InvalidInput
from matrix3d_core.factory.single import make_single_clip

pytest.importorskip("scipy")
pytest.importorskip("numba")


def test_a_route_through_a_family_has_exact_geometry():
    first, again = (make_single_clip("courtyard", 3, frames=2, height=32, samples=1) for _ in range(2))
    clip, geometry = first.clip, first.geometry
    assert torch.equal(clip.frames, again.clip.frames)
    assert torch.equal(clip.trajectory.camera_from_world[0], torch.eye(4, dtype=torch.float64))
    assert clip.trajectory.frame_of_reference == "panorama"
    assert geometry.is_metric
    is_sky = torch.isinf(clip.depth[0])
    assert torch.equal(geometry.is_sky, is_sky)
    assert torch.equal(geometry.depth_ray[~is_sky], clip.depth[0][~is_sky])
    torch.testing.assert_close(geometry.rgb, clip.rgb()[0])
    assert "scene: courtyard, seed 3" in first.report
    assert "part of a route of" in first.report
    assert clip.caption.startswith("A courtyard")


def test_a_preset_goes_from_a_free_place_around_the_obstacles(monkeypatch):
    scene = yard(12.0, gap=12.0, crates=16)
    monkeypatch.setattr("matrix3d_core.synth.families.make_scene", lambda *_: scene)
    made = make_single_clip("yard", 1, path="straight", distance=4.0, frames=9, height=32, samples=1)
    path = made.clip.trajectory
    assert path.length == pytest.approx(4, abs=1e-6)
    world = torch.tensor(made.clip.meta["world_from_first"], dtype=torch.float64)
    centers = (path.centers @ world[:3, :3].T + world[:3, 3]).numpy()
    dense = np.linspace(centers[0], centers[-1], 400)
    for item in scene.objects[1:]:
        gap = np.maximum(np.maximum(np.asarray(item.low) - dense, dense - np.asarray(item.high)), 0)[:, ::2]
        assert (gap > 0.2).any(1).all(), item  # at least the margin to one side, all along
    with pytest.raises(
        InvalidInput,
        match=r"free of collisions; all tries in yard 1 were refused \(off the walkable surface 200\)",
    ):
        make_single_clip("yard", 1, path="straight", distance=40.0, frames=9, height=32, samples=1)


def test_wrong_choices_are_refused():
    with pytest.raises(InvalidInput, match=r"path must be one of route, straight, .*; got 'up'"):
        make_single_clip("courtyard", 0, path="up")
    with pytest.raises(InvalidInput, match=r"family must be one of rooms, .*; got 'moon'"):
        make_single_clip("moon", 0)
