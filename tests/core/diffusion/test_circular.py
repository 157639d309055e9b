"""Encode and decode as a ring: tiles, margins, wrapped convolutions, upstream's blend."""

import math

import numpy as np
import oracle_video
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from matrix3d_core.diffusion.circular import (
    check_video_length,
    circular_decode,
    circular_encode,
    ring_plan,
    strip_plan,
    upstream_row_tiles,
)
from matrix3d_core.diffusion.circular_convs import (
    BorderLost,
    circular_convs,
    resolve_seam_mode,
    why_not_circular,
)
from matrix3d_core.errors import InvalidInput

REACH = 4  # latent columns that the decoder below looks to either side: 2 + 1/2 + 2/2 = 3.5
EPS = float(torch.finfo(torch.float32).eps)


class Half(nn.Module):
    """Zeros on the right and at the bottom, then stride 2, as autoencoders do it."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x):
        return self.conv(nn.functional.pad(x, (0, 1, 0, 1)))


def decoder(norm=False, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.Tanh(),
        nn.GroupNorm(2, 8) if norm else nn.Identity(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Tanh(),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Tanh(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Tanh(),
        nn.Conv2d(8, 3, 3, padding=1),
    ).requires_grad_(False)


def encoder(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.Tanh(), Half(8), nn.Conv2d(8, 4, 3, padding=1)
    ).requires_grad_(False)


def as_decode(network):
    return lambda latent: network(latent).movedim(1, -1)


def as_encode(network):
    return lambda image: network(image.movedim(-1, 1))


def slow_ring(network, x, reach):
    """The truth: the picture three times in a row, and the middle one of what comes out."""
    wide = network(torch.cat((x, x, x), -1))
    third = wide.shape[-1] // 3
    assert x.shape[-1] >= reach
    return wide[..., third : 2 * third]


# Sums of at most 8 * 9 products of values around 1 through 5 layers, in another order; worst seen 0.05 of it.
CLOSE = {"rtol": 0, "atol": 5 * 72 * EPS}


@pytest.mark.parametrize(
    "options",
    [
        {"margin": REACH},
        {"margin": 40},  # more than once around
        {"tile_height": 13, "margin": REACH, "overlap": 0},
        {"tile_width": 30, "overlap": 3 * REACH},
        {"tile_width": 27, "tile_height": 25, "overlap": 3 * REACH},
    ],
)
def test_padding_and_tiles_give_the_ring(options):
    torch.manual_seed(1)
    height = 36 if options.get("overlap") else 12
    latent, network = torch.randn(2, 3, height, 60 if height == 36 else 20), decoder()
    expected = slow_ring(network, latent, REACH).movedim(1, -1)
    torch.testing.assert_close(circular_decode(as_decode(network), latent, **options), expected, **CLOSE)


def test_too_small_an_overlap_is_seen():
    """The outer third of an overlap must be as wide as the reach; 2 columns less are not enough."""
    torch.manual_seed(1)
    latent, network = torch.randn(1, 3, 8, 60), decoder()
    expected = slow_ring(network, latent, REACH).movedim(1, -1)
    tiled = circular_decode(as_decode(network), latent, tile_width=26, overlap=4)
    assert float((tiled - expected).abs().max()) > 1e-3


@pytest.mark.parametrize("options", [{"margin_px": 8}, {"tile_width_px": 40, "overlap_px": 18}])
def test_encoding_gives_the_ring(options):
    """The encoder looks 1 + 2 + 2 = 5 pixels to the right; a third of 18 is more."""
    torch.manual_seed(2)
    pixels, network = torch.rand(3, 20, 80, 3), encoder()
    expected = slow_ring(network, pixels.movedim(-1, 1), 8)
    actual = circular_encode(as_encode(network), pixels, scale=2, **options)
    torch.testing.assert_close(actual, expected, **CLOSE)


def test_wrapped_convolutions_give_the_ring_and_leave_no_trace():
    torch.manual_seed(3)
    latent = torch.randn(1, 3, 12, 20)
    for network, x in ((decoder(), latent), (encoder(), torch.rand(1, 3, 20, 80))):
        plain = network(x)
        before = {name: dict(vars(module)) for name, module in network.named_modules()}
        with circular_convs(network):
            actual = network(x)
            assert (actual - plain).abs().max() > 0.01
        torch.testing.assert_close(actual, slow_ring(network, x, REACH), **CLOSE)
        assert torch.equal(network(x), plain)
        assert {name: dict(vars(module)) for name, module in network.named_modules()} == before
        with pytest.raises(KeyError), circular_convs(network):
            raise KeyError
        assert torch.equal(network(x), plain)


def test_wrapped_convolutions_commute_with_turns_in_spite_of_normalization():
    torch.manual_seed(4)
    latent, network = torch.randn(1, 3, 12, 20), decoder(norm=True)

    def run(x):
        with circular_convs(network):
            return circular_decode(as_decode(network), x, margin=0)

    def padded(x):
        return circular_decode(as_decode(network), x, margin=REACH)

    turned = torch.roll(latent, -7, -1)
    error = (run(turned) - torch.roll(run(latent), -14, -2)).abs().max()
    assert float(error) < 1e-5  # statistics are sums over the same values in another order
    assert float((padded(turned) - torch.roll(padded(latent), -14, -2)).abs().max()) > 1e-4


def test_wrapped_convolutions_in_bands_commute_with_turns():
    torch.manual_seed(5)
    latent, network = torch.randn(1, 3, 40, 20), decoder(norm=True)
    with circular_convs(network):
        first = circular_decode(as_decode(network), latent, margin=0, tile_height=20, overlap=6)
        second = circular_decode(
            as_decode(network), torch.roll(latent, 3, -1), margin=0, tile_height=20, overlap=6
        )
    torch.testing.assert_close(second, torch.roll(first, 6, -2), rtol=0, atol=1e-5)


def test_wrapped_convolutions_of_videos_with_a_padding_list():
    class Causal(nn.Conv3d):
        """Pads by itself from a list, as causal video convolutions in diffusers do."""

        def __init__(self, *args):
            super().__init__(*args, padding=(1, 1, 1))
            self._padding, self.padding = (1, 1, 1, 1, 2, 0), (0, 0, 0)

        def forward(self, x):
            return super().forward(nn.functional.pad(x, self._padding))

    torch.manual_seed(6)
    network = nn.Sequential(Causal(3, 4, 3), nn.Tanh(), Causal(4, 3, 3)).requires_grad_(False)
    x = torch.randn(1, 3, 4, 6, 10)
    with circular_convs(network):
        actual = network(x)
    torch.testing.assert_close(actual, slow_ring(network, x, 2), **CLOSE)
    assert network[0]._padding == (1, 1, 1, 1, 2, 0)


def test_tiles_are_refused_while_convolutions_wrap():
    network = decoder()
    with circular_convs(network):
        network(torch.zeros(1, 3, 8, 16))
        with pytest.raises(BorderLost, match="got 8 columns after 16"):
            network(torch.zeros(1, 3, 8, 8))
    network(torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (nn.Linear(2, 2), "no convolutions with a width above 1"),
        (nn.Sequential(nn.Conv2d(1, 1, 3)), "layer 0 has kernel 3, stride 1 and padding 0"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, padding=2, dilation=2)), "unknown padding or dilation"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")), "unknown padding or dilation"),
    ],
)
def test_unknown_convolutions_are_refused(network, says):
    assert says in why_not_circular(network)
    with pytest.raises(InvalidInput, match="cannot wrap around in width"), circular_convs(network):
        pass
    assert resolve_seam_mode("auto", network, 0) == "padded"
    with pytest.raises(InvalidInput, match=f"seam_mode circular must.*{says}"):
        resolve_seam_mode("circular", network, 0)


def test_border_is_exact_where_it_can_be():
    assert (
        resolve_seam_mode("auto", decoder(), 0) == resolve_seam_mode("circular", decoder(), 0) == "circular"
    )
    assert resolve_seam_mode("auto", decoder(), 64) == "padded"
    assert resolve_seam_mode("none", decoder(), 0) == "none"
    with pytest.raises(InvalidInput, match="needs the whole width, but the tile width is 64"):
        resolve_seam_mode("circular", decoder(), 64)


@pytest.mark.parametrize("tile_height", [0, 8, 16, 20])
def test_upstream_blend_is_the_formula(tile_height):
    torch.manual_seed(7)
    latent = torch.randn(2, 3, 16, 20)  # 8: rows 0-7, 6-13, 12-15; 16: 0-15, 12-15; 20: 0-15, 15
    network = nn.Sequential(decoder(), nn.Upsample(scale_factor=4)).requires_grad_(
        False
    )  # 8 pixels per column

    def tiled(x):
        return oracle_video.row_tiled_decode(
            lambda part: as_decode(network)(torch.as_tensor(part)).movedim(-1, 1).numpy(),
            x,
            tile_height or 128,
        )

    expected = oracle_video.blended_decode(tiled, latent.numpy())
    actual = circular_decode(as_decode(network), latent, seam_mode="upstream", tile_height=tile_height)
    # Values of size 8; a blend of rows and one of columns round three times each.
    np.testing.assert_allclose(actual.movedim(-1, 1).numpy(), expected, rtol=0, atol=6 * EPS * 8)


def test_upstreams_tiles_of_rows():
    assert upstream_row_tiles(100) == [(0, 100), (96, 4)]  # 800 pixels
    assert upstream_row_tiles(96) == [(0, 96)]
    assert upstream_row_tiles(200) == [(0, 128), (96, 104), (192, 8)]
    with pytest.raises(InvalidInput, match="at least 2 with upstream's blend; got 1"):
        upstream_row_tiles(16, 1)


def test_video_is_decoded_item_by_item_whole_in_time():
    seen = []

    def decode(latent):
        seen.append(tuple(latent.shape))
        return latent.repeat_interleave(2, -1).repeat_interleave(2, -2).movedim(1, -1)

    latent = torch.randn(2, 3, 5, 8, 24)
    out = circular_decode(decode, latent, tile_width=10, tile_height=5, overlap=2)
    assert set(seen) == {(1, 3, 5, 5, 10)}
    expected = latent.repeat_interleave(2, -1).repeat_interleave(2, -2).movedim(1, -1)
    torch.testing.assert_close(out, expected, rtol=0, atol=8 * EPS)  # weights that sum to 1, rounded

    def encode(frames):
        seen.append(tuple(frames.shape))
        return frames[None, ::4, ::2, ::2].movedim(-1, 1)

    seen.clear()
    back = circular_encode(encode, out[0].repeat(2, 1, 1, 1)[:9], scale=2, margin_px=6, is_video=True)
    assert seen == [(9, 16, 60, 3)]
    assert back.shape == (1, 3, 3, 8, 24)
    for frames in (1, 5, 81):
        check_video_length("images", frames, 4)
    with pytest.raises(InvalidInput, match=r"got 80\. Use 77 or 81 frames"):
        check_video_length("images", 80, 4)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 90), st.integers(0, 60), st.integers(0, 20), st.booleans())
def test_every_place_counts_once(size, tile, overlap, is_ring):
    if 0 < tile < size and tile <= 2 * overlap:
        with pytest.raises(InvalidInput, match="longer than twice its overlap"):
            (ring_plan if is_ring else strip_plan)(size, tile, overlap)
        return
    plan = (ring_plan if is_ring else strip_plan)(size, tile, overlap)
    total = torch.zeros(size)
    for start, weights in zip(plan.starts, plan.weights, strict=True):
        for i in range(plan.length):
            assert is_ring or 0 <= start + i < size
            total[(start + i) % size] += weights[i]
    torch.testing.assert_close(total, torch.ones(size), rtol=0, atol=1e-6)
    if 0 < tile < size:
        following = [*plan.starts[1:], *([plan.starts[0] + size] if is_ring else [])]
        shared = [a + plan.length - b for a, b in zip(plan.starts, following, strict=False)]
        assert min(shared, default=overlap) >= overlap
        edge = math.floor(overlap / 3)  # nothing counts within a third of the overlap of a tile's edge
        inner = plan.weights if is_ring else plan.weights[1:]
        assert float(inner[:, :edge].abs().max() if edge and len(inner) else 0) == 0


def test_progress_counts_tiles_and_can_stop():
    events = []
    latent = torch.zeros(2, 3, 8, 24)
    circular_decode(as_decode(decoder()), latent, tile_width=12, overlap=4, progress=events.append)
    assert [(e.done, e.total) for e in events] == [(i, 6) for i in range(7)]

    def stop(event):
        if event.done == 2:
            raise KeyboardInterrupt

    network = decoder()
    with pytest.raises(KeyboardInterrupt), circular_convs(network):
        circular_decode(as_decode(network), latent, margin=0, progress=stop)
    assert "_conv_forward" not in vars(network[0])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: circular_decode(None, torch.zeros(3, 4, 5)), r"must be \[B, C, h, w\] or"),
        (lambda: circular_decode(None, torch.full((1, 3, 4, 8), torch.nan)), "96 of 96 values are NaN"),
        (lambda: circular_decode(None, torch.zeros(1, 3, 4, 8), seam_mode="mix"), "seam_mode must be one of"),
        (
            lambda: circular_decode(None, torch.zeros(1, 3, 4, 8), seam_mode="upstream", tile_width=5),
            "tile width must be 0",
        ),
        (lambda: circular_encode(None, torch.zeros(1, 15, 32, 3)), "multiples of 8 to be encoded; got 32x15"),
        (lambda: circular_encode(None, torch.zeros(15, 32, 3)), "pixels must be"),
        (lambda: circular_encode(lambda x: x, torch.zeros(1, 16, 32, 3), margin_px=0), "must shrink by 8"),
    ],
)
def test_bad_inputs_are_refused(call, says):
    with pytest.raises(InvalidInput, match=says):
        call()
