"""Maps to Gaussians: activations, places, what is left out, memory, cancelling."""

import math
from dataclasses import replace

import numpy as np
import oracle_lrm as oracle
import pytest
import torch
from tiny_lrm import tiny_latents, tiny_state, turning_path

from matrix3d_core.errors import BackendUnavailable, InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_quats
from matrix3d_core.lrm.attributes import (
    depth_from_raw,
    frame_grid,
    gaussian_scales,
    gaussians_of_frame,
    grid_of,
    quats_from_xyzw,
)
from matrix3d_core.lrm.config import LRMConfig
from matrix3d_core.lrm.decimate import decimate, importance_of
from matrix3d_core.lrm.decode import DecodeSettings, _uncompile, decode_latents, fit_trajectory, plan_decode
from matrix3d_core.lrm.memory import estimate_memory
from matrix3d_core.lrm.weights import build_lrm, sort_weights
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory


@pytest.fixture(scope="module")
def model():
    return build_lrm(sort_weights(tiny_state(), "tiny"))


@pytest.fixture(scope="module")
def result(model):
    return decode_latents(model, tiny_latents(), turning_path())


# Activations ------------------------------------------------------------------------------------------


def test_activations_are_upstreams():
    rng = torch.Generator().manual_seed(0)
    config = LRMConfig()
    raw, attributes = torch.randn(3, 1, 40, generator=rng), torch.randn(14, 40, generator=rng) * 2
    depth = depth_from_raw(raw, config.depth_max)
    factor = grid_of(config, Equirect((240, 480))).scale_factor
    assert math.isclose(factor, 0.00125 / 5, rel_tol=1e-12)
    scales = gaussian_scales(attributes[3:6].T, depth[0], factor, config)
    quats = quats_from_xyzw(attributes[6:10].T)
    for i in range(40):
        d, s, q, _, _ = oracle.activate(raw[:, 0, i].tolist(), attributes[:, i].tolist())
        assert float(depth[0, i]) == pytest.approx(d, rel=1e-6)
        assert scales[i].tolist() == pytest.approx(s, rel=1e-5)
        assert quats[i, [1, 2, 3, 0]].tolist() == pytest.approx(list(q), abs=1e-6)


def test_a_quaternion_of_zeros_is_no_rotation():
    assert quats_from_xyzw(torch.zeros(2, 4)).tolist() == [[1, 0, 0, 0]] * 2


def test_gaussians_of_a_frame_one_by_one():
    rng = torch.Generator().manual_seed(1)
    config, path = LRMConfig(), turning_path()
    height, width = 5, 10
    raw, attributes = (
        torch.randn(3, height, width, generator=rng),
        torch.randn(14, height, width, generator=rng),
    )
    depth = depth_from_raw(raw, 30.0)
    found = gaussians_of_frame(
        depth, attributes, path.camera_from_world[4], grid_of(config, Equirect((height, width))), config
    )
    c2w = path.world_from_camera[4].numpy()
    half = matrix_from_quats(found.quats_wxyz.double()) * found.scales.double().unsqueeze(-2)
    covariance = half @ half.mT
    for row in range(height):
        for column in range(width):
            i = row * width + column
            d, s, q, color, opacity = oracle.activate(
                raw[:, row, column].tolist(), attributes[:, row, column].tolist(), width, height
            )
            mean, expected = oracle.place(column, row, d, s, q, c2w, width, height)
            assert found.means[i].tolist() == pytest.approx(list(mean), abs=3e-5)  # up to 30 units away
            np.testing.assert_allclose(covariance[i].numpy(), expected, rtol=1e-4, atol=1e-6 * max(s) ** 2)
            assert found.colors[i].tolist() == pytest.approx(color, abs=1e-6)
            assert float(found.opacities[i]) == pytest.approx(opacity, abs=1e-6)


def test_a_perspective_model_unprojects_z_depth():
    config = LRMConfig(camera="perspective")
    K = torch.tensor([[30.0, 0, 11], [0, 28, 9], [0, 0, 1]], dtype=torch.float64)
    path = replace(turning_path(1), K_px=K[None], image_size_px=(20, 24))
    grid = frame_grid(path, 0, config, 10, 12, "cpu")
    assert math.isclose(grid.scale_factor, 0.1 / 5 * (24 / 30 / 12 + 20 / 28 / 10), rel_tol=1e-12)
    pose = turning_path(1).camera_from_world[0]
    found = gaussians_of_frame(torch.full((10, 12), 2.0), torch.zeros(14, 10, 12), pose, grid, config)
    point = torch.linalg.inv(pose) @ torch.cat(
        (
            2 * torch.linalg.inv(K) @ torch.tensor([2 * 7.5, 2 * 3.5, 1.0], dtype=torch.float64),
            torch.ones(1).double(),
        )
    )
    assert found.means[3 * 12 + 7].tolist() == pytest.approx(point[:3].tolist(), abs=1e-5)
    with pytest.raises(InvalidInput, match="trajectory must have intrinsics for a model of perspective"):
        frame_grid(turning_path(1), 0, config, 10, 12, "cpu")
    with pytest.raises(InvalidInput, match="trajectory must have intrinsics for a model of perspective"):
        grid_of(config, Equirect((10, 20)))


