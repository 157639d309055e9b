"""A path of several segments with a stand-in for the model."""

import pytest
import torch

from matrix3d_core.diffusion.conditioning import GuidanceClip
from matrix3d_core.errors import InvalidInput
from matrix3d_core.video.path import sample_path
from matrix3d_core.video.segments import plan_segments

HEIGHT, WIDTH = 8, 16


def brightening(count):
    """Guidance whose frame t has level t, and nothing given."""
    level = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1)
    return GuidanceClip(level.expand(-1, HEIGHT, WIDTH, 3).clone(), torch.zeros(count, HEIGHT, WIDTH).byte())


class Copier:
    """A model that makes exactly the guidance: latents hold each fourth frame, decoding interpolates."""

    def __init__(self):
        self.parts = []

    def generate(self, part, index):
        assert index == len(self.parts)
        self.parts.append(part)
        return part.frames[::4, :1, :1, 0].float().view(1, 1, -1, 1, 1) / 255

    def decode(self, latents):
        values = latents.view(1, 1, -1)
        frames = torch.nn.functional.interpolate(
            values, size=4 * values.shape[-1] - 3, mode="linear", align_corners=True
        )
        return frames.view(-1, 1, 1, 1).expand(-1, HEIGHT, WIDTH, 3).clone()


@pytest.mark.parametrize("count", [9, 21, 41])
def test_a_model_that_copies_gives_the_guidance_back(count):
    model, clip = Copier(), brightening(count)
    plan = plan_segments(count, 13, 5)
    video = sample_path(clip, plan, model.generate, model.decode)
    # Carried frames go through 8 bits, which these levels survive.
    expected = torch.arange(count) / 255
    torch.testing.assert_close(video.frames[:, 0, 0, 0], expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(video.latents.flatten(), expected[::4], rtol=0, atol=1e-6)
    assert len(video.seams) == len(plan) - 1
    assert all(seam.disagreement < 1e-5 and abs(seam.step_ratio - 1) < 0.01 for seam in video.seams)


def test_the_next_segment_is_given_the_last_frames_of_the_one_before():
    model, clip = Copier(), brightening(21)
    model.decode = lambda latents: torch.full((4 * latents.shape[2] - 3, HEIGHT, WIDTH, 3), 0.5)
    sample_path(clip, plan_segments(21, 13, 5), model.generate, model.decode)
    second = model.parts[1]
    assert (second.mask[:5] == 255).all()
    assert (second.mask[5:] == 0).all()
    assert (second.frames[:5] == 128).all()
    assert torch.equal(second.frames[5:], clip.frames[13:])
    assert (clip.mask == 0).all()  # the whole path's guidance is not written to


def test_better_guidance_is_asked_for_from_the_second_segment_on():
    model, clip = Copier(), brightening(21)
    asked = []

    def better(part, segment, known):
        asked.append((segment.start, known.shape[0], len(part)))
        return GuidanceClip(part.frames, torch.full_like(part.mask, 77))

    sample_path(clip, plan_segments(21, 13, 5), model.generate, model.decode, continue_guidance=better)
    assert asked == [(8, 5, 13)]
    assert (model.parts[1].mask[5:] == 77).all()
    assert (model.parts[0].mask == 0).all()


def test_nan_from_the_model_is_refused_at_once():
    with pytest.raises(InvalidInput, match="finite latents; 1 of 3"):
        sample_path(
            brightening(9),
            plan_segments(9),
            lambda part, index: torch.tensor([0.0, torch.nan, 1.0]).view(1, 1, 3, 1, 1),
            None,
        )


def test_a_plan_for_another_path_is_refused():
    with pytest.raises(InvalidInput, match="must end with the clip, at 9 frames"):
        sample_path(brightening(9), plan_segments(13), None, None)
