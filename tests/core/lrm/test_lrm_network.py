"""Every piece of the network against the slow twin from the fact sheet, at T = 9, latent 3 x 8 x 16."""

import math
from dataclasses import replace

import numpy as np
import oracle_lrm as oracle
import pytest
import torch
from tiny_lrm import published_shapes, tiny_latents, tiny_state, turning_path

from matrix3d_core.errors import InvalidInput
from matrix3d_core.lrm.config import LRMConfig, config_from_shapes
from matrix3d_core.lrm.network import LatentLRM
from matrix3d_core.lrm.rays import network_poses, perspective_pluecker, ray_source
from matrix3d_core.lrm.weights import build_lrm, sort_weights

# Of the largest value. float32 sums of at most a few thousand terms (eps 6e-8 each, growing with the square
# root) through eight layers and ten convolutions. Worst seen: 1.4e-6, of the whole pass.
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def state():
    return tiny_state()


@pytest.fixture(scope="module")
def model(state):
    return build_lrm(sort_weights(state, "tiny"))


@pytest.fixture(scope="module")
def params(state):
    return {name: tensor.double().numpy() for name, tensor in state.items()}


@pytest.fixture(scope="module")
def rays():
    path = turning_path()
    return ray_source(path, LRMConfig(), 64, 128)(0, 9)


def close(actual, expected, tolerance=TOLERANCE):
    expected = torch.as_tensor(np.asarray(expected))
    assert actual.shape == expected.shape
    scale = max(1.0, float(expected.abs().max()))
    assert float((actual.double() - expected).abs().max()) < tolerance * scale


def test_names_and_shapes_are_the_published_ones():
    model = LatentLRM(published=True, device="meta")
    assert {name: list(t.shape) for name, t in model.state_dict().items()} == published_shapes()
    assert sum(p.numel() for p in model.parameters()) == 449_625_728
    assert config_from_shapes(published_shapes()) == LRMConfig()


def test_second_names_are_the_same_tensors():
    scratch = LatentLRM(tiny_config(), published=True).dpt_head_gs.dpt.scratch
    for index in range(4):
        assert scratch.layer_rn[index].weight is getattr(scratch, f"layer{index + 1}_rn").weight


def test_the_slim_network_lacks_only_what_is_never_used():
    full = set(LatentLRM(published=True, device="meta").state_dict())
    slim = set(LatentLRM(device="meta").state_dict())
    unused = {name for name in full - slim if ".layer_rn." not in name}
    assert slim < full
    assert {n.split(".")[0] for n in unused if "refinenet4.resConfUnit1" not in n} == {
        "encoder_layer",
        "camera_layer_norm",
    }


def tiny_config():
    return config_from_shapes({name: t.shape for name, t in tiny_state().items()})


def test_latent_tokens_run_through_time_then_rows_then_columns(model, params):
    latents = tiny_latents()
    close(model.embed_latents(latents)[0], oracle.latent_tokens(params, latents[0].double().numpy()))


def test_pose_tokens_see_frames_4t_minus_2_to_4t_plus_1(model, params, rays):
    got = model.embed_rays(lambda a, b: rays[:, a:b], 9)
    close(got[0], oracle.pose_tokens(params, rays[0].double().numpy()))


