"""The small VAEs: rescaled latents, the loss by hand, crops, a first and a resumed run."""

import pytest
import torch
from safetensors.torch import load_file
from training_clips import ball_room

from matrix3d_core.errors import InvalidInput
from matrix3d_core.minis.networks import make_video_vae
from matrix3d_core.training.linear_start import polynomials, start_linear
from matrix3d_core.training.loop import LoopConfig, RunOptions
from matrix3d_core.training.video_vae import (
    VAETraining,
    _draw_crop,
    _in_two_dimensions,
    encode_latents,
    fit_statistics,
    picture_loss,
    train_video_vae,
)

pytest.importorskip("accelerate", reason="needs accelerate (extra 'generate')")

STILLS = LoopConfig(steps=2, batch=2, lr=1e-4)
TINY = {"crop_frames": 5, "crop_px": 32, "precision": "fp32"}


def clips(count=3, frames=9, height=64):
    return [(ball_room(frames, height, shift=0.5 * n)[0] * 255).round().to(torch.uint8) for n in range(count)]


def test_latents_get_wans_statistics_and_pictures_stay():
    torch.manual_seed(0)
    vae = make_video_vae(8).train(False)
    shown = [clip[:5, :, :64].float() / 255 for clip in clips()]
    with torch.no_grad():
        before = [
            vae.decode(vae.encode((c * 2 - 1).movedim(-1, 0)[None]).latent_dist.mode()).sample for c in shown
        ]
        fit_statistics(vae, shown)
        latents = torch.cat([encode_latents(vae, clip).flatten(1) for clip in shown], 1)
        torch.testing.assert_close(latents.mean(1), torch.zeros(16), rtol=0, atol=1e-3)
        torch.testing.assert_close(latents.std(1), torch.ones(16), rtol=1e-3, atol=0)
        posterior = vae.encode((shown[0] * 2 - 1).movedim(-1, 0)[None]).latent_dist
        assert float(posterior.std.max()) < 1e-5
        for clip, wanted in zip(shown, before, strict=True):
            again = vae.decode(vae.encode((clip * 2 - 1).movedim(-1, 0)[None]).latent_dist.mode()).sample
            torch.testing.assert_close(again, wanted, rtol=1e-3, atol=1e-4)


def linear_vae(width=12):
    torch.manual_seed(0)
    vae = make_video_vae(width).train(False)
    start_linear(vae)
    return vae


@torch.no_grad()
def test_a_vae_starts_with_polynomials_of_blocks():
    """Worked out from the picture alone: a plane's slope is in latents 3 and 4, its mean in the first three."""
    vae = linear_vae()
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    gray = torch.stack(((columns - 31.5) / 80, (rows - 31.5) / 80))  # rises to the right, and downward
    latents = [vae.encode(g.expand(1, 3, 1, 64, 64)).latent_dist.mode()[0, :, 0] for g in gray]
    inner = (slice(None), slice(2, 6), slice(2, 6))
    for latent, slope, other, axis in zip(latents, (3, 4), (4, 3), (2, 1), strict=True):
        mean = latent[inner][0]
        steps = mean.diff(dim=axis - 1)
        assert bool((steps > 0).all()) or bool((steps < 0).all()), "the mean follows the plane"
        assert float(latent[inner][slope].abs().min()) > 10 * float(latent[inner][other].abs().max())
        assert float(latent[inner][[1, 2]].abs().max()) < 0.02 * float(mean.abs().max()), "gray has no chroma"
    block = polynomials(3).flatten(1)
    torch.testing.assert_close(block @ block.T, torch.eye(16), rtol=0, atol=1e-4)


