"""The splat backends against the definition, against each other, and at the awkward places."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from oracles_splat import PINHOLE, SIZE, cloud, draw_slowly, draw_with, turned_camera

from matrix3d_core import compiled
from matrix3d_core.errors import BackendUnavailable, InvalidInput
from matrix3d_core.raster.splat import SPLAT_BACKENDS, colors_from_sh, render_gaussians
from matrix3d_core.scene.gaussians import Gaussians

CPU_BACKENDS = tuple(name for name in SPLAT_BACKENDS.names if "cpu" in SPLAT_BACKENDS.backend(name).features)


def draw(backend: str, gaussians: Gaussians, *, pose=None, size=SIZE, dtype=torch.float32):
    """Run a backend on leaf tensors; return pictures and leaves."""
    leaves = [t.to(dtype).clone().requires_grad_() for t in (*gaussians.tensors()[:4], gaussians.colors)]
    pose = turned_camera() if pose is None else pose
    pictures = draw_with(SPLAT_BACKENDS.load(backend)[1], leaves, pose, PINHOLE, *size)
    return pictures, leaves


def one(mean, *, scale=0.1, opacity=0.9, color=(1.0, 0.5, 0.25), quat=(1.0, 0.0, 0.0, 0.0)) -> Gaussians:
    scales = torch.as_tensor(scale, dtype=torch.float32).expand(3)
    return Gaussians.from_colors(
        torch.tensor([mean]),
        torch.tensor([quat]),
        scales[None].clone(),
        torch.tensor([opacity]),
        torch.tensor([color]),
    )


@pytest.mark.parametrize("backend", CPU_BACKENDS)
@pytest.mark.parametrize("opaque", [0.0, 3.0])
def test_pictures_match_the_definition(backend, opaque):
    gaussians = cloud(90, opaque=opaque)
    pose = turned_camera()
    local = gaussians.means.double() @ pose[:3, :3].T + pose[:3, 3]
    # Further out the contract bends the affine approximation, which the definition does not know.
    inside = (local[:, :2].abs() / local[:, 2:] < torch.tensor([0.74, 0.49])).all(-1)
    gaussians = gaussians.select(inside)
    expected = draw_slowly(gaussians, turned_camera(), PINHOLE, *SIZE)
    actual, _ = draw(backend, gaussians)
    # A pixel exactly at the alpha cut-off may fall on either side: a step of at most 1/255. None seen.
    # Otherwise float32 compositing of 60 layers; worst seen 2e-6.
    for got, want in zip(actual, expected, strict=True):
        torch.testing.assert_close(got.detach().double(), want, rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_numba_matches_twin_in_pictures_and_gradients(seed):
    gaussians = cloud(800, seed, size_px=1.5)
    rng = torch.Generator().manual_seed(seed)
    weights = [
        torch.randn(*SIZE, 3, generator=rng),
        torch.randn(SIZE, generator=rng),
        torch.randn(SIZE, generator=rng),
    ]

    def run(backend, dtype):
        pictures, leaves = draw(backend, gaussians, dtype=dtype)
        loss = sum((w.to(dtype) * p).sum() for w, p in zip(weights, pictures, strict=True))
        loss.backward()
        return [p.detach().double() for p in pictures], [leaf.grad.double() for leaf in leaves]

    pictures, gradients = run("numba", torch.float32)
    pictures_twin, gradients_twin = run("torch", torch.float64)
    flips = 0
    for got, want in zip(pictures, pictures_twin, strict=True):
        off = (got - want).abs() > 1e-5
        flips += int(off.sum())
        assert (got - want).abs().max() < 5 / 255  # a flipped cut-off moves depth by up to z / 255
    assert flips <= 3  # seen: 0
    for name, got, want in zip(
        ("means", "quats", "scales", "opacities", "colors"), gradients, gradients_twin, strict=True
    ):
        assert (got - want).norm() <= 1e-4 * want.norm(), name  # seen: 3e-6


def test_twin_gradients_match_finite_differences():
    gaussians = cloud(5, 3, size_px=4.0)
    names = ("means", "quats_wxyz", "scales", "opacities")
    leaves = [getattr(gaussians, n).double().requires_grad_() for n in names]
    colors = gaussians.colors.double().requires_grad_()
    render = SPLAT_BACKENDS.load("torch")[1]

    def picture(*values):
        # The cut-off at 1/255 is a step that differences must not see: smooth cases only, so compare a
        # weighted sum in which the rim of a Gaussian hardly counts.
        rgb, alpha, depth = draw_with(render, values, turned_camera(), PINHOLE, 12, 14)
        return rgb.square().sum(), (alpha**2).sum(), (depth**2).sum()

    for index in range(5):
        values = [*leaves, colors]
        rng = torch.Generator().manual_seed(index)
        direction = torch.randn(values[index].shape, generator=rng, dtype=torch.float64)
        step = 1e-7
        for output in range(3):
            (slope,) = torch.autograd.grad(picture(*values)[output], values[index])
            moved = [
                picture(
                    *values[:index], values[index].detach() + sign * step * direction, *values[index + 1 :]
                )[output]
                for sign in (1, -1)
            ]
            numeric = float((moved[0] - moved[1]).detach()) / (2 * step)
            assert float((slope * direction).sum()) == pytest.approx(numeric, rel=2e-5, abs=1e-7)


@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_order_of_gaussians_does_not_matter(backend):
    gaussians = cloud(300, 1)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(5))
    straight, _ = draw(backend, gaussians)
    shuffled, _ = draw(backend, gaussians.select(order))
    for a, b in zip(straight, shuffled, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=2e-6)


@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_nothing_to_draw(backend):
    nothing = cloud(5).select(torch.zeros(5, dtype=torch.bool))
    behind = one((0.0, 0.0, -2.0))
    at_the_eye = one((0.0, 0.0, 0.0))
    beside = one((50.0, 0.0, 1.0))
    transparent = one((0.0, 0.0, 2.0), opacity=0.0)
    for gaussians in (nothing, behind, at_the_eye, beside, transparent):
        (rgb, alpha, depth), leaves = draw(backend, gaussians, pose=torch.eye(4))
        assert not rgb.any()
        assert not alpha.any()
        assert not depth.any()
        (rgb.sum() + alpha.sum() + depth.sum()).backward()
        assert all(leaf.grad is None or not leaf.grad.any() for leaf in leaves)
        frame = render_gaussians(
            gaussians, torch.eye(4), PINHOLE, *SIZE, backend=backend, background=(0.1, 0.2, 0.3)
        )
        torch.testing.assert_close(frame.rgb, torch.tensor([0.1, 0.2, 0.3]).expand(*SIZE, 3))
        assert torch.isinf(frame.depth_z).all()


@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_points_needles_and_giants_stay_finite(backend):
    tiny = one((0.1, 0.0, 2.0), scale=0.0)
    needle = one((0.0, 0.1, 2.0), scale=[3.0, 1e-6, 1e-6], quat=(0.9, 0.1, 0.3, 0.2))
    giant = one((0.0, 0.0, 5.0), scale=[60.0, 60.0, 60.0], opacity=1.0)
    close = one((0.02, 0.0, 0.0101), scale=0.001)
    for gaussians in (tiny, needle, giant, close, Gaussians.concatenate(tiny, needle, giant, close)):
        pictures, leaves = draw(backend, gaussians, pose=torch.eye(4))
        sum(p.sum() for p in pictures).backward()
        assert all(torch.isfinite(p).all() for p in pictures)
        assert all(torch.isfinite(leaf.grad).all() for leaf in leaves)
    (_, alpha, depth), _ = draw(backend, giant, pose=torch.eye(4))
    torch.testing.assert_close(
        alpha.detach(), torch.full(SIZE, 0.999), rtol=0, atol=2e-3
    )  # covers every pixel
    torch.testing.assert_close((depth / alpha).detach(), torch.full(SIZE, 5.0), rtol=1e-5, atol=0)


def test_a_point_shows_the_low_pass_kernel():
    gaussians = one((0.0, 0.0, 2.0), scale=0.0, opacity=0.8)
    frame = render_gaussians(gaussians, torch.eye(4), PINHOLE, *SIZE, backend="numba")
    # Projected to exactly (24, 16): four pixels at half a pixel in x and y, power = 0.5 (0.5^2 + 0.5^2) / 0.3.
    expected = 0.8 * math.exp(-0.25 / 0.3)
    torch.testing.assert_close(frame.alpha[15:17, 23:25], torch.full((2, 2), expected), rtol=1e-5, atol=0)
    torch.testing.assert_close(
        frame.rgb[15, 23], torch.tensor([1.0, 0.5, 0.25]) * expected, rtol=1e-5, atol=0
    )


def test_broken_gaussians_do_not_reach_the_picture():
    good = cloud(50)
    broken = one((0.0, 0.0, 2.0))
    clean, _ = draw("numba", good)
    for field, value in (("means", torch.nan), ("means", torch.inf), ("quats_wxyz", torch.nan)):
        worse = replace(broken, **{field: torch.full_like(getattr(broken, field), value)})
        pictures, _ = draw("numba", Gaussians.concatenate(good, worse))
        for a, b in zip(clean, pictures, strict=True):
            assert torch.equal(a, b), field


def test_numba_is_deterministic_and_independent_of_threads(monkeypatch):
    gaussians = cloud(3000, 2, size_px=1.0)

    def run():
        pictures, leaves = draw("numba", gaussians)
        sum((p * p).sum() for p in pictures).backward()
        return [*(p.detach() for p in pictures), *(leaf.grad for leaf in leaves)]

    first, second = run(), run()
    monkeypatch.setattr(compiled, "thread_count", lambda: 1)
    single = run()
    monkeypatch.setattr(compiled, "thread_count", lambda: 5)
    many = run()
    for a, b, c, d in zip(first, second, single, many, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)
        assert torch.equal(a, d)


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (17, 31), (64, 5)])
def test_every_size_of_picture(size):
    gaussians = cloud(200, 4)
    for a, b in zip(
        draw("numba", gaussians, size=size)[0], draw("torch", gaussians, size=size)[0], strict=True
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_background_alpha_and_depth_of_the_frame():
    gaussians = cloud(200, 6)
    frame = render_gaussians(gaussians, turned_camera(), PINHOLE, *SIZE, background=(1.0, 0.0, 0.5))
    black = render_gaussians(gaussians, turned_camera(), PINHOLE, *SIZE)
    assert frame.backend == "numba"
    back = (1 - frame.alpha)[..., None] * torch.tensor([1.0, 0.0, 0.5])
    torch.testing.assert_close(frame.rgb, black.rgb + back, rtol=0, atol=1e-6)
    hit = frame.alpha > 0
    z = (gaussians.means.double() @ turned_camera()[2, :3] + turned_camera()[2, 3])[:, None]
    assert frame.depth_z[hit].min() >= z.min() - 1e-4
    assert frame.depth_z[hit].max() <= z.max() + 1e-4


def test_gradients_flow_through_the_frame():
    gaussians = cloud(100, 7)
    leaves = [t.clone().requires_grad_() for t in gaussians.tensors()]
    back = torch.tensor([0.2, 0.3, 0.4], requires_grad=True)
    frame = render_gaussians(
        Gaussians(*leaves), turned_camera(), PINHOLE, *SIZE, background=back, backend="numba"
    )
    seen = frame.alpha > 0.5
    (frame.rgb.sum() + frame.depth_z[seen].sum()).backward()
    assert all(leaf.grad.abs().sum() > 0 for leaf in [*leaves, back])
    assert all(torch.isfinite(leaf.grad).all() for leaf in leaves)


def test_spherical_harmonics_match_scipy():
    special = pytest.importorskip("scipy.special")
    rng = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(50, 3, generator=rng, dtype=torch.float64), dim=-1)
    sh = torch.randn(50, 16, 3, generator=rng, dtype=torch.float64)
    polar, azimuth = (
        torch.acos(directions[:, 2]).numpy(),
        torch.atan2(directions[:, 1], directions[:, 0]).numpy(),
    )
    expected = torch.full((50, 3), 0.5, dtype=torch.float64)
    index = 0
    for degree in range(4):
        for order in range(-degree, degree + 1):
            complex_value = special.sph_harm_y(degree, abs(order), polar, azimuth)
            # Real form; scipy carries the Condon-Shortley phase (-1)^m, which the file format keeps.
            real = (
                complex_value.real
                if order == 0
                else math.sqrt(2) * (complex_value.imag if order < 0 else complex_value.real)
            )
            expected += torch.from_numpy(real)[:, None] * sh[:, index]
            index += 1
    actual = colors_from_sh(sh, directions * 3 + 1, torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(actual, expected.clamp_min(0), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"height": 0}, "at least 1"),
        ({"K_px": torch.eye(2)}, r"K_px must have shape \[3, 3\]"),
        ({"K_px": torch.tensor([[1.0, 0.2, 0], [0, 1, 0], [0, 0, 1]])}, "no skew"),
        ({"K_px": torch.zeros(3, 3)}, "positive focal"),
        ({"camera_from_world": torch.eye(3)}, "camera_from_world"),
        ({"backend": "magic"}, f"auto or one of {', '.join(SPLAT_BACKENDS.names)}"),
        ({"near_z": 0.0}, "near_z"),
    ],
)
def test_wrong_arguments_are_named(change, words):
    arguments = {"camera_from_world": torch.eye(4), "K_px": PINHOLE, "height": 8, "width": 8, **change}
    with pytest.raises(InvalidInput, match=words):
        render_gaussians(cloud(3), **arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine could run gsplat")
def test_gsplat_says_why_it_cannot_run_and_is_not_replaced():
    with pytest.raises(BackendUnavailable, match="gsplat: needs a CUDA device"):
        render_gaussians(cloud(3), torch.eye(4), PINHOLE, 8, 8, backend="gsplat")


@pytest.mark.gpu
@pytest.mark.parametrize("backend", [name for name in SPLAT_BACKENDS.names if name not in CPU_BACKENDS])
def test_backends_of_cards_match_twin(backend):
    if (reason := SPLAT_BACKENDS.unavailable_reason(backend)) is not None:
        pytest.skip(f"{backend}: {reason}")
    gaussians = cloud(500, 8, size_px=1.5)
    expected, leaves_twin = draw("torch", gaussians)
    actual, leaves = draw(backend, gaussians)
    for got, want in zip(actual, expected, strict=True):
        assert ((got - want).abs() > 1e-3).float().mean() < 0.01
    sum(p.sum() for p in actual).backward()
    sum(p.sum() for p in expected).backward()
    for got, want in zip(leaves, leaves_twin, strict=True):
        assert (got.grad - want.grad).norm() < 0.01 * want.grad.norm()


def test_float64_goes_to_the_twin():
    frame = render_gaussians(
        Gaussians(*(t.double() for t in cloud(5).tensors())), torch.eye(4), PINHOLE, 8, 8
    )
    assert frame.backend == "torch"
    assert frame.rgb.dtype == torch.float64