def test_a_frame_only_reaches_the_window_it_lies_in(model, rays):
    """Windows of 81 frames: 21 of them, frame f in window (f + 2) // 4."""
    before = model.embed_rays(lambda a, b: rays[:, a:b], 9).unflatten(1, (3, -1))
    for frame in range(9):
        changed = rays.clone()
        changed[:, frame] += 1
        after = model.embed_rays(lambda a, b, c=changed: c[:, a:b], 9).unflatten(1, (3, -1))
        touched = (after - before).abs().amax((0, 2, 3)) > 0
        assert touched.nonzero().flatten().tolist() == ([(frame + 2) // 4] if (frame + 2) // 4 < 3 else [])


def test_tokens_are_joined_latent_first(model, params):
    rng = torch.Generator().manual_seed(2)
    a, b = (torch.randn(1, 7, 32, generator=rng) for _ in range(2))
    close(model.join(a, b)[0], oracle.fuse_tokens(params, a[0].double().numpy(), b[0].double().numpy()))


def test_layers_add_then_normalize(model, params):
    x = torch.randn(1, 50, 32, generator=torch.Generator().manual_seed(3))
    for room in ("transformer", "transformer_gs"):
        expected = x[0].double().numpy()
        for index, got in enumerate(model.run_layers(x, room)):
            expected = oracle.layer(params, f"{room}.layers.{index}", expected)
            close(got[0], expected)


@pytest.mark.parametrize("size", [(4, 8), (3, 5)])
def test_heads_fuse_from_coarse_to_fine(model, params, size):
    """Also for odd sizes, where the coarsest map is one too large and is cut."""
    rng = torch.Generator().manual_seed(4)
    maps = [torch.randn(1, 32, *size, generator=rng) for _ in range(4)]
    for head in ("dpt_head", "dpt_head_gs"):
        expected = oracle.dpt_head(params, head, [m[0].double().numpy() for m in maps])
        close(getattr(model, head)(maps)[0], expected)


def test_deconvolution_spreads_latent_frames_over_time(model, params):
    features = torch.randn(1, 3, 10, 2, 4, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        total = model.deconv3d_sh.add(torch.zeros(1, 9, 14, 2, 4), features[:, :2], 0)
        total = model.deconv3d_sh.add(total, features[:, 2:], 2)
    close(total[0], oracle.deconv_time(params["deconv3d_sh.weight"], features[0].double().numpy()))
    torch.testing.assert_close(
        total.transpose(1, 2),
        torch.nn.functional.conv_transpose3d(
            features.transpose(1, 2), model.deconv3d_sh.weight, stride=(4, 1, 1), padding=(2, 0, 0)
        ),
        rtol=0,
        atol=1e-5,
    )


def test_81_frames_are_21_latent_frames():
    config = LRMConfig()
    assert config.frames(21) == 81
    assert [config.latent_frames(n) for n in (1, 4, 5, 9, 81)] == [1, 1, 2, 3, 21]
    assert config.grid(60, 120) == (240, 480)


@pytest.fixture(scope="module")
def expected(params, rays):
    latents = tiny_latents()
    return oracle.run(params, latents[0].double().numpy(), rays[0].double().numpy())


def test_the_whole_pass(model, rays, expected):
    with torch.no_grad():
        depth, attributes = model(tiny_latents(), rays)
    assert depth.shape == (1, 9, 3, 32, 64)
    assert attributes.shape == (1, 9, 14, 32, 64)
    assert float(torch.as_tensor(expected[1]).std()) > 0.1  # the result depends on the input at all
    close(depth[0], expected[0])
    close(attributes[0], expected[1])


@pytest.mark.parametrize("chunk", [1, 2])
def test_chunked_equals_unchunked(model, rays, chunk):
    with torch.no_grad():
        whole = model(tiny_latents(), rays)
        parts = model(tiny_latents(), lambda a, b: rays[:, a:b], chunk=chunk)
    for a, b in zip(whole, parts, strict=True):
        # Another batch size may sum in another order: a few ulp.
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_recording_gradients_changes_nothing(model, rays):
    with torch.no_grad():
        plain = model(tiny_latents(), rays)
    latents = tiny_latents().requires_grad_()
    recorded = model(latents, rays, chunk=2)
    for a, b in zip(plain, recorded, strict=True):
        torch.testing.assert_close(a, b.detach(), rtol=0, atol=1e-5)
    recorded[1].square().mean().backward()
    assert float(latents.grad.abs().amax()) > 0


@pytest.mark.parametrize(("frames", "height", "batch"), [(1, 8, 1), (2, 6, 2), (4, 4, 1)])
def test_sizes_come_from_the_inputs(model, params, frames, height, batch):
    latents = tiny_latents(frames, height, batch)
    count = 4 * (frames - 1) + 1
    rng = torch.Generator().manual_seed(6)
    # Whole ray patches: 16 pixels per token, so rows of tokens may be odd.
    rays = torch.randn(batch, count, 8 * height, 16 * height, 6, generator=rng)
    with torch.no_grad():
        depth, attributes = model(latents, rays, chunk=1)
    assert attributes.shape == (batch, count, 14, 4 * height, 8 * height)
    for item in range(batch):
        slow = oracle.run(params, latents[item].double().numpy(), rays[item].double().numpy())
        close(depth[item], slow[0])
        close(attributes[item], slow[1])


def test_bfloat16_stays_near(model, rays):
    """Stated drift, of the spread of the raw values: median 0.6 % (depth) and 0.9 % (attributes), 99th percentile
    3.4 % and 5.3 %, worst 9 % and 15 %; of the depth itself 0.2 % in the median. float16: a seventh of that.
    """
    with torch.no_grad():
        exact = model(tiny_latents(), rays)
        rough = model(tiny_latents().bfloat16(), rays)
    for a, b in zip(exact, rough, strict=True):
        assert b.dtype == torch.float32
        drift = ((a - b).abs() / a.std()).flatten().kthvalue(int(0.99 * a.numel())).values
        median = ((a - b).abs() / a.std()).median()
        assert float(median) < 0.02
        assert float(drift) < 0.1


def test_wrong_shapes_are_refused(model, rays):
    for latents, says in (
        (
            torch.zeros(1, 48, 3, 8, 16),
            r"latents must have shape \[B, 16, t, h, w\]; got \[1, 48, 3, 8, 16\]",
        ),
        (torch.zeros(1, 16, 3, 7, 14), "multiples of 2; got 3 frames of 14x7"),
    ):
        with pytest.raises(InvalidInput, match=says):
            model(latents, rays)
    with pytest.raises(InvalidInput, match=r"rays must have shape \[1, 9, 64, 128, 6\]"):
        model(tiny_latents(), rays[:, :8])


# Rays -------------------------------------------------------------------------------------------------


def test_rays_are_upstreams_relative_to_a_turned_first_camera():
    path = turning_path()
    got = ray_source(path, LRMConfig(), 8, 16)(0, 9)[0]
    c2w = path.world_from_camera
    relative = torch.linalg.inv(c2w[0]) @ c2w
    close(got, oracle.upstream_rays(relative.numpy(), 8, 16))


def test_an_unturned_first_camera_keeps_its_place():
    path = turning_path(first_yaw=0.0)
    got = ray_source(path, LRMConfig(), 8, 16)(0, 9)[0]
    close(got, oracle.upstream_rays(path.world_from_camera.numpy(), 8, 16))
    assert torch.equal(network_poses(path), path.camera_from_world)
    first = network_poses(path, "first frame")
    torch.testing.assert_close(first[0], torch.eye(4, dtype=torch.float64))
    with pytest.raises(InvalidInput, match="rule must be one of upstream, first frame, none"):
        network_poses(path, "last")


def test_perspective_rays_from_the_definition():
    path = turning_path(2)
    K = torch.tensor([[20.0, 0, 15], [0, 22, 9], [0, 0, 1]], dtype=torch.float64).repeat(2, 1, 1)
    given = replace(path, K_px=K, image_size_px=(18, 32))
    got = perspective_pluecker(path.camera_from_world, [given.camera(t, (9, 16)) for t in range(2)])
    for t in range(2):
        c2w = path.world_from_camera[t].numpy()
        for row in (0, 4, 8):
            for column in (0, 7, 15):
                x, y = 2 * (column + 0.5), 2 * (row + 0.5)  # in the pixels that K speaks of
                d = np.linalg.inv(K[t].numpy()) @ [x, y, 1]
                d = c2w[:3, :3] @ (d / math.sqrt(d @ d))
                close(got[t, row, column], [*np.cross(c2w[:3, 3], d), *d], 1e-6)


def test_a_perspective_model_needs_intrinsics():
    with pytest.raises(InvalidInput, match="trajectory must have intrinsics"):
        ray_source(turning_path(), LRMConfig(camera="perspective"), 8, 16)
