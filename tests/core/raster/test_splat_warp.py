"""The warp backend on warp's CPU device: the kernels that run on CUDA, against the twin."""

from __future__ import annotations

import pytest
import torch
from oracles_splat import PINHOLE, SIZE, cloud, draw_with, turned_camera

from matrix3d_core.raster.splat import SPLAT_BACKENDS
from matrix3d_core.scene.gaussians import Gaussians

warp = pytest.importorskip("warp", reason="the warp-lang package is not installed")

PANO = (32, 64)
NAMES = ("means", "quats", "scales", "opacities", "colors", "pose")


@pytest.fixture(scope="module")
def render():
    from matrix3d_core.raster.splat_warp import open_warp

    return open_warp("cpu")


def around(count: int) -> Gaussians:
    """Gaussians in all directions, at poles and border too."""
    rng = torch.Generator().manual_seed(7)
    plain = cloud(count, 7)
    means = torch.randn(count, 3, generator=rng)
    means[:3] = torch.tensor([[0, -2.0, 0.02], [0.03, 1.5, 0], [0.01, 0.1, -2]])
    scales = 0.12 * means.norm(dim=-1, keepdim=True) * torch.exp(0.5 * torch.randn(count, 3, generator=rng))
    return Gaussians.from_colors(means, plain.quats_wxyz, scales, plain.opacities, plain.colors)


def run(backend, gaussians, dtype, *, K_px, size, antialiased, pose=None):
    leaves = [t.to(dtype).clone().requires_grad_() for t in (*gaussians.tensors()[:4], gaussians.colors)]
    pose = (turned_camera() if pose is None else pose).clone().requires_grad_()
    *pictures, index = draw_with(backend, leaves, pose, K_px, *size, antialiased=antialiased, median=True)
    rng = torch.Generator().manual_seed(3)
    sum((torch.randn(p.shape, generator=rng).to(p) * p).sum() for p in pictures).backward()
    gradients = [torch.zeros_like(t) if t.grad is None else t.grad for t in (*leaves, pose)]
    return [p.detach().double() for p in pictures], index, [g.double() for g in gradients]


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("camera", ["pinhole", "panorama"])
def test_pictures_and_gradients_match_the_twin(render, camera, antialiased):
    options = {"K_px": PINHOLE, "size": SIZE} if camera == "pinhole" else {"K_px": None, "size": PANO}
    gaussians = cloud(600, 1, size_px=1.5) if camera == "pinhole" else around(400)
    twin = SPLAT_BACKENDS.load("torch")[1]
    got, index, gradients = run(render, gaussians, torch.float32, antialiased=antialiased, **options)
    want, expected_index, expected = run(twin, gaussians, torch.float64, antialiased=antialiased, **options)
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
    assert torch.equal(index.long(), expected_index)
    for name, a, b in zip(NAMES, gradients, expected, strict=True):
        assert b.norm() > 0, name
        assert (a - b).norm() <= 1e-4 * b.norm(), name


def test_the_same_bits_on_every_run_on_the_cpu(render):
    gaussians = cloud(500, 2)
    runs = [
        run(render, gaussians, torch.float32, K_px=PINHOLE, size=SIZE, antialiased=False) for _ in range(2)
    ]
    for a, b in zip([*runs[0][0], *runs[0][2]], [*runs[1][0], *runs[1][2]], strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("K_px", [PINHOLE, None])
def test_nothing_points_needles_and_giants(render, K_px):
    size = SIZE if K_px is not None else PANO
    none = cloud(5).select(torch.zeros(5, dtype=torch.bool))
    means = torch.tensor(
        [[0.0, 0, 0], [0.02, 0, 0.02], [0, 0, 2], [0.1, 0, 2], [0, 0, 5], [50, 0, 1], [0, 0, -2]]
    )
    scales = torch.full((7, 3), 0.1)
    scales[2:5] = torch.tensor([[0.0, 0, 0], [3, 1e-6, 1e-6], [60, 60, 60]])
    quats = torch.nn.functional.normalize(
        torch.randn(7, 4, generator=torch.Generator().manual_seed(0)), dim=-1
    )
    odd = Gaussians.from_colors(means, quats, scales, torch.full((7,), 0.9), torch.ones(7, 3))
    for gaussians in (none, odd):
        for antialiased in (False, True):
            pictures, _, gradients = run(
                render,
                gaussians,
                torch.float32,
                K_px=K_px,
                size=size,
                antialiased=antialiased,
                pose=torch.eye(4, dtype=torch.float64),
            )
            assert all(torch.isfinite(p).all() for p in pictures)
            assert all(torch.isfinite(g).all() for g in gradients)
            assert bool(pictures[1].any()) == (len(gaussians) > 0)


def test_the_kernels_compile_for_cuda(tmp_path):
    """NVRTC, which comes with the package, needs no GPU: syntax and intrinsics of the CUDA side."""
    from matrix3d_core.raster import splat_warp_kernels

    if not hasattr(warp, "compile_aot_module"):
        pytest.skip("this release of warp cannot compile ahead of time")
    warp.compile_aot_module(splat_warp_kernels, arch=75, module_dir=str(tmp_path), use_ptx=True)
    found = [p.read_text(errors="replace") for p in tmp_path.iterdir() if p.suffix == ".ptx"]
    assert len(found) == 1
    for kernel in ("project", "emit", "composite", "composite_backward", "project_backward"):
        assert f"{kernel}_" in found[0]
    assert "shfl.sync.down" in found[0]


@pytest.mark.gpu
@pytest.mark.skipif(
    SPLAT_BACKENDS.unavailable_reason("warp") is not None, reason="warp cannot run on CUDA here"
)
def test_cuda_matches_the_cpu_device(render):
    from matrix3d_core.raster.splat_warp import open_warp

    gaussians = cloud(600, 1, size_px=1.5)
    options = {"K_px": PINHOLE, "size": SIZE, "antialiased": True}
    want, _, expected = run(render, gaussians, torch.float32, **options)
    got, _, gradients = run(open_warp("cuda"), gaussians, torch.float32, **options)
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    for name, a, b in zip(NAMES, gradients, expected, strict=True):
        assert (a - b).norm() <= 1e-3 * b.norm(), name