# Decoding ---------------------------------------------------------------------------------------------


def test_every_second_frame_in_the_trajectorys_own_frame(model, result):
    assert len(result.gaussians) == 5 * 32 * 64
    assert result.depth.shape == (9, 32, 64)
    path = turning_path()
    distance = (result.gaussians.means.unflatten(0, (5, -1)) - path.centers[::2, None].float()).norm(dim=-1)
    torch.testing.assert_close(distance, result.depth[::2].flatten(1), rtol=1e-4, atol=1e-4)
    assert float(result.depth.max()) < 30
    assert float(result.gaussians.opacities.min()) > 0
    assert "splats: 10240 of 10240 from 5 of 9 frames" in result.report
    result.gaussians.check_finite()


def test_leaving_out(model, result):
    g, d = result.gaussians, result.depth[::2].flatten()
    longest = float(g.scales.amax(-1).quantile(0.4))
    settings = DecodeSettings(min_opacity=0.4, range_cut=0.5, max_size=longest)
    got = decode_latents(model, tiny_latents(), turning_path(), settings)
    keep = (g.opacities >= 0.4) & (d <= 15) & (g.scales.amax(-1) <= longest)
    assert 0 < int(keep.sum()) < len(g)
    torch.testing.assert_close(got.gaussians.means, g.means[keep])
    assert torch.equal(torch.isinf(got.depth), result.depth > 15)
    line = next(line for line in got.report if line.startswith("left out"))
    assert f"{int((d > 15).sum())} by range" in line
    assert f"{int(((d <= 15) & (g.opacities < 0.4)).sum())} by opacity" in line
    with pytest.raises(InvalidInput, match=r"no splats are left of 10240: lower min_opacity \(0.999999\)"):
        decode_latents(model, tiny_latents(), turning_path(), DecodeSettings(min_opacity=0.999999))


