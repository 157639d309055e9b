"""What the splat backends promise beyond plain pictures: pose, SH, anti-aliasing, median depth, batches."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from oracles_splat import PINHOLE, SIZE, cloud, turned_camera

from matrix3d_core import compiled
from matrix3d_core.errors import BackendUnavailable, InvalidInput
from matrix3d_core.raster.splat import render_gaussians, render_gaussians_panorama
from matrix3d_core.raster.splat_contract import ALPHA_MAX, LOWPASS_PX2
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.gaussians import Gaussians

CPU_BACKENDS = ("numba", "torch")
PANO = (32, 64)


def around(count: int, seed: int = 0, *, size_rad: float = 0.12, bases: int = 1) -> Gaussians:
    """Random Gaussians in all directions of a point near the origin, poles and border included."""
    rng = torch.Generator().manual_seed(seed)
    towards = torch.nn.functional.normalize(torch.randn(count, 3, generator=rng), dim=-1)
    towards[0], towards[1], towards[2] = torch.tensor([[0, -1.0, 0.02], [0.03, 1, 0], [0.01, 0.1, -1]])
    distance = 1.5 + 2 * torch.rand(count, 1, generator=rng)
    spread = torch.exp(0.5 * torch.randn(count, 3, generator=rng))
    quats = torch.nn.functional.normalize(torch.randn(count, 4, generator=rng), dim=-1)
    opacities = torch.sigmoid(torch.randn(count, generator=rng) + 0.5)
    sh = torch.randn(count, bases, 3, generator=rng) * 0.3
    sh[:, 0] += 0.5
    return Gaussians(towards * distance, quats, size_rad * distance * spread, opacities, sh)


def draw(backend, gaussians, pose, camera, **options):
    """Draw with the full contract; ``camera`` is "pinhole" or "panorama"."""
    if camera == "panorama":
        frame = render_gaussians_panorama(gaussians, pose, *PANO, backend=backend, **options)
        return frame, frame.depth_ray, frame.median_ray
    frame = render_gaussians(gaussians, pose, PINHOLE, *SIZE, backend=backend, **options)
    return frame, frame.depth_z, frame.median_z


def scene(camera: str, count: int, seed: int, **options) -> Gaussians:
    if camera == "panorama":
        return around(count, seed, **options)
    plain = cloud(count, seed)
    sh = around(count, seed, **options).sh
    return Gaussians(*plain.tensors()[:4], sh)


def loss_of(frame, depth, median, rng) -> torch.Tensor:
    """Weigh every picture with random numbers; depth where it is well determined."""
    total = (frame.rgb * torch.randn(frame.rgb.shape, generator=rng)).sum()
    total = total + (frame.alpha * torch.randn(frame.alpha.shape, generator=rng)).sum()
    weights = torch.randn(depth.shape, generator=rng)
    total = total + torch.where(frame.alpha > 0.2, depth * weights, 0.0).sum()
    if median is not None:
        weights = torch.randn(depth.shape, generator=rng)
        total = total + torch.where(torch.isfinite(median), median * weights, 0.0).sum()
    return total


@pytest.mark.parametrize("camera", ["pinhole", "panorama"])
@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("bases", [1, 16])
def test_numba_matches_twin_with_every_output_and_gradient(camera, antialiased, bases):
    gaussians = scene(camera, 500, 3, bases=bases, size_rad=0.06)

    def run(backend, dtype):
        leaves = [t.to(dtype).clone().requires_grad_() for t in gaussians.tensors()]
        pose = turned_camera().requires_grad_()
        frame, depth, median = draw(
            backend,
            Gaussians(*leaves),
            pose,
            camera,
            antialiased=antialiased,
            median_depth=True,
            background=(0.3, 0.2, 0.1),
        )
        loss_of(frame, depth, median, torch.Generator().manual_seed(1)).backward()
        pictures = [frame.rgb, frame.alpha, depth, median]
        return [p.detach().double() for p in pictures], [t.grad.double() for t in (*leaves, pose)]

    pictures, gradients = run("numba", torch.float32)
    expected, expected_gradients = run("torch", torch.float64)
    for got, want in zip(pictures[:3], expected[:3], strict=True):
        same = expected[1] > 0.01  # a depth that is a quotient of nearly nothing says nothing
        same = same if want is expected[2] else torch.ones_like(same)
        # Seen: 3e-6. Single pixels at the 1/255 cut-off may flip; none did.
        torch.testing.assert_close(got[same], want[same], rtol=1e-5, atol=1e-5)
    # A transmittance within rounding of one half may choose the neighbor; none did.
    torch.testing.assert_close(pictures[3], expected[3], rtol=1e-6, atol=1e-6)
    names = ("means", "quats", "scales", "opacities", "sh", "pose")
    for name, got, want in zip(names, gradients, expected_gradients, strict=True):
        assert want.norm() > 0, name
        assert (got - want).norm() <= 1e-4 * want.norm(), name  # seen: 2e-5


@pytest.mark.parametrize("camera", ["pinhole", "panorama"])
@pytest.mark.parametrize("antialiased", [False, True])
def test_twin_gradients_match_finite_differences(camera, antialiased):
    gaussians = scene(camera, 6, 5, bases=9, size_rad=0.2)
    tensors = [t.double() for t in gaussians.tensors()]
    tensors.append(turned_camera())

    def value(*values):
        frame, depth, median = draw(
            "torch", Gaussians(*values[:5]), values[5], camera, antialiased=antialiased, median_depth=True
        )
        # Squares of the sums' parts: the rim at 1/255, a step that differences must not see, hardly counts.
        seen = frame.alpha > 0.3
        return (
            frame.rgb.square().sum()
            + frame.alpha.square().sum()
            + depth[seen].sum()
            + median[torch.isfinite(median)].square().sum()
        )

    for index in range(6):
        rng = torch.Generator().manual_seed(index)
        direction = torch.randn(tensors[index].shape, generator=rng, dtype=torch.float64)
        if index == 5:
            direction[3] = 0
        step = 1e-7

        def moved(by, index=index, direction=direction):
            return value(*tensors[:index], tensors[index] + by * direction, *tensors[index + 1 :])

        leaf = tensors[index].clone().requires_grad_()
        (slope,) = torch.autograd.grad(value(*tensors[:index], leaf, *tensors[index + 1 :]), leaf)
        numeric = float(moved(step) - moved(-step)) / (2 * step)
        assert float((slope * direction).sum()) == pytest.approx(numeric, rel=2e-5, abs=1e-6), index


@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_antialiasing_keeps_the_light_of_a_tiny_gaussian(backend):
    sigma_px, depth = 0.2, 2.0
    scale = sigma_px * depth / 40
    means = torch.tensor([[0.0, 0.0, depth]])
    point = Gaussians.from_colors(
        means, torch.tensor([[1.0, 0, 0, 0]]), torch.full((1, 3), scale), torch.ones(1), torch.ones(1, 3)
    )
    K_px = torch.tensor([[40.0, 0, 8], [0, 40.0, 8], [0, 0, 1]])
    plain = render_gaussians(point, torch.eye(4), K_px, 16, 16, backend=backend)
    kept = render_gaussians(point, torch.eye(4), K_px, 16, 16, backend=backend, antialiased=True)
    # Isotropic: the factor is sigma^2 / (sigma^2 + low-pass), which here is 0.118.
    factor = sigma_px**2 / (sigma_px**2 + LOWPASS_PX2)
    at = (7, 7)
    assert float(kept.alpha[at] / plain.alpha[at]) == pytest.approx(factor, rel=1e-4)
    # The plain one is as bright as a Gaussian of the low-pass's size.
    assert float(plain.alpha[at]) == pytest.approx(math.exp(-0.25 / (LOWPASS_PX2 + sigma_px**2)), rel=1e-4)


@pytest.mark.parametrize("backend", CPU_BACKENDS)
@pytest.mark.parametrize("camera", ["pinhole", "panorama"])
def test_median_depth_is_that_of_the_gaussian_at_half_the_light(backend, camera):
    depths = torch.tensor([2.0, 3.0, 4.0, 5.0])
    count = len(depths)
    means = torch.stack((torch.zeros(count), torch.zeros(count), depths), -1)
    gaussians = Gaussians.from_colors(
        means,
        torch.tensor([[1.0, 0, 0, 0]]).expand(count, 4).clone(),
        depths[:, None].expand(count, 3) * 0.05,
        torch.tensor([0.3, 0.15, 0.9, 0.9]),
        torch.ones(count, 3),
    )
    frame, expected, median = draw(backend, gaussians, torch.eye(4), camera, median_depth=True)
    middle = (16, 32) if camera == "panorama" else (16, 24)
    # In front of the third, 0.7 * 0.85 > 1/2 of the light passes; behind it less.
    assert float(median[middle]) == pytest.approx(4.0, rel=1e-6)
    assert 2 < float(expected[middle]) < 4.5
    corner = (0, 0)
    assert math.isinf(float(median[corner]))
    assert (torch.isinf(median) == (frame.alpha < 0.5)).all()


@pytest.mark.parametrize("camera", ["pinhole", "panorama"])
def test_a_batch_is_its_views_one_by_one(camera):
    gaussians = scene(camera, 150, 9)
    poses = torch.stack((turned_camera(), torch.eye(4, dtype=torch.float64)))
    batch, depth, median = draw("numba", gaussians, poses, camera, median_depth=True)
    for view, pose in enumerate(poses):
        one, one_depth, one_median = draw("numba", gaussians, pose, camera, median_depth=True)
        assert torch.equal(batch.rgb[view], one.rgb)
        assert torch.equal(batch.alpha[view], one.alpha)
        assert torch.equal(depth[view], one_depth)
        assert torch.equal(median[view], one_median)


def test_every_view_of_a_batch_may_have_its_own_intrinsics():
    gaussians = cloud(100)
    wide = PINHOLE.clone()
    wide[0, 0] /= 2
    poses = torch.stack((turned_camera(),) * 2)
    batch = render_gaussians(gaussians, poses, torch.stack((PINHOLE, wide)), *SIZE)
    assert torch.equal(batch.rgb[1], render_gaussians(gaussians, turned_camera(), wide, *SIZE).rgb)
    with pytest.raises(InvalidInput, match=r"K_px must have shape \[2, 3, 3\]"):
        render_gaussians(gaussians, poses, PINHOLE[None], *SIZE)
    with pytest.raises(InvalidInput, match="at least one view"):
        render_gaussians(gaussians, poses[:0], PINHOLE, *SIZE)


def test_the_pose_gradient_finds_the_way_back():
    gaussians = cloud(400, 2)
    with torch.no_grad():
        target = render_gaussians(gaussians, turned_camera(), PINHOLE, *SIZE).rgb
    shift = torch.tensor([0.04, -0.03, 0.02], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([shift], lr=4e-3)
    for _ in range(60):
        pose = turned_camera()
        moved = torch.cat((pose[:3, 3] + shift, torch.ones(1))).unsqueeze(-1)
        pose = torch.cat((pose[:, :3], moved), dim=1)
        loss = (render_gaussians(gaussians, pose, PINHOLE, *SIZE).rgb - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(shift.detach().abs().max()) < 0.003


def test_an_backend_without_the_needed_feature_says_so():
    with pytest.raises(BackendUnavailable, match="gsplat: has no panorama"):
        render_gaussians_panorama(around(3), torch.eye(4), *PANO, backend="gsplat")
    with pytest.raises(InvalidInput, match="twice as wide"):
        render_gaussians_panorama(around(3), torch.eye(4), 10, 21)


def pixel_rays() -> torch.Tensor:
    from matrix3d_core.geometry.spherical import erp_directions

    return erp_directions(*PANO, dtype=torch.float64)


@pytest.mark.parametrize("backend", CPU_BACKENDS)
@pytest.mark.parametrize(
    "towards", [(0.3, 0.2, 1.0), (0.01, 0.05, -1.0), (0.02, -1.0, 0.01), (0.0, 1.0, 0.0)]
)
def test_a_panorama_shows_what_a_pinhole_camera_facing_the_gaussian_sees(backend, towards):
    """The definition, with scalars: one Gaussian, one camera that looks at it, every ray of the panorama."""
    mean = 2.5 * torch.nn.functional.normalize(torch.tensor(towards, dtype=torch.float64), dim=0)
    quat = torch.nn.functional.normalize(torch.tensor([0.8, 0.3, -0.4, 0.2], dtype=torch.float64), dim=0)
    scales, opacity = torch.tensor([0.6, 0.25, 0.1], dtype=torch.float64), 0.8
    one = Gaussians.from_colors(
        mean[None].float(),
        quat[None].float(),
        scales[None].float(),
        torch.tensor([opacity]),
        torch.ones(1, 3),
    )
    frame = render_gaussians_panorama(one, torch.eye(4), *PANO, backend=backend)

    forward = mean / mean.norm()
    side = torch.linalg.cross(forward, torch.tensor([0.5, 0.1, 0.9], dtype=torch.float64))
    side = side / side.norm()
    facing = torch.stack((side, torch.linalg.cross(forward, side), forward))
    focal = PANO[0] / math.pi
    w, x, y, z = quat.tolist()
    turn = torch.tensor(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ],
        dtype=torch.float64,
    )
    shape = facing @ turn @ torch.diag(scales**2) @ turn.T @ facing.T
    flat = shape[:2, :2] * (focal / 2.5) ** 2 + LOWPASS_PX2 * torch.eye(2)
    inverse = torch.linalg.inv(flat)
    expected = torch.zeros(PANO, dtype=torch.float64)
    for row, line in enumerate(pixel_rays() @ facing.T):
        for column, ray in enumerate(line):
            if ray[2] > 0:
                at = focal * ray[:2] / ray[2]
                value = min(ALPHA_MAX, opacity * math.exp(-0.5 * float(at @ inverse @ at)))
                expected[row, column] = value if value >= 1 / 255 else 0.0
    torch.testing.assert_close(frame.alpha.double(), expected, rtol=0, atol=1e-5)
    hit = frame.alpha > 0
    assert hit.any()
    torch.testing.assert_close(frame.depth_ray[hit], torch.full((int(hit.sum()),), 2.5), rtol=1e-5, atol=0)


@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_a_panorama_has_no_seam(backend):
    """Turned by whole columns, the picture is the same, rolled; also where Gaussians cross the border."""
    gaussians = around(300, 4)
    straight = render_gaussians_panorama(gaussians, torch.eye(4), *PANO, backend=backend, median_depth=True)
    for columns in (1, 13, 32, 50):
        angle = math.tau * columns / PANO[1]
        pose = torch.eye(4, dtype=torch.float64)
        c, s = math.cos(angle), math.sin(angle)
        pose[0, 0], pose[0, 2], pose[2, 0], pose[2, 2] = c, s, -s, c
        turned = render_gaussians_panorama(gaussians, pose, *PANO, backend=backend)
        # float32 poses: 1e-7 of the angle, in steep flanks a few 1e-6.
        torch.testing.assert_close(turned.rgb, torch.roll(straight.rgb, columns, dims=1), rtol=0, atol=2e-5)


@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_a_panorama_is_sound_at_the_poles(backend):
    """Half a turn about the view axis swaps the poles and mirrors both directions."""
    gaussians = around(300, 6)
    straight = render_gaussians_panorama(gaussians, torch.eye(4), *PANO, backend=backend)
    over = render_gaussians_panorama(
        gaussians, torch.diag(torch.tensor([-1.0, -1, 1, 1])), *PANO, backend=backend
    )
    torch.testing.assert_close(over.rgb, straight.rgb.flip(0, 1), rtol=0, atol=2e-5)
    above = Gaussians.from_colors(
        torch.tensor([[0.0, -2.0, 0.0]]),
        torch.tensor([[1.0, 0, 0, 0]]),
        torch.full((1, 3), 0.3),
        torch.tensor([0.9]),
        torch.ones(1, 3),
    )
    alpha = render_gaussians_panorama(above, torch.eye(4), *PANO, backend=backend).alpha
    torch.testing.assert_close(alpha, alpha[:, :1].expand(PANO), rtol=0, atol=1e-5)  # the same all around
    assert alpha[0, 0] > 0.8


@pytest.mark.parametrize("size", [(2, 4), (8, 16), (17, 34), (40, 80)])
def test_every_size_of_panorama(size):
    gaussians = around(200, 8)
    pictures = [
        render_gaussians_panorama(gaussians, turned_camera(), *size, backend=e).rgb for e in CPU_BACKENDS
    ]
    torch.testing.assert_close(*pictures, rtol=0, atol=1e-5)


@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_awkward_gaussians_in_a_panorama_stay_finite(backend):
    count = 6
    means = torch.tensor(
        [[0.0, 0, 0], [0.02, 0, 0], [0, -1, 0], [0.3, 0, -1], [0, 0, 2], [1, 1, 1]], dtype=torch.float32
    )
    scales = torch.tensor(
        [[0.1, 0.1, 0.1], [1, 1, 1], [3, 1e-6, 1e-6], [0, 0, 0], [60, 60, 60], [2, 1e-5, 1]]
    )
    quats = torch.nn.functional.normalize(
        torch.randn(count, 4, generator=torch.Generator().manual_seed(0)), dim=-1
    )
    for antialiased in (False, True):
        leaves = [t.clone().requires_grad_() for t in (means, quats, scales, torch.full((count,), 0.9))]
        frame = render_gaussians_panorama(
            Gaussians.from_colors(*leaves, torch.ones(count, 3)),
            torch.eye(4),
            *PANO,
            backend=backend,
            antialiased=antialiased,
        )
        (frame.rgb.sum() + frame.alpha.sum()).backward()
        assert torch.isfinite(frame.rgb).all()
        assert all(torch.isfinite(leaf.grad).all() for leaf in leaves)


def test_a_panorama_and_its_gradients_are_the_same_bits_on_any_number_of_threads(monkeypatch):
    gaussians = around(1500, 2, size_rad=0.05)

    def run():
        leaves = [t.clone().requires_grad_() for t in gaussians.tensors()]
        pose = turned_camera().requires_grad_()
        frame, depth, median = draw("numba", Gaussians(*leaves), pose, "panorama", median_depth=True)
        loss_of(frame, depth, median, torch.Generator().manual_seed(0)).backward()
        return [frame.rgb.detach(), depth.detach(), median.detach(), *(t.grad for t in (*leaves, pose))]

    first, second = run(), run()
    monkeypatch.setattr(compiled, "thread_count", lambda: 1)
    single = run()
    monkeypatch.setattr(compiled, "thread_count", lambda: 5)
    many = run()
    for a, b, c, d in zip(first, second, single, many, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)
        assert torch.equal(a, d)


def test_broken_gaussians_do_not_reach_the_panorama():
    good = around(50)
    clean = render_gaussians_panorama(good, torch.eye(4), *PANO, backend="numba").rgb
    for field, value in (("means", torch.nan), ("means", torch.inf), ("quats_wxyz", torch.nan)):
        one = good.select(torch.tensor([3]))
        broken = replace(one, **{field: torch.full_like(getattr(one, field), value)})
        mixed = Gaussians.concatenate(good, broken)
        assert torch.equal(
            render_gaussians_panorama(mixed, torch.eye(4), *PANO, backend="numba").rgb, clean
        ), field


def test_screen_gradients_tell_where_the_picture_pulls():
    from matrix3d_core.raster import splat_numba

    gaussians = cloud(60, 3)
    arrays = [t.contiguous().numpy() for t in (*gaussians.tensors()[:4], gaussians.colors)]
    pose = turned_camera().numpy()
    for camera in (Pinhole(SIZE, PINHOLE), Equirect(PANO)):
        drawing = splat_numba.forward(tuple(arrays), pose, camera)
        weights = torch.randn(drawing.rgb.shape, generator=torch.Generator().manual_seed(0)).numpy()
        nothing = 0 * drawing.alpha
        rows, extras = splat_numba.backward(drawing, weights, nothing, nothing, screen=True)
        assert extras.pose is None
        assert extras.screen.shape == drawing.visible.shape
        assert (extras.screen >= 0).all()
        # A Gaussian that pulls somewhere pulls its mean too, and one without a pull has none.
        assert ((extras.screen > 0) == (abs(rows[0]).sum(-1) > 0)).mean() > 0.95


@pytest.mark.parametrize("bases", [4, 9, 16])
def test_compiled_harmonics_match_the_plain_ones(bases):
    from matrix3d_core.raster.splat import colors_from_sh
    from matrix3d_core.raster.splat_numba_sh import colors_from_sh as compiled_colors

    rng = torch.Generator().manual_seed(bases)
    values = [
        torch.randn(700, bases, 3, generator=rng),
        torch.randn(700, 3, generator=rng),
        torch.ones(3) / 3,
    ]
    weights = torch.randn(700, 3, generator=rng)
    weights[::5] = 0  # out of view

    def run(function, dtype):
        leaves = [v.to(dtype).clone().requires_grad_() for v in values]
        colors = function(*leaves)
        (colors * weights.to(dtype)).sum().backward()
        return [colors.detach().double(), *(leaf.grad.double() for leaf in leaves)]

    for got, want in zip(
        run(compiled_colors, torch.float32), run(colors_from_sh, torch.float64), strict=True
    ):
        # Float32 with sums of 15 terms; a color within rounding of 0 may be cut on one side only: none was.
        torch.testing.assert_close(got, want, rtol=2e-5, atol=2e-5)