@torch.no_grad()
def test_a_vae_starts_with_the_last_frame_of_each_latent():
    vae, frames = linear_vae(), torch.rand(1, 3, 9, 32, 32) * 2 - 1
    latents = vae.encode(frames).latent_dist.mode()
    still = [vae.encode(frames[:, :, t : t + 1]).latent_dist.mode() for t in (0, 4, 8)]
    torch.testing.assert_close(latents, torch.cat(still, 2), rtol=1e-4, atol=1e-5)
    made = vae._decode(latents)[0]
    shown = [vae._decode(latent)[0][:, :, 0] for latent in still]
    for t in range(9):
        torch.testing.assert_close(made[:, :, t], shown[(t + 3) // 4], rtol=1e-4, atol=1e-5)


def test_stills_are_computed_in_two_dimensions():
    vae, still = linear_vae(), torch.rand(2, 3, 1, 32, 32) * 2 - 1
    with torch.no_grad():
        for weight in vae.parameters():
            weight += 0.02 * torch.randn_like(weight)
    wanted = vae._decode(vae.encode(still).latent_dist.mode())[0]
    with _in_two_dimensions(vae):
        found = vae._decode(vae.encode(still).latent_dist.mode())[0]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    again = vae._decode(vae.encode(still).latent_dist.mode())[0]
    torch.testing.assert_close(again, wanted, rtol=0, atol=0)


def test_the_loss_by_hand():
    wanted = torch.zeros(1, 3, 16, 16)
    made = torch.zeros(1, 3, 16, 16)
    made[:, :, :, 8:] = 0.5  # half of the pixels off, one edge that should not be there
    config = VAETraining(ssim_weight=0.0, edge_weight=2.0)
    assert float(picture_loss(made, wanted, config)) == pytest.approx(0.25 + 2 * (0.5 / 15) / 2)
    assert float(picture_loss(wanted, wanted, VAETraining())) == pytest.approx(0, abs=1e-6)
    assert float(picture_loss(made, wanted, VAETraining(ssim_weight=1.0))) > 0.3


def test_crops_are_parts_of_clips():
    (clip,) = clips(1)
    config = VAETraining(**TINY, holes=0.0)
    steps = set()
    for seed in range(40):
        crop = _draw_crop([clip], config, 5, torch.Generator().manual_seed(seed))
        assert crop.pixels.shape == (3, 5, 32, 32)
        assert crop.noise.shape == (16, 2, 4, 4)
        pixels = ((crop.pixels + 1) * 127.5).round().to(torch.uint8).movedim(0, -1)
        for flipped in (pixels, pixels.flip(2), pixels.flip(0), pixels.flip(0, 2)):
            found = _find(clip, flipped)
            if found is not None:
                steps.add(found)
                break
        else:
            raise AssertionError(f"crop {seed} is no part of the clip")
    assert steps == {1, 2}


def test_some_crops_have_black_holes():
    (clip,) = clips(1)
    clip = clip.clamp_min(3)  # nothing else is black
    shares = []
    for seed in range(40):
        config = VAETraining(**TINY | {"holes": 0.5})
        pixels = _draw_crop([clip], config, 5, torch.Generator().manual_seed(seed)).pixels
        black = (pixels == -1).all(0)
        shares.append(float(black.float().mean()))
        assert torch.equal(black, (pixels == -1).any(0))
    holed = [share for share in shares if share]
    assert 10 < len(holed) < 30
    assert 0.02 < sum(holed) / len(holed) < 0.7


def _find(clip, pixels):
    """Return the step between frames at which a crop lies in a clip, or None."""
    wide = torch.cat((clip, clip[:, :, :32]), 2)
    for stride in (1, 2):
        for first in range(len(clip) - 4 * stride):
            windows = wide[first].unfold(0, 32, 1).unfold(1, 32, 1)[:, :128]  # [33, 128, 3, 32, 32]
            same = (windows == pixels[0].movedim(-1, 0)).flatten(2).all(-1).nonzero()
            for top, left in same.tolist():
                last = wide[first + 4 * stride, top : top + 32, left : left + 32]
                if torch.equal(last, pixels[4]):
                    return stride
    return None


def test_a_vae_learns_and_resumes(tmp_path):
    def config(steps):
        return VAETraining(
            width=12, **TINY, stills=STILLS, loop=LoopConfig(steps=steps, lr=5e-4, validate_every=10)
        )

    data = clips()
    whole = train_video_vae(data, tmp_path / "whole", config(12), shown=data[:2])
    assert [path.name for path in whole.files] == ["video_vae.safetensors", "vae"]
    assert sum(whole.losses[-3:]) < 0.9 * sum(whole.losses[:3])
    assert (tmp_path / "whole" / "validation-10.png").is_file()
    train_video_vae(data, tmp_path / "cut", config(5))
    train_video_vae(data, tmp_path / "cut", config(12), RunOptions(resume=True))
    a, b = (load_file(tmp_path / name / "video_vae.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert a["encoder.conv1.weight"].dtype == torch.float16


def test_bad_input(tmp_path):
    with pytest.raises(InvalidInput, match="at least one clip; got none"):
        train_video_vae([], tmp_path)
    with pytest.raises(InvalidInput, match=r"at least 9 of 80 rows; clip 0 is torch\.uint8"):
        train_video_vae(clips(1, 9, 64), tmp_path)
    for settings in ({"crop_frames": 4}, {"width": 8}, {"crop_px": 30}, {"precision": "x"}):
        with pytest.raises(InvalidInput, match=next(iter(settings))):
            VAETraining(**settings)