def test_pose_scale_tells_the_network_other_units(model):
    path = turning_path()
    bigger = path.camera_from_world.clone()
    bigger[:, :3, 3] *= 4
    a = decode_latents(model, tiny_latents(), path)
    b = decode_latents(model, tiny_latents(), Trajectory(bigger), DecodeSettings(pose_scale=0.25))
    torch.testing.assert_close(b.gaussians.means, 4 * a.gaussians.means, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(b.gaussians.scales, 4 * a.gaussians.scales, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(b.depth, 4 * a.depth, rtol=1e-4, atol=1e-3)


def test_paths_a_little_too_long_or_short_are_fitted():
    path = turning_path(11)
    assert len(fit_trajectory(path, 9)) == 9
    long = fit_trajectory(path, 13)
    assert torch.equal(long.camera_from_world[-1], path.camera_from_world[-1])
    with pytest.raises(
        InvalidInput, match=r"it has 11 poses and the latent has 17 frames \(5 latent frames\)"
    ):
        fit_trajectory(path, 17)


@pytest.mark.parametrize(
    ("latents", "says"),
    [
        (torch.zeros(1, 48, 3, 8, 16), "must have 16 channels, those of Wan 2.1; got 48"),
        (torch.zeros(2, 16, 3, 8, 16), "of one video; got a batch of 2"),
        (torch.zeros(1, 16, 3, 8, 12), "twice as wide as high; got 12x8"),
        (torch.zeros(1, 16, 8, 16), r"must be a video's, \[1, 16, t, h, w\]; got \[1, 16, 8, 16\]"),
        (torch.full((1, 16, 3, 8, 16), float("nan")), "latents must be finite"),
    ],
)
def test_latents_that_do_not_fit(model, latents, says):
    with pytest.raises(InvalidInput, match=says):
        decode_latents(model, latents, turning_path())


@pytest.mark.parametrize(
    "settings",
    [{"frame_stride": 0}, {"min_opacity": 1.0}, {"range_cut": 0.0}, {"pose_scale": 0.0}, {"decimation": "x"}],
)
def test_settings_out_of_range(settings):
    with pytest.raises(InvalidInput, match=next(iter(settings))):
        DecodeSettings(**settings)


def test_progress_comes_between_the_steps_and_cancels(model):
    phases = []
    decode_latents(model, tiny_latents(), turning_path(), progress=lambda e: phases.append(e.phase))
    seen = list(dict.fromkeys(phases))
    assert "needs about" in seen[0]
    assert seen[1:] == [
        "LRM: rays",
        "LRM: depth layers",
        "LRM: depth maps",
        "LRM: splat layers",
        "LRM: splat maps",
        "LRM: place splats",
        "LRM done",
    ]

    class Stop(Exception):
        pass

    def stop(event):
        if event.phase == "LRM: splat layers":
            raise Stop

    with pytest.raises(Stop):
        decode_latents(model, tiny_latents(), turning_path(), progress=stop)


# Memory -----------------------------------------------------------------------------------------------


def _limit_chunks(monkeypatch, model, most):
    """Make the heads run out of memory above ``most`` latent frames; return what was asked for."""
    asked = []
    forward = type(model.dpt_head).forward

    def limited(self, maps):
        asked.append(maps[0].shape[0])
        if asked[-1] > most:
            raise torch.OutOfMemoryError("out of memory")
        return forward(self, maps)

    monkeypatch.setattr(type(model.dpt_head), "forward", limited)
    return asked


def test_running_out_of_memory_halves_the_chunk(model, result, monkeypatch):
    asked, freed = _limit_chunks(monkeypatch, model, 1), []
    got = decode_latents(
        model, tiny_latents(), turning_path(), DecodeSettings(chunk=3), free_memory=lambda: freed.append(1)
    )
    assert asked[:3] == [3, 1, 1]
    assert len(freed) == 1
    torch.testing.assert_close(got.gaussians.means, result.gaussians.means, rtol=1e-4, atol=1e-4)
    assert any("1 latent frames at a time" in line for line in got.report)


def test_no_memory_at_all_says_what_is_needed(model, monkeypatch):
    _limit_chunks(monkeypatch, model, 0)
    with pytest.raises(BackendUnavailable, match=r"one latent frame at a time; this needs about [\d.]+ GB"):
        decode_latents(model, tiny_latents(), turning_path())


def test_compiled_is_the_same(model, result, monkeypatch):
    """With torch's own backend for debugging, which needs no compiler."""
    compiled = []

    def compile_quickly(module):
        compiled.append(module)
        module._compiled_call_impl = torch.compile(module._call_impl, backend="eager")

    monkeypatch.setattr(torch.nn.Module, "compile", compile_quickly)
    try:
        for _ in range(2):
            got = decode_latents(model, tiny_latents(), turning_path(), DecodeSettings(compile=True))
    finally:
        _uncompile(model)
    assert len(compiled) == 2 + 4 + 4  # heads and layers, once
    torch.testing.assert_close(got.gaussians.means, result.gaussians.means, rtol=1e-4, atol=1e-4)


def test_a_compiler_that_fails_is_done_without(model, result, monkeypatch, caplog):
    from torch._dynamo.exc import BackendCompilerFailed

    def compile_badly(module):
        def fail(*_, **__):
            raise BackendCompilerFailed(compile_badly, RuntimeError("no C++ compiler"), None)

        module._compiled_call_impl = fail

    monkeypatch.setattr(torch.nn.Module, "compile", compile_badly)
    got = decode_latents(model, tiny_latents(), turning_path(), DecodeSettings(compile=True))
    torch.testing.assert_close(got.gaussians.means, result.gaussians.means)
    (line,) = [line for line in got.report if "torch.compile failed" in line]
    assert "the model ran uncompiled" in line
    assert "no C++ compiler" in caplog.text


def test_the_plan_follows_the_memory_there_is():
    latents, settings = torch.empty(1, 16, 21, 60, 120), DecodeSettings()
    sizes = {gb: plan_decode(LRMConfig(), latents, settings, gb * 2**30) for gb in (1, 3, 4, 8, 24)}
    assert [plan.chunk for plan in sizes.values()] == [1, 1, 3, 8, 8]
    assert sizes[24].total < 16 * 2**30
    assert sizes[24].gaussians == 81 * 240 * 480
    assert plan_decode(LRMConfig(), latents, DecodeSettings(chunk=5), 0).chunk == 5


class LiveBytes(torch.utils._python_dispatch.TorchDispatchMode):
    """Counts the bytes of all tensors alive, and the most there ever were."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self.known = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        import weakref

        out = function(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (list, tuple)) else [out]:
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                key, size = storage._cdata, storage.nbytes()
                if key not in self.known:
                    self.known.add(key)
                    self.now += size
                    self.peak = max(self.peak, self.now)
                    weakref.finalize(storage, self._gone, key, size)
        return out

    def _gone(self, key, size):
        self.known.discard(key)
        self.now -= size


@pytest.mark.parametrize(("chunk", "frames", "height"), [(1, 21, 60), (4, 21, 60), (8, 21, 60), (2, 5, 30)])
def test_the_estimate_holds_against_live_tensors(monkeypatch, chunk, frames, height):
    """The released sizes in bfloat16 on the meta device: every tensor counts, none is computed.

    Seen at full size: 1.46 GiB alive beside the weights with chunk 1, 2.78 with 4, 4.56 with 8; the estimate is
    1.85, 3.37 and 5.39. Attention counts as fused, and what kernels take besides is not seen.
    """
    from matrix3d_core.lrm.network import LatentLRM

    fused = lambda q, k, v: torch.empty_like(q)  # noqa: E731
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", fused)
    model = LatentLRM(device="meta", dtype=torch.bfloat16)
    latents = torch.empty(1, 16, frames, height, 2 * height, dtype=torch.bfloat16, device="meta")
    rays = lambda a, b: torch.empty(1, b - a, 8 * height, 16 * height, 6, device="meta")  # noqa: E731
    with torch.no_grad(), LiveBytes() as live:
        _, attributes = model(latents, rays, chunk=chunk)
    assert attributes.shape == (1, 4 * frames - 3, 14, 4 * height, 8 * height)
    plan = estimate_memory(model.config, frames, height, 2 * height, chunk)
    assert live.peak < plan.activations < 1.35 * live.peak + (256 << 20)
    assert plan.weights == sum(p.numel() for p in model.parameters()) * 2


# Thinning ---------------------------------------------------------------------------------------------


def _cloud(count=4000, seed=0):
    rng = torch.Generator().manual_seed(seed)
    direction = torch.nn.functional.normalize(torch.randn(count, 3, generator=rng), dim=-1)
    distance = 0.5 + 6 * torch.rand(count, generator=rng)
    quats = torch.nn.functional.normalize(torch.randn(count, 4, generator=rng), dim=-1)
    scales = 0.01 * distance[:, None] * (0.2 + torch.rand(count, 3, generator=rng))
    opacities = torch.rand(count, generator=rng)
    sh = torch.randn(count, 1, 3, generator=rng)
    return Gaussians(direction * distance[:, None], quats, scales, opacities, sh), distance


@pytest.mark.parametrize("most", [3500, 700, 40, 1])
@pytest.mark.parametrize("method", ["voxel", "importance"])
def test_budgets_are_kept(most, method):
    cloud, distance = _cloud()
    few, index = decimate(cloud, distance, most, method=method)
    assert (0.9 if method == "voxel" and most > 100 else 0.0) * most <= len(few) <= most
    assert torch.equal(few.means, cloud.means[index])
    assert torch.equal(index, index.sort().values)
    few.check_finite()


def test_the_most_important_ones_stay():
    cloud, distance = _cloud()
    importance = importance_of(cloud, distance)
    slow = [
        float(o) * sorted(s.tolist())[1] * sorted(s.tolist())[2] / float(d) ** 2
        for o, s, d in zip(cloud.opacities, cloud.scales, distance, strict=True)
    ]
    assert importance.tolist() == pytest.approx(slow, rel=1e-4)
    _, index = decimate(cloud, distance, 100, method="importance")
    assert set(index.tolist()) == set(sorted(range(4000), key=lambda i: -slow[i])[:100])


def test_cells_merge_colors_opacity_and_spread():
    """Four in one cell and one far away: the leader takes the weighted color, the most opaque, and grows."""
    means = torch.tensor([[3.0, 3, 3], [3.01, 3, 3], [3, 3.02, 3], [3, 3, 3.03], [-5, 1, 1]])
    scales = torch.tensor([0.02, 0.01, 0.01, 0.01, 0.01])[:, None].expand(5, 3).clone()
    opacities = torch.tensor([0.5, 0.9, 0.5, 0.5, 0.5])
    sh = torch.arange(15.0).reshape(5, 1, 3)
    distance = torch.full((5,), 5.5)
    cloud = Gaussians(means, torch.tensor([[1.0, 0, 0, 0]]).repeat(5, 1), scales, opacities, sh)
    few, index = decimate(cloud, distance, 2)
    assert index.tolist() == [0, 4]
    w = importance_of(cloud, distance)[:4]
    w = w / w.sum()
    torch.testing.assert_close(few.sh[0, 0], (w[:, None] * sh[:4, 0]).sum(0))
    assert float(few.opacities[0]) == pytest.approx(0.9)
    spread = (w * (means[:4] - means[0]).square().sum(-1)).sum() / 3
    torch.testing.assert_close(few.scales[0], (scales[0].square() + spread).sqrt())
    torch.testing.assert_close(few.scales[1], scales[4])


def test_decoding_keeps_a_budget(model):
    settings = DecodeSettings(max_gaussians=1000)
    got = decode_latents(model, tiny_latents(), turning_path(), settings)
    assert 900 <= len(got.gaussians) <= 1000
    assert any("by voxel decimation" in line for line in got.report)
